"""CalDAV calendars (iCloud, Nextcloud, Fastmail, Radicale): RFC 4791 for events, RFC 6578 for what changed.

A calendar's name is its address (`https://…/`), or the name that it has in the account: its display name or the last part of
its address, so that a calendar shared with the account is found by what its owner called it. Nobody's calendar is found by
guessing; one that is neither is unknown.

Our events lie under a fixed address made of their key and are written only on condition (`If-None-Match`, `If-Match`): a retry
finds the first try's event. A server that knows scheduling (RFC 6638) invites the attendees itself; nobody else should. Of a
deleted event CalDAV keeps nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from calendars.base import Busy, Changes, Event, EventKey, EventState, Owners, Unknown
from calendars.dav import CALDAV, DAV, DavClient, Item, Multistatus, PreconditionFailed, element, normal_path, report
from calendars.ical import DOMAIN, BrokenCalendar, Found, key_of, parse, read, uid, write
from calendars.ical_busy import Block, blocks, busy_times, merged
from domain.errors import CalendarBusy, CalendarConflict, CalendarRefused
from domain.model import Interval

ORGANISER = "interviews"  # the calendar that events go to, where an account has several
AT_ONCE = 4  # calendars read at the same time
BATCH = 50  # events fetched by one request
TRIES = 3  # when somebody else writes at the same moment
_DATA = f"{CALDAV}calendar-data"
_ETAG = f"{DAV}getetag"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Account:
    """What discovery found: calendars by each of their names in lower case, ours, and the account's mail address."""

    names: Mapping[str, str]
    organiser: str
    email: str


