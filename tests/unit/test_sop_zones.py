"""Clock changes: which starts there are, and whose hours they lie in, in every zone of the world."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from domain.hours import WeekHours
from sop import Plan
from sop.lengths import Days
from sop.timeline import axis_for, hours_bits, members
from tests.unit.sop_builders import make_request, make_sop, planned

ZONES = sorted(name for name in files("tzdata").joinpath("zones").read_text().split() if name)
HOURS = WeekHours.parse(["00:00-01:30", "02:00-03:30", "23:00-24:00"])


def changes(tz: ZoneInfo) -> list[date]:
    """The dates of 2026 to 2030 on which the clock is changed."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(5 * 365 + 1)]
    noons = [datetime.combine(day, time(12), tzinfo=tz).utcoffset() for day in days]
    return [day for day, before, after in zip(days[1:], noons, noons[1:], strict=False) if before != after]


def walls(day: date, tz: ZoneInfo, grid: int) -> list[datetime]:
    """The instants of the wall times that exist on a day, each once: found by walking through the day minute by minute."""
    moment = datetime.combine(day - timedelta(days=1), time(12), tzinfo=tz).astimezone(UTC)
    seen: dict[time, datetime] = {}
    for _ in range(3 * 1440):
        local = moment.astimezone(tz)
        if local.date() == day and (local.hour * 60 + local.minute) % grid == 0:
            seen.setdefault(local.time(), moment)
        moment += timedelta(minutes=1)
    return list(seen.values())


def check(zone: str) -> None:
    tz = ZoneInfo(zone)
    for day in changes(tz)[:12]:
        axis = axis_for(tz, timedelta(minutes=30), day, day)
        of_day = axis.day_bits(day.toordinal() - axis.first_date)

        found = [datetime.fromtimestamp(axis.ticks[tick], UTC) for tick in members(of_day)]

        assert found == walls(day, tz, 30), f"{zone} on {day}"
        assert list(axis.ticks) == sorted(set(axis.ticks))
        worked = hours_bits(axis, zone, HOURS, Days(), 1800) & of_day
        expected = [moment for moment in found if works(moment, tz) and works(moment + timedelta(minutes=29), tz)]
        assert [datetime.fromtimestamp(axis.ticks[tick], UTC) for tick in members(worked)] == expected, (
            f"{zone} on {day}"
        )


def works(moment: datetime, tz: ZoneInfo) -> bool:
    """Whether an instant lies in the hours, whose edges are wall times read with fold=0."""
    today = moment.astimezone(tz).date()
    for day in (today - timedelta(days=1), today):
        for span in HOURS.on(day):
            edges = [
                datetime.combine(
                    day + timedelta(days=minutes // 1440), time(minutes // 60 % 24, minutes % 60), tzinfo=tz
                )
                for minutes in (span.start, span.end)
            ]
            if edges[0].astimezone(UTC) <= moment < edges[1].astimezone(UTC):
                return True
    return False


SAMPLE = (
    "America/Los_Angeles", "Europe/London", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Asia/Beirut",
    "America/Havana", "America/St_Johns", "Africa/Casablanca", "Atlantic/Azores", "Pacific/Chatham", "Asia/Kathmandu",
    "America/Asuncion", "Antarctica/Troll", "Europe/Dublin", "Pacific/Easter", "Asia/Gaza", "America/Scoresbysund",
)  # fmt: skip


@pytest.mark.parametrize("zone", SAMPLE)
def test_no_start_in_a_gap_none_twice_and_hours_as_they_are(zone: str) -> None:
    check(zone)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_no_start_in_a_gap_none_twice_and_hours_as_they_are_in_every_zone(zone: str) -> None:
    check(zone)


def night(window: str, zone: str = "America/Los_Angeles", **changes: object) -> list[str]:
    """The starts of a two-round course in the small hours of one day, as UTC."""
    sop = make_sop(timezone=zone, interviewers__ben__working_hours=["00:00-24:00"], **changes)
    result = planned(
        sop, make_request(window=[window, window], slots=["01:00-04:00"]), now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert isinstance(result, Plan)
    return [f"{one.start:%H:%M}" for one in result.interviews]


def test_a_start_that_the_clock_skips_is_none() -> None:
    assert night("2026-03-08") == ["09:00", "10:00"]  # 01:00 PST, and 03:00 PDT an hour later; there is no 02:00


def test_of_a_wall_time_that_comes_twice_only_the_first_is_a_start() -> None:
    assert night("2026-11-01") == ["08:00", "10:00"]  # 01:00 PDT, and 02:00 PST two hours later


def test_elapsed_gaps_are_elapsed_and_dates_are_dates_across_a_clock_change() -> None:
    def second(gap: dict[str, str]) -> str:
        sop = make_sop(
            timezone="America/Los_Angeles",
            courses__java__rounds__core__gap=gap,
            interviewers__ben__working_hours=["00:00-24:00"],
            grid="30m",
        )
        request = make_request(window=["2026-03-07", "2026-03-09"], slots=["09:00-13:00"])
        result = planned(sop, request, now=datetime(2026, 1, 1, tzinfo=UTC))
        assert isinstance(result, Plan)
        return f"{result.interviews[1].start.astimezone(sop.zone):%d %H:%M}"

    assert second({"min": "1d"}) == "08 09:00"
    assert second({"min": "24h"}) == "08 11:00"  # 24 hours after 10:00 PST: the night was an hour shorter
