"""Who may use the bot: letting people in, by their id or by a one-time code, and out. What each may do is in `roles.py`."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

from telegram import Update

from chat import cards
from chat.buttons import FAILED, Choice, Desk, Step, Tapped, Told
from chat.markup import Json, bold, code, esc
from chat.roles import ADMIN, OWNER, VIEWER, private_user

WELCOME = "Welcome. /help says what I do."
NO_CODE = "That code does nothing (any more). Ask whoever gave it to you for a new one."
_CODE = re.compile(r"/start ([A-Za-z0-9_-]{22})")


def invitation(update: Update) -> Json | None:
    """The command by which somebody uses a one-time code; None for anything else."""
    user, message = update.effective_user, update.message
    found = _CODE.fullmatch((message.text or "").strip()) if message else None
    if user is None or found is None or private_user(update) is None:
        return None
    return {"join_by_code": {"code_hash": _hash(found[1]), "user_id": user.id, "name": user.full_name[:100]}}


async def show(desk: Desk, words: str) -> Step:
    """Who may use the bot; with an id, the question whether to let that one in."""
    if desk.role != OWNER:
        return desk.shows(["Only owners let people in and out; they are named in TELEGRAM_ADMIN_IDS."])
    if words.isascii() and words.isdigit() and 0 < int(words[:20]) < 2**52:
        rows: list[list[Choice]] = [[(f"As {role}", _change(int(words), role, words)) for role in (ADMIN, VIEWER)]]
        rows[0].append((f"{cards.GIVEN_UP} No", {"do": "people"}))
        return desk.shows([f"Let {code(words)} in?"], rows)
    lead = (
        [f"I cannot use {code(words[:100])} as an id: it is a number, such as {code('123456789')}.", ""]
        if words
        else []
    )
    return await _people(desk, {}, *lead)


async def _people(desk: Desk, _: Json, *lead: str) -> Step:
    names = await desk.db.known_names()
    people = [one | {"name": names.get(one["user_id"], one["name"])} for one in await desk.db.bot_people()]
    lost = {one["chat_id"]: _lost(one, desk) for one in await desk.db.unreachable_chats()}
    lost.pop(desk.context.user, None)  # whoever asks is there again
    lines = [*lead, f"👥 {bold('Who may use this bot')}", "Owners are named in TELEGRAM_ADMIN_IDS."]
    lines += [f"{_name_and_id(one)}: {one['role']}{lost.pop(one['user_id'], '')}" for one in people]
    lines += [f"{code(user)}{words}" for user, words in lost.items()]
    lines += [
        "",
        f"Admins may do all but this, viewers may only look. {code('/admins 123456789')} lets in whom you know by id.",
    ]
    out: list[list[Choice]] = [
        [(f"Remove {name_of(one)}", _change(one["user_id"], None, name_of(one)))] for one in people[:20]
    ]
    ask: list[Choice] = [(f"Invite {_a(role)}", {"do": "invite", "role": role}) for role in (ADMIN, VIEWER)]
    return desk.shows(lines, [ask, *out])


async def _invite(desk: Desk, action: Json) -> Step:
    """A one-time code, shown this once."""
    if desk.role != OWNER:
        return await show(desk, "")
    drawn, code_hash = one_time_code()
    told = Told(
        done=[
            f"Send this to the new {action['role']}; they write it to me. It works once, within 24 hours.",
            code(f"/start {drawn}"),
        ],
        before=["That invitation was made before."],
        refused=[FAILED],
    )
    command = {"invite": {"code_hash": code_hash, "role": action["role"], "actor": desk.actor}}
    return Step(says=[told], state=desk.state, command=command)


async def _set_role(desk: Desk, action: Json) -> Step:
    if desk.role != OWNER:
        return await show(desk, "")
    name, role = bold(action["name"]), action["role"]
    told = Told(
        done=[
            f"{cards.BOOKED} {name} is {_a(role)} from now on."
            if role
            else f"{cards.GIVEN_UP} {name} is out, from now on."
        ],
        before=[f"That was so before; nothing has changed for {name}."],
        refused=[FAILED],
    )
    arguments = {"user_id": action["user_id"], "role": role, "name": action["name"], "actor": desk.actor}
    return Step(says=[told], state=desk.state, command={"set_role": arguments})


def _change(user_id: int, role: str | None, name: str) -> Json:
    return {"do": "set_role", "user_id": user_id, "role": role, "name": name}


def _a(role: str) -> str:
    return f"{'an' if role == ADMIN else 'a'} {role}"


def _name_and_id(one: Json) -> str:
    """What somebody is called, with their id; the id alone of who was let in by it and has not written yet."""
    name, user = name_of(one), str(one["user_id"])
    return code(user) if name == user else f"{bold(name)} {code(user)}"


def name_of(one: Json) -> str:
    """What somebody is called, else their id."""
    return str(one["name"] or one["user_id"])


def _lost(one: Json, desk: Desk) -> str:
    """That somebody cannot be written to, in words that go behind them."""
    since = cards.when(one["since"], desk.sop.zone)
    return f" {cards.NEEDED} {esc(one['reason'])} (noticed {esc(since)})"


def one_time_code() -> tuple[str, str]:
    """A new code, drawn by lot, and its hash, which is all that is kept of it."""
    drawn = secrets.token_urlsafe(16)
    return drawn, _hash(drawn)


def _hash(drawn: str) -> str:
    return hashlib.sha256(drawn.encode()).hexdigest()


ACTIONS: Mapping[str, Tapped] = {"people": _people, "invite": _invite, "set_role": _set_role}
