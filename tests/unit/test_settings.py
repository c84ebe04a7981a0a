"""Settings of the webhook: what is chosen by them, and that what cannot be right is named without showing a secret."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import pytest

from application.assembly import update_reader
from chat.polling import Poller
from chat.webhook import Webhook
from config import Settings, load_settings
from domain.errors import SettingsError
from tests.unit.test_architecture import ROOT

URL, SECRET = "https://bot.example.com/telegram", "Canary-31_of_the_webhook"
BOT = {"telegram_bot_token": "1:Canary-token", "telegram_admin_ids": "7"}
WEBHOOK = {"telegram_webhook_url": URL, "telegram_webhook_secret": SECRET}


def settings(**changes: Any) -> Settings:
    """Settings of a bot with a webhook; what is None is not set."""
    given = {name: value for name, value in (BOT | WEBHOOK | changes).items() if value is not None}
    return load_settings(_env_file=None, **given)


def test_updates_are_asked_for_unless_a_webhook_is_set_up() -> None:
    chosen = update_reader(settings(telegram_webhook_listen="0.0.0.0:80"))

    assert update_reader(settings(telegram_webhook_url=None, telegram_webhook_secret=None)) is Poller
    assert isinstance(chosen, functools.partial)
    assert chosen.func is Webhook
    assert chosen.keywords == {"url": URL, "secret": SECRET, "listen": ("0.0.0.0", 80)}


def test_the_web_server_is_not_loaded_where_nobody_needs_it() -> None:
    code = "import main, sys; sys.exit(bool({'uvicorn', 'starlette'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("https://Bot.Example.com", "https://bot.example.com/"),
        ("https://bot.example.com:443/telegram", URL),
        ("HTTPS://bot.example.com:8443/a/b-c_d.e~f/", "https://bot.example.com:8443/a/b-c_d.e~f/"),
        ("https://203.0.113.7:88/x", "https://203.0.113.7:88/x"),
    ],
)
def test_an_address_is_kept_as_telegram_gives_it_back(given: str, known: str) -> None:
    assert settings(telegram_webhook_url=given).telegram_webhook_url == known


@pytest.mark.parametrize(
    ("given", "known"),
    [(None, ("127.0.0.1", 8443)), ("localhost:80", ("localhost", 80)), ("[::1]:8443", ("::1", 8443))],
)
def test_where_to_listen_is_a_host_and_a_port(given: str | None, known: tuple[str, int]) -> None:
    assert settings(telegram_webhook_listen=given).webhook_listen == known


NOT_HTTPS = "TELEGRAM_WEBHOOK_URL: must be an https address such as https://bot.example.com/telegram"
NO_SECRET = "TELEGRAM_WEBHOOK_SECRET: must be 1 to 256 letters, digits, _ and -"
NO_PLACE = "TELEGRAM_WEBHOOK_LISTEN: must be a host and a port, such as 127.0.0.1:8443"
IN_ADDRESS = "TELEGRAM_WEBHOOK_URL: holds the secret or the token, and addresses end up in logs"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"telegram_webhook_secret": None}, "TELEGRAM_WEBHOOK_URL is set, but TELEGRAM_WEBHOOK_SECRET is not"),
        ({"telegram_webhook_url": None}, "TELEGRAM_WEBHOOK_SECRET is set, but TELEGRAM_WEBHOOK_URL is not"),
        (dict.fromkeys(BOT), "TELEGRAM_WEBHOOK_URL is set, but TELEGRAM_BOT_TOKEN is not"),
        (
            dict.fromkeys(WEBHOOK) | {"telegram_webhook_listen": "127.0.0.1:80"},
            "TELEGRAM_WEBHOOK_LISTEN is set, but TELEGRAM_WEBHOOK_URL is not",
        ),
        ({"telegram_webhook_url": "http://bot.example.com/"}, NOT_HTTPS),
        ({"telegram_webhook_url": "https://user:word@bot.example.com/"}, NOT_HTTPS),
        ({"telegram_webhook_url": "https://bot.example.com/?a=1"}, NOT_HTTPS),
        ({"telegram_webhook_url": "https://bot.example.com:8080/"}, NOT_HTTPS),
        ({"telegram_webhook_url": "bot.example.com"}, NOT_HTTPS),
        ({"telegram_webhook_url": f"https://bot.example.com/{SECRET}"}, IN_ADDRESS),
        ({"telegram_webhook_secret": "bot.example"}, NO_SECRET),
        ({"telegram_webhook_secret": "x" * 257}, NO_SECRET),
        ({"telegram_webhook_listen": "8443"}, NO_PLACE),
        ({"telegram_webhook_listen": "127.0.0.1:0"}, NO_PLACE),
        ({"telegram_webhook_listen": "127.0.0.1:65536"}, NO_PLACE),
        ({"telegram_webhook_listen": "https://127.0.0.1:80/"}, NO_PLACE),
        (
            {"google_refresh_token": "r"},
            "GOOGLE_REFRESH_TOKEN is set, but GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are not",
        ),
        (
            {"database_url": "postgresql://x", "supabase_url": "https://x", "supabase_service_role_key": "k"},
            "DATABASE_URL and SUPABASE_URL are both set: keep the one that is meant",
        ),
    ],
)
def test_what_cannot_be_right_is_named_and_no_secret_shown(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        settings(**changes)

    assert str(wrong.value).startswith(words)
    assert "Canary" not in str(wrong.value)
