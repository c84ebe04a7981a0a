"""From the first question in the chat to events in the calendar and the message that says so."""

from __future__ import annotations

from pathlib import Path

from calendar_utils import Calendars
from calendars.base import Owner
from calendars.local import LocalCalendar
from scheduler import Scheduler
from tests.acceptance.test_chat import ANSWERS, only_candidate, takes_in
from tests.chat_driver import Person


def events(folder: Path) -> int:
    return len(list(folder.rglob("*.ics")))


async def schedule(person: Person, folder: Path) -> None:
    """Let the scheduler work until nobody waits."""
    people = {interviewer.email: interviewer for interviewer in person.current_sop.interviewers.values()}
    local = LocalCalendar(
        folder, owners=lambda who: Owner(email=who, zone=people[who].zone if who in people else person.current_sop.zone)
    )
    engine = Scheduler(
        db=person.db,
        calendars=Calendars({"local": local}, default="local"),
        sop=person.sop,
        worker="test",
        clock=lambda: person.now,
    )
    await engine.run_until_idle()


async def test_a_candidate_taken_in_by_chat_ends_in_events_rows_and_a_message(person: Person, tmp_path: Path) -> None:
    await takes_in(
        person, "Priya Nair", "priya@example.com", "java", "next 4 weeks", "06:00-19:00", "America/Los_Angeles"
    )

    await schedule(person, tmp_path)

    news = await person.reads_news()
    assert news.startswith("✅ Priya Nair is booked for Java Full Stack.\n\n1. Introduction with ")
    assert "4. Final panel with " in news
    assert "PST" in news
    candidate = await only_candidate(person.db)
    assert candidate["status"] == "booked"
    assert len(candidate["interviews"]) == 4
    assert events(tmp_path) == 4
    status = await person.says("/status Priya")
    assert status.startswith("✅ Priya Nair is booked.\nJava Full Stack\n\n1. Introduction with ")
    day = candidate["interviews"][0]["start"][:10]
    assert " Introduction: Priya Nair with " in await person.says(f"/agenda {day}")
    assert await person.reads_news() == ""


async def test_a_candidate_who_cannot_be_scheduled_is_put_to_the_admin(person: Person, tmp_path: Path) -> None:
    await takes_in(person, *ANSWERS[:3], "24-25 Nov", "03:00-04:00", "America/Los_Angeles")

    await schedule(person, tmp_path)

    news = await person.reads_news()
    assert news.startswith("❗ Priya Nair could not be scheduled and needs your decision.\n")
    assert (await only_candidate(person.db))["status"] == "escalated"
    assert "Priya Nair, Java Full Stack, since " in await person.says("/escalations")
    assert events(tmp_path) == 0
