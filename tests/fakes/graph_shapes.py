"""Microsoft Graph's JSON as the documents show it: events, schedules and times out, requests in. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from tests.fakes.graph_mailbox import Guest, Item, Mailbox

Json = dict[str, Any]

_PREFER_ZONE = re.compile(r'outlook\.timezone="([^"]*)"')
_PREFER_SIZE = re.compile(r"odata\.maxpagesize=(\d+)")
_EXPAND = re.compile(r"singleValueExtendedProperties\(\$filter=id eq '([^']*)'\)")


class Refused(Exception):
    """The request is answered with an error: a status, Graph's code and message, and headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})
        super().__init__(f"{status} {code}: {message}")


@dataclass(frozen=True)
class Call:
    """A request to Graph, taken apart. `parts` is its path behind the mailbox."""

    method: str
    box: Mailbox
    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json

    @property
    def zone(self) -> str:
        match = _PREFER_ZONE.search(self.headers.get("prefer", ""))
        return match[1] if match else "UTC"

    @property
    def page_size(self) -> int:
        match = _PREFER_SIZE.search(self.headers.get("prefer", ""))
        return int(self.query.get("$top") or (match[1] if match else 10))

    @property
    def expand(self) -> str:
        if "$expand" not in self.query:
            return ""
        match = _EXPAND.fullmatch(self.query["$expand"])
        if not match:
            raise Refused(400, "BadRequest", f"Parsing OData Select and Expand failed: {self.query['$expand']!r}")
        return match[1]


