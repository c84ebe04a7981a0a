"""People at the bot, over a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config import load_sop
from sop import Sop
from supabase_db import Database
from tests.chat_driver import Person, TelegramPerson, TerminalPerson, WebhookPerson

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sop() -> Sop:
    """The example SOP."""
    return load_sop(ROOT / "sop.yaml")


@pytest.fixture(params=["telegram", "terminal"])
async def person(request: pytest.FixtureRequest, database: Database, sop: Sop) -> AsyncIterator[Person]:
    """An admin, once in Telegram and once at the terminal."""
    somebody = (TelegramPerson if request.param == "telegram" else TerminalPerson)(database, sop)
    await somebody.comes()
    yield somebody
    await somebody.leaves()


@pytest.fixture
async def admin_in_telegram(database: Database, sop: Sop) -> AsyncIterator[TelegramPerson]:
    """An admin in Telegram, where single updates can be looked at."""
    somebody = TelegramPerson(database, sop)
    await somebody.comes()
    yield somebody
    await somebody.leaves()


@pytest.fixture
async def admin_at_terminal(database: Database, sop: Sop) -> AsyncIterator[TerminalPerson]:
    """An admin at the terminal."""
    somebody = TerminalPerson(database, sop)
    await somebody.comes()
    yield somebody
    await somebody.leaves()


@pytest.fixture
async def posted(database: Database, sop: Sop) -> AsyncIterator[WebhookPerson]:
    """An admin whose bot has a webhook."""
    person = WebhookPerson(database, sop)
    await person.comes()
    yield person
    await person.leaves()
