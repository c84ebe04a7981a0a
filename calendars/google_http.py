"""Talking to Google Calendar over HTTP: signing in, one blocking call at a time per connection, every failure a `CalendarError`.

What is asked lives in `google.py`, what failures mean in `google_errors.py`. Nothing is sent twice here: the client library is
given no retries, and its HTTP library, which by itself sends a request again when the connection breaks (a POST, too, and
uncounted), has connections that do not let it. Only the renewal of a token is tried three times by google-auth.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import BadStatusLine, CannotSendRequest, HTTPConnection, HTTPResponse, ResponseNotReady
from pathlib import Path
from typing import Any

import google_auth_httplib2
import httplib2
from google.oauth2 import credentials, service_account
from googleapiclient.discovery import build

from calendars.google_errors import FAILURES, meaning
from domain.errors import CalendarBusy, SettingsError

API = "https://www.googleapis.com/calendar/v3/"
SIGN_IN = "https://oauth2.googleapis.com/token"
SCOPES = (
    "https://www.googleapis.com/auth/calendar.events",  # our events
    "https://www.googleapis.com/auth/calendar.freebusy",  # when people are busy
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",  # which calendars there are, for `connect`
)
TIMEOUT = 30.0  # seconds without a byte

Ask = Callable[[Any], Any]  # from the library's `events()`, `freebusy()` ... to one of its requests; it has no types


@dataclass(frozen=True, kw_only=True, slots=True)
class UserAccess:
    """A person's account, by the refresh token that they consented to give to our client."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceAccess:
    """A service account by its key (the JSON that Google gives). `subject` is the user that it acts for, where the Workspace
    delegates that; without, it has a calendar of its own and can invite nobody."""

    key: Mapping[str, Any] = field(repr=False)
    subject: str = ""

    @classmethod
    def read(cls, path: Path, *, subject: str = "") -> ServiceAccess:
        """From the key file; `SettingsError` when it cannot be read as one."""
        try:
            return cls(key=json.loads(path.read_text()), subject=subject)
        except (OSError, ValueError) as error:
            raise SettingsError(f"GOOGLE_SERVICE_ACCOUNT_FILE: {path} cannot be read as JSON: {error}") from error


Access = UserAccess | ServiceAccess


def utc_now() -> datetime:
    return datetime.now(UTC)


