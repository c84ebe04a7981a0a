"""The doorway: routes, retries, pauses and parking, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from calendar_utils import PROVIDERS, Calendars, pace_for
from calendars.base import Attendee, Busy, Changes, Event, EventKey, EventState, Owner, Unknown
from calendars.local import LocalCalendar
from calendars.pacing import Pace
from domain.errors import CalendarAuthError, CalendarBusy, CalendarConflict, CalendarError, CalendarRefused
from domain.model import Interval

START = datetime(2027, 1, 1, tzinfo=UTC)
SPAN = Interval(start=datetime(2027, 1, 4, tzinfo=UTC), end=datetime(2027, 1, 16, tzinfo=UTC))
T = TypeVar("T")


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def later(self, **length: float) -> None:
        self.seconds += timedelta(**length).total_seconds()


class Moody:
    """The local calendar behind a provider's moods: each call first raises the next of `moods`, and is noted with its time."""

    def __init__(self, folder: Path, time: Time, provider: str = "google") -> None:
        self.provider, self.moods, self.time = provider, list[CalendarError](), time
        self.calls: list[tuple[float, str]] = []
        self.asked: list[Sequence[str]] = []
        self._local = LocalCalendar(
            folder, owners=lambda name: Owner(email=name, zone=ZoneInfo("UTC")), now=time.now, clock=time.clock
        )

    def verbs(self) -> Counter[str]:
        return Counter(verb for _, verb in self.calls)

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        self.asked.append(calendars)
        return await self._do("busy", lambda: self._local.busy(calendars, span))

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        return await self._do("put", lambda: self._local.put(event, etag=etag))

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        await self._do("cancel", lambda: self._local.cancel(key, etag=etag))

    async def get(self, key: EventKey) -> EventState | None:
        return await self._do("get", lambda: self._local.get(key))

    async def changes(self, cursor: str = "") -> Changes:
        return await self._do("changes", lambda: self._local.changes(cursor))

    async def aclose(self) -> None:
        self.calls.append((self.time.seconds, "aclose"))

    async def _do(self, verb: str, work: Callable[[], Awaitable[T]]) -> T:
        self.calls.append((self.time.seconds, verb))
        if self.moods:
            raise self.moods.pop(0)
        return await work()


class Thorough(Moody):
    """A calendar that takes three requests for a call, and counts them."""

    requests = 0

    async def get(self, key: EventKey) -> EventState | None:
        self.requests += 3
        return await super().get(key)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def google(tmp_path: Path, time: Time) -> Moody:
    return Moody(tmp_path / "google", time)


def doorway(google: Moody, time: Time, pace: Pace | None = None, lots: float = 1.0) -> Calendars:
    return Calendars(
        {"google": google},
        default="google",
        paces={"google": pace or Pace(fresh_for=0)},
        clock=time.clock,
        now=time.now,
        sleep=time.sleep,
        lots=lambda: lots,
    )


def event(number: int = 0, *, revision: int = 0) -> Event:
    start = datetime(2027, 1, 5, 10, tzinfo=UTC) + timedelta(hours=number)
    return Event(
        key=EventKey(interview=str(UUID(int=number)), generation=1),
        title="Core Java",
        description="",
        start=start,
        end=start + timedelta(hours=1),
        timezone="UTC",
        attendees=(Attendee(email="asha@example.com", name="Asha"),),
        revision=revision,
    )


