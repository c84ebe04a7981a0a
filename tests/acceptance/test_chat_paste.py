"""Whole candidates in one message, candidates who were here before, and those who are open already."""

from __future__ import annotations

from datetime import timedelta

from supabase_db import Database
from tests.acceptance.test_chat import ANSWERS, only_candidate, takes_in
from tests.chat_driver import Person
from tests.integration.life import claim

MESSAGE = "Priya Nair, priya@example.com, Java, 1-12 Dec, 9-12 and 4-7pm, not the 5th"


async def escalated(db: Database) -> None:
    """Have the scheduler give the only candidate back to the admins."""
    claimed = await claim(db)
    await db.escalate(**claimed.names, kind="no_plan", reason="No start is left.", notices=[])


async def test_a_pasted_message_becomes_the_filled_card(person: Person) -> None:
    card = await person.says(MESSAGE)

    assert card.split("\n")[:9] == [
        "📝 Priya Nair",
        "Email: priya@example.com",
        "Course: Java Full Stack",
        "Dates: Tue 1 Dec 2026 to Sat 12 Dec 2026 (12 days)",
        "Times: 09:00-12:00, 16:00-19:00",
        "Time zone: America/Los_Angeles (the SOP's)",
        "Blocked dates: Sat 5 Dec 2026",
        "",
        "Is this right?",
    ]
    assert "Queued, no. 1." in await person.taps("Confirm")
    assert (await only_candidate(person.db))["request"]["blocked_dates"] == ["2026-12-05"]


async def test_what_a_message_lacks_is_asked_and_what_is_odd_is_told_until_it_is_mended(person: Person) -> None:
    answer = await person.says("/new Priya Nair, priya@example.com, Java, 4-7, 9 lives, not the 5th, IST")

    assert "Name: Priya Nair\nEmail: priya@example.com\nCourse: Java Full Stack\n" in answer
    assert "❗ Times: 4-7 can be 04:00-07:00 or 16:00-19:00. Which one?" in answer
    assert "❗ Time zone: IST is an abbreviation. Say Asia/Kolkata" in answer
    assert "❗ Blocked dates: I cannot use 5th. Which month?" in answer
    assert "❗ I could not place 9 lives." in answer
    assert "Between which dates can the interviews be?" in answer
    assert "At which times of the day" in await person.says("1-12 Dec")
    assert "In which time zone" in await person.says("4-7pm")
    card = await person.says("Kolkata")
    assert card.startswith("❗ Blocked dates: I cannot use 5th.")
    assert "❗ I could not place 9 lives." in card
    assert "Times: 16:00-19:00" in card
    await person.taps("Blocked dates")
    card = await person.says("5 Dec")
    assert "❗ Blocked" not in card
    assert "Blocked dates: Sat 5 Dec 2026" in card


async def test_a_message_may_answer_the_first_question_and_no_later_one(person: Person) -> None:
    await person.says("/start")
    assert "Is this right?" in await person.says(MESSAGE)
    assert "Please tap Confirm" in await person.says("Ann, ann@example.com, Java")
    await person.says("/cancel")
    assert "I have not asked anything." in await person.says("Priya Nair, Java")


async def test_somebody_who_was_here_before_is_taken_in_again(person: Person) -> None:
    await person.says(MESSAGE)
    await person.taps("Confirm")
    first = await only_candidate(person.db)
    await person.db.cancel_candidate(candidate_id=first["id"], actor="test")
    await person.says("/new Bo, bo@example.com, Java")

    card = await person.says("/again priya")

    assert card.startswith("The unfinished draft for Bo is dropped.\nI start from what is known of Priya Nair.")
    assert "Blocked dates: Sat 5 Dec 2026" in card
    assert "Queued, no. 1." in await person.taps("Confirm")
    second = (await person.db.show_candidate(needle="priya@example.com"))["matches"][1]
    assert (second["request"], second["id"] == first["id"]) == (first["request"], False)


async def test_dates_that_have_passed_are_asked_again(person: Person) -> None:
    await person.says(MESSAGE)
    await person.taps("Confirm")
    await person.db.cancel_candidate(candidate_id=(await only_candidate(person.db))["id"], actor="test")
    person.now += timedelta(days=30)

    assert "Between which dates can the interviews be?" in await person.says("/again priya")
    card = await person.says("next week")
    assert "Blocked" not in card.partition("Is this right?")[0]


async def test_again_wants_to_know_whom(person: Person) -> None:
    assert "Whom do you mean? Write a name, an email address or a number, such as /again Priya." in await person.says(
        "/again"
    )
    assert "I know nobody called Zoe." in await person.says("/again Zoe")
    for name in ("Ann Lee", "Ann Ray"):
        await takes_in(person, name, f"{name[-3:]}@example.com", *ANSWERS[2:])
    assert (await person.says("/again ann")).startswith("2 candidates match ann. Which one?\n")
    assert "📝 Ann Ray\n" in await person.taps("Ann Ray")


async def test_who_is_open_already_is_noticed_before_confirming(person: Person) -> None:
    await takes_in(person)

    card = await person.says(MESSAGE)

    assert (
        "❗ Priya Nair already has this course open with this email address and waits in the queue: see /status Priya Nair."
        in card
    )
    assert "Confirm" not in card
    assert "Try again" not in card
    await person.taps("Course")
    assert "Is this right?" in await person.taps("Data Engineering")
    assert "Queued, no. 2." in await person.taps("Confirm")


async def test_who_waits_for_a_decision_can_be_tried_again_with_this(person: Person) -> None:
    await takes_in(person)
    await escalated(person.db)

    card = await person.says(MESSAGE.replace("1-12", "1-20"))
    assert "and waits for an admin's decision: see /status Priya Nair.\nTry again with this instead, change" in card
    assert "⏳ Queued again with this." in await person.taps("Try again with this")

    candidate = await only_candidate(person.db)
    assert (candidate["status"], candidate["request"]["window"]) == ("queued", ["2026-12-01", "2026-12-20"])
    assert await person.db.open_escalations() == []


async def test_a_decision_that_somebody_else_was_quicker_with_is_not_made_twice(person: Person) -> None:
    await takes_in(person)
    await escalated(person.db)
    await person.says(MESSAGE)
    await person.db.cancel_candidate(candidate_id=(await only_candidate(person.db))["id"], actor="test")

    assert "That has changed meanwhile, so nothing was done." in await person.taps("Try again with this")
    assert (await only_candidate(person.db))["status"] == "cancelled"


async def test_who_comes_in_between_the_card_and_its_confirmation_is_not_taken_in_twice(person: Person) -> None:
    await person.says(MESSAGE)
    request = {"name": "Priya", "email": "priya@example.com", "course": "java", "window": ["2026-12-01", "2026-12-12"]}
    await person.db.enqueue(
        request=request | {"slots": {"mon-sun": ["09:00-12:00"]}}, key="k", source="csv", actor="test"
    )

    answer = await person.taps("Confirm")

    assert "Priya Nair already has Java Full Stack open with this email address, so nothing was added." in answer
    assert "See /status Priya Nair." in answer
    assert len(await person.db.queue_now()) == 1
