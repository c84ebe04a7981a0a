"""Signing in to Microsoft: access tokens for Graph, and asking a person for consent (loopback or device code).

msal talks to Microsoft's sign-in service; here are its answers turned into our errors, with words for the mistakes that people
make most. Who listens on loopback and where tokens are kept is not known here.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import msal

from calendars.outlook_http import error_of, utc_now
from domain.errors import CalendarAuthError, CalendarBusy, CalendarError

AUTHORITY = "https://login.microsoftonline.com"
SCOPES = ("https://graph.microsoft.com/Calendars.ReadWrite",)  # msal adds offline_access, which gives the refresh token
APP_SCOPES = ("https://graph.microsoft.com/.default",)
LOOPBACK = "localhost"  # the name of this machine that Microsoft takes with any port
# What to say when a person came to the page and nothing came back.
STUCK = (
    "If Microsoft shows AADSTS50011, add http://localhost under Authentication, Mobile and desktop applications. If it asks for "
    "an administrator's approval, send the link to one, or let them grant consent under API permissions."
)
_EARLY = timedelta(minutes=5)  # a token is renewed that long before it runs out
_TRY_LATER = {"temporarily_unavailable", "server_error", "request_timeout"}

# The number in Microsoft's message, or its word for the error -> what is wrong, and what to do.
_CURES = {
    "AADSTS700016": "MICROSOFT_CLIENT_ID is not an app of this tenant: copy the Application (client) ID from the app's overview",
    "AADSTS90002": "MICROSOFT_TENANT_ID is not known: copy the Directory (tenant) ID from the app's overview",
    "AADSTS900023": "MICROSOFT_TENANT_ID is no tenant: copy the Directory (tenant) ID from the app's overview",
    "AADSTS7000215": "MICROSOFT_CLIENT_SECRET is wrong: copy the secret's Value (not its ID) as it is shown when it is made",
    "AADSTS7000222": "the client secret has run out: make a new one under Certificates & secrets",
    "AADSTS7000218": "the app asks for a secret: set MICROSOFT_CLIENT_SECRET, or allow public client flows under Authentication",
    "AADSTS700025": "the app signs people in as a public client: leave MICROSOFT_CLIENT_SECRET empty to connect",
    "AADSTS50011": "the redirect address is not registered: add http://localhost under Authentication, Mobile and desktop "
    "applications",
    "AADSTS9002327": "the redirect address is registered for a single-page app: register it under Mobile and desktop "
    "applications instead, or tokens end after a day",
    "AADSTS700084": "the token came from a single-page app and ends after a day: register the address under Mobile and "
    "desktop applications and connect again",
    "AADSTS65001": "nobody has consented yet: connect again and accept, or let an administrator grant consent",
    "AADSTS65004": "consent was declined: connect again and accept",
    "AADSTS90094": "an administrator has to consent: ask them to open the app's API permissions and grant admin consent",
    "AADSTS50020": "a personal account was used: sign in with the account of the organisation",
    "AADSTS50076": "the organisation asks for a second factor now: connect again",
    "AADSTS53003": "a conditional access rule of the organisation stops this: ask the administrator to allow the app",
    "AADSTS50173": "the password was changed or all sessions were ended: connect again",
    "AADSTS70008": "the sign-in is too old: connect again",
    "AADSTS700082": "the connection was not used for 90 days and has ended: connect again",
    "AADSTS70043": "the organisation ends sign-ins after a time: connect again",
    "access_denied": "consent was declined: connect again and accept",
    "authorization_declined": "consent was declined: connect again and accept",
    "authorization_pending": "nobody has typed the code in time: connect again",
    "expired_token": "nobody has typed the code in time: connect again",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """The app's registration in Entra. Without a secret it is a public client, which only people can sign in to.

    `authority` is the sign-in service, `transport` how it is reached (httpx's own way when None), `clock` gives the time (aware).
    """

    client_id: str
    tenant: str
    secret: str = field(default="", repr=False)
    authority: str = AUTHORITY
    transport: httpx.BaseTransport | None = None
    clock: Callable[[], datetime] = utc_now

    def client(self) -> Any:
        """msal's client; making it reads the tenant's configuration over the network."""
        options = {
            "authority": f"{self.authority}/{self.tenant}",
            "http_client": _Http(self.transport, self.clock),
            "instance_discovery": False,
        }
        if self.secret:
            return msal.ConfidentialClientApplication(self.client_id, client_credential=self.secret, **options)
        return msal.PublicClientApplication(self.client_id, **options)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a person's consent gives: a refresh token, a secret to be kept, and whose it is."""

    refresh_token: str = field(repr=False)
    account: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """A consent that is under way. `url` is to be opened; `code` is what to type there (device code only); `flow` is msal's,
    to be handed back."""

    url: str
    code: str
    flow: dict[str, Any]


class Tokens(httpx.Auth):
    """Puts an access token on each request to Graph, and a fresh one when Graph says that it has run out.

    With a refresh token it acts for the person who consented, without for the app itself. Microsoft hands out a new refresh
    token now and then; `on_rotated` is given it before anything else happens. `clock` gives the time (aware).
    """

    def __init__(
        self,
        app: App,
        *,
        refresh_token: str = "",
        on_rotated: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._app, self._refresh_token, self._on_rotated = app, refresh_token, on_rotated
        self._token, self._good_until = "", app.clock()
        self._one_refresher = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        token = await self._get()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {await self._get(refused=token)}"
            yield request

    async def _get(self, refused: str = "") -> str:
        """A token that is good for a while, and another one than Graph has just refused."""
        async with self._one_refresher:
            if self._token == refused or self._app.clock() >= self._good_until:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        answer = await asyncio.to_thread(_asking, self._ask)
        rotated = answer.get("refresh_token")
        if self._refresh_token and rotated and rotated != self._refresh_token:
            self._refresh_token = str(rotated)
            if self._on_rotated:
                await self._on_rotated(self._refresh_token)
        lifetime = timedelta(seconds=int(answer.get("expires_in", 3600)))
        self._token = str(answer["access_token"])
        self._good_until = self._app.clock() + max(lifetime - _EARLY, lifetime / 2)

    def _ask(self) -> Any:
        client = self._app.client()  # a new one: msal gives refusals for a minute and tokens to their end once more
        if self._refresh_token:
            return client.acquire_token_by_refresh_token(self._refresh_token, scopes=list(SCOPES))
        return client.acquire_token_for_client(scopes=list(APP_SCOPES))


class Consent:
    """Asking a person to let the app at their calendar: by their browser on this machine, or by a code on another one."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._client: Any = None

    async def by_browser(self, redirect_uri: str) -> Pending:
        """The page to open; it sends the browser to `redirect_uri` in the end (registered as http://localhost; any port)."""
        flow = await self._call(lambda client: _begin(client, redirect_uri))
        return Pending(url=flow["auth_uri"], code="", flow=flow)

    async def redeem(self, pending: Pending, answer: Mapping[str, str]) -> Grant:
        """The grant, from the query parameters that the browser came back with."""
        given = dict(answer)
        return _grant(await self._call(lambda client: client.acquire_token_by_auth_code_flow(pending.flow, given)))

    async def by_code(self) -> Pending:
        """The page to open on any machine, and the code to type there."""
        flow = await self._call(lambda client: client.initiate_device_flow(scopes=list(SCOPES)))
        return Pending(url=flow["verification_uri"], code=flow["user_code"], flow=flow)

    async def wait(self, pending: Pending) -> Grant:
        """The grant, once the person has typed the code; `CalendarAuthError` when they decline or a quarter of an hour is
        over. When the wait is cancelled, so is the asking."""
        try:
            return _grant(await self._call(lambda client: client.acquire_token_by_device_flow(pending.flow)))
        finally:
            pending.flow["expires_at"] = 0  # msal's way to stop its thread

    async def _call(self, question: Callable[[Any], Any]) -> dict[str, Any]:
        def work() -> Any:
            self._client = self._client or self._app.client()
            return question(self._client)

        return await asyncio.to_thread(_asking, work)


def explain(error: str, description: str) -> CalendarError:
    """What a refusal of the sign-in service means, in words that say what to do."""
    text = re.split(r"\s*(?:Trace ID|Correlation ID|Timestamp):", description)[0].strip().rstrip(".")
    if error in _TRY_LATER:
        return CalendarBusy(f"Microsoft's sign-in cannot answer now: {text}", reason=error)
    number = re.match(r"AADSTS\d+", text)
    reason = number[0] if number else error
    cure = _CURES.get(reason) or _CURES.get(error)
    return CalendarAuthError(f"Microsoft's sign-in refuses: {cure or text or error} ({reason})", reason=reason)


def _asking(work: Callable[[], Any]) -> dict[str, Any]:
    """What msal answers; it tells failures in the answer, and those of the network and of a wrong tenant by raising."""
    try:
        answer: dict[str, Any] = work() or {"error": "no_answer"}
    except httpx.HTTPError as error:
        raise CalendarBusy(
            f"Microsoft's sign-in did not answer ({type(error).__name__})", reason="connection"
        ) from error
    except ValueError as error:
        raise CalendarAuthError(f"Microsoft's sign-in does not work out: {error}", reason="bad_setup") from error
    if "error" in answer:
        raise explain(str(answer["error"]), str(answer.get("error_description") or ""))
    return answer


def _begin(client: Any, redirect_uri: str) -> Any:
    with warnings.catch_warnings():
        # msal would rather have a form posted back; a listener on loopback is sent the answer by a plain link.
        warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended")
        return client.initiate_auth_code_flow(list(SCOPES), redirect_uri=redirect_uri, prompt="select_account")


def _grant(answer: Mapping[str, Any]) -> Grant:
    token = answer.get("refresh_token")
    if not token:
        raise CalendarAuthError("Microsoft gave no refresh token: connect again and accept all that is asked for")
    if not any(scope.endswith("Calendars.ReadWrite") for scope in str(answer.get("scope", "")).split()):
        words = (
            "The right to read and write calendars was not given: add Calendars.ReadWrite to the app and connect again"
        )
        raise CalendarAuthError(words, reason="missingScope")
    claims = answer.get("id_token_claims") or {}
    return Grant(refresh_token=str(token), account=str(claims.get("preferred_username") or ""))


class _Http:
    """The HTTP client that msal is given. What msal would keep to itself is told at once: that the service is busy, with its
    Retry-After, and what is wrong when it does not even give its configuration."""

    def __init__(self, transport: httpx.BaseTransport | None, clock: Callable[[], datetime]) -> None:
        self._transport, self._clock = transport, clock

    def get(self, url: str, **options: Any) -> httpx.Response:
        response = self._send("GET", url, **options)
        if response.is_error:
            words = _said(response)
            raise explain(str(words.get("error") or ""), str(words.get("error_description") or ""))
        return response

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self._send("POST", url, **options)

    def close(self) -> None:
        """Nothing is open between calls."""

    def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        with httpx.Client(transport=self._transport, timeout=30) as client:
            response = client.request(method, url, **options)
        error = error_of(response, now=self._clock()) if response.is_error else None
        if isinstance(error, CalendarBusy):
            raise error
        return response


def _said(response: httpx.Response) -> Mapping[str, Any]:
    try:
        words = response.json()
    except ValueError:
        words = None
    return words if isinstance(words, Mapping) else {"error": f"http{response.status_code}"}
