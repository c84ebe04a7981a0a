"""A candidate's life in steps, for tests that begin in the middle of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.model import CandidateRequest
from supabase_db import Database, Json
from tests.builders import make_request, make_reservation

EVENT = {"handle": "event-1", "etag": "v1", "link": "https://calendar.example/1", "meeting": "https://meet.example/1"}


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A candidate that a worker has: what each of its writes must name."""

    candidate_id: str
    fence: int

    @property
    def names(self) -> dict[str, Any]:
        return {"candidate_id": self.candidate_id, "fence": self.fence}


async def enqueue(db: Database, request: CandidateRequest | None = None, **changes: Any) -> str:
    """Queue a new candidate and give its id."""
    plain = (request or make_request()).plain()
    arguments: dict[str, Any] = {
        "key": f"key of {plain['email']}",
        "source": "chat",
        "actor": "telegram:7",
        "chat_id": 7,
    } | changes
    return str((await db.enqueue(request=plain, **arguments))["candidate_id"])


async def claim(db: Database, worker: str = "w1", **changes: Any) -> Claimed:
    """Claim whoever is next; there must be somebody."""
    found = await db.claim(worker=worker, **changes)
    assert found, "nobody can be claimed"
    return Claimed(candidate_id=found["candidate"]["id"], fence=found["candidate"]["fence"])


async def planning(db: Database, **changes: Any) -> Claimed:
    """A new candidate that a worker is planning."""
    await enqueue(db, **changes)
    return await claim(db)


async def booking(db: Database, interviews: Sequence[Json] | None = None, **changes: Any) -> tuple[Claimed, Json]:
    """A new candidate whose times are reserved, and what reserving gave."""
    claimed = await planning(db, **changes)
    reserved = await reserve(db, claimed, interviews)
    return claimed, reserved


async def reserve(db: Database, claimed: Claimed, interviews: Sequence[Json] | None = None) -> Json:
    return await db.reserve(
        **claimed.names, sop_version="sop-1", interviews=[make_reservation()] if interviews is None else interviews
    )


async def write_all(db: Database, claimed: Claimed, writes: Sequence[Json]) -> None:
    for write in writes:
        await db.write_done(write_id=write["id"], fence=claimed.fence, result=EVENT)


async def booked(db: Database, interviews: Sequence[Json] | None = None, **changes: Any) -> Claimed:
    """A new candidate that is booked."""
    claimed, reserved = await booking(db, interviews, **changes)
    await write_all(db, claimed, reserved["writes"])
    await db.settle(**claimed.names)
    return claimed


async def status_of(db: Database, candidate_id: str) -> str:
    return str((await look(db, candidate_id))["status"])


async def look(db: Database, candidate_id: str) -> Json:
    """Everything about a candidate."""
    found = await db.show_candidate(needle=candidate_id)
    match: Json = found["matches"][0]
    return match