class CalDavCalendar:
    """One account. `url` is the server, the account's home or a calendar; with the last, that one holds our events. `owners`
    tells whose a calendar is; `now` gives the time (aware). `CalendarRefused` when the address is not safe to use."""

    provider = "caldav"

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        owners: Owners,
        organiser: str = ORGANISER,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._dav = DavClient(url, username=username, password=password, now=now, transport=transport)
        self._username, self._owners, self._wanted, self._now = username, owners, organiser, now
        self._found: _Account | None = None
        self._discovering = asyncio.Lock()
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def requests(self) -> int:
        """HTTP requests made so far."""
        return self._dav.requests

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        answers = await asyncio.gather(*(self._busy(name, span) for name in calendars))
        failed = [answer for answer in answers if isinstance(answer, CalendarBusy)]
        if failed and len(failed) == len(answers):
            raise failed[0]
        # Where others answered, what fails is that calendar: waiting for it would hold up everybody.
        return {
            name: _unknown(name, str(answer), passing=True) if isinstance(answer, CalendarBusy) else answer
            for name, answer in zip(calendars, answers, strict=True)
        }

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        for _ in range(TRIES):
            try:
                return await self._put(event, etag)
            except PreconditionFailed:
                continue  # somebody wrote in between: look again at what is there now
        raise CalendarBusy(f"{event.title!r} is being changed by somebody else", reason="contended")

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        path = await self._path(key)
        for _ in range(TRIES):
            condition: dict[str, str] = {}
            if etag:
                found = await self._find(path)
                if found is None:
                    return
                _refuse_if_changed(found, etag)
                condition = {"If-Match": _strong(found.state.etag)}
            try:
                await self._dav.request("DELETE", path, headers=condition)
            except PreconditionFailed:
                continue
            return
        raise CalendarBusy(f"{key} is being changed by somebody else", reason="contended")

    async def get(self, key: EventKey) -> EventState | None:
        found = await self._find(await self._path(key))
        return found.state if found else None

    async def changes(self, cursor: str = "") -> Changes:
        account = await self._account()
        try:
            items, token = await self._sync(account.organiser, cursor)
        except CalendarRefused as error:
            if not cursor or error.reason not in {"forgottenToken", "403", "409", "410", "400"}:
                raise
            cursor, (items, token) = "", await self._sync(account.organiser, "")
        inside = [item for item in items if item.path != normal_path(account.organiser)]
        gone = tuple(sorted(item.path for item in inside if item.status in (404, 410))) if cursor else ()
        living = [item.path for item in inside if item.status not in (404, 410)]
        states = await self._fetch(account.organiser, living)
        return Changes(events=tuple(states), gone=gone, cursor=token, complete=not cursor)

    async def aclose(self) -> None:
        await self._dav.aclose()

    async def _busy(self, name: str, span: Interval) -> Busy | CalendarBusy:
        """The answer for one calendar; a failure that may pass is given back, so that the others' answers are not lost."""
        async with self._slots:
            try:
                found = await self._blocks(await self._locate(name), span)
                return merged(busy_times(found, self._owners(name), span))
            except (CalendarRefused, BrokenCalendar) as error:
                return _unknown(name, str(error))
            except CalendarBusy as error:
                return error

    async def _locate(self, name: str) -> str:
        if "://" in name:
            return name
        path = (await self._account()).names.get(name.lower())
        if path is None:
            raise CalendarRefused(
                f"{self._username} sees no calendar called {name!r}", reason="notFound", calendar=name
            )
        return path

    async def _blocks(self, url: str, span: Interval) -> Sequence[Block]:
        """What takes time in the span; a day more is asked for on each side, because floating and all-day times lie elsewhere
        for the server than for their owner."""
        start, end = span.start - timedelta(days=1), span.end + timedelta(days=1)
        query = report(
            "c:calendar-query",
            "<d:prop><c:calendar-data/></d:prop>"
            '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
            f'<c:time-range start="{start:%Y%m%dT%H%M%SZ}" end="{end:%Y%m%dT%H%M%SZ}"/>'
            "</c:comp-filter></c:comp-filter></c:filter>",
        )
        answer = await self._dav.multistatus("REPORT", url, query, depth=1)
        if answer is None:
            raise CalendarRefused(f"there is no calendar at {url}", reason="notFound", calendar=url)
        return await asyncio.to_thread(_parsed, answer.items, start, end)

    async def _put(self, event: Event, etag: str) -> EventState:
        path = await self._path(event.key)
        if not etag and not event.revision:
            try:
                return await self._write(path, event, found=None)
            except PreconditionFailed:
                pass  # it is there already, from an earlier try
        found = await self._find(path)
        if found is None:
            if etag:
                raise CalendarConflict(f"{event.title!r} was deleted from the calendar", calendar=path)
            return await self._write(path, event, found=None)
        if found.says(event):
            return found.state
        if found.state.revision > event.revision:
            raise CalendarConflict(f"a newer revision of {event.title!r} is there", calendar=path)
        _refuse_if_changed(found, etag)
        return await self._write(path, event, found=found)

    async def _write(self, path: str, event: Event, *, found: Found | None) -> EventState:
        account = await self._account()
        text = write(event, stamp=self._now(), organiser=account.email, found=found)
        condition = {"If-Match": _strong(found.state.etag)} if found else {"If-None-Match": "*"}
        try:
            answer = await self._dav.request(
                "PUT", path, text, {"Content-Type": "text/calendar; charset=utf-8", **condition}
            )
        except CalendarRefused as error:
            if error.reason == "uidConflict":
                raise CalendarConflict(f"{event.title!r} was moved to another calendar", calendar=path) from error
            raise
        if answer.status in (404, 410):
            raise CalendarRefused(f"the calendar {account.organiser} is gone", reason="notFound", calendar=path)
        etag = answer.headers.get("etag", "")
        if etag and not etag.startswith("W/"):  # the server keeps the text as it is (RFC 4791 5.3.4)
            made = self._read(path, etag, text)
        else:
            made = await self._find(path)
        if made is None:
            raise CalendarConflict(f"{event.title!r} was deleted while it was written", calendar=path)
        return made.state

    async def _find(self, path: str) -> Found | None:
        answer = await self._dav.request("GET", path)
        if answer.status in (404, 410):
            return None
        found = self._read(path, answer.headers.get("etag", ""), answer.body)
        if found is None:
            raise CalendarRefused(f"{path} holds no event any more", reason="broken", calendar=path)
        return found

    def _read(self, path: str, etag: str, body: bytes) -> Found | None:
        try:
            return read(body, handle=path, etag=etag, zone=self._owners(self._wanted).zone)
        except BrokenCalendar as error:
            raise CalendarRefused(f"{path} cannot be read: {error}", reason="broken", calendar=path) from error

    async def _sync(self, url: str, token: str) -> tuple[Sequence[Item], str]:
        """All that changed since a token; a server that cuts its answer short (507) is asked on."""
        found: dict[str, Item] = {}
        while True:
            inside = element("d:sync-token", token) + element("d:sync-level", "1") + "<d:prop><d:getetag/></d:prop>"
            answer = await self._dav.multistatus("REPORT", url, report("d:sync-collection", inside))
            if answer is None or not answer.sync_token or (answer.sync_token == token and _is_cut(answer)):
                raise CalendarRefused(f"{url} cannot tell what has changed", reason="noSync", calendar=url)
            found.update({item.path: item for item in answer.items if item.status != 507})
            token = answer.sync_token
            if not _is_cut(answer):
                return tuple(found.values()), token

    async def _fetch(self, url: str, paths: Sequence[str]) -> list[EventState]:
        states: list[EventState] = []
        for batch in _batches(paths):
            inside = "<d:prop><d:getetag/><c:calendar-data/></d:prop>" + "".join(
                element("d:href", path) for path in batch
            )
            answer = await self._dav.multistatus("REPORT", url, report("c:calendar-multiget", inside), depth=1)
            for item in answer.items if answer else ():
                if item.text(_DATA):  # what was deleted since has none; the next sync tells it
                    states += self._state(item)
        return states

    def _state(self, item: Item) -> Iterator[EventState]:
        """A resource's event; nothing for somebody else's that cannot be read, which is no business of ours."""
        try:
            found = self._read(item.path, item.text(_ETAG), item.text(_DATA).encode())
        except CalendarRefused:
            if _key(item.path) is not None:
                raise
            return
        if found is not None:
            yield found.state

    async def _path(self, key: EventKey) -> str:
        account = await self._account()
        return normal_path(f"{account.organiser.rstrip('/')}/{uid(key).removesuffix(f'@{DOMAIN}')}.ics")

    async def _account(self) -> _Account:
        async with self._discovering:
            if self._found is None:
                self._found = await self._discover()
            return self._found

    async def _discover(self) -> _Account:
        """The calendars of the account, by RFC 6764 and 4791: the address itself, its principal, the principal's home."""
        kinds = [f"{DAV}resourcetype", f"{DAV}displayname", f"{CALDAV}supported-calendar-component-set"]
        whose = [f"{DAV}current-user-principal", *kinds]
        home = self._dav.home
        items = await self._dav.propfind(home, whose) or await self._dav.propfind("/.well-known/caldav", whose)
        principal = next(iter(items[0].hrefs(f"{DAV}current-user-principal")), "") if items else ""
        wanted = [f"{CALDAV}calendar-home-set", f"{CALDAV}calendar-user-address-set"]
        people = await self._dav.propfind(principal, wanted) if principal else ()
        folders = people[0].hrefs(f"{CALDAV}calendar-home-set") if people else []
        if not folders:
            raise CalendarRefused(
                f"{home} does not say whose calendars it has: is it a CalDAV address?", reason="notCalDav"
            )
        self._dav.move_to(folders[0])
        listed: list[Item] = []
        for folder in folders:
            listed += [item for item in await self._dav.propfind(folder, kinds, depth=1) if _is_calendar(item)]
        addresses = people[0].hrefs(f"{CALDAV}calendar-user-address-set")
        emails = [address for href in [*addresses, self._username] if "@" in (address := href.removeprefix("mailto:"))]
        organiser = normal_path(home) if _is_calendar(items[0]) else self._choose(listed)
        return _Account(names=dict(_names(listed)), organiser=organiser, email=emails[0] if emails else "")

    def _choose(self, listed: Sequence[Item]) -> str:
        named = dict(_names(listed)).get(self._wanted.lower())
        if named is not None:
            return named
        if len(listed) == 1:
            return listed[0].path
        names = ", ".join(sorted(item.text(f"{DAV}displayname") or item.path for item in listed)) or "none"
        raise CalendarRefused(
            f"no calendar called {self._wanted!r} for the interviews; there are: {names}. Make one of that name, or give the "
            "full address of another as CALDAV_URL",
            reason="noCalendar",
        )


