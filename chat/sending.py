"""How replies and notices reach people: one call of the Bot API after the other, in the pace Telegram asks for.

What is said is decided elsewhere, and kept in the database until it has gone out; here it is sent, perhaps again. Telegram has
no way to send a message at most once, so a crash between sending and noting it can send it twice, never lose it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
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

from chat import cards, files, interviewing, troubles
from chat.buttons import Admins, Choice, Worded, drawn, offered, told
from chat.digest import digest
from chat.escalations import notice_choices
from chat.handing_on import is_question, put_to
from chat.markup import Json, italic, split
from chat.polling import seconds_asked_for, wait
from chat.updates import unreachable
from domain.errors import DatabaseUnavailable
from sop import Sop
from supabase_db import Database

logger = logging.getLogger(__name__)

CHANNEL = "telegram"
EVERYBODY = "admins"  # the recipient of a notice for all admins
PACE_SECONDS = 1.0  # between two notices to one chat
_CHATS_AT_PACE = 30  # chats that may be written to in turn within that time: Telegram takes 30 messages a second in all
IDLE_SECONDS = 0.5  # between two looks for notices
_PATIENCE_SECONDS = 30  # how long a call may wait for Telegram's limits before it is given up for now
_LEASE_SECONDS = 120
_AT_ONCE = 10  # notices claimed together
_PERHAPS_SENT = frozenset({"", "TimedOut"})  # somebody set out to send it and was not heard of again, or heard nothing
_LATEST = timedelta(minutes=15)  # the longest wait before another try

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


async def keep_delivering(deliver: Callable[[], Awaitable[int]], stop: asyncio.Event) -> None:
    """Deliver notices as they come, until told to stop; `deliver` sends those that are due and says how many there were."""
    while not stop.is_set():
        sent = 0
        try:
            sent = await deliver()
        except DatabaseUnavailable:
            logger.warning("waiting for the database", extra={"action": "wait_for_database"})
        await wait(stop, 0.0 if sent else IDLE_SECONDS)


async def tell_at_once(sender: Sender, admins: Admins, lines: Sequence[str]) -> None:
    """Tell every admin who can be reached now something that cannot wait in the outbox."""
    with contextlib.suppress(DatabaseUnavailable):
        for chat in sorted(await admins()):
            with contextlib.suppress(TelegramError):
                await sender.notify(chat, "\n".join(lines))


async def deliver_due(
    db: Database,
    sender: Sender,
    admins: Admins,
    *,
    sop: Callable[[], Awaitable[Sop]],
    now: Callable[[], datetime],
) -> int:
    """Send the notices that are due; how many there were. Each is reported sent, or failed for now or for good. `admins` are
    told what is for all of them."""
    notices = await db.claim_notices(channel=CHANNEL, limit=_AT_ONCE, lease_seconds=_LEASE_SECONDS, now=now())
    for notice in notices:
        try:
            receipt = await _delivered(db, sender, notice, await admins(), sop, now())
        except (KeyError, TypeError, ValueError) as error:
            await _failed(db, notice, f"cannot be put into words: {type(error).__name__}", None)
        except (Forbidden, BadRequest) as error:
            await _failed(db, notice, type(error).__name__, None)
        except TelegramError as error:
            asked = timedelta(seconds=seconds_asked_for(error) or 2 ** min(notice["attempts"], 10))
            await _failed(db, notice, type(error).__name__, now() + min(asked, _LATEST))
        else:
            await db.notice_sent(notice_id=notice["id"], receipt=receipt)
    return len(notices)


async def _delivered(
    db: Database,
    sender: Sender,
    notice: Json,
    admins: Mapping[int, str],
    sop: Callable[[], Awaitable[Sop]],
    now: datetime,
) -> str:
    """Send a notice to whom it is for; chats and messages as the receipt. Who cannot be reached keeps nobody else from it, and
    what nobody it is for can be told, the other admins are; an interviewer's buttons are of no use to them."""
    present, own = frozenset(admins), interviewing.is_own(notice)
    message = await _message(db, notice, admins, sop, now)
    if message is None:
        return ""  # there is no more to tell
    recipient, lines, rows = message
    chats = frozenset({int(recipient)}) if own else _chats(recipient, present)
    if notice["attempts"] > 1 and notice["reason"] in _PERHAPS_SENT:
        lines = [*lines, italic("(perhaps sent twice)")]
    receipts, lost = await _told_each(db, sender, chats, lines, rows)
    if not receipts:
        instead = [italic(f"({who}, so this comes to you instead.)") for who in lost]
        receipts, _ = await _told_each(db, sender, present - chats, [*lines, *instead], () if own else rows)
    if not receipts:
        raise Forbidden("there is nobody to tell")
    return " ".join(receipts)


