"""A time zone as an iCalendar VTIMEZONE, made from this machine's zone database for the years round an event.

The library's own maker gives the hour after a change of clocks instead of the one before it (RFC 5545 3.6.5 wants the wall time
by the offset *before* the change), so that readers who trust the VTIMEZONE would be an hour off for an hour each spring.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_STEP = timedelta(days=1)  # no zone changes its clocks twice within a day and back


@functools.lru_cache(maxsize=256)
def vtimezone(name: str, first_year: int, last_year: int) -> Timezone:
    """The VTIMEZONE of an IANA zone that is right from the start of the first year to the end of the last (local time)."""
    zone = ZoneInfo(name)
    made = Timezone()
    made.add("tzid", name)
    start = datetime(first_year, 1, 1, tzinfo=zone).astimezone(UTC)
    end = datetime(last_year + 1, 1, 1, tzinfo=zone).astimezone(UTC)
    made.add_component(_observance(start.astimezone(zone), before=start.astimezone(zone)))
    for change in _changes(zone, start, end):
        before = (change - timedelta(microseconds=1)).astimezone(zone)
        made.add_component(_observance(change.astimezone(zone), before=before))
    return made


def _observance(after: datetime, *, before: datetime) -> TimezoneStandard | TimezoneDaylight:
    """What holds from a change on: its start is the wall time that the clocks showed when they were changed."""
    part = TimezoneDaylight() if after.dst() else TimezoneStandard()
    shown = (after.astimezone(UTC) + _offset(before)).replace(tzinfo=None)
    part.add("dtstart", shown.replace(microsecond=0))
    part.add("tzoffsetfrom", _offset(before))
    part.add("tzoffsetto", _offset(after))
    part.add("tzname", after.tzname())
    return part


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants, in UTC, from which another offset or name holds."""
    low = start
    while low < end:
        high = low + _STEP
        if _shown(low, zone) != _shown(high, zone):
            yield _first(zone, low, high)
        low = high


def _first(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second of what holds at `high`, by halving the day before it."""
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (middle, high) if _shown(middle, zone) == _shown(low, zone) else (low, middle)
    return high


def _shown(moment: datetime, zone: ZoneInfo) -> tuple[timedelta, bool, str]:
    there = moment.astimezone(zone)
    return _offset(there), bool(there.dst()), there.tzname() or ""


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()
