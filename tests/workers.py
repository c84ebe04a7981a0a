"""Workers in processes of their own, which tests kill at a given step; a fork server starts each in milliseconds."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from calendar_utils import Calendars
from calendars.base import Calendar, Event, EventState, Owner
from calendars.local import LocalCalendar
from config import parse_sop
from scheduler import STALE_AFTER, Scheduler, Step
from sop import Sop
from supabase_db import Database

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.workers", "tests.provider_benches"])


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Die by SIGKILL, or get another signal, at the `nth` time that a step of this name is done; of one candidate's only, when
    named."""

    step: str
    nth: int = 1
    candidate: str = ""
    by: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a worker works on: the database, the calendars' folder, the SOP's text, the time, and how slow calendars are.

    `make` makes a provider's client instead of the local calendar; the doorway's pauses are then skipped.
    """

    dsn: str
    folder: Path
    sop: str
    now: datetime
    slow: float = 0.0
    lease: int = 30
    stale_after: float = STALE_AFTER
    make: Callable[[Sop, datetime], Calendar] | None = None


class SlowCalendar(LocalCalendar):
    """The local calendar behind a slow line."""

    slow = 0.0

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        await asyncio.sleep(self.slow)
        return await super().put(event, etag=etag)


def start(bench: Bench, name: str, kills: Sequence[Kill] = ()) -> BaseProcess:
    """A worker that schedules until nobody waits, or it is killed."""
    process = _FORKS.Process(target=_work, args=(bench, name, tuple(kills)))
    process.start()
    return process


def finish(process: BaseProcess, seconds: float = 60) -> int | None:
    """Wait for a worker's end and give its exit code, `-9` after a kill."""
    process.join(seconds)
    return process.exitcode


def make_engine(bench: Bench, db: Database, name: str, kills: Sequence[Kill], stop: asyncio.Event) -> Scheduler:
    """The engine of a worker, on the parts of the bench."""
    sop = parse_sop(bench.sop, "the test's SOP")
    return Scheduler(
        db=db,
        calendars=make_calendars(bench, sop),
        sop=lambda: _given(sop),
        worker=name,
        observe=_killer(kills),
        clock=lambda: bench.now,
        lease_seconds=bench.lease,
        stale_after=bench.stale_after,
        stop=stop,
    )


async def _given(sop: Sop) -> Sop:
    return sop


def make_calendars(bench: Bench, sop: Sop) -> Calendars:
    """The doorway of a worker."""
    if bench.make:
        made = bench.make(sop, bench.now)
        return Calendars({made.provider: made}, default=made.provider, sleep=_at_once)
    calendar = SlowCalendar(bench.folder, owners=lambda name: Owner(email=name, zone=sop.zone))
    calendar.slow = bench.slow
    return Calendars({"local": calendar}, default="local")


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


def _killer(kills: Sequence[Kill]) -> Callable[[Step], None]:
    seen: dict[Kill, int] = dict.fromkeys(kills, 0)

    def observe(step: Step) -> None:
        for kill in seen:
            if kill.step == step.name and kill.candidate in {"", step.candidate}:
                seen[kill] += 1
                if seen[kill] == kill.nth:
                    os.kill(os.getpid(), kill.by)

    return observe


def _work(bench: Bench, name: str, kills: Sequence[Kill]) -> None:
    asyncio.run(_work_until_idle(bench, name, kills))


async def _work_until_idle(bench: Bench, name: str, kills: Sequence[Kill]) -> None:
    async with await Database.connect(dsn=bench.dsn, connections=2) as db:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await make_engine(bench, db, name, kills, stop).run_until_idle()
