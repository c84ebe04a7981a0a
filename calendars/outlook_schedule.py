"""What getSchedule says about one person: busy times, or *unknown* with what to do about it. Pure.

Graph answers for each person separately, and a failure for one of them is an entry in an answer that is otherwise fine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from calendars.base import Unknown
from calendars.outlook_events import interval_of
from calendars.windows_zones import iana_zone
from domain.errors import CalendarRefused
from domain.model import Interval

Json = Mapping[str, Any]

_FREE = {"free", "workingelsewhere"}
_CURES = {
    "ErrorMailRecipientNotFound": "Check the address: nobody in this organisation has it.",
    "ErrorInvalidSmtpAddress": "Check the address: it is not written as an address is.",
    "ErrorNoFreeBusyAccess": "The person lets nobody see when they are busy: ask them to share their calendar's "
    "availability with the organisation.",
    "ErrorMailboxLogonFailed": "Exchange cannot open the mailbox: ask the administrator whether it still has a licence.",
    "ErrorTimeoutExpired": "Exchange took too long; the next try may do.",
    "ErrorResultSetTooBig": "The calendar has too many entries for one answer: ask for a shorter time.",
    "5009": "Check the address: nobody in this organisation has it.",
    "5016": "Exchange could not open the calendar: check the address and whether the account has a mailbox.",
}
_ANY_CURE = "Check the address, and that the person shares their availability with the organisation."


def busy_of(row: Json | None, span: Interval) -> Sequence[Interval] | Unknown:
    """The busy times in a person's row of the answer that meet `span`; tentative and out of office count."""
    if row is None:
        return Unknown(reason="Outlook's answer leaves this calendar out", cure=_ANY_CURE)
    error, items = row.get("error"), row.get("scheduleItems")
    if error:
        code = str(error.get("responseCode") or "")
        words, cure = f"Outlook: {error.get('message') or code} ({code})", _CURES.get(code, _ANY_CURE)
        return Unknown(reason=words, cure=cure, passing=code == "ErrorTimeoutExpired")
    if items is None:
        return Unknown(reason="Outlook tells nothing about this calendar", cure=_ANY_CURE)
    try:
        times = [_block(item, row) for item in items if str(item.get("status", "")).lower() not in _FREE]
    except CalendarRefused as problem:
        return Unknown(reason=str(problem), cure="Choose a usual time zone in the settings of that person's Outlook.")
    return [one for one in times if one.meets(span)]


def _block(item: Json, row: Json) -> Interval:
    """The time that an entry takes. An all-day one has no mark of its own: it lasts whole days from a midnight in UTC,
    and means those dates where its owner lives."""
    plain = interval_of(item)
    if plain.start.time() != time(0) or plain.end.time() != time(0):
        return plain
    return _whole_days(plain.start.date(), plain.end.date(), (row.get("workingHours") or {}).get("timeZone") or {})


def _whole_days(first: date, end: date, zone: Json) -> Interval:
    """From the first date to the last, without it, where the owner lives. Of a custom zone only its distance from UTC is
    known, give or take an hour of summer time; of no zone nothing, so that every place on earth is covered."""
    midnight, after = datetime.combine(first, time(0), UTC), datetime.combine(end, time(0), UTC)
    if "bias" in zone:
        west = timedelta(minutes=int(zone["bias"]))
        return Interval(start=midnight + west - timedelta(hours=1), end=after + west)
    try:
        there = iana_zone(str(zone.get("name") or ""))
    except ValueError:
        return Interval(start=midnight - timedelta(hours=14), end=after + timedelta(hours=12))
    return Interval(start=datetime.combine(first, time(0), there), end=datetime.combine(end, time(0), there))
