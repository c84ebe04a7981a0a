"""A person at the bot, for scripted conversations: the same script over Telegram's stand-in and over the terminal."""

from __future__ import annotations

import asyncio
import functools
import itertools
import re
import socket
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from telegram import Update

from booking.records import agenda_file
from chat.foresight import Blind, Foresight
from chat.polling import Poller, ReaderOf
from chat.terminal import ADMIN_ID, TOKEN, TerminalRequest
from chat.webhook import SECRET_HEADER, Webhook
from config import parse_sop
from sop import Sop
from supabase_db import Database
from telegram_bot import AdminBot
from tests.fakes.telegram import Json, Shown, TelegramServer

ADMIN = 7_000_001
WEBHOOK_URL = "https://bot.example.com/telegram"
SECRET = "Canary-31_of_the_webhook"
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)  # a Saturday, 10:00 in Los Angeles


def fits(label: str, text: str) -> bool:
    """Whether a button is the one that a person means: a number is a day of a month, other words are in the label."""
    return text.strip("✓* ") == label if label.isdigit() else label in text


def updates_of(user: int = ADMIN, *, numbers: Any = None, chat: Json | None = None, name: str = "A") -> Updates:
    private = {"id": user, "type": "private", "first_name": name}
    return Updates(user, numbers or itertools.count(5_000), chat or private, name)


class Updates:
    """Makes the updates that Telegram would send for what a person does."""

    def __init__(self, user: int, numbers: Any, chat: Json, name: str = "A") -> None:
        self._user = {"id": user, "is_bot": False, "first_name": name}
        self._numbers, self._chat = numbers, chat

    def words(self, text: str) -> Json:
        message = self._message() | {"text": text}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        return {"update_id": next(self._numbers), "message": message}

    def sticker(self) -> Json:
        sticker = {
            "file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1,
            "is_animated": False, "is_video": False,
        }  # fmt: skip
        return {"update_id": next(self._numbers), "message": self._message() | {"sticker": sticker}}

    def document(self, file_id: str, name: str, size: int) -> Json:
        document = {"file_id": file_id, "file_unique_id": "u", "file_name": name, "file_size": size}
        return {"update_id": next(self._numbers), "message": self._message() | {"document": document}}

    def tap(self, data: str, message_id: int) -> Json:
        number = next(self._numbers)
        query = {"id": str(number), "from": self._user, "chat_instance": "c", "data": data}
        return {
            "update_id": number,
            "callback_query": query | {"message": self._message() | {"message_id": message_id}},
        }

    def _message(self) -> Json:
        return {"message_id": next(self._numbers), "date": 1_767_600_000, "chat": self._chat, "from": self._user}


