"""Looking ahead with the calendars for somebody who is about to decide: nothing is written, and what cannot be read is said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from booking.comparing import compare
from booking.planning import preview_replan
from booking.world import World, look
from calendar_utils import Calendars
from domain.foresight import Foreseen, Outlook, Prospect
from domain.model import CandidateRequest, Interval
from sop import NoPlan, Sop, explain
from sop.model import Interviewer
from sop.openings import openings, shortest_round
from supabase_db import Database
from utils import whole_days

Json = dict[str, Any]
BUDGET = 4.0  # seconds of planning, while somebody waits for the answer
MOST = 100  # candidates who are looked at
_DAY = timedelta(days=1)
REACH = 28 * _DAY  # as far as a free time is looked for
_BEHIND = 8 * _DAY  # the week that has begun counts for weekly limits


class LookAhead:
    """Everything that is said by looking ahead. `clock` counts seconds."""

    def __init__(self, db: Database, calendars: Calendars, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._calendars, self._clock = db, calendars, clock

    async def replan(self, sop: Sop, candidate: Json, detail: Json, now: datetime) -> Foreseen:
        """What another plan for a candidate would change; arguments are as for `preview_replan`."""
        seen = await preview_replan(self._db, self._calendars, sop, candidate, now=now, detail=detail)
        if isinstance(seen.result, NoPlan):
            return Foreseen(refusal=await asyncio.to_thread(explain, sop, seen.result))
        return Foreseen(moves=seen.moves, shown=seen.shown)

    async def other_sop(self, before: Sop, after: Sop, now: datetime) -> Prospect:
        """What `after` instead of `before` would mean for those who are open. One read of the calendars for all of them."""
        found = await self._db.open_candidates(now=now, limit=MOST)
        rows = found["candidates"]
        if not rows:
            return Prospect(count=0)
        people = [person for sop in (before, after) for person in sop.interviewers.values()]
        world = await look(self._db, self._calendars, people, _span(before, rows, now), best_effort=True)
        ends_at = self._clock() + BUDGET
        seen = await asyncio.to_thread(
            compare, before, after, rows, world, now=now, goes_on=lambda: self._clock() < ends_at
        )
        unread = _unread(world, people)
        return replace(seen, count=found["count"], unread=unread, blind=len(unread) == len({one.id for one in people}))

    async def openings(self, sop: Sop, people: Sequence[Interviewer], now: datetime) -> Mapping[str, Outlook]:
        """When each of some interviewers is free next, and how their calendars are. One read of the calendars for all."""
        today = now.astimezone(sop.zone).date()
        monday = today - timedelta(days=today.weekday())
        start, end = whole_days(monday, monday + REACH + 6 * _DAY, sop.zone)
        span = Interval(start=start, end=end)
        world = await look(self._db, self._calendars, people, span, best_effort=True)
        unread = world.unread(people)
        facts: Json = {"busy": world.busy_of(people), "booked": world.booked, "now": now, "reach": REACH}
        known = [person.id for person in people if person.id not in unread]
        starts = await asyncio.to_thread(openings, sop, known, **facts)
        return {
            person.id: Outlook(
                start=starts.get(person.id),
                length=round_.duration if (round_ := shortest_round(sop, person.id)) else None,
                reach=REACH,
                sources=self._calendars.sources(person.calendars),
                unread=f"{why.reason.removesuffix('.')}. {why.cure}" if (why := unread.get(person.id)) else "",
            )
            for person in people
        }


def _span(sop: Sop, rows: Sequence[Json], now: datetime) -> Interval:
    """All that planning any of the candidates from now on can look at."""
    horizons = [sop.horizon(CandidateRequest.parse(row["request"])) for row in rows]
    start = max(min(one.start for one in horizons), now - _BEHIND)
    return Interval(start=start, end=max(start + _BEHIND, *(one.end for one in horizons)))


def _unread(world: World, people: Sequence[Interviewer]) -> tuple[str, ...]:
    names = {person.id: person.name for person in people}
    return tuple(names[who] for who in world.unread(people))