async def _message(
    db: Database, notice: Json, admins: Mapping[int, str], sop: Callable[[], Awaitable[Sop]], now: datetime
) -> Worded | None:
    """What a notice says, and to whom; None when there is no more to say."""
    if interviewing.is_own(notice):
        return await interviewing.notice(db, await sop(), notice, now)
    if is_question(notice):
        return await put_to(db, await sop(), notice, admins)
    return await _worded(db, notice, admins)


async def _worded(db: Database, notice: Json, admins: Mapping[int, str]) -> Worded:
    """What happened, with the buttons of the question that came of it."""
    kind, payload = notice["kind"], notice["payload"]
    worded = {"digest": digest, "access_again": troubles.works}.get(kind)
    lines = worded(payload) if worded else cards.notice(kind, payload)
    return notice["recipient"], lines, await notice_choices(db, notice, alone=len(admins) < 2)


def _chats(recipient: str, present: frozenset[int]) -> frozenset[int]:
    """Who is told: one who is no admin any more hears nothing, all others do instead."""
    return frozenset({int(recipient)}) if recipient != EVERYBODY and int(recipient) in present else present


async def _told_each(
    db: Database, sender: Sender, chats: frozenset[int], lines: Sequence[str], rows: Sequence[Sequence[Choice]]
) -> tuple[list[str], list[str]]:
    """Tell some admins: the receipts, and who could not be reached and why, which is noted."""
    receipts, lost = [], []
    for chat in sorted(chats):
        try:
            receipts += await _told(db, sender, chat, lines, rows)
        except TelegramError as error:
            reason = unreachable(error)
            if reason is None:
                raise
            noted = await db.note_unreachable(chat_id=chat, reason=reason)
            lost.append(f"{noted['name']} {reason}")
    return receipts, lost


async def _told(
    db: Database, sender: Sender, chat: int, lines: Sequence[str], rows: Sequence[Sequence[Choice]]
) -> list[str]:
    """Tell one admin, whose buttons are nobody else's."""
    card, keys, tokens = drawn(rows)
    if tokens:
        await db.add_buttons(chat_id=chat, user_id=chat, buttons=tokens)
    ids = await sender.notify(chat, "\n".join(lines), keys)
    if tokens:
        await db.place_card(card=card, message_id=ids[-1])
    return [f"{chat}:{message}" for message in ids]


def _words(reply: Json, outcome: Json | None) -> str:
    """The message of a reply, by what came of its command where it depends on that."""
    if "told" in reply:
        return told(reply, outcome)
    if "taken_in" in reply:
        return "\n".join(files.taken_in(reply["taken_in"], outcome or {}))
    return reply["say"] if "say" in reply else "\n".join(cards.queued(reply["queued"], outcome or {}))


async def _failed(db: Database, notice: Json, reason: str, retry_at: datetime | None) -> None:
    logger.warning(
        "notice not sent: %s",
        reason,
        extra={"action": "notice_failed", "notice_id": notice["id"], "again": retry_at is not None},
    )
    await db.notice_failed(notice_id=notice["id"], reason=reason, retry_at=retry_at)


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
