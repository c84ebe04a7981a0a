"""Outlook beyond the contract: what each error of Graph means, and one event and one mail whatever is repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from calendars.outlook import OutlookCalendar
from domain.errors import CalendarAuthError, CalendarBusy, CalendarConflict, CalendarError, CalendarRefused
from domain.model import Interval
from tests.contract.harness import JANUARY, NOW, at, email, make_event
from tests.fakes.faults import DROPPED, EXECUTED_THEN_DROPPED, TRUNCATED, refused
from tests.fakes.graph import GraphServer
from tests.fakes.graph_lab import ORGANISER, Lab, insisting, revised, started


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


# What errors mean


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "ApplicationThrottled", CalendarBusy),
        (500, "InternalServerError", CalendarBusy),
        (502, "BadGateway", CalendarBusy),
        (503, "ServiceUnavailable", CalendarBusy),
        (504, "GatewayTimeout", CalendarBusy),
        (408, "RequestTimeout", CalendarBusy),
        (401, "InvalidAuthenticationToken", CalendarAuthError),
        (403, "ErrorAccessDenied", CalendarRefused),
        (404, "ErrorInvalidUser", CalendarRefused),
        (404, "MailboxNotEnabledForRESTAPI", CalendarRefused),
        (400, "ErrorInvalidRequest", CalendarRefused),
        (409, "ErrorIrresolvableConflict", CalendarBusy),  # no condition was set: no person's doing
        (412, "ErrorIrresolvableConflict", CalendarBusy),
    ],
)
async def test_an_error_has_its_meaning_and_keeps_graphs_word(
    status: int, code: str, kind: type[CalendarError], lab: Lab, calendar: OutlookCalendar
) -> None:
    fault = refused(status, code)
    lab.server.script.plan(fault, fault, verb="events.list")  # twice: a 401 is met with another token first

    with pytest.raises(CalendarError) as caught:
        await calendar.get(make_event().key)

    assert type(caught.value) is kind
    assert (caught.value.reason, caught.value.calendar) == (code, ORGANISER)
    assert code in str(caught.value)


@pytest.mark.parametrize("code", ["ErrorAccessDenied", "MailboxNotEnabledForRESTAPI", "ErrorInvalidUser"])
async def test_a_refusal_says_what_to_do(code: str, lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.script.plan(refused(403, code), verb="events.list")

    with pytest.raises(CalendarRefused, match=r"permission|licence|address"):
        await calendar.get(make_event().key)


@pytest.mark.parametrize(
    ("header", "retry_at"),
    [
        ("17", NOW + timedelta(seconds=17)),
        ("Tue, 01 Dec 2026 08:05:00 GMT", datetime(2026, 12, 1, 8, 5, tzinfo=UTC)),
        ("", None),
        ("soon", None),
    ],
)
async def test_retry_after_is_kept(header: str, retry_at: datetime | None, lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.script.plan(refused(429, "ApplicationThrottled", retry_after=header), verb="events.list")

    with pytest.raises(CalendarBusy) as caught:
        await calendar.get(make_event().key)

    assert caught.value.retry_at == retry_at


@pytest.mark.parametrize("fault", [DROPPED, EXECUTED_THEN_DROPPED, TRUNCATED])
async def test_a_lost_connection_is_busy_and_is_not_tried_again_here(
    fault: Any, lab: Lab, calendar: OutlookCalendar
) -> None:
    lab.server.script.plan(fault, verb="events.insert")

    with pytest.raises(CalendarBusy):
        await calendar.put(make_event())

    assert len(lab.server.script.told) == 1


async def test_an_answer_that_is_no_json_is_busy(lab: Lab) -> None:
    class Page(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, text="<html>A proxy's page</html>")

    async with lab.client(wrap=lambda _: Page()) as calendar:
        with pytest.raises(CalendarBusy):
            await calendar.get(make_event().key)


async def test_a_nobody_at_the_other_end_is_busy() -> None:
    async with Lab(GraphServer(), "http://127.0.0.1:1").client() as calendar:
        with pytest.raises(CalendarBusy):
            await calendar.busy([email("asha")], JANUARY)


async def test_without_permission_nothing_is_tried_twice(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.forbidden = True

    with pytest.raises(CalendarRefused, match=r"Calendars\.ReadWrite"):
        await calendar.put(make_event())


# One event, one mail


@pytest.mark.parametrize("fault", [DROPPED, EXECUTED_THEN_DROPPED, TRUNCATED])
async def test_an_insert_whose_answer_was_lost_is_found_again(fault: Any, lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.script.plan(fault, verb="events.insert")

    state = await insisting(lambda: calendar.put(make_event()))

    (item,) = lab.items()
    assert state.handle == item.id
    assert lab.mails() == [("asha", "invitation"), ("priya", "invitation")]


@pytest.mark.parametrize("fault", [DROPPED, EXECUTED_THEN_DROPPED, TRUNCATED])
async def test_a_revision_whose_answer_was_lost_mails_once(fault: Any, lab: Lab, calendar: OutlookCalendar) -> None:
    first = await calendar.put(make_event())
    later = revised(make_event())
    lab.server.script.plan(fault, verb="events.patch")

    await insisting(lambda: calendar.put(later, etag=first.etag))

    assert lab.mails()[2:] == [("asha", "update"), ("priya", "update")]


@pytest.mark.parametrize("fault", [DROPPED, EXECUTED_THEN_DROPPED])
async def test_a_cancellation_whose_answer_was_lost_mails_once(fault: Any, lab: Lab, calendar: OutlookCalendar) -> None:
    first = await calendar.put(make_event())
    lab.server.script.plan(fault, verb="events.delete")

    await insisting(lambda: calendar.cancel(make_event().key, etag=first.etag))

    assert lab.items() == []
    assert lab.mails()[2:] == [("asha", "cancellation"), ("priya", "cancellation")]


async def test_a_first_put_is_one_call_and_a_revision_two(lab: Lab, calendar: OutlookCalendar) -> None:
    await calendar.put(make_event())
    assert lab.server.calls == {"events.insert": 1}

    await calendar.put(revised(make_event()))
    assert lab.server.calls == {"events.insert": 1, "events.list": 1, "events.patch": 1}


async def test_a_changed_guest_list_mails_only_those_concerned(lab: Lab, calendar: OutlookCalendar) -> None:
    first = await calendar.put(make_event(guests=("asha", "priya")))
    event = make_event()

    await calendar.put(revised(make_event(guests=("ben", "priya")), start=event.start, end=event.end), etag=first.etag)

    assert {mail for mail in lab.mails()[2:] if mail[0] != "priya"} == {("asha", "cancellation"), ("ben", "invitation")}


async def test_when_graph_forgets_a_transaction_the_twins_are_found_and_both_go(
    lab: Lab, calendar: OutlookCalendar
) -> None:
    first = await calendar.put(make_event())
    lab.server.exchange.mailboxes[ORGANISER].made.clear()
    lab.now += timedelta(days=30)
    await calendar.put(make_event())
    assert len(lab.items()) == 2

    found = await calendar.get(make_event().key)
    told = await calendar.changes()
    await calendar.cancel(make_event().key)

    assert found is not None
    assert found.handle == first.handle
    assert [state.key for state in told.events] == [make_event().key] * 2
    assert lab.items() == []


def meanwhile(
    method: str, act: Callable[[], None], *, times: int = 1
) -> Callable[[httpx.AsyncBaseTransport], Meanwhile]:
    return lambda inner: Meanwhile(inner, method, act, times)


class Meanwhile(httpx.AsyncBaseTransport):
    """Somebody acts right before the first requests of a method reach the server."""

    def __init__(self, inner: httpx.AsyncBaseTransport, method: str, act: Callable[[], None], times: int) -> None:
        self._inner, self._method, self._act, self._left = inner, method, act, times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == self._method and self._left:
            self._left -= 1
            self._act()
        return await self._inner.handle_async_request(request)


def asha_answers(lab: Lab) -> None:
    with lab.server.lock:
        lab.server.exchange.respond(lab.items()[0], email("asha"), "accepted")


def somebody_moves(lab: Lab) -> None:
    with lab.server.lock:
        lab.server.exchange.update(lab.items()[0], start=at(8, 15).start, end=at(8, 15).end)


async def test_an_answer_between_reading_and_writing_does_not_stop_a_revision(lab: Lab) -> None:
    async with lab.client(wrap=meanwhile("PATCH", lambda: asha_answers(lab))) as calendar:
        await calendar.put(make_event())
        state = await calendar.put(revised(make_event()))

    assert state.interval == revised(make_event()).interval


async def test_answers_without_end_are_no_persons_change(lab: Lab) -> None:
    async with lab.client(wrap=meanwhile("PATCH", lambda: asha_answers(lab), times=99)) as calendar:
        await calendar.put(make_event())
        with pytest.raises(CalendarBusy):
            await calendar.put(revised(make_event()))


@pytest.mark.parametrize("etag", ["given", ""])
async def test_a_move_between_reading_and_writing_stays(etag: str, lab: Lab) -> None:
    async with lab.client(wrap=meanwhile("PATCH", lambda: somebody_moves(lab))) as calendar:
        first = await calendar.put(make_event())
        with pytest.raises(CalendarConflict):
            await calendar.put(revised(make_event()), etag=first.etag if etag else "")

    assert [Interval(start=item.start, end=item.end) for item in lab.items()] == [at(8, 15)]


async def test_a_deletion_between_reading_and_writing_stays(lab: Lab) -> None:
    async with lab.client(wrap=meanwhile("PATCH", lambda: lab.server.exchange.delete(lab.items()[0]))) as calendar:
        first = await calendar.put(make_event())
        with pytest.raises(CalendarConflict):
            await calendar.put(revised(make_event()), etag=first.etag)

    assert lab.items() == []


async def test_a_move_between_reading_and_cancelling_stays(lab: Lab) -> None:
    async with lab.client(wrap=meanwhile("DELETE", lambda: somebody_moves(lab))) as calendar:
        first = await calendar.put(make_event())
        with pytest.raises(CalendarConflict):
            await calendar.cancel(make_event().key, etag=first.etag)

    assert [Interval(start=item.start, end=item.end) for item in lab.items()] == [at(8, 15)]


@pytest.mark.parametrize("etag", ["given", ""])
async def test_a_deletion_between_reading_and_cancelling_is_what_was_asked_for(etag: str, lab: Lab) -> None:
    async with lab.client(wrap=meanwhile("DELETE", lambda: lab.server.exchange.delete(lab.items()[0]))) as calendar:
        first = await calendar.put(make_event())
        await calendar.cancel(make_event().key, etag=first.etag if etag else "")

    assert lab.items() == []


async def test_an_event_that_outlook_has_shifted_is_not_taken_for_done(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.shift = timedelta(hours=8)

    with pytest.raises(CalendarConflict):
        await calendar.put(make_event())

    assert len(lab.items()) == 1


async def test_an_event_that_is_cancelled_but_still_there_is_no_event(lab: Lab, calendar: OutlookCalendar) -> None:
    first = await calendar.put(make_event())
    lab.items()[0].cancelled = True

    assert await calendar.get(make_event().key) is None
    for again, etag in ((make_event(), ""), (revised(make_event()), first.etag)):
        with pytest.raises(CalendarConflict):
            await calendar.put(again, etag=etag)


async def test_an_organiser_who_is_also_invited_may_be_left_out_by_outlook(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.exchange.drops_organiser = True
    event = make_event(guests=("organiser", "priya"))

    first = await calendar.put(event)
    assert (await calendar.put(event)).etag == first.etag
    await calendar.put(revised(event))

    assert [item.start for item in lab.items()] == [revised(event).start]


# The Teams link


async def test_the_teams_link_is_there_at_once_and_survives_a_revision(lab: Lab, calendar: OutlookCalendar) -> None:
    first = await calendar.put(make_event())
    second = await calendar.put(revised(make_event(description="Another text")), etag=first.etag)

    assert first.meeting.startswith("https://teams.microsoft.com/")
    assert second.meeting == first.meeting
    assert second.description == "Another text"


async def test_without_teams_there_is_no_link_and_no_error(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.exchange.mailboxes[ORGANISER].providers = ()

    state = await calendar.put(make_event())

    assert state.meeting == ""
