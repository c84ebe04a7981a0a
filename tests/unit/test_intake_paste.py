"""A candidate in one message: what is found, what is asked about, and that nothing is guessed or dropped."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.paste import is_message, read_message
from tests.unit.test_intake_fields import REFERENCE

WHOLE = {
    "name": "Priya Nair",
    "email": "priya@example.com",
    "course": "java",
    "window": ["2026-12-01", "2026-12-12"],
    "slots": {"mon-sun": ["09:00-12:00", "16:00-19:00"]},
    "blocked_dates": ["2026-12-05"],
}


@pytest.mark.parametrize(
    "text",
    [
        "Priya Nair, priya@example.com, Java, 1-12 Dec, 9-12 and 4-7pm, not the 5th",
        "Priya Nair <priya@example.com>\nJava Full Stack\n1 Dec to 12 Dec\n9-12, 4-7pm\nnot 5 Dec",
        "Java; 9-12, 4-7pm; not the 5th; Priya Nair; priya@example.com; Dec 1, 2026 to Dec 12, 2026",
        "Name: Priya Nair\nE-mail: Priya@Example.com\nCourse: java\nDates: 1-12 Dec\nTimes: 9-12, 4-7pm\nExcept: 5 Dec",
    ],
)
def test_a_whole_candidate_is_read_from_one_message(text: str) -> None:
    found = read_message(text, REFERENCE)

    assert (found.values, found.mistakes, found.unread) == (WHOLE, (), ())


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("Ann, 9-12 Berlin time", "timezone", "Europe/Berlin"),
        ("Ann, 9-12 in New York", "slots", {"mon-sun": ["09:00-12:00"]}),
        ("Ann, Kolkata", "timezone", "Asia/Kolkata"),
        ("Ann, in Kolkata", "timezone", "Asia/Kolkata"),
        ("Ann, Kolkata time", "timezone", "Asia/Kolkata"),
        ("Time zone: London", "timezone", "Europe/London"),
        ("Paris Nguyen, Paris", "name", "Paris Nguyen"),
        ("Ann, prefers 9-10", "preferred_slots", {"mon-sun": ["09:00-10:00"]}),
        ("1-12 Dec, not 5 Dec, 8 Dec", "blocked_dates", ["2026-12-05", "2026-12-08"]),
        ("1-12 Dec, not the 5th, the 8th and 9th", "blocked_dates", ["2026-12-05", "2026-12-08", "2026-12-09"]),
        ("1-12 Dec, can't come on 5-7", "blocked_dates", ["2026-12-05", "2026-12-06", "2026-12-07"]),
        ("28 Nov to 5 Dec, not the 29th or so, not the 1st", "window", ["2026-11-28", "2026-12-05"]),
        ("28 Nov to 5 Dec, not the 1st", "blocked_dates", ["2026-12-01"]),
        ("mon-fri 9-12, sat 10-13", "slots", {"mon-fri": ["09:00-12:00"], "sat": ["10:00-13:00"]}),
        ("next 2 weeks", "window", ["2026-11-22", "2026-12-05"]),
    ],
)
def test_pieces_go_where_they_belong(text: str, field: str, value: object) -> None:
    assert read_message(text, REFERENCE).values[field] == value


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("4-7", "slots", "4-7 can be 04:00-07:00 or 16:00-19:00. Which one?"),
        ("1/12 to 12/12", "window", "1/12 can be 1 Dec or 12 Jan."),
        ("1-12 Nov", "window", "That is past"),
        ("9-12 (IST)", "timezone", "IST is an abbreviation."),
        ("priya@nowhere", "email", "such as priya@example.com"),
        ("not the 5th", "blocked_dates", "Which month?"),
        ("28 Nov to 30 Dec, not the 29th", "blocked_dates", "Which month?"),
        ("1-12 Dec, not the 20th", "blocked_dates", "Which month?"),
    ],
)
def test_what_can_be_read_in_two_ways_is_told_and_not_guessed(text: str, field: str, words: str) -> None:
    found = read_message(text, REFERENCE)

    assert field not in found.values
    assert [mistake.field for mistake in found.mistakes] == [field]
    assert words in found.mistakes[0].hint


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("Ann, a@example.com, b@example.com", ["b@example.com"]),
        ("Ann, Java, 1-12 Dec, data", ["data"]),
        ("Ann, needs a quiet room with 2 windows", ["needs a quiet room with 2 windows"]),
        ("9-12, Ann, 4-7pm", ["4-7pm"]),
        ("Hello there please do schedule this nice person", ["Hello there please do schedule this nice person"]),
    ],
)
def test_what_fits_nowhere_is_handed_back(text: str, unread: list[str]) -> None:
    assert list(read_message(text, REFERENCE).unread) == unread


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Priya, p@example.com", True),
        ("p@example.com Java", True),
        ("p@example.com", False),
        ("<p@example.com>", False),
        ("Priya Nair", False),
        ("", False),
    ],
)
def test_a_message_has_an_address_and_something_else(text: str, whole: bool) -> None:
    assert is_message(text) is whole


@given(
    st.lists(st.sampled_from([*"Ann,;\n@:19-7pm 5", "Java", "not ", " Dec", "a@b.co", "IST", "é", "\0"])).map("".join)
)
def test_no_message_is_too_odd_to_be_read(text: str) -> None:
    found = read_message(text, REFERENCE)
    values: dict[str, Any] = dict(found.values)

    assert not {mistake.field for mistake in found.mistakes} & set(values)
