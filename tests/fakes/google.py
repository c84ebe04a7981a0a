"""A stateful stand-in for Google Calendar and Google's sign-in, over real HTTP on loopback.

    with running_google(clock=lambda: NOW) as google:
        google.add_person("asha@example.com", zone="Asia/Kolkata")
        ...                                     # a client of google.api_url and google.token_url
        google.moves(event_id, start, end)      # a person's hand, straight on the server
        google.faults.plan(EXECUTED_THEN_DROPPED, verb="events.insert")

Rules of events live in `google_rules.py`, calendars in `google_store.py`, lists in `google_lists.py`, accounts in
`google_oauth.py`; this joins them, keeps the quotas and counts the calls.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.types import Scope

from tests.fakes.faults import Fault, FaultScript, Weather
from tests.fakes.google_lists import Lists
from tests.fakes.google_oauth import EVENTS, FREE_BUSY, LIST, Client, Denied, Grant, SignIn
from tests.fakes.google_rules import Json, Refused, instant
from tests.fakes.google_store import Shelf, Store
from tests.fakes.quota import SlidingWindow
from tests.fakes.server import serve

ORGANISER = "scheduler@example.com"
API = "/calendar/v3"
_EVENT_VERBS = {"GET": "get", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
_LIST_VERBS = {"GET": "list", "POST": "insert"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One API call that reached the server: its verb, who made it, the answer's status and reason ("" when fine)."""

    verb: str
    user: str
    status: int
    reason: str = ""


