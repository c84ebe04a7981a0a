"""Outlook in the contract suite: the client against the fake Microsoft Graph, signed in as an app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import httpx

from calendars.base import Calendar, EventKey, Response
from calendars.outlook import OutlookCalendar
from calendars.outlook_auth import App, Tokens
from calendars.windows_zones import windows_name
from domain.model import Interval
from tests.contract.harness import NOW, ZONES, Harness, Kind, Lab, Own, email
from tests.fakes.entra import CLIENT_ID, SECRET, TENANT, Loopback
from tests.fakes.graph import GraphServer
from tests.fakes.graph_mailbox import Item
from tests.fakes.graph_shapes import all_day
from tests.fakes.server import serve

ORGANISER = email("organiser")
_ANSWERS = {
    Response.ACCEPTED: "accepted",
    Response.TENTATIVE: "tentativelyAccepted",
    Response.DECLINED: "declined",
}


class OutlookHarness:
    """The server is shared by all tests of the session and emptied for each."""

    remembers_deleted = False
    invites_reach_people = True
    missing_is_empty = False

    def __init__(self, server: GraphServer, url: str) -> None:
        self.server, self._url = server, url

    @asynccontextmanager
    async def calendar(self) -> AsyncIterator[Calendar]:
        app = App(client_id=CLIENT_ID, tenant=TENANT, secret=SECRET, transport=Loopback(self._url), clock=lambda: NOW)
        tokens = Tokens(app)
        made = OutlookCalendar(
            tokens,
            user=ORGANISER,
            base_url=f"{self._url}/v1.0",
            transport=httpx.AsyncHTTPTransport(verify=False),  # loading certificates takes long
            clock=lambda: NOW,
        )
        try:
            yield made
        finally:
            await made.aclose()

    def address(self, who: str) -> str:
        return email(who)

    async def add_people(self, *who: str) -> None:
        for one in who:
            zone = ZONES.get(one)
            name = (windows_name(zone.key) if zone else None) or "UTC"
            with self.server.lock:
                self.server.exchange.add(email(one), zone=name)

    async def add_busy(self, who: str, own: Own) -> None:
        if own.kind is Kind.DECLINED:  # a declined meeting leaves the calendar
            return
        show_as = own.kind.value if own.kind in {Kind.FREE, Kind.TENTATIVE} else "busy"
        zone = ZONES.get(who)
        for week in range(own.weekly):
            if own.day:
                start = all_day(own.day) + timedelta(weeks=week)
                end = start + timedelta(days=1)
            else:
                assert own.interval
                local = [moment.astimezone(zone) for moment in (own.interval.start, own.interval.end)]
                start, end = (moment + timedelta(weeks=week) for moment in local)
            with self.server.lock:
                self.server.exchange.create(
                    email(who),
                    subject="Own",
                    body="",
                    start=start,
                    end=end,
                    all_day=own.day is not None,
                    show_as=show_as,
                    cancelled=own.kind is Kind.CANCELLED,
                )

    async def make_unreadable(self, who: str) -> None:
        with self.server.lock:
            box = self.server.exchange.mailboxes[email(who)]
            box.error = ("ErrorNoFreeBusyAccess", "The caller does not have access to free/busy data.")

    async def human_creates(self, title: str, interval: Interval) -> None:
        with self.server.lock:
            self.server.exchange.create(ORGANISER, subject=title, body="", start=interval.start, end=interval.end)

    async def human_moves(self, key: EventKey, interval: Interval) -> None:
        with self.server.lock:
            self.server.exchange.update(self._item(key), start=interval.start, end=interval.end)

    async def human_edits(self, key: EventKey, *, title: str) -> None:
        with self.server.lock:
            self.server.exchange.update(self._item(key), subject=title)

    async def human_deletes(self, key: EventKey) -> None:
        with self.server.lock:
            self.server.exchange.delete(self._item(key))

    async def human_responds(self, key: EventKey, who: str, response: Response) -> None:
        with self.server.lock:
            self.server.exchange.respond(self._item(key), email(who), _ANSWERS[response])

    async def live(self) -> Sequence[tuple[str, Interval]]:
        with self.server.lock:
            items = self.server.exchange.mailboxes[ORGANISER].items.values()
            return [(item.subject, Interval(start=item.start, end=item.end)) for item in items if not item.cancelled]

    def _item(self, key: EventKey) -> Item:
        (found,) = (
            item
            for item in self.server.exchange.mailboxes[ORGANISER].items.values()
            if any(value.startswith(f"{key} ") for value in item.properties.values())
        )
        return found


@asynccontextmanager
async def harness(lab: Lab) -> AsyncIterator[Harness]:
    server, url = lab.once("graph", started)
    server.reset()
    server.exchange.add(ORGANISER)
    yield OutlookHarness(server, url)


@contextmanager
def started() -> Iterator[tuple[GraphServer, str]]:
    server = GraphServer(clock=lambda: NOW)
    with serve(server.app) as url:
        yield server, url