class Wire:
    """Calls for one account. `calendar` names it in errors; `clock` gives the time that Retry-After counts from."""

    def __init__(
        self,
        access: Access,
        *,
        calendar: str,
        base_url: str = API,
        token_uri: str = SIGN_IN,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._calendar, self._clock, self._timeout = calendar, clock, timeout
        self._token = _Token(_credentials(access, token_uri))
        self._idle: list[httplib2.Http] = []
        self._lock = threading.Lock()
        self._closed = False
        self.requests = 0  # made so far
        # The document that describes the API comes with the library: nothing is fetched here.
        self._api = build(
            "calendar", "v3", http=self._new_http(), client_options={"api_endpoint": base_url}, static_discovery=True
        )

    async def call(self, ask: Ask, *, if_match: str = "") -> Mapping[str, Any]:
        """One request and its answer's JSON ({} when it has none). With `if_match` the resource must be that version."""
        return await asyncio.to_thread(self._call, ask, if_match)

    async def aclose(self) -> None:
        """Close the connections; one that is in use closes when its call ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for http in idle:
            http.close()

    def _call(self, ask: Ask, if_match: str) -> Mapping[str, Any]:
        request = ask(self._api)
        if if_match:
            request.headers["If-Match"] = if_match
        try:
            with self._http() as http:
                answer = request.execute(http=_Signed(http, self._token, self._count), num_retries=0)
        except FAILURES as error:
            raise meaning(error, calendar=self._calendar, now=self._clock()) from error
        if answer == "":
            return {}
        if not isinstance(answer, Mapping):  # the library passes on as text what it cannot read as JSON
            raise CalendarBusy("Google's answer could not be read", reason="notJson", calendar=self._calendar)
        return answer

    def _count(self) -> None:
        with self._lock:
            self.requests += 1

    @contextmanager
    def _http(self) -> Iterator[httplib2.Http]:
        """A connection that nobody else uses meanwhile: httplib2 is not safe to share between threads."""
        with self._lock:
            http = self._idle.pop() if self._idle else self._new_http()
        try:
            yield http
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.append(http)
            if not keep:
                http.close()

    def _new_http(self) -> httplib2.Http:
        return _Http(timeout=self._timeout)


class _Once(HTTPConnection):
    """A connection that sends a request once. One that has ended while nobody used it is opened anew before anything is sent."""

    def request(self, *args: Any, **rest: Any) -> None:
        if self.sock is not None and _has_ended(self.sock):
            self.close()
        try:
            super().request(*args, **rest)
        except CannotSendRequest:  # the answer before broke off; nothing of this request was sent
            self.close()
            super().request(*args, **rest)

    def getresponse(self) -> HTTPResponse:
        """The answer; a connection that ends without one counts as reset: httplib2 would call it stale and repeat the request."""
        try:
            return super().getresponse()
        except (BadStatusLine, ResponseNotReady) as error:
            raise ConnectionResetError("the connection ended without an answer") from error


class _PlainOnce(_Once, httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]  # httplib2 has no types
    pass


class _SecureOnce(_Once, httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    pass


class _Http(httplib2.Http):  # type: ignore[misc]
    """httplib2's client with such connections."""

    def request(self, uri: str, *args: Any, **rest: Any) -> Any:
        kind = _SecureOnce if uri.lower().startswith("https:") else _PlainOnce
        return super().request(uri, *args, connection_type=kind, **rest)


def _has_ended(sock: socket.socket) -> bool:
    """Whether there is something to read on a connection on which nothing is asked: its end."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


class _Token:
    """The access token of one account, renewed by one thread at a time."""

    def __init__(self, found: Any) -> None:
        self._credentials = found
        self._lock = threading.Lock()

    def current(self, http: httplib2.Http) -> str:
        """A token that should do; `GoogleAuthError` when none can be had."""
        with self._lock:
            return str(self._credentials.token) if self._credentials.valid else self._renewed(http)

    def after(self, refused: str, http: httplib2.Http) -> str:
        """Another token than one that Google has refused; the one of another thread if that was quicker."""
        with self._lock:
            newer = self._credentials.valid and self._credentials.token != refused
            return str(self._credentials.token) if newer else self._renewed(http)

    def _renewed(self, http: httplib2.Http) -> str:
        self._credentials.refresh(google_auth_httplib2.Request(http))
        return str(self._credentials.token)


class _Signed:
    """An HTTP connection as the client library wants one, which signs requests and renews a token once that ran out.

    The library's own (`AuthorizedHttp`) does not share renewals between threads, and for service accounts asks Google about
    regions in a thread of its own, over a connection that is in use here.
    """

    def __init__(self, http: httplib2.Http, token: _Token, count: Callable[[], None]) -> None:
        self._http, self._token, self._count = http, token, count

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> tuple[httplib2.Response, bytes]:
        token = self._token.current(self._http)
        response, content = self._send(token, uri, method, body, headers, rest)
        if response.status == 401:
            token = self._token.after(token, self._http)
            response, content = self._send(token, uri, method, body, headers, rest)
        return response, content

    def _send(
        self, token: str, uri: str, method: str, body: Any, headers: Mapping[str, str] | None, rest: Mapping[str, Any]
    ) -> tuple[httplib2.Response, bytes]:
        signed = {**(headers or {}), "authorization": f"Bearer {token}"}
        self._count()
        response, content = self._http.request(uri, method=method, body=body, headers=signed, **rest)
        return response, content


def _credentials(access: Access, token_uri: str) -> Any:
    """What google-auth, which has no types for these, makes of an access."""
    if isinstance(access, UserAccess):
        user: Any = credentials.Credentials
        return user(
            token=None,
            refresh_token=access.refresh_token,
            token_uri=token_uri,
            client_id=access.client_id,
            client_secret=access.client_secret,
        )
    service: Any = service_account.Credentials
    try:
        key = {**access.key, "token_uri": token_uri}
        return service.from_service_account_info(key, scopes=list(SCOPES), subject=access.subject or None)
    except ValueError as error:
        words = f"GOOGLE_SERVICE_ACCOUNT_FILE: this is not the key of a service account: {error}"
        raise SettingsError(words) from error
