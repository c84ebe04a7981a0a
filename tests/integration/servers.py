"""Asking a server something."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parents[2]


def ask(dsn: str, query: str) -> object:
    """The first value of the last of the statements."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        *_, last = connection.execute(query.encode()).results()
        row = last.fetchone()
        return row[0] if row else None


async def waiting_for_a_lock(admin: psycopg.Connection[Any]) -> None:
    """Until some other connection waits for a lock."""
    for _ in range(500):
        if admin.execute("select from pg_locks where not granted").rowcount:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("nobody waits for a lock")
