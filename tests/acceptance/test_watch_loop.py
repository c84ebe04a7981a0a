"""The watch as it runs: again and again until told to stop, through outages, forgotten cursors and deaths in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from booking.watch import EVERY, pause, watch
from calendars.base import Changes, Owner, Response
from calendars.local import LocalCalendar
from database.wires import PostgresWire
from domain.errors import CalendarBusy
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_death import ask, let_leases_run_out
from tests.after_booking import NOW, SOP, Json, Office
from tests.workers import Bench, Kill, finish, start

__all__ = ["ask"]  # the fixture

LATER = datetime(2026, 12, 7, 11, 0, tzinfo=UTC)


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    made = Office(db=database, folder=tmp_path / "calendars")
    await made.book()
    return made


class Away(LocalCalendar):
    """A calendar that cannot be reached for the first so many questions about changes."""

    away = 0

    async def changes(self, cursor: str = "") -> Changes:
        self.away -= 1
        if self.away >= 0:
            raise CalendarBusy("nobody answers", reason="backendError")
        return await super().changes(cursor)


async def test_it_sweeps_until_told_to_stop_and_waits_an_outage_out(office: Office) -> None:
    calendar = Away(office.folder, owners=lambda name: Owner(email=name, zone=office.sop.zone))
    calendar.away, office.calendar = 2, calendar
    stop, doorway = asyncio.Event(), office.calendars

    async def in_force() -> Sop:
        return office.sop

    running = asyncio.create_task(
        watch(db=office.db, calendars=doorway, sop=in_force, stop=stop, every=0.01, clock=lambda: office.now)
    )
    for start_at in (LATER, datetime(2026, 12, 7, 14, 0, tzinfo=UTC)):
        office.move((await office.live())["intro"], start_at)
        for _ in range(1000):
            if datetime.fromisoformat((await office.live())["intro"]["start"]) == start_at:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the move was not taken over in time")
    stop.set()
    await asyncio.wait_for(running, 5)

    assert calendar.away < 0


def test_many_watchers_do_not_call_at_once() -> None:
    assert [pause(EVERY, lot) for lot in (0.0, 0.5, 1.0)] == [225.0, 300.0, 375.0]


async def test_a_forgotten_cursor_costs_nothing_but_another_look(office: Office) -> None:
    assert await office.settle() == []
    shutil.rmtree(office.folder / ".changes")
    office.move((await office.live())["intro"], LATER)

    assert await office.settle() == ["follow"]

    assert len(await office.live()) == 2
    assert (await office.times())["intro"] == ("Mon 11:00", ["asha"])


class Mortal(Database):
    """A database whose caller dies after so many calls."""

    left = 1000

    async def _call(self, function: str, **arguments: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return await super()._call(function, **arguments)


@pytest.mark.parametrize("calls", range(1, 12))
async def test_a_sweep_that_dies_after_any_call_is_made_again(calls: int, dsn: str, tmp_path: Path) -> None:
    async with Mortal(await PostgresWire.connect(dsn, connections=2)) as mortal:
        office = Office(db=mortal, folder=tmp_path / "calendars")
        await office.book("Priya")
        await office.book("Marcus")
        await office.settle()
        office.move((await office.live("Marcus"))["intro"], LATER)
        office.delete((await office.live("Priya"))["intro"])
        office.answer((await office.live("Marcus"))["panel"], "chloe", Response.DECLINED)
        mortal.left = calls
        with contextlib.suppress(KeyboardInterrupt):
            await office.sweep()
        mortal.left = 1000

        await office.settle()

        assert (await office.times("Marcus"))["intro"] == ("Mon 11:00", ["asha"])
        assert set(await office.live("Priya")) == {"panel"}
        assert sorted(await office.told()) == ["asked", "booked", "booked", "moved"]
        row = (await office.live("Marcus"))["panel"]
        assert list(row["event_answers"]) == ["chloe@example.com"]


# A person between a write and its record --------------------------------------------------------------------------------------


async def killed_after_writing(
    office: Office, dsn: str, ask: Callable[[str], Any], person: Callable[[Json], None]
) -> None:
    """A worker makes the first event of Marcus and dies before that is recorded; a person comes by, then another worker."""
    bench = Bench(dsn=dsn, folder=office.folder, sop=SOP, now=NOW)
    request = (await office.look())["request"] | {"name": "Marcus", "email": "marcus@example.com"}
    await office.db.enqueue(request=request, key="m", source="csv", actor="test", chat_id=7)
    assert finish(start(bench, "first", [Kill(step="written")])) == -signal.SIGKILL
    let_leases_run_out(ask)
    person((await office.look("Marcus"))["interviews"][0])
    assert finish(start(bench, "second")) == 0


async def test_a_move_before_the_event_was_recorded_is_taken_over(
    office: Office, dsn: str, ask: Callable[[str], Any]
) -> None:
    await killed_after_writing(office, dsn, ask, lambda row: office.move(row, LATER))

    assert await office.settle() == ["follow"]

    row = (await office.live("Marcus"))["intro"]
    assert (row["start"], office.event(row)[1].start) == (LATER.isoformat(), LATER)
    assert len(list((office.folder / "interviews").glob("*.ics"))) == 4


async def test_other_words_before_the_event_was_recorded_are_kept(
    office: Office, dsn: str, ask: Callable[[str], Any]
) -> None:
    await killed_after_writing(office, dsn, ask, lambda row: office.rename(row, "Intro, room 7"))

    assert await office.settle() == []

    row = (await office.live("Marcus"))["intro"]
    assert office.event(row)[0] == "Intro, room 7"
    assert row["event_edits"]["title"] == "Intro, room 7"


@pytest.mark.parametrize("kill", [Kill(step="rebooked"), Kill(step="written")], ids=["before", "after"])
@pytest.mark.parametrize("what", ["move", "rename", "delete"])
async def test_a_person_comes_by_while_a_new_plan_is_being_written(
    kill: Kill, what: str, office: Office, dsn: str, ask: Callable[[str], Any]
) -> None:
    row = (await office.live())["intro"]
    out = {"excluded": [{"round": "intro", "interviewer": "asha"}]}
    await office.db.ask_replan(candidate_id=row["candidate_id"], actor="a", detail=out)
    bench = Bench(dsn=dsn, folder=office.folder, sop=SOP, now=NOW)
    assert finish(start(bench, "first", [kill])) == -signal.SIGKILL
    let_leases_run_out(ask)
    {
        "move": lambda: office.move(row, LATER),
        "rename": lambda: office.rename(row, "Intro, room 7"),
        "delete": lambda: office.delete(row),
    }[what]()

    assert finish(start(bench, "second")) == 0
    did = await office.settle()

    live = await office.live()
    assert did == {"move": ["follow"], "rename": [], "delete": ["free"]}[what]
    if what == "delete":
        assert "intro" not in live
        assert not office.file(row).exists()
        return
    assert live["intro"]["interviewers"] == ["ben"]
    wanted = LATER if what == "move" else datetime.fromisoformat(row["start"])
    assert datetime.fromisoformat(live["intro"]["start"]) == office.event(row)[1].start == wanted
    if what == "rename":
        assert office.event(row)[0] == "Intro, room 7"
        assert "ben@example.com" in office.says(row)
