"""Relaxations: of each kind of lever the smallest move that makes a plan possible, and where none does the cheapest pair.

Each is applied as plain data in the end, the way an admin's tap applies it, and planned with: what is shown is what it gives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from sop.case import Case, case_of
from sop.changes import with_changes
from sop.conflict import feasible
from sop.explanation import relaxation_text
from sop.levers import Lever, levers
from sop.result import Blame, NoPlan, Plan, Relaxation

Moves = tuple[tuple[Lever, int], ...]  # levers, and by how many steps each is moved
Planner = Callable[[Case], Plan | NoPlan]


def relaxations(case: Case, conflict: Callable[[], Sequence[Blame]], plan: Planner) -> tuple[Relaxation, ...]:
    """The ways out, those that bend least first; `conflict` is asked for only when no single lever will do."""
    every = levers(case)
    singles = [moves for lever in every if (moves := _least(case, (), lever)) is not None]
    found = singles or list(_pairs(case, every, conflict()))
    best: dict[tuple[str, ...], Relaxation] = {}
    for moves in _cheapest(found):
        relaxation = _relaxation(case, moves, plan)
        kind = tuple(lever.kind for lever, _ in moves)
        if relaxation is not None and (kind not in best or _order(relaxation) < _order(best[kind])):
            best[kind] = relaxation
    ordered = sorted(best.values(), key=_order)
    return tuple(ordered if singles else ordered[:1])


def _order(relaxation: Relaxation) -> tuple[float, tuple[int, ...], str]:
    return relaxation.bend, tuple(relaxation.plan.cost), relaxation.text


def _cheapest(found: Iterable[Moves]) -> list[Moves]:
    """Of each kind those that bend least; more than one when they bend alike."""
    groups: dict[tuple[str, ...], list[Moves]] = {}
    for moves in found:
        groups.setdefault(tuple(lever.kind for lever, _ in moves), []).append(moves)
    return [moves for group in groups.values() for moves in group if _bend(moves) == min(map(_bend, group))]


def _bend(moves: Moves) -> float:
    return sum(lever.bend(steps) for lever, steps in moves)


def _moved(case: Case, moves: Moves) -> Case:
    for lever, steps in moves:
        case = lever.moved(case, steps)
    return case


def _least(case: Case, others: Moves, lever: Lever) -> Moves | None:
    """The fewest steps of a lever that give a plan, beside the other moves; None when even all of them do not."""
    if not feasible(_moved(case, (*others, (lever, len(lever.values))))):
        return None
    low, high = 1, len(lever.values)
    while low < high:
        middle = (low + high) // 2
        if feasible(_moved(case, (*others, (lever, middle)))):
            high = middle
        else:
            low = middle + 1
    return (*others, (lever, low))


def _pairs(case: Case, every: Sequence[Lever], conflict: Sequence[Blame]) -> Iterable[Moves]:
    """Pairs of levers that give a plan. One of the two must weaken a rule of the conflict, or the conflict stays."""
    blamed = {(blame.rule, blame.subject) for blame in conflict}
    firsts = [lever for lever in every if {(lever.rule, lever.subject), (lever.rule, "")} & blamed]
    seen: set[frozenset[int]] = set()
    for one, other in itertools.product(firsts, every):
        pair = frozenset((id(one), id(other)))
        if one.path == other.path or pair in seen:
            continue
        seen.add(pair)
        most = _least(case, ((one, len(one.values)),), other)
        if most is not None:
            fewest = _least(case, most[1:], one)
            if fewest is not None:
                yield fewest


def _relaxation(case: Case, moves: Moves, plan: Planner) -> Relaxation | None:
    """The moves as an admin sees them, with the plan they give when they are applied as plain data."""
    changes = dict(lever.change(steps) for lever, steps in moves)
    sop, request = with_changes(case.sop, case.request, changes)
    result = plan(
        case_of(
            sop,
            request,
            busy=case.busy,
            booked=case.booked,
            now=case.now,
            keep=tuple(case.keep.values()),
            previous=tuple(case.previous.values()),
            thaw=case.thaw,
        )
    )
    if not isinstance(result, Plan):
        return None
    texts = [relaxation_text(case.sop, case.request, lever, lever.values[steps - 1]) for lever, steps in moves]
    return Relaxation(
        kind=" and ".join(lever.kind for lever, _ in moves),
        text="; and ".join(texts),
        changes=changes,
        bend=_bend(moves),
        sop=sop,
        request=request,
        plan=result,
    )
