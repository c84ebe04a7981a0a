"""Daily time slots as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError
from domain.hours import Span, WeekHours
from domain.intake import parse_slots


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("09:00-12:00, 16:00-19:00", "09:00-12:00, 16:00-19:00"),
        ("9-12 and 4-7pm", "09:00-12:00, 16:00-19:00"),
        ("9 to noon", "09:00-12:00"),
        ("9–12:30", "09:00-12:30"),
        ("9.30 - 12.15", "09:30-12:15"),
        ("0900-1200", "09:00-12:00"),
        ("9am-5", "09:00-17:00"),
        ("9-12pm", "09:00-12:00"),
        ("11-1pm", "11:00-13:00"),
        ("12-3pm", "12:00-15:00"),
        ("midnight-6am", "00:00-06:00"),
        ("22:00-00:00", "22:00-24:00"),
        ("9-12, 12-15", "09:00-15:00"),
        ("Sat 10:00-13:00", "Sat 10:00-13:00"),
        ("Sun: 10-13\nMon: 9-12", "Mon 09:00-12:00; Sun 10:00-13:00"),
        ("sat & sunday 10-13", "Sat-Sun 10:00-13:00"),
        ("weekdays 9-12", "Mon-Fri 09:00-12:00"),
        ("mon-fri 09:00-12:00; sat 10:00-13:00", "Mon-Fri 09:00-12:00; Sat 10:00-13:00"),
    ],
)
def test_slots_are_read_however_they_are_written(text: str, meaning: str) -> None:
    assert str(parse_slots(text)) == meaning


def test_a_named_weekday_has_only_its_own_slots_and_the_others_hold_elsewhere() -> None:
    hours = parse_slots("9-12; sat 10-13, 14-15; 16-19")

    assert [str(span) for span in hours.days[5]] == ["10:00-13:00", "14:00-15:00"]
    assert (
        [str(span) for span in hours.days[0]] == [str(span) for span in hours.days[6]] == ["09:00-12:00", "16:00-19:00"]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("25:00-26:00", "25:00 is no time of day; a day runs from 00:00 to 24:00."),
        ("9:60-10:00", "9:60 is no time of day"),
        ("13pm-2pm", "Write 13:00 without am or pm"),
        ("12:00-09:00", "12:00-09:00 ends before it starts. Did you mean 09:00-12:00?"),
        ("9-5", "9-5 ends before it starts. Did you mean 09:00-17:00?"),
        ("20:00-02:00", "A slot past midnight is two: 20:00-24:00 and 00:00-02:00."),
        ("9-9", "9-9 has no length."),
        ("4-7", "4-7 can be 04:00-07:00 or 16:00-19:00. Which one?"),
        ("9-12, 11-13", "09:00-12:00 and 11:00-13:00 overlap. Write 09:00-13:00"),
        ("9-12; 11-13; sat 8-9", "overlap"),
        ("mon 9-12; mon 14-16", "Mon is named twice."),
        ("sat", "Which times on Sat?"),
        ("9-12 on sat", "Write the day first, such as Sat 10:00-13:00."),
        ("9-12 mornings", "'mornings' is neither a time slot nor a weekday."),
        ("", "Write times such as 09:00-12:00"),
        ("9-12," * 200, "too long"),
    ],
)
def test_slots_that_cannot_be_right_are_refused_with_what_would_be(text: str, words: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_slots(text)

    assert refusal.value.field == "slots"
    assert words in refusal.value.hint


def test_a_refusal_names_the_field_it_was_read_for() -> None:
    with pytest.raises(FieldError, match="preferred_slots"):
        parse_slots("never", "preferred_slots")


spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(sorted).filter(lambda pair: pair[0] < pair[1])


@given(st.lists(spans, min_size=7, max_size=7), st.lists(st.booleans(), min_size=7, max_size=7).filter(any))
def test_what_we_write_of_slots_reads_back_equal(pairs: list[list[int]], given_on: list[bool]) -> None:
    hours = WeekHours(
        days=tuple(
            (Span(start=pair[0], end=pair[1]),) if here else () for pair, here in zip(pairs, given_on, strict=True)
        )
    )

    assert parse_slots(str(hours)) == hours


@given(st.one_of(st.text(), st.text("0123456789 -:.,;apmonsattofri\n")))
def test_any_text_gives_slots_or_a_hint(text: str) -> None:
    assert meaning_or_hint(text)


def meaning_or_hint(text: str) -> str:
    try:
        return str(parse_slots(text))
    except FieldError as refusal:
        return refusal.hint
