"""Busy times: what blocks a person, what does not, and that unknown is never taken for free."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from calendars.base import Busy, Calendar, Response, Unknown
from domain.model import Interval
from tests.contract.harness import JANUARY, ZONES, Harness, Kind, Own, at, make_event


def taken(busy: Busy, span: Interval = JANUARY) -> list[tuple[datetime, datetime]]:
    """The busy times within the span; a provider may or may not cut what sticks out."""
    assert not isinstance(busy, Unknown), busy
    return [(max(one.start, span.start), min(one.end, span.end)) for one in busy]


def pair(interval: Interval) -> tuple[datetime, datetime]:
    return interval.start, interval.end


async def read(harness: Harness, calendar: Calendar, who: str, span: Interval = JANUARY) -> Busy:
    return (await calendar.busy([harness.address(who)], span))[harness.address(who)]


async def test_an_empty_calendar_is_free(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")

    assert await read(harness, calendar, "asha") == ()


async def test_nobody_asked_nothing_answered(harness: Harness, calendar: Calendar) -> None:
    assert await calendar.busy([], JANUARY) == {}


async def test_an_event_blocks_exactly_its_time(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    await harness.add_busy("asha", Own(interval=at(5, 10, 15, minutes=50)))

    assert taken(await read(harness, calendar, "asha")) == [pair(at(5, 10, 15, minutes=50))]


async def test_busy_times_are_in_utc(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("ben")
    await harness.add_busy("ben", Own(interval=at(5, 9, zone="America/Los_Angeles")))

    (only,) = taken(await read(harness, calendar, "ben"))

    assert only[0] == datetime(2027, 1, 5, 17, tzinfo=UTC)
    assert only[0].tzinfo is UTC


@pytest.mark.parametrize("kind", [Kind.FREE, Kind.CANCELLED, Kind.DECLINED])
async def test_what_does_not_block(kind: Kind, harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    await harness.add_busy("asha", Own(interval=at(5, 10), kind=kind))
    await harness.add_busy("asha", Own(interval=at(6, 10)))

    assert taken(await read(harness, calendar, "asha")) == [pair(at(6, 10))]


async def test_a_tentative_event_blocks(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    await harness.add_busy("asha", Own(interval=at(5, 10), kind=Kind.TENTATIVE))

    assert taken(await read(harness, calendar, "asha")) == [pair(at(5, 10))]


@pytest.mark.parametrize("who", ["asha", "ben", "emma"])
async def test_an_all_day_event_blocks_the_owners_local_day(who: str, harness: Harness, calendar: Calendar) -> None:
    await harness.add_people(who)
    await harness.add_busy(who, Own(day=date(2027, 1, 5)))

    midnight = datetime(2027, 1, 5, tzinfo=ZONES[who]).astimezone(UTC)

    assert taken(await read(harness, calendar, who)) == [(midnight, midnight + timedelta(days=1))]


@pytest.mark.parametrize(("who", "span"), [("ben", at(6, 2)), ("asha", at(4, 20))])
async def test_an_all_day_event_blocks_hours_that_lie_on_another_day_in_utc(
    who: str, span: Interval, harness: Harness, calendar: Calendar
) -> None:
    await harness.add_people(who)
    await harness.add_busy(who, Own(day=date(2027, 1, 5)))

    assert taken(await read(harness, calendar, who, span), span) == [pair(span)]


async def test_a_free_all_day_event_does_not_block(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    await harness.add_busy("asha", Own(day=date(2027, 1, 5), kind=Kind.FREE))

    assert await read(harness, calendar, "asha") == ()


async def test_overlapping_and_touching_events_are_merged_and_sorted(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    for interval in (at(7, 9), at(5, 11), at(5, 10), at(5, 10, 30, minutes=10)):
        await harness.add_busy("asha", Own(interval=interval))

    assert taken(await read(harness, calendar, "asha")) == [pair(at(5, 10, minutes=120)), pair(at(7, 9))]


async def test_only_what_meets_the_span_is_told(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    for hour in (8, 9, 10, 11):
        await harness.add_busy("asha", Own(interval=at(5, hour, minutes=30)))

    span = at(5, 8, 30, minutes=120)  # ends where the one at 11:00 has not begun, begins where the one at 8:00 ends

    assert taken(await read(harness, calendar, "asha", span), span) == [
        pair(at(5, 9, minutes=30)),
        pair(at(5, 10, minutes=30)),
    ]


async def test_an_event_over_the_edge_of_the_span_still_blocks(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    await harness.add_busy("asha", Own(interval=at(5, 20, minutes=480)))

    span = at(6, 0, minutes=1440)

    assert taken(await read(harness, calendar, "asha", span), span) == [pair(at(6, 0, minutes=240))]


async def test_an_event_longer_than_the_span_blocks_all_of_it(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    await harness.add_busy("asha", Own(interval=at(2, 0, minutes=20 * 1440)))

    span = at(9, 8)

    assert taken(await read(harness, calendar, "asha", span), span) == [pair(span)]


async def test_a_weekly_event_keeps_its_wall_time_over_a_clock_change(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("ben")
    first = Interval(
        start=datetime(2027, 3, 10, 9, tzinfo=ZONES["ben"]), end=datetime(2027, 3, 10, 10, tzinfo=ZONES["ben"])
    )
    await harness.add_busy("ben", Own(interval=first, weekly=2))

    march = Interval(start=datetime(2027, 3, 1, tzinfo=UTC), end=datetime(2027, 4, 1, tzinfo=UTC))

    assert [start for start, _ in taken(await read(harness, calendar, "ben", march), march)] == [
        datetime(2027, 3, 10, 17, tzinfo=UTC),  # PST
        datetime(2027, 3, 17, 16, tzinfo=UTC),  # PDT, after 14 March
    ]


async def test_a_series_that_began_long_ago_still_blocks(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    long_ago = Interval(start=datetime(2025, 1, 7, 10, tzinfo=UTC), end=datetime(2025, 1, 7, 11, tzinfo=UTC))
    await harness.add_busy("asha", Own(interval=long_ago, weekly=200))

    assert [start.day for start, _ in taken(await read(harness, calendar, "asha"))] == [5, 12, 19, 26]


async def test_a_calendar_that_cannot_be_read_is_unknown_and_the_others_are_not(
    harness: Harness, calendar: Calendar
) -> None:
    await harness.add_people("asha", "ben")
    for who in ("asha", "ben"):
        await harness.add_busy(who, Own(interval=at(5, 10)))
    await harness.make_unreadable("asha")

    busy = await calendar.busy([harness.address("asha"), harness.address("ben")], JANUARY)
    asha = busy[harness.address("asha")]

    assert isinstance(asha, Unknown)
    assert asha.reason
    assert asha.cure
    assert taken(busy[harness.address("ben")]) == [pair(at(5, 10))]


async def test_a_calendar_that_does_not_exist(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    busy = await read(harness, calendar, "nobody-of-that-name")

    assert busy == () if harness.missing_is_empty else isinstance(busy, Unknown)


async def test_sixty_calendars_are_each_answered(harness: Harness, calendar: Calendar) -> None:
    crowd = [f"person{number}" for number in range(60)]
    await harness.add_people(*crowd)
    await harness.add_busy("person7", Own(interval=at(5, 10)))
    await harness.add_busy("person59", Own(interval=at(6, 10)))

    busy = await calendar.busy([harness.address(who) for who in crowd], JANUARY)

    assert {who: taken(busy[harness.address(who)]) for who in crowd} == {who: [] for who in crowd} | {
        "person7": [pair(at(5, 10))],
        "person59": [pair(at(6, 10))],
    }


async def test_a_new_event_of_a_person_is_seen_by_the_next_read(harness: Harness, calendar: Calendar) -> None:
    await harness.add_people("asha")
    assert await read(harness, calendar, "asha") == ()

    await harness.add_busy("asha", Own(interval=at(5, 10)))

    assert taken(await read(harness, calendar, "asha")) == [pair(at(5, 10))]


async def test_who_is_invited_is_busy_until_they_decline(harness: Harness, calendar: Calendar) -> None:
    if not harness.invites_reach_people:
        pytest.skip("events of the organiser's calendar do not reach the calendars of those invited here")
    await harness.add_people("asha", "ben")
    event = make_event(guests=("asha", "priya"))
    await calendar.put(event)

    assert taken(await read(harness, calendar, "asha")) == [pair(event.interval)]
    assert await read(harness, calendar, "ben") == ()

    await harness.human_responds(event.key, "asha", Response.DECLINED)

    assert await read(harness, calendar, "asha") == ()
