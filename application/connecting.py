"""`connect` and `doctor`: making connections to calendars with a person, and checking everything that is set up.

Part of the composition root. What is wrong is told in sentences that say what to do; nothing here schedules anything.
"""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.markup import escape
from telegram import Bot, WebhookInfo
from telegram.error import TelegramError

from application import providers
from application.assembly import activate_file, actor
from calendars import google_check, outlook_check
from calendars.base import Calendar, Unknown
from calendars.caldav import CalDavCalendar
from calendars.google import GoogleCalendar
from calendars.google_consent import GoogleConsent
from calendars.oauth import authorise, new_key, seal
from calendars.outlook import OutlookCalendar
from calendars.outlook_auth import Consent
from chat import terminal
from config import Settings
from domain.errors import CalendarError, SchedulerError, SettingsError
from domain.model import Interval
from sop import Sop
from supabase_db import Database
from utils import plural

SKEW = timedelta(seconds=60)  # more than this between our clock and the database's is worth a word


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a check found: of what, and the problems in words (none: all is well). `seen` are facts worth showing."""

    subject: str
    problems: Sequence[str] = ()
    seen: Sequence[str] = ()


async def connect(settings: Settings, db: Database, provider: str, out: Console) -> Finding:
    """Walk a person through connecting a provider, keep what they granted, and check it."""
    if provider == "caldav":
        return await _connect_caldav(settings, db, out)
    if provider == "google":
        token = await _google_token(settings, out)
        await _keep(settings, db, provider, token, "GOOGLE_REFRESH_TOKEN", out)
        return await _check_google(providers.google(settings, token))
    token = await _outlook_token(settings, out)
    await _keep(settings, db, provider, token, "MICROSOFT_REFRESH_TOKEN", out)
    return await _check_outlook(providers.outlook(settings, None, token))


async def doctor(settings: Settings, db: Database) -> AsyncIterator[Finding]:
    """Every check of what is set up, one after the other: database, clock, SOP, calendars of everybody, bot."""
    yield await _database(db)
    sop = await activate_file(db, settings)
    yield Finding(subject="SOP", seen=[f"version {sop.version}, {len(sop.interviewers)} interviewers"])
    try:
        built = await providers.build_providers(settings, db, lambda: sop)
    except SchedulerError as error:
        yield Finding(subject="Calendars", problems=[str(error)])
    else:
        for name, calendar in built.items():
            yield await _calendar(name, calendar, _people(sop, name, settings.default_provider))
            await calendar.aclose()
    if settings.telegram_bot_token:
        yield await check_bot(Bot(settings.telegram_bot_token.get_secret_value()), settings)


def _people(sop: Sop, provider: str, default: str) -> list[str]:
    """Whose calendars the SOP expects at a provider, in the provider's own words."""
    found = []
    for person in sop.interviewers.values():
        for address in person.calendars:
            prefix, colon, name = address.partition(":")
            if colon and prefix == provider:
                found.append(name)
            elif not colon and provider == default:
                found.append(address)
    return found


# Connecting ---------------------------------------------------------------------------------------------------------


async def _google_token(settings: Settings, out: Console) -> str:
    if not settings.google_client_id or not settings.google_client_secret:
        raise SettingsError(
            "Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET first: in console.cloud.google.com, switch on the Google Calendar API,"
            " then make an OAuth client of the type Desktop app under Credentials."
        )
    consent = GoogleConsent(settings.google_client_id, settings.google_client_secret.get_secret_value())
    grant = await authorise(consent, show=_shower(out), paste=_paste)
    for warning in grant.warnings:
        out.print(f"[yellow]![/] {escape(warning)}")
    return grant.refresh_token


async def _outlook_token(settings: Settings, out: Console) -> str:
    if not settings.microsoft_client_id:
        raise SettingsError(
            "Set MICROSOFT_CLIENT_ID and MICROSOFT_TENANT_ID first: register an app in entra.microsoft.com, add the delegated"
            " permission Calendars.ReadWrite, and http://localhost under Authentication, Mobile and desktop applications."
        )
    grant = await authorise(
        Consent(providers.microsoft_app(settings)), show=_shower(out), paste=_paste, host="localhost"
    )
    return grant.refresh_token


async def _connect_caldav(settings: Settings, db: Database, out: Console) -> Finding:
    url = settings.caldav_url or typer.prompt("Server, such as https://caldav.icloud.com")
    username = settings.caldav_username or typer.prompt("User name")
    given = settings.caldav_password.get_secret_value() if settings.caldav_password else ""
    password = given or typer.prompt("App-specific password", hide_input=True)
    sop = await activate_file(db, settings)
    calendar = CalDavCalendar(url, username=username, password=password, owners=providers.owners_of(lambda: sop))
    found = await _calendar("caldav", calendar, _people(sop, "caldav", settings.default_provider))
    await calendar.aclose()
    if not found.problems and not given:
        out.print("Put these lines into .env, with the password behind the last:", highlight=False)
        out.print(f"CALDAV_URL={url}\nCALDAV_USERNAME={username}\nCALDAV_PASSWORD=", markup=False, highlight=False)
    return found


