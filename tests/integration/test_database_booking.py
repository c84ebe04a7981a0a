"""Booking over both wires: nobody is in two places, a plan is taken whole or not at all, and events come after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.errors import CheckViolation, ExclusionViolation

from domain.errors import SlotTaken, WrongState
from supabase_db import Database
from tests.builders import MONDAY, at, make_request, make_reservation
from tests.integration.life import EVENT, booked, booking, claim, enqueue, look, planning, reserve, write_all

Admin = Connection[tuple[Any, ...]]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (make_reservation(at("09:00"), ("asha",)), "the same time"),
        (make_reservation(at("08:30"), ("asha",)), "its end"),
        (make_reservation(at("09:59"), ("asha",)), "its start"),
        (make_reservation(at("09:15"), ("asha",), minutes=15), "within"),
        (make_reservation(at("10:00"), ("asha",)), "the buffer after"),
        (make_reservation(at("10:10"), ("ben", "asha")), "the buffer, as one of a panel"),
        (make_reservation(at("07:50"), ("asha",), buffer=15), "its own buffer reaches the start"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_interviewer_is_never_booked_twice(database: Database, second: dict[str, Any], why: str) -> None:
    await booked(database, [make_reservation(at("09:00"), ("asha",), buffer=15)])
    claimed = await planning(database)

    with pytest.raises(SlotTaken):
        await reserve(database, claimed, [second])

    assert (await look(database, claimed.candidate_id))["interviews"] == [], why


@pytest.mark.parametrize(
    "second",
    [
        make_reservation(at("10:15"), ("asha",)),  # where the buffer ends
        make_reservation(at("08:00"), ("asha",)),  # ends where the other starts
        make_reservation(at("07:45"), ("asha",), buffer=15),  # with its own buffer just so
        make_reservation(at("09:00"), ("ash",)),  # another person
    ],
)
async def test_times_that_only_touch_are_free(database: Database, second: dict[str, Any]) -> None:
    await booked(database, [make_reservation(at("09:00"), ("asha",), buffer=15)])
    claimed = await planning(database)

    reserved = await reserve(database, claimed, [second])

    assert len(reserved["interviews"]) == 1


async def test_a_candidate_is_never_booked_twice_even_for_two_courses(db: Database) -> None:
    await booked(db, [make_reservation(at("09:00"), ("asha",))], request=make_request(email="priya@example.com"))
    claimed = await planning(db, request=make_request(email="priya@example.com", course="python"), key="other")

    with pytest.raises(SlotTaken):
        await reserve(db, claimed, [make_reservation(at("09:30"), ("ben",))])
    await reserve(db, claimed, [make_reservation(at("10:00"), ("ben",))])  # a candidate needs no buffer


async def test_a_plan_is_taken_whole_or_not_at_all(db: Database, admin: Admin) -> None:
    await booked(db, [make_reservation(at("11:00"), ("ben",))])
    claimed = await planning(db)
    free, taken = make_reservation(at("09:00")), make_reservation(at("11:30"), ("ben",), round="core", position=1)

    with pytest.raises(SlotTaken):
        await reserve(db, claimed, [free, taken])

    counts = admin.execute(
        "select (select count(*) from interviews), (select count(*) from holds), (select count(*) from calendar_writes)"
    ).fetchone()
    assert counts == (1, 2, 1)
    again = await db.reserve(**claimed.names, sop_version="sop-1", interviews=[free])  # and it can go on from there
    assert len(again["interviews"]) == 1


async def test_a_reservation_keeps_the_plan_and_its_reasons(db: Database) -> None:
    seats = [
        {"interviewer": "zoe", "backup": False, "hold_until": at("10:15")},
        {"interviewer": "asha", "backup": True, "hold_until": at("10:00")},
    ]
    panel = make_reservation(at("09:00"), round="panel", position=2, title="Panel", seats=seats, why={"rank": 1})
    claimed, reserved = await booking(db, [panel, make_reservation(at("07:00"))])

    interviews = reserved["interviews"]

    assert [interview["round"] for interview in interviews] == ["intro", "panel"]
    assert interviews[1]["interviewers"] == ["zoe", "asha"]
    assert interviews[1]["why"] == {"rank": 1}
    assert interviews[1]["sop_version"] == "sop-1"
    assert interviews[1]["seats"][1] == {
        "interviewer": "asha",
        "backup": True,
        "hold_until": "2026-12-07T10:00:00+00:00",
    }
    assert (await look(db, claimed.candidate_id))["sop_version"] == "sop-1"


async def test_nothing_is_no_plan(db: Database) -> None:
    claimed = await planning(db)

    with pytest.raises(WrongState, match="nothing to reserve"):
        await reserve(db, claimed, [])


@pytest.mark.parametrize(
    "during", ["empty", "[2026-12-07 09:00+00,)", "(,2026-12-07 09:00+00)", "[2026-12-07 09:00+00,infinity)"]
)
async def test_a_hold_without_a_length_is_refused_by_the_table_itself(
    database: Database, admin: Admin, during: str
) -> None:
    _, reserved = await booking(database)

    with pytest.raises(CheckViolation):
        admin.execute(
            "insert into holds (interview_id, person, during) values (%s, 'interviewer:ben', %s)",
            [reserved["interviews"][0]["id"], during],
        )


async def test_the_table_itself_refuses_overlaps_and_takes_them_when_freed(database: Database, admin: Admin) -> None:
    claimed, _ = await booking(database)
    insert = "insert into holds (interview_id, person, during) select interview_id, person, during from holds limit 1"

    with pytest.raises(ExclusionViolation, match="holds_no_overlap"):
        admin.execute(insert)
    await database.cancel_candidate(candidate_id=claimed.candidate_id, actor="t")
    admin.execute(insert)
    with pytest.raises(ExclusionViolation):
        admin.execute("update holds set live = true")


async def test_a_cancelled_time_can_be_taken_at_once(db: Database) -> None:
    claimed = await booked(db, [make_reservation(at("09:00"))])
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7")
    again = await claim(db)
    await db.release(**again.names, not_before=datetime.now(UTC) + timedelta(hours=1))

    second = await planning(db)

    assert (await reserve(db, second, [make_reservation(at("09:00"))]))["interviews"]


async def test_an_event_is_recorded_once_and_with_its_links(db: Database) -> None:
    claimed, reserved = await booking(db)
    write = reserved["writes"][0]

    first = await db.write_done(write_id=write["id"], fence=claimed.fence, result=EVENT)
    again = await db.write_done(write_id=write["id"], fence=claimed.fence, result={"handle": "another"})

    assert (first["status"], first["attempts"], first["handle"]) == ("done", 1, "event-1")
    assert again == first


async def test_a_write_that_failed_for_now_waits_and_keeps_the_candidate_from_settling(db: Database) -> None:
    claimed, reserved = await booking(db)
    write, later = reserved["writes"][0], datetime(2030, 1, 1, tzinfo=UTC)

    for _ in range(2):  # the second is the first, repeated
        failed = await db.write_failed(
            write_id=write["id"], fence=claimed.fence, reason="rate", message="slow down", retry_at=later
        )

    assert (failed["status"], failed["attempts"], failed["retry_at"]) == ("pending", 1, "2030-01-01T00:00:00+00:00")
    with pytest.raises(WrongState, match="not written yet"):
        await db.settle(**claimed.names)
    await write_all(db, claimed, [write])
    assert (await db.settle(**claimed.names))["status"] == "booked"


async def test_a_write_that_failed_for_good_can_only_be_escalated(db: Database) -> None:
    claimed, reserved = await booking(db)
    write = reserved["writes"][0]
    await db.write_failed(write_id=write["id"], fence=claimed.fence, reason="forbidden", message="no access")

    with pytest.raises(WrongState, match="not written yet"):
        await db.settle(**claimed.names)
    with pytest.raises(WrongState, match="failed, no longer pending"):
        await db.write_done(write_id=write["id"], fence=claimed.fence, result=EVENT)
    escalation = await db.escalate(**claimed.names, kind="calendar", reason="no access")

    assert escalation["candidate_status"] == "escalated"
    assert await db.booked_between(start=MONDAY, end=MONDAY + timedelta(days=1)) == []


async def test_an_event_that_cannot_be_cancelled_is_for_an_admin(db: Database) -> None:
    claimed = await booked(db)
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7")
    found = await db.claim(worker="w1")
    assert found
    fence = found["candidate"]["fence"]

    await db.write_failed(write_id=found["writes"][0]["id"], fence=fence, reason="forbidden", message="no access")
    settled = await db.settle(candidate_id=claimed.candidate_id, fence=fence)

    assert settled["status"] == "cancelled"
    escalations = await db.open_escalations()
    assert [(found["kind"], "no access" in found["reason"]) for found in escalations] == [("undo", True)]


async def test_a_second_reason_of_a_kind_replaces_the_first(db: Database) -> None:
    claimed = await planning(db)
    first = await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")
    await db.resolve_escalation(escalation_id=first["id"], actor="telegram:7", resolution="will call")
    await db.requeue(candidate_id=claimed.candidate_id, actor="telegram:7")
    again = await claim(db)

    second = await db.escalate(**again.names, kind="no_plan", reason="Still none.")
    repeated = await db.escalate(**again.names, kind="no_plan", reason="Still none.")

    assert second["id"] != first["id"]
    assert (repeated["id"], repeated["changed"]) == (second["id"], False)
    assert [found["reason"] for found in await db.open_escalations()] == ["Still none."]


async def test_resolving_twice_keeps_the_first_answer(db: Database) -> None:
    claimed = await planning(db)
    opened = await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")

    first = await db.resolve_escalation(escalation_id=opened["id"], actor="telegram:7", resolution="rang")
    again = await db.resolve_escalation(escalation_id=opened["id"], actor="telegram:8", resolution="wrote")

    assert (first["changed"], again["changed"]) == (True, False)
    assert (again["resolved_by"], again["resolution"]) == ("telegram:7", "rang")


async def test_interviews_before_during_and_after_are_told_apart_by_instants(db: Database) -> None:
    await enqueue(db)
    await reserve(db, await claim(db), [make_reservation(at("09:00"))])
    seven_hours_west = datetime.fromisoformat("2026-12-07T02:30:00-07:00")

    found = await db.booked_between(start=seven_hours_west, end=seven_hours_west + timedelta(minutes=1))

    assert [interview["start"] for interview in found] == ["2026-12-07T09:00:00+00:00"]
