"""What was done and what undoing it does, in words: any text appears as itself, and every kind says all three things."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from chat.notices import notice
from chat.undo_words import WORDS, consequences, refusal, sentence
from lifecycle.deeds import Deed, Way, Why
from tests.fakes.telegram import read_html
from tests.unit.test_cards import SOP, nasty
from tests.unit.undo_builders import ASKED, ME, Json, candidate, day, deed, interview, place, row

TIMES = {"interviewer": "asha", "start": day(4, "00"), "end": day(6, "00"), "reason": "ill"}
DETAILS: dict[str, Json] = {
    "cancelling": {"interviews": [{}], "from": "booked"},
    "cancelled": {"interviews": [], "from": "queued"},
    "replan_asked": ASKED["detail"],
    "escalation_resolved": {"resolution": "settled elsewhere"},
    "option_taken": {"text": "Leave it as it is"},
    "interviewer_blocked": TIMES,
    "interviewer_unblocked": TIMES,
    "interviewer_linked": {"interviewer": "asha"},
    "interviewer_unlinked": {"interviewer": "asha"},
    "role_changed": {"user_id": 42, "before": "viewer", "after": "admin"},
}


def of_kind(kind: str, *people: Json, **changes: Any) -> Deed:
    detail = DETAILS.get(kind, {}) | changes
    return deed(row(kind, detail), candidates=list(people) or [person("Priya Nair")])


def person(name: str, who: str = "c1") -> Json:
    return candidate(who=who, name=name, course="java", request={"timezone": None})


@given(nasty)
def test_any_text_appears_literally(text: str) -> None:
    move = {"candidate": "c1", "title": text, "before": place(4), "after": place(5)}
    way = Way(commands=[{}], moves=[move], left=["c1"], anew=[interview("intro", 3, name=text)])
    for said in (
        sentence(of_kind("enqueued", person(text)), SOP, ME),
        sentence(of_kind("enqueued", person(text), person("Bo")), SOP, ME),
        sentence(of_kind("replan_asked", reason=f"an admin wants to {text}"), SOP, ME),
        sentence(of_kind("replan_asked", reason=text), SOP, ME),
        sentence(of_kind("escalation_resolved", resolution=text), SOP, ME),
        sentence(of_kind("option_taken", text=text), SOP, ME),
        "\n".join(consequences(of_kind("interviewer_blocked", person(text)), way, SOP)),
        "\n".join(notice("undone", {"names": [text]})),
    ):
        assert text in read_html(said)


@pytest.mark.parametrize("kind", WORDS)
def test_every_kind_says_who_did_what_when_and_what_would_do_instead(kind: str) -> None:
    said = read_html(sentence(of_kind(kind), SOP, ME))
    why = [read_html(line) for line in refusal(of_kind(kind), Why.CHANGED, SOP)]

    assert said.startswith("You ")
    assert " at 04:00 PST" in said
    assert why[0] == "Something else was done about it since, so it stays as it is."
    assert why[1].startswith("/")


@pytest.mark.parametrize("why", Why)
def test_every_reason_has_words(why: Why) -> None:
    assert all(refusal(of_kind("enqueued"), why, SOP))


@pytest.mark.parametrize(
    ("actor", "who"),
    [("telegram:8", "Admin 8 took in"), ("cli:anna", "Anna at the command line took in"), ("test", "The test took in")],
)
def test_others_are_named(actor: str, who: str) -> None:
    told = deed(row("enqueued", actor=actor), candidates=[person("Priya Nair")])

    assert read_html(sentence(told, SOP, ME)).startswith(f"{who} Priya Nair for Java Full Stack at 04:00 PST.")


def test_yesterday_is_named() -> None:
    told = deed(row("paused", {"lane": "main"}), now="2026-12-02T12:00:00+00:00")

    assert sentence(told, SOP, ME) == "You paused the queue on Tue 1 Dec 04:00 PST."


def test_many_names_are_not_all_told() -> None:
    people = [person(f"Person {number}", f"c{number}") for number in range(13)]

    assert read_html(sentence(of_kind("enqueued", *people), SOP, ME)).endswith(", Person 9 and 3 more.")
    told = notice("undone", {"names": [f"Person {number}" for number in range(52)]})[0]
    assert told.startswith("↩ Please ignore the last messages about <b>Person 0</b>, ")
    assert told.endswith(", <b>Person 39</b> and 12 more: they were taken back.")


def test_of_many_interviews_that_would_move_it_says_how_many_more_there_are() -> None:
    anew = [interview("intro", 4, name=f"Person {number}") for number in range(13)]

    lines = consequences(of_kind("interviewer_unblocked"), Way(commands=[], anew=anew), SOP)

    assert lines[1] == "13 interviews to be planned anew, with as few moves as can be:"
    assert read_html(lines[-2]).startswith("• Person 9: Intro, ")
    assert lines[-1] == "… and 3 more."
