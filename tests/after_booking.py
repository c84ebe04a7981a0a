"""A booked candidate on real parts (database, local calendar, engine, watch), and a person's hands on the calendar's files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from booking.watch import Happened, sweep
from calendar_utils import Calendars
from calendars.base import Calendar, Owner, Response
from calendars.local import LocalCalendar
from config import parse_sop
from domain.model import Interval
from scheduler import STALE_AFTER, Scheduler, Step
from sop import Sop
from supabase_db import Database
from tests.builders import make_request
from tests.contract import ics_hands

Json = dict[str, Any]
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SOP = """
timezone: UTC
grid: 30m
notice: 12h
working_hours: {mon-fri: ["09:00-18:00"]}
interviewers:
  asha: {name: Asha Rao, email: asha@example.com, buffer: 15m}
  ben: {name: Ben Ortiz, email: ben@example.com}
  chloe: {name: Chloe Tran, email: chloe@example.com}
courses:
  java:
    title: Java
    rounds:
      - {id: intro, title: Introduction, duration: 30m, interviewers: [asha], backups: [ben]}
      - id: panel
        title: Panel
        duration: 60m
        gap: {min: 1d}
        seats: [{interviewers: [ben], backups: [asha]}, {interviewers: [chloe]}]
"""


class Died(BaseException):
    """The process was killed here."""


@dataclass
class Office:
    """Everything that happens after an interview is booked, on one database and one folder of calendars. The engine dies
    when it has done the step `dies_at` so many times."""

    db: Database
    folder: Path
    text: str = SOP
    now: datetime = NOW
    calendar: Calendar | None = None
    steps: list[str] = field(default_factory=list)
    dies_at: tuple[str, int] | None = None
    stale_after: float = STALE_AFTER

    @property
    def sop(self) -> Sop:
        return parse_sop(self.text, "the test's SOP")

    def local(self) -> LocalCalendar:
        return LocalCalendar(
            self.folder, owners=lambda name: Owner(email=name, zone=self.sop.zone), now=lambda: self.now
        )

    @property
    def calendars(self) -> Calendars:
        return Calendars({"local": self.calendar or self.local()}, default="local")

    async def book(self, name: str = "Priya", **changes: Any) -> Json:
        """A candidate who is booked: their row with its interviews."""
        request = make_request(name=name, email=f"{name.lower()}@example.com", **changes)
        made = await self.db.enqueue(request=request.plain(), key=name, source="csv", actor="test", chat_id=7)
        await self.work()
        return await self.look(made["candidate_id"])

    async def work(self) -> None:
        """The engine, until nobody waits."""
        await self.engine().run_until_idle()

    def engine(self, worker: str = "w", calendars: Calendars | None = None) -> Scheduler:
        async def in_force() -> Sop:
            return self.sop

        def observe(step: Step) -> None:
            self.steps.append(step.name)
            if self.dies_at and self.steps.count(self.dies_at[0]) == self.dies_at[1]:
                self.steps, self.dies_at = [], None
                raise Died

        return Scheduler(
            db=self.db,
            calendars=calendars or self.calendars,
            sop=in_force,
            worker=worker,
            observe=observe,
            clock=lambda: self.now,
            stale_after=self.stale_after,
        )

    async def sweep(self) -> list[str]:
        """A look at the calendar; what it did, without mere notes."""
        happened = await sweep(self.db, self.calendars, self.sop, self.now)
        return [one.what for one in happened if not _is_note(one)]

    async def settle(self) -> list[str]:
        """Sweep and work until neither has anything to do."""
        did: list[str] = []
        for _ in range(5):
            swept = await self.sweep()
            await self.work()
            did += swept
            if not swept:
                break
        return did

    def wait(self, **length: float) -> None:
        self.now += timedelta(**length)

    async def look(self, needle: str = "Priya") -> Json:
        match: Json = (await self.db.show_candidate(needle=needle))["matches"][0]
        return match

    async def live(self, needle: str = "Priya") -> dict[str, Json]:
        """The interviews that stand, by round."""
        return {row["round"]: row for row in (await self.look(needle))["interviews"] if row["status"] == "booked"}

    async def times(self, needle: str = "Priya") -> dict[str, tuple[str, list[str]]]:
        """By round: `Mon 09:00` and who interviews."""
        live = await self.live(needle)
        return {
            name: (f"{datetime.fromisoformat(row['start']):%a %H:%M}", row["interviewers"])
            for name, row in live.items()
        }

    async def questions(self, needle: str = "Priya") -> list[Json]:
        """The open escalations of a candidate."""
        return [one for one in (await self.look(needle))["escalations"] if one["status"] == "open"]

    async def take(self, kind: str, option: str, needle: str = "Priya") -> Json:
        """An admin takes the option of that kind of the question of that kind."""
        question = next(one for one in await self.questions(needle) if one["kind"] == kind)
        place = [one["kind"] for one in question["options"]].index(option)
        return await self.db.take_option(escalation_id=question["id"], option=place, actor="telegram:7")

    async def told(self) -> list[str]:
        """The kinds of all notices so far, in order."""
        notices = await self.db.claim_notices(channel="telegram", limit=1000, lease_seconds=0)
        return [one["kind"] for one in notices]

    # A person's hands -----------------------------------------------------------------------------------------------------------

    def file(self, row: Json) -> Path:
        return self.folder / "interviews" / f"{row['id']}-{row['generation']}.ics"

    def move(self, row: Json, start: datetime, minutes: int | None = None) -> None:
        """Drag the event to another time."""
        length = timedelta(minutes=minutes) if minutes else _length(row)
        self._edit(row, lambda text: ics_hands.moved(text, Interval(start=start, end=start + length)))

    def rename(self, row: Json, title: str) -> None:
        self._edit(row, lambda text: ics_hands.renamed(text, title))

    def answer(self, row: Json, who: str, response: Response) -> None:
        self._edit(row, lambda text: ics_hands.answered(text, who, response))

    def uninvite(self, row: Json, who: str) -> None:
        """Take somebody off the guests."""
        lines = self.file(row).read_bytes().replace(b"\r\n ", b"").split(b"\r\n")
        left = [line for line in lines if f"{who}@example.com".encode() not in line]
        self.file(row).write_bytes(b"\r\n".join(left))

    def delete(self, row: Json) -> None:
        self.file(row).unlink()

    def says(self, row: Json) -> str:
        return self.file(row).read_text()

    def event(self, row: Json) -> tuple[str, Interval]:
        """The title and the time of an interview's event."""
        (found,) = ics_hands.listed(self.file(row).read_bytes())
        return found

    def _edit(self, row: Json, change: Callable[[bytes], bytes]) -> None:
        path = self.file(row)
        path.write_bytes(change(path.read_bytes()))


Opened = Callable[[], Awaitable[Office]]


def _is_note(one: Happened) -> bool:
    return one.what in {"note", "nothing"}


def _length(row: Json) -> timedelta:
    return datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"])
