"""The functions of `sql/` for the admins' desk: turns with buttons, blocked interviewers, a queue that stands still.

One short method for each, as in `supabase_db.py`, whose `Database` has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from database.caller import Caller, Json


class DeskCalls(Caller):
    """Everything here can be called twice with the same arguments and has its effect once."""

    async def desk_turn(
        self,
        *,
        update_id: int,
        chat_id: int,
        user_id: int,
        state: Json | None,
        replies: Sequence[Any] = (),
        command: Json | None = None,
        use: str | None = None,
        message_id: int | None = None,
        buttons: Sequence[Json] = (),
        stale: Sequence[Any] = (),
    ) -> Json:
        """`bot_turn` with what belongs to buttons: `{repeated, replied, replies, outcome}`.

        `use` is the token of the button that was tapped under `message_id`; when it does nothing any more, nothing happens but
        that `stale` is replied. `buttons` are those of the replies: `{token, card, action}`. The `command` may also be
        `take_shown`, `take_other`, `put_off`, `hand_to`, `check_again`, `block_interviewer`, `unblock_interviewer`,
        `pause_lane`, `link_interviewer`, `unlink_interviewer`, `answer_interview` or `take_back`; what cannot be done has the
        outcome `{refused, message}`.
        """
        return await self._object(
            "desk_turn",
            update_id=update_id,
            chat_id=chat_id,
            user_id=user_id,
            state=state,
            replies=list(replies),
            command=command,
            use=use,
            message_id=message_id,
            buttons=list(buttons),
            stale=list(stale),
        )

    async def button_action(self, *, token: str, chat_id: int, user_id: int, message_id: int) -> Json | None:
        """What a button stands for; None when it is not this admin's, not this message's, used, expired or unknown."""
        return await self._maybe("button_action", token=token, chat_id=chat_id, user_id=user_id, message_id=message_id)

    async def add_buttons(self, *, chat_id: int, user_id: int, buttons: Sequence[Json]) -> Json:
        """Make buttons for a message of the bot's own accord."""
        return await self._object("add_buttons", chat_id=chat_id, user_id=user_id, buttons=list(buttons))

    async def place_card(self, *, card: str, message_id: int) -> Json:
        """Bind the buttons of a card to the message they are under."""
        return await self._object("place_card", card=card, message_id=message_id)

    async def open_candidates(self, *, now: datetime, limit: int = 100) -> Json:
        """Who waits and who has interviews to come: `{count, candidates}`, each with `interviews` as `claim` has them, those
        who wait in the queue first, then those who wait for a decision; at most `limit` of the `count`."""
        return await self._object("open_candidates", now=now, limit=limit)

    async def blocked_by(self, *, interviewer: str, start: datetime, end: datetime) -> list[Json]:
        """Interviews that stand and that an interviewer has in a time, with `name`, `number` and `candidate_status`."""
        return await self._list("blocked_by", interviewer=interviewer, start=start, end=end)

    async def block_interviewer(
        self, *, interviewer: str, start: datetime, end: datetime, actor: str, reason: str = ""
    ) -> Json:
        """Count a time as busy and plan anew what is booked in it: `{changed, affected}`. `WrongState` while one of those
        candidates is just being booked; then nothing has happened."""
        return await self._object(
            "block_interviewer", interviewer=interviewer, start=start, end=end, actor=actor, reason=reason
        )

    async def blocks_between(self, *, start: datetime, end: datetime) -> list[Json]:
        """Times at which interviewers cannot come: `{id, interviewer, start, end, reason}`."""
        return await self._list("blocks_between", start=start, end=end)

    async def unblock_interviewer(self, *, block_id: int, actor: str) -> Json:
        """Count a time as busy no longer: `{changed}`. What was planned anew because of it stays as it is."""
        return await self._object("unblock_interviewer", block_id=block_id, actor=actor)

    async def pause_lane(self, *, lane: str, paused: bool, actor: str) -> Json:
        """Let no candidate of a lane be taken, or let it go on: `{changed}`."""
        return await self._object("pause_lane", lane=lane, paused=paused, actor=actor)

    async def lane_pause(self, *, lane: str) -> Json | None:
        """Since when a lane stands still and who wanted it: `{since, by}`; None while it goes on."""
        return await self._maybe("lane_pause", lane=lane)

    async def last_deed(self, *, actor: str | None = None, candidate_id: str | None = None) -> int | None:
        """A row of the audit of the newest deed of somebody, or (anybody's) about a candidate, that was neither taken back nor
        took another back; None when there is none."""
        found = await self._call("last_deed", actor=actor, candidate_id=candidate_id)
        return None if found is None else int(found)

    async def deed(self, *, row: int) -> Json:
        """The deed that a row of the audit is of, with what it takes to say what takes it back (see `lifecycle.undo.Deed`)."""
        return await self._object("deed", row=row)