class PersonsForesight:
    """The foresight that a person has by the time it is asked: an office comes after the bot."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def __getattr__(self, name: str) -> Any:
        return getattr(self._person.foresight, name)


class Person(ABC):
    """Somebody who writes and taps, and reads what the bot says. `transcript` is the whole of it."""

    def __init__(self, db: Database, sop: Sop) -> None:
        self.db, self.current_sop, self.now = db, sop, NOW
        self.transcript: list[str] = []
        self.foresight: Foresight = Blind()
        self.looks_ahead: Any = PersonsForesight(self)
        self.fault: Exception | None = None  # what reading the SOP ends in, if anything

    async def sop(self) -> Sop:
        if self.fault:
            raise self.fault
        return self.current_sop

    async def says(self, text: str) -> str:
        """Write something; what the bot answers."""
        return self._noted(f"> {text}", await self._says(text))

    async def taps(self, label: str) -> str:
        """Press the newest button with this in its label; what the bot answers."""
        return self._noted(f"> [{label}]", await self._taps(label))

    async def sends(self, name: str, data: bytes) -> str:
        """Hand the bot a file; what the bot answers."""
        return self._noted(f"> 📎 {name}", await self._sends(name, data))

    @abstractmethod
    def received(self, name: str) -> bytes:
        """A file that the bot has sent."""

    async def reads_news(self) -> str:
        """What the bot says of its own accord."""
        return self._noted("", await self._reads_news())

    def _noted(self, did: str, heard: str) -> str:
        self.transcript += filter(None, [did, heard])
        return heard

    @abstractmethod
    async def comes(self) -> None: ...

    @abstractmethod
    async def leaves(self) -> None: ...

    @abstractmethod
    async def _says(self, text: str) -> str: ...

    @abstractmethod
    async def _taps(self, label: str) -> str: ...

    @abstractmethod
    async def _sends(self, name: str, data: bytes) -> str: ...

    @abstractmethod
    async def _reads_news(self) -> str: ...


class TelegramPerson(Person):
    """In Telegram. With `mortal` the bot dies before every update and another one on the same database goes on."""

    def __init__(
        self,
        db: Database,
        sop: Sop,
        *,
        user: int = ADMIN,
        admins: Sequence[int] = (ADMIN,),
        mortal: bool = False,
        server: TelegramServer | None = None,
        reader: ReaderOf = Poller,
    ) -> None:
        super().__init__(db, sop)
        self.server, self.made, self.user = server or TelegramServer(), updates_of(user), user
        self.sent: list[Json] = []
        self._admins, self._mortal, self.reader = admins, mortal, reader
        self.bot = self.new_bot()

    def new_bot(self) -> AdminBot:
        """Another bot for the same person, as after a restart."""
        return AdminBot(
            token="1:X",
            db=self.db,
            sop=self.sop,
            admins=self._admins,
            request=self.server,
            reader=self.reader,
            pace=0,
            clock=lambda: self.now,
            foresight=self.looks_ahead,
            ics=agenda_file,
            parse=parse_sop,
        )

    async def comes(self) -> None:
        await self.bot.__aenter__()

    async def leaves(self) -> None:
        await self.bot.__aexit__()

    async def feed(self, update: Json) -> str:
        """Have the bot deal with an update; what came of it, as a person reads it."""
        if self._mortal:
            await self.leaves()
            self.bot = self.new_bot()
            await self.comes()
        self.sent.append(update)
        shown, toasts = len(self.server.log), len(self.server.toasts)
        await self._deliver(update)
        notes = [f"({text})" for text in self.server.toasts[toasts:]]
        return "\n".join([*notes, *map(page, self.server.log[shown:])])

    async def _deliver(self, update: Json) -> None:
        await self.bot.application.process_update(Update.de_json(update, self.bot.application.bot))

    def button(self, label: str) -> tuple[str, int]:
        """The data of the newest button in their chat with this in its label, and its message."""
        mine = [shown for shown in self.server.messages.values() if shown.chat == self.user]
        for message in sorted(mine, key=lambda shown: -shown.id):
            for key in (key for row in message.rows for key in row if fits(label, key["text"])):
                return str(key["callback_data"]), message.id
        raise AssertionError(f"there is no button {label!r}")

    async def _says(self, text: str) -> str:
        return await self.feed(self.made.words(text))

    async def _taps(self, label: str) -> str:
        return await self.feed(self.made.tap(*self.button(label)))

    async def _sends(self, name: str, data: bytes) -> str:
        file_id = f"file{len(self.server.uploads)}"
        self.server.uploads[file_id] = data
        return await self.feed(self.made.document(file_id, name, len(data)))

    def received(self, name: str) -> bytes:
        return self.server.files[name]

    async def _reads_news(self) -> str:
        shown = len(self.server.log)
        while await self.bot.deliver_due_notices():
            pass
        return "\n".join(map(page, self.server.log[shown:]))


def free_port() -> int:
    """One that nobody listens at just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class WebhookPerson(TelegramPerson):
    """In Telegram, which posts every update to the bot's web server; `posts` is the way there, as the proxy has it."""

    def __init__(self, db: Database, sop: Sop, *, server: TelegramServer | None = None) -> None:
        self.port, self.stop = free_port(), asyncio.Event()
        listen = ("127.0.0.1", self.port)
        reader = functools.partial(Webhook, url=WEBHOOK_URL, secret=SECRET, listen=listen, look_seconds=0.05)
        super().__init__(db, sop, server=server, reader=reader)
        self.posts = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    async def comes(self) -> None:
        await super().comes()
        self.stop.clear()
        self.polling = asyncio.create_task(self.bot.poll(self.stop))

    async def leaves(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.polling, 20)
        await self.posts.aclose()
        await super().leaves()

    async def post(self, update: Json) -> httpx.Response:
        """Post an update as Telegram does."""
        return await self.posts.post(
            "/telegram", json=update, headers={SECRET_HEADER: self.server.webhook["secret_token"]}
        )

    async def _deliver(self, update: Json) -> None:
        assert (await self.post(update)).status_code == 200


