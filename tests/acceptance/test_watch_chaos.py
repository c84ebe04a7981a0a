"""People at the calendar between any two calls of the engine and the watch, workers that die, admins that choose: by lot.

Whatever happens, nothing that a person did is overwritten, and once people stop, two sweeps later every booked interview has its
event and every event its interview.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import psycopg
import pytest

from calendars.base import Busy, Changes, Event, EventKey, EventState, Owner, Response
from calendars.local import LocalCalendar
from database.wires import PostgresWire
from domain.errors import DatabaseError
from domain.model import Interval
from supabase_db import Database
from tests.after_booking import Died, Office
from tests.builders import make_request
from tests.contract import ics_hands
from tests.contract.harness import Own

T = TypeVar("T")
SOP = """
timezone: UTC
grid: 30m
working_hours: {mon-fri: ["09:00-18:00"]}
interviewers:
  asha: {name: Asha Rao, email: asha@example.com, buffer: 15m, daily_limit: 4}
  ben: {name: Ben Ortiz, email: ben@example.com}
  chloe: {name: Chloe Tran, email: chloe@example.com}
  dora: {name: Dora Lang, email: dora@example.com, buffer: 10m}
courses:
  java:
    title: Java
    rounds:
      - {id: intro, title: Introduction, duration: 30m, interviewers: [asha, dora], backups: [ben]}
      - {id: core, title: Core, duration: 60m, interviewers: [ben], backups: [dora, chloe], gap: {min: 1d, max: 6d}}
      - id: panel
        title: Panel
        duration: 60m
        gap: {min: 1d}
        seats: [{interviewers: [ben, dora]}, {interviewers: [chloe, asha]}]
