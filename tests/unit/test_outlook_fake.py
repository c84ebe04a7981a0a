"""The fake Microsoft Graph keeps to what the documents say, asked directly: the same table can be put to the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.contract.harness import email
from tests.fakes.graph_lab import ORGANISER, Lab, started

Json = dict[str, Any]
EVENT: Json = {
    "subject": "Core Java",
    "body": {"contentType": "text", "content": "Hello"},
    "start": {"dateTime": "2027-01-05T10:00:00", "timeZone": "Pacific Standard Time"},
    "end": {"dateTime": "2027-01-05T11:00:00", "timeZone": "Pacific Standard Time"},
    "transactionId": "t-1",
}
WINDOW = {"startDateTime": "2027-01-01T00:00:00Z", "endDateTime": "2027-02-01T00:00:00Z"}


@pytest.fixture(scope="module")
def served() -> Iterator[Lab]:
    with started() as lab:
        yield lab


@pytest.fixture
def lab(served: Lab) -> Lab:
    return served.emptied()


@pytest.fixture
async def graph(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an app's token; paths are relative to the organiser's mailbox."""
    token = lab.server.entra.app_token()
    headers = {"Authorization": f"Bearer {token}"}
    base = f"{lab.url}/v1.0/users/{ORGANISER}"
    async with httpx.AsyncClient(
        base_url=base, headers=headers, transport=httpx.AsyncHTTPTransport(verify=False)
    ) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def at_path(event: Json) -> str:
    return f"/events/{quote(event['id'], safe='')}"


async def made(graph: httpx.AsyncClient, **changes: Any) -> Json:
    response = await graph.post("/events", json=EVENT | changes)
    assert response.status_code == 201
    event: Json = response.json()
    return event


async def test_times_are_told_in_utc_without_offset_unless_another_zone_is_preferred(graph: httpx.AsyncClient) -> None:
    event = await made(graph)
    preferred = await graph.get(at_path(event), headers={"Prefer": 'outlook.timezone="India Standard Time"'})

    assert event["start"] == {"dateTime": "2027-01-05T18:00:00.0000000", "timeZone": "UTC"}
    assert event["originalStartTimeZone"] == "Pacific Standard Time"
    assert preferred.json()["start"] == {"dateTime": "2027-01-05T23:30:00.0000000", "timeZone": "India Standard Time"}


async def test_a_transaction_id_is_good_for_one_event(graph: httpx.AsyncClient, lab: Lab) -> None:
    first = await made(graph)
    again = await made(graph, subject="Something else")

    assert (again["id"], again["subject"]) == (first["id"], "Core Java")
    assert len(lab.items()) == 1


async def test_a_deleted_event_is_gone_for_good(graph: httpx.AsyncClient) -> None:
    event = await made(graph)

    assert (await graph.delete(at_path(event))).status_code == 204
    assert code(await graph.delete(at_path(event))) == (404, "ErrorItemNotFound")
    assert code(await graph.get(at_path(event))) == (404, "ErrorItemNotFound")


async def test_each_change_gives_another_etag_and_an_old_one_is_refused(graph: httpx.AsyncClient) -> None:
    event = await made(graph)
    old = {"If-Match": event["@odata.etag"]}
    changed = (await graph.patch(at_path(event), json={"subject": "Else"}, headers=old)).json()

    assert changed["@odata.etag"] != event["@odata.etag"]
    assert code(await graph.patch(at_path(event), json={"subject": "No"}, headers=old))[0] == 412
    assert code(await graph.delete(at_path(event), headers=old))[0] == 412


async def test_without_its_block_a_meeting_goes_offline(graph: httpx.AsyncClient) -> None:
    event = await made(graph, isOnlineMeeting=True, onlineMeetingProvider="teamsForBusiness")
    assert event["onlineMeeting"]["joinUrl"] in event["body"]["content"]

    changed = await graph.patch(at_path(event), json={"body": {"contentType": "html", "content": "<p>New</p>"}})

    assert changed.json()["onlineMeeting"] is None


async def test_who_declines_loses_the_copy_and_who_is_cancelled_too(graph: httpx.AsyncClient, lab: Lab) -> None:
    for who in ("asha", "ben"):
        lab.server.exchange.add(email(who))
    guests = [{"emailAddress": {"address": email(who), "name": who}} for who in ("asha", "ben")]
    event = await made(graph, attendees=guests)
    boxes = [lab.server.exchange.mailboxes[email(who)].items for who in ("asha", "ben")]
    assert [len(box) for box in boxes] == [1, 1]

    lab.server.exchange.respond(lab.items()[0], email("asha"), "declined")
    assert [len(box) for box in boxes] == [0, 1]

    await graph.delete(at_path(event))
    assert [len(box) for box in boxes] == [0, 0]


