"""What a candidate costs does not grow with those who are booked: each step reads a handful of rows, by an index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from supabase_db import Database
from tests.builders import MONDAY, at, make_reservation
from tests.integration.life import EVENT, enqueue

Admin = Connection[tuple[Any, ...]]

# Many booked candidates with two interviews each, over the years before. By plain SQL: it is only their number that counts.
FILL = """
with people as (
  insert into candidates (request, request_key, source, status)
  select jsonb_build_object('name', 'P' || n, 'email', 'p' || n || '@old.example', 'course', 'java'), 'old' || n, 'csv', 'booked'
  from generate_series(1, %(many)s) n returning id, number
), rounds as (
  insert into interviews (
    id, candidate_id, course, round, position, title, status, starts_at, ends_at, interviewers, seats, sop_version
  )
  select gen_random_uuid(), id, 'java', 'r' || k, k, 'Round', 'booked', start, start + interval '1 hour',
    array['i' || number %% 20], '[{"interviewer": "i1", "backup": false}]', 'sop-1'
  from people, generate_series(0, 1) k, lateral (
    select timestamptz '2026-12-06 00:00+00' - make_interval(hours => (2 * number + k)::integer) as start
  ) s returning id, candidate_id, starts_at, ends_at, interviewers
), held as (
  insert into holds (interview_id, person, during)
  select id, 'interviewer:' || interviewers[1], tstzrange(starts_at, ends_at) from rounds
)
insert into calendar_writes (candidate_id, interview_id, verb, generation, revision, status)
select candidate_id, id, 'put', 1, 0, 'done' from rounds
"""
READ = """
select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_user_tables where relname = any(%s)
"""
TABLES = ["candidates", "interviews", "holds", "calendar_writes", "scheduling_audit", "notices", "escalations"]


def rows_read(admin: Admin) -> int:
    admin.execute("select pg_stat_force_next_flush()")
    admin.execute("select pg_stat_clear_snapshot()")
    row = admin.execute(READ, [TABLES]).fetchone()
    assert row
    return int(row[0])


def flush(admin: Admin) -> None:
    """Connections report what they read when they end."""
    admin.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )


async def rows_for_one_candidate(database: Database, admin: Admin) -> int:
    """How many rows are read from the tables while one candidate is brought from the queue to a booking."""
    flush(admin)
    before = rows_read(admin)
    await enqueue(database)
    claimed = await database.claim(worker="w1")
    assert claimed
    candidate = claimed["candidate"]
    mine = {"candidate_id": candidate["id"], "fence": candidate["fence"]}
    await database.booked_between(start=MONDAY, end=MONDAY + timedelta(days=14))
    reservations = [make_reservation(at("09:00")), make_reservation(at("11:00"), round="core", position=1)]
    reserved = await database.reserve(**mine, sop_version="sop-1", interviews=reservations)
    for write in reserved["writes"]:
        await database.write_done(write_id=write["id"], fence=candidate["fence"], result=EVENT)
    await database.settle(**mine)
    flush(admin)
    return rows_read(admin) - before


@pytest.mark.parametrize(("many", "most"), [(10, 1_000), (1_000, 80), (10_000, 80)])  # tiny tables are read whole
async def test_the_rows_that_one_candidate_costs_are_few_however_many_are_booked(
    database: Database, admin: Admin, many: int, most: int
) -> None:
    admin.execute(FILL, {"many": many})
    admin.execute("vacuum analyze")

    assert await rows_for_one_candidate(database, admin) < most


async def test_a_look_at_a_day_reads_its_interviews_alone(database: Database, admin: Admin) -> None:
    admin.execute(FILL, {"many": 10_000})
    admin.execute("vacuum analyze")
    flush(admin)
    before = rows_read(admin)

    start, end = MONDAY - timedelta(days=3), MONDAY - timedelta(days=2)
    found = await database.agenda(start=start, end=end)
    following = await database.next_interviews(start=start, end=end)
    flush(admin)

    assert (len(found), len(following)) == (24, 13)
    assert rows_read(admin) - before < 150


async def test_the_candidates_are_counted_at_one_go(database: Database, admin: Admin) -> None:
    admin.execute(FILL, {"many": 1_000})
    flush(admin)
    before = rows_read(admin)

    counts = await database.queue_counts()
    flush(admin)

    assert (counts["booked"], counts["queued"]) == (1_000, 0)
    assert rows_read(admin) - before < 1_100


PLANS = {
    "claim": """
        select * from candidates
        where lane = 'main' and (status in ('queued', 'planning', 'booking', 'cancelling') or unwinding)
          and not_before <= clock_timestamp() and (lease_until is null or lease_until <= clock_timestamp())
        order by (status = 'queued'), number limit 1
    """,
    "lane": "select count(*) from candidates where lane = 'main' and lease_until > clock_timestamp() and worker <> 'w1'",
    "open": """
        select * from candidates where email = 'p7@old.example' and course = 'java'
          and status in ('queued', 'planning', 'booking', 'booked', 'escalated', 'set_aside')
    """,
    "booked_between": """
        select * from interviews where status in ('reserved', 'booked', 'done')
          and during && tstzrange('2026-12-01 00:00+00', '2026-12-02 00:00+00')
    """,
    "writes": "select * from calendar_writes where candidate_id = '00000000-0000-4000-8000-000000000000' and status = 'pending'",
    "notices": "select * from notices where channel = 'telegram' and status = 'pending' order by id limit 10",
    "audit": "select * from scheduling_audit order by id desc limit 1",
}


async def test_each_question_of_the_worker_has_its_index(database: Database, admin: Admin) -> None:
    admin.execute(FILL, {"many": 5_000})
    admin.execute(
        "insert into notices (key, channel, recipient, kind, status) select 'n' || n, 'telegram', '7', 'booked', 'sent'"
        " from generate_series(1, 5000) n"
    )
    admin.execute("select audit_append('note', 'cli') from generate_series(1, 500)")
    admin.execute("vacuum analyze")

    for name, query in PLANS.items():
        plan = "\n".join(row[0] for row in admin.execute(f"explain {query}").fetchall())
        assert "Index" in plan, f"{name}:\n{plan}"
        assert "Seq Scan" not in plan, f"{name}:\n{plan}"


async def test_those_who_have_to_wait_do_not_slow_the_claim_down(database: Database, admin: Admin) -> None:
    """A backlog of thousands: the claim takes the first of them without looking at the others."""
    admin.execute(
        "insert into candidates (request, request_key, source) select jsonb_build_object("
        "'name', 'P', 'email', 'p' || n || '@example.com', 'course', 'java'), 'k' || n, 'csv' from generate_series(1, 5000) n"
    )
    admin.execute("vacuum analyze")
    flush(admin)
    before = rows_read(admin)

    for worker in range(10):
        claimed = await database.claim(worker=f"w{worker}", lease_seconds=0)
        assert claimed
        assert claimed["candidate"]["number"] <= 2
    flush(admin)

    assert rows_read(admin) - before < 150
