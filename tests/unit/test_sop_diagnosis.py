"""Why there is no plan, and the ways out: the reasons are minimal, and each way out gives the plan that it shows."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sop import NoPlan, Plan, explain, outcome_text, plan, verify, with_changes
from sop.conflict import everything, feasible, without
from sop.explanation import in_short
from tests.oracles.instances import MIXED, SMALL, Instance, Size, random_instance
from tests.unit.sop_builders import (
    FRIDAY,
    MONDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    interview,
    make_request,
    make_sop,
    planned,
    span,
    times,
)

SEATS = "courses__java__rounds__core__seats"
GAP = "courses__java__rounds__core__gap"
ALL_WEEK = [span(day, "00:00-24:00") for day in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)]


def refusal(result: Plan | NoPlan) -> NoPlan:
    assert isinstance(result, NoPlan)
    return result


def infeasible(size: Size, seeds: range) -> list[tuple[Instance, NoPlan]]:
    pairs = []
    for seed in seeds:
        instance = random_instance(seed, size)
        result = plan(instance.sop, instance.request, **instance.facts())
        if isinstance(result, NoPlan):
            pairs.append((instance, result))
    return pairs


def ways_out(result: Plan | NoPlan) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in refusal(result).relaxations]


# Relaxations --------------------------------------------------------------------------------------------------------


def test_what_a_way_out_comes_to_is_told_in_the_zone_of_the_sop() -> None:
    result = refusal(planned(make_sop(**{GAP: {"min": "6d"}})))
    gives = {one.kind: outcome_text(one.plan, ZoneInfo("Asia/Tokyo")) for one in result.relaxations}

    assert gives["window"] == "done by Sun 14 Jun, no backups"
    stood_in = planned(
        make_sop(courses__java__rounds__core__seats=[{"interviewers": ["ben"], "backups": ["asha"]}]),
        busy={
            "ben": [span(day, "09:00-24:00") for day in (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)]
            + [span(MONDAY, "10:00-24:00")]
        },
    )
    assert isinstance(stood_in, Plan)
    assert outcome_text(stood_in, ZoneInfo("Pacific/Kiritimati")) == "done by Tue 9 Jun, 1 backup"


def test_a_longer_window_by_the_fewest_days() -> None:
    result = planned(make_sop(**{GAP: {"min": "6d"}}))

    assert ("window", "Extend the window by 2 days (to Sun 14 Jun)") in ways_out(result)
    assert ("gap_min", "Allow Core Java 4 days after Introduction (now at least 6 days)") in ways_out(result)


def test_one_more_interviewer_of_those_whose_calendars_are_known() -> None:
    request = make_request(slots=["09:00-10:00"])
    busy = {"ben": ALL_WEEK[1:], "chloe": []}

    assert ("interviewer", "Let Chloe take Core Java as a backup") in ways_out(planned(make_sop(), request, busy=busy))
    unknown = planned(make_sop(), request, busy={"ben": ALL_WEEK[1:]})
    assert "interviewer" not in [kind for kind, _ in ways_out(unknown)]


def test_wider_slots_by_the_fewest_steps() -> None:
    result = planned(make_sop(), make_request(window=[MONDAY, MONDAY], slots=["09:00-10:00"]))

    assert ("slots", "Widen the daily slots to 09:00-11:00") in ways_out(result)


def test_higher_limits_shorter_notice_and_other_rules() -> None:
    one_day = make_request(window=[MONDAY, MONDAY])

    assert ("daily_limit", "Let Ben do 2 interviews a day (now 1)") in ways_out(
        planned(make_sop(interviewers__ben__daily_limit=1), one_day)
    )
    assert ("weekly_limit", "Let Ben do 2 interviews a week (now 1)") in ways_out(
        planned(make_sop(interviewers__ben__weekly_limit=1))
    )
    assert ("candidate_limit", "Let the candidate sit 2 rounds on one day (now 1)") in ways_out(
        planned(make_sop(candidate__daily_limit=1), one_day)
    )
    assert ("notice", "Book at 70h notice (now 100h)") in ways_out(planned(make_sop(notice="100h"), one_day))
    assert ("distinct_interviewers", "Let an interviewer take more than one round") in ways_out(
        planned(make_sop(courses__java__distinct_interviewers=True))
    )
    assert ("blocked", "Use Mon 8 Jun, which is blocked") in ways_out(
        planned(make_sop(), make_request(window=[MONDAY, MONDAY], blocked_dates=[MONDAY]))
    )


def test_a_larger_gap() -> None:
    busy = {"ben": [*ALL_WEEK[1:4], span(MONDAY, "10:00-24:00")]}
    result = planned(make_sop(**{GAP: {"min": "1d", "max": "2d"}}), busy=busy)

    assert ("gap_max", "Allow up to 4 days between Introduction and Core Java (now 2 days)") in ways_out(result)


def test_where_no_single_change_helps_the_cheapest_pair() -> None:
    sop = make_sop(**{GAP: {"max": "0d"}, "interviewers__ben__daily_limit": 1})

    (relaxation,) = refusal(planned(sop, make_request(window=[MONDAY, MONDAY], slots=["09:00-10:00"]))).relaxations

    assert relaxation.text == (
        "Allow up to 1 day between Introduction and Core Java (now 0 days); and Extend the window by 1 day (to Tue 9 Jun)"
    )
    assert times(relaxation.plan) == ["Mon 09:00", "Tue 09:00"]


NIGHTLY = [pytest.param(MIXED, start, marks=pytest.mark.slow) for start in range(0, 300, 30)]
EVERY = [*((SMALL, start) for start in range(0, 60, 15)), *NIGHTLY]


@pytest.mark.parametrize(("size", "start"), EVERY)
def test_each_relaxation_gives_exactly_the_plan_that_it_shows(size: Size, start: int) -> None:
    for instance, result in infeasible(size, range(start, start + (15 if size is SMALL else 30))):
        for one in result.relaxations:
            sop, request = with_changes(instance.sop, instance.request, one.changes)
            again = plan(sop, request, **instance.facts())

            assert isinstance(again, Plan), f"seed {instance.seed}: {one.text}"
            assert (again, sop.version) == (one.plan, again.sop_version), f"seed {instance.seed}: {one.text}"
            verify(sop, again, request, **instance.facts())
        assert [one.bend for one in result.relaxations] == sorted(one.bend for one in result.relaxations)


# The conflict -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "start"), EVERY)
def test_the_conflict_alone_leaves_no_plan_and_none_of_it_is_needless(size: Size, start: int) -> None:
    for instance, result in infeasible(size, range(start, start + (15 if size is SMALL else 30))):
        case, blamed = result.diagnosis.case, list(result.conflict)
        others = [blame for blame in everything(case) if blame not in blamed]
        if not blamed:
            assert not feasible(without(case, everything(case))), f"seed {instance.seed}"
            continue

        assert not feasible(without(case, others)), f"seed {instance.seed}: more than {blamed} is needed"
        for blame in blamed:
            assert feasible(without(case, [*others, blame])), f"seed {instance.seed}: {blame} is needless"


def test_the_conflict_names_people_and_rounds() -> None:
    result = refusal(planned(make_sop(), busy={"ben": ALL_WEEK}))

    assert {(blame.rule, blame.subject) for blame in result.conflict} >= {("free", "ben"), ("window", "")}


# Funnels and sentences ----------------------------------------------------------------------------------------------


def test_a_funnel_counts_what_each_rule_leaves_up_to_the_first_round_that_cannot_be_placed() -> None:
    sop = make_sop(
        **{SEATS: [{"interviewers": ["asha"], "backups": ["chloe"]}], "interviewers__asha__days_off": [MONDAY]}
    )
    busy = {"asha": ALL_WEEK[1:], "chloe": ALL_WEEK}

    intro, core = refusal(planned(sop, busy=busy)).funnels

    assert (intro.round, [(step.rule, step.left) for step in intro.steps], intro.left) == (
        "intro",
        [("slots", 15), ("notice", 15)],
        15,
    )
    assert [(seat.interviewer, seat.backup, [(s.rule, s.left) for s in seat.steps]) for seat in core.seats] == [
        ("asha", False, [("hours", 12), ("free", 0), ("gaps", 0)]),
        ("chloe", True, [("hours", 15), ("free", 0), ("gaps", 0)]),
    ]
    assert core.left == 0


def test_the_sentences_name_dates_people_and_numbers() -> None:
    sop = make_sop(
        timezone="America/Los_Angeles",
        **{
            SEATS: [{"interviewers": ["ben"], "backups": ["asha"]}],
            "interviewers__asha__timezone": "Asia/Kolkata",
            "interviewers__asha__working_hours": {"mon-fri": ["09:00-18:00"]},
            "courses__java__rounds__intro__seats": [{"interviewers": ["chloe"]}],
        },
    )

    lines = "\n".join(explain(sop, refusal(planned(sop, busy={"ben": [*ALL_WEEK, span("2026-06-13", "00:00-09:00")]}))))

    assert "Core Java cannot be placed: 15 starts in the candidate's slots from Mon 8 Jun to Fri 12 Jun" in lines
    assert "Ben is booked solid 8 to 12 Jun" in lines
    assert "Asha (backup) works Mon-Fri 09:00-18:00 Kolkata time, which is 20:30-05:30 in the candidate's zone" in lines


@pytest.mark.parametrize(
    ("sop", "request_", "words"),
    [
        ({"notice": "200h"}, {}, "sooner than the notice of 200h"),
        ({"holidays": ["2026-06-08..2026-06-12"]}, {}, "on holidays"),
        ({"courses__java__rounds__core__when": "sat"}, {}, "takes place only"),
        ({}, {"slots": ["09:00-09:30"]}, "give no start of 1h on the grid of 1h"),
        ({}, {"window": [MONDAY, MONDAY], "blocked_dates": [MONDAY]}, "blocked dates"),
        ({GAP: {"min": "6d"}}, {}, "out of reach of Introduction (asked for: at least 6 days)"),
        ({"courses__java__distinct_interviewers": True}, {}, "not all of them together"),
    ],
)
def test_the_sentences_name_the_rule_in_the_way(
    sop: dict[str, object], request_: dict[str, object], words: str
) -> None:
    made = make_sop(**sop)

    assert words in "\n".join(explain(made, refusal(planned(made, make_request(**request_)))))


def test_every_infeasible_problem_is_explained_without_failing() -> None:
    for instance, result in infeasible(MIXED, range(12)):
        lines = explain(instance.sop, result)

        assert all(lines), f"seed {instance.seed}"


def test_an_explanation_takes_less_than_a_tenth_of_a_second() -> None:
    sop = make_sop(**{GAP: {"min": "1d", "max": "3d"}})
    result = refusal(planned(sop, busy={"ben": ALL_WEEK, "asha": [], "chloe": []}))
    began = time.process_time()

    explain(sop, result)
    relaxations = result.relaxations

    assert relaxations
    assert time.process_time() - began < 0.1


def test_plans_and_refusals_compare_by_what_they_say() -> None:
    one, other = planned(make_sop()), planned(make_sop())

    assert one == other
    assert times(one) == times(other)
    assert refusal(planned(make_sop(), busy={"ben": ALL_WEEK})) == refusal(planned(make_sop(), busy={"ben": ALL_WEEK}))


def test_a_booked_round_that_is_frozen_can_be_freed_by_a_shorter_freeze() -> None:
    before = [interview("intro", MONDAY, "09:00-10:00", "ben"), interview("core", MONDAY, "10:00-11:00", "ben")]
    sop = make_sop(freeze="120h")

    result = planned(sop, previous=before, busy={"ben": [span(MONDAY, "09:00-11:00")]})

    assert ("freeze", "Move what starts 69h from now or later (now 120h)") in ways_out(result)
    assert explain(sop, refusal(result))[0].startswith(
        "Introduction is booked for Mon 8 Jun 09:00 UTC and too soon to be moved"
    )


def test_a_window_that_can_hardly_be_longer_is_explained_all_the_same() -> None:
    request = make_request(window=("2026-06-08", "2027-06-01"), slots={"sun": ["20:00-21:00"]})

    result = refusal(planned(make_sop(), request))

    assert explain(make_sop(), result)
    assert all(one.plan for one in result.relaxations)


# In one sentence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"interviewers__ben__working_hours": {"sun": ["08:00-09:00"]}}, "Introduction cannot be placed (Ben's working hours)."),
        ({"holidays": ["06-08..06-12"]}, "Introduction cannot be placed: all that is left is on holidays, 8 to 12 Jun."),
        (
            {"courses__java__rounds__core__gap": {"min": "9d"}},
            "Core Java cannot be placed (the gap to the round before).",
        ),
        (
            {"courses__java__distinct_interviewers": True},
            "Each round could be placed by itself, but not all of them together.",
        ),
        (
            {
                "courses__java__rounds__intro__seats": [{"interviewers": ["ben"]}, {"interviewers": ["asha"]}],
                "interviewers__ben__working_hours": {"mon": ["09:00-12:00"]},
                "interviewers__asha__working_hours": {"tue": ["09:00-12:00"]},
            },
            "Introduction cannot be placed (no time at which all of its interviewers can).",
        ),
    ],
)  # fmt: skip
def test_a_refusal_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    refusal = planned(make_sop(**changes))

    assert isinstance(refusal, NoPlan)
    assert in_short(refusal) == sentence
    assert in_short(replace(refusal, proven=False)).startswith("No plan was found, but the search was cut")
