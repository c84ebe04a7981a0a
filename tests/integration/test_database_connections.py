"""Connections to calendar providers and the statistics of calls, over both wires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from supabase_db import Database, Json


def counted(**changes: Any) -> Json:
    usual = {
        "provider": "google", "verb": "busy", "calls": 1, "requests": 2, "retries": 1, "waited": 0.5,
        "errors": {"rateLimitExceeded": 1}, "budget_left": 9,
    }  # fmt: skip
    return usual | changes


async def test_a_newer_token_takes_the_place_of_the_older(db: Database) -> None:
    for sealed in ("old", "new"):
        await db.save_connection(provider="google", sealed=sealed, account="desk@example.com", actor="cli")

    kept = await db.connection(provider="google")

    assert kept
    assert (kept["sealed"], kept["account"]) == ("new", "desk@example.com")
    assert await db.connection(provider="outlook") is None


async def test_a_token_is_not_in_the_audit(db: Database) -> None:
    await db.save_connection(provider="google", sealed="secret", account="desk@example.com", actor="cli")

    (row,) = await db.audit_trail()

    assert (row["action"], row["detail"]) == ("connected", {"provider": "google"})


async def test_reports_add_up_and_each_counts_once(db: Database) -> None:
    answers = [
        await db.add_statistics(report=report, rows=[counted(), counted(verb="put", errors=None)])
        for report in ("r1", "r1", "r2")
    ]
    today = await db.statistics_since(day=datetime.now(UTC).date() - timedelta(days=1))

    assert answers == [{"repeated": False}, {"repeated": True}, {"repeated": False}]
    assert today == [
        counted(calls=2, requests=4, retries=2, waited=1.0, errors={"rateLimitExceeded": 2}),
        counted(verb="put", calls=2, requests=4, retries=2, waited=1.0, errors={}),
    ]
    assert await db.statistics_since(day=datetime.now(UTC).date() + timedelta(days=1)) == []


async def test_the_database_has_a_clock(db: Database) -> None:
    assert abs(await db.database_time() - datetime.now(UTC)) < timedelta(minutes=1)
