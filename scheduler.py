"""Gather, decide, act: the steps of a candidate's life and the single-worker loop that runs them.

    claim -> gather -> decide -> reserve or rebook -> write events -> settle
                ^         \\-> escalate, or let the booking stand and ask
                 \\- unreserve: calendars have taken a time before its event was written

Each step is safe to repeat: what is about to be done outside is committed before, under a key of its own, and its result after. A
worker may die between any two lines; whoever claims the candidate next goes on from what the database says. Decisions are made
by `sop`; the wording for people is the doors' business: notices carry facts, not sentences.

Busy times are read once for a candidate, just before its events are written, and once more for events that had to wait. After
they are written nothing is read: between the two lie milliseconds, what somebody puts there in these is seen by the watch like
everything that comes later, and a third reading would only make its window a little smaller, at one call for each candidate.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from booking import asking
from booking.planning import Made, Outdated, Situation, Terms, as_granted, decide, gather
from booking.records import Json, booked_facts, long_wait, moves, notice, reservation
from booking.second_look import overtaken
from booking.troubles import WRITE, Troubles, waits_for
from booking.writing import Overruled, carry_out
from calendar_utils import Calendars
from domain.errors import (
    CalendarAuthError,
    CalendarBusy,
    CalendarError,
    DatabaseUnavailable,
    FieldError,
    LostLease,
    SlotTaken,
)
from sop import NoPlan, Sop
from supabase_db import Database

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
IDLE_SECONDS = 0.5
GRACE_SECONDS = 15  # how long the outside call under way may still take when the worker is told to stop
RACES = 5  # how often a plan is made anew at once when somebody else was faster
BUSY_FOR = timedelta(minutes=1)  # when to look again where a provider did not say
PARK_FOR = timedelta(minutes=10)  # when to look again at a calendar that a person must connect first
LONG_WAIT = 3600.0  # seconds that events may wait for a calendar before admins are told
STALE_AFTER = 60.0  # seconds: what was free when times were reserved may be taken by then
FAULT_FOR = timedelta(seconds=5)  # when to try again after a fault of ours; five such tries set the candidate aside


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that just happened: its name and whose it is. For progress displays, and for tests that kill between steps."""

    name: str
    candidate: str
    detail: str = ""


class _Stopped(Exception):
    """The worker was told to stop and is between two steps."""


class _AtRest(Exception):
    """The candidate has come to rest before any event was to be written: it stands as it was, or an admin has been asked."""


