"""The calendars behind the fake Google: events, what changed when, mails sent. No HTTP here.

Rules kept: a deleted event stays as cancelled and keeps its id for good; each change gives another etag; changes are listed by
sync tokens that may be forgotten; those invited are busy until they decline; nothing tells apart a person's hand and a program's.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.google_rules import Json, Refused, check, check_new, merged, span


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """A mail that Google has sent to somebody about an event: `invitation`, `update` or `cancellation`."""

    kind: str
    event: str
    to: str


@dataclass(kw_only=True)
class Shelf:
    """One calendar: its events by id, and for each the number of its latest change."""

    id: str
    zone: ZoneInfo
    owner: str
    writers: set[str] = field(default_factory=set)
    unreadable: str = ""  # the reason that free/busy gives; empty: readable
    events: dict[str, Json] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)

    def role(self, user: str) -> str:
        if user == self.owner:
            return "owner"
        return "writer" if user in self.writers else "freeBusyReader"


class Store:
    """All calendars. `clock` gives the time (aware); methods may be called from any thread."""

    def __init__(self, *, clock: Callable[[], datetime], seed: int = 0) -> None:
        self.clock = clock
        self.shelves: dict[str, Shelf] = {}
        self.mails: list[Mail] = []
        self.lock = threading.RLock()
        self.random = random.Random(seed)
        self.change = 0  # the number of the latest one
        self.meet_says = "success"  # of conferences that are asked for; "failure": never made, "pending": made later
        self.invitations_left: int | None = None  # Google's limit against spam; None: none
        self._ids = itertools.count(1)

    def add(self, name: str, *, zone: str = "UTC", owner: str = "") -> Shelf:
        """Make an empty calendar; its owner is the address itself unless told."""
        with self.lock:
            return self.shelves.setdefault(name, Shelf(id=name, zone=ZoneInfo(zone), owner=owner or name))

    def shelf(self, name: str, user: str, *, write: bool = False) -> Shelf:
        """The calendar by its name for this user; `primary` is their own. `Refused` when they may not."""
        shelf = self.shelves.get(user if name == "primary" else name)
        if shelf is None or shelf.role(user) == "freeBusyReader":
            raise Refused(404, "notFound", "Not Found")
        if write and shelf.role(user) not in {"owner", "writer"}:
            raise Refused(403, "requiredAccessLevel", "You need to have writer access to this calendar.")
        return shelf

    def event(self, shelf: Shelf, event_id: str) -> Json:
        try:
            return shelf.events[event_id]
        except KeyError:
            raise Refused(404, "notFound", "Not Found") from None

    def insert(self, shelf: Shelf, body: Json, *, mail: str = "none", conference: bool = False) -> Json:
        with self.lock:
            check_new(body)
            new = dict(body)
            event_id = new.setdefault("id", f"foreign{next(self._ids):08d}")
            if event_id in shelf.events:
                raise Refused(409, "duplicate", "The requested identifier already exists.")
            self._spend_invitations(new)
            new = self._begun(shelf, event_id) | new
            new["attendees"] = [{"responseStatus": "needsAction"} | guest for guest in new.get("attendees") or []]
            self._meet(new, new.pop("conferenceData", None) if conference else None)
            self._mail(shelf, new, "invitation", mail)
            return self._keep(shelf, new)

    def change_event(
        self,
        shelf: Shelf,
        event_id: str,
        body: Mapping[str, Any],
        *,
        if_match: str = "",
        mail: str = "none",
        conference: bool = False,
        whole: bool = False,
    ) -> Json:
        """A patch, or with `whole` an update, which replaces everything that it does not name."""
        with self.lock:
            old = self.event(shelf, event_id)
            _match(old, if_match)
            if old["status"] == "cancelled":
                raise Refused(403, "forbidden", "Forbidden")
            wanted = dict(body)
            meet = wanted.pop("conferenceData", None)
            new = {**_lasting(old), **wanted} if whole else merged(old, wanted)
            check(new)
            new["attendees"] = [{"responseStatus": "needsAction"} | guest for guest in new.get("attendees") or []]
            if not conference:  # what a client that does not know of conferences writes back has none
                new.pop("conferenceData", None)
                new.pop("hangoutLink", None)
            self._meet(new, meet if conference else None)
            self._spend_invitations(new, old)
            if span(old, shelf.zone) != span(new, shelf.zone):
                new["sequence"] = old["sequence"] + 1
            self._mail(shelf, new, "update", mail)
            return self._keep(shelf, new)

    def delete(self, shelf: Shelf, event_id: str, *, if_match: str = "", mail: str = "none") -> None:
        with self.lock:
            old = self.event(shelf, event_id)
            if old["status"] == "cancelled":
                raise Refused(410, "deleted", "Resource has been deleted")
            _match(old, if_match)
            self._mail(shelf, old, "cancellation", mail)
            self._keep(shelf, {**old, "status": "cancelled"})

    def busy(self, name: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """When somebody is busy in that time: their own events and those they are invited to, merged."""
        with self.lock:
            blocks = sorted(block for block in self._blocks(name) if block[0] < end and block[1] > start)
        joined: list[tuple[datetime, datetime]] = []
        for one in blocks:
            if joined and one[0] <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(joined[-1][1], one[1])
            else:
                joined.append(one)
        return [(max(first, start), min(last, end)) for first, last in joined]

    def _blocks(self, name: str) -> Iterator[tuple[datetime, datetime]]:
        for shelf in self.shelves.values():
            for event in shelf.events.values():
                if event["status"] == "cancelled" or event.get("transparency") == "transparent":
                    continue
                answers = {guest["email"].lower(): guest["responseStatus"] for guest in event["attendees"]}
                mine = shelf.id.lower() == name.lower()
                if (mine or name.lower() in answers) and answers.get(name.lower()) != "declined":
                    yield span(event, self.shelves[name].zone if name in self.shelves else shelf.zone)

    def _begun(self, shelf: Shelf, event_id: str) -> Json:
        """What Google adds to a new event."""
        return {
            "kind": "calendar#event",
            "status": "confirmed",
            "created": _stamp(self.clock()),
            "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
            "iCalUID": f"{event_id}@google.com",
            "creator": {"email": shelf.owner},
            "organizer": {"email": shelf.owner, "self": True},
            "sequence": 0,
        }

    def _keep(self, shelf: Shelf, event: Json) -> Json:
        self.change += 1
        event = {**event, "etag": f'"{self.change * 2 + 3000000000000000}"', "updated": _stamp(self.clock())}
        shelf.events[event["id"]] = event
        shelf.changed[event["id"]] = self.change
        return event

    def _meet(self, event: Json, wanted: Json | None) -> None:
        request = (wanted or {}).get("createRequest")
        if wanted and not request:
            event["conferenceData"] = wanted
        if not request:
            return
        if (event.get("conferenceData") or {}).get("createRequest", {}).get("requestId") == request["requestId"]:
            return  # asked for already
        event["conferenceData"] = {"createRequest": {**request, "status": {"statusCode": self.meet_says}}}
        if self.meet_says == "success":
            link = f"https://meet.google.com/{event['id'][:3]}-{self.change:04d}-abc"
            event["hangoutLink"] = link
            event["conferenceData"]["entryPoints"] = [{"entryPointType": "video", "uri": link}]

    def _mail(self, shelf: Shelf, event: Json, kind: str, choice: str) -> None:
        if choice in {"all", "externalOnly"}:
            guests = [guest["email"] for guest in event["attendees"] if guest["email"] != shelf.owner]
            self.mails += [Mail(kind=kind, event=event["id"], to=email) for email in guests]

    def _spend_invitations(self, new: Json, old: Mapping[str, Any] | None = None) -> None:
        if self.invitations_left is None:
            return
        known = {guest["email"] for guest in (old or {}).get("attendees") or []}
        fresh = sum(guest["email"] not in known for guest in new.get("attendees") or [])
        if fresh > self.invitations_left:
            raise Refused(403, "quotaExceeded", "Calendar usage limits exceeded.")
        self.invitations_left -= fresh


def _match(event: Mapping[str, Any], if_match: str) -> None:
    if if_match and if_match != event["etag"]:
        raise Refused(412, "conditionNotMet", "Precondition Failed")


def _lasting(event: Mapping[str, Any]) -> Json:
    """What an update does not take away: conferences are handled apart, the rest is Google's own."""
    names = (
        "kind", "id", "status", "created", "htmlLink", "iCalUID", "creator", "organizer", "sequence",
        "conferenceData", "hangoutLink",
    )  # fmt: skip
    return {name: event[name] for name in names if name in event}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
