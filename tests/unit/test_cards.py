"""The texts of the chat: what they say, and that nothing in a name or a reason is ever read as anything but itself."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import cards, escalations, notices
from chat.markup import LONGEST, bold, button, link, paragraphs, plain_text, split, units
from config import load_sop
from tests.fakes.telegram import read_html
from tests.unit.test_architecture import ROOT

SOP = load_sop(ROOT / "sop.yaml")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
REQUEST: dict[str, Any] = {
    "name": "Priya Nair",
    "email": "priya@example.com",
    "course": "java",
    "window": ["2026-12-01", "2026-12-12"],
    "slots": {"mon-sun": ["09:00-12:00"]},
    "timezone": None,
    "blocked_dates": [],
    "preferred_slots": None,
    "busy": [],
}
ROUND: dict[str, Any] = {
    "round": "core",
    "title": "Core Java",
    "start": "2026-12-01T17:00:00+00:00",
    "end": "2026-12-01T18:00:00+00:00",
}
BOOKED = {
    "candidate": REQUEST,
    "course_title": "Java Full Stack",
    "timezone": "America/Los_Angeles",
    "interviews": [
        ROUND | {"interviewers": [{"id": "ben", "name": "Ben Ortiz", "backup": False}]},
        ROUND | {"title": "Panel", "interviewers": [{"id": "grace", "name": "Grace Kim", "backup": True}]},
    ],
}
ESCALATED = {
    "candidate": REQUEST,
    "reason": "No start is left.",
    "options": [{"text": "Extend the window by 2 days", "gives": "done by Mon 14 Dec, no backups"}],
}
QUESTION: dict[str, Any] = {
    "kind": "no_plan", "held_by": 7, "chat_id": None, "held_since": ROUND["start"], "handed": 2, "put_off_until": ROUND["end"],
    "subject": None,
}  # fmt: skip
COUNTS = dict.fromkeys(
    ["queued", "planning", "booking", "booked", "done", "escalated", "set_aside", "cancelling", "cancelled"], 1
)


def read(lines: list[str]) -> str:
    return read_html("\n".join(lines))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-12-01T17:00:00+00:00", "2026-12-01T18:00:00+00:00", "Tue 1 Dec 09:00 to 10:00 PST"),
        ("2026-07-01T16:00:00+00:00", "2026-07-01T16:30:00+00:00", "Wed 1 Jul 09:00 to 09:30 PDT"),
        ("2026-12-02T07:30:00+00:00", "2026-12-02T08:30:00+00:00", "Tue 1 Dec 23:30 to Wed 2 Dec 00:30 PST"),
        ("2026-11-01T08:30:00+00:00", "2026-11-01T09:30:00+00:00", "Sun 1 Nov 01:30 PDT to 01:30 PST"),
    ],
)
def test_times_are_local_with_their_zone_also_across_midnight_and_a_clock_change(
    start: str, end: str, words: str
) -> None:
    assert cards.times(start, end, LOS_ANGELES) == words


def test_a_draft_shows_every_field_that_says_something() -> None:
    card = read(
        cards.draft(REQUEST | {"blocked_dates": ["2026-12-05", "2026-12-07", "2026-12-08"]}, SOP.courses, SOP.timezone)
    )

    assert card.split("\n") == [
        "📝 Priya Nair",
        "Email: priya@example.com",
        "Course: Java Full Stack",
        "Dates: Tue 1 Dec 2026 to Sat 12 Dec 2026 (12 days)",
        "Times: 09:00-12:00",
        "Time zone: America/Los_Angeles (the SOP's)",
        "Blocked dates: Sat 5 Dec 2026, Mon 7 Dec 2026 to Tue 8 Dec 2026 (2 days)",
    ]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (
            {"duplicate": None, "status": "queued", "position": 3},
            "⏳ Queued, no. 3. I will write here when there is a result.",
        ),
        ({"duplicate": "key", "status": "queued", "position": 1}, "⏳ Queued, no. 1."),
        ({"duplicate": "key", "status": "booked", "position": 0}, "✅ Priya Nair is booked, taken in before."),
        ({"duplicate": "open", "status": "escalated", "position": 0}, "already has Java Full Stack open"),
    ],
)
def test_what_came_of_taking_in_is_told_from_the_outcome(outcome: dict[str, Any], words: str) -> None:
    about = {"name": "Priya Nair", "course": "Java Full Stack", "card": ["card"]}

    assert words in read(cards.queued(about, outcome | {"number": 12}))


def test_a_booking_is_told_with_times_names_and_who_steps_in() -> None:
    assert read(notices.notice("booked", BOOKED)).split("\n") == [
        "✅ Priya Nair is booked for Java Full Stack.",
        "",
        "1. Core Java with Ben Ortiz",
        "    Tue 1 Dec 09:00 to 10:00 PST",
        "2. Panel with Grace Kim (backup)",
        "    Tue 1 Dec 09:00 to 10:00 PST",
        "",
        "Times are the candidate's, in America/Los_Angeles.",
    ]


def test_an_escalation_is_told_with_its_reason_and_the_ways_out() -> None:
    text = read(notices.notice("escalated", ESCALATED))

    assert text.startswith("❗ Priya Nair could not be scheduled and needs your decision.\n\nNo start is left.")
    assert "• Extend the window by 2 days: done by Mon 14 Dec, no backups" in text


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("set_aside", {"name": "Priya Nair", "reason": "The worker stopped."}, "❗ Priya Nair was set aside"),
        ("cancelled", {"candidate": REQUEST}, "✖️ Priya Nair was cancelled."),
        ("calendar", {"about": "Asha Rao", "words": "No access."}, "❗ Calendar of Asha Rao: No access."),
        ("calendar_suspect", {"missing": 4}, "❗ 4 of our events are missing from the calendar."),
        ("calendar_waits", {"words": "<busy>"}, "⏳ Candidates wait for the calendar: <busy>"),
        ("moved_to_mars", {"candidate": REQUEST}, "Priya Nair: moved to mars."),
    ],
)
def test_other_notices_say_what_they_are_about(kind: str, payload: dict[str, Any], words: str) -> None:
    assert words in read(notices.notice(kind, payload))


def test_a_status_links_to_events_and_meetings() -> None:
    seat = {"interviewer": "ben", "backup": False}
    row = ROUND | {
        "position": 1,
        "status": "booked",
        "seats": [seat],
        "link": "https://cal.example/?a=1&b=2",
        "meeting": "",
        "id": "i1",
        "event_answers": {},
    }
    match = {**REQUEST, "status": "booked", "request": REQUEST, "interviews": [row], "answers": [], "escalations": []}

    html = "\n".join(cards.status(match, SOP))

    assert '    <a href="https://cal.example/?a=1&amp;b=2">Event</a>\n' in html
    assert "    Event\n" in read_html(html)
    assert "    Event: https://cal.example/?a=1&b=2\n" in plain_text(html)


@pytest.mark.parametrize("address", ["", "javascript:alert(1)", "http://cal.example", "tg://user?id=1"])
def test_only_web_addresses_become_links(address: str) -> None:
    assert link("Event", address) == ""


def test_an_address_cannot_end_its_link() -> None:
    assert read_html(link("Event", 'https://x.example/"><b>hello')) == "Event"


# Any text is read as itself ---------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120)
nasty = st.one_of(
    texts, st.sampled_from(["<b>", "</b>", "&amp;", "&lt;", "<script>alert(1)</script>", "a & b < c > d", "`*_[]()~"])
)


@given(nasty)
def test_any_name_appears_literally_in_every_card(name: str) -> None:
    request = REQUEST | {"name": name}
    row = {"name": name, "course": "java", "status": "queued", "position": 1, "number": 1}
    interview = ROUND | row | {"interviewers": ["ben"], "backups": [], "link": "", "answers": [], "event_answers": {}}
    escalation = row | {"reason": name, "options": [{"text": name}], "opened_at": ROUND["start"]}
    match = row | {"request": request, "interviews": [], "escalations": [escalation | {"status": "open"}]}
    outcome = {"duplicate": "open", "status": "queued", "position": 1, "number": 1}
    for lines in (
        cards.draft(request, SOP.courses, SOP.timezone),
        cards.queued({"name": name, "course": name, "card": []}, outcome),
        notices.notice("booked", BOOKED | {"candidate": request}),
        notices.notice("escalated", ESCALATED | {"candidate": request, "reason": name}),
        notices.notice("cancelled", {"candidate": request}),
        cards.queue([row], COUNTS, SOP),
        cards.agenda([interview], "Tue 1 Dec 2026", SOP, one_day=True),
        escalations.question(escalation | QUESTION, SOP, {7: name, 9: "Meera"}),
        cards.status(match, SOP),
    ):
        assert name in read(lines)
        assert plain_text("\n".join(lines)) == read(lines)


@given(st.lists(texts, max_size=60), st.integers(200, 4_000))
def test_a_long_message_is_split_between_lines_and_nothing_is_lost(lines: list[str], limit: int) -> None:
    message = "\n".join(bold(line) for line in lines)
    parts = split(message, limit)

    assert "\n".join(parts) == message
    assert all(read_html(part) is not None for part in parts)
    assert all(units(part) <= limit or "\n" not in part for part in parts)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=5_000))
def test_a_long_reason_fits_into_messages_that_telegram_takes(reason: str) -> None:
    parts = split("\n".join(notices.notice("escalated", ESCALATED | {"reason": reason})))

    assert all(units(read_html(part)) <= units(part) <= LONGEST for part in parts)
    assert "".join(reason.split()) in "".join("".join(map(read_html, parts)).split())


def test_a_single_endless_line_goes_on_in_the_next() -> None:
    assert [len(line) for line in paragraphs("x" * 1_500)] == [600, 600, 300]


@pytest.mark.parametrize("data", ["", "x" * 65, "я" * 33])
def test_a_button_carries_1_to_64_bytes(data: str) -> None:
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        button("Press", data)


@pytest.mark.parametrize("actor", ["worker:w1", "database"])
def test_what_happens_by_itself_is_the_scheduler_s(actor: str) -> None:
    assert cards.actor_text(actor) == "the scheduler"
