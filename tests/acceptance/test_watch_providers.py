"""The watch with every provider: what people do in Google, Outlook, CalDAV or in files is told alike and ends alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calendars.base import EventKey, Response
from domain.model import Interval
from supabase_db import Database
from tests.after_booking import SOP, Json, Office
from tests.contract.conftest import harness, kept
from tests.contract.harness import NOW, Harness

__all__ = ["harness", "kept"]  # fixtures


@pytest.fixture
async def office(database: Database, harness: Harness, tmp_path: Path) -> AsyncIterator[Office]:
    await harness.add_people("asha", "ben", "chloe", "priya")
    text = SOP
    for who in ("asha", "ben", "chloe"):
        text = text.replace(f"email: {who}@", f'calendar: "{harness.address(who)}", email: {who}@')
    async with harness.calendar() as client:
        made = Office(db=database, folder=tmp_path, text=text, now=NOW, calendar=client)
        await made.book()
        assert await made.times() == {"intro": ("Mon 09:00", ["asha"]), "panel": ("Tue 09:00", ["ben", "chloe"])}
        assert await made.settle() == []
        yield made


def key(row: Json) -> EventKey:
    return EventKey(interview=row["id"], generation=row["generation"])


def hour(day: int, clock: int, minutes: int = 30) -> Interval:
    start = datetime(2026, 12, day, clock, tzinfo=UTC)
    return Interval(start=start, end=start + timedelta(minutes=minutes))


async def same_in_both(office: Office, harness: Harness) -> None:
    """Each booked interview has its one event at its time, and there is no other."""
    booked = sorted(datetime.fromisoformat(row["start"]) for row in (await office.live()).values())
    assert sorted(interval.start for _, interval in await harness.live()) == booked


async def test_a_move_is_taken_over(office: Office, harness: Harness) -> None:
    await harness.human_moves(key((await office.live())["intro"]), hour(7, 11))

    assert await office.settle() == ["follow"]

    assert (await office.times())["intro"] == ("Mon 11:00", ["asha"])
    await same_in_both(office, harness)
    assert await office.settle() == []


async def test_a_move_against_the_rules_is_undone_when_an_admin_says_so(office: Office, harness: Harness) -> None:
    await harness.human_moves(key((await office.live())["intro"]), hour(8, 11))
    assert await office.settle() == ["ask"]

    await office.take("moved:intro", "restore")

    assert await office.settle() == []
    assert (await office.times())["intro"] == ("Mon 09:00", ["asha"])
    await same_in_both(office, harness)


async def test_other_words_stay_when_a_decline_brings_somebody_else(office: Office, harness: Harness) -> None:
    row = (await office.live())["intro"]
    await harness.human_edits(key(row), title="Intro, room 7")
    await harness.human_responds(key(row), "asha", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=10)

    assert await office.settle() == ["replace"]

    assert (await office.times())["intro"][1] == ["ben"]
    assert "Intro, room 7" in [title for title, _ in await harness.live()]
    await same_in_both(office, harness)
    office.wait(minutes=30)
    assert await office.settle() == []


async def test_a_deleted_event_comes_back_only_as_another_one(office: Office, harness: Harness) -> None:
    row = (await office.live())["intro"]
    await harness.human_deletes(key(row))
    assert await office.settle() == ["free"]
    assert len(await harness.live()) == 1

    await office.take("deleted:intro", "rebook")

    assert await office.settle() == []
    again = (await office.live())["intro"]
    assert (again["id"], again["generation"]) == (row["id"], 2)
    await same_in_both(office, harness)


async def test_nothing_is_news_when_everything_is_compared_anew(office: Office, harness: Harness) -> None:
    await harness.human_moves(key((await office.live())["intro"]), hour(7, 11))
    await office.settle()
    office.wait(days=1, minutes=1)

    assert await office.settle() == []
    await same_in_both(office, harness)
