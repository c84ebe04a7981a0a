"""What changed since a cursor: every difference a person can make is told once, with the event it belongs to."""

from __future__ import annotations

from uuid import UUID

from calendars.base import Calendar, Changes, EventKey, EventState, Response
from tests.contract.harness import Harness, at, email, make_event


def gone(changes: Changes) -> set[str]:
    """The handles of deleted events, whichever way they are told."""
    return set(changes.gone) | {state.handle for state in changes.events if state.cancelled}


def living(changes: Changes) -> list[EventState]:
    return [state for state in changes.events if not state.cancelled]


async def test_the_first_call_gives_everything(calendar: Calendar) -> None:
    event = make_event()
    put = await calendar.put(event)

    changes = await calendar.changes()

    assert changes.complete
    assert changes.cursor
    (state,) = living(changes)
    assert (state.key, state.handle, state.etag, state.interval) == (event.key, put.handle, put.etag, event.interval)


async def test_an_empty_calendar_has_a_cursor_too(calendar: Calendar) -> None:
    changes = await calendar.changes()
    assert (changes.events, changes.gone, changes.complete) == ((), (), True)

    event = make_event()
    await calendar.put(event)

    assert [state.key for state in (await calendar.changes(changes.cursor)).events] == [event.key]


async def test_nothing_changed_nothing_told(calendar: Calendar) -> None:
    await calendar.put(make_event())
    cursor = (await calendar.changes()).cursor

    changes = await calendar.changes(cursor)

    assert (changes.events, changes.gone, changes.complete) == ((), (), False)


async def test_a_change_is_told_once(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    cursor = (await calendar.changes()).cursor
    await harness.human_moves(event.key, at(8, 15))

    told = await calendar.changes(cursor)
    after = await calendar.changes(told.cursor)

    assert [(state.key, state.interval, state.revision) for state in told.events] == [(event.key, at(8, 15), 0)]
    assert not told.complete
    assert after.events == ()


async def test_a_cursor_may_be_used_again(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    cursor = (await calendar.changes()).cursor
    await harness.human_moves(event.key, at(8, 15))
    await calendar.changes(cursor)

    again = await calendar.changes(cursor)  # as after a crash before the new cursor was kept

    assert [(state.key, state.interval) for state in living(again)] == [(event.key, at(8, 15))]


async def test_another_title_is_told(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    cursor = (await calendar.changes()).cursor
    await harness.human_edits(event.key, title="Bring the laptop")

    assert [state.title for state in (await calendar.changes(cursor)).events] == ["Bring the laptop"]


async def test_an_answer_is_told(harness: Harness, calendar: Calendar) -> None:
    event = make_event()
    await calendar.put(event)
    cursor = (await calendar.changes()).cursor
    await harness.human_responds(event.key, "asha", Response.DECLINED)

    (state,) = (await calendar.changes(cursor)).events

    assert state.key == event.key
    assert state.responses[email("asha")] is Response.DECLINED


async def test_a_deletion_is_told(harness: Harness, calendar: Calendar) -> None:
    kept = make_event(key=EventKey(interview=str(UUID(int=7)), generation=1))
    put = await calendar.put(make_event())
    await calendar.put(kept)
    cursor = (await calendar.changes()).cursor
    await harness.human_deletes(make_event().key)

    changes = await calendar.changes(cursor)

    assert put.handle in gone(changes)
    assert kept.key not in {state.key for state in changes.events}


async def test_our_own_cancellation_is_told_as_gone(calendar: Calendar) -> None:
    put = await calendar.put(make_event())
    cursor = (await calendar.changes()).cursor
    await calendar.cancel(make_event().key)

    assert put.handle in gone(await calendar.changes(cursor))


async def test_an_event_of_somebody_elses_has_no_key(harness: Harness, calendar: Calendar) -> None:
    cursor = (await calendar.changes()).cursor
    await harness.human_creates("Lunch", at(5, 10))

    (state,) = (await calendar.changes(cursor)).events

    assert (state.key, state.title, state.interval) == (None, "Lunch", at(5, 10))


async def test_a_cursor_survives_a_restart(harness: Harness) -> None:
    async with harness.calendar() as before:
        await before.put(make_event())
        cursor = (await before.changes()).cursor
    await harness.human_moves(make_event().key, at(8, 15))

    async with harness.calendar() as after:
        changes = await after.changes(cursor)

    assert not changes.complete
    assert [state.interval for state in changes.events] == [at(8, 15)]


async def test_a_cursor_nobody_knows_gives_everything_again(calendar: Calendar) -> None:
    await calendar.put(make_event())

    changes = await calendar.changes("a-cursor-from-nowhere")

    assert changes.complete
    assert [state.key for state in living(changes)] == [make_event().key]
    assert (await calendar.changes(changes.cursor)).events == ()


async def test_many_changes_are_all_told(calendar: Calendar) -> None:
    cursor = (await calendar.changes()).cursor
    keys = [EventKey(interview=str(UUID(int=number)), generation=1) for number in range(30)]
    for number, key in enumerate(keys):
        await calendar.put(make_event(key=key, interval=at(1 + number // 4, 8 + number % 4 * 2)))

    changes = await calendar.changes(cursor)
    everything = await calendar.changes()

    assert {state.key for state in changes.events} == set(keys)
    assert {state.key for state in living(everything)} == set(keys)
