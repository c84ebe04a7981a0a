"""Funnels: what each rule in turn leaves of a round's starts, for whoever takes it and for each person who could."""

from __future__ import annotations

from collections.abc import Iterator

from sop.case import Case
from sop.free import Steps
from sop.problem import Layer, Problem
from sop.result import Funnel, SeatFunnel, Step
from sop.timeline import Axis


def funnels(case: Case) -> tuple[Funnel, ...]:
    """For each round that is to be placed, up to the first that cannot be, the funnel of its starts."""
    problem = Problem(case)
    return tuple(_until_none_is_left(problem))


def _until_none_is_left(problem: Problem) -> Iterator[Funnel]:
    reach = problem.axis.all
    for index, layer in enumerate(problem.layers):
        able = 0
        for option in problem.options(layer, frozenset()):
            able |= option.bits
        left = able & reach
        yield _funnel(problem, layer, reach, left)
        if not left:
            return
        link = problem.links[index] if index < len(problem.links) else None
        reach = problem.axis.all if link is None else link.forward(left)


def _funnel(problem: Problem, layer: Layer, reach: int, left: int) -> Funnel:
    start, axis = problem.axis.all, problem.axis
    shared = [*problem.calendar.round_steps(layer.round), *problem.kept_steps(layer.position)]
    steps = tuple(_narrowed(axis, start, iter(shared)))
    for _, allowed in shared:
        start &= allowed
    seats = tuple(
        SeatFunnel(
            interviewer=who,
            seat=place,
            backup=rank > 0,
            steps=tuple(_narrowed(axis, start, _person(problem, layer, who, reach))),
        )
        for place, seat in enumerate(layer.round.seats)
        for who, rank in seat.ranks.items()
    )
    return Funnel(round=layer.round.id, steps=steps, seats=seats, left=left.bit_count())


def _person(problem: Problem, layer: Layer, who: str, reach: int) -> Steps:
    """The rules for one person, then what the rounds before leave."""
    yield from problem.calendar.person_steps(problem.sop.interviewers[who], layer.round)
    if who in problem.barred(layer.position):
        yield "people", 0
    yield "gaps", reach


def _narrowed(axis: Axis, bits: int, steps: Steps) -> Iterator[Step]:
    """How many starts each step leaves, and from when to when those were that it met."""
    for rule, allowed in steps:
        before, bits = bits, bits & allowed
        ends = (
            (axis.date_of((before & -before).bit_length() - 1), axis.date_of(before.bit_length() - 1))
            if before
            else None
        )
        yield Step(rule=rule, left=bits.bit_count(), met=ends)
