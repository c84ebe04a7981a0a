"""The local calendar: a folder per calendar under one root, one `.ics` file per event; nothing outside this machine.

The organiser's folder holds our events, named by their key. A person's own folder (`asha@example.com/`) is for busy files of
theirs, exported from any calendar app or kept there by khal or vdirsyncer; somebody without a folder has no events of their own
yet. A file that cannot be read makes that person's calendar unknown, never free.

A person may edit any of these files with any app at any time: the next look believes them. Of a deleted event nothing is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from calendars.base import Busy, Changes, Event, EventKey, EventState, Owners, Unknown
from calendars.folder import Folder
from calendars.ical import DOMAIN, BrokenCalendar, Found, key_of, parse, read, uid, write
from calendars.ical_busy import busy_times, merged
from domain.errors import CalendarBusy, CalendarConflict, CalendarRefused
from domain.model import Interval

ORGANISER = "interviews"
KEPT_CURSORS = 20
_NOTES = ".changes"  # where cursors remember what they have seen; apps do not look into hidden folders
T = TypeVar("T")


class LocalCalendar:
    """`root` holds the folders; `owners` tells whose a calendar is. `now` gives the time (aware), `clock` counts seconds."""

    provider = "local"

    def __init__(
        self,
        root: Path,
        *,
        owners: Owners,
        organiser: str = ORGANISER,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._owners, self._organiser, self._now, self._clock = root, owners, organiser, now, clock
        self._folders: dict[str, Folder] = {}
        self._one_at_a_time = threading.Lock()

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        return await self._in_thread(lambda: {name: self._busy(name, span) for name in calendars})

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        return await self._in_thread(lambda: self._put(event, etag))

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        await self._in_thread(lambda: self._cancel(key, etag))

    async def get(self, key: EventKey) -> EventState | None:
        found = await self._in_thread(lambda: self._find(_file(key)))
        return found.state if found else None

    async def changes(self, cursor: str = "") -> Changes:
        return await self._in_thread(lambda: self._changes(cursor))

    async def import_busy(self, calendar: str, name: str, data: bytes) -> int:
        """Keep a busy file as `name`.ics in somebody's folder, in place of the one of that name; how many events it has.
        `CalendarRefused` when it cannot be read or the name cannot be a file's."""
        return await self._in_thread(lambda: self._import(calendar, name, data))

    async def aclose(self) -> None:
        """Nothing is open between calls."""

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def alone() -> T:
            with self._one_at_a_time:
                return work()

        try:
            return await asyncio.to_thread(alone)
        except OSError as error:  # a full disk, a folder that is no folder: nothing of ours was written
            raise CalendarBusy(
                f"{error.filename or self._root}: {error.strerror}", reason="disk", calendar=self._organiser
            ) from error

    def _busy(self, name: str, span: Interval) -> Busy:
        if not _is_folder_name(name):
            return Unknown(reason=f"{name!r} cannot be a folder's name", cure="Use a name such as asha@example.com.")
        owner = self._owners(name)
        first, last = span.start.date(), span.end.date()
        where = name
        try:
            times = busy_times(self._folder(name).blocks(first, last), owner, span)
            if name != self._organiser:
                where = self._organiser
                invited = self._folder(where).blocks(first, last, who=owner.email.lower())
                times += busy_times(invited, owner, span, invited_only=True)
        except BrokenCalendar as error:
            place = self._root / where
            return Unknown(reason=f"{place}/{error}", cure=f"Repair that file in {place} or move it elsewhere.")
        except OSError as error:
            return Unknown(
                reason=f"{error.filename or self._root / where} cannot be read: {error.strerror}",
                cure="Make it readable for the user that the scheduler runs as.",
            )
        return merged(times)

    def _put(self, event: Event, etag: str) -> EventState:
        name = _file(event.key)
        found = self._find(name)
        if found is None:
            if etag:
                raise CalendarConflict(f"{event.title!r} was deleted from the calendar", calendar=self._organiser)
            made = self._folder(self._organiser).create(name, write(event, stamp=self._now()))
            return self._read_back(name) if made else self._put(event, etag)
        if found.says(event):
            return found.state
        if found.state.revision > event.revision:
            raise CalendarConflict(f"a newer revision of {event.title!r} is there", calendar=self._organiser)
        self._refuse_if_changed(found, etag)
        self._folder(self._organiser).replace(name, write(event, stamp=self._now(), found=found))
        return self._read_back(name)

    def _cancel(self, key: EventKey, etag: str) -> None:
        name = _file(key)
        if etag and (found := self._find(name)) is not None:
            self._refuse_if_changed(found, etag)
        self._folder(self._organiser).remove(name)

    def _refuse_if_changed(self, found: Found, etag: str) -> None:
        """An answer to the invitation changes the file as well; only a change of what we wrote counts."""
        if not found.intact and found.state.etag != etag:
            raise CalendarConflict(f"a person has changed {found.state.title!r}", calendar=self._organiser)

    def _find(self, name: str) -> Found | None:
        data = self._folder(self._organiser).read(name)
        if data is None:
            return None
        path = self._root / self._organiser / name
        zone = self._owners(self._organiser).zone
        etag = hashlib.sha256(data).hexdigest()[:32]
        try:
            found = read(data, handle=name, etag=etag, zone=zone, link=path.absolute().as_uri())
        except BrokenCalendar as error:
            raise CalendarRefused(
                f"{path} cannot be read: {error}", reason="broken", calendar=self._organiser
            ) from error
        if found is None:
            raise CalendarRefused(f"{path} holds no event any more", reason="broken", calendar=self._organiser)
        return found

    def _read_back(self, name: str) -> EventState:
        found = self._find(name)
        if found is None:
            raise CalendarConflict("the event was deleted while it was written", calendar=self._organiser)
        return found.state

    def _changes(self, cursor: str) -> Changes:
        seen = {name: entry.etag for name, entry in self._folder(self._organiser).entries().items()}
        known = self._recall(cursor)
        changed = [name for name in sorted(seen) if known is None or known.get(name) != seen[name]]
        states = [state for name in changed if (state := self._state(name)) is not None]
        return Changes(
            events=tuple(states),
            gone=tuple(sorted((known or {}).keys() - seen.keys())),
            cursor=self._remember(seen),
            complete=known is None,
        )

    def _state(self, name: str) -> EventState | None:
        """A file's event; None for somebody else's file that cannot be read, which is no business of ours."""
        try:
            found = self._find(name)
        except CalendarRefused:
            if _key(name) is not None:
                raise
            return None
        return found.state if found else None

    def _remember(self, seen: Mapping[str, str]) -> str:
        """Keep what a cursor has seen; the cursor is its hash, so that the same state has the same cursor anywhere."""
        text = json.dumps(seen, sort_keys=True).encode()
        cursor = hashlib.sha256(text).hexdigest()[:32]
        notes = self._notes()
        if notes.read(f"{cursor}.json") != text:
            notes.replace(f"{cursor}.json", text)
            oldest_first = sorted(notes.path.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
            for path in oldest_first[:-KEPT_CURSORS]:
                notes.remove(path.name)
        return cursor

    def _recall(self, cursor: str) -> Mapping[str, str] | None:
        text = self._notes().read(f"{cursor}.json") if cursor.isalnum() else None
        known: Mapping[str, str] | None = json.loads(text) if text is not None else None
        return known

    def _notes(self) -> Folder:
        return Folder(self._root / _NOTES / self._organiser, clock=self._clock)

    def _import(self, calendar: str, name: str, data: bytes) -> int:
        if not _is_folder_name(calendar) or not _is_folder_name(name):
            raise CalendarRefused(f"{calendar!r} and {name!r} cannot be names of a folder and a file", reason="badName")
        try:
            events = len(parse(data).walk("VEVENT"))
        except BrokenCalendar as error:
            raise CalendarRefused(f"{name}.ics cannot be read: {error}", reason="broken", calendar=calendar) from error
        self._folder(calendar).replace(f"{name}.ics", data)
        return events

    def _folder(self, name: str) -> Folder:
        return self._folders.setdefault(name, Folder(self._root / name, clock=self._clock))


def _file(key: EventKey) -> str:
    return f"{uid(key).removesuffix(f'@{DOMAIN}')}.ics"


def _key(name: str) -> EventKey | None:
    return key_of(f"{name.removesuffix('.ics')}@{DOMAIN}")


def _is_folder_name(name: str) -> bool:
    """Whether a name stays inside the root and is shown by calendar apps."""
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\\0") and len(name.encode()) <= 200
