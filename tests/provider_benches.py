"""Benches whose calendars are a provider's client against its fake server, in bad weather; for tests that kill workers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx

from calendars.base import Calendar, Event, EventKey, EventState, Owner
from calendars.caldav import CalDavCalendar
from calendars.google import GoogleCalendar
from calendars.google_events import event_id
from calendars.google_http import UserAccess
from calendars.local import LocalCalendar
from calendars.outlook import OutlookCalendar
from calendars.outlook_auth import App, Tokens
from domain.errors import CalendarBusy, CalendarConflict
from domain.model import Interval
from sop import Sop
from tests.contract.harness import Own
from tests.contract.ics_hands import listed, own_event
from tests.fakes.entra import CLIENT_ID, SECRET, TENANT, Loopback
from tests.fakes.faults import FaultScript, refused, slow, storm
from tests.fakes.google import running_google
from tests.fakes.graph import GraphServer
from tests.fakes.proxy import in_front_of
from tests.fakes.server import serve
from tests.radicale_server import PASSWORD, radicale

ORGANISER = "scheduler@example.com"
PEOPLE = ("asha", "ben", "chloe")
GOOGLE_REFUSALS = (
    refused(403, "rateLimitExceeded"),
    refused(403, "userRateLimitExceeded"),
    refused(429, "rateLimitExceeded", retry_after="1"),
)
DAV_REFUSALS = (
    refused(429, "slow down", retry_after="1"),
    refused(503, "back soon", retry_after="1"),
    refused(500, "oh"),
    slow(0.02),
)
GRAPH_REFUSALS = (refused(429, "TooManyRequests", retry_after="1"), refused(504, "GatewayTimeout"))

MakeCalendar = Callable[[Sop, datetime], Calendar]


@dataclass(frozen=True, kw_only=True)
class ProviderLab:
    """A provider under test: how a worker makes its client, what people's addresses are in the SOP, and what is really there:
    the title and the time of each live event. `delete` is the hand of a person, who deletes the event with a key,
    `take` that of somebody who has something else at a time; `weather` is what goes wrong with calls."""

    make: MakeCalendar
    address: Callable[[str], str]
    live: Callable[[], Sequence[tuple[str, Interval]]]
    delete: Callable[[EventKey], None]
    take: Callable[[str, Interval], object]
    weather: FaultScript = field(default_factory=FaultScript)


class RandomKeys:
    """A planted bug: each try of a write has an identity of its own, so that a second try does not find the first."""

    def __init__(self, inner: Calendar) -> None:
        self.provider, self._inner = inner.provider, inner
        self.busy, self.cancel, self.get = inner.busy, inner.cancel, inner.get
        self.changes, self.aclose = inner.changes, inner.aclose

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        key = EventKey(interview=str(uuid4()), generation=event.key.generation)
        return await self._inner.put(replace(event, key=key), etag=etag)


class ResultFirst(RandomKeys):
    """A planted bug: a write is told to be done before it is; it is made good at the next call, if there is one."""

    def __init__(self, inner: Calendar) -> None:
        super().__init__(inner)
        self._owed: list[Event] = []

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        for owed in self._owed:
            await self._inner.put(owed)
        self._owed = [event]
        return _as_told(event)


def _as_told(event: Event) -> EventState:
    """What a calendar would say of an event that it holds."""
    return EventState(
        key=event.key,
        handle="told",
        etag="",
        interval=event.interval,
        title=event.title,
        description="",
        cancelled=False,
        responses={},
    )


class NoGeneration(RandomKeys):
    """A planted bug: an event's identity is its interview's alone, for good."""

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        key = EventKey(interview=event.key.interview, generation=1)
        return await self._inner.put(replace(event, key=key), etag=etag)


class ConflictIsFine(RandomKeys):
    """A planted bug: when the calendar says that there is such an event already, it is taken for ours, as we want it."""

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        try:
            return await self._inner.put(event, etag=etag)
        except CalendarBusy as error:
            if error.reason != "notVisible":
                raise
            return _as_told(event)
        except CalendarConflict:
            return _as_told(event)


BUGS: dict[str, Callable[[Calendar], Calendar]] = {
    "random_keys": RandomKeys,
    "result_first": ResultFirst,
    "no_generation": NoGeneration,
    "conflict_is_fine": ConflictIsFine,
}


def with_bug(make: MakeCalendar, bug: str, sop: Sop, now: datetime) -> Calendar:
    """The client with a planted bug."""
    return BUGS[bug](make(sop, now))


@contextmanager
def local_lab(folder: Path, *, faults: bool = True) -> Iterator[ProviderLab]:
    def live() -> Sequence[tuple[str, Interval]]:
        from calendars.ical import read
        from tests.contract.harness import ZONES

        found = [
            read(path.read_bytes(), handle=path.name, etag="", zone=ZONES["asha"])
            for path in (folder / "interviews").glob("*.ics")
        ]
        return [(one.state.title, one.state.interval) for one in found if one]

    def take(who: str, time: Interval) -> None:
        own = folder / f"{who}@example.com"
        own.mkdir(parents=True, exist_ok=True)
        (own / f"{uuid4()}.ics").write_text(own_event(who, Own(interval=time)))

    yield ProviderLab(
        make=functools.partial(_local, folder),
        address=lambda who: f"{who}@example.com",
        live=live,
        delete=lambda key: (folder / "interviews" / f"{key}.ics").unlink(),
        take=take,
    )


@contextmanager
def google_lab(folder: Path, *, faults: bool = True) -> Iterator[ProviderLab]:
    with running_google(per_user=1_000_000, per_project=1_000_000) as google:
        for who in PEOPLE:
            google.add_person(f"{who}@example.com")
        if faults:
            google.faults = FaultScript(seed=1, mix=storm(0.3, *GOOGLE_REFUSALS), verbs=("events.", "freebusy."))
        access = UserAccess(
            client_id=google.client.id, client_secret=google.client.secret, refresh_token=google.refresh_token()
        )

        def live() -> Sequence[tuple[str, Interval]]:
            return [(event["summary"], _times(event)) for event in google.live()]

        make = functools.partial(_google, access, google.api_url, google.token_url)
        yield ProviderLab(
            make=make,
            address=lambda who: f"{who}@example.com",
            live=live,
            delete=lambda key: google.deletes(event_id(key)),
            take=lambda who, time: google.creates("Own", time.start, time.end, calendar=f"{who}@example.com"),
            weather=google.faults,
        )


@contextmanager
def outlook_lab(folder: Path, *, faults: bool = True) -> Iterator[ProviderLab]:
    server = GraphServer()
    with serve(server.app) as url:
        for who in (ORGANISER, *(f"{who}@example.com" for who in PEOPLE)):
            server.exchange.add(who)
        if faults:
            server.script = FaultScript(seed=1, mix=storm(0.3, *GRAPH_REFUSALS))

        def live() -> Sequence[tuple[str, Interval]]:
            with server.lock:
                items = server.exchange.mailboxes[ORGANISER].items.values()
                return [
                    (item.subject, Interval(start=item.start, end=item.end)) for item in items if not item.cancelled
                ]

        def delete(key: EventKey) -> None:
            with server.lock:
                items = server.exchange.mailboxes[ORGANISER].items.values()
                (found,) = [item for item in items if any(f"{key} " in one for one in item.properties.values())]
                server.exchange.delete(found)

        def take(who: str, time: Interval) -> None:
            with server.lock:
                server.exchange.create(f"{who}@example.com", subject="Own", body="", start=time.start, end=time.end)

        yield ProviderLab(
            make=functools.partial(_outlook, url),
            address=lambda who: f"{who}@example.com",
            live=live,
            delete=delete,
            take=take,
        )


@contextmanager
def caldav_lab(folder: Path, *, faults: bool = True) -> Iterator[ProviderLab]:
    folder.mkdir(parents=True)
    weather = FaultScript(seed=1, mix=storm(0.3, *DAV_REFUSALS) if faults else ())
    with (
        radicale(folder) as server,
        server.hands("organiser") as hands,
        in_front_of(server.url, lambda: weather) as url,
    ):
        hands.make_calendar("/organiser/interviews/")
        hands.make_folder("/people/")
        for who in PEOPLE:
            hands.make_calendar(f"/people/{who}/")

        def live() -> Sequence[tuple[str, Interval]]:
            return listed(hands.get("/organiser/interviews/"))

        yield ProviderLab(
            make=functools.partial(_caldav, f"{url}/organiser/interviews/"),
            address=lambda who: f"caldav:{url}/people/{who}/",
            live=live,
            delete=lambda key: hands.delete(f"/organiser/interviews/{key}.ics"),
            take=lambda who, time: hands.put(
                f"/people/{who}/{uuid4()}.ics", own_event(who, Own(interval=time)).encode()
            ),
        )


LABS = {"local": local_lab, "google": google_lab, "outlook": outlook_lab, "caldav": caldav_lab}


def _times(event: dict[str, dict[str, str]]) -> Interval:
    start, end = (datetime.fromisoformat(event[edge]["dateTime"]) for edge in ("start", "end"))
    return Interval(start=start, end=end)


def _owner(sop: Sop, name: str) -> Owner:
    return Owner(email=name, zone=sop.zone)


def _local(folder: Path, sop: Sop, now: datetime) -> Calendar:
    return LocalCalendar(folder, owners=functools.partial(_owner, sop))


def _google(access: UserAccess, api: str, sign_in: str, sop: Sop, now: datetime) -> Calendar:
    return GoogleCalendar(access, base_url=api, token_uri=sign_in)


def _outlook(url: str, sop: Sop, now: datetime) -> Calendar:
    app = App(client_id=CLIENT_ID, tenant=TENANT, secret=SECRET, transport=Loopback(url))
    return OutlookCalendar(Tokens(app), user=ORGANISER, base_url=f"{url}/v1.0", transport=_plain())


def _caldav(url: str, sop: Sop, now: datetime) -> Calendar:
    owners = functools.partial(_owner, sop)
    return CalDavCalendar(url, username="organiser", password=PASSWORD, owners=owners, transport=_plain())


def _plain() -> httpx.AsyncHTTPTransport:
    return httpx.AsyncHTTPTransport(verify=False)  # loading certificates takes long
