"""The functions of `sql/` for what falls due by itself. One short method for each, as in `supabase_db.py`, whose `Database` has
them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from database.caller import Caller, Json


class UpkeepCalls(Caller):
    """Everything here is done as far as it is due, and may be called at any time by several programs."""

    async def finish_interviews(self, *, now: datetime) -> Json:
        """Interviews that have ended, and candidates who have had all of theirs, become done: how many, `{interviews,
        candidates}`. Of many candidates the rest is left for the next call."""
        return await self._object("finish_interviews", now=now)

    async def duty_done_at(self, *, duty: str) -> datetime | None:
        """When a duty was last done; None when it never was."""
        found = await self._maybe("duty_done_at", duty=duty)
        return datetime.fromisoformat(found["at"]) if found else None

    async def duty_done(self, *, duty: str, now: datetime, notices: Sequence[Json] = ()) -> Json:
        """A duty was done. The notices, in the form that `settle` takes, are made in the same transaction, each key once."""
        return await self._object("duty_done", duty=duty, now=now, notices=list(notices))

    async def health(self, *, since: datetime, rows: int) -> Json:
        """How the machinery is: `paused_at` (of a queue that stands still, else None); since a time, `unread` (whose calendars
        could not be read) and `unsent` (how many messages could not be sent); `audit`, as `verify_audit` gives it, of so many of
        its newest rows."""
        return await self._object("health", since=since, rows=rows)

    async def prune(self, *, now: datetime) -> Json:
        """Once a day, remove what nobody needs any more: how many rows of which tables, none on every other call that day."""
        return await self._object("prune", now=now)
