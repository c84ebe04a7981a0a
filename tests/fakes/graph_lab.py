"""A served Graph with the organiser's mailbox, at a time that the test sets, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx

from calendars.base import Event
from calendars.outlook import OutlookCalendar
from calendars.outlook_auth import App, Tokens
from domain.errors import CalendarBusy
from tests.contract.harness import NOW, email
from tests.fakes.entra import CLIENT_ID, SECRET, TENANT, Loopback
from tests.fakes.graph import GraphServer
from tests.fakes.graph_mailbox import Item
from tests.fakes.server import serve

ORGANISER = email("organiser")
T = TypeVar("T")


@dataclass
class Lab:
    """What a test holds: the server, its address and its time."""

    server: GraphServer
    url: str
    now: datetime = NOW

    @asynccontextmanager
    async def client(self, *, user: str = ORGANISER, wrap: Any = None) -> AsyncIterator[OutlookCalendar]:
        app = App(
            client_id=CLIENT_ID, tenant=TENANT, secret=SECRET, transport=Loopback(self.url), clock=lambda: self.now
        )
        refresh_token = "" if user else self.server.entra.consent(ORGANISER)
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(verify=False)
        made = OutlookCalendar(
            Tokens(app, refresh_token=refresh_token),
            user=user,
            base_url=f"{self.url}/v1.0",
            transport=wrap(transport) if wrap else transport,
            clock=lambda: self.now,
        )
        try:
            yield made
        finally:
            await made.aclose()

    def items(self) -> list[Item]:
        with self.server.lock:
            return list(self.server.exchange.mailboxes[ORGANISER].items.values())

    def mails(self) -> list[tuple[str, str]]:
        with self.server.lock:
            return [(mail.recipient.partition("@")[0], mail.kind) for mail in self.server.exchange.mails]

    def emptied(self) -> Lab:
        """The same for the next test, with nothing in it but the organiser's mailbox."""
        self.now = NOW
        self.server.limit = 10_000
        self.server.reset()
        self.server.exchange.add(ORGANISER)
        return self


@contextmanager
def started() -> Iterator[Lab]:
    holder: list[Lab] = []
    server = GraphServer(clock=lambda: holder[0].now if holder else NOW)
    with serve(server.app) as url:
        holder.append(Lab(server, url))
        yield holder[0]


def revised(event: Event, **changes: Any) -> Event:
    """The next revision of an event, an hour later unless told otherwise."""
    fields = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    hour = timedelta(hours=1)
    moved = {"start": event.start + hour, "end": event.end + hour, "revision": event.revision + 1}
    return Event(**(fields | moved | changes))


async def insisting(work: Callable[[], Awaitable[T]], *, tries: int = 30) -> T:
    """What a patient caller gets: while the calendar is busy the same is asked again."""
    for _ in range(tries - 1):
        try:
            return await work()
        except CalendarBusy:
            continue
    return await work()
