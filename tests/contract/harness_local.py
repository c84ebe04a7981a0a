"""The local calendar joins the contract: a person's hands are an editor on the files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from calendars.base import Calendar, EventKey, Owner, Response
from calendars.local import LocalCalendar
from domain.model import Interval
from tests.contract.harness import NOW, Harness, Lab, Own, email, owner
from tests.contract.ics_hands import answered, listed, moved, own_event, renamed


def owner_of(name: str) -> Owner:
    return owner(name.partition("@")[0])


class LocalHarness:
    remembers_deleted = False
    invites_reach_people = True
    missing_is_empty = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.organiser = root / "interviews"

    @asynccontextmanager
    async def calendar(self) -> AsyncIterator[Calendar]:
        client = LocalCalendar(self.root, owners=owner_of, now=lambda: NOW)
        yield client
        await client.aclose()

    def address(self, who: str) -> str:
        return email(who)

    async def add_people(self, *who: str) -> None:
        for one in who:
            (self.root / email(one)).mkdir(parents=True)

    async def add_busy(self, who: str, own: Own) -> None:
        (self.root / email(who) / f"{uuid4()}.ics").write_text(own_event(who, own))

    async def make_unreadable(self, who: str) -> None:
        (self.root / email(who) / "torn.ics").write_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:soon\n")

    async def human_creates(self, title: str, interval: Interval) -> None:
        self.organiser.mkdir(exist_ok=True)
        (self.organiser / f"{uuid4()}.ics").write_text(own_event("asha", Own(interval=interval), title))

    async def human_moves(self, key: EventKey, interval: Interval) -> None:
        path = self._path(key)
        path.write_bytes(moved(path.read_bytes(), interval))

    async def human_edits(self, key: EventKey, *, title: str) -> None:
        path = self._path(key)
        path.write_bytes(renamed(path.read_bytes(), title))

    async def human_deletes(self, key: EventKey) -> None:
        self._path(key).unlink()

    async def human_responds(self, key: EventKey, who: str, response: Response) -> None:
        path = self._path(key)
        path.write_bytes(answered(path.read_bytes(), who, response))

    async def live(self) -> Sequence[tuple[str, Interval]]:
        return [event for path in self.organiser.glob("*.ics") for event in listed(path.read_bytes())]

    def _path(self, key: EventKey) -> Path:
        return self.organiser / f"{key}.ics"


@asynccontextmanager
async def harness(lab: Lab) -> AsyncIterator[Harness]:
    yield LocalHarness(lab.folder)
