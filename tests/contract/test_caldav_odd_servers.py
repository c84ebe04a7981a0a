"""CalDAV beyond the contract, at servers that behave oddly: whom the password goes to, and answers that no good server gives."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from calendars.base import Busy, Owner, Unknown
from calendars.caldav import CalDavCalendar
from calendars.dav import DavClient, normal_path, parse_xml
from domain.errors import CalendarBusy, CalendarError, CalendarRefused
from tests.contract.harness import JANUARY, NOW, ZONES, make_event

HOME = "https://dav.example.com/"
Answering = Callable[[httpx.Request], httpx.Response]


def owner_of(name: str) -> Owner:
    return Owner(email="asha@example.com", zone=ZONES["asha"])


def odd(answer: Answering, url: str = HOME) -> DavClient:
    """A client of a server that answers as told."""
    transport = httpx.MockTransport(answer)
    return DavClient(url, username="u", password="p", now=lambda: NOW, transport=transport)


FOREIGN = [
    "http://dav.example.com/", "https://evil.example/", "https://dav.example.com.evil.example/", "https://dav.example.com:8443/",
    "//evil.example/cal/", "https://user:pw@dav.example.com/", "https://dav.example.com@evil.example/", "http://127.0.0.1/",
    "http://localhost:5232/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://2130706433/",
    "http://0x7f000001/", "http://0177.0.0.1/", "http://[::ffff:127.0.0.1]/", "file:///etc/passwd", "ftp://dav.example.com/",
    "gopher://dav.example.com/", "https://[", "https://p01-caldav.icloud.com/", "javascript:alert(1)",
    "https://dav.example.com\u3002evil.example/", "https://dav.example.com:443@evil.example/x",
]  # fmt: skip


class TestWhomThePasswordGoesTo:
    """No address of an SOP, no redirect and no answer leads to another server."""

    @pytest.mark.parametrize("url", FOREIGN)
    async def test_another_address_is_never_asked(self, url: str) -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(500)

        transport = httpx.MockTransport(answer)
        client = CalDavCalendar(HOME, username="u", password="p", owners=owner_of, transport=transport)

        busy = await client.busy([url], JANUARY) if "://" in url else await unknown_by_name(client, url)

        assert isinstance(busy[url], Unknown)
        assert {request.url.host for request in asked} <= {"dav.example.com"}
        assert not [request for request in asked if request.url.scheme != "https" or request.url.port]

    @pytest.mark.parametrize("url", FOREIGN)
    async def test_no_redirect_leads_elsewhere(self, url: str) -> None:
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            return httpx.Response(301, headers=[(b"Location", url.encode())])

        with pytest.raises(CalendarError):
            await odd(answer).request("PROPFIND", "/")

        assert {httpx.URL(one).host for one in asked} == {"dav.example.com"}
        assert {httpx.URL(one).scheme for one in asked} == {"https"}

    async def test_a_redirect_on_the_same_server_is_followed_with_method_and_body(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/.well-known/caldav":
                return httpx.Response(301, headers={"Location": "/remote.php/dav/"})
            return httpx.Response(200, text=f"{request.method} {request.url.path} {request.content.decode()}")

        found = await odd(answer).request("PROPFIND", "/.well-known/caldav", b"body")

        assert found.body == b"PROPFIND /remote.php/dav/ body"

    async def test_icloud_answers_from_hosts_of_its_own(self) -> None:
        client = odd(lambda request: httpx.Response(200, text=request.url.host), "https://caldav.icloud.com/")

        client.move_to("https://p42-caldav.icloud.com:443/1234/calendars/")

        assert (await client.request("GET", "/1234/calendars/home/")).body == b"p42-caldav.icloud.com"
        with pytest.raises(CalendarRefused):
            client.move_to("https://icloud.com.evil.example/")

    @pytest.mark.parametrize(
        "url",
        [
            "http://dav.example.com/",
            "dav.example.com",
            "https://u:p@dav.example.com/",
            "https://",
            "ftp://x/",
            "https://[",
        ],
    )
    def test_an_account_that_is_not_safe_is_refused_at_once(self, url: str) -> None:
        with pytest.raises(CalendarRefused):
            CalDavCalendar(url, username="u", password="p", owners=owner_of)

    @pytest.mark.parametrize("url", ["http://127.0.0.1:5232/", "http://localhost/", "http://[::1]:80/"])
    def test_this_machine_may_be_asked_without_encryption(self, url: str) -> None:
        assert DavClient(url, username="u", password="p", now=lambda: NOW).home == url


async def unknown_by_name(client: CalDavCalendar, name: str) -> Mapping[str, Busy]:
    """What is no address is looked up as a name, on the account's own server; that one is down here."""
    with pytest.raises(CalendarBusy):
        await client.busy([name], JANUARY)
    return {name: Unknown(reason="the server was asked for its calendars only", cure="")}


