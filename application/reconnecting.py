"""A provider's client that takes up another connection while the program runs: when a person has connected again, no restart is
needed. Only tokens that are stored in the database can change meanwhile; those of the environment are read at start."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from application.providers import google, outlook, refresh_token
from calendars.base import Busy, Calendar, Changes, CountsRequests, Event, EventKey, EventState
from config import Settings
from domain.errors import CalendarAuthError
from domain.model import Interval
from supabase_db import Database

T = TypeVar("T")


class Reconnecting:
    """`client` was made with `token`; once it is refused, `newest` gives the token that is stored by then, and `make` a client
    for another one."""

    def __init__(
        self,
        client: Calendar,
        *,
        token: str,
        newest: Callable[[], Awaitable[str]],
        make: Callable[[str], Calendar],
    ) -> None:
        self.provider = client.provider
        self._client, self._token, self._newest, self._make = client, token, newest, make
        self._refused = False
        self._before = 0  # requests of the clients before this one

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._before + (self._client.requests if isinstance(self._client, CountsRequests) else 0)

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        return await self._ask(lambda client: client.busy(calendars, span))

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        return await self._ask(lambda client: client.put(event, etag=etag))

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        await self._ask(lambda client: client.cancel(key, etag=etag))

    async def get(self, key: EventKey) -> EventState | None:
        return await self._ask(lambda client: client.get(key))

    async def changes(self, cursor: str = "") -> Changes:
        return await self._ask(lambda client: client.changes(cursor))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(self, call: Callable[[Calendar], Awaitable[T]]) -> T:
        if self._refused:
            await self._renew()
        try:
            result = await call(self._client)
        except CalendarAuthError:
            self._refused = True
            raise
        self._refused = False
        return result

    async def _renew(self) -> None:
        """Another client, when somebody has connected again since this one's token was taken."""
        token = await self._newest()
        if token and token != self._token:
            self._before = self.requests
            await self._client.aclose()
            self._client, self._token, self._refused = self._make(token), token, False


async def reconnecting(settings: Settings, db: Database, found: Mapping[str, Calendar]) -> dict[str, Calendar]:
    """The providers, those that people connect as clients which take up another connection."""
    make: dict[str, Callable[[str], Calendar]] = {
        "google": lambda token: google(settings, token),
        "outlook": lambda token: outlook(settings, db, token),
    }
    made = dict(found)
    for name in make.keys() & found.keys():
        token = (
            "" if name == "google" and settings.google_service_account_file else await refresh_token(settings, db, name)
        )
        if token:
            newest = functools.partial(refresh_token, settings, db, name)
            made[name] = Reconnecting(found[name], token=token, newest=newest, make=make[name])
    return made
