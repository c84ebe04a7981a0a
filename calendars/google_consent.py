"""Asking a person to let us at their Google calendars: the consent page, the exchange of its code, what can be wrong with both.

The answer comes back over loopback (`oauth.py`), which Google allows to clients of the type Desktop app only.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

import httpx

from calendars.google_errors import auth_error
from calendars.google_http import SCOPES, SIGN_IN
from domain.errors import CalendarAuthError, CalendarBusy

CONSENT_PAGE = "https://accounts.google.com/o/oauth2/v2/auth"
# What to say when a person came to the page and nothing came back.
STUCK = (
    "If Google shows redirect_uri_mismatch, the client is of the wrong type: make one of the type Desktop app in the Google "
    "Cloud console. If it says that access is blocked, add the account to the app's test users or publish the app."
)
_TIMEOUT = 30.0
_OUR_WORDS = {
    SCOPES[0]: "view and edit events",
    SCOPES[1]: "view availability",
    SCOPES[2]: "see the list of calendars",
}
_NEEDED = SCOPES[:2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """A consent under way: the page to open, and what proves that its answer is for us."""

    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What was granted: the refresh token, a secret to be kept, and what to tell the person about it, if anything."""

    refresh_token: str = field(repr=False)
    warnings: tuple[str, ...] = ()


class GoogleConsent:
    """Asks for our scopes with a client of the type Desktop app. The addresses are Google's unless told."""

    def __init__(
        self, client_id: str, client_secret: str, *, page: str = CONSENT_PAGE, token_uri: str = SIGN_IN
    ) -> None:
        self._client_id, self._client_secret, self._page, self._token_uri = client_id, client_secret, page, token_uri

    async def by_browser(self, redirect_uri: str) -> Pending:
        """The page to open; it sends the browser to `redirect_uri` with the answer."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "access_type": "offline",  # a refresh token is wanted ...
            "prompt": "consent",  # ... also when this person has consented before
        }
        url = f"{self._page}?{urlencode(query)}"
        return Pending(url=url, redirect_uri=redirect_uri, state=state, verifier=verifier)

    async def redeem(self, pending: Pending, answer: Mapping[str, str]) -> Grant:
        """The grant for the parameters that the browser came back with. `CalendarAuthError` in plain words when the person
        declined, left out a right that is needed, or the client is wrong."""
        if not secrets.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise CalendarAuthError("The answer is not for this try: connect again.", reason="otherState")
        if "error" in answer:
            raise _declined(answer["error"])
        told = await self._exchange(pending, answer.get("code", ""))
        missing = [scope for scope in SCOPES if scope not in str(told.get("scope", "")).split()]
        if any(scope in _NEEDED for scope in missing):
            words = " and ".join(f"'{_OUR_WORDS[scope]}'" for scope in missing)
            raise CalendarAuthError(
                f"The right to {words} was not given: connect again and tick every box.", reason="missingScope"
            )
        if not told.get("refresh_token"):
            words = (
                "Google gave no refresh token: remove this app at myaccount.google.com/permissions and connect again."
            )
            raise CalendarAuthError(words, reason="noRefreshToken")
        return Grant(refresh_token=str(told["refresh_token"]), warnings=_warnings(told, missing))

    async def _exchange(self, pending: Pending, code: str) -> Mapping[str, object]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": pending.verifier,
            "redirect_uri": pending.redirect_uri,
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT) as http:
                response = await http.post(self._token_uri, data=form)
            told = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise CalendarBusy("Google's sign-in did not answer: try again", reason=type(error).__name__) from error
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or not isinstance(told, Mapping):
            raise CalendarBusy("Google's sign-in cannot answer now: try again", reason=f"http{response.status_code}")
        if response.is_error:
            raise _refused(str(told.get("error")), str(told.get("error_description") or told.get("error")))
        return told


def _declined(code: str) -> CalendarAuthError:
    if code == "access_denied":
        return CalendarAuthError("Consent was declined: connect again and allow it.", reason=code)
    return auth_error(code, code)


def _refused(code: str, description: str) -> CalendarAuthError:
    if code == "invalid_grant":  # of a code, not of a refresh token
        words = f"Google does not take its answer back ({description}): connect again; it is good once and for minutes only."
        return CalendarAuthError(words, reason=code)
    return auth_error(code, description)


def _warnings(told: Mapping[str, object], missing: list[str]) -> tuple[str, ...]:
    found = [f"The right to '{_OUR_WORDS[scope]}' was not given; it is only used for checks." for scope in missing]
    ends = told.get("refresh_token_expires_in")
    if isinstance(ends, int):
        days = max(1, round(timedelta(seconds=ends) / timedelta(days=1)))
        found.append(
            f"This connection ends in {days} days, because the app's consent screen is in testing: publish it in the Google "
            "Cloud console (Google Auth Platform, Audience) and connect again."
        )
    return tuple(found)
