"""A case made ready for the search: for each round that is to be placed its starts and takers, and the links between rounds.

Rounds that are kept are no part of it: what they ask of the others is in the others' starts.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.model import Interview
from sop.case import Case
from sop.free import Calendar, Steps, met, seconds
from sop.lengths import Length
from sop.links import Link, link_for
from sop.model import Round

# A tier is the part of the cost that comes before `finish`, packed: the components of a sum never reach into each other.
MOVED, BACKUP, RANK, UNPREFERRED = 1 << 48, 1 << 32, 1 << 16, 1

Team = tuple[tuple[str, ...], ...]  # for each seat the people of whom any may take it


@dataclass(frozen=True, eq=False)
class Option:
    """One way to fill a round's seats, good for the starts in `bits`; all `teams` cost the same tier.

    `taken` are those of the watched people who are sure to be in it; nobody else who is watched is. `stays` are the people of a
    booked round that stays where it is, who need not have been free for a new one (it was given notice when it was booked).
    """

    tier: int
    taken: frozenset[str]
    bits: int
    teams: tuple[Team, ...]
    stays: tuple[str, ...] | None = None


@dataclass(eq=False)
class Layer:
    """A round to be placed. `starts` and `people` know every rule that one start alone can break."""

    position: int
    round: Round
    duration: int
    starts: int
    people: dict[str, int]
    preferred: int
    settled: tuple[int, Interview] | None  # where it is booked, when it can stay there
    frozen: bool
    repair: bool  # whether it was booked at all, so that any other place is a move
    best: dict[tuple[Option, int], tuple[int, tuple[str, ...]]] = field(default_factory=dict)  # see `best_team`


class Problem:
    """The layers in order, and between each two the link: None where a kept round stands between them."""

    def __init__(self, case: Case) -> None:
        self.case, self.sop, self.course = case, case.sop, case.course
        self.calendar = Calendar(case)
        self.axis = self.calendar.axis
        self.kept = {self.course.position(name): one for name, one in case.keep.items()}
        self.layers = [
            self._layer(place, round_) for place, round_ in enumerate(self.course.rounds) if place not in self.kept
        ]
        self.links = [self._link(one, other) for one, other in itertools.pairwise(self.layers)]

    @property
    def ends(self) -> bool:
        """Whether the last round of the course is to be placed, so that it decides the finish."""
        return self.layers[-1].position == len(self.course.rounds) - 1

    def _link(self, one: Layer, other: Layer) -> Link | None:
        if other.position != one.position + 1:
            return None
        gap, once_a_day = other.round.gap, self.sop.candidate.daily_limit == 1
        return link_for(self.axis, one.duration, gap.min, gap.max, self.sop.holidays, once_a_day)

    def _layer(self, place: int, round_: Round) -> Layer:
        calendar, before = self.calendar, self.case.previous.get(round_.id)
        starts = calendar.round_bits(round_) & self._beside_kept(place)
        people = {who: self.person_bits(who, place, round_) for seat in round_.seats for who in seat.ranks}
        layer = Layer(
            position=place,
            round=round_,
            duration=seconds(round_.duration),
            starts=starts,
            people={who: bits & starts for who, bits in people.items()},
            preferred=calendar.preferred_bits(round_),
            settled=None,
            frozen=self.case.frozen(round_.id),
            repair=before is not None,
        )
        if before is not None:
            anyhow = calendar.round_bits(round_, settled=True) & self._beside_kept(place)
            layer.settled = self._settled(layer, before, anyhow, people)
        return layer

    def _settled(
        self, layer: Layer, before: Interview, anyhow: int, people: dict[str, int]
    ) -> tuple[int, Interview] | None:
        """Where a round is booked, if it may stay there. It was given notice when it was booked."""
        tick, seats = self.axis.tick_at(before.start), layer.round.seats
        team = before.interviewers
        if tick is None or before.end - before.start != layer.round.duration or len(team) != len(seats):
            return None
        fits = len(set(team)) == len(team) and all(who in seat.ranks for who, seat in zip(team, seats, strict=True))
        if not fits or not all(bits >> tick & 1 for bits in (anyhow, *(people[who] for who in team))):
            return None
        return tick, before

    def person_bits(self, who: str, place: int, round_: Round) -> int:
        if who in self.barred(place):
            return 0
        return self.calendar.person_bits(self.sop.interviewers[who], round_)

    # What kept rounds ask of the others ---------------------------------------------------------------------------

    def barred(self, place: int) -> frozenset[str]:
        """Who must not take a round because of the rounds that are kept."""
        if not self.kept:
            return frozenset()
        course, barred = self.course, set[str]()
        for at, one in self.kept.items():
            if course.distinct_interviewers or (course.never_twice_in_a_row and abs(at - place) == 1):
                barred |= set(one.interviewers)
        return frozenset(barred) | self._beyond_the_number

    @functools.cached_property
    def _beyond_the_number(self) -> frozenset[str]:
        """Those who would be one person too many beside those of the kept rounds."""
        limit = self.course.max_interviewers
        if limit is None or len(self.kept_people) < limit:
            return frozenset()
        return frozenset(self.course.takers) - self.kept_people

    @functools.cached_property
    def kept_people(self) -> frozenset[str]:
        return frozenset(who for one in self.kept.values() for who in one.interviewers)

    def _beside_kept(self, place: int) -> int:
        """The starts of a round that sequence, gaps and `finish_within` leave beside the rounds that are kept."""
        return met(self.kept_steps(place), self.axis.all)

    def kept_steps(self, place: int) -> Steps:
        rounds, duration = self.course.rounds, seconds(self.course.rounds[place].duration)
        before, after = self.kept.get(place - 1), self.kept.get(place + 1)
        if before is not None:
            yield "gaps", self._after(before.start.timestamp(), before.end.timestamp(), *_bounds(rounds[place]))
        if after is not None:
            yield "gaps", self._before(after.start.timestamp(), duration, *_bounds(rounds[place + 1]))
        within = self.course.finish_within
        if within is None:
            return
        first, last = self.kept.get(0), self.kept.get(len(rounds) - 1)
        if len(rounds) == 1 and within.elapsed is not None and within.elapsed < rounds[0].duration:
            yield "finish_within", 0
        elif first is not None and place == len(rounds) - 1:
            start = first.start.timestamp()
            shifted = start - duration if within.elapsed is not None else start
            yield "finish_within", self._after(start, shifted, None, within)
        elif last is not None and place == 0:
            end = last.end.timestamp() if within.elapsed is not None else last.start.timestamp()
            yield "finish_within", self._before(end, 0, None, within)

    def _after(self, start: float, end: float, least: Length | None, most: Length | None) -> int:
        """The ticks that lie so far after something: elapsed from its end, dates from its start."""
        low, high = (
            length.elapsed.total_seconds() if length and length.elapsed is not None else None
            for length in (least, most)
        )
        last = self.axis.ticks[-1] if high is None else end + high
        return self.axis.starts_between(end + (low or 0), last) & self._dates(start, 1, least, most)

    def _before(self, start: float, duration: int, least: Length | None, most: Length | None) -> int:
        """The ticks whose interviews end so far before something starts."""
        low, high = (
            length.elapsed.total_seconds() if length and length.elapsed is not None else None
            for length in (least, most)
        )
        first = self.axis.ticks[0] if high is None else start - duration - high
        return self.axis.starts_between(first, start - duration - (low or 0)) & self._dates(start, -1, least, most)

    def _dates(self, start: float, way: int, least: Length | None, most: Length | None) -> int:
        """The ticks of the days that lie so many dates after (way 1) or before (way -1) the date of an instant."""
        bits, origin = self.axis.all, self.calendar.day_at(int(start))
        for length, most_of in ((least, False), (most, True)):
            if length is not None and length.elapsed is None:
                bits &= self._days_at(origin, way, length, most_of=most_of)
        return bits

    def _days_at(self, origin: int, way: int, length: Length, *, most_of: bool) -> int:
        bits = 0
        for day in range(self.axis.days):
            first, last = (origin, day) if way > 0 else (day, origin)
            distance = self.distance(first, last, length.unit)
            if distance <= length.amount if most_of else distance >= length.amount:
                bits |= self.axis.day_bits(day)
        return bits

    def distance(self, first: int, last: int, unit: str) -> int:
        """From one day of the axis to another, in days or working days."""
        if unit == "d" or last <= first:
            return last - first
        days = (date.fromordinal(self.axis.first_date + day) for day in range(first + 1, last + 1))
        return sum(day.weekday() < 5 and day not in self.sop.holidays for day in days)

    # The ways to fill a round -------------------------------------------------------------------------------------

    def options(self, layer: Layer, watched: frozenset[str]) -> list[Option]:
        """Every way to fill a round's seats, as few as can tell the tiers and the watched people apart."""
        found: dict[tuple[int, frozenset[str]], tuple[int, list[Team]]] = {}
        if not layer.frozen:
            for tier, taken, team, bits in self._teams(layer, watched):
                for preferred, part in ((0, bits & layer.preferred), (UNPREFERRED, bits & ~layer.preferred)):
                    if part:
                        key = tier + preferred + (MOVED if layer.repair else 0), taken
                        have = found.setdefault(key, (0, []))
                        found[key] = have[0] | part, [*have[1], team]
        options = [Option(tier, taken, bits, tuple(teams)) for (tier, taken), (bits, teams) in found.items()]
        return options + list(self._stay(layer, watched))

    def _stay(self, layer: Layer, watched: frozenset[str]) -> Iterator[Option]:
        if layer.settled is not None:
            tick, before = layer.settled
            ranks = [seat.ranks[who] for who, seat in zip(before.interviewers, layer.round.seats, strict=True)]
            tier = sum(_seat_tier(rank) for rank in ranks) + (0 if layer.preferred >> tick & 1 else UNPREFERRED)
            taken = watched.intersection(before.interviewers)
            yield Option(tier, taken, 1 << tick, (), before.interviewers)

    def _teams(self, layer: Layer, watched: frozenset[str]) -> Iterator[tuple[int, frozenset[str], Team, int]]:
        groups = [list(self._groups(layer, ranks.ranks, watched)) for ranks in layer.round.seats]
        for combination in itertools.product(*groups):
            team = tuple(people for _, _, people in combination)
            taken = [who for _, who, _ in combination if who is not None]
            bits = can_fill(team, layer.people) if len(set(taken)) == len(taken) else 0
            if bits:
                yield sum(tier for tier, _, _ in combination), frozenset(taken), team, bits

    def _groups(
        self, layer: Layer, ranks: dict[str, int], watched: frozenset[str]
    ) -> Iterator[tuple[int, str | None, tuple[str, ...]]]:
        """The people of a seat who need not be told apart: tier, who if watched, all of them."""
        able = [who for who in ranks if layer.people[who]]
        plain = tuple(who for who in able if not ranks[who] and who not in watched)
        if plain:
            yield 0, None, plain
        for who in able:
            if ranks[who] or who in watched:
                yield _seat_tier(ranks[who]), who if who in watched else None, (who,)


