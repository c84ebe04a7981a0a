"""Workers that are killed, told to stop, or race each other: the same end as without, nothing twice, nobody lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from supabase_db import Database
from tests.builders import make_request
from tests.workers import Bench, Kill, finish, start

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SOP = """
timezone: UTC
grid: 30m
working_hours: {mon-fri: ["09:00-18:00"]}
interviewers:
  asha: {name: Asha Rao, email: asha@example.com, buffer: 15m}
  ben: {name: Ben Ortiz, email: ben@example.com}
  chloe: {name: Chloe Tran, email: chloe@example.com}
courses:
  java:
    title: Java
    rounds:
      - {id: intro, title: Introduction, duration: 30m, interviewers: [asha], backups: [ben]}
      - id: panel
        title: Panel
        duration: 60m
        gap: {min: 1d}
        seats: [{interviewers: [ben], backups: [asha]}, {interviewers: [chloe]}]
"""
# Every step of a life, in its order; `written` and `recorded` come once for each round.
LIFE = [
    Kill(step="claimed"),
    Kill(step="gathered"),
    Kill(step="decided"),
    Kill(step="reserved"),
    Kill(step="written"),
    Kill(step="recorded"),
    Kill(step="written", nth=2),
    Kill(step="recorded", nth=2),
    Kill(step="settled"),
]


@pytest.fixture
def bench(dsn: str, tmp_path: Path) -> Bench:
    return Bench(dsn=dsn, folder=tmp_path / "calendars", sop=SOP, now=NOW)


@pytest.fixture
def ask(dsn: str) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        yield (
            lambda query: (
                connection.execute(query.encode()).fetchall() if query.startswith("select") else _did(connection, query)
            )
        )


def _did(connection: psycopg.Connection[dict[str, Any]], command: str) -> list[dict[str, Any]]:
    connection.execute(command.encode())
    return []


async def enqueue(dsn: str, *names: str) -> None:
    async with await Database.connect(dsn=dsn, connections=1) as db:
        for name in names:
            request = make_request(name=name, email=f"{name.lower()}@example.com")
            await db.enqueue(request=request.plain(), key=name, source="csv", actor="test", chat_id=7)


def let_leases_run_out(ask: Callable[[str], Any]) -> None:
    ask("update candidates set lease_until = clock_timestamp() where lease_until is not null")


def state(ask: Callable[[str], list[dict[str, Any]]], folder: Path) -> dict[str, Any]:
    """All that may differ after a death: who is booked when, what is held, what was said, and what calendars say."""
    interviews = ask(
        "select c.name, i.* from interviews i join candidates c on c.id = i.candidate_id order by 1, position"
    )
    files = sorted(path.name for path in (folder / "interviews").glob("*.ics"))
    assert files == sorted(f"{row['id']}-{row['generation']}.ics" for row in interviews if row["status"] == "booked")
    return {
        "candidates": ask("select name, status, attempts, worker from candidates order by name"),
        "interviews": [
            {key: row[key] for key in ("name", "round", "starts_at", "interviewers", "status", "generation")}
            for row in interviews
        ],
        "holds": ask("select person, during::text, live from holds order by 1, 2"),
        "writes": ask("select verb, status from calendar_writes order by id"),
        "notices": ask("select kind, recipient from notices order by id"),
        "whole": ask("select verify_audit() ->> 'ok' as ok"),
    }


@pytest.mark.parametrize("kill", LIFE, ids=lambda kill: f"{kill.step}-{kill.nth}")
async def test_a_worker_killed_at_any_step_changes_nothing(kill: Kill, bench: Bench, ask: Callable[[str], Any]) -> None:
    await enqueue(bench.dsn, "Priya")

    assert finish(start(bench, "first", [kill])) == -signal.SIGKILL
    let_leases_run_out(ask)
    assert finish(start(bench, "second")) == 0

    end = state(ask, bench.folder)
    assert [row["status"] for row in end["interviews"]] == ["booked", "booked"]
    assert [row["starts_at"].isoformat() for row in end["interviews"]] == [
        "2026-12-07T09:00:00+00:00",
        "2026-12-08T09:00:00+00:00",
    ]
    assert [row["interviewers"] for row in end["interviews"]] == [["asha"], ["ben", "chloe"]]
    assert [(row["status"], row["attempts"], row["worker"]) for row in end["candidates"]] == [("booked", 0, None)]
    assert [(row["verb"], row["status"]) for row in end["writes"]] == [("put", "done"), ("put", "done")]
    assert [row["kind"] for row in end["notices"]] == ["booked"]
    assert len(end["holds"]) == 5
    assert all(row["live"] for row in end["holds"])
    assert end["whole"] == [{"ok": "true"}]


@pytest.mark.parametrize("second", LIFE[3:8], ids=lambda kill: f"{kill.step}-{kill.nth}")
async def test_dying_again_while_recovering_changes_nothing(
    second: Kill, bench: Bench, ask: Callable[[str], Any]
) -> None:
    await enqueue(bench.dsn, "Priya")

    finish(start(bench, "first", [Kill(step="reserved")]))
    let_leases_run_out(ask)
    finish(start(bench, "second", [second]))
    let_leases_run_out(ask)
    assert finish(start(bench, "third")) == 0

    end = state(ask, bench.folder)
    assert [row["status"] for row in end["interviews"]] == ["booked", "booked"]
    assert [row["kind"] for row in end["notices"]] == ["booked"]


async def test_a_candidate_that_kills_five_workers_is_set_aside_and_the_others_go_on(
    bench: Bench, ask: Callable[[str], Any]
) -> None:
    await enqueue(bench.dsn, "Poison", "Priya", "Marcus")

    codes = []
    for number in range(6):
        codes.append(finish(start(bench, f"worker{number}", [Kill(step="gathered", candidate="Poison")])))
        let_leases_run_out(ask)

    assert codes == [-signal.SIGKILL] * 5 + [0]
    assert ask("select name, status from candidates order by number") == [
        {"name": "Poison", "status": "set_aside"},
        {"name": "Priya", "status": "booked"},
        {"name": "Marcus", "status": "booked"},
    ]
    assert ask("select kind from escalations where status = 'open'") == [{"kind": "crash"}]


async def test_a_worker_told_to_stop_finishes_its_call_and_the_next_one_goes_on(
    bench: Bench, ask: Callable[[str], Any]
) -> None:
    await enqueue(bench.dsn, "Priya", "Marcus")
    slow = Bench(dsn=bench.dsn, folder=bench.folder, sop=SOP, now=NOW, slow=1.0)
    worker = start(slow, "first")
    _wait_for(lambda: ask("select count(*) as n from calendar_writes where status = 'pending'")[0]["n"] == 2)

    assert worker.pid is not None
    asked_at = time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)
    assert finish(worker) == 0
    assert time.monotonic() - asked_at < 10
    assert ask("select worker from candidates where worker is not null") == []
    assert [row["status"] for row in ask("select status from calendar_writes order by id")] != ["done", "done"]

    assert finish(start(bench, "second")) == 0
    assert {row["status"] for row in state(ask, bench.folder)["candidates"]} == {"booked"}


async def test_eight_workers_racing_book_nobody_twice_and_lose_nobody(bench: Bench, ask: Callable[[str], Any]) -> None:
    names = [f"Person{number}" for number in range(40)]
    await enqueue(bench.dsn, *names)
    ask("insert into lanes (lane, at_once) values ('main', 8)")

    workers = [start(bench, f"worker{number}") for number in range(8)]
    assert [finish(worker) for worker in workers] == [0] * 8
    assert finish(start(bench, "last")) == 0  # whoever had lost race after race is waiting

    end = state(ask, bench.folder)
    assert {row["status"] for row in end["candidates"]} <= {"booked", "escalated"}
    assert len(end["candidates"]) == 40
    assert sum(row["status"] == "booked" for row in end["candidates"]) >= 20
    overlaps = """
        select a.id from interviews a join interviews b on a.id < b.id and a.during && b.during
        and (a.interviewers && b.interviewers or a.candidate_id = b.candidate_id)
        where a.status = 'booked' and b.status = 'booked'"""
    assert ask(overlaps.strip()) == []
    assert ask("select deadlocks from pg_stat_database where datname = current_database()") == [{"deadlocks": 0}]


def _wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.02)


async def test_a_calendar_that_cannot_be_read_is_told_once_and_nobody_is_planned_on_it(
    bench: Bench, ask: Callable[[str], Any]
) -> None:
    own = bench.folder / "asha@example.com"
    own.mkdir(parents=True)
    (own / "broken.ics").write_text("BEGIN:VCALENDAR\nno calendar\n")
    await enqueue(bench.dsn, "Priya", "Marcus")

    assert finish(start(bench, "worker")) == 0

    assert ask("select recipient from notices where kind in ('access', 'calendar')") == [{"recipient": "admins"}]
    assert ask("select detail ->> 'name' as name from escalations") == [{"name": "Asha Rao's calendar"}]
    assert ask("select 1 from interviews where 'asha' = any (interviewers)") == []
    assert ask("select count(*) as n from interviews where status = 'booked'") == [{"n": 4}]
