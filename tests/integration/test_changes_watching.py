"""What the watch writes, over both wires: each transition whole, only while nothing else has happened, and remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import LostLease, SlotTaken, WrongState
from supabase_db import Database, Json
from tests.builders import at, make_reservation
from tests.integration.life import EVENT, Claimed, booked, booking, claim, look, write_all

Admin = Connection[tuple[Any, ...]]
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SAID = {
    "title": "Introduction",
    "description": "",
    "start": "2026-12-07T11:00:00+00:00",
    "end": "2026-12-07T12:00:00+00:00",
    "guests": [],
}
SEEN = {"etag": "v2", "said": SAID, "edits": {"title": "Intro"}, "answers": {}, "look_at": None}
QUESTION = {"kind": "moved:intro", "reason": "It was moved.", "detail": {"n": 1}, "options": [{"kind": "keep"}]}


async def interview(db: Database, claimed: Claimed, round_: str = "intro") -> Json:
    return next(row for row in (await look(db, claimed.candidate_id))["interviews"] if row["round"] == round_)


def which(row: Json) -> dict[str, Any]:
    return {"interview_id": row["id"], "generation": row["generation"], "revision": row["revision"]}


def seats(until: str) -> list[Json]:
    return [{"interviewer": "asha", "backup": False, "hold_until": at(until)}]


async def test_what_is_to_be_looked_at(db: Database) -> None:
    first = await booked(db, [make_reservation(at("09:00"))])
    other = await booked(db, [make_reservation(at("11:00"))])
    row, later = await interview(db, first), await interview(db, other)

    async def found(**asked: Any) -> list[str]:
        return [one["id"] for one in await db.watched(now=NOW, **asked)]

    assert await found() == [row["id"], later["id"]]  # both were only just written
    for one in (row, later):
        await db.event_seen(**which(one), seen={**SEEN, "said": SAID | {"start": one["start"], "end": one["end"]}})
    assert await found() == []
    assert await found(everything=True) == [row["id"], later["id"]]
    assert await found(ids=[later["id"]]) == [later["id"]]
    assert await found(handles=["event-1"]) == [row["id"], later["id"]]
    assert [one["id"] for one in await db.watched(now=at("10:30"), everything=True)] == [later["id"]]
    await db.save_watch(calendar="organiser", cursor="c1", now=NOW, later=[row["id"]])
    assert await found() == [row["id"]]
    (one,) = await db.watched(now=NOW)
    assert (one["candidate"]["status"], one["due"], one["asked"], one["unwritten"]) == ("booked", True, False, False)


async def test_an_event_that_is_elsewhere_is_looked_at_until_somebody_is_asked(db: Database) -> None:
    row = await interview(db, await booked(db, [make_reservation(at("09:00"))]))
    await db.event_seen(**which(row), seen=SEEN)

    assert [one["due"] for one in await db.watched(now=NOW)] == [True]
    await db.ask_about(**which(row), question=QUESTION)
    assert await db.watched(now=NOW) == []


async def test_where_reading_goes_on(db: Database) -> None:
    notice = {"key": "k", "channel": "telegram", "recipient": "admins", "kind": "x", "payload": {}}
    assert await db.watch_state(calendar="organiser") is None

    await db.save_watch(calendar="organiser", cursor="c1", now=NOW, resynced=True, busy=True, notices=[notice])
    state = await db.save_watch(calendar="organiser", cursor="c2", now=NOW + timedelta(hours=1), notices=[notice])

    assert (state["cursor"], state["resynced_at"], state["busy_at"]) == ("c2", NOW.isoformat(), NOW.isoformat())
    assert await db.watch_state(calendar="organiser") == state
    assert len(await db.claim_notices(channel="telegram")) == 1


async def test_a_move_is_taken_over_as_a_whole(db: Database, admin: Admin) -> None:
    claimed = await booked(db, [make_reservation(at("09:00"))])
    row = await interview(db, claimed)
    await db.ask_about(**which(row), question=QUESTION)

    await db.follow_move(**which(row), start=at("11:00"), end=at("12:00"), seats=seats("12:15"), seen=SEEN)

    now = await interview(db, claimed)
    assert (now["start"], now["revision"], now["status"], now["etag"]) == (SAID["start"], 1, "booked", "v2")
    assert (now["event_said"], now["event_edits"], now["look_at"]) == (SAID, {"title": "Intro"}, None)
    held = admin.execute("select person, during::text from holds where live order by 1").fetchall()
    assert [(who.partition(":")[0], during.count("11:00:00")) for who, during in held] == [
        ("candidate", 1), ("interviewer", 1),
    ]  # fmt: skip
    assert await db.open_escalations() == []
    with pytest.raises(WrongState, match="is not as it was looked at"):
        await db.follow_move(**which(row), start=at("13:00"), end=at("14:00"), seats=seats("14:00"), seen=SEEN)


async def test_a_move_onto_somebody_elses_time_changes_nothing(db: Database) -> None:
    await booked(db, [make_reservation(at("11:30"))])
    claimed = await booked(db, [make_reservation(at("09:00"))])
    row = await interview(db, claimed)

    with pytest.raises(SlotTaken):
        await db.follow_move(**which(row), start=at("11:00"), end=at("12:00"), seats=seats("12:00"), seen=SEEN)

    assert await interview(db, claimed) == row


async def test_while_a_worker_is_at_the_candidate_the_watch_waits(db: Database) -> None:
    claimed, reserved = await booking(db)
    row = reserved["interviews"][0]
    with pytest.raises(WrongState, match="is booking: cannot follow its calendar just now"):
        await db.event_seen(**which(row), seen=SEEN)
    await write_all(db, claimed, reserved["writes"])
    await db.settle(**claimed.names)
    await db.ask_replan(candidate_id=claimed.candidate_id, actor="a")
    await claim(db)

    for call in (
        db.event_seen(**which(row), seen=SEEN),
        db.follow_move(**which(row), start=at("11:00"), end=at("12:00"), seats=seats("12:00"), seen=SEEN),
        db.event_deleted(**which(row), question=QUESTION),
        db.interviewer_declined(**which(row), seen=SEEN, people=["asha"], reason="r"),
        db.ask_about(**which(row), question=QUESTION),
    ):
        with pytest.raises(WrongState, match="is planning: cannot follow its calendar just now"):
            await call


async def test_a_deleted_event_frees_the_time(db: Database, admin: Admin) -> None:
    claimed = await booked(db, [make_reservation(at("09:00")), make_reservation(at("11:00"), round="core")])
    row = await interview(db, claimed)
    question = QUESTION | {"kind": "deleted:intro"}

    await db.event_deleted(**which(row), question=question)

    found = await look(db, claimed.candidate_id)
    assert {one["round"]: one["status"] for one in found["interviews"]} == {"core": "booked", "intro": "cancelled"}
    assert (found["status"], found["exceptions"]["waived"]) == ("booked", ["intro"])
    assert admin.execute("select count(*) from holds where live").fetchone() == (2,)
    assert admin.execute("select count(*) from calendar_writes where verb = 'cancel'").fetchone() == (0,)
    assert [one["kind"] for one in await db.open_escalations()] == ["deleted:intro"]
    with pytest.raises(WrongState):
        await db.event_deleted(**which(row), question=question)


async def test_a_decline_rules_the_interviewer_out(db: Database) -> None:
    claimed = await booked(db)
    row = await interview(db, claimed)
    answers = {"asha@example.com": {"since": NOW.isoformat(), "dealt": True}}

    await db.interviewer_declined(**which(row), seen=SEEN | {"answers": answers}, people=["asha"], reason="declined")

    found = await look(db, claimed.candidate_id)
    out = [{"round": "intro", "interviewer": "asha"}]
    assert (found["status"], found["replan"]["excluded"], found["exceptions"]["excluded"]) == ("queued", out, out)
    assert (await interview(db, claimed))["event_answers"] == answers
    await db.event_seen(**which(row), seen=SEEN, accepted=["asha"], action="decline_taken_back")
    assert (await look(db, claimed.candidate_id))["exceptions"]["excluded"] == []


async def test_the_same_question_is_asked_once(db: Database) -> None:
    claimed = await booked(db)
    row = await interview(db, claimed)
    notice = {"key": "q", "channel": "telegram", "recipient": "7", "kind": "asked", "payload": {}}

    first = await db.ask_about(**which(row), question=QUESTION, seen=SEEN, notices=[notice])
    second = await db.ask_about(**which(row), question=QUESTION, seen=SEEN, notices=[notice])
    await db.resolve_escalation(escalation_id=first["escalation_id"], actor="a", resolution="so be it")
    third = await db.ask_about(**which(row), question=QUESTION)
    again = await db.ask_about(**which(row), question=QUESTION | {"again": True})
    other = await db.ask_once(
        candidate_id=claimed.candidate_id, interview_id=row["id"], question=QUESTION | {"detail": {"n": 2}}
    )

    assert [one["changed"] for one in (first, second, third, again, other)] == [True, False, False, True, True]
    assert len(await db.claim_notices(channel="telegram")) == 1


async def test_questions_that_answered_themselves_are_closed(db: Database) -> None:
    claimed = await booked(db)
    row = await interview(db, claimed)
    await db.ask_about(**which(row), question=QUESTION)

    await db.event_seen(**which(row), seen=SEEN, action="event_moved_back", close=["moved:intro"])

    assert await db.open_escalations() == []
    trail = await db.audit_trail(candidate_id=claimed.candidate_id)
    assert (trail[-1]["action"], trail[-1]["actor"]) == ("event_moved_back", "calendar")


async def test_a_write_that_came_second_is_dropped_and_looked_at(db: Database) -> None:
    claimed, reserved = await booking(db)
    (write,) = reserved["writes"]
    result = {**EVENT, "said": SAID}

    first = await db.write_overruled(write_id=write["id"], fence=claimed.fence, reason="moved", result=result)
    second = await db.write_overruled(write_id=write["id"], fence=claimed.fence, reason="moved", result=result)
    await db.settle(**claimed.names)

    assert first == second
    assert (first["status"], first["reason"]) == ("void", "overruled")
    row = await interview(db, claimed)
    assert (row["status"], row["handle"], row["event_said"]) == ("booked", "event-1", SAID)
    assert [one["id"] for one in await db.watched(now=NOW)] == [row["id"]]
    with pytest.raises(LostLease):
        await db.write_overruled(write_id=write["id"], fence=claimed.fence - 1, reason="moved")


async def test_what_was_recorded_is_known(db: Database) -> None:
    assert not await db.was_recorded(key="orphan:x")
    await db.record_audit(action="orphan_removed", actor="calendar", key="orphan:x")
    assert await db.was_recorded(key="orphan:x")


async def test_copies_are_kept_over_both_wires(db: Database) -> None:
    row = await interview(db, await booked(db))
    where = {"interview_id": row["id"], "owner": "asha@example.com", "provider": "local", "calendar": "mine"}

    first = await db.push_begin(**where, said={"title": "a"})
    same = await db.push_begin(**where, said={"title": "a"})
    other = await db.push_begin(**where, said={"title": "b"})
    done = await db.push_done(**where, generation=1, result={"handle": "h", "etag": "e", "link": "l"})
    anew = await db.push_begin(**where, said={"title": "b"}, anew=True)

    assert first == same
    assert (other["key"], other["generation"], other["revision"]) == (first["key"], 1, 1)
    assert (done["handle"], done["etag"], done["pushed_at"] is not None) == ("h", "e", True)
    assert (anew["generation"], anew["revision"], anew["handle"], anew["etag"]) == (2, 0, "", "")
    shown = await db.interview_to_push(interview_id=row["id"])
    assert shown
    assert [copy["generation"] for copy in shown["copies"]] == [2]
    with pytest.raises(WrongState):
        await db.push_done(**where, generation=1, result={})
