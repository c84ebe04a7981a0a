"""Findings about hours: rounds nobody can take, people who are never there together or when candidates can, hours of no use.

Looked at is the coming year, so that what a clock change brings together for half of it is not called impossible. Calendars and
limits are not looked at: what they take away is the planner's business.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.hours import WEEKDAYS, Span, WeekHours
from sop.free import seconds
from sop.lengths import Days
from sop.lint_findings import Finding
from sop.lint_people import and_, names, starved_seats
from sop.model import Course, Interviewer, Round, Sop, minutes_text
from sop.problem import can_fill
from sop.timeline import Axis, axis_for, holiday_bits, hours_bits, week_stretches
from utils import instant

YEAR = timedelta(days=365)


@dataclass(frozen=True, kw_only=True, eq=False)
class Year:
    """The starts of the coming year, and who could begin a round at which of them. `usual`: when candidates usually can."""

    sop: Sop
    today: date
    usual: WeekHours

    @functools.cached_property
    def axis(self) -> Axis:
        return axis_for(self.sop.zone, self.sop.grid, self.today, self.today + YEAR)

    @functools.cached_property
    def _open(self) -> int:
        """The starts of the year that are on no holiday."""
        first, last = (instant(day, 0, self.sop.zone).timestamp() for day in (self.today, self.today + YEAR))
        return self.axis.starts_between(first, last) & ~holiday_bits(self.axis, self.sop.holidays)

    def starts(self, person: Interviewer, round_: Round) -> int:
        """The starts at which somebody is there for a round."""
        duration = seconds(round_.duration)
        bits = hours_bits(self.axis, person.timezone, person.working_hours, person.days_off, duration) & self._open
        if round_.when is not None:
            bits &= hours_bits(self.axis, self.sop.timezone, round_.when, Days(), duration)
        return bits

    def usually(self, round_: Round) -> int:
        """The starts of a round that lie in the hours at which candidates usually can."""
        return hours_bits(self.axis, self.sop.timezone, self.usual, Days(), seconds(round_.duration))

    def fits(self, person: Interviewer, span: WeekHours, duration: int) -> bool:
        """Whether an interview in somebody's hours can meet this part of them at all."""
        days = range(self.axis.first_date, self.axis.first_date + self.axis.days)
        bits = hours_bits(self.axis, person.timezone, person.working_hours, Days(), duration)
        return bool(bits & self.axis.touching(week_stretches(person.timezone, span, days), duration, 0))

    def worked_days(self, person: Interviewer, duration: int) -> int:
        """On how many weekdays of the SOP's zone an interview of somebody can start."""
        bits = hours_bits(self.axis, person.timezone, person.working_hours, Days(), duration)
        return len({day % 7 for day in range(self.axis.days) if bits & self.axis.day_bits(day)})


def hours(year: Year) -> Iterator[Finding]:
    """SOP201 to SOP207."""
    never: dict[str, list[tuple[Course, Round]]] = {}
    unusual: dict[str, list[tuple[Course, Round]]] = {}
    for course in year.sop.courses.values():
        for round_ in course.rounds:
            bits = {who: year.starts(year.sop.interviewers[who], round_) for seat in round_.seats for who in seat.ranks}
            usual = {who: mask & year.usually(round_) for who, mask in bits.items()}
            whole = list(_round(year, course, round_, bits, usual))
            yield from whole
            for who in bits if not whole else ():
                if not usual[who]:
                    (unusual if bits[who] else never).setdefault(who, []).append((course, round_))
    for who, rounds in never.items():
        yield _never(year, who, rounds)
    for who, rounds in unusual.items():
        yield _unusual(year, who, rounds)
    yield from _too_short(year)
    yield from _unread_default(year.sop)


# Rounds -----------------------------------------------------------------------------------------------------------


def _round(
    year: Year, course: Course, round_: Round, bits: Mapping[str, int], usual: Mapping[str, int]
) -> Iterator[Finding]:
    """What concerns everybody of a round at once; then there is no more to say of each."""
    where, what = f"courses.{course.id}.rounds.{round_.id}", f"{round_.title} ({minutes_text(round_.duration)})"
    only = f", which takes place only {round_.when}," if round_.when is not None else ""
    team = tuple(tuple(seat.ranks) for seat in round_.seats)
    empty = next((people for people in team if not any(bits[who] for who in people)), None)
    if empty is not None:
        yield Finding(
            code="SOP201",
            where=where,
            message=f"Nobody can ever take {what} of {course.title}{only.rstrip(',')}: {_reasons(year.sop, empty)}.",
            fix="Give one of them hours in which it fits, or name somebody else.",
        )
    elif starved_seats(team) is None and not can_fill(team, dict(bits)):
        yield Finding(
            code="SOP203",
            where=where,
            message=f"{what} of {course.title}{only} needs {len(team)} people at once, and they are never there together: "
            f"{_reasons(year.sop, bits)}.",
            fix="Give them hours that overlap, or name people whose hours do.",
        )
    elif starved_seats(team) is None and not can_fill(team, dict(usual)):
        yield Finding(
            code="SOP204",
            where=where,
            message=f"Nobody can take {what} of {course.title}{only} when candidates usually can, {_usually(year)}: "
            f"{_reasons(year.sop, bits, year)}.",
            fix="Name somebody whose hours meet those, or say --usual-slots when the candidates of this SOP can.",
        )


