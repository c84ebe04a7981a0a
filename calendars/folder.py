"""A folder of `.ics` files as one calendar: read once, kept in memory while they stay as they are, written atomically.

The layout is the one that khal, vdirsyncer and most apps share: flat, one file per event (a file with many is read too). A file's
name and place are its identity, its content hash its version. What an event means lives in `ical.py` and `ical_busy.py`.

A file is skimmed when it is first seen or has changed, for the days it may touch and the addresses in it; only what a question
is about is parsed. So a question costs what it is about, however much else is in the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from calendars.ical import BrokenCalendar, parse
from calendars.ical_busy import Block, blocks

SMALL = 200  # files: a folder up to this size is looked through at every question
# How long an edit inside a file of a larger folder may stay unseen; new, renamed and deleted files never do.
LOOK_SECONDS = 5.0
KEPT_MONTHS = 20_000  # parsed (file, month) pairs in memory
ALL = ""  # in the index: everybody

_FOLD = re.compile(rb"\r?\n[ \t]")
_ZONES = re.compile(rb"^BEGIN:VTIMEZONE.*?^END:VTIMEZONE", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_BOUNDLESS = re.compile(rb"^(RRULE|RDATE|DURATION|FREEBUSY|RECURRENCE-ID)\b", re.MULTILINE | re.IGNORECASE)
_TIMES = re.compile(rb"^DT(?:START|END)\b[^\r\n]*:(\d{8})", re.MULTILINE | re.IGNORECASE)
_PEOPLE = re.compile(rb"mailto:([^\s;,\"]+)", re.IGNORECASE)
_LONGEST = 40  # days: an event over more is asked for every time, rather than listed under each of its days

Stamp = tuple[int, int, int]  # modification time, size and inode: the same as long as nobody writes


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is known of a file without parsing it. `days` is None when any day may be touched."""

    name: str
    stamp: Stamp
    etag: str
    days: tuple[date, ...] | None
    people: frozenset[str]


class Folder:
    """One folder; it need not exist yet. Not for two threads at once. `clock` counts seconds."""

    def __init__(self, path: Path, *, clock: Callable[[], float]) -> None:
        self.path, self._clock = path, clock
        self._entries: dict[str, Entry] = {}
        self._index: defaultdict[tuple[str, date | None], set[str]] = defaultdict(set)
        self._parsed: OrderedDict[tuple[str, str, date], tuple[Block, ...]] = OrderedDict()
        self._left_at = -1  # the folder's modification time when it was looked through, or written to by us
        self._looked = float("-inf")

    def entries(self) -> dict[str, Entry]:
        """Every file, after looking through all of them."""
        self._look()
        return self._entries

    def blocks(self, first: date, last: date, *, who: str = ALL) -> Iterator[Block]:
        """What takes time on these days, in files that name the address `who` (all files when empty).

        `BrokenCalendar` names the file that cannot be read.
        """
        if (
            len(self._entries) <= SMALL
            or self._modified() != self._left_at
            or self._clock() - self._looked > LOOK_SECONDS
        ):
            self._look()
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        names = set(self._index.get((who, None), ())).union(*(self._index.get((who, day), ()) for day in days))
        for name in sorted(names):
            for month in _months(first, last):
                yield from self._month(self._entries[name], month)

    def read(self, name: str) -> bytes | None:
        """A file's text as it is now; None when it is not there."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def create(self, name: str, data: bytes) -> bool:
        """Write a file that is not there yet, whole or not at all; False when it is there meanwhile."""
        with self._written(data) as temporary:
            try:
                os.link(temporary, self.path / name)
            except FileExistsError:
                return False
        self._sync(name, data)
        return True

    def replace(self, name: str, data: bytes) -> None:
        """Put a text in place of a file's, whole or not at all."""
        with self._written(data) as temporary:
            temporary.replace(self.path / name)
        self._sync(name, data)

    def remove(self, name: str) -> None:
        """Delete a file; gone already is fine."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / name).unlink()
            self._sync(name, None)

    def _look(self) -> None:
        """Skim what is new or changed, forget what is gone."""
        self._left_at, self._looked = self._modified(), self._clock()
        seen: dict[str, Stamp] = {}
        try:
            with os.scandir(self.path) as found:
                for item in found:
                    if _is_event_file(item.name):
                        with contextlib.suppress(FileNotFoundError):  # deleted while we look
                            seen[item.name] = _stamp(item.stat())
        except FileNotFoundError:  # nobody has made it yet: an empty calendar
            seen = {}
        for name in self._entries.keys() - seen.keys():
            self._forget(name)
        for name, stamp in seen.items():
            known = self._entries.get(name)
            if (known is None or known.stamp != stamp) and (data := self.read(name)) is not None:
                self._note(skim(name, stamp, data))

    def _note(self, entry: Entry) -> None:
        self._forget(entry.name)
        self._entries[entry.name] = entry
        for key in _keys(entry):
            self._index[key].add(entry.name)

    def _forget(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        for key in _keys(entry) if entry else ():
            self._index[key].discard(name)

    def _month(self, entry: Entry, month: date) -> tuple[Block, ...]:
        key = (entry.name, entry.etag, month)
        if key not in self._parsed:
            data = self.read(entry.name)
            try:
                self._parsed[key] = blocks(parse(data), month, _last_day(month)) if data is not None else ()
            except BrokenCalendar as error:
                raise BrokenCalendar(f"{entry.name}: {error}") from error
            if len(self._parsed) > KEPT_MONTHS:
                self._parsed.popitem(last=False)
        self._parsed.move_to_end(key)
        return self._parsed[key]

    @contextlib.contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """A temporary file beside the others, on the disk for good, that calendar apps do not look at; gone afterwards."""
        self.path.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _sync(self, name: str, data: bytes | None) -> None:
        """Make the change of the folder last through a power cut, and know about it without looking through it again."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if data is None:
            self._forget(name)
        else:
            with contextlib.suppress(FileNotFoundError):
                self._note(skim(name, _stamp((self.path / name).stat()), data))
        self._left_at = self._modified()

    def _modified(self) -> int:
        try:
            return self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return -1


def skim(name: str, stamp: Stamp, data: bytes) -> Entry:
    """The days a text may touch and the addresses in it, found without parsing; generous where it is not plain."""
    text = _FOLD.sub(b"", data)
    people = frozenset(address.decode(errors="replace").lower() for address in _PEOPLE.findall(text))
    etag = hashlib.sha256(data).hexdigest()[:32]
    return Entry(name=name, stamp=stamp, etag=etag, days=_days(_ZONES.sub(b"", text)), people=people)


def _days(text: bytes) -> tuple[date, ...] | None:
    """The days between the first and last date of a text, a day more on each side for zones; None when it is not plain."""
    begins = text.upper().count(b"BEGIN:VEVENT")
    found = _TIMES.findall(text)
    if not begins or len(found) != 2 * begins or _BOUNDLESS.search(text):
        return None
    try:
        dates = sorted(date(int(one[:4]), int(one[4:6]), int(one[6:])) for one in found)
        first, last = dates[0] - timedelta(days=1), dates[-1] + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    length = (last - first).days + 1
    return tuple(first + timedelta(days=number) for number in range(length)) if length <= _LONGEST else None


def _keys(entry: Entry) -> Iterator[tuple[str, date | None]]:
    for who in (ALL, *entry.people):
        for day in entry.days or (None,):
            yield who, day


def _is_event_file(name: str) -> bool:
    return name.lower().endswith(".ics") and not name.startswith(".")


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = _last_day(month) + timedelta(days=1)


def _last_day(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
