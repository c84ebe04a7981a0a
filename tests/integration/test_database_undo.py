"""Taking back, over both wires: a deed is one transaction's, it is undone once, as a whole, and only as it was looked at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import DatabaseError
from supabase_db import Database, Json
from tests.builders import at, make_request, make_reservation
from tests.integration.life import booked, booking, claim, enqueue, look, planning, reserve, status_of, write_all

Admin = Connection[tuple[Any, ...]]
ME = "telegram:7"
CHAT: dict[str, Any] = {"chat_id": 7, "user_id": 7, "state": None}


async def take_back(db: Database, deed: Json, *commands: Json, update: int = 1, seen: int | None = None) -> Json:
    """What came of taking a deed back by commands."""
    arguments = {"deed": deed["rows"][0]["id"], "seen": seen or deed["seen"], "commands": list(commands), "actor": ME}
    outcome: Json = (await db.desk_turn(update_id=update, **CHAT, command={"take_back": arguments}))["outcome"]
    return outcome


async def last(db: Database, **whose: Any) -> Json:
    row = await db.last_deed(**(whose or {"actor": ME}))
    assert row
    return await db.deed(row=row)


async def actions(db: Database) -> list[str]:
    return [row["action"] for row in await db.audit_trail(limit=1_000)]


def cancel(candidate: str) -> Json:
    return {"cancel_candidate": {"candidate_id": candidate, "reason": "a mistake"}}


async def test_a_deed_is_all_that_one_command_did(db: Database) -> None:
    rows: list[Json] = [{"request": make_request().plain(), "key": f"k{n}"} for n in range(3)]
    await enqueue(db)
    await db.bot_turn(update_id=5, **CHAT, command={"enqueue_all": {"rows": rows, "source": "csv", "actor": ME}})

    deed = await last(db)

    assert [row["action"] for row in deed["rows"]] == ["enqueued"] * 3
    assert [one["name"] for one in deed["candidates"]] == [row["request"]["name"] for row in rows]
    assert deed == await db.deed(row=deed["rows"][2]["id"]) | {"now": deed["now"]}


async def test_the_last_deed_is_that_of_a_person(db: Database) -> None:
    claimed = await booked(db)
    assert [row["action"] for row in (await last(db))["rows"]] == ["enqueued"]
    assert await db.last_deed(actor="telegram:8") is None
    await db.record_audit(action="update_refused", actor="telegram:8")
    assert await db.last_deed(actor="telegram:8") is None
    await db.record_audit(action="followed", actor="calendar", candidate_id=claimed.candidate_id)
    await db.record_audit(action="interview_accepted", actor="interviewer:asha", candidate_id=claimed.candidate_id)

    about = await last(db, candidate_id=claimed.candidate_id)

    assert [row["action"] for row in about["rows"]] == ["followed"]
    assert [row["action"] for row in (await last(db))["later"]] == ["followed"]


async def test_what_was_taken_back_and_the_taking_back_count_no_longer(db: Database) -> None:
    one = await enqueue(db)
    await db.pause_lane(lane="main", paused=True, actor=ME)
    paused = await last(db)

    assert (await take_back(db, paused, {"pause_lane": {"lane": "main", "paused": False}}))["changed"]

    assert await db.lane_pause(lane="main") is None
    deed = await last(db)
    assert ([row["action"] for row in deed["rows"]], deed["later"]) == (["enqueued"], [])
    assert (await take_back(db, paused, cancel(one), update=2))["changed"] is False
    assert (await db.deed(row=paused["rows"][0]["id"]))["undone"]
    assert await status_of(db, one) == "queued"


async def test_of_twenty_at_once_one_takes_it_back(db: Database) -> None:
    deed = await _enqueued(db)
    command = cancel(deed["candidates"][0]["id"])

    outcomes = await asyncio.gather(*(take_back(db, deed, command, update=n) for n in range(20)))

    assert sorted(outcome["changed"] for outcome in outcomes) == [False] * 19 + [True]
    assert ((await actions(db)).count("undone"), (await actions(db)).count("cancelled")) == (1, 1)
    assert (await db.verify_audit())["ok"]


async def _enqueued(db: Database) -> Json:
    await enqueue(db)
    return await last(db)


async def test_all_of_it_or_nothing(db: Database) -> None:
    deed = await _enqueued(db)
    nonsense: list[Json] = [
        {"reopen_escalation": {"escalation_id": 9}},
        {"pause_lane": {"lane": "main", "paused": False}},
    ]

    for update, wrong in enumerate([*nonsense, {"unheard_of": {}}]):
        outcome = await take_back(db, deed, cancel(deed["candidates"][0]["id"]), wrong, update=update)
        assert outcome["refused"] == "MS002"

    assert await actions(db) == ["enqueued"]


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_what_somebody_has_done_since_it_was_looked_at_counts(db: Database, elsewhere: bool) -> None:
    deed = await _enqueued(db)
    candidate = deed["candidates"][0]["id"]
    other = await enqueue(db)
    await db.ask_replan(candidate_id=other if elsewhere else candidate, actor="telegram:8", reason="x")

    outcome = await take_back(db, deed, cancel(candidate))

    assert outcome.get("refused") == (None if elsewhere else "MS002")
    assert await status_of(db, candidate) == ("cancelled" if elsewhere else "queued")


async def test_what_a_worker_does_since_does_not_count(db: Database) -> None:
    deed = await _enqueued(db)
    await claim(db)

    assert (await take_back(db, deed, cancel(deed["candidates"][0]["id"])))["changed"]


async def test_what_concerns_nobody_is_looked_at_as_well(db: Database) -> None:
    await db.pause_lane(lane="main", paused=True, actor=ME)
    deed = await last(db)
    await db.pause_lane(lane="other", paused=True, actor="telegram:8")

    outcome = await take_back(db, deed, {"pause_lane": {"lane": "main", "paused": False}})

    assert outcome["refused"] == "MS002"
    assert await db.lane_pause(lane="main")


async def test_nobody_acts_in_the_name_of_somebody_else(db: Database) -> None:
    deed = await _enqueued(db)
    command = cancel(deed["candidates"][0]["id"])
    command["cancel_candidate"]["actor"] = "telegram:8"

    await take_back(db, deed, command)

    assert {row["actor"] for row in await db.audit_trail()} == {ME}


async def test_a_row_that_there_is_not_is_no_deed(db: Database) -> None:
    deed = await _enqueued(db)

    outcome = await take_back(db, {"rows": [{"id": 77}], "seen": 77}, cancel(deed["candidates"][0]["id"]))

    assert (outcome["refused"], outcome["message"]) == ("MS003", "there is nothing to take back in row 77 of the audit")


async def test_rows_from_before_there_were_deeds_are_none(database: Database, admin: Admin) -> None:
    await enqueue(database)
    admin.execute("alter table scheduling_audit disable trigger scheduling_audit_append_only")
    admin.execute("update scheduling_audit set tx = null")

    assert await database.last_deed(actor=ME) is None
    assert (await database.verify_audit())["ok"] is False  # it was sealed with it; older rows were not


async def test_whoever_was_reached_is_told_to_ignore_it_and_nobody_else(db: Database, admin: Admin) -> None:
    claimed, reserved = await booking(db)
    await write_all(db, claimed, reserved["writes"])
    people = ("7", "admins", "next admin", "interviewer:asha", "9")
    notices = [{"key": who, "channel": "telegram", "recipient": who, "kind": "booked", "payload": {}} for who in people]
    await db.settle(**claimed.names, notices=notices)
    for notice, receipt in zip(await db.claim_notices(channel="telegram", limit=3), ("7:1", "7:2 8:3"), strict=False):
        await db.notice_sent(notice_id=notice["id"], receipt=receipt)
    deed = await last(db)

    await take_back(db, deed, cancel(claimed.candidate_id))

    rows = admin.execute("select recipient, kind, status from notices order by id").fetchall()
    assert rows[:5] == [
        ("7", "booked", "sent"), ("admins", "booked", "sent"), ("next admin", "booked", "void"),
        ("interviewer:asha", "booked", "pending"), ("9", "booked", "void"),
    ]  # fmt: skip
    assert sorted(rows[5:]) == [(who, "undone", "pending") for who in ("7", "8", "admins")]


# What only an undo needs --------------------------------------------------------------------------------------------------------


def two_rounds() -> list[Json]:
    return [make_reservation(), make_reservation(at("14:00"), round="core", position=1)]


async def cancelled(db: Database) -> tuple[str, Json]:
    """A candidate who was booked and is being cancelled, and that deed."""
    claimed = await booked(db, two_rounds())
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor=ME, reason="ill")
    return claimed.candidate_id, await last(db)


def reopen(candidate: str, **changes: Any) -> Json:
    return {
        "reopen_candidate": {"candidate_id": candidate, "status": "queued", "replan": None, "questions": []} | changes
    }


async def test_the_log_says_what_a_cancelling_gave_up(db: Database) -> None:
    candidate, deed = await cancelled(db)
    rows = (await look(db, candidate))["interviews"]

    detail = deed["rows"][0]["detail"]

    told = ("id", "round", "start", "end", "interviewers")
    assert detail["interviews"] == [{name: one[name] for name in told} for one in rows]
    assert detail["questions"] == []


async def test_who_comes_back_has_the_old_events_cancelled_first_and_new_ones_made(db: Database) -> None:
    candidate, deed = await cancelled(db)

    assert (await take_back(db, deed, reopen(candidate, replan={"thaw": True})))["candidate_id"] == candidate

    found = await db.claim(worker="w1")
    assert found
    assert (found["candidate"]["status"], found["candidate"]["unwinding"]) == ("planning", True)
    assert [write["verb"] for write in found["writes"]] == ["cancel", "cancel"]
    again = await claim(db)
    await write_all(db, again, found["writes"])
    made = await db.rebook(**again.names, sop_version="sop-1", interviews=two_rounds())
    assert [(write["verb"], write["generation"], write["revision"]) for write in made["writes"]] == [("put", 2, 0)] * 2


async def test_who_a_worker_is_at_does_not_come_back_yet(db: Database) -> None:
    candidate, deed = await cancelled(db)
    await claim(db)

    assert (await take_back(db, deed, reopen(candidate)))["refused"] == "MS002"
    assert await status_of(db, candidate) == "cancelling"


async def test_questions_come_back_but_for_those_about_events_that_are_gone(db: Database) -> None:
    claimed = await planning(db)
    await db.escalate(**claimed.names, kind="no_plan", reason="No start.", options=["requeue"])
    await db.ask_replan(candidate_id=claimed.candidate_id, actor="test")
    again = await claim(db)
    follow = {"kind": "follow", "text": "Keep it", "generation": 1}
    await db.escalate(**again.names, kind="moved:intro", reason="Moved.", options=[follow])
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor=ME)
    deed = await last(db)
    questions = deed["rows"][0]["detail"]["questions"]
    assert len(questions) == 2

    await take_back(db, deed, reopen(claimed.candidate_id, status="escalated", questions=questions))

    assert [row["kind"] for row in await db.open_escalations()] == ["no_plan"]
    assert await status_of(db, claimed.candidate_id) == "escalated"


async def test_a_wish_is_forgotten_with_all_that_it_granted(db: Database) -> None:
    claimed = await booked(db)
    before = await look(db, claimed.candidate_id)
    wish = {
        "excluded": [{"round": "intro", "interviewer": "asha"}],
        "lasting": True,
        "changes": {"sop.notice": "1h", "request.window": ["2026-12-07", "2026-12-31"]},
    }
    await db.ask_replan(candidate_id=claimed.candidate_id, actor=ME, reason="other times", detail=wish)
    deed = await last(db)
    asked = deed["rows"][0]["detail"]
    assert asked["before"] == {
        "replan": None, "exceptions": {}, "reason": "", "request": {"window": ["2026-12-07", "2026-12-18"]},
    }  # fmt: skip

    back = {"candidate_id": claimed.candidate_id, "before": asked["before"] | {"status": "booked"}, "give_up": False}
    assert (await take_back(db, deed, {"withdraw_replan": back}))["changed"]

    after = await look(db, claimed.candidate_id)
    for name in ("status", "request", "exceptions", "replan", "interviews"):
        assert after[name] == before[name]


async def test_a_wish_that_a_worker_is_planning_is_not_forgotten(db: Database) -> None:
    claimed = await booked(db)
    await db.ask_replan(candidate_id=claimed.candidate_id, actor=ME)
    deed = await last(db)
    await claim(db)
    before = deed["rows"][0]["detail"]["before"] | {"status": "booked"}

    outcome = await take_back(db, deed, {"withdraw_replan": {"candidate_id": claimed.candidate_id, "before": before}})

    assert outcome["refused"] == "MS002"


async def test_what_held_before_is_asked_for_in_place_of_what_holds(db: Database) -> None:
    claimed = await booked(db)
    lasting = {"excluded": [{"interviewer": "ben"}], "lasting": True}
    await db.ask_replan(candidate_id=claimed.candidate_id, actor="test", detail=lasting)

    asked = await db.ask_replan(
        candidate_id=claimed.candidate_id, actor="test", detail={"exceptions": {"waived": ["core"]}, "back": True}
    )

    assert asked["exceptions"]["waived"] == ["core"]
    assert asked["exceptions"]["excluded"] == []
    assert asked["replan"]["back"] is True


async def test_interviews_that_were_reserved_are_given_up_by_cancelling_and_told(db: Database) -> None:
    claimed = await planning(db)
    await reserve(db, claimed)
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor=ME)

    assert len((await last(db))["rows"][0]["detail"]["interviews"]) == 1


async def test_what_no_desk_can_do_is_refused_by_name(db: Database) -> None:
    with pytest.raises(DatabaseError, match="no command reopen_candidate"):
        await db.bot_turn(update_id=1, **CHAT, command={"reopen_candidate": {}})