class FakeGoogle:
    """One Google, empty but for the organiser's account and the client `client` registered with it.

    `store`, `lists`, `sign_in` and `faults` may be reached into; `calls` is what has been asked. `reset` begins anew.
    """

    def __init__(self, **settings: Any) -> None:
        self.url = ""
        self.reset(**settings)

    def reset(
        self,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seed: int = 0,
        page_cap: int = 250,
        per_user: int = 600,
        per_project: int = 10_000,
    ) -> None:
        """`per_user` and `per_project` are calls a minute; `page_cap` is explained at `Lists`."""
        self.store = Store(clock=clock, seed=seed)
        self.lists = Lists(self.store, page_cap=page_cap)
        self.sign_in = SignIn(clock=clock, user=ORGANISER)
        self.client = Client(id="mock-interviews.apps.example", secret="desktop-secret")
        self.sign_in.clients[self.client.id] = self.client
        self.faults = FaultScript()
        self.calls: list[Call] = []
        self._of_user = SlidingWindow(per_user, clock=clock)
        self._of_project = SlidingWindow(per_project, clock=clock)
        self.store.add(ORGANISER)

    @property
    def api_url(self) -> str:
        return f"{self.url}{API}/"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def consent_url(self) -> str:
        return f"{self.url}/auth"

    def refresh_token(self) -> str:
        """A refresh token of the organiser's for `client`."""
        return self.sign_in.grant(ORGANISER, self.client)

    def verbs(self) -> Counter[str]:
        """How often each verb was called."""
        return Counter(call.verb for call in self.calls)

    def add_person(self, email: str, *, zone: str = "UTC") -> Shelf:
        return self.store.add(email, zone=zone)

    def live(self, calendar: str = ORGANISER) -> Sequence[Json]:
        """The events that are there, as a person sees them."""
        with self.store.lock:
            events = self.store.shelves[calendar].events.values()
            return [event for event in events if event["status"] != "cancelled"]

    def creates(self, title: str, start: datetime, end: datetime, *, calendar: str = ORGANISER, **fields: Any) -> Json:
        """Somebody makes an event of their own; `fields` are further ones of the resource."""
        edges = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
        return self.store.insert(self.store.shelves[calendar], {"summary": title, **edges, **fields})

    def moves(self, event_id: str, start: datetime, end: datetime, *, calendar: str = ORGANISER) -> None:
        edges = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
        self._hand(event_id, edges, calendar)

    def edits(self, event_id: str, *, calendar: str = ORGANISER, **fields: Any) -> None:
        self._hand(event_id, fields, calendar)

    def responds(self, event_id: str, email: str, answer: str, *, calendar: str = ORGANISER) -> None:
        """Somebody invited says `accepted`, `tentative` or `declined`."""
        with self.store.lock:
            guests = self.store.shelves[calendar].events[event_id]["attendees"]
            answered = [
                guest | ({"responseStatus": answer} if guest["email"].lower() == email.lower() else {})
                for guest in guests
            ]
            self._hand(event_id, {"attendees": answered}, calendar)

    def deletes(self, event_id: str, *, calendar: str = ORGANISER) -> None:
        self.store.delete(self.store.shelves[calendar], event_id)

    def duplicates(self, event_id: str, *, calendar: str = ORGANISER) -> Json:
        """Somebody copies an event; everything but its id goes with it."""
        shelf = self.store.shelves[calendar]
        copied = ("summary", "description", "start", "end", "attendees", "extendedProperties", "reminders")
        return self.store.insert(shelf, {name: shelf.events[event_id][name] for name in copied})

    def meets(self, event_id: str, *, calendar: str = ORGANISER) -> None:
        """Google has made the conference that was asked for with an event."""
        with self.store.lock:
            request = dict(self.store.shelves[calendar].events[event_id]["conferenceData"]["createRequest"])
            self._hand(event_id, {"conferenceData": {"createRequest": {**request, "requestId": "made"}}}, calendar)

    def fades(self, event_id: str, *, calendar: str = ORGANISER) -> None:
        """Google forgets all of a deleted event but its id."""
        with self.store.lock:
            events = self.store.shelves[calendar].events
            events[event_id] = {name: events[event_id][name] for name in ("kind", "id", "status", "etag")}

    def _hand(self, event_id: str, fields: Json, calendar: str) -> None:
        self.store.change_event(self.store.shelves[calendar], event_id, fields, conference=True)

    def caller(self, request: Request, *scopes: str, guests: bool = False) -> Grant:
        """Whose call this is, within the quotas; a refusal is put on the list. `guests`: it would invite somebody."""
        verb, user = verb_of(request.scope), "?"
        try:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            grant = self.sign_in.allowed(token, frozenset(scopes))
            user = grant.user
            self._within_quota(user)
            _may_invite(grant, guests)
        except Refused as refusal:
            self.calls.append(Call(verb=verb, user=user, status=refusal.status, reason=refusal.reason))
            raise
        return grant

    def _within_quota(self, user: str) -> None:
        if self._of_project.full(""):
            raise Refused(403, "rateLimitExceeded", "Rate Limit Exceeded")
        if self._of_user.full(user):
            raise Refused(403, "userRateLimitExceeded", "User Rate Limit Exceeded")
        self._of_project.count("")
        self._of_user.count(user)

    def free_busy(self, body: Json, user: str) -> Json:
        """The answer to a free/busy question; what is wrong with one calendar is told inside it."""
        start, end = instant(body.get("timeMin"), "timeMin"), instant(body.get("timeMax"), "timeMax")
        if start is None or end is None or start >= end:
            raise Refused(400, "timeRangeEmpty", "The specified time range is empty.")
        if end - start > timedelta(days=92):
            raise Refused(400, "timeRangeTooLong", "The requested time range is too long.")
        items = [item["id"] for item in body.get("items") or []]
        too_many = len(items) > int(body.get("calendarExpansionMax", 50))
        answers = {
            name: self._free_busy_of(user if name == "primary" else name, start, end, too_many=too_many)
            for name in items
        }
        return {"kind": "calendar#freeBusy", "timeMin": body["timeMin"], "timeMax": body["timeMax"]} | {
            "calendars": answers
        }

    def _free_busy_of(self, name: str, start: datetime, end: datetime, *, too_many: bool) -> Json:
        shelf = self.store.shelves.get(name)
        reason = "tooManyCalendarsRequested" if too_many else shelf.unreadable if shelf else "notFound"
        if reason:
            return {"errors": [{"domain": "calendar", "reason": reason}], "busy": []}
        blocks = self.store.busy(name, start, end)
        return {"busy": [{"start": _zulu(first), "end": _zulu(last)} for first, last in blocks]}


@contextmanager
def running_google(**settings: Any) -> Iterator[FakeGoogle]:
    """A fake Google that serves at `url` while the block runs; `settings` are those of `FakeGoogle.reset`."""
    google = FakeGoogle(**settings)
    weather = Weather(_app(google), script=lambda: google.faults, verb_of=verb_of, error_of=_error_of)
    with serve(weather) as google.url:
        yield google


def verb_of(scope: Scope) -> str:
    """`events.insert`, `freebusy.query`, `calendarList.list`, `token` or `auth`."""
    path, method = str(scope["path"]).removeprefix(API), str(scope["method"])
    if path.endswith("/events"):
        return f"events.{_LIST_VERBS.get(method, method)}"
    if "/events/" in path:
        return f"events.{_EVENT_VERBS.get(method, method)}"
    return {"/freeBusy": "freebusy.query", "/users/me/calendarList": "calendarList.list"}.get(path, path.strip("/"))


