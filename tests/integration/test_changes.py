"""Plans made anew, over both wires: all changes or none, a time is never held twice, and each step has its effect once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import LostLease, SlotTaken, WrongState
from supabase_db import Database, Json
from tests.builders import at, make_reservation
from tests.integration.life import Claimed, booked, booking, claim, enqueue, look, planning, reserve, write_all

Admin = Connection[tuple[Any, ...]]


async def asked(db: Database, claimed: Claimed, detail: Json | None = None, actor: str = "telegram:7") -> Json:
    return await db.ask_replan(candidate_id=claimed.candidate_id, actor=actor, reason="away", detail=detail or {})


async def replanning(db: Database, interviews: list[Json] | None = None) -> Claimed:
    """A booked candidate that a worker is planning anew."""
    claimed = await booked(db, interviews)
    await asked(db, claimed)
    return await claim(db)


async def rebook(db: Database, claimed: Claimed, interviews: list[Json]) -> Json:
    return await db.rebook(**claimed.names, sop_version="sop-2", interviews=interviews, detail={"moved": []})


def live_holds(admin: Admin) -> list[tuple[str, str]]:
    rows = admin.execute(
        "select person, to_char(lower(during) at time zone 'UTC', 'HH24:MI') from holds where live order by 1, 2"
    )
    return [(who, start) for who, start in rows.fetchall() if who.startswith("interviewer")]


async def test_a_round_moves_under_its_own_identity(db: Database, admin: Admin) -> None:
    claimed = await replanning(
        db, [make_reservation(at("09:00")), make_reservation(at("11:00"), ("ben",), round="core")]
    )
    before = {row["round"]: row for row in (await look(db, claimed.candidate_id))["interviews"]}

    done = await rebook(db, claimed, [make_reservation(at("09:30"), ("asha", "chloe"))])

    after = {row["round"]: row for row in done["interviews"]}
    intro = after["intro"]
    assert (intro["id"], intro["generation"], intro["revision"]) == (before["intro"]["id"], 1, 1)
    assert (intro["status"], intro["interviewers"], intro["handle"]) == ("reserved", ["asha", "chloe"], "event-1")
    assert after["core"] == before["core"]
    (write,) = done["writes"]
    assert (write["verb"], write["generation"], write["revision"], write["etag"]) == ("put", 1, 1, "v1")
    assert live_holds(admin) == [
        ("interviewer:asha", "09:30"), ("interviewer:ben", "11:00"), ("interviewer:chloe", "09:30"),
    ]  # fmt: skip
    assert (await look(db, claimed.candidate_id))["status"] == "booking"


async def test_its_own_old_time_is_not_in_the_way(db: Database) -> None:
    claimed = await replanning(db, [make_reservation(at("09:00"), buffer=30)])

    done = await rebook(db, claimed, [make_reservation(at("09:15"), buffer=30)])

    assert done["interviews"][0]["start"] == "2026-12-07T09:15:00+00:00"


async def test_rounds_may_change_places(db: Database) -> None:
    claimed = await replanning(db, [make_reservation(at("09:00")), make_reservation(at("10:00"), round="core")])

    done = await rebook(db, claimed, [make_reservation(at("10:00")), make_reservation(at("09:00"), round="core")])

    assert {row["round"]: row["start"][11:16] for row in done["interviews"]} == {"intro": "10:00", "core": "09:00"}


async def test_when_somebody_was_quicker_everything_stays_as_it_was(db: Database, admin: Admin) -> None:
    await booked(db, [make_reservation(at("11:00"), ("ben",))])
    claimed = await replanning(db, [make_reservation(at("09:00")), make_reservation(at("10:00"), round="core")])
    before, holds = await look(db, claimed.candidate_id), live_holds(admin)

    with pytest.raises(SlotTaken):
        await rebook(
            db, claimed, [make_reservation(at("13:00")), make_reservation(at("11:30"), ("ben",), round="core")]
        )

    after = await look(db, claimed.candidate_id)
    assert after["interviews"] == before["interviews"]
    assert after["status"] == "planning"
    assert live_holds(admin) == holds


async def test_the_old_time_is_held_until_the_new_one_is(db: Database, admin: Admin) -> None:
    admin.execute("insert into lanes (lane, at_once) values ('main', 2)")
    claimed = await replanning(db, [make_reservation(at("09:00"))])
    await enqueue(db)
    rival = await claim(db, "w2")

    with pytest.raises(SlotTaken):
        await reserve(db, rival, [make_reservation(at("09:00"))])
    await rebook(db, claimed, [make_reservation(at("13:00"))])

    assert await reserve(db, rival, [make_reservation(at("09:00"))])


async def test_booking_again_what_was_given_up_is_another_event(db: Database) -> None:
    claimed = await booked(db)
    row = (await look(db, claimed.candidate_id))["interviews"][0]
    which = {"interview_id": row["id"], "generation": 1, "revision": 0}
    question = {"kind": "deleted:intro", "reason": "gone", "detail": {}, "options": []}
    await db.event_deleted(**which, question=question)
    await asked(db, claimed, {"rebook": ["intro"]})
    claimed = await claim(db)

    done = await rebook(db, claimed, [make_reservation(at("09:00"))])

    again = done["interviews"][0]
    assert (again["id"], again["generation"], again["revision"]) == (row["id"], 2, 0)
    assert (again["handle"], again["etag"], again["event_said"], again["look_at"]) == ("", "", {}, None)
    assert (done["writes"][0]["generation"], done["writes"][0]["revision"]) == (2, 0)


async def test_each_step_can_be_made_twice(db: Database) -> None:
    claimed = await replanning(db)

    first = await rebook(db, claimed, [make_reservation(at("13:00"))])
    trail = len(await db.audit_trail())
    second = await rebook(db, claimed, [make_reservation(at("13:00"))])

    assert second == first
    assert len(await db.audit_trail()) == trail
    await write_all(db, claimed, first["writes"])
    await db.settle(**claimed.names)
    assert (await look(db, claimed.candidate_id))["replan"] is None


async def test_only_who_has_the_candidate_can_rebook(db: Database) -> None:
    claimed = await replanning(db)
    late = Claimed(candidate_id=claimed.candidate_id, fence=claimed.fence - 1)

    with pytest.raises(LostLease):
        await rebook(db, late, [make_reservation(at("13:00"))])
    with pytest.raises(WrongState, match="nothing to rebook"):
        await rebook(db, claimed, [])
    with pytest.raises(LostLease):
        await db.stand(**late.names)


async def test_a_booking_can_stand_and_a_question_be_asked(db: Database) -> None:
    claimed = await replanning(db)
    question = {"kind": "replan", "reason": "No time fits.", "detail": {"n": 1}, "options": [{"kind": "keep"}]}

    first = await db.stand(**claimed.names, question=question, sop_version="sop-2")
    second = await db.stand(**claimed.names, question=question, sop_version="sop-2")

    assert (first["changed"], second["changed"]) == (True, False)
    found = await look(db, claimed.candidate_id)
    assert (found["status"], found["replan"], found["worker"], found["attempts"]) == ("booked", None, None, 0)
    assert [row["status"] for row in found["interviews"]] == ["booked"]
    assert [(one["kind"], one["reason"]) for one in found["escalations"]] == [("replan", "No time fits.")]


async def test_a_later_plan_answers_the_question(db: Database) -> None:
    claimed = await replanning(db)
    await db.stand(**claimed.names, question={"kind": "replan", "reason": "r", "detail": {}, "options": []})
    await asked(db, claimed)

    await rebook(db, await claim(db), [make_reservation(at("13:00"))])

    assert await db.open_escalations() == []


@pytest.mark.parametrize("status", ["planning", "booking", "cancelled"])
async def test_who_is_being_worked_on_or_given_up_cannot_be_planned_anew(database: Database, status: str) -> None:
    claimed = await planning(database) if status != "booking" else (await booking(database))[0]
    if status == "cancelled":
        await database.cancel_candidate(candidate_id=claimed.candidate_id, actor="a")

    with pytest.raises(WrongState, match=f"is {status}: cannot be planned anew"):
        await asked(database, claimed)


async def test_what_is_asked_is_kept(db: Database) -> None:
    claimed = await booked(db)
    out = {"round": "intro", "interviewer": "asha"}
    detail = {
        "excluded": [out], "lasting": True, "rounds": ["intro"], "thaw": True, "preview": [{"round": "intro"}],
        "changes": {"sop.freeze": "1h", "request.window": ["2026-12-07", "2026-12-20"]},
    }  # fmt: skip

    row = await asked(db, claimed, detail)

    assert row["status"] == "queued"
    assert row["replan"] == {
        "excluded": [out], "rounds": ["intro"], "thaw": True, "preview": [{"round": "intro"}], "reason": "away",
    }  # fmt: skip
    assert row["exceptions"] == {"changes": {"sop.freeze": "1h"}, "excluded": [out], "waived": [], "pinned": []}
    assert row["request"]["window"] == ["2026-12-07", "2026-12-20"]
    trail = await db.audit_trail(candidate_id=claimed.candidate_id)
    assert trail[-1]["action"] == "replan_asked"


async def test_wishes_that_wait_are_joined(db: Database) -> None:
    claimed = await booked(db)
    one, other = {"round": "intro", "interviewer": "asha"}, {"interviewer": "ben"}
    await asked(db, claimed, {"excluded": [one], "rounds": ["intro"]})
    await asked(db, claimed, {"excluded": [one, other], "rounds": ["core"]})
    joined = await asked(db, claimed, {"thaw": True, "rounds": ["core"]})

    assert joined["replan"] == {"excluded": [one, other], "rounds": ["intro", "core"], "thaw": True, "reason": "away"}

    anything = await asked(db, claimed, {})
    assert "rounds" not in anything["replan"]


async def test_the_bot_can_ask_and_choose_in_its_turn(db: Database) -> None:
    claimed = await booked(db)
    args = {"candidate_id": claimed.candidate_id, "actor": "telegram:7", "reason": "away", "detail": {"thaw": True}}

    turn = await db.bot_turn(update_id=1, chat_id=7, user_id=7, state=None, command={"ask_replan": args})

    assert turn["outcome"]["status"] == "queued"
    again = await claim(db)
    await db.stand(
        **again.names,
        question={"kind": "replan", "reason": "r", "detail": {}, "options": [{"kind": "keep", "text": "Leave"}]},
    )
    (question,) = await db.open_escalations()
    choice = {"escalation_id": question["id"], "option": 0, "actor": "telegram:7"}
    turn = await db.bot_turn(update_id=2, chat_id=7, user_id=7, state=None, command={"take_option": choice})
    assert (turn["outcome"]["status"], turn["outcome"]["resolution"]) == ("resolved", "Leave")


async def test_a_crash_while_planning_anew_keeps_what_is_booked(db: Database) -> None:
    claimed = await booked(db)
    await asked(db, claimed, {"thaw": True})
    for attempt in range(5):
        await claim(db, f"crashing {attempt}", lease_seconds=0)
    assert await db.claim(worker="w1") is None

    found = await look(db, claimed.candidate_id)
    assert (found["status"], [row["status"] for row in found["interviews"]]) == ("set_aside", ["booked"])
    (question,) = await db.open_escalations()
    await db.take_option(escalation_id=question["id"], option=0, actor="telegram:7")
    found = await look(db, claimed.candidate_id)
    assert (found["status"], found["replan"]["thaw"]) == ("queued", True)


async def test_panels_that_are_rebooked_at_once_do_not_wait_for_each_other_for_ever(
    database: Database, admin: Admin
) -> None:
    """Two at a time want the same half hour, with their people named in another order: one of each two gets it."""
    people = ("asha", "ben", "chloe")
    admin.execute("insert into lanes (lane, at_once) values ('main', 20)")
    for hour in range(8, 16):
        await booked(database, [make_reservation(at(f"{hour:02}:00"), people, minutes=30)])
    claims = []
    for number in range(8):
        candidate = await look(database, str(number + 1))
        await database.ask_replan(candidate_id=candidate["id"], actor="a")
        claims.append(await claim(database, f"w{number}"))

    async def move(number: int) -> bool:
        order = people if number % 2 else tuple(reversed(people))
        wanted = make_reservation(at(f"{8 + number // 2:02}:30"), order, minutes=30)
        try:
            await rebook(database, claims[number], [wanted])
        except SlotTaken:
            return False
        return True

    assert sum(await asyncio.gather(*(move(number) for number in range(8)))) == 4

    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    assert admin.execute(deadlocks).fetchone() == (0,)
