"""Any name, note or reason in any script is read as itself: on every card, in every notice, caption and file.

Each text of a card is tried alone, so that one that is lost or read as markup is not covered up by another.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import cards, digest, escalations, files, foresight, notices, own_cards, questions
from chat.markup import plain_text, split
from chat.pictures import unreadable
from chat.questions import ASKED
from chat.tables import csv_file
from domain.foresight import Broken, Prospect
from tests.acceptance.test_chat import takes_in
from tests.acceptance.test_chat_changes import ANSWERS, booked, with_office
from tests.acceptance.test_chat_escalations import LONGER
from tests.chat_driver import TelegramPerson
from tests.fakes.telegram import Json, read_html
from tests.integration.life import claim
from tests.unit.test_cards import BOOKED, COUNTS, REQUEST, ROUND, SOP, nasty
from tests.unit.test_chat_tables import drawn
from tests.unit.test_desk_cards import END, START, question
from tests.unit.test_digest import WELL
from tests.unit.test_intake_conversation import Talk, context

MOMENT = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)
WHEN = {"start": START, "end": END}
PLACE = WHEN | {"interviewers": [{"name": "?", "backup": True}]}
MOVE = {"title": "?", "before": PLACE, "after": PLACE}
ROW = {"name": "?", "course": "?", "status": "queued", "position": 1, "number": 1}
MOVED = WHEN | {"interview_id": "i", "before": WHEN}
OWN = WHEN | {"name": "?", "course": "?", "title": "?", "link": "", "meeting": "", "answers": [], "event_answers": {}}
ASHA = SOP.interviewers["asha"]
SEATS = [{"interviewer": "?", "backup": True}]
INTERVIEW = WHEN | {
    "id": "i",
    "status": "booked",
    "position": 0,
    "title": "?",
    "seats": SEATS,
    "link": "",
    "meeting": "",
}
ASKED_ABOUT = {"reason": "?", "options": [{"text": "?", "gives": "?"}]}
ABOUT = {"candidate": {"name": "?"}} | ASKED_ABOUT
CHANGED = {"candidate": {"name": "?"}, "reason": "?", "moved": [MOVE], "timezone": "UTC"}
QUESTION = question("") | {"name": "?", "course": "?"} | ASKED_ABOUT
KNOWN = {"duplicate": "open", "status": "booked", "position": 0, "number": 1}


def prospect(facts: Json) -> list[str]:
    seen = Prospect(
        count=9,
        gained=((facts["gains"], MOMENT),),
        lost=((facts["loses"], facts["why"]),),
        broken=(
            Broken(candidate=facts["whose"], title=facts["title"], start=MOMENT, rules=(("hours", facts["who"]),)),
        ),
        unread=(facts["unread"],),
    )
    return foresight.prospect_lines(seen, SOP.zone)


# What is shown, and of which facts: each `?` is somebody's text.
CARDS: Mapping[str, tuple[Callable[[Any], list[str]], Json]] = {
    "draft": (
        lambda facts: cards.draft(facts, SOP.courses, SOP.timezone),
        REQUEST | {"name": "?", "email": "?", "course": "?", "timezone": "?"},
    ),
    "open already": (cards.open_already, {"name": "?", "status": "escalated", "number": 1}),
    "open before": (lambda facts: cards.queued(facts, KNOWN), {"name": "?", "course": "?"}),
    "there before": (lambda facts: cards.queued(facts, KNOWN | {"duplicate": "key"}), {"name": "?", "course": "", "card": []}),
    "a list": (lambda facts: files.taken_in(facts, facts), {"name": "?", "created": 1, "there": ["?", "?"]}),
    "queue": (lambda facts: cards.queue([facts], COUNTS, SOP), ROW),
    "agenda": (
        lambda facts: cards.agenda([facts], facts["heading"], SOP, one_day=False),
        ROUND | OWN | {"course": "", "heading": "?", "interviewers": ["?"], "backups": []},
    ),
    "status": (
        lambda facts: cards.status(facts, SOP),
        ROW
        | {"request": REQUEST | {"email": "?"}, "interviews": [INTERVIEW]}
        | {"answers": [], "escalations": [{"status": "open"} | ASKED_ABOUT]},
    ),
    "question": (lambda facts: escalations.question(facts, SOP, {7: facts["admin"], 9: ""}), QUESTION | {"admin": "?"}),
    "plan": (
        lambda facts: escalations.plan_lines(facts, facts, SOP),
        QUESTION | {"text": "?", "reason": "", "course": "", "options": [], "interviews": [ROUND | {"interviewers": ["?"]}]},
    ),
    "way out": (lambda facts: escalations.what_it_does(facts, facts), {"name": "?", "text": "?"}),
    "booked": (
        partial(notices.notice, "booked"),
        BOOKED | {"candidate": {"name": "?"}, "course_title": "?", "interviews": [PLACE | {"title": "?"}]},
    ),
    "escalated": (partial(notices.notice, "escalated"), ABOUT),
    "set aside": (partial(notices.notice, "set_aside"), ABOUT),
    "asked": (partial(notices.notice, "asked"), ABOUT),
    "rebooked": (partial(notices.notice, "rebooked"), CHANGED),
    "moved": (partial(notices.notice, "moved"), CHANGED),
    "cancelled": (partial(notices.notice, "cancelled"), {"candidate": {"name": "?"}}),
    "calendar": (partial(notices.notice, "calendar"), {"about": "?", "words": "?"}),
    "unreachable": (partial(notices.notice, "unreachable"), {"name": "?", "reason": "?"}),
    "other news": (partial(notices.notice, "news"), {"name": "?"}),
    "own news": (
        lambda facts: own_cards.news(facts, ASHA, SOP, []),
        {"name": "?", "course": "?", "items": [{"kind": kind, "title": "?"} | MOVED for kind in ("booked", "moved", "given")]},
    ),
    "own reminder": (lambda facts: own_cards.reminder(facts, ASHA, SOP, []), OWN),
    "own agenda": (
        lambda facts: own_cards.agenda([facts], facts["heading"], ASHA, SOP),
        OWN | {"heading": "?", "interviewers": ["asha", "?"]},
    ),
    "second program": (lambda facts: notices.second_program(facts["words"]), {"words": "?"}),
    "digest": (
        digest.digest,
        WELL
        | {"count": 1, "interviews": [PLACE | {"title": "?", "name": "?"}], "unread": ["?"]}
        | {"asked": {"count": 2, "since": START, "names": ["?", "?"]}},
    ),
    "another SOP": (prospect, dict.fromkeys(("gains", "loses", "why", "whose", "title", "who", "unread"), "?")),
    "asking for an email": (lambda facts: questions.question("email", facts, context())[0], {"name": "?"}),
    "asking for times": (lambda facts: questions.question("slots", facts, context())[0], {"name": "?"}),
    "asking what suits": (lambda facts: questions.question("preferred_slots", facts, context())[0], {"name": "?"}),
}  # fmt: skip


def tried(facts: Json, text: str) -> Iterator[Json]:
    """The facts with the text in one place after the other, and a plain word in the others."""
    count = json.dumps(facts).count('"?"')
    for place in range(count):
        yield filled(facts, iter(text if at == place else "plain" for at in range(count)))


def filled(facts: Any, texts: Iterator[str]) -> Any:
    if isinstance(facts, dict):
        return {name: filled(part, texts) for name, part in facts.items()}
    if isinstance(facts, list):
        return [filled(part, texts) for part in facts]
    return next(texts) if facts == "?" else facts


@pytest.mark.parametrize("name", CARDS)
@settings(max_examples=40, deadline=None)
@given(text=nasty)
def test_each_text_of_a_card_is_read_as_itself(name: str, text: str) -> None:
    show, facts = CARDS[name]
    for tried_facts in tried(facts, text):
        lines = show(tried_facts)
        read = "\n".join(read_html(part) for part in split("\n".join(lines)))

        assert "".join(text.split()) in "".join(read.split())
        assert plain_text("\n".join(lines)) == read


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(ASKED)), nasty)
def test_whatever_is_said_to_a_question_is_answered_in_readable_html(answered: int, text: str) -> None:
    talk = Talk().begins().answers(*ASKED[:answered])

    assert talk.hears(text=text).text


# Files ------------------------------------------------------------------------------------------------------------------------

TRIGGERS = ("=", "+", "-", "@", "\t", "\r")
spaces = st.text(st.sampled_from(" \t\n\r\v\f\xa0\u2003\u3000"), max_size=3)
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def back(cells: list[str]) -> list[str]:
    """The cells as a spreadsheet reads them."""
    file = csv_file(["x"] * len(cells), [cells]).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(file, newline="")))[1]


@given(spaces, st.sampled_from(TRIGGERS), any_text)
def test_what_a_spreadsheet_might_calculate_is_text_to_it(before: str, trigger: str, after: str) -> None:
    assert back([before + trigger + after]) == [f"'{before}{trigger}{after}"]


@given(st.lists(any_text, min_size=1, max_size=4))
def test_all_other_cells_stay_as_they_are(cells: list[str]) -> None:
    for cell, read in zip(cells, back(cells), strict=True):
        assert read in {cell, f"'{cell}"}
        assert not read.strip().startswith(TRIGGERS)


# The whole bot ------------------------------------------------------------------------------------------------------------------

NAMES = (
    "<b>Zoë</b> &amp; Sons", "=HYPERLINK(A1)", "田中さくら", "👩‍👩‍👧 Ann", "נועה שלום",
    "Álvaro `*_[x](y)~ \"O'Neil\"", "-2+3 Bo", "ß" * 100,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_read_as_itself_wherever_the_bot_says_it(
    admin_in_telegram: TelegramPerson, tmp_path: Path, name: str
) -> None:
    person, office = admin_in_telegram, with_office(admin_in_telegram, tmp_path)
    number = (await booked(person, office, name, *ANSWERS[1:]))["number"]
    assert name in person.transcript[-1]  # the notice

    looks = (
        "/agenda 22 Nov - 20 Dec",
        f"/status {number}",
        f"/reschedule {number}",
        f"/swap {number}",
        "/interviewers",
    )
    for said in looks:
        assert name in await person.says(said)
    await person.says(looks[0])
    await person.taps("As .csv")
    file = person.received("agenda.csv").decode("utf-8-sig")
    assert {row["candidate"].removeprefix("'") for row in csv.DictReader(io.StringIO(file, newline=""))} == {name}
    caption = await person.says("/week 23 Nov")
    assert (name in caption) == bool(unreadable(drawn(name)))
    assert name in await person.says(f"/cancel {number}")
    assert name in await person.says(f"because of {name}")
    assert name in await person.taps("Yes, cancel")


@pytest.mark.parametrize("text", [*NAMES, "two\nlines", "x" * 4_000, "\u202eright to left", "a\u2028b"])
async def test_a_reason_and_a_way_out_are_read_as_themselves(admin_in_telegram: TelegramPerson, text: str) -> None:
    person = admin_in_telegram
    await takes_in(person)
    claimed = await claim(person.db)
    facts = {"candidate": {"id": claimed.candidate_id, "name": "Priya Nair"}, "reason": text}
    notice = {"key": "e", "channel": "telegram", "recipient": "admins", "kind": "escalated", "payload": facts}
    await person.db.escalate(
        **claimed.names, kind="no_plan", reason=text, options=[LONGER | {"text": text}], notices=[notice]
    )

    for heard in (await person.reads_news(), await person.says("/escalations"), await person.says("/status Priya")):
        assert "".join(text.split()) in "".join(heard.split())
    await person.says("/escalations")
    assert "".join(text.split()) in "".join((await person.taps(text.split()[0][:20])).split())
    await person.says("/escalations")
    await person.taps("More…")
    await person.taps("Close")
    assert " ".join(text.split())[:500] in await person.says(text)
