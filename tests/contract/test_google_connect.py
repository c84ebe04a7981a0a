"""Being connected to Google: the calendar that is meant, tokens and their ends, service accounts, the check of a connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from calendars.google import GoogleCalendar
from calendars.google_check import check
from calendars.google_http import ServiceAccess
from domain.errors import CalendarAuthError, CalendarRefused, SettingsError
from tests.contract.google_hands import connected, user_access
from tests.contract.harness import JANUARY, NOW, at, email, make_event
from tests.fakes.faults import UNAVAILABLE, refused
from tests.fakes.google import ORGANISER, FakeGoogle, running_google
from tests.fakes.google_oauth import EVENTS, FREE_BUSY, ServiceKey

KEY = make_event().key
SERVICE = "bot@project.iam.example"


@pytest.fixture(scope="module")
def served() -> Iterator[FakeGoogle]:
    with running_google() as google:
        yield google


@pytest.fixture
def google(served: FakeGoogle) -> FakeGoogle:
    served.reset(clock=lambda: NOW, seed=5)
    return served


@pytest.fixture
async def calendar(google: FakeGoogle) -> AsyncIterator[GoogleCalendar]:
    async with connected(google) as client:
        yield client


# Whose calendar


@pytest.mark.parametrize(
    "act",
    [
        lambda calendar: calendar.put(make_event()),
        lambda calendar: calendar.get(KEY),
        lambda calendar: calendar.cancel(KEY),
        lambda calendar: calendar.changes(),
    ],
)
async def test_a_wrong_calendar_is_not_taken_for_a_missing_event(
    act: Callable[[GoogleCalendar], Awaitable[object]], google: FakeGoogle
) -> None:
    async with connected(google, calendar="nobody@example.com") as calendar:
        with pytest.raises(CalendarRefused, match="check the calendar's id"):
            await act(calendar)


async def test_events_go_to_the_calendar_that_was_named(google: FakeGoogle) -> None:
    google.add_person("interviews@group.example").writers.add(ORGANISER)
    async with connected(google, calendar="interviews@group.example") as calendar:
        await calendar.put(make_event())

    assert len(google.live("interviews@group.example")) == 1
    assert google.live() == []


# Signing in


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5])
async def test_a_token_that_runs_out_at_any_call_is_renewed(calls: int, google: FakeGoogle) -> None:
    google.sign_in.calls_per_token = calls
    async with connected(google) as calendar:
        first = await calendar.put(make_event())
        second = await calendar.put(make_event(interval=at(6, 9), revision=1), etag=first.etag)
        await calendar.changes()
        await calendar.cancel(KEY, etag=second.etag)

    assert google.live() == []


async def test_many_calls_at_once_renew_a_token_once(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    await asyncio.gather(*(calendar.get(KEY) for _ in range(5)))
    google.sign_in.expire_access_tokens()

    await asyncio.gather(*(calendar.get(KEY) for _ in range(5)))

    assert len(google.sign_in.access) == 1


async def test_a_revoked_connection_is_told_with_the_cure(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    await calendar.put(make_event())
    google.sign_in.refresh_tokens.clear()
    google.sign_in.expire_access_tokens()

    with pytest.raises(CalendarAuthError, match=r"Token has been expired or revoked.*connect google") as caught:
        await calendar.get(KEY)

    assert caught.value.reason == "invalid_grant"


async def test_a_wrong_secret_is_told(google: FakeGoogle) -> None:
    access = user_access(google)
    google.client.secret = "another"
    async with connected(google, access) as calendar:
        with pytest.raises(CalendarAuthError, match="GOOGLE_CLIENT_SECRET"):
            await calendar.get(KEY)


async def test_a_right_that_was_not_given_is_told(google: FakeGoogle) -> None:
    token = google.sign_in.grant(ORGANISER, google.client, frozenset({FREE_BUSY}))
    async with connected(google, user_access(google, token)) as calendar:
        await calendar.busy([ORGANISER], JANUARY)
        with pytest.raises(CalendarAuthError, match="tick every box") as caught:
            await calendar.put(make_event())

    assert caught.value.reason == "insufficientPermissions"


async def test_an_account_that_refuses_the_token_again_and_again_is_an_auth_error(google: FakeGoogle) -> None:
    google.faults.plan(*[refused(401, "authError")] * 2, verb="events.get")
    async with connected(google) as calendar:
        with pytest.raises(CalendarAuthError, match="connect Google again"):
            await calendar.get(KEY)


def test_secrets_are_not_shown(google: FakeGoogle) -> None:
    access = user_access(google)

    assert access.client_secret not in repr(access)
    assert access.refresh_token not in repr(access)


# Service accounts


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    """The key file of a service account, and its certificate under `certificate`."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bot")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "client_email": SERVICE,
        "private_key_id": "1",
        "private_key": pem.decode(),
        "token_uri": "https://elsewhere.example/token",
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }


