"""What another SOP would mean, and who is free next, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chat.foresight import outlook_lines, prospect_lines
from domain.foresight import Broken, Outlook, Prospect
from sop.rules import RULES

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


def broken(*rules: tuple[str, str]) -> Broken:
    return Broken(candidate="Priya <Nair>", title="Core & Java", start=START, rules=rules)


def told(**changes: Any) -> list[str]:
    fields: dict[str, Any] = {"count": 3, "looked": 3} | changes
    return prospect_lines(Prospect(**fields), PARIS)[2:]


@pytest.mark.parametrize("rule", [*(rule.name for rule in RULES), "length", "gone"])
def test_every_rule_has_words_of_what_would_be(rule: str) -> None:
    line = told(broken=[broken((rule, "Ben Ortiz"))])[0]

    assert line.startswith("❗ Core &amp; Java of <b>Priya &lt;Nair&gt;</b> on Mon 7 Dec 10:00 CET would ")
    assert line.endswith(".")
    assert "{}" not in line


def test_several_rules_of_one_interview_are_one_line() -> None:
    one = broken(("hours", "Ben Ortiz"), ("mapping", ""), ("hours", "Ben Ortiz"))

    line, stays = told(broken=[one])
    assert line.endswith(" would be outside Ben Ortiz's working hours and not have an interviewer for each seat.")
    assert stays == "It stays as it is until you /reschedule."
    assert told(broken=[one, one])[-1] == "They stay as they are until you /reschedule."


def test_long_lists_are_cut_and_counted() -> None:
    people = [(f"Person {number}", START) for number in range(10)]

    assert told(gained=people, planless=12)[0].endswith("<b>Person 7</b> (done by 7 Dec) and 2 more.")
    lost = told(lost=[(name, "No.") for name, _ in people])
    assert lost[7:] == ["❗ <b>Person 7</b>, who has a plan now, would have none. No.", "… and 2 more."]


def test_a_single_one_is_not_counted() -> None:
    assert told(gained=[("Priya", START)], planless=1)[0] == (
        "✅ The one who has no plan now would get one: <b>Priya</b> (done by 7 Dec)."
    )


def test_a_date_is_that_of_the_readers_zone() -> None:
    late = START.replace(hour=23, minute=30)

    assert "(done by 8 Dec)" in told(gained=[("Priya", late)], planless=1)[0]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "Free next: Mon 7 Dec 10:00 CET for 30 min; local calendar"),
        ({"sources": {"google": timedelta(0)}}, "Free next: Mon 7 Dec 10:00 CET for 30 min; calendar read just now"),
        (
            {"sources": {"local": timedelta(0), "google": timedelta(seconds=40)}},
            "Free next: Mon 7 Dec 10:00 CET for 30 min; calendar read 40 s ago",
        ),
        ({"start": None}, "Free next: not within 28 days; local calendar"),
        ({"start": None, "length": None}, "Takes no round of the SOP; local calendar"),
        ({"start": None, "unread": "Away."}, "❗ Free next: unknown, for the calendar cannot be read"),
    ],
)
def test_an_outlook_is_one_line(changes: dict[str, Any], line: str) -> None:
    fields: dict[str, Any] = {
        "start": START,
        "length": timedelta(minutes=30),
        "reach": timedelta(days=28),
        "sources": {"local": timedelta(0)},
    }

    assert outlook_lines(Outlook(**fields | changes), PARIS) == [line]
