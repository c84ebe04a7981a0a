"""Candidates per second through the whole local path, and whether the cost of one grows with how many are booked already.

    .venv/bin/python benchmarks/bench_path.py [--booked 10 1000 10000] [--candidates 30]

Each figure is a median over candidates of one run on the embedded database and local calendars, with the same request in the same
weeks; those booked already lie in other weeks, four interviews each, with their events in the organiser's calendar. The ratio
compares each size with the smallest in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg

from calendar_utils import Calendars
from calendars.base import Attendee, Event, EventKey, Owner
from calendars.ical import write
from calendars.local import LocalCalendar
from config import load_sop
from domain.hours import WeekHours
from domain.model import CandidateRequest
from local_postgres import LocalPostgres
from scheduler import Scheduler
from sop import Sop
from supabase_db import Database, apply_migrations

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
WINDOW = (date(2027, 2, 1), date(2027, 2, 26))
FILL = """
with made as (
  insert into candidates (request, request_key, source, status)
  select jsonb_build_object('name', 'Booked ' || n, 'email', 'booked' || n || '@example.com', 'course', 'java'),
    'booked' || n, 'csv', 'booked'
  from generate_series(1, %(count)s) n returning id, substring(request_key from 7)::int as n
), met as (
  insert into interviews (
    id, candidate_id, course, round, position, title, status, starts_at, ends_at, interviewers, seats, sop_version
  )
  select md5('iv' || n || r)::uuid, id, 'java', 'r' || r, r, 'Round', 'booked', t, t + interval '30 min', array['asha'],
    '[{"interviewer": "asha", "backup": false}]', 'bench'
  from made cross join generate_series(0, 3) r
  cross join lateral (select timestamptz '2028-01-01 00:00Z' + (n * 4 + r) * interval '1 hour' as t) slot
  returning id, starts_at, ends_at
)
insert into holds (interview_id, person, during) select id, 'interviewer:asha', tstzrange(starts_at, ends_at) from met
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--booked", type=int, nargs="+", default=[10, 1000, 10_000])
    arguments.add_argument("--candidates", type=int, default=30)
    options = arguments.parse_args()
    first = None
    print(f"{'booked already':>15} {'ms each (median)':>17} {'per second':>11} {'ratio':>6}")
    for booked in options.booked:
        median = measure(booked, options.candidates)
        first = first or median
        print(f"{booked:>15} {median * 1000:>17.1f} {1 / median:>11.1f} {median / first:>6.2f}")


def measure(booked: int, candidates: int) -> float:
    """Seconds for one candidate from the queue to booked, the median of all."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the database runs under another account
        with LocalPostgres(Path(folder) / "data") as dsn:
            apply_migrations(dsn)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(FILL, {"count": booked})
                connection.execute("analyze")
                ids = [row[0] for row in connection.execute("select id from interviews")]
            _fill_calendar(Path(folder) / "calendars" / "interviews", ids)
            return asyncio.run(_schedule(dsn, Path(folder) / "calendars", candidates))


def _fill_calendar(folder: Path, ids: list[UUID]) -> None:
    folder.mkdir(parents=True)
    for number, interview in enumerate(ids):
        start = datetime(2028, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        event = Event(
            key=EventKey(interview=str(interview), generation=1),
            title="Round",
            description="Booked before",
            start=start,
            end=start + timedelta(minutes=30),
            timezone="America/Los_Angeles",
            attendees=(Attendee(email="asha@example.com", name="Asha Rao"),),
        )
        (folder / f"{event.key}.ics").write_bytes(write(event, stamp=NOW))


async def _schedule(dsn: str, folder: Path, candidates: int) -> float:
    sop = load_sop(Path(__file__).parents[1] / "sop.yaml")
    async with await Database.connect(dsn=dsn) as db:
        for number in range(candidates):
            await db.enqueue(request=_request(number).plain(), key=str(number), source="csv", actor="bench")
        engine = _engine(db, folder, sop)
        await engine.take_one()  # the first look at a folder reads it whole; afterwards only what has changed
        return statistics.median([await _timed(engine) for _ in range(candidates - 1)])


async def _timed(engine: Scheduler) -> float:
    started = time.perf_counter()
    await engine.take_one()
    return time.perf_counter() - started


def _engine(db: Database, folder: Path, sop: Sop) -> Scheduler:
    async def in_force() -> Sop:
        return sop

    calendar = LocalCalendar(folder, owners=lambda name: Owner(email=name, zone=sop.zone))
    calendars = Calendars({"local": calendar}, default="local")
    return Scheduler(db=db, calendars=calendars, sop=in_force, worker="bench", clock=lambda: NOW)


def _request(number: int) -> CandidateRequest:
    return CandidateRequest(
        name=f"Candidate {number}", email=f"c{number}@example.com", course="java", window=WINDOW,
        slots=WeekHours.parse(["07:00-12:00", "15:00-19:00"]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
