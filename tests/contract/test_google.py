"""What the Google client does in bad weather and beyond the common contract: lost answers, limits, tokens, mails, conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calendars.base import EventKey, EventState, Response, Unknown
from calendars.google import GoogleCalendar
from calendars.google_errors import SPENT_FOR
from calendars.google_events import event_id
from domain.errors import CalendarBusy, CalendarConflict, CalendarRefused
from domain.model import Interval
from tests.contract.google_hands import connected
from tests.contract.harness import INTERVIEW, JANUARY, NOW, ZONES, at, email, make_event
from tests.fakes.faults import (
    CLOSED,
    DROPPED,
    EXECUTED_THEN_CLOSED,
    EXECUTED_THEN_DROPPED,
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
    google.faults.plan(CLOSED, verb="events.insert")

    await calendar.put(make_event())

    assert len(google.live()) == 1


async def test_a_slow_server_is_given_up_on(google: FakeGoogle) -> None:
    async with connected(google, timeout=0.1) as calendar:
        google.faults.plan(slow(0.4), verb="events.insert")
        with pytest.raises(CalendarBusy, match="timeout"):
            await calendar.put(make_event())
        await asyncio.sleep(0.5)  # it is executed all the same

        state = await calendar.put(make_event())

    assert [event["id"] for event in google.live()] == [state.handle]


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


# As few calls as possible


async def test_a_booking_is_one_call_to_read_and_one_to_write(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    people = [f"person{number}@example.com" for number in range(50)]
    for person in people:
        google.add_person(person)

    await calendar.busy([*people, people[0]], Interval(start=JANUARY.start, end=JANUARY.start + timedelta(days=60)))
    await calendar.put(make_event())

    assert google.verbs() == {"freebusy.query": 1, "events.insert": 1}


async def test_many_people_and_a_long_time_are_asked_for_in_pieces(
    google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    people = [f"person{number}@example.com" for number in range(51)]
    for person in people:
        google.add_person(person)
    google.creates("Late", at(28, 9).start, at(28, 10).start, calendar=people[50])
    year = Interval(start=datetime(2026, 12, 1, tzinfo=UTC), end=datetime(2027, 12, 1, tzinfo=UTC))

    busy = await calendar.busy(people, year)

    assert busy == dict.fromkeys(people, ()) | {people[50]: (at(28, 9),)}
    assert google.verbs() == {"freebusy.query": 2 * 7}
    assert await calendar.busy([], JANUARY) == {}


async def test_a_calendar_that_google_cannot_read_is_unknown_with_a_cure(
    google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    google.add_person(email("asha")).unreadable = "internalError"

    asha = (await calendar.busy([email("asha")], JANUARY))[email("asha")]

    assert isinstance(asha, Unknown)
    assert "internalError" in asha.reason


# Mails, answers, links


@pytest.mark.parametrize(("choice", "mails"), [("all", 2), ("none", 0)])
async def test_who_is_mailed_is_chosen_once(choice: str, mails: int, google: FakeGoogle) -> None:
    async with connected(google, send_updates=choice) as calendar:
        for _ in range(3):
            await calendar.put(make_event())

    assert len(google.store.mails) == mails


async def test_a_change_keeps_answers_and_the_link(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    first = await calendar.put(make_event())
    google.responds(ID, email("asha"), "accepted")

    second = await calendar.put(make_event(interval=at(6, 9), revision=1, guests=("asha", "ben")), etag=first.etag)

    assert second.responses == {email("asha"): Response.ACCEPTED, email("ben"): Response.NONE}
    assert second.meeting == first.meeting != ""


async def test_a_link_that_google_failed_to_make_is_asked_for_again(
    google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    google.store.meet_fails = True
    first = await calendar.put(make_event())
    google.store.meet_fails = False

    second = await calendar.put(make_event(revision=1), etag=first.etag)

    assert (first.meeting, bool(second.meeting)) == ("", True)


async def test_no_link_is_made_unasked(calendar: GoogleCalendar) -> None:
    assert (await calendar.put(make_event(conference=False))).meeting == ""


# People's hands


async def test_an_answer_between_looking_and_writing_is_no_conflict(
    google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    await calendar.put(make_event())
    google.faults.plan(refused(412, "conditionNotMet"), verb="events.patch")

    state = await calendar.put(make_event(interval=at(6, 9), revision=1))

    assert state.interval == at(6, 9)


async def test_an_event_that_never_rests_is_left_for_later(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    state = await calendar.put(make_event())
    google.faults.plan(*[refused(412, "conditionNotMet")] * 2, verb="events.patch")
    google.faults.plan(*[refused(412, "conditionNotMet")] * 2, verb="events.delete")

    with pytest.raises(CalendarBusy):
        await calendar.put(make_event(interval=at(6, 9), revision=1))
    with pytest.raises(CalendarBusy):
        await calendar.cancel(KEY, etag=state.etag)


async def test_a_deletion_between_looking_and_writing_stays(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    await calendar.put(make_event())
    google.faults.plan(slow(0.2), verb="events.patch")

    change = asyncio.create_task(calendar.put(make_event(interval=at(6, 9), revision=1)))
    await asyncio.sleep(0.1)
    google.deletes(ID)

    with pytest.raises(CalendarConflict, match="deleted"):
        await change
    assert google.live() == []


async def test_an_event_made_to_last_all_day_is_a_persons_change(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.store.shelves[ORGANISER].zone = ZONES["asha"]
    await calendar.put(make_event())
    google.edits(ID, start={"date": "2027-01-05", "dateTime": None}, end={"date": "2027-01-06", "dateTime": None})

    state = await calendar.get(KEY)

    assert state
    assert state.interval == at(5, 0, minutes=1440, zone="Asia/Kolkata")
    with pytest.raises(CalendarConflict):
        await calendar.put(make_event(revision=1))
    taken_over = await calendar.put(make_event(revision=1), etag=state.etag)
    assert taken_over.interval == make_event().interval


async def test_a_deleted_event_that_google_has_forgotten_is_gone(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    cursor = (await calendar.changes()).cursor
    await calendar.put(make_event())
    google.deletes(ID)
    google.fades(ID)

    assert await calendar.get(KEY) is None
    assert (await calendar.changes(cursor)).gone == (ID,)
    with pytest.raises(CalendarConflict):
        await calendar.put(make_event())
    await calendar.cancel(KEY)


async def test_a_copy_is_told_under_the_same_key_with_another_handle(
    google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    await calendar.put(make_event())
    copy = google.duplicates(ID)

    changes = await calendar.changes()

    assert {state.handle: state.key for state in changes.events} == {ID: KEY, copy["id"]: KEY}


# Watching


@pytest.mark.parametrize("page", range(4))
async def test_a_cursor_forgotten_at_any_page_gives_everything(
    page: int, google: FakeGoogle, calendar: GoogleCalendar
) -> None:
    cursor = (await calendar.changes()).cursor
    keys = {EventKey(interview=INTERVIEW, generation=number) for number in range(1, 13)}
    for key in keys:
        await calendar.put(make_event(key=key))
    google.lists.page_cap = 3
    google.faults.plan(*[slow(0)] * page, refused(410, "fullSyncRequired"), verb="events.list")

    changes = await calendar.changes(cursor)

    assert changes.complete
    assert {state.key for state in changes.events} == keys


async def test_a_list_that_breaks_off_gives_no_cursor(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    cursor = (await calendar.changes()).cursor
    keys = {EventKey(interview=INTERVIEW, generation=number) for number in range(1, 13)}
    for key in keys:
        await calendar.put(make_event(key=key))
    google.lists.page_cap = 3
    google.faults.plan(slow(0), slow(0), UNAVAILABLE, verb="events.list")

    with pytest.raises(CalendarBusy):
        await calendar.changes(cursor)

    assert {state.key for state in (await calendar.changes(cursor)).events} == keys
