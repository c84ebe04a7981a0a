"""The composition root: builds the parts from the settings and hands them to each other. Nothing connects at import."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import getpass
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from application.ledger import Ledger
from application.providers import build_providers
from application.reconnecting import reconnecting
from booking.foresight import LookAhead
from booking.records import agenda_file
from booking.troubles import Troubles
from calendar_utils import Calendars, pace_for
from calendars.base import Calendar
from chat import terminal
from chat.polling import Poller, ReaderOf
from config import Settings, parse_sop, read_sop
from local_postgres import LocalPostgres, attach
from scheduler import Scheduler, Step
from sop import Sop
from supabase_db import Database, apply_migrations
from telegram_bot import AdminBot

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Services:
    """The joined parts. `sop` gives the SOP in force: the newest that was activated, whichever way it came."""

    settings: Settings
    db: Database
    calendars: Calendars
    troubles: Troubles
    sop: Callable[[], Awaitable[Sop]]
    tz: ZoneInfo  # the reader's
    ledger: Ledger


# Joining the parts ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def database_address(settings: Settings, *, alone: bool = False) -> Iterator[Json]:
    """How to reach the database, with its tables made; starts the embedded one when none is configured and none runs.

    `alone`: another process that runs the embedded one is an error (`AlreadyRunning`), not somebody to share it with.
    """
    if settings.supabase_url and settings.supabase_service_role_key:
        yield {"url": settings.supabase_url, "key": settings.supabase_service_role_key.get_secret_value()}
        return
    if settings.database_url:
        dsn = settings.database_url.get_secret_value()
        apply_migrations(dsn)
        yield {"dsn": dsn}
        return
    running = None if alone else attach(settings.data_dir)
    with contextlib.nullcontext(running) if running else LocalPostgres(settings.data_dir) as dsn:
        apply_migrations(dsn)
        yield {"dsn": dsn}


@contextlib.asynccontextmanager
async def services(settings: Settings, address: Json) -> AsyncIterator[Services]:
    """Everything joined and connected; the SOP file is put in force when it has changed since it was last."""
    async with await Database.connect(**address) as db:
        sop = await activate_file(db, settings)
        in_force = SopInForce(db, sop)
        providers = await build_providers(settings, db, lambda: in_force.latest)
        calendars = build_calendars(settings, await reconnecting(settings, db, providers))
        try:
            yield Services(
                settings=settings,
                db=db,
                calendars=calendars,
                troubles=Troubles(db, calendars),
                sop=in_force,
                tz=reader_zone(settings, sop),
                ledger=Ledger(db, calendars),
            )
        finally:
            await calendars.aclose()


async def activate_file(db: Database, settings: Settings) -> Sop:
    """Put the SOP of the file in force when the file has changed since it was; the SOP in force then."""
    text = read_sop(settings.sop_path)
    sop = parse_sop(text, str(settings.sop_path))
    active = await db.active_sop()
    if active and active["newest_by_source"].get("file") == sop.version:
        return sop if active["version"] == sop.version else parse_sop(active["text"], "the SOP in force")
    await db.activate_sop(version=sop.version, text=text, source="file", actor=actor())
    return sop


class SopInForce:
    """Gives the SOP in force when called; `latest` is the one given last. Parsed again only when it is another one."""

    def __init__(self, db: Database, sop: Sop) -> None:
        self._db, self.latest, self._version = db, sop, sop.version

    async def __call__(self) -> Sop:
        active = await self._db.active_sop()
        if active and active["version"] != self._version:
            self.latest, self._version = parse_sop(active["text"], "the SOP in force"), active["version"]
        return self.latest


def build_calendars(settings: Settings, providers: Mapping[str, Calendar]) -> Calendars:
    """The providers that are set up, behind the paced doorway."""
    return Calendars(
        providers,
        default=settings.default_provider,
        paces={
            name: pace_for(name, delay=settings.calendar_api_delay_seconds, adaptive=settings.calendar_api_adaptive)
            for name in providers
        },
        max_retries=settings.calendar_api_max_retries,
    )


def build_engine(
    parts: Services, stop: asyncio.Event, *, observe: Callable[[Step], None] = lambda step: None
) -> Scheduler:
    """The worker of this process."""
    return Scheduler(
        db=parts.db,
        calendars=parts.calendars,
        sop=parts.sop,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        lane=parts.settings.lane,
        observe=observe,
        troubles=parts.troubles,
        stop=stop,
    )


def build_bot(parts: Services, token: str) -> AdminBot:
    """The bot in Telegram."""
    return AdminBot(
        token=token,
        db=parts.db,
        sop=parts.sop,
        admins=parts.settings.telegram_admin_ids,
        reader=update_reader(parts.settings),
        lane=parts.settings.lane,
        foresight=LookAhead(parts.db, parts.calendars),
        ics=agenda_file,
        parse=parse_sop,
    )


def update_reader(settings: Settings) -> ReaderOf:
    """How updates come: by webhook where one is set up, else by asking."""
    if not settings.telegram_webhook_url or not settings.telegram_webhook_secret:
        return Poller
    from chat.webhook import Webhook  # the web server is loaded only where it is needed

    return functools.partial(
        Webhook,
        url=settings.telegram_webhook_url,
        secret=settings.telegram_webhook_secret.get_secret_value(),
        listen=settings.webhook_listen,
    )


async def build_terminal_bot(parts: Services, stop: asyncio.Event) -> AdminBot:
    """The same bot on this terminal; the end of its input tells everything to stop."""
    console = terminal.Console()
    request = terminal.TerminalRequest(
        read_line=console.read_line,
        write=console.write,
        ended=stop.set,
        last_update=await parts.db.last_update_id(),
        outbox=parts.settings.data_dir / "outbox",
    )
    return AdminBot(
        token=terminal.TOKEN,
        db=parts.db,
        sop=parts.sop,
        admins=[terminal.ADMIN_ID],
        lane=parts.settings.lane,
        request=request,
        pace=0,
        foresight=LookAhead(parts.db, parts.calendars),
        ics=agenda_file,
        parse=parse_sop,
    )


def reader_zone(settings: Settings, sop: Sop) -> ZoneInfo:
    """The zone to show times in: the one that is set, else this machine's, else (for a machine on UTC) the SOP's."""
    here = settings.display_timezone or os.environ.get("TZ") or _machine_zone()
    with contextlib.suppress(ValueError, KeyError):
        if here and here not in {"UTC", "Etc/UTC", "Universal", "Zulu"}:
            return ZoneInfo(here)
    return sop.zone


def _machine_zone() -> str:
    target = os.path.realpath("/etc/localtime")
    return target.partition("zoneinfo/")[2]


def actor() -> str:
    """Who gives commands here, for the audit."""
    return f"cli:{getpass.getuser()}"
