"""Workers that stand still past their lease and then go on, that are told to stop, or whose lease runs out by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from booking.watch import sweep
from calendar_utils import Calendars
from calendars.base import Owner
from calendars.local import LocalCalendar
from config import parse_sop
from supabase_db import Database
from tests.acceptance.test_death import LIFE, NOW, SOP, ask, bench, enqueue, let_leases_run_out, state
from tests.workers import Bench, Kill, finish, start

__all__ = ["ask", "bench"]  # fixtures
Ask = Callable[[str], list[dict[str, Any]]]
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="whether a process stands still is read in /proc"
)


def stopped(bench: Bench, kill: Kill) -> Any:
    """A worker that stands still since a step."""
    worker = start(bench, "zombie", [replace(kill, by=signal.SIGSTOP)])
    ends_at = time.monotonic() + 20
    while _state_of(worker.pid) != "T":
        assert time.monotonic() < ends_at, "it never came to that step"
        time.sleep(0.01)
    return worker


def _state_of(pid: int | None) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def booked_once(end: dict[str, Any]) -> None:
    assert [row["status"] for row in end["interviews"]] == ["booked", "booked"]
    assert [row["kind"] for row in end["notices"]] == ["booked"]
    assert [(row["verb"], row["status"]) for row in end["writes"]] == [("put", "done"), ("put", "done")]
    assert len(end["holds"]) == 5
    assert end["whole"] == [{"ok": "true"}]


@needs_proc
@pytest.mark.parametrize("kill", LIFE[:-1], ids=lambda kill: f"{kill.step}-{kill.nth}")
async def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(kill: Kill, bench: Bench, ask: Ask) -> None:
    await enqueue(bench.dsn, "Priya")
    zombie = stopped(bench, kill)
    let_leases_run_out(ask)
    assert finish(start(bench, "second")) == 0

    os.kill(zombie.pid, signal.SIGCONT)
    assert finish(zombie) == 0

    booked_once(state(ask, bench.folder))


@needs_proc
@pytest.mark.parametrize("step", ["reserved", "recorded"])
async def test_an_event_that_a_waking_worker_makes_too_late_is_removed(step: str, bench: Bench, ask: Ask) -> None:
    await enqueue(bench.dsn, "Priya")
    zombie = stopped(bench, Kill(step=step))
    async with await Database.connect(dsn=bench.dsn, connections=1) as db:
        await db.cancel_candidate(candidate_id=str(ask("select id from candidates")[0]["id"]), actor="test")
        let_leases_run_out(ask)
        assert finish(start(bench, "second")) == 0
        os.kill(zombie.pid, signal.SIGCONT)
        assert finish(zombie) == 0
        assert len(list((bench.folder / "interviews").glob("*.ics"))) == 1  # it was under way already

        sop = parse_sop(SOP, "the test's SOP")
        calendar = LocalCalendar(bench.folder, owners=lambda name: Owner(email=name, zone=sop.zone))
        await sweep(db, Calendars({"local": calendar}, default="local"), sop, NOW)

    assert state(ask, bench.folder)["candidates"][0]["status"] == "cancelled"


@pytest.mark.parametrize("kill", LIFE[:-1], ids=lambda kill: f"{kill.step}-{kill.nth}")
async def test_a_worker_told_to_stop_at_any_step_hands_over_at_once(kill: Kill, bench: Bench, ask: Ask) -> None:
    await enqueue(bench.dsn, "Priya")
    told_at = time.monotonic()

    assert finish(start(bench, "first", [replace(kill, by=signal.SIGTERM)])) == 0

    assert time.monotonic() - told_at < 20
    assert ask("select 1 from candidates where worker is not null or attempts > 0") == []
    assert finish(start(bench, "second")) == 0
    booked_once(state(ask, bench.folder))


async def test_a_dead_worker_is_followed_when_its_lease_is_over_without_anybodys_help(bench: Bench, ask: Ask) -> None:
    short = replace(bench, lease=1)
    await enqueue(bench.dsn, "Priya")
    finish(start(short, "first", [Kill(step="reserved")]))
    died_at = time.monotonic()

    while ask("select 1 from candidates where status <> 'booked'"):
        assert time.monotonic() - died_at < 5
        assert finish(start(short, "second")) == 0

    booked_once(state(ask, bench.folder))
