"""Interviewers in the chat: how they are linked and unlinked, and that they see their own interviews and nothing else."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from telegram import Update

from chat.interviewing import ONLY_OWN
from chat.menu import menu
from chat.people import NO_CODE
from chat.roles import LOOK_ONLY
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat_gate import PRIVATE, update_of
from tests.acceptance.test_chat_people import invited
from tests.after_booking import SOP, Office
from tests.chat_driver import ADMIN, Person, TelegramPerson, updates_of
from tests.fakes.telegram import TelegramServer

ASHA, BEN, STRANGER = 41, 42, 43


@asynccontextmanager
async def at_the_bot(office: Office, *users: int) -> AsyncIterator[list[TelegramPerson]]:
    """People in Telegram, each at a bot of their own on one database; only ADMIN is named in the settings."""
    server = TelegramServer()
    async with AsyncExitStack() as stack:
        people = []
        for user in users:
            person = TelegramPerson(office.db, office.sop, user=user, admins=(ADMIN,), server=server)
            person.made, person.now = updates_of(user, numbers=itertools.count(user * 100_000)), office.now
            await person.comes()
            stack.push_async_callback(person.leaves)
            people.append(person)
        yield people


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    """Priya is booked: Introduction with Asha on Monday at 9:00, Panel with Ben and Chloe on Tuesday at 9:00, in UTC."""
    made = Office(db=database, folder=tmp_path / "calendars")
    await made.book("Priya")
    return made


@pytest.fixture
async def owner(office: Office) -> AsyncIterator[TelegramPerson]:
    async with at_the_bot(office, ADMIN) as (person,):
        yield person


@pytest.fixture
async def asha(office: Office) -> AsyncIterator[TelegramPerson]:
    async with at_the_bot(office, ASHA) as (person,):
        yield person


async def code_for(admin: Person, name: str) -> str:
    """The line that links an interviewer."""
    await admin.says("/interviewers")
    await admin.taps("Link to this chat")
    found = re.search(r"/start \S+", await admin.taps(f"Link {name}"))
    assert found
    return found[0]


def menus(person: TelegramPerson) -> list[list[str] | None]:
    """The menus that their chat was given, one after the other; None where it was given everybody's again."""
    own = {"setMyCommands", "deleteMyCommands"}
    calls = [(name, sent) for name, sent in person.server.calls if name in own and "scope" in sent]
    assert all(sent["scope"] == {"type": "chat", "chat_id": person.user} for _, sent in calls)
    return [[one["command"] for one in sent["commands"]] if "commands" in sent else None for _, sent in calls]


# Being linked -------------------------------------------------------------------------------------------------------------------


async def test_a_code_links_an_interviewer_who_then_sees_their_own(owner: TelegramPerson, asha: TelegramPerson) -> None:
    await owner.says("/interviewers")
    listed = await owner.taps("Link to this chat")
    assert "Asha Rao: not linked\nBen Ortiz: not linked\nChloe Tran: not linked" in listed
    code = await code_for(owner, "Asha Rao")
    assert "Send this to Asha Rao, who writes it to me. It works once, within 24 hours." in owner.transcript[-1]

    assert await asha.says("/agenda") == ""
    assert (await asha.says(code)).startswith("Welcome, Asha Rao.\nI write here when an interview of yours is booked")
    agenda = await asha.says("/agenda")
    assert agenda.startswith("📅 Your interviews\n\nMon 7 Dec 2026\n09:00 Introduction with Priya, Java\n")
    assert "\n\nTimes are yours, in UTC.\n[✓ I'll be there]   [✗ Can't make it]\n" in agenda
    assert menus(asha) == [["agenda", "unlink", "help"]]
    assert "Asha Rao: linked to A\n" in await owner.taps("Back")
    assert (await owner.says("/interviewers")).count("Linked to this chat.") == 1


