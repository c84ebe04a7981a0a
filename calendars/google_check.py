"""Checks a connection to Google: which calendars it sees, whether free/busy can be read and an event be written.

The write is a real one: an event of a minute without guests, taken away again at once. Words for people are made here; who shows
them is the caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from calendars.base import Unknown
from calendars.google import GoogleCalendar
from domain.errors import CalendarError
from domain.model import Interval

_PAGE = 250
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenCalendar:
    """A calendar on the account's list. `role` is Google's word: `owner`, `writer`, `reader` or `freeBusyReader`."""

    id: str
    name: str
    role: str
    primary: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What was found. `problems` is empty when all is well; each is a sentence that says what to do."""

    calendars: Sequence[SeenCalendar] = ()
    problems: Sequence[str] = field(default=())


async def check(calendar: GoogleCalendar, *, now: datetime, people: Sequence[str] = ()) -> Check:
    """List the account's calendars, read the free/busy of its own calendar and of `people`, write and delete an event.
    Nothing is raised for what is wrong: it becomes a problem in words. `now` (aware) is where the read begins."""
    problems: list[str] = []
    calendars: Sequence[SeenCalendar] = ()
    try:
        calendars = await _listed(calendar)
    except CalendarError as error:
        problems.append(f"The list of calendars cannot be read. {error}.")
    problems += await _reading(calendar, now, people)
    problems += await _writing(calendar, now)
    return Check(calendars=calendars, problems=tuple(dict.fromkeys(problems)))


async def _listed(calendar: GoogleCalendar) -> Sequence[SeenCalendar]:
    seen: list[SeenCalendar] = []
    query: dict[str, object] = {"maxResults": _PAGE}
    while True:
        page = await calendar.wire.call(lambda api: api.calendarList().list(**query))
        seen += [
            SeenCalendar(
                id=raw["id"],
                name=raw.get("summaryOverride") or raw.get("summary") or raw["id"],
                role=raw.get("accessRole") or "",
                primary=bool(raw.get("primary")),
            )
            for raw in page.get("items") or ()
        ]
        if not page.get("nextPageToken"):
            return seen
        query["pageToken"] = page["nextPageToken"]


async def _reading(calendar: GoogleCalendar, now: datetime, people: Sequence[str]) -> Sequence[str]:
    try:
        busy = await calendar.busy([calendar.calendar, *people], Interval(start=now, end=now + _AHEAD))
    except CalendarError as error:
        return [f"Busy times cannot be read. {error}."]
    unknown = [(name, told) for name, told in busy.items() if isinstance(told, Unknown)]
    return [f"Busy times of {name} cannot be read: {told.reason}. {told.cure}" for name, told in unknown]


async def _writing(calendar: GoogleCalendar, now: datetime) -> Sequence[str]:
    place = {"calendarId": calendar.calendar, "sendUpdates": "none"}
    edges = {
        name: {"dateTime": moment.isoformat()} for name, moment in (("start", now), ("end", now + timedelta(minutes=1)))
    }
    event_id = f"check{uuid4().hex}"
    body = {"id": event_id, "summary": "Connection check", "transparency": "transparent", **edges}
    try:
        await calendar.wire.call(lambda api: api.events().insert(body=body, **place))
    except CalendarError as error:
        return [f"Events cannot be written to the calendar {calendar.calendar}. {error}."]
    try:
        await calendar.wire.call(lambda api: api.events().delete(eventId=event_id, **place))
    except CalendarError as error:
        return [f"The event 'Connection check' could not be taken away again; please delete it. {error}."]
    return []