class Scheduler:
    """One worker of one lane. `sop` gives the SOP in force, `observe` hears of every step, `clock` tells the time (aware); times
    that were reserved more than `stale_after` seconds ago are looked at again before they are written; `troubles` are those
    of the program.

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
        stale_after: float = STALE_AFTER,
        troubles: Troubles | None = None,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._db, self._calendars, self._sop = db, calendars, sop
        self._worker, self._lane, self._lease = worker, lane, lease_seconds
        self._observe, self._clock, self._stale_after = observe, clock, stale_after
        self._troubles = troubles or Troubles(db, calendars)
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
            await self._give_back(claim, results[0])
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

    async def _give_back(self, claim: Json, error: Exception) -> None:
        """Let the candidate be claimed again: at once, later, or (after five faults of ours) never without an admin."""
        candidate = claim["candidate"]
        if isinstance(error, LostLease):
            logger.warning("lease lost", extra={"action": "lost_lease", "candidate_id": candidate["id"]})
            return
        fault = not isinstance(error, (_Stopped, CalendarBusy, CalendarAuthError, SlotTaken))
        if fault:
            logger.error("step failed", exc_info=error, extra={"action": "fault", "candidate_id": candidate["id"]})
        names = {"candidate_id": candidate["id"], "fence": candidate["fence"]}
        when, reason = self._try_again_at(error), type(error).__name__
        with contextlib.suppress(LostLease, DatabaseUnavailable):  # then the lease runs out by itself
            trouble = await self._troubles.failed(error) if isinstance(error, CalendarError) else None
            if trouble and when:
                await self._db.park(**names, subject=trouble, not_before=when, reason=reason)
            else:
                if isinstance(error, CalendarBusy) and claim["waited"] >= LONG_WAIT:
                    await self._db.tell(notices=[long_wait(str(error), self._clock().date())])
                await self._db.release(**names, not_before=when, count_attempt=fault, reason=reason)

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
        self._did(claim["candidate"], "claimed", claim["candidate"]["status"])
        self._troubles.waited(claim["candidate"]["waited_for"])
        with contextlib.suppress(_AtRest):
            state = await self._write_events(claim)
            while state["candidate"]["status"] == "planning":
                state = await self._write_events(await self._schedule(state["candidate"], state["interviews"]))
            await self._settle(state["candidate"], state["interviews"])

    async def _schedule(self, candidate: Json, interviews: Sequence[Json]) -> Json:
        """Plan and take the times, and give what is true then. Losing a race means planning again on what is true now."""
        for _ in range(RACES):
            sop = await self._sop()
            try:
                situation = await gather(self._db, self._calendars, sop, candidate, interviews, self._clock())
                await self._troubles.gathered(situation)
                self._did(candidate, "gathered")
                result = await asyncio.to_thread(decide, situation)
            except FieldError as error:
                # The course is no longer in the SOP, or a person has put rounds into another order.
                await self._ask(candidate, asking.unplannable(error), sop, booked=bool(interviews))
                raise _AtRest from error
            self._did(candidate, "decided")
            if not isinstance(result, Made):
                await self._refuse(candidate, sop, situation, result)
                raise _AtRest
            try:
                return await self._book(candidate, sop, situation, result)
            except SlotTaken:
                logger.info("slot taken meanwhile", extra={"action": "replan", "candidate_id": candidate["id"]})
        raise SlotTaken

    async def _book(self, candidate: Json, sop: Sop, situation: Situation, made: Made) -> Json:
        """Reserve a first plan, or book a new one over the one that stands, which stays when there is nothing to change."""
        changed = [one for one in made.interviews if situation.live.get(one.round) != one]
        names = {"candidate_id": candidate["id"], "fence": candidate["fence"]}
        if not changed:
            facts = {"reason": (candidate["replan"] or {}).get("reason", "")}
            await self._db.stand(**names, sop_version=sop.version, notices=notice(candidate, "unchanged", facts))
            self._did(candidate, "stood")
            raise _AtRest
        rows = reservation(situation.granted, situation.request, changed)
        detail: Json = {"cost": made.cost}
        if candidate["replan"] is None and not situation.live:
            reserved = await self._db.reserve(**names, sop_version=sop.version, interviews=rows, detail=detail)
            self._did(candidate, "reserved")
            return {**reserved, "candidate": {**candidate, "status": "booking"}}
        detail |= {
            "moved": moves(situation.granted, situation.request.course, situation.live, changed),
            "reason": (candidate["replan"] or {}).get("reason", ""),
        }
        reserved = await self._db.rebook(**names, sop_version=sop.version, interviews=rows, detail=detail)
        self._did(candidate, "rebooked")
        return {**reserved, "candidate": {**candidate, "status": "booking", "replan": detail}}

    async def _write_events(self, state: Json) -> Json:
        """Carry out the calendar writes that wait, and give what is true then."""
        candidate, pending, stale_at = state["candidate"], list(state["writes"]), self._stale_at(state)
        while pending:
            if pending[0]["verb"] == "put" and time.monotonic() >= stale_at:
                planning = await self._look_again(state, pending)
                if planning is not None:
                    return await self._write_events(planning)
                stale_at = time.monotonic() + self._stale_after
            if pending:
                await self._write_event(candidate, pending.pop(0))
        return state

    def _stale_at(self, state: Json) -> float:
        """From when on, by the monotonic clock, people may no longer be free at the times that they were planned for. Never for
        events that are brought to where they are booked, whatever else is there."""
        candidate = state["candidate"]
        if candidate["status"] != "booking" or "restored" in (candidate["replan"] or {}):
            return math.inf
        return time.monotonic() + self._stale_after - float(state.get("waited", 0.0))

    async def _look_again(self, state: Json, pending: list[Json]) -> Json | None:
        """Read once more whether people are free at the times of events that are still to be written. If not, all times of the
        plan are given back, and what is true then is returned, for a new plan. What turns out to be written already is
        recorded before that, and is pending no more.

        Where a rebooking's old times are gone meanwhile, the new ones are kept all the same, for else there would be neither:
        the watch then asks about what is in the way.
        """
        candidate = state["candidate"]
        granted = as_granted(await self._sop(), Terms.of(candidate))
        found = await overtaken(self._calendars, granted, state["interviews"], pending)
        if not found.clashes:
            return None
        for write in found.made:
            pending.remove(write)
            await self._write_event(candidate, write)
        return await self._unreserve(candidate, "Calendars have taken times of the plan meanwhile.", found.clashes)

    async def _unreserve(self, candidate: Json, reason: str, clashes: Sequence[Json] = ()) -> Json | None:
        """Give all times of a plan back, and what is true then; None where that cannot be."""
        names = {"candidate_id": candidate["id"], "fence": candidate["fence"]}
        try:
            planning = await self._db.unreserve(**names, reason=reason, detail={"clashes": clashes})
        except SlotTaken:
            logger.warning("the old times are gone", extra={"action": "unreserve", "candidate_id": candidate["id"]})
            return None
        self._did(candidate, "unreserved")
        return planning

    async def _refused_for_good(self, candidate: Json, question: Json) -> None:
        """An event cannot be written: an admin is asked, and a booking that was to be changed stands meanwhile as it was."""
        if candidate["status"] == "booking" and "moved" in (candidate["replan"] or {}):
            before = await self._unreserve(candidate, question["reason"])
            if before is not None:
                await self._write_events(before)
                await self._ask(candidate, question, await self._sop(), booked=bool(before["interviews"]))
                return
        await self._escalate(candidate, question, None)

    async def _write_event(self, candidate: Json, write: Json) -> None:
        """Carry out one calendar write. When an event cannot be written for good, an admin is asked."""
        try:
            result = await carry_out(self._calendars, write)
        except (CalendarBusy, CalendarAuthError) as error:
            await self._write_failed(candidate, write, error, retry_at=self._try_again_at(error))
            raise
        except CalendarError as error:
            await self._write_failed(candidate, write, error, retry_at=None)
            if write["verb"] == "put":
                await self._refused_for_good(candidate, asking.not_written(write, error))
                raise _AtRest from error
            return  # an event that cannot be cancelled has its own escalation; the others still can
        self._did(candidate, "written", write["verb"])
        names = {"write_id": write["id"], "fence": candidate["fence"]}
        if isinstance(result, Overruled):
            await self._db.write_overruled(**names, reason=result.reason, result=result.result)
        else:
            await self._db.write_done(**names, result=result)
        self._did(candidate, "recorded", write["verb"])
        await self._troubles.worked(WRITE)

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
        kind = {"booking": "booked", "cancelling": "cancelled"}.get(candidate["status"])
        facts: Json = {}
        if kind == "booked":
            facts = booked_facts(await self._sop(), candidate, interviews)
            change = {name: value for name, value in (candidate["replan"] or {}).items() if name != "undo"}
            moved = change.get("moved", ())
            if any(move["before"] for move in moved) or 0 < len(moved) < len(interviews):
                kind, facts = "rebooked", facts | change
        notices = notice(candidate, kind, facts) if kind else []
        await self._db.settle(candidate_id=candidate["id"], fence=candidate["fence"], notices=notices)
        self._did(candidate, "settled")

    async def _refuse(self, candidate: Json, sop: Sop, situation: Situation, result: Outdated | NoPlan) -> None:
        """Ask an admin: the reason in words, and the ways out that are already checked. Where nothing is in the way but a
        calendar that admins are asked about already, the candidate waits for that."""
        if await self._waits(candidate, situation):
            return
        question = await asyncio.to_thread(asking.refused, sop, candidate, situation, result)
        await self._ask(candidate, question, sop, booked=bool(situation.live) and situation.whole)

    async def _waits(self, candidate: Json, situation: Situation) -> bool:
        """Whether the candidate was left waiting for a calendar."""
        found = waits_for(situation)
        if found is None or not isinstance(await asyncio.to_thread(decide, found[1]), Made):
            return False
        names = {"candidate_id": candidate["id"], "fence": candidate["fence"], "subject": found[0]}
        when = self._clock() + PARK_FOR
        if not await self._db.park(**names, not_before=when, reason="CalendarUnknown", asked=True):
            await self._troubles.closed(found[0])
            return False
        self._did(candidate, "parked")
        return True

    async def _ask(self, candidate: Json, question: Json, sop: Sop, *, booked: bool) -> None:
        """Ask about a candidate: one who is booked stays booked meanwhile, any other waits for the answer."""
        if not booked:
            await self._escalate(candidate, question, sop.version)
            return
        await self._db.stand(
            candidate_id=candidate["id"],
            fence=candidate["fence"],
            question=question,
            sop_version=sop.version,
            notices=notice(candidate, "asked", asking.facts(question), everybody=True),
        )
        self._did(candidate, "stood")

    async def _escalate(self, candidate: Json, question: Json, sop_version: str | None) -> None:
        await self._db.escalate(
            candidate_id=candidate["id"],
            fence=candidate["fence"],
            **question,
            sop_version=sop_version,
            notices=notice(candidate, "escalated", asking.facts(question), everybody=True),
        )
        self._did(candidate, "escalated")
