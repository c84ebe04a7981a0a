"""Calendars that refuse for good, or fail for an hour: nothing is left half done, and admins hear of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from calendars.base import Event, EventKey, EventState, Owner
from calendars.local import LocalCalendar
from domain.errors import CalendarBusy, CalendarError, CalendarRefused
from supabase_db import Database
from tests.after_booking import Office
from tests.builders import make_request

REFUSED = CalendarRefused("you may not", reason="forbidden")


class Strict(LocalCalendar):
    """The local calendar, which fails with `error` at its calls of a verb: those of these numbers, or all."""

    def __init__(self, office: Office, verb: str, error: CalendarError, *numbers: int) -> None:
        super().__init__(office.folder, owners=lambda name: Owner(email=name, zone=office.sop.zone))
        self.verb, self.error, self.numbers, self.calls = verb, error, numbers, 0

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        self._may("put")
        return await super().put(event, etag=etag)

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        self._may("cancel")
        await super().cancel(key, etag=etag)

    def _may(self, verb: str) -> None:
        self.calls += verb == self.verb
        if verb == self.verb and (not self.numbers or self.calls in self.numbers):
            raise self.error


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(db=database, folder=tmp_path / "calendars")


async def enqueue(office: Office) -> None:
    request = make_request(name="Priya", email="priya@example.com")
    await office.db.enqueue(request=request.plain(), key="p", source="csv", actor="test", chat_id=7)


def events(office: Office) -> list[str]:
    return sorted(path.name for path in (office.folder / "interviews").glob("*.ics"))


@pytest.mark.parametrize("number", [1, 2])
async def test_whichever_round_is_refused_nothing_is_left_and_an_admin_is_asked_once(
    number: int, office: Office
) -> None:
    office.calendar = Strict(office, "put", REFUSED, number)
    await enqueue(office)

    await office.work()

    match = await office.look()
    assert match["status"] == "escalated"
    assert {row["status"] for row in match["interviews"]} == {"cancelled"}
    assert [one["kind"] for one in await office.questions()] == ["calendar"]
    assert await office.told() == ["escalated"]
    assert events(office) == []
    office.calendar = None
    await office.db.requeue(candidate_id=match["id"], actor="test")
    await office.work()
    assert len(await office.live()) == len(events(office)) == 2


@pytest.mark.parametrize("number", [1, 2])
async def test_a_new_plan_that_is_refused_leaves_the_booking_as_it_was(number: int, office: Office) -> None:
    await office.book()
    before, files = await office.times(), events(office)
    out = [{"round": name, "start": row["start"], "end": row["end"]} for name, row in (await office.live()).items()]
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="test", detail={"excluded": out})
    office.calendar = Strict(office, "put", REFUSED, number)

    await office.work()

    assert (await office.look())["status"] == "booked"
    assert (await office.times(), events(office)) == (before, files)
    assert [one["kind"] for one in await office.questions()] == ["calendar"]
    assert await office.told() == ["booked", "asked"]
    for row in (await office.live()).values():
        assert office.event(row)[1].start.isoformat() == row["start"]
    assert await office.settle() == []


async def test_a_calendar_that_refuses_every_change_leaves_what_is_booked(office: Office) -> None:
    await office.book()
    before = await office.times()
    out = [{"round": name, "start": row["start"], "end": row["end"]} for name, row in (await office.live()).items()]
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="test", detail={"excluded": out})
    office.calendar = Strict(office, "put", REFUSED)

    await office.work()

    assert (await office.look())["status"] == "escalated"
    assert (await office.times(), len(events(office))) == (before, 2)
    assert [one["kind"] for one in await office.questions()] == ["calendar"]


async def test_an_event_that_cannot_be_cancelled_for_an_hour_is_told_and_tried_on(
    office: Office, admin: psycopg.Connection[Any]
) -> None:
    await office.book()
    await office.db.cancel_candidate(candidate_id=(await office.look())["id"], actor="test")
    office.calendar = Strict(office, "cancel", CalendarBusy("backend error", reason="backendError"))
    for minutes in (0, 59, 2):
        admin.execute(f"update calendar_writes set created_at = created_at - interval '{minutes} minutes'".encode())
        assert (await office.told()).count("calendar_waits") == 0
        await office.engine().take_one()
        admin.execute("update candidates set not_before = clock_timestamp()")

    assert (await office.told()).count("calendar_waits") == 1
    assert (await office.look())["status"] == "cancelling"
    office.calendar = None
    await office.work()
    assert (await office.look())["status"] == "cancelled"
    assert events(office) == []
