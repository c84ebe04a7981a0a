"""Sealed tokens, and the listener on loopback: it takes the answer that is waited for and turns everything else away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import pytest

from calendars.oauth import Loopback, answer_in, authorise, new_key, seal, unseal
from domain.errors import CalendarAuthError, SettingsError

SECRET = "1//0g-refresh-token é"


def test_a_secret_comes_back_with_its_key() -> None:
    key = new_key()

    sealed = seal(SECRET, key)

    assert unseal(sealed, key) == SECRET
    assert SECRET not in sealed
    assert seal(SECRET, key) != sealed


@pytest.mark.parametrize("tampered", [lambda text: text[:-2] + "AA", lambda text: "", lambda text: "no token"])
def test_what_was_tampered_with_is_told(tampered: object) -> None:
    key = new_key()
    assert callable(tampered)

    with pytest.raises(CalendarAuthError, match="TOKEN_ENCRYPTION_KEY"):
        unseal(tampered(seal(SECRET, key)), key)


def test_another_key_is_told() -> None:
    with pytest.raises(CalendarAuthError, match="another TOKEN_ENCRYPTION_KEY"):
        unseal(seal(SECRET, new_key()), new_key())


@pytest.mark.parametrize("key", ["", "a passphrase", "é" * 44, "0" * 40])
def test_what_is_no_key_is_told(key: str) -> None:
    with pytest.raises(SettingsError, match="TOKEN_ENCRYPTION_KEY: this is not a key"):
        seal(SECRET, key)


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        (" http://127.0.0.1:1/?state=s%20t&code=4%2Fx\n", {"state": "s t", "code": "4/x"}),
        ("http://127.0.0.1:1/", {}),
        ("", {}),
    ],
)
def test_an_answer_is_read_from_an_address(url: str, answer: dict[str, str]) -> None:
    assert answer_in(url) == answer


async def test_the_answer_that_is_waited_for_is_taken() -> None:
    async with Loopback() as loopback, httpx.AsyncClient() as http:
        expected = loopback.expect("s1")
        page = await http.get(f"{loopback.redirect_uri}/?state=s1&code=4%2Fx")

        assert await asyncio.wait_for(expected, 1) == {"state": "s1", "code": "4/x"}
    assert page.status_code == 200
    assert "You can close this window" in page.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/favicon.ico"),
        ("GET", "/?state=another&code=4%2Fx"),
        ("GET", "/?state=s1"),
        ("GET", "/?code=4%2Fx"),
        ("POST", "/?state=s1&code=4%2Fx"),
    ],
)
async def test_anything_else_is_turned_away(method: str, path: str) -> None:
    async with Loopback() as loopback, httpx.AsyncClient() as http:
        expected = loopback.expect("s1")

        assert (await http.request(method, f"{loopback.redirect_uri}{path}")).status_code == 404
        assert not expected.done()


async def test_a_browser_that_comes_twice_is_thanked_twice() -> None:
    async with Loopback() as loopback, httpx.AsyncClient() as http:
        expected = loopback.expect("s1")
        pages = [await http.get(f"{loopback.redirect_uri}/?state=s1&code={code}") for code in ("first", "second")]

        assert [page.status_code for page in pages] == [200, 200]
        assert expected.result()["code"] == "first"


@pytest.mark.parametrize("rubbish", [b"", b"GET", b"x" * 20_000, b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n"])
async def test_rubbish_does_not_stop_the_listener(rubbish: bytes) -> None:
    async with Loopback() as loopback, httpx.AsyncClient() as http:
        expected = loopback.expect("s1")
        url = httpx.URL(loopback.redirect_uri)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(rubbish)
        writer.close()

        await http.get(f"{loopback.redirect_uri}/?state=s1&error=access_denied")

        assert expected.result()["error"] == "access_denied"


def test_a_listener_that_is_not_running_has_no_address() -> None:
    with pytest.raises(RuntimeError):
        _ = Loopback().redirect_uri


@dataclass(frozen=True)
class Asked:
    url: str


class Provider:
    """A provider whose page sends the browser straight back."""

    def __init__(self) -> None:
        self.redirect_uri = ""

    async def by_browser(self, redirect_uri: str) -> Asked:
        self.redirect_uri = redirect_uri
        return Asked(f"https://provider.example/auth?state=s1&redirect_uri={redirect_uri}")

    async def redeem(self, pending: Asked, answer: Mapping[str, str]) -> str:
        return f"grant for {answer['code']}"


async def test_the_host_is_the_one_that_the_app_is_registered_with() -> None:
    provider = Provider()

    async def browser(url: str) -> None:
        async with httpx.AsyncClient() as http:
            await http.get(f"{provider.redirect_uri}/?state=s1&code=x")

    assert await authorise(provider, show=browser, host="localhost", wait=5) == "grant for x"
    assert provider.redirect_uri.startswith("http://localhost:")


async def test_the_browser_may_come_back_while_a_paste_is_waited_for() -> None:
    provider, waiting = Provider(), asyncio.Event()

    async def browser(url: str) -> None:
        async with httpx.AsyncClient() as http:
            await http.get(f"{provider.redirect_uri}/?state=s1&code=x")

    async def never() -> str:
        await waiting.wait()
        return ""

    assert await authorise(provider, show=browser, paste=never, wait=5) == "grant for x"


async def test_nobody_answering_is_told_with_what_may_be_wrong() -> None:
    async def nobody(url: str) -> None:
        assert url.startswith("https://provider.example/auth")

    with pytest.raises(CalendarAuthError, match=r"Nobody has consented.*Ask the administrator"):
        await authorise(Provider(), show=nobody, wait=0.05, stuck="Ask the administrator.")
