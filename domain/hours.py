"""Hours by weekday: when a candidate can come, when an interviewer works. Wall times, without a zone of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from utils import clock_of, minutes_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"\s*(\d{1,2}:\d{2})\s*[-\u2013]\s*(\d{1,2}:\d{2})\s*")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Span:
    """A stretch of one day in minutes after midnight, half-open; `end` may be 1440 (24:00)."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 1440:
            raise ValueError(f"{self} does not end after it starts on the same day; a day runs from 00:00 to 24:00")

    def __str__(self) -> str:
        return f"{clock_of(self.start)}-{clock_of(self.end)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`09:00-12:00`; `ValueError` says what is wrong with anything else."""
        match = _SPAN.fullmatch(text)
        if not match:
            raise ValueError(f"{text.strip()!r} is not a time slot such as 09:00-12:00")
        start, end = minutes_of(match[1]), minutes_of(match[2])
        if end <= start:
            raise ValueError(
                f"{text.strip()!r} ends before it starts; a slot past midnight is two: 20:00-24:00 and 00:00-02:00"
            )
        return cls(start=start, end=end)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekHours:
    """The spans of each weekday, Monday first; sorted, without overlaps, adjoining ones joined up."""

    days: tuple[tuple[Span, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != 7:
            raise ValueError("a week has seven days")
        object.__setattr__(self, "days", tuple(_joined(spans, WEEKDAYS[i]) for i, spans in enumerate(self.days)))

    def on(self, day: date) -> tuple[Span, ...]:
        return self.days[day.weekday()]

    def __bool__(self) -> bool:
        return any(self.days)

    @classmethod
    def parse(cls, plain: object) -> Self:
        """From `["09:00-12:00"]` (every day) or `{"mon-fri": [...], "sat": [...]}`; a weekday named twice is an error."""
        if isinstance(plain, cls):
            return plain
        if isinstance(plain, str):
            plain = [plain]
        if isinstance(plain, Mapping):
            return cls(days=_by_weekday(plain))
        if isinstance(plain, Sequence):
            spans = _spans(plain)
            return cls(days=(spans,) * 7)
        raise ValueError(f"{plain!r} is not a list of time slots such as 09:00-12:00, nor such lists by weekday")

    def plain(self) -> dict[str, list[str]]:
        """The same as plain data, weekdays with equal hours grouped (`mon-fri`); `parse` reads it back."""
        return {name: [str(span) for span in spans] for name, spans in self._groups()}

    def __str__(self) -> str:
        groups = list(self._groups())
        if len(groups) == 1 and groups[0][0] == "mon-sun":
            return ", ".join(map(str, groups[0][1]))
        return "; ".join(f"{name.title()} {', '.join(map(str, spans))}" for name, spans in groups)

    def _groups(self) -> Iterable[tuple[str, tuple[Span, ...]]]:
        first = 0
        for i in range(1, 8):
            if i == 7 or self.days[i] != self.days[first]:
                if self.days[first]:
                    name = WEEKDAYS[first] if i - first == 1 else f"{WEEKDAYS[first]}-{WEEKDAYS[i - 1]}"
                    yield name, self.days[first]
                first = i


def weekdays_of(name: str) -> tuple[int, ...]:
    """Weekday numbers (Monday is 0) of `sat` or `mon-fri` or `fri-mon`; full names are read too. `ValueError` otherwise."""
    numbers = []
    for part in re.split(r"\s*[-\u2013]\s*", name.strip().lower()):
        if part[:3] not in WEEKDAYS or not re.fullmatch(r"[a-z]+", part):
            raise ValueError(f"{name!r} is not a weekday (mon … sun) or a range of them such as mon-fri")
        numbers.append(WEEKDAYS.index(part[:3]))
    if len(numbers) > 2:
        raise ValueError(f"{name!r} is not a weekday (mon … sun) or a range of them such as mon-fri")
    first, last = numbers[0], numbers[-1]
    return tuple((first + i) % 7 for i in range((last - first) % 7 + 1))


def _by_weekday(plain: Mapping[object, object]) -> tuple[tuple[Span, ...], ...]:
    days: list[tuple[Span, ...]] = [()] * 7
    named: dict[int, str] = {}
    for name, spans in plain.items():
        for number in weekdays_of(str(name)):
            if number in named:
                raise ValueError(f"{WEEKDAYS[number]} is given twice, by {named[number]!r} and by {str(name)!r}")
            named[number] = str(name)
            days[number] = _spans(spans)
    return tuple(days)


def _spans(plain: object) -> tuple[Span, ...]:
    if isinstance(plain, str):
        plain = [plain]
    if not isinstance(plain, Sequence):
        raise ValueError(f"{plain!r} is not a list of time slots such as 09:00-12:00")  # noqa: TRY004 - one kind of error for all bad hours
    return tuple(span if isinstance(span, Span) else Span.parse(str(span)) for span in plain)


def _joined(spans: Iterable[Span], day: str) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start < joined[-1].end:
            raise ValueError(f"{joined[-1]} and {span} overlap on {day}")
        if joined and span.start == joined[-1].end:
            joined[-1] = Span(start=joined[-1].start, end=span.end)
        else:
            joined.append(span)
    return tuple(joined)
