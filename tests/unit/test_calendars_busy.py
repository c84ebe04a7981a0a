"""What makes a person busy, kind by kind, and against an oracle that knows nothing of iCalendar's rules."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calendars.base import Owner
from calendars.ical import BrokenCalendar, parse
from calendars.ical_busy import blocks, busy_times, merged
from domain.model import Interval

KOLKATA, LOS_ANGELES = ZoneInfo("Asia/Kolkata"), ZoneInfo("America/Los_Angeles")
ASHA = Owner(email="asha@example.com", zone=KOLKATA)
JANUARY = Interval(start=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))
NINE = "DTSTART:20270105T090000Z"
TEN = "DTEND:20270105T100000Z"


def calendar(*events: Sequence[str], around: Sequence[str] = ()) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Somebody//EN", *around]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", *([] if "UID" in "".join(event) else [f"UID:{number}"]), *event, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def busy(*events: Sequence[str], owner: Owner = ASHA, span: Interval = JANUARY) -> list[str]:
    """The merged busy times as `day hour:minute-day hour:minute` in UTC."""
    found = blocks(parse(calendar(*events)), span.start.date(), span.end.date())
    return [f"{time.start:%d %H:%M}-{time.end:%d %H:%M}" for time in merged(busy_times(found, owner, span))]


class TestKinds:
    """One row of the table each."""

    @pytest.mark.parametrize(
        "line",
        [
            "TRANSP:OPAQUE", "STATUS:CONFIRMED", "STATUS:TENTATIVE", "CLASS:PRIVATE", "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
            "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:asha@example.com",
            "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:asha@example.com", "ATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.com",
        ],
    )  # fmt: skip
    def test_what_blocks(self, line: str) -> None:
        assert busy((NINE, TEN, line)) == ["05 09:00-05 10:00"]

    @pytest.mark.parametrize(
        "line",
        [
            "TRANSP:TRANSPARENT", "transp:transparent", "STATUS:CANCELLED", "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
            "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", "ATTENDEE;PARTSTAT=DECLINED:mailto:asha@example.com",
            "ATTENDEE;partstat=declined:MAILTO:Asha@Example.com",
        ],
    )  # fmt: skip
    def test_what_does_not(self, line: str) -> None:
        assert busy((NINE, TEN, line)) == []

    def test_a_duration_stands_for_an_end(self) -> None:
        assert busy((NINE, "DURATION:PT90M")) == ["05 09:00-05 10:30"]

    def test_what_has_no_length_does_not_block(self) -> None:
        assert busy((NINE,), (NINE, "DURATION:PT0S"), (NINE, "DTEND:20270105T090000Z")) == []

    def test_an_event_over_midnight(self) -> None:
        assert busy((NINE, "DTEND:20270107T030000Z")) == ["05 09:00-07 03:00"]

    def test_floating_times_are_the_owners_wall_times(self) -> None:
        floating = ("DTSTART:20270105T090000", "DTEND:20270105T100000")

        assert busy(floating) == ["05 03:30-05 04:30"]
        assert busy(floating, owner=Owner(email="", zone=LOS_ANGELES)) == ["05 17:00-05 18:00"]

    def test_all_day_is_the_owners_local_day(self) -> None:
        assert busy(("DTSTART;VALUE=DATE:20270105",)) == ["04 18:30-05 18:30"]
        assert busy(("DTSTART;VALUE=DATE:20270105", "DTEND;VALUE=DATE:20270108")) == ["04 18:30-07 18:30"]
        assert busy(("DTSTART;VALUE=DATE:20270105", "DTEND;VALUE=DATE:20270105")) == ["04 18:30-05 18:30"]

    @pytest.mark.parametrize(
        ("zone", "hour"), [(LOS_ANGELES, 26), (KOLKATA, -4), (ZoneInfo("Pacific/Kiritimati"), -13)]
    )
    @pytest.mark.parametrize("event", [("DTSTART;VALUE=DATE:20270105",), ("DTSTART:20270105T000000", "DURATION:PT24H")])
    def test_local_days_reach_into_other_days_of_utc(self, event: Sequence[str], zone: ZoneInfo, hour: int) -> None:
        start = datetime(2027, 1, 5, tzinfo=UTC) + timedelta(hours=hour)
        span = Interval(start=start, end=start + timedelta(minutes=30))

        assert busy(event, owner=Owner(email="", zone=zone), span=span)

    def test_all_day_on_a_day_of_23_hours(self) -> None:
        march = Interval(start=datetime(2027, 3, 1, tzinfo=UTC), end=datetime(2027, 4, 1, tzinfo=UTC))
        owner = Owner(email="", zone=LOS_ANGELES)

        assert busy(("DTSTART;VALUE=DATE:20270314",), owner=owner, span=march) == ["14 08:00-15 07:00"]

    def test_named_zones_and_windows_names(self) -> None:
        there = ("DTSTART;TZID=Pacific Standard Time:20270105T090000", "DTEND;TZID=America/Los_Angeles:20270105T100000")

        assert busy(there) == ["05 17:00-05 18:00"]

    def test_a_zone_that_the_file_itself_defines(self) -> None:
        zone = ["BEGIN:VTIMEZONE", "TZID:Our Office", "BEGIN:STANDARD", "DTSTART:19700101T000000",
                "TZOFFSETFROM:+0200", "TZOFFSETTO:+0200", "END:STANDARD", "END:VTIMEZONE"]  # fmt: skip
        text = calendar(("DTSTART;TZID=Our Office:20270105T090000", "DURATION:PT1H"), around=zone)

        (block,) = blocks(parse(text), JANUARY.start.date(), JANUARY.end.date())

        assert block.interval(KOLKATA) == Interval(
            start=datetime(2027, 1, 5, 7, tzinfo=UTC), end=datetime(2027, 1, 5, 8, tzinfo=UTC)
        )

    def test_free_busy_periods(self) -> None:
        text = b"\r\n".join(
            [
                b"BEGIN:VCALENDAR", b"VERSION:2.0", b"PRODID:x", b"BEGIN:VFREEBUSY", b"UID:a",
                b"FREEBUSY:20270105T090000Z/20270105T100000Z,20270106T090000Z/PT2H",
                b"FREEBUSY;FBTYPE=BUSY-TENTATIVE:20270107T090000Z/PT1H", b"FREEBUSY;FBTYPE=FREE:20270108T090000Z/PT1H",
                b"END:VFREEBUSY", b"END:VCALENDAR", b"",
            ]
        )  # fmt: skip

        found = blocks(parse(text), JANUARY.start.date(), JANUARY.end.date())

        assert [time.start.day for time in merged(busy_times(found, ASHA, JANUARY))] == [5, 6, 7]

    @pytest.mark.parametrize("period", ["99991231T235959/PT1H", "20270105T090000Z/P99999D"])
    def test_a_period_that_never_ends_is_refused(self, period: str) -> None:
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VFREEBUSY", "UID:a", f"FREEBUSY:{period}",
                 "END:VFREEBUSY", "END:VCALENDAR", ""]  # fmt: skip

        with pytest.raises(BrokenCalendar, match=r"never ends|out of range"):
            blocks(parse("\r\n".join(lines).encode()), JANUARY.start.date(), JANUARY.end.date())

    def test_in_somebody_elses_calendar_only_invitations_count(self) -> None:
        invited = (NINE, TEN, "ATTENDEE:mailto:asha@example.com")
        other = ("DTSTART:20270106T090000Z", "DURATION:PT1H", "ATTENDEE:mailto:ben@example.com")
        found = blocks(parse(calendar(invited, other)), JANUARY.start.date(), JANUARY.end.date())

        assert [time.start.day for time in busy_times(found, ASHA, JANUARY, invited_only=True)] == [5]


class TestSeries:
    """Repeated events."""

    DAILY = ("UID:series", NINE, TEN, "RRULE:FREQ=DAILY;COUNT=4")

    def test_every_instance_blocks(self) -> None:
        assert busy(self.DAILY) == [f"0{day} 09:00-0{day} 10:00" for day in (5, 6, 7, 8)]

    def test_an_excepted_instance_does_not(self) -> None:
        assert busy((*self.DAILY, "EXDATE:20270106T090000Z")) == [f"0{day} 09:00-0{day} 10:00" for day in (5, 7, 8)]

    def test_a_moved_instance_blocks_where_it_went(self) -> None:
        moved = ("UID:series", "RECURRENCE-ID:20270106T090000Z", "DTSTART:20270120T140000Z", "DTEND:20270120T150000Z")

        assert busy(self.DAILY, moved) == [*[f"0{day} 09:00-0{day} 10:00" for day in (5, 7, 8)], "20 14:00-20 15:00"]

    @pytest.mark.parametrize("line", ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"])
    def test_a_cancelled_or_freed_instance_does_not_block(self, line: str) -> None:
        instance = (
            "UID:series",
            "RECURRENCE-ID:20270106T090000Z",
            "DTSTART:20270106T090000Z",
            TEN.replace("05T", "06T"),
            line,
        )

        assert busy(self.DAILY, instance) == [f"0{day} 09:00-0{day} 10:00" for day in (5, 7, 8)]

    def test_a_declined_instance_does_not_block(self) -> None:
        no = "ATTENDEE;PARTSTAT=DECLINED:mailto:asha@example.com"
        instance = (
            "UID:series",
            "RECURRENCE-ID:20270106T090000Z",
            "DTSTART:20270106T090000Z",
            TEN.replace("05T", "06T"),
            no,
        )

        assert busy(self.DAILY, instance) == [f"0{day} 09:00-0{day} 10:00" for day in (5, 7, 8)]

    def test_extra_dates_block_too(self) -> None:
        assert busy((NINE, TEN, "RDATE:20270110T090000Z")) == ["05 09:00-05 10:00", "10 09:00-10 10:00"]

    def test_a_series_that_began_years_ago(self) -> None:
        old = ("DTSTART;TZID=Asia/Kolkata:20150101T180000", "DURATION:PT30M", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")

        assert len(busy(old)) == 21

    @pytest.mark.parametrize(
        "rule",
        [
            "FREQ=SECONDLY", "FREQ=MINUTELY;INTERVAL=5", "FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50",
            "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60))),
            "FREQ=YEARLY;BYSECOND=" + ",".join(map(str, range(60))) + ";BYMINUTE=1,2",
            "FREQ=WEEKLY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1",
        ],
    )  # fmt: skip
    def test_a_rule_that_fills_the_memory_is_refused_at_once(self, rule: str) -> None:
        began = time.perf_counter()
        with pytest.raises(BrokenCalendar, match="repeated"):
            busy((NINE, TEN, f"RRULE:{rule}"))

        assert time.perf_counter() - began < 0.5

    @pytest.mark.parametrize(
        "lines",
        [
            ("DTSTART:19000101T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY"),
            ("DTSTART:20260105T090000Z", "DURATION:P3650D", "RRULE:FREQ=HOURLY"),
            ("DTSTART;VALUE=PERIOD:20270105T090000Z/PT1H",),
        ],
    )
    def test_a_series_that_takes_all_time_is_refused_at_once(self, lines: Sequence[str]) -> None:
        began = time.perf_counter()
        with pytest.raises(BrokenCalendar):
            busy(lines)

        assert time.perf_counter() - began < 0.5

    def test_every_quarter_of_an_hour_is_still_a_rule(self) -> None:
        assert len(busy((NINE, "DURATION:PT5M", "RRULE:FREQ=HOURLY;BYMINUTE=0,15,30,45;COUNT=20"))) == 20


class TestBroken:
    """What cannot be understood is never free time."""

    @pytest.mark.parametrize(
        "event",
        [
            (NINE, "DTEND:20270105T080000Z"),
            (NINE, "DTEND;VALUE=DATE:20270105"),
            ("DTSTART;TZID=Nowhere/Land:20270105T090000", "DURATION:PT1H"),
            (NINE, TEN, "RRULE:FREQ=DAILY;UNTIL=tomorrow"),
        ],
    )
    def test_it_is_refused(self, event: Sequence[str]) -> None:
        with pytest.raises(BrokenCalendar):
            busy(event)


@dataclass(frozen=True)
class Rough:
    """An event in plain numbers, for the oracle: days from 1 January 2027, minutes from midnight, days between instances."""

    day: int
    minute: int
    length: int
    every: int
    count: int
    skipped: frozenset[int]
    zone: str
    blocks: bool

    def lines(self) -> list[str]:
        start = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=self.day, minutes=self.minute)
        lines = [f"DTSTART;TZID={self.zone}:{start:%Y%m%dT%H%M%S}", f"DURATION:PT{self.length}M"]
        if self.count > 1:
            lines.append(f"RRULE:FREQ=DAILY;INTERVAL={self.every};COUNT={self.count}")
        out = [start + timedelta(days=number * self.every) for number in sorted(self.skipped)]
        lines += [f"EXDATE;TZID={self.zone}:{moment:%Y%m%dT%H%M%S}" for moment in out]
        return [*lines, "TRANSP:OPAQUE" if self.blocks else "TRANSP:TRANSPARENT"]

    def taken(self) -> set[int]:
        """The minutes since 1 January 2027 UTC that are taken."""
        minutes: set[int] = set()
        for number in set(range(self.count)) - self.skipped if self.blocks else set():
            day = date(2027, 1, 1) + timedelta(days=self.day + number * self.every)
            wall = datetime(
                day.year, day.month, day.day, self.minute // 60, self.minute % 60, tzinfo=ZoneInfo(self.zone)
            )
            first = int((wall.astimezone(UTC) - datetime(2027, 1, 1, tzinfo=UTC)).total_seconds()) // 60
            minutes.update(range(first, first + self.length))
        return minutes


@st.composite
def roughs(draw: st.DrawFn) -> Rough:
    count = draw(st.integers(1, 6))
    return Rough(
        day=draw(st.integers(60, 100)),  # over the changes of clocks in March and April
        minute=draw(st.integers(4 * 4, 95)) * 15,  # not in the small hours, where a wall time may not exist
        length=draw(st.integers(1, 40)) * 15,
        every=draw(st.integers(1, 3)),
        count=count,
        skipped=draw(st.frozensets(st.integers(0, count - 1), max_size=2)),
        zone=draw(st.sampled_from(["America/Los_Angeles", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"])),
        blocks=draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(roughs(), min_size=1, max_size=5))
@example(  # ten hours over the night in which the clocks go forward
    [Rough(day=85, minute=960, length=600, every=1, count=1, skipped=frozenset(), zone="Europe/London", blocks=True)]
)
def test_any_calendar_takes_the_minutes_that_it_should(events: list[Rough]) -> None:
    span = Interval(start=datetime(2027, 2, 1, tzinfo=UTC), end=datetime(2027, 6, 1, tzinfo=UTC))
    text = calendar(*(event.lines() for event in events))
    epoch = datetime(2027, 1, 1, tzinfo=UTC)

    times = merged(busy_times(blocks(parse(text), span.start.date(), span.end.date()), ASHA, span))

    minutes = {
        minute
        for time in times
        for minute in range(
            int((time.start - epoch).total_seconds()) // 60, int((time.end - epoch).total_seconds()) // 60
        )
    }
    assert minutes == set().union(*(event.taken() for event in events))
    assert all(one.end < other.start for one, other in pairwise(times))
