"""Reminders for interviewers who are in the chat: which are due, and the notices of them. When one is due is decided in
`lifecycle/reminders.py`; that each is made once, and sent only while it is true, is seen to in `sql/functions/interviewers.sql`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lifecycle.reminders import is_due
from sop import Sop
from sop.model import minutes_text
from supabase_db import Database

Json = dict[str, Any]


async def remind(db: Database, sop: Sop, now: datetime) -> None:
    """Make every reminder that is due; one that was made before is not made again."""
    lengths = {minutes_text(length): length for length in sop.reminders}
    if not lengths:
        return
    rows = await db.to_remind(lengths=list(lengths), until=now + max(sop.reminders), now=now)
    due = [
        _notice(row)
        for row in rows
        if row["interviewer"] in sop.interviewers
        and is_due(
            lengths[row["length"]],
            sop.reminders,
            start=datetime.fromisoformat(row["start"]),
            told=datetime.fromisoformat(row["told"]),
            now=now,
        )
    ]
    if due:
        await db.tell(notices=due)


def _notice(row: Json) -> Json:
    return {
        "key": row["key"],
        "channel": "telegram",
        "recipient": f"interviewer:{row['interviewer']}",
        "kind": "interviewer_reminder",
        "payload": {
            "until": row["start"],
            **{
                name: row[name]
                for name in ("interview_id", "generation", "revision", "title", "start", "end", "name", "course")
            },
        },
    }
