"""What a simulation means for each interviewer: how full they are, whom they keep out, what more of their time would give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.model import Interval, Interview
from sop import Sop
from sop.draws import Arrival
from sop.loads import Load, loads, never_fit, with_more_time
from sop.occupancy import by_hour, less, working
from sop.simulation import Simulation, simulate
from tests.unit.sop_builders import (
    FRIDAY,
    MONDAY,
    NOW,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    interview,
    make_request,
    make_sop,
    span,
)


def simulated(
    count: int, sop: Sop, *, booked: list[Interview] | None = None, busy: Any = None, **changes: Any
) -> Simulation:
    """So many people who ask for the two rounds of an hour that Ben takes, from 09:00 to 12:00 of a week."""
    requests = [make_request(email=f"person{n}@example.com", **changes) for n in range(count)]
    arrivals = [Arrival(asked=NOW, request=request) for request in requests]
    return simulate(sop, arrivals, busy=busy or {}, booked=booked or [])


def bens(simulation: Simulation) -> Load:
    return next(one for one in loads(simulation) if one.who == "ben")


def test_interviews_are_counted_and_set_against_the_free_time() -> None:
    """Ben has 6 hours from Friday noon on, none on Saturday, 10 on Sunday, and 2 between his interview on Monday and the last."""
    booked = [interview("intro", MONDAY, "08:00-09:00", "ben", candidate="other@example.com")]

    load = bens(simulated(1, make_sop(), booked=booked, busy={"ben": [span("2026-06-06", "08:00-18:00")]}))

    assert (load.booked, load.added) == (1, 2)
    assert load.share == pytest.approx(2 / (6 + 10 + 2))
    assert load.heat.there[0][8:12] == (60, 60, 60, 0)
    assert load.heat.taken[0][8:12] == (60, 60, 60, 0)
    assert (sum(load.heat.there[5]), sum(load.heat.there[6])) == (0, 600)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (0, 11)),  # from Friday the 5th to the last interview on Monday the 15th
        ({"interviewers__ben__daily_limit": 2}, (6, 11)),
        ({"interviewers__ben__weekly_limit": 10}, (1, 3)),
    ],
)
def test_how_often_a_limit_is_reached_is_counted(changes: dict[str, int], expected: tuple[int, int]) -> None:
    slots = {"mon-fri": ["09:00-11:00"]}

    load = bens(simulated(6, make_sop(**changes), window=[MONDAY, "2026-06-15"], slots=slots))

    assert (load.full, load.possible) == expected


def test_whom_one_person_alone_keeps_out_is_counted() -> None:
    """Ben is full after seven; Asha could help with the second round only, for which there is no time left then."""
    found = loads(simulated(9, make_sop(courses__java__rounds__core__seats__0__backups=["asha"])))

    assert [(one.who, one.added, one.keeps_out) for one in found] == [("ben", 14, 2), ("asha", 0, 0)]


def test_who_could_never_get_through_is_told_from_who_comes_too_late() -> None:
    late = simulated(9, make_sop())
    never = simulated(2, make_sop(), slots=["20:00-22:00"])

    assert (len(late.refused), never_fit(late), bens(late).keeps_out) == (2, 0, 2)
    assert (len(never.refused), never_fit(never), bens(never).keeps_out) == (2, 2, 0)


def test_a_limit_keeps_people_out_as_busy_time_does() -> None:
    limited = simulated(2, make_sop(interviewers__ben__weekly_limit=2))
    away = simulated(1, make_sop(), busy={"ben": [span(day, "08:00-18:00") for day in DAYS]})

    assert (bens(limited).keeps_out, bens(away).keeps_out) == (1, 1)
    assert bens(away).share is not None


DAYS = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)


def test_one_more_hour_a_day_lengthens_hours_and_limits() -> None:
    hours = {"mon-tue": ["09:00-12:00", "14:00-17:30"], "wed": ["08:00-24:00"], "thu": ["00:00-24:00"]}
    sop = make_sop(
        interviewers__ben__working_hours=hours, interviewers__ben__daily_limit=2, interviewers__ben__weekly_limit=5
    )

    more = with_more_time(sop, "ben").interviewers

    assert more["ben"].working_hours.plain() == {
        "mon-tue": ["09:00-12:00", "14:00-18:30"],
        "wed": ["07:00-24:00"],
        "thu": ["00:00-24:00"],
    }
    assert (more["ben"].daily_limit, more["ben"].weekly_limit) == (3, 9)
    assert more["asha"] == sop.interviewers["asha"]
    assert with_more_time(sop, "asha").interviewers["asha"].weekly_limit is None


def test_one_more_hour_lets_more_people_through() -> None:
    sop = make_sop(interviewers__ben__working_hours={"mon-fri": ["09:00-11:00"]})

    assert len(simulated(9, sop).plans) == 5
    assert len(simulated(9, with_more_time(sop, "ben")).plans) == 7


# Time -------------------------------------------------------------------------------------------------------------


def test_time_at_work_leaves_out_days_off_and_holidays_and_ends_with_the_period() -> None:
    sop = make_sop(interviewers__ben__days_off=[TUESDAY], holidays=[WEDNESDAY])
    start, end = (
        datetime.fromisoformat(f"{day}T{clock}+00:00") for day, clock in ((MONDAY, "10:00"), (FRIDAY, "09:30"))
    )

    found = working(sop, sop.interviewers["ben"], Interval(start=start, end=end))

    walls = [tuple(f"{datetime.fromtimestamp(edge, UTC):%a %H:%M}" for edge in one) for one in found]
    assert walls == [("Mon 10:00", "Mon 18:00"), ("Thu 08:00", "Thu 18:00"), ("Fri 08:00", "Fri 09:30")]


@pytest.mark.parametrize(
    ("others", "left"),
    [
        ([], [(0, 10), (20, 30)]),
        ([(0, 30)], []),
        ([(2, 4), (3, 6)], [(0, 2), (6, 10), (20, 30)]),
        ([(5, 25)], [(0, 5), (25, 30)]),
        ([(10, 20), (40, 50)], [(0, 10), (20, 30)]),
        ([(-5, 0), (0, 1), (9, 21), (29, 99)], [(1, 9), (21, 29)]),
    ],
)
def test_stretches_are_taken_out_of_others(others: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert less([(20, 30), (0, 10)], others) == left


def test_minutes_are_told_by_weekday_and_hour_of_the_sops_zone_also_when_clocks_change() -> None:
    """The night to Sunday, 1 November 2026, in Los Angeles: from 00:30 to 03:15, with the hour from 01:00 twice."""
    sop = make_sop(timezone="America/Los_Angeles")
    start = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)

    week = by_hour(sop, [(int(start.timestamp()), int((start + timedelta(hours=3, minutes=45)).timestamp()))])

    assert week[6][:5] == (30, 120, 60, 15, 0)
    assert sum(map(sum, week)) == 225
