"""The CalDAV client in bad weather, in front of a real server: lost answers of every verb, failures told as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from calendars.base import EventKey, EventState
from calendars.caldav import CalDavCalendar
from domain.errors import CalendarBusy
from tests.contract.harness import INTERVIEW, JANUARY, NOW, at, make_event
from tests.contract.harness_caldav import owner_of
from tests.contract.ics_hands import listed
from tests.fakes.faults import (
    CLOSED,
    DROPPED,
    EXECUTED_THEN_CLOSED,
    EXECUTED_THEN_DROPPED,
    TRUNCATED,
    Fault,
    FaultScript,
    refused,
    slow,
    storm,
)
from tests.fakes.proxy import in_front_of
from tests.radicale_server import PASSWORD, Hands, Radicale, radicale

KEY = make_event().key
LOST = [EXECUTED_THEN_DROPPED, EXECUTED_THEN_CLOSED, TRUNCATED]
BUSY = [refused(429, "slow down"), refused(500, "oh"), refused(503, "back soon", retry_after="42"), DROPPED, CLOSED]


class Server:
    """Radicale behind a proxy with weather."""

    def __init__(self, radicale: Radicale, hands: Hands) -> None:
        self.radicale, self.hands, self.url, self.path = radicale, hands, "", ""
        self.faults = FaultScript()

    def anew(self) -> None:
        """Fine weather and an empty calendar."""
        self.faults, self.path = FaultScript(), f"/organiser/{uuid4()}/"
        self.hands.make_calendar(self.path)

    def live(self) -> list[tuple[str, Any]]:
        return listed(self.hands.get(self.path))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("radicale")
    with radicale(folder) as running, running.hands("organiser") as hands:
        server = Server(running, hands)
        with in_front_of(running.url, lambda: server.faults) as server.url:
            yield server


@pytest.fixture
def server(served: Server) -> Server:
    served.anew()
    return served


@pytest.fixture
async def calendar(server: Server) -> AsyncIterator[CalDavCalendar]:
    url = f"{server.url}{server.path}"
    client = CalDavCalendar(url, username="organiser", password=PASSWORD, owners=owner_of, now=lambda: NOW)
    await client.changes()  # it has found its calendar
    yield client
    await client.aclose()


async def until_done(act: Callable[[], Awaitable[Any]], tries: int = 40) -> Any:
    """What the doorway does with a call that fails for now: make it again."""
    for _ in range(tries):
        try:
            return await act()
        except CalendarBusy:
            continue
    pytest.fail("still failing")


@pytest.mark.parametrize("lost", LOST)
async def test_a_new_event_whose_answer_was_lost_is_there_once(
    lost: Fault, server: Server, calendar: CalDavCalendar
) -> None:
    server.faults.plan(lost, verb="PUT")

    state = await until_done(lambda: calendar.put(make_event()))

    assert [title for title, _ in server.live()] == [state.title]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("with_etag", [True, False])
async def test_a_change_whose_answer_was_lost_is_made_once(
    lost: Fault, with_etag: bool, server: Server, calendar: CalDavCalendar
) -> None:
    first = await calendar.put(make_event())
    server.faults.plan(lost, verb="PUT")

    later = make_event(interval=at(6, 9), revision=1)
    state = await until_done(lambda: calendar.put(later, etag=first.etag if with_etag else ""))

    assert state.revision == 1
    assert [time for _, time in server.live()] == [at(6, 9)]


@pytest.mark.parametrize("lost", LOST[:2])
@pytest.mark.parametrize("with_etag", [True, False])
async def test_a_cancellation_whose_answer_was_lost_is_made(
    lost: Fault, with_etag: bool, server: Server, calendar: CalDavCalendar
) -> None:
    first = await calendar.put(make_event())
    server.faults.plan(lost, verb="DELETE")

    await until_done(lambda: calendar.cancel(KEY, etag=first.etag if with_etag else ""))

    assert server.live() == []


@pytest.mark.parametrize("fault", BUSY, ids=lambda fault: f"{fault.kind.value} {fault.status}")
@pytest.mark.parametrize("verb", ["put", "get", "cancel", "changes", "busy"])
async def test_a_failure_for_now_is_told_and_not_tried_again(
    verb: str, fault: Fault, server: Server, calendar: CalDavCalendar
) -> None:
    acts: dict[str, Callable[[], Awaitable[Any]]] = {
        "put": lambda: calendar.put(make_event()),
        "get": lambda: calendar.get(KEY),
        "cancel": lambda: calendar.cancel(KEY),
        "changes": calendar.changes,
        "busy": lambda: calendar.busy([f"{server.url}{server.path}"], JANUARY),
    }
    server.faults.plan(fault)
    asked = calendar.requests

    with pytest.raises(CalendarBusy) as caught:
        await acts[verb]()

    assert caught.value.retry_at == (NOW + timedelta(seconds=42) if fault.retry_after else None)
    assert calendar.requests - asked == 1
    assert server.live() == []


async def test_a_slow_server_is_waited_for(server: Server, calendar: CalDavCalendar) -> None:
    server.faults.plan(slow(0.3), verb="PUT")

    await calendar.put(make_event())

    assert len(server.live()) == 1


async def a_life(calendar: CalDavCalendar, key: EventKey, number: int) -> None:
    """One event is put, every third one moved, every third one cancelled."""
    event = make_event(key=key, interval=at(1 + number % 28, 9))
    state: EventState = await until_done(lambda: calendar.put(event))
    if number % 3 == 1:
        later = make_event(key=key, interval=at(1 + number % 28, 15), revision=1)
        await until_done(lambda: calendar.put(later, etag=state.etag))
    if number % 3 == 2:
        await until_done(lambda: calendar.cancel(key, etag=state.etag))


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_leaves_each_event_once(seed: int, server: Server, calendar: CalDavCalendar) -> None:
    server.faults = FaultScript(seed=seed, mix=storm(0.3, *BUSY[:3]))
    keys = [EventKey(interview=INTERVIEW, generation=number) for number in range(1, 31)]
    for number, key in enumerate(keys):
        await a_life(calendar, key, number)
    changes = await until_done(calendar.changes)

    assert len(server.faults.told) > 20
    wanted = [at(1 + number % 28, 15 if number % 3 == 1 else 9) for number in range(30) if number % 3 != 2]
    assert sorted(time for _, time in server.live()) == sorted(wanted)
    assert {event.key for event in changes.events} == {key for number, key in enumerate(keys) if number % 3 != 2}
