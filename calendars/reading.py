"""One read of busy times: what is asked for, and how the answers go together. When it is made again is the doorway's to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from calendars.base import Busy, Calendar, Unknown
from calendars.ical_busy import merged
from domain.errors import CalendarAuthError, CalendarBusy, CalendarError
from domain.model import Interval

# Reads are widened to whole weeks up to this length, so that the next candidate's may be spared.
ROUNDED = timedelta(days=56)
PARTLY = "partly"  # why a read is made again: for some of its calendars only


async def ask(calendar: Calendar, names: Sequence[str], span: Interval, read: dict[str, Busy]) -> None:
    """Put into `read` what is not in it yet or may be had now. `CalendarBusy` when asking once more may do; where others have
    answered its reason is `PARTLY`, for what fails is no more than those calendars."""
    left = [name for name in names if _may_pass(read.get(name))]
    try:
        read.update(await calendar.busy(left, span))
    except CalendarBusy as error:
        if not read:
            raise
        raise CalendarBusy(str(error), reason=PARTLY, retry_at=error.retry_at) from error
    if any(_may_pass(read[name]) for name in left):
        raise CalendarBusy("some calendars could not be read", reason=PARTLY)


def _may_pass(busy: Busy | None) -> bool:
    return busy is None or (isinstance(busy, Unknown) and busy.passing)


def rounded(span: Interval) -> Interval:
    """The whole weeks (from Monday, UTC) round a span, or the span itself when they would be too many."""
    day = timedelta(days=1)
    start = span.start.replace(hour=0, minute=0, second=0, microsecond=0) - span.start.weekday() * day
    last = span.end.replace(hour=0, minute=0, second=0, microsecond=0)
    end = last + (7 - last.weekday()) * day
    return Interval(start=start, end=end) if end - start <= ROUNDED else span


def joined(parts: Sequence[Busy], span: Interval) -> Busy:
    """The answers of all calendars of a person as one: unknown when any of them is."""
    unread = [part for part in parts if isinstance(part, Unknown)]
    if unread:
        return unread[0]
    times = [time for part in parts if not isinstance(part, Unknown) for time in part]
    return tuple(time for time in merged(times) if time.meets(span))


def unreadable(provider: str, error: CalendarError) -> Unknown:
    """The answer for every calendar of an account that may not be asked."""
    cure = f"Check that the account set up for {provider} may read this calendar."
    if isinstance(error, CalendarAuthError):
        cure = f"Run `python main.py connect {provider}`."
    return Unknown(reason=str(error), cure=cure, calendar=provider)


def named(busy: Busy, calendar: str) -> Busy:
    """An answer that says whose it is when it is unknown."""
    return replace(busy, calendar=calendar) if isinstance(busy, Unknown) and not busy.calendar else busy