class TerminalPerson(Person):
    """At the terminal, with the polling loop running."""

    def __init__(self, db: Database, sop: Sop) -> None:
        super().__init__(db, sop)
        self.stop, self.printed = asyncio.Event(), ""
        self.outbox = Path(tempfile.mkdtemp(prefix="outbox-"))
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._waiting = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None

    async def comes(self) -> None:
        request = TerminalRequest(
            read_line=self._line,
            write=self._print,
            ended=self.stop.set,
            last_update=await self.db.last_update_id(),
            outbox=self.outbox,
        )
        self.stop.clear()
        self._waiting.clear()
        self.bot = AdminBot(
            token=TOKEN,
            db=self.db,
            sop=self.sop,
            admins=[ADMIN_ID],
            request=request,
            pace=0,
            clock=lambda: self.now,
            foresight=self.looks_ahead,
            ics=agenda_file,
            parse=parse_sop,
        )
        await self.bot.__aenter__()
        self._polling = asyncio.create_task(self.bot.poll(self.stop))
        await self._waiting.wait()

    async def leaves(self) -> None:
        """End the input, as Ctrl-D does."""
        self._lines.put_nowait(None)
        assert self._polling is not None
        await asyncio.wait_for(self._polling, 5)
        await self.bot.__aexit__()

    async def dies(self) -> None:
        """Be killed, whatever is under way."""
        assert self._polling is not None
        self._polling.cancel()
        with suppress(asyncio.CancelledError):
            await self._polling
        await self.bot.__aexit__()

    async def _line(self) -> str | None:
        self._waiting.set()
        return await self._lines.get()

    def _print(self, text: str) -> None:
        self.printed += text

    async def _says(self, text: str) -> str:
        before = len(self.printed)
        self._waiting.clear()
        self._lines.put_nowait(text)
        await asyncio.wait_for(self._waiting.wait(), 10)
        return _dedented(self.printed[before:])

    async def _taps(self, label: str) -> str:
        if label.isdigit():
            return await self._says(label)
        numbers = re.findall(rf"\[(\d+)\] (?:(?!   \[).)*?{re.escape(label)}", self.printed)
        assert numbers, f"there is no button {label!r}"
        return await self._says(numbers[-1])

    async def _sends(self, name: str, data: bytes) -> str:
        return await self._says(f"/import {self.keep(name, data)}")

    def keep(self, name: str, data: bytes) -> Path:
        """Put a file where the person has theirs."""
        file = Path(tempfile.mkdtemp(prefix="files-")) / name
        file.write_bytes(data)
        return file

    def received(self, name: str) -> bytes:
        return (self.outbox / name).read_bytes()

    async def _reads_news(self) -> str:
        before = len(self.printed)
        while await self.bot.deliver_due_notices():
            pass
        return _dedented(self.printed[before:])


def page(shown: Shown) -> str:
    """A message and its buttons as text, much as the terminal has them."""
    return "\n".join([shown.text, *("   ".join(f"[{key['text']}]" for key in row) for row in shown.rows)])


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("  ") for line in text.strip("\n").split("\n"))
