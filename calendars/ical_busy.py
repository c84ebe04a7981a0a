"""What in a calendar file makes a person busy. The rule, kind by kind:

    opaque event                      busy
    tentative, out of office, private busy
    transparent, or shown as free     not busy
    cancelled                         not busy
    declined by the calendar's owner  not busy
    all-day                           from local midnight to local midnight in the owner's zone, if opaque
    without a zone (floating)         the wall time in the owner's zone
    repeated                          every instance that is neither excepted nor moved away; a moved one where it went
    without a length                  not busy
    VFREEBUSY                         its periods, except those marked FREE

What cannot be understood (an unknown time zone, a broken rule) is an error and never free time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar

from calendars.base import Owner, Response
from calendars.ical import LAST_YEAR, BrokenCalendar, answers, as_list, to_utc
from domain.model import Interval

MAX_INSTANCES_A_DAY = 96  # every quarter of an hour; a rule with more is a mistake or an attack
MAX_INSTANCES = 100_000  # from the first one on; they are worked out one by one
MAX_LENGTH = timedelta(days=366)  # of one instance of a series
_UTC = ZoneInfo("UTC")
_EDGE = timedelta(days=2)  # floating and all-day times lie up to a day beside their UTC reading
_LENGTH = "X-LENGTH-IN-SECONDS"  # our own note on an event, for as long as it is being read


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A time that is taken, as the file says it (a date, a wall time or an instant), who is invited and who declined."""

    start: date | datetime
    end: date | datetime
    invited: frozenset[str]
    declined: frozenset[str]

    def interval(self, zone: ZoneInfo) -> Interval | None:
        """The time in UTC for somebody in that zone; None when it has no length."""
        start, end = to_utc(self.start, zone), to_utc(self.end, zone)
        return Interval(start=start, end=end) if end > start else None


def blocks(calendar: Calendar, first: date, last: date) -> tuple[Block, ...]:
    """Everything in a calendar that takes time and may touch the days from first to last; `BrokenCalendar` when it cannot
    be told."""
    for event in calendar.walk("VEVENT"):
        _check_rules(event, last)
        _note_length(event)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - _EDGE
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + _EDGE
    try:
        events = recurring_ical_events.of(calendar, components=["VEVENT"]).between(start, end)
    except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
        raise BrokenCalendar(f"a repeated event cannot be worked out: {error}") from error
    return (*(_block(event) for event in events if _takes_time(event)), *_free_busy(calendar))


def busy_times(found: Iterable[Block], owner: Owner, span: Interval, *, invited_only: bool = False) -> list[Interval]:
    """The times of these blocks that meet the span and take time of the owner's: all of them in a calendar of their own,
    only those that they are invited to (`invited_only`) in somebody else's."""
    email = owner.email.lower()
    times = (
        block.interval(owner.zone)
        for block in found
        if email not in block.declined and (not invited_only or email in block.invited)
    )
    return [time for time in times if time is not None and time.meets(span)]


def merged(times: Iterable[Interval]) -> tuple[Interval, ...]:
    """The same time in order, with what overlaps or touches made one."""
    made: list[Interval] = []
    for time in sorted(times):
        if made and time.start <= made[-1].end:
            made[-1] = Interval(start=made[-1].start, end=max(made[-1].end, time.end))
        else:
            made.append(time)
    return tuple(made)


def _takes_time(event: Any) -> bool:
    return (
        str(event.get("STATUS", "")).upper() != "CANCELLED"
        and str(event.get("TRANSP", "")).upper() != "TRANSPARENT"
        and str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() not in {"FREE", "WORKINGELSEWHERE"}
    )


def _block(event: Any) -> Block:
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start
    if _LENGTH in event and isinstance(start, datetime) and start.tzinfo is not None:
        end = start.astimezone(UTC) + timedelta(seconds=int(event[_LENGTH]))
    if end == start and not isinstance(start, datetime):
        end = start + timedelta(days=1)  # some apps write an all-day event so; it ends on the day that it starts on
    responses = dict(answers(event))
    declined = frozenset(who for who, response in responses.items() if response is Response.DECLINED)
    return Block(start=start, end=end, invited=frozenset(responses), declined=declined)


def _note_length(event: Any) -> None:
    """Keep a DURATION of hours where the library, which makes wall times of it, leaves it alone: hours are exact, also over a
    change of clocks (RFC 5545 3.3.6)."""
    length = event["DURATION"].dt if "DURATION" in event else None
    if length is not None and timedelta(0) < length < timedelta(days=1):
        event[_LENGTH] = str(int(length.total_seconds()))


def _free_busy(calendar: Calendar) -> Iterator[Block]:
    nobody: frozenset[str] = frozenset()
    for component in calendar.walk("VFREEBUSY"):
        for period in as_list(component.get("FREEBUSY")):
            start, end = period.dt
            if not 1 < start.year < LAST_YEAR or (isinstance(end, timedelta) and end > MAX_LENGTH):
                raise BrokenCalendar(f"a busy period never ends ({start} to {end})")
            end = start + end if isinstance(end, timedelta) else end
            if str(period.params.get("FBTYPE", "BUSY")).upper() != "FREE":
                yield Block(start=start, end=end, invited=nobody, declined=nobody)


def _check_rules(event: Any, last: date) -> None:
    """Refuse series that nobody's week has: working them out would take all time and memory."""
    rules = as_list(event.get("RRULE"))
    start = to_utc(event["DTSTART"].dt, _UTC)
    length = (
        event["DURATION"].dt if "DURATION" in event else to_utc(event.get("DTEND", event["DTSTART"]).dt, _UTC) - start
    )
    if rules and length > MAX_LENGTH:
        raise BrokenCalendar("a repeated event lasts more than a year")
    for rule in rules:
        a_day = _instances_a_day(rule)
        days = (last - start.date()).days / int((rule.get("INTERVAL") or [1])[0])
        if a_day > MAX_INSTANCES_A_DAY or a_day * days > MAX_INSTANCES:
            raise BrokenCalendar(f"an event is repeated too often, {a_day} times a day since {start:%Y-%m-%d}")


def _instances_a_day(rule: Any) -> int:
    often = str((rule.get("FREQ") or [""])[0]).upper()
    if often in {"SECONDLY", "MINUTELY"} or int((rule.get("INTERVAL") or [1])[0]) < 1:
        raise BrokenCalendar(f"an event is repeated without end ({rule.to_ical().decode()[:80]})")
    hours, minutes, seconds = (len(as_list(rule.get(name))) or 1 for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    return (24 if often == "HOURLY" else hours) * minutes * seconds
