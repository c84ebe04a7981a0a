"""The outbox: notices go to whom they are for, in words as things stand when they are sent, and to others where that fails.

The words are in `notices.py`, `handing_on.py` (questions) and `interviewing.py`; `sending.py` sends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from telegram.error import BadRequest, Forbidden, TelegramError

from chat import interviewing
from chat.buttons import Admins, Choice, Worded, drawn
from chat.escalations import notice_choices
from chat.handing_on import is_question, put_to
from chat.markup import Json, italic
from chat.notices import notice as worded
from chat.polling import seconds_asked_for, wait
from chat.sending import Sender
from chat.updates import unreachable
from domain.errors import DatabaseUnavailable
from sop import Sop
from supabase_db import Database

logger = logging.getLogger(__name__)

CHANNEL = "telegram"
EVERYBODY = "admins"  # the recipient of a notice for all admins
IDLE_SECONDS = 0.5  # between two looks for notices
_LEASE_SECONDS = 120
_AT_ONCE = 10  # notices claimed together
_PERHAPS_SENT = frozenset({"", "TimedOut"})  # somebody set out to send it and was not heard of again, or heard nothing
_LATEST = timedelta(minutes=15)  # the longest wait before another try


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
    lines = worded(notice["kind"], notice["payload"])
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


async def _failed(db: Database, notice: Json, reason: str, retry_at: datetime | None) -> None:
    logger.warning(
        "notice not sent: %s",
        reason,
        extra={"action": "notice_failed", "notice_id": notice["id"], "again": retry_at is not None},
    )
    await db.notice_failed(notice_id=notice["id"], reason=reason, retry_at=retry_at)
