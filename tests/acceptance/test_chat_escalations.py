"""Questions to the admins, as scripted conversations: look, preview, take, edit, plan again, cancel, close."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from telegram import Update

from chat.intake import STALE
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat import ANSWERS, only_candidate, takes_in
from tests.acceptance.test_chat_changes import Office, booked, with_office
from tests.chat_driver import ADMIN, Person, TelegramPerson
from tests.integration.life import claim, status_of

Connection = psycopg.Connection[tuple[object, ...]]
PLAN = [
    {"round": "intro", "start": "2026-12-14T18:00:00+00:00", "end": "2026-12-14T18:30:00+00:00", "interviewers": ["ben"]},
    {"round": "panel", "start": "2026-12-15T18:00:00+00:00", "end": "2026-12-15T19:00:00+00:00",
     "interviewers": ["chloe", "diego"]},
]  # fmt: skip
LONGER = {
    "kind": "longer_window",
    "text": "2 days longer, to Mon 14 Dec",
    "changes": {"request.window": ["2026-12-01", "2026-12-14"]},
    "interviews": PLAN,
}


async def stuck(person: Person, *options: Any, name: str = "Priya Nair", kind: str = "no_plan") -> dict[str, Any]:
    """A candidate for whom there is no plan; the escalation."""
    await takes_in(person, name, f"{name.split()[0]}@example.com".lower(), *ANSWERS[2:])
    claimed = await claim(person.db)
    facts = {"candidate": {"id": claimed.candidate_id, "name": name}, "reason": "No start is left."}
    notice = {"key": f"e{name}", "channel": "telegram", "recipient": "admins", "kind": "escalated", "payload": facts}
    return await person.db.escalate(
        **claimed.names, kind=kind, reason="No start is left.", options=list(options or [LONGER]), notices=[notice]
    )


async def test_a_question_says_what_happened_why_and_what_would_help(person: Person) -> None:
    assert await person.says("/escalations") == "✅ Nothing waits for a decision."
    await stuck(person)

    text = await person.says("/escalations")

    assert text.startswith("❗ 1 decision to make\n\nPriya Nair, Java Full Stack, since ")
    assert "\nNo plan obeys all rules.\nNo start is left.\n\nWhat would make it possible:\n• 2 days longer" in text
    assert "⏳ Ask me later" in text
    assert "Edit" not in text
    more = await person.taps("More…")
    assert more.startswith("❗ 1 decision to make\n\nPriya Nair, Java Full Stack, since ")
    for label in ("✏️ Edit", "🔁 Plan again", "✖️ Cancel the candidate", "Close"):
        assert label in more
    assert "2 days longer, to Mon 14 Dec" in await person.taps("‹ Back")


async def test_a_question_without_ways_out_has_planning_again_at_hand(person: Person) -> None:
    await stuck(person, "requeue", "cancel", kind="crash")

    assert "🔁 Plan again" in await person.says("/escalations")


async def test_many_questions_are_turned_over_one_by_one(person: Person) -> None:
    for name in ("Ann One", "Bob Two", "Cy Three"):
        await stuck(person, name=name)

    assert "3 decisions to make, this is no. 1\n\nAnn One" in await person.says("/escalations")
    assert "this is no. 2\n\nBob Two" in await person.taps("Later ›")
    last = await person.taps("Later ›")
    assert "this is no. 3\n\nCy Three" in last
    assert "Later ›" not in last
    assert "this is no. 2\n\nBob Two" in await person.taps("‹ Earlier")


async def test_one_tap_shows_the_plan_and_a_second_takes_exactly_it(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")

    plan = await person.taps("2 days longer")
    candidate = await only_candidate(person.db)
    assert candidate["status"] == "escalated"
    assert (
        "📝 Priya Nair: 2 days longer, to Mon 14 Dec\nThat gives this plan:\n\n1. Introduction with Ben Ortiz (backup)"
        in plan
    )
    assert "Mon 14 Dec 10:00 to 10:30 PST\n2. Final panel with Chloe Tran, Diego Alvarez (backup)\n" in plan
    assert "Times are in America/Los_Angeles. Nothing is booked yet." in plan
    taken = await person.taps("Book this")

    assert "✅ Priya Nair: 2 days longer, to Mon 14 Dec\nI book exactly these times now." in taken
    candidate = await only_candidate(person.db)
    assert (candidate["status"], candidate["replan"]["preview"]) == ("queued", PLAN)
    assert candidate["request"]["window"] == ["2026-12-01", "2026-12-14"]
    assert await person.db.open_escalations() == []


async def test_going_back_from_a_plan_changes_nothing(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("2 days longer")

    assert "1 decision to make" in await person.taps("‹ Back")
    assert "That gives this plan" in await person.taps("2 days longer")


async def test_a_way_out_without_a_plan_is_explained_first(person: Person) -> None:
    await stuck(person, {"kind": "requeue", "text": "Plan it again"})
    await person.says("/escalations")

    assert await person.taps("Plan it again") == "📝 Priya Nair: Plan it again\n\nShall I do this?\n" + (
        "[✅ Do this]   [‹ Back]" if isinstance(person, TelegramPerson) else "\n[1] ✅ Do this   [2] ‹ Back"
    )
    assert "✅ Priya Nair: Plan it again\nI write here when there is a result." in await person.taps("Do this")
    assert (await only_candidate(person.db))["status"] == "queued"


async def test_when_the_way_out_has_changed_the_new_one_is_shown_and_nothing_is_taken(person: Person) -> None:
    escalation = await stuck(person)
    await person.says("/escalations")
    await person.taps("2 days longer")
    other = LONGER | {"text": "3 days longer", "interviews": PLAN[:1]}
    await asked_anew(person.db, escalation, other)

    shown = await person.taps("Book this")

    assert "❗ This has changed since you looked. It is now:\n\n📝 Priya Nair: 3 days longer" in shown
    assert (await only_candidate(person.db))["status"] == "escalated"
    assert "✅ Priya Nair: 3 days longer" in await person.taps("Book this")
    assert (await only_candidate(person.db))["replan"]["preview"] == PLAN[:1]


async def asked_anew(db: Database, escalation: dict[str, Any], *options: Any) -> None:
    """The same question with other ways out, as after another attempt."""
    candidate = escalation["candidate_id"]
    await db.ask_replan(candidate_id=candidate, actor="test")
    claimed = await claim(db)
    await db.escalate(**claimed.names, kind="no_plan", reason="No start is left.", options=list(options))


async def test_what_another_admin_has_decided_is_said(person: Person) -> None:
    escalation = await stuck(person)
    await person.says("/escalations")
    await person.taps("2 days longer")
    await person.db.take_option(escalation_id=escalation["id"], option=0, actor="telegram:9")

    assert await person.taps("Book this") == "That has been decided meanwhile.\n\n✅ Nothing waits for a decision."


async def test_editing_the_candidate_plans_again_with_the_new_values(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("More…")

    card = await person.taps("✏️ Edit the candidate")
    assert "I start from what is known of Priya Nair." in card
    await person.taps("✏️ Dates")
    await person.says("1-20 Dec")
    await person.taps("✏️ Email")
    await person.says("p.nair@example.com")
    answer = await person.taps("Confirm")

    assert "Queued again with this." in answer
    candidate = await only_candidate(person.db)
    assert (candidate["status"], candidate["email"]) == ("queued", "p.nair@example.com")
    assert candidate["request"]["window"] == ["2026-12-01", "2026-12-20"]
    assert await person.db.open_escalations() == []


async def test_planning_again(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("More…")

    assert "⏳ Priya Nair is queued again." in await person.taps("🔁 Plan again")
    assert (await only_candidate(person.db))["status"] == "queued"


async def test_closing_asks_for_a_reason_that_is_written_or_tapped(person: Person) -> None:
    escalation = await stuck(person)
    await stuck(person, name="Bob Two")
    await person.says("/escalations")
    await person.taps("More…")
    assert "Close the question about Priya Nair and do nothing? They stay without interviews." in await person.taps(
        "Close"
    )
    assert "this is no. 1" in await person.taps("‹ Back")
    await person.taps("More…")
    await person.taps("Close")

    assert await person.says("  they moved <away> ") == "Closed: the question about Priya Nair.\nthey moved <away>"
    shown = await person.db.show_candidate(needle=escalation["candidate_id"])
    assert shown["matches"][0]["escalations"][0]["resolution"] == "they moved <away>"
    await person.says("/escalations")
    await person.taps("More…")
    await person.taps("Close")
    assert "settled elsewhere" in await person.taps("Settled elsewhere")
    assert await person.db.open_escalations() == []


async def test_a_reason_is_asked_over_a_draft_that_goes_on_afterwards(person: Person) -> None:
    await stuck(person)
    await person.says("/start")
    await person.says("Bob Two")
    await person.says("/escalations")
    await person.taps("More…")
    await person.taps("Close")

    assert await person.says("/cancel") == "✖️ Never mind: nothing was changed."
    assert "Which course?" in await person.says("bob@example.com")
    assert len(await person.db.open_escalations()) == 1


async def test_the_notice_has_the_same_buttons(person: Person) -> None:
    await stuck(person)

    news = await person.reads_news()
    assert "❗ Priya Nair could not be scheduled and needs your decision." in news
    assert "Ask me later" in news
    assert "✏️ Edit the candidate" in await person.taps("More…")
    await person.taps("‹ Back")
    await person.taps("2 days longer")
    await person.taps("Book this")

    assert (await only_candidate(person.db))["status"] == "queued"


async def test_a_notice_about_what_is_decided_already_has_no_buttons(person: Person) -> None:
    escalation = await stuck(person)
    await person.db.cancel_candidate(candidate_id=escalation["candidate_id"], actor="test")

    assert "Edit" not in await person.reads_news()


# Buttons work once, for one admin, in one message -----------------------------------------------------------------------------


async def at_the_plan(person: TelegramPerson) -> tuple[str, int]:
    """The button that takes a plan, and its message."""
    await stuck(person)
    await person.says("/escalations")
    await person.taps("2 days longer")
    return person.button("Book this")


async def test_twenty_taps_at_once_have_one_effect(admin_in_telegram: TelegramPerson, database: Database) -> None:
    book, message = await at_the_plan(admin_in_telegram)
    back, _ = admin_in_telegram.button("‹ Back")

    taps = [admin_in_telegram.made.tap(book if at % 2 else back, message) for at in range(20)]
    taps.insert(0, admin_in_telegram.made.tap(book, message))
    bot = admin_in_telegram.bot.application
    await asyncio.gather(*(bot.process_update(Update.de_json(tap, bot.bot)) for tap in taps))

    effects = [row["action"] for row in await database.audit_trail(limit=1_000)]
    shown = [
        text
        for text in admin_in_telegram.server.log
        if "I book exactly" in text.text or "decision to make" in text.text
    ]
    assert effects.count("option_taken") <= 1
    assert len(shown) == 2  # the question at first, and then what came of one tap
    assert admin_in_telegram.server.toasts == [STALE] * 20


async def test_a_button_that_is_not_as_it_was_made_does_nothing(
    database: Database, sop: Sop, admin: Connection
) -> None:
    person = TelegramPerson(database, sop, admins=(ADMIN, ADMIN + 1))
    await person.comes()
    book, message = await at_the_plan(person)
    mutated = [
        *(book[:at] + ("A" if book[at] != "A" else "B") + book[at + 1 :] for at in range(len(book))),
        book[:-1],
        book + "A",
        "t:",
        "t:" + "A" * 22,
        book.swapcase(),
    ]
    other = TelegramPerson(database, sop, user=ADMIN + 1, admins=(ADMIN, ADMIN + 1), server=person.server)
    await other.comes()
    other.made = type(other.made)(ADMIN + 1, iter(range(90_000, 99_000)), {"id": ADMIN + 1, "type": "private"})

    heard = [await person.feed(person.made.tap(data, message)) for data in mutated]
    heard.append(await person.feed(person.made.tap(book, message + 1)))
    heard.append(await other.feed(other.made.tap(book, message)))
    admin.execute("update button_tokens set expires_at = now()")
    heard.append(await person.feed(person.made.tap(book, message)))

    assert heard == [f"({STALE})"] * len(heard)
    assert len(await database.open_escalations()) == 1
    await other.leaves()
    await person.leaves()


async def test_a_tap_that_comes_again_says_nothing_more(admin_in_telegram: TelegramPerson, database: Database) -> None:
    await at_the_plan(admin_in_telegram)
    await admin_in_telegram.taps("Book this")

    for update in admin_in_telegram.sent[-3:] * 3:
        assert await admin_in_telegram.feed(update) == ""
    assert [row["action"] for row in await database.audit_trail(limit=100)].count("option_taken") == 1


@pytest.mark.parametrize("end", ["Book this", "close"])
async def test_a_bot_that_dies_before_every_update_ends_the_same(database: Database, sop: Sop, end: str) -> None:
    person = TelegramPerson(database, sop, mortal=True)
    await person.comes()
    escalation = await stuck(person)
    await person.says("/escalations")
    if end == "close":
        await person.taps("More…")
        await person.taps("Close")
        await person.says("never mind")
    else:
        await person.taps("2 days longer")
        await person.taps(end)
    await person.leaves()

    assert await database.open_escalations() == []
    assert await status_of(database, escalation["candidate_id"]) == ("escalated" if end == "close" else "queued")


# With a real planner and real calendars ---------------------------------------------------------------------------------------


SHORT = ("Priya Nair", "priya@example.com", "devops", "1-4 Dec", "06:00-19:00", "America/Los_Angeles")


async def with_a_way_out(person: Person, folder: Path) -> tuple[Office, str]:
    """A candidate with too few days, and the text of the first way out that the planner has found."""
    office = with_office(person, folder)
    await takes_in(person, *SHORT)
    await office.works(person)
    (row,) = await person.db.open_escalations()
    return office, str(row["options"][0]["text"])


async def test_what_is_booked_in_the_end_is_what_was_previewed(person: Person, tmp_path: Path) -> None:
    office, text = await with_a_way_out(person, tmp_path)
    (row,) = await person.db.open_escalations()
    assert text in await person.reads_news()
    await person.taps(text[:20])
    await person.taps("Book this")
    await office.works(person)

    candidate = await only_candidate(person.db)
    assert candidate["status"] == "booked"
    shown = [(one["round"], one["start"], one["interviewers"]) for one in row["options"][0]["interviews"]]
    assert [(one["round"], one["start"], one["interviewers"]) for one in candidate["interviews"]] == shown
    assert "✅ Priya Nair is booked for DevOps and Cloud." in await person.reads_news()


async def test_a_plan_that_has_become_impossible_is_not_booked_but_asked_about(person: Person, tmp_path: Path) -> None:
    office, text = await with_a_way_out(person, tmp_path)
    (row,) = await person.db.open_escalations()
    await person.says("/escalations")
    await person.taps(text[:20])
    await person.taps("Book this")
    first = row["options"][0]["interviews"][0]
    start, end = (datetime.fromisoformat(first[name]) for name in ("start", "end"))
    await person.db.block_interviewer(interviewer=first["interviewers"][0], start=start, end=end, actor="test")
    await office.works(person)

    assert (await only_candidate(person.db))["status"] == "escalated"
    news = await person.reads_news()
    assert "The plan that was chosen is no longer possible." in news
    await person.taps("Book the best plan")
    assert "I book exactly these times now." in await person.taps("Book this")
    await office.works(person)
    assert (await only_candidate(person.db))["status"] == "booked"


async def test_a_question_about_a_booked_interview_can_be_left_as_it_is(person: Person, tmp_path: Path) -> None:
    office = with_office(person, tmp_path)
    match = await booked(person, office)
    row = match["interviews"][0]
    await person.db.ask_once(
        candidate_id=match["id"],
        interview_id=row["id"],
        question={
            "kind": "declined:intro", "reason": "The candidate has declined Introduction.", "detail": {},
            "options": [{"kind": "keep", "text": "Leave it as it is"}],
        },
    )  # fmt: skip

    text = await person.says("/escalations")
    assert "The candidate has declined Introduction.\n\nWhat you can choose:\n• Leave it as it is" in text
    assert "Plan again" not in text
    await person.taps("Leave it as it is")
    await person.taps("Do this")

    assert await person.db.open_escalations() == []
    assert (await only_candidate(person.db))["status"] == "booked"
