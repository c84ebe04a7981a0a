"""Questions that nobody answers, as scripted conversations: handed on, put off, given to somebody by name, told to all."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from booking.handing_on import hand_on_questions
from chat.intake import STALE
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat_escalations import stuck
from tests.chat_driver import ADMIN, NOW, Person, TelegramPerson, updates_of

Connection = psycopg.Connection[tuple[object, ...]]
MEERA = ADMIN + 1
OWNERS = (ADMIN, MEERA)
# A Monday, 13:00 in Los Angeles, later than anything by the database's clock:
LATE = datetime(2027, 6, 7, 20, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def two(database: Database, sop: Sop) -> AsyncIterator[tuple[TelegramPerson, TelegramPerson]]:
    """Two owners at one bot: one whose name is not known yet, and Meera."""
    first = TelegramPerson(database, sop, admins=OWNERS)
    meera = TelegramPerson(database, sop, user=MEERA, admins=OWNERS, server=first.server)
    meera.made = updates_of(MEERA, numbers=itertools.count(90_000))
    meera.made._user["first_name"] = "Meera"
    for one in (first, meera):
        await one.comes()
    yield first, meera
    for one in (first, meera):
        await one.leaves()


def heard(person: TelegramPerson, since: int) -> list[tuple[int, str]]:
    """Who was told what since then: the chat, and the first line."""
    return [(shown.chat, shown.text.partition("\n")[0]) for shown in person.server.log[since:]]


async def chased(person: Person, now: datetime) -> str:
    """What is said of its own accord after the duty was done at a time."""
    await hand_on_questions(person.db, person.current_sop, now)
    return await person.reads_news()


# Handed on ---------------------------------------------------------------------------------------------------------------


async def test_a_lone_admin_is_reminded_three_times_and_then_once_more(person: Person) -> None:
    await stuck(person)
    await person.reads_news()

    for day in range(3):
        news = await chased(person, LATE + day * DAY)
        assert news.startswith("❗ This still waits for your decision.\n\nPriya Nair, Java Full Stack, since ")
        assert "With " not in news
        assert "2 days longer" in news
        assert await chased(person, LATE + day * DAY) == ""
    assert (await chased(person, LATE + 3 * DAY)).startswith(
        "❗ This is still open. I have asked several times and do not ask again; /escalations keeps it.\n\nPriya Nair"
    )
    assert await chased(person, LATE + 4 * DAY) == ""
    await person.taps("2 days longer")
    assert "✅ Priya Nair: 2 days longer" in await person.taps("Book this")


async def test_nobody_is_chased_at_night_on_a_weekend_or_on_a_holiday(person: Person) -> None:
    await stuck(person)
    await person.reads_news()

    for quiet in ("2027-06-07 03:00", "2027-06-05 11:00", "2027-07-04 11:00"):
        moment = datetime.fromisoformat(quiet).replace(tzinfo=person.current_sop.zone)
        assert await chased(person, moment) == ""
    assert await chased(person, LATE) != ""


async def test_it_goes_to_the_next_admin_and_any_of_them_answers(two: tuple[TelegramPerson, TelegramPerson]) -> None:
    first, meera = two
    await stuck(first)
    await first.reads_news()
    told = len(first.server.log)

    await chased(first, LATE)
    assert heard(first, told) == [(MEERA, "❗ Nobody has answered this yet, so it is yours now.")]
    assert "👥 With owner 7000002 since Mon 7 Jun 13:00 PDT, handed on once." in await first.says("/escalations")
    await meera.says("/queue")
    await chased(first, LATE + DAY)
    assert heard(first, told)[-1] == (ADMIN, "❗ Nobody has answered this yet, so it is yours now.")
    assert "👥 With A since Tue 8 Jun 13:00 PDT, handed on twice." in await meera.says("/escalations")

    await meera.taps("2 days longer")
    assert "✅ Priya Nair: 2 days longer" in await meera.taps("Book this")
    news = first.button("2 days longer")
    assert "That has been decided meanwhile." in await first.feed(first.made.tap(*news))
    assert await chased(first, LATE + 2 * DAY) == ""


async def test_who_looks_in_time_is_not_chased(two: tuple[TelegramPerson, TelegramPerson]) -> None:
    first, _ = two
    await stuck(first)
    await first.reads_news()
    await hand_on_questions(first.db, first.current_sop, LATE)
    await first.says("/escalations")
    await first.taps("2 days longer")
    await first.taps("Book this")

    assert await first.reads_news() == ""  # what was on its way says nothing any more


async def test_two_programs_hand_on_once_and_a_crash_changes_nobody(
    two: tuple[TelegramPerson, TelegramPerson], admin: Connection
) -> None:
    first, meera = two
    await stuck(first)
    await first.reads_news()
    told = len(first.server.log)

    await asyncio.gather(*(hand_on_questions(first.db, first.current_sop, LATE) for _ in range(4)))
    taken = await first.db.claim_notices(channel="telegram", limit=10, lease_seconds=0)
    assert len(taken) == 1
    holder = {"escalation_id": taken[0]["payload"]["escalation_id"], "handed": 1, "admins": list(OWNERS)}
    assert await first.db.next_holder(**holder) == MEERA  # and then whoever was at it is never heard of again
    await asyncio.gather(first.reads_news(), meera.reads_news())

    assert [chat for chat, _ in heard(first, told)] == [MEERA]
    assert admin.execute("select held_by, handed, placed from escalations").fetchall() == [(MEERA, 1, 1)]


async def test_a_holder_who_is_out_leaves_it_to_the_others(
    two: tuple[TelegramPerson, TelegramPerson], database: Database, sop: Sop
) -> None:
    first, _ = two
    await first.says("/admins 42")
    await first.taps("As admin")
    await stuck(first)
    await first.reads_news()
    for day in range(2):
        await chased(first, LATE + day * DAY)
    assert "With 42 since" in await first.says("/escalations")
    await first.says("/admins")
    await first.taps("Remove 42")
    assert "With all admins since" in await first.says("/escalations")
    told = len(first.server.log)

    await chased(first, LATE + 2 * DAY)

    assert [chat for chat, _ in heard(first, told)] == [ADMIN]


# Put off ---------------------------------------------------------------------------------------------------------------


async def test_a_question_is_put_off_and_comes_back_with_its_card(person: Person, admin: Connection) -> None:
    await stuck(person)
    await stuck(person, name="Bob Two")
    await person.reads_news()
    await person.says("/escalations")
    ways = await person.taps("Ask me later")
    assert "When shall I ask you about Priya Nair again? Until then I ask nobody." in ways
    assert "Times are in America/Los_Angeles." in ways
    assert "Mon 23 Nov at 09:00" in ways  # it is a Saturday
    assert "afternoon" not in ways
    assert "2 decisions to make, this is no. 1" in await person.taps("‹ Back")
    person.now = datetime(2027, 6, 7, 16, 30, tzinfo=UTC)  # 09:30 on a Monday
    await person.taps("Ask me later")

    assert "This afternoon at 14:00" in person.transcript[-1]
    assert "Tomorrow at 09:00" in person.transcript[-1]
    assert await person.taps("This afternoon") == "⏳ I ask you about Priya Nair again on Mon 7 Jun 14:00 PDT."
    listed = await person.says("/escalations")
    assert "this is no. 1\n\nBob Two" in listed
    last = await person.taps("Later ›")
    assert "this is no. 2\n\nPriya Nair" in last
    assert "⏳ Put off until Mon 7 Jun 14:00 PDT." in last
    # Nothing more is told of the other one:
    admin.execute("update escalations set all_told_at = now() where put_off_until is null")
    assert await chased(person, datetime(2027, 6, 7, 20, 30, tzinfo=UTC)) == ""

    admin.execute("update notices set not_before = now() where kind = 'put_off'")
    admin.execute("update escalations set put_off_until = now() where put_off_until is not null")
    news = await person.reads_news()
    assert news.startswith("⏳ You wanted to be asked again now.\n\nPriya Nair, Java Full Stack")
    await person.taps("2 days longer")
    assert "✅ Priya Nair: 2 days longer" in await person.taps("Book this")


async def test_what_was_put_off_and_decided_does_not_come_back(person: Person, admin: Connection) -> None:
    escalation = await stuck(person)
    await person.reads_news()
    await person.says("/escalations")
    await person.taps("Ask me later")
    assert "⏳ I ask you about Priya Nair again on Sat 21 Nov 11:00 PST." in await person.taps("In an hour")
    await person.db.resolve_escalation(escalation_id=escalation["id"], actor="telegram:9", resolution="done")
    admin.execute("update notices set not_before = now()")

    assert await person.reads_news() == ""
    assert admin.execute("select distinct status from notices").fetchall() == [("sent",)]


async def test_what_is_put_off_further_is_asked_then(person: Person, admin: Connection) -> None:
    await stuck(person)
    await person.reads_news()
    for way in ("In an hour", "Mon 23 Nov"):
        await person.says("/escalations")
        await person.taps("Ask me later")
        await person.taps(way)
    admin.execute("update escalations set put_off_until = now() + interval '1 day'")
    admin.execute("update notices set not_before = now()")

    assert await person.reads_news() == ""


async def test_a_time_that_has_passed_is_asked_for_again(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("Ask me later")
    person.now = NOW + timedelta(days=3)

    assert "That time has come already.\nWhen shall I ask you" in await person.taps("Mon 23 Nov at 09:00")
    assert "again on Wed 25 Nov 09:00 PST" in await person.taps("Tomorrow at 09:00")


async def test_what_is_decided_meanwhile_cannot_be_put_off(person: Person) -> None:
    escalation = await stuck(person)
    await person.says("/escalations")
    await person.taps("Ask me later")
    await person.db.resolve_escalation(escalation_id=escalation["id"], actor="telegram:9", resolution="done")

    assert await person.taps("In an hour") == "That has been decided meanwhile.\n\n✅ Nothing waits for a decision."


# Given to somebody -----------------------------------------------------------------------------------------------------------


async def test_a_question_is_given_to_another_admin_by_name(two: tuple[TelegramPerson, TelegramPerson]) -> None:
    first, meera = two
    await meera.says("/queue")
    await first.says("/admins 42")
    await first.taps("As admin")
    await stuck(first)
    await first.reads_news()
    told = len(first.server.log)
    await first.says("/escalations")

    shown = await first.taps("Hand to…")
    assert shown == ("Who is to decide about Priya Nair? They are asked right away.\n[Meera]\n[42]\n[‹ Back]")
    assert await first.taps("Meera") == "👥 Meera is asked to decide about Priya Nair."
    await first.reads_news()
    assert heard(first, told)[-1] == (MEERA, "❗ A gives you this to decide.")
    assert "👥 With Meera since" in first.server.log[-1].text
    await meera.taps("2 days longer")
    assert "✅ Priya Nair: 2 days longer" in await meera.taps("Book this")


async def test_whoever_may_not_decide_any_more_is_not_asked(two: tuple[TelegramPerson, TelegramPerson]) -> None:
    first, _ = two
    await first.says("/admins 42")
    await first.taps("As admin")
    await stuck(first)
    await first.says("/escalations")
    await first.taps("Hand to…")
    button = first.button("42")
    await first.db.bot_turn(
        update_id=1, chat_id=1, user_id=1, state=None,
        command={"set_role": {"user_id": 42, "role": None, "name": "42", "actor": "test"}},
    )  # fmt: skip

    shown = await first.feed(first.made.tap(*button))

    assert shown.startswith("They may not decide any more.\nWho is to decide about Priya Nair?")
    assert "[42]" not in shown


async def test_what_is_decided_meanwhile_is_given_to_nobody(two: tuple[TelegramPerson, TelegramPerson]) -> None:
    first, _ = two
    escalation = await stuck(first)
    await first.says("/escalations")
    await first.taps("Hand to…")
    await first.db.resolve_escalation(escalation_id=escalation["id"], actor="telegram:9", resolution="done")

    assert "That has been decided meanwhile." in await first.taps("owner 7000002")


async def test_a_lone_admin_has_nobody_to_hand_to(person: Person) -> None:
    await stuck(person)

    assert "Hand to…" not in await person.says("/escalations")


async def test_viewers_put_nothing_off_and_hand_nothing_on(
    two: tuple[TelegramPerson, TelegramPerson], sop: Sop
) -> None:
    first, _ = two
    await first.says("/admins 42")
    await first.taps("As admin")
    somebody = TelegramPerson(first.db, sop, user=42, admins=OWNERS, server=first.server)
    somebody.made = updates_of(42, numbers=itertools.count(80_000))
    await somebody.comes()
    await stuck(first)
    await somebody.says("/escalations")
    later, hand = somebody.button("Ask me later"), somebody.button("Hand to…")
    await first.says("/admins 42")
    await first.taps("As viewer")

    for button in (later, hand):
        assert await somebody.feed(somebody.made.tap(*button)) == (
            "(You may look at everything here, but change nothing. /help names what there is.)"
        )
    await somebody.leaves()


async def test_buttons_that_have_run_out_do_nothing(person: Person, admin: Connection) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("Ask me later")
    admin.execute("update button_tokens set expires_at = now()")

    assert await person.taps("In an hour") == f"({STALE})"
    (row,) = await person.db.open_escalations()
    assert row["put_off_until"] is None
