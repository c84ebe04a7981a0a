"""Looking further, in Telegram and at the terminal: agendas and their files, the week, people, numbers, the log."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from chat.menu import menu
from supabase_db import Database, Json
from tests.acceptance.test_chat import takes_in
from tests.builders import make_request, make_reservation
from tests.chat_driver import Person, TelegramPerson, TerminalPerson
from tests.fakes.telegram import Refused
from tests.integration.life import booked

MONDAY = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # 10:00 in Los Angeles


async def meets(db: Database, name: str, start: datetime, *people: str) -> None:
    """Book one round of Java for somebody."""
    request = make_request(name=name, email=f"p{start:%d%H}@example.com", course="java")
    row: Json = make_reservation(start=start, interviewers=people)
    await booked(db, [row], request=request, key=f"{name} {start}")


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


async def test_the_agenda_of_a_person(person: Person) -> None:
    await meets(person.db, "Priya Nair", MONDAY, "asha")
    await meets(person.db, "Bo Li", MONDAY + timedelta(days=1), "ben")

    hers = await person.says("/agenda Asha")
    assert hers.startswith("📅 Asha Rao, from now on\n\nMon 23 Nov 2026\n10:00 ")
    assert "Priya Nair" in hers
    assert "Bo Li" not in hers
    assert (await person.says("/agenda priya")).startswith("📅 Priya Nair\n\nMon 23 Nov 2026\n10:00 ")
    assert "2 candidates match" not in await person.says("/agenda Bo Li")
    assert (await person.says("/agenda grace")).startswith("📅 Grace Kim, from now on\nNo interviews.")


async def test_an_agenda_as_files(person: Person) -> None:
    await meets(person.db, "=HYPERLINK(evil) Nair", MONDAY, "asha")
    await person.says("/agenda week")

    assert "📎" in await person.taps("As .csv")
    header, row = table(person.received("agenda.csv"))
    assert dict(zip(header, row, strict=True)) == {
        "start": "2026-11-23T10:00:00-08:00",
        "end": row[1],
        "candidate": "'=HYPERLINK(evil) Nair",
        "email": "p2318@example.com",
        "course": "Java Full Stack",
        "round": row[5],
        "interviewers": "Asha Rao",
        "backups": "",
        "status": "booked",
        "link": "https://meet.example/1",
    }
    assert "📎" in await person.taps("As .ics")
    assert b"BEGIN:VEVENT" in person.received("agenda.ics")


async def test_a_long_agenda_is_turned_page_by_page(person: Person) -> None:
    for number in range(25):
        await meets(person.db, f"Person {number:02}", MONDAY + timedelta(hours=2 * number), "asha")

    first = await person.says("/agenda 23-30 Nov")
    assert ("Person 19" in first, "Person 20" in first) == (True, False)
    second = await person.taps("Later ›")
    assert ("Person 19" in second, "Person 24" in second) == (False, True)
    assert "Person 00" in await person.taps("‹ Earlier")


async def test_the_week_as_a_picture(person: Person) -> None:
    await meets(person.db, "Priya Nair", MONDAY, "asha")
    await meets(person.db, "田中さくら", MONDAY + timedelta(hours=2), "ben")

    shown = await person.says("/week next")

    assert "📅 Mon 23 Nov 2026 to Sun 29 Nov 2026" in shown
    assert "The picture has no letters for 田中さくら: see /agenda 2026-11-23." in shown
    picture = Image.open(io.BytesIO(person.received("week-2026-11-23.png")))
    assert (picture.format, picture.width > 1_000) == ("PNG", True)
    assert "Try /week, /week next or /week 7 Dec." in await person.says("/week whenever")
    assert "Mon 16 Nov 2026 to Sun 22 Nov 2026" in await person.says("/week")
    assert "Mon 7 Dec 2026 to Sun 13 Dec 2026" in await person.says("/week 9 Dec")


async def test_a_picture_that_telegram_does_not_show_comes_as_a_document(admin_in_telegram: TelegramPerson) -> None:
    admin_in_telegram.server.refuse("sendPhoto", Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))

    assert "📎 week-2026-11-16.png" in await admin_in_telegram.says("/week")
    assert [name for name, _ in admin_in_telegram.server.calls][-2:] == ["sendPhoto", "sendDocument"]


async def test_interviewers_with_their_load_and_what_comes_next(person: Person) -> None:
    person.now = MONDAY - timedelta(hours=1)
    await meets(person.db, "Priya Nair", MONDAY, "asha")
    await meets(person.db, "Bo Li", MONDAY + timedelta(days=1), "asha")
    start = MONDAY + timedelta(days=2)
    await person.db.desk_turn(
        update_id=1, chat_id=1, user_id=1, state=None,
        command={"block_interviewer": {"interviewer": "ben", "start": start.isoformat(),
                                       "end": (start + timedelta(days=1)).isoformat(), "actor": "test"}},
    )  # fmt: skip

    shown = await person.says("/interviewers")

    assert shown.startswith("👥 8 interviewers, week of Mon 23 Nov 2026")
    assert "Asha Rao: 2 of 10 this week\nNext: Mon 23 Nov 10:00 PST, " in shown
    assert "Grace Kim: 0 of 5 this week" in shown
    assert "Ben Ortiz: 0 of 12 this week\n✖️ Cannot come from Wed 25 Nov 10:00 PST to Thu 26 Nov 10:00 PST" in shown
    assert "📎" in await person.taps("As .csv")
    header, row = table(person.received("interviewers.csv"))[:2]
    assert header == ["name", "email", "timezone", "this_week", "as_backup", "weekly_limit", "next"]
    assert row == ["Asha Rao", "asha@example.com", "Asia/Kolkata", "2", "0", "10", "2026-11-23T10:00:00-08:00"]


async def test_numbers_of_what_was_done_and_what_it_took(person: Person) -> None:
    empty = await person.says("/stats")
    assert "0 candidates came in" in empty
    assert "Nobody was booked yet." in empty
    assert empty.endswith("None.")
    person.now = datetime.now(UTC)  # the database counts by its own clock
    await meets(person.db, "Priya Nair", MONDAY, "asha")
    cost = {"provider": "google", "calls": 4, "requests": 5, "retries": 1, "waited": 2.0, "budget_left": 90}
    rows = [cost | {"verb": "busy", "errors": {}}, cost | {"verb": "put", "errors": {"quota": 2}}]
    await person.db.add_statistics(report="r", rows=rows)

    shown = await person.says("/stats")

    assert "1 candidate came in: 1 booked, 0 needed a decision, 0 cancelled." in shown
    assert "From coming in to being booked: 0 s at the median." in shown
    assert "google: 8 calls, 2 of them repeated, failed: quota 2; quota left: 90." in shown


async def test_what_happened_to_a_candidate_and_to_all(person: Person) -> None:
    await takes_in(person)
    name = "Admin" if isinstance(person, TerminalPerson) else "A"

    shown = await person.says("/audit priya")
    assert shown.startswith("🔎 What happened to Priya Nair\n\n")
    assert f": taken in by {name}" in shown
    assert "The log is whole." not in shown
    everything = await person.says("/audit")
    assert f": Priya Nair, taken in by {name}" in everything
    assert "✅ The log is whole." in everything
    assert "📎" in await person.taps("As .csv")
    header, *rows = table(person.received("audit.csv"))
    assert header == ["no", "at", "candidate", "action", "actor", "sop", "detail"]
    assert all(isinstance(json.loads(row[6]), dict) for row in rows)
    assert "I know nobody called Zoe." in await person.says("/audit Zoe")


async def test_the_help_and_the_menu_name_every_command(admin_in_telegram: TelegramPerson) -> None:
    offered = next(sent for name, sent in admin_in_telegram.server.calls if name == "setMyCommands")["commands"]
    helped = await admin_in_telegram.says("/help")

    assert [command["command"] for command in offered] == [name for name, _ in menu()]
    for name, _ in menu():
        assert name == "help" or f"/{name}" in helped
        assert "I do not know" not in await admin_in_telegram.says(f"/{name}")


@pytest.mark.parametrize(
    "command", ["/agenda", "/agenda Zoe <b>", "/week", "/interviewers", "/stats", "/audit", "/import"]
)
async def test_looking_changes_nothing(person: Person, command: str) -> None:
    await person.says("/start")
    before = await person.db.audit_trail()
    await person.says(command)

    assert await person.db.audit_trail() == before
    assert "email address of Bo" in await person.says("Bo")
