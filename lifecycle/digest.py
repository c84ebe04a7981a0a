"""When admins are told what the day brings: each morning, also where nobody was there to do it at that very minute."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from utils import instant

LATEST = timedelta(hours=4)  # after its time: later there is little left of the day to tell of


def due(now: datetime, tz: ZoneInfo, at: int | None, last: datetime | None) -> date | None:
    """The day that is to be told of now, None when none is.

    `at` is when, in minutes after midnight in `tz` (None: never), `last` when it was done last. A time that a clock change skips
    comes an hour later on the clock, one that comes twice counts the first time.
    """
    day = now.astimezone(tz).date()
    if at is None or (last is not None and last.astimezone(tz).date() >= day):
        return None
    begin = instant(day, at, tz)
    return day if begin <= now < begin + LATEST else None
