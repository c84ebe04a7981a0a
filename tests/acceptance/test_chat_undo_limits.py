"""What is not taken back, or only once: too late, changed since, two admins, other roles, a worker at it, a bot that dies."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from telegram import Update

from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat import only_candidate, takes_in
from tests.acceptance.test_chat_changes import ANSWERS, Office, booked, places, with_office
from tests.acceptance.test_chat_undo import cancels, moves_closing, undoes, undone, work_and_news
from tests.chat_driver import ADMIN, Person, TelegramPerson, updates_of
from tests.integration.life import claim

Connection = psycopg.Connection[tuple[object, ...]]
OTHER = 7_000_002


@pytest.fixture
async def office(person: Person, tmp_path: Path) -> Office:
    return with_office(person, tmp_path)


@pytest.fixture
async def other(database: Database, sop: Sop) -> AsyncIterator[TelegramPerson]:
    """Another owner, in a chat of their own."""
    somebody = TelegramPerson(database, sop, user=OTHER, admins=(ADMIN, OTHER))
    somebody.made = updates_of(OTHER, numbers=itertools.count(90_000))
    await somebody.comes()
    yield somebody
    await somebody.leaves()


# Too late, or changed since -----------------------------------------------------------------------------------------------------


async def test_who_has_done_nothing_has_nothing_to_take_back(person: Person) -> None:
    assert await person.says("/undo") == "You have done nothing yet that could be taken back."
    assert "I know nobody called Zoe." in await person.says("/undo Zoe")
    await person.db.enqueue(request=_request(), key="k", source="api", actor="worker:w")
    assert await person.says("/undo Zoe") == "Nothing was done about Zoe Low that could be taken back."


def _request() -> dict[str, object]:
    return {"name": "Zoe Low", "email": "zoe@example.com", "course": "java"}


async def test_after_as_long_as_the_sop_says_it_stays(person: Person) -> None:
    await takes_in(person)
    person.current_sop = person.current_sop.changed({"undo_for": "0m"})

    shown = await person.says("/undo")

    assert (
        "\n\nThat is longer ago than 0m (undo_for in the SOP), so it stays as it is.\n/cancel Priya Nair gives the"
        in shown
    )
    assert shown.endswith("/undo Priya takes back what was done last about one candidate.")
    assert "Undo it" not in shown


async def test_the_time_is_looked_at_again_when_it_is_to_be_done(person: Person) -> None:
    await takes_in(person)
    await person.says("/undo")
    person.current_sop = person.current_sop.changed({"undo_for": "0m"})

    assert "❗ This has changed since you looked. It is now:" in await person.taps("Undo it")
    assert (await only_candidate(person.db))["status"] == "queued"


async def test_what_is_of_no_known_kind_says_what_would_do_instead(person: Person) -> None:
    await person.says("/admins")
    await person.taps("Invite a viewer")

    shown = await person.says("/undo")

    assert shown.startswith("↩ You made an invitation at ")
    assert "\n\nThat cannot be taken back.\n/admins lets people in and out.\n" in shown


@pytest.mark.parametrize(
    ("now", "freeze", "words"),
    [
        (
            "2026-11-23T17:10:00+00:00",
            "0m",
            "It is about an interview that has begun, so it stays as it is.\n/cancel Priya Nair gives",
        ),
        (
            "2026-11-23T10:00:00+00:00",
            "24h",
            "One of the interviews starts within 24h, too soon to be moved.\n/cancel Priya Nair gives",
        ),
    ],
)
async def test_interviews_that_are_near_stay(person: Person, office: Office, now: str, freeze: str, words: str) -> None:
    await booked(person, office)
    person.now = datetime.fromisoformat(now)
    person.current_sop = person.current_sop.changed({"freeze": freeze})

    assert words in await person.says("/undo")


async def test_what_somebody_has_changed_since_stays(person: Person, office: Office) -> None:
    match = await booked(person, office)
    await person.db.ask_replan(candidate_id=match["id"], actor="telegram:9", reason="other times")

    assert (
        "Something else was done about it since, so it stays as it is.\n/cancel Priya Nair gives"
        in await person.says("/undo")
    )
    shown = await person.says("/undo Priya")

    assert shown.startswith("↩ Admin 9 asked for another plan of Priya Nair at ")
    assert ": other times.\n\nUndo forgets that." in shown


async def test_what_came_from_the_calendar_is_changed_back_there(person: Person, office: Office) -> None:
    match = await booked(person, office)
    await person.db.record_audit(action="followed", actor="calendar", candidate_id=match["id"])

    shown = await person.says("/undo Priya")

    assert shown.startswith("↩ The last change came from the calendar, at ")
    assert shown.endswith("\n\nWhat people change in the calendar counts; it is changed back there.")


async def test_who_was_taken_in_anew_meanwhile_does_not_come_back_twice(person: Person) -> None:
    await takes_in(person)
    await cancels(person)
    await takes_in(person, *ANSWERS[:2], "java", *ANSWERS[3:])

    await person.says("/undo 1")

    assert "Something has changed meanwhile, so nothing was done. /undo shows how it is now." in await person.taps(
        "Undo it"
    )
    assert [row["status"] for row in (await person.db.show_candidate(needle="@"))["matches"]] == ["cancelled", "queued"]
    assert await undone(person) == 0


async def test_of_several_with_the_name_one_is_chosen_those_who_are_cancelled_among_them(person: Person) -> None:
    await takes_in(person)
    await takes_in(person, "Priya Shah", "shah@example.com", *ANSWERS[2:])
    await cancels(person, "Nair")

    assert "2 candidates match priya. Which one?" in await person.says("/undo priya")

    assert "↩ You cancelled Priya Nair at " in await person.taps("Priya Nair, Java Full Stack")


async def test_a_worker_that_is_at_it_is_waited_for(person: Person, office: Office) -> None:
    await booked(person, office)
    await moves_closing(person)
    claimed = await claim(person.db)
    assert "\n\nI am just at it. Please try again in a moment.\n" in await person.says("/undo")
    await person.db.release(**claimed.names)
    await person.says("/undo")
    await claim(person.db)

    assert "I am just at it. Please try again in a moment." in await person.taps("Undo it")
    assert (await only_candidate(person.db))["status"] == "planning"


async def test_events_that_are_just_being_cancelled_are_waited_for(person: Person, office: Office) -> None:
    await booked(person, office)
    await cancels(person)
    await claim(person.db)

    assert "I am just at it. Please try again in a moment." in await person.says("/undo")


async def test_who_is_being_planned_can_be_given_up(person: Person) -> None:
    await takes_in(person)
    await claim(person.db)

    await undoes(person)

    assert (await only_candidate(person.db))["status"] == "cancelled"


# Once, and by whom --------------------------------------------------------------------------------------------------------------


async def test_an_undo_is_in_the_log_with_what_it_undid_and_is_not_undone_itself(
    person: Person, office: Office
) -> None:
    before = await booked(person, office)
    await cancels(person)
    await undoes(person)
    await office.works(person)

    trail = await person.db.audit_trail(limit=1_000)
    deed = next(row for row in trail if row["action"] == "cancelling")
    [undo] = [row for row in trail if row["action"] == "undone"]
    assert (undo["detail"]["undoes"], undo["key"], undo["candidate_id"]) == (
        deed["id"],
        f"undone:{deed['id']}",
        before["id"],
    )
    assert (await person.db.verify_audit())["ok"]
    assert "↩ You took in Priya Nair" in await person.says("/undo")
    await cancels(person)
    assert "↩ You cancelled Priya Nair" in await person.says("/undo")


async def test_of_two_admins_one_takes_it_back(admin_in_telegram: TelegramPerson, other: TelegramPerson) -> None:
    await takes_in(admin_in_telegram)
    assert await other.says("/undo") == "You have done nothing yet that could be taken back."
    assert "↩ A took in Priya Nair for Java Full Stack at " in await other.says("/undo Priya")
    await admin_in_telegram.says("/undo")

    assert "That is taken back." in await other.taps("Undo it")
    late = await admin_in_telegram.taps("Undo it")

    assert late.startswith(
        "❗ This has changed since you looked. It is now:\n\n↩ You took in Priya Nair for Java Full Stack at"
    )
    assert late.endswith("\n\nThat was taken back before.")
    assert await undone(other) == 1


async def test_twenty_taps_at_once_have_one_effect(
    admin_in_telegram: TelegramPerson, other: TelegramPerson, database: Database
) -> None:
    await takes_in(admin_in_telegram)
    taps = []
    for person in (admin_in_telegram, other):
        for _ in range(5):
            await person.says("/undo Priya")
            taps += [(person, person.made.tap(*person.button("Undo it")))] * 2

    await asyncio.gather(*(
        person.bot.application.process_update(Update.de_json(tap, person.bot.application.bot)) for person, tap in taps
    ))  # fmt: skip

    actions = [row["action"] for row in await database.audit_trail(limit=1_000)]
    assert (actions.count("undone"), actions.count("cancelled")) == (1, 1)
    told = [shown.text for person in (admin_in_telegram, other) for shown in person.server.log]
    assert sum("That is taken back." in text for text in told) == 1


async def test_viewers_take_nothing_back(admin_in_telegram: TelegramPerson, other: TelegramPerson) -> None:
    await takes_in(admin_in_telegram)
    viewer = TelegramPerson(other.db, other.current_sop, user=43, admins=(ADMIN,))
    viewer.made = updates_of(43, numbers=itertools.count(80_000))
    await viewer.comes()
    await admin_in_telegram.says("/admins 43")
    await admin_in_telegram.taps("As admin")
    await viewer.says("/undo Priya")
    await admin_in_telegram.says("/admins 43")
    await admin_in_telegram.taps("As viewer")

    assert "You may look at everything here, but change nothing." in await viewer.says("/undo Priya")
    assert "You may look at everything here, but change nothing." in await viewer.taps("Undo it")
    assert await undone(viewer) == 0
    await viewer.leaves()


async def test_who_was_let_out_comes_back_under_their_name(
    admin_in_telegram: TelegramPerson, other: TelegramPerson
) -> None:
    viewer = TelegramPerson(other.db, other.current_sop, user=43, admins=(ADMIN,))
    viewer.made = updates_of(43, numbers=itertools.count(80_000))
    await viewer.comes()
    await admin_in_telegram.says("/admins 43")
    await admin_in_telegram.taps("As viewer")
    await viewer.says("/help")
    await viewer.leaves()
    await admin_in_telegram.says("/admins")
    await admin_in_telegram.taps("Remove")

    assert "↩ You let A out at " in await admin_in_telegram.says("/undo")
    await admin_in_telegram.taps("Undo it")

    assert [(one["role"], one["name"]) for one in await other.db.bot_people()] == [("viewer", "A")]


async def test_who_is_no_longer_an_owner_lets_nobody_in_or_out(
    admin_in_telegram: TelegramPerson, other: TelegramPerson
) -> None:
    await admin_in_telegram.says("/admins 42")
    await admin_in_telegram.taps("As viewer")
    await other.says(f"/admins {ADMIN}")
    await other.taps("As admin")
    again = TelegramPerson(other.db, other.current_sop, admins=(OTHER,))
    again.made = updates_of(numbers=itertools.count(80_000))
    await again.comes()

    shown = await again.says("/undo")

    assert shown.startswith("↩ You let 42 in as viewer at ")
    assert "\n\nOnly owners let people in and out.\n" in shown
    await again.leaves()


# Who was told -------------------------------------------------------------------------------------------------------------------


async def test_whoever_was_told_is_told_to_ignore_it(
    admin_in_telegram: TelegramPerson, other: TelegramPerson, tmp_path: Path
) -> None:
    office = with_office(admin_in_telegram, tmp_path)
    await booked(admin_in_telegram, office)
    await other.says("/undo Priya")

    await other.taps("Undo it")
    await office.works(other)

    await admin_in_telegram.reads_news()
    news = [(shown.chat, shown.text.split("\n")[0]) for shown in admin_in_telegram.server.log[-2:]]
    assert news == [
        (ADMIN, "↩ Please ignore the last message about Priya Nair: it was taken back."),
        (ADMIN, "✖️ Priya Nair was cancelled. The calendar events are gone, the times are free again."),
    ]


async def test_what_was_not_sent_yet_is_not_sent(person: Person, office: Office, admin: Connection) -> None:
    await takes_in(person, *ANSWERS)
    await office.works(person)
    await undoes(person)

    assert (await work_and_news(person, office)).startswith("✖️ Priya Nair was cancelled.")
    assert [row[0] for row in admin.execute("select status from notices order by id")] == ["void", "sent"]


async def test_what_may_have_been_sent_is_to_be_ignored_and_not_sent_again(
    person: Person, office: Office, admin: Connection
) -> None:
    await takes_in(person, *ANSWERS)
    await office.works(person)
    [notice] = await person.db.claim_notices(channel="telegram", limit=1, lease_seconds=60)
    await undoes(person)

    assert await person.db.notice_sent(notice_id=notice["id"]) == {"status": "void"}
    assert (await work_and_news(person, office)).startswith("↩ Please ignore the last message about Priya Nair: it was")


# Death and repetition -----------------------------------------------------------------------------------------------------------


async def test_a_bot_that_dies_before_every_update_takes_it_back_once(
    database: Database, sop: Sop, tmp_path: Path
) -> None:
    person = TelegramPerson(database, sop, mortal=True)
    await person.comes()
    office = with_office(person, tmp_path)
    before = await booked(person, office)
    await moves_closing(person)
    await office.works(person)
    await undoes(person)
    await office.works(person)
    assert places(await only_candidate(database)) == places(before)

    for update in person.sent * 2:
        assert await person.feed(update) == ""
    actions = [row["action"] for row in await database.audit_trail(limit=1_000)]
    assert (actions.count("undone"), actions.count("replan_asked")) == (1, 2)
    await person.leaves()


async def test_the_commands_are_in_the_menu_and_in_help(person: Person) -> None:
    assert re.search(r"/undo takes back what you did last", await person.says("/help"))
