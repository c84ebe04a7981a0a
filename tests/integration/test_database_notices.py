"""The outbox over both wires: made once, in the transaction that makes it true, and sent by whoever comes first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import WrongState
from supabase_db import Database, Json
from tests.integration.life import EVENT, Claimed, booking, planning

Admin = Connection[tuple[Any, ...]]


def a_notice(key: str = "n1", **changes: Any) -> Json:
    usual = {"key": key, "channel": "telegram", "recipient": "7", "kind": "booked", "payload": {"round": "intro"}}
    return usual | changes


async def told(db: Database, *notices: Json) -> Claimed:
    """A candidate that was escalated with these notices."""
    claimed = await planning(db)
    await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.", notices=notices)
    return claimed


async def test_a_notice_carries_what_it_was_made_with(db: Database) -> None:
    claimed = await told(db, a_notice())

    (notice,) = await db.claim_notices(channel="telegram")

    assert {name: notice[name] for name in a_notice()} == a_notice()
    assert (notice["candidate_id"], notice["attempts"]) == (claimed.candidate_id, 1)


async def test_a_notice_belongs_to_its_channel(db: Database) -> None:
    await told(db, a_notice("n1"), a_notice("n2", channel="email", recipient="priya@example.com"))

    assert [notice["key"] for notice in await db.claim_notices(channel="email")] == ["n2"]


async def test_the_same_key_is_made_once(db: Database) -> None:
    await told(db, a_notice("n1", payload={"first": True}))
    await told(db, a_notice("n1", payload={"first": False}))

    assert [notice["payload"] for notice in await db.claim_notices(channel="telegram")] == [{"first": True}]


async def test_there_is_no_notice_of_what_did_not_happen(db: Database) -> None:
    claimed, _ = await booking(db)

    with pytest.raises(WrongState):
        await db.settle(**claimed.names, notices=[a_notice()])

    assert await db.claim_notices(channel="telegram") == []


async def test_settling_again_tells_nobody_twice(db: Database) -> None:
    claimed, reserved = await booking(db)
    await db.write_done(write_id=reserved["writes"][0]["id"], fence=claimed.fence, result=EVENT)

    for _ in range(2):
        await db.settle(**claimed.names, notices=[a_notice()])

    assert len(await db.claim_notices(channel="telegram")) == 1


async def test_a_notice_that_is_being_sent_is_nobody_elses(db: Database) -> None:
    await told(db, *(a_notice(f"n{number}") for number in range(3)))

    first = await db.claim_notices(channel="telegram", limit=2)
    second = await db.claim_notices(channel="telegram", limit=2)

    assert [notice["key"] for notice in first] == ["n0", "n1"]
    assert [notice["key"] for notice in second] == ["n2"]


async def test_deliverers_at_the_same_time_share_the_work(database: Database) -> None:
    await told(database, *(a_notice(f"n{number:02}") for number in range(40)))

    shares = await asyncio.gather(*(database.claim_notices(channel="telegram", limit=5) for _ in range(8)))

    keys = [notice["key"] for share in shares for notice in share]
    assert sorted(keys) == [f"n{number:02}" for number in range(40)]


async def test_what_a_dead_deliverer_had_comes_again_and_says_so(db: Database) -> None:
    await told(db, a_notice())
    await db.claim_notices(channel="telegram", lease_seconds=0)

    (again,) = await db.claim_notices(channel="telegram")

    assert again["attempts"] == 2


async def test_sent_is_sent_also_when_said_twice_or_late(db: Database, admin: Admin) -> None:
    await told(db, a_notice())
    (notice,) = await db.claim_notices(channel="telegram", lease_seconds=0)
    await db.notice_failed(notice_id=notice["id"], reason="timeout")

    for _ in range(2):
        assert await db.notice_sent(notice_id=notice["id"], receipt="message 12") == {"status": "sent"}

    assert await db.claim_notices(channel="telegram") == []
    assert admin.execute("select status, receipt from notices").fetchone() == ("sent", "message 12")
    assert await db.notice_failed(notice_id=notice["id"], reason="late") == {"status": "sent"}


async def test_a_notice_waits_for_its_time(db: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await told(db, a_notice("later", not_before=later), a_notice("again"))
    (notice,) = await db.claim_notices(channel="telegram")

    assert await db.notice_failed(notice_id=notice["id"], reason="429", retry_at=later) == {"status": "pending"}

    assert await db.claim_notices(channel="telegram") == []


async def test_a_notice_that_can_never_be_sent_is_audited(db: Database) -> None:
    claimed = await told(db, a_notice())
    (notice,) = await db.claim_notices(channel="telegram")

    for _ in range(2):
        assert await db.notice_failed(notice_id=notice["id"], reason="blocked by the user") == {"status": "failed"}

    failed = [
        row for row in await db.audit_trail(candidate_id=claimed.candidate_id) if row["action"] == "notice_failed"
    ]
    assert [row["detail"] for row in failed] == [{"notice_id": notice["id"], "channel": "telegram", "kind": "booked"}]
