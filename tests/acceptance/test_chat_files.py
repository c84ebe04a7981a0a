"""Lists of candidates as files: shown first, taken in as a whole, once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from telegram import Update

from domain.model import CandidateRequest
from domain.roster import row_key
from supabase_db import Database
from tests.chat_driver import Person, TelegramPerson, TerminalPerson

HEADER = "name,email,course,window,slots\n"
GOOD = (
    'Priya Nair,priya@example.com,java,1-12 Dec,"9-12, 4-7pm"\n'
    "Noah Fischer,noah@example.com,devops,1-20 Dec,mon-fri 9-17\n"
)
BAD = "Zoe <b>,zoe@,java,1-12 Dec,9-12\nAnn,ann@example.com,jva,1-12 Nov,9-12\n"


def csv(*rows: str) -> bytes:
    return (HEADER + "".join(rows)).encode()


async def test_a_list_is_shown_with_its_mistakes_and_then_taken_in(person: Person) -> None:
    shown = await person.sends("list.csv", csv(GOOD, BAD))

    assert shown.split("\n")[:7] == [
        "📝 list.csv: 2 rows can go in, 2 cannot.",
        "",
        "Priya Nair, Java Full Stack",
        "Noah Fischer, DevOps and Cloud",
        "",
        "❗ line 4, email: zoe@. Give an address such as priya@example.com.",
        "❗ line 5, course: jva. Did you mean Java Full Stack? The courses are Java Full Stack (java), Data Engineering "
        "(data), DevOps and Cloud (devops).",
    ]
    assert "❗ line 5, window: 1-12 Nov. That is past: today is Sat 21 Nov 2026." in shown
    assert await person.db.queue_now() == []

    answer = await person.taps("Take in 2 candidates")

    assert "⏳ list.csv: 2 candidates taken in. I will write here when there are results." in answer
    rows = await person.db.queue_now()
    assert [row["name"] for row in rows] == ["Priya Nair", "Noah Fischer"]
    found = (await person.db.show_candidate(needle="priya@example.com"))["matches"][0]
    assert found["source"] == "csv"
    assert found["request_key"] == row_key(CandidateRequest.parse(found["request"]))


async def test_the_same_list_again_adds_nothing(person: Person) -> None:
    for _ in range(2):
        await person.sends("list.csv", csv(GOOD))
        answer = await person.taps("Take in 2 candidates")

    assert "⏳ list.csv: nobody is new.\n" in answer
    assert "There already, and left as they were: Priya Nair, Noah Fischer." in answer
    assert len(await person.db.queue_now()) == 2


async def test_a_list_may_be_left_and_does_not_disturb_a_conversation(person: Person) -> None:
    await person.says("/start")
    await person.sends("list.csv", csv(GOOD))
    assert "✖️ Nothing of that file was taken in." in await person.taps("Leave it")

    assert "email address of Bo Li" in await person.says("Bo Li")
    assert await person.db.queue_now() == []


async def test_a_list_with_nothing_to_take_in_has_no_button_for_it(person: Person) -> None:
    shown = await person.sends("list.csv", csv(BAD))
    assert "0 rows can go in, 2 cannot." in shown
    assert "Mend the file and send it again." in shown
    assert "Take in" not in shown

    assert "line 1, file: The file is empty." in await person.sends("list.csv", b"")
    assert "it looks like Latin-1" in await person.sends("list.csv", HEADER.encode() + "Zoë,z@e.de".encode("latin-1"))
    assert "❗ line 1, columns: " in await person.sends("list.csv", b"who,where\n1,2\n")


async def test_long_lists_are_shown_in_part(person: Person) -> None:
    rows = [f"Person {place:c},p{place}@example.com,java,1-12 Dec,9-12\n" for place in range(ord("A"), ord("A") + 15)]
    shown = await person.sends("list.csv", csv(*rows, *([BAD] * 6)))

    assert "15 rows can go in, 12 cannot." in shown
    assert "Person J, Java Full Stack\n… and 5 more." in shown
    assert "… and 8 more mistakes." in shown
    assert "15 candidates taken in" in await person.taps("Take in 15 candidates")


async def test_what_is_no_list_or_too_large_is_refused_before_it_is_fetched(person: Person) -> None:
    assert (
        "I can read lists of candidates (.csv, .tsv, .txt) and SOPs (.yaml, .yml), but not cv.pdf."
        in await person.sends("cv.pdf", b"%PDF")
    )
    answer = await person.sends("list.csv", b"x" * 1_000_001)
    assert "list.csv has 1,000,001 bytes; I take up to 1,000,000. Split it into several." in answer


async def test_import_says_how_to_hand_over_a_file(person: Person) -> None:
    assert "Send me a CSV file of candidates" in await person.says("/import")
    assert (await person.says("/import /no/such/file.csv")).startswith(
        "There is no file /no/such/file.csv here.\n\nSend me"
    )


async def test_dates_that_have_passed_since_are_not_taken_in(person: Person) -> None:
    await person.sends("list.csv", csv(GOOD))
    person.now += timedelta(days=25)

    answer = await person.taps("Take in 2")

    assert "Nothing was taken in: since I showed this, 2026-12-01 to 2026-12-12 can no longer be used." in answer
    assert await person.db.queue_now() == []


async def test_somebody_who_came_in_meanwhile_is_left_as_they_are(person: Person) -> None:
    await person.sends("list.csv", csv(GOOD))
    request = {"name": "Priya", "email": "priya@example.com", "course": "java", "window": ["2026-12-01", "2026-12-12"]}
    slots = {"slots": {"mon-sun": ["09:00-12:00"]}}
    await person.db.enqueue(request=request | slots, key="k", source="api", actor="test")

    answer = await person.taps("Take in 2")

    assert "1 candidate taken in" in answer
    assert "left as they were: Priya Nair." in answer
    assert len(await person.db.queue_now()) == 2


async def test_twenty_taps_take_a_list_in_once(admin_in_telegram: TelegramPerson, database: Database) -> None:
    await admin_in_telegram.sends("list.csv", csv(GOOD))
    data, message = admin_in_telegram.button("Take in 2")

    taps = [admin_in_telegram.made.tap(data, message) for _ in range(20)]
    bot = admin_in_telegram.bot.application
    await asyncio.gather(*(bot.process_update(Update.de_json(tap, bot.bot)) for tap in taps))

    assert len(await database.queue_now()) == 2
    assert sum("2 candidates taken in" in message.text for message in admin_in_telegram.server.log) == 1
    assert not any("0 candidates" in message.text for message in admin_in_telegram.server.log)


async def test_a_path_may_be_quoted(database: Database, admin_at_terminal: TerminalPerson) -> None:
    file = admin_at_terminal.keep("my list.csv", csv(GOOD))

    assert "2 rows can go in." in await admin_at_terminal.says(f'/import "{file}"')
