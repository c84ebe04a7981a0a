"""When the admins' desk is staffed: hours by weekday in one zone, and not on holidays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.hours import WeekHours
from domain.model import Interval
from utils import instant

_AHEAD = 400  # days that are looked through; a desk that is closed for longer is closed for good


class Dates(Protocol):
    """Something that knows whether a date is in it."""

    def __contains__(self, day: date, /) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskHours:
    """`hours` are wall times in `zone`. Lengths are elapsed time while the desk is staffed."""

    hours: WeekHours
    zone: ZoneInfo
    holidays: Dates = ()

    def stretches(self, start: datetime) -> Iterator[Interval]:
        """The stretches in which the desk is staffed from a moment on, the first cut to begin there."""
        today = start.astimezone(self.zone).date()
        for day in (today + timedelta(days=number) for number in range(_AHEAD)):
            for span in () if day in self.holidays else self.hours.on(day):
                first = max(instant(day, span.start, self.zone), start)
                last = instant(day, span.end, self.zone)
                if first < last:
                    yield Interval(start=first, end=last)

    def is_open(self, moment: datetime) -> bool:
        """Whether somebody is at the desk."""
        first = next(self.stretches(moment), None)
        return first is not None and first.start <= moment

    def after(self, start: datetime, length: timedelta) -> datetime | None:
        """When the desk has been staffed for so long since `start`; None when it never will."""
        for one in self.stretches(start):
            if one.end - one.start >= length:
                return one.start + length
            length -= one.end - one.start
        return None
