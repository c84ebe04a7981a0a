"""Google joins the contract: the client over real HTTP, a person's hands straight on the fake server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, timedelta

from calendars.base import Calendar, EventKey, Response
from calendars.google import GoogleCalendar
from calendars.google_events import event_id, interval_of
from calendars.google_http import UserAccess
from domain.model import Interval
from tests.contract.harness import NOW, ZONES, Harness, Kind, Lab, Own, email
from tests.fakes.google import FakeGoogle, running_google
from tests.fakes.google_rules import Json

ANSWERS = {Response.ACCEPTED: "accepted", Response.TENTATIVE: "tentative", Response.DECLINED: "declined"}


class GoogleHarness:
    remembers_deleted = True
    invites_reach_people = True
    missing_is_empty = False

    def __init__(self, google: FakeGoogle) -> None:
        self.google = google
        self._access = UserAccess(
            client_id=google.client.id, client_secret=google.client.secret, refresh_token=google.refresh_token()
        )

    @asynccontextmanager
    async def calendar(self) -> AsyncIterator[Calendar]:
        client = GoogleCalendar(
            self._access, base_url=self.google.api_url, token_uri=self.google.token_url, clock=lambda: NOW
        )
        yield client
        await client.aclose()

    def address(self, who: str) -> str:
        return email(who)

    async def add_people(self, *who: str) -> None:
        for one in who:
            self.google.add_person(email(one), zone=ZONES[one].key if one in ZONES else "UTC")

    async def add_busy(self, who: str, own: Own) -> None:
        shelf = self.google.store.shelves[email(who)]
        for week in range(own.weekly):
            event = self.google.store.insert(shelf, {"summary": "Own", **_edges(who, own, week), **_fields(who, own)})
            if own.kind is Kind.CANCELLED:
                self.google.store.delete(shelf, event["id"])

    async def make_unreadable(self, who: str) -> None:
        self.google.store.shelves[email(who)].unreadable = "notFound"

    async def human_creates(self, title: str, interval: Interval) -> None:
        self.google.creates(title, interval.start, interval.end)

    async def human_moves(self, key: EventKey, interval: Interval) -> None:
        self.google.moves(event_id(key), interval.start, interval.end)

    async def human_edits(self, key: EventKey, *, title: str) -> None:
        self.google.edits(event_id(key), summary=title)

    async def human_deletes(self, key: EventKey) -> None:
        self.google.deletes(event_id(key))

    async def human_responds(self, key: EventKey, who: str, response: Response) -> None:
        self.google.responds(event_id(key), email(who), ANSWERS[response])

    async def live(self) -> Sequence[tuple[str, Interval]]:
        return [(event["summary"], interval_of(event, ZONES["asha"])) for event in self.google.live()]


def _edges(who: str, own: Own, week: int) -> Json:
    """Start and end of one of the weekly instances, at the same wall time in the owner's zone."""
    later = timedelta(weeks=week)
    if own.day:
        days = own.day + later, own.day + later + timedelta(days=1)
        return {name: {"date": day.isoformat()} for name, day in zip(("start", "end"), days, strict=True)}
    assert own.interval
    zone = ZONES.get(who, UTC)
    moments = (moment.astimezone(zone) + later for moment in (own.interval.start, own.interval.end))
    return {name: {"dateTime": moment.isoformat()} for name, moment in zip(("start", "end"), moments, strict=True)}


def _fields(who: str, own: Own) -> Json:
    fields: dict[Kind, Json] = {
        Kind.FREE: {"transparency": "transparent"},
        Kind.DECLINED: {"attendees": [{"email": email(who), "responseStatus": "declined"}]},
        Kind.TENTATIVE: {"status": "tentative"},
    }
    return fields.get(own.kind, {})


@asynccontextmanager
async def harness(lab: Lab) -> AsyncIterator[Harness]:
    google = lab.once("google", running_google)
    google.reset(clock=lambda: NOW, seed=1, page_cap=7)
    yield GoogleHarness(google)
