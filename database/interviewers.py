"""The functions of `sql/` for interviewers in the chat: who is linked, what may be reminded of. One short method for each.

Changes go through `bot_turn` and `desk_turn`, as the commands `invite`, `join_by_code`, `link_interviewer`, `unlink_interviewer`
and `answer_interview`; what interviewers are told of is made by the transitions of their interviews.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from database.caller import Caller, Json


class InterviewerCalls(Caller):
    """Reads; nothing is changed here."""

    async def interviewer_of(self, *, user_id: int) -> str | None:
        """The id of the interviewer that somebody in the chat is; None for somebody who is none."""
        found = await self._maybe("interviewer_of", user_id=user_id)
        return str(found["interviewer"]) if found else None

    async def linked_interviewers(self) -> list[Json]:
        """Who is which interviewer: `{interviewer, user_id, name, linked_by, linked_at}`."""
        return await self._list("linked_interviewers")

    async def invitation(self, *, code_hash: str) -> Json | None:
        """What a one-time code is good for: `{role, interviewer}`, of which one is None; None when it is good for nothing."""
        return await self._maybe("invitation", code_hash=code_hash)

    async def to_remind(self, *, lengths: Sequence[str], until: datetime, now: datetime) -> list[Json]:
        """Interviews that begin after `now` and up to `until`, for each linked interviewer and each length for which there is no
        reminder yet: `{key, length, interviewer, told, interview_id, generation, revision, title, start, end, ...}`."""
        return await self._list("to_remind", lengths=list(lengths), until=until, now=now)
