"""The morning's message: when it is time, and its words."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chat.digest import digest
from chat.markup import plain_text
from lifecycle.digest import due

LA = ZoneInfo("America/Los_Angeles")
AT = 8 * 60 + 30
DAY = date(2026, 12, 7)
WELL: dict[str, Any] = {
    "date": "2026-12-07",
    "timezone": "America/Los_Angeles",
    "count": 0,
    "interviews": [],
    "asked": {"count": 0, "since": None, "names": []},
    "waiting": 0,
    "paused_at": None,
    "unread": [],
    "unsent": 0,
    "broken_at": None,
    "quiet": False,
}
ROUND = {
    "start": "2026-12-07T17:00:00+00:00",
    "title": "Introduction",
    "name": "Priya <b> Nair",
    "interviewers": [{"name": "Asha Rao", "backup": False}, {"name": "Ben & Co", "backup": True}],
}


def local(text: str, day: date = DAY, tz: ZoneInfo = LA) -> datetime:
    return datetime.fromisoformat(f"{day} {text}").replace(tzinfo=tz)


def read(**changes: Any) -> str:
    return plain_text("\n".join(digest(WELL | changes)))


# When it is time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("00:00", False),
        ("08:29:59", False),
        ("08:30", True),
        ("12:29:59", True),  # nobody was there at that minute
        ("12:30", False),
        ("23:59", False),
    ],
)
def test_it_is_due_from_its_time_on_and_for_the_morning(time: str, told: bool) -> None:
    assert due(local(time), LA, AT, None) == (DAY if told else None)


@pytest.mark.parametrize(
    ("last", "told"), [(local("08:30"), False), (local("12:00", DAY - timedelta(days=1)), True), (None, True)]
)
def test_it_is_due_once_a_day(last: datetime | None, told: bool) -> None:
    assert due(local("09:00"), LA, AT, last) == (DAY if told else None)


def test_a_clock_that_was_put_back_makes_it_due_no_second_time() -> None:
    assert due(local("09:00"), LA, AT, local("08:30", DAY + timedelta(days=1))) is None


def test_the_day_is_that_of_the_zone() -> None:
    there = ZoneInfo("Pacific/Auckland")

    assert due(local("08:30", DAY, there), there, AT, None) == DAY
    assert due(local("08:30", DAY, there), LA, AT, None) == DAY - timedelta(days=1)  # 11:30 of the day before


def test_where_it_is_never_wanted_it_is_never_due() -> None:
    assert due(local("08:30"), LA, None, None) is None


def times_due(day: date, at: int) -> list[str]:
    """At which minutes of three days it is told, looked at each minute and told when due."""
    now, end = local("00:00", day), local("00:00", day + timedelta(days=1))
    last, told = None, []
    now = now.astimezone(ZoneInfo("UTC"))
    while now < end:
        if due(now, LA, at, last):
            last = now
            told.append(f"{now.astimezone(LA):%H:%M %Z}")
        now += timedelta(minutes=1)
    return told


@pytest.mark.parametrize(
    ("day", "at", "told"),
    [
        (date(2026, 3, 8), AT, ["08:30 PDT"]),
        (date(2026, 3, 8), 150, ["03:30 PDT"]),  # 02:30 is skipped
        (date(2026, 11, 1), AT, ["08:30 PST"]),
        (date(2026, 11, 1), 90, ["01:30 PDT"]),  # 01:30 comes twice
        (DAY, 0, ["00:00 PST"]),
        (DAY, 1439, ["23:59 PST"]),
    ],
)
def test_it_is_told_once_on_days_when_clocks_change_too(day: date, at: int, told: list[str]) -> None:
    assert times_due(day, at) == told


# Its words --------------------------------------------------------------------------------------------------------


def test_a_day_without_anything_is_one_line() -> None:
    assert read(quiet=True) == "📅 Mon 7 Dec 2026: no interviews today, and nothing waits for you."


def test_a_day_with_everything() -> None:
    told = read(
        count=12,
        interviews=[ROUND],
        asked={"count": 2, "since": "2026-12-05T00:10:00+00:00", "names": ["Priya <b> Nair", "Omar"]},
        waiting=5,
        paused_at="2026-12-05T00:10:00+00:00",
        unread=["Asha Rao", "the organiser's calendar"],
        unsent=1,
        broken_at=17,
    )

    assert told.split("\n") == [
        "📅 Mon 7 Dec 2026: 12 interviews today",
        "",
        "09:00 Introduction: Priya <b> Nair with Asha Rao, Ben & Co (backup)",
        "… and 11 more: /agenda shows all.",
        "Times are in America/Los_Angeles.",
        "",
        "❗ 2 decisions to make, the oldest since Fri 4 Dec 16:10 PST: Priya <b> Nair and Omar.",
        "/escalations shows what can be done.",
        "⏳ 5 candidates wait in the queue.",
        "⏸ The queue has been paused since Fri 4 Dec 16:10 PST. /resume goes on.",
        "",
        "❗ Calendars that could not be read since yesterday: Asha Rao and the organiser's calendar.",
        "❗ Since yesterday 1 message could not be sent.",
        "❗ The log was tampered with: row 17 is not as it was written.",
    ]


def test_a_day_without_interviews_on_which_somebody_waits() -> None:
    asked = {"count": 1, "since": "2026-12-05T00:10:00+00:00", "names": ["Omar"]}

    assert read(asked=asked, waiting=1).split("\n") == [
        "📅 Mon 7 Dec 2026: no interviews today",
        "",
        "❗ 1 decision to make, since Fri 4 Dec 16:10 PST: Omar.",
        "/escalations shows what can be done.",
        "⏳ 1 candidate waits in the queue.",
        "",
        "✅ Calendars, messages and the log are well.",
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["Ann", "Bo", "Cy"], "Ann, Bo and Cy."),
        (["Ann", "Bo", "Cy", "Di", "Ed"], "Ann, Bo, Cy, Di and Ed."),
        (["Ann", "Bo", "Cy", "Di", "Ed", "Flo", "Gil"], "Ann, Bo, Cy, Di, Ed and 2 more."),
    ],
)
def test_of_many_only_the_first_are_named(names: list[str], told: str) -> None:
    asked = {"count": 9, "since": "2026-12-05T00:10:00+00:00", "names": names}

    assert f"PST: {told}" in read(asked=asked)
