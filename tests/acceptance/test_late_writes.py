"""Events whose writing had to wait, and people who have taken their times meanwhile; and those who take them just after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from booking.watch import BUSY_AFTER, EVERY, JITTER
from calendar_utils import Calendars
from calendars.base import Busy, Calendar, Event, EventKey, EventState, Unknown
from domain.model import Interval
from supabase_db import Database
from tests.after_booking import SOP, Json, Office
from tests.builders import make_request
from tests.contract.conftest import harness, kept
from tests.contract.harness import NOW, Harness, Own

__all__ = ["harness", "kept"]  # fixtures
FIRST = {"intro": ("Mon 09:00", ["asha"]), "panel": ("Tue 09:00", ["ben", "chloe"])}
MONDAY, TUESDAY = 7, 8
Later = Callable[[], None]


def hour(day: int, clock: int, minute: int = 0, *, minutes: int = 30) -> Own:
    start = datetime(2026, 12, day, clock, minute, tzinfo=UTC)
    return Own(interval=Interval(start=start, end=start + timedelta(minutes=minutes)))


@pytest.fixture
async def office(database: Database, harness: Harness, tmp_path: Path) -> AsyncIterator[Office]:
    await harness.add_people("asha", "ben", "chloe", "priya")
    text = SOP
    for who in ("asha", "ben", "chloe"):
        text = text.replace(f"email: {who}@", f'calendar: "{harness.address(who)}", email: {who}@')
    async with harness.calendar() as client:
        yield Office(db=database, folder=tmp_path, text=text, now=NOW, calendar=client)


@pytest.fixture
def later(admin: psycopg.Connection[Any]) -> Later:
    """Two minutes go by, in which nobody is at the candidate; stops are forgotten, of which five would set one aside."""

    def pass_by() -> None:
        admin.execute(
            "update candidates set attempts = 0, lease_until = clock_timestamp() where lease_until is not null"
        )
        admin.execute("update calendar_writes set created_at = created_at - interval '2 minutes'")

    return pass_by


class Meanwhile:
    """A calendar that lets something happen when it is about to write the first time."""

    def __init__(self, inner: Calendar, *what: Callable[[], Awaitable[None]]) -> None:
        self.provider, self._inner, self._what = inner.provider, inner, list(what)
        self.busy, self.cancel, self.get = inner.busy, inner.cancel, inner.get
        self.changes, self.aclose = inner.changes, inner.aclose

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        while self._what:
            await self._what.pop()()
        return await self._inner.put(event, etag=etag)


async def enqueue(office: Office, name: str) -> None:
    request = make_request(name=name, email=f"{name.lower()}@example.com")
    await office.db.enqueue(request=request.plain(), key=name, source="csv", actor="test", chat_id=7)


async def dies(office: Office, step: str, nth: int = 1) -> None:
    """A worker dies at a step of a candidate who has just come."""
    await enqueue(office, "Priya")
    await dies_again(office, step, nth)


async def dies_again(office: Office, step: str, nth: int = 1) -> None:
    office.steps, office.dies_at = [], (step, nth)
    await office.engine().take_one()
    assert office.dies_at is None


async def replanning_without_asha(office: Office, *more: Json, **detail: Any) -> None:
    out = {"excluded": [{"round": "intro", "interviewer": "asha"}, *more]}
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="test", detail=out | detail)


async def same_in_both(office: Office, harness: Harness) -> None:
    """Each booked interview has its one event at its time, and there is no other."""
    booked = sorted(row["start"] for row in (await office.live()).values())
    assert sorted(time.start.isoformat() for _, time in await harness.live()) == booked
    assert (await office.db.verify_audit())["ok"]


async def clashes(office: Office) -> list[tuple[str, str]]:
    found = [row["detail"] for row in await office.db.audit_trail() if row["action"] == "unreserved"]
    return [(one["round"], one["interviewer"]) for detail in found for one in detail["clashes"]]


# A first booking --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [hour(MONDAY, 9), hour(MONDAY, 9, 5, minutes=5), hour(MONDAY, 9, 40, minutes=5)])
async def test_a_time_that_was_taken_while_its_event_waited_is_planned_anew(
    own: Own, office: Office, harness: Harness, later: Later
) -> None:
    await dies(office, "reserved")
    await harness.add_busy("asha", own)
    later()

    await office.work()

    assert office.steps.count("unreserved") == 1
    assert await clashes(office) == [("intro", "asha")]
    assert (await office.times())["intro"] != FIRST["intro"]
    assert (await office.look())["status"] == "booked"
    assert await office.told() == ["booked"]
    await same_in_both(office, harness)
    assert await office.settle() == []


async def test_what_was_written_already_is_taken_back(office: Office, harness: Harness, later: Later) -> None:
    await dies(office, "recorded")
    assert len(await harness.live()) == 1
    await harness.add_busy("chloe", hour(TUESDAY, 9, 30, minutes=60))
    later()

    await office.work()

    assert await clashes(office) == [("panel", "chloe")]
    assert (await office.times())["panel"] != FIRST["panel"]
    assert await office.told() == ["booked"]
    await same_in_both(office, harness)


@pytest.mark.parametrize(("step", "nth"), [("reserved", 1), ("written", 1), ("recorded", 1), ("written", 2)])
async def test_events_of_our_own_are_in_nobodys_way(
    step: str, nth: int, office: Office, harness: Harness, later: Later
) -> None:
    await dies(office, step, nth)
    later()

    await office.work()

    assert "unreserved" not in office.steps
    assert await office.times() == FIRST
    await same_in_both(office, harness)


@pytest.mark.parametrize(("step", "nth"), [("reserved", 1), ("written", 1), ("written", 2)])
async def test_what_was_written_without_a_record_is_found_and_taken_back(
    step: str, nth: int, office: Office, harness: Harness, later: Later
) -> None:
    await dies(office, step, nth)
    await harness.add_busy("asha", hour(MONDAY, 8, minutes=240))
    await harness.add_busy("ben", hour(TUESDAY, 8, minutes=240))
    later()

    await office.work()

    assert await office.told() == ["booked"]
    await same_in_both(office, harness)
    times = await office.times()
    assert (nth == 2) == (times == FIRST)  # once both are written there is nothing to take back: the watch asks


async def test_a_worker_that_dies_while_it_gives_times_back_is_followed_by_one_that_goes_on(
    office: Office, harness: Harness, later: Later
) -> None:
    await dies(office, "recorded")
    await harness.add_busy("chloe", hour(TUESDAY, 9, minutes=60))
    for step, nth in [("unreserved", 1), ("written", 1), ("recorded", 1), ("reserved", 1), ("written", 1)]:
        later()
        await dies_again(office, step, nth)
    later()

    await office.work()

    assert len(await clashes(office)) == 1
    assert await office.told() == ["booked"]
    await same_in_both(office, harness)


async def test_whose_calendar_can_no_longer_be_read_is_not_written_to(
    office: Office, harness: Harness, later: Later
) -> None:
    await dies(office, "reserved")
    await harness.make_unreadable("asha")
    later()

    await office.work()

    assert (await office.times())["intro"] == ("Mon 09:00", ["ben"])
    await same_in_both(office, harness)


async def test_whose_calendar_cannot_be_read_for_now_keeps_the_time(
    office: Office, harness: Harness, later: Later, admin: psycopg.Connection[Any]
) -> None:
    async def unread(calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        return dict.fromkeys(calendars, Unknown(reason="503", cure="", passing=True))

    await dies(office, "recorded")
    later()
    assert office.calendar
    misty = Meanwhile(office.calendar)
    misty.busy = unread
    await office.engine(calendars=Calendars({"local": misty}, default="local", max_retries=0)).take_one()
    assert (await office.look())["status"] == "booking"
    admin.execute("update candidates set not_before = clock_timestamp()")
    await office.work()

    assert "unreserved" not in office.steps
    assert await office.times() == FIRST
    await same_in_both(office, harness)


async def test_when_nobody_is_left_an_admin_is_asked(office: Office, harness: Harness, later: Later) -> None:
    await dies(office, "recorded")
    for day in range(MONDAY, 21):
        await harness.add_busy("chloe", hour(day, 8, minutes=660))
    later()

    await office.work()

    assert [one["kind"] for one in await office.questions()] == ["no_plan"]
    assert await office.told() == ["escalated"]
    assert await harness.live() == []


async def test_a_booking_that_waits_for_nothing_takes_one_read_and_a_write_for_each_round(office: Office) -> None:
    await enqueue(office, "Priya")
    door = office.calendars

    await office.engine(calendars=door).run_until_idle()

    assert await office.times() == FIRST
    assert {one.verb: one.calls for one in door.statistics()} == {"busy": 1, "put": 2}


async def test_within_a_minute_nobody_is_read_again(office: Office, harness: Harness) -> None:
    await dies(office, "reserved")
    await harness.add_busy("asha", hour(MONDAY, 9))

    await office.work()

    assert await office.times() == FIRST
    assert "unreserved" not in office.steps


async def test_what_waits_within_one_claim_is_read_again_too(office: Office, harness: Harness) -> None:
    assert office.calendar
    office.calendar = Meanwhile(office.calendar, lambda: harness.add_busy("chloe", hour(TUESDAY, 9, minutes=60)))
    office.stale_after = 0.0

    await office.book()

    assert await clashes(office) == [("panel", "chloe")]
    assert await office.told() == ["booked"]
    await same_in_both(office, harness)


# A booking made anew ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["rebooked", "written", "recorded"])
async def test_a_new_plan_that_was_overtaken_is_made_once_more(
    step: str, office: Office, harness: Harness, later: Later
) -> None:
    await office.book()
    await replanning_without_asha(office)
    await dies_again(office, step)
    assert (await office.look())["interviews"][0]["interviewers"] == ["ben"]
    await harness.add_busy("ben", hour(MONDAY, 9, minutes=180))
    later()

    await office.work()

    overtaken = step == "rebooked"  # after that it is written: the watch asks
    assert await clashes(office) == [("intro", "ben")] * overtaken
    times = await office.times()
    assert times["intro"] == ("Mon 14:00" if overtaken else "Mon 09:00", ["ben"])
    assert times["panel"] == FIRST["panel"]
    assert await office.told() == ["booked", "rebooked"]
    notices = await office.db.claim_notices(channel="telegram", limit=9, lease_seconds=0)
    (told,) = [one for one in notices if one["kind"] == "rebooked"]
    (move,) = told["payload"]["moved"]
    assert move["before"]["interviewers"] == [{"id": "asha", "name": "Asha Rao"}]
    assert "undo" not in told["payload"]
    await same_in_both(office, harness)
    assert await office.settle() == []


async def test_a_new_plan_that_has_become_impossible_leaves_the_booking_as_it_was(
    office: Office, harness: Harness, later: Later
) -> None:
    await office.book()
    await replanning_without_asha(office, rounds=["intro"])
    await dies_again(office, "rebooked")
    for day in range(MONDAY, 21):
        await harness.add_busy("ben", hour(day, 8, minutes=660))
    later()

    await office.work()

    assert await office.times() == FIRST
    assert (await office.look())["status"] == "booked"
    assert [one["kind"] for one in await office.questions()] == ["replan"]
    assert await office.told() == ["booked", "asked"]
    await same_in_both(office, harness)
    assert await office.settle() == []


async def test_when_the_old_time_is_gone_too_the_new_one_is_kept_and_asked_about(
    office: Office, harness: Harness, later: Later, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("insert into lanes (lane, at_once) values ('main', 2)")
    office.text = office.text.replace("name: Chloe Tran", "name: Chloe Tran, buffer: 15m")
    await office.book()
    panel = (await office.live())["panel"]
    await replanning_without_asha(office, {"round": "panel", "start": panel["start"], "end": panel["end"]})
    await dies_again(office, "recorded")  # asha is free on Monday at nine
    await enqueue(office, "Marcus")
    await office.engine("other").take_one()
    assert (await office.times("Marcus"))["intro"] == FIRST["intro"]
    await harness.add_busy("chloe", hour(TUESDAY, 11, minutes=60))
    later()

    await office.work()

    assert await office.times() == {"intro": ("Mon 09:00", ["ben"]), "panel": ("Tue 10:30", ["ben", "chloe"])}
    assert (await office.told())[-1] == "rebooked"
    assert await clashes(office) == []
    office.wait(minutes=31)
    assert await office.sweep() == ["ask"]
    assert [one["kind"] for one in await office.questions()] == ["overlap:panel"]


async def test_an_event_that_an_admin_moves_back_goes_where_it_is_booked_whatever_is_there(
    office: Office, harness: Harness, later: Later
) -> None:
    await office.book()
    await office.settle()
    row = (await office.live())["intro"]
    own = hour(TUESDAY, 11)
    assert own.interval
    await harness.human_moves(EventKey(interview=row["id"], generation=1), own.interval)
    await office.settle()
    await office.take("moved:intro", "restore")
    await dies_again(office, "claimed")
    await harness.add_busy("asha", hour(MONDAY, 9, 10))
    later()

    await office.work()

    assert await office.times() == FIRST
    await same_in_both(office, harness)


# Just after ---------------------------------------------------------------------------------------------------------------------


async def test_what_comes_just_after_is_asked_about_within_37_minutes(office: Office, harness: Harness) -> None:
    await office.book()
    await office.sweep()
    await harness.add_busy("asha", hour(MONDAY, 9, 20, minutes=40))
    longest = timedelta(seconds=EVERY * (1 + JITTER))
    asked: list[str] = []
    while not asked:
        office.now += longest
        asked = await office.sweep()

    assert office.now - NOW <= BUSY_AFTER + longest < timedelta(minutes=37)
    assert asked == ["ask"]
    (question,) = await office.questions()
    assert question["kind"] == "overlap:intro"
    await office.take("overlap:intro", "replan")
    await office.settle()
    assert (await office.times())["intro"] != FIRST["intro"]
    await same_in_both(office, harness)
