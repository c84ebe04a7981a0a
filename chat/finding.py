"""Whom a command is about: the one candidate that a name means, else a question with a button for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chat import cards
from chat.buttons import Choice, Desk, Step, Tapped, short, turning
from chat.markup import Json, code
from sop import Sop

_ROWS = 8  # on a page
_MOST = 100
_LONGEST_NAME = 30  # on a button, in UTF-16 units: there is more to say
_ENDED = frozenset({"done", "cancelling", "cancelled"})


async def one(desk: Desk, words: str, do: str, *, ended: bool = False) -> tuple[Json | None, Step]:
    """The candidate that is meant, and what to answer where it is not exactly one. `do` is the command, and the action that each
    button of the question leads to. Of several who have the name, those who are done or cancelled are not meant, unless with
    `ended`."""
    if not words:
        return None, await _which(desk, {"words": "", "for": do, "ended": ended})
    matches = await _matches(desk, words, ended=ended)
    if not matches:
        return None, desk.shows([f"I know nobody called {code(words[:100])}. /queue shows who waits."])
    if len(matches) == 1:
        return matches[0], desk.shows([""])
    return None, await _which(desk, {"words": words, "for": do, "ended": ended})


async def _matches(desk: Desk, words: str, *, ended: bool) -> list[Json]:
    """Whom the words can mean; without words everybody who is open."""
    if not words:
        found = await desk.db.open_candidates(now=desk.context.now, limit=_MOST)
        return list(found["candidates"])
    matches: list[Json] = (await desk.db.show_candidate(needle=words, limit=_MOST))["matches"]
    if len(matches) > 1 and not ended:
        return [match for match in matches if match["status"] not in _ENDED] or matches
    return matches


async def _which(desk: Desk, action: Json) -> Step:
    """Ask which of them is meant, a page of buttons at a time."""
    words, do, place = action["words"], action["for"], action.get("place", 0)
    matches = await _matches(desk, words, ended=action["ended"])
    if words:
        line = f"{len(matches)} candidates match {code(words[:100])}. Which one?"
    else:
        line = f"Whom do you mean? Write a name, an email address or a number, such as {code(f'/{do} Priya')}"
        line += ", or tap." if matches else "."
    page = list(zip(matches, _labels(matches, desk.sop), strict=True))[place * _ROWS : (place + 1) * _ROWS]
    buttons: list[list[Choice]] = [[(label, {"do": do, "candidate": match["id"]})] for match, label in page]
    pages = turning({**action, "do": "which"}, place, len(matches), _ROWS)
    return desk.shows([line], [*buttons, *pages])


def _labels(matches: Sequence[Json], sop: Sop) -> list[str]:
    """A label for each: the name, and the course; where that does not tell them apart the email address, else the number."""
    ways: tuple[Callable[[Json], Any], ...] = (
        lambda match: cards.course_title(sop, match["course"]),
        lambda match: match["email"],
        lambda match: f"no. {match['number']}",
    )
    labels: list[str] = []
    for about in ways:
        labels = [f"{_sign(match)} {short(match['name'], _LONGEST_NAME)}, {about(match)}" for match in matches]
        if len(set(labels)) == len(labels):
            break
    return labels


def _sign(match: Json) -> str:
    return cards.STATES[match["status"]].partition(" ")[0]


ACTIONS: Mapping[str, Tapped] = {"which": _which}
