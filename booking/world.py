"""What is true of everybody's time in a stretch, read at one moment: busy times by calendar, interviews, times people block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from booking.records import interview_of
from booking.sightings import interval_of
from calendar_utils import Calendars
from calendars.base import Busy, Unknown
from domain.model import Interval, Interview
from sop.model import Interviewer
from supabase_db import Database

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class World:
    """All that `look` has read. Busy times are by the calendars of a person, so that one reading serves several SOPs."""

    span: Interval
    busy: Mapping[tuple[str, ...], Busy]
    booked: tuple[Interview, ...]
    blocks: Sequence[Json]

    def busy_of(self, people: Iterable[Interviewer]) -> dict[str, tuple[Interval, ...]]:
        """By interviewer. A calendar that could not be read is busy all the time: unknown is not free."""
        found: dict[str, tuple[Interval, ...]] = {}
        for person in people:
            busy = self.busy[person.calendars]
            blocked = tuple(interval_of(block) for block in self.blocks if block["interviewer"] == person.id)
            found[person.id] = (self.span,) if isinstance(busy, Unknown) else (*busy, *blocked)
        return found

    def unread(self, people: Iterable[Interviewer]) -> dict[str, Unknown]:
        """Why the calendars of some could not be read, by interviewer."""
        answers = ((person.id, self.busy[person.calendars]) for person in people)
        return {who: busy for who, busy in answers if isinstance(busy, Unknown)}


async def look(
    db: Database,
    calendars: Calendars,
    people: Iterable[Interviewer],
    span: Interval,
    *,
    fresh: bool = False,
    best_effort: bool = False,
) -> World:
    """Read it: one call per calendar provider, and two of the database. `fresh` and `best_effort` are as in `Calendars.busy`."""
    addresses = dict.fromkeys(person.calendars for person in people)
    asked = {", ".join(names): names for names in addresses}
    busy = await calendars.busy(asked, span, fresh=fresh, best_effort=best_effort)
    return World(
        span=span,
        busy={names: busy[", ".join(names)] for names in addresses},
        booked=tuple(map(interview_of, await db.booked_between(start=span.start, end=span.end))),
        blocks=await db.blocks_between(start=span.start, end=span.end),
    )