def _error_of(fault: Fault) -> bytes:
    return Refused(fault.status, fault.reason).body()


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _app(google: FakeGoogle) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.exception_handler(Refused)
    async def refuse(request: Request, refusal: Refused) -> Response:
        return Response(refusal.body(), status_code=refusal.status, media_type="application/json")

    @app.exception_handler(Denied)
    async def deny(request: Request, denial: Denied) -> Response:
        words = {"error": denial.error, "error_description": denial.description}
        return JSONResponse(words, status_code=denial.status)

    @app.get("/auth")
    async def consent(request: Request) -> Response:
        return RedirectResponse(google.sign_in.consent(request.query_params), status_code=302)

    @app.post("/token")
    async def token(request: Request) -> Json:
        return dict(google.sign_in.token(dict(parse_qsl((await request.body()).decode()))))

    @app.get(f"{API}/users/me/calendarList")
    async def calendars(request: Request) -> Json:
        def answer(user: str) -> Json:
            roles = [(shelf, shelf.role(user)) for shelf in google.store.shelves.values()]
            items = [
                {"id": shelf.id, "summary": shelf.id, "accessRole": role, "primary": shelf.id == user}
                for shelf, role in roles
                if role != "freeBusyReader"
            ]
            return {"kind": "calendar#calendarList", "items": items}

        return _answered(google, request, answer, LIST)

    @app.post(f"{API}/freeBusy")
    async def free_busy(request: Request) -> Json:
        body = json.loads(await request.body())
        return _answered(google, request, lambda user: google.free_busy(body, user), FREE_BUSY)

    _events(app, google)
    return app


def _events(app: FastAPI, google: FakeGoogle) -> None:
    """The routes of events."""
    collection, one = f"{API}/calendars/{{calendar}}/events", f"{API}/calendars/{{calendar}}/events/{{event}}"

    @app.get(collection)
    async def listed(calendar: str, request: Request) -> Json:
        query = dict(request.query_params)
        return _answered(
            google, request, lambda user: google.lists.answer(google.store.shelf(calendar, user), query), EVENTS
        )

    @app.post(collection)
    async def inserted(calendar: str, request: Request) -> Json:
        body, options = json.loads(await request.body()), _options(request)

        def insert(user: str) -> Json:
            return google.store.insert(google.store.shelf(calendar, user, write=True), body, **options)

        return _answered(google, request, insert, EVENTS, guests=bool(body.get("attendees")))

    @app.get(one)
    async def read(calendar: str, event: str, request: Request) -> Json:
        return _answered(
            google, request, lambda user: google.store.event(google.store.shelf(calendar, user), event), EVENTS
        )

    @app.api_route(one, methods=["PATCH", "PUT"])
    async def changed(calendar: str, event: str, request: Request) -> Json:
        body = json.loads(await request.body())
        options = _options(request) | {
            "if_match": request.headers.get("if-match", ""),
            "whole": request.method == "PUT",
        }

        def change(user: str) -> Json:
            return google.store.change_event(google.store.shelf(calendar, user, write=True), event, body, **options)

        return _answered(google, request, change, EVENTS, guests=bool(body.get("attendees")))

    @app.delete(one, status_code=204)
    async def deleted(calendar: str, event: str, request: Request) -> Response:
        mail, if_match = str(_options(request)["mail"]), request.headers.get("if-match", "")

        def delete(user: str) -> Json:
            google.store.delete(google.store.shelf(calendar, user, write=True), event, if_match=if_match, mail=mail)
            return {}

        _answered(google, request, delete, EVENTS)
        return Response(status_code=204)


def _options(request: Request) -> dict[str, Any]:
    query = request.query_params
    return {"mail": query.get("sendUpdates", "none"), "conference": query.get("conferenceDataVersion") == "1"}


def _may_invite(grant: Grant, guests: bool) -> None:
    if guests and not grant.delegated:
        words = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
        raise Refused(403, "forbiddenForServiceAccounts", words)


def _answered(
    google: FakeGoogle, request: Request, answer: Callable[[str], Json], *scopes: str, guests: bool = False
) -> Json:
    """The answer for whoever calls; the call and how it went are put on the list."""
    grant, verb = google.caller(request, *scopes, guests=guests), verb_of(request.scope)
    try:
        result = answer(grant.user)
    except Refused as refusal:
        google.calls.append(Call(verb=verb, user=grant.user, status=refusal.status, reason=refusal.reason))
        raise
    google.calls.append(Call(verb=verb, user=grant.user, status=200))
    return result
