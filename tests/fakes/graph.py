"""A fake Microsoft Graph: the calendar part, as its documents have it, over real HTTP, with the sign-in service beside it.

    server = GraphServer(clock=lambda: NOW)
    server.exchange.add("asha@example.com", zone="India Standard Time")
    with serve(server.app) as url: ...

It keeps to what is written of ids, transaction ids, change keys (412), pages, delta tokens (410), throttling and time zones.
Who touches its state while it is served takes `server.lock`. Mailboxes live in `graph_mailbox.py`, JSON in `graph_shapes.py`,
lists and deltas in `graph_lists.py`, tokens in `entra.py`, bad weather in `faults.py`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response

from tests.fakes.entra import Entra
from tests.fakes.faults import Fault, FaultScript, Weather
from tests.fakes.graph_lists import Lists
from tests.fakes.graph_mailbox import Exchange, Item, Mailbox
from tests.fakes.graph_shapes import Call, Json, Refused, event_json, fields_of, moment_of, schedule_json

_PREFIX = "/v1.0"


class GraphServer:
    """One organisation. `limit` requests in `window` for each mailbox and `at_once` at a time are allowed, as published.

    `calls` counts by verb, `most_at_once` is the highest number of requests under way, `throttled` how many were told to wait.
    `shift` moves the times of the next new event (a mangled zone), `latency` slows each answer, `forbidden` refuses them all.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        limit: int = 10_000,
        window: timedelta = timedelta(minutes=10),
        at_once: int = 4,
    ) -> None:
        self.clock, self.limit, self.window, self.at_once = clock, limit, window, at_once
        self.lock = threading.RLock()
        self.app = Weather(
            self._serve,
            script=lambda: self.script,
            verb_of=_verb,
            error_of=_weather_error,
        )
        self.reset()

    def reset(self) -> None:
        """Empty, as when it was made."""
        with self.lock:
            self.exchange, self.entra, self.script = Exchange(self.clock), Entra(self.clock), FaultScript()
            self.lists = Lists(self.exchange)
            self.calls: Counter[str] = Counter()
            self.at_work: Counter[str] = Counter()
            self.recent: defaultdict[str, deque[datetime]] = defaultdict(deque)
            self.most_at_once = self.throttled = 0
            self.latency, self.shift = 0.0, timedelta(0)
            self.forbidden = False

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        path = scope["raw_path"].decode()
        status, answer, headers = (
            await self._graph(request, path.removeprefix(_PREFIX), body)
            if path.startswith(_PREFIX)
            else self._sign_in(request, path, body)
        )
        content = b"" if answer is None else json.dumps(answer).encode()
        await Response(content, status, headers | {"content-type": "application/json"})(scope, receive, send)

    def _sign_in(self, request: Request, path: str, body: bytes) -> tuple[int, Json | None, dict[str, str]]:
        with self.lock:
            if self.entra.busy:
                status, retry_after = self.entra.busy
                return status, {"error": "temporarily_unavailable"}, {"Retry-After": retry_after}
            form = dict(parse_qsl(body.decode()))
            return *self.entra.answer(path, form, request.headers.get("authorization", "")), {}

    async def _graph(self, request: Request, path: str, body: bytes) -> tuple[int, Json | None, dict[str, str]]:
        try:
            with self.lock:
                call = self._read(request, path, body)
                self._count(call, _verb(request.scope))
            try:
                await asyncio.sleep(self.latency)
                with self.lock:
                    return *self._answer(call, str(request.base_url).rstrip("/") + _PREFIX), {}
            finally:
                self.at_work[call.box.address] -= 1
        except Refused as refused:
            error = {"code": refused.code, "message": refused.message, "innerError": {"request-id": "0"}}
            return refused.status, {"error": error}, refused.headers

    def _read(self, request: Request, path: str, body: bytes) -> Call:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        good, user = self.entra.user_of(request.headers.get("authorization", ""))
        if not good:
            raise Refused(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        if parts[0] == "me":
            if user is None:
                raise Refused(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
            address, rest = user, parts[1:]
        else:
            address, rest = parts[1], parts[2:]
        box = self.exchange.box(address)
        if box is None:
            raise Refused(404, "ErrorInvalidUser", f"The requested user '{address}' is invalid.")
        if self.forbidden or (user is not None and user.lower() != address.lower()):
            raise Refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        read = json.loads(body) if body else {}
        return Call(request.method, box, tuple(rest), query, dict(request.headers), read)

    def _count(self, call: Call, verb: str) -> None:
        """Throttling; a call that is told to wait counts as well."""
        address, now = call.box.address, self.clock()
        self.calls[verb] += 1
        recent = self.recent[address]
        recent.append(now)
        while recent[0] <= now - self.window:
            recent.popleft()
        wait = 0
        if len(recent) > self.limit:
            wait = max(1, int((recent[-self.limit] + self.window - now).total_seconds()) + 1)
        elif self.at_work[address] >= self.at_once:
            wait = 1
        if wait:
            self.throttled += 1
            raise Refused(429, "ApplicationThrottled", "Application is over its limit.", {"Retry-After": str(wait)})
        self.at_work[address] += 1
        self.most_at_once = max(self.most_at_once, self.at_work[address])

    def _answer(self, call: Call, base: str) -> tuple[int, Json | None]:
        rest = call.parts[1:] if call.parts[0] == "calendar" and len(call.parts) > 1 else call.parts
        match (call.method, *rest):
            case ("POST", "getSchedule"):
                return 200, _schedules(self.exchange, call)
            case ("POST", "events"):
                return 201, event_json(self._create(call), zone=call.zone)
            case ("GET", "events"):
                return 200, self.lists.events(call, base)
            case ("GET", "calendarView"):
                return 200, self.lists.view(call, base)
            case ("GET", "calendarView", "delta"):
                return 200, self.lists.delta(call, base)
            case ("GET", "calendars"):
                return 200, {"value": [_calendar(call.box)]}
            case (method, "events", handle):
                return self._one(call, method, handle)
        raise Refused(400, "BadRequest", f"Resource not found for the segment {rest[-1]!r}.")

    def _create(self, call: Call) -> Item:
        transaction = str(call.body.get("transactionId") or "")
        first = call.box.items.get(call.box.made.get(transaction, ""))
        if first:
            return first
        fields = fields_of(call.body, creating=True) | {"transaction_id": transaction or None}
        fields["start"], fields["end"] = fields["start"] + self.shift, fields["end"] + self.shift
        self.shift = timedelta(0)
        return self.exchange.create(call.box.address, teams=bool(call.body.get("isOnlineMeeting")), **fields)

    def _one(self, call: Call, method: str, handle: str) -> tuple[int, Json | None]:
        item = call.box.items.get(handle)
        if item is None:
            raise Refused(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        if method == "GET":
            return 200, event_json(item, zone=call.zone, expand=call.expand)
        condition = call.headers.get("if-match")
        if condition not in {None, "*", item.etag}:
            raise Refused(412, "ErrorIrresolvableConflict", "The change key passed in the request does not match.")
        if method == "DELETE":
            self.exchange.delete(item)
            return 204, None
        if "transactionId" in call.body or (item.meeting_url and "isOnlineMeeting" in call.body):
            raise Refused(400, "ErrorInvalidRequest", "This property can only be set when an event is created.")
        return 200, event_json(self.exchange.update(item, **fields_of(call.body, creating=False)), zone=call.zone)


def _schedules(exchange: Exchange, call: Call) -> Json:
    asked = call.body["schedules"]
    (start, _), (end, _) = moment_of(call.body["startTime"]), moment_of(call.body["endTime"])
    if len(asked) > 20:
        raise Refused(400, "ErrorMailboxDataArrayTooBig", "The maximum number of entities is 20.")
    if end - start >= timedelta(days=62):
        raise Refused(400, "ErrorTimeIntervalTooBig", "The period is 62 days or more.")
    if not 5 <= call.body.get("availabilityViewInterval", 30) <= 1440:
        raise Refused(400, "ErrorInvalidMergedFreeBusyInterval", "The interval is 5 to 1440 minutes.")
    rows = [schedule_json(address, exchange.box(address), start, end, zone=call.zone) for address in asked]
    return {"value": rows}


def _calendar(box: Mailbox) -> Json:
    return {
        "id": "AQMkADAwATM0MDAAMS0=",
        "name": "Calendar",
        "canEdit": True,
        "isDefaultCalendar": True,
        "allowedOnlineMeetingProviders": list(box.providers),
        "owner": {"name": box.address, "address": box.address},
    }


def _verb(scope: MutableMapping[str, Any]) -> str:
    """A call's name, for scripts and counts: `events.insert`, `events.patch`, `delta.list`, `getSchedule`, `token` …"""
    parts = scope["raw_path"].decode().strip("/").split("/")
    method = scope["method"]
    if parts[0] != "v1.0":
        return "token" if method == "POST" else "configuration"
    if parts[-1] == "getSchedule":
        return "getSchedule"
    if parts[-1] in {"delta", "calendarView", "calendars", "events"}:
        return f"{parts[-1]}.{'list' if method == 'GET' else 'insert'}"
    return f"events.{method.lower()}"


def _weather_error(fault: Fault) -> bytes:
    return json.dumps({"error": {"code": fault.reason, "message": "Bad weather."}}).encode()
