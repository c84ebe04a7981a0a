"""Events in Google's words and back: ids, times over clock changes, guests with their answers, what a person made of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendars.base import EventKey, Response
from calendars.google_events import (
    changed_event,
    event_id,
    fingerprint_of,
    interval_of,
    is_intact,
    key_of,
    new_event,
    revision_of,
    state_of,
)
from domain.model import Interval
from tests.contract.harness import INTERVIEW, at, email, make_event

UTC_ZONE = ZoneInfo("UTC")
KEYS = st.builds(EventKey, interview=st.uuids().map(str), generation=st.integers(1, 10_000))


def stored(**fields: Any) -> dict[str, Any]:
    """The default event as Google keeps it."""
    return {"etag": '"1"', "status": "confirmed", **new_event(make_event()), **fields}


@given(KEYS)
def test_an_id_is_one_that_google_takes_and_says_whose_it_is(key: EventKey) -> None:
    made = event_id(key)

    assert re.fullmatch(r"[a-v0-9]{5,1024}", made)
    assert key_of({"id": made}) == key


@given(KEYS, KEYS)
def test_two_keys_have_two_ids(one: EventKey, other: EventKey) -> None:
    assert (event_id(one) == event_id(other)) is (one == other)


@pytest.mark.parametrize("foreign", ["iv0123", "foreign00000001", "7cbh8rpc10lrc0ckih9tafss99", "iv" + "a" * 32 + "g0"])
def test_an_id_of_somebody_elses_has_no_key(foreign: str) -> None:
    assert key_of({"id": foreign}) is None


def test_a_copy_made_by_a_person_still_says_whose_it_is() -> None:
    assert key_of(stored(id="7cbh8rpc10lrc0ckih9tafss99")) == make_event().key


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # made aware here
    st.sampled_from(["America/Los_Angeles", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_an_instant_comes_back_from_any_zone(start: datetime, zone: str) -> None:
    event = make_event(interval=Interval(start=start, end=start + timedelta(hours=1)), timezone=zone)

    assert interval_of(new_event(event), UTC_ZONE) == event.interval


def test_the_times_are_shown_in_the_events_zone() -> None:
    assert new_event(make_event())["start"] == {
        "dateTime": "2027-01-05T02:00:00-08:00",
        "timeZone": "America/Los_Angeles",
    }


def test_an_event_is_intact_as_it_was_made() -> None:
    assert is_intact(stored(), UTC_ZONE)
    assert fingerprint_of(stored(), UTC_ZONE) == make_event().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "Bring the laptop"},
        {"description": "elsewhere"},
        {"start": {"dateTime": "2027-01-05T09:00:00Z"}},
        {"end": {"dateTime": "2027-01-05T12:00:00Z"}},
        {"attendees": [{"email": email("asha")}]},
        {"start": {"date": "2027-01-05"}, "end": {"date": "2027-01-06"}},
        {"extendedProperties": {}},
    ],
)
def test_what_a_person_changes_is_seen(change: dict[str, Any]) -> None:
    assert not is_intact(stored(**change), UTC_ZONE)


@pytest.mark.parametrize(
    "change",
    [
        {"attendees": [{"email": email(who), "responseStatus": "declined"} for who in ("priya", "asha")]},
        {"colorId": "3", "hangoutLink": "https://meet.google.com/x"},
        {"start": {"dateTime": "2027-01-05T10:00:00Z"}},
        {"description": make_event().description.replace("\n", "\r\n")},
    ],
)
def test_what_is_no_change_of_the_event(change: dict[str, Any]) -> None:
    assert is_intact(stored(**change), UTC_ZONE)


def test_a_change_leaves_the_same_guests_alone() -> None:
    assert "attendees" not in changed_event(make_event(title="Panel", revision=1), raw=stored())


def test_new_guests_join_those_who_have_answered() -> None:
    answered = [{"email": email("asha").upper(), "responseStatus": "accepted"}, {"email": email("priya")}]
    event = make_event(guests=("asha", "ben"), revision=1)

    assert changed_event(event, raw=stored(attendees=answered))["attendees"] == [
        {"email": email("asha").upper(), "responseStatus": "accepted"},
        {"email": email("ben"), "displayName": "Ben"},
    ]


@pytest.mark.parametrize(
    ("conference", "asked"),
    [
        ({}, True),
        ({"createRequest": {"requestId": "r", "status": {"statusCode": "pending"}}}, False),
        ({"createRequest": {"requestId": "r", "status": {"statusCode": "failure"}}}, True),
        ({"entryPoints": [{"entryPointType": "video", "uri": "https://meet.google.com/x"}]}, False),
        ({"entryPoints": [{"entryPointType": "phone", "uri": "tel:1"}]}, True),
    ],
)
def test_a_link_is_asked_for_when_there_is_none(conference: dict[str, Any], asked: bool) -> None:
    raw = stored(conferenceData=conference)

    assert ("conferenceData" in changed_event(make_event(revision=1), raw=raw)) is asked
    assert "conferenceData" not in changed_event(make_event(revision=1, conference=False), raw=raw)


def test_each_revision_asks_for_a_link_in_its_own_name() -> None:
    first = new_event(make_event())["conferenceData"]["createRequest"]["requestId"]
    again = new_event(make_event())["conferenceData"]["createRequest"]["requestId"]
    later = changed_event(make_event(revision=1), raw={})["conferenceData"]["createRequest"]["requestId"]

    assert first == again != later


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ((1440, 30), [30, 1440]),
        ((), []),
        ((50_000, 10), [10]),
        ((1, 2, 3, 4, 5, 6), [1, 2, 3, 4, 5]),
        ((10, 10), [10]),
    ],
)
def test_as_many_reminders_as_google_takes(wanted: tuple[int, ...], kept: list[int]) -> None:
    reminders = new_event(make_event(reminders=wanted))["reminders"]

    assert reminders == {"useDefault": False, "overrides": [{"method": "popup", "minutes": one} for one in kept]}


def test_an_all_day_event_lies_in_the_calendars_zone() -> None:
    raw = {"start": {"date": "2027-01-05"}, "end": {"date": "2027-01-06"}}

    assert interval_of(raw, ZoneInfo("Asia/Kolkata")) == Interval(
        start=datetime(2027, 1, 4, 18, 30, tzinfo=UTC), end=datetime(2027, 1, 5, 18, 30, tzinfo=UTC)
    )


def test_a_time_without_an_offset_is_one_of_its_zone() -> None:
    raw = {
        "start": {"dateTime": "2027-01-05T10:00:00", "timeZone": "Asia/Kolkata"},
        "end": {"dateTime": "2027-01-05T11:00:00"},
    }

    assert interval_of(raw, ZoneInfo("Asia/Kolkata")) == at(5, 4, 30)


def test_an_event_of_no_length_is_still_somewhere() -> None:
    edge = {"dateTime": "2027-01-05T10:00:00Z"}

    assert interval_of({"start": edge, "end": edge}, UTC_ZONE) == at(5, 10, minutes=1)


def test_all_of_an_event_is_told() -> None:
    raw = stored(
        htmlLink="https://calendar/1",
        hangoutLink="https://meet/1",
        attendees=[
            {"email": "Asha@Example.com", "responseStatus": "tentative"},
            {"email": email("ben"), "responseStatus": "declined"},
            {"email": email("priya"), "responseStatus": "accepted"},
            {"email": email("emma"), "responseStatus": "needsAction"},
            {"displayName": "a room without an address"},
        ],
    )

    state = state_of(raw, UTC_ZONE)

    assert (state.key, state.handle, state.etag, state.link, state.meeting) == (
        make_event().key,
        event_id(make_event().key),
        '"1"',
        "https://calendar/1",
        "https://meet/1",
    )
    assert state.responses == {
        email("asha"): Response.TENTATIVE,
        email("ben"): Response.DECLINED,
        email("priya"): Response.ACCEPTED,
        email("emma"): Response.NONE,
    }


@pytest.mark.parametrize("revision", ["", "x", "-1"])
def test_a_revision_that_a_person_broke_is_the_first(revision: str) -> None:
    raw = stored(extendedProperties={"private": {"revision": revision}})

    assert revision_of(raw) == 0


def test_the_key_is_kept_beside_the_event() -> None:
    event = replace(make_event(), key=EventKey(interview=str(UUID(INTERVIEW)), generation=12), revision=3)

    assert new_event(event)["extendedProperties"]["private"] == {
        "interview": INTERVIEW,
        "generation": "12",
        "revision": "3",
        "fingerprint": event.fingerprint,
    }
