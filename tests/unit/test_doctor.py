"""What `doctor` says of the bot, by what Telegram says of it."""

from __future__ import annotations

import pytest
from telegram import Bot

from application.connecting import check_bot
from tests.fakes.telegram import Json, Refused, TelegramServer
from tests.unit.test_settings import URL, WEBHOOK, settings


@pytest.mark.parametrize(
    ("webhook", "says", "problem"),
    [
        (True, {"url": URL}, ""),
        (True, {}, ""),
        (False, {}, ""),
        (True, {"url": URL, "last_error_message": "Connection refused", "last_error_date": 1_767_600_000}, ""),
        (
            True,
            {"url": URL, "pending_update_count": 3, "last_error_message": "Wrong response from the webhook: 502"},
            "Telegram could not deliver: Wrong response from the webhook: 502. While `make run` runs,"
            " https://bot.example.com/telegram has to reach 127.0.0.1:8443 here.",
        ),
        (
            True,
            {"url": "https://elsewhere.example.com/x"},
            "Another program has the bot's messages sent to elsewhere.example.com. Stop that one, or make a bot of its own"
            " for it with @BotFather; then start this one again.",
        ),
        (
            False,
            {"url": URL},
            "Another program has the bot's messages sent to bot.example.com. Stop that one, or make a bot of its own"
            " for it with @BotFather; then start this one again.",
        ),
    ],
)
async def test_the_doctor_says_what_keeps_messages_from_coming(webhook: bool, says: Json, problem: str) -> None:
    server = TelegramServer()
    server.webhook = says

    found = await check_bot(
        Bot("1:X", request=server, get_updates_request=server), settings(**{} if webhook else dict.fromkeys(WEBHOOK))
    )

    assert list(found.problems) == [problem] * bool(problem)
    assert list(found.seen) == ["@scheduler_bot", f"{says.get('pending_update_count', 0)} updates waiting"]


async def test_the_doctor_says_that_the_bot_does_not_answer() -> None:
    server = TelegramServer()
    server.refuse("getMe", Refused(502, "Bad Gateway"))

    found = await check_bot(Bot("1:X", request=server, get_updates_request=server), settings())

    assert list(found.problems) == ["The bot does not answer (NetworkError): check its token."]