def _reasons(sop: Sop, ids: Sequence[str] | Mapping[str, int], year: Year | None = None) -> str:
    return "; ".join(_works(sop, sop.interviewers[who], year) for who in dict.fromkeys(ids))


def _works(sop: Sop, person: Interviewer, year: Year | None) -> str:
    """When somebody works, in their own zone; with a year also when that is in the SOP's."""
    if not person.working_hours:
        return f"{person.name} has no hours at all"
    said = f"{person.name} works {person.working_hours} {_city(person.timezone)} time"
    there = _there(sop, person, year.today) if year is not None and person.timezone != sop.timezone else ""
    return f"{said} ({there} in {_city(sop.timezone)})" if there else said


def _there(sop: Sop, person: Interviewer, today: date) -> str:
    """The hours of the first day of the week that has any, as wall times of the SOP's zone."""
    monday = today - timedelta(days=today.weekday())
    day = next(day for day in (monday + timedelta(days=n) for n in range(7)) if person.working_hours.on(day))
    walls = [
        [instant(day, minutes, person.zone).astimezone(sop.zone) for minutes in (span.start, span.end)]
        for span in person.working_hours.on(day)
    ]
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in walls)


def _clock(wall: datetime) -> str:
    return f"{wall:%H:%M}"


def _city(zone_name: str) -> str:
    return zone_name.rpartition("/")[2].replace("_", " ")


# People -----------------------------------------------------------------------------------------------------------


def _never(year: Year, who: str, rounds: Sequence[tuple[Course, Round]]) -> Finding:
    person = year.sop.interviewers[who]
    return Finding(
        code="SOP202",
        where=f"interviewers.{who}.working_hours",
        message=f"{person.name} is named for {_listed(rounds)}, but can never take {'it' if len(rounds) == 1 else 'them'}: "
        f"{_works(year.sop, person, None)}.",
        fix="Give hours in which an interview fits, or name somebody else.",
    )


def _unusual(year: Year, who: str, rounds: Sequence[tuple[Course, Round]]) -> Finding:
    person = year.sop.interviewers[who]
    return Finding(
        code="SOP205",
        where=f"interviewers.{who}.working_hours",
        message=f"{person.name} is no help for {_listed(rounds)}: {_works(year.sop, person, year)}, and candidates usually can "
        f"{_usually(year)}.",
        fix="Give hours that meet those, or say --usual-slots when the candidates of this SOP can.",
    )


def _usually(year: Year) -> str:
    return f"{year.usual} {_city(year.sop.timezone)} time"


def _listed(rounds: Sequence[tuple[Course, Round]]) -> str:
    return and_([f"{round_.title} ({minutes_text(round_.duration)}, {course.title})" for course, round_ in rounds])


def _too_short(year: Year) -> Iterator[Finding]:
    """Hours in which not even the shortest round fits; those that everybody shares count only when nobody can use them."""
    own = {who for who, person in year.sop.plain()["interviewers"].items() if "working_hours" in person}
    shortest: dict[str, Round] = {}
    for course in year.sop.courses.values():
        for round_ in course.rounds:
            for who in (who for seat in round_.seats for who in seat.ranks):
                shortest[who] = min(shortest.get(who, round_), round_, key=lambda one: one.duration)
    shared = {who: round_ for who, round_ in shortest.items() if who not in own}
    holders = [(f"interviewers.{who}.working_hours", {who: shortest[who]}) for who in shortest if who in own]
    for where, holder in [*holders, ("working_hours", shared)]:
        yield from _useless(year, where, holder)


def _useless(year: Year, where: str, holder: Mapping[str, Round]) -> Iterator[Finding]:
    """What of somebody's hours is of no use, or of the hours that several share is of no use to any of them."""
    useless: dict[Span, set[int]] | None = None
    for who, round_ in holder.items():
        person = year.sop.interviewers[who]
        theirs: dict[Span, set[int]] = {}
        for day, spans in enumerate(person.working_hours.days):
            for span in spans:
                if not year.fits(person, _alone({day}, span), seconds(round_.duration)):
                    theirs.setdefault(span, set()).add(day)
        useless = theirs if useless is None else {s: days & theirs[s] for s, days in useless.items() if s in theirs}
        if not useless:
            return
    for span, days in (useless or {}).items():
        if days:
            round_ = min(holder.values(), key=lambda one: one.duration)
            least, grid = minutes_text(round_.duration), minutes_text(year.sop.grid)
            yield Finding(
                code="SOP206",
                where=where,
                message=f"No interview of {names(year.sop, holder)} fits into {_alone(days, span)}: the shortest, "
                f"{round_.title}, takes {least} from a start on the grid of {grid}.",
                fix="Make these hours longer, or take them out.",
            )


def _alone(days: Collection[int], span: Span) -> WeekHours:
    return WeekHours(days=tuple((span,) if day in days else () for day in range(len(WEEKDAYS))))


def _unread_default(sop: Sop) -> Iterator[Finding]:
    plain = sop.plain()
    used = "desk_hours" not in plain or any("working_hours" not in person for person in plain["interviewers"].values())
    if sop.working_hours is not None and not used:
        yield Finding(
            code="SOP207",
            where="working_hours",
            message="These hours are nobody's: every interviewer has their own, and so has the desk.",
            fix="Take them out here, or out of the interviewers who are meant to have them.",
        )
