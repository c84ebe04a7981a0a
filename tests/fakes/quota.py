"""Quotas as providers keep them: so many calls in any stretch of time, counted by who calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta


class SlidingWindow:
    """At most `limit` calls within any `length` for each name. A refused call does not count."""

    def __init__(self, limit: int, *, clock: Callable[[], datetime], length: timedelta = timedelta(minutes=1)) -> None:
        self._limit, self._clock, self._length = limit, clock, length
        self._calls: dict[str, deque[datetime]] = {}

    def full(self, name: str) -> bool:
        """Whether one more call would be too many now."""
        calls = self._calls.setdefault(name, deque())
        while calls and calls[0] <= self._clock() - self._length:
            calls.popleft()
        return len(calls) >= self._limit

    def count(self, name: str) -> None:
        self._calls.setdefault(name, deque()).append(self._clock())
