"""What falls due by itself, over both wires: once, only when it is due, and never at the same time as somebody else's work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import WrongState
from supabase_db import Database, Json
from tests.builders import MONDAY, at, make_request, make_reservation
from tests.integration.life import Claimed, booked, booking, claim, enqueue, look, planning, write_all

Admin = Connection[tuple[Any, ...]]
TWO = ("09:00", "11:00")
NOTHING = {"interviews": 0, "candidates": 0}


async def two_rounds(db: Database, **changes: Any) -> Claimed:
    """A booked candidate with an introduction from 9 to 10 and a panel from 11 to 12."""
    rounds = [make_reservation(at(time), round=name) for name, time in zip(("intro", "panel"), TWO, strict=True)]
    return await booked(db, rounds, **changes)


async def states(db: Database, claimed: Claimed) -> tuple[str, list[str]]:
    """The status of a candidate, and those of the interviews."""
    match = await look(db, claimed.candidate_id)
    return match["status"], sorted(row["status"] for row in match["interviews"])


async def ask(db: Database, claimed: Claimed, kind: str) -> Json:
    """An open question about a candidate."""
    question = {"kind": kind, "reason": "Why?", "detail": {}, "options": [{"kind": "keep", "text": "Leave it"}]}
    row = (await look(db, claimed.candidate_id))["interviews"][0]
    return await db.ask_once(candidate_id=claimed.candidate_id, interview_id=row["id"], question=question, notices=[])


async def test_an_interview_that_has_ended_is_done_and_then_the_candidate(db: Database) -> None:
    claimed = await two_rounds(db)

    assert await db.finish_interviews(now=at("09:59")) == NOTHING
    assert await db.finish_interviews(now=at("10:00")) == {"interviews": 1, "candidates": 0}
    assert await states(db, claimed) == ("booked", ["booked", "done"])
    assert await db.finish_interviews(now=at("12:00")) == {"interviews": 1, "candidates": 1}
    assert await states(db, claimed) == ("done", ["done", "done"])
    assert await db.finish_interviews(now=at("12:00")) == NOTHING

    rows = (await db.audit_trail(candidate_id=claimed.candidate_id))[-3:]
    assert [(row["action"], row["actor"], row["detail"].get("round")) for row in rows] == [
        ("interview_done", "database", "intro"),
        ("interview_done", "database", "panel"),
        ("done", "database", None),
    ]
    assert (await db.queue_counts())["done"] == 1
    assert len(await db.agenda(start=MONDAY, end=MONDAY + timedelta(days=1))) == 2


async def test_who_is_done_may_come_again_for_the_same_course(db: Database) -> None:
    request = make_request()
    claimed = await booked(db, request=request)
    assert await enqueue(db, request, key="again") == claimed.candidate_id
    await db.finish_interviews(now=at("10:00"))

    assert await enqueue(db, request, key="once more") != claimed.candidate_id


async def test_an_interview_that_somebody_is_asked_about_is_not_done_yet(db: Database) -> None:
    """A person may have moved it to a later time, and an admin has yet to say whether it follows."""
    claimed = await two_rounds(db)
    asked = await ask(db, claimed, "moved:panel")

    assert await db.finish_interviews(now=at("12:00")) == {"interviews": 1, "candidates": 0}
    assert await states(db, claimed) == ("booked", ["booked", "done"])
    await db.resolve_escalation(escalation_id=asked["escalation_id"], actor="telegram:7", resolution="left")

    assert await db.finish_interviews(now=at("12:00")) == {"interviews": 1, "candidates": 1}


async def test_a_candidate_with_an_open_question_is_not_done_yet(db: Database) -> None:
    claimed = await two_rounds(db)
    asked = await ask(db, claimed, "replan")

    assert await db.finish_interviews(now=at("12:00")) == {"interviews": 2, "candidates": 0}
    await db.resolve_escalation(escalation_id=asked["escalation_id"], actor="telegram:7", resolution="left")

    assert await db.finish_interviews(now=at("12:00")) == {"interviews": 0, "candidates": 1}


async def test_a_candidate_without_any_interview_left_has_had_none(db: Database) -> None:
    claimed = await booked(db)
    row = (await look(db, claimed.candidate_id))["interviews"][0]
    question = {"kind": "deleted:intro", "reason": "Deleted.", "detail": {}, "options": []}
    which = {"interview_id": row["id"], "generation": row["generation"], "revision": row["revision"]}
    await db.event_deleted(**which, question=question)
    open_ = (await look(db, claimed.candidate_id))["escalations"][0]
    await db.resolve_escalation(escalation_id=open_["id"], actor="telegram:7", resolution="left out")

    assert await db.finish_interviews(now=at("12:00")) == NOTHING


async def test_nothing_is_done_while_a_worker_is_at_the_candidate(db: Database) -> None:
    claimed = await two_rounds(db)
    await db.ask_replan(candidate_id=claimed.candidate_id, actor="telegram:7")
    again = await claim(db)

    assert await db.finish_interviews(now=at("12:00")) == NOTHING
    await db.stand(**again.names)

    assert await db.finish_interviews(now=at("12:00")) == {"interviews": 2, "candidates": 1}


async def test_times_that_are_only_reserved_are_never_done(db: Database) -> None:
    claimed, _ = await booking(db)
    await db.release(**claimed.names)

    assert await db.finish_interviews(now=at("12:00")) == NOTHING


async def test_a_plan_that_is_wanted_anew_leaves_what_is_over(db: Database) -> None:
    claimed = await two_rounds(db)
    await db.ask_replan(candidate_id=claimed.candidate_id, actor="telegram:7")

    assert await db.finish_interviews(now=at("10:00")) == {"interviews": 1, "candidates": 0}

    again = await claim(db)
    moved = make_reservation(at("15:00"), round="panel")
    rebooked = await db.rebook(**again.names, sop_version="sop-1", interviews=[moved])
    await write_all(db, again, rebooked["writes"])
    await db.settle(**again.names)
    assert await states(db, claimed) == ("booked", ["booked", "done"])


async def test_of_many_the_rest_comes_next_time(db: Database) -> None:
    for hour in range(3):
        await booked(db, [make_reservation(at("09:00") + timedelta(hours=hour))])

    counts = [await db._object("finish_interviews", now=at("18:00"), limit=2) for _ in range(3)]

    assert [one["candidates"] for one in counts] == [2, 1, 0]


async def test_programs_that_look_at_the_same_time_finish_each_once(database: Database, admin: Admin) -> None:
    for hour in range(8):
        await booked(database, [make_reservation(at("09:00") + timedelta(hours=hour))])

    async def look_often() -> None:
        for _ in range(10):
            await database.finish_interviews(now=at("20:00"))

    await asyncio.gather(*(look_often() for _ in range(4)))

    assert (await database.queue_counts())["done"] == 8
    count = "select count(*) from scheduling_audit where action = any(%s)"
    assert admin.execute(count, [["interview_done", "done"]]).fetchone() == (16,)
    assert (await database.verify_audit())["ok"]


async def test_it_waits_for_nobody(database: Database, admin: Admin) -> None:
    claimed, other = await booked(database), await booked(database, [make_reservation(at("15:00"))])
    with admin.transaction():
        admin.execute("select lock_candidate(%s)", [claimed.candidate_id])

        done = await asyncio.wait_for(database.finish_interviews(now=at("18:00")), 5)

    assert done == {"interviews": 1, "candidates": 1}
    assert [(await states(database, one))[0] for one in (claimed, other)] == ["booked", "done"]


@pytest.mark.parametrize("step", ["cancel_candidate", "requeue", "ask_replan"])
async def test_nothing_more_happens_to_who_is_done(db: Database, step: str) -> None:
    claimed = await booked(db)
    await db.finish_interviews(now=at("10:00"))

    with pytest.raises(WrongState, match="is done: cannot"):
        await getattr(db, step)(candidate_id=claimed.candidate_id, actor="telegram:7")


async def test_looking_costs_little_however_many_are_booked(database: Database, admin: Admin) -> None:
    await planning(database)
    plan = admin.execute("explain select * from interviews where status = 'booked' and ends_at <= clock_timestamp()")

    assert "interviews_to_end" in "\n".join(str(row[0]) for row in plan.fetchall())


# The morning, and what is looked at for it ------------------------------------------------------------


async def test_a_duty_that_was_done_is_remembered_with_what_was_told(db: Database) -> None:
    notice = {"key": "digest:1", "channel": "telegram", "recipient": "admins", "kind": "digest"}
    assert await db.duty_done_at(duty="digest") is None

    for time in ("09:00", "08:00"):
        await db.duty_done(duty="digest", now=at(time), notices=[notice])

    assert await db.duty_done_at(duty="digest") == at("09:00")
    assert await db.duty_done_at(duty="other") is None
    assert [row["kind"] for row in await db.claim_notices(channel="telegram")] == ["digest"]


async def test_all_is_well_until_something_is_not(db: Database) -> None:
    now = await db.database_time()
    assert await db.health(since=now, rows=10) == {
        "paused_at": None, "unread": [], "unsent": 0, "audit": {"ok": True, "rows": 0, "broken_at": None, "head": None}
    }  # fmt: skip
    common = {"channel": "telegram", "recipient": "admins", "kind": "calendar"}
    about = ["Asha Rao", "Ben Ortiz", "Asha Rao"]
    notices = [common | {"key": str(n), "payload": {"about": who}} for n, who in enumerate(about)]
    await db.tell(notices=notices)
    first, *_ = await db.claim_notices(channel="telegram")
    await db.notice_failed(notice_id=first["id"], reason="Forbidden")
    await db.pause_lane(lane="main", paused=True, actor="telegram:7")

    found = await db.health(since=now, rows=10)

    assert (found["unread"], found["unsent"], found["audit"]["ok"]) == (["Asha Rao", "Ben Ortiz"], 1, True)
    assert found["paused_at"] > now.isoformat()
    later = await db.health(since=await db.database_time(), rows=10)
    assert (later["unread"], later["unsent"]) == ([], 0)


async def test_the_newest_of_the_audit_are_looked_at_alone(database: Database, admin: Admin) -> None:
    for number in range(10):
        await database.record_audit(action="note", actor="cli", detail={"n": number})
    admin.execute("alter table scheduling_audit disable trigger user")

    async def looks(rows: int) -> tuple[bool, int, int | None]:
        found = (await database.health(since=MONDAY, rows=rows))["audit"]
        return found["ok"], found["rows"], found["broken_at"]

    assert [await looks(rows) for rows in (4, 10, 99)] == [(True, 4, None), (True, 10, None), (True, 10, None)]
    admin.execute("update scheduling_audit set detail = '{}' where id = 7")
    assert [await looks(rows) for rows in (3, 4, 99)] == [(True, 3, None), (False, 4, 7), (False, 10, 7)]
    admin.execute("delete from scheduling_audit where id = 9")
    assert [await looks(rows) for rows in (1, 2, 3)] == [(True, 1, None), (False, 1, 10), (False, 2, 10)]


# What nobody needs any more --------------------------------------------------------------------------------

OLD = """
insert into telegram_updates (update_id, chat_id, user_id, received_at, replied_at)
  select n, 7, 7, now() - age, now() - age
  from (values (1, interval '8 days'), (2, '8 days'), (3, '6 days'), (9, '30 days')) v (n, age);
