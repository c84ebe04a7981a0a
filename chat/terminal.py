"""The same bot on a terminal: a stand-in for the network that answers the Bot API in memory.

Messages are printed as plain text, buttons with numbers; a typed number presses the button. A button that is a number itself, as
days of a month are, is pressed by that one. Files that the bot sends are written to a folder, and `/import PATH` hands it one, as
attaching does in Telegram. Everything else (handlers, polling, the database) is the bot's own, unchanged. Where lines come from
and go to is an argument, so that tests can play the person.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any, TextIO

from telegram.request import BaseRequest, RequestData

from chat.markup import NOTE, plain_text

Json = dict[str, Any]
ReadLine = Callable[[], Awaitable[str | None]]

TOKEN = "1:terminal"  # noqa: S105 - the library wants one of this shape; nothing is signed in to
ADMIN_ID = 1  # whoever sits at this terminal
_FIRST_UPDATE = 10**12  # far above Telegram's numbers, so that the two never meet in one database
_NUMBER = re.compile(r"\W*([1-9]\d?)\W*", re.ASCII)  # a button that is a number, perhaps with a mark
_COLUMNS = 5  # buttons in a row that stands in columns
_GREETING = "\n  The bot: /start takes in a candidate, /help says more. A number presses a button, Ctrl-D ends.\n"
_GOODBYE = "\n  Goodbye. Everything is kept, and the next start goes on from here.\n"
_PERSON = {"id": ADMIN_ID, "is_bot": False, "first_name": "Admin"}
_BOT = {"id": 2, "is_bot": True, "first_name": "Scheduler", "username": "terminal_bot"}
_CHAT = {"id": ADMIN_ID, "type": "private", "first_name": "Admin"}


class TerminalRequest(BaseRequest):
    """Answers the Bot API. `read_line` gives what is typed (None at its end), `write` takes what is to be shown; `ended` is
    called once the input has ended. `last_update` is the highest number the database knows, so that numbers keep rising;
    `outbox` is the folder for files that the bot sends."""

    def __init__(
        self,
        *,
        read_line: ReadLine,
        write: Callable[[str], None],
        ended: Callable[[], None],
        last_update: int | None,
        outbox: Path,
    ) -> None:
        self._outbox = outbox
        self._read_line, self._write, self._ended = read_line, write, ended
        self._updates = itertools.count(max(last_update or 0, _FIRST_UPDATE) + 1)
        self._unconfirmed: Json | None = None  # the newest update, until a later one is asked for
        self._messages = itertools.count(1)
        self._greeted = False
        self._shown: dict[int, str] = {}  # the text of each message
        self._keys: tuple[int, dict[int, str]] = (0, {})  # the message whose buttons have the numbers, and their data

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None:
        """Nothing is connected."""

    async def shutdown(self) -> None:
        """Nothing is connected."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """One call of the Bot API."""
        name = url.rpartition("/")[2]
        sent = dict(request_data.parameters) if request_data else {}
        if request_data and (files := request_data.multipart_data):  # sendDocument, sendPhoto
            return _answer(200, {"ok": True, "result": self._keep(sent, *next(iter(files.values()))[:2])})
        if name == "getUpdates":
            return _answer(200, {"ok": True, "result": await self._news(_offset(sent))})
        methods: dict[str, Callable[[Json], Json | bool]] = {
            "getMe": lambda _: _BOT,
            "deleteWebhook": lambda _: True,
            "setMyCommands": lambda _: True,
            "deleteMyCommands": lambda _: True,
            "sendMessage": lambda message: self._show(next(self._messages), message),
            "editMessageText": lambda message: self._show(int(message["message_id"]), message),
            "answerCallbackQuery": self._note,
            "getFile": lambda file: {"file_id": file["file_id"], "file_unique_id": "f", "file_path": file["file_id"]},
        }
        if name not in methods:
            return _answer(404, {"ok": False, "error_code": 404, "description": f"Not Found: {name}"})
        return _answer(200, {"ok": True, "result": methods[name](sent)})

    async def _news(self, offset: int | None) -> list[Json]:
        """The update that is not confirmed yet, else one of the next line that says something."""
        if self._unconfirmed and (offset is None or offset <= self._unconfirmed["update_id"]):
            return [self._unconfirmed]
        if not self._greeted:
            self._greeted = True
            self._write(_GREETING)
        line = await self._read_line()
        if line is None:
            self._write(_GOODBYE)
            self._ended()
            return []
        text = line.strip()
        self._unconfirmed = (self._tap(text) or self._words(text)) if text else None
        return [self._unconfirmed] if self._unconfirmed else []

    def _keep(self, sent: Json, name: str, data: bytes | IO[bytes]) -> Json:
        """Write a file of the bot's into the outbox, and say where; one of the same name there is replaced."""
        self._outbox.mkdir(parents=True, exist_ok=True)
        file = self._outbox / Path(name).name
        file.write_bytes(data if isinstance(data, bytes) else data.read())
        return self._show(next(self._messages), {"text": "\n".join(filter(None, [sent.get("caption"), f"📎 {file}"]))})

    def _note(self, answer: Json) -> bool:
        if answer.get("text"):
            self._write(f"\n  ({answer['text']})\n")
        return True

    def _tap(self, text: str) -> Json | None:
        """The tap that a number stands for, if there is a button with it."""
        message, keys = self._keys
        data = keys.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 5 else None
        if data is None:
            return None
        number = next(self._updates)
        return {
            "update_id": number,
            "callback_query": {
                "id": str(number),
                "from": _PERSON,
                "chat_instance": "terminal",
                "data": data,
                "message": self._message(message),
            },
        }

    def _words(self, text: str) -> Json:
        message = {**self._message(next(self._messages)), "from": _PERSON, "text": text}
        if file := _attached(text):
            del message["text"]
            message["document"] = file
        elif text.startswith("/"):
            command = text.split()[0]
            message["entities"] = [
                {"type": "bot_command", "offset": 0, "length": len(command.encode("utf-16-le")) // 2}
            ]
        return {"update_id": next(self._updates), "message": message}

    def _message(self, number: int) -> Json:
        return {"message_id": number, "date": int(time.time()), "chat": _CHAT, "text": self._shown.get(number, "")}

    def _show(self, number: int, sent: Json) -> Json:
        """Print a message, and take over its buttons; an edited one is printed again when it says something else."""
        rows = (sent.get("reply_markup") or {}).get("inline_keyboard", [])
        keys, cells = _numbered(rows)
        text = plain_text(sent["text"])
        if self._shown.get(number) != text or keys:
            self._write(_page(text, cells))
        self._shown[number] = text
        if keys or self._keys[0] == number:
            self._keys = (number, keys)
        return {**self._message(number), "from": _BOT}


class Console:
    """A person at standard input and output, which may also be pipes. Lines are read in a thread of their own, and past Python's
    buffers, so that waiting for one never keeps the program from ending."""

    def __init__(self, source: int = 0, out: TextIO | None = None) -> None:
        self._source, self._out = source, out or sys.stdout
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._reader: threading.Thread | None = None
        self._interactive = os.isatty(source)
        self._asking = False  # whether the cursor is behind our prompt

    async def read_line(self) -> str | None:
        """The next line; None at the end of the input."""
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True)
            self._reader.start()
        if self._interactive:
            self._print("\n> ")
            self._asking = True
        line = await self._lines.get()
        self._asking = False
        if line is None:
            self._lines.put_nowait(None)
        if line is not None and not self._interactive:
            self._print(f"\n> {line}\n")
        return line

    def write(self, text: str) -> None:
        """Show something, also while a line is being waited for."""
        fitted = _fitted(text, os.get_terminal_size(self._source).columns or 80) if self._interactive else text
        self._print(f"{fitted}\n> " if self._asking else fitted)

    def _print(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for line in _lines_of(self._source):
                loop.call_soon_threadsafe(self._lines.put_nowait, line)
            loop.call_soon_threadsafe(self._lines.put_nowait, None)
        except RuntimeError:
            return  # the loop is closed: nobody is waiting any more


def _lines_of(source: int) -> Iterator[str]:
    """The lines of a file descriptor; what is no text is marked as such instead of ending the conversation."""
    kept = b""
    while True:
        try:
            read = os.read(source, 65_536)
        except OSError:  # the terminal is gone
            read = b""
        *lines, kept = (kept + read).split(b"\n")
        yield from map(_text, lines)
        if not read:
            if kept:
                yield _text(kept)
            return


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")


def _numbered(rows: list[list[Json]]) -> tuple[dict[int, str], list[list[str]]]:
    """The data of the buttons by their numbers, and each button as it is printed. Buttons that are numbers keep them, the others
    are counted from the next one."""
    own = [int(found[1]) for row in rows for key in row if (found := _NUMBER.fullmatch(key["text"]))]
    free = itertools.count(max(own, default=0) + 1)
    cells = [[(*_cell(key, free), str(key["callback_data"])) for key in row] for row in rows]
    keys = {number: data for row in cells for number, _, data in row if number}
    return keys, [[text for _, text, _ in row] for row in cells]


def _cell(key: Json, free: Iterator[int]) -> tuple[int, str]:
    """A button's number, 0 for one that does nothing, and how it is printed."""
    if key["callback_data"].startswith(NOTE):
        return 0, key["text"]
    if found := _NUMBER.fullmatch(key["text"]):
        return int(found[1]), f"[{key['text']}]"
    number = next(free)
    return number, f"[{number}] {key['text']}"


def _page(text: str, cells: list[list[str]]) -> str:
    """A message with its buttons, indented to stand apart from what is typed; long rows of the same length stand in columns."""
    lines = text.split("\n") + [""] * bool(cells)
    for row in cells:
        alike = [other for other in cells if len(other) == len(row) >= _COLUMNS]
        widths = [max(map(len, column)) for column in zip(*alike, strict=True)] or [0] * len(row)
        lines.append("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    return "\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines)


def _fitted(text: str, width: int) -> str:
    """Long lines broken between words; what goes on in the next stands under what it belongs to. Signs may be two wide."""
    return "\n".join(line if len(line) < width - 2 else _broken(line, width - 2) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    margin = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.strip(),
        width,
        initial_indent=margin,
        subsequent_indent=margin + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _attached(text: str) -> Json | None:
    """The document that `/import PATH` attaches; None where there is no such file."""
    command, _, words = text.partition(" ")
    file = Path(words.strip().strip("'\"")).expanduser().absolute()
    try:
        if command != "/import" or not file.is_file():
            return None
        size = file.stat().st_size
    except (OSError, ValueError):  # no path at all, or one that may not be looked at
        return None
    return {"file_id": str(file), "file_unique_id": "f", "file_name": file.name, "file_size": size}


def _answer(status: int, body: Json) -> tuple[int, bytes]:
    return status, json.dumps(body).encode()


def _offset(sent: Json) -> int | None:
    return int(sent["offset"]) if sent.get("offset") else None