class TestRoutes:
    """Which calendar is whose."""

    async def test_a_prefix_names_the_provider_and_a_plain_address_means_the_default(
        self, tmp_path: Path, time: Time
    ) -> None:
        calendars = {name: Moody(tmp_path / name, time, name) for name in PROVIDERS}
        door = Calendars(calendars, default="outlook")
        people = {
            "asha": ["google:asha@example.com"],
            "ben": ["outlook:ben@example.com"],
            "chloe": ["local:chloe"],
            "emma": ["emma@example.com"],
        }

        assert await door.busy(people, SPAN) == dict.fromkeys(people, ())
        assert calendars["google"].asked == [["asha@example.com"]]
        assert calendars["outlook"].asked == [["ben@example.com", "emma@example.com"]]
        assert calendars["local"].asked == [["chloe"]]
        assert calendars["caldav"].asked == []

    async def test_a_caldav_address_keeps_its_colons(self, tmp_path: Path, time: Time) -> None:
        caldav = Moody(tmp_path, time, "caldav")

        await Calendars({"caldav": caldav}, default="local").busy({"asha": ["caldav:https://dav.example.com/a/"]}, SPAN)

        assert caldav.asked == [["https://dav.example.com/a/"]]

    async def test_several_calendars_block_one_person(self, google: Moody, time: Time) -> None:
        door = doorway(google, time)
        await google.put(event())
        await google.put(event(1))
        people = {"asha": ["asha@example.com", "other@example.com"], "ben": ["ben@example.com"]}

        busy = await door.busy(people, SPAN)

        whole = Interval(start=event().start, end=event(1).end)
        assert busy == {"asha": (whole,), "ben": ()}
        assert google.asked == [["asha@example.com", "other@example.com", "ben@example.com"]]

    async def test_one_unknown_calendar_makes_a_person_unknown(self, google: Moody, time: Time, tmp_path: Path) -> None:
        folder = tmp_path / "google" / "asha@example.com"
        folder.mkdir(parents=True)
        (folder / "torn.ics").write_text("BEGIN:VCALENDAR")

        busy = await doorway(google, time).busy({"asha": ["x@example.com", "asha@example.com"], "ben": ["b"]}, SPAN)

        assert isinstance(busy["asha"], Unknown)
        assert "torn.ics" in busy["asha"].reason
        assert busy["ben"] == ()

    async def test_a_provider_that_is_not_set_up_is_unknown(self, google: Moody, time: Time) -> None:
        busy = await doorway(google, time).busy({"asha": ["outlook:asha@example.com"], "ben": ["b@example.com"]}, SPAN)

        assert busy["asha"] == Unknown(
            reason="outlook is not set up",
            cure="Run `python main.py connect outlook`, or give another calendar in the SOP.",
            calendar="outlook",
        )
        assert busy["ben"] == ()

    async def test_without_the_organisers_provider_nothing_is_written(self, google: Moody, time: Time) -> None:
        with pytest.raises(CalendarRefused, match="outlook is not set up"):
            await Calendars({"google": google}, default="google", organiser="outlook").put(event())

    async def test_only_what_meets_the_span_is_told(self, google: Moody, time: Time) -> None:
        await google.put(event())
        door = doorway(google, time, Pace(fresh_for=60))
        morning = Interval(start=event().start - timedelta(hours=5), end=event().start)

        assert await door.busy({"asha": ["asha@example.com"]}, morning) == {"asha": ()}


class TestSparing:
    """As few calls as possible."""

    PEOPLE: Mapping[str, Sequence[str]] = {"asha": ["asha@example.com"], "ben": ["ben@example.com"]}

    async def test_busy_times_are_not_read_twice_within_a_minute(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(fresh_for=60))
        first = await door.busy(self.PEOPLE, SPAN)
        time.later(seconds=59)
        shorter = Interval(start=SPAN.start + timedelta(days=1), end=SPAN.end)

        assert await door.busy(self.PEOPLE, shorter) == first
        assert google.verbs() == {"busy": 1}

        time.later(seconds=1)
        await door.busy(self.PEOPLE, SPAN)
        assert google.verbs() == {"busy": 2}

    async def test_only_who_is_missing_is_read(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(fresh_for=60))
        await door.busy({"asha": ["asha@example.com"]}, SPAN)
        await door.busy(self.PEOPLE, SPAN)

        assert google.asked == [["asha@example.com"], ["ben@example.com"]]

    async def test_a_longer_span_is_read_anew(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(fresh_for=60))
        await door.busy(self.PEOPLE, SPAN)
        await door.busy(self.PEOPLE, Interval(start=SPAN.start, end=SPAN.end + timedelta(days=30)))

        assert google.verbs() == {"busy": 2}

    async def test_fresh_means_fresh(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(fresh_for=60))
        await door.busy(self.PEOPLE, SPAN)
        await google.put(event())

        assert (await door.busy(self.PEOPLE, SPAN))["asha"] == ()
        assert (await door.busy(self.PEOPLE, SPAN, fresh=True))["asha"] == (event().interval,)

    async def test_what_a_cancellation_frees_is_seen(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(fresh_for=60))
        await door.put(event())
        assert (await door.busy(self.PEOPLE, SPAN))["asha"] == (event().interval,)

        await door.cancel(event().key)

        assert (await door.busy(self.PEOPLE, SPAN))["asha"] == ()

    async def test_what_a_move_frees_is_seen(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(fresh_for=60))
        await door.put(event())
        await door.busy(self.PEOPLE, SPAN)
        moved = event(5, revision=1)
        await door.put(
            Event(**{name: getattr(moved, name) for name in Event.__dataclass_fields__} | {"key": event().key})
        )

        assert (await door.busy(self.PEOPLE, SPAN))["asha"] == (moved.interval,)


