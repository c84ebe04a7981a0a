"""What each of Google's failures means: by status and reason, in one table."""

from __future__ import annotations

import http.client
import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
import pytest
from google.auth.exceptions import RefreshError, TransportError
from googleapiclient.errors import HttpError

from calendars.google_errors import SPENT_FOR, meaning
from domain.errors import CalendarAuthError, CalendarBusy, CalendarConflict, CalendarError, CalendarRefused

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


def answer(status: int, reason: str = "", *, retry_after: str = "", body: bytes | None = None) -> HttpError:
    headers = {"status": str(status)} | ({"retry-after": retry_after} if retry_after else {})
    error = {"code": status, "message": "Words of Google.", "errors": [{"reason": reason, "domain": "global"}]}
    return HttpError(httplib2.Response(headers), json.dumps({"error": error}).encode() if body is None else body)


def told(error: Exception) -> CalendarError:
    return meaning(error, calendar="asha@example.com", now=NOW)


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "invalid", CalendarRefused),
        (400, "timeRangeEmpty", CalendarRefused),
        (401, "authError", CalendarAuthError),
        (403, "rateLimitExceeded", CalendarBusy),
        (403, "userRateLimitExceeded", CalendarBusy),
        (403, "quotaExceeded", CalendarBusy),
        (403, "dailyLimitExceeded", CalendarBusy),
        (403, "insufficientPermissions", CalendarAuthError),
        (403, "forbidden", CalendarRefused),
        (403, "forbiddenForNonOrganizer", CalendarRefused),
        (403, "forbiddenForServiceAccounts", CalendarRefused),
        (403, "accessNotConfigured", CalendarRefused),
        (403, "somethingNew", CalendarRefused),
        (404, "notFound", CalendarRefused),
        (408, "timeout", CalendarBusy),
        (409, "duplicate", CalendarConflict),
        (410, "deleted", CalendarConflict),
        (410, "fullSyncRequired", CalendarConflict),
        (412, "conditionNotMet", CalendarConflict),
        (429, "rateLimitExceeded", CalendarBusy),
        (500, "backendError", CalendarBusy),
        (502, "", CalendarBusy),
        (503, "backendError", CalendarBusy),
    ],
)
def test_an_answer_by_status_and_reason(status: int, reason: str, kind: type[CalendarError]) -> None:
    error = told(answer(status, reason))

    assert type(error) is kind
    assert error.calendar == "asha@example.com"
    assert error.reason
    assert "Words of Google" in str(error)


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("17", 17), ("Tue, 01 Dec 2026 08:01:00 GMT", 60), ("", None), ("soon", None)]
)
def test_retry_after_is_honoured(retry_after: str, seconds: int | None) -> None:
    error = told(answer(429, "rateLimitExceeded", retry_after=retry_after))

    assert isinstance(error, CalendarBusy)
    assert error.retry_at == (None if seconds is None else NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("reason", ["quotaExceeded", "dailyLimitExceeded"])
def test_a_spent_limit_is_left_alone_for_hours(reason: str) -> None:
    error = told(answer(403, reason, retry_after="5"))

    assert isinstance(error, CalendarBusy)
    assert (error.reason, error.retry_at) == ("quotaExceeded", NOW + SPENT_FOR)
    assert timedelta(hours=6) / SPENT_FOR <= 3  # probes in six hours


@pytest.mark.parametrize(
    ("error", "reason", "kind"),
    [
        ({"status": "RESOURCE_EXHAUSTED", "details": [{"reason": "RATE_LIMIT_EXCEEDED"}]}, "RATE_LIMIT_EXCEEDED", CalendarBusy),
        ({"details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]}, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", CalendarAuthError),
        ({"details": [{"@type": "x"}, {"reason": "SERVICE_DISABLED"}]}, "SERVICE_DISABLED", CalendarRefused),
        ({"status": "RESOURCE_EXHAUSTED"}, "RESOURCE_EXHAUSTED", CalendarBusy),
        ({}, "http403", CalendarRefused),
    ],
)  # fmt: skip
def test_the_newer_shape_of_errors_is_understood(error: dict[str, Any], reason: str, kind: type[CalendarError]) -> None:
    found = told(answer(403, body=json.dumps({"error": {"code": 403, "message": "No", **error}}).encode()))

    assert (type(found), found.reason) == (kind, reason)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": "words"}', b"\xff\xfe", b"null"])
@pytest.mark.parametrize(("status", "kind"), [(502, CalendarBusy), (403, CalendarRefused)])
def test_an_answer_without_googles_words(body: bytes, status: int, kind: type[CalendarError]) -> None:
    error = told(answer(status, body=body))

    assert (type(error), error.reason) == (kind, f"http{status}")


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("timed out"),
        ConnectionResetError(104, "reset"),
        http.client.RemoteDisconnected("closed"),
        http.client.IncompleteRead(b"half"),
        httplib2.ServerNotFoundError("no such host"),
        ssl.SSLError("broken"),
        TransportError("sign-in unreachable"),  # type: ignore[no-untyped-call]  # google-auth has no types here
        RefreshError("internal_failure: x", {"error": "internal_failure"}, retryable=True),  # type: ignore[no-untyped-call]
    ],
)
def test_no_answer_is_busy(error: Exception) -> None:
    found = told(error)

    assert type(found) is CalendarBusy
    assert found.reason


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("invalid_grant", "connect google"),
        ("invalid_client", "GOOGLE_CLIENT_SECRET"),
        ("unauthorized_client", "Desktop app"),
        ("something_new", "connect google"),
    ],
)
def test_a_refusal_to_sign_in_says_what_to_do(code: str, cure: str) -> None:
    refusal = RefreshError(f"{code}: No.", {"error": code, "error_description": "No."})  # type: ignore[no-untyped-call]
    error = told(refusal)

    assert type(error) is CalendarAuthError
    assert error.reason == code
    assert cure in str(error)


def test_a_refusal_to_sign_in_without_words() -> None:
    error = told(RefreshError("No access token in response."))  # type: ignore[no-untyped-call]  # as above

    assert type(error) is CalendarAuthError
    assert "No access token" in str(error)
