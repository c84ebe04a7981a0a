"""Repair: what is kept stays, as few rounds as possible move, and what is frozen moves only when told to."""

from __future__ import annotations

import pytest

from domain.errors import FieldError
from sop import Interview, NoPlan, Plan
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
    people,
    planned,
    span,
    times,
)

GAP = "courses__java__rounds__core__gap"
BEFORE = [interview("intro", TUESDAY, "09:00-10:00", "ben"), interview("core", WEDNESDAY, "09:00-10:00", "ben")]


def moved(result: Plan | NoPlan) -> int:
    assert isinstance(result, Plan)
    return result.cost.moved


def test_what_can_stay_stays_even_if_there_would_be_earlier_starts() -> None:
    result = planned(make_sop(), previous=BEFORE)

    assert (times(result), moved(result)) == (["Tue 09:00", "Wed 09:00"], 0)
    assert isinstance(result, Plan)
    assert [reason.stands for reason in result.reasons] == ["unmoved", "unmoved"]


def test_only_the_round_that_must_move_moves() -> None:
    result = planned(make_sop(), previous=BEFORE, busy={"ben": [span(WEDNESDAY, "09:00-10:00")]})

    assert (times(result), moved(result)) == (["Tue 09:00", "Tue 10:00"], 1)


def test_later_rounds_follow_when_their_gaps_ask_for_it() -> None:
    sop = make_sop(**{GAP: {"min": "1d", "max": "1d"}})

    result = planned(sop, previous=BEFORE, busy={"ben": [span(MONDAY, "00:00-24:00"), span(TUESDAY, "00:00-24:00")]})

    assert (times(result), moved(result)) == (["Wed 09:00", "Thu 09:00"], 2)


def test_another_interviewer_at_the_same_time_is_a_move_too() -> None:
    sop = make_sop(courses__java__rounds__core__seats=[{"interviewers": ["ben"], "backups": ["asha"]}])
    request = make_request(window=[TUESDAY, WEDNESDAY], slots=["09:00-10:00"])

    result = planned(sop, request, previous=BEFORE, busy={"ben": [span(WEDNESDAY, "09:00-10:00")]})

    assert (people(result), moved(result)) == (["ben", "asha"], 1)


def test_what_is_booked_needs_no_new_notice() -> None:
    sop = make_sop(notice="96h")

    assert times(planned(sop, previous=BEFORE)) == ["Tue 09:00", "Wed 09:00"]
    assert times(planned(sop)) == ["Wed 09:00", "Wed 10:00"]


def test_what_is_frozen_is_never_moved_unless_told_to() -> None:
    sop = make_sop(freeze="96h", **{GAP: {"max": "1d"}})
    busy = {"ben": [span(WEDNESDAY, "00:00-24:00"), span(TUESDAY, "10:00-24:00")]}

    assert isinstance(planned(sop, previous=BEFORE, busy=busy), NoPlan)
    assert times(planned(sop, previous=BEFORE, busy=busy, thaw=True)) == ["Mon 09:00", "Mon 10:00"]


def test_a_frozen_round_stays_and_the_others_move_around_it() -> None:
    sop = make_sop(freeze="96h")

    result = planned(sop, previous=BEFORE, busy={"ben": [span(WEDNESDAY, "09:00-10:00")]})

    assert times(result)[0] == "Tue 09:00"


def test_a_kept_round_is_a_fact_whatever_the_rules_say_now() -> None:
    keep = [interview("intro", MONDAY, "06:30-07:00", "chloe")]

    result = planned(make_sop(**{GAP: {"min": "1d"}}), keep=keep)

    assert (times(result), people(result)) == (["Mon 06:30", "Tue 09:00"], ["chloe", "ben"])


@pytest.mark.parametrize(
    ("gap", "second"),
    [({"min": "48h"}, "Wed 10:00"), ({"min": "2d"}, "Wed 09:00"), ({"min": "2wd"}, "Thu 09:00"), ({}, "Mon 10:00")],
)
def test_gaps_are_kept_to_a_kept_round_before(gap: dict[str, str], second: str) -> None:
    keep = [interview("intro", MONDAY, "09:00-10:00", "chloe")]

    result = planned(make_sop(holidays=[TUESDAY], **{GAP: gap}), keep=keep)

    assert times(result)[1] == second


@pytest.mark.parametrize(
    ("gap", "first"),
    [({"max": "1d"}, "Thu 09:00"), ({"max": "1wd"}, "Thu 09:00"), ({"max": "2h"}, "Fri 09:00"), ({}, "Mon 09:00")],
)
def test_gaps_are_kept_to_a_kept_round_after(gap: dict[str, str], first: str) -> None:
    keep = [interview("core", FRIDAY, "11:00-12:00", "chloe")]

    assert times(planned(make_sop(**{GAP: gap}), keep=keep))[0] == first


def test_people_of_kept_rounds_count_for_the_rules_about_people() -> None:
    keep = [interview("intro", MONDAY, "09:00-10:00", "ben")]
    seats = {"courses__java__rounds__core__seats": [{"interviewers": ["ben"], "backups": ["asha"]}]}

    for rule in ("distinct_interviewers", "never_twice_in_a_row"):
        assert people(planned(make_sop(**{f"courses__java__{rule}": True}, **seats), keep=keep)) == ["ben", "asha"]
    few = make_sop(courses__java__max_interviewers=1, courses__java__rounds__core__seats=[{"interviewers": ["asha"]}])
    assert isinstance(planned(few, keep=keep), NoPlan)


def test_booked_copies_of_kept_and_previous_rounds_do_not_stand_in_their_own_way() -> None:
    assert moved(planned(make_sop(), previous=BEFORE, booked=BEFORE)) == 0
    assert times(planned(make_sop(), keep=BEFORE, booked=BEFORE)) == ["Tue 09:00", "Wed 09:00"]


def test_a_round_in_the_past_is_not_moved() -> None:
    before = [interview("intro", "2026-06-05", "09:00-10:00", "ben")]

    result = planned(make_sop(), make_request(window=["2026-06-05", FRIDAY]), previous=before, now=NOW)

    assert times(result) == ["Fri 09:00", "Sat 09:00"]


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        ([interview("intro", MONDAY, "09:00-10:00", "ben", candidate="x@example.com")], "another candidate"),
        ([interview("oops", MONDAY, "09:00-10:00", "ben")], "The rounds of java are intro, core"),
        ([BEFORE[0], BEFORE[0]], "given twice"),
        ([interview("intro", THURSDAY, "09:00-10:00", "ben"), BEFORE[1]], "before intro ends"),
    ],
)
def test_kept_rounds_that_cannot_be_are_refused(keep: list[Interview], words: str) -> None:
    with pytest.raises(FieldError, match=words):
        planned(make_sop(), keep=keep)


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(FieldError, match=r"now: .* without a zone"):
        planned(make_sop(), now=NOW.replace(tzinfo=None))