class TestRetries:
    """What may pass is tried again; what cannot is not."""

    async def test_a_passing_failure_is_tried_again_with_growing_pauses(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarBusy(reason="backendError") for _ in range(3)]

        state = await doorway(google, time).put(event())

        assert state.key == event().key
        assert google.verbs() == {"put": 4}
        assert time.slept == [1, 2, 4]

    async def test_the_pause_is_drawn_between_nothing_and_the_ceiling(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarBusy(), CalendarBusy()]

        await doorway(google, time, lots=0.25).get(event().key)

        assert time.slept == [0.25, 0.5]

    async def test_the_last_try_says_when_to_come_back(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarBusy(reason="backendError") for _ in range(9)]

        with pytest.raises(CalendarBusy) as caught:
            await doorway(google, time).put(event())

        assert google.verbs() == {"put": 4}
        assert caught.value.reason == "backendError"
        assert caught.value.retry_at is not None
        assert caught.value.retry_at > time.now()

    @pytest.mark.parametrize("error", [CalendarRefused(), CalendarConflict(), CalendarAuthError()])
    async def test_what_does_not_pass_is_tried_once(self, error: CalendarError, google: Moody, time: Time) -> None:
        google.moods = [error]

        with pytest.raises(type(error)):
            await doorway(google, time).put(event())

        assert google.verbs() == {"put": 1}
        assert time.slept == []

    async def test_the_providers_wish_is_honoured(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarBusy(reason="rateLimitExceeded", retry_at=START + timedelta(seconds=6))]

        await doorway(google, time, lots=0.5).put(event())

        assert time.slept == [6.5]

    async def test_a_long_wish_parks_the_account_instead_of_waiting(self, google: Moody, time: Time) -> None:
        door = doorway(google, time)
        google.moods = [CalendarBusy("slow down", reason="rateLimitExceeded", retry_at=START + timedelta(seconds=300))]
        for _ in range(3):
            with pytest.raises(CalendarBusy, match="slow down") as caught:
                await door.put(event())
            assert caught.value.retry_at == START + timedelta(seconds=300)
        assert (google.verbs(), time.slept) == ({"put": 1}, [])

        time.later(seconds=300)
        await door.put(event())
        assert google.verbs() == {"put": 2}

    async def test_pauses_never_exceed_the_patience(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarBusy() for _ in range(20)]
        door = Calendars(
            {"google": google}, default="google", max_retries=10, patience=10, clock=time.clock, now=time.now,
            sleep=time.sleep, lots=lambda: 1.0,
        )  # fmt: skip

        with pytest.raises(CalendarBusy):
            await door.put(event())

        assert time.slept == [1, 2, 4]  # eight more would be fifteen

    async def test_an_account_that_keeps_failing_is_left_alone_for_longer_and_longer(
        self, google: Moody, time: Time
    ) -> None:
        door = doorway(google, time)
        google.moods = [CalendarBusy(reason="backendError") for _ in range(200)]
        waits = []
        for _ in range(8):
            with pytest.raises(CalendarBusy) as caught:
                await door.get(event().key)
            assert caught.value.retry_at is not None
            waits.append((caught.value.retry_at - time.now()).total_seconds())
            time.later(seconds=waits[-1])

        assert waits == [16, 32, 64, 128, 256, 512, 900, 900]

        google.moods = []
        await door.get(event().key)  # it is well again: the next failure starts from the beginning
        google.moods = [CalendarBusy() for _ in range(4)]
        with pytest.raises(CalendarBusy) as caught:
            await door.get(event().key)
        assert caught.value.retry_at == time.now() + timedelta(seconds=16)

    async def test_a_lasting_limit_stops_writes_for_hours_but_not_reads(self, google: Moody, time: Time) -> None:
        door = doorway(google, time)
        google.moods = [CalendarBusy("Calendar usage limits exceeded.", reason="quotaExceeded")]
        with pytest.raises(CalendarBusy) as caught:
            await door.put(event())
        assert caught.value.retry_at == time.now() + timedelta(hours=2)

        assert await door.get(event().key) is None
        for _ in range(6 * 60 - 1):  # a try every minute, for six hours
            time.later(minutes=1)
            if time.seconds % 7200 == 0:
                google.moods = [CalendarBusy("Calendar usage limits exceeded.", reason="quotaExceeded")]
            with pytest.raises(CalendarBusy, match="usage limits"):
                await door.put(event())

        assert google.verbs()["put"] <= 3

    async def test_a_revoked_connection_makes_its_people_unknown(
        self, google: Moody, time: Time, tmp_path: Path
    ) -> None:
        local = Moody(tmp_path / "local", time, "local")
        google.moods = [CalendarAuthError("Google no longer accepts the connection", reason="invalid_grant")]
        door = Calendars({"google": google, "local": local}, default="google", sleep=time.sleep)

        busy = await door.busy({"asha": ["asha@example.com"], "ben": ["local:ben"]}, SPAN)

        assert busy["asha"] == Unknown(
            reason="Google no longer accepts the connection",
            cure="Run `python main.py connect google`.",
            calendar="google",
        )
        assert busy["ben"] == ()

    async def test_an_error_says_of_which_account_it_is(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarAuthError("revoked"), CalendarBusy("spent", reason="quotaExceeded")]
        door = doorway(google, time)

        errors = []
        for _ in range(3):  # the last is refused without a call
            with pytest.raises(CalendarError) as caught:
                await door.put(event())
            errors.append((type(caught.value), caught.value.provider, caught.value.verb))

        assert errors == [(CalendarAuthError, "google", "put"), *[(CalendarBusy, "google", "put")] * 2]
        assert door.place("asha@example.com") == "google:asha@example.com"
        assert door.place("local:asha") == "local:asha"

    async def test_a_read_that_is_refused_is_unknown(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarRefused("no such scope", reason="insufficientPermissions")]

        busy = await doorway(google, time).busy({"asha": ["asha@example.com"]}, SPAN)

        assert isinstance(busy["asha"], Unknown)
        assert busy["asha"].reason == "no such scope"

    async def test_a_read_that_fails_for_now_is_neither_free_nor_unknown(self, google: Moody, time: Time) -> None:
        google.moods = [CalendarBusy() for _ in range(4)]

        with pytest.raises(CalendarBusy):
            await doorway(google, time).busy({"asha": ["asha@example.com"]}, SPAN)


