"""Questions about calendars that cannot be used, as scripted conversations: the card, checking again, closing, working again."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import psycopg
from rich.console import Console

from booking.handing_on import hand_on_questions
from console import views
from tests.acceptance.test_chat import ANSWERS, only_candidate, takes_in
from tests.acceptance.test_chat_escalations import stuck
from tests.chat_driver import NOW, Person
from tests.integration.life import claim

Connection = psycopg.Connection[tuple[object, ...]]
SUBJECT = "calendar:google:asha@example.com"
REASON = "Google cannot read this calendar (notFound)\nCheck the address, and that it is shared."
LATE = datetime(2027, 6, 7, 20, 0, tzinfo=UTC)  # a Monday, 13:00 in Los Angeles


async def failing(person: Person, way: str = "read", *people: str, until: str | None = None) -> None:
    """Asha's calendar, or with a way another than reading the organiser's account, cannot be used."""
    name = "Asha Rao's calendar" if way == "read" else "Google calendars"
    detail = {"name": name, "way": way, "people": list(people), "until": until}
    await person.db.calendars_seen(failed=[{"subject": SUBJECT, "reason": REASON, "detail": detail, "until": until}])


async def waits(person: Person, name: str = "Priya Nair") -> str:
    """A candidate who waits for the calendar."""
    await takes_in(person, name, f"{name.split()[0]}@example.com".lower(), *ANSWERS[2:])
    claimed = await claim(person.db)
    later = datetime.now(UTC) + timedelta(minutes=10)
    await person.db.park(**claimed.names, subject=SUBJECT, not_before=later, reason="CalendarAuthError")
    return claimed.candidate_id


async def test_the_card_says_whose_calendar_who_waits_and_what_would_help(person: Person) -> None:
    await failing(person, "read", "Asha Rao")
    for name in ("Ann One", "Bob Two"):
        await waits(person, name)

    news = await person.reads_news()
    card = await person.says("/escalations")

    assert news.startswith("❗ A calendar cannot be used.\n\nAsha Rao's calendar, since ")
    assert card.startswith("❗ 1 decision to make\n\nAsha Rao's calendar, since ")
    for text in (news, card):
        assert f"\n{REASON}\n\nUntil it can be used, Asha Rao counts as busy.\n2 candidates wait for it.\n" in text
        assert "🔁 Check again" in text
        assert "Close" in text
        assert "Ask me later" in text
        assert "More…" not in text


async def test_what_else_fails_is_said_as_well(person: Person) -> None:
    for way, said in (("write", "no event is written or changed."), ("watch", "I do not see what people change")):
        await failing(person, way)
        text = await person.says("/escalations")
        assert said in text
        assert "No candidate waits for it." in text
    await failing(person, "read", "Asha Rao", "Ben Ortiz")
    assert "Asha Rao, Ben Ortiz count as busy." in await person.says("/escalations")


async def test_checking_again_has_those_who_wait_tried_at_once(person: Person) -> None:
    await failing(person, "read", "Asha Rao")
    candidate = await waits(person)
    assert await person.db.claim(worker="w") is None
    await person.says("/escalations")

    assert await person.taps("Check again") == (
        "⏳ Asha Rao's calendar: I try it with 1 candidate now, and say when it works."
    )
    assert "had a calendar checked" in await person.says("/undo")
    assert (await claim(person.db)).candidate_id == candidate
    assert len(await person.db.open_escalations()) == 1


async def test_checking_again_while_nobody_waits(person: Person) -> None:
    await failing(person, "read", "Asha Rao")
    await person.says("/escalations")

    assert "no candidate waits for it just now." in await person.taps("Check again")


async def test_when_it_works_again_all_are_told_and_the_card_is_done(person: Person) -> None:
    await failing(person, "read", "Asha Rao")
    await waits(person)
    await person.reads_news()
    await person.says("/escalations")
    await person.db.calendars_seen(works=[SUBJECT])

    assert await person.reads_news() == "✅ Asha Rao's calendar: it works again. 1 candidate goes on."
    assert "That has been decided meanwhile." in await person.taps("Check again")
    await claim(person.db)
    await failing(person)
    await person.reads_news()
    await person.db.calendars_seen(works=[SUBJECT])
    assert await person.reads_news() == "✅ Asha Rao's calendar: it works again."


async def test_closing_says_what_becomes_of_those_who_wait(person: Person) -> None:
    await failing(person, "read", "Asha Rao")
    candidate = await waits(person)
    await person.says("/escalations")

    asked = await person.taps("Close")
    assert "Close the question about Asha Rao's calendar and do nothing? 1 candidate waits for it: whoever can" in asked
    assert "❗ 1 decision to make" in await person.taps("‹ Back")
    await person.taps("Close")
    assert await person.says("she is away") == "Closed: the question about Asha Rao's calendar.\nshe is away"

    assert (await claim(person.db)).candidate_id == candidate
    assert await person.db.open_escalations() == []
    await failing(person)
    assert await person.db.open_escalations() == []


async def test_a_limit_that_is_spent_is_not_asked_about_before_it_is_back(person: Person, admin: Connection) -> None:
    until = LATE + timedelta(hours=3)
    await failing(person, "write", until=until.isoformat())

    card = await person.says("/escalations")
    assert "I try again by myself at Mon 7 Jun 16:00 PDT." in card
    assert "⏳ Put off until Mon 7 Jun 16:00 PDT." in card
    assert "Check again" not in card
    await person.reads_news()
    await hand_on_questions(person.db, person.current_sop, LATE)
    assert await person.reads_news() == ""


async def test_it_is_put_off_and_chased_like_any_other_question(person: Person) -> None:
    await stuck(person)
    await failing(person, "read", "Asha Rao")
    await person.reads_news()

    await hand_on_questions(person.db, person.current_sop, LATE)
    news = await person.reads_news()
    assert "❗ This still waits for your decision.\n\nAsha Rao's calendar, since " in news
    await person.taps("Ask me later")
    person.now = NOW
    assert "⏳ I ask you about Asha Rao's calendar again on " in await person.taps("In an hour")
    await person.says("/escalations")
    assert "Asha Rao's calendar, since " in await person.taps("Later ›")


async def test_the_command_line_lists_it_too(person: Person) -> None:
    await failing(person, "read", "Asha Rao")
    await waits(person)
    out = io.StringIO()
    Console(width=120, file=out).print(views.escalations(await person.db.open_escalations()))

    text = out.getvalue()
    assert "! Asha Rao's calendar" in text
    assert "1 candidate cannot go on until then." in text
    assert (await only_candidate(person.db))["status"] == "queued"
