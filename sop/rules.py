"""What a plan obeys: every rule once, as a sentence and a simple check of a finished plan. The policy on one screen.

The checks share nothing with the planner but the model, and know only what is true of a finished plan: how one is found lives in
the planner's modules. Kept interviews are facts: a rule that they break among themselves is not the plan's fault.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.hours import WeekHours
from domain.model import CandidateRequest, Interval, Interview
from sop.lengths import Length
from sop.model import Course, Interviewer, Round, Sop, minutes_text
from utils import day_text, instant, local_text

SENTENCES = {
    "grid": "An interview starts at a multiple of the grid after local midnight, and lasts as long as its round.",
    "notice": "Nothing starts sooner than the notice after now, but for what was booked before.",
    "slots": "An interview lies in the candidate's slots, within the window, and on no blocked date.",
    "events": "An interview is on no day (or at no time) of an event of the candidate's own.",
    "holidays": "No interview starts on a holiday.",
    "when": "A round that is restricted to weekdays or hours lies in them.",
    "hours": "An interview lies in the working hours of each of its interviewers, and on none of their days off.",
    "free": "An interviewer has nothing else during an interview, nor within the buffer around it.",
    "candidate_free": "The candidate has no other interview at the time.",
    "sequence": "A round starts no sooner than the one before it ends.",
    "gaps": "The distance to the round before is neither less than the gap's min nor more than its max.",
    "finish_within": "The last round is no further from the first than the course allows.",
    "mapping": "Each seat has one of its interviewers or backups, and the seats of a round have different ones.",
    "distinct_interviewers": "Nobody takes two rounds of one candidate, where the course says so.",
    "never_twice_in_a_row": "Nobody takes two rounds of one candidate in a row, where the course says so.",
    "max_interviewers": "A candidate meets no more different interviewers than the course allows.",
    "daily_limit": "An interviewer has no more interviews on a date than their limit.",
    "weekly_limit": "An interviewer has no more interviews in an ISO week than their limit.",
    "candidate_limit": "The candidate has no more rounds on a date than the limit.",
    "breaks": "An interviewer has no more interviews in a row than they do without a break.",
    "freeze": "What starts within the freeze is not moved.",
}


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A rule that a plan breaks, in which round, by whom, and how."""

    rule: str
    round: str
    detail: str
    interviewer: str | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A plan and all that it must be right with. `booked` is without what `keep` and `previous` speak for."""

    sop: Sop
    request: CandidateRequest
    interviews: Sequence[Interview]
    busy: Mapping[str, Sequence[Interval]]
    booked: Sequence[Interview]
    now: datetime
    keep: Sequence[Interview] = ()
    previous: Sequence[Interview] = ()
    thaw: bool = False

    @property
    def course(self) -> Course:
        return self.sop.course(self.request.course)

    @property
    def placed(self) -> list[tuple[Round, Interview]]:
        """The rounds that were placed, without those that are kept."""
        pairs = zip(self.course.rounds, self.interviews, strict=True)
        return [(round_, one) for round_, one in pairs if one not in self.keep]

    @property
    def in_turn(self) -> list[tuple[Interview, Round, Interview]]:
        """Each round with the one before it, but for those of which both are kept."""
        pairs = itertools.pairwise(zip(self.course.rounds, self.interviews, strict=True))
        return [(one, round_, other) for (_, one), (round_, other) in pairs if not {one, other} <= set(self.keep)]

    @property
    def seated(self) -> Iterator[tuple[Round, Interview, Interviewer]]:
        """Each person of each placed round; somebody the SOP does not know is `mapping`'s to find."""
        for round_, one in self.placed:
            for who in one.interviewers:
                if who in self.sop.interviewers:
                    yield round_, one, self.sop.interviewers[who]

    def others_of(self, who: str, than: Interview) -> list[Interview]:
        """All other interviews of a person: booked, kept or in the plan."""
        return [one for one in (*self.booked, *self.interviews) if who in one.interviewers and one is not than]

    def day(self, moment: datetime) -> date:
        """The local date in the SOP's zone."""
        return moment.astimezone(self.sop.zone).date()

    def at(self, moment: datetime) -> str:
        """An instant for people, in the SOP's zone."""
        return local_text(moment, self.sop.zone)

    def title(self, round_id: str) -> str:
        """What people call a round."""
        return self.course.rounds[self.course.position(round_id)].title


