"""The mailboxes behind the fake Microsoft Graph: events, copies at those invited, mails, what changed when. No HTTP here.

The rules are those of Microsoft's documents: an organiser's event has a copy in each invited mailbox; whoever declines loses
theirs; a deletion is for good and tells those invited; a change mails all of them, a change of the guest list only those
concerned; each change gives the event another change key.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

UTC_ZONE = "UTC"
BLOCK = (
    '\r\n<div style="width:100%; height:20px"><span style="white-space:nowrap; color:gray">'
    + "_" * 80
    + '</span>\r\n</div>\r\n<div class="me-email-text">\r\n<a href="{url}" class="me-email-headline">Join\r\n Microsoft Teams '
    "Meeting</a>\r\n<div>Conference ID:\r\n 291 633 251#</div></div>\r\n<div><span>" + "_" * 80 + "</span>\r\n</div>"
)


@dataclass
class Guest:
    """Somebody invited, with the address as it was written."""

    address: str
    name: str
    response: str = "none"

    @property
    def email(self) -> str:
        return self.address.lower()


@dataclass
class Item:
    """One event in one mailbox. `source` is the organiser's event when this is the copy of somebody invited; times, subject
    and body are looked up there. All-day events lie from one midnight of UTC to another, wherever their owner lives."""

    id: str
    uid: str
    owner: str
    subject: str
    body: str
    start: datetime
    end: datetime
    zone: str = UTC_ZONE
    all_day: bool = False
    show_as: str = "busy"
    cancelled: bool = False
    guests: list[Guest] = field(default_factory=list)
    transaction_id: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    meeting_url: str | None = None
    reminder: int | None = 15
    created: datetime | None = None
    modified: datetime | None = None
    change: int = 0
    response: str = "organizer"
    source: Item | None = None

    @property
    def said(self) -> Item:
        """Where the event's times and texts are."""
        return self.source or self

    @property
    def change_key(self) -> str:
        digest = hashlib.sha256(f"{self.id} {self.change}".encode()).digest()
        return base64.b64encode(digest[:18]).decode()

    @property
    def etag(self) -> str:
        return f'W/"{self.change_key}"'

    @property
    def status(self) -> str:
        """How the time shows in the owner's availability."""
        if self.cancelled:
            return "free"
        if self.source and self.response in {"none", "notResponded", "tentativelyAccepted"}:
            return "tentative"
        return self.show_as


@dataclass(frozen=True)
class Mail:
    """A mail that Exchange has sent: an invitation, an update or a cancellation."""

    recipient: str
    kind: str
    subject: str
    uid: str


@dataclass
class Mailbox:
    """A person's calendar. `error` is what getSchedule says instead of their times (a code and a message)."""

    address: str
    zone: str = UTC_ZONE
    providers: tuple[str, ...] = ("teamsForBusiness",)
    error: tuple[str, str] | None = None
    working_zone: dict[str, object] | None = None  # instead of the name of `zone`
    items: dict[str, Item] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)  # ids of deleted events and when, in changes
    made: dict[str, str] = field(default_factory=dict)  # transaction ids and the events that they made
    forgotten: int = 0  # delta tokens from before this change are dead


