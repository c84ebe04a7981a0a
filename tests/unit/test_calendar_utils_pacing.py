"""Pacing: the distance between calls, the quota, and who goes first."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from calendars.pacing import BURST, Pace, TooLong, Turnstile


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class Provider:
    """Grants so many requests in any minute, as Google's sliding window does."""

    def __init__(self, time: Time, per_minute: int) -> None:
        self.time, self.per_minute = time, per_minute
        self.window: deque[float] = deque()
        self.refused = 0

    def request(self) -> None:
        while self.window and self.window[0] <= self.time.seconds - 60:
            self.window.popleft()
        if len(self.window) >= self.per_minute:
            self.refused += 1
        self.window.append(self.time.seconds)


@pytest.fixture
def time() -> Time:
    return Time()


def turnstile(time: Time, pace: Pace) -> Turnstile:
    return Turnstile(pace, clock=time.clock, sleep=time.sleep)


async def test_calls_keep_their_distance(time: Time) -> None:
    gate, at = turnstile(time, Pace(delay=2)), []
    for _ in range(4):
        async with gate.turn(priority=1, patience=10):
            at.append(time.seconds)
            time.seconds += 0.5  # the call itself

    assert at == [0, 2, 4, 6]


async def test_without_a_delay_nobody_waits(time: Time) -> None:
    gate = turnstile(time, Pace())
    for _ in range(100):
        async with gate.turn(priority=1, patience=0) as waited:
            assert waited == 0

    assert gate.left() is None
    assert gate.seconds_for(1000) == 0


@pytest.mark.parametrize(
    "pace",
    [Pace(delay=2.0, per_minute=600), Pace(delay=0.0, per_minute=600), Pace(delay=2.0, per_minute=600, adaptive=True)],
)
async def test_a_thousand_calls_meet_no_rate_limit(pace: Pace, time: Time) -> None:
    gate, provider = turnstile(time, pace), Provider(time, 600)
    for _ in range(1000):
        async with gate.turn(priority=1, patience=60):
            provider.request()

    assert provider.refused == 0
    assert time.seconds == pytest.approx(gate.seconds_for(1000))


async def test_adaptive_is_as_fast_as_four_fifths_of_the_quota(time: Time) -> None:
    gate = turnstile(time, Pace(delay=2.0, per_minute=600, adaptive=True))
    for _ in range(BURST + 480):
        async with gate.turn(priority=1, patience=60):
            pass

    assert time.seconds == pytest.approx(60)


async def test_adaptive_without_a_quota_keeps_the_delay(time: Time) -> None:
    gate = turnstile(time, Pace(delay=2.0, adaptive=True))

    assert gate.seconds_for(11) == 20


async def test_what_a_call_asked_beyond_one_request_is_charged(time: Time) -> None:
    gate, provider = turnstile(time, Pace(per_minute=600)), Provider(time, 600)
    for _ in range(400):
        async with gate.turn(priority=1, patience=60):
            for _ in range(3):
                provider.request()
            gate.charge(2)

    assert provider.refused == 0
    assert gate.left() == 0


async def test_a_turn_that_is_too_far_off_is_refused_at_once(time: Time) -> None:
    gate = turnstile(time, Pace(delay=30))
    async with gate.turn(priority=1, patience=10):
        pass

    with pytest.raises(TooLong) as caught:
        async with gate.turn(priority=1, patience=10):
            pytest.fail("it was let in")

    assert (caught.value.seconds, time.seconds) == (30, 0)
    time.seconds = 25
    async with gate.turn(priority=1, patience=10) as waited:
        assert waited == 5


async def test_those_who_wait_already_count(time: Time) -> None:
    gate = turnstile(time, Pace(delay=4))
    release = asyncio.Event()

    async def hold() -> None:
        async with gate.turn(priority=1, patience=100):
            await release.wait()

    async def call() -> None:
        async with gate.turn(priority=1, patience=100):
            pass

    tasks = [asyncio.create_task(hold()), *(asyncio.create_task(call()) for _ in range(3))]
    await asyncio.sleep(0)

    with pytest.raises(TooLong):
        async with gate.turn(priority=1, patience=10):
            pytest.fail("it was let in")

    release.set()
    await asyncio.gather(*tasks)


async def test_the_urgent_go_first_and_the_rest_in_order(time: Time) -> None:
    gate, order, release = turnstile(time, Pace()), list[str](), asyncio.Event()

    async def call(name: str, priority: int) -> None:
        async with gate.turn(priority=priority, patience=100):
            order.append(name)
            if name == "first":
                await release.wait()

    calls = [("first", 2), ("create 1", 2), ("sweep", 3), ("create 2", 2), ("cancel 1", 0), ("cancel 2", 0)]
    tasks = [asyncio.create_task(call(*one)) for one in calls]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*tasks)

    assert order == ["first", "cancel 1", "cancel 2", "create 1", "create 2", "sweep"]


async def test_only_one_call_is_under_way(time: Time) -> None:
    gate, inside = turnstile(time, Pace()), 0

    async def call() -> None:
        nonlocal inside
        async with gate.turn(priority=1, patience=100):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(call() for _ in range(20)))


@pytest.mark.parametrize("when", ["before its turn", "as its turn comes"])
async def test_a_call_that_is_called_off_lets_the_next_through(when: str, time: Time) -> None:
    gate, release, done = turnstile(time, Pace()), asyncio.Event(), list[str]()

    async def call(name: str) -> None:
        async with gate.turn(priority=1, patience=100):
            if name == "first":
                await release.wait()
            done.append(name)

    first, second, third = (asyncio.create_task(call(name)) for name in ("first", "second", "third"))
    await asyncio.sleep(0)
    if when == "as its turn comes":
        release.set()
        await asyncio.sleep(0)  # the first goes on
    second.cancel()
    release.set()
    await asyncio.wait([first, second, third], timeout=5)

    assert done == ["first", "third"]
    assert second.cancelled()


async def test_a_call_that_fails_lets_the_next_through(time: Time) -> None:
    gate = turnstile(time, Pace())
    with pytest.raises(ValueError, match="no"):
        async with gate.turn(priority=1, patience=1):
            raise ValueError("no")

    async with gate.turn(priority=1, patience=1) as waited:
        assert waited == 0