class TestCounting:
    """What it cost."""

    async def test_calls_retries_errors_and_waiting_are_counted_by_verb(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, Pace(delay=2, fresh_for=0))
        google.moods = [CalendarBusy(reason="rateLimitExceeded"), CalendarRefused()]
        with pytest.raises(CalendarRefused):
            await door.put(event())
        await door.cancel(event().key)

        put, cancel = door.statistics()

        assert (put.provider, put.verb, put.calls, put.requests, put.retries) == ("google", "put", 2, 2, 1)
        assert put.errors == {"rateLimitExceeded": 1, "CalendarRefused": 1}
        assert put.waited == 2  # a pause of one second, and one more for the distance
        assert (cancel.verb, cancel.calls, cancel.retries, cancel.waited, cancel.errors) == ("cancel", 1, 0, 2, {})

    async def test_every_request_of_a_call_is_charged(self, tmp_path: Path, time: Time) -> None:
        calendar = Thorough(tmp_path, time)
        door = doorway(calendar, time, Pace(per_minute=600))
        for _ in range(2):
            await door.get(event().key)

        (get,) = door.statistics()
        assert (get.calls, get.requests) == (2, 6)
        assert door.budget_left() == {"google": 4}

    async def test_a_local_calendar_is_not_paced(self) -> None:
        assert pace_for("local", delay=2.0) == Pace(delay=0, per_minute=None, fresh_for=0)

    async def test_closing_closes_every_calendar(self, google: Moody, time: Time) -> None:
        await doorway(google, time).aclose()

        assert google.verbs() == {"aclose": 1}

    async def test_an_import_can_be_estimated(self, google: Moody, time: Time) -> None:
        door = doorway(google, time, pace_for("google", delay=2.0))

        assert door.estimate(100, rounds=4) == timedelta(seconds=2 * 499)
