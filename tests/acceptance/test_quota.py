"""A large import against Google's published quotas: at the default pace and in adaptive mode, Google never has to say stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calendar_utils import Calendars, pace_for
from calendars.base import Attendee, Event, EventKey
from calendars.google import GoogleCalendar
from calendars.google_http import UserAccess
from domain.errors import CalendarBusy
from tests.fakes.google import FakeGoogle, running_google

EVENTS = 1000
QUOTA = {"per_user": 600, "per_project": 10_000}  # a minute, as Google publishes them


class VirtualTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def event(number: int) -> Event:
    start = datetime(2027, 1, 4, tzinfo=UTC) + timedelta(minutes=30 * number)
    return Event(
        key=EventKey(interview=f"00000000-0000-4000-8000-{number:012d}", generation=1),
        title=f"Round {number}",
        description="",
        start=start,
        end=start + timedelta(minutes=30),
        timezone="UTC",
        attendees=(Attendee(email="asha@example.com", name="Asha Rao"),),
    )


async def put_all(google: FakeGoogle, time: VirtualTime, *, delay: float, adaptive: bool) -> Calendars:
    access = UserAccess(
        client_id=google.client.id, client_secret=google.client.secret, refresh_token=google.refresh_token()
    )
    client = GoogleCalendar(access, base_url=google.api_url, token_uri=google.token_url)
    doorway = Calendars(
        {"google": client},
        default="google",
        paces={"google": pace_for("google", delay=delay, adaptive=adaptive)},
        clock=lambda: time.seconds,
        now=time.now,
        sleep=time.sleep,
    )
    for number in range(EVENTS):
        await doorway.put(event(number))
    await doorway.aclose()
    return doorway


@pytest.mark.parametrize(
    ("delay", "adaptive", "minutes"),
    [pytest.param(2.0, False, (33, 34), id="default-pace"), pytest.param(2.0, True, (2, 3), id="adaptive")],
)
async def test_a_large_import_meets_no_rate_limit(delay: float, adaptive: bool, minutes: tuple[int, int]) -> None:
    time = VirtualTime()
    with running_google(clock=time.now, **QUOTA) as google:
        google.add_person("asha@example.com")
        doorway = await put_all(google, time, delay=delay, adaptive=adaptive)

        (puts,) = (one for one in doorway.statistics() if one.verb == "put")
        assert (puts.calls, puts.requests, puts.retries, puts.errors) == (EVENTS, EVENTS, 0, {})
        assert len(google.live()) == EVENTS
        assert minutes[0] <= time.seconds / 60 <= minutes[1]


async def test_without_a_pace_the_same_import_is_stopped() -> None:
    time = VirtualTime()
    with running_google(clock=time.now, **QUOTA) as google:
        google.add_person("asha@example.com")
        access = UserAccess(
            client_id=google.client.id, client_secret=google.client.secret, refresh_token=google.refresh_token()
        )
        client = GoogleCalendar(access, base_url=google.api_url, token_uri=google.token_url)
        doorway = Calendars({"google": client}, default="google", now=time.now, sleep=time.sleep, max_retries=1)
        for number in range(QUOTA["per_user"]):
            await doorway.put(event(number))

        with pytest.raises(CalendarBusy):
            await doorway.put(event(QUOTA["per_user"]))
        await doorway.aclose()
