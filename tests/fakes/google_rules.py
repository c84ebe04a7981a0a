"""What Google Calendar accepts as an event, what it answers otherwise, and when an event is. Pure; no state.

Statuses, reasons and limits are those of Google's reference of the Calendar API v3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

_ID = re.compile(r"[a-v0-9]{5,1024}")
_ANSWERS = {"needsAction", "declined", "tentative", "accepted"}


class Refused(Exception):
    """The request is answered with an error: an HTTP status, Google's `reason` and a message."""

    def __init__(self, status: int, reason: str, message: str = "", *, detail: str = "") -> None:
        self.status, self.reason, self.detail = status, reason, detail
        self.message = message or reason
        super().__init__(f"{status} {reason}: {self.message}")

    def body(self) -> bytes:
        """The error as Google writes it; `detail` is the newer kind of reason that stands beside the old one."""
        error: Json = {
            "code": self.status,
            "message": self.message,
            "errors": [{"domain": "global", "reason": self.reason, "message": self.message}],
        }
        if self.detail:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.detail}]
        return json.dumps({"error": error}).encode()


def check_new(body: Mapping[str, Any]) -> None:
    """Whether an event with this body may be inserted; `Refused` when not."""
    if "id" in body and not _ID.fullmatch(body["id"]):
        raise Refused(400, "invalid", "Invalid resource id value.")
    check(body)


def check(body: Mapping[str, Any]) -> None:
    """Whether an event may look like this."""
    start, end = _moment(body.get("start"), "start"), _moment(body.get("end"), "end")
    if isinstance(start, datetime) is not isinstance(end, datetime):
        raise Refused(400, "invalid", "Start and end times must either both be date or both be dateTime.")
    if start >= end:
        raise Refused(400, "timeRangeEmpty", "The specified time range is empty.")
    _check_guests(body.get("attendees") or [])
    _check_reminders(body.get("reminders") or {})
    for kind in (body.get("extendedProperties") or {}).values():
        if len(kind) > 300 or any(len(key) > 44 or len(value) > 1024 for key, value in kind.items()):
            raise Refused(400, "invalid", "Invalid extended property.")


def span(event: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When an event is, in UTC; an all-day one lasts its days in the calendar's zone."""
    start, end = (_moment(event[edge], edge) for edge in ("start", "end"))
    whole = [one if isinstance(one, datetime) else datetime.combine(one, time(0), tzinfo=zone) for one in (start, end)]
    return whole[0].astimezone(UTC), whole[1].astimezone(UTC)


def instant(text: str | None, name: str) -> datetime | None:
    """A `timeMin` or `timeMax`: RFC 3339, the offset mandatory."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "badRequest", f"Bad Request: {name}") from None
    if moment.tzinfo is None:
        raise Refused(400, "badRequest", f"Bad Request: {name} has no offset")
    return moment


def merged(old: Json, new: Mapping[str, Any]) -> Json:
    """What a patch makes of a resource: objects are merged, arrays replaced, nulls remove."""
    result = dict(old)
    for name, value in new.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            result[name] = merged(result.get(name) or {}, value)
        else:
            result[name] = value
    return result


def _moment(edge: Mapping[str, Any] | None, name: str) -> Any:
    """A date or an aware datetime; typed loosely, because only two of a kind are compared."""
    edge = {key: value for key, value in (edge or {}).items() if value is not None}
    if ("date" in edge) is ("dateTime" in edge):
        raise Refused(400, "required", f"Missing {name} time.")
    if "date" in edge:
        return date.fromisoformat(edge["date"])
    moment = datetime.fromisoformat(edge["dateTime"])
    if moment.tzinfo is None:
        if "timeZone" not in edge:
            raise Refused(400, "required", "Missing time zone definition for start time.")
        moment = moment.replace(tzinfo=ZoneInfo(edge["timeZone"]))
    return moment


def _check_guests(guests: list[Json]) -> None:
    for guest in guests:
        if "@" not in guest.get("email", ""):
            raise Refused(400, "invalid", "Invalid attendee email.")
        if guest.get("responseStatus", "needsAction") not in _ANSWERS:
            raise Refused(400, "invalid", "Invalid attendee response status.")


def _check_reminders(reminders: Mapping[str, Any]) -> None:
    overrides = reminders.get("overrides") or []
    if overrides and reminders.get("useDefault", True):
        raise Refused(400, "cannotUseDefaultRemindersAndSpecifyOverride", "Cannot specify both default and overrides.")
    if len(overrides) > 5:
        raise Refused(400, "invalid", "Too many reminders.")
    for one in overrides:
        if one.get("method") not in {"email", "popup"} or not 0 <= one.get("minutes", -1) <= 40320:
            raise Refused(400, "invalid", "Invalid reminder.")
