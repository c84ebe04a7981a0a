"""Who is let in: a role is read from the database at every update, so that whoever is removed is out at once, with every button
on their screen. What each role may do is in `people.py`."""

from __future__ import annotations

from collections.abc import Iterable

from telegram import Update

from chat.people import ADMIN, OWNER, name_of, private_user
from chat.updates import kind_of
from supabase_db import Database


class Gate:
    """Knows the owners by their ids, and everybody else who has a role as of their last update."""

    def __init__(self, db: Database, owners: Iterable[int]) -> None:
        self._db, self.owners = db, tuple(dict.fromkeys(owners))
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
        role = OWNER if user in self.owners else await self._db.role_of(user_id=user)
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
