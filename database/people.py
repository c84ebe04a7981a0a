"""The functions of `sql/` for who may use the bot. One short method for each, as in `supabase_db.py`, whose `Database` has them.

Changes go through `bot_turn` and `desk_turn`, as the commands `set_role`, `invite` and `join_by_code`.
"""

from __future__ import annotations

from database.caller import Caller, Json


class PeopleCalls(Caller):
    """Reads of roles. Nobody here is an owner: those are named in the settings."""

    async def role_of(self, *, user_id: int) -> str | None:
        """`admin` or `viewer`; None for somebody who is neither."""
        found = await self._maybe("role_of", user_id=user_id)
        return str(found["role"]) if found else None

    async def bot_people(self) -> list[Json]:
        """Everybody with a role: `{user_id, role, name, added_by, added_at}`, the first who came first."""
        return await self._list("bot_people")
