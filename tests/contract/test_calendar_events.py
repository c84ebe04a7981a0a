"""Our events in the organiser's calendar: one per key whatever is repeated, and nothing that a person did is overwritten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calendars.base import Calendar, Event, EventKey, EventState, Response
from domain.errors import CalendarConflict
from domain.model import Interval
from tests.contract.harness import INTERVIEW, Harness, at, email, make_event


def revised(event: Event, **changes: Any) -> Event:
    """The next revision of an event, an hour later unless told otherwise."""
    fields: Mapping[str, Any] = {
        "start": event.start + timedelta(hours=1),
        "end": event.end + timedelta(hours=1),
        "revision": event.revision + 1,
    }
    kept = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    return Event(**(kept | dict(fields) | changes))


async def lives(calendar: Calendar, key: EventKey) -> bool:
    state = await calendar.get(key)
    return state is not None and not state.cancelled


async def found(calendar: Calendar, key: EventKey) -> EventState:
    state = await calendar.get(key)
    assert state is not None
    return state


async def test_an_event_is_there_as_it_was_put(harness: Harness, calendar: Calendar) -> None:
    event = make_event()

    put = await calendar.put(event)

    state = await found(calendar, event.key)
    assert (state.key, state.title, state.interval, state.cancelled, state.revision) == (
        event.key, event.title, event.interval, False, 0,
    )  # fmt: skip
    assert state.description.split() == event.description.split()
    assert state.responses == {email("asha"): Response.NONE, email("priya"): Response.NONE}
    assert state.handle
    assert state.etag
    assert (put.key, put.handle, put.etag, put.interval) == (state.key, state.handle, state.etag, state.interval)
    assert await harness.live() == [(event.title, event.interval)]


async def test_what_was_never_put_is_not_there(calendar: Calendar) -> None:
    assert await calendar.get(EventKey(interview=INTERVIEW, generation=1)) is None


async def test_putting_again_changes_nothing(harness: Harness, calendar: Calendar) -> None:
    first = await calendar.put(make_event())
    second = await calendar.put(make_event())

    assert (second.handle, second.etag) == (first.handle, first.etag)
    assert len(await harness.live()) == 1


async def test_putting_again_after_a_restart_finds_the_first_tries_event(harness: Harness) -> None:
    async with harness.calendar() as before_the_crash:
        first = await before_the_crash.put(make_event())
    async with harness.calendar() as after_it:
        second = await after_it.put(make_event())

    assert (second.handle, second.etag) == (first.handle, first.etag)
    assert len(await harness.live()) == 1


async def test_two_clients_putting_at_once_make_one_event(harness: Harness) -> None:
    async with harness.calendar() as one, harness.calendar() as other:
        states = await asyncio.gather(*(client.put(make_event()) for client in (one, other, one, other)))

    assert len({state.handle for state in states}) == 1
    assert len(await harness.live()) == 1


async def test_two_interviews_have_two_events(harness: Harness, calendar: Calendar) -> None:
    other = make_event(key=EventKey(interview="8c0b5a2e-1111-4a5d-8f6e-93a1d2f4c5b6", generation=1), title="Panel")
    await calendar.put(make_event())
    await calendar.put(other)

    assert sorted(title for title, _ in await harness.live()) == ["Core Java: Priya Sharma", "Panel"]


@pytest.mark.parametrize(
    "text",
    [
        "Zoë Ångström: 面接 🙂",
        'Semi; colon, comma \\ backslash "quotes"',
        "END:VEVENT",
        "<b>bold</b> & <script>",
        "x" * 300 + "é" * 80,
    ],
)
async def test_any_text_comes_back_as_it_was(text: str, harness: Harness, calendar: Calendar) -> None:
    event = make_event(title=text, description=f"{text}\nsecond line\n\nfourth line")

    await calendar.put(event)
    state = await found(calendar, event.key)

    assert state.title == text
    assert state.description.split() == event.description.split()
    assert [title for title, _ in await harness.live()] == [text]
    await calendar.put(event)
    assert (await found(calendar, event.key)).etag == state.etag


@pytest.mark.parametrize("hour", [8, 9, 10])  # UTC: 01:30 PDT, 01:30 PST and 02:30 PST on the night the clocks go back
async def test_an_instant_survives_a_clock_change(hour: int, harness: Harness, calendar: Calendar) -> None:
    start = datetime(2027, 11, 7, hour, 30, tzinfo=UTC)
    event = make_event(interval=Interval(start=start, end=start + timedelta(hours=1)))

    await calendar.put(event)

    assert (await found(calendar, event.key)).interval == event.interval
    assert await harness.live() == [(event.title, event.interval)]


async def test_a_revision_changes_the_same_event(harness: Harness, calendar: Calendar) -> None:
    first = await calendar.put(make_event())
    later = revised(make_event(), title="Core Java, moved")

    second = await calendar.put(later, etag=first.etag)

    assert (second.handle, second.revision, second.interval) == (first.handle, 1, later.interval)
    assert second.etag != first.etag
    assert await harness.live() == [(later.title, later.interval)]


async def test_a_revision_without_an_etag_changes_an_intact_event(harness: Harness, calendar: Calendar) -> None:
    await calendar.put(make_event())
    later = revised(make_event())

    await calendar.put(later)

    assert await harness.live() == [(later.title, later.interval)]


async def test_a_revision_can_change_the_guests(calendar: Calendar) -> None:
    first = await calendar.put(make_event(guests=("asha", "priya")))

    await calendar.put(revised(make_event(guests=("ben", "priya"))), etag=first.etag)

    state = await found(calendar, first.key or make_event().key)
    assert set(state.responses) == {email("ben"), email("priya")}


async def test_a_revision_whose_answer_was_lost_may_be_repeated(harness: Harness, calendar: Calendar) -> None:
    first = await calendar.put(make_event())
    later = revised(make_event())
    second = await calendar.put(later, etag=first.etag)

    again = await calendar.put(later, etag=first.etag)

    assert again.etag == second.etag
    assert await harness.live() == [(later.title, later.interval)]


async def test_an_older_revision_never_goes_over_a_newer_one(harness: Harness, calendar: Calendar) -> None:
    await calendar.put(make_event())
    later = revised(make_event())
    await calendar.put(later)

    with pytest.raises(CalendarConflict):
        await calendar.put(make_event())

    assert await harness.live() == [(later.title, later.interval)]


async def test_a_move_by_a_person_stays(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    first = await calendar.put(event)
    await harness.human_moves(event.key, at(8, 15))

    with pytest.raises(CalendarConflict):
        await calendar.put(revised(event), etag=first.etag)

    assert await harness.live() == [(event.title, at(8, 15))]
    assert (await found(calendar, event.key)).interval == at(8, 15)


async def test_a_move_by_a_person_stays_when_the_first_put_is_repeated(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    await harness.human_moves(event.key, at(8, 15))

    with pytest.raises(CalendarConflict):
        await calendar.put(event)

    assert await harness.live() == [(event.title, at(8, 15))]


async def test_another_title_by_a_person_stays(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    await harness.human_edits(event.key, title="Bring the laptop")

    with pytest.raises(CalendarConflict):
        await calendar.put(revised(event))

    assert await harness.live() == [("Bring the laptop", event.interval)]


async def test_with_the_etag_of_a_persons_change_ours_goes_over_it(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    await harness.human_moves(event.key, at(8, 15))
    moved = await found(calendar, event.key)
    taken_over = revised(event, start=at(8, 15).start, end=at(8, 15).end)

    state = await calendar.put(taken_over, etag=moved.etag)

    assert (state.interval, state.revision) == (at(8, 15), 1)
    await calendar.put(revised(taken_over))  # intact again
    assert len(await harness.live()) == 1


async def test_an_answer_is_no_change(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    first = await calendar.put(event)
    await harness.human_responds(event.key, "asha", Response.ACCEPTED)
    later = revised(event)

    await calendar.put(later, etag=first.etag)

    assert await harness.live() == [(later.title, later.interval)]


async def test_a_deletion_by_a_person_stays(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    first = await calendar.put(event)
    await harness.human_deletes(event.key)

    with pytest.raises(CalendarConflict):
        await calendar.put(revised(event), etag=first.etag)

    assert not await lives(calendar, event.key)
    assert await harness.live() == []


async def test_the_first_put_repeated_after_a_deletion(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    await harness.human_deletes(event.key)

    if harness.remembers_deleted:
        with pytest.raises(CalendarConflict):
            await calendar.put(event)
        assert await harness.live() == []
    else:
        await calendar.put(event)
        assert await harness.live() == [(event.title, event.interval)]


async def test_a_new_generation_lives_where_the_old_one_was_deleted(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    old = await calendar.put(event)
    await harness.human_deletes(event.key)
    again = make_event(key=EventKey(interview=INTERVIEW, generation=2))

    new = await calendar.put(again)

    assert new.handle != old.handle
    assert await harness.live() == [(event.title, event.interval)]


@pytest.mark.parametrize(
    ("who", "response"),
    [
        ("asha", Response.ACCEPTED),
        ("asha", Response.TENTATIVE),
        ("asha", Response.DECLINED),
        ("priya", Response.DECLINED),
    ],
)
async def test_answers_are_told(who: str, response: Response, harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)

    await harness.human_responds(event.key, who, response)

    none = {email("asha"): Response.NONE, email("priya"): Response.NONE}
    assert (await found(calendar, event.key)).responses == none | {email(who): response}


async def test_addresses_are_told_in_lower_case(calendar: Calendar) -> None:
    event = make_event()
    shouting = tuple(type(guest)(email=guest.email.upper(), name=guest.name) for guest in event.attendees)
    event = make_event(attendees=shouting)

    await calendar.put(event)
    state = await found(calendar, event.key)

    assert set(state.responses) == {email("asha"), email("priya")}
    assert (await calendar.put(event)).etag == state.etag


async def test_a_cancelled_event_is_gone(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    state = await calendar.put(event)

    await calendar.cancel(event.key, etag=state.etag)

    assert not await lives(calendar, event.key)
    assert await harness.live() == []


async def test_cancelling_twice_is_cancelling_once(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    state = await calendar.put(event)
    await calendar.cancel(event.key)

    await calendar.cancel(event.key)
    await calendar.cancel(event.key, etag=state.etag)

    assert await harness.live() == []


async def test_cancelling_what_was_never_made_is_success(harness: Harness, calendar: Calendar) -> None:
    await calendar.cancel(EventKey(interview=INTERVIEW, generation=3))

    assert await harness.live() == []


async def test_cancelling_what_a_person_has_deleted_is_success(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    state = await calendar.put(event)
    await harness.human_deletes(event.key)

    await calendar.cancel(event.key, etag=state.etag)

    assert not await lives(calendar, event.key)


async def test_cancelling_one_generation_leaves_the_next(harness: Harness, calendar: Calendar) -> None:
    old, new = make_event(), make_event(key=EventKey(interview=INTERVIEW, generation=2), interval=at(9, 9))
    await calendar.put(old)
    await calendar.put(new)

    await calendar.cancel(old.key)

    assert await harness.live() == [(new.title, new.interval)]
    assert await lives(calendar, new.key)


async def test_an_event_that_a_person_moved_is_not_cancelled_unseen(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    state = await calendar.put(event)
    await harness.human_moves(event.key, at(8, 15))

    with pytest.raises(CalendarConflict):
        await calendar.cancel(event.key, etag=state.etag)

    assert await harness.live() == [(event.title, at(8, 15))]
    await calendar.cancel(event.key)
    assert await harness.live() == []


async def test_an_answer_does_not_stop_a_cancellation(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    state = await calendar.put(event)
    await harness.human_responds(event.key, "asha", Response.ACCEPTED)

    await calendar.cancel(event.key, etag=state.etag)

    assert await harness.live() == []
