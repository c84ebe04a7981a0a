"""A Monday at the desk from the morning to the evening, as people read it: the text of the whole day is kept beside this file.

To see what a change makes of the day, run this with REWRITE=1 and look at the difference before committing it.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from booking.upkeep import DUTIES
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat_changes import Office, with_office
from tests.chat_driver import ADMIN, TelegramPerson, page, updates_of
from tests.database_clock import DatabaseClock
from tests.fakes.telegram import TelegramServer

GOLDEN = Path(__file__).with_name("a_day_at_the_desk.txt")
SOP_FILE = Path(__file__).parents[2] / "sop.yaml"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
USERS = {"Dana": ADMIN, "Meera": 7_000_002, "Asha": 7_000_003}  # the owner, who tells the day; an admin; an interviewer
CODE = r"/start [\w-]{22}"
LIST = """name,email,course,window,slots,timezone
Marcus Webb,marcus@example.com,data,+2d to +21d,"07:00-12:00, 16:00-20:00",America/Los_Angeles
Hana Suzuki,hana@example.com,java,+1d to +3d,"06:00-12:00, 16:00-19:00",America/Los_Angeles
Ella Brown,ella_at_example.com,java,+3d to +24d,09:00-12:00,America/Los_Angeles
"""


class Day:
    """The people, the office around them, and the time of day in Los Angeles. What anybody writes or reads is kept in order."""

    def __init__(self, people: dict[str, TelegramPerson], office: Office, clock: DatabaseClock) -> None:
        self._people, self._office, self._clock = people, office, clock
        self._told: list[str] = []
        self._chat = ""

    @property
    def code(self) -> str:
        """The one-time code that was shown last."""
        return str(re.findall(CODE, "\n".join(self._told))[-1])

    @property
    def text(self) -> str:
        """The whole day; codes that are drawn by lot are dots."""
        return re.sub(CODE, "/start ......", "\n".join(self._told)).strip() + "\n"

    def at(self, time: str, what: str) -> None:
        """It is so late now, and this comes next."""
        hours, minutes = time.split(":")
        now = MONDAY + timedelta(hours=int(hours) + 8, minutes=int(minutes))
        self._clock.set(now)
        for person in self._people.values():
            person.now = now
        self._told.append(f"\n\n=== {time}  {what} ===")
        self._chat = ""

    async def says(self, *texts: str, who: str = "Dana") -> None:
        """Somebody writes."""
        for text in texts:
            self._note(who, f"> {text}", await self._people[who].says(text))

    async def taps(self, *labels: str, who: str = "Dana") -> None:
        """Somebody presses buttons."""
        for label in labels:
            self._note(who, f"> [{label}]", await self._people[who].taps(label))

    async def sends(self, name: str, data: bytes) -> None:
        """Dana hands over a file."""
        self._note("Dana", f"> 📎 {name}", await self._people["Dana"].sends(name, data))

    async def works(self) -> None:
        """The scheduler comes to rest, what is due by now is done, and the news goes out."""
        dana = self._people["Dana"]
        await self._office.works(dana)
        for duty in DUTIES:
            await duty(dana.db, await dana.sop(), dana.now)
        seen = len(dana.server.log)
        await dana.reads_news()
        names = {user: who for who, user in USERS.items()}
        for shown in dana.server.log[seen:]:
            self._note(names[shown.chat], page(shown))

    def _note(self, who: str, *lines: str) -> None:
        if who != self._chat:
            self._told.append(f"\n--- {who} ---")
            self._chat = who
        self._told += filter(None, lines)


@pytest.fixture
async def day(database: Database, sop: Sop, admin: psycopg.Connection[Any], tmp_path: Path) -> AsyncIterator[Day]:
    server, people = TelegramServer(), {}
    clock = DatabaseClock(admin, MONDAY)
    await database.activate_sop(version=sop.version, text=SOP_FILE.read_text(), source="file", actor="cli:dana")
    async with AsyncExitStack() as leaving:
        for who, user in USERS.items():
            people[who] = TelegramPerson(database, sop, user=user, admins=[ADMIN], server=server)
            people[who].made = updates_of(user, numbers=itertools.count(user * 1_000), name=who)
            await people[who].comes()
            leaving.push_async_callback(people[who].leaves)
        yield Day(people, with_office(people["Dana"], tmp_path), clock)


async def test_the_day_reads_as_it_did(day: Day) -> None:
    for part in (lets_people_in, takes_people_in, decides, looks, changes_things, takes_back, ends_the_day):
        await part(day)

    if os.environ.get("REWRITE"):
        GOLDEN.write_text(day.text)
    assert day.text == GOLDEN.read_text()


async def lets_people_in(day: Day) -> None:
    day.at("08:30", "The day begins")
    await day.works()

    day.at("08:35", "Meera is to help out, and Asha to hear of her interviews")
    await day.says("/admins")
    await day.taps("Invite an admin")
    await day.says(day.code, who="Meera")
    await day.says("/interviewers")
    await day.taps("Link to this chat", "Link Asha Rao")
    await day.says(day.code, who="Asha")


async def takes_people_in(day: Day) -> None:
    day.at("08:40", "Priya comes in with one message")
    await day.says("Priya Nair, priya@example.com, Java, next 2 weeks, 7-12 and 4-7pm, not the 27th")
    await day.taps("Confirm")
    await day.works()
    await day.taps("✓", who="Asha")

    day.at("09:05", "Noah is asked about step by step")
    await day.says("/new", "Noah Fischer", "noah@example", "noah@example.com")
    await day.taps(
        "DevOps and Cloud", "Pick dates", "24", "Dec", "11", "09:00-12:00", "15:00-18:00", "Done", "(the SOP's)"
    )
    await day.taps("Confirm")
    await day.works()

    day.at("09:30", "A list comes by mail")
    await day.sends("candidates.csv", LIST.encode())
    await day.taps("Take in")
    await day.works()


async def decides(day: Day) -> None:
    day.at("12:00", "Nobody has answered the question about Hana")
    await day.works()

    day.at("12:05", "Meera decides")
    await day.taps("Extend the window", who="Meera")
    await day.taps("Book this", who="Meera")
    await day.works()


async def looks(day: Day) -> None:
    day.at("13:15", "Where everybody is")
    await day.says("/queue", "/status Priya", "/agenda tomorrow", "/agenda Ben", "/week")
    await day.says("/agenda", who="Asha")


async def changes_things(day: Day) -> None:
    day.at("13:30", "Priya cannot come on the day of her panel")
    await day.says("/reschedule Priya")
    await day.taps("Final panel", "Another day", "Confirm")
    await day.works()

    day.at("13:45", "Ben is ill for two days")
    await day.says("/block ben 24-25 Nov")
    await day.taps("Block and plan anew")
    await day.works()

    day.at("14:00", "The SOP is to be stricter")
    await day.says("/sop")
    await day.sends(
        "stricter.yaml", SOP_FILE.read_text().replace("gap: {min: 1d, max: 5d}", "gap: {min: 2d, max: 5d}").encode()
    )
    await day.taps("Leave it")


async def takes_back(day: Day) -> None:
    day.at("15:00", "Noah withdraws, or so it seems")
    await day.says("/cancel Noah")
    await day.taps("Withdrawn", "Yes, cancel")
    await day.works()

    day.at("15:10", "It was another Noah")
    await day.says("/undo")
    await day.taps("Undo it")
    await day.works()


async def ends_the_day(day: Day) -> None:
    day.at("16:45", "Odds and ends")
    await day.says("/pause", "/queue", "/resume", "/status Nobody", "/frobnicate", "what do you do?")

    day.at("17:30", "What was done")
    await day.says("/stats", "/audit Noah")
