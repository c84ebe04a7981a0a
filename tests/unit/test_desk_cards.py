"""The cards of the desk: any text appears as itself, whatever is in it; labels fit; tokens are short and never the same."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from chat import cards, escalations, notices
from chat.buttons import PREFIX, drawn, told
from chat.markup import plain_text, units
from tests.fakes.telegram import read_html
from tests.unit.test_cards import SOP, nasty

START, END = "2026-12-01T17:00:00+00:00", "2026-12-01T18:00:00+00:00"


def option(text: str) -> dict[str, object]:
    return {"text": text, "interviews": [{"round": "gone", "start": START, "end": END, "interviewers": ["nobody"]}]}


def question(text: str) -> dict[str, object]:
    return {
        "id": 1, "candidate_id": "c", "candidate_status": "escalated", "name": text, "course": text, "kind": text, "reason": text,
        "number": 1, "opened_at": START, "options": [option(text), "requeue"], "chat_id": 7, "held_by": None, "held_since": START,
        "handed": 1, "put_off_until": None, "subject": None,
    }  # fmt: skip


@given(nasty)
def test_any_text_appears_literally_on_every_card(text: str) -> None:
    row = question(text)
    place = {"start": START, "end": END, "interviewers": [{"id": "x", "name": text}]}
    move = {"round": "r", "title": text, "before": None, "after": place}
    facts = {
        "candidate": {"name": text},
        "reason": text,
        "moved": [move],
        "timezone": "UTC",
        "options": [{"text": text}],
        "names": [text],
    }
    for lines in (
        escalations.question(row, SOP, {7: text, 9: text}),
        escalations.plan_lines(row, option(text), SOP),
        escalations.what_it_does(row, option(text)),
        cards.move_lines(move, ZoneInfo("UTC"), "was", "now"),
        *(notices.notice(kind, facts) for kind in ("asked", "rebooked", "moved", "unchanged", "undone")),
    ):
        html = "\n".join(lines)
        assert text in read_html(html)
        assert plain_text(html) == read_html(html)


@given(st.text(min_size=1, max_size=200))
def test_labels_and_tokens_are_what_telegram_takes(text: str) -> None:
    _, rows, tokens = drawn([[(text, {"do": "a"}), (text, {"do": "b"})]])

    assert all(1 <= units(key["text"]) <= 56 for key in rows[0])
    assert all(len(key["data"].encode()) <= 64 for key in rows[0])
    assert [key["data"] for key in rows[0]] == [PREFIX + one["token"] for one in tokens]
    assert len({one["token"] for one in tokens}) == 2


def test_what_is_told_depends_on_what_came_of_it() -> None:
    reply = {"told": {"done": "done", "before": "before", "refused": "refused"}}

    ways: list[dict[str, Any] | None] = [{"changed": True}, {"changed": False}, {"refused": "MS002"}, None]
    assert [told(reply, outcome) for outcome in ways] == ["done", "before", "refused", "done"]
