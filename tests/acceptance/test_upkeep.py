"""The loop over what falls due by itself, and what admins see of it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from booking.upkeep import Duty, finish_interviews, keep_up
from domain.errors import DatabaseUnavailable
from sop import Sop
from supabase_db import Database
from tests.after_booking import Office
from tests.chat_driver import Person
from tests.integration.life import booked

AFTERWARDS = datetime(2026, 12, 20, tzinfo=UTC)


async def keep_up_until(db: Database, sop: Sop, stop: asyncio.Event, *duties: Duty) -> None:
    async def in_force() -> Sop:
        return sop

    await asyncio.wait_for(keep_up(db=db, sop=in_force, stop=stop, every=0.01, duties=duties), 10)


async def test_a_duty_that_fails_holds_up_no_other(
    database: Database, sop: Sop, caplog: pytest.LogCaptureFixture
) -> None:
    stop, looks = asyncio.Event(), list[datetime]()

    async def faulty(db: Database, sop: Sop, now: datetime) -> None:
        raise KeyError("a fault of ours")

    async def away(db: Database, sop: Sop, now: datetime) -> None:
        raise DatabaseUnavailable

    async def fine(db: Database, sop: Sop, now: datetime) -> None:
        looks.append(now)
        if len(looks) == 3:
            stop.set()

    with caplog.at_level(logging.WARNING):
        await keep_up_until(database, sop, stop, faulty, away, fine)

    assert looks == sorted(set(looks))
    assert abs((await database.database_time() - looks[0]).total_seconds()) < 10
    said = {(record.levelname, getattr(record, "duty", "")) for record in caplog.records}
    assert said == {("ERROR", "faulty"), ("WARNING", "away")}


async def test_it_waits_an_outage_out(database: Database, sop: Sop) -> None:
    stop, asked, looks = asyncio.Event(), list[str](), list[datetime]()

    async def in_force() -> Sop:
        asked.append("sop")
        if len(asked) < 3:
            raise DatabaseUnavailable
        return sop

    async def duty(db: Database, sop: Sop, now: datetime) -> None:
        looks.append(now)
        stop.set()

    await asyncio.wait_for(keep_up(db=database, sop=in_force, stop=stop, every=0.01, duties=[duty]), 10)

    assert (len(asked), len(looks)) == (3, 1)


async def test_it_ends_when_it_is_told_to_however_long_the_pause(database: Database, sop: Sop) -> None:
    stop, looks = asyncio.Event(), list[str]()

    async def first(db: Database, sop: Sop, now: datetime) -> None:
        looks.append("first")
        stop.set()

    async def second(db: Database, sop: Sop, now: datetime) -> None:
        looks.append("second")

    async def in_force() -> Sop:
        return sop

    running = keep_up(db=database, sop=in_force, stop=stop, every=3600, duties=[first, second])
    await asyncio.wait_for(running, 10)

    assert looks == ["first"]


async def test_interviews_that_are_over_are_left_alone_by_the_watch_and_the_engine(
    database: Database, tmp_path: Path
) -> None:
    office = Office(db=database, folder=tmp_path / "calendars")
    await office.book()
    await office.settle()
    office.now = AFTERWARDS

    await finish_interviews(database, office.sop, office.now)

    assert (await office.look())["status"] == "done"
    for row in (await office.look())["interviews"]:
        office.file(row).unlink()
    assert await office.settle() == []
    assert await office.told() == ["booked"]


async def test_a_first_round_that_is_over_stays_when_the_others_are_planned_anew(
    database: Database, tmp_path: Path
) -> None:
    office = Office(db=database, folder=tmp_path / "calendars")
    await office.book()
    before = await office.live()
    office.now = datetime.fromisoformat(before["intro"]["end"])
    await finish_interviews(database, office.sop, office.now)
    out = {"excluded": [{"round": "panel", "start": before["panel"]["start"], "end": before["panel"]["end"]}]}

    await database.ask_replan(candidate_id=before["panel"]["candidate_id"], actor="a", detail=out)
    await office.work()

    after = {row["round"]: row for row in (await office.look())["interviews"]}
    assert after["intro"] == (before["intro"] | {"status": "done", "updated_at": after["intro"]["updated_at"]})
    assert after["panel"]["status"] == "booked"
    assert after["panel"]["start"] > before["panel"]["start"]


async def test_who_is_done_is_shown_so_and_cannot_be_cancelled(person: Person) -> None:
    claimed = await booked(person.db, chat_id=None)
    number = (await person.db.show_candidate(needle=claimed.candidate_id))["matches"][0]["number"]
    await finish_interviews(person.db, person.current_sop, AFTERWARDS)

    shown = await person.says(f"/status {number}")

    assert " has had all interviews." in shown
    assert "1. Introduction with Asha Rao\n    Mon 7 Dec 09:00 to 10:00 UTC, done" in shown
    assert "🏁 1 done" in await person.says("/queue")
    assert " has had all interviews already." in await person.says(f"/cancel {number}")
    assert "No interview is still to come." in await person.says(f"/reschedule {number}")
