"""The network between us and Postgres goes away and comes back: calls say so meanwhile, and go through again soon after."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import DatabaseUnavailable
from supabase_db import Database
from tests.integration.life import enqueue


class Line:
    """A TCP line to a server that can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._there, self.port = port, 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._joined: list[asyncio.Task[None]] = []

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._joined, *(writer.wait_closed() for writer in self._writers), return_exceptions=True)
        await self._server.wait_closed()
        self._writers.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._there)
        self._writers += [writer, far_writer]
        self._joined += [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


async def test_an_outage_is_said_and_over_soon_after_its_end(dsn: str) -> None:
    line = Line(int(str(conninfo_to_dict(dsn)["port"])))
    await line.mend()
    async with await Database.connect(dsn=make_conninfo(dsn, port=line.port), patience=0.5) as database:
        await enqueue(database)

        await line.cut()
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await enqueue(database)
        await line.mend()
        since = time.monotonic()

        assert (await database.queue_counts())["queued"] == 1
        assert time.monotonic() - since < 2
    await line.cut()
