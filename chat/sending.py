"""How replies and notices reach people: one call of the Bot API after the other, in the pace Telegram asks for.

What is said is decided elsewhere, and kept in the database until it has gone out; here it is sent, perhaps again. Telegram has
no way to send a message at most once, so a crash between sending and noting it can send it twice, never lose it.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
    Update,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, RetryAfter, TelegramError

from chat import cards, files
from chat.buttons import offered, told
from chat.markup import Json, split
from chat.polling import seconds_asked_for

logger = logging.getLogger(__name__)

PACE_SECONDS = 1.0  # between two notices to one chat
_CHATS_AT_PACE = 30  # chats that may be written to in turn within that time: Telegram takes 30 messages a second in all
_PATIENCE_SECONDS = 30  # how long a call may wait for Telegram's limits before it is given up for now

T = TypeVar("T")


class Sender:
    """Sends through one bot. `pace` is the least time in seconds between two messages that nobody asked for, in one chat."""

    def __init__(self, bot: Bot, *, pace: float = PACE_SECONDS) -> None:
        self._bot, self._pace = bot, pace
        self._last: dict[int, float] = {}

    async def reply(self, update: Update, replies: Sequence[Json], outcome: Json | None) -> dict[str, int]:
        """Send the replies to an update; one that Telegram will never take is logged, so that it holds up no other. Gives the
        message that each card's buttons are under."""
        chat = update.effective_chat
        placed: dict[str, int] = {}
        await self._answer_tap(update, next((reply["toast"] for reply in replies if "toast" in reply), None))
        for reply in replies:
            if "toast" in reply or chat is None:
                continue
            try:
                if "file" in reply:
                    await self._file(chat.id, reply)
                    continue
                edit = reply.get("edit")
                ids = await self._message(chat.id, _words(reply, outcome), offered(reply, outcome), edit)
                if "card" in reply:
                    placed[reply["card"]] = ids[-1] if ids else reply["edit"]
            except (BadRequest, Forbidden) as error:  # logged without its text, which may quote the message
                logger.warning(
                    "reply refused: %s",
                    type(error).__name__,
                    extra={"action": "reply_refused", "update_id": update.update_id},
                )
        return placed

    async def menu(self, chat_id: int, entries: Sequence[tuple[str, str]]) -> None:
        """Offer a chat a menu of its own, or without entries everybody's. It is a convenience: what fails is only logged."""
        scope = BotCommandScopeChat(chat_id)
        try:
            if entries:
                await self._bot.set_my_commands([BotCommand(*entry) for entry in entries], scope)
            else:
                await self._bot.delete_my_commands(scope)
        except TelegramError as error:
            logger.warning("menu not set: %s", type(error).__name__, extra={"action": "menu_failed"})

    async def notify(self, chat_id: int, lines: str, buttons: Sequence[Any] = ()) -> list[int]:
        """Send a message that nobody asked for, in pace; the ids of the messages it took."""
        here, anywhere = self._last.get(chat_id, 0.0), max(self._last.values(), default=0.0)
        wait = max(here + self._pace, anywhere + self._pace / _CHATS_AT_PACE) - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        return await self._message(chat_id, lines, buttons, None)

    async def _answer_tap(self, update: Update, text: str | None) -> None:
        """Every tap is answered, or the button keeps spinning; one that is too old to be answered is none of our business."""
        query = update.callback_query
        if query is None:
            return
        try:
            await patiently(lambda: self._bot.answer_callback_query(query.id, text))
        except BadRequest:
            logger.info("tap too old to answer", extra={"action": "tap_too_old", "update_id": update.update_id})

    async def _message(self, chat_id: int, lines: str, buttons: Sequence[Any], edit: int | None) -> list[int]:
        """A message in as many parts as it needs, the buttons under the last; the first part goes in place of `edit`."""
        parts = split(lines)
        ids = []
        for place, part in enumerate(parts):
            markup = _markup(buttons) if place == len(parts) - 1 else None
            if place or edit is None or not await self._edited(chat_id, edit, part, markup):
                ids.append((await self._sent(chat_id, part, markup)).message_id)
        self._last[chat_id] = time.monotonic()
        return ids

    async def _file(self, chat_id: int, reply: Json) -> None:
        """A picture or a document with its caption; a picture too large to be shown as one is sent as a document."""
        ways = [self._bot.send_photo] * reply["file"].endswith(".png") + [self._bot.send_document]
        for send in ways:
            file = InputFile(base64.b64decode(reply["data"]), filename=reply["file"])
            call = functools.partial(send, chat_id, file, caption=reply["say"] or None, parse_mode=ParseMode.HTML)
            try:
                await patiently(call)
                break
            except BadRequest:
                if send is ways[-1]:
                    raise
        self._last[chat_id] = time.monotonic()

    async def _sent(self, chat_id: int, text: str, markup: InlineKeyboardMarkup | None) -> Message:
        return await patiently(
            lambda: self._bot.send_message(
                chat_id,
                text,
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        )

    async def _edited(self, chat_id: int, message_id: int, text: str, markup: InlineKeyboardMarkup | None) -> bool:
        """Whether the message could be edited; one that says this already has been."""
        try:
            await patiently(
                lambda: self._bot.edit_message_text(
                    text, chat_id, message_id, parse_mode=ParseMode.HTML, reply_markup=markup
                )
            )
        except BadRequest as error:
            return "not modified" in error.message.lower()
        return True


def _words(reply: Json, outcome: Json | None) -> str:
    """The message of a reply, by what came of its command where it depends on that."""
    if "told" in reply:
        return told(reply, outcome)
    if "taken_in" in reply:
        return "\n".join(files.taken_in(reply["taken_in"], outcome or {}))
    return reply["say"] if "say" in reply else "\n".join(cards.queued(reply["queued"], outcome or {}))


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call of the Bot API, again when Telegram asks to wait a little; `RetryAfter` when it asks to wait long."""
    for _ in range(3):
        try:
            return await call()
        except RetryAfter as error:
            seconds = seconds_asked_for(error)
            if seconds > _PATIENCE_SECONDS:
                raise
            await asyncio.sleep(seconds)
    return await call()


def _markup(buttons: Sequence[Any]) -> InlineKeyboardMarkup | None:
    rows = [[InlineKeyboardButton(key["text"], callback_data=key["data"]) for key in row] for row in buttons]
    return InlineKeyboardMarkup(rows) if rows else None
