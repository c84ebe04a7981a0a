"""Asking an embedded server something."""

from __future__ import annotations

from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[2]


def ask(dsn: str, query: str) -> object:
    """The first value of the last of the statements."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        *_, last = connection.execute(query.encode()).results()
        row = last.fetchone()
        return row[0] if row else None
