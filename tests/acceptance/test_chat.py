"""Scripted conversations, in Telegram and at the terminal alike: what is said leads to what is in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chat.terminal import ADMIN_ID
from supabase_db import Database
from tests.chat_driver import ADMIN, Person, TerminalPerson
from tests.integration.life import claim

ANSWERS = ("Priya Nair", "priya@example.com", "java", "1-12 Dec", "9-12 and 4-7pm", "Kolkata")


async def takes_in(person: Person, *answers: str) -> str:
    """Take a candidate in from the first question to the last word; what the bot says to Confirm."""
    await person.says("/start")
    for text in answers or ANSWERS:
        await person.says(text)
    return await person.taps("Confirm")


async def only_candidate(db: Database) -> dict[str, Any]:
    found = await db.show_candidate(needle="@")
    assert found["count"] == 1
    candidate: dict[str, Any] = found["matches"][0]
    return candidate


async def test_a_candidate_is_taken_in_and_queued(person: Person) -> None:
    answer = await takes_in(person)

    assert "⏳ Queued, no. 1. I will write here when there is a result." in answer
    candidate = await only_candidate(person.db)
    assert (candidate["status"], candidate["source"]) == ("queued", "chat")
    assert candidate["chat_id"] == (ADMIN_ID if isinstance(person, TerminalPerson) else ADMIN)
    assert candidate["request"] == {
        "name": "Priya Nair",
        "email": "priya@example.com",
        "course": "java",
        "window": ["2026-12-01", "2026-12-12"],
        "slots": {"mon-sun": ["09:00-12:00", "16:00-19:00"]},
        "timezone": "Asia/Kolkata",
        "blocked_dates": [],
        "preferred_slots": None,
        "busy": [],
    }


async def test_the_same_with_buttons_wherever_there_are_any(person: Person) -> None:
    for text in ("/start", "Noah Fischer", "noah@example.com"):
        await person.says(text)
    for label in (
        "DevOps and Cloud",
        "Pick dates",
        "22",
        "Dec ›",
        "12",
        "12:00-15:00",
        "09:00-12:00",
        "Mon-Fri",
        "Done",
    ):
        await person.taps(label)
    for label in ("Choose by country", "G", "Germany", "Berlin"):
        await person.taps(label)
    for label in ("Blocked dates", "Pick dates", "Dec ›", "5", "9", "10", "11", "9", "Done"):
        await person.taps(label)
    answer = await person.taps("Confirm")

    assert "Queued, no. 1" in answer
    request = (await only_candidate(person.db))["request"]
    assert (request["course"], request["timezone"]) == ("devops", "Europe/Berlin")
    assert (request["window"], request["slots"]) == (["2026-11-22", "2026-12-12"], {"mon-fri": ["09:00-15:00"]})
    assert request["blocked_dates"] == ["2026-12-05", "2026-12-10", "2026-12-11"]


async def test_wrong_answers_are_asked_again_until_they_are_right(person: Person) -> None:
    await person.says("/start")
    for wrong, words, right in (
        ("12345", "at least one letter", "Priya Nair"),
        ("priya@", "such as priya@example.com", "priya@example.com"),
        ("Jva", "Did you mean Java Full Stack?", "java"),
        ("1/12 to 12/12", "1/12 can be 1 Dec or 12 Jan", "1-12 Dec"),
        ("4-7", "4-7 can be 04:00-07:00 or 16:00-19:00. Which one?", "4-7pm"),
        ("PST", "Say America/Los_Angeles.", "America/Los_Angeles"),
    ):
        assert words in await person.says(wrong)
        await person.says(right)

    assert "Queued, no. 1" in await person.taps("Confirm")


async def test_cancelling_at_any_point_leaves_nothing_behind(person: Person) -> None:
    for answered in range(len(ANSWERS) + 1):
        await person.says("/start")
        for text in ANSWERS[:answered]:
            await person.says(text)

        assert "✖️ Cancelled." in await person.says("/cancel"), f"after {answered} answers"
        assert "I have not asked anything" in await person.says("hello")
    assert (await person.db.show_candidate(needle="@"))["count"] == 0


async def test_looking_things_up_does_not_disturb_the_conversation(person: Person) -> None:
    await person.says("/start")
    for text in ANSWERS[:3]:
        await person.says(text)
    for command in ("/queue", "/status Priya", "/agenda", "/escalations", "/help", "/nonsense"):
        await person.says(command)
    for text in ANSWERS[3:]:
        await person.says(text)

    assert "Queued, no. 1" in await person.taps("Confirm")


async def test_places_in_the_queue_are_told_one_after_the_other(person: Person) -> None:
    for place, name in enumerate(("Ann", "Bob", "Cy"), start=1):
        answer = await takes_in(person, name, f"{name}@example.com", *ANSWERS[2:])
        assert f"Queued, no. {place}." in answer

    assert (await person.says("/queue")).split("\n")[:4] == [
        "Queue",
        "1. Ann, Java Full Stack",
        "2. Bob, Java Full Stack",
        "3. Cy, Java Full Stack",
    ]


async def test_an_old_draft_whose_dates_have_passed_is_not_queued(person: Person) -> None:
    await person.says("/start")
    for text in ANSWERS:
        await person.says(text)
    person.now += timedelta(days=30)

    assert "That is past: today is Mon 21 Dec 2026." in await person.taps("Confirm")
    await person.says("next week")
    assert "Queued, no. 1" in await person.taps("Confirm")


async def test_looking_up_candidates(person: Person) -> None:
    assert (
        await person.says("/queue")
        == "Queue\nNobody waits.\n\n✅ 0 booked, 🏁 0 done, ❗ 0 waiting for an admin, ✖️ 0 cancelled."
    )
    assert "Whom do you mean?" in await person.says("/status")
    assert "I know nobody called Zoe <b>." in await person.says("/status Zoe <b>")
    await takes_in(person)
    await takes_in(person, "Priya Shah", "shah@example.com", *ANSWERS[2:])

    several = await person.says("/status priya")

    assert several.startswith("2 candidates match priya. Which one?")
    assert "⏳ Priya Nair waits in the queue, no. 1.\nJava Full Stack\n" in await person.says("/status Priya Nair")
    assert "Email: shah@example.com" in await person.says("/status shah@example.com")


async def test_the_agenda_of_days_and_of_stretches(person: Person) -> None:
    assert await person.says("/agenda") == "📅 Sat 21 Nov 2026\nNo interviews.\n\nTimes are in America/Los_Angeles."
    assert "Sun 22 Nov 2026\n" in await person.says("/agenda tomorrow")
    assert "Sat 21 Nov 2026 to Fri 27 Nov 2026" in await person.says("/agenda week")
    assert "Tue 1 Dec 2026 to Sat 12 Dec 2026" in await person.says("/agenda 1-12 Dec")
    assert "Try /agenda tomorrow, /agenda week, /agenda 1-12 Dec or /agenda Priya." in await person.says(
        "/agenda sometime"
    )


async def test_escalations_are_listed_with_their_reason(person: Person) -> None:
    assert await person.says("/escalations") == "✅ Nothing waits for a decision."
    await takes_in(person)
    claimed = await claim(person.db)
    await person.db.escalate(
        **claimed.names, kind="no_plan", reason="No start is left.", options=[{"text": "2 days longer"}], notices=[]
    )

    text = await person.says("/escalations")

    assert text.startswith("❗ 1 decision to make\n\nPriya Nair, Java Full Stack, since ")
    assert "No start is left.\n\nWhat would make it possible:\n• 2 days longer" in text
    assert "❗ Priya Nair waits for an admin's decision." in await person.says("/status Priya")