BOMB = b"<!DOCTYPE b [<!ENTITY a 'x'>%s]><b>&z;</b>" % b"".join(
    b"<!ENTITY %c '%s'>" % (letter + 1, b"&%c;" % letter * 30) for letter in range(ord("a"), ord("z"))
)


class TestOddServers:
    """Answers that no good server gives."""

    @pytest.mark.parametrize(
        "body",
        [
            BOMB,
            BOMB.decode().encode("utf-16"),
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
            b'<!DOCTYPE x [<!ENTITY y SYSTEM "http://evil.example/">]><x>&y;</x>',
        ],
    )
    def test_document_types_are_refused_at_once(self, body: bytes) -> None:
        began = time.perf_counter()
        tracemalloc.start()

        with pytest.raises(CalendarRefused, match="document type"):
            parse_xml(body, HOME)

        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert time.perf_counter() - began < 0.2
        assert peak < 5_000_000

    @pytest.mark.parametrize("body", [b"", b"<a>", b"hello", b"<a></b>", b"<a>&undeclared;</a>"])
    def test_broken_xml_is_refused(self, body: bytes) -> None:
        with pytest.raises(CalendarRefused, match="broken XML"):
            parse_xml(body, HOME)

    async def test_an_answer_without_end_is_cut_off(self) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1_000_000

        with pytest.raises(CalendarRefused, match="more than 50 MB"):
            await odd(lambda request: httpx.Response(207, content=endless())).request("GET", "/")

    async def test_a_redirect_in_a_circle_ends(self) -> None:
        with pytest.raises(CalendarRefused, match="circle"):
            await odd(lambda request: httpx.Response(302, headers={"Location": "/"})).request("GET", "/")

    @pytest.mark.parametrize(
        ("status", "headers", "retry_at"),
        [
            (429, {"Retry-After": "120"}, NOW + timedelta(minutes=2)),
            (503, {"Retry-After": "Tue, 01 Dec 2026 09:00:00 GMT"}, datetime(2026, 12, 1, 9, tzinfo=UTC)),
            (503, {"Retry-After": "soon"}, None),
            (503, {"Retry-After": "99999999999"}, NOW + timedelta(days=1)),
            (500, {}, None),
            (423, {}, None),
        ],
    )
    async def test_what_may_pass_says_when(
        self, status: int, headers: dict[str, str], retry_at: datetime | None
    ) -> None:
        with pytest.raises(CalendarBusy) as caught:
            await odd(lambda request: httpx.Response(status, headers=headers)).request("GET", "/")

        assert (caught.value.reason, caught.value.retry_at) == (str(status), retry_at)

    @pytest.mark.parametrize("status", [400, 403, 405, 409, 415, 501, 507])
    async def test_what_does_not_pass_is_refused(self, status: int) -> None:
        with pytest.raises(CalendarRefused):
            await odd(lambda request: httpx.Response(status)).request("PUT", "/")

    async def test_a_server_that_cannot_be_reached_may_be_back_soon(self) -> None:
        def broken(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused", request=request)

        with pytest.raises(CalendarBusy, match=r"dav\.example\.com cannot be reached"):
            await odd(broken).request("GET", "/")

    async def test_one_failing_calendar_does_not_hold_up_the_others(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            good = '<d:multistatus xmlns:d="DAV:"/>'
            return httpx.Response(500) if "bad" in request.url.path else httpx.Response(207, text=good)

        transport = httpx.MockTransport(answer)
        client = CalDavCalendar(HOME, username="u", password="p", owners=owner_of, transport=transport)

        busy = await client.busy([f"{HOME}bad/", f"{HOME}good/"], JANUARY)

        bad = busy[f"{HOME}bad/"]
        assert isinstance(bad, Unknown)
        assert bad.passing
        assert busy[f"{HOME}good/"] == ()
        with pytest.raises(CalendarBusy):
            await client.busy([f"{HOME}bad/"], JANUARY)

    async def test_a_web_page_is_no_calendar_server(self) -> None:
        page = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>Welcome</html>"))
        client = CalDavCalendar(HOME, username="u", password="p", owners=owner_of, transport=page)

        with pytest.raises(CalendarRefused, match="does not speak CalDAV"):
            await client.changes()

    def test_two_spellings_of_a_path_are_one(self) -> None:
        assert normal_path("https://x.example/a%40b/c%20d/") == normal_path("/a@b/c d/") == "/a@b/c%20d/"


class TestScript:
    """A server that speaks CalDAV the way RFC 6578 allows and Radicale does not."""

    def client(self, answer: Answering) -> CalDavCalendar:
        def discovered(request: httpx.Request) -> httpx.Response:
            if request.method == "PROPFIND":
                return httpx.Response(207, text=(Path(__file__).parent / "discovery.xml").read_text())
            return answer(request)

        transport = httpx.MockTransport(discovered)
        return CalDavCalendar(HOME, username="u@example.com", password="p", owners=owner_of, transport=transport)

    async def test_a_list_of_changes_that_is_cut_short_is_asked_on(self) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            body = request.content.decode()
            if "multiget" in body:
                return httpx.Response(207, text='<d:multistatus xmlns:d="DAV:"/>')
            part = 2 if "token-1" in body else 1
            cut = (
                "<d:response><d:href>/cal/</d:href><d:status>HTTP/1.1 507 X</d:status></d:response>"
                if part == 1
                else ""
            )
            gone = (
                f"<d:response><d:href>/cal/{part}.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
            )
            token = f"<d:sync-token>token-{part}</d:sync-token>"
            return httpx.Response(207, text=f'<d:multistatus xmlns:d="DAV:">{gone}{cut}{token}</d:multistatus>')

        changes = await self.client(answer).changes("token-0")

        assert (changes.gone, changes.cursor, changes.complete) == (("/cal/1.ics", "/cal/2.ics"), "token-2", False)

    async def test_an_etag_that_is_missing_or_weak_is_read_again(self) -> None:
        stored: dict[str, bytes] = {}

        def answer(request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                stored[request.url.path] = request.content
                return httpx.Response(201)
            if request.url.path not in stored:
                return httpx.Response(404)
            return httpx.Response(200, content=stored[request.url.path], headers={"ETag": 'W/"7"'})

        client = self.client(answer)
        state = await client.put(make_event())

        assert state.etag == 'W/"7"'

    async def test_a_weak_etag_is_named_as_a_strong_one(self) -> None:
        stored: dict[str, bytes] = {}
        named: list[str | None] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if request.method == "PUT":
                named.append(request.headers.get("If-Match"))
                stored[request.url.path] = request.content
                return httpx.Response(201)
            return httpx.Response(200, content=stored[request.url.path], headers={"ETag": 'W/"7"'})

        client = self.client(answer)
        await client.put(make_event())
        await client.put(make_event(revision=1, title="Another"))

        assert named == [None, '"7"']

    async def test_an_event_that_always_changes_under_our_hands_is_left_for_later(self) -> None:
        texts = iter(range(100))

        def answer(request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                return httpx.Response(412)
            return httpx.Response(200, content=stored, headers={"ETag": f'"{next(texts)}"'})

        stored = b""
        client = self.client(answer)

        def keep(request: httpx.Request) -> httpx.Response:
            nonlocal stored
            stored = request.content
            return httpx.Response(201, headers={"ETag": '"0"'})

        await self.client(keep).put(make_event())
        with pytest.raises(CalendarBusy, match="somebody else"):
            await client.put(make_event(revision=1, title="Another"))
        with pytest.raises(CalendarBusy, match="somebody else"):
            await client.cancel(make_event().key, etag='"0"')
