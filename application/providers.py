"""The calendar providers that are set up, each from its settings and, where a person has connected it, the stored token.

Part of the composition root: `assembly.py` joins them behind the paced doorway, `connecting.py` makes and checks connections.
"""

from __future__ import annotations

from collections.abc import Callable

from calendars.base import Calendar, Owner, Owners
from calendars.caldav import CalDavCalendar
from calendars.google import GoogleCalendar
from calendars.google_http import Access, ServiceAccess, UserAccess
from calendars.local import LocalCalendar
from calendars.oauth import seal, unseal
from calendars.outlook import OutlookCalendar
from calendars.outlook_auth import App, Tokens
from config import Settings
from domain.errors import SettingsError
from sop import Sop
from supabase_db import Database


async def build_providers(settings: Settings, db: Database, sop: Callable[[], Sop]) -> dict[str, Calendar]:
    """Every provider that is set up, the local one among them; `sop` gives the SOP in force, for whose a calendar is.
    `SettingsError` for one that nobody has connected yet."""
    found: dict[str, Calendar] = {"local": local(settings, sop)}
    if settings.google_client_id or settings.google_service_account_file:
        found["google"] = google(settings, await refresh_token(settings, db, "google"))
    if settings.caldav_url:
        found["caldav"] = caldav(settings, owners_of(sop))
    if settings.microsoft_client_id:
        found["outlook"] = outlook(settings, db, await refresh_token(settings, db, "outlook"))
    if settings.default_provider not in found:
        raise SettingsError(f"CALENDAR_PROVIDER is {settings.default_provider}, but that provider is not set up")
    return found


def owners_of(sop: Callable[[], Sop]) -> Owners:
    """Whose a calendar is by the SOP in force: an interviewer's, or (the organiser's and unknown ones) nobody's in its zone."""

    def owner(calendar: str) -> Owner:
        now = sop()
        for person in now.interviewers.values():
            if calendar in person.calendars or any(name.partition(":")[2] == calendar for name in person.calendars):
                return Owner(email=person.email, zone=person.zone)
        return Owner(email=calendar, zone=now.zone)

    return owner


def local(settings: Settings, sop: Callable[[], Sop]) -> LocalCalendar:
    """The calendars kept on this machine."""
    return LocalCalendar(settings.data_dir / "calendars", owners=owners_of(sop))


def google(settings: Settings, token: str) -> GoogleCalendar:
    """Google Calendar by a service account, or by a person's refresh token."""
    return GoogleCalendar(_google_access(settings, token), calendar=settings.google_calendar_id)


def _google_access(settings: Settings, token: str) -> Access:
    if settings.google_service_account_file:
        return ServiceAccess.read(settings.google_service_account_file, subject=settings.google_delegated_user or "")
    if not token or not settings.google_client_id or not settings.google_client_secret:
        raise SettingsError(
            "GOOGLE_CLIENT_ID is set, but nobody has connected yet: run `python main.py connect google`"
        )
    return UserAccess(
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret.get_secret_value(),
        refresh_token=token,
    )


def caldav(settings: Settings, owners: Owners) -> CalDavCalendar:
    """A CalDAV account by its user and (app-specific) password."""
    if not settings.caldav_url or not settings.caldav_username or not settings.caldav_password:
        raise SettingsError("CALDAV_URL, CALDAV_USERNAME and CALDAV_PASSWORD are needed")
    return CalDavCalendar(
        settings.caldav_url,
        username=settings.caldav_username,
        password=settings.caldav_password.get_secret_value(),
        owners=owners,
    )


def outlook(settings: Settings, db: Database | None, token: str) -> OutlookCalendar:
    """Outlook for the person who consented, or (with a secret and without a token) for the app itself on one mailbox."""
    if not token and not (settings.microsoft_client_secret and settings.microsoft_user):
        raise SettingsError(
            "MICROSOFT_CLIENT_ID is set, but nobody has connected yet: run `python main.py connect outlook`, or set"
            " MICROSOFT_CLIENT_SECRET and MICROSOFT_USER for an app that acts for itself"
        )

    async def keep(rotated: str) -> None:
        key = settings.token_encryption_key
        if db and key:
            sealed = seal(rotated, key.get_secret_value())
            await db.save_connection(provider="outlook", sealed=sealed, account="", actor="outlook")

    return OutlookCalendar(
        Tokens(microsoft_app(settings), refresh_token=token, on_rotated=keep), user=settings.microsoft_user or ""
    )


def microsoft_app(settings: Settings) -> App:
    """The app's registration in Entra."""
    secret = settings.microsoft_client_secret
    return App(
        client_id=settings.microsoft_client_id or "",
        tenant=settings.microsoft_tenant_id or "",
        secret=secret.get_secret_value() if secret else "",
    )


async def refresh_token(settings: Settings, db: Database, provider: str) -> str:
    """The token that was granted last: the stored one (it may have been renewed since), else that of the environment."""
    stored = await db.connection(provider=provider)
    if stored and settings.token_encryption_key:
        return unseal(stored["sealed"], settings.token_encryption_key.get_secret_value())
    given = {"google": settings.google_refresh_token, "outlook": settings.microsoft_refresh_token}[provider]
    if given:
        return given.get_secret_value()
    if stored:
        raise SettingsError(f"The token of {provider} is stored encrypted, but TOKEN_ENCRYPTION_KEY is not set")
    return ""
