"""How fast one account is asked: one call at a time, a least distance between two, and a budget below the provider's quota.

Nothing here knows what a call is about, nor why it failed: retries and parking are the doorway's (`calendar_utils.py`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

MARGIN = 0.8  # of the provider's quota: the rest is for what else uses the account
BURST = 10  # calls that may follow each other at once after a quiet time


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """`delay`: least seconds between two calls. `per_minute`: the provider's quota of requests for one account, None when it
    has none. `adaptive`: as fast as `MARGIN` of that quota allows, without the fixed delay (kept where there is no quota).
    `fresh_for`: seconds for which busy times once read are taken as unchanged."""

    delay: float = 0.0
    per_minute: int | None = None
    adaptive: bool = False
    fresh_for: float = 60.0


class TooLong(Exception):
    """A turn would come later than its caller can wait: in `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"the next call may be made in {seconds:.1f} s")


class Turnstile:
    """Lets the calls of one account through, urgent ones first. `clock` counts seconds, `sleep` waits for some."""

    def __init__(self, pace: Pace, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock, self._sleep = clock, sleep
        self._distance = 0.0 if pace.adaptive and pace.per_minute else pace.delay
        self._budget = pace.per_minute * MARGIN if pace.per_minute else None
        self._tokens, self._counted_at = float(BURST), clock()
        self._next_at = float("-inf")
        self._inside = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, *, priority: int, patience: float) -> AsyncIterator[float]:
        """Wait for a turn, no longer than `patience` seconds as far as can be foreseen (`TooLong`), and keep all others
        out meanwhile; gives the seconds waited. A lower `priority` goes first."""
        asked_at = self._clock()
        ahead = sum(waiting <= priority for waiting, _, _ in self._waiting) + self._inside
        self._refuse(self.wait() + ahead * self._distance, patience)
        await self._enter(priority)
        try:
            wait = self.wait()
            self._refuse(wait, patience - (self._clock() - asked_at))
            if wait > 0:
                await self._sleep(wait)
            self._next_at = self._clock() + self._distance
            self.charge(1)
            yield self._clock() - asked_at
        finally:
            self._leave()

    def wait(self) -> float:
        """Seconds until the next call may be made, if nobody else is waiting."""
        now = self._clock()
        short = 0.0
        if self._budget is not None:
            short = max(0.0, 1 - self._filled(now)) * 60 / self._budget
        return max(0.0, self._next_at - now, short)

    def charge(self, requests: int) -> None:
        """Take so many requests off the budget."""
        now = self._clock()
        self._tokens, self._counted_at = self._filled(now) - requests, now

    def seconds_for(self, calls: int) -> float:
        """How long so many calls take at this pace, the answers' own time aside."""
        by_budget = max(0, calls - BURST) * 60 / self._budget if self._budget else 0.0
        return max(max(0, calls - 1) * self._distance, by_budget)

    def left(self) -> int | None:
        """Calls that could be made at once within the budget; None when there is no quota."""
        return None if self._budget is None else max(0, int(self._filled(self._clock())))

    def _refuse(self, wait: float, patience: float) -> None:
        if wait > patience:
            raise TooLong(wait)

    def _filled(self, now: float) -> float:
        gained = (now - self._counted_at) * (self._budget or 0.0) / 60
        return min(float(BURST), self._tokens + gained)

    async def _enter(self, priority: int) -> None:
        if not self._inside:
            self._inside = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given the turn in the moment it was called off
                self._leave()
            turn.cancel()
            raise

    def _leave(self) -> None:
        """Hand over to the most urgent one; whoever was called off meanwhile is passed by."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._inside = False
