"""The sign-in service beside the fake Microsoft Graph: tokens by client credentials, refresh token, browser code and device
code, with the refusals that people meet. It answers requests; `graph.py` serves it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

Json = dict[str, Any]
HOST = "https://login.microsoftonline.com"  # msal speaks https only; `Loopback` takes it here
CLIENT_ID, SECRET, TENANT = "11111111-aaaa-4bbb-8ccc-222222222222", "the-secret~value", "contoso.example"


class TokenRefused(Exception):
    """The token endpoint says no: OAuth's word and Microsoft's sentence with its number."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error, self.description, self.status = error, description, status
        super().__init__(description)


@dataclass
class Entra:
    """One tenant with one app. Access tokens say for whom they are: a user's address, or None for the app itself."""

    clock: Callable[[], datetime]
    public: bool = True  # whether the app may do without its secret where a person signs in
    rotate: bool = True  # whether a refresh gives a new refresh token
    lifetime: timedelta = timedelta(hours=1)
    signs_in: str = "organiser@example.com"  # who sits at the browser
    declines: bool = False
    scope: str = "https://graph.microsoft.com/Calendars.ReadWrite"  # what is granted
    busy: tuple[int, str] | None = None  # a status and a Retry-After that every request is answered with
    token_calls: int = 0
    access: dict[str, tuple[str | None, datetime]] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)  # live refresh tokens and whose they are
    spent: dict[str, str] = field(default_factory=dict)  # revoked ones and what is said of them
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)  # browser codes: who, nonce
    devices: dict[str, str | None] = field(default_factory=dict)  # device codes: who has typed it
    _made: int = 0

    def consent(self, user: str) -> str:
        """A refresh token as a person's consent gives it."""
        token = self._new("refresh")
        self.refresh[token] = user
        return token

    def app_token(self) -> str:
        """An access token of the app itself."""
        return str(self._tokens(None)["access_token"])

    def person_token(self, user: str) -> str:
        """An access token of a person."""
        return str(self._tokens(user)["access_token"])

    def revoke(self, description: str = "AADSTS50173: The provided grant has expired due to it being revoked.") -> None:
        """Every refresh token is dead, and every access token too."""
        self.spent |= dict.fromkeys(self.refresh, description)
        self.refresh.clear()
        self.access.clear()

    def expire_access_tokens(self) -> None:
        """Every access token has run out before its time."""
        self.access.clear()

    def type_device_code(self) -> None:
        """The person at the other machine types the code and accepts."""
        self.devices = dict.fromkeys(self.devices, self.signs_in)

    def browse(self, url: str) -> str:
        """A person opens the consent page and answers: the address that their browser is sent to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if self.declines:
            answer = {"error": "access_denied", "error_description": "AADSTS65004: User declined to consent."}
        else:
            code = self._new("code")
            self.codes[code] = (self.signs_in, asked.get("nonce", ""))
            answer = {"code": code}
        return f"{asked['redirect_uri']}?{urlencode(answer | {'state': asked['state']})}"

    def user_of(self, authorization: str) -> tuple[bool, str | None]:
        """Whether an Authorization header is good, and for whom."""
        user, until = self.access.get(authorization.removeprefix("Bearer "), (None, self.clock()))
        return until > self.clock(), user

    def answer(self, path: str, form: Mapping[str, str], authorization: str) -> tuple[int, Json]:
        """A request to `/{tenant}/...`: a status and the JSON of the answer."""
        tenant, _, rest = path.strip("/").partition("/")
        if tenant != TENANT:
            return 400, _error("invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")
        if rest.endswith("openid-configuration"):
            return 200, self._configuration()
        self.token_calls += 1
        try:
            self._check_client(form, authorization)
            return 200, self._device() if rest.endswith("devicecode") else self._token(form)
        except TokenRefused as refused:
            return refused.status, _error(refused.error, refused.description)

    def _configuration(self) -> Json:
        base = f"{HOST}/{TENANT}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        }

    def _check_client(self, form: Mapping[str, str], authorization: str) -> None:
        if form.get("client_id") != CLIENT_ID:
            raise TokenRefused("unauthorized_client", "AADSTS700016: Application was not found in the directory.")
        secret = form.get("client_secret", "")
        if authorization.startswith("Basic "):
            secret = httpx.QueryParams(f"s={base64.b64decode(authorization[6:]).decode().partition(':')[2]}")["s"]
        if secret and secret != SECRET:
            raise TokenRefused("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        if not secret and not self.public:
            raise TokenRefused("invalid_client", "AADSTS7000218: The request body must contain client_secret.", 401)

    def _token(self, form: Mapping[str, str]) -> Json:
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            return self._tokens(None)
        if grant == "refresh_token":
            return self._refreshed(form["refresh_token"])
        if grant == "authorization_code":
            if form["code"] not in self.codes:
                raise TokenRefused("invalid_grant", "AADSTS54005: OAuth2 Authorization code was already redeemed.")
            user, nonce = self.codes.pop(form["code"])
            return self._tokens(user, nonce)
        user_or_none = self.devices.get(form.get("device_code", ""))
        if self.declines:
            raise TokenRefused("authorization_declined", "AADSTS70044: The user has declined.")
        if user_or_none is None:
            raise TokenRefused("authorization_pending", "AADSTS70016: OAuth 2.0 device flow error. Pending.")
        return self._tokens(user_or_none)

    def _refreshed(self, token: str) -> Json:
        if token not in self.refresh:
            said = self.spent.get(token, "AADSTS9002313: Invalid request. Request is malformed or invalid.")
            raise TokenRefused("invalid_grant", f"{said} Trace ID: 0 Correlation ID: 0 Timestamp: 0")
        user = self.refresh[token]
        answer = self._tokens(user)
        if self.rotate:
            del self.refresh[token]
            self.spent[token] = "AADSTS70000: The refresh token was used already."
        else:
            del self.refresh[answer["refresh_token"]]
            answer["refresh_token"] = token
        return answer

    def _tokens(self, user: str | None, nonce: str = "") -> Json:
        token = self._new("access")
        self.access[token] = (user, self.clock() + self.lifetime)
        answer: Json = {
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": int(self.lifetime.total_seconds()),
        }
        if user is not None:
            claims = {"preferred_username": user, "nonce": nonce, "aud": CLIENT_ID, "sub": user, "tid": TENANT}
            parts = [{"alg": "none"}, claims | {"iat": 1, "exp": 2**33, "iss": f"{HOST}/{TENANT}/v2.0"}]
            answer |= {
                "refresh_token": self.consent(user),
                "id_token": ".".join(_base64(json.dumps(part)) for part in parts) + ".",
                "scope": self.scope,
            }
        return answer

    def _device(self) -> Json:
        code = self._new("device")
        self.devices[code] = None
        return {
            "device_code": code,
            "user_code": "GHK7-QRST",
            "verification_uri": "https://microsoft.com/devicelogin",
            "expires_in": 900,
            "interval": 1,
            "message": "Open https://microsoft.com/devicelogin and enter the code GHK7-QRST.",
        }

    def _new(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._made}"


class Loopback(httpx.BaseTransport):
    """Takes what is meant for Microsoft's sign-in service to the fake on this machine."""

    def __init__(self, url: str) -> None:
        self._to, self._transport = httpx.URL(url), httpx.HTTPTransport(verify=False)  # loading certificates takes long

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(scheme=self._to.scheme, host=self._to.host, port=self._to.port)
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
        sent = httpx.Request(request.method, url, headers=headers, content=request.read())
        answer = self._transport.handle_request(sent)
        content = answer.read()
        answer.close()
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)

    def close(self) -> None:
        self._transport.close()


def _error(error: str, description: str) -> Json:
    return {"error": error, "error_description": description, "error_codes": []}


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
