"""The functions of `sql/` for what falls due by itself. One short method for each, as in `supabase_db.py`, whose `Database` has
them all.
"""

from __future__ import annotations

from datetime import datetime

from database.caller import Caller, Json


class UpkeepCalls(Caller):
    """Everything here is done as far as it is due, and may be called at any time by several programs."""

    async def finish_interviews(self, *, now: datetime) -> Json:
        """Interviews that have ended, and candidates who have had all of theirs, become done: how many, `{interviews,
        candidates}`. Of many candidates the rest is left for the next call."""
        return await self._object("finish_interviews", now=now)
