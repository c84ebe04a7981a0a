"""What the operator sets: `Settings` from the environment and `.env`, and `load_sop` for the SOP file.

Read by `main.py` only; everything else is handed what it needs. A group that is set only in part (Telegram, Supabase, Google …)
is a `SettingsError` that names the missing variable, before anything else happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import SettingsError
from utils import zone

# Variables that only make sense together: any one set asks for all of its row.
GROUPS = (
    ("TELEGRAM_BOT_TOKEN", "TELEGRAM_ADMIN_IDS"),
    ("SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"),
    ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN"),
    ("CALDAV_URL", "CALDAV_USERNAME", "CALDAV_PASSWORD"),
    ("MICROSOFT_CLIENT_ID", "MICROSOFT_TENANT_ID"),
)


def _ids(value: object) -> object:
    """`123, 456` as numbers; what is no number stays, so that the error shows it."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.replace(";", ",").split(",") if part.strip()]
    return tuple(int(part) if part.lstrip("-").isdigit() else part for part in parts)


class Settings(BaseSettings):
    """Every variable the product knows, by its name in the environment in lower case; `.env.example` explains each."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    sop_path: Path = Path("sop.yaml")
    data_dir: Path = Path("data")
    lane: str = Field(default="main", pattern=r"^[a-z][a-z0-9_-]{0,30}$")
    display_timezone: str | None = None

    database_url: SecretStr | None = None
    supabase_url: str | None = None
    supabase_service_role_key: SecretStr | None = None

    telegram_bot_token: SecretStr | None = None
    telegram_admin_ids: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_ids)] = ()

    calendar_provider: Literal["local", "google", "caldav", "outlook"] | None = None
    calendar_api_delay_seconds: float = Field(default=2.0, ge=0, le=60)
    calendar_api_max_retries: int = Field(default=3, ge=0, le=10)
    calendar_api_adaptive: bool = False
    token_encryption_key: SecretStr | None = None

    google_calendar_id: str = "primary"
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    google_refresh_token: SecretStr | None = None
    google_service_account_file: Path | None = None
    google_delegated_user: str | None = None

    caldav_url: str | None = None
    caldav_username: str | None = None
    caldav_password: SecretStr | None = None

    microsoft_client_id: str | None = None
    microsoft_tenant_id: str | None = None
    microsoft_client_secret: SecretStr | None = None
    microsoft_refresh_token: SecretStr | None = None
    microsoft_user: str | None = None

    @model_validator(mode="after")
    def _groups_are_whole(self) -> Self:
        for group in GROUPS:
            missing = [name for name in group if not getattr(self, name.lower())]
            if missing and len(missing) < len(group):
                given = next(name for name in group if name not in missing)
                raise ValueError(f"{given} is set, but {' and '.join(missing)} {_is(missing)} not: set both or neither")
        if self.database_url and self.supabase_url:
            raise ValueError("DATABASE_URL and SUPABASE_URL are both set: keep the one that is meant")
        return self

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        if self.display_timezone:
            zone(self.display_timezone)
        return self

    @property
    def default_provider(self) -> str:
        """The provider of calendars that are given as a plain address: the one that is set up, else the local one."""
        if self.calendar_provider:
            return self.calendar_provider
        if self.google_refresh_token or self.google_service_account_file:
            return "google"
        if self.caldav_url:
            return "caldav"
        return "outlook" if self.microsoft_client_id else "local"

    @property
    def configured(self) -> bool:
        """Whether anything outside this machine is set up; the examples are imported only while nothing is."""
        return bool(
            self.database_url or self.supabase_url or self.telegram_bot_token or self.default_provider != "local"
        )


def load_settings(**overrides: object) -> Settings:
    """The settings in force; `SettingsError` names each variable that is wrong and never shows a secret."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks what it is given
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> Iterable[str]:
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in problem["loc"][:1]).upper()
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{name}: {message}" if name else message


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
