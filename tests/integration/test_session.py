"""What a session on the terminal does with notices from before it."""

from __future__ import annotations

from application.session import _nothing_to_repeat
from supabase_db import Database, Json


def notice(kind: str, recipient: str) -> Json:
    return {"key": f"{kind}:{recipient}", "channel": "telegram", "recipient": recipient, "kind": kind, "payload": {}}


async def test_what_the_run_has_shown_is_not_told_again_and_everything_else_is(database: Database) -> None:
    shown = [notice("booked", "1"), notice("escalated", "admins")]
    await database.tell(notices=[*shown, notice("handed_on", "1"), notice("digest", "admins")])

    await _nothing_to_repeat(database)

    left = await database.claim_notices(channel="telegram", limit=10)
    assert [(one["kind"], one["reason"]) for one in left] == [
        ("handed_on", "still to be told"),
        ("digest", "still to be told"),
    ]
