"""The rules that tie rounds together beyond neighbours: limits, different people, breaks, `finish_within`.

The search heeds them only for the people, and in the kinds, in which they turn out to matter (`Ties`): what is watched is carried
along in a `State`, and a plan in which something else is broken names what to watch as well.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from sop.free import pause_of, seconds
from sop.problem import Layer, Option, Problem
from sop.timeline import Stretch, members

NOBODY: frozenset[str] = frozenset()
Counts = tuple[tuple[str, int], ...]  # sorted


@dataclass(frozen=True, kw_only=True)
class Ties:
    """What is watched: of each kind of rule the people, or whether at all."""

    distinct: frozenset[str] = NOBODY
    row: frozenset[str] = NOBODY  # never twice in a row
    daily: frozenset[str] = NOBODY
    weekly: frozenset[str] = NOBODY
    spaced: frozenset[str] = NOBODY  # buffers and breaks between rounds of one person
    number: frozenset[str] = NOBODY  # max_interviewers: everybody or nobody
    candidate: bool = False  # the candidate's daily limit
    finish: bool = False
    finely: bool = False  # finish_within by the tick of the first round, not only by its day

    @property
    def watched(self) -> frozenset[str]:
        return self.distinct | self.row | self.daily | self.weekly | self.spaced | self.number

    def __or__(self, other: Ties) -> Ties:
        return Ties(**{one.name: getattr(self, one.name) | getattr(other, one.name) for one in fields(self)})

    def __bool__(self) -> bool:
        return self != Ties()


class State(NamedTuple):
    """What later rounds must know of earlier ones."""

    used: frozenset[str] = NOBODY  # watched for distinct or number
    last: frozenset[str] = NOBODY  # watched for row, in the round before
    day: tuple[int, int, Counts] | None = (
        None  # the day, rounds of the candidate on it, interviews of watched people on it
    )
    week: tuple[int, Counts] | None = None
    near: tuple[tuple[str, int, int], ...] = ()  # interviews of watched people to which others may come too near
    deadline: int | None = None  # the last round starts before this tick


Parts = Iterable[tuple[State, int]]
NOTHING_YET = State()
FOREVER = 10**10  # seconds


class Coupling:
    """The watched rules of one problem, as steps from state to state."""

    def __init__(self, problem: Problem, ties: Ties) -> None:
        self.problem, self.ties, self.axis, self.calendar = problem, ties, problem.axis, problem.calendar
        course, self.people = problem.course, problem.sop.interviewers
        limit = course.max_interviewers
        self.number = max(limit, len(problem.kept_people)) if limit is not None and ties.number else None
        self.own_limit = problem.sop.candidate.daily_limit if ties.candidate else None
        self.counted = ties.distinct | ties.number
        self.watching = bool(ties)
        self.always = ties.candidate or ties.finish  # whether placing anybody at all has consequences
        self.buffers = {who: seconds(self.people[who].buffer) for who in ties.spaced}
        self.pauses = {who: pause_of(self.people[who]) for who in ties.spaced}
        self.later = [
            frozenset(who for layer in problem.layers[index + 1 :] for who in layer.people)
            for index in range(len(problem.layers))
        ]

    def start(self) -> State:
        return NOTHING_YET if self.number is None else State(used=self.problem.kept_people)

    def place(self, state: State, index: int, option: Option, bits: int) -> Parts:
        """The states that placing a layer at one of the ticks leads to, each with its ticks."""
        if not self.watching or (not option.taken and not self.always and state is NOTHING_YET):
            return ((state, bits),)
        taken = option.taken
        with_people = self._with_people(state, index, taken)
        if with_people is None:
            return ()
        ties = self.ties
        parts: Parts = ((with_people, bits),)
        daily, weekly, spaced = taken & ties.daily, taken & ties.weekly, taken & ties.spaced
        if daily or self.own_limit is not None or state.day is not None:
            parts = [part for before, some in parts for part in self._by_day(before, some, daily)]
        if weekly or state.week is not None:
            parts = [part for before, some in parts for part in self._by_week(before, some, weekly)]
        if spaced or state.near:
            parts = [part for before, some in parts for part in self._by_tick(before, some, index, spaced)]
        if ties.finish:
            parts = [part for before, some in parts for part in self._in_time(before, some, index)]
        return parts

    def _with_people(self, state: State, index: int, taken: frozenset[str]) -> State | None:
        ties = self.ties
        follows = index > 0 and self.problem.links[index - 1] is not None
        if taken & ties.distinct & state.used or (follows and taken & state.last):
            return None
        used = state.used | (taken & self.counted)
        if self.number is not None and len(used) > self.number:
            return None
        last = taken & ties.row
        if used == state.used and last == state.last:
            return state
        return state._replace(used=used, last=last)

    def _by_day(self, state: State, bits: int, taken: frozenset[str]) -> Parts:
        axis = self.axis
        rest = bits
        for day in self.axis.days_in(bits) if taken or self.own_limit is not None else self._days_of(state):
            part = bits & axis.day_bits(day)
            rest &= ~part
            _, own, counts = state.day if state.day is not None and state.day[0] == day else (day, 0, ())
            own, counts = own + (self.own_limit is not None), _added(counts, taken)
            if part and self._day_allows(day, own, counts):
                yield state._replace(day=(day, own, counts) if own or counts else None), part
        if rest:
            yield state._replace(day=None), rest

    def _day_allows(self, day: int, own: int, counts: Counts) -> bool:
        calendar = self.calendar
        if self.own_limit is not None and calendar.own_by_day[day] + own > self.own_limit:
            return False
        return all(n + calendar.in_day(who, day) <= (self.people[who].daily_limit or n) for who, n in counts)

    def _by_week(self, state: State, bits: int, taken: frozenset[str]) -> Parts:
        rest = bits
        now = () if state.week is None else (state.week[0],)
        for week in self.axis.weeks(bits) if taken else now:
            part = bits & self.axis.week_bits(week)
            rest &= ~part
            same = state.week[1] if state.week is not None and state.week[0] == week else ()
            counts = _added(same, taken)
            fits = all(
                n + self.calendar.in_week(who, week) <= (self.people[who].weekly_limit or n) for who, n in counts
            )
            if part and fits:
                yield state._replace(week=(week, counts) if counts else None), part
        if rest:
            yield state._replace(week=None), rest

    def _by_tick(self, state: State, bits: int, index: int, taken: frozenset[str]) -> Parts:
        found: dict[tuple[tuple[str, int, int], ...], int] = {}
        layer, later = self.problem.layers[index], self.later[index]
        for tick in members(bits):
            start = self.axis.ticks[tick]
            end = start + layer.duration
            if all(self._spaced(who, (start, end), state.near) for who in taken):
                near = (*state.near, *((who, start, end) for who in sorted(taken)))
                soonest = self._soonest(index, tick, end)
                near = tuple(one for one in near if one[0] in later and soonest < self._reach(one, near))
                found[near] = found.get(near, 0) | 1 << tick
        for near, some in found.items():
            yield state._replace(near=near), some

    def _soonest(self, index: int, tick: int, end: int) -> int:
        """When the next layer can start at the soonest."""
        link = self.problem.links[index] if index < len(self.problem.links) else None
        if link is None:
            return end
        first, _ = link.window(tick)
        return self.axis.ticks[first] if first < len(self.axis.ticks) else end + FOREVER

    def _spaced(self, who: str, new: Stretch, near: Iterable[tuple[str, int, int]]) -> bool:
        others = [(start, end) for other, start, end in near if other == who]
        if any(new[0] - end < self.buffers[who] for _, end in others):
            return False
        person = self.people[who]
        return person.max_in_a_row is None or not self.calendar.in_a_row(person, [*others, new])

    def _reach(self, one: tuple[str, int, int], near: Iterable[tuple[str, int, int]]) -> int:
        """Until when an interview can matter to later ones of the same person: past the row that it stands in."""
        who, _, end = one
        pause = self.pauses[who]
        row = end
        if pause:
            theirs = [(start, stop) for other, start, stop in near if other == who]
            for start, stop in sorted([*self.calendar.theirs.get(who, ()), *theirs]):
                if start - row >= pause:
                    break
                row = max(row, stop)
        return max(end + self.buffers[who], row + pause)

    def _in_time(self, state: State, bits: int, index: int) -> Parts:
        if index:
            some = bits & ((1 << (state.deadline or 0)) - 1)
            return ((state, some),) if some else ()
        found: dict[int, int] = {}
        for first, some in self._firsts(bits):
            deadline = deadline_after(self.problem, first)
            found[deadline] = found.get(deadline, 0) | some
        return [(state._replace(deadline=deadline), some) for deadline, some in found.items()]

    def _firsts(self, bits: int) -> Iterator[tuple[int, int]]:
        """Starts of the first round that are watched together, by the last of them; one by one only where that is too rough."""
        if self.ties.finely:
            yield from ((tick, 1 << tick) for tick in members(bits))
            return
        for day in self.axis.days_in(bits):
            some = bits & self.axis.day_bits(day)
            yield some.bit_length() - 1, some

    def _days_of(self, state: State) -> Iterator[int]:
        if state.day is not None:
            yield state.day[0]


def _added(counts: Counts, taken: Iterable[str]) -> Counts:
    if not taken:
        return counts
    numbers = dict(counts)
    for who in taken:
        numbers[who] = numbers.get(who, 0) + 1
    return tuple(sorted(numbers.items()))


def deadline_after(problem: Problem, tick: int) -> int:
    """The tick before which the last round must start when the first starts at this one."""
    axis, within = problem.axis, problem.course.finish_within
    if within is None:
        return len(axis.ticks)
    if within.elapsed is not None:
        latest = axis.ticks[tick] + seconds(within.elapsed) - problem.layers[-1].duration
        return bisect_right(axis.ticks, latest)
    first = last = axis.day_of[tick]
    while last < axis.days and problem.distance(first, last, within.unit) <= within.amount:
        last += 1
    return axis.first[last]


def watch(ties: Ties, more: Ties) -> Ties:
    """All that is to be watched once a plan has broken `more` though `ties` were watched."""
    if ties | more != ties:
        return ties | more
    if more.finish and not ties.finely:
        return replace(ties, finely=True)
    raise AssertionError(f"watched rules were broken: {more}")


def enough_people(problem: Problem) -> bool:
    """Whether people have room enough for all seats, if each round could be at any time: every seat is matched with a place.

    A place is a person where nobody may take two rounds, else a person's ISO week, which holds as many as the limits leave.
    """
    seats = [_places(problem, layer, seat) for layer in problem.layers for seat in range(len(layer.round.seats))]
    holders: dict[tuple[str, int], list[int]] = {}

    def matched(seat: int, asked: set[tuple[str, int]]) -> bool:
        for place, room in seats[seat].items():
            if place in asked:
                continue
            asked.add(place)
            holding = holders.setdefault(place, [])
            if len(holding) < room:
                holding.append(seat)
                return True
            for number, other in enumerate(holding):
                if matched(other, asked):
                    holding[number] = seat
                    return True
        return False

    return all(matched(seat, set()) for seat in range(len(seats)))


def _places(problem: Problem, layer: Layer, seat: int) -> dict[tuple[str, int], int]:
    """The places that can take a seat, each with the room that it has for all seats together."""
    calendar, people, distinct = problem.calendar, problem.sop.interviewers, problem.course.distinct_interviewers
    able = {who: layer.people[who] for who in layer.round.seats[seat].ranks}
    if layer.settled is not None:
        tick, before = layer.settled
        able[before.interviewers[seat]] |= 1 << tick
    places: dict[tuple[str, int], int] = {}
    for who, bits in able.items():
        limit = people[who].weekly_limit
        if distinct or (limit is None and bits):
            places |= {(who, 0): 1 if distinct else len(problem.layers)} if bits else {}
            continue
        for week in problem.axis.weeks(bits):
            places[who, week] = max((limit or 0) - calendar.in_week(who, week), 0)
    return places


# What a plan breaks -----------------------------------------------------------------------------------------------

Placed = Sequence[tuple[int, tuple[str, ...]]]  # for each layer its tick and the people in it


def broken(problem: Problem, placed: Placed) -> Ties:
    """What must be watched for a plan like this not to come again; nothing when it breaks no rule."""
    course = problem.course
    people = Counter(who for _, team in placed for who in team)
    used = problem.kept_people | set(people)
    limit = course.max_interviewers
    too_many = limit is not None and len(used) > max(limit, len(problem.kept_people))
    daily, weekly = _over_limits(problem, placed)
    return Ties(
        distinct=frozenset(who for who, n in people.items() if n > 1) if course.distinct_interviewers else NOBODY,
        row=_in_a_row(problem, placed) if course.never_twice_in_a_row else NOBODY,
        number=frozenset(course.takers) if too_many else NOBODY,
        daily=daily,
        weekly=weekly,
        spaced=_too_near(problem, placed),
        candidate=_candidate_over(problem, placed),
        finish=_too_late(problem, placed),
    )


def _in_a_row(problem: Problem, placed: Placed) -> frozenset[str]:
    both = (
        frozenset(one) & frozenset(other)
        for (_, one), (_, other), link in zip(placed, placed[1:], problem.links, strict=False)
        if link is not None
    )
    return NOBODY.union(*both)


def _over_limits(problem: Problem, placed: Placed) -> tuple[frozenset[str], frozenset[str]]:
    calendar, axis, people = problem.calendar, problem.axis, problem.sop.interviewers
    days = Counter((who, axis.day_of[tick]) for tick, team in placed for who in team)
    weeks = Counter((who, axis.week_of(axis.day_of[tick])) for tick, team in placed for who in team)
    daily = {
        who for (who, day), n in days.items() if n + calendar.in_day(who, day) > (people[who].daily_limit or 10**6)
    }
    weekly = {
        who for (who, week), n in weeks.items() if n + calendar.in_week(who, week) > (people[who].weekly_limit or 10**6)
    }
    return frozenset(daily), frozenset(weekly)


def _candidate_over(problem: Problem, placed: Placed) -> bool:
    limit = problem.sop.candidate.daily_limit
    days = Counter(problem.axis.day_of[tick] for tick, _ in placed)
    return limit is not None and any(n + problem.calendar.own_by_day[day] > limit for day, n in days.items())


def _too_near(problem: Problem, placed: Placed) -> frozenset[str]:
    theirs: dict[str, list[Stretch]] = {}
    for layer, (tick, team) in zip(problem.layers, placed, strict=True):
        start = problem.axis.ticks[tick]
        for who in team:
            theirs.setdefault(who, []).append((start, start + layer.duration))
    return frozenset(who for who, stretches in theirs.items() if _crowded(problem, who, stretches))


def _crowded(problem: Problem, who: str, stretches: list[Stretch]) -> bool:
    person = problem.sop.interviewers[who]
    buffer = seconds(person.buffer)
    if any(later[0] - earlier[1] < buffer for earlier, later in itertools.pairwise(stretches)):
        return True
    return person.max_in_a_row is not None and problem.calendar.in_a_row(person, stretches)


def _too_late(problem: Problem, placed: Placed) -> bool:
    ends_free = 0 not in problem.kept and len(problem.course.rounds) - 1 not in problem.kept
    if not ends_free or len(placed) < 2 or problem.course.finish_within is None:
        return False
    return placed[-1][0] >= deadline_after(problem, placed[0][0])
