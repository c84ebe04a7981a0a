"""Planning: the best plan that obeys every rule, or why there is none. `plan` is the door; the work is in the other modules."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from domain.model import CandidateRequest, Interval, Interview
from sop.case import Case, case_of
from sop.certificate import reasons
from sop.diagnosis import CaseDiagnosis
from sop.model import Sop
from sop.problem import BACKUP, MOVED, RANK, Layer, Problem
from sop.result import Cost, NoPlan, Plan
from sop.search import Found, search
from sop.timeline import stretch_of


def plan(
    sop: Sop,
    request: CandidateRequest,
    *,
    busy: Mapping[str, Sequence[Interval]],
    booked: Sequence[Interview],
    now: datetime,
    keep: Sequence[Interview] = (),
    previous: Sequence[Interview] = (),
    thaw: bool = False,
) -> Plan | NoPlan:
    """The best plan for a candidate, or `NoPlan` with the reason.

    `busy` (by interviewer id; somebody who is not in it is free) and `booked` (interviews of anyone) must cover
    `sop.horizon(request)`; `busy` must not hold the interviews of `keep` and `previous`. `now` is aware. `keep` pins interviews
    of this candidate as they are; those of `previous` may move, each move counts, and none moves that starts within the SOP's
    freeze unless `thaw`.
    `FieldError` names an argument that cannot be right.
    """
    case = case_of(sop, request, busy=busy, booked=booked, now=now, keep=keep, previous=previous, thaw=thaw)
    return plan_case(case)


def plan_case(case: Case) -> Plan | NoPlan:
    """The same for arguments that are checked already."""
    problem = Problem(case)
    found = search(problem)
    if not isinstance(found, Found):
        diagnosis = CaseDiagnosis(case, plan_case, proven=found.proven)
        return NoPlan(sop_version=case.sop.version, proven=found.proven, diagnosis=diagnosis)
    interviews = dict(problem.kept)
    for layer, (tick, team) in zip(problem.layers, found.placed, strict=True):
        interviews[layer.position] = _interview(problem, layer, tick, team)
    ordered = tuple(interviews[place] for place in range(len(case.course.rounds)))
    return Plan(
        interviews=ordered,
        cost=cost_of(problem, ordered),
        sop_version=case.sop.version,
        backups=tuple(tuple(rank > 0 for rank in _ranks(problem, place, one)) for place, one in enumerate(ordered)),
        bound=None if found.bound is None else _bound(problem, found.bound, ordered),
        _why=functools.partial(reasons, case, ordered),
    )


def _interview(problem: Problem, layer: Layer, tick: int, team: tuple[str, ...]) -> Interview:
    start = datetime.fromtimestamp(problem.axis.ticks[tick], UTC)
    return Interview(
        candidate=problem.case.request.email,
        course=problem.course.id,
        round=layer.round.id,
        start=start,
        end=start + layer.round.duration,
        interviewers=team,
    )


def cost_of(problem: Problem, interviews: Sequence[Interview]) -> Cost:
    """What a plan costs, component by component; kept rounds count like any other, but are never moved."""
    ranks = [rank for place, one in enumerate(interviews) for rank in _ranks(problem, place, one)]
    previous = problem.case.previous
    return Cost(
        moved=sum(one.round in previous and previous[one.round] != one for one in interviews),
        backups=sum(rank > 0 for rank in ranks),
        rank=sum(ranks),
        unpreferred=sum(not problem.calendar.is_preferred(one) for one in interviews),
        finish=stretch_of(interviews[-1])[1],
        load=sum(problem.calendar.load[who] for one in interviews for who in one.interviewers),
        starts=sum(stretch_of(one)[0] for one in interviews),
    )


def _ranks(problem: Problem, place: int, interview: Interview) -> list[int]:
    """The place in the backups of each who sits in an interview, nought for primaries (and for those the SOP no longer names)."""
    seats = problem.course.rounds[place].seats
    return [seat.ranks.get(who, 0) for seat, who in zip(seats, interview.interviewers, strict=False)]


def _bound(problem: Problem, tier: int, interviews: Sequence[Interview]) -> Cost:
    """The least a plan can cost when the rounds to be placed cost at least this tier."""
    kept = [(place, interviews[place]) for place in problem.kept]
    ranks = [rank for place, one in kept for rank in _ranks(problem, place, one)]
    return Cost(
        moved=tier // MOVED,
        backups=tier % MOVED // BACKUP + sum(rank > 0 for rank in ranks),
        rank=tier % BACKUP // RANK + sum(ranks),
        unpreferred=tier % RANK + sum(not problem.calendar.is_preferred(one) for _, one in kept),
        finish=0,
        load=0,
        starts=0,
    )
