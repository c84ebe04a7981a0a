"""Checks a connection to Outlook: which calendars it sees, whether Teams links can be made, busy times read and an event written.

The write is a real one: an event of a minute without guests, taken away again at once. Words for people are made here; who shows
them is the caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from calendars.base import Unknown
from calendars.outlook import OutlookCalendar
from calendars.outlook_events import wire_utc
from calendars.outlook_http import PAGE
from domain.errors import CalendarAuthError, CalendarError
from domain.model import Interval

_AHEAD = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenCalendar:
    """A calendar that the account sees. `id` is the owner's address, `role` is `writer` or `reader`, `primary` the one that
    events go to; `meetings` says whether Teams links can be made in it."""

    id: str
    name: str
    role: str
    primary: bool
    meetings: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What was found. `problems` is empty when all is well; each is a sentence that says what to do."""

    calendars: Sequence[SeenCalendar] = ()
    problems: Sequence[str] = ()


async def check(calendar: OutlookCalendar, *, now: datetime, people: Sequence[str] = ()) -> Check:
    """List the account's calendars, read the busy times of its owner and of `people`, write and delete an event. Nothing is
    raised for what is wrong: it becomes a problem in words. `now` (aware) is where the read begins."""
    problems: list[str] = []
    calendars: Sequence[SeenCalendar] = ()
    try:
        calendars = await _listed(calendar)
    except CalendarAuthError as error:
        return Check(problems=(f"{error}.",))  # nothing else can be found out
    except CalendarError as error:
        problems.append(f"The list of calendars cannot be read. {error}.")
    own = [seen for seen in calendars if seen.primary]
    if any(not seen.meetings for seen in own):
        problems.append("Teams links cannot be made in this calendar: give the account a licence that includes Teams.")
    asked = [*(seen.id for seen in own), *people]
    problems += await _reading(calendar, now, asked)
    problems += await _writing(calendar, now)
    return Check(calendars=calendars, problems=tuple(dict.fromkeys(problems)))


async def _listed(calendar: OutlookCalendar) -> Sequence[SeenCalendar]:
    answer = await calendar.graph.pages(f"{calendar.mailbox}/calendars", params={"$top": str(PAGE)})
    return [
        SeenCalendar(
            id=(raw.get("owner") or {}).get("address") or "",
            name=raw.get("name") or "",
            role="writer" if raw.get("canEdit") else "reader",
            primary=bool(raw.get("isDefaultCalendar")),
            meetings="teamsForBusiness" in (raw.get("allowedOnlineMeetingProviders") or ()),
        )
        for raw in answer.rows
    ]


async def _reading(calendar: OutlookCalendar, now: datetime, people: Sequence[str]) -> Sequence[str]:
    try:
        busy = await calendar.busy(people, Interval(start=now, end=now + _AHEAD))
    except CalendarError as error:
        return [f"Busy times cannot be read (personal Microsoft accounts have none to give). {error}."]
    unknown = [(name, told) for name, told in busy.items() if isinstance(told, Unknown)]
    return [f"Busy times of {name} cannot be read: {told.reason}. {told.cure}" for name, told in unknown]


async def _writing(calendar: OutlookCalendar, now: datetime) -> Sequence[str]:
    event = {
        "subject": "Connection check",
        "start": wire_utc(now),
        "end": wire_utc(now + timedelta(minutes=1)),
        "showAs": "free",
        "isReminderOn": False,
    }
    try:
        made = await calendar.graph.call("POST", f"{calendar.mailbox}/calendar/events", json=event)
    except CalendarError as error:
        return [f"Events cannot be written. {error}."]
    try:
        await calendar.graph.call("DELETE", calendar.path(made["id"]))
    except CalendarError as error:
        return [f"The event 'Connection check' could not be taken away again; please delete it. {error}."]
    return []
