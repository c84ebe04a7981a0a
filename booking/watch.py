"""Watch the organiser's calendar: compare what is booked with what it says, and see to each difference.

    changes since the cursor -> sort (lifecycle.watching) -> one transition each -> save the cursor

A person's change wins: it is taken over, or asked about, never undone by us. Each transition remembers what it has dealt with,
so a sweep that dies anywhere is simply made again from the cursor it began with. What cannot be dealt with now, because a worker
is at the candidate, is looked at in the next sweep.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from booking import asking
from booking.planning import broken_by_move
from booking.records import course_facts, interview_of, moves, notice
from booking.sightings import booked_of, interval_of, own_times, said_of, seen_json, seen_of
from booking.troubles import WATCH, Troubles
from calendar_utils import Calendars
from calendars.base import Changes, EventState, Unknown
from domain.errors import CalendarError, DatabaseUnavailable, FieldError, SlotTaken, WrongState
from domain.model import Interval
from lifecycle.watching import Action, Decision, Kept, Stray, decide, on_top, stray
from sop import Sop
from supabase_db import Database

Json = dict[str, Any]
logger = logging.getLogger(__name__)

ORGANISER = "organiser"  # the name under which the database keeps how far the calendar was read
EVERY = 300.0  # seconds
JITTER = 0.25
# Everything is compared anew, in case a provider's list of changes has missed something.
RESYNC_AFTER = timedelta(days=1)
# How often people's busy times are looked through for what lies on top of interviews, and how far ahead. With the longest pause
# between two sweeps it takes 37 minutes at most until an admin is asked.
BUSY_AFTER, AHEAD = timedelta(minutes=30), timedelta(days=14)
MARGIN = timedelta(days=1)  # an event of ours that is cut off at an edge of what is read would look strange
FEW = 3  # events that may be missing at once before an empty calendar is suspected


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """Something that a sweep did: an action of `lifecycle.watching`, `ask`, `remove` or `later`, and for which interview."""

    what: str
    interview: str


async def watch(
    *,
    db: Database,
    calendars: Calendars,
    sop: Callable[[], Awaitable[Sop]],
    stop: asyncio.Event,
    troubles: Troubles | None = None,
    every: float = EVERY,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    lots: Callable[[], float] = random.random,
) -> None:
    """Sweep until told to stop, `every` so many seconds, a quarter more or less so that many watchers do not call at once.
    `troubles` are those of the program."""
    troubles = troubles or Troubles(db, calendars)
    while not stop.is_set():
        try:
            await _watched(sweep(db, calendars, await sop(), clock()), troubles)
        except (CalendarError, DatabaseUnavailable) as error:
            logger.warning("sweep given up: %s", error, extra={"action": "sweep_given_up"})
        except Exception:  # whatever it is, the bot and the engine beside us go on, and so do we
            logger.exception("sweep failed", extra={"action": "sweep_failed"})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause(every, lots()))


async def _watched(sweeping: Awaitable[object], troubles: Troubles) -> None:
    """A sweep, and what it shows of the organiser's calendar."""
    try:
        await sweeping
    except CalendarError as error:
        await troubles.failed(error)
        raise
    await troubles.worked(WATCH)


def pause(every: float, lot: float) -> float:
    """Seconds until the next sweep, for a lot from 0 to 1."""
    return every * (1 - JITTER + 2 * JITTER * lot)


async def sweep(db: Database, calendars: Calendars, sop: Sop, now: datetime) -> tuple[Happened, ...]:
    """One look at everything that has changed; what was done about it. `CalendarError` and `DatabaseUnavailable` end it early:
    nothing is lost, the next one begins where this one did."""
    return await _Sweep(db, calendars, sop, now).run()


