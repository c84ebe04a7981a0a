"""The fake Google keeps the rules that Google documents, asked by Google's own client library over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.contract.harness import NOW, at
from tests.fakes.google import ORGANISER, FakeGoogle, running_google
from tests.fakes.google_oauth import FREE_BUSY
from tests.fakes.google_store import Mail

ASHA = "asha@example.com"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def served() -> Iterator[FakeGoogle]:
    with running_google() as google:
        yield google


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def google(served: FakeGoogle, clock: Clock) -> FakeGoogle:
    served.reset(clock=clock, seed=3)
    return served


@pytest.fixture
def api(google: FakeGoogle) -> Iterator[Any]:
    with client(google, google.refresh_token()) as service:
        yield service


@contextmanager
def client(google: FakeGoogle, refresh_token: str) -> Iterator[Any]:
    """Google's library, for one thread."""
    make: Any = Credentials  # it has no types
    signed = make(
        token=None,
        refresh_token=refresh_token,
        token_uri=google.token_url,
        client_id=google.client.id,
        client_secret=google.client.secret,
    )
    http = AuthorizedHttp(signed, http=httplib2.Http(timeout=10))
    yield build("calendar", "v3", http=http, client_options={"api_endpoint": google.api_url})
    http.close()


def body(**fields: Any) -> dict[str, Any]:
    span = at(5, 10)
    edges = {"start": {"dateTime": span.start.isoformat()}, "end": {"dateTime": span.end.isoformat()}}
    return {"summary": "Interview", **edges, **fields}


