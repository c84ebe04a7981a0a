"""The local calendar as a folder of files: what is read when, and whose file matters to whom."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from calendars.base import Attendee, Busy, Event, EventKey, Owner, Unknown
from calendars.folder import LOOK_SECONDS, SMALL
from calendars.local import KEPT_CURSORS, LocalCalendar
from domain.errors import CalendarBusy, CalendarRefused
from domain.model import Interval

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SPAN = Interval(start=datetime(2027, 1, 4, tzinfo=UTC), end=datetime(2027, 1, 11, tzinfo=UTC))
KOLKATA = ZoneInfo("Asia/Kolkata")


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Callable[[], LocalCalendar]:
    """Another client of the same folders."""

    def owner(name: str) -> Owner:
        return Owner(email=name, zone=KOLKATA)

    return lambda: LocalCalendar(tmp_path, owners=owner, now=lambda: NOW, clock=clock)


@pytest.fixture
def local(make: Callable[[], LocalCalendar]) -> LocalCalendar:
    return make()


@pytest.fixture
def interviews(tmp_path: Path) -> Path:
    return tmp_path / "interviews"


def event(number: int = 0, *, day: int = 5, guest: str = "asha@example.com") -> Event:
    start = datetime(2027, 1, day, 9, tzinfo=UTC)
    return Event(
        key=EventKey(interview=str(UUID(int=number)), generation=1),
        title=f"Interview {number}",
        description="",
        start=start,
        end=start + timedelta(hours=1),
        timezone="Asia/Kolkata",
        attendees=(Attendee(email=guest, name="A"),),
    )


async def busy(local: LocalCalendar, name: str = "asha@example.com") -> Busy:
    return (await local.busy([name], SPAN))[name]


async def hours(local: LocalCalendar, name: str = "asha@example.com") -> list[str]:
    found = await busy(local, name)
    assert not isinstance(found, Unknown), found
    return [f"{time.start:%d %H}" for time in found]


def text(start: str, *lines: str) -> bytes:
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:x",
        "BEGIN:VEVENT",
        "UID:own",
        f"DTSTART:{start}",
        "DURATION:PT1H",
    ]
    return "\r\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def files(folder: Path) -> list[Path]:
    """Everything in a folder and in those below."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def only(folder: Path) -> Path:
    """The one file of a folder."""
    (path,) = files(folder)
    return path


def in_the_way(path: Path) -> None:
    """A file where a folder should be."""
    path.write_bytes(b"")


def out_of_the_way(path: Path) -> None:
    path.unlink()


def a_tick_later() -> None:
    """Let the file system's clock go on: it stamps what happens within some milliseconds with the same time."""
    time.sleep(0.02)


