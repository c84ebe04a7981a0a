"""The best plan by trying everything: slow, short, and told by the rules alone. For small problems only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from sop import Interview
from sop.model import Round, Sop
from sop.rules import RULES, Facts
from sop.verification import breaches
from tests.oracles.instances import Instance
from utils import instant

Cost = tuple[int, int, int, int, int, int, int]
# Rules that one interview breaks alone, whatever the others are.
ALONE = {"grid", "notice", "slots", "events", "holidays", "when", "hours", "free", "mapping", "freeze"}


def best_plan(instance: Instance) -> tuple[Cost, tuple[Interview, ...]] | None:
    """The best of all plans, with its cost; None when there is none."""
    found = [(cost_of(instance, plan), _ties(plan), plan) for plan in every_plan(instance)]
    if not found:
        return None
    cost, _, plan = min(found, key=lambda one: one[:2])
    return cost, plan


def every_plan(instance: Instance) -> Iterator[tuple[Interview, ...]]:
    """Every plan that obeys every rule."""
    kept = {one.round: one for one in instance.keep}
    choices = [
        [kept[round_.id]] if round_.id in kept else list(_alone(instance, round_))
        for round_ in instance.sop.courses["course"].rounds
    ]

    def extended(plan: tuple[Interview, ...]) -> Iterator[tuple[Interview, ...]]:
        if len(plan) == len(choices):
            if not breaches(instance.sop, plan, instance.request, **instance.facts()):
                yield plan
            return
        for one in choices[len(plan)]:
            follows = not plan or one.start >= plan[-1].end or {one, plan[-1]} <= set(instance.keep)
            if follows and _prefix_is_right(instance, (*plan, one)):
                yield from extended((*plan, one))

    yield from extended(())


def starts(sop: Sop, instance: Instance) -> Iterator[datetime]:
    """Every start of the grid in the window and a day around it."""
    first, last = instance.request.window
    for n in range(-1, (last - first).days + 2):
        day = first + timedelta(days=n)
        for minutes in range(0, 1440, int(sop.grid.total_seconds()) // 60):
            start = instant(day, minutes, sop.zone)
            wall = start.astimezone(sop.zone).replace(tzinfo=None)
            if wall == datetime.combine(day, time(minutes // 60, minutes % 60)):
                yield start.astimezone(UTC)


def _alone(instance: Instance, round_: Round) -> Iterator[Interview]:
    """Every way to hold one round that breaks no rule by itself."""
    sop = _with_rounds(instance.sop, (round_,))
    kept = [one for one in instance.keep if one.round == round_.id]
    rules = [rule for rule in RULES if rule.name in ALONE]
    for start in starts(sop, instance):
        for team in itertools.product(*(seat.ranks for seat in round_.seats)):
            one = Interview(
                candidate=instance.request.email,
                course="course",
                round=round_.id,
                start=start,
                end=start + round_.duration,
                interviewers=team,
            )
            facts = _facts(instance, sop, (one,), kept)
            if not any(True for rule in rules for _ in rule.check(facts)):
                yield one


def _prefix_is_right(instance: Instance, plan: tuple[Interview, ...]) -> bool:
    """Whether the first rounds break no rule among themselves; kept rounds that come later are heeded in the end."""
    sop = _with_rounds(instance.sop, instance.sop.courses["course"].rounds[: len(plan)])
    kept = [one for one in instance.keep if one in plan]
    rules = [rule for rule in RULES if rule.name not in {*ALONE, "max_interviewers"}]
    facts = _facts(instance, sop, plan, kept)
    return not any(True for rule in rules for _ in rule.check(facts))


def _facts(instance: Instance, sop: Sop, plan: tuple[Interview, ...], kept: list[Interview]) -> Facts:
    ours = {one.round for one in (*instance.keep, *instance.previous)}
    email = instance.request.email
    return Facts(
        sop=sop,
        request=instance.request,
        interviews=plan,
        busy=instance.busy,
        booked=[o for o in instance.booked if (o.candidate, o.course) != (email, "course") or o.round not in ours],
        now=instance.now,
        keep=kept,
        previous=instance.previous,
        thaw=instance.thaw,
    )


def _with_rounds(sop: Sop, rounds: tuple[Round, ...]) -> Sop:
    return sop.having(courses={"course": sop.courses["course"].having(rounds=rounds)})


def cost_of(instance: Instance, plan: tuple[Interview, ...]) -> Cost:
    """What a plan costs, straight from the definition."""
    ranks = [
        seat.backups.index(who) + 1
        for round_, one in zip(instance.sop.courses["course"].rounds, plan, strict=True)
        for seat, who in zip(round_.seats, one.interviewers, strict=False)
        if who in seat.backups and who not in seat.interviewers
    ]
    before = {one.round: one for one in instance.previous}
    return (
        sum(one.round in before and one != before[one.round] for one in plan),
        len(ranks),
        sum(ranks),
        sum(not _preferred(instance, one) for one in plan),
        int(plan[-1].end.timestamp()),
        sum(_load(instance, who) for one in plan for who in one.interviewers),
        sum(int(one.start.timestamp()) for one in plan),
    )


def _preferred(instance: Instance, one: Interview) -> bool:
    """Whether every minute of an interview lies in the preferred slots of the window."""
    hours, tz = instance.request.preferred_slots, instance.sop.zone_of(instance.request)
    if hours is None:
        return True
    first, last = instance.request.window
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    spans = [(instant(day, s.start, tz), instant(day, s.end, tz)) for day in days for s in hours.on(day)]
    minutes = int((one.end - one.start).total_seconds()) // 60
    moments = (one.start + timedelta(minutes=n) for n in range(minutes))
    return all(any(start <= moment < end for start, end in spans) for moment in moments)


def _load(instance: Instance, who: str) -> int:
    tz = instance.sop.zone_of(instance.request)
    first, last = instance.request.window
    start, end = instant(first, 0, tz), instant(last, 1440, tz)
    booked = _facts(instance, instance.sop, (), []).booked
    return sum(who in one.interviewers and one.start < end and one.end > start for one in booked)


def _ties(plan: tuple[Interview, ...]) -> tuple[tuple[datetime, tuple[str, ...]], ...]:
    return tuple((one.start, one.interviewers) for one in plan)
