"""What a calendar app does to `.ics` texts for a person: makes events of theirs, moves, renames, answers. Shared by harnesses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from icalendar import Calendar

from calendars.base import Response
from domain.model import Interval
from tests.contract.harness import NOW, Kind, Own, email, owner


def moved(text: bytes, interval: Interval) -> bytes:
    """The same event at another time."""
    calendar, event = _opened(text)
    for name, moment in (("DTSTART", interval.start), ("DTEND", interval.end)):
        del event[name]
        event.add(name, moment)
    return _saved(calendar)


def renamed(text: bytes, title: str) -> bytes:
    """The same event with another title."""
    calendar, event = _opened(text)
    event["SUMMARY"] = title
    return _saved(calendar)


def answered(text: bytes, who: str, response: Response) -> bytes:
    """The same event with a guest's answer."""
    calendar, event = _opened(text)
    (guest,) = [one for one in event["ATTENDEE"] if email(who) in one]
    guest.params["PARTSTAT"] = response.value.upper()
    return _saved(calendar)


def listed(text: bytes) -> list[tuple[str, Interval]]:
    """The titles and times of the events in a text."""
    events: list[Any] = Calendar.from_ical(text).walk("VEVENT")
    return [(str(event["SUMMARY"]), Interval(start=event["DTSTART"].dt, end=event["DTEND"].dt)) for event in events]


def _opened(text: bytes) -> tuple[Any, Any]:
    calendar = Calendar.from_ical(text)
    return calendar, calendar.walk("VEVENT")[0]


def _saved(calendar: Any) -> bytes:
    made: bytes = calendar.to_ical()
    return made


def own_event(who: str, own: Own, title: str = "Own") -> str:
    """A person's own event as an app of theirs would export it, with its zone."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Somebody//Their app//EN", "BEGIN:VEVENT", f"UID:{uuid4()}"]
    lines += [f"DTSTAMP:{_utc(NOW)}", f"SUMMARY:{title}", *_times(who, own), *_kind(who, own.kind)]
    if own.weekly > 1:
        lines.append(f"RRULE:FREQ=WEEKLY;COUNT={own.weekly}")
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""])


def _times(who: str, own: Own) -> list[str]:
    if own.day is not None:
        after = own.day + timedelta(days=1)
        return [f"DTSTART;VALUE=DATE:{own.day:%Y%m%d}", f"DTEND;VALUE=DATE:{after:%Y%m%d}"]
    assert own.interval is not None
    zone = owner(who).zone
    moments = (own.interval.start.astimezone(zone), own.interval.end.astimezone(zone))
    names = ("DTSTART", "DTEND")
    return [f"{name};TZID={zone.key}:{moment:%Y%m%dT%H%M%S}" for name, moment in zip(names, moments, strict=True)]


def _kind(who: str, kind: Kind) -> list[str]:
    return {
        Kind.BUSY: [],
        Kind.FREE: ["TRANSP:TRANSPARENT"],
        Kind.CANCELLED: ["STATUS:CANCELLED"],
        Kind.DECLINED: ["ORGANIZER:mailto:boss@example.com", f"ATTENDEE;PARTSTAT=DECLINED:mailto:{email(who)}"],
        Kind.TENTATIVE: ["STATUS:TENTATIVE"],
    }[kind]


def _utc(moment: datetime) -> str:
    return re.sub(r"[-:]|\+.*", "", moment.astimezone(UTC).isoformat()) + "Z"
