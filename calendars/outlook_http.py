"""Talking to Microsoft Graph over HTTP: one request, all pages of a list, and what each error means, once.

What is asked and what the answers mean lives in `outlook.py`; who may ask lives in `outlook_auth.py`. Nothing is paced and
nothing is tried again here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from domain.errors import CalendarAuthError, CalendarBusy, CalendarConflict, CalendarError, CalendarRefused

GRAPH = "https://graph.microsoft.com/v1.0"
PAGE = 100  # Graph gives 10 at a time unless asked
_TIMEOUT = httpx.Timeout(60, connect=10)  # Graph takes up to half a minute to make a Teams meeting on a bad day
_AT_ONCE = 4  # requests that Graph allows to be under way for one app and mailbox

# What Graph calls an error -> what a person can do about it.
_CURES = {
    "ErrorAccessDenied": "give the app the permission Calendars.ReadWrite in Entra and grant admin consent",
    "Authorization_RequestDenied": "give the app the permission Calendars.ReadWrite in Entra and grant admin consent",
    "ErrorInvalidUser": "check the address: there is no such mailbox in this organisation",
    "ResourceNotFound": "check the address: there is no such mailbox in this organisation",
    "Request_ResourceNotFound": "check the address: there is no such mailbox in this organisation",
    "MailboxNotEnabledForRESTAPI": "give the account an Exchange Online licence: its mailbox is not in the cloud",
    "MailboxNotSupportedForRESTAPI": "give the account an Exchange Online licence: its mailbox is not in the cloud",
    "ErrorQuotaExceeded": "make room in the mailbox: it is full",
    "TimeZoneNotSupportedException": "choose a time zone that the mailbox server knows",
}
_BUSY = {408, 429, 500, 502, 503, 504, 509}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """All rows of a list, and where its changes go on from (empty unless it was a delta)."""

    rows: Sequence[Mapping[str, Any]]
    delta_link: str


def utc_now() -> datetime:
    return datetime.now(UTC)


class Graph:
    """An HTTP client of Graph for one signed-in account or app, named `calendar` in errors. `clock` tells the time that
    Retry-After counts from."""

    def __init__(
        self,
        auth: httpx.Auth,
        *,
        calendar: str,
        base_url: str = GRAPH,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._calendar, self._base, self._clock = calendar, base_url.rstrip("/"), clock
        self._http = httpx.AsyncClient(auth=auth, transport=transport, timeout=_TIMEOUT)
        self._free = asyncio.Semaphore(_AT_ONCE)
        self.requests = 0  # made so far

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        if_match: str = "",
        page_size: int = 0,
    ) -> Mapping[str, Any]:
        """One request; `path` may also be a whole link that Graph has given. The answer's JSON ({} when it has none);
        every failure is a `CalendarError`."""
        headers = {"Prefer": 'outlook.timezone="UTC"'}
        if page_size:
            headers["Prefer"] += f", odata.maxpagesize={page_size}"
        if if_match:
            headers["If-Match"] = if_match
        url = path if self.knows(path) else f"{self._base}{path}"
        try:
            async with self._free:
                self.requests += 1
                response = await self._http.request(method, url, params=params, json=json, headers=headers)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise CalendarBusy(f"Outlook did not answer ({kind})", reason=kind, calendar=self._calendar) from error
        if response.is_error:
            raise error_of(response, now=self._clock(), calendar=self._calendar)
        return _json(response)

    async def pages(self, path: str, *, params: Mapping[str, str] | None = None, page_size: int = 0) -> Rows:
        """All pages of a list or of one round of a delta."""
        rows: list[Mapping[str, Any]] = []
        answer = await self.call("GET", path, params=params, page_size=page_size)
        while True:
            rows += answer.get("value") or ()
            link = answer.get("@odata.nextLink")
            if not link:
                return Rows(rows=rows, delta_link=answer.get("@odata.deltaLink") or "")
            if not self.knows(link):
                raise CalendarRefused(f"Outlook gave a next page elsewhere: {link[:80]}", reason="foreignLink")
            answer = await self.call("GET", link, page_size=page_size)

    def knows(self, link: str) -> bool:
        """Whether a link leads to this Graph: our token is sent nowhere else."""
        return link.startswith(f"{self._base}/")

    async def aclose(self) -> None:
        await self._http.aclose()


def error_of(response: httpx.Response, *, now: datetime, calendar: str = "") -> CalendarError:
    """What an error of Graph or of the sign-in service means to us. Its words for it are the `reason`."""
    code, message = _words(response)
    status, text = response.status_code, f"Outlook: {message} ({code})"
    if status in _BUSY:
        return CalendarBusy(text, reason=code, calendar=calendar, retry_at=_retry_at(response, now))
    if status == 401:
        return CalendarAuthError(f"{text}; connect Outlook again", reason=code, calendar=calendar)
    if status in {409, 412} and "If-Match" not in response.request.headers:
        # Graph gives a 412 now and then to requests without any condition: that is no person's doing.
        return CalendarBusy(text, reason=code, calendar=calendar, retry_at=_retry_at(response, now))
    if status in {409, 412} or (status == 404 and code == "ErrorItemNotFound"):
        return CalendarConflict(f"{text}: somebody has changed or deleted the event", reason=code, calendar=calendar)
    cure = _CURES.get(code)
    return CalendarRefused(f"{text}; {cure}" if cure else text, reason=code, calendar=calendar)


def _words(response: httpx.Response) -> tuple[str, str]:
    """The error's code and message, from Graph's `{"error": {...}}` or from the status when there is no such body."""
    try:
        error = response.json()["error"]
        return str(error["code"]), str(error["message"]).strip().rstrip(".")
    except (ValueError, KeyError, TypeError):
        return f"http{response.status_code}", response.reason_phrase or "an error without words"


def _retry_at(response: httpx.Response, now: datetime) -> datetime | None:
    """When Retry-After lets us come again: seconds, or a date as HTTP writes it."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return now + timedelta(seconds=int(value))
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        return None


def _json(response: httpx.Response) -> Mapping[str, Any]:
    if not response.content:
        return {}
    try:
        answer = response.json()
    except ValueError as error:
        raise CalendarBusy("Outlook's answer could not be read", reason="notJson") from error
    if not isinstance(answer, Mapping):
        raise CalendarBusy("Outlook's answer could not be read", reason="notJson")
    return answer
