"""The queue over both wires: coming in, being claimed, going back, being set aside."""

from __future__ import annotations

from supabase_db import Database
from tests.builders import make_request


async def test_a_new_candidate_waits_and_is_claimed(db: Database) -> None:
    came = await db.enqueue(request=make_request().plain(), key="k1", source="chat", actor="telegram:7", chat_id=7)

    claimed = await db.claim(worker="a")

    assert (came["created"], came["position"], came["duplicate"]) == (True, 1, None)
    assert claimed
    assert claimed["candidate"]["id"] == came["candidate_id"]
