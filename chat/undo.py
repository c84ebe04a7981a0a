"""Taking back what was done at the desk: the last deed is shown with what undoing it does, and undone by the next tap.

What takes which deed back is decided in `lifecycle/undo.py`; the sentences are in `undo_words.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chat import cards
from chat.buttons import Card, Choice, Desk, Step, Tapped, Told
from chat.finding import one
from chat.markup import Json, bold, code, esc, first_of
from chat.roles import OWNER
from chat.sop_words import differences
from chat.undo_words import consequences, refusal, sentence, until
from domain.errors import InvalidSop
from lifecycle.deeds import Deed, Limits, Refused, Way, Why
from lifecycle.undo import decide

_MOST_LISTED = 15


async def undo(desk: Desk, words: str) -> Step:
    """Show what the asking admin did last, or what anybody did last about a candidate."""
    if words:
        match, otherwise = await one(desk, words, "undo", ended=True)
        return await _about(desk, match) if match else otherwise
    row = await desk.db.last_deed(actor=desk.actor)
    if row is None:
        return desk.shows(["You have done nothing yet that could be taken back."])
    return await _shown(desk, row, hint=f"{code('/undo Priya')} takes back what was done last about one candidate.")


async def _of_one(desk: Desk, action: Json) -> Step:
    return await undo(desk, action["candidate"])


async def _about(desk: Desk, match: Json) -> Step:
    row = await desk.db.last_deed(candidate_id=match["id"])
    if row is None:
        return desk.shows([f"Nothing was done about {bold(match['name'])} that could be taken back."])
    return await _shown(desk, row)


async def _looked_at(desk: Desk, row: int) -> tuple[Deed, Way | Refused]:
    deed, sop = Deed.of(await desk.db.deed(row=row)), desk.sop
    limits = Limits(now=desk.context.now, undo_for=sop.undo_for, freeze=sop.freeze, owner=desk.role == OWNER)
    return deed, decide(deed, limits)


async def _shown(desk: Desk, row: int, *lead: str, hint: str = "") -> Step:
    """What was done, what undoing it does, and the button that does it; or why it stays."""
    deed, way = await _looked_at(desk, row)
    lines = [*lead, f"{cards.UNDO} {sentence(deed, desk.sop, desk.actor)}", ""]
    try:
        changes = await _sop_changes(desk, deed)
    except InvalidSop:  # it was written for an earlier version of this program
        way, changes = Refused(why=Why.NO_WAY), []
    if isinstance(way, Refused):
        says = Card(lines=[*lines, *refusal(deed, way.why, desk.sop), *([hint] if hint else [])])
        return Step(says=[says], state=desk.state)
    go = {"do": "undo_now", "deed": deed.number, "shown": way.plain()}
    buttons: list[Choice] = [(f"{cards.UNDO} Undo it", go), ("‹ Leave it", {"do": "left"})]
    lines += [*consequences(deed, way, desk.sop), *changes, "", until(deed, desk.sop)]
    return desk.shows(lines, [buttons])


async def _sop_changes(desk: Desk, deed: Deed) -> list[str]:
    """What going back to an earlier SOP changes."""
    if deed.sop is None:
        return []
    earlier = await asyncio.to_thread(desk.parse, deed.sop["text"], "the earlier SOP")
    found = differences(desk.sop, earlier)
    return ["", *first_of([f"• {esc(line)}" for line in found], _MOST_LISTED)]


async def _undo_now(desk: Desk, action: Json) -> Step:
    """Undo what was shown; shown anew when it would lead to anything else by now."""
    deed, way = await _looked_at(desk, action["deed"])
    if isinstance(way, Refused) or way.plain() != action["shown"]:
        return await _shown(desk, action["deed"], f"{cards.NEEDED} This has changed since you looked. It is now:", "")
    was = f"{cards.UNDO} {sentence(deed, desk.sop, desk.actor)}"
    told = Told(
        done=[was, "", "That is taken back.", *_to_come(desk, deed, way)],
        before=[was, "", "That was taken back before; nothing more has happened."],
        refused=[was, "", "Something has changed meanwhile, so nothing was done. /undo shows how it is now."],
    )
    arguments = {"deed": deed.number, "seen": deed.seen, "commands": list(way.commands), "actor": desk.actor}
    return Step(says=[told], state=desk.state, command={"take_back": arguments})


def _to_come(desk: Desk, deed: Deed, way: Way) -> list[str]:
    """What is still to be done by the worker."""
    if not way.moves and not way.again:
        return []
    one = deed.candidates[0] if len(deed.candidates) == 1 else None
    result = desk.result_told(one["chat_id"]) if one else "/queue shows how far that is."
    return [
        f"{cards.WAITS} I book the times from before now. {result}",
        "If one of them has gone meanwhile, I ask again.",
    ]


ACTIONS: Mapping[str, Tapped] = {"undo": _of_one, "undo_now": _undo_now}
