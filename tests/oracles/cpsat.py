"""The best plan by OR-Tools CP-SAT: the same rules and the same cost, component by component, each proven before the next.

What one person can take at one start is asked of the rules one by one, as in the exhaustive search; everything between
rounds is CP-SAT's to solve.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ortools.sat.python import cp_model

from sop import Interview
from sop.lengths import Length
from sop.model import Round
from sop.rules import RULES, _compared, _days_between
from tests.oracles.exhaustive import ALONE, Cost, _facts, _load, _preferred, _with_rounds, cost_of, starts
from tests.oracles.instances import Instance

Bool = cp_model.IntVar


@dataclass
class Place:
    """A round to be placed: its starts and the people of each seat as literals, and who can take it when."""

    round: Round
    position: int
    able: dict[str, set[datetime]]  # when each person can take a seat
    at: dict[datetime, Bool] = field(default_factory=dict)
    seats: list[dict[str, Bool]] = field(default_factory=list)
    stays: Bool | None = None  # whether a booked round keeps its time and people
    settled: Interview | None = None


@dataclass(frozen=True)
class Solved:
    """What CP-SAT proved, or None for no plan; `seconds` without the asking for what one person can take."""

    plan: tuple[Interview, ...] | None
    cost: Cost | None
    seconds: float


def solve(instance: Instance) -> Solved:
    """The proven best plan. Rows without a break are forbidden one by one, as they come up."""
    places = _places(instance)
    if places is None:
        return Solved(None, None, 0.0)
    model = _Model(instance, places)
    plan = model.best()
    return Solved(plan, None if plan is None else cost_of(instance, plan), model.seconds)


def _places(instance: Instance) -> list[Place] | None:
    """The rounds to be placed; None when one cannot be."""
    kept = {one.round for one in instance.keep}
    places = []
    for position, round_ in enumerate(instance.sop.courses["course"].rounds):
        if round_.id in kept:
            continue
        people = {who for seat in round_.seats for who in seat.ranks}
        moments = _open(instance, round_)
        place = Place(round_, position, {who: _able(instance, round_, who, moments) for who in people})
        before = next((one for one in instance.previous if one.round == round_.id), None)
        if before is not None and _fits(instance, round_, before):
            place.settled = before
        frozen = before is not None and not instance.thaw and before.start < instance.now + instance.sop.freeze
        if frozen:
            if place.settled is None:
                return None
            place.able = {}
        places.append(place)
    return places


def _able(instance: Instance, round_: Round, who: str, moments: list[datetime]) -> set[datetime]:
    """When one person could take a round, by the rules about people that one interview breaks alone."""
    seat = round_.seats[0].having(interviewers=(who,), backups=())
    return _allowed(instance, round_.having(seats=(seat,)), (who,), moments, {"hours", "free"})


def _open(instance: Instance, round_: Round) -> list[datetime]:
    """When a round could be held at all, whoever takes it."""
    rules = {*ALONE, "candidate_free"} - {"freeze", "hours", "free", "mapping"}
    return sorted(_allowed(instance, round_, (), list(starts(instance.sop, instance)), rules))


def _allowed(
    instance: Instance, round_: Round, team: tuple[str, ...], moments: list[datetime], names: set[str]
) -> set[datetime]:
    sop = _with_rounds(instance.sop, (round_,))
    rules = [rule for rule in RULES if rule.name in names]
    facts = _facts(instance, sop, (), [])
    facts = replace(facts, previous=(), booked=[*facts.booked, *instance.keep])
    able = set()
    for start in moments:
        alone = replace(facts, interviews=(_interview(instance, round_, start, team),))
        if not any(True for rule in rules for _ in rule.check(alone)):
            able.add(start)
    return able


def _interview(instance: Instance, round_: Round, start: datetime, team: tuple[str, ...]) -> Interview:
    email = instance.request.email
    return Interview(
        candidate=email, course="course", round=round_.id, start=start, end=start + round_.duration, interviewers=team
    )


def _fits(instance: Instance, round_: Round, before: Interview) -> bool:
    """Whether a booked round may stay as it is, as far as it alone is concerned."""
    sop = _with_rounds(instance.sop, (round_,))
    rules = [rule for rule in RULES if rule.name in {*ALONE, "candidate_free"} - {"freeze"}]
    facts = _facts(instance, sop, (before,), [])
    facts = replace(facts, booked=[*facts.booked, *instance.keep])
    return not any(True for rule in rules for _ in rule.check(facts))


class _Model:
    """The CP-SAT model of one instance."""

    def __init__(self, instance: Instance, places: list[Place]) -> None:
        self.instance, self.sop, self.course = instance, instance.sop, instance.sop.courses["course"]
        self.places = places
        self.kept = {self.course.position(one.round): one for one in instance.keep}
        self.facts = _facts(instance, instance.sop, (), list(instance.keep))
        self.booked = [*self.facts.booked, *instance.keep]
        self.model = cp_model.CpModel()
        self.solver = cp_model.CpSolver()
        self.solver.parameters.num_workers = 1
        self.seconds = 0.0
        began = time.perf_counter()
        for place in places:
            self._place(place)
        for one, other in itertools.pairwise(places):
            if other.position == one.position + 1:
                self._in_turn(one, other)
        self._beside_kept()
        self._course_rules()
        self._limits()
        self._buffers()
        self.seconds += time.perf_counter() - began

    # One round ------------------------------------------------------------------------------------------------------

    def _place(self, place: Place) -> None:
        model, settled = self.model, place.settled
        times = sorted({t for able in place.able.values() for t in able} | ({settled.start} if settled else set()))
        place.at = {t: model.new_bool_var("") for t in times}
        model.add_exactly_one(place.at.values())
        place.seats = [{who: model.new_bool_var("") for who in seat.ranks} for seat in place.round.seats]
        for seat in place.seats:
            model.add_exactly_one(seat.values())
        if settled is not None:
            place.stays = model.new_bool_var("")
            model.add_implication(place.stays, place.at[settled.start])
            for seat, who in zip(place.seats, settled.interviewers, strict=True):
                model.add_implication(place.stays, seat[who])
        for who in {who for seat in place.seats for who in seat}:
            mine = self.sits(place, who)
            model.add(sum(mine) <= 1)
            able = [place.at[t] for t in place.able.get(who, ())] + ([place.stays] if place.stays is not None else [])
            model.add(sum(able) >= sum(mine))

    @staticmethod
    def sits(place: Place, who: str) -> list[Bool]:
        return [seat[who] for seat in place.seats if who in seat]

    def both(self, place: Place, start: datetime, who: str) -> Bool:
        """Whether somebody takes a round at a start."""
        both = self.model.new_bool_var("")
        self.model.add(both >= place.at[start] + sum(self.sits(place, who)) - 1)
        return both

    # Between rounds -------------------------------------------------------------------------------------------------

    def _in_turn(self, one: Place, other: Place) -> None:
        for start, chosen in one.at.items():
            first = _interview(self.instance, one.round, start, ())
            later = [
                literal
                for moment, literal in other.at.items()
                if self._follows(first, _interview(self.instance, other.round, moment, ()), other.round)
            ]
            self.model.add(sum(later) >= chosen)

    def _follows(self, one: Interview, other: Interview, round_: Round) -> bool:
        least, most = round_.gap.min, round_.gap.max
        return (
            other.start >= one.end
            and (least is None or _compared(self.facts, one, other, least) >= 0)
            and (most is None or _compared(self.facts, one, other, most) <= 0)
        )

    def _beside_kept(self) -> None:
        rounds = self.course.rounds
        for place in self.places:
            before, after = self.kept.get(place.position - 1), self.kept.get(place.position + 1)
            for start, literal in place.at.items():
                one = _interview(self.instance, place.round, start, ())
                fits = before is None or self._follows(before, one, place.round)
                if not fits or (after is not None and not self._follows(one, after, rounds[place.position + 1])):
                    self.model.add(literal == 0)

    def _course_rules(self) -> None:
        course, model = self.course, self.model
        kept_people = {who for one in self.instance.keep for who in one.interviewers}
        used: dict[str, Bool | int] = dict.fromkeys(kept_people, 1)
        for who in course.takers:
            sits = [(place.position, literal) for place in self.places for literal in self.sits(place, who)]
            if course.distinct_interviewers:
                model.add(sum(literal for _, literal in sits) <= (who not in kept_people))
            if course.never_twice_in_a_row:
                self._never_twice(who, sits)
            if course.max_interviewers is not None and who not in kept_people:
                used[who] = model.new_bool_var("")
                for _, literal in sits:
                    model.add_implication(literal, used[who])
        if course.max_interviewers is not None:
            model.add(sum(used.values()) <= max(course.max_interviewers, len(kept_people)))
        if course.finish_within is not None:
            self._finish_within(course.finish_within)

    def _never_twice(self, who: str, sits: list[tuple[int, Bool]]) -> None:
        for (position, literal), (later, other) in itertools.combinations(sits, 2):
            if later == position + 1:
                self.model.add(literal + other <= 1)
        for position, literal in sits:
            beside = [self.kept[at] for at in (position - 1, position + 1) if at in self.kept]
            if any(who in one.interviewers for one in beside):
                self.model.add(literal == 0)

    def _finish_within(self, within: Length) -> None:
        last = len(self.course.rounds) - 1
        firsts, lasts = self._spots(0), self._spots(last)
        if 0 in self.kept and last in self.kept:
            return
        for one, chosen in firsts:
            fits = [literal for other, literal in lasts if self._in_time(one, other, within)]
            self.model.add(sum(fits) >= chosen)

    def _spots(self, position: int) -> list[tuple[Interview, Bool | int]]:
        if position in self.kept:
            return [(self.kept[position], 1)]
        place = next(place for place in self.places if place.position == position)
        return [(_interview(self.instance, place.round, t, ()), literal) for t, literal in place.at.items()]

    def _in_time(self, one: Interview, other: Interview, within: Length) -> bool:
        if within.elapsed is not None:
            return other.end - one.start <= within.elapsed
        return _days_between(self.facts, one.start, other.start, within.unit) <= within.amount

    def _limits(self) -> None:
        email, limit = self.instance.request.email, self.sop.candidate.daily_limit
        if limit is not None:
            ours = [one.start for one in self.booked if one.candidate == email]
            self._at_most(limit, ours, [(t, lit) for place in self.places for t, lit in place.at.items()], self._day)
        for who in self.course.takers:
            person = self.sop.interviewers[who]
            if person.daily_limit is None and person.weekly_limit is None:
                continue
            theirs = [one.start for one in self.booked if who in one.interviewers]
            places = [place for place in self.places if self.sits(place, who)]
            taken = [(t, self.both(place, t, who)) for place in places for t in place.at]
            if person.daily_limit is not None:
                self._at_most(person.daily_limit, theirs, taken, self._day)
            if person.weekly_limit is not None:
                self._at_most(person.weekly_limit, theirs, taken, self._week)

    def _at_most(
        self,
        limit: int,
        booked: list[datetime],
        taken: list[tuple[datetime, Bool]],
        period: Callable[[datetime], tuple[int, ...]],
    ) -> None:
        new, old = defaultdict(list), Counter(map(period, booked))
        for moment, literal in taken:
            new[period(moment)].append(literal)
        for when, literals in new.items():
            self.model.add(sum(literals) <= max(limit - old[when], 0))

    def _day(self, moment: datetime) -> tuple[int, ...]:
        return (self.facts.day(moment).toordinal(),)

    def _week(self, moment: datetime) -> tuple[int, ...]:
        return tuple(self.facts.day(moment).isocalendar()[:2])

    def _buffers(self) -> None:
        for one, other in itertools.combinations(self.places, 2):
            for who in set(one.able) | set(other.able):
                buffer, mine, theirs = self.sop.interviewers[who].buffer, self.sits(one, who), self.sits(other, who)
                if not (buffer and mine and theirs):
                    continue
                for start, moment in itertools.product(one.at, other.at):
                    if timedelta(0) <= moment - start - one.round.duration < buffer:
                        self.model.add(one.at[start] + other.at[moment] + sum(mine) + sum(theirs) <= 3)

    # Solving --------------------------------------------------------------------------------------------------------

    def best(self) -> tuple[Interview, ...] | None:
        while True:
            marked = self._next()
            if marked is None:
                return None
            row = self._rowed(marked)
            if not row:
                return marked

    def _next(self) -> tuple[Interview, ...] | None:
        """The best plan, component by component; what is proven of one is asked of the next."""
        model = self.model.clone()
        for component in self._cost():
            began = time.perf_counter()
            model.minimize(component)
            status = self.solver.solve(model)
            self.seconds += time.perf_counter() - began
            if status == cp_model.INFEASIBLE:
                return None
            if status != cp_model.OPTIMAL:
                raise AssertionError(f"CP-SAT ended with {self.solver.status_name(status)}")
            model.add(component == round(self.solver.objective_value))
        return self._plan()

    def _cost(self) -> list[cp_model.LinearExprT]:
        ranks = [
            (seat_spec.ranks[who], literal)
            for place in self.places
            for seat_spec, seat in zip(place.round.seats, place.seats, strict=True)
            for who, literal in seat.items()
        ]
        before = {one.round for one in self.instance.previous}
        moved = [1 - place.stays if place.stays is not None else 1 for place in self.places if place.round.id in before]
        origin = min((t for place in self.places for t in place.at), default=None)
        spots = [(place, t, literal) for place in self.places for t, literal in place.at.items()]
        unpreferred = [
            literal
            for place, t, literal in spots
            if not _preferred(self.instance, _interview(self.instance, place.round, t, ()))
        ]
        load = {who: _load(self.instance, who) for who in self.course.takers}
        seconds = [(int((t - origin).total_seconds()), literal) for _, t, literal in spots if origin]
        final = len(self.course.rounds) - 1
        finish = [
            int((t - origin).total_seconds()) * literal
            for place, t, literal in spots
            if origin and place.position == final
        ]
        return [
            sum(moved),
            sum(literal for rank, literal in ranks if rank),
            sum(rank * literal for rank, literal in ranks),
            sum(unpreferred),
            sum(finish),
            sum(load[who] * literal for place in self.places for seat in place.seats for who, literal in seat.items()),
            sum(second * literal for second, literal in seconds),
        ]

    def _plan(self) -> tuple[Interview, ...]:
        plan = dict(self.kept)
        for place in self.places:
            start = next(t for t, literal in place.at.items() if self.solver.value(literal))
            team = tuple(next(who for who, lit in seat.items() if self.solver.value(lit)) for seat in place.seats)
            plan[place.position] = _interview(self.instance, place.round, start, team)
        return tuple(plan[position] for position in range(len(self.course.rounds)))

    def _rowed(self, plan: tuple[Interview, ...]) -> bool:
        """Forbids the interviews of somebody who would go without a break; False when there is nobody."""
        check = next(rule.check for rule in RULES if rule.name == "breaks")
        people = {breach.interviewer for breach in check(replace(self.facts, interviews=plan))}
        for who in people:
            literals = [
                literal
                for place in self.places
                if who in plan[place.position].interviewers
                for literal in (place.at[plan[place.position].start], *self.sits(place, who or ""))
                if self.solver.value(literal)
            ]
            self.model.add_bool_or([literal.negated() for literal in literals])
        return bool(people)
