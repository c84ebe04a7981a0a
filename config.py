"""What the operator sets: `Settings` from the environment and `.env`, and `load_sop` for the SOP file.

Read by `main.py` only; everything else is handed what it needs. A group that is set only in part (Telegram, Supabase, Google …)
is a `SettingsError` that names the missing variable, before anything else happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import InvalidSop, Problem, SettingsError
from sop import Sop
from utils import zone

# Variables that only make sense together: any one set asks for all of its row.
GROUPS = (
    ("TELEGRAM_BOT_TOKEN", "TELEGRAM_ADMIN_IDS"),
    ("TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET"),
    ("SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"),
    ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    ("CALDAV_URL", "CALDAV_USERNAME", "CALDAV_PASSWORD"),
    ("MICROSOFT_CLIENT_ID", "MICROSOFT_TENANT_ID"),
)
# Variables that only make sense with the others of their row, and pairs of which one at most is meant.
NEEDS = (
    ("TELEGRAM_WEBHOOK_URL", "TELEGRAM_BOT_TOKEN"),
    ("TELEGRAM_WEBHOOK_LISTEN", "TELEGRAM_WEBHOOK_URL"),
    ("GOOGLE_REFRESH_TOKEN", "GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
)
ALTERNATIVES = (("GOOGLE_CLIENT_ID", "GOOGLE_SERVICE_ACCOUNT_FILE"), ("DATABASE_URL", "SUPABASE_URL"))
_HTTPS = re.compile(r"https://([a-z0-9.-]+)(?::443|(:80|:88|:8443))?(/[a-z0-9/._~-]*)?", re.IGNORECASE)
_PLACE = re.compile(r"\[?([a-z0-9.:-]+?)\]?:([0-9]{1,5})", re.IGNORECASE)


def _ids(value: object) -> object:
    """`123, 456` as numbers; what is no number stays, so that the error shows it."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.replace(";", ",").split(",") if part.strip()]
    return tuple(int(part) if part.lstrip("-").isdigit() else part for part in parts)


def _webhook_url(value: str) -> str:
    """The address as Telegram gives it back."""
    found = _HTTPS.fullmatch(value)
    if found is None:
        raise ValueError(
            "must be an https address such as https://bot.example.com/telegram: no user, query or fragment, and no port but"
            " 80, 88, 443 or 8443"
        )
    return f"https://{found[1].lower()}{found[2] or ''}{found[3] or '/'}"


def _webhook_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value.get_secret_value()):
        raise ValueError("must be 1 to 256 letters, digits, _ and -; no other characters")
    return value


def _place(value: object) -> object:
    """`127.0.0.1:8443` as a host and a port."""
    found = _PLACE.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 0 < int(found[2]) < 2**16:
        raise ValueError("must be a host and a port, such as 127.0.0.1:8443")
    return found[1], int(found[2])


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
    telegram_webhook_url: Annotated[str, AfterValidator(_webhook_url)] | None = None
    telegram_webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = None
    telegram_webhook_listen: Annotated[tuple[str, int], NoDecode, BeforeValidator(_place)] | None = None

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
            missing = [name for name in group if not self._has(name)]
            if missing and len(missing) < len(group):
                given = next(name for name in group if name not in missing)
                raise ValueError(f"{given} is set, but {' and '.join(missing)} {_is(missing)} not: set both or neither")
        return self

    @model_validator(mode="after")
    def _each_has_what_it_needs(self) -> Self:
        for name, *needed in NEEDS:
            missing = [one for one in needed if not self._has(one)]
            if self._has(name) and missing:
                raise ValueError(f"{name} is set, but {' and '.join(missing)} {_is(missing)} not")
        for one, other in ALTERNATIVES:
            if self._has(one) and self._has(other):
                raise ValueError(f"{one} and {other} are both set: keep the one that is meant")
        return self

    def _has(self, name: str) -> bool:
        return bool(getattr(self, name.lower()))

    @model_validator(mode="after")
    def _no_secret_is_in_an_address(self) -> Self:
        for secret in filter(None, (self.telegram_webhook_secret, self.telegram_bot_token)):
            if secret.get_secret_value() in (self.telegram_webhook_url or ""):
                raise ValueError("TELEGRAM_WEBHOOK_URL: holds the secret or the token, and addresses end up in logs")
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
        if self.google_client_id or self.google_service_account_file:
            return "google"
        if self.caldav_url:
            return "caldav"
        return "outlook" if self.microsoft_client_id else "local"

    @property
    def webhook_listen(self) -> tuple[str, int]:
        """The host and the port that a proxy passes the webhook on to."""
        return self.telegram_webhook_listen or ("127.0.0.1", 8443)

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


