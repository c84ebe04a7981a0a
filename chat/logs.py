"""Keeping the bot's token out of the logs: it is part of every address of the Bot API, and some libraries log addresses. The
secret of a webhook is kept out the same way."""

from __future__ import annotations

import logging


class HideToken(logging.Filter):
    """Replaces the token in the lines of a log handler, tracebacks included."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record before it is written; always True, for no line is dropped."""
        record.msg, record.args = record.getMessage().replace(self.token, "<token>"), ()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info).replace(self.token, "<token>")
        return True


def protect_logs(token: str) -> None:
    """Hide the token in every handler of the root logger, and quieten the libraries that log each call with its address."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(present, HideToken) and present.token == token for present in handler.filters):
            handler.addFilter(HideToken(token))
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