"""
PEOPLE = ("asha", "ben", "chloe", "dora")


class Hands:
    """What people do, and what they have done: the last title that each event was given, and what was deleted."""

    def __init__(self, lots: random.Random, folder: Path) -> None:
        self.lots, self.folder = lots, folder / "interviews"
        self.known: dict[str, None] = {}  # files whose making has been recorded; nobody sees an event sooner
        self.titles: dict[str, str] = {}
        self.written: dict[str, datetime] = {}
        self.deleted: set[str] = set()
        self.edits, self.wanted, self.rate, self.deaths = 0, 0, 0.05, 0.0

    def maybe(self) -> None:
        """Perhaps a person does something now; perhaps the process dies."""
        while self.edits < self.wanted and self.lots.random() < self.rate:
            self.edits += self.edit()
            if not self.known:
                return
        if self.lots.random() < self.deaths:
            raise Died

    def edit(self) -> bool:
        names = [name for name in self.known if (self.folder / name).exists()]
        if not names:
            return False
        name = self.lots.choice(names)
        deeds = [self._move, self._rename, self._answer, self._delete, self._take]
        what = self.lots.choices(deeds, weights=[4, 3, 5, 1, 2])[0]
        what(name)
        return True

    def _move(self, name: str) -> None:
        """Mostly by an hour or two, else to anywhere; not to just where we put it, which a calendar takes for no change."""
        ((_, now),) = ics_hands.listed((self.folder / name).read_bytes())
        start = now.start + timedelta(minutes=30 * self.lots.randint(-4, 4))
        if self.lots.random() < 0.3:
            day, hour, minute = self.lots.randint(7, 18), self.lots.randint(8, 17), self.lots.choice([0, 30, 10])
            start = datetime(2026, 12, day, hour, minute, tzinfo=UTC)
        if start == self.written.get(name):
            start += timedelta(minutes=30)
        self._write(name, lambda text: ics_hands.moved(text, Interval(start=start, end=start + (now.end - now.start))))

    def _rename(self, name: str) -> None:
        title = f"Title {self.lots.randint(1, 9999)}"
        self._write(name, lambda text: ics_hands.renamed(text, title))
        self.titles[name] = title

    def _answer(self, name: str) -> None:
        guests = [who for who in PEOPLE if f"{who}@example.com".encode() in self._text(name)]
        answer = self.lots.choice([Response.DECLINED, Response.DECLINED, Response.ACCEPTED, Response.TENTATIVE])
        if guests:
            who = self.lots.choice(guests)
            self._write(name, lambda text: ics_hands.answered(text, who, answer))

    def _delete(self, name: str) -> None:
        (self.folder / name).unlink()
        self.deleted.add(name)
        self.titles.pop(name, None)

    def _take(self, name: str) -> None:
        """Somebody has something else, about when an event is."""
        ((_, now),) = ics_hands.listed((self.folder / name).read_bytes())
        start = now.start + timedelta(minutes=10 * self.lots.randint(-6, 6))
        own = self.folder.parent / f"{self.lots.choice(PEOPLE)}@example.com"
        own.mkdir(exist_ok=True)
        text = ics_hands.own_event("emma", Own(interval=Interval(start=start, end=start + timedelta(minutes=20))))
        (own / f"{self.lots.random()}.ics").write_text(text)

    def _text(self, name: str) -> bytes:
        return (self.folder / name).read_bytes().replace(b"\r\n ", b"")

    def _write(self, name: str, change: Callable[[bytes], bytes]) -> None:
        path = self.folder / name
        path.write_bytes(change(path.read_bytes()))


class Restless(LocalCalendar):
    """The local calendar, with people at it before each call, and a witness of what the engine writes over."""

    def __init__(self, hands: Hands, folder: Path, dsn: str) -> None:
        super().__init__(folder, owners=lambda name: Owner(email=name, zone=ZoneInfo("UTC")))
        self.hands, self.dsn = hands, dsn

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        self.hands.maybe()
        return await super().busy(calendars, span)

    async def changes(self, cursor: str = "") -> Changes:
        self.hands.maybe()
        return await super().changes(cursor)

    async def get(self, key: EventKey) -> EventState | None:
        self.hands.maybe()
        return await super().get(key)

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        self.hands.maybe()
        name = f"{event.key}.ics"
        before = await super().get(event.key)
        state = await super().put(event, etag=etag)
        self.hands.written[name] = state.interval.start
        assert name not in self.hands.deleted, "an event that a person has deleted was made again"
        if before is not None and before.interval != state.interval:
            dealt_with = self._dealt_with(event.key)
            assert before.interval.start == dealt_with, "an event was moved from where nobody knew that it was"
        assert state.title == self.hands.titles.get(name, state.title), "a person's title was overwritten"
        return state

    def _dealt_with(self, key: EventKey) -> datetime:
        """Where the database knows the event to be."""
        with psycopg.connect(self.dsn) as connection:
            query = "select (event_said ->> 'start')::timestamptz from interviews where id = %s"
            found = connection.execute(query, (key.interview,)).fetchone()
        assert found
        known: datetime = found[0]
        return known

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        self.hands.maybe()
        await super().cancel(key, etag=etag)


class RestlessDatabase(Database):
    """The database, with people at the calendar before each call, and deaths before and after."""

    hands: Hands

    async def _call(self, function: str, **arguments: Any) -> Any:
        self.hands.maybe()
        answer = await super()._call(function, **arguments)
        if function == "write_done" and answer["verb"] == "put":
            self.hands.known[f"{answer['key']}.ics"] = None
        self.hands.maybe()
        return answer


async def unkilled(work: Callable[[], Awaitable[T]]) -> T | None:
    """The work, or nothing when the process died at it."""
    try:
        return await work()
    except Died:
        return None


async def answer_something(office: Office, lots: random.Random) -> None:
    """An admin takes some option of some question."""
    asked = await office.db.open_escalations()
    if not asked:
        return
    question = lots.choice(asked)
    places = [place for place, one in enumerate(question["options"]) if _kind(one) != "cancel"]
    try:
        if places:
            await office.db.take_option(escalation_id=question["id"], option=lots.choice(places), actor="telegram:7")
        else:
            await office.db.resolve_escalation(escalation_id=question["id"], actor="telegram:7", resolution="seen")
    except DatabaseError:  # it has changed since, or a worker is at it: the admin is told so
        return


def _kind(option: Any) -> str:
    return str(option if isinstance(option, str) else option["kind"])


async def live_through(seed: int, edits: int, dsn: str, folder: Path) -> Office:
    """So many edits by lot, then peace for two sweeps."""
    lots = random.Random(seed)
    hands = Hands(lots, folder)
    database = RestlessDatabase(await PostgresWire.connect(dsn, connections=3))
    database.hands = hands
    office = Office(db=database, folder=folder, text=SOP, calendar=Restless(hands, folder, dsn))
    office.stale_after *= seed % 2  # each second time every event is looked at again before it is written
    for number in range(6):
        window = (date(2026, 12, 7), date(2026, 12, 18))
        request = make_request(name=f"P{number}", email=f"p{number}@example.com", window=window)
        await database.enqueue(request=request.plain(), key=str(number), source="csv", actor="test", chat_id=7)
    await office.work()
    hands.wanted, hands.deaths = edits, 0.005
    while hands.edits < edits:
        await unkilled(office.sweep)
        await unkilled(office.work)
        await unkilled(lambda: answer_something(office, lots))
        office.wait(minutes=lots.randint(0, 8))
        if not hands.edit():  # everything is deleted or cancelled
            break
    hands.rate = hands.deaths = 0.0
    for _ in range(2):
        await office.work()
        await office.sweep()
        office.wait(minutes=11)
    await office.work()
    return office


async def check_peace(office: Office, seed: int) -> None:
    """Each booked interview has its event and each event its interview, at the same time unless an admin is asked about it."""
    found = [row async for row in _booked(office)]
    files = {path.name: path for path in (office.folder / "interviews").glob("*.ics")}
    assert {office.file(row).name for row in found} == set(files), f"seed {seed}"
    asked = {(one["candidate_id"], one["kind"]) for one in await office.db.open_escalations()}
    for row in found:
        start = office.event(row)[1].start
        questions = {(row["candidate_id"], kind) for kind in (f"moved:{row['round']}", "replan", "option")}
        if row["candidate_status"] == "booked" and not questions & asked:
            assert start == datetime.fromisoformat(row["start"]), f"seed {seed}: {row['name']} {row['round']}"
    assert (await office.db.verify_audit())["ok"]


async def _booked(office: Office) -> Any:
    for number in range(6):
        match = await office.look(f"p{number}@example.com")
        for row in match["interviews"]:
            assert row["status"] in {"booked", "cancelled"}, f"{match['name']} is {match['status']}"
            if row["status"] == "booked":
                yield {**row, "name": match["name"], "candidate_status": match["status"]}


@pytest.mark.parametrize("seed", range(3))
async def test_people_at_the_calendar_win(seed: int, dsn: str, tmp_path: Path) -> None:
    office = await live_through(seed, 50, dsn, tmp_path)

    await check_peace(office, seed)
    await office.db.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
async def test_people_at_the_calendar_win_for_long(seed: int, dsn: str, tmp_path: Path) -> None:
    office = await live_through(seed, 100, dsn, tmp_path)

    await check_peace(office, seed)
    await office.db.aclose()
