"""Eight processes at one queue and one set of interviewers: nothing overlaps, nothing is lost, nothing waits for itself."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from psycopg import Connection

from domain.errors import LostLease, SlotTaken
from supabase_db import Database, Json
from tests.builders import MONDAY, make_request, make_reservation
from tests.integration.life import EVENT

Admin = Connection[tuple[Any, ...]]

PROCESSES, CANDIDATES = 8, 60
PEOPLE = ("asha", "ben", "chloe", "dev", "elif", "femi")
BUFFER = 15
TIMES = [MONDAY + timedelta(days=day, hours=hour) for day in range(20) for hour in (9, 11, 14, 16)]
# Found without the constraint's help: two live interviews of one person that are closer than the buffer, or of one candidate.
OVERLAPS = """
with busy as (
  select i.id, 'interviewer:' || who as person, tstzrange(i.starts_at, i.ends_at + make_interval(mins => %(buffer)s)) as during
  from interviews i, unnest(i.interviewers) who where i.status <> 'cancelled'
  union all
  select i.id, 'candidate:' || i.candidate_id, i.during from interviews i where i.status <> 'cancelled'
)
select count(*) from busy a join busy b on a.person = b.person and a.id < b.id and a.during && b.during
"""


def plan_somehow(lots: random.Random, booked: list[Json]) -> list[Json]:
    """Two rounds, the second a panel of three, at times that looked free: rivals look at the same moment and pick the same."""
    taken = {(who, interview["start"]) for interview in booked for who in interview["interviewers"]}
    while True:
        panels = [tuple(lots.sample(PEOPLE, size)) for size in (1, 3)]
        starts = lots.sample(TIMES, 2)
        if not any(
            (who, start.isoformat()) in taken for start, panel in zip(starts, panels, strict=True) for who in panel
        ):
            break
    return [
        make_reservation(start, panel, buffer=BUFFER, round=f"round{position}", position=position)
        for position, (start, panel) in enumerate(zip(starts, panels, strict=True))
    ]


async def work_until_empty(dsn: str, number: int) -> None:
    """A worker that sometimes vanishes in the middle of a candidate, and sometimes comes back to it too late."""
    lots, names = random.Random(number), 0
    async with await Database.connect(dsn=dsn, connections=2) as db:
        while await is_work_left(db):
            claimed = await db.claim(worker=f"{number}-{names}", lease_seconds=2)
            if claimed is None:
                await asyncio.sleep(0.02)
            elif lots.random() < 0.05:
                names += 1  # vanished: a worker of another name takes its place
            else:
                try:
                    await bring_on(db, claimed, lots)
                except LostLease:
                    continue


async def is_work_left(db: Database) -> bool:
    counts = await db.queue_counts()
    return any(counts[state] for state in ("queued", "planning", "booking"))


async def bring_on(db: Database, claimed: Json, lots: random.Random) -> None:
    candidate, writes = claimed["candidate"], claimed["writes"]
    mine = {"candidate_id": candidate["id"], "fence": candidate["fence"]}
    while candidate["status"] == "planning":
        booked = await db.booked_between(start=MONDAY, end=MONDAY + timedelta(days=20))
        try:
            reserved = await db.reserve(**mine, sop_version="sop-1", interviews=plan_somehow(lots, booked))
        except SlotTaken:
            continue
        writes = reserved["writes"]
        break
    if lots.random() < 0.05:
        return  # vanished between reserving and writing
    for write in writes:
        await db.write_done(write_id=write["id"], fence=candidate["fence"], result=EVENT)
    await db.settle(**mine)


def run(job: Callable[[str, int], Any], dsn: str, number: int) -> None:
    asyncio.run(job(dsn, number))
    os._exit(0)  # what the test process has open is not ours to close


def race(job: Callable[[str, int], Any], dsn: str, *, seconds: float = 60) -> None:
    """Run a job in eight processes at once; all must end well."""
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=run, args=(job, dsn, number)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(seconds)
    still = [process for process in processes if process.is_alive()]
    for process in still:
        process.kill()
    assert not still, "the race does not end"
    assert [process.exitcode for process in processes] == [0] * PROCESSES


def queue_all(dsn: str, count: int) -> None:
    async def enqueue() -> None:
        async with await Database.connect(dsn=dsn) as db:
            for number in range(count):
                await db.enqueue(request=make_request().plain(), key=f"k{number}", source="csv", actor="cli")

    asyncio.run(enqueue())


def deadlocks(admin: Admin) -> object:
    admin.execute("select pg_stat_clear_snapshot()")
    row = admin.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    return row[0] if row else None


def test_eight_processes_book_everybody_once(dsn: str, admin: Admin) -> None:
    admin.execute("insert into lanes (lane, at_once) values ('main', %s)", [PROCESSES])
    queue_all(dsn, CANDIDATES)

    race(work_until_empty, dsn)

    assert admin.execute("select status, count(*) from candidates group by 1").fetchall() == [("booked", CANDIDATES)]
    assert admin.execute("select count(*) from interviews where status = 'booked'").fetchone() == (2 * CANDIDATES,)
    assert admin.execute(OVERLAPS, {"buffer": BUFFER}).fetchone() == (0,)
    assert deadlocks(admin) == 0
    settled = admin.execute("select count(*) from scheduling_audit where action = 'booked'").fetchone()
    assert settled == (CANDIDATES,)
    assert admin.execute("select verify_audit() ->> 'ok'").fetchone() == ("true",)


def test_without_the_constraint_the_same_race_books_people_twice(dsn: str, admin: Admin) -> None:
    """The race is a test of something: it must find what the constraint prevents."""
    admin.execute("alter table holds drop constraint holds_no_overlap")
    admin.execute("insert into lanes (lane, at_once) values ('main', %s)", [PROCESSES])
    queue_all(dsn, CANDIDATES)

    race(work_until_empty, dsn)

    assert admin.execute(OVERLAPS, {"buffer": BUFFER}).fetchone() != (0,)


async def claim_and_let_go(dsn: str, number: int) -> None:
    async with await Database.connect(dsn=dsn, connections=1) as db:
        for turn in range(12):
            claimed = await db.claim(worker=f"{number}-{turn}")
            if claimed:
                await db.release(candidate_id=claimed["candidate"]["id"], fence=claimed["candidate"]["fence"])


def test_a_lane_of_one_never_has_two_at_work(dsn: str, admin: Admin) -> None:
    queue_all(dsn, 20)

    race(claim_and_let_go, dsn)

    rows = admin.execute(
        "select action from scheduling_audit where action in ('claimed', 'released') order by id"
    ).fetchall()
    actions = [row[0] for row in rows]
    assert len(actions) > PROCESSES
    assert actions == ["claimed", "released"] * (len(actions) // 2)


async def reserve_panels(dsn: str, number: int) -> None:
    """Panels of three out of six, in every order, all at the same hour: the worst for locks."""
    lots = random.Random(number)
    async with await Database.connect(dsn=dsn, connections=1) as db:
        for turn in range(12):
            claimed = await db.claim(worker=f"{number}-{turn}", lease_seconds=60)
            assert claimed
            mine = {"candidate_id": claimed["candidate"]["id"], "fence": claimed["candidate"]["fence"]}
            panel = make_reservation(MONDAY + timedelta(hours=lots.randrange(4)), tuple(lots.sample(PEOPLE, 3)))
            try:
                await db.reserve(**mine, sop_version="sop-1", interviews=[panel])
            except SlotTaken:
                await db.escalate(**mine, kind="no_plan", reason="taken")


def test_panels_in_any_order_never_deadlock(dsn: str, admin: Admin) -> None:
    admin.execute("insert into lanes (lane, at_once) values ('main', 100)")
    queue_all(dsn, 25 * PROCESSES)
    admin.execute(
        "insert into lanes (lane, at_once) values ('main', 100) on conflict (lane) do update set at_once = 100"
    )

    race(reserve_panels, dsn)

    assert deadlocks(admin) == 0
    holds = admin.execute("select count(*) from holds where live and person like 'interviewer:%'").fetchone()
    assert holds
    assert holds[0] % 3 == 0
    assert admin.execute(OVERLAPS, {"buffer": 0}).fetchone() == (0,)
