"""What a provider brings to join the contract suite: its client, and a person's hands on its server.

A provider `x` joins with a module `harness_x.py` in this folder that has one function

    def harness(lab: Lab) -> AbstractAsyncContextManager[Harness]

and nothing else has to be told. Each test gets a harness of its own with an empty server; what is slow to start is kept for
the whole session by `lab.once`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from calendars.base import Attendee, Calendar, Event, EventKey, Owner, Response
from domain.model import Interval

T = TypeVar("T")
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)  # every client and every fake server is built with a clock that says so
ZONES = {
    "asha": ZoneInfo("Asia/Kolkata"),
    "ben": ZoneInfo("America/Los_Angeles"),
    "emma": ZoneInfo("Europe/London"),
}


def email(who: str) -> str:
    """The address of one of the people: `asha`, `ben`, `emma`, or anybody else."""
    return f"{who}@example.com"


def owner(who: str) -> Owner:
    """The person; their zone is UTC unless it is in `ZONES`."""
    return Owner(email=email(who), zone=ZONES.get(who, ZoneInfo("UTC")))


class Kind(Enum):
    """How somebody's own event counts."""

    BUSY = "busy"
    FREE = "free"  # transparent
    CANCELLED = "cancelled"
    DECLINED = "declined"  # by the calendar's owner
    TENTATIVE = "tentative"


@dataclass(frozen=True, kw_only=True)
class Own:
    """An event of a person's own: timed (`interval`), or all-day (`day`). `weekly` makes it that many weekly instances at
    the same wall time in the owner's zone."""

    interval: Interval | None = None
    day: date | None = None
    kind: Kind = Kind.BUSY
    weekly: int = 1


class Harness(Protocol):
    """A provider under test. `who` is a person's short name (`asha`); the verbs of a person act on the server itself and
    never through the client under test."""

    # A deleted event's key stays used: putting it again without an etag is a conflict. False: it is made again.
    remembers_deleted: bool
    # An event of the organiser's makes its attendees busy, until they decline.
    invites_reach_people: bool
    # Somebody without any calendar has no events yet. False: a calendar that does not exist is Unknown.
    missing_is_empty: bool

    def calendar(self) -> AbstractAsyncContextManager[Calendar]:
        """A fresh client of the organiser's account, as after a restart; closed on leaving."""
        ...

    def address(self, who: str) -> str:
        """The name by which `Calendar.busy` knows the person's calendar."""
        ...

    async def add_people(self, *who: str) -> None:
        """Give each of them an empty calendar."""
        ...

    async def add_busy(self, who: str, own: Own) -> None:
        """Put an event into a person's own calendar."""
        ...

    async def make_unreadable(self, who: str) -> None:
        """From now on the person's calendar cannot be read (forbidden, broken, revoked)."""
        ...

    async def human_creates(self, title: str, interval: Interval) -> None:
        """Somebody makes an event of their own in the organiser's calendar."""
        ...

    async def human_moves(self, key: EventKey, interval: Interval) -> None:
        """Somebody drags our event elsewhere."""
        ...

    async def human_edits(self, key: EventKey, *, title: str) -> None:
        """Somebody gives our event another title."""
        ...

    async def human_deletes(self, key: EventKey) -> None:
        """Somebody deletes our event."""
        ...

    async def human_responds(self, key: EventKey, who: str, response: Response) -> None:
        """An invited person answers."""
        ...

    async def live(self) -> Sequence[tuple[str, Interval]]:
        """The titles and times of all events that live in the organiser's calendar, as the server has them."""
        ...


class Lab:
    """A folder for one test, and what is started once for all tests."""

    def __init__(self, folder: Path, kept: dict[str, Any], stack: ExitStack) -> None:
        self.folder, self._kept, self._stack = folder, kept, stack

    def once(self, name: str, start: Callable[[], AbstractContextManager[T]]) -> T:
        """What `start` gives, entered on the first call of the session and left at its end."""
        if name not in self._kept:
            self._kept[name] = self._stack.enter_context(start())
        found: T = self._kept[name]
        return found


def at(day: int, hour: int, minute: int = 0, *, minutes: int = 60, zone: str = "UTC") -> Interval:
    """An interval on a day of January 2027, at a wall time of `zone`, so many minutes long."""
    start = datetime(2027, 1, day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Interval(start=start, end=start + timedelta(minutes=minutes))


JANUARY = Interval(start=datetime(2027, 1, 1, tzinfo=UTC), end=datetime(2027, 2, 1, tzinfo=UTC))
INTERVIEW = "0f0e8c5a-7b1d-4c35-9d0e-2a51c9a4e0b1"


def make_event(**changes: Any) -> Event:
    """An interview's event with good defaults: 5 January 2027, 10:00 UTC, with Asha and the candidate Priya."""
    interval: Interval = changes.pop("interval", at(5, 10))
    guests = changes.pop("guests", ("asha", "priya"))
    defaults: dict[str, Any] = {
        "key": EventKey(interview=INTERVIEW, generation=1),
        "title": "Core Java: Priya Sharma",
        "description": "Mock interview of the course Java Full Stack.\nInterviewer: Asha Rao",
        "start": interval.start,
        "end": interval.end,
        "timezone": "America/Los_Angeles",
        "attendees": tuple(Attendee(email=email(who), name=who.title()) for who in guests),
    }
    return Event(**(defaults | changes))
