"""Bad weather for a fake server, by a script: seeded or planned call by call. What a call is named and how an error of the
provider looks, the fake says; when something goes wrong and how the connection then behaves, this does.

    script = FaultScript(seed=7, mix=storm(0.3))          # drawn for each call
    script.plan(EXECUTED_THEN_DROPPED, verb="events.insert")  # the next insert, before anything drawn
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Kind(Enum):
    """What happens to a call."""

    REFUSED = "refused"  # answered with an error, not executed
    SLOW = "slow"  # executed after a while
    DROPPED = "dropped"  # the connection ends before anything was done
    EXECUTED_THEN_DROPPED = "executed then dropped"  # done, but the answer is lost
    TRUNCATED = "truncated"  # done, but the answer breaks off half way
    LEFT = "left"  # done and answered, but the connection, which was to be kept, ends after it


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that goes wrong. `status`, `reason` and `retry_after` are the refusal's; `seconds` is how slow; with `reset`
    the connection ends hard (RST) instead of being closed, which some clients take for a stale one and try again."""

    kind: Kind
    status: int = 503
    reason: str = "backendError"
    retry_after: str = ""
    seconds: float = 0.0
    reset: bool = True


def refused(status: int, reason: str, *, retry_after: str = "") -> Fault:
    return Fault(kind=Kind.REFUSED, status=status, reason=reason, retry_after=retry_after)


def slow(seconds: float) -> Fault:
    return Fault(kind=Kind.SLOW, seconds=seconds)


DROPPED = Fault(kind=Kind.DROPPED)
CLOSED = Fault(kind=Kind.DROPPED, reset=False)
EXECUTED_THEN_DROPPED = Fault(kind=Kind.EXECUTED_THEN_DROPPED)
EXECUTED_THEN_CLOSED = Fault(kind=Kind.EXECUTED_THEN_DROPPED, reset=False)
TRUNCATED = Fault(kind=Kind.TRUNCATED)
LEFT = Fault(kind=Kind.LEFT)
UNAVAILABLE = refused(503, "backendError")

Mix = Sequence[tuple[float, Fault]]


def storm(share: float, *refusals: Fault, executed_then_dropped: float = 0.1) -> Mix:
    """A mix of everything: `share` of the calls fail, and on top of those `executed_then_dropped` are done without an answer.
    `refusals` are the provider's own, besides a plain 503."""
    failing = (UNAVAILABLE, DROPPED, CLOSED, *refusals)
    lost = (EXECUTED_THEN_DROPPED, EXECUTED_THEN_CLOSED, TRUNCATED)
    return [(share / len(failing), fault) for fault in failing] + [
        (executed_then_dropped / len(lost), fault) for fault in lost
    ]


class FaultScript:
    """Says for each call what goes wrong with it. Planned faults come first, in their order; then one may be drawn from the
    mix, the same ones for the same seed and order of calls. `verbs` limits drawing to calls whose name begins with one of
    them. `told` lists what went wrong, with the calls' names; `seen` counts all calls that came, by name."""

    def __init__(self, *, seed: int = 0, mix: Mix = (), verbs: tuple[str, ...] = ("",)) -> None:
        self._random, self._mix, self._verbs = random.Random(seed), mix, verbs
        self._planned: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self.told: list[tuple[str, Fault]] = []
        self.seen: Counter[str] = Counter()

    def plan(self, *faults: Fault, verb: str = "") -> None:
        """The next calls whose name begins with `verb` get these faults, one each."""
        with self._lock:
            self._planned += [(verb, fault) for fault in faults]

    def next(self, verb: str) -> Fault | None:
        """What goes wrong with this call; None when nothing does."""
        with self._lock:
            self.seen[verb] += 1
            fault = self._planned_for(verb) or self._drawn(verb)
            if fault:
                self.told.append((verb, fault))
            return fault

    def _planned_for(self, verb: str) -> Fault | None:
        for place, (start, fault) in enumerate(self._planned):
            if verb.startswith(start):
                del self._planned[place]
                return fault
        return None

    def _drawn(self, verb: str) -> Fault | None:
        if not self._mix or not verb.startswith(self._verbs):
            return None
        lot = self._random.random()
        for share, fault in self._mix:
            if lot < share:
                return fault
            lot -= share
        return None


class Weather:
    """An ASGI application with the weather of a script in front. `verb_of` names a call; `error_of` gives the body (JSON) of
    a refusal; `script` is asked for anew with each call, so that a test may change it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        script: Callable[[], FaultScript],
        verb_of: Callable[[Scope], str],
        error_of: Callable[[Fault], bytes],
    ) -> None:
        self._app, self._script, self._verb_of, self._error_of = app, script, verb_of, error_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = self._script().next(self._verb_of(scope))
        whole = await _read(receive)  # also when it is not executed: an unread request would be reset, not closed
        if fault is None:
            await self._app(scope, _again(whole, receive), send)
        elif fault.kind is Kind.SLOW:
            await asyncio.sleep(fault.seconds)
            await self._app(scope, _again(whole, receive), send)
        elif fault.kind is Kind.REFUSED:
            await _answer(send, fault, self._error_of(fault))
        elif fault.kind is Kind.LEFT:
            await self._app(scope, _again(whole, receive), send)
            _connection(scope).close()
        else:
            await self._hang_up(fault, scope, _again(whole, receive), receive, send)

    async def _hang_up(self, fault: Fault, scope: Scope, replayed: Receive, receive: Receive, send: Send) -> None:
        answer: list[Message] = []
        if fault.kind is not Kind.DROPPED:

            async def keep(message: Message) -> None:
                answer.append(message)

            await self._app(scope, replayed, keep)
        if fault.kind is Kind.TRUNCATED:
            await _half(answer, send)
        transport = _connection(scope)
        if fault.reset and fault.kind is not Kind.TRUNCATED:
            _reset(transport)
        else:
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            continue


def _connection(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["state"]["transport"]  # put there by server.py
    return transport


def _reset(transport: asyncio.Transport) -> None:
    """End a connection with a RST: a socket that lingers for no time at all is not closed politely."""
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _answer(send: Send, fault: Fault, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if fault.retry_after:
        headers.append((b"retry-after", fault.retry_after.encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _half(answer: Sequence[Message], send: Send) -> None:
    """Sends an answer's headers, with its whole length, and the first half of its body."""
    body = b"".join(message["body"] for message in answer if message["type"] == "http.response.body")
    if not body:
        return
    for message in answer:
        if message["type"] == "http.response.start":
            await send(message)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
