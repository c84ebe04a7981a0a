"""The texts for interviewers: what they say, and that nothing in a name is ever read as anything but itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chat import own_cards
from chat.cards import ACCEPTED, AWAY, DECLINED, said
from config import load_sop
from tests.fakes.telegram import read_html
from tests.unit.test_architecture import ROOT

SOP = load_sop(ROOT / "sop.yaml")
ASHA = SOP.interviewers["asha"]
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
TIMES = {"start": "2026-12-07T09:00:00+00:00", "end": "2026-12-07T10:00:00+00:00"}
ROW: dict[str, Any] = TIMES | {
    "interview_id": "i1",
    "name": "Priya Nair",
    "course": "java",
    "title": "Core Java",
    "status": "booked",
    "interviewers": ["ben", "asha"],
    "link": "https://cal.example/1",
    "meeting": "",
    "answers": [],
    "event_answers": {},
}
MINE = {"interviewer": "asha", "answer": DECLINED}
IN_CALENDAR = {"asha@example.com": {"since": NOW.isoformat(), "dealt": False}}


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=80).filter(lambda name: "\n" not in name and "\r" not in name))
def test_any_name_appears_literally_in_every_card(name: str) -> None:
    item = TIMES | {"kind": "moved", "interview_id": "i1", "title": name, "before": TIMES}
    payload = {"name": name, "course": "java", "title": name, "items": [item]} | TIMES
    row = ROW | {"name": name, "title": name, "course": name, "interviewers": [name, "asha"]}

    for lines in (
        own_cards.news(payload, ASHA, SOP, [row]),
        own_cards.reminder(payload, ASHA, SOP, [row]),
        own_cards.agenda([row], name, ASHA, SOP),
        [own_cards.one_line(row, ASHA)],
    ):
        assert name in read_html("\n".join(lines))


def test_times_are_theirs_and_the_other_seat_is_named() -> None:
    assert read_html("\n".join(own_cards.agenda([ROW], "Your interviews", ASHA, SOP))) == (
        "📅 Your interviews\n\nMon 7 Dec 2026\n14:30 Core Java with Priya Nair, Java Full Stack, beside Ben Ortiz\n"
        "    Event\n\nTimes are yours, in Asia/Kolkata."
    )


def test_a_decline_counts_wherever_it_was_said() -> None:
    accepted = MINE | {"answer": ACCEPTED}
    for answers, calendar, word in (
        ([], {}, ""),
        ([accepted], {}, ACCEPTED),
        ([MINE], {}, DECLINED),
        ([MINE], IN_CALENDAR, DECLINED),
        ([], IN_CALENDAR, AWAY),
        ([accepted], IN_CALENDAR, AWAY),
        ([MINE | {"interviewer": "ben"}], {}, ""),
    ):
        assert said(ASHA, answers, calendar) == word


def test_buttons_ask_what_has_not_been_said_and_nothing_of_what_has_begun() -> None:
    def labels(*rows: dict[str, Any]) -> list[list[str]]:
        return [[label for label, _ in row] for row in own_cards.choices(rows, ASHA, NOW, {"do": "mine"})]

    declined = ROW | {"answers": [MINE]}
    seen_to = declined | {"event_answers": {"asha@example.com": {"dealt": True}}}
    assert labels(ROW) == [["✓ I'll be there", "✗ Can't make it"]]
    assert labels(ROW | {"answers": [MINE | {"answer": ACCEPTED}]}) == [["✗ Can't make it"]]
    assert labels(declined) == [["Never mind"]]
    assert labels(seen_to) == [["✓ I'll be there"]]
    assert labels(ROW | {"event_answers": IN_CALENDAR}) == []
    assert labels(ROW | {"start": NOW.isoformat()}) == labels(ROW | {"status": "done"}) == []
    assert labels(ROW, declined) == [["✓ 7 Dec 14:30", "✗ 7 Dec 14:30"], ["Never mind: 7 Dec 14:30"]]
