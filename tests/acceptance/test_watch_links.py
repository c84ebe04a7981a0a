"""Links of conferences that Google makes some time after the event: they are known once they are there."""

from __future__ import annotations

from pathlib import Path

from calendars.base import EventKey
from calendars.google_events import event_id
from supabase_db import Database
from tests.after_booking import Office
from tests.contract.google_hands import connected
from tests.fakes.google import running_google


async def test_a_link_that_comes_after_the_event_is_taken_over(database: Database, tmp_path: Path) -> None:
    with running_google() as google:
        for who in ("asha", "ben", "chloe"):
            google.add_person(f"{who}@example.com")
        async with connected(google) as client:
            office = Office(db=database, folder=tmp_path, calendar=client)
            google.store.meet_says = "pending"
            row = (await office.book())["interviews"][0]
            assert await office.sweep() == []
            assert (await office.live())["intro"]["meeting"] == ""

            google.store.meet_says = "success"
            google.meets(event_id(EventKey(interview=row["id"], generation=1)))
            assert await office.sweep() == []

            live = await office.live()
    assert live["intro"]["meeting"].startswith("https://meet.google.com/")
    assert (live["intro"]["revision"], live["panel"]["meeting"]) == (0, "")
