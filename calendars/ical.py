"""Our events as iCalendar text and back (RFC 5545), and read-only exports. Busy times of people's own files: `ical_busy.py`.

An event of ours carries its key in its UID and two properties of ours: the revision, because calendar apps raise SEQUENCE
themselves, and the fingerprint of what we wrote, by which a person's change is told from an app's rewriting.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, vCalAddress
from icalendar import Event as Component

from calendars.base import Event, EventKey, EventState, Response, fingerprint
from calendars.vtimezone import vtimezone
from domain.errors import CalendarRefused
from domain.model import Interval

PRODUCT = "-//Mock Interview Scheduler//EN"
MAX_BYTES = 20_000_000  # no calendar file of a person is larger; what is, is no calendar
DOMAIN = "mock-interview-scheduler"
_UTC = ZoneInfo("UTC")
LAST_YEAR = 9000  # before the calendar of this language ends
_UID = re.compile(rf"([0-9A-Za-z-]{{1,64}})-(\d{{1,9}})@{DOMAIN}")
_REVISION, _FINGERPRINT = "X-INTERVIEW-REVISION", "X-INTERVIEW-FINGERPRINT"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff]")  # no text of RFC 5545 may hold them
_ADDRESS = re.compile(r"[^\s<>\"\\,;\x00-\x1f\x7f]+@[^\s<>\"\\,;\x00-\x1f\x7f]+")
_BEGINS, _ENDS = re.compile(r"^BEGIN:(\S+)", re.MULTILINE), re.compile(r"^END:(\S+)", re.MULTILINE)
_RESPONSES = {
    "ACCEPTED": Response.ACCEPTED,
    "TENTATIVE": Response.TENTATIVE,
    "DECLINED": Response.DECLINED,
}
_PARTSTAT = {response: word for word, response in _RESPONSES.items()} | {Response.NONE: "NEEDS-ACTION"}
_LIBRARY_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)  # its ways to say no
_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "FREEBUSY")
_ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_OURS = (
    "UID", "SUMMARY", "DESCRIPTION", "DTSTART", "DTEND", "DURATION", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "STATUS",
    "TRANSP", "ORGANIZER", "ATTENDEE", _REVISION, _FINGERPRINT,
)  # fmt: skip


class BrokenCalendar(ValueError):
    """This is no iCalendar text that can be relied on; the message says where it goes wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An event that was read: its state, whether it still says what we wrote, and the text it came from."""

    state: EventState
    intact: bool
    sequence: int
    source: Calendar

    def says(self, event: Event) -> bool:
        """Whether it is this event in this revision, untouched: nothing is left to be written."""
        return self.intact and self.state.revision == event.revision and _mark(event) == _mark_of(self.state)


def uid(key: EventKey) -> str:
    """The UID of an event for life."""
    made = f"{key}@{DOMAIN}"
    if not _UID.fullmatch(made):
        raise CalendarRefused(f"{key.interview!r} cannot be an interview's id", reason="badKey")
    return made


def key_of(text: str) -> EventKey | None:
    """The key in a UID of ours; None for anybody else's."""
    match = _UID.fullmatch(text.strip())
    return EventKey(interview=match[1], generation=int(match[2])) if match else None


def write(event: Event, *, stamp: datetime, organiser: str = "", found: Found | None = None) -> bytes:
    """The event as a VCALENDAR with its time zone. `found` is what it replaces: what people added to it (a colour, alarms)
    stays, and so do their answers unless the time is another. `stamp` is now, `organiser` an address or empty."""
    calendar = _empty() if found is None else found.source
    component = Component() if found is None else _main(found.source)
    for name in _OURS:
        component.pop(name, None)
    _describe(component, event, stamp)
    component.add("sequence", event.revision if found is None else max(event.revision, found.sequence + 1))
    component.add(_REVISION, str(event.revision))
    component.add(_FINGERPRINT, _mark(event))
    _invite(component, event, organiser, found)
    if found is None:
        for minutes in event.reminders:
            component.add_component(_alarm(event.title, minutes))
        calendar.add_component(component)
    _add_zones(calendar, [event])
    text: bytes = calendar.to_ical()
    return text


