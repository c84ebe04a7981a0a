"""The planner against independent answers: exhaustive search and CP-SAT. Every disagreement names its seed."""

from __future__ import annotations

import pytest

from sop import NoPlan, Plan, plan, verify
from tests.oracles import cpsat, exhaustive
from tests.oracles.instances import MIXED, SMALL, Instance, Size, random_instance


def planned(instance: Instance) -> Plan | NoPlan:
    """What the planner says, verified."""
    result = plan(instance.sop, instance.request, **instance.facts())
    if isinstance(result, Plan):
        verify(instance.sop, result, instance.request, **instance.facts())
        assert result.bound is None, f"seed {instance.seed}: the search was cut"
    else:
        assert result.proven, f"seed {instance.seed}: the search was cut"
    return result


def agrees_with_cpsat(seed: int, size: Size) -> None:
    instance = random_instance(seed, size)
    result = planned(instance)
    solved = cpsat.solve(instance)

    assert isinstance(result, Plan) == (solved.plan is not None), f"seed {seed}: feasible or not"
    if isinstance(result, Plan):
        assert tuple(result.cost) == solved.cost, f"seed {seed}"


@pytest.mark.parametrize("seed", range(10))
def test_small_problems_get_the_best_of_all_their_plans(seed: int) -> None:
    for one in range(seed * 20, seed * 20 + 20):
        instance = random_instance(one, SMALL)
        result = planned(instance)
        best = exhaustive.best_plan(instance)

        assert isinstance(result, Plan) == (best is not None), f"seed {one}: feasible or not"
        if isinstance(result, Plan):
            assert (tuple(result.cost), result.interviews) == best, f"seed {one}"


@pytest.mark.parametrize("seed", range(20))
def test_the_cost_is_what_cpsat_proves_best(seed: int) -> None:
    for one in range(seed * 10, seed * 10 + 10):
        agrees_with_cpsat(one, SMALL)
    for one in range(seed * 5, seed * 5 + 5):
        agrees_with_cpsat(one, MIXED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_cost_is_what_cpsat_proves_best_2000_times(seed: int) -> None:
    for one in range(1000 + seed * 100, 1100 + seed * 100):
        agrees_with_cpsat(one, MIXED)