class Exchange:
    """All mailboxes of one organisation. `clock` gives the time (aware)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.mailboxes: dict[str, Mailbox] = {}
        self.mails: list[Mail] = []
        self.changes = 0
        self.drops_organiser = False  # whoever invites is not kept in the list of those invited
        self._ids = 0

    def add(self, address: str, **traits: object) -> Mailbox:
        """A new mailbox; `traits` are fields of `Mailbox`."""
        box = Mailbox(address=address, **traits)  # type: ignore[arg-type]  # a test names what it wants
        self.mailboxes[address.lower()] = box
        return box

    def box(self, address: str) -> Mailbox | None:
        return self.mailboxes.get(address.lower())

    def create(self, owner: str, *, teams: bool = False, **fields: object) -> Item:
        """An event in the owner's calendar, with copies and mails to those invited."""
        box, now = self.mailboxes[owner.lower()], self.clock()
        number = self._next_id()
        item = Item(
            id=_event_id(number), uid=f"040000008200E00074C5B7101A82E008{number:08X}", owner=box.address,
            created=now, **fields,  # type: ignore[arg-type]  # fields of Item
        )  # fmt: skip
        if self.drops_organiser:
            item.guests = [guest for guest in item.guests if guest.email != box.address.lower()]
        if teams and "teamsForBusiness" in box.providers:
            item.meeting_url = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{number:012d}%40thread.v2/0"
            item.body += BLOCK.format(url=item.meeting_url)
        box.items[item.id] = item
        if item.transaction_id:
            box.made[item.transaction_id] = item.id
        self._touch(box, item)
        self._invite(item, [guest.email for guest in item.guests])
        return item

    def update(self, item: Item, **fields: object) -> Item:
        """Change an organiser's event and tell those invited, once."""
        before = {guest.email: guest for guest in item.guests}
        for name, value in fields.items():
            setattr(item, name, value)
        for guest in item.guests:
            if guest.email in before and before[guest.email] is not guest:
                guest.response = before[guest.email].response
        if item.meeting_url and item.meeting_url not in item.body:
            item.meeting_url = None  # without its block in the body the meeting is no longer online
        self._touch(self.mailboxes[item.owner.lower()], item)
        now = {guest.email for guest in item.guests}
        self._uninvite(item, sorted(before.keys() - now))
        self._invite(item, sorted(now - before.keys()))
        if fields.keys() - {"guests", "properties", "reminder"}:
            self._mail(sorted(now & before.keys()), "update", item)
            for box, copy in self._copies(item):
                self._touch(box, copy)
        return item

    def delete(self, item: Item) -> None:
        """Delete an event for good; an organiser's is cancelled at those invited."""
        self._remove(item)
        if item.source is None:
            self._uninvite(item, [guest.email for guest in item.guests])

    def respond(self, item: Item, email: str, response: str) -> None:
        """An invited person answers the organiser's event; whoever declines loses their copy."""
        for guest in item.guests:
            if guest.email == email.lower():
                guest.response = response
        self._touch(self.mailboxes[item.owner.lower()], item)
        for box, copy in list(self._copies(item)):
            if box.address.lower() == email.lower():
                copy.response = response
                self._touch(box, copy)
                if response == "declined":
                    self._remove(copy)

    def forget_deltas(self, address: str) -> None:
        """Every delta token that was given for the mailbox is dead from now on."""
        self.mailboxes[address.lower()].forgotten = self.changes + 1
        self.changes += 1

    def _invite(self, item: Item, emails: list[str]) -> None:
        self._mail(emails, "invitation", item)
        for email in emails:
            box = self.mailboxes.get(email)
            if box and email != item.owner.lower():
                copy = Item(
                    id=_event_id(self._next_id()), uid=item.uid, owner=box.address, subject="", body="",
                    start=item.start, end=item.end, response="notResponded", source=item, created=self.clock(),
                )  # fmt: skip
                box.items[copy.id] = copy
                self._touch(box, copy)

    def _uninvite(self, item: Item, emails: list[str]) -> None:
        self._mail(emails, "cancellation", item)
        for box, copy in list(self._copies(item)):
            if box.address.lower() in emails:
                self._remove(copy)

    def _mail(self, emails: list[str], kind: str, item: Item) -> None:
        self.mails += [Mail(email, kind, item.subject, item.uid) for email in emails if email != item.owner.lower()]

    def _copies(self, item: Item) -> Iterator[tuple[Mailbox, Item]]:
        for box in self.mailboxes.values():
            for copy in box.items.values():
                if copy.source is item:
                    yield box, copy

    def _touch(self, box: Mailbox, item: Item) -> None:
        self.changes += 1
        item.change, item.modified = self.changes, self.clock()

    def _remove(self, item: Item) -> None:
        box = self.mailboxes[item.owner.lower()]
        self.changes += 1
        box.items.pop(item.id, None)
        box.gone[item.id] = self.changes

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids


def _event_id(number: int) -> str:
    """As Graph's: long, case-sensitive, and with signs that have to be quoted in a path."""
    return f"AAMkADAwATM0MDAAMS0{number:06d}LTEyMzQtMDACLTAwCgBGAAAD/{number:04d}+A=="