async def test_lists_come_in_tens_and_are_followed_by_links(graph: httpx.AsyncClient) -> None:
    for number in range(12):
        await made(graph, transactionId=f"t-{number}")

    first = (await graph.get("/calendar/events")).json()
    second = (await graph.get(first["@odata.nextLink"])).json()

    assert (len(first["value"]), len(second["value"])) == (10, 2)
    assert "@odata.nextLink" not in second


async def test_a_delta_tells_what_has_changed_gone_or_left_the_window(graph: httpx.AsyncClient) -> None:
    kept, gone, left = [await made(graph, transactionId=f"t-{number}") for number in range(3)]
    begun = (await graph.get("/calendarView/delta", params=WINDOW)).json()
    assert len(begun["value"]) == 3

    far = {name: {"dateTime": "2028-06-01T10:00:00", "timeZone": "UTC"} for name in ("start", "end")}
    await graph.patch(at_path(kept), json={"subject": "Else"})
    await graph.delete(at_path(gone))
    await graph.patch(at_path(left), json=far)
    told = (await graph.get(begun["@odata.deltaLink"])).json()
    after = (await graph.get(told["@odata.deltaLink"])).json()

    assert {row["id"]: row.get("@removed") for row in told["value"]} == {
        kept["id"]: None,
        gone["id"]: {"reason": "deleted"},
        left["id"]: {"reason": "deleted"},
    }
    assert after["value"] == []


async def test_a_delta_shows_no_extended_properties(graph: httpx.AsyncClient) -> None:
    assert code(await graph.get("/calendarView/delta", params=WINDOW | {"$expand": "extensions"}))[0] == 400


async def test_a_delta_token_dies(graph: httpx.AsyncClient, lab: Lab) -> None:
    begun = (await graph.get("/calendarView/delta", params=WINDOW)).json()
    lab.server.exchange.forget_deltas(ORGANISER)

    assert code(await graph.get(begun["@odata.deltaLink"])) == (410, "syncStateNotFound")


def schedule(**changes: Any) -> Json:
    times = {
        "startTime": {"dateTime": "2027-01-01T00:00:00", "timeZone": "UTC"},
        "endTime": {"dateTime": "2027-02-01T00:00:00", "timeZone": "UTC"},
    }
    return {"schedules": [ORGANISER]} | times | changes


@pytest.mark.parametrize(
    ("method", "path", "body", "refusal"),
    [
        ("POST", "/events", EVENT | {"start": {"dateTime": "2027-01-05T10:00:00", "timeZone": "PST"}},
         (400, "TimeZoneNotSupportedException")),
        ("POST", "/events", EVENT | {"start": {"dateTime": "2027-01-05T10:00:00Z", "timeZone": "UTC"}},
         (400, "ErrorPropertyValidationFailure")),
        ("POST", "/events", {"subject": "No times"}, (400, "ErrorPropertyValidationFailure")),
        ("POST", "/calendar/getSchedule", schedule(schedules=["a@b.example"] * 21), (400, "ErrorMailboxDataArrayTooBig")),
        ("POST", "/calendar/getSchedule", schedule(endTime={"dateTime": "2027-03-04T00:00:00", "timeZone": "UTC"}),
         (400, "ErrorTimeIntervalTooBig")),
        ("GET", "/calendar/calendarView", None, (400, "ErrorInvalidParameter")),
        ("GET", "/calendar/events?$filter=subject eq 'x'", None, (400, "BadRequest")),
        ("GET", "/calendarView/delta?$deltatoken=unknown", None, (410, "syncStateNotFound")),
        ("GET", "/nonsense", None, (400, "BadRequest")),
    ],
)  # fmt: skip
async def test_what_graph_refuses(
    method: str, path: str, body: Json | None, refusal: tuple[int, str], graph: httpx.AsyncClient
) -> None:
    assert code(await graph.request(method, path, json=body)) == refusal


async def test_tokens_open_what_they_are_for(graph: httpx.AsyncClient, lab: Lab) -> None:
    lab.server.exchange.add(email("asha"))
    person = {"Authorization": f"Bearer {lab.server.entra.person_token(email('asha'))}"}

    assert code(await graph.get(f"{lab.url}/v1.0/me/calendars"))[0] == 400
    assert (await graph.get(f"{lab.url}/v1.0/me/calendars", headers=person)).status_code == 200
    assert code(await graph.get("/calendars", headers=person)) == (403, "ErrorAccessDenied")
    assert code(await graph.get("/calendars", headers={"Authorization": "Bearer nonsense"}))[0] == 401
    assert code(await graph.get(f"{lab.url}/v1.0/users/nobody@example.com/calendars")) == (404, "ErrorInvalidUser")
