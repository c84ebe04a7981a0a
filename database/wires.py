"""The two ways to call a function of the database by its name: straight to Postgres, or through Supabase's REST interface.

Both take named arguments that are plain JSON data and give back the function's one JSON value. What they raise is a
`DatabaseError` of `domain/errors.py`, with `PassingError` for what may be tried again at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, Self

import httpx
import psycopg
from postgrest.exceptions import APIError
from psycopg import sql
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from database.errors import PASSING, error_of
from domain.errors import DatabaseError, DatabaseUnavailable

SECONDS_PER_CALL = 30.0
OLDEST_POSTGRES = 15


class PassingError(Exception):
    """A call failed for a reason that may be gone at once; `error` is what to raise when it is not.

    `rolled_back` says that nothing has happened; otherwise it may have, and only calls that are safe to repeat may be repeated.
    """

    def __init__(self, error: DatabaseError, *, rolled_back: bool) -> None:
        self.error, self.rolled_back = error, rolled_back
        super().__init__(str(error))


class Wire(Protocol):
    """One way to the database."""

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """What `public.<function>` returns for these named arguments, as plain JSON data."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


class PostgresWire:
    """Straight to Postgres with a few kept connections. Works behind a transaction pooler: no statement is prepared, nothing is
    kept in a session, and the time zone is set by the functions themselves."""

    def __init__(self, pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, dsn: str, *, connections: int) -> Self:
        """Open the pool; the first connection is made at once, so that a wrong address or password is told in clear words."""
        try:
            async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=10) as probe:
                version = probe.info.server_version // 10_000
        except psycopg.Error as error:
            raise DatabaseUnavailable(f"cannot connect to the database: {error}") from error
        if version < OLDEST_POSTGRES:
            raise DatabaseError(f"this is Postgres {version}; {OLDEST_POSTGRES} or newer is needed")
        pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]](
            # One try for each call that needs a connection: a pool that tries by itself waits longer and longer between its
            # tries, and would find the end of an outage late.
            dsn, min_size=1, max_size=connections, open=False, timeout=2, reconnect_timeout=0, name="scheduler",
            kwargs={"autocommit": True, "prepare_threshold": None, "connect_timeout": 10},
        )  # fmt: skip
        await pool.open()
        return cls(pool)

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        try:
            async with asyncio.timeout(SECONDS_PER_CALL), self._pool.connection() as connection:
                cursor = await connection.execute(_statement(function, arguments), _values(arguments))
                row = await cursor.fetchone()
        except (PoolTimeout, TimeoutError) as error:
            raise PassingError(DatabaseUnavailable("the database does not answer"), rolled_back=False) from error
        except psycopg.Error as error:
            raise _of_psycopg(error) from error
        return row[0] if row else None

    async def aclose(self) -> None:
        await self._pool.close()


class SupabaseWire:
    """Through a Supabase project's REST interface, with its service-role key."""

    def __init__(self, client: AsyncClient, http: httpx.AsyncClient) -> None:
        self._client, self._http = client, http

    @classmethod
    async def connect(cls, url: str, key: str) -> Self:
        """Prepare the client; nothing is sent yet."""
        http = httpx.AsyncClient(timeout=SECONDS_PER_CALL)  # a client of our own brings its own timeout
        options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
        try:
            return cls(await acreate_client(url, key, options), http)
        except Exception as error:  # supabase-py has an error class of its own for each of its parts
            await http.aclose()
            raise DatabaseError(f"SUPABASE_URL or the key cannot be right: {error}") from error

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        try:
            answer = await self._client.rpc(function, dict(arguments)).execute()
        except httpx.TransportError as error:
            # A connection that was never made has carried nothing.
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            words = f"the database cannot be reached: {error or type(error).__name__}"
            raise PassingError(DatabaseUnavailable(words), rolled_back=never_sent) from error
        except APIError as error:
            raise _of_code(error.code, error.message or "no message") from error
        if isinstance(answer.data, str):  # a gateway's page, say: no function of ours gives a bare text
            raise PassingError(DatabaseUnavailable("what answered is not the database"), rolled_back=False)
        return answer.data

    async def aclose(self) -> None:
        await self._http.aclose()


def _statement(function: str, arguments: Mapping[str, Any]) -> sql.Composed:
    named = (sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in arguments)
    return sql.SQL("select public.{}({})").format(sql.Identifier(function), sql.SQL(", ").join(named))


def _values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in arguments.items()}


def _of_psycopg(error: psycopg.Error) -> Exception:
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return PassingError(DatabaseUnavailable(f"the connection to the database broke: {error}"), rolled_back=False)
    return _of_code(error.sqlstate, error.diag.message_primary or str(error))


def _of_code(code: str | None, message: str) -> Exception:
    error = error_of(code, message)
    if isinstance(error, DatabaseUnavailable):
        return PassingError(error, rolled_back=code in PASSING)
    return error
