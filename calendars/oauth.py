"""What connecting to any provider needs: a one-shot listener on loopback for a consent's answer, and tokens under lock and key.

The pages of consent and the exchange of codes are the providers' (`google_consent.py`, `outlook_auth.py`); where sealed tokens
are kept, and who opens a browser, is the caller's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from cryptography.fernet import Fernet, InvalidToken

from domain.errors import CalendarAuthError, SettingsError

WAIT = 300.0  # seconds for a person to consent
_LONGEST_REQUEST = 16_384  # bytes
_SECONDS_TO_ASK = 10.0  # for a browser to send its request
_DONE = "Thank you. You can close this window and go back to the terminal."
_DECLINED = "Nothing was connected. You can close this window and go back to the terminal."
_NOT_MEANT = "There is nothing here."


class Pending(Protocol):
    """A consent that is under way: `url` is the page to open; it carries the `state` that the answer has to bring back."""

    @property
    def url(self) -> str: ...


P = TypeVar("P", bound=Pending)
Grant_co = TypeVar("Grant_co", covariant=True)


class Consent(Protocol[P, Grant_co]):
    """A provider's way of asking a person: the page to open, and the grant for the answer that it sends to `redirect_uri`."""

    async def by_browser(self, redirect_uri: str) -> P: ...

    async def redeem(self, pending: P, answer: Mapping[str, str]) -> Grant_co: ...


def new_key() -> str:
    """A key for `seal`, to be kept as TOKEN_ENCRYPTION_KEY."""
    return Fernet.generate_key().decode()


def seal(secret: str, key: str) -> str:
    """The secret encrypted (AES and an HMAC, as Fernet has it), as text; `SettingsError` when the key is none."""
    return _fernet(key).encrypt(secret.encode()).decode()


def unseal(sealed: str, key: str) -> str:
    """What was sealed; `CalendarAuthError` when it was with another key or was tampered with."""
    try:
        return _fernet(key).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        words = "The stored token was sealed with another TOKEN_ENCRYPTION_KEY: set that key again, or connect anew."
        raise CalendarAuthError(words, reason="otherKey") from error


async def authorise(
    consent: Consent[P, Grant_co],
    *,
    show: Callable[[str], Awaitable[None]],
    paste: Callable[[], Coroutine[Any, Any, str]] | None = None,
    host: str = "127.0.0.1",
    wait: float = WAIT,
    stuck: str = "",
) -> Grant_co:
    """Ask a person for consent and give what they grant. `show` opens the page in a browser or prints its link.

    On a machine without a browser `paste` waits for the address that the person's browser ends at, which cannot be opened there.
    `host` is this machine's name as the app is registered with it (`127.0.0.1` or `localhost`). `CalendarAuthError` when they
    decline or nobody answers within `wait` seconds; `stuck` is what to say then besides.
    """
    async with Loopback(host) as loopback:
        pending = await consent.by_browser(loopback.redirect_uri)
        state = answer_in(pending.url).get("state", "")
        by_browser = loopback.expect(state)  # before anybody can come back
        await show(pending.url)
        try:
            answer = await asyncio.wait_for(_first(by_browser, paste, state), wait)
        except TimeoutError as error:
            words = f"Nobody has consented within {wait:.0f} seconds. {stuck}".strip()
            raise CalendarAuthError(words, reason="timeout") from error
    return await consent.redeem(pending, answer)


def answer_in(url: str) -> dict[str, str]:
    """The parameters in an address, such as the one that a person pastes."""
    return dict(parse_qsl(urlsplit(url.strip()).query))


class Loopback:
    """Listens on a free port of this machine until a browser brings the answer to a consent; use it with `async with`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._server: asyncio.Server | None = None
        self._answers: dict[str, asyncio.Future[dict[str, str]]] = {}

    @property
    def redirect_uri(self) -> str:
        if self._server is None:
            raise RuntimeError("the listener is not running")
        return f"http://{self._host}:{self._server.sockets[0].getsockname()[1]}"

    def expect(self, state: str) -> asyncio.Future[dict[str, str]]:
        """The answer that will bring this state back; anything else that comes to the port is turned away."""
        self._answers[state] = asyncio.get_running_loop().create_future()
        return self._answers[state]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST_REQUEST)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _SECONDS_TO_ASK)
            status, text = self._take(head)
            body = f"<!doctype html><meta charset=utf-8><title>Mock Interview Scheduler</title><p>{text}".encode()
            lines = [
                f"HTTP/1.1 {status}",
                "Content-Type: text/html; charset=utf-8",
                f"Content-Length: {len(body)}",
                "Cache-Control: no-store",
                "Connection: close",
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
            return  # whatever this was, it was no browser that came back
        finally:
            writer.close()

    def _take(self, head: bytes) -> tuple[str, str]:
        """Keep the answer in a request, if it is one that is waited for; the status and the words to answer with."""
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        answer = answer_in(rest.partition(" ")[0])
        waiting = self._answers.get(answer.get("state", ""))
        if method != "GET" or waiting is None or not ({"code", "error"} & set(answer)):
            return "404 Not Found", _NOT_MEANT
        if not waiting.done():
            waiting.set_result(answer)
        return "200 OK", _DECLINED if "error" in answer else _DONE


async def _first(
    by_browser: asyncio.Future[dict[str, str]], paste: Callable[[], Coroutine[Any, Any, str]] | None, state: str
) -> dict[str, str]:
    """The answer, whichever way it comes."""
    ways = [by_browser, *([asyncio.create_task(_pasted(paste, state))] if paste else [])]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for way in ways:
            way.cancel()


async def _pasted(paste: Callable[[], Coroutine[Any, Any, str]], state: str) -> dict[str, str]:
    answer = answer_in(await paste())
    if not ({"code", "error"} & set(answer)):
        words = (
            "That address has no answer in it: copy all of what the browser's address bar shows after you consented."
        )
        raise CalendarAuthError(words, reason="noAnswer")
    if answer.get("state") != state:
        words = "That address belongs to another try: open the link that was printed last, and paste where it ends."
        raise CalendarAuthError(words, reason="otherState")
    return answer


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        words = "TOKEN_ENCRYPTION_KEY: this is not a key; let `python main.py connect` make one"
        raise SettingsError(words) from error
