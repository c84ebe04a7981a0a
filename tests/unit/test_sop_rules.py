"""Each rule both ways: the planner keeps to it where it must, and the check of finished plans finds where it is broken."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import WrongPlan
from sop import Interview, Plan, Sop, verify
from sop.rules import RULES, SENTENCES
from sop.verification import breaches
from tests.unit.sop_builders import (
    FRIDAY,
    MONDAY,
    NOW,
    SATURDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    interview,
    make_request,
    make_sop,
    people,
    planned,
    span,
    times,
)

GAP = "courses__java__rounds__core__gap"
ROUND = "courses__java__rounds__core"
SEATS = "courses__java__rounds__core__seats"
INTRO_SEATS = "courses__java__rounds__intro__seats"
BEN = "interviewers__ben"


def rules_broken(
    sop: Sop, first: tuple[str, ...], second: tuple[str, ...], request: Any = None, **facts: Any
) -> set[str]:
    """The rules that a plan of two interviews breaks; each is given as day, hours and people."""
    pair = [interview("intro", *first), interview("core", *second)]
    given: dict[str, Any] = {"busy": {}, "booked": [], "now": NOW} | facts
    return {breach.rule for breach in breaches(sop, pair, request or make_request(), **given)}


MON9, MON10, TUE9 = (MONDAY, "09:00-10:00", "ben"), (MONDAY, "10:00-11:00", "ben"), (TUESDAY, "09:00-10:00", "ben")


def test_every_rule_has_a_sentence() -> None:
    assert [rule.name for rule in RULES] == list(SENTENCES)


def test_without_other_rules_the_first_two_starts_are_right() -> None:
    assert times(planned(make_sop())) == ["Mon 09:00", "Mon 10:00"]
    assert rules_broken(make_sop(), MON9, MON10) == set()


def test_a_wrong_plan_is_refused_with_every_rule_that_it_breaks() -> None:
    sop, result = make_sop(), planned(make_sop())
    assert isinstance(result, Plan)

    with pytest.raises(WrongPlan, match=r"free: intro ben"):
        verify(sop, result, make_request(), busy={"ben": [span(MONDAY, "09:30-09:45")]}, booked=[], now=NOW)


# (what the SOP says, the request, other facts) -> the starts; two interviews that break it -> the rule they break
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[str], tuple[Any, Any]]] = {
    "grid": ({"grid": "90m"}, {}, {}, ["Mon 09:00", "Mon 10:30"], (MON9, MON10)),
    "notice": ({"notice": "72h"}, {}, {}, ["Tue 09:00", "Tue 10:00"], (MON9, TUE9)),
    "slots": ({}, {"slots": ["10:00-12:00"]}, {}, ["Mon 10:00", "Mon 11:00"], (MON9, MON10)),
    "holidays": ({"holidays": [MONDAY]}, {}, {}, ["Tue 09:00", "Tue 10:00"], (MON9, TUE9)),
    "events": ({}, {"busy": [[f"{MONDAY}T20:00Z", f"{MONDAY}T21:00Z"]]}, {}, ["Tue 09:00", "Tue 10:00"], (MON9, TUE9)),
    "when": ({f"{ROUND}__when": ["wed"]}, {}, {}, ["Mon 09:00", "Wed 09:00"], (MON9, TUE9)),
    "hours": (
        {f"{BEN}__working_hours": {"mon-sun": ["09:30-12:00"]}}, {}, {}, ["Mon 10:00", "Mon 11:00"], (MON9, MON10)
    ),
    "free": ({}, {}, {"busy": {"ben": [span(MONDAY, "09:59-10:01")]}}, ["Mon 11:00", "Tue 09:00"], (MON9, TUE9)),
    "candidate_free": (
        {}, {}, {"booked": [interview("x", MONDAY, "09:00-10:30", "chloe", course="other")]},
        ["Mon 11:00", "Tue 09:00"], (MON9, TUE9),
    ),
    "gaps": ({GAP: {"min": "2d"}}, {}, {}, ["Mon 09:00", "Wed 09:00"], (MON9, TUE9)),
    "finish_within": (
        {"courses__java__finish_within": "1d", BEN + "__days_off": [TUESDAY, THURSDAY]}, {},
        {"busy": {"ben": [span(MONDAY, "10:00-12:00")]}}, ["Wed 09:00", "Wed 10:00"],
        (MON9, (WEDNESDAY, "09:00-10:00", "ben")),
    ),
    "daily_limit": ({f"{BEN}__daily_limit": 1}, {}, {}, ["Mon 09:00", "Tue 09:00"], (MON9, MON10)),
    "weekly_limit": (
        {f"{BEN}__weekly_limit": 1}, {"window": [MONDAY, "2026-06-19"]}, {}, ["Mon 09:00", "Mon 09:00"], (MON9, TUE9)
    ),
    "candidate_limit": ({"candidate__daily_limit": 1}, {}, {}, ["Mon 09:00", "Tue 09:00"], (MON9, MON10)),
    "breaks": (
        {f"{BEN}__max_in_a_row": 1, f"{BEN}__break": "30m"}, {}, {}, ["Mon 09:00", "Mon 11:00"], (MON9, MON10)
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_the_planner_keeps_to_it(rule: str) -> None:
    sop, request, facts, expected, _ = CASES[rule]

    assert times(planned(make_sop(**sop), make_request(**request), **facts)) == expected


@pytest.mark.parametrize("rule", CASES)
def test_a_plan_that_breaks_it_is_found_out(rule: str) -> None:
    sop, request, facts, _, (first, second) = CASES[rule]

    assert rule in rules_broken(make_sop(**sop), first, second, make_request(**request), **facts)


def test_an_event_of_the_candidate_may_block_only_its_time() -> None:
    request = make_request(busy=[[f"{MONDAY}T09:30Z", f"{MONDAY}T09:45Z"]])

    assert times(planned(make_sop(candidate__events="time"), request)) == ["Mon 10:00", "Mon 11:00"]
    assert "events" in rules_broken(make_sop(candidate__events="time"), MON9, MON10, request)


def test_blocked_dates_are_out() -> None:
    request = make_request(blocked_dates=[MONDAY])

    assert times(planned(make_sop(), request)) == ["Tue 09:00", "Tue 10:00"]
    assert "slots" in rules_broken(make_sop(), MON9, TUE9, request)


def test_days_off_are_out() -> None:
    assert times(planned(make_sop(**{f"{BEN}__days_off": [MONDAY]}))) == ["Tue 09:00", "Tue 10:00"]
    assert "hours" in rules_broken(make_sop(**{f"{BEN}__days_off": [MONDAY]}), MON9, TUE9)


def test_adjoining_slots_and_hours_join_up() -> None:
    sop = make_sop(**{f"{BEN}__working_hours": {"mon-sun": ["08:00-09:30", "09:30-18:00"]}})

    assert times(planned(sop, make_request(slots=["09:00-09:30", "09:30-11:00"]))) == ["Mon 09:00", "Mon 10:00"]


def test_slots_join_up_across_midnight() -> None:
    always = {f"{BEN}__working_hours": {"mon-sun": ["00:00-24:00"]}, f"{BEN}__timezone": "UTC", "grid": "30m"}
    request = make_request(slots=["23:30-24:00", "00:00-00:30"])

    assert times(planned(make_sop(**always), request)) == ["Mon 23:30", "Tue 23:30"]


def test_the_buffer_is_kept_to_busy_times_and_to_other_interviews_once() -> None:
    sop = make_sop(**{f"{BEN}__buffer": "15m", "grid": "15m"})
    booked = [interview("x", MONDAY, "08:00-09:00", "ben", candidate="other@example.com", course="else")]

    assert times(planned(sop, booked=booked)) == ["Mon 09:15", "Mon 10:30"]
    assert rules_broken(sop, (MONDAY, "09:15-10:15", "ben"), (MONDAY, "10:15-11:15", "ben")) == {"free"}


def test_a_round_never_starts_before_the_one_before_it_ends() -> None:
    assert rules_broken(make_sop(**{SEATS: [{"interviewers": ["asha"]}]}), MON10, (MONDAY, "09:00-10:00", "asha")) == {
        "sequence"
    }


@pytest.mark.parametrize(
    ("gap", "second"),
    [
        ({"min": "30m"}, "Mon 11:00"),  # from 10:00: 10:30 is not on the grid
        ({"min": "23h"}, "Tue 09:00"),
        ({"min": "24h"}, "Tue 10:00"),
        ({"min": "1d"}, "Tue 09:00"),
        ({"min": "5d"}, "Sat 09:00"),
        ({"min": "5wd"}, "Mon 09:00"),
        ({"min": "1wd", "max": "1wd"}, "Tue 09:00"),
        ({"max": "0d"}, "Mon 10:00"),
    ],
)
def test_gaps_are_elapsed_time_or_dates_or_working_days(gap: dict[str, str], second: str) -> None:
    result = planned(make_sop(**{GAP: gap}), make_request(window=[MONDAY, "2026-06-19"]))

    assert times(result)[1] == second


def test_working_days_leave_out_weekends_and_holidays() -> None:
    sop = make_sop(**{GAP: {"min": "2wd"}, "holidays": [TUESDAY]})

    assert times(planned(sop)) == ["Mon 09:00", "Thu 09:00"]
    assert rules_broken(sop, MON9, (WEDNESDAY, "09:00-10:00", "ben")) == {"gaps"}


def test_a_largest_gap_moves_the_round_before_it_later() -> None:
    sop = make_sop(**{GAP: {"min": "1d", "max": "1d"}})

    result = planned(sop, busy={"ben": [span(TUESDAY, "00:00-24:00")]})

    assert times(result) == ["Wed 09:00", "Thu 09:00"]


def test_backups_come_only_when_no_primary_can_and_in_their_order() -> None:
    sop = make_sop(**{SEATS: [{"interviewers": ["ben"], "backups": ["chloe", "asha"]}]})
    all_week = [
        span(MONDAY, "10:00-24:00"),
        *(span(day, "00:00-24:00") for day in (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)),
    ]

    assert people(planned(sop)) == ["ben", "ben"]
    assert people(planned(sop, busy={"ben": all_week})) == ["ben", "chloe"]
    assert people(planned(sop, busy={"ben": all_week, "chloe": all_week})) == ["ben", "asha"]


def test_a_later_finish_with_a_primary_beats_an_earlier_one_with_a_backup() -> None:
    sop = make_sop(**{SEATS: [{"interviewers": ["ben"], "backups": ["chloe"]}]})
    busy = {"ben": [span(MONDAY, "10:00-24:00"), span(TUESDAY, "00:00-24:00")]}

    assert (times(planned(sop, busy=busy)), people(planned(sop, busy=busy))) == (
        ["Mon 09:00", "Wed 09:00"],
        ["ben", "ben"],
    )


def test_the_less_loaded_primary_is_taken_then_the_first_id() -> None:
    sop = make_sop(**{SEATS: [{"interviewers": ["chloe", "asha"]}]})
    booked = [interview("x", FRIDAY, "09:00-10:00", "asha", candidate="other@example.com", course="else")]

    assert people(planned(sop)) == ["ben", "asha"]
    assert people(planned(sop, booked=booked)) == ["ben", "chloe"]


def test_preferred_slots_beat_an_earlier_finish() -> None:
    assert times(planned(make_sop(), make_request(preferred_slots={"wed": ["09:00-12:00"]}))) == [
        "Wed 09:00",
        "Wed 10:00",
    ]


def test_a_panel_has_different_people_who_are_free_together() -> None:
    sop = make_sop(**{SEATS: [{"interviewers": ["ben", "asha"]}, {"interviewers": ["asha", "chloe"]}]})
    busy = {"chloe": [span(MONDAY, "00:00-24:00")], "ben": [span(MONDAY, "10:00-11:00")]}

    assert (times(planned(sop, busy=busy)), people(planned(sop, busy=busy))) == (
        ["Mon 09:00", "Mon 11:00"],
        ["ben", "ben+asha"],
    )
    assert rules_broken(sop, MON9, (TUESDAY, "09:00-10:00", "asha", "asha")) == {"mapping"}
    assert rules_broken(sop, MON9, (TUESDAY, "09:00-10:00", "chloe", "asha")) == {"mapping"}


def test_a_pool_is_everybody_with_the_skill() -> None:
    sop = make_sop(**{SEATS: [{"pool": "java-senior"}], "interviewers__chloe__skills": ["java-senior"]})

    assert people(planned(sop)) == ["ben", "chloe"]
    assert sop.involved("java") == ("ben", "chloe")


TWO = [{"interviewers": ["ben"], "backups": ["chloe"]}]


@pytest.mark.parametrize("rule", ["distinct_interviewers", "never_twice_in_a_row"])
def test_rules_about_who_takes_several_rounds(rule: str) -> None:
    sop = make_sop(**{f"courses__java__{rule}": True, SEATS: TWO})

    assert people(planned(sop)) == ["ben", "chloe"]
    assert rules_broken(sop, MON9, MON10) == {rule}


def test_nobody_twice_in_a_row_still_lets_somebody_come_again() -> None:
    third = {"id": "last", "title": "Last", "duration": "60m", "interviewers": ["ben"]}
    rounds = [*make_sop(**{SEATS: TWO}).plain()["courses"]["java"]["rounds"], third]

    result = planned(make_sop(courses__java__rounds=rounds, courses__java__never_twice_in_a_row=True))

    assert people(result) == ["ben", "chloe", "ben"]


def test_at_most_so_many_different_interviewers() -> None:
    seats = [{"interviewers": ["chloe"], "backups": ["ben"]}]
    sop = make_sop(**{SEATS: seats, "courses__java__max_interviewers": 1})

    assert people(planned(sop)) == ["ben", "ben"]
    assert rules_broken(sop, MON9, (MONDAY, "10:00-11:00", "chloe")) == {"max_interviewers"}


def test_limits_count_what_is_booked() -> None:
    booked = [interview("x", MONDAY, "15:00-16:00", "ben", candidate="other@example.com", course="else")]

    assert times(planned(make_sop(**{f"{BEN}__daily_limit": 2}), booked=booked)) == ["Mon 09:00", "Tue 09:00"]
    assert not times(planned(make_sop(**{f"{BEN}__weekly_limit": 2}), booked=booked))


def test_a_row_counts_what_is_booked_on_either_side() -> None:
    sop = make_sop(**{f"{BEN}__max_in_a_row": 2, f"{BEN}__break": "60m"})
    booked = [interview("x", MONDAY, "12:00-13:00", "ben", candidate="other@example.com", course="else")]

    assert times(planned(sop, booked=booked)) == ["Mon 09:00", "Mon 10:00"]
    assert rules_broken(sop, MON10, (MONDAY, "11:00-12:00", "ben"), booked=booked) == {"breaks"}


def test_finish_within_hours_counts_to_the_end_of_the_last_round() -> None:
    busy = {"ben": [span(MONDAY, "10:00-12:00")]}

    assert times(planned(make_sop(courses__java__finish_within="25h"), busy=busy)) == ["Mon 09:00", "Tue 09:00"]
    assert times(planned(make_sop(courses__java__finish_within="24h"), busy=busy)) == ["Tue 09:00", "Tue 10:00"]


def test_saturdays_are_days_like_others_where_somebody_works() -> None:
    assert times(planned(make_sop(), make_request(window=[SATURDAY, SATURDAY]))) == ["Sat 09:00", "Sat 10:00"]


def test_interviews_of_others_do_not_touch_the_candidate() -> None:
    other: Interview = interview("x", MONDAY, "09:00-10:00", "chloe", candidate="other@example.com", course="else")

    assert times(planned(make_sop(), booked=[other])) == ["Mon 09:00", "Mon 10:00"]
