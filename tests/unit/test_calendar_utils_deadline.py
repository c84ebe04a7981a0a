"""A call whose answer drips in without end does not hold up everybody for good."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from calendar_utils import Calendars
from calendars.base import EventKey, EventState, Owner
from calendars.local import LocalCalendar
from domain.errors import CalendarBusy


class Endless(LocalCalendar):
    async def get(self, key: EventKey) -> EventState | None:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


async def test_a_call_that_never_ends_is_given_up_and_its_account_rests(tmp_path: Path) -> None:
    calendar = Endless(tmp_path, owners=lambda name: Owner(email=name, zone=ZoneInfo("UTC")))
    door = Calendars({"local": calendar}, default="local", deadline=0.01)

    for _ in range(2):  # the second time because it rests
        with pytest.raises(CalendarBusy, match="does not come to the end of an answer") as caught:
            await door.get(EventKey(interview=str(UUID(int=1)), generation=1))
        assert caught.value.retry_at

    assert [(one.verb, one.calls, one.errors) for one in door.statistics()] == [("get", 1, {"deadline": 1})]
