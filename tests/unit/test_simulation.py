"""Simulations: candidates are drawn alike from the same lots, planned one after another, and nobody is taken twice."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from config import load_sop
from sop import NoPlan, Plan, Sop, verify
from sop.draws import SLOTS, Arrival, draw_candidates
from sop.simulation import Simulation, median, simulate, within
from tests.unit.sop_builders import MONDAY, NOW, TUESDAY, at, interview, make_request, make_sop, span

TODAY = date(2026, 11, 21)  # a Saturday
SOP = load_sop(Path(__file__).parents[2] / "sop.yaml")


def drawn(count: int = 40, seed: int = 1, weeks: int = 4, sop: Sop = SOP) -> tuple[Arrival, ...]:
    return draw_candidates(sop, count, first=TODAY, weeks=weeks, lots=random.Random(seed).random)


def people(*names: str, sop: Sop | None = None, **changes: object) -> Simulation:
    """A simulation of people who ask one after another for the two rounds that Ben takes."""
    requests = [make_request(name=name, email=f"{name}@example.com", **changes) for name in names]
    arrivals = [Arrival(asked=NOW + timedelta(minutes=n), request=request) for n, request in enumerate(requests)]
    return simulate(sop or make_sop(), arrivals, busy={}, booked=[])


# Drawing ----------------------------------------------------------------------------------------------------------


def test_equal_lots_draw_equal_candidates() -> None:
    assert drawn(seed=7) == drawn(seed=7)
    assert drawn(seed=7) != drawn(seed=8)


def test_fewer_candidates_are_the_first_of_more() -> None:
    few, many = ({one.request.email: one for one in drawn(count)} for count in (10, 30))

    assert few == {email: many[email] for email in few}


def test_candidates_ask_in_order_on_weekdays_at_office_hours() -> None:
    asked = [one.asked.astimezone(SOP.zone) for one in drawn(200)]

    assert asked == sorted(asked)
    assert {moment.weekday() for moment in asked} == set(range(5))
    assert all(9 <= moment.hour < 17 for moment in asked)
    assert (min(asked).date(), max(asked).date()) == (date(2026, 11, 23), date(2026, 12, 18))


def test_windows_begin_soon_and_last_two_to_four_weeks() -> None:
    for one in drawn(200):
        first, last = one.request.window
        ahead = (first - one.asked.astimezone(SOP.zone).date()).days

        assert 2 <= ahead <= 6
        assert 14 <= (last - first).days + 1 <= 28
        assert all(first <= day <= last for day in one.request.blocked_dates)


def test_everything_that_can_be_drawn_is_drawn_about_as_often_as_said() -> None:
    requests = [one.request for one in drawn(1000)]

    assert {one.course for one in requests} == set(SOP.courses)
    assert all(290 <= sum(one.course == course for one in requests) <= 380 for course in SOP.courses)
    for weight, slots in SLOTS:
        assert abs(sum(one.slots == slots for one in requests) - 10 * weight) < 50
    assert 150 < sum(one.timezone is not None for one in requests) < 250
    assert 200 < sum(bool(one.blocked_dates) for one in requests) < 300


# Simulating -------------------------------------------------------------------------------------------------------


def test_every_plan_obeys_the_rules_beside_those_before_it() -> None:
    busy = {"chloe": [span(TUESDAY, "08:00-18:00")]}
    before = [interview("intro", MONDAY, "17:00-17:30", "chloe", course="devops")]
    taken, plans = list(before), 0

    result = simulate(SOP, drawn(), busy=busy, booked=before)

    for one in result.outcomes:
        if isinstance(one.result, Plan):
            verify(SOP, one.result, one.arrival.request, busy, taken, one.arrival.asked)
            taken += one.result.interviews
            plans += 1
    assert plans == len(result.plans) > 20
    assert result.added == tuple(taken[1:])


def test_the_same_is_simulated_again() -> None:
    one, other = (simulate(SOP, drawn(), busy={}, booked=[]) for _ in range(2))

    assert one.added == other.added
    assert one.stuck == other.stuck


def test_who_comes_later_gets_what_is_left() -> None:
    """Ben has three hours a day in the candidates' slots, on five days: room for seven pairs of rounds and one round more."""
    result = people(*(f"person{n}" for n in range(9)))

    assert [isinstance(one.result, Plan) for one in result.outcomes] == [True] * 7 + [False] * 2
    assert result.days() == [3, 4, 4, 5, 6, 6, 7]
    assert (result.asked_for("java"), len(result.days("java")), result.days("php")) == (9, 7, [])


def test_where_somebody_is_stuck_is_told() -> None:
    stuck = people("ada", sop=make_sop(courses__java__rounds__core__when=["sat"]))
    together = people("bob", sop=make_sop(courses__java__distinct_interviewers=True))

    assert dict(stuck.stuck) == {("java", "core"): 1}
    assert dict(together.stuck) == {("java", ""): 1}
    assert isinstance(together.outcomes[0].result, NoPlan)


def test_a_course_that_is_not_there_is_no_error() -> None:
    result = people("ada", "bob", course="php")

    assert [one.result for one in result.outcomes] == [None, None]
    assert dict(result.stuck) == {("php", ""): 2}
    assert result.days() == []


def test_who_is_booked_already_is_planned_as_if_not() -> None:
    booked = [
        interview("intro", MONDAY, "09:00-10:00", "ben"),
        interview("core", MONDAY, "10:00-11:00", "ben"),
        interview("intro", TUESDAY, "09:00-10:00", "ben", candidate="other@example.com"),
    ]

    result = simulate(make_sop(), [Arrival(asked=NOW, request=make_request())], busy={}, booked=booked)

    assert [one.start for one in result.added] == [at(MONDAY, "09:00"), at(MONDAY, "10:00")]
    assert result.booked == tuple(booked[2:])


def test_progress_is_told_after_each() -> None:
    steps: list[int] = []

    simulate(SOP, drawn(5), busy={}, booked=[], progress=lambda: steps.append(1))

    assert len(steps) == 5


def test_the_period_is_from_the_first_asking_to_the_last_interview() -> None:
    done = people("ada")
    refused = people("ada", slots=["20:00-22:00"])

    assert (done.period.start, done.period.end) == (NOW, at(MONDAY, "11:00"))
    assert refused.period.end == at("2026-06-13", "00:00")


@pytest.mark.parametrize(
    ("days", "middle", "most"),
    [([], None, None), ([4], 4, 4), ([1, 2], 1, 2), ([1, 2, 3], 2, 3), (list(range(1, 11)), 5, 9)],
)
def test_the_middle_and_what_is_enough_for_nine_of_ten(days: list[int], middle: int | None, most: int | None) -> None:
    assert (median(days), within(days, 0.9)) == (middle, most)