def overwrite_unnoticed(path: Path, data: bytes) -> None:
    """Change a file so that nothing but reading it can tell."""
    before = path.stat()
    assert len(data) <= before.st_size
    path.write_bytes(data.ljust(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class TestLayout:
    """What other apps see."""

    async def test_one_file_per_event_named_by_its_key(self, local: LocalCalendar, interviews: Path) -> None:
        state = await local.put(event(7))

        path = only(interviews)
        assert path.name == f"{UUID(int=7)}-1.ics" == state.handle
        assert state.link == path.as_uri()
        assert path.stat().st_mode & 0o777 == 0o644
        (component,) = Calendar.from_ical(path.read_bytes()).walk("VEVENT")
        assert component["SUMMARY"] == "Interview 7"

    async def test_only_event_files_count(self, local: LocalCalendar, tmp_path: Path) -> None:
        folder = tmp_path / "asha@example.com"
        folder.mkdir()
        (folder / ".hidden.ics").write_bytes(b"torn")
        (folder / "notes.txt").write_bytes(b"notes")
        (folder / ".x.tmp").write_bytes(b"half")
        (folder / "LUNCH.ICS").write_bytes(text("20270105T120000Z"))

        assert await hours(local) == ["05 12"]

    @pytest.mark.parametrize("name", ["../asha", "a/b", "a\\b", ".", "..", ".changes", "", "x" * 201, "a\0b"])
    async def test_no_name_leaves_the_root(self, name: str, local: LocalCalendar) -> None:
        found = (await local.busy([name], SPAN))[name]

        assert isinstance(found, Unknown)
        assert "folder's name" in found.reason

    async def test_nobody_yet(self, local: LocalCalendar, tmp_path: Path) -> None:
        assert await busy(local) == ()
        assert files(tmp_path) == []

    async def test_a_file_in_place_of_a_folder_is_unknown(self, local: LocalCalendar, tmp_path: Path) -> None:
        (tmp_path / "asha@example.com").write_bytes(b"")

        found = await busy(local)

        assert isinstance(found, Unknown)
        assert "asha@example.com cannot be read" in found.reason


class TestWhose:
    """A broken file concerns those whose it is."""

    async def test_a_broken_file_of_a_persons_own(self, local: LocalCalendar, tmp_path: Path) -> None:
        await local.import_busy("asha@example.com", "good", text("20270105T120000Z"))
        (tmp_path / "asha@example.com" / "torn.ics").write_bytes(text("20270106T120000Z")[:-20])

        found = await busy(local)

        assert isinstance(found, Unknown)
        assert found.reason == f"{tmp_path}/asha@example.com/torn.ics: it ends in the middle"
        assert found.cure == f"Repair that file in {tmp_path}/asha@example.com or move it elsewhere."

    async def test_a_broken_interview_makes_its_guests_unknown_and_nobody_else(
        self, local: LocalCalendar, interviews: Path
    ) -> None:
        await local.put(event(guest="asha@example.com"))
        path = only(interviews)
        path.write_bytes(
            path.read_bytes().replace(b"DTSTART;TZID=Asia/Kolkata:2027", b"DTSTART;TZID=Asia/Kolkata:then")
        )

        assert isinstance(await busy(local), Unknown)
        assert await busy(local, "ben@example.com") == ()

    async def test_a_broken_interview_is_refused_by_its_name(self, local: LocalCalendar, interviews: Path) -> None:
        await local.put(event())
        path = only(interviews)
        path.write_bytes(b"torn")

        for call in (local.get(event().key), local.put(event()), local.changes()):
            with pytest.raises(CalendarRefused, match=path.name):
                await call

    async def test_a_folder_that_cannot_be_written_may_be_mended(self, local: LocalCalendar, interviews: Path) -> None:
        in_the_way(interviews)

        for call in (local.put(event()), local.cancel(event().key), local.changes()):
            with pytest.raises(CalendarBusy, match="interviews"):
                await call

        out_of_the_way(interviews)
        assert (await local.put(event())).key == event().key

    async def test_a_broken_file_of_somebody_elses_does_not_stop_the_changes(
        self, local: LocalCalendar, interviews: Path
    ) -> None:
        await local.put(event())
        (interviews / "lunch.ics").write_bytes(b"torn")

        assert [state.key for state in (await local.changes()).events] == [event().key]

    async def test_the_organisers_own_calendar_can_be_asked(self, local: LocalCalendar) -> None:
        await local.put(event())

        assert await hours(local, "interviews") == ["05 09"]


class TestLooking:
    """Files are read again when they may have changed, and only then."""

    async def test_what_has_not_changed_is_not_read_again(self, local: LocalCalendar, interviews: Path) -> None:
        await local.put(event())
        assert await hours(local) == ["05 09"]
        path = only(interviews)
        overwrite_unnoticed(path, b"torn")

        assert await hours(local) == ["05 09"]

    async def test_what_the_question_is_not_about_is_not_even_parsed(
        self, local: LocalCalendar, interviews: Path, make: Callable[[], LocalCalendar]
    ) -> None:
        for number, (day, guest) in enumerate(
            [(5, "asha@example.com"), (25, "asha@example.com"), (5, "ben@example.com")]
        ):
            await local.put(event(number, day=day, guest=guest))
        fresh = make()
        await fresh.busy(["chloe@example.com"], SPAN)  # skims every file
        for number in (1, 2):
            overwrite_unnoticed(interviews / f"{UUID(int=number)}-1.ics", b"torn")

        assert await hours(fresh) == ["05 09"]

    async def test_our_own_writes_are_known_at_once_in_a_large_folder(
        self, local: LocalCalendar, interviews: Path, clock: Clock
    ) -> None:
        fill(interviews)
        assert await hours(local) == []

        await local.put(event())
        assert await hours(local) == ["05 09"]
        await local.cancel(event().key)
        assert await hours(local) == []

    async def test_files_that_come_and_go_are_seen_at_once_in_a_large_folder(
        self, local: LocalCalendar, interviews: Path
    ) -> None:
        fill(interviews)
        assert await hours(local) == []
        a_tick_later()

        path = interviews / "lunch.ics"
        path.write_bytes(text("20270105T120000Z", "ATTENDEE:mailto:asha@example.com"))
        assert await hours(local) == ["05 12"]
        a_tick_later()
        path.unlink()
        assert await hours(local) == []

    async def test_an_edit_inside_a_file_of_a_large_folder_is_seen_in_seconds(
        self, local: LocalCalendar, interviews: Path, clock: Clock
    ) -> None:
        fill(interviews)
        await local.put(event())
        assert await hours(local) == ["05 09"]
        path = interviews / f"{event().key}.ics"
        with path.open("r+b") as file:  # as an editor that writes in place
            changed = path.read_bytes().replace(b"20270105T1", b"20270106T1")
            file.write(changed)

        clock.seconds += LOOK_SECONDS + 1

        assert await hours(local) == ["06 09"]
        state = await local.get(event().key)
        assert state is not None
        assert state.interval.start.day == 6

    async def test_a_series_in_a_large_folder_blocks_however_old(self, local: LocalCalendar, interviews: Path) -> None:
        fill(interviews)
        rule = "RRULE:FREQ=DAILY;UNTIL=20270107T000000Z"
        (interviews / "old.ics").write_bytes(text("20200101T120000Z", rule, "ATTENDEE:mailto:asha@example.com"))

        assert await hours(local) == ["04 12", "05 12", "06 12"]

    async def test_a_very_long_event_blocks(self, local: LocalCalendar) -> None:
        leave = b"\r\n".join(
            [b"BEGIN:VCALENDAR", b"VERSION:2.0", b"PRODID:x", b"BEGIN:VEVENT", b"UID:l", b"DTSTART;VALUE=DATE:20260601",
             b"DTEND;VALUE=DATE:20270301", b"END:VEVENT", b"END:VCALENDAR", b""]
        )  # fmt: skip
        await local.import_busy("asha@example.com", "leave", leave)

        assert await busy(local) != ()


class TestChanges:
    """Cursors."""

    async def test_the_same_state_has_the_same_cursor(self, local: LocalCalendar) -> None:
        await local.put(event())

        assert (await local.changes()).cursor == (await local.changes()).cursor

    async def test_old_cursors_are_forgotten_in_the_end(self, local: LocalCalendar, tmp_path: Path) -> None:
        first = (await local.changes()).cursor
        for number in range(KEPT_CURSORS + 1):
            await local.put(event(number))
            last = (await local.changes()).cursor

        assert (await local.changes(first)).complete
        assert not (await local.changes(last)).complete
        assert len(list((tmp_path / ".changes" / "interviews").iterdir())) == KEPT_CURSORS


class TestImport:
    """Busy files of people's own."""

    async def test_a_file_comes_in_and_blocks(self, local: LocalCalendar, tmp_path: Path) -> None:
        assert await local.import_busy("asha@example.com", "work", text("20270105T120000Z")) == 1

        assert await hours(local) == ["05 12"]
        assert [path.name for path in (tmp_path / "asha@example.com").iterdir()] == ["work.ics"]

    async def test_coming_again_it_takes_the_place_of_the_first(self, local: LocalCalendar) -> None:
        await local.import_busy("asha@example.com", "work", text("20270105T120000Z"))
        await local.import_busy("asha@example.com", "work", text("20270106T120000Z"))

        assert await hours(local) == ["06 12"]

    @pytest.mark.parametrize(("name", "data"), [("work", b"torn"), ("../work", text("20270105T120000Z"))])
    async def test_what_cannot_be_relied_on_stays_out(
        self, name: str, data: bytes, local: LocalCalendar, tmp_path: Path
    ) -> None:
        with pytest.raises(CalendarRefused):
            await local.import_busy("asha@example.com", name, data)

        assert files(tmp_path) == []

    async def test_the_examples_never_go_stale(self, make: Callable[[], LocalCalendar], tmp_path: Path) -> None:
        examples = Path(__file__).parents[2] / "examples" / "calendars"
        people = sorted(folder.name for folder in examples.iterdir())
        local = make()
        for path in examples.glob("*/*.ics"):
            await local.import_busy(path.parent.name, path.stem, path.read_bytes())

        for year in (2027, 2035):
            month = Interval(start=datetime(year, 6, 1, tzinfo=UTC), end=datetime(year, 7, 1, tzinfo=UTC))
            found = await local.busy(people, month)
            assert {who for who in people if not isinstance(found[who], Unknown) and found[who]} == set(people)


def fill(folder: Path) -> None:
    """More files than a small folder has, all about another month."""
    folder.mkdir()
    for number in range(SMALL + 5):
        (folder / f"other-{number}.ics").write_bytes(text("20270605T120000Z", "DTEND:20270605T130000Z"))
