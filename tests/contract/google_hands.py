"""Clients of the fake Google for tests, with all of its organiser's rights unless told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from calendars.google import GoogleCalendar
from calendars.google_http import Access, UserAccess
from tests.contract.harness import NOW
from tests.fakes.google import FakeGoogle


def user_access(google: FakeGoogle, refresh_token: str = "") -> UserAccess:
    return UserAccess(
        client_id=google.client.id,
        client_secret=google.client.secret,
        refresh_token=refresh_token or google.refresh_token(),
    )


@asynccontextmanager
async def connected(google: FakeGoogle, access: Access | None = None, **options: Any) -> AsyncIterator[GoogleCalendar]:
    """A client, closed in the end."""
    usual: dict[str, Any] = {"base_url": google.api_url, "token_uri": google.token_url, "clock": lambda: NOW}
    client = GoogleCalendar(access or user_access(google), **(usual | options))
    try:
        yield client
    finally:
        await client.aclose()
