"""A server in front of another one, so that a real server may be met in the bad weather of `faults.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.faults import Fault, FaultScript, Weather
from tests.fakes.server import serve

_OF_A_CONNECTION = {"connection", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}


@contextmanager
def in_front_of(url: str, script: Callable[[], FaultScript]) -> Iterator[str]:
    """The address at which the server at `url` is met in the weather of a script; calls are named by their HTTP method."""
    weather = Weather(_forward(url), script=script, verb_of=lambda scope: str(scope["method"]), error_of=_error_of)
    with serve(weather) as address:
        yield address


def _forward(url: str) -> ASGIApp:
    client: list[httpx.AsyncClient] = []  # made by the first call, in the loop that it belongs to

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        client[:] = client or [httpx.AsyncClient(base_url=url, timeout=30)]
        request = Request(scope, receive)
        headers = {name: value for name, value in request.headers.items() if name not in _OF_A_CONNECTION}
        target = f"{scope['raw_path'].decode()}?{request.url.query}".rstrip("?")
        answer = await client[0].request(request.method, target, headers=headers, content=await request.body())
        kept = {name: value for name, value in answer.headers.items() if name not in _OF_A_CONNECTION}
        await Response(answer.content, answer.status_code, kept)(scope, receive, send)

    return app


def _error_of(fault: Fault) -> bytes:
    return fault.reason.encode()
