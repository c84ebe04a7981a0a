"""What is true of every plan, tried on random problems."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sop import CandidateRequest, Interval, Interview, NoPlan, Plan, Sop, plan
from tests.oracles.instances import MIXED, SMALL, Instance, random_instance
from tests.unit.sop_builders import NOW, make_request, make_sop

few = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 10_000)
WEEKS = timedelta(weeks=2)


def result_of(instance: Instance, **changes: Any) -> Plan | NoPlan:
    return plan(
        changes.pop("sop", instance.sop), changes.pop("request", instance.request), **instance.facts() | changes
    )


def worse_or_equal(after: Plan | NoPlan, before: Plan | NoPlan) -> bool:
    """Whether a plan after taking something away is no better than before."""
    if isinstance(after, NoPlan):
        return True
    return isinstance(before, Plan) and after.cost >= before.cost


@few
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_inputs_never_matters(seed: int, draw: random.Random) -> None:
    instance = random_instance(seed, MIXED)
    busy = {
        who: draw.sample(spans, len(spans))
        for who, spans in draw.sample(list(instance.busy.items()), len(instance.busy))
    }

    shuffled = result_of(
        instance,
        busy=busy,
        booked=draw.sample(instance.booked, len(instance.booked)),
        previous=draw.sample(instance.previous, len(instance.previous)),
        keep=draw.sample(instance.keep, len(instance.keep)),
    )

    assert shuffled == result_of(instance), f"seed {seed}"


@few
@given(seeds, st.integers(0, 5), st.integers(0, 20_000), st.integers(1, 600))
def test_more_busy_time_never_makes_a_better_plan(seed: int, person: int, start: int, minutes: int) -> None:
    instance = random_instance(seed, MIXED)
    who = list(instance.sop.interviewers)[person % len(instance.sop.interviewers)]
    first = instance.now + timedelta(minutes=start)
    more = [*instance.busy.get(who, []), Interval(start=first, end=first + timedelta(minutes=minutes))]

    assert worse_or_equal(result_of(instance, busy={**instance.busy, who: more}), result_of(instance)), f"seed {seed}"


@few
@given(seeds, st.integers(0, 5))
def test_one_person_less_never_makes_a_better_plan(seed: int, person: int) -> None:
    instance = replace(random_instance(seed, MIXED), previous=[], keep=[])
    who = list(instance.sop.interviewers)[person % len(instance.sop.interviewers)]
    off = instance.sop.interviewers[who].having(days_off=type(instance.sop.holidays).parse(["01-01..12-31"]))
    fewer = instance.sop.having(interviewers={**instance.sop.interviewers, who: off})

    assert worse_or_equal(result_of(instance, sop=fewer), result_of(instance)), f"seed {seed}"


@few
@given(seeds)
def test_shifting_everything_by_whole_weeks_shifts_the_plan(seed: int) -> None:
    instance = random_instance(seed, SMALL)
    if instance.request.window[0].month != 6:  # the one quiet month that is drawn: no clock is changed near it
        return

    shifted = result_of(
        instance,
        sop=_shifted_sop(instance.sop),
        request=_shifted_request(instance.request),
        busy={who: [_shifted(span) for span in spans] for who, spans in instance.busy.items()},
        booked=[_moved(one) for one in instance.booked],
        keep=[_moved(one) for one in instance.keep],
        previous=[_moved(one) for one in instance.previous],
        now=instance.now + WEEKS,
    )

    before = result_of(instance)
    assert isinstance(before, Plan) == isinstance(shifted, Plan), f"seed {seed}"
    if isinstance(before, Plan) and isinstance(shifted, Plan):
        assert shifted.interviews == tuple(map(_moved, before.interviews)), f"seed {seed}"


def _shifted_sop(sop: Sop) -> Sop:
    plain = sop.plain()
    for part, key in ((plain, "holidays"), *((person, "days_off") for person in plain["interviewers"].values())):
        part[key] = [(date.fromisoformat(day) + WEEKS).isoformat() for day in part.get(key, [])]
    return Sop.parse(plain)


def _shifted_request(request: CandidateRequest) -> CandidateRequest:
    return replace(
        request,
        window=(request.window[0] + WEEKS, request.window[1] + WEEKS),
        blocked_dates=frozenset(day + WEEKS for day in request.blocked_dates),
        busy=tuple(map(_shifted, request.busy)),
    )


def _shifted(span: Interval) -> Interval:
    return Interval(start=span.start + WEEKS, end=span.end + WEEKS)


def _moved(one: Interview) -> Interview:
    return replace(one, start=one.start + WEEKS, end=one.end + WEEKS)


@few
@given(seeds)
def test_equal_arguments_give_equal_results(seed: int) -> None:
    assert result_of(random_instance(seed, MIXED)) == result_of(random_instance(seed, MIXED))


@few
@given(seeds)
def test_a_plan_handed_in_as_booked_before_stays_as_it_is(seed: int) -> None:
    instance = replace(random_instance(seed, MIXED), keep=[], previous=[])
    made = result_of(instance)
    if isinstance(made, Plan):
        again = result_of(instance, previous=list(made.interviews), booked=[*instance.booked, *made.interviews])

        assert isinstance(again, Plan)
        assert (again.interviews, again.cost.moved) == (made.interviews, 0), f"seed {seed}"


def test_the_horizon_covers_the_window_in_whole_weeks_and_the_ways_out() -> None:
    horizon = make_sop().horizon(make_request())

    assert horizon.start <= datetime.fromisoformat("2026-05-25T00:00+00:00")
    assert horizon.end >= datetime.fromisoformat("2026-06-27T00:00+00:00")
    assert horizon.start < NOW < horizon.end