def read(data: bytes, *, handle: str, etag: str, zone: ZoneInfo, link: str = "") -> Found | None:
    """The event in a text, None when there is none; `zone` is where its all-day and floating times lie. An event without a
    length is told as a minute long. `BrokenCalendar` when it cannot be read."""
    source = parse(data)
    component = _main(source)
    if component is None:
        return None
    state = EventState(
        key=key_of(str(component.get("UID", ""))),
        handle=handle,
        etag=etag,
        interval=_interval(component, zone),
        title=str(component.get("SUMMARY", "")),
        description=str(component.get("DESCRIPTION", "")),
        cancelled=str(component.get("STATUS", "")).upper() == "CANCELLED",
        responses=dict(answers(component)),
        revision=_number(component, _REVISION),
        link=link,
    )
    repeated = any(name in component for name in ("RRULE", "RDATE"))
    intact = not repeated and not state.cancelled and component.get(_FINGERPRINT) == _mark_of(state)
    return Found(state=state, intact=intact, sequence=_number(component, "SEQUENCE"), source=source)


def export(name: str, events: Iterable[Event], *, stamp: datetime) -> bytes:
    """A calendar file to be read by any app: each event with its zone, without guests and alarms (it is a publication,
    not an invitation), under the UID that the event has everywhere."""
    listed = list(events)
    calendar = _empty()
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", clean(name))
    for event in listed:
        component = Component()
        _describe(component, event, stamp)
        component.add("sequence", event.revision)
        calendar.add_component(component)
    _add_zones(calendar, listed)
    text: bytes = calendar.to_ical()
    return text


def parse(data: bytes) -> Calendar:
    """A text as one calendar (several in one text are joined); `BrokenCalendar` unless all its times can be relied on."""
    calendars = _calendars(data)
    if not calendars or any(part.name != "VCALENDAR" for part in calendars):
        raise BrokenCalendar("it is no iCalendar text")
    first: Calendar = calendars[0]
    for other in calendars[1:]:
        first.subcomponents.extend(other.subcomponents)
    for component in first.walk():
        if component.name in ("VEVENT", "VFREEBUSY"):
            _check_times(component)
    return first


def answers(component: Any) -> Iterable[tuple[str, Response]]:
    """Who is invited and what they have answered, by address in lower case."""
    for guest in as_list(component.get("ATTENDEE")):
        address = re.sub("^mailto:", "", str(guest), flags=re.IGNORECASE).strip().lower()
        yield address, _RESPONSES.get(str(guest.params.get("PARTSTAT", "")).upper(), Response.NONE)


def as_list(value: Any) -> list[Any]:
    """A property as the library gives it (nothing, one or a list of them) as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


def clean(text: str) -> str:
    """Text as iCalendar can hold it: line ends as LF, no control characters."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def to_utc(value: date | datetime, zone: ZoneInfo) -> datetime:
    """The instant of a time of a calendar file: a date is its local midnight, a time without a zone is local too."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone comes on the next line
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _calendars(data: bytes) -> list[Any]:
    if len(data) > MAX_BYTES:
        raise BrokenCalendar(f"it has more than {MAX_BYTES // 1_000_000} MB")
    try:
        text = data.decode("utf-8-sig")
        calendars: list[Any] = Calendar.from_ical(text, multiple=True)
    except UnicodeDecodeError as error:
        raise BrokenCalendar(f"it is not UTF-8 text (byte {error.start})") from error
    except _LIBRARY_ERRORS as error:
        raise BrokenCalendar(str(error).splitlines()[0][:200] if str(error) else "it is no iCalendar text") from error
    if Counter(_BEGINS.findall(text.upper())) != Counter(_ENDS.findall(text.upper())):
        raise BrokenCalendar("it ends in the middle")  # the library would leave out what is not closed
    return calendars


def _empty() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    return calendar


def _describe(component: Component, event: Event, stamp: datetime) -> None:
    component.add("uid", uid(event.key))
    component.add("dtstamp", stamp.astimezone(UTC))
    component.add("last-modified", stamp.astimezone(UTC))
    component.add("dtstart", _local(event.start, event.timezone))
    component.add("dtend", _local(event.end, event.timezone))
    component.add("summary", clean(event.title))
    component.add("description", clean(event.description))
    component.add("status", "CONFIRMED")
    component.add("transp", "OPAQUE")


def _local(moment: datetime, timezone: str) -> datetime:
    """The wall time in the event's zone; UTC for the second of two equal wall times, which iCalendar cannot name."""
    there = moment.astimezone(ZoneInfo(timezone))
    return there if not there.fold else moment.astimezone(UTC)


