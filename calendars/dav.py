"""WebDAV over HTTP: requests, their XML, and errors mapped once. What a calendar is lives in `caldav.py`.

The password goes to the server that the operator named in CALDAV_URL and to no other, whatever an SOP, a redirect or an answer
says: https only (http only to this machine), the same host and port, and nothing is asked of anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

import httpx

from domain.errors import CalendarAuthError, CalendarBusy, CalendarError, CalendarRefused

DAV, CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
MAX_BYTES = 50_000_000
TOTAL_SECONDS = 60.0  # for one answer, however slowly it comes
REDIRECTS = 5
# Servers that answer for an account from other hosts of theirs: the host that people configure, and the ending of the others.
FAMILIES = {"caldav.icloud.com": ".icloud.com"}
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


class PreconditionFailed(Exception):
    """412: the resource is not in the version that the request named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the server answered; `url` is where it was found after redirects."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One resource of a multistatus answer: its path, its status (200 when it has properties) and the properties found."""

    path: str
    status: int
    found: Mapping[str, Element]

    def text(self, name: str) -> str:
        """A property's text; empty when it is not there."""
        found = self.found.get(name)
        return (found.text or "").strip() if found is not None else ""

    def hrefs(self, name: str) -> list[str]:
        """The addresses in a property."""
        found = self.found.get(name)
        return [] if found is None else [(href.text or "").strip() for href in found.iter(f"{DAV}href")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Multistatus:
    """Several resources at once, and the token that a sync report ends with."""

    items: Sequence[Item]
    sync_token: str


class DavClient:
    """One account at one server. `now` gives the time (aware); `requests` counts what was sent; `transport` is how bytes
    travel (the network when None)."""

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        now: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.home, self._now, self.requests = check_home(url), now, 0
        self._base = self.home
        self._http = httpx.AsyncClient(
            auth=httpx.BasicAuth(username, password),
            headers={"User-Agent": "mock-interview-scheduler", "Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            follow_redirects=False,
            transport=transport,
        )

    def move_to(self, url: str) -> None:
        """Ask this host of the account's server from now on: where its calendars are (iCloud keeps each account on one of
        many hosts)."""
        self._base = self.trusted(url)

    def trusted(self, url: str, base: str = "") -> str:
        """The absolute address of a URL or path; `CalendarRefused` when it is not on the account's server."""
        try:
            absolute = urljoin(base or self._base, url)
            known = _origin(absolute) == _origin(self.home) or _is_family(absolute, self.home)
        except ValueError:
            known = False
        if not known:
            raise CalendarRefused(
                f"{url} is not on the server of CALDAV_URL, and the password is for that one only",
                reason="otherServer",
                calendar=url,
            )
        return absolute

    async def request(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, following redirects on the same server. `CalendarError` for what failed, except 404 and 410, which
        are answers, and 412, which is `PreconditionFailed`."""
        target = self.trusted(url)
        for _ in range(REDIRECTS):
            answer = await self._send(method, target, body, headers or {})
            if answer.status not in (301, 302, 307, 308):
                _raise_for(answer, self._now())
                return answer
            target = self.trusted(answer.headers.get("location", ""), target)
        raise CalendarRefused(f"{url} redirects in a circle", reason="redirects", calendar=url)

    async def propfind(self, url: str, properties: Sequence[str], *, depth: int = 0) -> Sequence[Item]:
        """The named properties of a resource, or of those in it too (`depth` 1); none when it is not there."""
        wanted = "".join(f"<{_short(name)}/>" for name in properties)
        found = await self.multistatus(
            "PROPFIND", url, f"<d:propfind {_SPACES}><d:prop>{wanted}</d:prop></d:propfind>", depth
        )
        return found.items if found else ()

    async def multistatus(self, method: str, url: str, xml: str, depth: int = 0) -> Multistatus | None:
        """A PROPFIND or REPORT; None when the resource is not there."""
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        answer = await self.request(method, url, f'<?xml version="1.0" encoding="utf-8"?>{xml}'.encode(), headers)
        if answer.status in (404, 410):
            return None
        if answer.status != 207:
            raise CalendarRefused(
                f"{url} does not speak CalDAV (it answered {answer.status} to {method})",
                reason="notCalDav",
                calendar=url,
            )
        root = parse_xml(answer.body, url)
        token = root.findtext(f"{DAV}sync-token", "").strip()
        return Multistatus(items=tuple(_items(root)), sync_token=token)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.requests += 1
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                self._http.stream(method, url, content=body, headers=dict(headers)) as response,
            ):
                received = bytearray()
                async for chunk in response.aiter_bytes():
                    received += chunk
                    if len(received) > MAX_BYTES:
                        raise CalendarRefused(f"{url} answers with more than {MAX_BYTES // 1_000_000} MB", calendar=url)
                return Answer(url=url, status=response.status_code, headers=response.headers, body=bytes(received))
        except (httpx.TransportError, TimeoutError) as error:
            raise CalendarBusy(
                f"{urlsplit(url).hostname} cannot be reached: {error or type(error).__name__}",
                reason="network",
                calendar=url,
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CalendarRefused(f"{url} cannot be asked: {error}", reason="badUrl", calendar=url) from error


_SPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'


def report(name: str, inside: str) -> str:
    """The XML of a report, `name` with the prefix `d:` or `c:`."""
    return f"<{name} {_SPACES}>{inside}</{name}>"


def element(name: str, text: str) -> str:
    """A text as an element of a report."""
    return f"<{name}>{escape(text)}</{name}>"


def parse_xml(body: bytes, url: str) -> Element:
    """The root of an XML answer; `CalendarRefused` for what is none.

    Python's own parser is safe once document types are refused: entities, by which a small text grows without bound or reads
    files, can only be declared there.
    """
    builder = TreeBuilder()

    def refuse(*_: object) -> None:
        raise CalendarRefused(f"{url} answers with a document type, which no CalDAV server needs", calendar=url)

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: builder.start(_full(name), attributes)
    parser.EndElementHandler = lambda name: builder.end(_full(name))
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise CalendarRefused(f"{url} answers with broken XML: {error}", reason="notCalDav", calendar=url) from error
    root: Element = builder.close()
    return root


def normal_path(href: str) -> str:
    """The path of an address, percent-encoded one way, so that two spellings of it are equal."""
    return quote(unquote(urlsplit(href).path), safe="/@:+~!$&'()*,;=")


def check_home(url: str) -> str:
    """The address of a CalDAV account; `CalendarRefused` unless it is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        scheme, host, _ = _origin(url)
    except ValueError as error:
        raise CalendarRefused(f"{url} is no address of a server: {error}", reason="badUrl") from error
    if parts.username is not None or parts.password is not None:
        raise CalendarRefused("give the user and the password beside the address, not in it", reason="badUrl")
    if not host or scheme not in ("http", "https") or (scheme == "http" and not _is_this_machine(host)):
        raise CalendarRefused(
            f"{url} must begin with https://, or the password could be read on the way", reason="badUrl"
        )
    return url


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("it has a user in it")
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def _is_family(url: str, home: str) -> bool:
    scheme, host, port = _origin(url)
    ending = FAMILIES.get(urlsplit(home).hostname or "")
    return ending is not None and scheme == "https" and port == 443 and host.endswith(ending)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _short(name: str) -> str:
    return name.replace(DAV, "d:").replace(CALDAV, "c:")


def _full(name: str) -> str:
    return "{" + name if "}" in name else name


def _items(root: Element) -> Iterator[Item]:
    for response in root.iter(f"{DAV}response"):
        found: dict[str, Element] = {}
        for part in response.iter(f"{DAV}propstat"):
            if _status(part) == 200:
                found.update({each.tag: each for prop in part.iter(f"{DAV}prop") for each in prop})
        status = _status(response)
        yield Item(path=normal_path(response.findtext(f"{DAV}href", "").strip()), status=status, found=found)


def _status(part: Element) -> int:
    """The number in `HTTP/1.1 200 OK`; 200 where a resource has only properties."""
    words = part.findtext(f"{DAV}status", "HTTP/1.1 200 OK").split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 200


def _raise_for(answer: Answer, now: datetime) -> None:
    status = answer.status
    if status < 300 or status in (404, 410):
        return
    if status == 412:
        raise PreconditionFailed
    raise _error(answer, now)


def _error(answer: Answer, now: datetime) -> CalendarError:
    status, url = answer.status, answer.url
    words = f"the calendar server answered {status} for {url}"
    if status == 401:
        return CalendarAuthError(
            "the CalDAV server does not accept the user and password (it may want an app-specific password)",
            reason="401",
            calendar=url,
        )
    if status in (408, 423, 425, 429) or (status >= 500 and status not in (501, 505, 507)):
        return CalendarBusy(words, reason=str(status), calendar=url, retry_at=_retry_at(answer, now))
    reason = "uidConflict" if b"no-uid-conflict" in answer.body else str(status)
    reason = "forgottenToken" if b"valid-sync-token" in answer.body else reason
    return CalendarRefused(words, reason=reason, calendar=url)


def _retry_at(answer: Answer, now: datetime) -> datetime | None:
    """What Retry-After says, in seconds or as a date; a day at most, for servers that mean well but write nonsense."""
    text = answer.headers.get("retry-after", "").strip()
    try:
        moment = now + timedelta(seconds=int(text)) if text.isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(moment.astimezone(UTC), now + timedelta(days=1))
