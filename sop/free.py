"""Which starts each rule leaves, one rule at a time: for a round whoever takes it, and for each person who could.

These are the rules that can be told of one start alone. Those between rounds live in `links.py` and `coupling.py`.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from domain.hours import WeekHours
from domain.model import Interview
from sop.case import Case
from sop.lengths import Days
from sop.model import Interviewer, Round
from sop.timeline import (
    Axis,
    Stretch,
    axis_for,
    holiday_bits,
    hours_bits,
    members,
    midnights,
    stretch_of,
    week_stretches,
)

Steps = Iterator[tuple[str, int]]  # a rule's name, and the starts that it allows
ONE_DAY = timedelta(days=1)
NO_DAYS = Days()


class Calendar:
    """What is known before any round is placed: the axis, the candidate's time, everybody's interviews and counts."""

    def __init__(self, case: Case) -> None:
        self.case, self.sop, self.request = case, case.sop, case.request
        first, last = case.request.window
        self.axis: Axis = axis_for(self.sop.zone, self.sop.grid, first - ONE_DAY, last + ONE_DAY)
        self.zone_name = case.request.timezone or self.sop.timezone
        self.theirs: dict[str, list[Stretch]] = {}  # interviews of each interviewer
        self.by_day: dict[str, Counter[int]] = {}  # how many on each day of the axis (days before it are negative)
        self._by_week: dict[str, Counter[int]] = {}
        self.load: Counter[str] = Counter()
        self.own: list[Stretch] = []  # other interviews of the candidate
        self.own_by_day: Counter[int] = Counter()
        self._round_bits: dict[tuple[int, WeekHours | None, bool], int] = {}
        self._person_bits: dict[tuple[str, int], int] = {}
        self._count_interviews()

    def _count_interviews(self) -> None:
        start, end = self._window
        for one in self.case.booked:
            stretch = stretch_of(one)
            self._note(one, stretch)
            if stretch[0] < end and stretch[1] > start:
                self.load.update(one.interviewers)
        for one in self.case.keep.values():
            self._note(one, stretch_of(one))

    def _note(self, one: Interview, stretch: Stretch) -> None:
        day = self.day_at(stretch[0])
        for who in one.interviewers:
            self.theirs.setdefault(who, []).append(stretch)
            self.by_day.setdefault(who, Counter())[day] += 1
        if one.candidate == self.request.email:
            self.own.append(stretch)
            self.own_by_day[day] += 1

    def day_at(self, seconds: int) -> int:
        """The day of an instant, counted from the first of the axis."""
        dawns = self.axis.dawns
        if dawns[0] <= seconds < dawns[-1]:
            return bisect_right(dawns, seconds) - 1
        moment = datetime.fromtimestamp(seconds, UTC).astimezone(self.sop.zone)
        return moment.toordinal() - self.axis.first_date

    # For whoever takes the round ----------------------------------------------------------------------------------

    def round_bits(self, round_: Round, *, settled: bool = False) -> int:
        """What all of `round_steps` leave."""
        key = seconds(round_.duration), round_.when, settled
        if key not in self._round_bits:
            self._round_bits[key] = met(self.round_steps(round_, settled=settled), self.axis.all)
        return self._round_bits[key]

    def person_bits(self, person: Interviewer, round_: Round) -> int:
        """What all of `person_steps` leave."""
        key = person.id, seconds(round_.duration)
        if key not in self._person_bits:
            self._person_bits[key] = met(self.person_steps(person, round_), self.axis.all)
        return self._person_bits[key]

    def round_steps(self, round_: Round, *, settled: bool = False) -> Steps:
        """What each rule leaves of all starts of a round. `settled`: it is booked already, so no notice is needed."""
        duration = seconds(round_.duration)
        yield "slots", self._slots(duration)
        if self.request.blocked_dates or self.request.busy:
            yield "blocked", self.axis.inside(self._slots_not_blocked, duration)
        if self.sop.holidays:
            yield "holidays", ~holiday_bits(self.axis, self.sop.holidays)
        if not settled:
            soonest = (self.case.now + self.sop.notice).timestamp()
            yield "notice", self.axis.starts_between(soonest, self.axis.ticks[-1])
        if round_.when is not None:
            yield "when", hours_bits(self.axis, self.sop.timezone, round_.when, NO_DAYS, duration)
        if self.own or self.request.busy:
            yield "candidate_free", ~self.axis.touching([*self.own, *map(stretch_of, self.request.busy)], duration, 0)
        limit = self.sop.candidate.daily_limit
        if limit is not None and self.own:
            yield "candidate_limit", ~self._days_with(self.own_by_day, limit)

    def preferred_bits(self, round_: Round) -> int:
        """Starts of a round that lie in the preferred slots as a whole; all where none are given."""
        if self.request.preferred_slots is None:
            return self.axis.all
        return self.axis.inside(self._preferred, seconds(round_.duration))

    def is_preferred(self, one: Interview) -> bool:
        """Whether an interview lies in the preferred slots as a whole."""
        if self.request.preferred_slots is None:
            return True
        start, end = stretch_of(one)
        return any(a <= start and end <= b for a, b in self._preferred)

    @functools.cached_property
    def _preferred(self) -> list[Stretch]:
        hours = self.request.preferred_slots
        return [] if hours is None else week_stretches(self.zone_name, hours, self._dates())

    def _slots(self, duration: int) -> int:
        """Starts in the candidate's slots: those of all dates, kept for the next candidate with the same, cut to the window."""
        start, end = self._window
        every_date = hours_bits(self.axis, self.zone_name, self.request.slots, NO_DAYS, duration)
        return every_date & self.axis.starts_between(start, end - duration)

    @functools.cached_property
    def _window(self) -> Stretch:
        """From 00:00 of the window's first date to 24:00 of its last, in the candidate's zone."""
        first, last = self.request.window
        return midnights(self.zone_name, first.toordinal())[0], midnights(self.zone_name, last.toordinal())[1]

    @functools.cached_property
    def _slots_not_blocked(self) -> list[Stretch]:
        blocked = {day.toordinal() for day in self.request.blocked_dates} | self._event_dates()
        days = [day for day in self._dates() if day not in blocked]
        return week_stretches(self.zone_name, self.request.slots, days)

    def _dates(self) -> range:
        return range(self.request.window[0].toordinal(), self.request.window[1].toordinal() + 1)

    def _event_dates(self) -> set[int]:
        """Dates of the candidate's zone on which an event of their own blocks the whole day."""
        if self.sop.candidate.events != "day":
            return set()
        tz = self.sop.zone_of(self.request)
        dates: set[int] = set()
        for event in self.request.busy:
            last = (event.end - timedelta(microseconds=1)).astimezone(tz).toordinal()
            dates.update(range(event.start.astimezone(tz).toordinal(), last + 1))
        return dates

    # For one person -----------------------------------------------------------------------------------------------

    def person_steps(self, person: Interviewer, round_: Round) -> Steps:
        """What each rule leaves of all starts of a round for one person."""
        duration, buffer = seconds(round_.duration), seconds(person.buffer)
        yield "hours", hours_bits(self.axis, person.timezone, person.working_hours, person.days_off, duration)
        yield "free", ~self.case.busy.taken(person.id, self.axis, duration, buffer)
        theirs = self.theirs.get(person.id)
        if not theirs:
            return
        yield "free", ~self.axis.touching(theirs, duration, buffer)
        if person.daily_limit is not None:
            yield "daily_limit", ~self._days_with(self.by_day[person.id], person.daily_limit)
        if person.weekly_limit is not None:
            yield "weekly_limit", ~self._weeks_with(person)
        if person.max_in_a_row is not None:
            yield "breaks", ~self._without_break(person, duration)

    def in_day(self, who: str, day: int) -> int:
        """How many interviews somebody has on a day."""
        counts = self.by_day.get(who)
        return counts[day] if counts else 0

    def in_week(self, who: str, week: int) -> int:
        """How many interviews somebody has in an ISO week."""
        if who not in self._by_week:
            counts: Counter[int] = Counter()
            for day, count in self.by_day.get(who, {}).items():
                counts[self.axis.week_of(day)] += count
            self._by_week[who] = counts
        return self._by_week[who][week]

    def _days_with(self, counts: Counter[int], limit: int) -> int:
        """The ticks of days that have reached a limit."""
        full = [day for day, count in counts.items() if count >= limit]
        return functools.reduce(lambda bits, day: bits | self.axis.day_bits(day), full, 0)

    def _weeks_with(self, person: Interviewer) -> int:
        """The ticks of weeks that have reached somebody's limit."""
        weeks = {self.axis.week_of(day) for day in self.by_day[person.id]}
        full = [week for week in weeks if self.in_week(person.id, week) >= (person.weekly_limit or 0)]
        return functools.reduce(lambda bits, week: bits | self.axis.week_bits(week), full, 0)

    def _without_break(self, person: Interviewer, duration: int) -> int:
        """Starts at which one more interview would be one too many without a break."""
        near = self.axis.touching(self.theirs[person.id], duration, pause_of(person))
        ticks = [tick for tick in members(near) if self.in_a_row(person, [self._at(tick, duration)])]
        return sum(1 << tick for tick in ticks)

    def _at(self, tick: int, duration: int) -> Stretch:
        return self.axis.ticks[tick], self.axis.ticks[tick] + duration

    def in_a_row(self, person: Interviewer, added: Sequence[Stretch]) -> bool:
        """Whether some of the added interviews stand in a row that is too long."""
        row: list[Stretch] = []
        pause, most = pause_of(person), person.max_in_a_row or 0
        for one in sorted([*self.theirs.get(person.id, ()), *added]):
            if row and one[0] - row[-1][1] >= pause:
                row = []
            row.append(one)
            if len(row) > most and any(new in row for new in added):
                return True
        return False


def met(steps: Steps, bits: int) -> int:
    """What all steps leave of some starts."""
    for _, allowed in steps:
        bits &= allowed
    return bits


def seconds(length: timedelta) -> int:
    return int(length.total_seconds())


def pause_of(person: Interviewer) -> int:
    return seconds(person.pause) if person.pause else 0
