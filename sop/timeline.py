"""The grid of possible starts as a row of ticks, and sets of starts as the bits of one integer (bit i: tick i).

Everything that turns wall times into instants for the planner lives here: days, hours, clock changes. Instants are whole seconds
since the epoch, and every interval is half-open.
"""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

from domain.hours import WeekHours
from domain.model import Interval, Interview
from sop.lengths import Days
from utils import instant

BLOCK = 28  # days: axes begin and end on whole blocks, so that candidates share them (and what is cached for them)
DAY = 86_400
Stretch = tuple[int, int]  # start and end in seconds since the epoch


@dataclass(frozen=True, eq=False)
class Axis:
    """The ticks of some whole dates of the SOP's zone. Compared by identity: `axis_for` makes each once."""

    first_date: int  # ordinal
    ticks: Sequence[int]  # instants, strictly increasing
    day_of: Sequence[int]  # the day (0-based, from first_date) of each tick
    first: Sequence[int]  # the first tick of each day, and at the end the number of ticks
    dawns: Sequence[int]  # 00:00 of each day, and of the day after the last
    max_step: int  # the longest time from one tick to the next, in seconds

    @property
    def days(self) -> int:
        return len(self.first) - 1

    @property
    def all(self) -> int:
        """The set of all ticks."""
        return (1 << len(self.ticks)) - 1

    def day_bits(self, day: int) -> int:
        """The ticks of one day; none outside the axis."""
        if not 0 <= day < self.days:
            return 0
        return (1 << self.first[day + 1]) - (1 << self.first[day])

    def week_bits(self, week: int) -> int:
        """The ticks of an ISO week, as `week_of` numbers it. An axis begins on a Monday and has whole weeks."""
        day = week * 7 + 1 - self.first_date
        if not 0 <= day < self.days:
            return 0
        return (1 << self.first[day + 7]) - (1 << self.first[day])

    def days_in(self, bits: int) -> Iterator[int]:
        """The days of a set of ticks, in order."""
        while bits:
            day = self.day_of[(bits & -bits).bit_length() - 1]
            bits = bits >> self.first[day + 1] << self.first[day + 1]
            yield day

    def weeks(self, bits: int) -> list[int]:
        """The ISO weeks of a set of ticks, in order."""
        return list(dict.fromkeys(map(self.week_of, self.days_in(bits))))

    def date_of(self, tick: int) -> date:
        return date.fromordinal(self.first_date + self.day_of[tick])

    def week_of(self, day: int) -> int:
        """A number for the ISO week of a day: equal in the same week, larger in later ones."""
        return (self.first_date + day - 1) // 7  # ordinal 1 is a Monday

    def tick_at(self, moment: datetime) -> int | None:
        """The tick at an instant, if there is one."""
        seconds = moment.timestamp()
        tick = bisect_left(self.ticks, seconds)
        return tick if tick < len(self.ticks) and self.ticks[tick] == seconds else None

    def day_at(self, moment: datetime, tz: ZoneInfo) -> int:
        """The day of an instant, which may lie outside the axis; `tz` is the axis's own zone."""
        return moment.astimezone(tz).toordinal() - self.first_date

    def starts_between(self, first: float, last: float) -> int:
        """Ticks from `first` to `last`, both included."""
        return span(bisect_left(self.ticks, first), bisect_right(self.ticks, last))

    def inside(self, stretches: Iterable[Stretch], duration: int) -> int:
        """Starts of interviews that lie in one of the stretches as a whole."""
        bits, ticks = 0, self.ticks
        for start, end in stretches:
            first, last = bisect_left(ticks, start), bisect_right(ticks, end - duration)
            if first < last:
                bits |= (1 << last) - (1 << first)
        return bits

    def touching(self, stretches: Iterable[Stretch], duration: int, distance: int) -> int:
        """Starts of interviews that come nearer than `distance` to one of the stretches."""
        bits = 0
        for start, end in stretches:
            after = bisect_right(self.ticks, start - duration - distance)
            bits |= span(after, bisect_left(self.ticks, end + distance))
        return bits


def span(start: int, end: int) -> int:
    """The bits from `start` up to, not including, `end`."""
    return (1 << end) - (1 << start) if end > start else 0


