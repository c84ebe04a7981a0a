"""The weather of the fake servers: what each fault looks like to a client, and that the same seed gives the same weather."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI, Request

from tests.fakes.faults import (
    CLOSED,
    DROPPED,
    EXECUTED_THEN_CLOSED,
    EXECUTED_THEN_DROPPED,
    LEFT,
    TRUNCATED,
    Fault,
    FaultScript,
    Weather,
    refused,
    slow,
    storm,
)
from tests.fakes.server import serve


class Counter:
    """A server that counts what it has executed."""

    def __init__(self) -> None:
        self.done = 0
        self.script = FaultScript()
        self.url = ""

    def plan(self, *faults: Fault) -> None:
        self.script = FaultScript()
        self.script.plan(*faults)

    def call(self) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=5)
        try:
            connection.request("POST", "/count", body=b"[1, 2, 3]" * 100)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def counting() -> Iterator[Counter]:
    counter, app = Counter(), FastAPI()

    @app.post("/count")
    async def count(request: Request) -> dict[str, int]:
        counter.done += 1
        return {"done": counter.done, "length": len(await request.body())}

    weather = Weather(
        app,
        script=lambda: counter.script,
        verb_of=lambda scope: scope["path"],
        error_of=lambda fault: f'{{"error": "{fault.reason}"}}'.encode(),
    )
    with serve(weather) as counter.url:
        yield counter


@pytest.fixture(scope="module")
def server() -> Iterator[Counter]:
    with counting() as counter:
        yield counter


@pytest.mark.parametrize(
    ("fault", "error", "executed"),
    [
        (DROPPED, ConnectionResetError, 0),
        (CLOSED, http.client.RemoteDisconnected, 0),
        (EXECUTED_THEN_DROPPED, ConnectionResetError, 1),
        (EXECUTED_THEN_CLOSED, http.client.RemoteDisconnected, 1),
        (TRUNCATED, http.client.IncompleteRead, 1),
    ],
)
def test_a_connection_that_breaks(fault: Fault, error: type[Exception], executed: int, server: Counter) -> None:
    server.plan(fault)
    before = server.done

    with pytest.raises(error) as caught:
        server.call()

    assert caught.type is error  # a closed connection is a kind of reset one to Python
    assert server.done - before == executed
    assert server.call()[0] == 200  # only that one call


def test_a_kept_connection_that_ends_has_answered_before(server: Counter) -> None:
    server.plan(LEFT)
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=5)
    connection.request("POST", "/count", body=b"[]")
    answer = connection.getresponse()

    assert (answer.status, answer.will_close, answer.read() != b"") == (200, False, True)
    assert connection.sock.recv(1) == b""
    connection.close()


def test_a_refusal_is_not_executed(server: Counter) -> None:
    server.plan(refused(403, "rateLimitExceeded"))
    before = server.done

    assert server.call() == (403, b'{"error": "rateLimitExceeded"}')
    assert server.done == before


def test_a_slow_call_is_executed(server: Counter) -> None:
    server.plan(slow(0.05))
    before = server.done

    assert server.call()[0] == 200
    assert server.done == before + 1


def drawn(seed: int, calls: int = 2000) -> list[Fault | None]:
    script = FaultScript(seed=seed, mix=storm(0.3))
    return [script.next("x") for _ in range(calls)]


def test_the_same_seed_gives_the_same_weather() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_storm_is_as_strong_as_it_says() -> None:
    faults = drawn(3)
    lost = [fault for fault in faults if fault in {EXECUTED_THEN_DROPPED, EXECUTED_THEN_CLOSED, TRUNCATED}]

    assert 0.36 < sum(fault is not None for fault in faults) / len(faults) < 0.44
    assert 0.07 < len(lost) / len(faults) < 0.13


@pytest.mark.parametrize(
    ("verb", "first"), [("events.insert", DROPPED), ("events.get", CLOSED)], ids=["planned", "not planned"]
)
def test_a_planned_fault_waits_for_its_call(verb: str, first: Fault) -> None:
    script = FaultScript()
    script.plan(DROPPED, verb="events.insert")
    script.plan(CLOSED)

    assert script.next(verb) == first


@pytest.mark.parametrize("verbs", [("events.",), ("freebusy", "events.")])
def test_only_the_named_calls_are_drawn_for(verbs: tuple[str, ...]) -> None:
    script = FaultScript(mix=[(1.0, DROPPED)], verbs=verbs)
    ask: Callable[[str], Fault | None] = script.next

    assert (ask("events.get"), ask("token")) == (DROPPED, None)
    assert script.told == [("events.get", DROPPED)]
