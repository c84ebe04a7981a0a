"""The Google client in bad weather: answers that are lost on the way, and failures that are told and not tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from calendar_utils import Calendars
from calendars.base import EventKey, EventState
from calendars.google import GoogleCalendar
from calendars.google_errors import SPENT_FOR
from calendars.google_events import event_id
from domain.errors import CalendarBusy, CalendarRefused
from tests.contract.google_hands import connected
from tests.contract.harness import INTERVIEW, JANUARY, NOW, at, email, make_event
from tests.fakes.faults import (
    CLOSED,
    DROPPED,
    EXECUTED_THEN_CLOSED,
    EXECUTED_THEN_DROPPED,
    LEFT,
    TRUNCATED,
    UNAVAILABLE,
    Fault,
    FaultScript,
    refused,
    slow,
    storm,
)
from tests.fakes.google import ORGANISER, FakeGoogle, running_google
from tests.fakes.google_store import Mail
from tests.fakes.server import serve

KEY = make_event().key
ID = event_id(KEY)
LOST = [EXECUTED_THEN_DROPPED, EXECUTED_THEN_CLOSED, TRUNCATED]
RATE = refused(403, "rateLimitExceeded")


@pytest.fixture(scope="module")
def served() -> Iterator[FakeGoogle]:
    with running_google() as google:
        yield google


@pytest.fixture
def google(served: FakeGoogle) -> FakeGoogle:
    served.reset(clock=lambda: NOW, seed=5)
    return served


@pytest.fixture
async def calendar(google: FakeGoogle) -> AsyncIterator[GoogleCalendar]:
    async with connected(google) as client:
        yield client


async def until_done(act: Callable[[], Awaitable[Any]], tries: int = 40) -> Any:
    """What the doorway does with a call that fails for now: make it again."""
    for _ in range(tries):
        try:
            return await act()
        except CalendarBusy:
            continue
    pytest.fail("still failing")


# Lost answers


@pytest.mark.parametrize("lost", LOST)
async def test_an_insert_whose_answer_was_lost_is_found_again(
    lost: Fault, google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    google.faults.plan(lost, verb="events.insert")

    state = await until_done(lambda: calendar.put(make_event()))

    assert [event["id"] for event in google.live()] == [ID] == [state.handle]
    assert state.meeting


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("with_etag", [True, False])
async def test_a_change_whose_answer_was_lost_is_made_once(
    lost: Fault, with_etag: bool, google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    first = await calendar.put(make_event())
    later = make_event(interval=at(6, 9), revision=1)
    google.faults.plan(lost, verb="events.patch")

    await until_done(lambda: calendar.put(later, etag=first.etag if with_etag else ""))

    assert [event["sequence"] for event in google.live()] == [1]
    assert google.store.mails.count(Mail(kind="update", event=ID, to=email("asha"))) == 1


@pytest.mark.parametrize("lost", LOST[:2])
async def test_a_cancellation_whose_answer_was_lost_is_made_once(
    lost: Fault, google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    first = await calendar.put(make_event())
    google.faults.plan(lost, verb="events.delete")

    await until_done(lambda: calendar.cancel(KEY, etag=first.etag))

    assert google.live() == []
    assert google.store.mails.count(Mail(kind="cancellation", event=ID, to=email("asha"))) == 1


async def a_life(calendar: GoogleCalendar, key: EventKey, number: int) -> None:
    """One event is put, every third one moved, every third one cancelled."""
    event = make_event(key=key, interval=at(1 + number % 28, 9))
    state: EventState = await until_done(lambda: calendar.put(event))
    if number % 3 == 1:
        later = make_event(key=key, interval=at(1 + number % 28, 15), revision=1)
        await until_done(lambda: calendar.put(later, etag=state.etag))
    if number % 3 == 2:
        await until_done(lambda: calendar.cancel(key, etag=state.etag))


async def test_a_storm_leaves_each_event_once_and_mails_once(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.faults = FaultScript(seed=11, mix=storm(0.3, RATE), verbs=("events.",))
    keys = [EventKey(interview=INTERVIEW, generation=number) for number in range(1, 31)]
    for number, key in enumerate(keys):
        await a_life(calendar, key, number)

    assert len(google.faults.told) > 20
    assert {event["id"] for event in google.live()} == {
        event_id(key) for number, key in enumerate(keys) if number % 3 != 2
    }
    mailed = {
        kind: sum(mail.kind == kind and mail.to == email("asha") for mail in google.store.mails)
        for kind in ("invitation", "update", "cancellation")
    }
    assert mailed == {"invitation": 30, "update": 10, "cancellation": 10}


# Failures for now


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (DROPPED, "ConnectionResetError"),
        (CLOSED, "ConnectionResetError"),
        (UNAVAILABLE, "backendError"),
        (RATE, "rateLimitExceeded"),
        (refused(403, "userRateLimitExceeded"), "userRateLimitExceeded"),
        (refused(429, "rateLimitExceeded"), "rateLimitExceeded"),
    ],
)
@pytest.mark.parametrize("verb", ["events.insert", "freebusy.query", "events.list", "events.get", "events.delete"])
async def test_a_failure_for_now_is_told_and_not_tried_again(
    verb: str, fault: Fault, reason: str, google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    acts: dict[str, Callable[[], Awaitable[Any]]] = {
        "events.insert": lambda: calendar.put(make_event()),
        "freebusy.query": lambda: calendar.busy([ORGANISER], JANUARY),
        "events.list": calendar.changes,
        "events.get": lambda: calendar.get(KEY),
        "events.delete": lambda: calendar.cancel(KEY),
    }
    google.faults.plan(fault, verb=verb)

    with pytest.raises(CalendarBusy) as caught:
        await acts[verb]()

    assert (caught.value.reason, caught.value.calendar) == (reason, "primary")
    assert google.calls == []


async def test_a_stale_connection_is_no_failure(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.faults.plan(LEFT, verb="events.insert")
    await calendar.put(make_event())
    await asyncio.sleep(0.05)  # until its end has come

    await calendar.get(KEY)

    assert google.faults.seen == {"token": 1, "events.insert": 1, "events.get": 1}


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("lost", [DROPPED, CLOSED, *LOST])
async def test_a_call_that_breaks_is_one_request(
    lost: Fault, kept: bool, google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    if kept:
        await calendar.changes()
    google.faults = FaultScript()
    google.faults.plan(*[lost] * 3, verb="events.insert")
    before = calendar.requests

    with pytest.raises(CalendarBusy):
        await calendar.put(make_event())

    assert google.faults.seen["events.insert"] == calendar.requests - before == 1


async def test_statistics_count_what_google_was_asked(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.faults = FaultScript(seed=3, mix=storm(0.3, RATE), verbs=("events.",))
    doorway = Calendars({"google": calendar}, default="google", max_retries=9, sleep=lambda seconds: asyncio.sleep(0))
    for number in range(1, 31):
        await doorway.put(make_event(key=EventKey(interview=INTERVIEW, generation=number)))
    google.sign_in.expire_access_tokens()
    await doorway.get(KEY)

    assert len(google.faults.told) > 10
    asked = sum(count for verb, count in google.faults.seen.items() if verb != "token")
    assert sum(one.requests for one in doorway.statistics()) == asked


async def test_a_slow_server_is_given_up_on(google: FakeGoogle) -> None:
    async with connected(google, timeout=0.1) as calendar:
        google.faults.plan(slow(0.4), verb="events.insert")
        with pytest.raises(CalendarBusy, match="timeout"):
            await calendar.put(make_event())
        await asyncio.sleep(0.5)  # it is executed all the same

        state = await calendar.put(make_event())

    assert [event["id"] for event in google.live()] == [state.handle]


async def test_a_page_of_somebody_else_in_between_is_no_answer(google: FakeGoogle) -> None:
    portal = FastAPI()

    @portal.get("/{path:path}")
    async def welcome(path: str) -> HTMLResponse:
        return HTMLResponse("<p>Welcome to our network, please sign in")

    with serve(portal) as url:
        async with connected(google, base_url=f"{url}/calendar/v3/") as calendar:
            with pytest.raises(CalendarBusy, match="could not be read"):
                await calendar.get(KEY)


async def test_retry_after_is_told(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.faults.plan(refused(429, "rateLimitExceeded", retry_after="42"), verb="events.insert")

    with pytest.raises(CalendarBusy) as caught:
        await calendar.put(make_event())

    assert caught.value.retry_at == NOW + timedelta(seconds=42)


async def test_a_spent_limit_parks_the_account(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.store.invitations_left = 0

    with pytest.raises(CalendarBusy) as caught:
        await calendar.put(make_event())

    assert (caught.value.reason, caught.value.retry_at) == ("quotaExceeded", NOW + SPENT_FOR)


async def test_the_quota_is_told_as_googles(served: FakeGoogle) -> None:
    served.reset(clock=lambda: NOW, per_user=2)
    async with connected(served) as calendar:
        for number in (1, 2):
            await calendar.put(make_event(key=EventKey(interview=INTERVIEW, generation=number)))
        with pytest.raises(CalendarBusy, match="userRateLimitExceeded"):
            await calendar.put(make_event(key=EventKey(interview=INTERVIEW, generation=3)))


async def test_what_is_refused_for_good_is_asked_once(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.faults.plan(refused(403, "forbiddenForNonOrganizer"), verb="events.insert")

    with pytest.raises(CalendarRefused, match="organiser"):
        await calendar.put(make_event())

    assert len(google.faults.told) == 1
    assert google.calls == []
