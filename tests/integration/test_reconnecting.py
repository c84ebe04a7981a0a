"""Taking up another connection while the program runs: once the one before it was refused, and another token is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from application.providers import build_providers
from application.reconnecting import Reconnecting, reconnecting
from calendars.base import Busy, Owner
from calendars.google import GoogleCalendar
from calendars.local import LocalCalendar
from calendars.oauth import new_key, seal
from config import Settings, parse_sop
from domain.errors import CalendarAuthError
from domain.model import Interval
from supabase_db import Database
from tests.after_booking import SOP
from tests.builders import make_interview

SPAN = Interval(start=make_interview().start, end=make_interview().end)


class Guarded(LocalCalendar):
    """A calendar that only the newest token opens, and that counts what it is asked."""

    def __init__(self, folder: Path, token: str, good: list[str]) -> None:
        super().__init__(folder, owners=lambda name: Owner(email=name, zone=parse_sop(SOP, "sop").zone))
        self.token, self.good, self.requests = token, good, 0

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        self.requests += 1
        if self.token != self.good[-1]:
            raise CalendarAuthError("revoked")
        return await super().busy(calendars, span)


async def test_a_client_is_made_anew_only_for_another_token(tmp_path: Path) -> None:
    good, made = ["first"], list[str]()

    def make(token: str) -> Guarded:
        made.append(token)
        return Guarded(tmp_path, token, good)

    async def newest() -> str:
        return stored

    stored = "first"
    client = Reconnecting(make("first"), token="first", newest=newest, make=make)
    assert await client.busy(["asha"], SPAN) == {"asha": ()}
    good.append("second")
    for _ in range(2):  # nobody has connected again yet
        with pytest.raises(CalendarAuthError):
            await client.busy(["asha"], SPAN)
    stored = "second"

    assert await client.busy(["asha"], SPAN) == {"asha": ()}

    assert made == ["first", "second"]
    assert client.requests == 4


async def test_what_is_connected_by_a_stored_token_is_taken_up_again(database: Database, tmp_path: Path) -> None:
    key, sop = new_key(), parse_sop(SOP, "sop")
    settings = Settings(
        data_dir=tmp_path,
        google_client_id="app",
        google_client_secret=SecretStr("secret"),
        token_encryption_key=SecretStr(key),
        calendar_provider="google",
    )
    await database.save_connection(provider="google", sealed=seal("first", key), account="", actor="test")
    built = await build_providers(settings, database, lambda: sop)

    found = await reconnecting(settings, database, built)

    assert isinstance(built["google"], GoogleCalendar)
    assert isinstance(found["google"], Reconnecting)
    assert found["local"] is built["local"]
    await found["google"].aclose()
