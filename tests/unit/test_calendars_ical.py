"""Our events as iCalendar text: any text survives, zones are right, and nothing can be smuggled in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Timezone

from calendars.base import Attendee, Event, EventKey, Response
from calendars.ical import BrokenCalendar, Found, clean, export, key_of, parse, read, uid, write
from calendars.vtimezone import vtimezone
from domain.errors import CalendarRefused

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
LOS_ANGELES, KOLKATA = ZoneInfo("America/Los_Angeles"), ZoneInfo("Asia/Kolkata")
KEY = EventKey(interview="0f0e8c5a-7b1d-4c35-9d0e-2a51c9a4e0b1", generation=3)
OURS = {
    "UID", "DTSTAMP", "LAST-MODIFIED", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "STATUS", "TRANSP", "SEQUENCE",
    "X-INTERVIEW-REVISION", "X-INTERVIEW-FINGERPRINT", "ORGANIZER", "ATTENDEE",
}  # fmt: skip


def make_event(**changes: Any) -> Event:
    start = changes.pop("start", datetime(2027, 1, 5, 17, tzinfo=UTC))
    defaults: dict[str, Any] = {
        "key": KEY,
        "title": "Core Java",
        "description": "With Asha",
        "start": start,
        "end": start + timedelta(hours=1),
        "timezone": "America/Los_Angeles",
        "attendees": (Attendee(email="asha@example.com", name="Asha"), Attendee(email="p@example.com", name="P")),
    }
    return Event(**(defaults | changes))


def found_in(text: bytes) -> Found:
    found = read(text, handle="x.ics", etag="e", zone=KOLKATA)
    assert found is not None
    return found


def the_event(text: bytes) -> Any:
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    return event


class TestOurs:
    """What is written is what is read."""

    def test_an_event_comes_back(self) -> None:
        found = found_in(write(make_event(), stamp=NOW, organiser="team@example.com"))

        assert found.says(make_event())
        assert found.state.key == KEY
        assert found.state.interval == make_event().interval
        assert found.state.responses == {"asha@example.com": Response.NONE, "p@example.com": Response.NONE}

    def test_it_is_a_text_that_any_app_can_read(self) -> None:
        text = write(make_event(title="é" * 200, description="long " * 100), stamp=NOW, organiser="team@example.com")

        assert text.endswith(b"END:VCALENDAR\r\n")
        assert text.count(b"\n") == text.count(b"\r\n")
        assert max(map(len, text.split(b"\r\n"))) <= 75  # octets, not letters
        assert b"METHOD" not in text  # RFC 4791: not in what is stored
        event = the_event(text)
        assert event["DTSTART"].params["TZID"] == "America/Los_Angeles"
        assert [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")] == [timedelta(days=-1), timedelta(minutes=-30)]

    @given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=60))
    def test_no_text_can_smuggle_anything_in(self, title: str, description: str, name: str) -> None:
        event = make_event(
            title=title, description=description, attendees=(Attendee(email="asha@example.com", name=name),)
        )

        text = write(event, stamp=NOW, organiser="team@example.com")

        (component,) = Calendar.from_ical(text).walk("VEVENT")
        assert set(component) == OURS
        assert {part.name for part in Calendar.from_ical(text).walk()} == {
            "VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT", "VEVENT", "VALARM",
        }  # fmt: skip
        assert set(component["ATTENDEE"].params) <= {"CN", "PARTSTAT", "ROLE"}
        found = found_in(text)
        assert found.says(event)
        assert found.state.title == clean(title)
        assert found.state.description == clean(description)

    @pytest.mark.parametrize(
        "email", ["a@b\r\nATTENDEE:x@y", "a b@c", "<a@b>", 'a"@b', "nobody", "", "a@b;CN=x", "a@b,c@d"]
    )
    def test_an_address_that_is_none_is_refused(self, email: str) -> None:
        with pytest.raises(CalendarRefused, match="email address"):
            write(make_event(attendees=(Attendee(email=email, name="X"),)), stamp=NOW)

    @pytest.mark.parametrize("interview", ["../../etc/passwd", "", "a b", "a@b", "x" * 65, "a\n"])
    def test_an_id_that_could_leave_its_folder_is_refused(self, interview: str) -> None:
        with pytest.raises(CalendarRefused, match="interview's id"):
            uid(EventKey(interview=interview, generation=1))

    @given(st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True), st.integers(0, 999_999_999))
    def test_a_key_comes_back_from_its_uid(self, interview: str, generation: int) -> None:
        key = EventKey(interview=interview, generation=generation)

        assert key_of(uid(key)) == key

    @pytest.mark.parametrize("text", ["", "somebody@example.com", "a-1@example.com", "x@mock-interview-scheduler"])
    def test_anybody_elses_uid_has_no_key(self, text: str) -> None:
        assert key_of(text) is None


class TestRevisions:
    """A rewriting keeps what people added and what they answered."""

    def test_the_sequence_rises_whatever_apps_made_of_it(self) -> None:
        text = write(make_event(), stamp=NOW).replace(b"SEQUENCE:0", b"SEQUENCE:7")

        again = write(make_event(revision=1, title="Other"), stamp=NOW, found=found_in(text))

        assert (the_event(again)["SEQUENCE"], found_in(again).state.revision) == (8, 1)

    def test_what_people_added_stays(self) -> None:
        text = write(make_event(), stamp=NOW).replace(
            b"TRANSP:OPAQUE", b"TRANSP:OPAQUE\r\nCOLOR:red\r\nX-APP-NOTE:mine"
        )

        event = the_event(write(make_event(revision=1, title="Other"), stamp=NOW, found=found_in(text)))

        assert (event["COLOR"], event["X-APP-NOTE"], event["SUMMARY"]) == ("red", "mine", "Other")
        assert len(event.walk("VALARM")) == 2

    def test_answers_stay_with_their_time_only(self) -> None:
        text = write(make_event(), stamp=NOW).replace(b"NEEDS-ACTION", b"ACCEPTED", 1)
        found = found_in(text)
        assert found.intact

        renamed = write(make_event(revision=1, title="Other"), stamp=NOW, found=found)
        moved = write(
            make_event(revision=1, start=datetime(2027, 1, 6, 17, tzinfo=UTC)), stamp=NOW, found=found_in(text)
        )

        assert Response.ACCEPTED in found_in(renamed).state.responses.values()
        assert set(found_in(moved).state.responses.values()) == {Response.NONE}

    def test_a_move_across_years_and_zones_brings_its_zones(self) -> None:
        found = found_in(write(make_event(), stamp=NOW))
        there = make_event(revision=1, start=datetime(2031, 7, 1, 9, tzinfo=UTC), timezone="Europe/London")

        text = write(there, stamp=NOW, found=found)

        names = {str(zone["TZID"]) for zone in Calendar.from_ical(text).walk("VTIMEZONE")}
        assert names == {"America/Los_Angeles", "Europe/London"}
        assert found_in(text).state.interval == there.interval

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"SUMMARY:Core Java", b"SUMMARY:Core Java!"),
            (b"T090000", b"T093000"),
            (b"STATUS:CONFIRMED", b"STATUS:CANCELLED"),
            (b"TRANSP:OPAQUE", b"TRANSP:OPAQUE\r\nRRULE:FREQ=DAILY;COUNT=2"),
            (b"mailto:p@", b"mailto:q@"),
            (b"X-INTERVIEW-FINGERPRINT", b"X-SOMETHING"),
        ],
    )
    def test_a_persons_change_is_seen(self, old: bytes, new: bytes) -> None:
        text = write(make_event(), stamp=NOW)
        changed = text.replace(old, new)
        assert changed != text

        assert not found_in(changed).intact

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"PARTSTAT=NEEDS-ACTION", b"PARTSTAT=DECLINED"),
            (b"TRANSP:OPAQUE", b"TRANSP:OPAQUE\r\nX-MOZ-LASTACK:20270101T000000Z"),
            (b"DTSTAMP:20261201T080000Z", b"DTSTAMP:20261202T080000Z"),
            (b"SEQUENCE:0", b"SEQUENCE:5"),
            (b"DTSTART;TZID=America/Los_Angeles:20270105T090000", b"DTSTART:20270105T170000Z"),
        ],
    )
    def test_an_answer_or_an_apps_rewriting_is_no_change(self, old: bytes, new: bytes) -> None:
        text = write(make_event(), stamp=NOW)
        changed = text.replace(old, new)
        assert changed != text

        assert found_in(changed).intact


class TestForeign:
    """Events that are not ours."""

    def test_an_all_day_event_lies_in_the_calendars_zone(self) -> None:
        found = found_in(vevent("DTSTART;VALUE=DATE:20270105"))

        assert found.state.key is None
        assert found.state.interval.start == datetime(2027, 1, 5, tzinfo=KOLKATA).astimezone(UTC)
        assert found.state.interval.end - found.state.interval.start == timedelta(days=1)

    def test_a_duration_is_read(self) -> None:
        found = found_in(vevent("DTSTART:20270105T090000Z", "DURATION:PT45M"))

        assert found.state.interval.end == datetime(2027, 1, 5, 9, 45, tzinfo=UTC)

    def test_an_event_without_a_length_is_a_minute_long(self) -> None:
        found = found_in(vevent("DTSTART:20270105T090000Z"))

        assert found.state.interval.end == datetime(2027, 1, 5, 9, 1, tzinfo=UTC)

    def test_of_a_series_with_moved_instances_the_series_is_told(self) -> None:
        moved = "BEGIN:VEVENT\r\nUID:a\r\nRECURRENCE-ID:20270106T090000Z\r\nDTSTART:20270106T120000Z\r\nEND:VEVENT\r\n"
        text = vevent("DTSTART:20270105T090000Z", "RRULE:FREQ=DAILY;COUNT=3").replace(
            b"BEGIN:VEVENT", f"{moved}BEGIN:VEVENT".encode()
        )

        assert found_in(text).state.interval.start == datetime(2027, 1, 5, 9, tzinfo=UTC)

    def test_a_text_without_events_has_none(self) -> None:
        empty = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"

        assert read(empty, handle="x", etag="e", zone=KOLKATA) is None

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "no"),
            (b"hello", "hello"),
            (b"\xff\xfe\x00", "UTF-8"),
            (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "no iCalendar text"),
            (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n", "in the middle"),
            (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "in the middle"),
            (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nEND:VCALENDAR\r\n", "in the middle"),
            (b"x" * 20_000_001, "more than 20 MB"),
        ],
    )
    def test_what_is_no_calendar_is_refused(self, text: bytes, words: str) -> None:
        with pytest.raises(BrokenCalendar, match=words):
            parse(text)

    @pytest.mark.parametrize(
        "lines",
        [
            ("DTSTART:soon",),
            ("DTSTART:20270105T090000Z", "DTEND:later"),
            ("DTSTART:20270105T090000Z", "DURATION:long"),
            ("DTSTART:20270105T090000Z", "RRULE:FREQ=SOMETIMES"),
            ("DTSTART:20270105T090000Z", "EXDATE:never"),
            ("DTSTART;TZID=Nowhere/Land:20270105T090000",),
            ("DTSTART;TZID=PST:20270105T090000",),
            ("DTSTART:20270105T090000Z", "DTEND;TZID=Nowhere/Land:20270105T100000"),
            ("DTSTART:20270105T090000Z", "RRULE:FREQ=DAILY", "EXDATE;TZID=Nowhere/Land:20270106T090000"),
            ("SUMMARY:when?",),
            ("DTSTART:20270105T090000Z", "DTSTART:20270106T090000Z"),
            ("DTSTART:20270105T090000Z", 'DTEND;TZID="x:20270105T100000'),
            ("DTSTART:20270105T090000Z", "RRULE FREQ=DAILY"),
        ],
    )
    def test_a_time_that_cannot_be_relied_on_is_refused(self, lines: Iterable[str]) -> None:
        with pytest.raises(BrokenCalendar):
            parse(vevent(*lines))

    def test_a_byte_order_mark_and_bare_line_feeds_are_forgiven(self) -> None:
        text = b"\xef\xbb\xbf" + vevent("DTSTART:20270105T090000Z").replace(b"\r\n", b"\n")

        assert len(parse(text).walk("VEVENT")) == 1

    def test_several_calendars_in_one_text_are_joined(self) -> None:
        assert len(parse(vevent("DTSTART:20270105T090000Z") * 3).walk("VEVENT")) == 3


class TestZones:
    """The VTIMEZONE says what the zone database says."""

    @pytest.mark.parametrize(
        "name",
        ["America/Los_Angeles", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll",
         "Pacific/Chatham", "America/Sao_Paulo", "Europe/Dublin", "Pacific/Apia"],
    )  # fmt: skip
    def test_every_quarter_of_an_hour_of_three_years_is_right(self, name: str) -> None:
        made: Any = Timezone.from_ical(vtimezone(name, 2026, 2028).to_ical())
        zone, read_back = ZoneInfo(name), made.to_tz(lookup_tzid=False)
        moment, wrong = datetime(2026, 1, 2, tzinfo=UTC), []
        while moment < datetime(2028, 12, 30, tzinfo=UTC):
            wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
            if wall.replace(tzinfo=read_back).utcoffset() != wall.replace(tzinfo=zone).utcoffset():
                wrong.append(wall)
            moment += timedelta(minutes=15 if moment.day < 15 or moment.month in (3, 4, 10, 11) else 240)

        assert wrong == []

    def test_the_clocks_change_at_the_wall_time_before(self) -> None:
        parts: list[Any] = vtimezone("America/Los_Angeles", 2027, 2027).subcomponents
        changes = [(part.name, part["DTSTART"].dt, part["TZOFFSETFROM"].td.total_seconds() / 3600) for part in parts]

        assert changes == [
            ("STANDARD", datetime(2027, 1, 1), -8),  # noqa: DTZ001 - wall times, as iCalendar has them
            ("DAYLIGHT", datetime(2027, 3, 14, 2), -8),  # noqa: DTZ001
            ("STANDARD", datetime(2027, 11, 7, 2), -7),  # noqa: DTZ001
        ]

    @pytest.mark.slow
    def test_every_zone_of_the_database_can_be_written(self) -> None:
        for name in sorted(available_timezones() - {"localtime", "Factory"}):
            text = write(make_event(timezone=name), stamp=NOW)
            assert found_in(text).state.interval == make_event().interval, name

    @given(
        st.integers(0, 3 * 365 * 24 * 4),
        st.sampled_from(["America/Los_Angeles", "Europe/Dublin", "Australia/Lord_Howe"]),
    )
    def test_every_instant_comes_back(self, quarters: int, name: str) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarters)
        event = make_event(start=start, timezone=name)

        assert found_in(write(event, stamp=NOW)).state.interval == event.interval


class TestExport:
    """A file to read."""

    def test_an_export_is_a_publication_with_every_zone(self) -> None:
        other = make_event(
            key=EventKey(interview="b", generation=1), timezone="Europe/London", start=datetime(2028, 6, 1, tzinfo=UTC)
        )

        calendar = Calendar.from_ical(export("Asha Rao", [make_event(), other], stamp=NOW))

        assert (calendar["METHOD"], calendar["X-WR-CALNAME"]) == ("PUBLISH", "Asha Rao")
        assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["America/Los_Angeles", "Europe/London"]
        events: list[Any] = calendar.walk("VEVENT")
        assert [event["UID"] for event in events] == [uid(KEY), uid(other.key)]
        assert [event["DTSTART"].dt.astimezone(UTC) for event in events] == [make_event().start, other.start]
        assert not any("ATTENDEE" in event or event.walk("VALARM") for event in events)

    def test_nothing_booked_is_an_empty_calendar(self) -> None:
        assert parse(export("Asha Rao", [], stamp=NOW)).walk("VEVENT") == []

    def test_the_same_events_give_the_same_bytes(self) -> None:
        assert export("A", [make_event()], stamp=NOW) == export("A", [make_event()], stamp=NOW)


def vevent(*lines: str) -> bytes:
    """A calendar with one event of somebody else's."""
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Somebody//EN",
        "BEGIN:VEVENT",
        "UID:a",
        "DTSTAMP:20260101T000000Z",
    ]
    return "\r\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def test_a_fingerprint_is_stable() -> None:
    """It is stored with events that outlive any release: this very value must not change."""
    assert make_event().fingerprint == "0cf8588bf89f3437d88e0232ac057f97"