insert into telegram_updates (update_id, chat_id, user_id, received_at) values (4, 7, 7, now() - interval '8 days');
insert into notices (key, channel, recipient, kind, status, created_at)
  select status || n, 'telegram', 'admins', 'booked', status, now() - n * interval '1 day'
  from unnest(array['pending', 'sent', 'failed', 'void']) status, unnest(array[89, 91]) n;
insert into bot_state (chat_id, user_id, state, updated_at)
  select n, n, '{}', now() - n * interval '1 day' from unnest(array[89, 91]) n;
insert into button_tokens (token, card, chat_id, user_id, action, expires_at)
  select 'abcdefghijklmnop' || n, 'c', 7, 7, '{}', now() - n * interval '1 hour' from unnest(array[23, 25]) n;
insert into bot_invitations (code_hash, role, invited_by, expires_at)
  select repeat(n::text, 64), 'viewer', 'test', now() - n * interval '1 day' from unnest(array[6, 8]) n;
insert into calendar_statistics (day, provider, verb)
  select current_date - n, 'google', 'busy' from unnest(array[366, 367]) n;
"""
KEPT = {
    "select update_id from telegram_updates order by 1": [3, 9],
    "select key from notices order by 1": ["failed89", "pending89", "pending91", "sent89", "void89"],
    "select chat_id from bot_state": [89],
    "select token from button_tokens": ["abcdefghijklmnop23"],
    "select left(code_hash, 1) from bot_invitations": ["6"],
    "select (current_date - day) from calendar_statistics": [366],
}
REMOVED = {
    "telegram_updates": 3, "notices": 3, "bot_state": 1, "button_tokens": 1, "bot_invitations": 1, "calendar_statistics": 1
}  # fmt: skip


async def test_what_nobody_needs_any_more_is_removed(db: Database, admin: Admin) -> None:
    await booked(db)
    admin.execute("set timezone = 'UTC'")
    admin.execute(OLD)
    before = await db.audit_trail()

    assert await db.prune(now=await db.database_time()) == REMOVED

    assert {query: [row[0] for row in admin.execute(query).fetchall()] for query in KEPT} == KEPT
    *trail, last = await db.audit_trail()
    assert trail == before
    assert (last["action"], last["actor"], last["detail"]) == ("pruned", "database", REMOVED)
    assert (await db.verify_audit())["ok"]
    assert await db.last_update_id() == 9


async def test_it_is_done_once_a_day_and_leaves_no_trace_where_nothing_was_to_remove(
    database: Database, admin: Admin
) -> None:
    now = await database.database_time()
    assert await database.prune(now=now) == {}
    admin.execute(OLD)

    assert await database.prune(now=now + timedelta(hours=23)) == {}
    assert await database.audit_trail() == []
    assert (await database.prune(now=now + timedelta(hours=24)))["notices"] == 3


async def test_programs_that_prune_at_the_same_time_do_it_once(database: Database, admin: Admin) -> None:
    admin.execute(OLD)
    now = await database.database_time()

    removed = await asyncio.gather(*(database.prune(now=now) for _ in range(4)))

    assert sorted(len(one) for one in removed) == [0, 0, 0, len(REMOVED)]
    assert [row["action"] for row in await database.audit_trail()] == ["pruned"]
