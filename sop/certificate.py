"""Why each planned interview has its interviewers and its time: what would have been better, and the rule that kept it out."""

from __future__ import annotations

from collections.abc import Iterator

from domain.model import Interview
from sop.case import Case
from sop.links import Link
from sop.problem import Layer, Problem, can_fill
from sop.result import Better, Reason
from sop.timeline import span

AS_A_WHOLE = "better"  # it obeyed every rule by itself, but the plan as a whole is better without it


def reasons(case: Case, interviews: tuple[Interview, ...]) -> tuple[Reason, ...]:
    """For each interview of a plan what was better and why it was out."""
    problem = Problem(case)
    layers = {layer.position: layer for layer in problem.layers}
    found = []
    for place, one in enumerate(interviews):
        if place in problem.kept:
            found.append(Reason(round=one.round, stands="kept", better=()))
        elif layers[place].settled is not None and case.previous[one.round] == one:
            found.append(Reason(round=one.round, stands="unmoved", better=()))
        else:
            before = interviews[place - 1] if place else None
            found.append(_reason(problem, layers[place], one, before))
    return tuple(found)


def _reason(problem: Problem, layer: Layer, one: Interview, before: Interview | None) -> Reason:
    tick = problem.axis.tick_at(one.start)
    if tick is None:
        raise AssertionError(f"{one.start} is no start")
    earlier = tuple(
        Better(kind="earlier", interviewer=None, rule=rule, count=n)
        for rule, n in _earlier(problem, layer, tick, before)
    )
    people = tuple(
        Better(kind="interviewer", interviewer=who, rule=_out(problem, layer, who, tick), count=1)
        for place, chosen in enumerate(one.interviewers)
        for who in _before(problem, layer, place, chosen)
        if who not in one.interviewers
    )
    return Reason(round=one.round, stands="", better=earlier + people)


def _earlier(problem: Problem, layer: Layer, tick: int, before: Interview | None) -> Iterator[tuple[str, int]]:
    """How many earlier starts in the candidate's slots each rule kept out, rule after rule."""
    left = span(0, tick)
    for place, (rule, allowed) in enumerate(_rules(problem, layer, before)):
        out = left & ~allowed
        left &= allowed
        if place and out:  # the first rule is the slots themselves
            yield rule, out.bit_count()
    if left:
        yield AS_A_WHOLE, left.bit_count()


def _rules(problem: Problem, layer: Layer, before: Interview | None) -> Iterator[tuple[str, int]]:
    """Every rule in turn, with the starts at which the round could be held by it and somebody could take each seat."""
    yield from problem.calendar.round_steps(layer.round)
    yield from problem.kept_steps(layer.position)
    link = _link_before(problem, layer)
    tick = problem.axis.tick_at(before.start) if before is not None else None
    if link is not None and tick is not None:
        yield "gaps", span(*link.window(tick))
    steps = {
        who: list(problem.calendar.person_steps(problem.sop.interviewers[who], layer.round))
        for seat in layer.round.seats
        for who in seat.ranks
    }
    people = dict.fromkeys(steps, problem.axis.all)
    team = tuple(tuple(seat.ranks) for seat in layer.round.seats)
    for rule in ("hours", "free", "daily_limit", "weekly_limit", "breaks"):
        for who, theirs in steps.items():
            for name, allowed in theirs:
                people[who] &= allowed if name == rule else problem.axis.all
        yield rule, can_fill(team, people)


def _link_before(problem: Problem, layer: Layer) -> Link | None:
    index = problem.layers.index(layer)
    return problem.links[index - 1] if index else None


def _before(problem: Problem, layer: Layer, place: int, chosen: str) -> list[str]:
    """Who comes before the chosen one for a seat: by the place in the SOP, and among primaries by how much they have on."""
    ranks, load = layer.round.seats[place].ranks, problem.calendar.load
    mine = ranks[chosen], load[chosen]
    return [who for who, rank in ranks.items() if (rank, load[who]) < mine]


def _out(problem: Problem, layer: Layer, who: str, tick: int) -> str:
    """The rule that kept somebody out of a round at its time."""
    for rule, allowed in problem.calendar.person_steps(problem.sop.interviewers[who], layer.round):
        if not allowed >> tick & 1:
            return rule
    return "people" if who in problem.barred(layer.position) else AS_A_WHOLE
