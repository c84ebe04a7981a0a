"""Updates by webhook: a real web server takes in what Telegram posts, once each and in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

import pytest
from psycopg import Connection

from chat.webhook import SECRET_HEADER
from domain.errors import ChatError, DatabaseUnavailable, SecondPoller
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat_updates import audited, count, play
from tests.chat_driver import SECRET, WEBHOOK_URL, TelegramPerson, WebhookPerson
from tests.fakes.telegram import Json, Refused, TelegramServer

Admin = Connection[tuple[Any, ...]]


def rows(admin: Admin) -> list[object]:
    """The numbers of the updates that had any effect."""
    return [row[0] for row in admin.execute("select update_id from telegram_updates order by received_at").fetchall()]


def answers(person: TelegramPerson) -> list[str]:
    """The last line of each message of the bot's."""
    return [message.text.split("\n")[-1] for message in person.server.log]


# What Telegram posts ------------------------------------------------------------------------------------------------------


async def test_a_conversation_by_webhook_is_the_same_as_any(posted: WebhookPerson, database: Database) -> None:
    transcript = await play(posted)

    assert "Queued, no. 1" in "".join(transcript)
    assert await count(database) == 1
    assert not any("went wrong" in said for said in transcript)


async def test_telegram_is_told_where_to_post_what_and_how(posted: WebhookPerson) -> None:
    assert posted.server.webhook == {
        "url": WEBHOOK_URL,
        "secret_token": SECRET,
        "max_connections": 1,
        "allowed_updates": ["message", "callback_query"],
    }
    assert "deleteWebhook" not in {name for name, _ in posted.server.calls}


async def test_an_update_that_was_dealt_with_before_has_no_second_effect(
    posted: WebhookPerson, database: Database
) -> None:
    await play(posted)
    log = list(posted.server.log)

    for update in posted.sent:
        assert (await posted.post(update)).status_code == 200

    assert posted.server.log == log
    assert (await count(database), await audited(database, "enqueued")) == (1, 1)


async def test_the_same_update_posted_many_times_at_once_has_one_effect(posted: WebhookPerson) -> None:
    update = posted.made.words("/start")

    came = await asyncio.gather(*(posted.post(update) for _ in range(10)))

    assert {answer.status_code for answer in came} == {200}
    assert answers(posted) == ["What is the candidate's full name?"]


