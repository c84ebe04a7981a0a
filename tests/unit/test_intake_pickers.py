"""Dates and times that are tapped: the month, the marks, and that every button is good for one effect."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.intake import STALE
from chat.markup import NOTE, Json
from chat.pickers import hours_marked, marks
from domain.hours import WeekHours
from tests.unit.test_intake_conversation import Talk, at_card


def keyboard(talk: Talk) -> list[list[Json]]:
    return [row for reply in talk.turn.replies for row in reply.get("buttons", ())]


def labels(talk: Talk) -> list[list[str]]:
    return [[key["text"] for key in row] for row in keyboard(talk)]


def picking_dates() -> Talk:
    return Talk().begins().answers("name", "email", "course").taps("📅 Pick dates")


def at_times() -> Talk:
    return Talk().begins().answers("name", "email", "course", "window")


def in_december() -> Talk:
    """At the card, picking dates of 1 to 12 December."""
    return at_card().taps("✏️ Blocked dates").taps("📅 Pick dates")


# The window -------------------------------------------------------------------------------------------------------------------


def test_a_month_is_shown_with_its_weekdays_and_what_has_passed_cannot_be_tapped() -> None:
    talk = picking_dates()

    assert labels(talk) == [
        [" ", "November 2026", "Dec ›"],
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        ["·"] * 5 + ["21", "22"],
        ["23", "24", "25", "26*", "27", "28", "29"],
        ["30", " ", " ", " ", " ", " ", " "],
        ["Back"],
    ]
    assert "Tap the first day, then the last.\n* is a holiday, without interviews: Thu 26 Nov." in talk.text
    assert talk.data("·") == f"{NOTE}That day has passed."
    assert talk.data("Tue") == talk.data(" ") == f"{NOTE}Tap one of the days."
    assert talk.turn.replies[0]["edit"] == 55


def test_the_first_and_the_last_day_make_the_window() -> None:
    talk = picking_dates().taps("Dec ›").taps("1")
    assert "From Tue 1 Dec 2026. Now tap the last day, or an earlier one to begin anew." in talk.text
    assert "✓1" in labels(talk)[2]

    talk.taps("12")

    assert talk.turn.replies[0] == {"say": "Dates: <b>Tue 1 Dec 2026 to Sat 12 Dec 2026 (12 days)</b>", "edit": 55}
    assert talk.step == "slots"


def test_the_last_day_may_be_in_another_month() -> None:
    talk = picking_dates().taps("30").taps("Dec ›").taps("Jan ›")
    assert "From Mon 30 Nov 2026." in talk.text

    assert "Mon 30 Nov 2026 to Fri 8 Jan 2027 (40 days)" in talk.taps("8").text


def test_a_day_before_the_first_begins_anew() -> None:
    talk = picking_dates().taps("28").taps("24")
    assert "From Tue 24 Nov 2026." in talk.text

    assert "Dates: Tue 24 Nov 2026 to Fri 27 Nov 2026 (4 days)" in talk.taps("27").text


def test_a_double_tap_is_the_first_day_only_and_a_second_one_makes_a_window_of_one_day() -> None:
    talk = picking_dates()
    day = talk.data("24")
    talk.hears(button=day, message=55).hears(button=day, message=55)
    assert (talk.step, talk.toast) == ("window", STALE)

    talk.hears(text="what?").taps("24")

    assert "Dates: Tue 24 Nov 2026\n" in talk.text


def test_months_are_turned_a_year_ahead_and_no_further() -> None:
    talk = picking_dates()
    shown = []
    while any(key["text"].endswith("›") for row in keyboard(talk) for key in row):
        talk.taps("›")
        shown.append(labels(talk)[0][1])

    assert shown[0] == "December 2026"
    assert shown[-1] == "November 2027"
    assert len(shown) == 12
    assert ["15", "16", "17", "18", "19", "20", "21"] in labels(talk)
    assert talk.data("·") == f"{NOTE}I plan at most a year ahead."
    for _ in shown:
        talk.taps("‹")
    assert labels(talk)[0] == [" ", "November 2026", "Dec ›"]


def test_the_whole_year_can_be_the_window() -> None:
    talk = picking_dates().taps("21")
    for _ in range(12):
        talk.taps("›")

    assert "Sat 21 Nov 2026 to Sun 21 Nov 2027 (366 days)" in talk.taps("21").text


def test_going_back_forgets_the_first_day() -> None:
    talk = picking_dates().taps("24").taps("Back")
    assert "Next 2 weeks: 22 Nov to 5 Dec" in str(labels(talk))

    assert "Tap the first day" in talk.taps("📅 Pick dates").text


def test_words_are_still_an_answer_while_dates_are_picked() -> None:
    assert picking_dates().taps("24").hears(text="1-12 Dec").step == "slots"


def test_a_change_of_the_dates_begins_in_their_month_and_can_be_thought_better_of() -> None:
    talk = at_card()
    card = talk.text
    talk.taps("✏️ Dates").taps("📅 Pick dates")
    assert labels(talk)[0][1] == "December 2026"

    assert talk.taps("8").taps("Keep it").text == card


def test_a_picker_that_was_left_open_for_weeks_shows_the_present_month() -> None:
    talk = picking_dates()
    talk.now += timedelta(days=40)

    assert labels(talk.hears(text="hm"))[0] == [" ", "December 2026", "Jan ›"]


# Dates one by one -------------------------------------------------------------------------------------------------------------


def test_dates_are_marked_and_unmarked_until_they_are_done() -> None:
    talk = in_december()
    assert labels(talk)[0] == [" ", "December 2026", " "]
    assert talk.data("·") == f"{NOTE}The interviews are on other dates."

    talk.taps("5").taps("7").taps("8").taps("5")
    assert "Chosen: Mon 7 Dec 2026 to Tue 8 Dec 2026 (2 days)" in talk.text
    assert ["✓7", "✓8", "9", "10", "11", "12", "·"] in labels(talk)
    assert {reply.get("edit") for reply in talk.turn.replies} == {55}
    talk.taps("Done")

    assert talk.step == "card"
    assert "Blocked dates: Mon 7 Dec 2026 to Tue 8 Dec 2026 (2 days)" in talk.text


def test_what_is_blocked_already_is_marked_and_can_all_be_taken_off() -> None:
    talk = at_card().taps("✏️ Blocked dates").hears(text="5 Dec, 7 Dec")
    talk.taps("✏️ Blocked dates").taps("📅 Pick dates")
    assert ["✓7", "8", "9", "10", "11", "12", "·"] in labels(talk)

    assert "Blocked dates" not in talk.taps("5").taps("7").taps("Done").text.partition("📝")[2]


def test_marks_that_are_not_done_are_forgotten() -> None:
    talk = in_december().taps("5").taps("Back").taps("📅 Pick dates")
    assert "Chosen" not in talk.text

    assert "Blocked dates" not in talk.taps("5").taps("Keep it").text.partition("📝")[2]


def test_no_date_can_be_marked_once_the_window_is_over() -> None:
    talk = at_card().taps("✏️ Blocked dates")
    talk.now += timedelta(days=60)

    talk.taps("📅 Pick dates")

    assert labels(talk)[0][1] == "January 2027"
    assert sum(label.isdigit() for row in labels(talk) for label in row) == 1  # today


def test_the_calendar_ends_with_the_year_9999() -> None:
    talk = at_card().taps("✏️ Dates").hears(text="1 to 31 Dec 9999").taps("✏️ Blocked dates")

    assert labels(talk.taps("📅 Pick dates"))[0] == [" ", "November 9999", " "]


# Times of the day -------------------------------------------------------------------------------------------------------------


def test_times_are_marked_and_those_that_meet_are_joined() -> None:
    talk = at_times().taps("12:00-15:00").taps("09:00-12:00").taps("18:00-21:00")
    assert "Chosen: 09:00-15:00, 18:00-21:00" in talk.text
    assert ["06:00-09:00", "✓ 09:00-12:00"] in labels(talk)

    talk.taps("18:00-21:00").taps("Mon-Fri").taps("Done")

    assert talk.turn.replies[0] == {"say": "Times: <b>Mon-Fri 09:00-15:00</b>", "edit": 55}
    assert talk.step == "timezone"


def test_several_days_can_be_marked() -> None:
    assert "Times: Mon-Sat 09:00-12:00" in at_times().taps("Sat").taps("09:00-12:00").taps("Mon-Fri").taps("Done").text


@pytest.mark.parametrize("tapped", [[], ["Sat"], ["09:00-12:00", "09:00-12:00"]])
def test_without_a_time_nothing_is_done(tapped: list[str]) -> None:
    talk = at_times()
    for label in tapped:
        talk.taps(label)
    before = talk.state

    talk.taps("Done")

    assert (talk.state, talk.toast) == (before, "Tap at least one time of the day first.")


def test_times_can_be_written_instead() -> None:
    assert at_times().taps("06:00").hears(text="sat 9-12").taps("SOP's").text.count("Times: Sat 09:00-12:00") == 1


def test_preferred_times_are_marked_too() -> None:
    talk = at_card().taps("Preferred times").taps("09:00-12:00").taps("Sun").taps("Done")
    assert "Preferred times: Sun 09:00-12:00" in talk.text

    assert "✓ 09:00-12:00" in str(labels(talk.taps("Preferred times")))
    assert "Preferred" not in talk.taps("No preference").text.partition("📝")[2]


@given(st.sets(st.sampled_from(["06:00-09:00", "09:00-12:00", "12:00-15:00", "21:00-24:00", "mon-fri", "sat", "sun"])))
def test_the_marks_of_hours_say_these_hours(marked: set[str]) -> None:
    hours = hours_marked(sorted(marked))

    assert hours_marked(marks("slots", hours.plain())) == hours


@pytest.mark.parametrize(
    "plain", [["09:00-12:30"], {"mon-fri": ["09:00-12:00"], "sat": ["12:00-15:00"]}, ["09:00-11:00"]]
)
def test_hours_that_no_marks_say_begin_without_any(plain: object) -> None:
    assert marks("slots", WeekHours.parse(plain).plain()) == ()


# Buttons are good for one effect ----------------------------------------------------------------------------------------------


def test_marks_can_be_tapped_faster_than_they_are_shown() -> None:
    talk = at_times()
    quickly = [talk.data("09:00-12:00"), talk.data("12:00-15:00"), talk.data("Mon-Fri")]
    for button in quickly:
        talk.hears(button=button, message=55)

    assert "Chosen: Mon-Fri 09:00-15:00" in talk.text


def test_a_double_tap_marks_once() -> None:
    talk = in_december()
    mark = talk.data("5")
    talk.hears(button=mark, message=55).hears(button=mark, message=55)
    assert "Chosen: Sat 5 Dec 2026" in talk.text

    unmark = talk.data("5")
    talk.hears(button=unmark, message=55).hears(button=unmark, message=55)
    assert "Chosen" not in talk.text


def test_the_buttons_of_a_month_that_was_turned_do_nothing() -> None:
    talk = picking_dates()
    day = talk.data("24")
    before = talk.taps("Dec ›").state

    talk.hears(button=day, message=55)

    assert (talk.state, talk.toast) == (before, STALE)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 10**6), max_size=25), st.booleans())
def test_whatever_is_tapped_the_conversation_holds(lots: list[int], editing: bool) -> None:
    """Any button of any message so far, the newest being the likeliest."""
    talk = at_card() if editing else Talk().begins().answers("name", "email", "course")
    seen: list[str] = []
    for lot in lots:
        new = [
            str(key["data"]) for row in keyboard(talk) for key in row if key["text"] not in {"✅ Confirm", "✖️ Cancel"}
        ]
        assert len(new) <= 100
        assert all(1 <= len(data.encode()) <= 64 for data in new)
        seen += [data for data in new if not data.startswith(NOTE)]
        talk.hears(button=seen[-1 - lot % min(len(seen), 60)], message=55)
        assert talk.state is not None
        assert talk.turn.command is None
        assert talk.text or talk.toast
