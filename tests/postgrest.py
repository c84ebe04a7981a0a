"""A stand-in for PostgREST: the part of its HTTP interface that calling a function needs, over a real Postgres.

One server serves every database of a cluster: the first part of the path names it. As in Supabase the key decides the role, and
the call runs as that role in a transaction of its own. Status codes and bodies are those that PostgREST documents.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI, Request, Response
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

Connection = psycopg.AsyncConnection[Any]
KEYS = {"service": "service_role", "publishable": "anon", "person": "authenticated"}
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_STATUS = {"23505": 409, "23503": 409, "42501": 403, "42883": 404, "25006": 405, "28000": 403}
_STATUS_OF_CLASS = {"08": 503, "53": 503, "57": 500, "40": 500, "55": 500, "XX": 500}
_SIGNATURES = """
select p.provolatile, coalesce(p.proargnames, '{}') as names, p.pronargs - p.pronargdefaults as needed,
  array(select format_type(t, null) from unnest(p.proargtypes::oid[]) with ordinality u (t, n) order by n) as types
from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = %s
"""


def make_app(dsn: str) -> FastAPI:
    """The interface over the cluster of `dsn`."""
    app = FastAPI()
    pools: dict[str, AsyncConnectionPool[Connection]] = {}

    def pool_of(database: str) -> AsyncConnectionPool[Connection]:
        if database not in pools:
            pools[database] = AsyncConnectionPool(
                make_conninfo(dsn, dbname=database), min_size=1, max_size=4, open=False
            )
        return pools[database]

    @app.delete("/{database}")
    async def forget(database: str) -> None:
        if database in pools:
            await pools.pop(database).close()

    @app.post("/{database}/rest/v1/rpc/{function}")
    async def rpc(database: str, function: str, request: Request) -> Response:
        role = KEYS.get(request.headers.get("apikey", ""))
        if role is None:
            return _answer({"message": "Invalid API key", "hint": "Double check your API key."}, 401)
        arguments = json.loads(await request.body() or b"{}")
        if not all(_NAME.fullmatch(name) for name in (function, *arguments)):
            return _error("PGRST100", "not a name", 400)
        pool = pool_of(database)
        await pool.open()
        async with pool.connection() as connection:
            return await _call(connection, role, function, arguments)

    return app


async def _call(connection: Connection, role: str, function: str, arguments: dict[str, Any]) -> Response:
    found = await (await connection.execute(_SIGNATURES, (function,))).fetchall()
    fitting = [row for row in found if set(arguments) <= set(row[1]) and len(arguments) >= row[2]]
    if not fitting:
        named = ", ".join(sorted(arguments)) or "no parameters"
        return _error("PGRST202", f"Could not find the function public.{function}({named}) in the schema cache", 404)
    volatility, names, _, types = fitting[0]
    type_of = dict(zip(names, types, strict=False))
    named_arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}::{}").format(sql.Identifier(name), sql.Placeholder(name), sql.SQL(type_of[name]))
        for name in arguments
    )
    values = {
        name: Jsonb(value) if type_of[name] == "jsonb" and value is not None else value
        for name, value in arguments.items()
    }
    try:
        if volatility != "v":
            await connection.execute("set transaction read only")
        await connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        call = sql.SQL("select public.{}({})").format(sql.Identifier(function), named_arguments)
        row = await (await connection.execute(call, values)).fetchone()
        await connection.commit()
    except psycopg.Error as error:
        if not connection.closed:
            await connection.rollback()
        code = error.sqlstate or "08006"
        status = _STATUS.get(code) or _STATUS_OF_CLASS.get(code[:2], 400)
        return _error(
            code, error.diag.message_primary or str(error), status, error.diag.message_detail, error.diag.message_hint
        )
    return _answer(row[0] if row else None)


def _error(code: str, message: str, status: int, details: str | None = None, hint: str | None = None) -> Response:
    return _answer({"code": code, "message": message, "details": details, "hint": hint}, status)


def _answer(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json; charset=utf-8")


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free loopback port in a thread of its own; gives its address."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # named, so that asyncio sends small answers without delay
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),), daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