def _refuse_if_changed(found: Found, etag: str) -> None:
    """An answer to the invitation is a new version as well; only a change of what we wrote counts."""
    if not found.intact and found.state.etag != etag:
        raise CalendarConflict(f"a person has changed {found.state.title!r}", calendar=found.state.handle)


def _key(path: str) -> EventKey | None:
    return key_of(f"{path.rpartition('/')[2].removesuffix('.ics')}@{DOMAIN}")


def _strong(etag: str) -> str:
    """Some proxies mark etags as weak that the server behind them compares as strong ones."""
    return etag.removeprefix("W/")


def _parsed(items: Sequence[Item], start: datetime, end: datetime) -> list[Block]:
    found: list[Block] = []
    for item in items:
        if not item.text(_DATA):
            continue
        try:
            found += blocks(parse(item.text(_DATA).encode()), start.date(), end.date())
        except BrokenCalendar as error:
            raise BrokenCalendar(f"{item.path}: {error}") from error
    return found


def _is_calendar(item: Item) -> bool:
    """Whether it is a calendar for events; one for tasks only is none."""
    kind = item.found.get(f"{DAV}resourcetype")
    if kind is None or kind.find(f"{CALDAV}calendar") is None:
        return False
    parts = item.found.get(f"{CALDAV}supported-calendar-component-set")
    return parts is None or "VEVENT" in {part.get("name") for part in parts}


def _names(listed: Sequence[Item]) -> Iterator[tuple[str, str]]:
    for item in listed:
        yield item.path.rstrip("/").rpartition("/")[2].lower(), item.path
    for item in listed:
        if item.text(f"{DAV}displayname"):
            yield item.text(f"{DAV}displayname").lower(), item.path


def _is_cut(answer: Multistatus) -> bool:
    return any(item.status == 507 for item in answer.items)


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), BATCH):
        yield paths[start : start + BATCH]


def _unknown(name: str, reason: str, *, passing: bool = False) -> Unknown:
    cure = f"Check the address {name} in the SOP, and that the CalDAV account may read it."
    return Unknown(reason=reason, cure=cure, passing=passing)
