"""The doorway for somebody who only looks: what cannot be read is unknown and nothing is raised, and how old it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from calendar_utils import Calendars
from calendars.base import Unknown
from calendars.pacing import Pace
from domain.errors import CalendarAuthError, CalendarBusy
from tests.unit.test_calendar_utils import SPAN, Moody, Time, doorway

ASHA = {"asha": ["asha@example.com"]}


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def google(tmp_path: Path, time: Time) -> Moody:
    return Moody(tmp_path / "google", time)


async def test_a_provider_that_cannot_answer_leaves_its_people_unknown(
    google: Moody, time: Time, tmp_path: Path
) -> None:
    google.moods = [CalendarBusy("Google asks to wait", retry_at=time.now() + timedelta(minutes=5))]
    local = Moody(tmp_path / "local", time, "local")
    door = Calendars(
        {"google": google, "local": local}, default="google", clock=time.clock, now=time.now, sleep=time.sleep
    )

    busy = await door.busy({**ASHA, "ben": ["local:ben"]}, SPAN, best_effort=True)

    assert busy == {
        "asha": Unknown(
            reason="Google asks to wait", cure="It may do again in 5 minutes.", calendar="google:asha@example.com"
        ),
        "ben": (),
    }
    with pytest.raises(CalendarBusy):
        await door.busy(ASHA, SPAN)


async def test_an_error_that_is_none_of_the_calendars_is_raised_all_the_same(google: Moody, time: Time) -> None:
    google.moods = [RuntimeError("ours")]  # type: ignore[list-item]  # a fault of the client's own

    with pytest.raises(RuntimeError):
        await doorway(google, time).busy(ASHA, SPAN, best_effort=True)


async def test_what_was_read_tells_its_provider_and_its_age(google: Moody, time: Time) -> None:
    door = doorway(google, time, Pace(fresh_for=60))
    assert door.sources(["asha@example.com"]) == {"google": timedelta(0)}
    await door.busy(ASHA, SPAN)
    time.later(seconds=30)
    await door.busy({"ben": ["ben@example.com"]}, SPAN)

    assert door.sources(["asha@example.com", "ben@example.com"]) == {"google": timedelta(seconds=30)}
    assert door.sources(["ben@example.com"]) == {"google": timedelta(0)}
    assert door.sources(["local:asha"]) == {"local": timedelta(0)}


async def test_a_calendar_that_may_not_be_read_is_unknown_with_what_to_do(google: Moody, time: Time) -> None:
    google.moods = [CalendarAuthError("access was revoked")]

    busy = await doorway(google, time).busy(ASHA, SPAN, best_effort=True)

    cure = "Run `python main.py connect google`."
    assert busy["asha"] == Unknown(reason="access was revoked", cure=cure, calendar="google")
