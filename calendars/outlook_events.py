"""Events and times in Microsoft Graph's words, and back: pure translation.

Three things here are not plain: times travel as a wall time with a zone's name beside it; what we keep about an event (its
key, revision and fingerprint) lies in an extended property, its MARK; and the body of an online meeting ends in a block with
the Teams link that has to survive our edits, or the meeting is taken offline. The calls are made in `outlook.py`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

from calendars.base import Event, EventKey, EventState, Response, fingerprint
from calendars.windows_zones import iana_zone, windows_name
from domain.errors import CalendarRefused
from domain.model import Interval

Json = Mapping[str, Any]

MARK = "String {5b1f8a3c-0d57-4f6e-9a34-7c2d1e90b6a8} Name MockInterview"  # the id of our extended property
EXPAND_MARK = f"singleValueExtendedProperties($filter=id eq '{MARK}')"

_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "organizer": Response.ACCEPTED,
    "tentativelyaccepted": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
_MARK = re.compile(r"(\S+)-(\d+) (\d+) ([0-9a-f]{32})")
_TEAMS_LINK = re.compile(r"https://[\w.-]*teams\.(microsoft\.(com|us)|live\.com)/")
_RULE = re.compile(r"_{20,}")  # the line that Teams draws above its block
_BREAKING = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4"}
_SILENT = {"head", "style", "script", "title"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What we keep beside an event: whose it is, and what it said when we last wrote it."""

    key: EventKey
    revision: int
    fingerprint: str

    @classmethod
    def of(cls, event: Event) -> Mark:
        return cls(key=event.key, revision=event.revision, fingerprint=event.fingerprint)

    @classmethod
    def read(cls, raw: Json) -> Mark | None:
        """The mark of an event that was asked for with `EXPAND_MARK`; None when it is not ours."""
        values = {one["id"].lower(): one["value"] for one in raw.get("singleValueExtendedProperties") or ()}
        match = _MARK.fullmatch(values.get(MARK.lower(), ""))
        if not match:
            return None
        key = EventKey(interview=match[1], generation=int(match[2]))
        return cls(key=key, revision=int(match[3]), fingerprint=match[4])

    def __str__(self) -> str:
        return f"{self.key} {self.revision} {self.fingerprint}"


def key_filter(key: EventKey) -> str:
    """The OData filter that finds the events of a key, whatever their revision."""
    start = f"{key} ".replace("'", "''")
    return f"singleValueExtendedProperties/Any(ep: ep/id eq '{MARK}' and startswith(ep/value, '{start}'))"


def key_of(raw: Json) -> EventKey | None:
    """The key of an event by its transaction id: all that a delta answer shows of us."""
    interview, _, generation = (raw.get("transactionId") or "").rpartition("-")
    return EventKey(interview=interview, generation=int(generation)) if interview and generation.isdigit() else None