class SlowServer(TelegramServer):
    """Shows messages only once `open` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.asked = asyncio.Event(), asyncio.Event()

    async def do_request(self, url: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        if url.endswith("/sendMessage"):
            self.asked.set()
            await self.open.wait()
        return await super().do_request(url, *args, **kwargs)


async def test_updates_are_dealt_with_one_at_a_time_in_the_order_they_came(
    database: Database, sop: Sop, admin: Admin
) -> None:
    server = SlowServer()
    person = WebhookPerson(database, sop, server=server)
    await person.comes()
    updates = [person.made.words(text) for text in ("/start", "Priya Nair", "priya@example.com")]
    posts = []
    for update in updates:
        posts.append(asyncio.create_task(person.post(update)))
        await server.asked.wait()
        await asyncio.sleep(0.3)  # so that they arrive in this order

    assert rows(admin) == [updates[0]["update_id"]]
    server.open.set()
    await asyncio.gather(*posts)
    await person.leaves()

    assert rows(admin) == [update["update_id"] for update in updates]
    assert answers(person)[-1] == "Which course?"


async def test_what_has_to_wait_is_answered_so_that_it_comes_again(posted: WebhookPerson) -> None:
    posted.server.refuse("sendMessage", Refused(502, "Bad Gateway"))
    update = posted.made.words("/start")

    first, second, third = [await posted.post(update) for _ in range(3)]

    assert (first.status_code, first.headers["retry-after"]) == (503, "5")
    assert (second.status_code, third.status_code) == (200, 200)
    assert answers(posted) == ["What is the candidate's full name?"]


async def test_an_update_that_the_database_could_not_take_has_its_effect_when_it_comes_again(
    posted: WebhookPerson, admin: Admin
) -> None:
    update = posted.made.words("/start")
    posted.fault = DatabaseUnavailable()
    assert [(await posted.post(update)).status_code for _ in range(2)] == [503, 503]
    assert rows(admin) == []
    posted.fault = None

    assert [(await posted.post(update)).status_code for _ in range(2)] == [200, 200]

    assert answers(posted)[1:] == ["What is the candidate's full name?"]  # after the word that the database is away
    assert rows(admin) == [update["update_id"]]


async def test_telegram_is_asked_to_come_again_no_sooner_than_it_wants_to_be_left_alone(posted: WebhookPerson) -> None:
    posted.server.refuse("sendMessage", Refused(429, "Too Many Requests: retry after 90", retry_after=90))

    answer = await posted.post(posted.made.words("/start"))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "90")


@pytest.mark.slow  # the doorway tries for seconds before it gives up
async def test_while_the_database_is_away_updates_wait_at_telegram(dsn: str, sop: Sop, admin: Admin) -> None:
    away = await Database.connect(dsn=dsn, connections=1)
    person = WebhookPerson(away, sop)
    await person.comes()
    await away.aclose()
    update = person.made.words("/start")

    assert [(await person.post(update)).status_code for _ in range(2)] == [503, 503]
    await person.leaves()
    assert [message.text for message in person.server.log] == [
        "I cannot reach my database just now. Nothing is lost: I will answer as soon as it is back."
    ]
    assert rows(admin) == []

    async with await Database.connect(dsn=dsn) as back:
        again = WebhookPerson(back, sop, server=person.server)
        await again.comes()
        assert [(await again.post(update)).status_code for _ in range(2)] == [200, 200]
        await again.leaves()
    assert answers(person)[1:] == ["What is the candidate's full name?"]
    assert rows(admin) == [update["update_id"]]


# Beginning, ending, and other programs --------------------------------------------------------------------------------------


async def test_the_server_leaves_signals_alone_and_ends_when_it_is_told_to(database: Database, sop: Sop) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    person = WebhookPerson(database, sop)
    await person.comes()
    await person.says("/help")

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    await asyncio.wait_for(person.leaves(), 2)
    assert person.server.webhook["url"] == WEBHOOK_URL  # what is posted meanwhile waits at Telegram
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", person.port)


async def test_what_is_under_way_at_the_end_is_still_answered(database: Database, sop: Sop) -> None:
    server = SlowServer()
    person = WebhookPerson(database, sop, server=server)
    await person.comes()
    posting = asyncio.create_task(person.post(person.made.words("/start")))
    await server.asked.wait()
    person.stop.set()
    await asyncio.sleep(0.3)
    server.open.set()

    assert (await posting).status_code == 200
    await person.leaves()


@pytest.mark.parametrize("now", [{"url": "https://elsewhere.example.com/telegram"}, {}])
async def test_a_program_that_takes_the_webhook_away_is_noticed(
    database: Database, sop: Sop, now: Json, caplog: pytest.LogCaptureFixture
) -> None:
    person = WebhookPerson(database, sop)
    await person.comes()
    person.server.refuse("getWebhookInfo", Refused(502, "Bad Gateway"))  # borne
    person.server.webhook = now

    with pytest.raises(SecondPoller, match="Another program gets the messages of this bot"):
        await asyncio.wait_for(person.polling, 5)

    told = [message.text for message in person.server.log]
    assert told == [
        "❗ Another program gets the messages of this bot. Stop that one, or make a bot of its own for it with @BotFather.\n"
        "I stop here. Start me again after that."
    ]
    assert f"another program had updates sent to {'elsewhere.example.com' if now else 'nowhere'}" in caplog.text
    await person.posts.aclose()
    await TelegramPerson.leaves(person)


async def test_an_address_that_telegram_refuses_is_named(database: Database, sop: Sop) -> None:
    person = WebhookPerson(database, sop)
    person.server.refuse("setWebhook", Refused(400, "Bad Request: bad webhook: Failed to resolve host"))

    with pytest.raises(ChatError, match="TELEGRAM_WEBHOOK_URL: Bad webhook: failed to resolve host"):
        await person.comes()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", person.port)


async def test_a_port_that_is_taken_is_named_and_telegram_told_nothing(
    posted: WebhookPerson, database: Database, sop: Sop
) -> None:
    other = TelegramPerson(database, sop, reader=posted.reader)

    with pytest.raises(ChatError, match=rf"TELEGRAM_WEBHOOK_LISTEN: 127.0.0.1:{posted.port} cannot be used"):
        await other.comes()

    assert other.server.webhook == {}


async def test_the_secret_is_not_logged(database: Database, sop: Sop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    person = WebhookPerson(database, sop)
    await person.comes()
    await person.says("/start")
    await person.posts.post("/telegram", headers={SECRET_HEADER: f"{SECRET}x"})
    await person.leaves()

    assert "setWebhook" in caplog.text
    assert SECRET not in caplog.text
