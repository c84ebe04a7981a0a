"""Looking ahead with the calendars before anything is decided: what another SOP would mean, and who is free next."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from booking import foresight
from booking.foresight import LookAhead
from calendar_utils import Calendars
from supabase_db import Database
from tests.acceptance.test_chat import takes_in
from tests.acceptance.test_chat_changes import Office, booked, with_office
from tests.acceptance.test_chat_sop import CORE, TEXT, in_force
from tests.builders import make_request
from tests.chat_driver import NOW, Person, TelegramPerson

ROOM = ("next 4 weeks", "06:00-19:00", "America/Los_Angeles")
HOPELESS = TEXT.replace(CORE, CORE.replace("backups: [ravi]", "when: {sun: ['01:00-02:00']}"))
GRACE = "    name: Grace Kim\n"
LATE = GRACE + '    working_hours: {mon-fri: ["16:00-18:00"]}\n'
NOTHING = "Nobody would gain or lose a plan, and no booked interview would break a rule."


@pytest.fixture
async def office(person: Person, tmp_path: Path) -> Office:
    return with_office(person, tmp_path)


def reads(office: Office) -> int:
    """How often calendars were asked for busy times."""
    return sum(one.calls for one in office.calendars.statistics() if one.verb == "busy")


async def everything(db: Database) -> tuple[Any, ...]:
    """What must stay as it is while somebody only looks."""
    open_ones = await db.open_candidates(now=NOW)
    return await db.audit_trail(limit=1_000), open_ones, await db.active_sop(), await db.open_escalations()


# Another SOP --------------------------------------------------------------------------------------------------------------------


async def test_who_has_no_plan_and_would_get_one_is_named(person: Person, office: Office) -> None:
    await in_force(person, HOPELESS)
    await takes_in(person, "Priya Nair", "priya@example.com", "java", *ROOM)
    await takes_in(person, "Bo <Li>", "bo@example.com", "java", *ROOM)
    await takes_in(person, "Ann Ray", "ann@example.com", "data", "next 4 weeks", "01:00-02:00", ROOM[-1])
    await office.works(person)
    before, asked = await everything(person.db), reads(office)

    shown = await person.sends("new.yaml", TEXT.encode())

    assert "What it would mean for 3 open candidates\n" in shown
    assert "✅ 2 of 3 who have no plan now would get one: Priya Nair (done by 27 Nov), Bo <Li> (done by " in shown
    assert "Who waits for a decision is planned again from /escalations." in shown
    assert "Ann Ray" not in shown
    assert reads(office) == asked + 1
    assert await everything(person.db) == before


async def test_who_would_lose_a_plan_and_what_is_booked_against_the_rules_is_named(
    person: Person, office: Office
) -> None:
    await in_force(person, TEXT)
    await booked(person, office)
    await takes_in(person, "Ben Ito", "ito@example.com", "java", *ROOM)
    before = await everything(person.db)

    shown = await person.sends("new.yaml", HOPELESS.replace(GRACE, LATE).encode())

    assert (
        "What it would mean for 2 open candidates\n"
        "❗ Ben Ito, who has a plan now, would have none. Core Java cannot be placed: this round takes place only Sun 01:00-02:00"
    ) in shown
    assert (
        "❗ Linux and networks of Priya Nair on Tue 24 Nov 09:00 PST would be outside Grace Kim's working hours.\n"
        "It stays as it is until you /reschedule.\n"
    ) in shown
    assert await everything(person.db) == before


async def test_going_back_to_an_earlier_sop_is_looked_at_the_same_way(person: Person, office: Office) -> None:
    await in_force(person, HOPELESS)
    await in_force(person, TEXT, "chat")
    await takes_in(person, "Ben Ito", "ito@example.com", "java", *ROOM)
    await person.says("/sop")
    await person.taps("Earlier versions")

    assert "❗ Ben Ito, who has a plan now, would have none." in await person.taps("read from its file")
    assert "✅ The earlier SOP is in force." in await person.taps("Put it in force anyway")


async def test_where_nothing_differs_that_is_said_and_where_nobody_is_open_nothing(
    person: Person, office: Office
) -> None:
    await in_force(person, TEXT)
    renamed = TEXT.replace("name: Asha Rao", "name: Asha R.").encode()
    assert "open candidate" not in await person.sends("new.yaml", renamed)
    await booked(person, office)

    assert f"What it would mean for 1 open candidate\n{NOTHING}\n" in await person.sends("new.yaml", renamed)


async def test_calendars_that_cannot_be_read_are_told_in_a_line(person: Person, office: Office, tmp_path: Path) -> None:
    await in_force(person, TEXT)
    await takes_in(person, "Ben Ito", "ito@example.com", "java", *ROOM)
    torn = tmp_path / "emma@example.com"
    torn.mkdir()
    (torn / "torn.ics").write_text("BEGIN:VCALENDAR")

    shown = await person.sends("new.yaml", HOPELESS.encode())
    assert "❗ Ben Ito, who has a plan now, would have none." in shown
    assert "Calendars that cannot be read just now count as busy: Emma Clarke; /interviewers says why." in shown

    person.foresight = LookAhead(office.db, Calendars({}, default="google"))
    blind = await person.sends("new.yaml", HOPELESS.encode())
    assert (
        "What it would mean for 1 open candidate\n"
        "No booked interview would break a rule.\n"
        "No calendar can be read just now, so I cannot say who would have a plan; /interviewers says why.\n"
    ) in blind
    assert "Put it in force anyway" in blind


async def test_of_very_many_only_as_many_are_looked_at_as_there_is_time_for(
    admin_in_telegram: TelegramPerson, tmp_path: Path
) -> None:
    person = admin_in_telegram
    office = with_office(person, tmp_path)
    await in_force(person, TEXT)
    for number in range(12):
        request = make_request(name=f"Person {number}", email=f"p{number}@example.com")
        await person.db.enqueue(request=request.plain(), key=f"{number}", source="csv", actor="test")
    person.foresight = LookAhead(office.db, office.calendars, clock=slow(foresight.BUDGET / 5))

    shown = await person.sends("new.yaml", HOPELESS.encode())

    assert "What it would mean for 12 open candidates\n" in shown
    assert "I looked at the first 4 of 12; more would take too long." in shown


def slow(step: float) -> Callable[[], float]:
    """A clock on which something takes so many seconds between any two looks."""
    looks = count()
    return lambda: next(looks) * step


async def test_a_bot_without_calendars_says_that_it_cannot_look_ahead(person: Person) -> None:
    await in_force(person, TEXT)

    shown = await person.sends("new.yaml", HOPELESS.encode())

    assert "This bot cannot look into calendars, so it cannot say what this would mean for who is open." in shown


# Interviewers -------------------------------------------------------------------------------------------------------------------


async def test_interviewers_are_shown_with_when_they_are_free_next(person: Person, office: Office) -> None:
    await booked(person, office)
    await person.says("/block ben 23 Nov")
    await person.taps("Block")
    asked = reads(office)

    shown = await person.says("/interviewers")

    assert "Asha Rao: 0 of 10 this week\nFree next: Mon 23 Nov 03:30 PST for 30 min; local calendar\n" in shown
    assert "Introduction with Priya Nair\nFree next: Mon 23 Nov 09:30 PST for 30 min; local calendar\n" in shown
    assert "00:00 PST\nFree next: Tue 24 Nov 09:00 PST for 30 min; local calendar\n" in shown
    assert reads(office) == asked + 1


async def test_a_calendar_that_cannot_be_read_is_told_with_what_to_do(
    person: Person, office: Office, tmp_path: Path
) -> None:
    torn = tmp_path / "asha@example.com"
    torn.mkdir()
    (torn / "torn.ics").write_text("BEGIN:VCALENDAR")

    shown = await person.says("/interviewers")

    assert "Asha Rao: 0 of 10 this week\n❗ Free next: unknown, for the calendar cannot be read\n" in shown
    assert "Ravi Menon: 0 this week\nFree next: Mon 23 Nov 05:30 PST" in shown
    assert "\n❗ Asha Rao: " in shown
    assert "torn.ics" in shown


async def test_one_reason_for_all_is_told_once(person: Person, office: Office) -> None:
    person.foresight = LookAhead(office.db, Calendars({}, default="google"))

    shown = await person.says("/interviewers")

    assert shown.count("Free next: unknown") == 8
    assert "Diego Alvarez, Grace Kim: google is not set up. Run `python main.py connect google`" in shown
    assert shown.count("is not set up") == 1


async def test_without_calendars_the_interviewers_are_shown_all_the_same(person: Person) -> None:
    shown = await person.says("/interviewers")

    assert "Free next" not in shown
    assert "\n\nThis bot cannot look into calendars, so it cannot say who is free next.\n" in shown