def new_event(event: Event) -> dict[str, Any]:
    """The body of the request that creates an event."""
    body = changed_event(event, raw={}) | {"transactionId": str(event.key), "showAs": "busy"}
    if event.conference:
        body |= {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"}
    return body


def changed_event(event: Event, *, raw: Json) -> dict[str, Any]:
    """The body of the request that brings the event in `raw` to what `event` says; its Teams block is kept. The
    online meeting itself is left out: Graph takes no second setting of it."""
    start, end = _wire_times(event)
    soonest = min((minutes for minutes in event.reminders if minutes >= 0), default=None)
    return {
        "subject": event.title,
        "body": {"contentType": "html", "content": _rendered(event.description) + _split(_content(raw))[1]},
        "start": start,
        "end": end,
        "attendees": [
            {"type": "required", "emailAddress": {"address": guest.email, "name": guest.name}}
            for guest in event.attendees
        ],
        "isReminderOn": soonest is not None,  # Graph has room for one reminder: the last one before the start
        "reminderMinutesBeforeStart": soonest or 0,
        "singleValueExtendedProperties": [{"id": MARK, "value": str(Mark.of(event))}],
    }


def state_of(raw: Json, *, key: EventKey | None, revision: int) -> EventState:
    """An event as Graph shows it. The etag begins with a fingerprint of what it says: Graph's own change key changes with
    every answer to the invitation as well, and a while after creation when the Teams link is made."""
    return EventState(
        key=key,
        handle=raw["id"],
        etag=f"{fingerprints_of(raw)[0]}.{raw.get('changeKey') or raw.get('@odata.etag') or ''}",
        interval=interval_of(raw),
        title=raw.get("subject") or "",
        description=_text(_split(_content(raw))[0]),
        cancelled=bool(raw.get("isCancelled")),
        responses={
            _address(one): _RESPONSES.get((one.get("status") or {}).get("response", "").lower(), Response.NONE)
            for one in raw.get("attendees") or ()
        },
        revision=revision,
        link=raw.get("webLink") or "",
        meeting=(raw.get("onlineMeeting") or {}).get("joinUrl") or "",
    )


def fingerprints_of(raw: Json) -> tuple[str, str]:
    """What the event says now, without and with its organiser among the invited: a server may drop from the list of those
    invited whoever invites."""
    emails = {_address(one) for one in raw.get("attendees") or ()}
    title, description = raw.get("subject") or "", _text(_split(_content(raw))[0])
    organiser = _address(raw.get("organizer") or {})
    return (
        fingerprint(title, description, interval_of(raw), emails),
        fingerprint(title, description, interval_of(raw), emails | {organiser}),
    )


def interval_of(raw: Json) -> Interval:
    """When an event or a schedule item is. `CalendarRefused` for a zone that nobody knows."""
    try:
        start, end = _instant(raw["start"]), _instant(raw["end"])
    except (ValueError, KeyError, TypeError) as error:
        raise CalendarRefused(f"Outlook's times cannot be read: {error}", reason="unreadable") from error
    return Interval(start=start, end=max(end, start + timedelta(microseconds=1)))  # an entry may last no time at all


def wire_utc(moment: datetime) -> dict[str, str]:
    """An instant as a `dateTimeTimeZone` in UTC."""
    return {"dateTime": moment.astimezone(UTC).replace(tzinfo=None).isoformat(), "timeZone": "UTC"}


def _wire_times(event: Event) -> tuple[dict[str, str], dict[str, str]]:
    """Start and end in the event's zone under its Windows name, where both are the same instants there; else in UTC.

    A wall time carries no offset, so the hour that is told twice when the clocks go back cannot be said in the zone itself;
    and a few IANA zones share a Windows name with one that has another offset.
    """
    name, here = windows_name(event.timezone), ZoneInfo(event.timezone)
    moments = event.interval.start, event.interval.end
    if name is None or not all(_same_there(moment, here, iana_zone(name)) for moment in moments):
        return wire_utc(moments[0]), wire_utc(moments[1])
    walls = [moment.astimezone(here).replace(tzinfo=None).isoformat() for moment in moments]
    return {"dateTime": walls[0], "timeZone": name}, {"dateTime": walls[1], "timeZone": name}


def _same_there(moment: datetime, here: ZoneInfo, there: ZoneInfo) -> bool:
    wall = moment.astimezone(here)
    offsets = {wall.replace(tzinfo=zone, fold=fold).utcoffset() for zone in (here, there) for fold in (0, 1)}
    return len(offsets) == 1


def _instant(value: Json) -> datetime:
    """The instant of a `dateTimeTimeZone`; its seven digits of a second are one more than Python keeps."""
    wall = datetime.fromisoformat(value["dateTime"])
    if wall.tzinfo is None:
        wall = wall.replace(tzinfo=iana_zone(value.get("timeZone") or ""))
    return wall.astimezone(UTC)


def _address(one: Json) -> str:
    address: str = (one.get("emailAddress") or {}).get("address") or ""
    return address.lower()


def _content(raw: Json) -> str:
    content: str = (raw.get("body") or {}).get("content") or ""
    return content


def _split(content: str) -> tuple[str, str]:
    """The part of a body that is ours, and the block with the Teams link below it (empty when there is none)."""
    link = _TEAMS_LINK.search(content)
    rules = [rule.start() for rule in _RULE.finditer(content, 0, link.start())] if link else []
    if not rules:
        return content, ""
    block = content.rfind("<div", 0, rules[-1])
    seam = block if block >= 0 else rules[-1]
    return content[:seam], content[seam:]


def _rendered(text: str) -> str:
    """Plain text as HTML that `_text` reads back."""
    return "<div>" + "<br>".join(html.escape(line) for line in text.splitlines()) + "</div>"


def _text(content: str) -> str:
    reader = _Reader()
    reader.feed(content)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(lines).strip()


class _Reader(HTMLParser):
    """Collects the words of an HTML text; what begins or ends a line becomes a line break."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in _SILENT
        if tag == "br":
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BREAKING:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data.replace("\n", " "))
