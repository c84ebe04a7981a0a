"""Asking for consent at Google: over loopback or by a pasted address, and what can be wrong with it, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from calendars.google_consent import STUCK, GoogleConsent, Grant
from calendars.google_http import SCOPES
from calendars.oauth import authorise
from domain.errors import CalendarAuthError, CalendarBusy
from tests.contract.google_hands import connected, user_access
from tests.contract.harness import NOW, make_event
from tests.fakes.faults import DROPPED, TRUNCATED, UNAVAILABLE
from tests.fakes.google import FakeGoogle, running_google
from tests.fakes.google_oauth import EVENTS, EVERYTHING, FREE_BUSY, LIST


@pytest.fixture(scope="module")
def served() -> Iterator[FakeGoogle]:
    with running_google() as google:
        yield google


@pytest.fixture
def google(served: FakeGoogle) -> FakeGoogle:
    served.reset(clock=lambda: NOW, seed=5)
    return served


def test_our_scopes_are_those_that_the_fake_asks_for() -> None:
    assert set(SCOPES) == EVERYTHING


def consent(google: FakeGoogle, **changes: str) -> GoogleConsent:
    names = {"client_id": google.client.id, "client_secret": google.client.secret} | changes
    return GoogleConsent(**names, page=google.consent_url, token_uri=google.token_url)


async def browser(url: str) -> None:
    """Opens the page and goes where it is sent."""
    async with httpx.AsyncClient(follow_redirects=True) as http:
        page = await http.get(url)
    assert "You can close this window" in page.text


async def nobody(url: str) -> None:
    """Does not open the page."""


async def connect(google: FakeGoogle, **changes: str) -> Grant:
    return await authorise(consent(google, **changes), show=browser, wait=5)


async def test_a_consent_gives_a_token_that_works(google: FakeGoogle) -> None:
    grant = await connect(google)

    assert grant.warnings == ()
    async with connected(google, user_access(google, grant.refresh_token)) as calendar:
        await calendar.put(make_event())
    assert len(google.live()) == 1


async def test_declining_is_told(google: FakeGoogle) -> None:
    google.sign_in.answer = None

    with pytest.raises(CalendarAuthError, match="declined"):
        await connect(google)


@pytest.mark.parametrize(
    ("given", "told"), [({FREE_BUSY, LIST}, "view and edit events"), ({EVENTS}, "view availability")]
)
async def test_a_needed_right_left_out_is_told(given: set[str], told: str, google: FakeGoogle) -> None:
    google.sign_in.answer = frozenset(given)

    with pytest.raises(CalendarAuthError, match=f"{told}.*tick every box") as caught:
        await connect(google)

    assert caught.value.reason == "missingScope"


async def test_a_right_for_checks_may_be_left_out(google: FakeGoogle) -> None:
    google.sign_in.answer = frozenset({EVENTS, FREE_BUSY})

    grant = await connect(google)

    assert "list of calendars" in grant.warnings[0]


async def test_a_connection_of_a_testing_app_is_said_to_end(google: FakeGoogle) -> None:
    google.client.testing = True

    grant = await connect(google)

    assert "ends in 7 days" in grant.warnings[0]
    assert "publish" in grant.warnings[0]


async def test_a_client_of_the_wrong_type_is_told_when_nobody_comes_back(google: FakeGoogle) -> None:
    google.client.kind = "web"
    shown: list[str] = []

    async def look(url: str) -> None:
        async with httpx.AsyncClient(follow_redirects=True) as http:
            shown.append((await http.get(url)).text)

    with pytest.raises(CalendarAuthError, match="Desktop app"):
        await authorise(consent(google), show=look, wait=0.1, stuck=STUCK)
    assert "redirect_uri_mismatch" in shown[0]


async def test_a_wrong_secret_is_told_at_the_exchange(google: FakeGoogle) -> None:
    with pytest.raises(CalendarAuthError, match="GOOGLE_CLIENT_SECRET"):
        await connect(google, client_secret="another")


async def test_the_answer_may_be_pasted(google: FakeGoogle) -> None:
    ends: list[str] = []

    async def elsewhere(url: str) -> None:
        async with httpx.AsyncClient() as http:
            ends.append((await http.get(url)).headers["location"])

    async def paste() -> str:
        return f"  {ends[0]}\n"

    grant = await authorise(consent(google), show=elsewhere, paste=paste, wait=5)

    assert grant.refresh_token in google.sign_in.refresh_tokens


@pytest.mark.parametrize(
    ("pasted", "told"),
    [
        ("http://127.0.0.1:9/", "no answer in it"),
        ("hello", "no answer in it"),
        ("http://127.0.0.1:9/?state=old&code=4/x", "another try"),
    ],
)
async def test_a_wrong_paste_is_told(pasted: str, told: str, google: FakeGoogle) -> None:
    async def paste() -> str:
        return pasted

    with pytest.raises(CalendarAuthError, match=told):
        await authorise(consent(google), show=nobody, paste=paste, wait=5)


async def test_a_code_is_good_once_and_for_who_asked(google: FakeGoogle) -> None:
    asking = consent(google)
    pending, other = await asking.by_browser("http://127.0.0.1:9"), await asking.by_browser("http://127.0.0.1:9")
    async with httpx.AsyncClient() as http:
        end = (await http.get(pending.url)).headers["location"]
    answer = dict(pair.split("=") for pair in httpx.URL(end).query.decode().split("&"))
    answer["code"] = httpx.URL(end).params["code"]

    with pytest.raises(CalendarAuthError, match="not for this try"):
        await asking.redeem(other, answer)
    with pytest.raises(CalendarAuthError, match="connect again"):  # another verifier
        await asking.redeem(other, answer | {"state": other.state})
    with pytest.raises(CalendarAuthError, match="connect again"):  # that try has spent it
        await asking.redeem(pending, answer)


@pytest.mark.parametrize("fault", [UNAVAILABLE, DROPPED, TRUNCATED])
async def test_a_sign_in_that_fails_for_now_is_busy(fault: Any, google: FakeGoogle) -> None:
    google.faults.plan(fault, verb="token")

    with pytest.raises(CalendarBusy):
        await connect(google)
