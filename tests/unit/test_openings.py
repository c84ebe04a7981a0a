"""When an interviewer is free next: everything of theirs counts, and no candidate does. Now is Friday, 5 June 2026, 12:00 UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sop.openings import openings, shortest_round
from tests.unit.sop_builders import MONDAY, NOW, TUESDAY, at, interview, make_sop, span

REACH = timedelta(days=28)
TODAY = "2026-06-05"


def opening(facts: dict[str, Any] | None = None, reach: timedelta = REACH, **changes: Any) -> datetime | None:
    """When Ben is free next; changes are of the SOP."""
    given: dict[str, Any] = {"busy": {}, "booked": []} | (facts or {})
    return openings(make_sop(**changes), ["ben"], now=NOW, reach=reach, **given).get("ben")


def test_it_is_now_for_somebody_with_nothing_to_do() -> None:
    assert opening() == at(TODAY, "12:00")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"notice": "3h"}, at(TODAY, "15:00")),
        ({"notice": "90m", "grid": "30m"}, at(TODAY, "13:30")),
        ({"notice": "72h"}, at(MONDAY, "12:00")),
        ({"holidays": ["2026-06-05", "2026-06-06"]}, at("2026-06-07", "08:00")),
        ({"interviewers__ben__working_hours": {"mon": ["09:00-10:30"]}}, at(MONDAY, "09:00")),
        ({"interviewers__ben__days_off": ["2026-06-05..2026-06-08"]}, at(TUESDAY, "08:00")),
        ({"interviewers__ben__working_hours": {"sat": ["09:00-09:30"]}}, None),
        ({"courses__java__rounds__intro__when": "sat"}, at(TODAY, "12:00")),
    ],
)
def test_the_sop_is_kept(changes: dict[str, Any], expected: datetime | None) -> None:
    assert opening(**changes) == expected


def test_busy_times_count_with_the_buffer_around_them() -> None:
    busy = {"busy": {"ben": [span(TODAY, "12:00-13:00"), span(TODAY, "15:30-18:00")]}}

    assert opening(busy) == at(TODAY, "13:00")
    assert opening(busy, interviewers__ben__buffer="60m") == at("2026-06-06", "08:00")


def test_what_is_booked_counts_towards_the_limits() -> None:
    booked = {"booked": [interview("intro", TODAY, "09:00-10:00", "ben", candidate="else@example.com")]}

    assert opening(booked) == at(TODAY, "12:00")
    assert opening(booked, interviewers__ben__daily_limit=1) == at("2026-06-06", "08:00")
    assert opening(booked, interviewers__ben__weekly_limit=1) == at(MONDAY, "08:00")


def test_nobody_is_looked_for_further_than_the_reach() -> None:
    away = {"busy": {"ben": [span(TODAY, "00:00-24:00"), span("2026-06-06", "00:00-24:00")]}}

    assert opening(away, reach=timedelta(days=1)) is None
    assert opening(away, reach=timedelta(days=2)) == at("2026-06-07", "08:00")


def test_the_shortest_round_gives_the_length() -> None:
    rounds = [
        {"id": "long", "title": "Long", "duration": "120m", "interviewers": ["ben"]},
        {"id": "short", "title": "Short", "duration": "30m", "interviewers": ["asha"], "backups": ["ben"]},
    ]
    sop = make_sop(courses__java__rounds=rounds, interviewers__ben__working_hours={"fri": ["12:00-12:30"]}, grid="30m")
    short = shortest_round(sop, "ben")

    assert short is not None
    assert short.id == "short"
    assert shortest_round(sop, "chloe") is None
    found = openings(sop, ["ben", "chloe"], busy={}, booked=[], now=NOW, reach=REACH)
    assert found == {"ben": at(TODAY, "12:00")}
