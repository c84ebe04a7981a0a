"""Lengths of time and sets of days, as an SOP writes them: `30m`, `24h`, `2d`, `2wd`; `2026-12-25`, `12-24..12-31`.

How lengths bound the distance of two rounds is the business of the rules and the planner.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

UNITS = {"m": "minutes", "h": "hours", "d": "days", "wd": "working days"}
_LENGTH = re.compile(r"\s*(\d{1,6})\s*(wd|[mhd])\s*")
_LEAP_YEAR = 2000  # any leap year: lets 29 February be a day of every year


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """A length of time: elapsed (`m`, `h`), or a distance of local dates (`d`; `wd` counts working days only)."""

    amount: int
    unit: str

    @classmethod
    def parse(cls, plain: object) -> Self:
        """`30m`, `24h`, `2d` or `2wd`; `ValueError` for anything else."""
        if isinstance(plain, cls):
            return plain
        match = _LENGTH.fullmatch(str(plain))
        if not match:
            raise ValueError(f"{str(plain)!r} is not a length of time such as 30m, 24h, 2d or 2wd (working days)")
        return cls(amount=int(match[1]), unit=match[2])

    @property
    def elapsed(self) -> timedelta | None:
        """The elapsed time of `m` and `h`; None where dates are counted."""
        if self.unit in {"d", "wd"}:
            return None
        return timedelta(minutes=self.amount * (60 if self.unit == "h" else 1))

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"

    def words(self) -> str:
        """`1 day`, `2 working days`."""
        noun = UNITS[self.unit]
        return f"{self.amount} {noun.removesuffix('s') if self.amount == 1 else noun}"


def elapsed(plain: object) -> timedelta:
    """Elapsed time of `30m` or `24h`; `ValueError` for days, whose length differs."""
    if isinstance(plain, timedelta):
        return plain
    length = Length.parse(plain)
    if length.elapsed is None:
        raise ValueError(f"{str(length)!r} counts dates; here elapsed time is meant, such as {length.amount * 24}h")
    return length.elapsed


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class _Range:
    """Days from `first` to `last`, both included; of every year when `yearly` (then both lie in a leap year)."""

    first: date
    last: date
    yearly: bool = False

    def __contains__(self, day: date) -> bool:
        if not self.yearly:
            return self.first <= day <= self.last
        day = day.replace(year=_LEAP_YEAR)
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last  # such as 12-24..01-02

    def __str__(self) -> str:
        first, last = (day.isoformat()[5 if self.yearly else 0 :] for day in (self.first, self.last))
        return first if first == last else f"{first}..{last}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """A set of dates: single ones, ranges, and those that come every year. `day in days` asks."""

    ranges: tuple[_Range, ...] = ()

    @classmethod
    def parse(cls, plain: object) -> Self:
        """From dates or texts: `2026-12-25`, `12-25` (every year), `2026-12-20..2026-12-31`; `ValueError` otherwise."""
        if isinstance(plain, cls):
            return plain
        if isinstance(plain, str | date):
            plain = [plain]
        if not isinstance(plain, Sequence):
            raise ValueError(f"{plain!r} is not a list of dates such as 2026-12-25, 12-25 or 2026-12-20..2026-12-31")  # noqa: TRY004 - one kind of error for all bad days
        return cls(ranges=tuple(sorted({_range(part) for part in plain})))

    def __contains__(self, day: date) -> bool:
        return any(day in part for part in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        return ", ".join(map(str, self.ranges))


def _range(plain: object) -> _Range:
    if isinstance(plain, date):
        plain = plain.date() if isinstance(plain, datetime) else plain
        return _Range(first=plain, last=plain)
    first_text, dots, last_text = str(plain).strip().partition("..")
    first, yearly = _day(first_text)
    last, also_yearly = _day(last_text) if dots else (first, yearly)
    if yearly != also_yearly:
        raise ValueError(f"{str(plain)!r} begins with and without a year; write it on both sides or on none")
    if last < first and not yearly:
        raise ValueError(f"{str(plain)!r} ends before it starts")
    return _Range(first=first, last=last, yearly=yearly)


def _day(text: str) -> tuple[date, bool]:
    text = text.strip()
    yearly = re.fullmatch(r"\d\d-\d\d", text) is not None
    try:
        return date.fromisoformat(f"{_LEAP_YEAR}-{text}" if yearly else text), yearly
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date such as 2026-12-25 or, every year, 12-25") from error
