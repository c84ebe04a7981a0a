"""What calendar calls have cost, carried from this process into the database, where other processes and the bot can see it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from calendar_utils import Calendars, Statistics
from supabase_db import Database

Json = dict[str, Any]


class Ledger:
    """Reports what was counted since the last report. A report whose answer was lost is sent again under its name."""

    def __init__(self, db: Database, calendars: Calendars) -> None:
        self._db, self._calendars = db, calendars
        self._reported: dict[tuple[str, str], Statistics] = {}
        self._unsent: tuple[str, list[Json]] | None = None

    async def report(self) -> None:
        """Write down what is new; nothing when nothing is. `DatabaseUnavailable` leaves it for the next time."""
        if self._unsent is None:
            rows = self._news()
            if not rows:
                return
            self._unsent = (str(uuid4()), rows)
        name, rows = self._unsent
        await self._db.add_statistics(report=name, rows=rows)
        self._unsent = None

    def _news(self) -> list[Json]:
        left = self._calendars.budget_left()
        now = {(one.provider, one.verb): one for one in self._calendars.statistics()}
        rows = [
            _difference(one, self._reported.get(key)) | {"budget_left": left[one.provider]}
            for key, one in now.items()
            if one != self._reported.get(key)
        ]
        self._reported = now
        return rows


def _difference(now: Statistics, before: Statistics | None) -> Json:
    earlier = before.errors if before else {}
    return {
        "provider": now.provider,
        "verb": now.verb,
        "calls": now.calls - (before.calls if before else 0),
        "requests": now.requests - (before.requests if before else 0),
        "retries": now.retries - (before.retries if before else 0),
        "waited": now.waited - (before.waited if before else 0.0),
        "errors": {
            reason: count - earlier.get(reason, 0)
            for reason, count in now.errors.items()
            if count != earlier.get(reason)
        },
    }
