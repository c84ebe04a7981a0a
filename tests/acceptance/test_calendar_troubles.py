"""Access to Google that is revoked in the middle of the work: one question, the others go on, and when access is given again
whoever waited is booked without more ado, and no event is there twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from application.reconnecting import Reconnecting
from booking.troubles import Troubles
from booking.watch import watch
from calendar_utils import Calendars
from calendars.base import Owner
from calendars.google import GoogleCalendar
from calendars.google_http import UserAccess
from calendars.local import LocalCalendar
from calendars.pacing import Pace
from config import parse_sop
from scheduler import Scheduler, Step
from sop import Sop
from supabase_db import Database
from tests.after_booking import NOW
from tests.builders import make_request
from tests.fakes.faults import refused
from tests.fakes.google import FakeGoogle, running_google

Connection = psycopg.Connection[tuple[object, ...]]
TEXT = """
timezone: UTC
working_hours: {mon-fri: ["09:00-18:00"]}
interviewers:
  asha: {name: Asha Rao, email: asha@example.com, calendar: "google:asha@example.com"}
  ben: {name: Ben Ortiz, email: ben@example.com, calendar: "local:ben"}
courses:
  java:
    title: Java
    rounds:
      - {id: intro, title: Introduction, duration: 30m, interviewers: [asha]}
      - {id: core, title: Core Java, duration: 60m, interviewers: [ben], gap: {min: 1d}}
  data:
    title: Data
    rounds:
      - {id: intro, title: Introduction, duration: 30m, interviewers: [ben]}
"""


class Lab:
    """A worker, with Google and local calendars; `organiser` is whose account keeps our events."""

    def __init__(self, db: Database, google: FakeGoogle, folder: Path, organiser: str) -> None:
        self.db, self.google, self.sop, self.now = db, google, parse_sop(TEXT, "the test's SOP"), NOW
        self.token = google.refresh_token()
        self.steps: list[str] = []
        self.revoked_after: tuple[str, int] | None = None  # a step, and the how many-th of its name
        client = Reconnecting(self._client(self.token), token=self.token, newest=self._newest, make=self._client)
        self.folder = folder
        local = LocalCalendar(folder, owners=lambda name: Owner(email=name, zone=self.sop.zone))
        self.calendars = Calendars(
            {"google": client, "local": local},
            default="local",
            organiser=organiser,
            paces={"google": Pace(fresh_for=60.0)},
            clock=lambda: self.now.timestamp(),
            now=lambda: self.now,
            max_retries=0,
        )
        self.troubles = Troubles(db, self.calendars)

    def _client(self, token: str) -> GoogleCalendar:
        app = self.google.client
        access = UserAccess(client_id=app.id, client_secret=app.secret, refresh_token=token)
        api, sign_in = self.google.api_url, self.google.token_url
        return GoogleCalendar(access, base_url=api, token_uri=sign_in, clock=lambda: self.now)

    async def _newest(self) -> str:
        return self.token

    async def in_force(self) -> Sop:
        return self.sop

    async def works(self) -> list[str]:
        """Let the worker come to rest; what it did."""
        self.steps = []
        engine = Scheduler(
            db=self.db, calendars=self.calendars, sop=self.in_force, worker="w", clock=lambda: self.now,
            observe=self._observe, troubles=self.troubles,
        )  # fmt: skip
        await engine.run_until_idle()
        return self.steps

    def _observe(self, step: Step) -> None:
        self.steps.append(step.name)
        if self.revoked_after == (step.name, self.steps.count(step.name)):
            self.revokes()

    def revokes(self) -> None:
        """The person takes the access back."""
        self.revoked_after = None
        self.google.sign_in.refresh_tokens.clear()
        self.google.sign_in.expire_access_tokens()

    def connects(self) -> None:
        """The person connects again, as `python main.py connect google` does."""
        self.token = self.google.refresh_token()

    async def comes(self, *names: str, course: str = "java") -> None:
        for name in names:
            request = make_request(name=name, email=f"{name.lower()}@example.com", course=course)
            await self.db.enqueue(request=request.plain(), key=name, source="csv", actor="test")

    async def statuses(self) -> dict[str, str]:
        """Everybody's state by name."""
        found = await self.db.show_candidate(needle="@example.com", limit=100)
        return {match["name"]: match["status"] for match in found["matches"]}

    async def told(self) -> list[tuple[str, int | None]]:
        """What admins were told so far: the kind of notice, and how many go on."""
        notices = await self.db.claim_notices(channel="telegram", limit=1000, lease_seconds=0)
        return [(one["kind"], one["payload"].get("waiting")) for one in notices]

    def events(self) -> Sequence[str]:
        """The titles of all events that are there."""
        local = [path.read_text() for path in (self.folder / "interviews").glob("*.ics")]
        return sorted([*(event["summary"] for event in self.google.live()), *local])


