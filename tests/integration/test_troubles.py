"""What a program remembers of calendars that cannot be used: the database is called when something begins or ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from booking.troubles import WATCH, WRITE, Troubles
from calendar_utils import Calendars
from calendars.base import Owner, Unknown
from calendars.local import LocalCalendar
from config import parse_sop
from database.wires import PostgresWire
from domain.errors import CalendarAuthError, CalendarBusy, CalendarError, CalendarRefused
from supabase_db import Database
from tests.after_booking import SOP

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ACCOUNT, ASHA = "calendar:google", "calendar:google:asha@example.com"
MINE = parse_sop(SOP.replace("email: ben@", "calendar: local:ben, email: ben@"), "the test's SOP")
PEOPLE = [MINE.interviewers[who] for who in ("asha", "ben")]
REVOKED = Unknown(reason="Access was revoked.", cure="Run `python main.py connect google`.", calendar="google")
NOT_SHARED = Unknown(reason="Google cannot read it", cure="Share it.", calendar="google:asha@example.com")


class Counting(Database):
    """A database that knows which calls about calendars were made."""

    calls = 0

    async def _call(self, function: str, **arguments: Any) -> Any:
        self.calls += function == "calendars_seen"
        return await super()._call(function, **arguments)


@pytest.fixture
async def counting(dsn: str) -> AsyncIterator[Counting]:
    async with Counting(await PostgresWire.connect(dsn, connections=2)) as db:
        yield db


@pytest.fixture
def calendars(tmp_path: Path) -> Calendars:
    local = LocalCalendar(tmp_path, owners=lambda name: Owner(email=name, zone=MINE.zone))
    return Calendars({"google": local, "local": local}, default="google")


def error(kind: type[CalendarError] = CalendarAuthError, verb: str = "put", **about: Any) -> CalendarError:
    """What the doorway raises for the account of our events."""
    made = kind("It is refused.", **about)
    made.provider, made.verb = "google", verb
    return made


async def asked(db: Database) -> list[str]:
    return [row["subject"] for row in await db.open_escalations()]


async def test_nothing_is_said_of_calendars_that_can_be_read(counting: Counting, calendars: Calendars) -> None:
    troubles = Troubles(counting, calendars)

    for _ in range(3):
        await troubles.read(MINE, PEOPLE, {})
        await troubles.worked(WRITE)

    assert counting.calls == 1  # what other programs have left
    assert await asked(counting) == []


@pytest.mark.parametrize(("why", "subject"), [(REVOKED, ACCOUNT), (NOT_SHARED, ASHA)])
async def test_what_cannot_be_read_is_asked_about_once_and_answers_itself(
    counting: Counting, calendars: Calendars, why: Unknown, subject: str
) -> None:
    troubles = Troubles(counting, calendars)
    await troubles.read(MINE, PEOPLE, {})

    for _ in range(3):
        await troubles.read(MINE, PEOPLE, {"asha": why})
        await troubles.read(MINE, PEOPLE[1:], {})  # somebody else's calendar says nothing of it

    assert (await asked(counting), counting.calls) == ([subject], 2)
    for _ in range(3):
        await troubles.read(MINE, PEOPLE, {})
    assert (await asked(counting), counting.calls) == ([], 3)


async def test_the_question_names_the_calendar_its_people_and_the_cure(
    counting: Counting, calendars: Calendars
) -> None:
    troubles = Troubles(counting, calendars)
    await troubles.read(MINE, PEOPLE, {"asha": REVOKED})
    await troubles.read(MINE, PEOPLE, {"asha": NOT_SHARED})

    account, person = await counting.open_escalations()

    assert (account["name"], account["detail"]["people"]) == ("Google calendars", ["Asha Rao", "Chloe Tran"])
    assert account["reason"] == "Access was revoked.\nRun `python main.py connect google`."
    assert (person["name"], person["reason"]) == ("Asha Rao's calendar", "Google cannot read it\nShare it.")
    assert person["detail"]["people"] == ["Asha Rao"]


async def test_what_passes_by_itself_is_no_trouble(counting: Counting, calendars: Calendars) -> None:
    troubles = Troubles(counting, calendars)
    hiccup = Unknown(
        reason="internalError", cure="The next try may do.", passing=True, calendar="google:asha@example.com"
    )

    await troubles.read(MINE, PEOPLE, {"asha": hiccup})
    for passing in (error(CalendarBusy, reason="rateLimitExceeded"), error(CalendarRefused), CalendarAuthError()):
        assert await troubles.failed(passing) is None

    assert await asked(counting) == []


async def test_what_may_still_be_read_need_not_be_written(counting: Counting, calendars: Calendars) -> None:
    troubles = Troubles(counting, calendars)

    assert [await troubles.failed(error()) for _ in range(3)] == [ACCOUNT] * 3
    await troubles.read(MINE, PEOPLE, {})
    await troubles.worked(WATCH)
    assert (await asked(counting), counting.calls) == ([ACCOUNT], 2)

    await troubles.worked(WRITE)
    assert (await asked(counting), counting.calls) == ([], 3)


async def test_an_account_that_failed_in_several_ways_has_to_work_in_all_of_them(
    counting: Counting, calendars: Calendars
) -> None:
    troubles = Troubles(counting, calendars)
    await troubles.failed(error(verb="changes"))
    await troubles.failed(error(verb="put"))
    await troubles.read(MINE, PEOPLE, {"asha": REVOKED})

    for way in (WATCH, WRITE):
        await troubles.worked(way)
        assert await asked(counting) == [ACCOUNT]
    await troubles.read(MINE, PEOPLE, {})

    assert (await asked(counting), counting.calls) == ([], 3)


async def test_the_parts_of_a_program_tell_it_once(counting: Counting, calendars: Calendars) -> None:
    troubles = Troubles(counting, calendars)

    await asyncio.gather(*(troubles.failed(error()) for _ in range(4)))
    await asyncio.gather(*(troubles.worked(WRITE) for _ in range(4)), troubles.read(MINE, PEOPLE, {}))

    assert await asked(counting) == []
    assert counting.calls <= 6  # each may find on its own what other programs have left
    assert [row["action"] for row in await counting.audit_trail()] == ["calendar_failed", "calendar_works"]


async def test_a_limit_that_lasts_is_told_with_its_end_and_again_when_it_lasts_longer(
    counting: Counting, calendars: Calendars
) -> None:
    troubles, ends = Troubles(counting, calendars), [NOW + timedelta(hours=hours) for hours in (3, 6)]

    for end in (ends[0], ends[0] + timedelta(seconds=1), ends[1]):
        await troubles.failed(error(CalendarBusy, reason="quotaExceeded", retry_at=end))

    (row,) = await counting.open_escalations()
    assert datetime.fromisoformat(row["detail"]["until"]) == ends[1]
    assert counting.calls == 3
    assert len(await counting.claim_notices(channel="telegram")) == 1
    await troubles.worked(WRITE)
    assert await asked(counting) == []


async def test_programs_learn_of_each_others_troubles(counting: Counting, calendars: Calendars) -> None:
    one, other = Troubles(counting, calendars), Troubles(counting, calendars)
    await other.read(MINE, PEOPLE, {})
    await one.failed(error())

    other.waited(ACCOUNT)  # a candidate comes whom the first has left waiting
    await other.worked(WRITE)
    assert await asked(counting) == []
    after_a_restart = Troubles(counting, calendars)
    await one.failed(error())
    await one.worked(WRITE)
    await after_a_restart.worked(WRITE)
    assert await asked(counting) == []


async def test_what_an_admin_has_closed_is_asked_again_after_a_day(
    counting: Counting, calendars: Calendars, admin: Any
) -> None:
    troubles = Troubles(counting, calendars)
    await troubles.read(MINE, PEOPLE, {"asha": REVOKED})
    (row,) = await counting.open_escalations()
    await counting.resolve_escalation(escalation_id=row["id"], actor="telegram:7", resolution="known")

    await troubles.closed(ACCOUNT)
    await troubles.read(MINE, PEOPLE, {"asha": REVOKED})
    assert await asked(counting) == []
    admin.execute("update escalations set resolved_at = now() - interval '25 hours'")
    await troubles.closed(ACCOUNT)
    await troubles.read(MINE, PEOPLE, {"asha": REVOKED})
    assert await asked(counting) == [ACCOUNT]