def _invite(component: Component, event: Event, organiser: str, found: Found | None) -> None:
    kept = found.state.responses if found and found.state.interval == event.interval else {}
    if organiser:
        component.add("organizer", vCalAddress(f"mailto:{_address(organiser)}"))
    for guest in event.attendees:
        address = vCalAddress(f"mailto:{_address(guest.email)}")
        address.params["CN"] = clean(guest.name).replace('"', "'").replace("\n", " ")
        address.params["PARTSTAT"] = _PARTSTAT[kept.get(guest.email.lower(), Response.NONE)]
        address.params["ROLE"] = "REQ-PARTICIPANT"
        component.add("attendee", address)


def _address(email: str) -> str:
    if not _ADDRESS.fullmatch(email):
        raise CalendarRefused(f"{email!r} cannot be an email address", reason="badAddress")
    return email


def _alarm(title: str, minutes: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", clean(title))
    alarm.add("trigger", -timedelta(minutes=minutes))
    return alarm


def _add_zones(calendar: Calendar, events: Iterable[Event]) -> None:
    """The zones of these events, for the years round them; a zone that the text already has is made anew."""
    years: dict[str, list[int]] = {}
    for event in events:
        if event.timezone != "UTC":
            years.setdefault(event.timezone, []).extend((event.start.year, event.end.year))
    kept = [part for part in calendar.subcomponents if part.name != "VTIMEZONE" or part.get("TZID") not in years]
    zones = [vtimezone(name, min(found) - 1, max(found) + 1) for name, found in sorted(years.items())]
    calendar.subcomponents = [*zones, *kept]


def _main(calendar: Calendar) -> Any:
    """The event that a file is about: the first that is no moved instance of a series."""
    events = calendar.walk("VEVENT")
    return next((event for event in events if "RECURRENCE-ID" not in event), events[0] if events else None)


def _interval(component: Any, zone: ZoneInfo) -> Interval:
    began, ended = to_utc(component["DTSTART"].dt, zone), to_utc(_end(component), zone)
    return Interval(start=began, end=max(ended, began + timedelta(minutes=1)))


def _end(component: Any) -> Any:
    """When an event ends, a date or a time like its start. A day without an end lasts that day."""
    start = component["DTSTART"].dt
    if "DTEND" in component:
        return component["DTEND"].dt
    if "DURATION" in component:
        return start + component["DURATION"].dt
    return start if isinstance(start, datetime) else start + timedelta(days=1)


def _number(component: Any, name: str) -> int:
    text = str(component.get(name, "0"))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _mark(event: Event) -> str:
    """The fingerprint of an event as it comes back from a file."""
    emails = [guest.email for guest in event.attendees]
    return fingerprint(clean(event.title), clean(event.description), event.interval, emails)


def _mark_of(state: EventState) -> str:
    return fingerprint(state.title, state.description, state.interval, state.responses)


def _check_times(component: Any) -> None:
    """Refuse what the library forgives: times it could not read, and zones that nobody knows (it reads those as floating)."""
    for name, why in component.errors:  # without a name when it could not even make out the property
        if any(time in (name or why).upper() for time in _TIMES):
            raise BrokenCalendar(f"{name or 'a time'} cannot be read: {str(why)[:200]}")
    for name in _ONCE:
        if isinstance(component.get(name), list):
            raise BrokenCalendar(f"an event has more than one {name}")
    for value in (value for name in _TIMES for value in as_list(component.get(name))):
        named = value.params.get("TZID") if hasattr(value, "params") else None
        moments = [each.dt for each in value.dts] if hasattr(value, "dts") else [getattr(value, "dt", None)]
        if named and any(isinstance(moment, datetime) and moment.tzinfo is None for moment in moments):
            raise BrokenCalendar(f"it names the time zone {str(named)[:60]!r}, which is not known")
    if component.name == "VEVENT":
        _check_order(component)


def _check_order(event: Any) -> None:
    if "DTSTART" not in event:
        raise BrokenCalendar("an event has no DTSTART")
    start = event["DTSTART"].dt
    if not isinstance(start, date) or not 1 < start.year < LAST_YEAR:  # a period is no start
        raise BrokenCalendar(f"an event starts at {start}")
    try:
        end = _end(event)
    except OverflowError as error:
        raise BrokenCalendar("an event never ends") from error
    if isinstance(start, datetime) != isinstance(end, datetime) or to_utc(end, _UTC) < to_utc(start, _UTC):
        raise BrokenCalendar(f"an event ends before it starts ({start} to {end})")
    if end.year > LAST_YEAR:
        raise BrokenCalendar("an event never ends")
