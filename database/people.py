"""The functions of `sql/` for who may use the bot. One short method for each, as in `supabase_db.py`, whose `Database` has them.

Changes go through `bot_turn` and `desk_turn`, as the commands `set_role`, `invite` and `join_by_code`.
"""

from __future__ import annotations

from database.caller import Caller, Json


class PeopleCalls(Caller):
    """Roles, and whom the bot cannot write to. Nobody with a role here is an owner: those are named in the settings."""

    async def role_of(self, *, user_id: int) -> str | None:
        """`admin` or `viewer`; None for somebody who is neither."""
        found = await self._maybe("role_of", user_id=user_id)
        return str(found["role"]) if found else None

    async def bot_people(self) -> list[Json]:
        """Everybody with a role: `{user_id, role, name, added_by, added_at}`, the first who came first."""
        return await self._list("bot_people")

    async def note_unreachable(self, *, chat_id: int, reason: str) -> Json:
        """Note that somebody cannot be written to, `reason` in words that follow a name: `{changed, name}`. The admins are told
        when that is new; it holds until the next turn of theirs."""
        return await self._object("note_unreachable", chat_id=chat_id, reason=reason)

    async def unreachable_chats(self) -> list[Json]:
        """Who cannot be written to: `{chat_id, reason, since}`, the longest first."""
        return await self._list("unreachable_chats")

    async def know_name(self, *, user_id: int, name: str) -> Json:
        """Keep what somebody is called now: `{changed}`."""
        return await self._object("know_name", user_id=user_id, name=name)

    async def known_names(self) -> dict[int, str]:
        """What people who have used the bot are called, by their ids."""
        return {int(user): str(name) for user, name in (await self._object("known_names")).items()}
