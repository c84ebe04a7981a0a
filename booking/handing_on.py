"""The duty to hand on questions that nobody answers: when is decided in `lifecycle/handing_on.py`, who is next in the chat, which
alone knows who may decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lifecycle.handing_on import Chase, Unanswered, chase
from sop import Sop
from supabase_db import Database

Json = dict[str, Any]


async def hand_on_questions(db: Database, sop: Sop, now: datetime) -> None:
    """Hand on each question that has waited for too long; nobody is chased while the desk is closed."""
    desk = sop.desk
    for row in await db.unanswered() if desk.is_open(now) else ():
        due = chase(_question(row), now=now, desk=desk, after=sop.escalation_after)
        if due is Chase.HAND_ON:
            await db.hand_on(escalation_id=row["id"], since=row["since"], now=now)
        elif due is Chase.TELL_ALL:
            await db.tell_all(escalation_id=row["id"], since=row["since"], now=now)


def _question(row: Json) -> Unanswered:
    until = row["put_off_until"]
    return Unanswered(
        since=datetime.fromisoformat(row["since"]),
        handed=row["handed"],
        put_off_until=datetime.fromisoformat(until) if until else None,
    )
