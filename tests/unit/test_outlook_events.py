"""Events in Graph's words and back: times and zones, the mark, the body above its Teams block, what getSchedule says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendars.base import EventKey, Response, Unknown
from calendars.outlook_events import Mark, changed_event, interval_of, key_filter, key_of, new_event, state_of
from calendars.outlook_schedule import busy_of
from calendars.windows_zones import iana_zone, windows_name
from domain.errors import CalendarRefused
from domain.model import Interval
from tests.contract.harness import INTERVIEW, JANUARY, at, make_event
from tests.fakes.graph_mailbox import BLOCK
from tests.fakes.graph_shapes import moment_of

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
TEAMS = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_1%40thread.v2/0"


def told(**changes: Any) -> dict[str, Any]:
    """An event as Graph answers, with good defaults."""
    defaults = {
        "id": "AAMk=",
        "changeKey": "k1",
        "subject": "Core Java: Priya Sharma",
        "body": {"contentType": "html", "content": "<html><body><div>Hello</div></body></html>"},
        "start": {"dateTime": "2027-01-05T10:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2027-01-05T11:00:00.0000000", "timeZone": "UTC"},
        "attendees": [],
    }
    return defaults | changes


def entry(start: str, end: str, *, status: str = "busy", zone: str = "UTC") -> dict[str, Any]:
    return {
        "status": status,
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
    }


def row(*items: dict[str, Any], zone: Any = None) -> dict[str, Any]:
    return {"scheduleId": "a@b.example", "scheduleItems": list(items), "workingHours": {"timeZone": zone}}


# Zones


@pytest.mark.parametrize("name", sorted(WINDOWS_TO_OLSON))
def test_every_windows_name_is_understood(name: str) -> None:
    assert iana_zone(name).key == WINDOWS_TO_OLSON[name]
    assert iana_zone(name.upper()) == iana_zone(name)


def test_every_windows_name_comes_back_from_its_main_zone() -> None:
    back = {windows_name(iana) for iana in WINDOWS_TO_OLSON.values()}

    assert back == set(WINDOWS_TO_OLSON)


def test_nearly_every_iana_zone_has_a_windows_name() -> None:
    without = {zone for zone in ZONES if windows_name(zone) is None}

    assert {zone for zone in without if "/" in zone} <= {
        "Antarctica/Troll",  # two hours of summer time: Windows has no such zone
        "Europe/Uzhgorod", "Europe/Zaporozhye", "US/East-Indiana",  # names that are out of use
        # Zones whose Windows names are from 2026: understood, not yet sent.
        "America/Edmonton", "America/Inuvik", "America/Rainy_River", "America/Vancouver", "America/Winnipeg",
        "America/Yellowknife", "Canada/Central", "Canada/Mountain", "Canada/Pacific",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Customized Time Zone", "tzone://Microsoft/Custom", "", "PST", "Mars Standard Time"])
def test_an_unknown_zone_is_refused_and_never_taken_for_utc(name: str) -> None:
    with pytest.raises(ValueError):
        iana_zone(name)
    with pytest.raises(CalendarRefused):
        interval_of(told(start={"dateTime": "2027-01-05T10:00:00.0000000", "timeZone": name}))


def test_a_new_windows_name_is_understood() -> None:
    assert iana_zone("British Columbia Standard Time") == ZoneInfo("America/Vancouver")


def survives(zone: str, start: datetime) -> bool:
    interval = Interval(start=start, end=start + timedelta(hours=1))
    body = new_event(make_event(interval=interval, timezone=zone))
    return (moment_of(body["start"])[0], moment_of(body["end"])[0]) == (interval.start, interval.end)


@pytest.mark.parametrize("month", range(1, 13))
def test_an_instant_survives_in_each_zone(month: int) -> None:
    start = datetime(2027, month, 14, 9, 30, tzinfo=UTC)

    assert [zone for zone in ZONES if not survives(zone, start)] == []


@given(zone=st.sampled_from(ZONES), minutes=st.integers(0, 6 * 365 * 24 * 60))
def test_any_instant_survives_in_any_zone(zone: str, minutes: int) -> None:
    assert survives(zone, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


def test_times_are_sent_in_the_zone_that_people_see() -> None:
    body = new_event(make_event(interval=at(5, 18), timezone="America/Los_Angeles"))

    assert body["start"] == {"dateTime": "2027-01-05T10:00:00", "timeZone": "Pacific Standard Time"}


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/Los_Angeles", datetime(2027, 11, 7, 8, 30, tzinfo=UTC)),  # 01:30, told twice that night
        ("America/Los_Angeles", datetime(2027, 11, 7, 7, 30, tzinfo=UTC)),  # ends in that hour
        ("Antarctica/Troll", datetime(2027, 1, 5, 9, tzinfo=UTC)),  # no Windows name
        ("America/Scoresbysund", datetime(2027, 1, 5, 9, tzinfo=UTC)),  # shares a name with another offset
    ],
)
def test_what_a_wall_time_cannot_say_is_sent_in_utc(zone: str, start: datetime) -> None:
    body = new_event(make_event(interval=Interval(start=start, end=start + timedelta(hours=1)), timezone=zone))

    assert body["start"] == {"dateTime": start.replace(tzinfo=None).isoformat(), "timeZone": "UTC"}


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("2027-01-05T10:00:00.0000000", "UTC"),
        ("2027-01-05T10:00:00.0000000", "Etc/GMT"),
        ("2027-01-05T02:00:00.0000000", "Pacific Standard Time"),
        ("2027-01-05T15:30:00.0000000", "India Standard Time"),
        ("2027-01-05T11:00:00", "Europe/Berlin"),
        ("2027-01-05T11:00:00+01:00", "UTC"),
    ],
)
def test_times_are_read_whatever_zone_they_come_in(value: str, zone: str) -> None:
    assert interval_of(told(start={"dateTime": value, "timeZone": zone})) == at(5, 10)


def test_an_entry_without_length_is_read() -> None:
    found = interval_of(told(end={"dateTime": "2027-01-05T10:00:00.0000000", "timeZone": "UTC"}))

    assert found.start == at(5, 10).start


# The mark


def test_a_mark_is_read_as_it_was_written() -> None:
    event = make_event(revision=7)
    (kept,) = changed_event(event, raw={})["singleValueExtendedProperties"]

    # Exchange may give the id's letters in another case than it was given.
    mark = Mark.read({"singleValueExtendedProperties": [{"id": kept["id"].upper(), "value": kept["value"]}]})

    assert mark == Mark(key=event.key, revision=7, fingerprint=event.fingerprint)


@pytest.mark.parametrize("value", ["", "something else", f"{INTERVIEW} 0 {'a' * 32}", f"{INTERVIEW}-1 0 short"])
def test_what_is_no_mark_is_no_mark(value: str) -> None:
    (kept,) = changed_event(make_event(), raw={})["singleValueExtendedProperties"]

    assert Mark.read({"singleValueExtendedProperties": [kept | {"value": value}]}) is None
    assert Mark.read({}) is None


def test_the_filter_tells_generation_1_from_10_and_quotes() -> None:
    assert "'it''s-1 '" in key_filter(EventKey(interview="it's", generation=1))


@pytest.mark.parametrize("transaction", [None, "", "a-b", "-3", "7"])
def test_transaction_ids_of_others_are_no_keys(transaction: str | None) -> None:
    assert key_of(told(transactionId=transaction)) is None


def test_our_transaction_id_is_the_key() -> None:
    event = make_event()

    assert key_of(told(transactionId=new_event(event)["transactionId"])) == event.key


# The body


def test_the_teams_block_survives_a_change() -> None:
    block = BLOCK.format(url=TEAMS)
    raw = told(body={"content": f"<html><body>\r\n<div>Old</div>{block}\r\n</body></html>"})

    content = changed_event(make_event(description="New\n& <better>"), raw=raw)["body"]["content"]

    assert content.startswith("<div>New<br>&amp; &lt;better&gt;</div>")
    assert content.endswith(f"{block.strip()}\r\n</body></html>")
    assert "Old" not in content


def test_the_description_ends_above_the_teams_block() -> None:
    content = f"<div>Line one<br>&amp; two</div>{BLOCK.format(url=TEAMS)}"

    assert state_of(told(body={"content": content}), key=None, revision=0).description == "Line one\n& two"


def test_a_line_of_our_own_is_not_taken_for_the_teams_block() -> None:
    ours = "Above\n" + "_" * 40 + "\nbelow"
    content = changed_event(make_event(description=ours), raw={})["body"]["content"]

    alone = state_of(told(body={"content": content}), key=None, revision=0)
    with_block = state_of(told(body={"content": content + BLOCK.format(url=TEAMS)}), key=None, revision=0)

    assert alone.description == with_block.description == ours


def test_what_a_page_does_not_show_is_not_read() -> None:
    content = (
        "<html><head><title>No</title><style>p {}</style></head><body><p>Yes,</p><p>all\r\n of it</p></body></html>"
    )

    assert state_of(told(body={"content": content}), key=None, revision=0).description == "Yes,\nall of it"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=300))
def test_any_text_comes_back_from_its_html(text: str) -> None:
    content = changed_event(make_event(description=text), raw={})["body"]["content"]

    assert state_of(told(body={"content": content}), key=None, revision=0).description.split() == text.split()


# People, reminders, links


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("none", Response.NONE),
        ("notResponded", Response.NONE),
        ("organizer", Response.ACCEPTED),
        ("accepted", Response.ACCEPTED),
        ("tentativelyAccepted", Response.TENTATIVE),
        ("declined", Response.DECLINED),
    ],
)
def test_answers_are_understood(said: str, meant: Response) -> None:
    guest = {"emailAddress": {"address": "Asha@Example.com", "name": "Asha"}, "status": {"response": said}}

    assert state_of(told(attendees=[guest]), key=None, revision=0).responses == {"asha@example.com": meant}


def test_the_last_reminder_before_the_start_is_kept() -> None:
    assert new_event(make_event(reminders=(1440, 30)))["reminderMinutesBeforeStart"] == 30
    assert new_event(make_event(reminders=()))["isReminderOn"] is False


def test_a_conference_is_asked_for_at_creation_only() -> None:
    assert new_event(make_event())["onlineMeetingProvider"] == "teamsForBusiness"
    assert "isOnlineMeeting" not in new_event(make_event(conference=False))
    assert "isOnlineMeeting" not in changed_event(make_event(), raw={})


def test_links_are_empty_where_there_are_none() -> None:
    state = state_of(told(onlineMeeting=None), key=None, revision=0)

    assert (state.link, state.meeting) == ("", "")


def test_an_answer_leaves_the_first_part_of_the_etag_and_an_edit_does_not() -> None:
    before = state_of(told(), key=None, revision=0).etag
    answered = state_of(told(changeKey="k2"), key=None, revision=0).etag
    edited = state_of(told(changeKey="k2", subject="Else"), key=None, revision=0).etag

    assert before != answered
    assert before.partition(".")[0] == answered.partition(".")[0] != edited.partition(".")[0]


# getSchedule


@pytest.mark.parametrize("status", ["busy", "Busy", "tentative", "oof", "unknown"])
def test_what_blocks(status: str) -> None:
    assert busy_of(row(entry("2027-01-05T10:00:00.0", "2027-01-05T11:00:00.0", status=status)), JANUARY) == [at(5, 10)]


@pytest.mark.parametrize("status", ["free", "Free", "workingElsewhere"])
def test_what_does_not_block(status: str) -> None:
    assert busy_of(row(entry("2027-01-05T10:00:00.0", "2027-01-05T11:00:00.0", status=status)), JANUARY) == []


def local_day(zone: str) -> Interval:
    there = ZoneInfo(zone)
    return Interval(start=datetime(2027, 1, 5, tzinfo=there), end=datetime(2027, 1, 6, tzinfo=there))


ALL_DAY = entry("2027-01-05T00:00:00.0000000", "2027-01-06T00:00:00.0000000")


@pytest.mark.parametrize(
    ("name", "iana"),
    [("Pacific Standard Time", "America/Los_Angeles"), ("India Standard Time", "Asia/Kolkata"), ("UTC", "UTC")],
)
def test_an_all_day_entry_is_the_owners_day(name: str, iana: str) -> None:
    assert busy_of(row(ALL_DAY, zone={"name": name}), JANUARY) == [local_day(iana)]


def test_an_all_day_entry_that_comes_as_an_instant_is_left_alone() -> None:
    day = entry("2027-01-05T08:00:00.0000000", "2027-01-06T08:00:00.0000000")

    assert busy_of(row(day, zone={"name": "Pacific Standard Time"}), JANUARY) == [local_day("America/Los_Angeles")]


def test_an_all_day_entry_in_a_custom_zone_covers_its_day_with_and_without_summer_time() -> None:
    zone = {"@odata.type": "#microsoft.graph.customTimeZone", "bias": 480, "name": "Customized Time Zone"}

    (found,) = busy_of(row(ALL_DAY, zone=zone), JANUARY)  # type: ignore[misc]  # not Unknown, or this fails

    assert found.start == datetime(2027, 1, 5, 7, tzinfo=UTC)
    assert found.end == datetime(2027, 1, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize("zone", [None, {"name": "Mars Standard Time"}])
@pytest.mark.parametrize("iana", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC", "America/Los_Angeles"])
def test_an_all_day_entry_in_no_known_zone_covers_the_day_wherever_it_is(zone: Any, iana: str) -> None:
    (found,) = busy_of(row(ALL_DAY, zone=zone), JANUARY)  # type: ignore[misc]  # not Unknown, or this fails

    assert found.start <= local_day(iana).start
    assert local_day(iana).end <= found.end


def test_what_does_not_meet_the_span_is_left_out() -> None:
    items = [entry(f"2027-01-0{day}T10:00:00.0", f"2027-01-0{day}T11:00:00.0") for day in (4, 5, 6)]

    assert busy_of(row(*items), at(5, 0, minutes=1440)) == [at(5, 10)]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"scheduleId": "a@b.example", "scheduleItems": None},
        {"scheduleItems": None, "error": {"responseCode": "5016", "message": "Cannot open mailbox"}},
        {"scheduleItems": [], "error": {"responseCode": "ErrorNoFreeBusyAccess", "message": "No access"}},
        {"scheduleItems": [], "error": {"message": "Something new"}},
        row(entry("2027-01-05T10:00:00.0", "2027-01-05T11:00:00.0", zone="Mars Standard Time")),
        row({"status": "busy"}),
    ],
)
def test_what_cannot_be_read_is_unknown_with_a_cure(answer: Any) -> None:
    busy = busy_of(answer, JANUARY)

    assert isinstance(busy, Unknown)
    assert busy.reason
    assert busy.cure.endswith(".")


def test_the_words_of_a_known_error_say_what_to_do() -> None:
    busy = busy_of({"error": {"responseCode": "ErrorMailRecipientNotFound", "message": "Unable to resolve"}}, JANUARY)

    assert busy == Unknown(
        reason="Outlook: Unable to resolve (ErrorMailRecipientNotFound)",
        cure="Check the address: nobody in this organisation has it.",
    )


def test_an_all_day_entry_of_two_days_is_both() -> None:
    days = entry("2027-01-05T00:00:00.0000000", "2027-01-07T00:00:00.0000000")
    there = ZoneInfo("Asia/Kolkata")

    (found,) = busy_of(row(days, zone={"name": "India Standard Time"}), JANUARY)  # type: ignore[misc]  # not Unknown

    assert (found.start.astimezone(there).date(), found.end.astimezone(there).date()) == (
        date(2027, 1, 5),
        date(2027, 1, 7),
    )
