"""One calendar write of an interview: what is put, and what becomes of it when a person has been at the event before.

What people have changed in an event's words and guests stays as they made it; an event that they have moved or deleted is not
written at all (`Overruled`), and the watch sorts it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calendar_utils import Calendars
from calendars.base import Event, EventKey, EventState
from domain.errors import CalendarConflict
from lifecycle.watching import Edits, edited
from records import event_of
from sightings import edits_from, edits_json, said_by, said_from, said_json, said_of, with_edits

Json = dict[str, Any]
TRIES = 3  # how often an event may change under our hands before its write is given up


@dataclass(frozen=True, kw_only=True, slots=True)
class Overruled:
    """A person was there first. `result` is what is known of the event, where this would have been the first write to it."""

    reason: str
    result: Json


async def carry_out(calendars: Calendars, write: Json) -> Json | Overruled:
    """Do what a pending calendar write says; gives its result as `Database.write_done` takes it. Safe to repeat.

    `CalendarConflict` when the event changes faster than it can be written, other `CalendarError`s as the calendar has them.
    """
    key = EventKey(interview=write["interview_id"], generation=write["generation"])
    if write["verb"] == "cancel":
        await calendars.cancel(key)
        return {}
    planned = event_of(key, write["revision"], write["payload"])
    edits = edits_from(write["edits"])
    said = said_from(write["said"]) or said_by(planned)
    etag = write["etag"] if write["revision"] else ""
    for left in reversed(range(TRIES)):
        event = with_edits(planned, edits)
        try:
            return _result(await calendars.put(event, etag=etag), edits)
        except CalendarConflict:
            if not left:
                raise
        found = await calendars.get(key)
        if found is None or found.cancelled:
            return Overruled(reason="deleted", result={})
        if found.interval not in (said.interval, event.interval):
            return Overruled(reason="moved", result=_known(found, planned) if not write["revision"] else {})
        edits, said, etag = edited(edits, said, said_of(found)), said_of(found), found.etag
    raise AssertionError("the last try gives a result or an error")


def _result(state: EventState, edits: Edits) -> Json:
    return {**_links(state), "said": said_json(said_of(state)), "edits": edits_json(edits)}


def _known(found: EventState, planned: Event) -> Json:
    """Where the event is, and what it said before the person changed it: that makes their change the news that it is."""
    return {**_links(found), "said": said_json(said_by(planned))}


def _links(state: EventState) -> Json:
    return {"handle": state.handle, "etag": state.etag, "link": state.link, "meeting": state.meeting}
