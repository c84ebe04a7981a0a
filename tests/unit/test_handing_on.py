"""Desk time, and when a question that nobody answers goes to the next admin: never at night, on weekends or on holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.desk import DeskHours
from domain.hours import WeekHours
from lifecycle.handing_on import MOST, Chase, Later, Unanswered, chase, later
from sop import Sop
from tests.unit.sop_builders import plain_sop

LA = ZoneInfo("America/Los_Angeles")
TWO_HOURS = timedelta(hours=2)
DESK = DeskHours(
    hours=WeekHours.parse({"mon-fri": ["09:00-12:00", "13:00-18:00"]}), zone=LA, holidays={date(2026, 12, 25)}
)
ALWAYS = DeskHours(hours=WeekHours.parse(["00:00-24:00"]), zone=LA)


def at(text: str, zone: ZoneInfo = LA) -> datetime:
    """A wall time in December 2026 (`7 09:30`, a Monday), or in full."""
    full = text if "-" in text else f"2026-12-{int(text.split()[0]):02d} {text.split()[1]}"
    return datetime.fromisoformat(full).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("7 09:00", "7 11:00"),
        ("7 08:00", "7 11:00"),  # before anybody is there
        ("7 11:30", "7 14:30"),  # over lunch
        ("7 16:00", "7 18:00"),  # the last minute of the day counts
        ("7 17:00", "8 10:00"),  # over night
        ("11 17:30", "14 10:30"),  # Friday to Monday
        ("12 15:00", "14 11:00"),  # asked on a Saturday
        ("24 17:00", "28 10:00"),  # Christmas is a Friday, then comes the weekend
    ],
)
def test_two_hours_of_desk_time(start: str, due: str) -> None:
    assert DESK.after(at(start), TWO_HOURS) == at(due)


@pytest.mark.parametrize(
    ("start", "length", "due"),
    [
        ("2027-03-13 22:00", 6, "2027-03-14 05:00"),  # a night that is an hour short
        ("2026-10-31 22:00", 6, "2026-11-01 03:00"),  # a night that is an hour long
    ],
)
def test_elapsed_time_is_counted_when_the_clocks_change(start: str, length: int, due: str) -> None:
    assert ALWAYS.after(at(start), timedelta(hours=length)) == at(due)


def test_hours_that_a_clock_change_skips_are_no_time_at_all() -> None:
    desk = DeskHours(hours=WeekHours.parse({"sun": ["02:45-03:00"], "mon": ["09:00-10:00"]}), zone=LA)

    assert desk.after(at("2027-03-14 00:00"), timedelta(minutes=15)) == at("2027-03-15 09:15")


def test_a_desk_that_is_closed_for_good_is_never_due() -> None:
    every = [date(2026, 1, 1) + timedelta(days=number) for number in range(1000)]
    closed = DeskHours(hours=WeekHours.parse(["09:00-17:00"]), zone=LA, holidays=every)

    assert closed.after(at("7 09:00"), TWO_HOURS) is None
    question = Unanswered(since=at("7 09:00"))
    assert chase(question, now=at("2027-06-01 09:00"), desk=closed, after=TWO_HOURS) is Chase.NOTHING
    assert later(at("7 09:00"), closed) == {Later.HOUR: at("7 10:00")}


@pytest.mark.parametrize(
    ("moment", "there"),
    [("7 09:00", True), ("7 08:59", False), ("7 12:00", False), ("7 17:59", True), ("7 18:00", False), ("25 10:00", False)],
)  # fmt: skip
def test_the_desk_is_open_when_it_is_staffed(moment: str, there: bool) -> None:
    assert DESK.is_open(at(moment)) is there


def decided(now: str, since: str = "7 09:00", handed: int = 0, put_off: str = "") -> Chase:
    question = Unanswered(since=at(since), handed=handed, put_off_until=at(put_off) if put_off else None)
    return chase(question, now=at(now), desk=DESK, after=TWO_HOURS)


def test_an_unanswered_question_is_handed_on_and_in_the_end_everybody_is_told() -> None:
    assert decided("7 10:59") is Chase.NOTHING
    assert [decided("7 11:00", handed=handed) for handed in range(MOST)] == [Chase.HAND_ON] * MOST
    assert decided("7 11:00", handed=MOST) is Chase.TELL_ALL
    assert decided("7 11:00", handed=MOST + 1) is Chase.TELL_ALL


def test_nobody_is_chased_outside_of_desk_hours() -> None:
    assert decided("7 18:00", since="7 16:00") is Chase.NOTHING  # due at the very end of the day
    assert decided("8 03:00", since="7 16:00") is Chase.NOTHING
    assert decided("8 09:00", since="7 16:00") is Chase.HAND_ON
    assert decided("12 11:00") is Chase.NOTHING


def test_a_question_that_was_put_off_is_left_alone_until_two_hours_after_it_came_back() -> None:
    assert decided("7 15:00", put_off="7 15:30") is Chase.NOTHING
    assert decided("7 17:29", put_off="7 15:30") is Chase.NOTHING
    assert decided("7 17:30", put_off="7 15:30") is Chase.HAND_ON
    assert decided("8 11:00", since="8 09:30", put_off="7 15:30") is Chase.NOTHING  # it has come to somebody else since


@pytest.mark.parametrize(
    ("now", "afternoon", "morning"),
    [
        ("7 09:30", "7 14:00", "8 09:00"),
        ("7 13:30", "7 14:00", "8 09:00"),
        ("7 14:00", None, "8 09:00"),
        ("7 20:00", None, "8 09:00"),
        ("11 10:00", "11 14:00", "14 09:00"),  # a Friday
        ("12 10:00", None, "14 09:00"),
        ("24 10:00", "24 14:00", "28 09:00"),
    ],
)
def test_what_a_question_can_be_put_off_to(now: str, afternoon: str | None, morning: str) -> None:
    wanted = {Later.HOUR: at(now) + timedelta(hours=1), Later.AFTERNOON: afternoon and at(afternoon)}
    wanted |= {Later.MORNING: at(morning)}

    assert later(at(now), DESK) == {name: moment for name, moment in wanted.items() if moment}


def test_a_desk_that_opens_late_has_its_afternoon_then() -> None:
    late = DeskHours(hours=WeekHours.parse({"mon-fri": ["16:00-20:00"]}), zone=LA)

    assert later(at("7 10:00"), late)[Later.AFTERNOON] == at("7 16:00")


def test_the_desks_hours_are_its_own_else_everybodys_else_those_of_an_office() -> None:
    plain = {**plain_sop(), "timezone": "Asia/Kolkata", "holidays": ["12-25"]}
    hours = {"mon-fri": ["10:00-16:00"]}

    own = Sop.parse(plain | {"desk_hours": hours, "working_hours": ["08:00-20:00"]})
    shared = Sop.parse(plain | {"working_hours": hours})
    none = Sop.parse(plain)

    assert own.desk == shared.desk == DeskHours(hours=WeekHours.parse(hours), zone=own.zone, holidays=own.holidays)
    assert str(none.desk.hours) == "Mon-Fri 09:00-18:00"
    assert none.escalation_after == TWO_HOURS
    assert len({own.version, none.version, Sop.parse(plain | {"escalation_after": "3h"}).version}) == 3
    assert Sop.parse(own.plain()) == own