def register(google: FakeGoogle, key: dict[str, str], *may_be: str) -> None:
    google.sign_in.service_keys[SERVICE] = ServiceKey(certificate=key["certificate"], may_be=set(may_be))
    google.add_person(SERVICE)


async def test_a_service_account_acts_for_a_user(key: dict[str, str], google: FakeGoogle) -> None:
    register(google, key, ORGANISER)
    async with connected(google, ServiceAccess(key=key, subject=ORGANISER)) as calendar:
        await calendar.put(make_event())

    assert len(google.live(ORGANISER)) == 1


async def test_a_service_account_without_delegation_is_told(key: dict[str, str], google: FakeGoogle) -> None:
    register(google, key)
    async with connected(google, ServiceAccess(key=key, subject=ORGANISER)) as calendar:
        with pytest.raises(CalendarAuthError, match="delegate"):
            await calendar.busy([ORGANISER], JANUARY)


async def test_a_service_account_of_its_own_invites_nobody(key: dict[str, str], google: FakeGoogle) -> None:
    register(google, key)
    async with connected(google, ServiceAccess(key=key)) as calendar:
        assert await calendar.busy([ORGANISER], JANUARY) == {ORGANISER: ()}
        with pytest.raises(CalendarRefused, match="GOOGLE_DELEGATED_USER"):
            await calendar.put(make_event())


def test_a_key_file_is_read(tmp_path: Path, key: dict[str, str]) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key))

    access = ServiceAccess.read(path, subject=ORGANISER)

    assert (access.key, access.subject) == (key, ORGANISER)
    assert key["private_key"] not in repr(access)


@pytest.mark.parametrize("text", [None, "no json"])
def test_a_key_file_that_cannot_be_read_is_told(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    if text:
        path.write_text(text)

    with pytest.raises(SettingsError, match="GOOGLE_SERVICE_ACCOUNT_FILE"):
        ServiceAccess.read(path)


@pytest.mark.parametrize("wrong", [{}, {"private_key": "no key"}])
def test_another_kind_of_file_is_told(wrong: dict[str, str], key: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="not the key of a service account"):
        GoogleCalendar(ServiceAccess(key=wrong and key | wrong))


# The check


async def test_a_good_connection_has_no_problems(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.add_person(email("asha"))

    found = await check(calendar, now=NOW, people=[email("asha")])

    assert found.problems == ()
    assert [(one.id, one.role, one.primary) for one in found.calendars] == [(ORGANISER, "owner", True)]
    assert google.live() == []
    assert google.store.mails == []


async def test_what_is_wrong_is_told_in_words(google: FakeGoogle) -> None:
    google.add_person("readonly@group.example")
    async with connected(google, calendar="readonly@group.example") as calendar:
        found = await check(calendar, now=NOW, people=[email("nobody")])

    assert len(found.problems) == 2
    assert found.problems[0].startswith(f"Busy times of {email('nobody')} cannot be read: ")
    assert found.problems[1].startswith("Events cannot be written to the calendar readonly@group.example.")


async def test_a_list_that_was_not_allowed_is_told_and_the_rest_is_checked(google: FakeGoogle) -> None:
    token = google.sign_in.grant(ORGANISER, google.client, frozenset({EVENTS, FREE_BUSY}))
    async with connected(google, user_access(google, token)) as calendar:
        found = await check(calendar, now=NOW)

    assert len(found.problems) == 1
    assert "list of calendars" in found.problems[0]


async def test_a_revoked_connection_is_told_by_the_check(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.sign_in.refresh_tokens.clear()

    found = await check(calendar, now=NOW)

    assert len(found.problems) == 3
    assert all("connect google" in problem for problem in found.problems)


async def test_an_event_that_stays_behind_is_told(google: FakeGoogle, calendar: GoogleCalendar) -> None:
    google.faults.plan(UNAVAILABLE, verb="events.delete")

    found = await check(calendar, now=NOW)

    assert "please delete it" in found.problems[0]
