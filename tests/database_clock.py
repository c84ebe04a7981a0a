"""A database whose clock a test sets, for stories in which hours go by: what reads the clock there reads a row instead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

_READS = "clock_timestamp()"
_FUNCTIONS = """
    select pg_get_functiondef(oid) from pg_proc
    where pronamespace = 'public'::regnamespace and prokind = 'f' and pg_get_functiondef(oid) like '%clock_timestamp()%'
"""
_DEFAULTS = """
    select table_name, column_name, column_default from information_schema.columns
    where table_schema = 'public' and column_default like '%clock_timestamp()%'
"""


class DatabaseClock:
    """The clock of one database, which stands still until it is `set`."""

    def __init__(self, admin: psycopg.Connection[Any], now: datetime) -> None:
        self._admin = admin
        admin.execute("create table public.test_clock as select %s::timestamptz as at", [now])
        admin.execute(
            "create function public.test_time() returns timestamptz language sql volatile set search_path = ''"
            " as 'select at from public.test_clock'"
        )
        for (definition,) in admin.execute(_FUNCTIONS).fetchall():
            admin.execute(_instead(definition))
        for table, column, default in admin.execute(_DEFAULTS).fetchall():
            admin.execute(_instead(f'alter table public."{table}" alter "{column}" set default {default}'))

    def set(self, now: datetime) -> None:
        """It is this time from now on."""
        self._admin.execute("update public.test_clock set at = %s", [now])


def _instead(text: str) -> bytes:
    return text.replace(_READS, "public.test_time()").encode()
