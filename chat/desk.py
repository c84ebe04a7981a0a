"""The commands that only look something up and need no buttons, and the search for whom a command means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chat import cards
from chat.changes import pause_lines
from chat.markup import Json, code, say
from sop import Sop
from supabase_db import Database

_MATCHES = 10  # of a name, before somebody is asked to be more precise

_OPEN = frozenset({"queued", "planning", "booking", "booked", "escalated", "set_aside"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A command as it was given: the words after it, and what is needed to answer."""

    words: str
    now: datetime
    sop: Sop
    db: Database
    lane: str = "main"


Answer = Callable[[Asked], Awaitable[list[Json]]]


async def show_queue(asked: Asked) -> list[Json]:
    """Who is being scheduled and who waits."""
    rows, counts = await asked.db.queue_now(), await asked.db.queue_counts()
    paused = pause_lines(await asked.db.lane_pause(lane=asked.lane), asked.sop)
    return [say([*paused, *cards.queue(rows, counts, asked.sop)])]


async def show_status(asked: Asked) -> list[Json]:
    """Where one candidate is; the candidates to choose from when several have the name."""
    match, otherwise = await one_candidate(asked, "status")
    return [say(cards.status(match, asked.sop))] if match else otherwise


async def one_candidate(asked: Asked, command: str) -> tuple[Json | None, list[Json]]:
    """The candidate that the words after a command mean; where it is not exactly one, what to answer instead."""
    if not asked.words:
        example = code(f"/{command} Priya")
        return None, [say(f"Whom do you mean? Write a name, an email address or a number, such as {example}.")]
    found = await asked.db.show_candidate(needle=asked.words, limit=_MATCHES)
    if not found["matches"]:
        return None, [say(f"I know nobody called {code(asked.words[:100])}. /queue shows who waits.")]
    if found["count"] > 1:
        return None, [say(cards.several(found["matches"], found["count"], asked.words, asked.sop, command=command))]
    return found["matches"][0], []


async def open_already(db: Database, email: str, course: str) -> Json | None:
    """The candidate who is open with this email address in this course; there is one at most."""
    found = await db.show_candidate(needle=email, limit=100)
    return next((one for one in found["matches"] if one["course"] == course and one["status"] in _OPEN), None)


# Name, short description for the menu, and what answers; in the order of the menu.
COMMANDS: Mapping[str, tuple[str, Answer]] = {
    "queue": ("Who waits", show_queue),
    "status": ("Where a candidate is: /status Priya", show_status),
}
