"""The values that cross rooms: intervals, interviews, a candidate's request. Frozen, keyword-only, times aware.

What an SOP is lives in `sop/`; how text of people becomes these values lives in `domain/intake.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self

from domain.errors import FieldError
from domain.hours import WeekHours
from utils import as_utc, has_control_characters, zone

MAX_NAME = 100
MAX_WINDOW_DAYS = 366
# The practical subset of RFC 5321: what every mail provider accepts.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Interval:
    """A stretch of time, half-open `[start, end)`; aware datetimes, kept in UTC. `ValueError` when naive or empty."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start))
        object.__setattr__(self, "end", as_utc(self.end))
        if self.end <= self.start:
            raise ValueError(
                f"an interval must end after it starts, not {self.start.isoformat()} to {self.end.isoformat()}"
            )

    def meets(self, other: Interval) -> bool:
        """Whether the two share any instant."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Interview:
    """A round that was given a time and interviewers for one candidate.

    `candidate` is the email in lower case, `course` and `round` are ids of the SOP, `interviewers` ids in seat order.
    """

    candidate: str
    course: str
    round: str
    start: datetime
    end: datetime
    interviewers: tuple[str, ...]

    def __post_init__(self) -> None:
        span = Interval(start=self.start, end=self.end)
        object.__setattr__(self, "start", span.start)
        object.__setattr__(self, "end", span.end)
        object.__setattr__(self, "interviewers", tuple(self.interviewers))
        object.__setattr__(self, "candidate", self.candidate.lower())

    @property
    def interval(self) -> Interval:
        return Interval(start=self.start, end=self.end)


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateRequest:
    """What is asked for a candidate. Fields are also taken as plain data (see `plain`) and checked one by one.

    `window` is the first and the last date, both included; `slots` and `preferred_slots` are wall times in `timezone`
    (an IANA name; None means the SOP's zone); `blocked_dates` are dates of that zone without any interview; `busy` is time
    of the candidate's own that is taken. `FieldError` names the field, the value and what would be right. Whether the course
    exists is the SOP's to say.
    """

    name: str
    email: str
    course: str
    window: tuple[date, date]
    slots: WeekHours
    timezone: str | None = None
    blocked_dates: frozenset[date] = frozenset()
    preferred_slots: WeekHours | None = None
    busy: tuple[Interval, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(getattr(self, name)))

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> Self:
        """From plain data as `plain` gives it; unknown or missing fields are a `FieldError`."""
        known = tuple(_CHECKS)
        for name in plain:
            if name not in known:
                raise FieldError(name, plain[name], f"There is no such field; the fields are {', '.join(known)}.")
        for name in ("name", "email", "course", "window", "slots"):
            if name not in plain:
                raise FieldError(name, "", "This field is needed.")
        return cls(**plain)

    def plain(self) -> dict[str, Any]:
        """The same as JSON-ready data; `parse` reads it back to an equal value."""
        return {
            "name": self.name,
            "email": self.email,
            "course": self.course,
            "window": [day.isoformat() for day in self.window],
            "slots": self.slots.plain(),
            "timezone": self.timezone,
            "blocked_dates": sorted(day.isoformat() for day in self.blocked_dates),
            "preferred_slots": self.preferred_slots.plain() if self.preferred_slots else None,
            "busy": [[span.start.isoformat(), span.end.isoformat()] for span in self.busy],
        }


def check_name(value: object) -> str:
    """A person's name: any script, 1 to 100 characters, on one line; surplus spaces are dropped."""
    text = re.sub(" +", " ", value.strip()) if isinstance(value, str) else ""
    if not text:
        raise FieldError("name", value, "Give the candidate's full name.")
    if len(text) > MAX_NAME:
        raise FieldError("name", value, f"A name has at most {MAX_NAME} characters; this has {len(text)}.")
    if has_control_characters(text):
        raise FieldError("name", ascii(value), "A name is one line without control characters.")
    if not any(sign.isalpha() for sign in text):
        raise FieldError("name", value, "A name has at least one letter.")
    return text


def check_email(value: object) -> str:
    """An email address, in lower case."""
    text = value.strip().lower() if isinstance(value, str) else ""
    local = text.partition("@")[0]
    if len(text) > 254 or not _EMAIL.fullmatch(text) or ".." in text or local.startswith(".") or local.endswith("."):
        raise FieldError("email", value, "Give an address such as priya@example.com.")
    return text


def check_timezone(value: object) -> str | None:
    """An IANA zone name; None and an empty text mean the SOP's zone."""
    if value is None or value == "":
        return None
    try:
        return zone(str(value).strip()).key
    except ValueError as error:
        raise FieldError("timezone", value, f"{error}.") from error


def check_window(value: object) -> tuple[date, date]:
    """The first and last date, as dates or ISO texts; at most a year long. Whether it is past is for the caller's clock."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise FieldError("window", value, "Give a first and a last date, such as 2026-12-01 and 2026-12-12.")
    first, last = (_date("window", day) for day in value)
    if last < first:
        raise FieldError("window", f"{first} to {last}", "The window ends before it starts.")
    if (last - first).days >= MAX_WINDOW_DAYS:
        raise FieldError("window", f"{first} to {last}", f"A window has at most {MAX_WINDOW_DAYS} days.")
    return first, last


def check_slots(value: object) -> WeekHours:
    """Daily time slots; at least one."""
    hours = _week_hours("slots", value)
    if not hours:
        raise FieldError("slots", value, "Give at least one time slot, such as 09:00-12:00.")
    return hours


def _week_hours(name: str, value: object) -> WeekHours:
    try:
        return WeekHours.parse(value)
    except ValueError as error:
        raise FieldError(name, value, f"{error}.") from error


def _course(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise FieldError("course", value, "Give the id of a course of the SOP.")
    return value.strip()


def _preferred(value: object) -> WeekHours | None:
    return None if not value else _week_hours("preferred_slots", value)


def _date(name: str, value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise FieldError(name, value, "Write a date as 2026-12-01.") from error


def _dates(value: Iterable[object]) -> frozenset[date]:
    return frozenset(_date("blocked_dates", day) for day in value or ())


def _busy(value: Iterable[Any]) -> tuple[Interval, ...]:
    try:
        return tuple(sorted(span if isinstance(span, Interval) else _interval(span) for span in value or ()))
    except (ValueError, TypeError) as error:
        raise FieldError("busy", value, f"Give pairs of a start and an end with their zone: {error}.") from error


def _interval(pair: Sequence[Any]) -> Interval:
    start, end = (moment if isinstance(moment, datetime) else datetime.fromisoformat(moment) for moment in pair)
    return Interval(start=start, end=end)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": check_name,
    "email": check_email,
    "course": _course,
    "window": check_window,
    "slots": check_slots,
    "timezone": check_timezone,
    "blocked_dates": _dates,
    "preferred_slots": _preferred,
    "busy": _busy,
}
