"""Runs an ASGI application on loopback, in a thread of its own, so that tests and worker processes reach it as a server."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_STARTED_WITHIN = 10.0  # seconds


class _Protocol(H11Protocol):
    """Shows a request its connection, as `scope["state"]["transport"]`: faults need it to hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


@contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """The server's address, such as `http://127.0.0.1:40001`, while the block runs."""
    # Named as TCP, or asyncio does not turn off Nagle's algorithm and every answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=_Protocol, ws="none", lifespan="off", log_level="critical", timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _STARTED_WITHIN
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the fake server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
