"""Google's free/busy questions and answers: pure.

A calendar that cannot be read is an entry in an answer that is fine otherwise: unknown, which is not free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from calendars.base import Busy, Unknown
from calendars.ical_busy import merged
from domain.model import Interval

PEOPLE_AT_ONCE = 50  # Google expands no more calendars in one question
LONGEST_LOOK = timedelta(days=60)  # Google refuses more than about three months; where exactly is not documented

_CURES = {
    "notFound": "Check the address, and that this calendar is shared with the account that is connected (See only free/busy "
    "is enough).",
    "internalError": "Google failed at this calendar; the next try may do.",
    "groupTooBig": "This is a group with too many members: name the people's own calendars.",
    "tooManyCalendarsRequested": "Too many calendars were asked for at once; ask for fewer.",
}
_ANY_CURE = "Check that this calendar is shared with the account that is connected."


def question(calendars: Sequence[str], span: Interval) -> dict[str, Any]:
    """The body of a free/busy query."""
    return {
        "timeMin": span.start.isoformat(),
        "timeMax": span.end.isoformat(),
        "calendarExpansionMax": PEOPLE_AT_ONCE,
        "items": [{"id": name} for name in calendars],
    }


def answered(name: str, answers: Sequence[Mapping[str, Any]]) -> Busy:
    """One calendar's busy times from the answers for all parts of a span; Unknown when any of them does not tell."""
    times: list[Interval] = []
    for answer in answers:
        told = _entry(name, answer)
        if isinstance(told, Unknown):
            return told
        times += told
    return merged(times)


def parts(span: Interval) -> Iterator[Interval]:
    """The span in pieces that one question may have."""
    start = span.start
    while start < span.end:
        end = min(start + LONGEST_LOOK, span.end)
        yield Interval(start=start, end=end)
        start = end


def _entry(name: str, answer: Mapping[str, Any]) -> list[Interval] | Unknown:
    entries = {key.lower(): entry for key, entry in (answer.get("calendars") or {}).items()}
    entry = entries.get(name.lower())
    if entry is None or not (entry.get("errors") or "busy" in entry):
        return Unknown(reason="Google's answer leaves this calendar out", cure=_ANY_CURE)
    if entry.get("errors"):
        reason = str(entry["errors"][0].get("reason") or "unknown")
        words, cure = f"Google cannot read this calendar ({reason})", _CURES.get(reason, _ANY_CURE)
        return Unknown(reason=words, cure=cure, passing=reason == "internalError")
    try:
        pairs = [
            (datetime.fromisoformat(block["start"]), datetime.fromisoformat(block["end"])) for block in entry["busy"]
        ]
        return [Interval(start=start, end=end) for start, end in pairs if start != end]
    except (ValueError, KeyError, TypeError) as problem:
        return Unknown(reason=f"Google's times for this calendar cannot be read: {problem}", cure=_ANY_CURE)