@pytest.fixture
def google() -> Iterator[FakeGoogle]:
    with running_google() as running:
        running.add_person("asha@example.com")
        yield running


@pytest.fixture
def lab(database: Database, google: FakeGoogle, tmp_path: Path) -> Lab:
    """Where people's times are at Google, and our events are kept locally."""
    return Lab(database, google, tmp_path, "local")


@pytest.fixture
def at_google(database: Database, google: FakeGoogle, tmp_path: Path) -> Lab:
    """Where our events are kept at Google."""
    return Lab(database, google, tmp_path, "google")


def due(admin: Connection, *names: str) -> None:
    """The ten minutes of some candidates, or of all, are over."""
    which = "where request ->> 'name' = any (%s)" if names else ""
    admin.execute(f"update candidates set not_before = now() {which}", [list(names)] if names else None)


async def test_others_go_on_while_access_is_revoked_and_all_goes_on_by_itself_afterwards(
    lab: Lab, admin: Connection
) -> None:
    await lab.comes("Ann")
    await lab.works()
    lab.revokes()
    lab.now += timedelta(minutes=2)
    await lab.comes("Bob", "Cy")
    await lab.comes("Di", course="data")

    await lab.works()

    assert await lab.statuses() == {"Ann": "booked", "Bob": "queued", "Cy": "queued", "Di": "booked"}
    (row,) = await lab.db.open_escalations()
    assert (row["name"], row["waiting"], row["detail"]["people"]) == ("Google calendars", 2, ["Asha Rao"])
    assert "Token has been expired or revoked" in row["reason"]
    assert "python main.py connect google" in row["reason"]
    assert await lab.told() == [("access", None)]
    lab.now += timedelta(minutes=10)
    due(admin)
    await lab.works()
    assert await lab.told() == [("access", None)]
    assert await lab.statuses() == {"Ann": "booked", "Bob": "queued", "Cy": "queued", "Di": "booked"}

    lab.connects()
    due(admin, "Bob")  # Cy's time has not come yet
    await lab.works()

    assert set((await lab.statuses()).values()) == {"booked"}
    assert await lab.db.open_escalations() == []
    assert await lab.told() == [("access", None), ("access_again", 1)]
    assert len(lab.events()) == 7
    trail = [row["action"] for row in await lab.db.audit_trail(limit=1000)]
    assert (trail.count("calendar_failed"), trail.count("calendar_works"), trail.count("escalated")) == (1, 1, 0)


async def test_an_admin_who_has_connected_again_has_it_checked_at_once(lab: Lab) -> None:
    await lab.comes("Ann")
    lab.revokes()
    await lab.works()
    (row,) = await lab.db.open_escalations()
    lab.connects()

    check = {"check_again": {"escalation_id": row["id"], "actor": "telegram:7"}}
    await lab.db.desk_turn(update_id=1, chat_id=7, user_id=7, state=None, command=check)
    await lab.works()  # within the minute in which what was read is taken as it was

    assert await lab.statuses() == {"Ann": "booked"}
    assert await lab.db.open_escalations() == []


async def test_access_that_is_revoked_between_two_events_is_made_good_without_a_double(
    at_google: Lab, admin: Connection
) -> None:
    lab = at_google
    await lab.comes("Ann", "Bob")
    lab.revoked_after = ("written", 1)

    await lab.works()

    assert await lab.statuses() == {"Ann": "booking", "Bob": "booking"}  # Bob's plan is made of what was read before
    (row,) = await lab.db.open_escalations()
    assert (row["name"], row["detail"]["way"], row["waiting"]) == ("Google calendars", "write", 2)
    assert len(lab.events()) == 1
    lab.connects()
    due(admin, "Ann")
    await lab.works()

    assert await lab.statuses() == {"Ann": "booked", "Bob": "booked"}
    assert await lab.db.open_escalations() == []
    assert await lab.told() == [("access", None), ("access_again", 1)]
    assert len(lab.events()) == len(set(lab.events())) == 4


async def test_one_persons_calendar_that_is_not_shared_any_more_is_a_question_of_its_own(
    lab: Lab, google: FakeGoogle, admin: Connection
) -> None:
    google.store.shelves["asha@example.com"].unreadable = "notFound"
    await lab.comes("Ann")

    await lab.works()

    (row,) = await lab.db.open_escalations()
    assert (row["subject"], row["name"]) == ("calendar:google:asha@example.com", "Asha Rao's calendar")
    assert "this calendar is shared with the account that is connected" in row["reason"]
    google.store.shelves["asha@example.com"].unreadable = ""
    due(admin)
    await lab.works()
    assert (await lab.statuses(), await lab.db.open_escalations()) == ({"Ann": "booked"}, [])


