"""What each failure of a Google call means to us, in one function. Nothing is tried again here."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError
from googleapiclient.errors import HttpError

from domain.errors import CalendarAuthError, CalendarBusy, CalendarConflict, CalendarError, CalendarRefused

# Everything that a call through the client library can fail with.
FAILURES = (HttpError, GoogleAuthError, httplib2.HttpLib2Error, http.client.HTTPException, OSError)

# A spent limit against abuse (invitations, new events) comes back after hours, and asking sooner prolongs it.
SPENT_FOR = timedelta(hours=3)

_RATE = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
_SPENT = {"quotaExceeded", "dailyLimitExceeded"}
_SCOPES = {"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
_CURES = {
    "notFound": "check the calendar's id, and that it is shared with the account that is connected",
    "forbidden": "share the calendar with the account that is connected, with the right to make changes to events",
    "requiredAccessLevel": "share the calendar with the account that is connected, with the right to make changes to events",
    "forbiddenForNonOrganizer": "let the event's organiser change it: only they can",
    "forbiddenForServiceAccounts": "give the service account domain-wide delegation and set GOOGLE_DELEGATED_USER: without "
    "them it cannot invite anybody",
    "accessNotConfigured": "enable the Google Calendar API for the project in the Google Cloud console",
    "SERVICE_DISABLED": "enable the Google Calendar API for the project in the Google Cloud console",
}
RECONNECT = "connect Google again with `python main.py connect google`"
_AUTH_CURES = {
    "invalid_grant": f"the access was revoked, or it has run out (after 7 days while the app's consent screen is in "
    f"testing: publish it); {RECONNECT}",
    "invalid_client": "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET do not belong together or the client was deleted; copy "
    "both anew from the Google Cloud console",
    "unauthorized_client": "the account may not be used this way: for a service account, let the Workspace administrator "
    "delegate the calendar scopes to its client id; else make a client of the type Desktop app",
}


def meaning(error: Exception, *, calendar: str, now: datetime) -> CalendarError:
    """The error of ours for one of `FAILURES`; `calendar` is whose call it was, `now` counts Retry-After."""
    if isinstance(error, HttpError):
        return _of_answer(error, calendar, now)
    if isinstance(error, RefreshError) and not error.retryable:
        return _of_refusal_to_sign_in(error, calendar)
    kind = "timeout" if isinstance(error, TimeoutError) else type(error).__name__
    return CalendarBusy(f"Google did not answer ({kind})", reason=kind, calendar=calendar)


def auth_error(code: str, text: str, *, calendar: str = "") -> CalendarAuthError:
    """A refusal by Google's sign-in, with what to do about it; `code` is OAuth's own word for it."""
    cure = _AUTH_CURES.get(code, RECONNECT)
    return CalendarAuthError(f"Google does not let us in: {text}. {_upper(cure)}", reason=code, calendar=calendar)


def _of_answer(error: HttpError, calendar: str, now: datetime) -> CalendarError:
    status = int(error.resp.status)
    reason, message = _words(error)
    text = f"Google: {message} ({reason})"
    if reason in _SPENT:
        text += "; new events and invitations of this account have to wait for some hours"
        return CalendarBusy(text, reason="quotaExceeded", calendar=calendar, retry_at=now + SPENT_FOR)
    if status >= 500 or status in {408, 429} or reason in _RATE:
        return CalendarBusy(text, reason=reason, calendar=calendar, retry_at=_retry_at(error.resp, now))
    if status == 401 or reason in _SCOPES:
        cure = "tick every box on the consent page" if reason in _SCOPES else "the access has ended"
        return CalendarAuthError(f"{text}; {RECONNECT} ({cure})", reason=reason, calendar=calendar)
    if status in {409, 410, 412}:
        return CalendarConflict(
            f"{text}: the event is not as we left it in the calendar", reason=reason, calendar=calendar
        )
    cure = _CURES.get(reason, "")
    return CalendarRefused(f"{text}; {cure}" if cure else text, reason=reason, calendar=calendar)


def _of_refusal_to_sign_in(error: RefreshError, calendar: str) -> CalendarError:
    told = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], Mapping) else {}
    code = str(told.get("error") or "refreshError")
    return auth_error(code, str(told.get("error_description") or error.args[0]).rstrip("."), calendar=calendar)


def _words(error: HttpError) -> tuple[str, str]:
    """The reason and the message of an answer. Google writes the reason in one of two places; a proxy in neither."""
    try:
        told: Mapping[str, Any] = json.loads(error.content)["error"]
        entries = [*(told.get("errors") or ()), *(told.get("details") or ())]
        reasons = [str(entry["reason"]) for entry in entries if entry.get("reason")]
        reason = reasons[0] if reasons else str(told.get("status") or f"http{error.resp.status}")
        return reason, str(told.get("message") or reason).rstrip(".")
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"http{error.resp.status}", error.resp.reason or "an error without words"


def _retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When Retry-After lets us come again: seconds, or a date as HTTP writes it."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return now + timedelta(seconds=int(value))
    try:
        return parsedate_to_datetime(value).astimezone(UTC)
    except ValueError:
        return None


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
