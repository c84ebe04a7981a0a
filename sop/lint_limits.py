"""Findings about limits: below what is asked of people, or never reached because something else is narrower."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sop.free import seconds
from sop.lint_findings import Finding
from sop.lint_hours import Year
from sop.lint_people import names, starved_seats
from sop.model import Interviewer, minutes_text
from utils import plural


def limits(year: Year) -> Iterator[Finding]:
    """SOP402 to SOP404."""
    yield from _demand(year)
    for person in year.sop.interviewers.values():
        yield from _never_reached(year, person)
        if person.pause is not None and person.buffer >= person.pause:
            yield Finding(
                code="SOP404",
                where=f"interviewers.{person.id}.break",
                message=f"The buffer of {minutes_text(person.buffer)} is a break of {minutes_text(person.pause)} after every "
                f"interview of {person.name}: max_in_a_row never applies.",
                fix="Make the break longer than the buffer, or take max_in_a_row and break out.",
            )


def _demand(year: Year) -> Iterator[Finding]:
    """One candidate of each course a week is little to ask; who cannot do even that is too few or too limited."""
    sop = year.sop
    seats = [tuple(seat.ranks) for course in sop.courses.values() for round_ in course.rounds for seat in round_.seats]
    starved = starved_seats(seats, {who: _weekly(year, person) for who, person in sop.interviewers.items()})
    if starved is None:
        return
    count, few = starved
    able = sum(_weekly(year, sop.interviewers[who]) for who in few)
    first = next(who for who in sop.interviewers if who in few)
    limit = "weekly_limit" if sop.interviewers[first].weekly_limit is not None else "daily_limit"
    yield Finding(
        code="SOP402",
        where=f"interviewers.{first}.{limit}",
        message=f"One candidate of each course a week needs at least {plural(count, 'interview')} of {names(sop, few)}, "
        f"who {'do' if len(few) > 1 else 'does'} at most {able} a week.",
        fix="Raise limits, widen hours, or name more people for their rounds.",
    )


def _weekly(year: Year, person: Interviewer) -> int:
    """How many interviews somebody can do in a week at most, by hours and limits."""
    durations = [
        round_.duration
        for course in year.sop.courses.values()
        for round_ in course.rounds
        if any(person.id in seat.ranks for seat in round_.seats)
    ]
    if not durations:
        return 0
    shortest = seconds(min(durations))
    worked = sum(span.end - span.start for spans in person.working_hours.days for span in spans) * 60
    by_hours = worked // shortest
    by_day = math.inf if person.daily_limit is None else person.daily_limit * year.worked_days(person, shortest)
    by_week = math.inf if person.weekly_limit is None else person.weekly_limit
    return int(min(by_hours, by_day, by_week))


def _never_reached(year: Year, person: Interviewer) -> Iterator[Finding]:
    """Of two limits, one that the other always comes before."""
    daily, weekly = person.daily_limit, person.weekly_limit
    if daily is None or weekly is None:
        return
    days = year.worked_days(person, 0)
    if daily > weekly:
        yield Finding(
            code="SOP403",
            where=f"interviewers.{person.id}.daily_limit",
            message=f"{person.name}'s limit of {daily} a day is never reached: {weekly} a week comes first.",
            fix=f"Lower it below {weekly}, or take it out.",
        )
    elif daily * days < weekly:
        yield Finding(
            code="SOP403",
            where=f"interviewers.{person.id}.weekly_limit",
            message=f"{person.name}'s limit of {weekly} a week is never reached: {daily} a day on {plural(days, 'day')} a week "
            f"makes {daily * days}.",
            fix=f"Lower it to less than {daily * days}, or take it out." if daily * days > 1 else "Take it out.",
        )
