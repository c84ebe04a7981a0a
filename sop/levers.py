"""What an admin could bend to make a plan possible, step by step: each lever moves one value of the SOP or of the request.

What the steps of a kind cost, one against another, is `BENDS`. Which levers help is found out in `relaxations.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from domain.hours import Span, WeekHours
from domain.model import MAX_WINDOW_DAYS
from sop.case import Case
from sop.changes import replaced
from sop.lengths import Length
from sop.model import LOOKAHEAD, Round, minutes_text

HOUR = timedelta(hours=1)
# How much one step bends: a day more of the window counts 1.
BENDS = {
    "window": 1.0,  # a day
    "slots": 1.0,  # an hour
    "weekdays": 2.0,  # a weekday
    "gap_max": 0.75,  # a day
    "gap_min": 0.75,  # a day
    "finish_within": 0.75,  # a day
    "notice": 0.2,  # an hour
    "freeze": 0.4,  # an hour
    "interviewer": 3.0,
    "daily_limit": 2.0,
    "weekly_limit": 2.0,
    "candidate_limit": 2.0,
    "max_interviewers": 2.0,
    "breaks": 2.0,
    "blocked": 2.0,
    "events": 2.0,
    "when": 3.0,
    "never_twice_in_a_row": 3.0,
    "distinct_interviewers": 4.0,
}
EARLIER = 1.01  # of two ways that bend alike the later one is taken: the candidate may not be there yet before


@dataclass(frozen=True, kw_only=True)
class Lever:
    """One value that can be moved: `values` in steps, each allowing all that the one before it allows.

    `path` begins with `sop.` or `request.`; `subject` is the interviewer or round it concerns; `step` is what one step bends.
    """

    kind: str
    path: str
    subject: str
    old: object
    values: Sequence[object]
    step: float

    @property
    def rule(self) -> str:
        """The rule that it weakens, as a conflict names it."""
        return {"interviewer": "mapping", "events": "blocked", "weekdays": "slots"}.get(self.kind, self.kind)

    def bend(self, steps: int) -> float:
        return self.step * steps

    def moved(self, case: Case, steps: int) -> Case:
        """The case with the value moved by so many steps, unchecked."""
        value, (root, _, path) = self.values[steps - 1], self.path.partition(".")
        if root == "request":
            return replace(case, request=replace(case.request, **{path: value}))  # type: ignore[arg-type]  # the path says which
        return replace(case, sop=replaced(case.sop, path, value))

    def change(self, steps: int) -> tuple[str, Any]:
        """The path and the value as plain data."""
        return self.path, plain(self.values[steps - 1])


def plain(value: object) -> Any:
    """A value as an SOP or a request writes it."""
    if isinstance(value, WeekHours):
        return value.plain()
    if isinstance(value, timedelta):
        return minutes_text(value)
    if isinstance(value, Length):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(day.isoformat() for day in value)
    if isinstance(value, tuple):
        return [part.isoformat() if isinstance(part, date) else part for part in value]
    return value


def levers(case: Case) -> list[Lever]:
    """Every lever of a case."""
    kinds = (_window, _slots, _weekdays, _durations, _gaps, _limits, _switches, _interviewers)
    return [lever for kind in kinds for lever in kind(case) if lever.values]


def _lever(kind: str, path: str, old: object, values: Sequence[object], subject: str = "", scale: float = 1.0) -> Lever:
    return Lever(kind=kind, path=path, subject=subject, old=old, values=values, step=BENDS[kind] * scale)


def _window(case: Case) -> Iterator[Lever]:
    first, last = case.request.window
    today = case.now.astimezone(case.sop.zone_of(case.request)).date()
    room = MAX_WINDOW_DAYS - 1 - (last - first).days
    days = [timedelta(days=n) for n in range(1, min(LOOKAHEAD.days, room) + 1)]
    yield _lever("window", "request.window", (first, last), [(first, last + n) for n in days])
    earlier = [(first - n, last) for n in days if first - n >= today]
    yield _lever("window", "request.window", (first, last), earlier, scale=EARLIER)


def _slots(case: Case) -> Iterator[Lever]:
    """Slots that begin earlier or end later, by grid steps of at least half an hour."""
    step = max(int(case.sop.grid.total_seconds()) // 60, 30)
    hours = case.request.slots
    for way in (1, -1):
        values = [wider for n in range(1, 1440 // step + 1) if (wider := _wider(hours, n * step * way)) != hours]
        steps = [wider for before, wider in zip([hours, *values], values, strict=False) if wider != before]
        yield _lever("slots", "request.slots", hours, steps, scale=step / 60 * (1 if way > 0 else EARLIER))


def _weekdays(case: Case) -> Iterator[Lever]:
    """The same slots on weekdays that have none yet, one weekday more with each step, Monday first."""
    hours = case.request.slots
    longest = max(hours.days, key=lambda spans: sum(span.end - span.start for span in spans))
    days, values = list(hours.days), []
    for number in (number for number, spans in enumerate(hours.days) if not spans):
        days[number] = longest
        values.append(WeekHours(days=tuple(days)))
    yield _lever("weekdays", "request.slots", hours, values)


def _wider(hours: WeekHours, minutes: int) -> WeekHours:
    """With the last slot of each day ending later, or for negative minutes the first beginning earlier."""
    days = []
    for spans in hours.days:
        wider = list(spans)
        if spans and minutes > 0:
            wider[-1] = Span(start=spans[-1].start, end=min(spans[-1].end + minutes, 1440))
        elif spans:
            wider[0] = Span(start=max(spans[0].start + minutes, 0), end=spans[0].end)
        days.append(tuple(wider))
    return WeekHours(days=tuple(days))


def _durations(case: Case) -> Iterator[Lever]:
    for kind, value in (("notice", case.sop.notice), ("freeze", case.sop.freeze)):
        hours = -(-value // HOUR)
        yield _lever(kind, f"sop.{kind}", value, [max(value - n * HOUR, timedelta(0)) for n in range(1, hours + 1)])


def _gaps(case: Case) -> Iterator[Lever]:
    for round_ in case.course.rounds:
        path = f"sop.courses.{case.request.course}.rounds.{round_.id}.gap"
        for kind, length, way in (("gap_max", round_.gap.max, 1), ("gap_min", round_.gap.min, -1)):
            if length is not None:
                values, scale = _lengths(length, way)
                yield _lever(kind, f"{path}.{kind[-3:]}", length, values, round_.id, scale)
    within = case.course.finish_within
    if within is not None:
        values, scale = _lengths(within, 1)
        yield _lever("finish_within", f"sop.courses.{case.request.course}.finish_within", within, values, scale=scale)


def _lengths(length: Length, way: int) -> tuple[list[Length], float]:
    """A length made longer or shorter in steps (days; hours; half hours for minutes), and what part of a day a step is."""
    step, scale = {"m": (30, 1 / 48), "h": (1, 1 / 24)}.get(length.unit, (1, 1.0))
    count = round(LOOKAHEAD.days / scale) if way > 0 else -(-length.amount // step)
    amounts = [max(length.amount + way * n * step, 0) for n in range(1, count + 1)]
    return [Length(amount=amount, unit=length.unit) for amount in amounts], scale


def _limits(case: Case) -> Iterator[Lever]:
    for who in case.course.takers:
        person = case.sop.interviewers[who]
        for kind, field, limit in (
            ("daily_limit", "daily_limit", person.daily_limit),
            ("weekly_limit", "weekly_limit", person.weekly_limit),
            ("breaks", "max_in_a_row", person.max_in_a_row),
        ):
            if limit is not None:
                yield _lever(kind, f"sop.interviewers.{who}.{field}", limit, _more(limit), who)
    course = f"sop.courses.{case.request.course}"
    for kind, path, limit in (
        ("candidate_limit", "sop.candidate.daily_limit", case.sop.candidate.daily_limit),
        ("max_interviewers", f"{course}.max_interviewers", case.course.max_interviewers),
    ):
        if limit is not None:
            yield _lever(kind, path, limit, _more(limit))


def _more(limit: int) -> list[int]:
    return [limit + n for n in range(1, 6)]


def _switches(case: Case) -> Iterator[Lever]:
    course = f"sop.courses.{case.request.course}"
    for kind in ("distinct_interviewers", "never_twice_in_a_row"):
        if getattr(case.course, kind):
            yield _lever(kind, f"{course}.{kind}", True, [False])
    for round_ in case.course.rounds:
        if round_.when is not None:
            yield _lever("when", f"{course}.rounds.{round_.id}.when", round_.when, [None], round_.id)
    for day in sorted(case.request.blocked_dates):
        rest = case.request.blocked_dates - {day}
        yield _lever("blocked", "request.blocked_dates", case.request.blocked_dates, [rest], day.isoformat())
    if case.request.busy and case.sop.candidate.events == "day":
        yield _lever("events", "sop.candidate.events", "day", ["time"])


def _interviewers(case: Case) -> Iterator[Lever]:
    """One more backup for a seat, of those whose calendars are known."""
    known = [who for who in case.sop.interviewers if who in case.course.takers or who in case.busy]
    for round_ in case.course.rounds:
        if round_.id not in case.keep:
            yield from (lever for place in range(len(round_.seats)) for lever in _for_seat(case, round_, place, known))


def _for_seat(case: Case, round_: Round, place: int, known: Sequence[str]) -> Iterator[Lever]:
    seat = round_.seats[place]
    path = f"sop.courses.{case.request.course}.rounds.{round_.id}.seats.{place}.backups"
    for who in known:
        if who not in seat.ranks:
            yield _lever("interviewer", path, seat.backups, [(*seat.backups, who)], round_.id)
