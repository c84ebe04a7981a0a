"""Calendar files that are damaged in any way are read or refused, quickly, and never with another error."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from calendars.base import Owner
from calendars.folder import skim
from calendars.ical import BrokenCalendar, parse, read
from calendars.ical_busy import blocks, busy_times, merged
from domain.model import Interval

OWNER = Owner(email="asha@example.com", zone=ZoneInfo("Asia/Kolkata"))
SPAN = Interval(start=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))
WHOLE = [path.read_bytes() for path in (Path(__file__).parents[2] / "examples" / "calendars").glob("*/*.ics")]
ODD = b"""RRULE:FREQ=DAILY;UNTIL=20270101
RDATE;VALUE=PERIOD:20270105T090000Z/PT1H
EXDATE;VALUE=DATE:20270105
DURATION:-PT1H
DURATION:P99999999D
DTSTART:00010101T000000
DTEND:99991231T235959Z
RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30
RECURRENCE-ID;RANGE=THISANDFUTURE:20270106T090000Z
DTSTART;VALUE=PERIOD:20270105T090000Z/PT1H
RRULE:FREQ=WEEKLY;INTERVAL=0
RRULE:FREQ=WEEKLY;COUNT=-1
RRULE:FREQ=SECONDLY
DTSTART;VALUE=DATE:99991231
SEQUENCE:x
ATTENDEE:
ATTENDEE;PARTSTAT=DECLINED:
X-WR-TIMEZONE:Nowhere
STATUS:
FREEBUSY:20270105T090000Z/PT1H
BEGIN:VFREEBUSY
END:VFREEBUSY
BEGIN:VEVENT
END:VEVENT
UID:a""".split(b"\n")


def damaged(lots: random.Random) -> bytes:
    """A good file with a few lines lost, doubled, replaced or with a wrong byte."""
    lines = lots.choice(WHOLE).split(b"\r\n")
    for _ in range(lots.randint(1, 4)):
        place, kind = lots.randrange(len(lines)), lots.random()
        if kind < 0.4:
            lines.insert(place, lots.choice([*lines, *ODD]))
        elif kind < 0.6:
            lines[place] = b""
        elif kind < 0.8:
            lines[place] = lots.choice(ODD)
        elif lines[place]:
            at = lots.randrange(len(lines[place]))
            lines[place] = lines[place][:at] + bytes([lots.randrange(256)]) + lines[place][at + 1 :]
    return b"\r\n".join(line for line in lines if line) + b"\r\n"


def outcomes(seed: int, count: int) -> Iterator[bool]:
    """Whether each of so many damaged files could still be read."""
    lots = random.Random(seed)
    for _ in range(count):
        text, began = damaged(lots), time.perf_counter()
        skim("a.ics", (0, 0, 0), text)
        try:
            read(text, handle="a.ics", etag="e", zone=OWNER.zone)
            merged(busy_times(blocks(parse(text), SPAN.start.date(), SPAN.end.date()), OWNER, SPAN))
            yield True
        except BrokenCalendar:
            yield False
        assert time.perf_counter() - began < 2, text


def test_a_damaged_file_is_read_or_refused() -> None:
    assert set(outcomes(seed=1, count=500)) == {True, False}


@pytest.mark.slow
def test_very_many_damaged_files_are_read_or_refused() -> None:
    assert set(outcomes(seed=2, count=20_000)) == {True, False}
