"""A second pair of eyes: whether a plan is right, told by the rules alone. The scheduler asks before it reserves anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.errors import WrongPlan
from domain.model import CandidateRequest, Interval, Interview
from sop.model import Sop
from sop.result import Plan
from sop.rules import RULES, Breach, Facts


def verify(
    sop: Sop,
    plan: Plan,
    request: CandidateRequest,
    busy: Mapping[str, Sequence[Interval]],
    booked: Sequence[Interview],
    now: datetime,
    keep: Sequence[Interview] = (),
    previous: Sequence[Interview] = (),
    thaw: bool = False,
) -> None:
    """Nothing when the plan obeys every rule; otherwise `WrongPlan`, which names each one that it breaks."""
    found = breaches(
        sop, plan.interviews, request, busy=busy, booked=booked, now=now, keep=keep, previous=previous, thaw=thaw
    )
    if found:
        raise WrongPlan("\n".join(f"{one.rule}: {one.round} {one.interviewer or ''}: {one.detail}" for one in found))


def breaches(
    sop: Sop,
    interviews: Sequence[Interview],
    request: CandidateRequest,
    *,
    busy: Mapping[str, Sequence[Interval]],
    booked: Sequence[Interview],
    now: datetime,
    keep: Sequence[Interview] = (),
    previous: Sequence[Interview] = (),
    thaw: bool = False,
) -> tuple[Breach, ...]:
    """Every breach of a rule in a plan's interviews, in the order of `RULES`."""
    course = sop.course(request.course)
    if [(one.candidate, one.course, one.round) for one in interviews] != [
        (request.email, course.id, round_.id) for round_ in course.rounds
    ]:
        return (Breach(rule="plan", round="", detail="is not one interview for each round, in order"),)
    missing = [one.round for one in keep if one not in interviews]
    if missing:
        return tuple(Breach(rule="keep", round=name, detail="was to be kept as it is") for name in missing)
    ours = {one.round for one in (*keep, *previous)}
    facts = Facts(
        sop=sop,
        request=request,
        interviews=interviews,
        busy=busy,
        booked=[o for o in booked if (o.candidate, o.course) != (request.email, course.id) or o.round not in ours],
        now=now,
        keep=keep,
        previous=previous,
        thaw=thaw,
    )
    return tuple(breach for rule in RULES for breach in rule.check(facts))