def insert(api: Any, *, options: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.events().insert(calendarId="primary", body=body(**fields), **(options or {})).execute()
    return made


def refusal(request: Any) -> tuple[int, str]:
    """The status and the reason that a request is refused with."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.resp.status, caught.value.error_details[0]["reason"]


def conditional(request: Any, etag: str) -> Any:
    request.headers["If-Match"] = etag
    return request


def test_an_id_is_taken_once(api: Any) -> None:
    insert(api, id="abcde")

    assert refusal(api.events().insert(calendarId="primary", body=body(id="abcde"))) == (409, "duplicate")


@pytest.mark.parametrize("bad", ["abc", "ABCDE", "abc-de", "wxyzw", "a" * 1025])
def test_an_id_has_its_alphabet(bad: str, api: Any) -> None:
    assert refusal(api.events().insert(calendarId="primary", body=body(id=bad))) == (400, "invalid")


def test_a_deleted_event_keeps_its_id_for_good(api: Any) -> None:
    events = api.events()
    insert(api, id="abcde")
    events.delete(calendarId="primary", eventId="abcde").execute()

    assert events.get(calendarId="primary", eventId="abcde").execute()["status"] == "cancelled"
    assert refusal(events.insert(calendarId="primary", body=body(id="abcde"))) == (409, "duplicate")
    assert refusal(events.patch(calendarId="primary", eventId="abcde", body={"summary": "x"})) == (403, "forbidden")
    assert refusal(events.update(calendarId="primary", eventId="abcde", body=body())) == (403, "forbidden")
    assert refusal(events.delete(calendarId="primary", eventId="abcde")) == (410, "deleted")


def test_what_never_was_is_not_found(api: Any) -> None:
    for request in (
        api.events().get(calendarId="primary", eventId="abcde"),
        api.events().patch(calendarId="primary", eventId="abcde", body={}),
        api.events().delete(calendarId="primary", eventId="abcde"),
        api.events().list(calendarId="nobody@example.com"),
    ):
        assert refusal(request) == (404, "notFound")


def test_a_change_of_another_version_is_refused(api: Any) -> None:
    events = api.events()
    old = insert(api, id="abcde")["etag"]
    new = events.patch(calendarId="primary", eventId="abcde", body={"summary": "x"}).execute()["etag"]
    patch = events.patch(calendarId="primary", eventId="abcde", body={"summary": "y"})

    assert new != old
    assert refusal(conditional(patch, old)) == (412, "conditionNotMet")
    assert refusal(conditional(events.delete(calendarId="primary", eventId="abcde"), old)) == (412, "conditionNotMet")
    assert conditional(patch, new).execute()["summary"] == "y"


def test_a_patch_merges_objects_and_replaces_lists(api: Any) -> None:
    private = {"a": "1", "b": "2"}
    insert(api, id="abcde", extendedProperties={"private": private}, attendees=[{"email": ASHA}, {"email": "b@x.org"}])

    patch = {"extendedProperties": {"private": {"b": "3"}}, "attendees": [{"email": "b@x.org"}], "summary": None}
    patched = api.events().patch(calendarId="primary", eventId="abcde", body=patch).execute()

    assert patched["extendedProperties"]["private"] == {"a": "1", "b": "3"}
    assert patched["attendees"] == [{"email": "b@x.org", "responseStatus": "needsAction"}]
    assert "summary" not in patched


def test_an_update_replaces_everything(api: Any) -> None:
    insert(api, id="abcde", description="long", location="here")

    updated = api.events().update(calendarId="primary", eventId="abcde", body=body(summary="New")).execute()

    assert (updated["summary"], "description" in updated, updated["id"]) == ("New", False, "abcde")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"end": {}}, "required"),
        ({"start": {"dateTime": "2027-01-05T10:00:00"}}, "required"),
        ({"end": {"dateTime": "2027-01-05T10:00:00Z"}}, "timeRangeEmpty"),
        ({"end": {"date": "2027-01-06"}}, "invalid"),
        ({"attendees": [{"displayName": "no address"}]}, "invalid"),
        ({"attendees": [{"email": ASHA, "responseStatus": "maybe"}]}, "invalid"),
        ({"reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 40321}]}}, "invalid"),
        ({"reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 1}] * 6}}, "invalid"),
        (
            {"reminders": {"useDefault": True, "overrides": [{"method": "popup", "minutes": 1}]}},
            "cannotUseDefaultRemindersAndSpecifyOverride",
        ),
        ({"extendedProperties": {"private": {"k" * 45: "v"}}}, "invalid"),
        ({"extendedProperties": {"private": {"k": "v" * 1025}}}, "invalid"),
    ],
)
def test_an_event_that_google_does_not_take(fields: dict[str, Any], reason: str, api: Any) -> None:
    assert refusal(api.events().insert(calendarId="primary", body=body(**fields))) == (400, reason)


def test_a_conference_is_made_only_for_who_knows_of_them(api: Any) -> None:
    asked = {"createRequest": {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}
    knows = {"conferenceDataVersion": 1}

    without = insert(api, id="aaaaa", conferenceData=asked)
    made = insert(api, id="bbbbb", conferenceData=asked, options=knows)
    patch = {"calendarId": "primary", "eventId": "bbbbb", "body": {"summary": "x", "conferenceData": asked}}
    again = api.events().patch(**patch, **knows).execute()
    dropped = api.events().patch(calendarId="primary", eventId="bbbbb", body={"summary": "y"}).execute()

    assert "hangoutLink" not in without
    assert made["hangoutLink"] == again["hangoutLink"] == made["conferenceData"]["entryPoints"][0]["uri"]
    assert "hangoutLink" not in dropped


@pytest.mark.parametrize(("choice", "mailed"), [("all", True), ("externalOnly", True), ("none", False), (None, False)])
def test_mails_go_out_when_they_are_asked_for(choice: str | None, mailed: bool, google: FakeGoogle, api: Any) -> None:
    options = {"sendUpdates": choice} if choice else {}
    insert(api, id="abcde", attendees=[{"email": ASHA}, {"email": ORGANISER}], options=options)
    api.events().patch(calendarId="primary", eventId="abcde", body={"summary": "x"}, **options).execute()
    api.events().delete(calendarId="primary", eventId="abcde", **options).execute()

    kinds = ["invitation", "update", "cancellation"] if mailed else []
    assert google.store.mails == [Mail(kind=kind, event="abcde", to=ASHA) for kind in kinds]


def test_those_invited_are_busy_until_they_decline(google: FakeGoogle, api: Any) -> None:
    google.add_person(ASHA)
    insert(api, id="abcde", attendees=[{"email": ASHA}])
    question = api.freebusy().query(
        body={"timeMin": "2027-01-05T00:00:00Z", "timeMax": "2027-01-06T00:00:00Z", "items": [{"id": ASHA}]}
    )

    assert question.execute()["calendars"][ASHA]["busy"] == [
        {"start": "2027-01-05T10:00:00Z", "end": "2027-01-05T11:00:00Z"}
    ]
    google.responds("abcde", ASHA, "declined")
    assert question.execute()["calendars"][ASHA]["busy"] == []


def test_free_busy_tells_errors_calendar_by_calendar(google: FakeGoogle, api: Any) -> None:
    google.add_person(ASHA)
    google.add_person("shut@example.com").unreadable = "internalError"
    items = [{"id": name} for name in (ASHA, "shut@example.com", "nobody@example.com")]
    span = {"timeMin": "2027-01-05T00:00:00Z", "timeMax": "2027-01-06T00:00:00Z"}

    told = api.freebusy().query(body={**span, "items": items}).execute()["calendars"]
    many = api.freebusy().query(body={**span, "items": [{"id": ASHA}] * 51}).execute()["calendars"]

    assert [told[item["id"]].get("errors", [{}])[0].get("reason") for item in items] == [
        None, "internalError", "notFound",
    ]  # fmt: skip
    assert many[ASHA]["errors"][0]["reason"] == "tooManyCalendarsRequested"


@pytest.mark.parametrize(
    ("until", "reason"), [("2027-06-01T00:00:00Z", "timeRangeTooLong"), ("2027-01-05T00:00:00Z", "timeRangeEmpty")]
)
def test_free_busy_has_a_longest_look(until: str, reason: str, api: Any) -> None:
    question = {"timeMin": "2027-01-05T00:00:00Z", "timeMax": until, "items": []}

    assert refusal(api.freebusy().query(body=question)) == (400, reason)


def test_pages_may_be_short_or_empty_and_end_in_a_token(google: FakeGoogle, api: Any) -> None:
    google.lists.page_cap = 3
    ids = {insert(api)["id"] for _ in range(20)}

    pages = listed(api)

    assert sorted(item["id"] for page in pages for item in page["items"]) == sorted(ids)
    assert {len(page["items"]) for page in pages} == {0, 1, 2, 3}
    assert ["nextSyncToken" in page for page in pages] == [False] * (len(pages) - 1) + [True]


def listed(api: Any, **query: Any) -> list[dict[str, Any]]:
    pages = [api.events().list(calendarId="primary", **query).execute()]
    while "nextPageToken" in pages[-1]:
        query["pageToken"] = pages[-1]["nextPageToken"]
        pages.append(api.events().list(calendarId="primary", **query).execute())
    return pages


def test_a_sync_token_tells_what_changed_also_while_it_was_listed(google: FakeGoogle, api: Any) -> None:
    google.lists.page_cap = 2
    for event_id in ("aaaaa", "bbbbb", "ccccc"):
        insert(api, id=event_id)
    first = api.events().list(calendarId="primary").execute()
    google.edits("aaaaa", summary="changed between two pages")
    google.deletes("bbbbb")
    rest = listed(api, pageToken=first["nextPageToken"])

    changed = [item for page in listed(api, syncToken=rest[-1]["nextSyncToken"]) for item in page["items"]]

    assert {item["id"]: item["status"] for item in changed} == {"aaaaa": "confirmed", "bbbbb": "cancelled"}


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({"timeMin": "2027-01-01T00:00:00Z"}, (400, "badRequest")),
        ({"privateExtendedProperty": "a=b"}, (400, "badRequest")),
        ({"q": "x"}, (400, "badRequest")),
        ({"showDeleted": False}, (400, "badRequest")),
        ({"singleEvents": True}, (400, "badRequest")),
        ({"pageToken": "from nowhere"}, (400, "invalid")),
    ],
)
def test_what_does_not_go_with_a_sync_token(query: dict[str, Any], refused: tuple[int, str], api: Any) -> None:
    token = api.events().list(calendarId="primary").execute()["nextSyncToken"]

    assert refusal(api.events().list(calendarId="primary", syncToken=token, **query)) == refused


def test_a_sync_token_may_be_forgotten(google: FakeGoogle, api: Any) -> None:
    token = api.events().list(calendarId="primary").execute()["nextSyncToken"]
    google.lists.forget()

    assert refusal(api.events().list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"per_user": 5}, "userRateLimitExceeded"), ({"per_project": 5}, "rateLimitExceeded")],
)
def test_quotas_slide_over_a_minute(limits: dict[str, int], reason: str, served: FakeGoogle, clock: Clock) -> None:
    served.reset(clock=clock, **limits)
    with client(served, served.refresh_token()) as api:
        ask = api.events().list(calendarId="primary")
        for _ in range(5):
            ask.execute()
            clock.now += timedelta(seconds=10)

        assert refusal(ask) == (403, reason)
        clock.now += timedelta(seconds=9)
        assert refusal(ask) == (403, reason)
        clock.now += timedelta(seconds=1)
        ask.execute()
        assert refusal(ask) == (403, reason)


def test_invitations_have_a_limit_of_their_own(google: FakeGoogle, api: Any) -> None:
    google.store.invitations_left = 1
    insert(api, id="abcde", attendees=[{"email": ASHA}])

    invite = body(attendees=[{"email": "b@x.org"}])
    assert refusal(api.events().insert(calendarId="primary", body=invite)) == (403, "quotaExceeded")
    insert(api)  # nobody is invited


def test_a_token_opens_only_what_was_granted(google: FakeGoogle) -> None:
    token = google.sign_in.grant(ORGANISER, google.client, frozenset({FREE_BUSY}))
    with client(google, token) as api:
        api.freebusy().query(body={"timeMin": "2027-01-01T00:00:00Z", "timeMax": "2027-01-02T00:00:00Z"}).execute()
        with pytest.raises(HttpError, match="insufficient authentication scopes"):
            api.events().list(calendarId="primary").execute()


@pytest.mark.parametrize(
    "end",
    [
        lambda google, clock: google.sign_in.expire_access_tokens(),
        lambda google, clock: setattr(clock, "now", clock.now + timedelta(hours=1)),
    ],
)
def test_an_access_token_runs_out(end: Callable[[FakeGoogle, Clock], None], google: FakeGoogle, clock: Clock) -> None:
    with client(google, google.refresh_token()) as api:
        ask = api.events().list(calendarId="primary")
        ask.execute()
        end(google, clock)
        ask.execute()  # the library renews it

    assert [call.status for call in google.calls] == [200, 401, 200]


def test_one_id_is_given_once_among_many_at_a_time(google: FakeGoogle) -> None:
    statuses: list[int] = []

    def race() -> None:
        with client(google, google.refresh_token()) as api:
            try:
                insert(api, id="abcde")
                statuses.append(200)
            except HttpError as error:
                statuses.append(error.resp.status)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [409] * 5


def test_a_persons_calendar_is_nobody_elses_to_write(google: FakeGoogle, api: Any) -> None:
    google.add_person(ASHA)
    write = api.events().insert(calendarId=ASHA, body=body())

    assert refusal(write) == (404, "notFound")
    google.store.shelves[ASHA].writers.add(ORGANISER)
    assert write.execute()["organizer"]["email"] == ASHA
    assert {one["id"]: one["accessRole"] for one in api.calendarList().list().execute()["items"]} == {
        ORGANISER: "owner",
        ASHA: "writer",
    }


def test_a_copy_has_another_id_and_the_same_properties(google: FakeGoogle, api: Any) -> None:
    made = insert(api, id=uuid4().hex, extendedProperties={"private": {"a": "1"}}, description="d", reminders={})

    copy = google.duplicates(made["id"])

    assert copy["id"] != made["id"]
    assert copy["extendedProperties"] == made["extendedProperties"]