def zone_of(name: str) -> ZoneInfo:
    """The zone of a Windows name. (Graph takes a list of IANA names as well; nobody sends them here.)"""
    if name not in WINDOWS_TO_OLSON:
        raise Refused(400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be specified: {name!r}.")
    return ZoneInfo(WINDOWS_TO_OLSON[name])


def wall(moment: datetime, zone: str) -> Json:
    """A `dateTimeTimeZone`: no offset, seven digits of a second."""
    there = moment.astimezone(zone_of(zone))
    return {"dateTime": f"{there:%Y-%m-%dT%H:%M:%S}.{there.microsecond:06d}0", "timeZone": zone}


def moment_of(value: Json) -> tuple[datetime, str]:
    """The instant of a `dateTimeTimeZone` in a request, and its zone's name."""
    try:
        there = datetime.fromisoformat(value["dateTime"])
    except (KeyError, ValueError, TypeError) as error:
        raise Refused(400, "ErrorPropertyValidationFailure", f"Not a date and time: {value!r}") from error
    if there.tzinfo is not None:
        raise Refused(
            400, "ErrorPropertyValidationFailure", "dateTime carries no offset here: the zone stands beside it"
        )
    zone = value.get("timeZone") or "UTC"
    return there.replace(tzinfo=zone_of(zone)).astimezone(UTC), zone


def event_json(item: Item, *, zone: str = "UTC", expand: str = "") -> Json:
    """An event as a GET gives it; `zone` is that of the Prefer header, `expand` the id of an extended property."""
    said = item.said
    start, end = (
        ({"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"} for moment in (said.start, said.end))
        if said.all_day
        else (wall(said.start, zone), wall(said.end, zone))
    )
    shown: Json = {
        "@odata.etag": item.etag,
        "id": item.id,
        "createdDateTime": _stamp(item.created),
        "lastModifiedDateTime": _stamp(item.modified),
        "changeKey": item.change_key,
        "categories": [],
        "transactionId": item.transaction_id,
        "originalStartTimeZone": said.zone,
        "originalEndTimeZone": said.zone,
        "iCalUId": item.uid,
        "reminderMinutesBeforeStart": item.reminder or 0,
        "isReminderOn": item.reminder is not None,
        "hasAttachments": False,
        "subject": said.subject,
        "bodyPreview": re.sub(r"<[^>]+>", "", said.body)[:255],
        "importance": "normal",
        "sensitivity": "normal",
        "isAllDay": said.all_day,
        "isCancelled": item.cancelled,
        "isOrganizer": item.source is None,
        "responseRequested": True,
        "seriesMasterId": None,
        "showAs": item.status,
        "type": "singleInstance",
        "webLink": f"https://outlook.office365.com/owa/?itemid={item.id}&exvsurl=1&path=/calendar/item",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": said.meeting_url is not None,
        "onlineMeetingProvider": "teamsForBusiness" if said.meeting_url else "unknown",
        "allowNewTimeProposals": True,
        "recurrence": None,
        "responseStatus": {"response": item.response, "time": "0001-01-01T00:00:00Z"},
        "body": {"contentType": "html", "content": _page(said.body)},
        "start": start,
        "end": end,
        "location": {"displayName": "", "locationType": "default"},
        "locations": [],
        "attendees": [
            {
                "type": "required",
                "status": {"response": guest.response, "time": "0001-01-01T00:00:00Z"},
                "emailAddress": {"name": guest.name, "address": guest.address},
            }
            for guest in said.guests
        ],
        "organizer": {"emailAddress": {"name": said.owner, "address": said.owner}},
        "onlineMeeting": {"joinUrl": said.meeting_url} if said.meeting_url else None,
    }
    if expand and item.properties.get(expand):
        shown["singleValueExtendedProperties"] = [{"id": expand, "value": item.properties[expand]}]
    return shown


def fields_of(body: Json, *, creating: bool) -> Json:
    """The fields of an `Item` that a POST or PATCH sets."""
    fields: Json = {"subject": "", "body": ""} if creating else {}
    if creating and not {"start", "end"} <= body.keys():
        raise Refused(400, "ErrorPropertyValidationFailure", "At least one property failed validation: Start, End.")
    if "start" in body:
        (fields["start"], fields["zone"]), (fields["end"], _) = moment_of(body["start"]), moment_of(body["end"])
        if fields["end"] < fields["start"]:
            raise Refused(400, "ErrorPropertyValidationFailure", "The meeting ends before it starts.")
    for name, key in (("subject", "subject"), ("show_as", "showAs"), ("all_day", "isAllDay")):
        if key in body:
            fields[name] = body[key]
    if "body" in body:
        fields["body"] = _html(body["body"])
    if "attendees" in body:
        fields["guests"] = [Guest(**one["emailAddress"]) for one in body["attendees"]]
    if "singleValueExtendedProperties" in body:
        fields["properties"] = {one["id"]: one["value"] for one in body["singleValueExtendedProperties"]}
    if "isReminderOn" in body:
        fields["reminder"] = body.get("reminderMinutesBeforeStart", 15) if body["isReminderOn"] else None
    return fields


def schedule_json(address: str, box: Mailbox | None, start: datetime, end: datetime, *, zone: str) -> Json:
    """A person's row in the answer of getSchedule; an error in it does not fail the others."""
    error = (
        ("ErrorMailRecipientNotFound", f"Unable to resolve e-mail address {address} to an Active Directory object.")
        if box is None
        else box.error
    )
    if box is None or error:
        code, message = error or ("", "")
        return {
            "scheduleId": address,
            "availabilityView": "",
            "scheduleItems": None,
            "workingHours": None,
            "error": {"responseCode": code, "message": message},
        }
    items = [item for item in box.items.values() if item.said.start < end and start < item.said.end]
    return {
        "scheduleId": address,
        "availabilityView": "",
        "scheduleItems": [
            {
                "isPrivate": False,
                "status": item.status,
                "start": wall(item.said.start, "UTC" if item.said.all_day else zone),
                "end": wall(item.said.end, "UTC" if item.said.all_day else zone),
            }
            for item in sorted(items, key=lambda item: item.said.start)
        ],
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": box.working_zone or {"name": box.zone},
        },
    }


def all_day(day: date) -> datetime:
    """Where an all-day event's first day begins: at a midnight that floats, kept as UTC's."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _stamp(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z" if moment else None


def _html(body: Json) -> str:
    """What Exchange keeps of a body: the inside of its HTML."""
    content = str(body.get("content") or "")
    if str(body.get("contentType", "text")).lower() == "text":
        return html.escape(content).replace("\n", "<br>\r\n")
    match = re.search(r"<body[^>]*>(.*?)(</body>|$)", content, re.DOTALL | re.IGNORECASE)
    return match[1].strip() if match else re.sub(r"</body>\s*</html>\s*$", "", content)


def _page(body: str) -> str:
    head = '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n'
    return f"{head}<body>\r\n{body}\r\n</body>\r\n</html>\r\n"
