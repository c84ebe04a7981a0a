"""How a round's start bounds the next one's: sequence and gaps, as windows of ticks that move on with the start.

Both edges of the windows never move back as the start moves on; everything here rests on that.
"""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sop.lengths import Days, Length
from sop.timeline import Axis, span


@dataclass(frozen=True, eq=False)
class Link:
    """The windows between one round and the next on an axis.

    Elapsed bounds are from start to start, in seconds (`most` None: no bound); the day bounds say for each day which day may be
    the first and the last of the next round, and the tick bounds the same in ticks.
    """

    axis: Axis
    least: int
    most: int | None
    first_days: tuple[int, ...] | None
    last_days: tuple[int, ...] | None
    first_ticks: tuple[int, ...] | None
    end_ticks: tuple[int, ...] | None

    def window(self, tick: int) -> tuple[int, int]:
        """The ticks, half-open, at which the next round can start."""
        axis = self.axis
        ticks, day, low = axis.ticks, axis.day_of[tick], 0
        start = ticks[tick]
        if self.first_ticks is not None:
            low = self.first_ticks[day]
        if low < len(ticks) and ticks[low] < start + self.least:
            low = bisect_left(ticks, start + self.least)
        high = len(ticks) if self.end_ticks is None else self.end_ticks[day]
        if self.most is not None:
            high = min(high, bisect_right(ticks, start + self.most))
        return low, high

    def window_before(self, tick: int) -> tuple[int, int]:
        """The ticks, half-open, from which the next round can start at `tick`."""
        axis, start = self.axis, self.axis.ticks[tick]
        high = bisect_right(axis.ticks, start - self.least)
        low = 0 if self.most is None else bisect_left(axis.ticks, start - self.most)
        if self.first_days is not None:
            high = min(high, axis.first[bisect_right(self.first_days, axis.day_of[tick])])
        if self.last_days is not None:
            low = max(low, axis.first[bisect_left(self.last_days, axis.day_of[tick])])
        return low, high

    def forward(self, bits: int) -> int:
        """All ticks at which the next round can start, from any of these."""
        if self.most is None:
            return self._by_day(bits, self.window, lowest=True, bounded=self.last_days is not None)
        return self._by_run(bits, self.window)

    def backward(self, bits: int) -> int:
        """All ticks from which the next round can start at any of these."""
        if self.most is None:
            return self._by_day(bits, self.window_before, lowest=False, bounded=self.last_days is not None)
        return self._by_run(bits, self.window_before)

    def _by_day(self, bits: int, window: Callable[[int], tuple[int, int]], *, lowest: bool, bounded: bool) -> int:
        """The union of windows of which only one edge moves within a day: one tick of each day has the widest."""
        result, axis = 0, self.axis
        while bits:
            tick = (bits & -bits).bit_length() - 1 if lowest else bits.bit_length() - 1
            low, high = window(tick)
            result |= span(low, high)
            if not bounded:
                break
            day = axis.day_of[tick]
            if lowest:
                bits = bits >> axis.first[day + 1] << axis.first[day + 1]
            else:
                bits &= (1 << axis.first[day]) - 1
        return result

    def _by_run(self, bits: int, window: Callable[[int], tuple[int, int]]) -> int:
        """The union of windows of which both edges move: of each run of ticks within a day the first and the last say all."""
        result, axis = 0, self.axis
        while bits:
            tick = (bits & -bits).bit_length() - 1
            last = tick
            if self._seamless:
                run = (bits >> tick) + 1
                last = min(tick + (run & -run).bit_length() - 2, axis.first[axis.day_of[tick] + 1] - 1)
            result |= span(window(tick)[0], window(last)[1])
            bits = bits >> (last + 1) << (last + 1)
        return result

    @functools.cached_property
    def _seamless(self) -> bool:
        """Whether the windows of neighbouring ticks always adjoin."""
        return self.most is not None and self.most - self.least >= self.axis.max_step


@functools.lru_cache(maxsize=1024)
def link_for(
    axis: Axis, duration: int, least: Length | None, most: Length | None, holidays: Days, next_date: bool
) -> Link:
    """The link after a round of `duration` seconds; `next_date`: the next round is on a later date in any case."""
    low, high = (_elapsed(length) for length in (least, most))
    days_low, days_high = (length if length and length.elapsed is None else None for length in (least, most))
    first_days = _first_days(axis, days_low, holidays)
    if next_date:
        first_days = tuple(max(day + 1, first) for day, first in enumerate(first_days or range(axis.days)))
    last_days = _last_days(axis, days_high, holidays)
    return Link(
        axis=axis,
        least=duration + (low or 0),
        most=None if high is None else duration + high,
        first_days=first_days,
        last_days=last_days,
        first_ticks=first_days and tuple(axis.first[min(day, axis.days)] for day in first_days),
        end_ticks=last_days and tuple(axis.first[min(day + 1, axis.days)] for day in last_days),
    )


def _elapsed(length: Length | None) -> int | None:
    return None if length is None or length.elapsed is None else int(length.elapsed.total_seconds())


def _first_days(axis: Axis, least: Length | None, holidays: Days) -> tuple[int, ...] | None:
    """For each day the first day at least so far on."""
    if least is None:
        return None
    if least.unit == "d":
        return tuple(day + least.amount for day in range(axis.days))
    worked = _worked(axis, holidays)
    return tuple(max(day, bisect_left(worked, worked[day] + least.amount)) for day in range(axis.days))


def _last_days(axis: Axis, most: Length | None, holidays: Days) -> tuple[int, ...] | None:
    """For each day the last day at most so far on."""
    if most is None:
        return None
    if most.unit == "d":
        return tuple(day + most.amount for day in range(axis.days))
    worked = _worked(axis, holidays)
    return tuple(bisect_right(worked, worked[day] + most.amount) - 1 for day in range(axis.days))


@functools.lru_cache(maxsize=64)
def _worked(axis: Axis, holidays: Days) -> tuple[int, ...]:
    """For each day how many working days there are up to it, from the axis's first day."""
    count, result = 0, []
    for day in range(axis.days):
        when = date.fromordinal(axis.first_date + day)
        count += when.weekday() < 5 and when not in holidays
        result.append(count)
    return tuple(result)