Check = Callable[[Facts], Iterator[Breach]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule: its name in data, what it says, and its check."""

    name: str
    sentence: str
    check: Check


def grid(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        wall = one.start.astimezone(facts.sop.zone).replace(tzinfo=None)
        midnight = datetime.combine(wall.date(), time())
        first = wall.replace(tzinfo=facts.sop.zone).astimezone(UTC) == one.start
        if (wall - midnight) % facts.sop.grid or not first:
            yield _in(round_, "grid", f"starts at {wall:%H:%M}")
        if one.end - one.start != round_.duration:
            yield _in(round_, "grid", f"lasts {minutes_text(one.end - one.start)}, not {minutes_text(round_.duration)}")


def notice(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        if one not in facts.previous and one.start < facts.now + facts.sop.notice:
            yield _in(round_, "notice", f"starts on {facts.at(one.start)}, too soon after {facts.at(facts.now)}")


def slots(facts: Facts) -> Iterator[Breach]:
    days = [day for day in _dates(facts.request.window) if day not in facts.request.blocked_dates]
    for round_, one in facts.placed:
        if not _inside(one, facts.request.slots, days, facts.sop.zone_of(facts.request)):
            yield _in(round_, "slots", f"is on {facts.at(one.start)}, outside the candidate's slots")


def events(facts: Facts) -> Iterator[Breach]:
    tz = facts.sop.zone_of(facts.request)
    for round_, one in facts.placed:
        for event in facts.request.busy:
            same_day = facts.sop.candidate.events == "day" and _touched(one.interval, tz) & _touched(event, tz)
            if same_day or one.interval.meets(event):
                yield _in(round_, "events", f"meets the candidate's own event on {facts.at(event.start)}")


def holidays(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        if facts.day(one.start) in facts.sop.holidays:
            yield _in(round_, "holidays", f"is on {day_text(facts.day(one.start))}, a holiday")


def when(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        days = _around(one, facts.sop.zone)
        if round_.when is not None and not _inside(one, round_.when, days, facts.sop.zone):
            yield _in(round_, "when", f"is on {facts.at(one.start)}, when it does not take place")


def hours(facts: Facts) -> Iterator[Breach]:
    for round_, one, person in facts.seated:
        days = [day for day in _around(one, person.zone) if day not in person.days_off]
        if not _inside(one, person.working_hours, days, person.zone):
            yield _by(person, "hours", round_, f"does not work on {facts.at(one.start)}")


def free(facts: Facts) -> Iterator[Breach]:
    for round_, one, person in facts.seated:
        near = Interval(start=one.start - person.buffer, end=one.end + person.buffer)
        others = [other.interval for other in facts.others_of(person.id, one)]
        for other in (*facts.busy.get(person.id, ()), *others):
            if near.meets(other):
                yield _by(
                    person, "free", round_, f"has something else from {facts.at(other.start)} to {facts.at(other.end)}"
                )


def candidate_free(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        for other in (*facts.booked, *facts.interviews):
            if other is not one and other.candidate == one.candidate and one.interval.meets(other.interval):
                yield _in(round_, "candidate_free", f"meets the candidate's interview on {facts.at(other.start)}")


def sequence(facts: Facts) -> Iterator[Breach]:
    for one, round_, other in facts.in_turn:
        if other.start < one.end:
            yield _in(round_, "sequence", f"starts before {facts.title(one.round)} ends")


def gaps(facts: Facts) -> Iterator[Breach]:
    for one, round_, other in facts.in_turn:
        least, most = round_.gap.min, round_.gap.max
        if least is not None and _compared(facts, one, other, least) < 0:
            yield _in(round_, "gaps", f"is less than {least} after {facts.title(one.round)}")
        if most is not None and _compared(facts, one, other, most) > 0:
            yield _in(round_, "gaps", f"is more than {most} after {facts.title(one.round)}")


def finish_within(facts: Facts) -> Iterator[Breach]:
    within, first, last = facts.course.finish_within, facts.interviews[0], facts.interviews[-1]
    if within is None or (first in facts.keep and last in facts.keep):
        return
    if within.elapsed is not None:
        late = last.end - first.start > within.elapsed
    else:
        late = _days_between(facts, first.start, last.start, within.unit) > within.amount
    if late:
        yield Breach(
            rule="finish_within", round=last.round, detail=f"is more than {within} after {facts.title(first.round)}"
        )


def mapping(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        team = one.interviewers
        if len(team) != len(round_.seats) or len(set(team)) != len(team):
            yield _in(round_, "mapping", "does not have another person on each of its seats")
            continue
        for who, seat in zip(team, round_.seats, strict=True):
            if who not in seat.interviewers and who not in seat.backups:
                yield Breach(rule="mapping", round=round_.id, interviewer=who, detail="cannot take this seat")


def distinct_interviewers(facts: Facts) -> Iterator[Breach]:
    if facts.course.distinct_interviewers:
        yield from _twice(facts, "distinct_interviewers", itertools.combinations(facts.interviews, 2))


def never_twice_in_a_row(facts: Facts) -> Iterator[Breach]:
    if facts.course.never_twice_in_a_row:
        yield from _twice(facts, "never_twice_in_a_row", itertools.pairwise(facts.interviews))


def max_interviewers(facts: Facts) -> Iterator[Breach]:
    limit = facts.course.max_interviewers
    kept = {who for one in facts.keep for who in one.interviewers}
    people = kept | {who for one in facts.interviews for who in one.interviewers}
    if limit is not None and len(people) > max(limit, len(kept)):
        last = facts.interviews[-1].round
        yield Breach(
            rule="max_interviewers",
            round=last,
            detail=f"makes it {len(people)} people, and {limit} are allowed",
        )


def daily_limit(facts: Facts) -> Iterator[Breach]:
    for round_, one, person in facts.seated:
        same = [other for other in facts.others_of(person.id, one) if facts.day(other.start) == facts.day(one.start)]
        if person.daily_limit is not None and len(same) + 1 > person.daily_limit:
            yield _by(
                person, "daily_limit", round_, f"has {len(same) + 1} interviews on {day_text(facts.day(one.start))}"
            )


def weekly_limit(facts: Facts) -> Iterator[Breach]:
    for round_, one, person in facts.seated:
        week = facts.day(one.start).isocalendar()[:2]
        same = [o for o in facts.others_of(person.id, one) if facts.day(o.start).isocalendar()[:2] == week]
        if person.weekly_limit is not None and len(same) + 1 > person.weekly_limit:
            yield _by(person, "weekly_limit", round_, f"has {len(same) + 1} interviews in week {week[1]} of {week[0]}")


def candidate_limit(facts: Facts) -> Iterator[Breach]:
    limit = facts.sop.candidate.daily_limit
    ours = [one for one in facts.booked if one.candidate == facts.request.email]
    for round_, one in facts.placed:
        same = [other for other in (*ours, *facts.interviews) if facts.day(other.start) == facts.day(one.start)]
        if limit is not None and len(same) > limit:
            yield _in(round_, "candidate_limit", f"is one of {len(same)} rounds on {day_text(facts.day(one.start))}")


def breaks(facts: Facts) -> Iterator[Breach]:
    for round_, one, person in facts.seated:
        if person.max_in_a_row is None or person.pause is None:
            continue
        row = [one]
        for other in sorted(facts.others_of(person.id, one), key=lambda other: other.start, reverse=True):
            if other.start < row[0].start and row[0].start - other.end < person.pause:
                row.insert(0, other)
        for other in sorted(facts.others_of(person.id, one), key=lambda other: other.start):
            if other.start >= row[-1].start and other is not one and other.start - row[-1].end < person.pause:
                row.append(other)
        if len(row) > person.max_in_a_row:
            yield _by(
                person, "breaks", round_, f"has {len(row)} in a row without a break of {minutes_text(person.pause)}"
            )


def freeze(facts: Facts) -> Iterator[Breach]:
    for round_, one in facts.placed:
        before = next((old for old in facts.previous if old.round == round_.id), None)
        frozen = before is not None and not facts.thaw and before.start < facts.now + facts.sop.freeze
        if frozen and one != before:
            yield _in(round_, "freeze", "starts too soon to be moved")


# Distances, dates and hours ---------------------------------------------------------------------------------------


def _in(round_: Round, rule: str, detail: str) -> Breach:
    return Breach(rule=rule, round=round_.id, detail=detail)


def _by(person: Interviewer, rule: str, round_: Round, detail: str) -> Breach:
    return Breach(rule=rule, round=round_.id, interviewer=person.id, detail=detail)


def _twice(facts: Facts, rule: str, pairs: Iterable[tuple[Interview, Interview]]) -> Iterator[Breach]:
    for one, other in pairs:
        for who in set(one.interviewers) & set(other.interviewers):
            if not {one, other} <= set(facts.keep):
                yield Breach(rule=rule, round=other.round, interviewer=who, detail=f"has {facts.title(one.round)}, too")


def _compared(facts: Facts, one: Interview, other: Interview, length: Length) -> int:
    """Whether the distance of two rounds is less than a length (negative), that length (0), or more."""
    if length.elapsed is not None:
        distance = other.start - one.end
        return (distance > length.elapsed) - (distance < length.elapsed)
    return _days_between(facts, one.start, other.start, length.unit) - length.amount


def _days_between(facts: Facts, start: datetime, end: datetime, unit: str) -> int:
    """The difference of two local dates; for `wd` counting only working days."""
    first, last = facts.day(start), facts.day(end)
    if unit == "d":
        return (last - first).days
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(day.weekday() < 5 and day not in facts.sop.holidays for day in days)


def _inside(one: Interview, week: WeekHours, days: Iterable[date], tz: ZoneInfo) -> bool:
    """Whether an interview lies as a whole in the hours of the days, adjoining ones joined up."""
    spans = sorted((instant(day, s.start, tz), instant(day, s.end, tz)) for day in days for s in week.on(day))
    reached = one.start
    for start, end in spans:
        if start <= reached < end:
            reached = end
    return reached >= one.end


def _around(one: Interview, tz: ZoneInfo) -> list[date]:
    first = one.start.astimezone(tz).date()
    return [first + timedelta(days=n) for n in (-1, 0, 1, 2)]


def _dates(window: tuple[date, date]) -> list[date]:
    return [window[0] + timedelta(days=n) for n in range((window[1] - window[0]).days + 1)]


def _touched(interval: Interval, tz: ZoneInfo) -> set[date]:
    """The local dates that an interval touches."""
    last = (interval.end - timedelta(microseconds=1)).astimezone(tz).date()
    return set(_dates((interval.start.astimezone(tz).date(), last)))


RULES = tuple(
    Rule(name=check.__name__, sentence=SENTENCES[check.__name__], check=check)
    for check in (
        grid,
        notice,
        slots,
        events,
        holidays,
        when,
        hours,
        free,
        candidate_free,
        sequence,
        gaps,
        finish_within,
        mapping,
        distinct_interviewers,
        never_twice_in_a_row,
        max_interviewers,
        daily_limit,
        weekly_limit,
        candidate_limit,
        breaks,
        freeze,
    )
)
