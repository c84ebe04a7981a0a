"""The functions of `sql/` for what happens after an interview is booked: plans made anew, choices, the watch, pushed copies.

One short method for each, as in `supabase_db.py`, whose `Database` has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from database.caller import Caller, Json


class AfterBooking(Caller):
    """Everything here can be called twice with the same arguments and has its effect once."""

    # Plans made anew ------------------------------------------------------------------------------------------------------------

    async def ask_replan(self, *, candidate_id: str, actor: str, reason: str = "", detail: Json | None = None) -> Json:
        """Queue a booked (or escalated, or waiting) candidate for a new plan; gives the candidate and `changed`.

        What is booked stands until a worker has the new plan. `detail` may have `excluded` (`[{round, interviewer, start,
        end}]`, each field optional: who or what time will not do), `lasting` (true: that holds for later plans, too),
        `rounds` (those that may move; without: any), `thaw`, `preview` (`[{round, start, end, interviewers}]`: this plan or a
        question), `back` (true: the preview is what was booked before, so its notice was given), `changes` (values by path, as
        a relaxation has them), `request` (another one), `rebook` (rounds that were left out and are wanted again) and
        `exceptions` (in place of those that hold).
        """
        return await self._object(
            "ask_replan", candidate_id=candidate_id, actor=actor, reason=reason, detail=detail or {}
        )

    async def rebook(
        self, *, candidate_id: str, fence: int, sop_version: str, interviews: Sequence[Json], detail: Json | None = None
    ) -> Json:
        """All changes of a new plan or none: `{interviews, writes}`, as `reserve`, with only the interviews that change.
        An interview that stands is changed in place (`revision` + 1), one that was given up comes back (`generation` + 1)."""
        return await self._object(
            "rebook",
            candidate_id=candidate_id,
            fence=fence,
            sop_version=sop_version,
            interviews=list(interviews),
            detail=detail or {},
        )

    async def unreserve(self, *, candidate_id: str, fence: int, reason: str, detail: Json | None = None) -> Json:
        """Give back the times of a plan whose events are not all written, as if it had never been made, so that it is made anew:
        `{candidate, interviews, writes}` as they are then, which bring back or cancel what was written. `SlotTaken` when times
        that the plan had changed in place are no longer free: nothing was done then. `detail` goes to the audit."""
        return await self._object(
            "unreserve", candidate_id=candidate_id, fence=fence, reason=reason, detail=detail or {}
        )

    async def stand(
        self,
        *,
        candidate_id: str,
        fence: int,
        question: Json | None = None,
        sop_version: str | None = None,
        notices: Sequence[Json] = (),
    ) -> Json:
        """What is booked stays as it is; with a `question` (`kind`, `reason`, `detail`, `options`) an admin is asked."""
        return await self._object(
            "stand",
            candidate_id=candidate_id,
            fence=fence,
            question=question,
            sop_version=sop_version,
            notices=list(notices),
        )

    async def take_option(self, *, escalation_id: int, option: int, actor: str) -> Json:
        """Do what the option at a place (from 0) says and close the escalation; `changed` is False when it was closed before.
        `WrongState` when what it is about has changed since, `SlotTaken` when somebody else has the time by now."""
        return await self._object("take_option", escalation_id=escalation_id, option=option, actor=actor)

    async def write_overruled(self, *, write_id: int, fence: int, reason: str, result: Json | None = None) -> Json:
        """A person has moved or deleted the event that was to be written: the write is dropped, the watch will look. `result`
        is as in `write_done`, where this was the first write."""
        return await self._object("write_overruled", write_id=write_id, fence=fence, reason=reason, result=result or {})

    # The watch of calendars -----------------------------------------------------------------------------------------------------

    async def watch_state(self, *, calendar: str) -> Json | None:
        """How far a calendar was read: `{cursor, resynced_at, busy_at}`; None before the first time."""
        return await self._maybe("watch_state", calendar=calendar)

    async def watched(
        self, *, now: datetime, ids: Sequence[str] = (), handles: Sequence[str] = (), everything: bool = False
    ) -> list[Json]:
        """Interviews with their `candidate`: of these ids or event handles, those due for a look, and all that are to come."""
        return await self._list("watched", ids=list(ids), handles=list(handles), all=everything, now=now)

    async def save_watch(
        self,
        *,
        calendar: str,
        cursor: str,
        now: datetime,
        resynced: bool = False,
        busy: bool = False,
        later: Sequence[str] = (),
        notices: Sequence[Json] = (),
    ) -> Json:
        """Where to read on; `later` are interviews to look at again next time."""
        return await self._object(
            "save_watch",
            calendar=calendar,
            cursor=cursor,
            resynced=resynced,
            busy=busy,
            later=list(later),
            notices=list(notices),
            now=now,
        )

    async def event_seen(
        self,
        *,
        seen: Json,
        action: str = "",
        accepted: Sequence[str] = (),
        close: Sequence[str] = (),
        **which: str | int,
    ) -> Json:
        """Remember what an event says; `which` is `interview_id`, `generation` and `revision`, as everywhere below."""
        return await self._object(
            "event_seen", seen=seen, action=action, accepted=list(accepted), close=list(close), **which
        )

    async def follow_move(
        self,
        *,
        start: datetime,
        end: datetime,
        seats: Sequence[Json],
        seen: Json,
        notices: Sequence[Json] = (),
        **which: str | int,
    ) -> Json:
        """Take over a person's move: `SlotTaken` when somebody of it is booked at that time."""
        return await self._object(
            "follow_move", start=start, end=end, seats=list(seats), seen=seen, notices=list(notices), **which
        )

    async def event_deleted(self, *, question: Json, notices: Sequence[Json] = (), **which: str | int) -> Json:
        """A person has deleted the event: its time is free, the round is left out, and an admin is asked."""
        return await self._object("event_deleted", question=question, notices=list(notices), **which)

    async def interviewer_declined(self, *, seen: Json, people: Sequence[str], reason: str, **which: str | int) -> Json:
        """Have the round planned anew without these interviewers."""
        return await self._object("interviewer_declined", seen=seen, people=list(people), reason=reason, **which)

    async def ask_about(
        self, *, question: Json, seen: Json | None = None, notices: Sequence[Json] = (), **which: str | int
    ) -> Json:
        """Ask an admin, unless the very same question was asked before: `{changed}`."""
        return await self._object("ask_about", question=question, seen=seen, notices=list(notices), **which)

    async def ask_once(
        self, *, candidate_id: str, interview_id: str, question: Json, notices: Sequence[Json] = ()
    ) -> Json:
        """The same about an interview that no longer stands."""
        return await self._object(
            "ask_once", candidate_id=candidate_id, interview_id=interview_id, question=question, notices=list(notices)
        )

    async def was_recorded(self, *, key: str) -> bool:
        """Whether the audit has a row with this key."""
        return bool((await self._object("was_recorded", key=key))["recorded"])

    # Copies in people's own calendars -------------------------------------------------------------------------------------------

    async def interview_to_push(self, *, interview_id: str) -> Json | None:
        """An interview with its `candidate` and its `copies`; None when there is none."""
        return await self._maybe("interview_to_push", interview_id=interview_id)

    async def push_begin(
        self, *, interview_id: str, owner: str, provider: str, calendar: str, said: Json, anew: bool = False
    ) -> Json:
        """Write down that a copy is to say this; gives its `key`, `generation`, `revision` and `etag`."""
        return await self._object(
            "push_begin",
            interview_id=interview_id,
            owner=owner,
            provider=provider,
            calendar=calendar,
            said=said,
            anew=anew,
        )

    async def push_done(
        self, *, interview_id: str, owner: str, provider: str, calendar: str, generation: int, result: Json
    ) -> Json:
        """A copy was pushed; `result` has `handle`, `etag` and `link`."""
        return await self._object(
            "push_done",
            interview_id=interview_id,
            owner=owner,
            provider=provider,
            calendar=calendar,
            generation=generation,
            result=result,
        )
