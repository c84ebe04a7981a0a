"""What can be said of an update, and of an error that dealing with it ended in. Pure."""

from __future__ import annotations

import traceback

from telegram import Update
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError

from domain.errors import DatabaseUnavailable


def kind_of(update: Update) -> str:
    """The type of an update, such as `message` or `poll_answer`."""
    return next((name for name in Update.ALL_TYPES if getattr(update, name, None) is not None), "unknown")


def passes(error: Exception) -> bool:
    """Whether the same update may well succeed a little later."""
    return isinstance(error, DatabaseUnavailable | RetryAfter | NetworkError) and not isinstance(error, BadRequest)


def unreachable(error: TelegramError) -> str | None:
    """Why somebody cannot be written to any more, in words that follow their name; None when the error says no such thing."""
    said = error.message.lower()
    if "chat not found" in said or "initiate conversation" in said:
        return "has never written to me"
    if isinstance(error, Forbidden):
        return "has closed their Telegram account" if "deactivated" in said else "has blocked me"
    return "is in another chat now" if isinstance(error, ChatMigrated) else None


def where(error: Exception) -> str:
    """The lines of code an error came through, without its text."""
    return "".join(traceback.format_tb(error.__traceback__))
