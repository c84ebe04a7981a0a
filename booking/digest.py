"""The morning's message to all admins: what the day brings, what waits for them, and whether all is well. A duty of the upkeep's.

The facts are gathered here; when it is time is decided in `lifecycle/digest.py`, and the words are the doors'.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from booking.records import Json, person_name
from lifecycle.digest import due
from sop import Sop
from supabase_db import Database
from utils import whole_days

DUTY = "digest"
MOST_LISTED = 10  # interviews, so that it fits a phone
LATELY = timedelta(days=1)
AUDIT_ROWS = 20_000  # of the audit are looked at: weeks of work, and less than a second


async def tell_digest(db: Database, sop: Sop, now: datetime) -> None:
    """Tell all admins of the day when it is time; once, and not at all of a day off on which there is nothing to tell."""
    day = due(now, sop.zone, sop.digest_at, await db.duty_done_at(duty=DUTY))
    if day is None:
        return
    facts = await _facts(db, sop, day, now)
    told = {
        "key": f"{DUTY}:{day.isoformat()}",
        "channel": "telegram",
        "recipient": "admins",
        "kind": DUTY,
        "payload": facts,
    }
    off = day.weekday() >= 5 or day in sop.holidays
    await db.duty_done(duty=DUTY, now=now, notices=[] if off and facts["quiet"] else [told])


async def _facts(db: Database, sop: Sop, day: date, now: datetime) -> Json:
    start, end = whole_days(day, day, sop.zone)
    rows = await db.agenda(start=start, end=end)
    asked, counts = await db.open_escalations(), await db.queue_counts()
    health = await db.health(since=now - LATELY, rows=AUDIT_ROWS)
    waiting = counts["queued"] + counts["planning"] + counts["booking"]
    well = health["audit"]["ok"] and not (health["unread"] or health["unsent"])
    return {
        "date": day.isoformat(),
        "timezone": sop.timezone,
        "count": len(rows),
        "interviews": [_interview(sop, row) for row in rows[:MOST_LISTED]],
        "asked": _asked(asked),
        "waiting": waiting,
        "paused_at": health["paused_at"],
        "unread": health["unread"],
        "unsent": health["unsent"],
        "broken_at": health["audit"]["broken_at"],
        "quiet": well and not (rows or asked or waiting or health["paused_at"]),
    }


def _interview(sop: Sop, row: Json) -> Json:
    people = [{"name": person_name(sop, who), "backup": who in row["backups"]} for who in row["interviewers"]]
    return {"start": row["start"], "title": row["title"], "name": row["name"], "interviewers": people}


def _asked(rows: Sequence[Json]) -> Json:
    """How many decisions wait, since when the oldest, and about whom."""
    return {
        "count": len(rows),
        "since": min((row["opened_at"] for row in rows), default=None),
        "names": list(dict.fromkeys(row["name"] for row in rows)),
    }
