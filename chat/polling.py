"""How updates come and are dealt with, one after the other; here by asking Telegram for them, in `webhook.py` by its posts.

Telegram forgets an update as soon as a later one is asked for, so that is done only when its effect is committed. Reading starts
with the oldest that Telegram still has: those that were dealt with before a restart are known to the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, MutableMapping, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application

from domain.errors import ChatError, SecondPoller

logger = logging.getLogger(__name__)

T = TypeVar("T")
App = Application[Any, Any, Any, Any, Any, Any]
PutOff = MutableMapping[int, float]

POLL_SECONDS = 25  # how long one reading waits for news
CONFLICT_SECONDS = 45  # a program that was just stopped reads no longer than this
UPDATE_TYPES = ["message", "callback_query"]
UNKNOWN_BOT = "Telegram no longer knows TELEGRAM_BOT_TOKEN. Copy it once more from @BotFather."
_LONGEST_PAUSE = 30.0


class Reader(Protocol):
    """A way in which the updates of one bot come."""

    async def begin(self) -> None:
        """Tell Telegram that they are to come this way from now on."""

    async def run(self, stop: asyncio.Event) -> None:
        """Deal with updates until told to stop. `SecondPoller` when another program gets them."""


ReaderOf = Callable[[App, PutOff], Reader]


async def deal_with(application: App, put_off: PutOff, update: Update) -> float | None:
    """Deal with an update: None once that is done, else after how many seconds at the least it has to come again. `put_off` is
    where handlers leave the latter, by the number of the update."""
    await application.process_update(update)
    return put_off.pop(update.update_id, None)


class Poller:
    """Asks for the updates of one bot; see `deal_with` for the rest."""

    def __init__(self, application: App, put_off: PutOff, *, conflict_seconds: float = CONFLICT_SECONDS) -> None:
        self._application, self._put_off, self._conflict_seconds = application, put_off, conflict_seconds
        self._offset: int | None = None
        self._pause = 0.0
        self._conflict_since: float | None = None

    async def begin(self) -> None:
        """Take away a webhook that is set; with one, Telegram lets nobody ask."""
        await self._application.bot.delete_webhook()

    async def run(self, stop: asyncio.Event) -> None:
        """Deal with updates until told to stop. `SecondPoller` when another program keeps reading the same bot."""
        while not stop.is_set():
            try:
                await self._settle(await self._news(stop), stop)
                self._conflict_since = None
            except Conflict as conflict:
                self._bear(conflict)
            except InvalidToken:  # without its cause: the library quotes the token
                raise ChatError(UNKNOWN_BOT) from None
            except TelegramError as error:
                logger.info("no news: %s", type(error).__name__, extra={"action": "poll_failed"})
                self._wait_longer(seconds_asked_for(error))
            await wait(stop, self._pause)

    async def _news(self, stop: asyncio.Event) -> Sequence[Update]:
        """The next updates; none as soon as it is time to stop."""
        bot = self._application.bot
        reading = bot.get_updates(offset=self._offset, timeout=POLL_SECONDS, allowed_updates=UPDATE_TYPES)
        return await unless(stop, reading) or ()

    async def _settle(self, updates: Sequence[Update], stop: asyncio.Event) -> None:
        """Deal with updates in order, up to the first that has to wait."""
        for update in updates:
            if stop.is_set():
                return
            seconds = await deal_with(self._application, self._put_off, update)
            if seconds is not None:
                self._wait_longer(seconds)
                return
            self._offset = update.update_id + 1
        self._pause = 0.0

    def _bear(self, conflict: Conflict) -> None:
        now = time.monotonic()
        self._conflict_since = self._conflict_since or now
        if now - self._conflict_since > self._conflict_seconds:
            raise SecondPoller from None
        logger.warning(
            "another program gets this bot's messages: %s", conflict.message, extra={"action": "second_poller"}
        )
        self._wait_longer(0.0)

    def _wait_longer(self, at_least: float) -> None:
        self._pause = max(at_least, min(max(self._pause * 2, 0.5), _LONGEST_PAUSE))


def seconds_asked_for(error: Exception) -> float:
    """How long Telegram has asked to be left alone; 0 when it has not."""
    if not isinstance(error, RetryAfter):
        return 0.0
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


async def unless(stop: asyncio.Event, call: Coroutine[Any, Any, T]) -> T | None:
    """What a call gives; None as soon as it is time to stop."""
    calling, stopping = asyncio.ensure_future(call), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({calling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return calling.result() if calling.done() else None
    finally:
        for task in (calling, stopping):
            task.cancel()
        await asyncio.gather(calling, stopping, return_exceptions=True)


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
