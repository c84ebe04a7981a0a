"""The commands that look something up. Each reads the database and answers with a card; none of them changes anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat import cards
from chat.changes import pause_lines
from chat.markup import Json, bold, code, esc, say
from domain.errors import FieldError
from domain.intake import parse_window
from sop import Sop
from supabase_db import Database
from utils import instant

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


async def show_agenda(asked: Asked) -> list[Json]:
    """The interviews of a day or of a stretch of days; those of today when none is named."""
    today = asked.now.astimezone(asked.sop.zone).date()
    if asked.words.lower() == "week":
        first, last = today, today + timedelta(days=6)
    else:
        try:
            first, last = parse_window(asked.words or "today", today)
        except FieldError as mistake:
            examples = f"Try {code('/agenda tomorrow')}, {code('/agenda week')} or {code('/agenda 1-12 Dec')}."
            return [say([f"I cannot use {code(mistake.value)}. {esc(mistake.hint)}", examples])]
    start, end = instant(first, 0, asked.sop.zone), instant(last, 1440, asked.sop.zone)
    rows = await asked.db.agenda(start=start, end=end)
    return [say(cards.agenda(rows, first, last, asked.sop))]


async def show_help(asked: Asked) -> list[Json]:
    """What the bot does, by example."""
    return [
        say(
            [
                bold("I schedule mock interviews."),
                "Give me a candidate; I find the times by the SOP, book them and write the calendar events.",
                "",
                f"{code('/new')} takes in a candidate: I ask, you answer, and nothing counts until you tap Confirm. You can "
                "also send me everything in one message:",
                code("Priya Nair, priya@example.com, Java, 1-12 Dec, 9-12 and 4-7pm, not the 5th"),
                f"{code('/again Priya')} takes in somebody who was here before.",
                f"{code('/cancel')} stops that at any point.",
                f"{code('/queue')} shows who waits.",
                f"{code('/status Priya')} shows where a candidate is. An email address or a number will do, too.",
                f"{code('/agenda')} shows today's interviews; also {code('/agenda tomorrow')}, {code('/agenda week')} "
                f"and {code('/agenda 1-12 Dec')}.",
                f"{code('/escalations')} shows what I could not decide, and why.",
            ]
        )
    ]


# Name, short description for the menu, and what answers; in the order of the menu.
COMMANDS: Mapping[str, tuple[str, Answer]] = {
    "queue": ("Who waits", show_queue),
    "status": ("Where a candidate is: /status Priya", show_status),
    "agenda": ("Interviews: /agenda today, tomorrow, week", show_agenda),
    "help": ("What I do, by example", show_help),
}
