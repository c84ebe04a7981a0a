"""Owners, admins and viewers: how they come in, what they may do, and that whoever is removed is out at once."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator

import pytest

from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat_notices import tell
from tests.acceptance.test_chat_paste import MESSAGE
from tests.chat_driver import ADMIN, Person, TelegramPerson, updates_of

OTHER = 42


@pytest.fixture
async def other(database: Database, sop: Sop) -> AsyncIterator[TelegramPerson]:
    """Somebody whom the settings do not name."""
    somebody = TelegramPerson(database, sop, user=OTHER, admins=(ADMIN,))
    somebody.made = updates_of(OTHER, numbers=itertools.count(90_000))
    await somebody.comes()
    yield somebody
    await somebody.leaves()


async def invited(owner: Person, role: str) -> str:
    """The line that lets somebody in."""
    await owner.says("/admins")
    found = re.search(r"/start \S+", await owner.taps(f"Invite a {role}" if role == "viewer" else f"Invite an {role}"))
    assert found
    return found[0]


async def test_owners_see_who_may_use_the_bot_and_let_people_in_by_id(person: Person) -> None:
    assert "👥 Who may use this bot\nOwners are named in TELEGRAM_ADMIN_IDS." in await person.says("/admins")
    assert "Let 42 in?" in await person.says("/admins 42")
    assert "✅ 42 is a viewer from now on." in await person.taps("As viewer")
    assert "\n42: viewer\n" in await person.says("/admins")
    assert (await person.says("/admins Bo")).startswith(
        "I cannot use Bo as an id: it is a number, such as 123456789.\n"
    )
    assert await person.db.role_of(user_id=OTHER) == "viewer"
    assert "✖️ 42 is out, from now on." in await person.taps("Remove 42")
    assert await person.db.bot_people() == []
    assert [row["action"] for row in await person.db.audit_trail()] == ["role_changed", "role_changed"]


async def test_a_code_lets_in_once(admin_in_telegram: TelegramPerson, other: TelegramPerson) -> None:
    code = await invited(admin_in_telegram, "admin")

    assert await other.says("/queue") == ""
    assert await other.says(code) == "Welcome. /help says what I do."
    assert "Is this right?" in await other.says(MESSAGE)
    assert "Queued, no. 1." in await other.taps("Confirm")
    assert "A 42: admin" in await admin_in_telegram.says("/admins")
    third = TelegramPerson(other.db, other.current_sop, user=43, admins=(ADMIN,))
    third.made = updates_of(43, numbers=itertools.count(80_000))
    await third.comes()
    assert await third.says(code) == ""
    assert await third.says("/start " + "x" * 22) == ""
    await third.leaves()
    assert await other.db.role_of(user_id=43) is None


async def test_a_code_that_comes_again_after_a_crash_is_used_once(
    admin_in_telegram: TelegramPerson, other: TelegramPerson
) -> None:
    await other.says(await invited(admin_in_telegram, "viewer"))

    for _ in range(3):
        assert await other.feed(other.sent[-1]) == ""
    actions = [row["action"] for row in await other.db.audit_trail()]
    assert (actions.count("role_changed"), actions.count("invited")) == (1, 1)


async def test_viewers_look_and_change_nothing(admin_in_telegram: TelegramPerson, other: TelegramPerson) -> None:
    await admin_in_telegram.says(MESSAGE)
    await admin_in_telegram.taps("Confirm")
    await other.says(await invited(admin_in_telegram, "viewer"))
    before = await other.db.audit_trail()

    for command in (
        "/queue",
        "/status priya",
        "/agenda",
        "/week",
        "/interviewers",
        "/stats",
        "/audit",
        "/sop",
        "/help",
    ):
        assert "You may look" not in await other.says(command), command
    await other.says("/audit")
    assert "📎" in await other.taps("As .csv")
    for said in (
        "/new",
        "/cancel priya",
        "/admins",
        "/import",
        "/pause",
        "/escalations",
        "hello",
        MESSAGE,
        "/",
        "queue",
    ):
        assert (
            await other.says(said) == "You may look at everything here, but change nothing. /help names what there is."
        )
    assert "You may look" in await other.sends("list.csv", b"name,email,course,window,slots\n")
    assert "You may look" in await other.feed(other.made.tap("i:3:1:0", 1))

    assert await other.db.audit_trail() == before


async def test_whoever_is_removed_is_out_at_once_with_every_button(
    admin_in_telegram: TelegramPerson, other: TelegramPerson
) -> None:
    await other.says(await invited(admin_in_telegram, "admin"))
    await other.says(MESSAGE)
    confirm = other.button("Confirm")
    await other.sends("list.csv", b"name,email,course,window,slots\nBo,bo@example.com,java,1-12 Dec,9-12\n")
    take = other.button("Take in 1")
    await admin_in_telegram.says("/admins")
    await admin_in_telegram.taps("Remove A")

    assert await other.feed(other.made.tap(*confirm)) == ""
    assert await other.feed(other.made.tap(*take)) == ""
    assert await other.says("/queue") == ""
    assert await other.db.queue_now() == []


async def test_an_admin_who_becomes_a_viewer_keeps_no_buttons(
    admin_in_telegram: TelegramPerson, other: TelegramPerson
) -> None:
    await other.says(await invited(admin_in_telegram, "admin"))
    await other.sends("list.csv", b"name,email,course,window,slots\nBo,bo@example.com,java,1-12 Dec,9-12\n")
    await admin_in_telegram.says(f"/admins {OTHER}")
    await admin_in_telegram.taps("As viewer")

    assert await other.taps("Take in 1") == (
        "(You may look at everything here, but change nothing. /help names what there is.)"
    )
    assert await other.db.queue_now() == []


async def test_admins_let_nobody_in(admin_in_telegram: TelegramPerson, other: TelegramPerson) -> None:
    await other.says(await invited(admin_in_telegram, "admin"))

    for command in ("/admins", "/admins 43"):
        assert "Only owners let people in and out" in await other.says(command)


@pytest.mark.parametrize(("removed", "chats"), [(False, [OTHER, OTHER, ADMIN]), (True, [ADMIN, ADMIN])])
async def test_notices_reach_those_who_are_admins_now(
    admin_in_telegram: TelegramPerson, other: TelegramPerson, removed: bool, chats: list[int]
) -> None:
    await other.says(await invited(admin_in_telegram, "admin"))
    if removed:
        await admin_in_telegram.says("/admins")
        await admin_in_telegram.taps("Remove A")
    await tell(other.db, "admins", str(OTHER))

    await admin_in_telegram.reads_news()

    assert sorted(told(admin_in_telegram)) == chats


def told(person: TelegramPerson) -> list[int]:
    """The chats that were told of a cancellation, once for each message."""
    return [message.chat for message in person.server.log if "was cancelled" in message.text]
