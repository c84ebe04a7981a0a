"""What a simulation means for each interviewer: how full they are, whom they keep out, what more of their time would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.hours import Span, WeekHours
from domain.model import Interview
from sop.busy import BusyIndex
from sop.changes import replaced
from sop.conflict import feasible, without
from sop.model import Interviewer, Sop
from sop.occupancy import Heat, between, by_hour, less, minutes, working
from sop.result import Blame, NoPlan
from sop.simulation import Simulation
from sop.timeline import joined, stretch_of

# What is taken from a person to find out whether their time alone is what is missing.
THEIR_TIME = ("free", "daily_limit", "weekly_limit", "breaks")
HOUR = 60  # minutes
WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Load:
    """How full somebody is in a simulation's period.

    `booked` and `added` count interviews, of before and of the simulation. `share` is how much of the time at work that is not
    busy goes into the added ones (None where there is no such time). `full` of `possible` weeks, or days where there is only a
    daily limit, are at the limit. `keeps_out` candidates would get through if this person had nothing else and no limits.
    """

    who: str
    booked: int
    added: int
    share: float | None
    full: int
    possible: int
    keeps_out: int
    heat: Heat


def loads(simulation: Simulation) -> tuple[Load, ...]:
    """The load of everybody who could take a round: those first who keep out most, then the fullest."""
    takers = dict.fromkeys(who for course in simulation.sop.courses.values() for who in course.takers)
    kept_out = _kept_out(simulation)
    found = [_load(simulation, simulation.sop.interviewers[who], kept_out[who]) for who in takers]
    return tuple(sorted(found, key=lambda one: (-one.keeps_out, -(one.share or 0), one.who)))


def _load(simulation: Simulation, person: Interviewer, keeps_out: int) -> Load:
    sop, period = simulation.sop, simulation.period
    booked = [one for one in simulation.booked if person.id in one.interviewers and one.interval.meets(period)]
    added = [one for one in simulation.added if person.id in one.interviewers]
    others = [stretch_of(one) for one in (*simulation.busy.get(person.id, ()), *(one.interval for one in booked))]
    free = less(working(sop, person, period), others)
    before, new = ([stretch_of(one.interval) for one in interviews] for interviews in (booked, added))
    there = joined([*free, *between(before, stretch_of(period))])
    full, possible = _at_limit(simulation, person, [*booked, *added])
    return Load(
        who=person.id,
        booked=len(booked),
        added=len(added),
        share=minutes(new) / minutes(free) if free else None,
        full=full,
        possible=possible,
        keeps_out=keeps_out,
        heat=Heat(there=by_hour(sop, there), taken=by_hour(sop, between([*before, *new], stretch_of(period)))),
    )


def _at_limit(simulation: Simulation, person: Interviewer, interviews: Iterable[Interview]) -> tuple[int, int]:
    """In how many weeks the weekly limit is reached, of how many; the same of days where there is only a daily limit."""
    tz, period = simulation.sop.zone, simulation.period
    dates = [one.start.astimezone(tz).date() for one in interviews]
    first, last = period.start.astimezone(tz).date(), period.end.astimezone(tz).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if person.weekly_limit is not None:
        weeks = Counter(day.isocalendar()[:2] for day in dates)
        return sum(n >= person.weekly_limit for n in weeks.values()), len({day.isocalendar()[:2] for day in days})
    worked = sum(bool(person.working_hours.on(day)) and day not in person.days_off for day in days)
    if person.daily_limit is None:
        return 0, worked
    return sum(n >= person.daily_limit for n in Counter(dates).values()), worked


def _kept_out(simulation: Simulation) -> Counter[str]:
    """For each person how many of the refused their time alone keeps out."""
    counts: Counter[str] = Counter()
    for one in simulation.refused:
        if isinstance(one.result, NoPlan) and one.result.proven:
            case = one.result.diagnosis.case
            for who in case.course.takers:
                blames = [Blame(rule=rule, subject=who) for rule in THEIR_TIME]
                counts[who] += feasible(without(case, blames))
    return counts


def never_fit(simulation: Simulation) -> int:
    """How many of the refused could not get through even if everybody were free."""
    cases = [one.result.diagnosis.case for one in simulation.refused if isinstance(one.result, NoPlan)]
    return sum(not feasible(replace(case, busy=BusyIndex({}), booked=())) for case in cases)


def with_more_time(sop: Sop, who: str) -> Sop:
    """The SOP with one more hour on each day that somebody works, and their limits raised by as much: one more interview a day.

    The hour comes after the last of the day, or before the first where that ends with the day.
    """
    person = sop.interviewers[who]
    days = tuple(map(_longer, person.working_hours.days))
    changes: dict[str, object] = {"working_hours": WeekHours(days=days)}
    if person.daily_limit is not None:
        changes["daily_limit"] = person.daily_limit + 1
    if person.weekly_limit is not None:
        changes["weekly_limit"] = person.weekly_limit + sum(bool(spans) for spans in days)
    for field, value in changes.items():
        sop = replaced(sop, f"interviewers.{who}.{field}", value)
    return sop


def _longer(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    if not spans:
        return spans
    if spans[-1].end + HOUR <= 1440:
        return (*spans[:-1], Span(start=spans[-1].start, end=spans[-1].end + HOUR))
    return (Span(start=max(spans[0].start - HOUR, 0), end=spans[0].end), *spans[1:])
