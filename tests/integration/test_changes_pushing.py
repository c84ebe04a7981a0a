"""Copies of interviews in people's own calendars: pushed as often as one likes, one event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from booking.pushing import Pushed, push_interview_event
from calendars.base import Event, EventState, Owner
from calendars.local import LocalCalendar
from domain.errors import CalendarBusy, CalendarConflict, WrongState
from domain.model import Interval
from supabase_db import Database
from tests.after_booking import Office
from tests.builders import at
from tests.contract import ics_hands

MINE = "asha@example.com"


class Weak(LocalCalendar):
    """A calendar whose answers get lost while `lost` says so."""

    lost = False

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        state = await super().put(event, etag=etag)
        if self.lost:
            raise CalendarBusy("the answer was lost")
        return state


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    made = Office(db=database, folder=tmp_path / "calendars")
    await made.book()
    return made


@pytest.fixture
def own(office: Office) -> Weak:
    """Asha's own calendar."""
    zone = office.sop.zone
    return Weak(office.folder, owners=lambda name: Owner(email=name, zone=zone), organiser=MINE, now=lambda: office.now)


async def push(office: Office, own: LocalCalendar, row: dict[str, Any]) -> Pushed:
    return await push_interview_event(office.db, office.sop, row["id"], own, owner=MINE, provider="local", name=MINE)


def copies(office: Office) -> list[Path]:
    return sorted((office.folder / MINE).glob("*.ics"))


async def test_a_copy_is_made_once_and_brought_up_to_date(office: Office, own: Weak) -> None:
    row = (await office.live())["intro"]

    first = await push(office, own, row)
    second = await push(office, own, row)

    assert (first.did, second.did) == ("created", "unchanged")
    assert (first.handle, first.link) == (second.handle, second.link)
    (copy,) = copies(office)
    assert ics_hands.listed(copy.read_bytes()) == [
        ("Introduction: mock interview", Interval(start=at("09:00"), end=at("09:30")))
    ]
    assert b"ATTENDEE" not in copy.read_bytes()

    office.move(row, at("11:00"))
    await office.settle()
    third = await push(office, own, row)

    assert (third.did, third.handle) == ("updated", first.handle)
    assert ics_hands.listed(copy.read_bytes())[0][1].start == at("11:00")
    assert len(copies(office)) == 1


async def test_an_answer_that_was_lost_makes_no_second_copy(office: Office, own: Weak) -> None:
    row = (await office.live())["intro"]
    own.lost = True
    with pytest.raises(CalendarBusy):
        await push(office, own, row)

    own.lost = False
    assert (await push(office, own, row)).did == "created"

    assert len(copies(office)) == 1


async def test_a_copy_that_was_deleted_is_made_again_when_it_is_asked_for(office: Office, own: Weak) -> None:
    row = (await office.live())["intro"]
    await push(office, own, row)
    copies(office)[0].unlink()

    assert (await push(office, own, row)).did == "created"
    assert (await push(office, own, row)).did == "unchanged"

    assert len(copies(office)) == 1


async def test_a_copy_that_its_owner_has_changed_is_left_to_them(office: Office, own: Weak) -> None:
    row = (await office.live())["intro"]
    await push(office, own, row)
    (copy,) = copies(office)
    copy.write_bytes(ics_hands.renamed(copy.read_bytes(), "Mine"))
    office.move(row, at("11:00"))
    await office.settle()

    with pytest.raises(CalendarConflict):
        await push(office, own, row)

    assert ics_hands.listed(copy.read_bytes()) == [("Mine", Interval(start=at("09:00"), end=at("09:30")))]


async def test_the_copy_of_a_cancelled_interview_is_taken_out(office: Office, own: Weak) -> None:
    row = (await office.live())["intro"]
    other = (await office.live())["panel"]
    await push(office, own, row)
    await office.db.cancel_candidate(candidate_id=row["candidate_id"], actor="a")
    await office.work()

    assert (await push(office, own, row)).did == "removed"
    assert (await push(office, own, row)).did == "removed"

    assert copies(office) == []
    with pytest.raises(WrongState, match="no copy"):
        await push(office, own, other)
    with pytest.raises(WrongState, match="no interview"):
        await push(office, own, row | {"id": "00000000-0000-0000-0000-000000000000"})


async def test_a_copy_does_not_stand_in_the_way_of_a_new_plan(office: Office, own: Weak) -> None:
    """It lies where the interview lies, so that cutting out the interview cuts it out, too."""
    row = (await office.live())["intro"]
    await push(office, own, row)

    await office.db.ask_replan(candidate_id=row["candidate_id"], actor="a", reason="look again")
    await office.work()

    assert (await office.times())["intro"] == ("Mon 09:00", ["asha"])
    assert await office.sweep() == []
