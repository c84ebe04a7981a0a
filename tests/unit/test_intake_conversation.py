"""The conversation as a state machine: every answer checked where it is given, every button good for one use."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.intake import DONE, STALE, Said, Turn, advance
from chat.markup import Json
from chat.questions import ASKED, Context
from domain.model import CandidateRequest
from sop.lengths import Days
from tests.chat_driver import fits
from tests.fakes.telegram import read_html
from tests.unit.test_intake_fields import COURSES

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
ANSWERS = {
    "name": "Priya Nair",
    "email": "priya@example.com",
    "course": "java",
    "window": "1-12 Dec",
    "slots": "9-12 and 4-7pm",
    "timezone": "Kolkata",
}


def context(now: datetime = NOW) -> Context:
    return Context(
        now=now,
        courses=COURSES,
        timezone="America/Los_Angeles",
        holidays=Days.parse(["12-25", "2026-11-26"]),
        nearby=("America/Los_Angeles", "Europe/London"),
        chat=7,
        user=7,
    )


class Talk:
    """A conversation held with the state machine alone; its state goes through JSON after every turn, as in the database."""

    def __init__(self, now: datetime = NOW) -> None:
        self.state: Json | None = None
        self.turn = Turn(state=None, replies=[])
        self.number, self.now = 100, now

    def hears(self, **said: Any) -> Talk:
        self.number += 1
        self.turn = advance(self.state, Said(update=self.number, **said), context(self.now))
        self.state = json.loads(json.dumps(self.turn.state))
        json.dumps([self.turn.replies, self.turn.command])
        return self

    def begins(self) -> Talk:
        return self.hears(command="start")

    def answers(self, *fields: str) -> Talk:
        for field in fields:
            self.hears(text=ANSWERS[field])
        return self

    def taps(self, label: str) -> Talk:
        return self.hears(button=self.data(label), message=55)

    def data(self, label: str) -> str:
        keys = [key for reply in self.turn.replies for row in reply.get("buttons", ()) for key in row]
        return next(str(key["data"]) for key in keys if fits(label, key["text"]))

    @property
    def text(self) -> str:
        return "\n".join(read_html(reply["say"]) for reply in self.turn.replies if "say" in reply)

    @property
    def toast(self) -> str:
        return "".join(reply["toast"] for reply in self.turn.replies if "toast" in reply)

    @property
    def step(self) -> str:
        return str(self.state["draft"]["step"]) if self.state else ""


def at_card() -> Talk:
    return Talk().begins().answers(*ASKED)


def test_six_answers_make_a_card_and_confirming_it_queues_the_candidate() -> None:
    talk = at_card()
    assert "📝 Priya Nair\nEmail: priya@example.com\nCourse: Java Full Stack" in talk.text

    talk.taps("Confirm")

    assert talk.state is None
    assert talk.turn.command is not None
    enqueue = talk.turn.command["enqueue"]
    assert (enqueue["source"], enqueue["actor"], enqueue["chat_id"]) == ("chat", "telegram:7", 7)
    request = CandidateRequest.parse(enqueue["request"])
    assert (request.name, request.email, request.course) == ("Priya Nair", "priya@example.com", "java")
    assert [day.isoformat() for day in request.window] == ["2026-12-01", "2026-12-12"]
    assert (str(request.slots), request.timezone) == ("09:00-12:00, 16:00-19:00", "Asia/Kolkata")
    assert talk.turn.replies[0]["edit"] == 55


def test_nothing_is_queued_before_confirming() -> None:
    talk = Talk().begins()
    for field in ASKED:
        assert talk.turn.command is None
        talk.answers(field)

    assert talk.turn.command is None


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", "\n", "Give the candidate's full name."),
        ("name", "x" * 10_000, "A name has at most 100 characters; this has 10000."),
        ("email", "priya", "I cannot use priya. Give an address such as priya@example.com."),
        ("course", "Jva", "Did you mean Java Full Stack?"),
        ("window", "31 Nov", "There is no 31 Nov 2026: November 2026 has 30 days."),
        ("window", "1-12 Nov", "I cannot use 1-12 Nov. That is past: today is Sat 21 Nov 2026."),
        ("slots", "25:00-26:00", "25:00 is no time of day"),
        ("slots", "12:00-09:00", "Did you mean 09:00-12:00?"),
        ("timezone", "PST", "PST is an abbreviation. Say America/Los_Angeles."),
        ("timezone", "USA", "Which one?"),
    ],
)
def test_an_answer_that_cannot_be_right_is_asked_again_with_what_would_be(field: str, text: str, words: str) -> None:
    talk = Talk().begins().answers(*ASKED[: ASKED.index(field)])

    talk.hears(text=text)

    assert words in talk.text
    assert talk.step == field
    following = (*ASKED, "card")[ASKED.index(field) + 1]
    assert talk.answers(field).step == following


def test_what_the_hint_names_is_not_named_twice() -> None:
    talk = Talk().begins().answers(*ASKED[: ASKED.index("slots")])

    talk.hears(text="banana")

    assert talk.text.startswith("'banana' is neither a time slot nor a weekday.")


def test_buttons_answer_as_well_as_words() -> None:
    talk = Talk().begins().answers("name", "email")

    talk.taps("Data Engineering")
    assert talk.turn.replies[0] == {"say": "Course: <b>Data Engineering</b>", "edit": 55}
    talk.taps("Next 2 weeks: 22 Nov to 5 Dec").taps("09:00-12:00").taps("Done").taps("America/Los_Angeles (the SOP's)")

    assert talk.step == "card"
    assert "Dates: Sun 22 Nov 2026 to Sat 5 Dec 2026 (14 days)\nTimes: 09:00-12:00" in talk.text
    assert "Time zone: America/Los_Angeles (the SOP's)" in talk.text
    command = talk.taps("Confirm").turn.command
    assert command is not None
    assert command["enqueue"]["request"]["timezone"] is None


def test_a_stretch_that_was_offered_yesterday_means_the_dates_on_its_button() -> None:
    talk = Talk().begins().answers("name", "email", "course")
    talk.now += timedelta(days=1)

    talk.taps("Next 2 weeks: 22 Nov to 5 Dec").answers("slots", "timezone")

    assert "Dates: Sun 22 Nov 2026 to Sat 5 Dec 2026" in talk.text


def test_the_zone_picker_goes_by_country_and_back() -> None:
    talk = Talk().begins().answers(*ASKED[:-1])

    talk.taps("Choose by country").taps("U").taps("Back").taps("U").taps("United States")
    assert "Which time zone of United States?" in talk.text
    assert {reply.get("edit") for reply in talk.turn.replies} == {55}
    talk.taps("Indiana/Knox")

    assert "Time zone: America/Indiana/Knox" in talk.text


def test_a_country_with_one_zone_needs_no_more_questions() -> None:
    talk = Talk().begins().answers(*ASKED[:-1]).taps("Choose by country").taps("I").taps("India")

    assert talk.step == "card"
    assert "Time zone: Asia/Kolkata" in talk.text


def test_the_picker_can_be_left_by_writing_a_city() -> None:
    talk = Talk().begins().answers(*ASKED[:-1]).taps("Choose by country").taps("I").hears(text="Lisbon")

    assert "Time zone: Europe/Lisbon" in talk.text


@pytest.mark.parametrize(
    ("label", "text", "shown"),
    [
        ("Name", "Priya N.", "📝 Priya N."),
        ("Email", "p.nair@example.com", "Email: p.nair@example.com"),
        ("Course", "data", "Course: Data Engineering"),
        ("Dates", "next week", "Dates: Mon 23 Nov 2026 to Sun 29 Nov 2026 (7 days)"),
        ("Times", "sat 10-13", "Times: Sat 10:00-13:00"),
        ("Time zone", "Lisbon", "Time zone: Europe/Lisbon"),
        ("Blocked dates", "5 Dec", "Blocked dates: Sat 5 Dec 2026"),
        ("Preferred times", "9-11", "Preferred times: 09:00-11:00"),
    ],
)
def test_every_field_of_the_card_can_be_changed(label: str, text: str, shown: str) -> None:
    talk = at_card().taps(f"✏️ {label}")
    assert "Now it is:" in talk.text

    talk.hears(text=text)

    assert talk.step == "card"
    assert shown in talk.text


def test_a_change_can_be_thought_better_of() -> None:
    talk = at_card()
    card = talk.text

    assert talk.taps("✏️ Email").taps("Keep it").text == card


def test_optional_fields_can_be_emptied_again() -> None:
    talk = at_card().taps("Blocked dates").hears(text="5 Dec").taps("Blocked dates").taps("None")
    assert "Blocked dates" not in talk.text.partition("📝")[2]

    talk.taps("Preferred times").hears(text="9-11").taps("Preferred times").taps("No preference")
    assert "Preferred times" not in talk.text.partition("📝")[2]


@pytest.mark.parametrize("answered", range(len(ASKED) + 1))
def test_it_can_be_cancelled_at_any_point_and_nothing_is_kept(answered: int) -> None:
    talk = Talk().begins().answers(*ASKED[:answered]).hears(command="cancel")

    assert talk.state is None
    assert talk.turn.command is None
    assert "was saved" in talk.text
    assert talk.hears(command="cancel").text == "I am asking nothing just now. /cancel Priya gives a candidate up."


def test_the_card_has_a_button_for_cancelling_too() -> None:
    talk = at_card().taps("Cancel")

    assert (talk.state, talk.turn.command) == (None, None)
    assert talk.text == "✖️ Cancelled. Nothing of Priya Nair was saved."


def test_starting_anew_says_what_is_dropped() -> None:
    talk = Talk().begins().answers("name").begins()

    assert talk.text.startswith("The unfinished draft for Priya Nair is dropped.")
    assert talk.step == "name"


def test_words_at_the_card_and_without_a_question_are_answered_kindly() -> None:
    assert at_card().hears(text="yes please").text.startswith("Please tap Confirm, Cancel")
    assert "/start takes in a candidate" in Talk().hears(text="hello").text


def test_what_is_no_text_is_asked_for_as_text() -> None:
    talk = Talk().begins().hears(text=None)

    assert talk.text == "I can only read text here.\n\nWhat is the candidate's full name?"


# Buttons are good for one use -------------------------------------------------------------------------------------------------


def test_a_second_tap_does_nothing_and_is_told_so() -> None:
    talk = Talk().begins().answers("name", "email")
    tapped = talk.data("Java Full Stack")
    talk.hears(button=tapped, message=55)
    before = talk.state

    talk.hears(button=tapped, message=55)

    assert (talk.state, talk.toast, talk.turn.command) == (before, STALE, None)


def test_a_second_confirm_does_nothing_and_is_told_so() -> None:
    talk = at_card()
    confirm = talk.data("Confirm")
    talk.hears(button=confirm, message=55).hears(button=confirm, message=55)

    assert (talk.state, talk.toast, talk.turn.command) == (None, DONE, None)


def test_buttons_stay_good_while_the_same_question_is_asked_again() -> None:
    talk = Talk().begins().answers("name", "email")
    java = talk.data("Java Full Stack")

    assert talk.hears(text="cobol").hears(button=java, message=55).step == "window"


def test_the_buttons_of_another_draft_do_nothing() -> None:
    old, new = at_card(), Talk()
    new.number = 500
    new.begins().answers(*ASKED)
    before = new.state

    new.hears(button=old.data("Confirm"), message=55)

    assert (new.state, new.toast, new.turn.command) == (before, STALE, None)


@given(st.data())
def test_a_button_that_was_tampered_with_does_nothing(data: st.DataObject) -> None:
    talk = at_card()
    good = {str(key["data"]) for row in talk.turn.replies[-1]["buttons"] for key in row}
    true = data.draw(st.sampled_from(sorted(good)))
    place = data.draw(st.integers(0, len(true) - 1))
    forged = true[:place] + data.draw(st.text(max_size=3)) + true[place + 1 :]
    before = talk.state

    if forged not in good:
        talk.hears(button=forged, message=55)
        assert (talk.state, talk.turn.command) == (before, None)


# What may have changed meanwhile -----------------------------------------------------------------------------------------------


def test_confirming_after_the_window_is_over_asks_for_new_dates() -> None:
    talk = at_card()
    talk.now += timedelta(days=60)

    talk.taps("Confirm")

    assert (talk.turn.command, talk.step) == (None, "window")
    assert "That is past: today is Wed 20 Jan 2027." in talk.text
    assert talk.hears(text="next week").step == "card"
    assert talk.taps("Confirm").turn.command is not None


def test_confirming_a_course_that_is_gone_asks_for_another() -> None:
    talk = at_card()
    assert talk.state is not None
    talk.state["draft"]["values"]["course"] = "cobol"

    talk.taps("Confirm")

    assert (talk.turn.command, talk.step) == (None, "course")
    assert "The courses are Java Full Stack (java)" in talk.text


def test_the_state_of_another_version_is_dropped() -> None:
    talk = at_card()
    assert talk.state is not None
    talk.state["version"] = 0

    assert "I have not asked anything" in talk.hears(text="hello").text
    assert talk.state is None


def test_a_draft_from_before_there_were_marks_goes_on() -> None:
    talk = Talk().begins().answers(*ASKED[:-1])
    assert talk.state is not None
    talk.state["version"] = 1
    del talk.state["draft"]["marked"]

    assert talk.answers("timezone").step == "card"
    assert talk.state["version"] == 2


@given(
    st.lists(
        st.one_of(st.text(max_size=20), st.sampled_from([*ANSWERS.values(), "none", "next week", "1-2"])), max_size=12
    )
)
def test_no_words_break_the_conversation(said: list[str]) -> None:
    talk = Talk().begins()
    for text in said:
        talk.hears(text=text)
        assert talk.turn.command is None
        assert talk.step in (*ASKED, "card")