async def test_who_could_not_be_planned_anyway_does_not_wait_but_is_asked_about(lab: Lab, admin: Connection) -> None:
    lab.revokes()
    start, end = NOW, NOW + timedelta(days=60)
    await lab.db.block_interviewer(interviewer="ben", start=start, end=end, actor="test")
    await lab.comes("Ann")

    await lab.works()

    assert await lab.statuses() == {"Ann": "escalated"}
    assert {row["kind"] for row in await lab.db.open_escalations()} == {"access", "no_plan"}


async def test_after_an_admin_has_closed_the_question_those_who_wait_are_asked_about_one_by_one(lab: Lab) -> None:
    lab.revokes()
    await lab.comes("Ann", "Bob")
    await lab.works()
    (row,) = await lab.db.open_escalations()

    await lab.db.resolve_escalation(escalation_id=row["id"], actor="telegram:7", resolution="she is away")
    await lab.works()

    rows = await lab.db.open_escalations()
    assert [(row["kind"], row["name"]) for row in rows] == [("no_plan", "Ann"), ("no_plan", "Bob")]
    assert all("Calendar not read: Asha Rao" in row["reason"] for row in rows)


async def test_a_spent_quota_waits_for_hours_with_a_single_probe_while_reading_goes_on(
    at_google: Lab, google: FakeGoogle, admin: Connection
) -> None:
    lab = at_google
    google.faults.plan(refused(403, "quotaExceeded"), verb="events.insert")
    await lab.comes("Ann", "Bob", "Cy")

    await lab.works()

    assert await lab.statuses() == dict.fromkeys(("Ann", "Bob", "Cy"), "booking")
    (row,) = await lab.db.open_escalations()
    until = datetime.fromisoformat(row["detail"]["until"])
    assert (until, row["waiting"]) == (NOW + timedelta(hours=3), 3)
    assert google.verbs()["events.insert"] == 0  # but for the one that was refused
    assert len(google.faults.told) == 1
    for minutes in (30, 120):
        lab.now = NOW + timedelta(minutes=minutes)
        due(admin)
        await lab.works()
    assert len(google.faults.told) == 1
    assert google.verbs()["freebusy.query"] > 0

    lab.now = until + timedelta(minutes=1)
    due(admin, "Ann")
    await lab.works()

    assert await lab.statuses() == dict.fromkeys(("Ann", "Bob", "Cy"), "booked")
    assert await lab.db.open_escalations() == []
    assert await lab.told() == [("access", None), ("access_again", 2)]
    assert len(lab.events()) == len(set(lab.events())) == 6


async def test_what_passes_by_itself_is_asked_about_by_nobody(lab: Lab, google: FakeGoogle) -> None:
    google.faults.plan(refused(429, "rateLimitExceeded"), verb="freebusy.query")
    await lab.comes("Ann")

    await lab.works()

    assert await lab.statuses() == {"Ann": "queued"}
    assert (await lab.db.open_escalations(), await lab.told()) == ([], [])


async def test_a_calendar_that_fails_for_a_moment_is_told_once_a_day_and_asked_about_by_nobody(
    lab: Lab, google: FakeGoogle
) -> None:
    google.store.shelves["asha@example.com"].unreadable = "internalError"
    await lab.comes("Ann", "Bob")

    await lab.works()

    assert [(row["kind"], row["name"]) for row in await lab.db.open_escalations()] == [
        ("no_plan", "Ann"),
        ("no_plan", "Bob"),
    ]
    assert [kind for kind, _ in await lab.told()].count("calendar") == 1


async def test_the_watch_notices_it_while_nobody_is_planned(at_google: Lab) -> None:
    lab, stop = at_google, asyncio.Event()
    lab.revokes()
    watching = asyncio.create_task(
        watch(
            db=lab.db, calendars=lab.calendars, sop=lab.in_force, stop=stop, every=0.01, clock=lambda: lab.now,
            troubles=lab.troubles,
        )
    )  # fmt: skip

    async def until(count: int) -> None:
        async with asyncio.timeout(20):
            while len(await lab.db.open_escalations()) != count:  # noqa: ASYNC110 - the database cannot say so
                await asyncio.sleep(0.01)

    await until(1)
    assert (await lab.db.open_escalations())[0]["detail"]["way"] == "watch"
    lab.connects()
    await until(0)
    stop.set()
    await asyncio.wait_for(watching, 10)
    assert await lab.told() == [("access", None), ("access_again", 0)]
