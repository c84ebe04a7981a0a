"""One calendar of many that cannot be read for now is asked for again, alone, and holds nobody up for long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from calendars.base import Busy, Unknown
from calendars.pacing import Pace
from domain.errors import CalendarBusy
from domain.model import Interval
from tests.unit.test_calendar_utils import SPAN, Moody, Time, doorway, time

__all__ = ["time"]  # the fixture

PEOPLE = {who: [who] for who in ("asha", "ben", "chloe")}


class Patchy(Moody):
    """A calendar that cannot tell, so many times, of some people; asked for them alone it fails as a whole, as CalDAV does."""

    def __init__(self, folder: Path, time: Time) -> None:
        super().__init__(folder, time)
        self.failing: dict[str, int] = {}
        self.passing = True

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        out = [who for who in calendars if self.failing.get(who)]
        for who in out:
            self.failing[who] -= 1
        answer = dict(await super().busy(calendars, span))
        if out == list(calendars):
            raise CalendarBusy("503", reason="503")
        return answer | dict.fromkeys(out, Unknown(reason="503", cure="", passing=self.passing))


@pytest.fixture
def patchy(tmp_path: Path, time: Time) -> Patchy:
    return Patchy(tmp_path, time)


async def test_only_who_could_not_be_read_is_asked_for_again(patchy: Patchy, time: Time) -> None:
    patchy.failing = {"ben": 2}

    busy = await doorway(patchy, time).busy(PEOPLE, SPAN)

    assert busy == dict.fromkeys(PEOPLE, ())
    assert patchy.asked == [["asha", "ben", "chloe"], ["ben"], ["ben"]]
    assert time.slept == [1.0, 2.0]


async def test_who_cannot_be_read_at_all_is_unknown_and_the_account_goes_on(patchy: Patchy, time: Time) -> None:
    patchy.failing = {"ben": 99}
    door = doorway(patchy, time)

    busy = await door.busy(PEOPLE, SPAN)

    assert (busy["asha"], busy["chloe"]) == ((), ())
    assert busy["ben"] == Unknown(reason="503", cure="", passing=True, calendar="google:ben")
    assert len(patchy.asked) == 4
    assert await door.busy({"asha": ["asha"]}, SPAN) == {"asha": ()}  # it was not parked


async def test_who_cannot_be_read_is_not_asked_for_with_every_candidate(patchy: Patchy, time: Time) -> None:
    patchy.failing = {"ben": 99}
    door = doorway(patchy, time, Pace())

    await door.busy(PEOPLE, SPAN)
    await door.busy(PEOPLE, SPAN)

    assert len(patchy.asked) == 4


async def test_what_does_not_pass_is_asked_for_once(patchy: Patchy, time: Time) -> None:
    patchy.failing, patchy.passing = {"ben": 1}, False

    assert isinstance((await doorway(patchy, time).busy(PEOPLE, SPAN))["ben"], Unknown)
    assert len(patchy.asked) == 1


async def test_when_nobody_can_be_read_the_candidate_waits(patchy: Patchy, time: Time) -> None:
    patchy.failing = dict.fromkeys(PEOPLE, 99)

    with pytest.raises(CalendarBusy) as caught:
        await doorway(patchy, time).busy(PEOPLE, SPAN)

    assert (caught.value.reason, patchy.asked) == ("503", [list(PEOPLE)] * 4)
