"""Cards whose buttons do something: a button carries a token drawn by lot, and the database knows what it stands for.

A token works once, for one admin in one chat under one message; using one of a card's buttons uses up the card. What follows from
a tap is a `Step`, which `dealt` turns into a turn for the database. What buttons lead to is listed in `taps.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chat.foresight import Foresight
from chat.intake import Turn
from chat.markup import Json, button, say, toast, units
from chat.questions import Context
from sop import Sop
from supabase_db import Database

FAILED = "That did not work. Please try again."
PREFIX = "t:"  # of the data of these buttons
FLOW = "reason"  # of the state of a chat in which a reason is being asked for
_LONGEST_LABEL = 56  # in UTF-16 units; phones show no more

Choice = tuple[str, Json]  # a label and what it stands for: `{"do": name, ...}`
Worded = tuple[str, list[str], list[list[Choice]]]  # for whom, as notices name them; the lines and the buttons


WriteIcs = Callable[[Sop, Sequence[Json], datetime], bytes]  # rows of the agenda and now, as a file for calendar apps
ParseSop = Callable[[str, str], Sop]  # a YAML text and its name; `InvalidSop` with every mistake
Admins = Callable[[], Awaitable[Mapping[int, str]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What a command or a tap is answered with: whose it is, where the conversation is, and what can be looked up.

    `message` is the message that was tapped; `update` the number of what was said; `admins` gives everybody who may decide, by
    their chats and in a lasting order, with what they are called.
    """

    db: Database
    sop: Sop
    context: Context
    update: int
    state: Json | None
    foresight: Foresight
    ics: WriteIcs
    parse: ParseSop
    admins: Admins
    message: int | None = None
    role: str = "owner"

    @property
    def decides(self) -> bool:
        """Whether it is somebody who may do more than look."""
        return self.role in {"owner", "admin"}

    @property
    def actor(self) -> str:
        """Who does it, for the audit."""
        return f"telegram:{self.context.user}"

    def result_told(self, candidate_chat: int | None) -> str:
        """Who hears what comes of it: the admin who took the candidate in, else the one who decides."""
        if candidate_chat in {None, self.context.chat}:
            return "I write here when there is a result."
        return "The admin who took the candidate in hears of the result; /status shows it, too."

    def shows(self, lines: Sequence[str], rows: Sequence[Sequence[Choice]] = ()) -> Step:
        """A card and nothing else: the conversation stays where it is."""
        return Step(says=[Card(lines=lines, rows=rows)], state=self.state)


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A message with buttons, in place of the one that was tapped unless it is `new`."""

    lines: Sequence[str]
    rows: Sequence[Sequence[Choice]] = ()
    new: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A message that depends on what came of the command: it was done, somebody had done it before, or it was refused; with
    buttons unless it was."""

    done: Sequence[str]
    before: Sequence[str]
    refused: Sequence[str]
    rows: Sequence[Sequence[Choice]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What follows from a command or a tap: what is said (files as replies, see `markup.py`), a command of the database's, and
    the conversation from now on."""

    says: Sequence[Card | Told | Json]
    state: Json | None
    command: Json | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dealt(Turn):
    """A turn with what the database has to know of its buttons."""

    use: str | None = None
    message: int | None = None
    buttons: Sequence[Json] = field(default=())
    stale: Sequence[Json] = field(default=())


Tapped = Callable[[Desk, Json], Awaitable[Step | Turn]]
Commanded = Callable[[Desk, str], Awaitable[Step | Turn]]


def dealt(desk: Desk, step: Step | Turn, use: str | None, stale: str) -> Dealt:
    """A step as a turn: buttons get their tokens. `use` is the token that was tapped; `stale` is said when it no longer works."""
    if isinstance(step, Turn):
        turn, buttons = step, []
    else:
        made = [_reply(said, desk.message) for said in step.says]
        turn = Turn(state=step.state, replies=[reply for reply, _ in made], command=step.command)
        buttons = [token for _, tokens in made for token in tokens]
    return Dealt(
        state=turn.state,
        replies=turn.replies,
        command=turn.command,
        use=use,
        message=desk.message,
        buttons=buttons,
        stale=[toast(stale)],
    )


def _reply(said: Card | Told | Json, message: int | None) -> tuple[Json, list[Json]]:
    if isinstance(said, dict):
        return said, []
    card, rows, tokens = drawn(said.rows)
    if isinstance(said, Told):
        outcomes = {"done": said.done, "before": said.before, "refused": said.refused}
        reply: Json = {"told": {name: "\n".join(lines) for name, lines in outcomes.items()}}
        reply |= ({"buttons": rows} if rows else {}) | ({"edit": message} if message else {})
    else:
        reply = say("\n".join(said.lines), rows, None if said.new else message)
    return reply | ({"card": card} if tokens else {}), tokens


def drawn(rows: Sequence[Sequence[Choice]]) -> tuple[str, list[list[Json]], list[Json]]:
    """A card's name, its buttons with new tokens, and these as the database keeps them."""
    card, tokens = secrets.token_urlsafe(16), []
    buttons = []
    for row in rows:
        keys = []
        for label, action in row:
            token = secrets.token_urlsafe(16)
            tokens.append({"token": token, "card": card, "action": action})
            keys.append(button(short(label), PREFIX + token))
        buttons.append(keys)
    return card, buttons, tokens


def told(reply: Mapping[str, Any], outcome: Json | None) -> str:
    """The message of a `Told`, by what came of the command."""
    came = outcome or {}
    way = "refused" if "refused" in came else "done" if came.get("changed", True) else "before"
    return str(reply["told"][way])


def offered(reply: Mapping[str, Any], outcome: Json | None) -> Sequence[Any]:
    """The buttons of a reply, by what came of the command."""
    return () if "told" in reply and "refused" in (outcome or {}) else reply.get("buttons", ())


def turning(action: Json, place: int, count: int, rows: int = 1) -> list[list[Choice]]:
    """Buttons to the pages before and after the one at a place, of so many things with `rows` on each; `action` shows a page."""
    before: list[Choice] = [("‹ Earlier", action | {"place": place - 1})] if place else []
    after: list[Choice] = [("Later ›", action | {"place": place + 1})] if (place + 1) * rows < count else []
    return [[*before, *after]] if before or after else []


def short(text: str, longest: int = _LONGEST_LABEL) -> str:
    """The text, cut where it is longer than so many UTF-16 units."""
    if units(text) <= longest:
        return text
    while units(text) >= longest:
        text = text[:-1]
    return text.rstrip() + "…"


def asking(desk: Desk, purpose: Json) -> Json:
    """The state in which a reason is being asked for; the conversation that was under way comes back after it."""
    return {"flow": FLOW, "version": 1, "purpose": purpose, "under": under(desk.state)}


def purpose_of(state: Json | None) -> Json | None:
    """What a reason is being asked for; None when none is."""
    if not state or (state.get("flow"), state.get("version")) != (FLOW, 1):
        return None
    purpose: Json = state["purpose"]
    return purpose


def under(state: Json | None) -> Json | None:
    """The conversation without the question for a reason on top of it."""
    return state["under"] if state and state.get("flow") == FLOW else state
