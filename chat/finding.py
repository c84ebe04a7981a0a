"""Whom a command is about: the one candidate that a name means, else a question with a button for each."""

from __future__ import annotations

from chat import cards
from chat.buttons import Choice, Desk, Step
from chat.markup import Json, code

_MATCHES = 8
_ENDED = frozenset({"done", "cancelling", "cancelled"})


async def one(desk: Desk, words: str, do: str, *, ended: bool = False) -> tuple[Json | None, Step]:
    """The candidate that is meant, and what to answer where it is not exactly one. `do` is the command, and the action that each
    button of the question leads to. Of several who have the name, those who are done or cancelled are not meant, unless with
    `ended`."""
    if not words:
        example = code(f"/{do} Priya")
        return None, desk.shows([f"Whom do you mean? Write a name, an email address or a number, such as {example}."])
    found = await desk.db.show_candidate(needle=words, limit=100)
    matches = found["matches"]
    if len(matches) > 1 and not ended:
        matches = [match for match in matches if match["status"] not in _ENDED] or matches
    if not matches:
        return None, desk.shows([f"I know nobody called {code(words[:100])}. /queue shows who waits."])
    if len(matches) == 1:
        return matches[0], desk.shows([""])
    buttons: list[list[Choice]] = [
        [(_label(match, desk), {"do": do, "candidate": match["id"]})] for match in matches[:_MATCHES]
    ]
    lines = [f"{len(matches)} candidates match {code(words[:100])}. Which one?"]
    if len(matches) > _MATCHES:
        lines.append("These are the first; write more of the name, the email address or the number for another.")
    return None, desk.shows(lines, buttons)


def _label(match: Json, desk: Desk) -> str:
    sign = cards.STATES[match["status"]].partition(" ")[0]
    return f"{sign} {match['name']}, {cards.course_title(desk.sop, match['course'])} ({match['email']})"
