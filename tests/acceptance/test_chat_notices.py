"""What the bot says of its own accord: each notice once, in pace, and noted as sent or failed."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from telegram import Bot

from booking.records import agenda_file
from chat.polling import Poller
from chat.sending import Sender
from config import parse_sop
from domain.errors import ChatError, SecondPoller
from sop import Sop
from supabase_db import Database
from telegram_bot import AdminBot
from tests.chat_driver import ADMIN, TelegramPerson, updates_of
from tests.fakes.telegram import Json, Refused, TelegramServer
from tests.integration.life import booking, write_all

BLOCKED = Refused(403, "Forbidden: bot was blocked by the user")


async def tell(db: Database, *recipients: str, **payload: Any) -> None:
    """Have the database tell somebody of a cancellation."""
    claimed, reserved = await booking(db)
    await write_all(db, claimed, reserved["writes"])
    facts = {"candidate": {"name": "Priya Nair"}} | payload
    notices = [
        {"key": f"n{number}", "channel": "telegram", "recipient": who, "kind": "cancelled", "payload": facts}
        for number, who in enumerate(recipients)
    ]
    await db.settle(**claimed.names, notices=notices)


Connection = psycopg.Connection[tuple[object, ...]]


def states(admin: Connection) -> list[object]:
    """How the notices stand: pending, sent or failed."""
    return [row[0] for row in admin.execute("select status from notices order by id")]


async def test_a_notice_is_told_once(admin_in_telegram: TelegramPerson, database: Database, admin: Connection) -> None:
    await tell(database, str(ADMIN))

    assert (await admin_in_telegram.reads_news()).startswith("✖️ Priya Nair was cancelled.")
    assert await admin_in_telegram.reads_news() == ""
    assert states(admin) == ["sent"]


async def test_a_notice_for_all_admins_reaches_those_it_can(database: Database, sop: Sop, admin: Connection) -> None:
    person = TelegramPerson(database, sop, admins=(ADMIN, ADMIN + 1))
    await person.comes()
    person.server.refuse("sendMessage", BLOCKED, None, BLOCKED)
    await tell(database, "admins")

    await person.reads_news()

    await person.leaves()
    # What is told, and that the first cannot be reached:
    assert [message.chat for message in person.server.log] == [ADMIN + 1, ADMIN + 1]
    assert states(admin) == ["sent", "sent"]


# People who cannot be written to ------------------------------------------------------------------------------------------------


class OneSided(TelegramServer):
    """Takes no messages to some chats."""

    def __init__(self, **lost: Refused) -> None:
        super().__init__()
        self.lost = {int(chat.removeprefix("to_")): refusal for chat, refusal in lost.items()}

    def _result(self, name: str, sent: Json) -> Any:
        if name == "sendMessage" and int(sent["chat_id"]) in self.lost:
            raise self.lost[int(sent["chat_id"])]
        return super()._result(name, sent)


@pytest.fixture
async def ann_and_bo(database: Database, sop: Sop) -> AsyncIterator[TelegramPerson]:
    """An owner whose bot has two more admins, Ann (42), who has blocked it, and Bo (43)."""
    for number, name in ((42, "Ann <b>"), (43, "Bo")):
        role = {"user_id": number, "role": "admin", "name": name, "actor": "test"}
        await database.bot_turn(update_id=number, chat_id=7, user_id=7, state=None, command={"set_role": role})
    owner = TelegramPerson(database, sop, server=OneSided(to_42=BLOCKED))
    await owner.comes()
    yield owner
    await owner.leaves()


def heard(person: TelegramPerson, chat: int) -> list[str]:
    return [message.text for message in person.server.log if message.chat == chat]


async def test_what_is_for_somebody_who_blocked_the_bot_goes_to_the_others(
    ann_and_bo: TelegramPerson, database: Database, admin: Connection
) -> None:
    await tell(database, "42")

    await ann_and_bo.reads_news()

    told = [
        "✖️ Priya Nair was cancelled. The calendar events are gone, the times are free again.\n"
        "(Ann <b> has blocked me, so this comes to you instead.)",
        "❗ Ann <b> has blocked me, so I cannot write to them.\n"
        "What is for them alone goes to the other admins until they write to me.",
    ]
    assert (heard(ann_and_bo, ADMIN), heard(ann_and_bo, 43), heard(ann_and_bo, 42)) == (told, told, [])
    assert states(admin) == ["sent", "sent"]


async def test_that_somebody_blocked_the_bot_is_told_once_until_they_write(
    ann_and_bo: TelegramPerson, database: Database
) -> None:
    await tell(database, "42", "admins", "42")
    await ann_and_bo.reads_news()
    assert [text.startswith("❗ Ann <b> has blocked me") for text in heard(ann_and_bo, 43)].count(True) == 1
    assert "Ann <b> 42: admin ❗ has blocked me (noticed " in await ann_and_bo.says("/admins")

    ann = TelegramPerson(database, ann_and_bo.current_sop, user=42, server=TelegramServer())
    ann.made = updates_of(42, numbers=itertools.count(90_000))
    await ann.comes()
    await ann.says("/help")
    await ann.leaves()

    assert "\nA 42: admin\n" in await ann_and_bo.says("/admins")  # by the name that she writes under
    actions = [row["action"] for row in await database.audit_trail()]
    assert (actions.count("unreachable"), actions.count("reachable")) == (1, 1)
    again = {"channel": "telegram", "recipient": "42", "kind": "cancelled", "payload": {"name": "Li Wei"}}
    await database.tell(notices=[again | {"key": "again"}])
    await ann_and_bo.reads_news()
    assert [text.startswith("❗ Ann <b> has blocked me") for text in heard(ann_and_bo, 43)].count(True) == 2


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refused(403, "Forbidden: user is deactivated"), "has closed their Telegram account"),
        (Refused(403, "Forbidden: bot can't initiate conversation with a user"), "has never written to me"),
        (Refused(400, "Bad Request: chat not found"), "has never written to me"),
        (Refused(400, "Bad Request: upgraded", migrate_to_chat_id=-100), "is in another chat now"),
    ],
)
async def test_other_reasons_are_as_final_and_keep_nobody_else_from_hearing(
    ann_and_bo: TelegramPerson, database: Database, admin: Connection, refusal: Refused, words: str
) -> None:
    assert isinstance(ann_and_bo.server, OneSided)
    ann_and_bo.server.lost = {42: refusal}
    await tell(database, "admins", "42")

    await ann_and_bo.reads_news()

    assert f"Ann <b> {words}, so I cannot write to them." in heard(ann_and_bo, 43)[-1]
    assert f"(Ann <b> {words}, so this comes to you instead.)" in heard(ann_and_bo, 43)[1]
    assert states(admin) == ["sent", "sent", "sent"]


async def test_where_nobody_can_be_reached_it_is_given_up_and_audited(
    admin_in_telegram: TelegramPerson, database: Database, admin: Connection
) -> None:
    admin_in_telegram.server.refuse("sendMessage", *[BLOCKED] * 9)
    await tell(database, str(ADMIN), "admins")

    assert await admin_in_telegram.reads_news() == ""

    assert states(admin) == ["failed"] * 3  # the third says that the admin cannot be reached
    actions = [row["action"] for row in await database.audit_trail()]
    assert (actions.count("notice_failed"), actions.count("unreachable")) == (3, 1)
    assert f"{ADMIN} ❗ has blocked me" not in await admin_in_telegram.says("/admins")


@pytest.mark.parametrize(
    "refusal",
    [Refused(502, "Bad Gateway"), Refused(429, "Too Many Requests: retry after 900", retry_after=900)],
)
async def test_what_cannot_be_sent_now_is_sent_later(
    admin_in_telegram: TelegramPerson, database: Database, refusal: Refused, admin: Connection
) -> None:
    admin_in_telegram.now = datetime.now(UTC).replace(year=2020)  # by whose clock "later" has long come
    admin_in_telegram.server.refuse("sendMessage", refusal)
    await tell(database, str(ADMIN))

    assert "(perhaps sent twice)" not in await admin_in_telegram.reads_news()
    assert [message.chat for message in admin_in_telegram.server.log] == [ADMIN]
    assert states(admin) == ["sent"]


async def test_a_notice_that_may_have_been_sent_before_a_crash_says_so(
    admin_in_telegram: TelegramPerson, database: Database
) -> None:
    await tell(database, str(ADMIN))
    taken = await database.claim_notices(channel="telegram", limit=1, lease_seconds=0)
    assert len(taken) == 1  # by somebody who is never heard of again

    assert (await admin_in_telegram.reads_news()).endswith("(perhaps sent twice)")


async def test_a_notice_that_makes_no_sense_holds_up_no_other(
    admin_in_telegram: TelegramPerson, database: Database, admin: Connection
) -> None:
    await tell(database, "nobody", str(ADMIN), "12345678901234567890x")

    assert "Priya Nair was cancelled" in await admin_in_telegram.reads_news()
    assert states(admin) == ["failed", "sent", "failed"]


async def test_two_notices_to_one_chat_keep_their_distance(database: Database, sop: Sop) -> None:
    server = TelegramServer()

    async def current() -> Sop:
        return sop

    await tell(database, str(ADMIN), str(ADMIN), str(ADMIN))
    talking = AdminBot(
        token="1:X",
        db=database,
        sop=current,
        admins=[ADMIN],
        request=server,
        pace=0.2,
        ics=agenda_file,
        parse=parse_sop,
    )
    async with talking as bot:
        stop, start = asyncio.Event(), asyncio.get_running_loop().time()
        delivering = asyncio.create_task(bot.deliver_notices(stop))
        while len(server.log) < 3:  # noqa: ASYNC110 - the server cannot say when a third has come
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(delivering, 5)

    assert asyncio.get_running_loop().time() - start >= 0.4


async def test_thirty_chats_at_most_are_written_to_in_the_time_of_one_pace() -> None:
    server = TelegramServer()
    async with Bot("1:X", request=server) as bot:
        sender, start = Sender(bot, pace=3.0), asyncio.get_running_loop().time()

        for chat in (ADMIN, ADMIN + 1, ADMIN + 2):
            await sender.notify(chat, "News.")

    assert len(server.log) == 3
    assert 0.2 <= asyncio.get_running_loop().time() - start < 3.0


# Signing in, and another program with the same bot ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["it asks, too", "it sets a webhook while we ask"])
async def test_a_second_program_that_gets_the_messages_is_named_and_the_admins_hear_of_it(
    database: Database, sop: Sop, way: str
) -> None:
    person = TelegramPerson(database, sop, reader=functools.partial(Poller, conflict_seconds=0.3))
    await person.comes()
    if way == "it asks, too":
        conflict = Refused(
            409, "Conflict: terminated by other getUpdates request; make sure that only one bot is running"
        )
        person.server.refuse("getUpdates", *[conflict] * 10)
    else:
        person.server.refuse("getUpdates", Refused(409, "Conflict: terminated by setWebhook request"))
        person.server.webhook = {"url": "https://elsewhere.example.com/"}

    with pytest.raises(SecondPoller, match="Another program gets the messages of this bot"):
        await asyncio.wait_for(person.bot.poll(asyncio.Event()), 10)

    await person.leaves()
    assert heard(person, ADMIN) == [
        "❗ Another program gets the messages of this bot. Stop that one, or make a bot of its own for it with @BotFather.\n"
        "I stop here. Start me again after that."
    ]


async def test_a_webhook_of_before_is_taken_away_before_asking(database: Database, sop: Sop) -> None:
    person = TelegramPerson(database, sop)
    person.server.webhook = {"url": "https://before.example.com/"}

    await person.comes()

    assert person.server.webhook == {}
    await person.leaves()


async def test_a_conflict_that_passes_is_borne(admin_in_telegram: TelegramPerson) -> None:
    admin_in_telegram.server.refuse("getUpdates", Refused(409, "Conflict: x"))
    update = admin_in_telegram.made.words("/help")
    admin_in_telegram.server.updates[update["update_id"]] = update
    stop = asyncio.Event()

    polling = asyncio.create_task(admin_in_telegram.bot.poll(stop))
    await admin_in_telegram.server.shows("I schedule mock interviews.")
    stop.set()
    await asyncio.wait_for(polling, 5)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refused(401, "Unauthorized"), "Telegram does not know TELEGRAM_BOT_TOKEN"),
        (Refused(404, "Not Found"), "Telegram does not know TELEGRAM_BOT_TOKEN"),
        (Refused(502, "Bad Gateway"), "Telegram cannot be reached"),
    ],
)
async def test_a_token_that_is_refused_is_said_without_quoting_it(
    database: Database, sop: Sop, refusal: Refused, words: str
) -> None:
    person = TelegramPerson(database, sop)
    person.server.refuse("getMe", refusal)

    with pytest.raises(ChatError, match=words) as refused:
        await person.comes()

    assert "1:X" not in f"{refused.value}{refused.value.__cause__}"


async def test_the_menu_lists_commands_that_all_answer(admin_in_telegram: TelegramPerson) -> None:
    [menu] = [sent["commands"] for name, sent in admin_in_telegram.server.calls if name == "setMyCommands"]

    for entry in menu:
        answer = await admin_in_telegram.says(f"/{entry['command']}")
        assert answer
        assert "do not know" not in answer
