"""Findings about dates: holidays that are all over, dates of long ago, days off that take nothing away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sop.lengths import Days
from sop.lint_findings import Finding
from sop.model import Interviewer, Sop
from utils import day_text

LONG_AGO = timedelta(days=365)  # last year's entries are a record; older ones are forgotten, or a slip of the year
ONE_DAY = timedelta(days=1)


def dates(sop: Sop, today: date) -> Iterator[Finding]:
    """SOP501 to SOP503."""
    plain = sop.plain()
    holidays = _entries(plain.get("holidays"))
    coming = _coming(holidays, today)
    if not coming and any(_dated(entry) for entry in holidays):
        last = max(entry.ranges[0].last for entry in holidays if _dated(entry))
        yield Finding(
            code="SOP501",
            where="holidays",
            message=f"No holiday with a year is still to come: the last was on {day_text(last)}.",
            fix="Add those of the coming year, or take the old ones out.",
        )
    else:
        yield from _long_past(holidays, "holidays", today)
    yield from _within_others(holidays, "holidays")
    for who, person in sop.interviewers.items():
        days_off = _entries(plain["interviewers"][who].get("days_off"))
        where = f"interviewers.{who}.days_off"
        yield from _long_past(days_off, where, today)
        yield from _within_others(days_off, where)
        yield from _never_worked(days_off, where, person, today)


def _entries(plain: Any) -> list[Days]:
    """Each entry of a list of dates by itself, in the order of the file."""
    return [Days.parse([part]) for part in (plain if isinstance(plain, list) else [plain] if plain else [])]


def _dated(entry: Days) -> bool:
    return not entry.ranges[0].yearly


def _coming(entries: Sequence[Days], today: date) -> list[Days]:
    return [entry for entry in entries if _dated(entry) and entry.ranges[0].last >= today]


def _long_past(entries: Sequence[Days], where: str, today: date) -> Iterator[Finding]:
    for place, entry in enumerate(entries):
        if _dated(entry) and entry.ranges[0].last < today - LONG_AGO:
            yield Finding(
                code="SOP502",
                where=f"{where}.{place}",
                message=f"{entry} is long past.",
                fix="Take it out, or correct the year; MM-DD is every year.",
            )


def _within_others(entries: Sequence[Days], where: str) -> Iterator[Finding]:
    """Dates that another entry has already."""
    for place, entry in enumerate(entries):
        for other_place, other in enumerate(entries):
            twice = entry == other and other_place < place
            if twice or (entry != other and _within(entry, other)):
                yield Finding(
                    code="SOP503",
                    where=f"{where}.{place}",
                    message=f"{entry} changes nothing: {other} has it already.",
                    fix="Take one of the two out.",
                )
                break


def _within(entry: Days, other: Days) -> bool:
    if not _dated(entry) and _dated(other):
        return False
    return all(day in other for day in _days(entry))


def _days(entry: Days) -> Iterator[date]:
    one = entry.ranges[0]
    last = one.last if one.first <= one.last else one.last.replace(year=one.last.year + 1)
    yield from (one.first + timedelta(days=n) for n in range((last - one.first) // ONE_DAY + 1))


def _never_worked(entries: Sequence[Days], where: str, person: Interviewer, today: date) -> Iterator[Finding]:
    """Days off on weekdays that are off anyway."""
    for place, entry in enumerate(entries):
        ahead = _dated(entry) and entry.ranges[0].last >= today
        if ahead and person.working_hours and not any(person.working_hours.on(day) for day in _days(entry)):
            yield Finding(
                code="SOP503",
                where=f"{where}.{place}",
                message=f"{entry} takes nothing away: {person.name} works only {person.working_hours}.",
                fix="Correct the date, or take it out.",
            )
