"""Signing in to Microsoft: one token for many calls, a fresh one in time, what refusals mean, and a person's consent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from calendars.oauth import authorise
from calendars.outlook import OutlookCalendar
from calendars.outlook_auth import LOOPBACK, App, Consent, Grant, Tokens, explain
from domain.errors import CalendarAuthError, CalendarBusy, DatabaseUnavailable
from tests.contract.harness import JANUARY, NOW, email, make_event
from tests.fakes.entra import CLIENT_ID, SECRET, TENANT, Loopback
from tests.fakes.faults import DROPPED, TRUNCATED, refused
from tests.fakes.graph_lab import ORGANISER, Lab, started


@pytest.fixture(scope="module")
def served() -> Iterator[Lab]:
    with started() as lab:
        yield lab


@pytest.fixture
def lab(served: Lab) -> Lab:
    return served.emptied()


def app_of(lab: Lab, **changes: Any) -> App:
    traits: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "tenant": TENANT,
        "secret": SECRET,
        "transport": Loopback(lab.url),
        "clock": lambda: lab.now,
    }
    return App(**(traits | changes))


@asynccontextmanager
async def calendar_of(lab: Lab, tokens: Tokens, *, user: str = ORGANISER) -> AsyncIterator[OutlookCalendar]:
    made = OutlookCalendar(
        tokens, user=user, base_url=f"{lab.url}/v1.0", transport=httpx.AsyncHTTPTransport(verify=False)
    )
    yield made
    await made.aclose()


async def look(calendar: OutlookCalendar) -> None:
    await calendar.busy([ORGANISER], JANUARY)


def answer_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


# Tokens


async def test_one_token_serves_many_calls(lab: Lab) -> None:
    async with calendar_of(lab, Tokens(app_of(lab))) as calendar:
        await asyncio.gather(*(look(calendar) for _ in range(8)))

    assert lab.server.entra.token_calls == 1


async def test_a_token_is_renewed_before_it_runs_out(lab: Lab) -> None:
    async with calendar_of(lab, Tokens(app_of(lab))) as calendar:
        await look(calendar)
        lab.now += timedelta(minutes=54)
        await look(calendar)
        assert lab.server.entra.token_calls == 1

        lab.now += timedelta(minutes=2)
        await look(calendar)

    assert lab.server.entra.token_calls == 2
    assert lab.server.calls == {"getSchedule": 3}


@pytest.mark.parametrize("call", range(4))
async def test_a_token_that_ends_before_any_call_stops_nothing(call: int, lab: Lab) -> None:
    event = make_event()
    async with calendar_of(lab, Tokens(app_of(lab))) as calendar:
        steps: list[Callable[[], Awaitable[object]]] = [
            lambda: look(calendar),
            lambda: calendar.put(event),
            lambda: calendar.changes(),
            lambda: calendar.cancel(event.key),
        ]
        for number, step in enumerate(steps):
            if number == call:
                lab.server.entra.expire_access_tokens()
            await step()

    assert lab.items() == []
    assert len(lab.server.exchange.mails) == 4  # two invitations, two cancellations


async def test_many_refused_calls_ask_for_one_token(lab: Lab) -> None:
    async with calendar_of(lab, Tokens(app_of(lab))) as calendar:
        await look(calendar)
        lab.server.entra.expire_access_tokens()
        lab.server.latency = 0.02
        await asyncio.gather(*(look(calendar) for _ in range(4)))

    assert lab.server.entra.token_calls == 2


async def test_a_rotated_refresh_token_is_kept_and_used(lab: Lab) -> None:
    kept: list[str] = []

    async def keep(token: str) -> None:
        kept.append(token)

    first = lab.server.entra.consent(ORGANISER)
    async with calendar_of(lab, Tokens(app_of(lab), refresh_token=first, on_rotated=keep), user="") as calendar:
        await look(calendar)
        lab.server.entra.expire_access_tokens()
        await look(calendar)
    async with calendar_of(lab, Tokens(app_of(lab), refresh_token=kept[-1], on_rotated=keep), user="") as restarted:
        await look(restarted)

    assert len(set(kept)) == 3
    assert first not in kept


async def test_a_rotated_token_is_not_lost_when_it_cannot_be_kept(lab: Lab) -> None:
    tries = iter(range(10))

    async def keep(token: str) -> None:
        if next(tries) == 0:
            raise DatabaseUnavailable

    tokens = Tokens(app_of(lab), refresh_token=lab.server.entra.consent(ORGANISER), on_rotated=keep)
    async with calendar_of(lab, tokens, user="") as calendar:
        with pytest.raises(DatabaseUnavailable):
            await look(calendar)
        await look(calendar)


async def test_a_refresh_token_that_stays_is_not_told(lab: Lab) -> None:
    async def keep(token: str) -> None:
        raise AssertionError("nothing was rotated")

    lab.server.entra.rotate = False
    tokens = Tokens(app_of(lab), refresh_token=lab.server.entra.consent(ORGANISER), on_rotated=keep)
    async with calendar_of(lab, tokens, user="") as calendar:
        await look(calendar)


async def test_a_public_app_needs_no_secret_for_a_person(lab: Lab) -> None:
    tokens = Tokens(app_of(lab, secret=""), refresh_token=lab.server.entra.consent(ORGANISER))
    async with calendar_of(lab, tokens, user="") as calendar:
        await look(calendar)


# Refusals


async def test_a_revoked_connection_is_told_and_not_asked_again(lab: Lab) -> None:
    tokens = Tokens(app_of(lab), refresh_token=lab.server.entra.consent(ORGANISER))
    async with calendar_of(lab, tokens, user="") as calendar:
        await look(calendar)
        lab.server.entra.revoke()
        before = lab.server.entra.token_calls

        with pytest.raises(CalendarAuthError, match="connect again") as caught:
            await look(calendar)

    assert caught.value.reason == "AADSTS50173"
    assert lab.server.entra.token_calls == before + 1


async def test_a_new_consent_works_at_once_after_a_revocation(lab: Lab) -> None:
    old = lab.server.entra.consent(ORGANISER)
    lab.server.entra.revoke()
    async with calendar_of(lab, Tokens(app_of(lab), refresh_token=old), user="") as calendar:
        with pytest.raises(CalendarAuthError):
            await look(calendar)
        lab.server.entra.refresh[old] = ORGANISER  # as if it had been a mistake of theirs
        await look(calendar)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret": "wrong"}, "MICROSOFT_CLIENT_SECRET is wrong"),
        ({"client_id": "somebody-else"}, "MICROSOFT_CLIENT_ID is not an app"),
        ({"tenant": "nowhere.example"}, "MICROSOFT_TENANT_ID is not known"),
    ],
)
async def test_a_wrong_setting_is_named(changes: dict[str, str], words: str, lab: Lab) -> None:
    async with calendar_of(lab, Tokens(app_of(lab, **changes))) as calendar:
        with pytest.raises(CalendarAuthError, match=words):
            await look(calendar)


async def test_an_app_that_may_not_be_public_is_told_apart(lab: Lab) -> None:
    lab.server.entra.public = False
    tokens = Tokens(app_of(lab, secret=""), refresh_token=lab.server.entra.consent(ORGANISER))
    async with calendar_of(lab, tokens, user="") as calendar:
        with pytest.raises(CalendarAuthError, match="allow public client flows"):
            await look(calendar)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_sign_in_says_when_to_come_again(status: int, lab: Lab) -> None:
    lab.server.entra.busy = (status, "30")
    async with calendar_of(lab, Tokens(app_of(lab))) as calendar:
        with pytest.raises(CalendarBusy) as caught:
            await look(calendar)
        lab.server.entra.busy = None
        await look(calendar)

    assert caught.value.retry_at == NOW + timedelta(seconds=30)


@pytest.mark.parametrize("fault", [DROPPED, TRUNCATED, refused(500, "oops")])
@pytest.mark.parametrize("verb", ["token", "configuration"])
async def test_a_sign_in_that_breaks_off_is_busy(fault: Any, verb: str, lab: Lab) -> None:
    lab.server.script.plan(fault, verb=verb)
    async with calendar_of(lab, Tokens(app_of(lab))) as calendar:
        with pytest.raises(CalendarBusy):
            await look(calendar)
        await look(calendar)


async def test_an_expired_sign_in_page_is_no_json(lab: Lab) -> None:
    class Page(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(404, text="<html>A proxy's page</html>")

    async with calendar_of(lab, Tokens(app_of(lab, transport=Page()))) as calendar:
        with pytest.raises(CalendarAuthError, match="http404"):
            await look(calendar)


@pytest.mark.parametrize(
    ("error", "description", "kind", "reason"),
    [
        ("invalid_grant", "AADSTS700082: The token expired. Trace ID: 7", CalendarAuthError, "AADSTS700082"),
        ("invalid_grant", "AADSTS1: Something new. Trace ID: 7", CalendarAuthError, "AADSTS1"),
        ("interaction_required", "", CalendarAuthError, "interaction_required"),
        ("temporarily_unavailable", "AADSTS90033: A transient error.", CalendarBusy, "temporarily_unavailable"),
    ],
)
def test_a_refusal_keeps_its_number_and_drops_its_trace(
    error: str, description: str, kind: type[Exception], reason: str
) -> None:
    found = explain(error, description)

    assert type(found) is kind
    assert found.reason == reason
    assert "Trace" not in str(found)


def test_secrets_are_not_shown(lab: Lab) -> None:
    assert SECRET not in repr(app_of(lab))
    assert "refresh-1" not in repr(Grant(refresh_token="refresh-1", account="a@b.example"))


# Consent


async def test_consent_by_browser_gives_a_connection_that_works(lab: Lab) -> None:
    consent = Consent(app_of(lab))
    pending = await consent.by_browser("http://localhost:8400")
    asked = answer_of(pending.url)
    assert (asked["redirect_uri"], asked["code_challenge_method"]) == ("http://localhost:8400", "S256")
    assert {"offline_access", "https://graph.microsoft.com/Calendars.ReadWrite"} <= set(asked["scope"].split())

    grant = await consent.redeem(pending, answer_of(lab.server.entra.browse(pending.url)))

    assert grant.account == ORGANISER
    async with calendar_of(lab, Tokens(app_of(lab), refresh_token=grant.refresh_token), user="") as calendar:
        await look(calendar)


async def test_consent_goes_through_the_listener_on_loopback(lab: Lab) -> None:
    async def browse(url: str) -> None:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(verify=False)) as browser:
            # The listener is on 127.0.0.1, whatever address a test machine gives to localhost.
            answer = await browser.get(lab.server.entra.browse(url).replace("localhost", "127.0.0.1"))
            assert answer.status_code == 200

    grant = await authorise(Consent(app_of(lab)), show=browse, host=LOOPBACK, wait=5)

    assert grant.refresh_token in lab.server.entra.refresh


async def test_consent_without_the_right_to_write_is_said_so(lab: Lab) -> None:
    lab.server.entra.scope = "https://graph.microsoft.com/Calendars.Read"
    consent = Consent(app_of(lab))
    pending = await consent.by_browser("http://localhost:8400")

    with pytest.raises(CalendarAuthError, match=r"Calendars\.ReadWrite"):
        await consent.redeem(pending, answer_of(lab.server.entra.browse(pending.url)))


async def test_declining_in_the_browser_is_said_so(lab: Lab) -> None:
    consent = Consent(app_of(lab))
    pending = await consent.by_browser("http://localhost:8400")
    lab.server.entra.declines = True

    with pytest.raises(CalendarAuthError, match="consent was declined"):
        await consent.redeem(pending, answer_of(lab.server.entra.browse(pending.url)))


async def test_an_answer_to_another_question_is_refused(lab: Lab) -> None:
    consent = Consent(app_of(lab))
    pending = await consent.by_browser("http://localhost:8400")
    answer = answer_of(lab.server.entra.browse(pending.url)) | {"state": "forged"}

    with pytest.raises(CalendarAuthError):
        await consent.redeem(pending, answer)


async def test_consent_by_code_gives_a_connection_that_works(lab: Lab) -> None:
    lab.server.entra.signs_in = email("asha")
    consent = Consent(app_of(lab, secret=""))
    pending = await consent.by_code()
    assert (pending.url, pending.code) == ("https://microsoft.com/devicelogin", "GHK7-QRST")
    lab.server.entra.type_device_code()

    grant = await consent.wait(pending)

    assert grant.account == email("asha")
    assert grant.refresh_token in lab.server.entra.refresh


async def test_declining_the_code_is_said_so(lab: Lab) -> None:
    consent = Consent(app_of(lab, secret=""))
    pending = await consent.by_code()
    lab.server.entra.declines = True

    with pytest.raises(CalendarAuthError, match="consent was declined"):
        await consent.wait(pending)


async def test_a_code_that_nobody_types_is_waited_for_and_then_given_up(lab: Lab) -> None:
    consent = Consent(app_of(lab, secret=""))
    pending = await consent.by_code()
    pending.flow["expires_at"] = 0

    with pytest.raises(CalendarAuthError, match="nobody has typed the code"):
        await consent.wait(pending)


async def test_waiting_for_a_code_can_be_stopped(lab: Lab) -> None:
    consent = Consent(app_of(lab, secret=""))
    pending = await consent.by_code()
    waiting = asyncio.create_task(consent.wait(pending))
    await asyncio.sleep(0.05)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert pending.flow["expires_at"] == 0
