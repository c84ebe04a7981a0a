"""The audit: complete, append-only, and sealed so that tampering is found."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg import Connection, Error

from supabase_db import Database
from tests.integration.life import booked, claim, enqueue, look, planning, write_all

Admin = Connection[tuple[Any, ...]]


async def test_every_change_of_a_life_has_its_row(db: Database) -> None:
    claimed = await booked(db)
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7", reason="ill")
    found = await db.claim(worker="w1")
    assert found
    again = await claim(db)
    await write_all(db, again, found["writes"])
    await db.settle(**again.names)

    trail = await db.audit_trail(candidate_id=claimed.candidate_id)

    assert [(row["action"], row["actor"]) for row in trail] == [
        ("enqueued", "telegram:7"),
        ("claimed", "worker:w1"),
        ("reserved", "worker:w1"),
        ("event_written", "worker:w1"),
        ("booked", "worker:w1"),
        ("cancelling", "telegram:7"),
        ("claimed", "worker:w1"),
        ("claimed", "worker:w1"),
        ("event_cancelled", "worker:w1"),
        ("cancelled", "worker:w1"),
    ]
    reserved = trail[2]
    assert (reserved["sop_version"], reserved["detail"]["interviews"][0]["round"]) == ("sop-1", "intro")
    interview = (await look(db, claimed.candidate_id))["interviews"][0]
    assert trail[3]["interview_id"] == interview["id"]


async def test_the_trail_gives_the_newest_in_their_order(db: Database) -> None:
    for number in range(5):
        await db.record_audit(action=f"note{number}", actor="cli")

    assert [row["action"] for row in await db.audit_trail(limit=2)] == ["note3", "note4"]


async def test_a_record_with_a_key_is_made_once(db: Database) -> None:
    first = await db.record_audit(action="imported", actor="cli", key="file-1")
    again = await db.record_audit(action="imported", actor="cli", key="file-1")
    other = await db.record_audit(action="imported", actor="cli")

    assert first == again
    assert other["id"] == first["id"] + 1


@pytest.mark.parametrize(
    "change",
    [
        "update scheduling_audit set actor = 'nobody'",
        "delete from scheduling_audit",
        "truncate scheduling_audit",
        "insert into scheduling_audit select * from scheduling_audit on conflict (id) do update set actor = 'nobody'",
    ],
)
async def test_nothing_that_was_written_can_be_changed(database: Database, admin: Admin, change: str) -> None:
    await database.record_audit(action="note", actor="cli")

    with pytest.raises(Error, match="append-only") as caught:
        admin.execute(change)

    assert caught.value.sqlstate == "MS004"
    assert (await database.verify_audit())["ok"]


async def test_an_empty_and_a_whole_chain_are_fine(db: Database) -> None:
    empty = await db.verify_audit()
    await booked(db)
    whole = await db.verify_audit()

    assert empty == {"ok": True, "rows": 0, "broken_at": None, "head": None}
    assert (whole["ok"], whole["rows"], whole["broken_at"], whole["head"]["id"]) == (True, 5, None, 5)
    assert whole["head"]["hash"] == (await db.audit_trail())[-1]["hash"]


TAMPERING = {
    "at": "at = at + interval '1 microsecond'",
    "action": "action = action || ' '",
    "actor": "actor = 'telegram:8'",
    "candidate": "candidate_id = gen_random_uuid()",
    "no candidate": "candidate_id = null",
    "interview": "interview_id = gen_random_uuid()",
    "sop": "sop_version = 'sop-2'",
    "key": "key = 'invented'",
    "tx": "tx = tx + 1",
    "no tx": "tx = null",
    "detail": """detail = jsonb_set(detail, '{status}', '"booked"')""",
    "hash": "hash = set_byte(hash, 31, (get_byte(hash, 31) + 1) % 256)",
    "previous hash": "previous_hash = set_byte(previous_hash, 0, (get_byte(previous_hash, 0) + 1) % 256)",
    "id": "id = 77",
}


@pytest.mark.parametrize("column", TAMPERING)
async def test_one_change_behind_our_back_is_found(database: Database, admin: Admin, column: str) -> None:
    await planning(database)
    await database.record_audit(action="note", actor="cli")

    with admin.transaction():
        admin.execute("alter table scheduling_audit disable trigger scheduling_audit_append_only")
        admin.execute(f"update scheduling_audit set {TAMPERING[column]} where id = 2")
        admin.execute("alter table scheduling_audit enable trigger scheduling_audit_append_only")

    found = await database.verify_audit()
    assert (found["ok"], found["rows"]) == (False, 3)
    assert found["broken_at"] == (3 if column == "id" else 2)


async def test_a_row_that_was_taken_out_is_missed(database: Database, admin: Admin) -> None:
    for number in range(4):
        await database.record_audit(action=f"note{number}", actor="cli")
    before = await database.verify_audit()

    admin.execute("alter table scheduling_audit disable trigger scheduling_audit_append_only")
    admin.execute("delete from scheduling_audit where id = 2")
    middle = await database.verify_audit()
    admin.execute("delete from scheduling_audit where id >= 2")
    cut = await database.verify_audit()

    assert (middle["ok"], middle["broken_at"]) == (False, 3)
    assert cut["ok"]  # a chain that was cut short is whole in itself ...
    assert cut["head"] != before["head"]  # ... and the head that was noted elsewhere shows it


async def test_writers_at_once_make_one_chain(database: Database) -> None:
    await asyncio.gather(*(enqueue(database) for _ in range(30)), *(database.claim(worker=f"w{n}") for n in range(10)))

    found = await database.verify_audit()

    assert found["ok"]
    assert found["head"]["id"] == found["rows"]