def members(bits: int) -> Iterator[int]:
    """The ticks of a set, in order."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def axis_for(tz: ZoneInfo, grid: timedelta, first: date, last: date) -> Axis:
    """The axis that covers the dates, in whole blocks."""
    start, end = _block(first.toordinal()), _block(last.toordinal()) + BLOCK
    return _axis(tz.key, int(grid.total_seconds()) // 60, start, end)


def _block(day: int) -> int:
    """The first day (a Monday) of the block of a day; all are ordinals."""
    return (day - 1) // BLOCK * BLOCK + 1


@functools.lru_cache(maxsize=128)
def _axis(zone_name: str, grid: int, first: int, end: int) -> Axis:
    tz = ZoneInfo(zone_name)
    ticks: list[int] = []
    day_of: list[int] = []
    starts = [0]
    for day in range(end - first):
        dawn, next_dawn = midnights(zone_name, first + day)
        if next_dawn - dawn == DAY:
            ticks.extend(range(dawn, next_dawn, grid * 60))
        else:
            ticks.extend(_starts_on(date.fromordinal(first + day), grid, tz))
        day_of.extend([day] * (len(ticks) - len(day_of)))
        starts.append(len(ticks))
    steps = (later - earlier for earlier, later in itertools.pairwise(ticks))
    dawns = [midnights(zone_name, day)[0] for day in range(first, end)] + [midnights(zone_name, end - 1)[1]]
    return Axis(
        first_date=first,
        ticks=ticks,
        day_of=day_of,
        first=starts,
        dawns=dawns,
        max_step=max(steps, default=DAY),
    )


def _starts_on(day: date, grid: int, tz: ZoneInfo) -> Iterator[int]:
    """Starts on a day with a clock change: none that it skips, and of those that come twice only the first."""
    for minutes in range(0, 1440, grid):
        wall = datetime.combine(day, time(minutes // 60, minutes % 60))
        moment = wall.replace(tzinfo=tz).astimezone(UTC)
        if moment.astimezone(tz).replace(tzinfo=None) == wall:
            yield int(moment.timestamp())


def midnights(zone_name: str, day: int) -> tuple[int, int]:
    """00:00 of a date (an ordinal) and of the next."""
    first = _block(day)
    dawns = _midnights(zone_name, first)
    return dawns[day - first], dawns[day - first + 1]


@functools.lru_cache(maxsize=2048)
def _midnights(zone_name: str, first: int) -> Sequence[int]:
    """00:00 of each date of a block, and of the day after it."""
    tz = ZoneInfo(zone_name)
    return [int(instant(date.fromordinal(day), 0, tz).timestamp()) for day in range(first, first + BLOCK + 1)]


def week_stretches(zone_name: str, hours: WeekHours, days: Iterable[int]) -> list[Stretch]:
    """The hours of some dates (ordinals, in order), joined up."""
    found: list[Stretch] = []
    dawns: Sequence[int] = ()
    block = 0
    for day in days:
        spans = hours.days[(day - 1) % 7]
        if not spans:
            continue
        place = (day - 1) % BLOCK
        if day - place != block:
            block = day - place
            dawns = _midnights(zone_name, block)
        dawn = dawns[place]
        if dawns[place + 1] - dawn == DAY:
            found += [(dawn + one.start * 60, dawn + one.end * 60) for one in spans]
        else:
            found += _changing(date.fromordinal(day), [(one.start, one.end) for one in spans], ZoneInfo(zone_name))
    return joined(found)


def _changing(day: date, spans: Iterable[tuple[int, int]], tz: ZoneInfo) -> Iterator[Stretch]:
    """Hours on a day with a clock change; what the change swallows is not there."""
    for start, end in spans:
        stretch = tuple(int(instant(day, minutes, tz).timestamp()) for minutes in (start, end))
        if stretch[0] < stretch[1]:
            yield stretch[0], stretch[1]


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Sorted; overlapping and adjoining ones as one."""
    result: list[Stretch] = []
    for start, end in sorted(stretches):
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def stretch_of(span_of_time: Interval | Interview) -> Stretch:
    """Whole seconds that hold it: a start is always whole, so nothing is lost by it."""
    return floor(span_of_time.start.timestamp()), ceil(span_of_time.end.timestamp())


@functools.lru_cache(maxsize=16_384)
def hours_bits(axis: Axis, zone_name: str, hours: WeekHours, days_off: Days, duration: int) -> int:
    """Starts of interviews that lie in somebody's working hours as a whole, and on none of their days off."""
    return axis.inside(_stretches_on(axis, zone_name, hours, days_off), duration)


@functools.lru_cache(maxsize=2048)
def _stretches_on(axis: Axis, zone_name: str, hours: WeekHours, days_off: Days) -> list[Stretch]:
    days = range(axis.first_date - 1, axis.first_date + axis.days + 1)
    worked = [day for day in days if date.fromordinal(day) not in days_off] if days_off else days
    return week_stretches(zone_name, hours, worked)


@functools.lru_cache(maxsize=256)
def holiday_bits(axis: Axis, holidays: Days) -> int:
    """Starts on a holiday."""
    days = [day for day in range(axis.days) if date.fromordinal(axis.first_date + day) in holidays]
    return functools.reduce(lambda bits, day: bits | axis.day_bits(day), days, 0)
