"""Interviewers' time in a simulation: how much of it there is, how much of it is taken, and at which hours of the week."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import itemgetter

from domain.hours import WEEKDAYS
from domain.model import Interval
from sop.model import Interviewer, Sop
from sop.timeline import Stretch, joined, midnights, stretch_of, week_stretches

HOUR = 3600
Week = tuple[tuple[int, ...], ...]  # minutes, by weekday (Monday first) and hour


@dataclass(frozen=True, kw_only=True)
class Heat:
    """Minutes of a person by weekday and hour of the SOP's zone over a whole period: there for interviews, and in them."""

    there: Week
    taken: Week


def working(sop: Sop, person: Interviewer, period: Interval) -> list[Stretch]:
    """When somebody works in a period: their hours without their days off and the holidays."""
    first = period.start.astimezone(person.zone).toordinal() - 1
    last = period.end.astimezone(person.zone).toordinal() + 1
    days = [day for day in range(first, last + 1) if date.fromordinal(day) not in person.days_off]
    hours = week_stretches(person.timezone, person.working_hours, days)
    return between(less(hours, _holidays(sop, first, last)), stretch_of(period))


def _holidays(sop: Sop, first: int, last: int) -> list[Stretch]:
    days = (day for day in range(first, last + 1) if date.fromordinal(day) in sop.holidays)
    return [midnights(sop.timezone, day) for day in days]


def less(stretches: Iterable[Stretch], others: Iterable[Stretch]) -> list[Stretch]:
    """What is left of some stretches without others."""
    left: list[Stretch] = []
    blocks = joined(others)
    for start, end in joined(stretches):
        for block in itertools.islice(blocks, bisect_right(blocks, start, key=itemgetter(1)), None):
            if block[0] >= end:
                break
            if block[0] > start:
                left.append((start, block[0]))
            start = block[1]
        if start < end:
            left.append((start, end))
    return left


def between(stretches: Iterable[Stretch], bounds: Stretch) -> list[Stretch]:
    """The parts of stretches within bounds."""
    cut = ((max(start, bounds[0]), min(end, bounds[1])) for start, end in stretches)
    return [(start, end) for start, end in cut if start < end]


def minutes(stretches: Iterable[Stretch]) -> int:
    """How long stretches are altogether, in minutes."""
    return sum(end - start for start, end in stretches) // 60


def by_hour(sop: Sop, stretches: Sequence[Stretch]) -> Week:
    """Minutes by weekday and hour of the SOP's zone."""
    counts = [[0] * 24 for _ in WEEKDAYS]
    for start, end in stretches:
        at = start
        while at < end:
            wall = datetime.fromtimestamp(at, UTC).astimezone(sop.zone)
            after = min(end, at + HOUR - wall.minute * 60 - wall.second)
            counts[wall.weekday()][wall.hour] += after - at
            at = after
    return tuple(tuple(seconds // 60 for seconds in day) for day in counts)
