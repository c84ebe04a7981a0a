"""Gather, decide, act: the steps of a candidate's life and the single-worker loop that runs them.

    claim -> gather -> decide -> reserve -> write events -> settle
                          \\-> escalate

Each step is safe to repeat: what is about to be done outside is committed before, under a key of its own, and its result after. A
worker may die between any two lines; whoever claims the candidate next goes on from what the database says. Decisions are made
by `sop`; the wording for people is the doors' business: notices carry facts, not sentences.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calendar_utils import Calendars
from calendars.base import EventKey, Unknown
from domain.errors import CalendarAuthError, CalendarBusy, CalendarError, DatabaseUnavailable, LostLease, SlotTaken
from domain.model import CandidateRequest, Interval, Interview
from records import Json, booked_facts, event_of, interview_of, notice, option, reservation
from sop import NoPlan, Plan, Sop, explain, plan, verify
from supabase_db import Database

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
IDLE_SECONDS = 0.5
GRACE_SECONDS = 15  # how long the outside call under way may still take when the worker is told to stop
RACES = 5  # how often a plan is made anew at once when somebody else was faster
BUSY_FOR = timedelta(minutes=1)  # when to look again where a provider did not say
PARK_FOR = timedelta(minutes=10)  # when to look again at a calendar that a person must connect first
FAULT_FOR = timedelta(seconds=5)  # when to try again after a fault of ours; five such tries set the candidate aside


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that just happened: its name and whose it is. For progress displays, and for tests that kill between steps."""

    name: str
    candidate: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What a decision needs, read at one moment. Somebody in `unknown` is busy all the time: unknown is not free."""

    now: datetime
    busy: Mapping[str, Sequence[Interval]]
    booked: Sequence[Interview]
    unknown: Mapping[str, Unknown]


class _Stopped(Exception):
    """The worker was told to stop and is between two steps."""


class Scheduler:
    """One worker of one lane. `sop` gives the SOP in force, `observe` hears of every step, `clock` tells the time (aware).

    Once `stop` is set, the outside call under way is finished, the candidate given back, and no other taken.
    """

    def __init__(
        self,
        *,
        db: Database,
        calendars: Calendars,
        sop: Callable[[], Awaitable[Sop]],
        worker: str,
        lane: str = "main",
        observe: Callable[[Step], None] = lambda step: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease_seconds: int = LEASE_SECONDS,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._db, self._calendars, self._sop = db, calendars, sop
        self._worker, self._lane, self._lease = worker, lane, lease_seconds
        self._observe, self._clock = observe, clock
        self._stop = stop or asyncio.Event()

    async def run(self) -> None:
        """Take candidates one at a time until told to stop; wait for new ones when there is none."""
        while not self._stop.is_set():
            try:
                taken = await self.take_one()
            except DatabaseUnavailable:
                logger.warning("waiting for the database", extra={"action": "wait_for_database"})
                taken = False
            if not taken:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), IDLE_SECONDS)

    async def run_until_idle(self) -> None:
        """Take candidates one at a time until none is due, or told to stop."""
        taken = True
        while taken and not self._stop.is_set():
            taken = await self.take_one()

    async def take_one(self) -> bool:
        """Claim the next candidate of the lane and bring it as far as it goes now; False when none is due."""
        claim = await self._db.claim(worker=self._worker, lane=self._lane, lease_seconds=self._lease)
        if claim is None:
            return False
        candidate = claim["candidate"]
        tasks = [
            asyncio.ensure_future(steps)
            for steps in (self._bring_on(claim), self._keep_lease(candidate), self._end_of_grace())
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(results[0], Exception):
            await self._give_back(candidate, results[0])
        return True

    async def _keep_lease(self, candidate: Json) -> None:
        """Renew the lease until it is lost: then whatever this worker would write is refused, and it had better end."""
        while True:
            await asyncio.sleep(self._lease / 3)
            try:
                await self._db.heartbeat(
                    candidate_id=candidate["id"], fence=candidate["fence"], lease_seconds=self._lease
                )
            except DatabaseUnavailable:
                logger.warning("lease not renewed", extra={"action": "heartbeat", "candidate_id": candidate["id"]})
            except LostLease:
                return

    async def _end_of_grace(self) -> None:
        await self._stop.wait()
        await asyncio.sleep(GRACE_SECONDS)

    async def _give_back(self, candidate: Json, error: Exception) -> None:
        """Let the candidate be claimed again: at once, later, or (after five faults of ours) never without an admin."""
        if isinstance(error, LostLease):
            logger.warning("lease lost", extra={"action": "lost_lease", "candidate_id": candidate["id"]})
            return
        fault = not isinstance(error, (_Stopped, CalendarBusy, CalendarAuthError, SlotTaken))
        if fault:
            logger.error("step failed", exc_info=error, extra={"action": "fault", "candidate_id": candidate["id"]})
        with contextlib.suppress(LostLease, DatabaseUnavailable):  # then the lease runs out by itself
            await self._db.release(
                candidate_id=candidate["id"],
                fence=candidate["fence"],
                not_before=self._try_again_at(error),
                count_attempt=fault,
                reason=type(error).__name__,
            )

    def _try_again_at(self, error: Exception) -> datetime | None:
        now = self._clock()
        if isinstance(error, (_Stopped, SlotTaken)):
            return None
        if isinstance(error, CalendarBusy):
            return error.retry_at or now + BUSY_FOR
        return now + (PARK_FOR if isinstance(error, CalendarAuthError) else FAULT_FOR)

    def _did(self, candidate: Json, step: str, detail: str = "") -> None:
        """Tell the observer what was done; between two steps is where a worker that is told to stop does so."""
        self._observe(Step(name=step, candidate=candidate["request"]["name"], detail=detail))
        if self._stop.is_set():
            raise _Stopped

    # The steps ----------------------------------------------------------------------------------------------------

    async def _bring_on(self, claim: Json) -> None:
        """Whatever comes next for a claimed candidate, by the state it is in."""
        candidate, interviews = claim["candidate"], claim["interviews"]
        self._did(candidate, "claimed", candidate["status"])
        if not await self._write_events(candidate, claim["writes"]):
            return
        if candidate["status"] == "planning":
            reserved = await self._schedule(candidate)
            if reserved is None or not await self._write_events(candidate, reserved["writes"]):
                return
            interviews = reserved["interviews"]
        await self._settle(candidate, interviews)

    async def _schedule(self, candidate: Json) -> Json | None:
        """Plan and reserve; None when it was escalated instead. Losing a race means planning again on what is true now."""
        request = CandidateRequest.parse(candidate["request"])
        for _ in range(RACES):
            sop = await self._sop()
            situation = await gather(self._db, self._calendars, sop, request, self._clock())
            self._did(candidate, "gathered")
            result = await asyncio.to_thread(decide, sop, request, situation)
            self._did(candidate, "decided")
            if isinstance(result, NoPlan):
                await self._escalate(candidate, sop, situation, result)
                return None
            try:
                reserved = await self._db.reserve(
                    candidate_id=candidate["id"],
                    fence=candidate["fence"],
                    sop_version=sop.version,
                    interviews=reservation(sop, request, result),
                    detail={"cost": result.cost._asdict()},
                )
            except SlotTaken:
                logger.info("slot taken meanwhile", extra={"action": "replan", "candidate_id": candidate["id"]})
                continue
            self._did(candidate, "reserved")
            return reserved
        raise SlotTaken

    async def _write_events(self, candidate: Json, writes: Sequence[Json]) -> bool:
        """Carry out the calendar writes that wait; False when one failed for good and an admin was asked."""
        for write in writes:
            try:
                result = await self._write_event(write)
            except (CalendarBusy, CalendarAuthError) as error:
                await self._write_failed(candidate, write, error, retry_at=self._try_again_at(error))
                raise
            except CalendarError as error:
                await self._write_failed(candidate, write, error, retry_at=None)
                if write["verb"] == "put":
                    await self._escalate_write(candidate, write, error)
                    return False
                continue  # an event that cannot be cancelled has its own escalation; the others still can
            self._did(candidate, "written", write["verb"])
            await self._db.write_done(write_id=write["id"], fence=candidate["fence"], result=result)
            self._did(candidate, "recorded", write["verb"])
        return True

    async def _write_event(self, write: Json) -> Json:
        key = EventKey(interview=write["interview_id"], generation=write["generation"])
        if write["verb"] == "cancel":
            await self._calendars.cancel(key)
            return {}
        state = await self._calendars.put(event_of(key, write["revision"], write["payload"]))
        return {"handle": state.handle, "etag": state.etag, "link": state.link, "meeting": state.meeting}

    async def _write_failed(
        self, candidate: Json, write: Json, error: CalendarError, *, retry_at: datetime | None
    ) -> None:
        await self._db.write_failed(
            write_id=write["id"],
            fence=candidate["fence"],
            reason=error.reason or type(error).__name__,
            message=str(error),
            retry_at=retry_at,
        )

    async def _settle(self, candidate: Json, interviews: Sequence[Json]) -> None:
        kind = {"planning": "booked", "booking": "booked", "cancelling": "cancelled"}.get(candidate["status"])
        facts = booked_facts(await self._sop(), candidate, interviews) if kind == "booked" else {}
        notices = notice(candidate, kind, facts) if kind else []
        await self._db.settle(candidate_id=candidate["id"], fence=candidate["fence"], notices=notices)
        self._did(candidate, "settled")

    async def _escalate(self, candidate: Json, sop: Sop, situation: Situation, refusal: NoPlan) -> None:
        """Ask an admin: the reason in words, and the ways out that are already checked."""
        unread = [f"{sop.interviewers[who].name}: {why.reason} {why.cure}" for who, why in situation.unknown.items()]
        reason = "\n".join([*explain(sop, refusal), *(f"Calendar not read: {line}" for line in unread)])
        options = await asyncio.to_thread(lambda: [option(relaxation) for relaxation in refusal.relaxations])
        await self._ask(candidate, "no_plan", reason, options, sop.version)

    async def _escalate_write(self, candidate: Json, write: Json, error: CalendarError) -> None:
        reason = f"The calendar refused the event of the round {write['payload']['title']}: {error}"
        await self._ask(candidate, "calendar", reason, [], None)

    async def _ask(
        self, candidate: Json, kind: str, reason: str, options: Sequence[Json], sop_version: str | None
    ) -> None:
        facts = {"reason": reason, "options": [{"text": option["text"]} for option in options]}
        await self._db.escalate(
            candidate_id=candidate["id"],
            fence=candidate["fence"],
            kind=kind,
            reason=reason,
            options=list(options),
            sop_version=sop_version,
            notices=notice(candidate, "escalated", facts, everybody=True),
        )
        self._did(candidate, "escalated")


# What the steps gather and decide ------------------------------------------------------------


async def gather(db: Database, calendars: Calendars, sop: Sop, request: CandidateRequest, now: datetime) -> Situation:
    """Busy times of all who could take a round (one read per provider) and what is booked, as far as the SOP looks."""
    horizon = sop.horizon(request)
    people = {who: sop.interviewers[who].calendars for who in sop.involved(request.course)}
    answers = await calendars.busy(people, horizon)
    unknown = {who: answer for who, answer in answers.items() if isinstance(answer, Unknown)}
    known = {who: answer for who, answer in answers.items() if not isinstance(answer, Unknown)}
    rows = await db.booked_between(start=horizon.start, end=horizon.end)
    return Situation(
        now=now,
        busy={**known, **{who: (horizon,) for who in unknown}},
        booked=tuple(map(interview_of, rows)),
        unknown=unknown,
    )


def decide(sop: Sop, request: CandidateRequest, situation: Situation) -> Plan | NoPlan:
    """The best plan, checked against every rule by a second pair of eyes before anything is reserved; or why there is none."""
    now, busy, booked = situation.now, situation.busy, situation.booked
    result = plan(sop, request, busy=busy, booked=booked, now=now)
    if isinstance(result, Plan):
        verify(sop, result, request, busy, booked, now)
    return result
