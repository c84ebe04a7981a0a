"""The morning's message, from what is in the database to what admins read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from booking.digest import tell_digest
from sop import Sop
from supabase_db import Database
from tests.builders import make_request, make_reservation
from tests.chat_driver import ADMIN, Person, TelegramPerson
from tests.integration.life import booked, enqueue, planning

MORNING = datetime(2026, 12, 7, 16, 30, tzinfo=UTC)  # a Monday, 08:30 in Los Angeles
SATURDAY = MORNING + timedelta(days=5)
CHRISTMAS = MORNING + timedelta(days=18)  # a Friday
NOTHING = "no interviews today, and nothing waits for you."


async def interviews(db: Database, count: int, first: datetime = MORNING) -> None:
    """So many candidates who have an interview each, one after the other from half an hour after the message on."""
    for number in range(count):
        start = first + timedelta(minutes=30 * (number + 1))
        seats = [{"interviewer": "ben", "backup": number == 1, "hold_until": start + timedelta(minutes=30)}]
        row = make_reservation(start, minutes=30, seats=seats)
        await booked(db, [row], request=make_request(name=f"Candidate {number + 1}"))


async def question(db: Database, name: str = "Omar Haddad") -> None:
    claimed = await planning(db, request=make_request(name=name))
    await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")


async def told(db: Database, sop: Sop, *moments: datetime) -> list[str]:
    """The days that are told of when somebody looks at these moments."""
    for now in moments:
        await tell_digest(db, sop, now)
    return [notice["payload"]["date"] for notice in await db.claim_notices(channel="telegram", limit=100)]


async def test_all_that_a_day_brings_is_told_in_one_message(person: Person) -> None:
    await interviews(person.db, 12)
    await question(person.db)
    await enqueue(person.db)
    await person.reads_news()

    await tell_digest(person.db, person.current_sop, MORNING - timedelta(seconds=1))
    assert await person.reads_news() == ""
    await tell_digest(person.db, person.current_sop, MORNING)
    heard = await person.reads_news()

    lines = heard.split("\n")
    assert lines[:4] == [
        "📅 Mon 7 Dec 2026: 12 interviews today",
        "",
        "09:00 Introduction: Candidate 1 with Ben Ortiz",
        "09:30 Introduction: Candidate 2 with Ben Ortiz (backup)",
    ]
    assert lines[11:15] == [
        "13:30 Introduction: Candidate 10 with Ben Ortiz",
        "… and 2 more: /agenda shows all.",
        "Times are in America/Los_Angeles.",
        "",
    ]
    assert lines[15].startswith("❗ 1 decision to make, since ")
    assert lines[15].endswith(": Omar Haddad.")
    assert lines[16:] == [
        "/escalations shows what can be done.",
        "⏳ 1 candidate waits in the queue.",
        "",
        "✅ Calendars, messages and the log are well.",
    ]


async def test_a_working_day_without_anything_is_one_line(person: Person) -> None:
    await tell_digest(person.db, person.current_sop, MORNING)

    assert await person.reads_news() == f"📅 Mon 7 Dec 2026: {NOTHING}"
    await tell_digest(person.db, person.current_sop, MORNING + timedelta(minutes=1))
    assert await person.reads_news() == ""


@pytest.mark.parametrize("day", [SATURDAY, CHRISTMAS], ids=["weekend", "holiday"])
async def test_a_day_off_without_anything_is_left_in_peace(database: Database, sop: Sop, day: datetime) -> None:
    assert await told(database, sop, day) == []

    await question(database)

    assert await told(database, sop, day + timedelta(minutes=1)) == []  # it has its own message


@pytest.mark.parametrize("day", [SATURDAY, CHRISTMAS], ids=["weekend", "holiday"])
async def test_a_day_off_is_told_of_when_there_is_something(database: Database, sop: Sop, day: datetime) -> None:
    await interviews(database, 1, day)

    assert await told(database, sop, day) == [f"{day:%Y-%m-%d}"]


async def test_a_program_that_was_down_tells_it_late_but_not_too_late(database: Database, sop: Sop) -> None:
    hours = [timedelta(hours=hour) for hour in (-1, 4, 15, 24 + 3, 24 + 5)]

    assert await told(database, sop, *(MORNING + after for after in hours)) == ["2026-12-08"]


async def test_programs_that_look_at_the_same_time_tell_it_once(database: Database, sop: Sop) -> None:
    await interviews(database, 1)

    await asyncio.gather(*(tell_digest(database, sop, MORNING) for _ in range(4)))

    assert await told(database, sop) == ["2026-12-07"]


@pytest.mark.parametrize(
    ("at", "days"),
    [("never", []), ("9:00", ["2026-12-08"]), ("06:00", ["2026-12-07", "2026-12-08"])],
)
async def test_the_sop_says_when(database: Database, sop: Sop, at: str, days: Sequence[str]) -> None:
    changed = sop.changed({"digest_at": at})

    assert await told(database, changed, MORNING, MORNING + timedelta(days=1, hours=1)) == days


async def test_every_admin_hears_it(database: Database, sop: Sop) -> None:
    person = TelegramPerson(database, sop, admins=(ADMIN, ADMIN + 1))
    await person.comes()
    await tell_digest(database, sop, MORNING)

    await person.reads_news()

    await person.leaves()
    assert [(one.chat, one.text.endswith(NOTHING)) for one in person.server.log] == [(ADMIN, True), (ADMIN + 1, True)]
