"""The worst cases do not explode, and where the search is cut the result says so and by how much it may be off."""

from __future__ import annotations

import time

import pytest

from sop import NoPlan, Plan, explain, plan, verify
from sop.case import case_of
from sop.problem import Problem
from sop.search import Found, NotFound, search
from tests.oracles.scenarios import ADVERSARIES, adversarial, typical


@pytest.mark.parametrize("kind", ADVERSARIES)
def test_tight_rules_for_three_people_are_decided_in_a_second_or_honestly_cut(kind: str) -> None:
    instance = adversarial(kind)
    began = time.process_time()

    result = plan(instance.sop, instance.request, **instance.facts())

    assert time.process_time() - began < 2  # a second on a machine that does nothing else
    if isinstance(result, Plan):
        verify(instance.sop, result, instance.request, **instance.facts())
        assert result.bound is None or result.bound[:4] <= result.cost[:4]
    assert isinstance(result, NoPlan) == kind.endswith("infeasible") or "12 of 11" in kind


def problem(kind: str) -> Problem:
    instance = adversarial(kind)
    return Problem(case_of(instance.sop, instance.request, **instance.facts()))


def test_a_cut_search_gives_a_plan_and_a_bound() -> None:
    found = search(problem("number"), budget=3000)

    assert isinstance(found, Found)
    assert found.bound is not None


def test_a_search_cut_before_anything_was_found_does_not_say_that_there_is_nothing() -> None:
    found = search(problem("limits"), budget=1)

    assert isinstance(found, NotFound)
    assert not found.proven


def test_weighing_fewer_starts_gives_the_best_tier_and_finish_and_says_what_is_not_proven() -> None:
    instance = typical(1)
    case = case_of(instance.sop, instance.request, **instance.facts())

    best, quick = search(Problem(case)), search(Problem(case), nodes=1)

    assert isinstance(best, Found)
    assert isinstance(quick, Found)
    assert (best.bound, quick.bound) == (None, 0)
    assert quick.placed[-1][0] == best.placed[-1][0]


def test_an_unproven_refusal_says_so() -> None:
    instance = adversarial("limits, infeasible")
    result = plan(instance.sop, instance.request, **instance.facts())
    assert isinstance(result, NoPlan)
    cut = NoPlan(sop_version=result.sop_version, proven=False, diagnosis=result.diagnosis)

    assert "the search was cut" in explain(instance.sop, cut)[0]
