"""One calendar write of an interview: what is put, and what becomes of it when a person has been at the event before.

What people have changed in an event's words and guests stays as they made it; an event that they have moved or deleted is not
written at all (`Overruled`), and the watch sorts it out.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

from booking.records import event_of
from booking.sightings import edits_from, edits_json, said_by, said_from, said_json, said_of, with_edits
from calendar_utils import Calendars
from calendars.base import Event, EventKey, EventState
from domain.errors import CalendarConflict
from lifecycle.watching import Edits, Said, edited

Json = dict[str, Any]
TRIES = 3  # how often an event may change under our hands before its write is given up


@dataclass(frozen=True, kw_only=True, slots=True)
class Overruled:
    """A person was there first. `result` is what is known of the event and what it said before, if it is still there."""

    reason: str
    result: Json


async def carry_out(calendars: Calendars, write: Json) -> Json | Overruled:
    """Do what a pending calendar write says; gives its result as `Database.write_done` takes it. Safe to repeat.

    The first write of an event just puts it there. A later one looks before, for the event may have been changed, also back to
    what we wrote once. `CalendarConflict` when the event changes faster than it can be written, other `CalendarError`s as the
    calendar has them.
    """
    key = EventKey(interview=write["interview_id"], generation=write["generation"])
    if write["verb"] == "cancel":
        await calendars.cancel(key)
        return {}
    planned = event_of(key, write["revision"], write["payload"])
    if not write["revision"]:
        with contextlib.suppress(CalendarConflict):
            return _result(await calendars.put(planned), Edits())
    for left in reversed(range(TRIES)):
        found = await calendars.get(key)
        if found is None or found.cancelled:
            return Overruled(reason="deleted", result={})
        before = _before(write, planned, found)
        if found.interval not in (before.interval, planned.interval):
            return Overruled(reason="moved", result={**_links(found), "said": said_json(before)})
        edits = edited(edits_from(write["edits"]), before, replace(said_of(found), interval=before.interval))
        try:
            return _result(await calendars.put(with_edits(planned, edits), etag=found.etag), edits)
        except CalendarConflict:
            if not left:
                raise
    raise AssertionError("the last try gives a result or an error")


def _before(write: Json, planned: Event, found: EventState) -> Said:
    """What the event said when a person could first change it: what this write made of it, when a try before has come through;
    else what it said when it was last dealt with."""
    said = said_from(write["said"])
    if said is None or found.revision >= planned.revision:
        return said_by(with_edits(planned, edits_from(write["edits"])))
    return said


def _result(state: EventState, edits: Edits) -> Json:
    return {**_links(state), "said": said_json(said_of(state)), "edits": edits_json(edits)}


def _links(state: EventState) -> Json:
    return {"handle": state.handle, "etag": state.etag, "link": state.link, "meeting": state.meeting}
