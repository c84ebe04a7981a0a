"""What the Google client does beyond the common contract: calls, mails, links, people's hands, lists that break off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from calendars.base import EventKey, Response, Unknown
from calendars.google import GoogleCalendar
from calendars.google_events import event_id
from domain.errors import CalendarBusy, CalendarConflict
from domain.model import Interval
from tests.contract.google_hands import connected
from tests.contract.harness import INTERVIEW, JANUARY, NOW, ZONES, at, email, make_event
from tests.fakes.faults import (
    UNAVAILABLE,
    refused,
    slow,
)
from tests.fakes.google import ORGANISER, FakeGoogle, running_google

KEY = make_event().key
ID = event_id(KEY)


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
    google.store.meet_says = "failure"
    first = await calendar.put(make_event())
    google.store.meet_says = "success"

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