class _Sweep:
    def __init__(self, db: Database, calendars: Calendars, sop: Sop, now: datetime) -> None:
        self._db, self._calendars, self._sop, self._now = db, calendars, sop, now
        self._happened: list[Happened] = []
        self._later: list[str] = []

    async def run(self) -> tuple[Happened, ...]:
        state = await self._db.watch_state(calendar=ORGANISER) or {}
        anew = _due(state.get("resynced_at"), RESYNC_AFTER, self._now)
        changes = await self._calendars.changes("" if anew else state["cursor"])
        ours = [event for event in changes.events if event.key is not None and self._matters(event, changes)]
        rows = await self._db.watched(
            now=self._now,
            ids=sorted({event.key.interview for event in ours if event.key}),
            handles=changes.gone,
            everything=changes.complete,
        )
        if changes.complete and (missing := self._too_many_missing(rows, ours)):
            await self._suspect(missing)
            return tuple(self._happened)
        for row in rows:
            await self._look_at(row, ours, changes)
        await self._strays(rows, ours)
        busy = _due(state.get("busy_at"), BUSY_AFTER, self._now)
        if busy:
            await self._overlaps()
        await self._db.save_watch(
            calendar=ORGANISER,
            cursor=changes.cursor,
            resynced=changes.complete,
            busy=busy,
            later=self._later,
            now=self._now,
        )
        return tuple(self._happened)

    def _matters(self, event: EventState, changes: Changes) -> bool:
        """Of all there is, what is over is left alone."""
        return not changes.complete or event.interval.end > self._now

    # An empty calendar ----------------------------------------------------------------------------------------------------------

    def _too_many_missing(self, rows: Sequence[Json], ours: Sequence[EventState]) -> int:
        """How many events are missing, where they are so many that it is rather the wrong calendar, or one not filled yet."""
        expected = [row for row in rows if self._stands(row) and row["handle"]]
        there = {event.handle for event in ours}
        missing = sum(row["handle"] not in there for row in expected)
        return missing if missing >= FEW and missing * 2 > len(expected) else 0

    async def _suspect(self, missing: int) -> None:
        """Nothing is done on such a sight; admins are told once a day."""
        logger.error("the calendar lacks %d events", missing, extra={"action": "suspect_calendar"})
        told = {
            "key": f"calendar_suspect:{self._now.date()}",
            "channel": "telegram",
            "recipient": "admins",
            "kind": "calendar_suspect",
            "payload": {"missing": missing},
        }
        await self._db.save_watch(calendar=ORGANISER, cursor="", notices=[told], now=self._now)
        self._did("suspect", "")

    # One interview's event ------------------------------------------------------------------------------------------------------

    def _stands(self, row: Json) -> bool:
        return bool(row["status"] == "booked" and interval_of(row).end > self._now)

    async def _look_at(self, row: Json, ours: Sequence[EventState], changes: Changes) -> None:
        """Decide about one interview on the event as it is now. What seems to be gone is asked for once more by its key: lists of
        changes leave out what was only just written, what came and went since, and what has moved out of their sight."""
        same = [event for event in ours if event.key == asking.key_of(row)]
        if not self._stands(row):
            return
        alive = [event for event in same if not event.cancelled and row["handle"] in {event.handle, ""}]
        state = alive[0] if alive else None
        if state is None:
            if not (same or changes.complete or row["handle"] in changes.gone or row["due"]):
                return
            state = await self._calendars.get(asking.key_of(row))
        decision = decide(booked_of(row, self._sop), seen_of(state, row), now=self._now, grace=self._sop.decline_grace)
        try:
            await self._act(row, state, decision)
        except WrongState:  # a worker is at the candidate, or has just been
            self._later.append(row["id"])
            self._did("later", row["id"])

    async def _act(self, row: Json, state: EventState | None, decision: Decision) -> None:
        if state is None or decision.action is Action.FREE:
            await self._free(row)
        elif decision.action is Action.FOLLOW:
            await self._follow(row, state, decision)
        elif decision.action is Action.REPLACE:
            await self._replace(row, state, decision)
        elif decision.action is Action.ASK_CANDIDATE:
            await self._ask(row, asking.candidate_declined(self._sop, row), seen_json(decision, state, row))
        elif decision.action is Action.ASK_GUESTS:
            question = asking.interviewers_out(self._sop, row, decision.people, "guests")
            await self._ask(row, question, seen_json(decision, state, row))
        else:
            await self._note(row, state, decision)

    async def _note(self, row: Json, state: EventState, decision: Decision) -> None:
        """Remember what the event says, and let questions go that have answered themselves. The link of a conference may come
        some time after the event."""
        linked = state.meeting not in {"", row["meeting"]}
        if not (decision.news or linked) and row["look_at"] is None and decision.look_at is None:
            return
        returned = decision.action is Action.RETURNED
        action = "event_edited" if decision.edited else "event_moved_back" if returned else ""
        await self._db.event_seen(
            **asking.which(row),
            seen=seen_json(decision, state, row),
            action=action or ("decline_taken_back" if decision.accepted else ""),
            accepted=decision.accepted,
            close=[f"moved:{row['round']}"] * returned + [f"declined:{row['round']}"] * bool(decision.accepted),
        )
        self._did(decision.action, row["id"])

    async def _free(self, row: Json) -> None:
        question = asking.deleted(self._sop, row)
        await self._db.event_deleted(**asking.which(row), question=question, notices=_asked(row["candidate"], question))
        self._did(Action.FREE, row["id"])

    async def _follow(self, row: Json, state: EventState, decision: Decision) -> None:
        """Take a move over where the rules allow it; otherwise the person's time stays in the calendar, and an admin is asked."""
        to, seen = state.interval, seen_json(decision, state, row)
        seats = asking.seats_at(self._sop, row, to)
        why = await self._broken(row, state)
        if not why:
            try:
                await self._db.follow_move(
                    **asking.which(row),
                    start=to.start,
                    end=to.end,
                    seats=seats,
                    seen=seen,
                    notices=self._told_of_move(row, to),
                )
            except SlotTaken:
                why = ["Somebody in it has another interview at that time."]
            else:
                self._did(Action.FOLLOW, row["id"])
                return
        await self._ask(row, asking.moved(self._sop, row, to, seats, why), seen)

    async def _broken(self, row: Json, state: EventState) -> list[str]:
        """The rules that a move breaks, in words."""
        found = await self._db.show_candidate(needle=row["candidate_id"])
        try:
            situation, broken = await broken_by_move(
                self._db, self._calendars, self._sop, found["matches"][0], row, said_of(state), self._now
            )
        except FieldError as error:
            return [str(error)]
        return asking.broken_rules(situation.granted, situation, broken)

    def _told_of_move(self, row: Json, to: Interval) -> list[Json]:
        before = interview_of(row, row["candidate"]["email"])
        after = interview_of({**row, "start": to.start.isoformat(), "end": to.end.isoformat()}, before.candidate)
        facts = course_facts(self._sop, row["candidate"])
        if row["course"] in self._sop.courses:
            facts["moved"] = moves(self._sop, row["course"], {row["round"]: before}, [after])
        key = f"{row['id']}:{row['generation']}:{row['revision']}"
        return notice(row["candidate"], "moved", facts, everybody=True, key=key)

    async def _replace(self, row: Json, state: EventState, decision: Decision) -> None:
        """Have the round planned anew without those who declined; where an admin is being asked about the candidate already, they
        are asked about this, too."""
        seen = seen_json(decision, state, row)
        question = asking.interviewers_out(self._sop, row, decision.people, "declined")
        if row["candidate"]["status"] not in {"booked", "queued"}:
            await self._ask(row, question, seen)
            return
        await self._db.interviewer_declined(
            **asking.which(row), seen=seen, people=decision.people, reason=question["reason"]
        )
        self._did(Action.REPLACE, row["id"])

    async def _ask(self, row: Json, question: Json, seen: Json | None) -> None:
        notices = _asked(row["candidate"], question)
        asked = await self._db.ask_about(**asking.which(row), question=question, seen=seen, notices=notices)
        if asked["changed"]:
            self._did("ask", row["id"])

    # Events that are no interview's own -----------------------------------------------------------------------------------------

    async def _strays(self, rows: Iterable[Json], ours: Iterable[EventState]) -> None:
        known = {row["id"]: row for row in rows}
        for event in ours:
            row = known.get(event.key.interview) if event.key else None
            if row is not None and event.key is not None and not event.cancelled:
                kind = stray(_kept(row), generation=event.key.generation, handle=event.handle)
                await self._see_to(kind, row, event)

    async def _see_to(self, kind: Stray, row: Json, event: EventState) -> None:
        """Remove what a late write of ours has left, once: what comes back after that was brought back by a person."""
        if kind in {Stray.OURS, Stray.UNKNOWN} or event.key is None:
            return
        key = f"orphan:{event.key}"
        if kind is Stray.ORPHAN and not await self._db.was_recorded(key=key):
            await self._calendars.cancel(event.key)
            await self._db.record_audit(
                action="orphan_removed",
                actor="calendar",
                candidate_id=row["candidate_id"],
                detail={"interview_id": row["id"], "generation": event.key.generation},
                key=key,
            )
            self._did("remove", row["id"])
            return
        question = asking.second_event(row, kind.value, event.handle, event.link)
        notices = _asked(row["candidate"], question)
        asked = await self._db.ask_once(
            candidate_id=row["candidate_id"], interview_id=row["id"], question=question, notices=notices
        )
        if asked["changed"]:
            self._did("ask", row["id"])

    # Busy times on top of interviews --------------------------------------------------------------------------------------------

    async def _overlaps(self) -> None:
        """Ask about what people's calendars have on top of their next interviews. One read per provider."""
        span = Interval(start=self._now, end=self._now + AHEAD)
        wide = Interval(start=self._now - MARGIN, end=span.end + MARGIN)
        rows = [row for row in await self._db.watched(now=self._now, everything=True) if self._soon(row, span)]
        people = {who: self._sop.interviewers[who].calendars for row in rows for who in self._known(row)}
        if not people:
            return
        answers = await self._calendars.busy(people, wide)
        own = own_times(await self._db.booked_between(start=span.start - AHEAD, end=span.end + AHEAD))
        for row in rows:
            for who in self._known(row):
                busy = answers[who]
                times = () if isinstance(busy, Unknown) else busy
                buffer = self._sop.interviewers[who].buffer
                found = on_top(interval_of(row), buffer=buffer, busy=times, ours=own.get(who, ()))
                if found:
                    with contextlib.suppress(WrongState):  # a worker is at it: the next look will do
                        await self._ask(row, asking.overlap(self._sop, row, who, found), None)

    def _soon(self, row: Json, span: Interval) -> bool:
        return self._stands(row) and self._now < interval_of(row).start < span.end

    def _known(self, row: Json) -> list[str]:
        return [who for who in row["interviewers"] if who in self._sop.interviewers]

    def _did(self, what: str, interview: str) -> None:
        logger.info("sweep: %s", what, extra={"action": f"sweep_{what}", "interview_id": interview})
        self._happened.append(Happened(what=str(what), interview=interview))


def _due(last: str | None, after: timedelta, now: datetime) -> bool:
    return last is None or datetime.fromisoformat(last) + after <= now


def _kept(row: Mapping[str, Any]) -> Kept:
    return Kept(
        status=row["status"],
        generation=row["generation"],
        handle=row["handle"],
        deleted=bool(row["event_said"].get("deleted")),
        unwritten=row["unwritten"],
    )


def _asked(candidate: Json, question: Json) -> list[Json]:
    """The notice of a question, one for each that is different."""
    about = json.dumps([question["kind"], question["detail"]], sort_keys=True)
    key = hashlib.sha256(about.encode()).hexdigest()[:16]
    return notice(candidate, "asked", asking.facts(question), everybody=True, key=key)
