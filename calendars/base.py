"""The contract every calendar keeps: busy times or *unknown*, put an event under a key, cancel it, changes since.

TERMS
    calendar   whose time it is: an address such as `asha@example.com`, in the provider's own words, without its prefix
    key        (interview id, generation): one event for life. A retry uses the same key and finds the first try's event;
               a rebooked interview has a higher generation, because a deleted Google event keeps its id for good
    etag       the provider's mark of one version of an event; a change names the one it was made from
    cursor     where a provider's list of changes was left; opaque
    intact     an event that still says what we wrote: its text has our `fingerprint`. What people answer to an invitation is
               no change of it; a move, another text, other guests are, and nothing of ours goes over them

An implementation does no pacing, no retries and no waiting; it makes one call and raises a `CalendarError` of one of the four
kinds in `domain/errors.py`. Its methods may be called again after a crash at any point: that is what the key is for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from domain.model import Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class EventKey:
    """The identity of an event for life: the interview's id (a UUID as text) and its generation (1 for the first)."""

    interview: str
    generation: int

    def __str__(self) -> str:
        return f"{self.interview}-{self.generation}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attendee:
    """Somebody invited: `email` as the provider knows them and a name to show."""

    email: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What an interview's calendar event should say. `timezone` (IANA) is the one it is shown in; `revision` rises by
    one with each change of ours and is 0 at first; `conference` asks for a Meet or Teams link in the first insert."""

    key: EventKey
    title: str
    description: str
    start: datetime
    end: datetime
    timezone: str
    attendees: tuple[Attendee, ...]
    revision: int = 0
    reminders: tuple[int, ...] = (1440, 30)  # minutes before the start
    conference: bool = True

    @property
    def interval(self) -> Interval:
        return Interval(start=self.start, end=self.end)

    @property
    def fingerprint(self) -> str:
        """What tells later whether a person has changed the event: see `fingerprint`."""
        return fingerprint(self.title, self.description, self.interval, (guest.email for guest in self.attendees))


def fingerprint(title: str, description: str, interval: Interval, emails: Iterable[str]) -> str:
    """32 hex digits over what an event says. A provider keeps it beside the event and compares it with what is there now;
    surplus spaces and line endings, which servers change, do not count."""
    words = [" ".join(title.split()), " ".join(description.split())]
    times = [interval.start.isoformat(), interval.end.isoformat()]
    text = json.dumps([*words, *times, sorted(email.lower() for email in emails)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Response(StrEnum):
    """What an invited person has answered."""

    NONE = "none"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"


@dataclass(frozen=True, kw_only=True, slots=True)
class EventState:
    """An event as the provider has it now. `handle` finds it again at the provider (an id or a URL), `link` opens it for a
    person, `meeting` is the conference's link (empty when none). `responses` are by email, in lower case."""

    key: EventKey | None  # None: an event that is not ours
    handle: str
    etag: str
    interval: Interval
    title: str
    description: str
    cancelled: bool
    responses: Mapping[str, Response]
    revision: int = 0
    link: str = ""
    meeting: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """A calendar that could not be read. Unknown is not free: nobody is planned on it. `cure` says what a person can do;
    `passing`: the next try may do. `calendar`, filled in by the doorway, is the one that it is about, with its provider, or the
    provider alone when it is the whole account."""

    reason: str
    cure: str
    passing: bool = False
    calendar: str = ""


Busy = tuple[Interval, ...] | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Events changed since a cursor, each in its present state, and the cursor to go on from. `complete` is True when the
    provider gave everything it has instead (first call, or it forgot the cursor): what is missing then is gone. A deleted
    event is told as a cancelled one where the provider remembers it, else by its handle in `gone`."""

    events: tuple[EventState, ...]
    cursor: str
    complete: bool
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose calendar it is, for what a calendar file leaves open: `email` finds their answer among those of the invited,
    `zone` is where their all-day and floating events lie."""

    email: str
    zone: ZoneInfo


Owners = Callable[[str], Owner]  # from a calendar's name


class Calendar(Protocol):
    """One account at one provider: it reads people's busy times and keeps our events in the organiser's calendar."""

    provider: str  # "local", "google", "caldav", "outlook": for statistics and messages

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        """The busy intervals of each calendar that meet `span`, merged and sorted, or Unknown; every asked calendar is in
        the answer. Transparent, cancelled and declined events are not busy; all-day ones block the owner's local day."""
        ...

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        """Make the organiser's calendar hold this event under its key: create it, or find it there and bring it to this
        revision. With `etag` the event must still be that version, answers to the invitation aside; without, it must be
        intact. `CalendarConflict` when a person has changed or deleted it, or a newer revision is there: nothing a person
        did is overwritten. Calling it again with the same event, also with the etag from before, changes nothing.

        Without `etag`, an event that was deleted is made again by a provider that keeps no memory of it."""
        ...

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        """Make sure no event lives under this key; already gone is success. With `etag`, `CalendarConflict` when a person
        has changed it since (answers aside); without, whatever lives there goes."""
        ...

    async def get(self, key: EventKey) -> EventState | None:
        """The event under this key as it is now (also when cancelled, where the provider remembers); None when never made."""
        ...

    async def changes(self, cursor: str = "") -> Changes:
        """What changed in the organiser's calendar since the cursor; an empty or forgotten cursor gives everything."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


@runtime_checkable
class CountsRequests(Protocol):
    """A calendar whose one call may take several requests (pages, a look before a write). The doorway reads the count after
    each call and charges the account's quota with what was really asked; a calendar without it is charged one a call."""

    requests: int  # made so far
