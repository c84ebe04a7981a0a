"""Dates as people write them: `1-12 Dec`, `next 2 weeks`, `+3d to +17d`, `2026-12-01`. Pure: today is an argument.

Where two readings are possible the text is refused with both, never guessed. Hours of the day live in `domain/slots.py`.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from domain.errors import FieldError
from domain.model import MAX_WINDOW_DAYS, check_window
from utils import day_text, plural

_HINT = "Write the first and the last date, such as 1-12 Dec, 2026-12-01 to 2026-12-12, or next 2 weeks."
_HINT_DATES = "Write dates such as 5 Dec, 2026-12-08 or 10-12 Dec, with commas between them."
_MONTHS = tuple(calendar.month_name[number].lower() for number in range(1, 13))
_NUMBERS = {word: number for number, word in enumerate(("one", "two", "three", "four", "five", "six"), start=1)}

_D, _MON, _Y = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<name>[a-z]{3,9})\.?", r"(?P<year>\d{4})"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_Y}-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})",  # 2026-12-01
        rf"{_D}(?: of)? ?{_MON}(?:,? ?{_Y})?",  # 1 Dec, 1st of December 2026
        rf"{_MON} ?{_D}(?:,? {_Y})?",  # Dec 1, 2026
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.?(?P<year>(?<=\.)(?:\d{4}|\d{2}))?",  # 01.12.2026, 1.12.
        rf"{_D}\.?(?:,? {_Y})?",  # 12: the month is that of the other date
    )
)
_EITHER_WAY = re.compile(r"(\d{1,2})([/-])(\d{1,2})(?:\2(\d{4}|\d{2}))?", re.ASCII)  # 1/12/2026: which is the month?
_AHEAD = re.compile(r"\+ ?(\d{1,3}) ?(d|days?|w|weeks?)", re.ASCII)
_NEXT = re.compile(r"(?:(?:next|coming) )?(\d{1,2}|[a-z]+) (days?|weeks?)", re.ASCII)
_BETWEEN = re.compile(r" ?(?:\b(?:to|until|till|through|and)\b|\.\.\.?|-) ?")
_LIST = re.compile(r"[;\n]|,(?! ?\d{4}\b(?!-))| and ")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One written date; what was not written is None."""

    day: int
    month: int | None = None
    year: int | None = None

    @classmethod
    def of(cls, day: date) -> _Part:
        return cls(day=day.day, month=day.month, year=day.year)


def parse_window(text: str, today: date) -> tuple[date, date]:
    """The first and last date of a window, both included. `FieldError` when it is unclear, impossible or past."""
    try:
        first, last = _range(re.sub("^(?:from|between) ", "", _normal(text)), today)
    except ValueError as error:
        raise FieldError("window", text, str(error) or _HINT) from error
    check_not_over((first, last), today, text)
    return check_window((first, last))


def check_not_over(window: tuple[date, date], today: date, text: str = "") -> None:
    """`FieldError` when the window is past; `text` is what was written for it."""
    first, last = window
    if last < today:
        raise FieldError("window", text or f"{first} to {last}", f"That is past: today is {day_text(today)}. {_HINT}")


def are_dates(text: str, today: date) -> bool:
    """Whether a text is meant as dates, be they clear and possible or not."""
    try:
        _range(re.sub("^(?:from|between) ", "", _normal(text)), today)
    except ValueError as error:
        return bool(str(error))
    return True


