"""CalDAV joins the contract, against Radicale in a process of its own: a person's hands are another client of that server."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from calendars.base import Calendar, EventKey, Owner, Response
from calendars.caldav import CalDavCalendar
from domain.model import Interval
from tests.contract.harness import NOW, Harness, Lab, Own, owner
from tests.contract.ics_hands import answered, listed, moved, own_event, renamed
from tests.radicale_server import PASSWORD, Hands, Radicale, radicale


def owner_of(name: str) -> Owner:
    """The addresses of people end in their short name."""
    return owner(name.rstrip("/").rpartition("/")[2])


class CalDavHarness:
    remembers_deleted = False
    invites_reach_people = False
    missing_is_empty = False

    def __init__(self, server: Radicale, person: Hands) -> None:
        self.server, self.person = server, person
        self.organiser = f"/organiser/{uuid4()}/"
        self.people = f"/people-{uuid4()}"
        person.make_calendar(self.organiser)
        person.make_folder(f"{self.people}/")

    @asynccontextmanager
    async def calendar(self) -> AsyncIterator[Calendar]:
        url = self.server.url + self.organiser
        client = CalDavCalendar(url, username="organiser", password=PASSWORD, owners=owner_of, now=lambda: NOW)
        yield client
        await client.aclose()

    def address(self, who: str) -> str:
        return f"{self.server.url}{self.people}/{who}/"

    async def add_people(self, *who: str) -> None:
        for one in who:
            self.person.make_calendar(self.address(one))

    async def add_busy(self, who: str, own: Own) -> None:
        self.person.put(f"{self.address(who)}{uuid4()}.ics", own_event(who, own).encode())

    async def make_unreadable(self, who: str) -> None:
        self.person.delete(self.address(who))  # as when its owner no longer shares it

    async def human_creates(self, title: str, interval: Interval) -> None:
        self.person.put(f"{self.organiser}{uuid4()}.ics", own_event("asha", Own(interval=interval), title).encode())

    async def human_moves(self, key: EventKey, interval: Interval) -> None:
        self._change(key, lambda text: moved(text, interval))

    async def human_edits(self, key: EventKey, *, title: str) -> None:
        self._change(key, lambda text: renamed(text, title))

    async def human_deletes(self, key: EventKey) -> None:
        self.person.delete(self._path(key))

    async def human_responds(self, key: EventKey, who: str, response: Response) -> None:
        self._change(key, lambda text: answered(text, who, response))

    async def live(self) -> Sequence[tuple[str, Interval]]:
        return listed(self.person.get(self.organiser))

    def _change(self, key: EventKey, change: Callable[[bytes], bytes]) -> None:
        self.person.put(self._path(key), change(self.person.get(self._path(key))))

    def _path(self, key: EventKey) -> str:
        return f"{self.organiser}{key}.ics"


@contextmanager
def running() -> Iterator[Radicale]:
    with tempfile.TemporaryDirectory() as folder, radicale(Path(folder)) as server:
        yield server


@asynccontextmanager
async def harness(lab: Lab) -> AsyncIterator[Harness]:
    server = lab.once("radicale", running)
    with server.hands("organiser") as person:
        yield CalDavHarness(server, person)