async def test_a_code_works_once_and_only_for_a_day(
    office: Office, owner: TelegramPerson, asha: TelegramPerson, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    code, late = await code_for(owner, "Asha Rao"), await code_for(owner, "Ben Ortiz")
    await asha.says(code)
    admin.execute("update bot_invitations set expires_at = clock_timestamp() where used_by is null")

    async with at_the_bot(office, STRANGER) as (stranger,):
        assert await stranger.says(code) == await stranger.says(late) == await stranger.says("/agenda") == ""
    assert await asha.says(code) == await asha.says(late) == await owner.says(late) == NO_CODE
    assert [(one["interviewer"], one["user_id"]) for one in await office.db.linked_interviewers()] == [("asha", ASHA)]
    kept = admin.execute("select code_hash from bot_invitations").fetchall()
    assert not any(one.split()[1] in str(kept) for one in (code, late))


async def test_a_code_that_comes_again_after_a_crash_is_used_once(owner: TelegramPerson, asha: TelegramPerson) -> None:
    await asha.says(await code_for(owner, "Asha Rao"))

    for _ in range(3):
        assert await asha.feed(asha.sent[-1]) == ""
    actions = [row["action"] for row in await owner.db.audit_trail(limit=1_000)]
    assert actions.count("interviewer_linked") == 1


async def test_a_code_of_somebody_whom_the_sop_no_longer_has_does_nothing(
    office: Office, owner: TelegramPerson, asha: TelegramPerson
) -> None:
    code = await code_for(owner, "Asha Rao")
    asha.current_sop = without_asha(office)

    assert await asha.says(code) == ""

    assert await office.db.linked_interviewers() == []


def without_asha(office: Office) -> Sop:
    """The SOP after Asha has left."""
    text = SOP.replace("  asha: {name: Asha Rao, email: asha@example.com, buffer: 15m}\n", "")
    text = text.replace("interviewers: [asha], backups: [ben]", "interviewers: [ben]").replace(
        "backups: [asha]", "backups: []"
    )
    return Office(db=office.db, folder=office.folder, text=text).sop


async def test_whoever_sits_at_the_bot_can_be_an_interviewer_too(person: Person, tmp_path: Path) -> None:
    office = Office(db=person.db, folder=tmp_path / "calendars")
    person.current_sop, person.now = office.sop, office.now
    assert "You are not linked to an interviewer of the SOP." in await person.says("/agenda mine")
    await person.says("/interviewers")
    await person.taps("Link to this chat")
    await person.taps("Link Asha Rao")
    assert "✅ You are Asha Rao here from now on. /agenda mine shows your own interviews." in await person.taps(
        "That's me"
    )

    await office.book("Priya")
    news = await person.reads_news()
    assert "Priya, Java\n\n✅ New: Introduction\n    Mon 7 Dec 09:00 to 09:30 UTC\n" in news
    assert "✅ You will be there." in await person.taps("I'll be there")
    assert "📅 Your interviews" in await person.says("/agenda mine")
    assert "09:00 Introduction: Priya with Asha Rao (accepted)" in await person.says("/agenda 7 Dec")
    assert "Introduction with Asha Rao (accepted)" in await person.says("/status Priya")
    assert "Panel with Ben Ortiz, Chloe Tran" in await person.says("/status Priya")
    assert "Shall I no longer write to you" in await person.says("/unlink")
    assert "✖️ You are no longer linked" in await person.taps("Yes, unlink me")
    assert "You are not linked" in await person.says("/unlink")


async def test_an_owner_uses_a_code_like_anybody(owner: TelegramPerson) -> None:
    code = await code_for(owner, "Ben Ortiz")

    assert (await owner.says(code)).startswith("Welcome, Ben Ortiz.")

    assert "Queue" in await owner.says("/queue")
    assert "Tue 8 Dec 2026\n09:00 Panel with Priya, Java, beside Chloe Tran" in await owner.says("/agenda mine")
    assert menus(owner) == []


async def test_an_admin_needs_no_code_for_a_role_and_keeps_theirs(
    office: Office, owner: TelegramPerson, asha: TelegramPerson
) -> None:
    await asha.says(await code_for(owner, "Asha Rao"))
    as_viewer = await invited(owner, "viewer")
    assert await asha.says(await invited(owner, "admin")) == "Welcome. /help says what I do."
    assert "Queue" in await asha.says("/queue")
    assert "📅 Your interviews" in await asha.says("/agenda mine")

    assert await asha.says(as_viewer) == await owner.says(as_viewer) == NO_CODE

    assert await office.db.role_of(user_id=ASHA) == "admin"
    assert menus(asha) == [["agenda", "unlink", "help"], None]
    async with at_the_bot(office, STRANGER) as (stranger,):
        assert await stranger.says(as_viewer) == "Welcome. /help says what I do."


async def test_a_viewer_links_nobody_but_answers_for_themselves(owner: TelegramPerson, asha: TelegramPerson) -> None:
    await asha.says(await invited(owner, "viewer"))
    assert "Link to this chat" not in await asha.says("/interviewers")
    await asha.says(await code_for(owner, "Asha Rao"))

    assert "📅 Your interviews" in await asha.says("/agenda mine")
    await asha.taps("Can't make it")
    assert "✖️ You cannot come to Introduction with Priya" in await asha.says("my train is late")
    assert await asha.says("hello") == LOOK_ONLY
    assert "You are no longer linked" in await unlinked(asha)


async def unlinked(person: Person) -> str:
    await person.says("/unlink")
    return await person.taps("Yes, unlink me")


async def test_a_bot_that_dies_before_every_update_does_the_same(office: Office, owner: TelegramPerson) -> None:
    asha = TelegramPerson(office.db, office.sop, user=ASHA, admins=(ADMIN,), mortal=True)
    asha.made, asha.now = updates_of(ASHA, numbers=itertools.count(4_000_000)), office.now
    await asha.comes()
    await asha.says(await code_for(owner, "Asha Rao"))
    await asha.says("/agenda")
    await asha.taps("I'll be there")
    await asha.taps("Can't make it")
    assert "✖️ You cannot come to Introduction with Priya" in await asha.says("my train is late")
    await asha.taps("Never mind")

    for update in asha.sent * 2:
        assert await asha.feed(update) == ""
    done = [row["action"] for row in await office.db.audit_trail(limit=1_000) if row["actor"] == "interviewer:asha"]
    assert done == ["interview_accepted", "interview_declined", "decline_taken_back"]
    await asha.leaves()


# Being unlinked -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["by an admin", "by themselves", "by the SOP", "by another link"])
async def test_whoever_is_unlinked_is_out_at_once_with_every_button(
    office: Office, owner: TelegramPerson, asha: TelegramPerson, way: str
) -> None:
    code, another = await code_for(owner, "Asha Rao"), await code_for(owner, "Asha Rao")
    await asha.says(code)
    await asha.says("/agenda")
    accept, decline = asha.button("I'll be there"), asha.button("Can't make it")
    if way == "by an admin":
        await owner.taps("Back")
        assert "✖️ Asha Rao is no longer linked, from now on." in await owner.taps("Unlink Asha Rao")
    elif way == "by themselves":
        assert "✖️ You are no longer linked" in await unlinked(asha)
    elif way == "by the SOP":
        asha.current_sop = without_asha(office)
    else:
        async with at_the_bot(office, BEN) as (other,):
            await other.says(another)

    for button in (accept, decline):
        assert await asha.feed(asha.made.tap(*button)) == ""
    assert await asha.says("/agenda") == await asha.says("/help") == ""
    assert (await office.look())["answers"] == []
    assert [row["action"] for row in await office.db.audit_trail()][-1] == "update_refused"


async def test_stopping_halfway_leaves_the_link(owner: TelegramPerson, asha: TelegramPerson) -> None:
    await asha.says(await code_for(owner, "Asha Rao"))
    await asha.says("/unlink")

    assert "📅 Your interviews" in await asha.taps("Stay")


# What they see ------------------------------------------------------------------------------------------------------------------


async def test_all_else_is_answered_kindly_and_does_nothing(
    office: Office, owner: TelegramPerson, asha: TelegramPerson
) -> None:
    await asha.says(await code_for(owner, "Asha Rao"))
    before = await deeds(office)

    for said in (
        "hello",
        "Zoe, zoe@example.com, Java, 1-12 Dec, 9-12",
        "/",
        "/agendas",
        "/cancel Priya",
        "/new",
        "ill",
    ):
        assert await asha.says(said) == ONLY_OWN
    assert await asha.sends("list.csv", b"name,email,course,window,slots\n") == ONLY_OWN
    assert await asha.feed(asha.made.sticker()) == ONLY_OWN
    assert "That button has done its work" in await asha.feed(asha.made.tap("i:3:1:0", 1))
    calls = len(asha.server.calls)
    for number, kind in enumerate({str(kind) for kind in Update.ALL_TYPES} - {"message", "callback_query"}):
        await asha.feed(update_of(kind, ASHA, {"id": ASHA, **PRIVATE}) | {"update_id": 8_000 + number})

    assert len(asha.server.calls) == calls
    assert await deeds(office) == before
    assert await office.db.bot_state(chat_id=ASHA) is None


async def deeds(office: Office) -> list[str]:
    """What was done, apart from updates that were refused."""
    trail = await office.db.audit_trail(limit=1_000)
    return [row["action"] for row in trail if row["action"] != "update_refused"]


async def test_buttons_from_a_time_as_an_admin_do_nothing_any_more(
    office: Office, owner: TelegramPerson, asha: TelegramPerson
) -> None:
    await asha.says(await invited(owner, "admin"))
    await asha.says(await code_for(owner, "Asha Rao"))
    await asha.says("/cancel Priya")
    cancel = asha.button("No longer needed")
    await owner.says("/admins")
    await owner.taps("Remove A")

    assert await asha.feed(asha.made.tap(*cancel)) == f"({ONLY_OWN})"
    assert await asha.says("because") == ONLY_OWN

    assert (await office.look())["status"] == "booked"


async def test_when_something_fails_they_are_told_where_to_look(owner: TelegramPerson, asha: TelegramPerson) -> None:
    await asha.says(await code_for(owner, "Asha Rao"))
    await asha.says("/agenda")
    asha.bot._ics = lambda *_: 1 / 0  # type: ignore[assignment]

    assert await asha.taps("As .ics") == (
        "Sorry, something went wrong on my side. /agenda shows whether it was done; if not, please try again."
    )


DATA = """  data:
    title: Data
    rounds:
      - {id: screen, title: Screening, duration: 30m, interviewers: [ben]}
"""


async def test_an_interviewer_never_reads_a_name_from_outside_their_interviews(
    office: Office, owner: TelegramPerson
) -> None:
    office.text = SOP + DATA
    for name, course in (("Marcus", "java"), ("Noah", "data"), ("Zoe", "data")):
        await office.book(name, course=course)
    people = dict(zip(office.sop.interviewers, (ASHA, BEN, STRANGER), strict=True))
    async with at_the_bot(office, *people.values()) as them:
        for who, person in zip(people, them, strict=True):
            await person.says(await code_for(owner, office.sop.interviewers[who].name))
        for who, person in zip(people, them, strict=True):
            others = await strangers_to(office, who)
            await everything(person)
            shown = [message for message in person.server.log if message.chat == person.user]
            heard = "\n".join(
                [
                    *(part for message in shown for part in (message.text, *message.labels)),
                    *person.server.toasts,
                    *(file.decode() for file in person.server.files.values()),
                ]
            )

            assert len(shown) > 100
            assert {"Zoe", "Noah"} <= others or who == "ben"
            assert [name for name in others if name in heard] == []


async def strangers_to(office: Office, who: str) -> set[str]:
    """Names and addresses of everybody who is in no interview of somebody's."""
    people = {one.id: {one.name, one.email} for one in office.sop.interviewers.values()}
    candidates = (await office.db.show_candidate(needle="@", limit=100))["matches"]
    own = await office.db.agenda(start=office.now, end=office.now + timedelta(days=90), interviewer=who)
    known = {row[part] for row in own for part in ("name", "email")}.union(
        people[who], *(people[one] for row in own for one in row["interviewers"])
    )
    return {row[part] for row in candidates for part in ("name", "email")}.union(*people.values()) - known


async def everything(person: TelegramPerson) -> None:
    """Every command with every kind of words, and every kind of button under what comes of it."""
    words = (
        "",
        "PRIYA",
        "ZOE",
        "ZOE@EXAMPLE.COM",
        "asha",
        "ben",
        "CHLOE",
        "week",
        "7 Dec",
        "1-31 Dec",
        "mine",
        "1",
        "all",
    )
    for name in sorted({*(name for name, _ in menu()), "start", "unlink", "admins", "nonsense"}):
        for word in words:
            await person.says(f"/{name} {word}".strip())
    await person.says("/agenda 1-31 Dec")
    for label in ("As .ics", "✓", "✗"):
        await person.taps(label)
    await person.says("Where is MARCUS, and who is free?")
    await person.taps("Never mind")
    await person.reads_news()
