"""The loop that reads updates and deals with them one after the other.

Telegram forgets an update as soon as a later one is asked for, so that is done only when its effect is committed. Reading starts
with the oldest that Telegram still has: those that were dealt with before a restart are known to the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import MutableMapping, Sequence
from datetime import timedelta
from typing import Any

from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.ext import Application

from domain.errors import ChatError, SecondPoller

logger = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]

POLL_SECONDS = 25  # how long one reading waits for news
CONFLICT_SECONDS = 45  # a program that was just stopped reads no longer than this
UPDATE_TYPES = ["message", "callback_query"]
_LONGEST_PAUSE = 30.0


class Poller:
    """Reads the updates of one bot. `put_off` is where handlers leave the number of an update that cannot be dealt with now and
    is to be read again, and after how many seconds at the least."""

    def __init__(
        self, application: App, put_off: MutableMapping[int, float], *, conflict_seconds: float = CONFLICT_SECONDS
    ) -> None:
        self._application, self._put_off, self._conflict_seconds = application, put_off, conflict_seconds
        self._offset: int | None = None
        self._pause = 0.0
        self._conflict_since: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Deal with updates until told to stop. `SecondPoller` when another program keeps reading the same bot."""
        while not stop.is_set():
            try:
                await self._settle(await self._news(stop), stop)
                self._conflict_since = None
            except Conflict:
                self._bear_conflict()
            except InvalidToken:  # without its cause: the library quotes the token
                raise ChatError(
                    "Telegram no longer knows TELEGRAM_BOT_TOKEN. Copy it once more from @BotFather."
                ) from None
            except TelegramError as error:
                logger.info("no news: %s", type(error).__name__, extra={"action": "poll_failed"})
                self._wait_longer(seconds_asked_for(error))
            await wait(stop, self._pause)

    async def _news(self, stop: asyncio.Event) -> Sequence[Update]:
        """The next updates; none as soon as it is time to stop."""
        bot = self._application.bot
        reading = asyncio.ensure_future(
            bot.get_updates(offset=self._offset, timeout=POLL_SECONDS, allowed_updates=UPDATE_TYPES)
        )
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else ()
        finally:
            for task in (reading, stopping):
                task.cancel()
            await asyncio.gather(reading, stopping, return_exceptions=True)

    async def _settle(self, updates: Sequence[Update], stop: asyncio.Event) -> None:
        """Deal with updates in order, up to the first that has to wait."""
        for update in updates:
            if stop.is_set():
                return
            await self._application.process_update(update)
            if update.update_id in self._put_off:
                self._wait_longer(self._put_off.pop(update.update_id))
                return
            self._offset = update.update_id + 1
        self._pause = 0.0

    def _bear_conflict(self) -> None:
        now = time.monotonic()
        self._conflict_since = self._conflict_since or now
        if now - self._conflict_since > self._conflict_seconds:
            raise SecondPoller from None
        logger.warning("another program reads this bot's messages, too", extra={"action": "second_poller"})
        self._wait_longer(0.0)

    def _wait_longer(self, at_least: float) -> None:
        self._pause = max(at_least, min(max(self._pause * 2, 0.5), _LONGEST_PAUSE))


def seconds_asked_for(error: Exception) -> float:
    """How long Telegram has asked to be left alone; 0 when it has not."""
    if not isinstance(error, RetryAfter):
        return 0.0
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