def _bounds(round_: Round) -> tuple[Length | None, Length | None]:
    return round_.gap.min, round_.gap.max


def _seat_tier(rank: int) -> int:
    return BACKUP + rank * RANK if rank else 0


def can_fill(team: Team, people: dict[str, int]) -> int:
    """Starts at which the seats can be filled with different people: every choice of seats has people enough (Hall)."""
    if len(team) == 1:
        return functools.reduce(lambda bits, who: bits | people[who], team[0], 0)
    bits = -1
    for count in range(1, len(team) + 1):
        for seats in itertools.combinations(team, count):
            bits &= _at_least(count, {who for seat in seats for who in seat}, people)
    return bits


def _at_least(count: int, who: Iterable[str], people: dict[str, int]) -> int:
    """Starts at which at least so many of them can."""
    enough = [-1] + [0] * count  # enough[n]: starts at which n of those seen so far can
    for one in who:
        for n in range(count, 0, -1):
            enough[n] |= enough[n - 1] & people[one]
    return enough[count]


def best_team(option: Option, layer: Layer, tick: int, load: Mapping[str, int]) -> tuple[int, tuple[str, ...]]:
    """The least load and the ids in seat order of those who take the round at a tick."""
    if option.stays is not None:
        return sum(load[who] for who in option.stays), option.stays
    found: list[tuple[int, tuple[str, ...]]] = []
    for team in option.teams:
        # Of each seat's people only as many as there are seats can matter: one of them is always left over.
        seats = [_first_able(people, layer, tick, load)[: len(team)] for people in team]
        if len(seats) == 1:
            found += [(load[who], (who,)) for who in seats[0]]
            continue
        for ids in itertools.product(*seats):
            if len(set(ids)) == len(ids):
                found.append((sum(load[who] for who in ids), ids))
    return min(found)


def _first_able(people: Sequence[str], layer: Layer, tick: int, load: Mapping[str, int]) -> list[str]:
    """Who of some people can at a tick, those with the least load first."""
    able = [who for who in people if layer.people[who] >> tick & 1]
    return sorted(able, key=lambda who: (load[who], who)) if len(able) > 1 else able
