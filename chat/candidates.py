"""Who waits, where one candidate is and what can be done there, and taking somebody in once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chat import cards
from chat.buttons import Card, Choice, Commanded, Desk, Step, Tapped, turning, under
from chat.changes import pause_lines
from chat.escalations import STUCK, plan_again
from chat.finding import one
from chat.intake import Said, Turn, advance, on_card
from chat.markup import Json, attach
from chat.moves import to_come
from chat.questions import Context
from chat.tables import csv_file
from supabase_db import Database

_ROWS = 20  # on a page
_MOST = 1_000
_OPEN = frozenset({"queued", "planning", "booking", "booked", "escalated", "set_aside"})


# The queue ----------------------------------------------------------------------------------------------------------------------


async def queue(desk: Desk, words: str) -> Step:
    """Who is being scheduled and who waits."""
    return await _queue(desk, {})


async def _queue(desk: Desk, action: Json) -> Step:
    rows, counts = await desk.db.queue_now(limit=_MOST), await desk.db.queue_counts()
    paused = pause_lines(await desk.db.lane_pause(lane=desk.context.lane), desk.sop)
    place = min(action.get("place", 0), max(0, len(rows) - 1) // _ROWS)
    lines = [*paused, *cards.queue(rows[place * _ROWS : (place + 1) * _ROWS], counts, desk.sop)]
    shown = {"do": "queue", "place": place}
    file: list[Choice] = [("📄 As .csv", shown | {"as": "csv"})]
    buttons = [*turning(shown, place, len(rows), _ROWS), file] if rows else []
    says: list[Card | Json] = [Card(lines=lines, rows=buttons)]
    if rows and "as" in action:
        header = ("no", "name", "email", "course", "status")
        table = [
            (row["position"], row["name"], row["email"], cards.course_title(desk.sop, row["course"]), row["status"])
            for row in rows
        ]
        says.append(attach("queue.csv", csv_file(header, table)))
    return Step(says=says, state=desk.state)


# One candidate ------------------------------------------------------------------------------------------------------------------


async def status(desk: Desk, words: str) -> Step:
    """Where one candidate is; the candidates to choose from when several have the name."""
    match, otherwise = await one(desk, words, "status", ended=True)
    if match is None:
        return otherwise
    return desk.shows(cards.status(match, desk.sop), _next_steps(desk, match))


async def _status(desk: Desk, action: Json) -> Step:
    return await status(desk, action["candidate"])


def _next_steps(desk: Desk, match: Json) -> list[list[Choice]]:
    """What can be looked at further, and for those who may decide what can be done."""
    about = {"candidate": match["id"]}
    look: list[Choice] = [("📅 Agenda", about | {"do": "agenda"}), ("🔎 What happened", about | {"do": "audit"})]
    if not desk.decides:
        return [look]
    asked = [row for row in match["escalations"] if row["status"] == "open"]
    decide: list[Choice] = [(f"{cards.NEEDED} Decide", {"do": "escalation", "escalation": row["id"]}) for row in asked]
    move: list[Choice] = [("Move rounds", about | {"do": "reschedule"}), ("Swap interviewers", about | {"do": "swap"})]
    end: Choice = (f"{cards.GIVEN_UP} Cancel", about | {"do": "cancel"})
    again: Choice = (f"{cards.DRAFT} Take in again", about | {"do": "again"})
    plan: Choice = ("🔁 Plan again", about | {"do": "requeue", "name": match["name"], "chat": match["chat_id"]})
    left_alone = match["status"] in STUCK and not asked  # its question was closed without an answer
    last = [*[plan] * left_alone, end] if match["status"] in _OPEN else [again]
    return [*([decide[-1:]] if decide else []), *([move] if to_come(desk, match) else []), look, last]


async def again(desk: Desk, words: str) -> Step | Turn:
    """Take in somebody who was there before."""
    match, otherwise = await one(desk, words, "again", ended=True)
    if match is None:
        return otherwise
    said = Said(update=desk.update, command="start", again=match["request"])
    return await conversed(desk.db, under(desk.state), said, desk.context)


async def _again(desk: Desk, action: Json) -> Step | Turn:
    return await again(desk, action["candidate"])


async def conversed(db: Database, state: Json | None, said: Said, context: Context) -> Turn:
    """A turn of the intake. Before anybody confirms a card, it says whether that is open already."""
    turn = advance(state, said, context)
    if about := on_card(turn.state):
        turn = advance(state, said, replace(context, earlier=await _open_already(db, *about)))
    return turn


async def _open_already(db: Database, email: str, course: str) -> Json | None:
    """The candidate who is open with this email address in this course; there is one at most."""
    found = await db.show_candidate(needle=email, limit=100)
    return next((one for one in found["matches"] if one["course"] == course and one["status"] in _OPEN), None)


async def _requeue(desk: Desk, action: Json) -> Step:
    """Have somebody planned again about whom nothing is asked."""
    return plan_again(desk, action["candidate"], action["name"], action["chat"])


ACTIONS: Mapping[str, Tapped] = {"queue": _queue, "requeue": _requeue, "status": _status, "again": _again}

# Name, short description for the menu, and what answers; in the order of the menu.
COMMANDS: Mapping[str, tuple[str, Commanded]] = {
    "again": ("Take in somebody once more: /again Priya", again),
    "queue": ("Who waits", queue),
    "status": ("Where a candidate is: /status Priya", status),
}
