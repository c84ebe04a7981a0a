"""A stand-in for Telegram's servers, behind the library's request interface: it keeps chats, is as strict as the Bot API where
that matters (HTML, lengths, button data, edits that change nothing), and refuses calls by script.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from telegram.request import BaseRequest, RequestData

Json = dict[str, Any]
_ENTITY = re.compile(r"<(/?)(b|i|code|a)( href=\"[^\"<>]+\")?>|&(lt|gt|amp|quot);|[^<&]")
_MEANING = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


class Refused(Exception):
    """The server says no."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        self.status, self.description, self.parameters = status, description, parameters
        super().__init__(description)


@dataclass(kw_only=True)
class Shown:
    """A message as a person sees it now."""

    id: int
    chat: int
    text: str
    rows: list[list[Json]] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        return [key["text"] for row in self.rows for key in row]


class TelegramServer(BaseRequest):
    """Answers the Bot API in memory. `messages` are the chats as they look now, `log` everything that was shown in order, and
    `calls` every call; `refusals` holds what the next calls of a method are answered with instead (None: it goes through)."""

    def __init__(self) -> None:
        self.messages: dict[int, Shown] = {}
        self.log: list[Shown] = []
        self.toasts: list[str] = []
        self.files: dict[str, bytes] = {}  # those that the bot has sent
        self.uploads: dict[str, bytes] = {}  # those that people have sent, by id
        self.calls: list[tuple[str, Json]] = []
        self.refusals: dict[str, deque[Refused | None]] = {}
        self.updates: dict[int, Json] = {}
        self.offsets: list[int | None] = []
        self.webhook: Json = {}  # as it was set, with what Telegram says of it besides
        self._ids = itertools.count(1001)
        self._something_new = asyncio.Event()

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None:
        """Nothing to connect."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        name = url.rpartition("/")[2]
        sent: Json = dict(request_data.parameters) if request_data else {}
        self.calls.append((name, sent))
        if "/file/bot" in url:
            return 200, self.uploads[url.rpartition("/")[2]]
        if request_data and request_data.multipart_data:
            sent["file"] = next(iter(request_data.multipart_data.values()))[:2]
        try:
            refusal = self.refusals[name].popleft() if self.refusals.get(name) else None
            if refusal:
                raise refusal
            result = await self._news(sent) if name == "getUpdates" else self._result(name, sent)
        except Refused as no:
            body = {"ok": False, "error_code": no.status, "description": no.description, "parameters": no.parameters}
            return no.status, json.dumps(body).encode()
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def refuse(self, method: str, *answers: Refused | None) -> None:
        """Answer the next calls of a method like this."""
        self.refusals.setdefault(method, deque()).extend(answers)

    async def shows(self, words: str) -> None:
        """Wait until a message with these words has been shown."""
        async with asyncio.timeout(10):
            while not any(words in message.text for message in self.log):
                self._something_new.clear()
                await self._something_new.wait()

    def _result(self, name: str, sent: Json) -> Any:
        if name == "getMe":
            return {"id": 42, "is_bot": True, "first_name": "Scheduler", "username": "scheduler_bot"}
        if name in {"setMyCommands", "deleteMyCommands"}:
            return True
        if name in {"setWebhook", "deleteWebhook"}:
            self.webhook = _webhook(sent) if name == "setWebhook" else {}
            return True
        if name == "getWebhookInfo":
            usual = {"url": "", "has_custom_certificate": False, "pending_update_count": len(self.updates)}
            return usual | {key: value for key, value in self.webhook.items() if key != "secret_token"}
        if name == "answerCallbackQuery":
            if sent.get("text"):
                self.toasts.append(sent["text"])
            return True
        if name == "sendMessage":
            return self._shown(Shown(id=next(self._ids), chat=int(sent["chat_id"]), text=_read(sent), rows=_rows(sent)))
        if name in {"sendDocument", "sendPhoto"}:
            return self._file(name, sent)
        if name == "getFile":
            return {"file_id": sent["file_id"], "file_unique_id": "u", "file_path": f"documents/{sent['file_id']}"}
        if name == "editMessageText":
            return self._edit(sent)
        raise Refused(404, f"Not Found: method {name}")

    def _file(self, name: str, sent: Json) -> Json:
        """A picture or document, shown as its caption and a line with its name."""
        filename, data = sent["file"]
        if name == "sendPhoto" and not data.startswith(b"\x89PNG"):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        caption = read_html(sent.get("caption", ""))
        if len(caption) > 1024:
            raise Refused(400, "Bad Request: message caption is too long")
        self.files[filename] = data
        text = "\n".join(filter(None, [caption, f"📎 {filename}"]))
        return self._shown(Shown(id=next(self._ids), chat=int(sent["chat_id"]), text=text))

    def _edit(self, sent: Json) -> Json:
        old = self.messages.get(int(sent["message_id"]))
        new = Shown(id=int(sent["message_id"]), chat=int(sent["chat_id"]), text=_read(sent), rows=_rows(sent))
        if old is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if (old.text, old.rows) == (new.text, new.rows):
            raise Refused(400, "Bad Request: message is not modified: specified new message content is the same")
        return self._shown(new)

    def _shown(self, message: Shown) -> Json:
        self.messages[message.id] = message
        self.log.append(message)
        self._something_new.set()
        chat = {"id": message.chat, "type": "private", "first_name": "A"}
        return {"message_id": message.id, "date": 1_767_600_000, "chat": chat, "text": message.text}

    async def _news(self, sent: Json) -> list[Json]:
        """Updates from the offset on; those before it are forgotten for good, as Telegram does it."""
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
        offset = sent.get("offset")
        self.offsets.append(offset)
        self.updates = {number: update for number, update in self.updates.items() if offset is None or number >= offset}
        if not self.updates:
            await asyncio.sleep(0.01)
        return [self.updates[number] for number in sorted(self.updates)]


def _webhook(sent: Json) -> Json:
    """A webhook, if Telegram would set it."""
    if not sent["url"].startswith("https://"):
        raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", sent["secret_token"]) or not 1 <= int(sent["max_connections"]) <= 100:
        raise Refused(400, "Bad Request: bad webhook")
    return sent


def _read(sent: Json) -> str:
    """The text of a message, if Telegram would take it."""
    if sent.get("parse_mode") != "HTML":
        raise Refused(400, "Bad Request: this server only reads HTML")
    text = read_html(sent["text"])
    if not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > 4096:
        raise Refused(400, "Bad Request: message is too long")
    return text


def read_html(source: str) -> str:
    """What a person reads of a text in Telegram's HTML; `Refused` for anything Telegram cannot parse."""
    text, place = "", 0
    open_tags: list[str] = []
    while place < len(source):
        match = _ENTITY.match(source, place)
        if not match or bool(match[3]) != (match[2] == "a" and not match[1]):
            raise Refused(400, f"Bad Request: can't parse entities: byte offset {place}")
        if match[1] and (not open_tags or open_tags.pop() != match[2]):
            raise Refused(400, f"Bad Request: can't parse entities: byte offset {place}")
        if match[2] and not match[1]:
            open_tags.append(match[2])
        text += "" if match[2] else _MEANING[match[4]] if match[4] else match[0]
        place = match.end()
    if open_tags:
        raise Refused(400, f"Bad Request: can't parse entities: {open_tags[-1]} is not closed")
    return text


def _rows(sent: Json) -> list[list[Json]]:
    rows: list[list[Json]] = (sent.get("reply_markup") or {}).get("inline_keyboard", [])
    keys = [key for row in rows for key in row]
    if len(keys) > 100 or any(not 1 <= len(key["callback_data"].encode()) <= 64 or not key["text"] for key in keys):
        raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return rows
