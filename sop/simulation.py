"""What if: candidates planned one after another against an SOP and what is booked, without anything being written.

    simulate(sop, arrivals, busy=..., booked=...)  ->  Simulation: who gets through, how soon, and where the others get stuck

Where the candidates come from: `draws.py`, or a file. What it means for each interviewer: `loads.py`.
"""

from __future__ import annotations

import functools
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from domain.model import Interval, Interview
from sop.busy import BusyIndex
from sop.draws import Arrival
from sop.model import Sop
from sop.planner import plan
from sop.result import NoPlan, Plan
from utils import instant


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate; None where the SOP has no such course."""

    arrival: Arrival
    result: Plan | NoPlan | None

    @property
    def stuck(self) -> str:
        """The round that could not be placed; empty where each could, but not all together."""
        last = self.result.funnels[-1] if isinstance(self.result, NoPlan) and self.result.funnels else None
        return last.round if last is not None and not last.left else ""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What became of everybody under one SOP. `booked` is what was booked before."""

    sop: Sop
    outcomes: tuple[Outcome, ...]
    busy: BusyIndex = field(repr=False)
    booked: tuple[Interview, ...] = field(repr=False)

    @functools.cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The plans of those who get through."""
        return tuple(one.result for one in self.outcomes if isinstance(one.result, Plan))

    @functools.cached_property
    def refused(self) -> tuple[Outcome, ...]:
        """Those who do not get through."""
        return tuple(one for one in self.outcomes if not isinstance(one.result, Plan))

    @functools.cached_property
    def added(self) -> tuple[Interview, ...]:
        """The interviews of all plans."""
        return tuple(interview for made in self.plans for interview in made.interviews)

    @functools.cached_property
    def stuck(self) -> Counter[tuple[str, str]]:
        """How many are stuck at which round of which course."""
        return Counter((one.arrival.request.course, one.stuck) for one in self.refused)

    @functools.cached_property
    def period(self) -> Interval:
        """From the first asking to the end of the last interview, or of the last window where there is none."""
        ends = [one.end for one in self.added] or [
            instant(one.arrival.request.window[1], 1440, self.sop.zone) for one in self.outcomes
        ]
        return Interval(start=min(one.arrival.asked for one in self.outcomes), end=max(ends))

    def days(self, course: str | None = None) -> list[int]:
        """How many days it takes from the asking to the last round, ascending: for everybody, or for one course."""
        tz = self.sop.zone
        pairs = ((one.arrival, one.result.interviews[-1]) for one in self.outcomes if isinstance(one.result, Plan))
        return sorted(
            (last.end.astimezone(tz).date() - arrival.asked.astimezone(tz).date()).days
            for arrival, last in pairs
            if course in {None, arrival.request.course}
        )

    def asked_for(self, course: str) -> int:
        """How many candidates want a course."""
        return sum(one.arrival.request.course == course for one in self.outcomes)


def simulate(
    sop: Sop,
    arrivals: Sequence[Arrival],
    *,
    busy: Mapping[str, Sequence[Interval]],
    booked: Sequence[Interview],
    progress: Callable[[], None] = lambda: None,
) -> Simulation:
    """Plan the arrivals in their order, each beside what is booked and those before. At least one arrival is needed.

    `busy` and `booked` are as for `plan`, and cover the horizons of all arrivals. Who is booked for the course already is planned
    as if they were not. `progress` is called after each.
    """
    again = {(one.request.email, one.request.course) for one in arrivals}
    before = tuple(one for one in booked if (one.candidate, one.course) not in again)
    index, taken, outcomes = BusyIndex.of(busy), list(before), []
    for arrival in arrivals:
        outcomes.append(_planned(sop, arrival, index, taken))
        result = outcomes[-1].result
        if isinstance(result, Plan):
            taken += result.interviews
        progress()
    return Simulation(sop=sop, outcomes=tuple(outcomes), busy=index, booked=before)


def _planned(sop: Sop, arrival: Arrival, busy: BusyIndex, booked: Sequence[Interview]) -> Outcome:
    if arrival.request.course not in sop.courses:
        return Outcome(arrival=arrival, result=None)
    return Outcome(arrival=arrival, result=plan(sop, arrival.request, busy=busy, booked=booked, now=arrival.asked))


def median(days: Sequence[int]) -> int | None:
    """The middle one; of two the lower. None of none."""
    return statistics.median_low(days) if days else None


def within(days: Sequence[int], share: float) -> int | None:
    """How many days are enough for such a share of them, such as 0.9; `days` ascend."""
    return days[ceil(share * len(days)) - 1] if days else None
