"""The fake Google's sign-in: consent page, authorisation codes with PKCE, refresh tokens, service accounts' assertions.

`Sign.answer` decides what the person at the consent page does; tokens can be revoked, run out, or last so many calls.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from google.auth import jwt

from tests.fakes.google_rules import Refused

EVENTS = "https://www.googleapis.com/auth/calendar.events"
FREE_BUSY = "https://www.googleapis.com/auth/calendar.freebusy"
LIST = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
EVERYTHING = frozenset({EVENTS, FREE_BUSY, LIST})


class Denied(Exception):
    """The token endpoint's refusal: `error` and `error_description` of OAuth."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error, self.description, self.status = error, description, status
        super().__init__(f"{error}: {description}")


@dataclass(kw_only=True)
class Client:
    """A registered application. `kind` is `installed` or `web`; while `testing`, its refresh tokens last 7 days."""

    id: str
    secret: str
    kind: str = "installed"
    testing: bool = False


@dataclass(kw_only=True)
class Grant:
    """What somebody has allowed: to a client (by a refresh token) or to a service account (with its mail address)."""

    user: str
    scopes: frozenset[str]
    client: str
    delegated: bool = True  # a service account without delegation acts for itself alone


@dataclass(kw_only=True)
class _Code:
    grant: Grant
    challenge: str
    redirect_uri: str


@dataclass(kw_only=True)
class Access:
    """An access token's grant, and how long it lasts: until a time, and for so many calls."""

    grant: Grant
    until: datetime
    calls_left: int


@dataclass(kw_only=True)
class ServiceKey:
    """A service account: its certificate, and the users that it may act for."""

    certificate: str
    may_be: set[str] = field(default_factory=set)


class SignIn:
    """Google's accounts. `clock` gives the time (aware)."""

    def __init__(self, *, clock: Callable[[], datetime], user: str) -> None:
        self.clock = clock
        self.user = user  # who sits at the browser
        self.answer: frozenset[str] | None = EVERYTHING  # the scopes they tick; None: they say no
        self.calls_per_token = 1_000_000
        self.clients: dict[str, Client] = {}
        self.refresh_tokens: dict[str, Grant] = {}
        self.access: dict[str, Access] = {}
        self.service_keys: dict[str, ServiceKey] = {}
        self._codes: dict[str, _Code] = {}
        self._count = itertools.count(1)

    def grant(self, user: str, client: Client, scopes: frozenset[str] = EVERYTHING) -> str:
        """A refresh token, as after a consent."""
        token = f"1//{secrets.token_urlsafe(16)}"
        self.refresh_tokens[token] = Grant(user=user, scopes=scopes, client=client.id)
        return token

    def expire_access_tokens(self) -> None:
        self.access.clear()

    def consent(self, query: Mapping[str, str]) -> str:
        """Where the consent page sends the browser; `Refused` when it shows an error instead."""
        client = self.clients.get(query.get("client_id", ""))
        if client is None:
            raise Refused(401, "invalid_client", "The OAuth client was not found.")
        target = urlsplit(query.get("redirect_uri", ""))
        if client.kind != "installed" or target.hostname != "127.0.0.1" or target.scheme != "http":
            raise Refused(400, "redirect_uri_mismatch", "Error 400: redirect_uri_mismatch")
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            raise Refused(400, "invalid_request", "Error 400: invalid_request")
        back = {"state": query.get("state", "")}
        if self.answer is None:
            return f"{query['redirect_uri']}?{urlencode(back | {'error': 'access_denied'})}"
        scopes = frozenset(query.get("scope", "").split()) & self.answer
        code = f"4/{secrets.token_urlsafe(16)}"
        grant = Grant(user=self.user, scopes=scopes, client=client.id)
        self._codes[code] = _Code(grant=grant, challenge=query["code_challenge"], redirect_uri=query["redirect_uri"])
        return f"{query['redirect_uri']}?{urlencode(back | {'code': code, 'scope': ' '.join(sorted(scopes))})}"

    def token(self, form: Mapping[str, str]) -> dict[str, object]:
        """The token endpoint; `Denied` when nothing is given."""
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self._fresh(self._of_assertion(form.get("assertion", "")))
        client = self.clients.get(form.get("client_id", ""))
        if client is None:
            raise Denied("invalid_client", "The OAuth client was not found.", 401)
        if form.get("client_secret") != client.secret:
            raise Denied("invalid_client", "Unauthorized", 401)
        if form.get("grant_type") == "refresh_token":
            return self._fresh(self._of_refresh_token(form.get("refresh_token", ""), client))
        if form.get("grant_type") == "authorization_code":
            return self._exchanged(form, client)
        raise Denied("unsupported_grant_type", "Invalid grant_type")

    def allowed(self, token: str, scopes: frozenset[str]) -> Grant:
        """Whose call it is; `Refused` when the token is dead or none of the scopes was granted."""
        access = self.access.get(token)
        if access is None or access.until <= self.clock() or access.calls_left <= 0:
            raise Refused(401, "authError", "Invalid Credentials")
        access.calls_left -= 1
        if not access.grant.scopes & scopes:
            words = "Request had insufficient authentication scopes."
            raise Refused(403, "insufficientPermissions", words, detail="ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return access.grant

    def _exchanged(self, form: Mapping[str, str], client: Client) -> dict[str, object]:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.grant.client != client.id:
            raise Denied("invalid_grant", "Malformed auth code.")
        if code.redirect_uri != form.get("redirect_uri"):
            raise Denied("redirect_uri_mismatch", "Bad Request")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            raise Denied("invalid_grant", "Invalid code verifier.")
        answer = self._fresh(code.grant)
        answer["refresh_token"] = self.grant(code.grant.user, client, code.grant.scopes)
        if client.testing:
            answer["refresh_token_expires_in"] = 604799
        return answer

    def _of_refresh_token(self, token: str, client: Client) -> Grant:
        grant = self.refresh_tokens.get(token)
        if grant is None or grant.client != client.id:
            raise Denied("invalid_grant", "Token has been expired or revoked.")
        return grant

    def _of_assertion(self, assertion: str) -> Grant:
        decode: Any = jwt.decode  # google-auth does not say its types
        issuer = str(decode(assertion, verify=False).get("iss"))
        key = self.service_keys.get(issuer)
        if key is None:
            raise Denied("invalid_grant", "Invalid grant: account not found")
        # The signature is checked; its times are the machine's, not those of the fake's clock.
        claims = decode(assertion, certs=key.certificate)
        user = str(claims.get("sub") or issuer)
        if user not in {issuer, *key.may_be}:
            words = "Client is unauthorized to retrieve access tokens using this method."
            raise Denied("unauthorized_client", words, 401)
        scopes = frozenset(str(claims["scope"]).split())
        return Grant(user=user, scopes=scopes, client=issuer, delegated=user != issuer)

    def _fresh(self, grant: Grant) -> dict[str, object]:
        token = f"ya29.{next(self._count)}"
        self.access[token] = Access(
            grant=grant, until=self.clock() + timedelta(hours=1), calls_left=self.calls_per_token
        )
        return {
            "access_token": token,
            "expires_in": 3599,
            "token_type": "Bearer",
            "scope": " ".join(sorted(grant.scopes)),
        }
