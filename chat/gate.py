"""Who is let in: a role is read from the database at every update, so that whoever is removed is out at once, with every button
on their screen. What each role may do is in `roles.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from telegram import Update

from chat import interviewing
from chat.markup import Json, say
from chat.people import NO_CODE, WELCOME, name_of
from chat.roles import ADMIN, INTERVIEWER, OWNER, VIEWER, may, private_user
from chat.updates import kind_of
from domain.errors import WrongState
from sop import Sop
from supabase_db import Database


class Gate:
    """Knows the owners by their ids, and everybody else who has a role as of their last update. `sop` gives the SOP in force:
    interviewers whom it no longer has are strangers."""

    def __init__(self, db: Database, owners: Iterable[int], sop: Callable[[], Awaitable[Sop]]) -> None:
        self._db, self.owners, self._sop = db, tuple(dict.fromkeys(owners)), sop
        self.roles: dict[int, str] = {}
        self._names: dict[int, str] = {}

    def known(self, update: Update) -> int | None:
        """The id of somebody let in, in their private chat, which has the same id; None for everybody else."""
        user = private_user(update)
        return user if user in self.roles else None

    async def role(self, update: Update) -> str | None:
        """What the sender may do now, whatever it was before; None for somebody who is not let in."""
        user = private_user(update)
        if user is None:
            return None
        role = OWNER if user in self.owners else await self._db.role_of(user_id=user) or await self._interviewer(user)
        self.roles.pop(user, None)
        if role:
            self.roles[user] = role
            await self._know(user, update)
        return role

    async def _know(self, user: int, update: Update) -> None:
        """Keep what somebody is called, for the others to read."""
        name = update.effective_user.full_name[:100] if update.effective_user else ""
        if name and self._names.get(user) != name:
            await self._db.know_name(user_id=user, name=name)
            self._names[user] = name

    async def may(self, update: Update, role: str) -> bool:
        """Whether somebody with a role may do what an update asks."""
        state = await self._db.bot_state(chat_id=private_user(update) or 0) if role == VIEWER else None
        return may(role, update, state)

    async def _interviewer(self, user: int) -> str | None:
        """The role of somebody without one who is an interviewer of the SOP."""
        who = await self._db.interviewer_of(user_id=user)
        return INTERVIEWER if who and who in (await self._sop()).interviewers else None

    async def join(self, update: Update, command: Json, role: str | None) -> Json | None:
        """What came of using a one-time code, with the replies; None for a stranger whose code does nothing."""
        user, welcome = private_user(update), await self._welcome(command, role)
        if user is None or (welcome is None and role is None):
            return None
        state = await self._db.bot_state(chat_id=user) if role else None
        about: Json = {"update_id": update.update_id, "chat_id": user, "user_id": user, "state": state}
        try:
            if welcome:
                return await self._db.bot_turn(**about, replies=[say(welcome)], command=command)
        except WrongState:  # somebody was quicker
            if role is None:
                return None
        return await self._db.bot_turn(**about, replies=[say(NO_CODE)])

    async def _welcome(self, command: Json, role: str | None) -> list[str] | None:
        """What somebody hears when they use a code; None when it does nothing. Who has a role gets none by a code, for it might
        be a lesser one."""
        found = await self._db.invitation(code_hash=command["join_by_code"]["code_hash"])
        if found is None:
            return None
        if found["role"]:
            return [WELCOME] if role in {None, INTERVIEWER} else None
        person = (await self._sop()).interviewers.get(found["interviewer"])
        return interviewing.welcome(person) if person else None

    async def admins(self) -> dict[int, str]:
        """Everybody who may decide, and so is told what is to be decided, with what they are called: the owners as the settings
        name them, then the others as they came."""
        names = await self._db.known_names()
        others = [
            one for one in await self._db.bot_people() if one["role"] == ADMIN and one["user_id"] not in self.owners
        ]
        owners = {user: names.get(user, f"owner {user}") for user in self.owners}
        return owners | {one["user_id"]: names.get(one["user_id"], name_of(one)) for one in others}

    async def refuse(self, update: Update) -> None:
        """Write down, once, that somebody who is not let in wrote."""
        user, chat = update.effective_user, update.effective_chat
        await self._db.refuse_update(
            update_id=update.update_id,
            chat_id=chat.id if chat else 0,
            user_id=user.id if user else 0,
            detail={"kind": kind_of(update), "chat_type": chat.type if chat else None},
        )
