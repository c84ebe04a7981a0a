"""The functions of `sql/` for questions that nobody answers, and for calendars that cannot be used. One short method for each, as
in `supabase_db.py`, whose `Database` has them all.

What admins do to questions goes through `desk_turn`, as the commands `put_off`, `hand_to`, `take_other` and `check_again`.
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

    async def calendars_seen(self, *, failed: Sequence[Json] = (), works: Sequence[str] = ()) -> dict[str, str]:
        """What has changed about calendars: those that cannot be used (`{subject, reason, detail, until}`; `detail` has `name`
        and `way`) and the subjects of those that can be again. Gives the way in which each that is asked about failed."""
        return dict(await self._object("calendars_seen", failed=list(failed), works=list(works)))

    async def park(
        self, *, candidate_id: str, fence: int, subject: str, not_before: datetime, reason: str, asked: bool = False
    ) -> bool:
        """Let go of a candidate who waits for a calendar; with `asked` only while an admin is being asked about it. Whether that
        was done."""
        about = {"candidate_id": candidate_id, "fence": fence, "subject": subject}
        done = await self._object("park", **about, not_before=not_before, reason=reason, asked=asked)
        return bool(done["parked"])
