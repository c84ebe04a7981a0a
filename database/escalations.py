"""The functions of `sql/` for questions that nobody answers. One short method for each, as in `supabase_db.py`, whose `Database`
has them all.

What admins do to questions goes through `desk_turn`, as the commands `put_off` and `hand_to`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from database.caller import Caller, Json


class EscalationCalls(Caller):
    """Everything here can be called twice with the same arguments and has its effect once."""

    async def unanswered(self) -> list[Json]:
        """Open questions about which somebody may have to be told: `{id, since, handed, put_off_until}`."""
        return await self._list("unanswered")

    async def hand_on(self, *, escalation_id: int, since: str, now: datetime) -> Json:
        """Have the next admin told of a question, unless something has happened to it after `since`: `{changed}`."""
        return await self._object("hand_on", escalation_id=escalation_id, since=since, now=now)

    async def tell_all(self, *, escalation_id: int, since: str, now: datetime) -> Json:
        """Have all admins told that a question is still open, unless something has happened to it after `since`: `{changed}`."""
        return await self._object("tell_all", escalation_id=escalation_id, since=since, now=now)

    async def next_holder(self, *, escalation_id: int, handed: int, admins: Sequence[int]) -> int | None:
        """Who of the admins, in their order, has a question after its handing of this number; None when nobody is to be told of
        that any more."""
        found = await self._object("next_holder", escalation_id=escalation_id, handed=handed, admins=list(admins))
        return None if found["chat_id"] is None else int(found["chat_id"])
