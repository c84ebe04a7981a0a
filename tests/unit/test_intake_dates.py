"""Dates as people write them: every form that is read, and every one that is refused with the words that would be right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError
from domain.intake import parse_dates, parse_window

TODAY = date(2026, 11, 21)  # a Saturday
DECEMBER = (date(2026, 12, 1), date(2026, 12, 12))


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01 to 2026-12-12",
        "2026-12-01-2026-12-12",
        "2026-12-01..2026-12-12",
        "1-12 Dec",
        "1–12 December",
        "1 Dec - 12 Dec",
        "1st of December until the 12th",
        "Dec 1 to Dec 12",
        "Dec. 1 - Dec. 12.",
        "Dec 1-12, 2026",
        "from 1 to 12 dec",
        "between 1 Dec and 12 Dec",
        "01.12.2026-12.12.2026",
        "1.12. - 12.12.",
        "+10d to +3 weeks",
    ],
)
def test_a_window_is_read_however_it_is_written(text: str) -> None:
    first, last = DECEMBER

    assert parse_window(text, TODAY) == (first, last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("next 2 weeks", "2026-11-22", "2026-12-05"),
        ("two weeks", "2026-11-22", "2026-12-05"),
        ("next 10 days", "2026-11-22", "2026-12-01"),
        ("next week", "2026-11-23", "2026-11-29"),
        ("this week", "2026-11-21", "2026-11-22"),
        ("next month", "2026-12-01", "2026-12-31"),
        ("this month", "2026-11-21", "2026-11-30"),
        ("+3d to +17d", "2026-11-24", "2026-12-08"),
        ("tomorrow to +10d", "2026-11-22", "2026-12-01"),
        ("today", "2026-11-21", "2026-11-21"),
        ("28 Dec - 3 Jan", "2026-12-28", "2027-01-03"),
        ("20 Dec 2026 to 10 Jan", "2026-12-20", "2027-01-10"),
        ("10-15 Jan", "2027-01-10", "2027-01-15"),
        ("25/12/2026", "2026-12-25", "2026-12-25"),
        ("12/12 to 12/13", "2026-12-12", "2026-12-13"),
    ],
)
def test_stretches_relative_to_today_and_across_the_new_year(text: str, first: str, last: str) -> None:
    assert [day.isoformat() for day in parse_window(text, TODAY)] == [first, last]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("31 Nov", "There is no 31 Nov 2026: November 2026 has 30 days."),
        ("29 Feb 2027", "There is no 29 Feb 2027: February 2027 has 28 days."),
        ("2026-13-01", "There is no month 13"),
        ("1-12 Nov", "That is past: today is Sat 21 Nov 2026."),
        ("2020-12-01 to 2020-12-12", "That is past: today is Sat 21 Nov 2026."),
        ("1/12/2026 - 12/12/2026", "can be 1 Dec or 12 Jan"),
        ("1-12-2026", "can be 1 Dec or 12 Jan"),
        ("12 Dec to 1 Dec 2026", "ends before it starts"),
        ("1 to 12", "Which month?"),
        ("1 Dec 2026 to 5 Dec 2028", "at most 366 days"),
        ("soon", "such as 1-12 Dec"),
        ("", "such as 1-12 Dec"),
        ("1-12 Foo", "such as 1-12 Dec"),
    ],
)
def test_a_window_that_cannot_be_right_is_refused_with_what_would_be(text: str, words: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_window(text, TODAY)

    assert refusal.value.field == "window"
    assert words in refusal.value.hint


def test_blocked_dates_are_single_days_and_ranges() -> None:
    days = parse_dates("5 Dec, 2026-12-08; Dec 10-12, 2026 and 20 Dec", TODAY)

    assert sorted(day.day for day in days) == [5, 8, 10, 11, 12, 20]
    assert {day.month for day in days} == {12}


@pytest.mark.parametrize("text", ["", "none", " No ", "-"])
def test_none_blocks_nothing(text: str) -> None:
    assert parse_dates(text, TODAY) == frozenset()


@pytest.mark.parametrize("text", ["31 Nov", "12-10 Dec", "5 Dec, whenever", "1 Dec 2026 to 1 Dec 2028"])
def test_blocked_dates_that_cannot_be_right_are_refused(text: str) -> None:
    with pytest.raises(FieldError, match="blocked_dates"):
        parse_dates(text, TODAY)


def test_the_date_that_cannot_be_right_is_named_alone() -> None:
    with pytest.raises(FieldError) as refused:
        parse_dates("5 Dec, 40 Dec", TODAY)

    assert refused.value.value == "40 Dec"


@given(st.dates(TODAY, TODAY + timedelta(days=3_000)), st.integers(0, 365), st.sampled_from(["to", "-", "..", "until"]))
def test_iso_dates_come_back_as_they_were_written(first: date, length: int, between: str) -> None:
    last = first + timedelta(days=length)

    assert parse_window(f"{first} {between} {last}", TODAY) == (first, last)


@given(st.dates(TODAY, TODAY + timedelta(days=120)), st.integers(0, 40), st.sampled_from(["%d %b", "%B %d", "%d.%m."]))
def test_days_without_a_year_are_the_coming_ones(first: date, length: int, form: str) -> None:
    last = first + timedelta(days=length)

    assert parse_window(f"{first:{form}} to {last:{form}}", TODAY) == (first, last)


@given(st.one_of(st.text(), st.text("0123456789 -./+,dewk toDecJan")))
def test_any_text_gives_a_window_or_a_hint(text: str) -> None:
    for read in (parse_window, parse_dates):
        assert meaning_or_hint(read, text)


def meaning_or_hint(read: Callable[[str, date], object], text: str) -> str:
    try:
        return f"{read(text, TODAY)}"
    except FieldError as refusal:
        return refusal.hint