# The SOP file -----------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Safe, and dates stay text: what is no date is then a mistake with its line like any other."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_sop(path: Path | str) -> Sop:
    """The SOP of a YAML file. `InvalidSop` holds every mistake in it with its line; a key given twice is one of them."""
    return parse_sop(read_sop(path), str(path))


def read_sop(path: Path | str) -> str:
    """The text of an SOP file; `InvalidSop` when it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidSop(str(path), [_file_problem(f"cannot be read: {error.strerror or error}")]) from error
    except UnicodeDecodeError as error:
        raise InvalidSop(str(path), [_file_problem(f"is not UTF-8 text (byte {error.start})")]) from error


def parse_sop(text: str, source: str) -> Sop:
    """The SOP of a YAML text; `InvalidSop` as `load_sop` raises it, with `source` as the name of the text."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        plain = _plain_of(node)
    except yaml.YAMLError as error:
        raise InvalidSop(source, [_syntax_problem(error)]) from error
    except RecursionError:
        raise InvalidSop(source, [_file_problem("is nested too deeply to be an SOP")]) from None
    if _is_endless(node):
        raise InvalidSop(source, [_file_problem("is too large to be an SOP, or refers to itself")])
    lines: dict[str, int] = {}
    doubles = list(_doubles(node, "", lines))
    try:
        sop = Sop.parse(plain, source)
    except InvalidSop as error:
        problems = [replace(problem, line=_line_of(problem.where, lines)) for problem in error.problems]
        raise InvalidSop(source, sorted([*doubles, *problems], key=lambda problem: problem.line or 0)) from None
    if doubles:
        raise InvalidSop(source, doubles)
    return sop


def lines_of(text: str) -> Mapping[str, int]:
    """The line of each path (`courses.java.rounds.0.gap`) of an SOP text that can be read."""
    lines: dict[str, int] = {}
    list(_doubles(yaml.compose(text, Loader=_Loader), "", lines))
    return lines


def read_value(text: str) -> object:
    """The plain data of a YAML text such as `2d` or `[asha, ben]`; a text that is no YAML stands for itself."""
    try:
        return _plain_of(yaml.compose(text, Loader=_Loader))
    except yaml.YAMLError:
        return text


def _file_problem(message: str) -> Problem:
    return Problem(line=None, where="", message=message)


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    message = getattr(error, "problem", None) or str(error)
    return Problem(line=mark.line + 1 if mark else None, where="", message=f"this is not YAML: {message}")


def _plain_of(node: yaml.Node | None) -> object:
    loader = _Loader("")
    try:
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _is_endless(node: yaml.Node | None) -> bool:
    """Whether a text holds more than any SOP, aliases (`*name`) counted as often as they are used."""
    waiting: list[yaml.Node] = [node] if node else []
    for _ in range(100_000):
        if not waiting:
            return False
        one = waiting.pop()
        if isinstance(one, yaml.MappingNode):
            waiting += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            waiting += one.value
    return True


def _doubles(node: yaml.Node | None, path: str, lines: dict[str, int]) -> Iterator[Problem]:
    """Keys that are given twice in one mapping; notes on the way at which line each path is."""
    children: list[tuple[str, int, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        children = [(str(key.value), key.start_mark.line + 1, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(str(i), value.start_mark.line + 1, value) for i, value in enumerate(node.value)]
    seen: dict[str, int] = {}
    for name, line, child in children:
        where = f"{path}.{name}" if path else name
        if name in seen:
            yield Problem(line=line, where=where, message=f"is given twice; the first is on line {seen[name]}")
            continue
        seen[name] = lines[where] = line
        yield from _doubles(child, where, lines)


def _line_of(where: str, lines: dict[str, int]) -> int | None:
    """The line of a path, or of the nearest part above it that the file has."""
    while where and where not in lines:
        where = where.rpartition(".")[0]
    return lines.get(where)