def parse_dates(text: str, today: date) -> frozenset[date]:
    """Single dates and ranges between commas, such as blocked dates; `none` or nothing gives none of them."""
    days: set[date] = set()
    if text.strip().lower() in {"", "none", "no", "-"}:
        return frozenset()
    for item in filter(None, map(str.strip, _LIST.split(text[:5_000]))):
        try:
            first, last = _range(_normal(item), today)
        except ValueError as error:
            raise FieldError("blocked_dates", item, str(error) or _HINT_DATES) from error
        if not 0 <= (last - first).days < MAX_WINDOW_DAYS:
            raise FieldError("blocked_dates", item, f"A range ends after it starts, within a year. {_HINT_DATES}")
        days.update(first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return frozenset(days)


def _normal(text: str) -> str:
    dashes = re.sub("[\u2010-\u2015\u2212]", "-", text.lower())
    words = re.sub(r"(?<=\w)\. ", " ", " ".join(dashes.split())).strip(" .!")
    return re.sub(r"\bthe ", "", words)


def _phrase(text: str, today: date) -> tuple[date, date] | None:
    """Stretches named in words: `next week` is Monday to Sunday, `next 2 weeks` starts tomorrow."""
    monday = today - timedelta(days=today.weekday())
    if text == "this week":
        return today, monday + timedelta(days=6)
    if text == "next week":
        return monday + timedelta(days=7), monday + timedelta(days=13)
    if text in {"this month", "next month"}:
        first = today if text == "this month" else _month_end(today) + timedelta(days=1)
        return first, _month_end(first)
    return _next_days(text, today)


def _next_days(text: str, today: date) -> tuple[date, date] | None:
    match = _NEXT.fullmatch(text)
    if not match:
        return None
    count = int(match[1]) if match[1].isdigit() else _NUMBERS.get(match[1], 0)
    days = count * (7 if match[2].startswith("week") else 1)
    return (today + timedelta(days=1), today + timedelta(days=days)) if days else None


def _range(text: str, today: date) -> tuple[date, date]:
    """A stretch in words, two dates, or one that is both; `ValueError` without words when it is none of these."""
    if len(text) > 100:
        raise ValueError
    if stretch := _phrase(text, today):
        return stretch
    alone = _part(text, today)
    if alone:
        return _resolved(alone, alone, today)
    for gap in _BETWEEN.finditer(text):
        first, last = _part(text[: gap.start()], today), _part(text[gap.end() :], today)
        if first and last:
            return _resolved(first, last, today)
    raise ValueError


def _part(text: str, today: date) -> _Part | None:
    """One date as far as it was written; `ValueError` with a question when it can be read in two ways."""
    if text in {"today", "tomorrow"}:
        return _Part.of(today + timedelta(days=text == "tomorrow"))
    if match := _AHEAD.fullmatch(text):
        return _Part.of(today + timedelta(days=int(match[1]) * (7 if match[2].startswith("w") else 1)))
    if match := _EITHER_WAY.fullmatch(text):
        return _either_way(match)
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _from_groups(match.groupdict())
    return None


def _from_groups(groups: dict[str, str | None]) -> _Part | None:
    number, name = groups.get("month"), groups.get("name")
    month = int(number) if number else _month_named(name)
    if name and month is None:
        return None
    return _Part(day=int(groups["day"] or 0), month=month, year=_full_year(groups.get("year")))


def _either_way(match: re.Match[str]) -> _Part | None:
    """A date of two numbers, where only one reading, or the same one twice, makes a date."""
    one, two, year = int(match[1]), int(match[3]), _full_year(match[4])
    if match[2] == "-" and year is None:
        return None  # 1-12: two days of a month that is named elsewhere
    if 1 <= one <= 12 and 1 <= two <= 12 and one != two:
        ways = f"{one} {_short(two)} or {two} {_short(one)}"
        raise ValueError(f"{match[0]} can be {ways}. Write the month by its name: {ways}.")
    day, month = (one, two) if two <= 12 else (two, one)
    return _Part(day=day, month=month, year=year)


def _resolved(first: _Part, last: _Part, today: date) -> tuple[date, date]:
    """Both dates in full: a month or year that is given once holds for both, and the year is the one nearest to today."""
    first, last = replace(first, month=first.month or last.month), replace(last, month=last.month or first.month)
    if first.month is None or last.month is None:
        raise ValueError(f"Which month? {_HINT}")
    new_year = first.month - last.month >= 6  # 28 Dec to 3 Jan; but 12 Dec to 1 Dec is a slip
    last_year = last.year
    if last_year is None:
        last_year = _nearest_year(last.month, last.day, today) if first.year is None else first.year + new_year
    first_year = last_year - new_year if first.year is None else first.year
    return _date(first.day, first.month, first_year), _date(last.day, last.month, last_year)


def _nearest_year(month: int, day: int, today: date) -> int:
    """The year that brings a date nearest to today; of a date that never is, one as good as any."""
    month, day = min(max(month, 1), 12), min(max(day, 1), 28)
    return min((today.year + step for step in (0, 1, -1)), key=lambda year: abs((date(year, month, day) - today).days))


def _date(day: int, month: int, year: int) -> date:
    if not 1 <= month <= 12:
        raise ValueError(f"There is no month {month}; a year has 12. {_HINT}")
    try:
        return date(year, month, day)
    except ValueError as error:
        last = calendar.monthrange(year, month)[1]
        name = f"{_MONTHS[month - 1].title()} {year}"
        raise ValueError(f"There is no {day} {_short(month)} {year}: {name} has {plural(last, 'day')}.") from error


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _month_named(name: str | None) -> int | None:
    if name is None:
        return None
    return next((number for number, full in enumerate(_MONTHS, start=1) if full.startswith(name)), None)


def _full_year(year: str | None) -> int | None:
    return None if year is None else int(year) + (2000 if len(year) == 2 else 0)


def _short(month: int) -> str:
    return _MONTHS[month - 1][:3].title()