def _shower(out: Console) -> Callable[[str], Awaitable[None]]:
    async def show(url: str) -> None:
        opened = await asyncio.to_thread(webbrowser.open, url)
        out.print("The consent page opens in your browser." if opened else "Open this page in a browser:")
        out.print(url, markup=False, highlight=False, soft_wrap=True)
        out.print("On another machine: open it there, and paste the address here at which the browser ends.")

    return show


async def _paste() -> str:
    """The address that the person pastes; read past Python's own input, which would keep the program from ending."""
    line = await terminal.Console().read_line()
    if line is None:  # nobody can paste anything here: the browser has to bring the answer
        await asyncio.Event().wait()
    return line or ""


async def _keep(settings: Settings, db: Database, provider: str, token: str, variable: str, out: Console) -> None:
    """Store the token sealed, where there is a key; else say which lines to put into .env."""
    key = settings.token_encryption_key
    if key:
        sealed = seal(token, key.get_secret_value())
        await db.save_connection(provider=provider, sealed=sealed, account="", actor=actor())
        out.print("[green]Connected.[/] The token is stored in the database, encrypted.")
        return
    out.print("[green]Connected.[/] Put this line into .env and keep it secret:")
    out.print(f"{variable}={token}", markup=False, highlight=False, soft_wrap=True)
    out.print("Or have it stored encrypted in the database: put this line into .env instead, and connect once more.")
    out.print(f"TOKEN_ENCRYPTION_KEY={new_key()}", markup=False, highlight=False, soft_wrap=True)


# Checking -----------------------------------------------------------------------------------------------------------


async def _database(db: Database) -> Finding:
    before = datetime.now(UTC)
    theirs = await db.database_time()
    skew = theirs - (before + (datetime.now(UTC) - before) / 2)
    checked = await db.verify_audit()
    problems = []
    if abs(skew) > SKEW:
        ahead = "ahead of" if skew > timedelta(0) else "behind"
        seconds = abs(skew).total_seconds()
        problems.append(
            f"The database's clock is {seconds:.0f} s {ahead} this machine's: set both by NTP, or notice periods are off."
        )
    if not checked["ok"]:
        problems.append(f"The audit log was tampered with at row {checked['broken_at']}.")
    return Finding(subject="Database", problems=problems, seen=[f"audit log of {checked['rows']} rows"])


async def _calendar(name: str, calendar: Calendar, people: Sequence[str]) -> Finding:
    if isinstance(calendar, GoogleCalendar):
        return await _check_google(calendar, people)
    if isinstance(calendar, OutlookCalendar):
        return await _check_outlook(calendar, people)
    now = datetime.now(UTC)
    try:
        answers = await calendar.busy(people, Interval(start=now, end=now + timedelta(days=1)))
        problems = [
            f"{who}: {answer.reason}. {answer.cure}" for who, answer in answers.items() if isinstance(answer, Unknown)
        ]
        await calendar.changes()
    except CalendarError as error:
        problems = [f"{error}"]
    return Finding(subject=f"Calendar {name}", problems=problems, seen=[f"{len(people)} people's busy times read"])


async def _check_google(calendar: GoogleCalendar, people: Sequence[str] = ()) -> Finding:
    found = await google_check.check(calendar, now=datetime.now(UTC), people=people)
    seen = [f"{one.name} ({one.role}{', events go here' if one.primary else ''})" for one in found.calendars]
    return Finding(subject="Calendar google", problems=found.problems, seen=seen)


async def _check_outlook(calendar: OutlookCalendar, people: Sequence[str] = ()) -> Finding:
    found = await outlook_check.check(calendar, now=datetime.now(UTC), people=people)
    seen = [
        f"{one.name} of {one.id} ({one.role}{', events go here' if one.primary else ''})" for one in found.calendars
    ]
    return Finding(subject="Calendar outlook", problems=found.problems, seen=seen)


async def check_bot(bot: Bot, settings: Settings) -> Finding:
    """Whether the bot answers, and its messages come here."""
    try:
        async with bot:
            me, webhook = await bot.get_me(), await bot.get_webhook_info()
    except TelegramError as error:
        return Finding(
            subject="Telegram",
            problems=[f"The bot does not answer ({type(error).__name__}): check its token."],
        )
    waiting = f"{plural(webhook.pending_update_count, 'update')} waiting"
    return Finding(subject="Telegram", problems=_webhook_problems(webhook, settings), seen=[f"@{me.username}", waiting])


def _webhook_problems(webhook: WebhookInfo, settings: Settings) -> list[str]:
    """What keeps messages from coming here, by what Telegram says of the bot's webhook."""
    if webhook.url and webhook.url != settings.telegram_webhook_url:
        place = urlsplit(webhook.url).hostname
        return [
            f"Another program has the bot's messages sent to {place}. Stop that one, or make a bot of its own for it with"
            " @BotFather; then start this one again."
        ]
    if webhook.pending_update_count and webhook.last_error_message:
        host, port = settings.webhook_listen
        return [
            f"Telegram could not deliver: {webhook.last_error_message}. While `make run` runs, {settings.telegram_webhook_url}"
            f" has to reach {host}:{port} here."
        ]
    return []
