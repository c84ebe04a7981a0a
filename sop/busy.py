"""Busy times made ready for asking: who is taken when, as sets of starts, kept once they were asked for.

Hand a `BusyIndex` to `plan` in place of the mapping when many plans are made against the same calendars.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from domain.model import Interval
from sop.timeline import Axis, Stretch, joined, stretch_of


class BusyIndex(Mapping[str, Sequence[Interval]]):
    """A mapping of interviewer ids to busy intervals, in any order, overlapping or not. Not to be changed once given."""

    def __init__(self, busy: Mapping[str, Sequence[Interval]]) -> None:
        self._busy = {who: tuple(intervals) for who, intervals in busy.items()}
        self._stretches: dict[str, list[Stretch]] = {}
        self._bits: dict[tuple[str, Axis, int, int], int] = {}

    @classmethod
    def of(cls, busy: Mapping[str, Sequence[Interval]]) -> BusyIndex:
        return busy if isinstance(busy, BusyIndex) else cls(busy)

    def __getitem__(self, who: str) -> Sequence[Interval]:
        return self._busy[who]

    def __iter__(self):  # type: ignore[no-untyped-def]  # the mapping's own type says it
        return iter(self._busy)

    def __len__(self) -> int:
        return len(self._busy)

    def stretches(self, who: str) -> list[Stretch]:
        """The busy time of somebody, sorted and joined."""
        if who not in self._stretches:
            self._stretches[who] = joined(map(stretch_of, self._busy.get(who, ())))
        return self._stretches[who]

    def taken(self, who: str, axis: Axis, duration: int, buffer: int) -> int:
        """Starts of interviews that come nearer than the buffer to something busy."""
        key = (who, axis, duration, buffer)
        if key not in self._bits:
            stretches = self.stretches(who)
            reach = duration + buffer
            first = bisect_left(stretches, (axis.ticks[0] - buffer, 0)) - 1
            last = bisect_left(stretches, (axis.ticks[-1] + reach, 0)) + 1
            self._bits[key] = axis.touching(stretches[max(first, 0) : last], duration, buffer)
        return self._bits[key]
