"""Events in Google Calendar's words, and back: pure translation. The calls are made in `google.py`.

What we keep about an event (key, revision and fingerprint) lies in its private extended properties. The key is also in its id,
because of a deleted event Google may remember nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from calendars.base import Attendee, Event, EventKey, EventState, Response, fingerprint
from domain.model import Interval

Json = Mapping[str, Any]

MOST_REMINDERS = 5
LONGEST_REMINDER = 40320  # minutes: four weeks
_ID = re.compile(r"iv([0-9a-f]{32})g([1-9][0-9]*)")
_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
}


def event_id(key: EventKey) -> str:
    """The id of the event under a key. Google takes the digits and the letters a to v, five or more."""
    return f"iv{UUID(key.interview).hex}g{key.generation}"


def key_of(raw: Json) -> EventKey | None:
    """Whose event it is: by our properties, which a copy made by a person keeps as well, else by its id."""
    ours = _ours(raw)
    if ours.get("interview") and str(ours.get("generation", "")).isdigit():
        return EventKey(interview=ours["interview"], generation=int(ours["generation"]))
    match = _ID.fullmatch(raw["id"])
    return EventKey(interview=str(UUID(match[1])), generation=int(match[2])) if match else None


def new_event(event: Event) -> dict[str, Any]:
    """The body of the request that creates an event."""
    return {"id": event_id(event.key), "attendees": [_guest(one) for one in event.attendees]} | _said(event, raw={})


def changed_event(event: Event, *, raw: Json) -> dict[str, Any]:
    """The body of the patch that brings the event in `raw` to what `event` says. The guests are left out while they are the
    same: a list without their answers would take those back."""
    body = _said(event, raw=raw)
    for edge in ("start", "end"):
        body[edge]["date"] = None  # a person may have made it last whole days
    now = {guest["email"].lower(): guest for guest in raw.get("attendees") or ()}
    if set(now) != {guest.email.lower() for guest in event.attendees}:
        body["attendees"] = [now.get(guest.email.lower()) or _guest(guest) for guest in event.attendees]
    return body


def state_of(raw: Json, zone: ZoneInfo) -> EventState:
    """An event as Google shows it; `zone` is the calendar's, in which all-day events lie."""
    return EventState(
        key=key_of(raw),
        handle=raw["id"],
        etag=raw.get("etag") or "",
        interval=interval_of(raw, zone),
        title=raw.get("summary") or "",
        description=raw.get("description") or "",
        cancelled=is_cancelled(raw),
        responses={
            guest["email"].lower(): _RESPONSES.get(guest.get("responseStatus", ""), Response.NONE)
            for guest in raw.get("attendees") or ()
            if guest.get("email")
        },
        revision=revision_of(raw),
        link=raw.get("htmlLink") or "",
        meeting=_meeting(raw),
    )


def interval_of(raw: Json, zone: ZoneInfo) -> Interval:
    """When an event is; one of no length counts as a minute, because an interval has to have one."""
    start, end = _instant(raw["start"], zone), _instant(raw["end"], zone)
    return Interval(start=start, end=max(end, start + timedelta(minutes=1)))


def is_cancelled(raw: Json) -> bool:
    return raw.get("status") == "cancelled"


def is_all_day(raw: Json) -> bool:
    return "date" in (raw.get("start") or {})


def has_times(raw: Json) -> bool:
    """Of a deleted event the times may be forgotten."""
    return bool(raw.get("start") and raw.get("end"))


def revision_of(raw: Json) -> int:
    revision = str(_ours(raw).get("revision", ""))
    return int(revision) if revision.isdigit() else 0


def fingerprint_of(raw: Json, zone: ZoneInfo) -> str:
    """What the event says now."""
    emails = [guest.get("email") or "" for guest in raw.get("attendees") or ()]
    return fingerprint(raw.get("summary") or "", raw.get("description") or "", interval_of(raw, zone), emails)


def is_intact(raw: Json, zone: ZoneInfo) -> bool:
    """Whether it still says what we wrote."""
    return _ours(raw).get("fingerprint") == fingerprint_of(raw, zone)


def _said(event: Event, *, raw: Json) -> dict[str, Any]:
    """What a new event and a changed one have in common."""
    body: dict[str, Any] = {
        "summary": event.title,
        "description": event.description,
        "start": _edge(event.start, event.timezone),
        "end": _edge(event.end, event.timezone),
        "reminders": {"useDefault": False, "overrides": _reminders(event)},
        "extendedProperties": {
            "private": {
                "interview": event.key.interview,
                "generation": str(event.key.generation),
                "revision": str(event.revision),
                "fingerprint": event.fingerprint,
            }
        },
    }
    if event.conference and not _has_conference(raw):
        # The same request id is taken for the same request: a repeated insert makes no second link, another revision asks anew.
        request = {
            "requestId": f"{event_id(event.key)}r{event.revision}",
            "conferenceSolutionKey": {"type": "hangoutsMeet"},
        }
        body["conferenceData"] = {"createRequest": request}
    return body


def _ours(raw: Json) -> Mapping[str, str]:
    return (raw.get("extendedProperties") or {}).get("private") or {}


def _guest(guest: Attendee) -> dict[str, str]:
    return {"email": guest.email, "displayName": guest.name}


def _edge(moment: datetime, timezone: str) -> dict[str, Any]:
    """An instant with its offset, which also tells the two apart that a clock change gives the same wall time."""
    return {"dateTime": moment.astimezone(ZoneInfo(timezone)).isoformat(), "timeZone": timezone}


def _reminders(event: Event) -> list[dict[str, Any]]:
    """The soonest ones, as many as Google takes."""
    minutes = sorted({one for one in event.reminders if 0 <= one <= LONGEST_REMINDER})[:MOST_REMINDERS]
    return [{"method": "popup", "minutes": one} for one in minutes]


def _meeting(raw: Json) -> str:
    """The link of the conference: empty while Google is still making it, and when there is none."""
    entries = (raw.get("conferenceData") or {}).get("entryPoints") or ()
    videos = [entry.get("uri") or "" for entry in entries if entry.get("entryPointType") == "video"]
    return raw.get("hangoutLink") or (videos[0] if videos else "")


def _has_conference(raw: Json) -> bool:
    """Whether there is a link or one is being made."""
    asked = (raw.get("conferenceData") or {}).get("createRequest") or {}
    return bool(_meeting(raw)) or (asked.get("status") or {}).get("statusCode") == "pending"


def _instant(edge: Mapping[str, str], zone: ZoneInfo) -> datetime:
    if "date" in edge:
        return datetime.combine(date.fromisoformat(edge["date"]), time(0), tzinfo=zone).astimezone(UTC)
    moment = datetime.fromisoformat(edge["dateTime"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(edge["timeZone"]) if edge.get("timeZone") else zone)
    return moment.astimezone(UTC)
