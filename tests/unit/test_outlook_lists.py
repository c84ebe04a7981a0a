"""Outlook beyond the contract: as few calls as possible, pages, deltas and their ends, throttling, whose mailbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from calendars.base import EventKey, Unknown
from calendars.outlook import OutlookCalendar
from domain.errors import CalendarBusy, CalendarRefused
from domain.model import Interval
from tests.contract.harness import JANUARY, NOW, at, email, make_event
from tests.fakes.faults import DROPPED, refused, slow
from tests.fakes.graph import GraphServer
from tests.fakes.graph_lab import ORGANISER, Lab, revised, started
from tests.fakes.server import serve


@pytest.fixture(scope="module")
def served() -> Iterator[Lab]:
    with started() as lab:
        yield lab


@pytest.fixture
def lab(served: Lab) -> Lab:
    return served.emptied()


@pytest.fixture
async def calendar(lab: Lab) -> AsyncIterator[OutlookCalendar]:
    async with lab.client() as made:
        yield made


# Busy times


async def test_twenty_people_and_sixty_days_are_one_call(lab: Lab, calendar: OutlookCalendar) -> None:
    crowd = [email(f"person{number}") for number in range(41)]
    for one in crowd:
        lab.server.exchange.add(one)

    await calendar.busy(crowd, Interval(start=NOW, end=NOW + timedelta(days=58)))
    assert lab.server.calls == {"getSchedule": 3}

    await calendar.busy(crowd[:20], Interval(start=NOW, end=NOW + timedelta(days=300)))
    assert lab.server.calls == {"getSchedule": 3 + 6}


async def test_a_long_look_finds_what_lies_on_its_seams(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.exchange.add(email("asha"))
    span = Interval(start=NOW, end=NOW + timedelta(days=200))
    expected = [Interval(start=NOW + timedelta(days=day), end=NOW + timedelta(days=day, hours=1)) for day in range(200)]
    for one in expected:
        lab.server.exchange.create(email("asha"), subject="Own", body="", start=one.start, end=one.end)

    assert (await calendar.busy([email("asha")], span))[email("asha")] == tuple(expected)


@pytest.mark.parametrize(
    ("zone", "local"),
    [("Pacific Standard Time", "America/Los_Angeles"), ("New Zealand Standard Time", "Pacific/Auckland")],
)
@pytest.mark.parametrize("hour", [0, 23])
async def test_an_all_day_event_is_found_where_its_day_is_another_one_in_utc(
    hour: int, zone: str, local: str, lab: Lab, calendar: OutlookCalendar
) -> None:
    lab.server.exchange.add(email("asha"), zone=zone)
    start = datetime(2027, 1, 5, tzinfo=UTC)
    end = start + timedelta(days=1)
    lab.server.exchange.create(email("asha"), subject="Off", body="", start=start, end=end, all_day=True)
    moment = datetime(2027, 1, 5, hour, tzinfo=ZoneInfo(local))

    busy = await calendar.busy([email("asha")], Interval(start=moment, end=moment + timedelta(minutes=30)))

    assert len(busy[email("asha")]) == 1  # type: ignore[arg-type]  # not Unknown, or this fails


async def test_addresses_are_matched_whatever_their_case(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.exchange.add("Asha@Example.com")

    assert await calendar.busy(["ASHA@example.com"], JANUARY) == {"ASHA@example.com": ()}


async def test_a_person_left_out_of_the_answer_is_unknown(lab: Lab) -> None:
    class Silent(httpx.AsyncBaseTransport):
        def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
            self._inner = inner

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"value": []})

    async with lab.client(wrap=Silent) as calendar:
        busy = await calendar.busy([email("asha")], JANUARY)

    assert isinstance(busy[email("asha")], Unknown)


# Pages and deltas


@pytest.mark.parametrize("page", [1, 3])
async def test_short_pages_are_followed_to_the_end(page: int, lab: Lab, calendar: OutlookCalendar) -> None:
    keys = [EventKey(interview=str(UUID(int=number)), generation=1) for number in range(7)]
    for number, key in enumerate(keys):
        await calendar.put(make_event(key=key, interval=at(number + 1, 10)))
    lab.server.lists.page_limit = page

    told = await calendar.changes()

    assert [state.key for state in told.events] == keys


async def test_a_thousand_events_are_read_in_pages_of_a_hundred(lab: Lab, calendar: OutlookCalendar) -> None:
    for number in range(1000):
        start = NOW + timedelta(hours=number)
        lab.server.exchange.create(ORGANISER, subject="Own", body="", start=start, end=start + timedelta(minutes=30))

    told = await calendar.changes()

    assert len(told.events) == 1000
    assert lab.server.calls == {"delta.list": 10}


async def test_what_may_be_ours_is_read_again_in_one_list(lab: Lab, calendar: OutlookCalendar) -> None:
    cursor = (await calendar.changes()).cursor
    for number in range(20):
        key = EventKey(interview=str(UUID(int=number)), generation=1)
        await calendar.put(make_event(key=key, interval=at(number + 1, 10)))
    lab.server.calls.clear()

    told = await calendar.changes(cursor)

    assert len(told.events) == 20
    assert lab.server.calls == {"delta.list": 1, "calendarView.list": 1}


async def test_a_series_is_told_by_its_occurrences_and_what_nobody_can_read_is_left_out(lab: Lab) -> None:
    times = {
        "start": {"dateTime": "2027-01-05T10:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2027-01-05T11:00:00.0000000", "timeZone": "UTC"},
    }
    rows = [
        {"id": "series", "type": "seriesMaster", "subject": "Standup", **times},
        {"id": "one", "type": "occurrence", "seriesMasterId": "series", **times},  # a delta shows no more of it
        {"id": "odd", "type": "singleInstance", "start": {"dateTime": "never", "timeZone": "UTC"}, "end": None},
    ]

    class Series(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"value": rows, "@odata.deltaLink": f"{lab.url}/v1.0/next"})

    async with lab.client(wrap=lambda _: Series()) as calendar:
        (state,) = (await calendar.changes()).events

    assert (state.key, state.handle, state.title, state.interval) == (None, "one", "", at(5, 10))


async def test_an_event_that_goes_between_the_delta_and_the_list_is_told_next_time(lab: Lab) -> None:
    class Meanwhile(httpx.AsyncBaseTransport):
        def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
            self._inner = inner

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/calendar/calendarView"):
                for item in lab.items():
                    lab.server.exchange.delete(item)
            return await self._inner.handle_async_request(request)

    async with lab.client(wrap=Meanwhile) as calendar:
        cursor = (await calendar.changes()).cursor
        put = await calendar.put(make_event())

        told = await calendar.changes(cursor)
        after = await calendar.changes(told.cursor)

    assert (told.events, told.gone, after.events, after.gone) == ((), (), (), (put.handle,))


async def test_a_revision_is_told_with_its_number(lab: Lab, calendar: OutlookCalendar) -> None:
    await calendar.put(make_event())
    cursor = (await calendar.changes()).cursor
    await calendar.put(revised(make_event()))

    (state,) = (await calendar.changes(cursor)).events

    assert state.revision == 1


async def test_a_dead_cursor_gives_everything(lab: Lab, calendar: OutlookCalendar) -> None:
    await calendar.put(make_event())
    cursor = (await calendar.changes()).cursor
    lab.server.exchange.forget_deltas(ORGANISER)

    told = await calendar.changes(cursor)

    assert told.complete
    assert [state.key for state in told.events] == [make_event().key]
    assert not (await calendar.changes(told.cursor)).complete


@pytest.mark.parametrize("page", range(4))
async def test_a_cursor_that_dies_on_any_page_gives_everything(page: int, lab: Lab, calendar: OutlookCalendar) -> None:
    cursor = (await calendar.changes()).cursor
    keys = [EventKey(interview=str(UUID(int=number)), generation=1) for number in range(4)]
    for number, key in enumerate(keys):
        await calendar.put(make_event(key=key, interval=at(number + 1, 10)))
    lab.server.lists.page_limit = 1
    lab.server.script.plan(*[slow(0)] * page, refused(410, "syncStateNotFound"), verb="delta.list")

    told = await calendar.changes(cursor)

    assert told.complete
    assert [state.key for state in told.events] == keys


@pytest.mark.parametrize("fault", [DROPPED, refused(503, "ServiceUnavailable")])
async def test_a_sweep_that_breaks_off_may_be_made_again_from_the_same_cursor(
    fault: Any, lab: Lab, calendar: OutlookCalendar
) -> None:
    cursor = (await calendar.changes()).cursor
    await calendar.put(make_event())
    lab.server.script.plan(fault, verb="calendarView.list")

    with pytest.raises(CalendarBusy):
        await calendar.changes(cursor)

    assert [state.key for state in (await calendar.changes(cursor)).events] == [make_event().key]


async def test_an_event_that_is_moved_out_of_sight_is_told_as_gone(lab: Lab, calendar: OutlookCalendar) -> None:
    put = await calendar.put(make_event())
    cursor = (await calendar.changes()).cursor
    far = Interval(start=NOW + timedelta(days=900), end=NOW + timedelta(days=900, hours=1))
    lab.server.exchange.update(lab.items()[0], start=far.start, end=far.end)

    assert (await calendar.changes(cursor)).gone == (put.handle,)


async def test_a_cursor_that_no_longer_sees_a_year_ahead_is_given_up(lab: Lab, calendar: OutlookCalendar) -> None:
    cursor = (await calendar.changes()).cursor
    lab.now += timedelta(days=29)
    assert not (await calendar.changes(cursor)).complete

    lab.now += timedelta(days=2)
    far = Interval(start=lab.now + timedelta(days=395), end=lab.now + timedelta(days=395, hours=1))
    await calendar.put(make_event(interval=far))
    told = await calendar.changes(cursor)

    assert told.complete
    assert [state.interval for state in told.events] == [far]


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "5",
        "{}",
        json.dumps({"link": "https://elsewhere.example/v1.0/delta", "until": "2030-01-01T00:00:00+00:00"}),
        json.dumps({"link": "http://127.0.0.1", "until": "2030-01-01T00:00:00+00:00"}),
    ],
)
async def test_a_cursor_of_elsewhere_is_never_followed(cursor: str, lab: Lab, calendar: OutlookCalendar) -> None:
    assert (await calendar.changes(cursor)).complete


async def test_a_next_page_elsewhere_is_never_followed(lab: Lab) -> None:
    class Astray(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            assert request.url.host == "127.0.0.1"
            return httpx.Response(200, json={"value": [], "@odata.nextLink": "https://elsewhere.example/next"})

    async with lab.client(wrap=lambda _: Astray()) as calendar:
        with pytest.raises(CalendarRefused, match="elsewhere"):
            await calendar.get(make_event().key)


# Throttling


async def test_coming_back_when_told_is_early_enough(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.limit = 5
    for second in range(5):
        lab.now = NOW + timedelta(seconds=second)
        await calendar.get(make_event().key)

    with pytest.raises(CalendarBusy) as caught:
        await calendar.get(make_event().key)
    assert caught.value.retry_at is not None
    assert caught.value.retry_at <= NOW + timedelta(minutes=11)

    lab.now = caught.value.retry_at
    await calendar.get(make_event().key)
    assert lab.server.throttled == 1


async def test_no_more_than_four_requests_are_under_way(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.latency = 0.02

    await asyncio.gather(*(calendar.get(make_event().key) for _ in range(12)))

    assert (lab.server.most_at_once, lab.server.throttled) == (4, 0)


async def test_the_server_itself_lets_only_four_in() -> None:
    server = GraphServer()
    server.exchange.add(ORGANISER)
    server.latency = 0.2
    with serve(server.app) as url:
        lab = Lab(server, url, now=datetime.now(UTC))
        async with lab.client() as one, lab.client() as other:
            asked = [client.get(make_event().key) for client in (one, other) for _ in range(4)]
            answers = await asyncio.gather(*asked, return_exceptions=True)

    assert server.throttled == sum(isinstance(answer, CalendarBusy) for answer in answers) > 0


# The signed-in person's own mailbox


async def test_a_person_writes_to_their_own_mailbox_and_to_no_other(lab: Lab) -> None:
    lab.server.exchange.add(email("asha"))
    async with lab.client(user="") as calendar:
        await calendar.put(make_event())
        told = await calendar.changes((await calendar.changes()).cursor)
        await calendar.cancel(make_event().key)
        assert await calendar.busy([email("asha")], JANUARY) == {email("asha"): ()}

    assert (told.events, lab.items()) == ((), [])


async def test_a_mailbox_that_does_not_exist_is_said_so(lab: Lab) -> None:
    async with lab.client(user="nobody@example.com") as calendar:
        with pytest.raises(CalendarRefused, match="check the address"):
            await calendar.put(make_event())
