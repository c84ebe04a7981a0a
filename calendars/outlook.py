"""Outlook: calendars of Microsoft 365 through Microsoft Graph.

Graph gives ids of its own, so an event of ours is found by the mark on it (`outlook_events.py`), and the transaction id of
its first insert makes a repeated one find the first. Invitations, updates and cancellations are mailed by Exchange, one for
each change that we make here.

Plain ids are used, not immutable ones: a deleted event moves to Deleted Items, where an immutable id would still find it.
Signing in lives in `outlook_auth.py`, HTTP and errors in `outlook_http.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import quote

import httpx

from calendars.base import Busy, Changes, Event, EventKey, EventState, Unknown
from calendars.ical_busy import merged
from calendars.outlook_events import (
    EXPAND_MARK,
    Json,
    Mark,
    changed_event,
    fingerprints_of,
    interval_of,
    key_filter,
    key_of,
    new_event,
    state_of,
    wire_utc,
)
from calendars.outlook_http import GRAPH, PAGE, Graph, utc_now
from calendars.outlook_schedule import busy_of
from domain.errors import CalendarBusy, CalendarConflict, CalendarRefused
from domain.model import Interval
from utils import as_utc

PEOPLE_AT_ONCE = 20  # in one getSchedule
LONGEST_LOOK = timedelta(days=60)  # in one getSchedule; Graph allows less than 62 days
WATCHED_BACK = timedelta(days=7)
WATCHED_AHEAD = timedelta(days=400)
RENEW_BEFORE = timedelta(days=370)  # a cursor that sees less far ahead is given up: its window cannot be moved
_DAY = timedelta(days=1)
_FORGOTTEN = {"syncstatenotfound", "syncstateinvalid", "resyncrequired"}


class OutlookCalendar:
    """One account. `user` is the mailbox that events are written to (an address), empty for the one that has signed in:
    an app that acts for itself has to name it. Events go to the mailbox's default calendar. `graph` and `mailbox` (the path of
    it) are for checks of the connection.

    `auth` signs the requests (see `outlook_auth.Tokens`); `clock` gives the time (aware).
    """

    provider = "outlook"

    def __init__(
        self,
        auth: httpx.Auth,
        *,
        user: str = "",
        base_url: str = GRAPH,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._name = user or self.provider
        self.graph = Graph(auth, calendar=self._name, base_url=base_url, transport=transport, clock=clock)
        self.mailbox = f"/users/{quote(user, safe='@')}" if user else "/me"
        self._clock = clock

    @property
    def requests(self) -> int:
        """Requests to Graph made so far, for the account's quota."""
        return self.graph.requests

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        """One call for twenty people and sixty days. A person whose mailbox cannot be read is Unknown; `CalendarError`
        when the whole call fails."""
        answer: dict[str, Busy] = {}
        for names in _batches(dict.fromkeys(calendars), PEOPLE_AT_ONCE):
            answer |= await self._busy(names, span)
        return answer

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        """See `Calendar.put`. A first insert is one call, a change is two: Graph keeps the block with the Teams link in the
        body, which has to be read before the body is written."""
        if not etag and not event.revision:
            return await self._create(event)
        found = await self._find(event.key)
        if found:
            return await self._bring(found[0], event, etag)
        if etag:
            raise self._conflict(f"{event.title!r} was deleted from Outlook", reason="deleted")
        return await self._create(event)

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        """See `Calendar.cancel`. Exchange tells those invited."""
        for raw in await self._find(key):
            if etag:
                self._refuse_if_changed(raw, etag)
            try:
                await self.graph.call("DELETE", self.path(raw["id"]), if_match=raw["@odata.etag"] if etag else "")
            except CalendarConflict as error:
                if error.reason != "ErrorItemNotFound":  # gone meanwhile is what was asked for
                    raise

    async def get(self, key: EventKey) -> EventState | None:
        """See `Calendar.get`. Graph remembers nothing of a deleted event. Should there be twins, the oldest is it."""
        found = await self._find(key)
        return _marked_state(found[0]) if found else None

    async def changes(self, cursor: str = "") -> Changes:
        """See `Calendar.changes`. Watched is the time from a week ago to 400 days ahead; an event that is moved out of it
        is told as gone, and so are changes of events that were never in it, by handles that nobody knows."""
        place = _read_cursor(cursor)
        if place is None or not self.graph.knows(place[0]) or place[1] < self._clock() + RENEW_BEFORE:
            return await self._changes_from_scratch()
        link, until = place
        try:
            delta = await self.graph.pages(link, page_size=PAGE)
        except CalendarRefused as error:
            if error.reason.lower() not in _FORGOTTEN:
                raise
            return await self._changes_from_scratch()
        return await self._told(delta.rows, _write_cursor(delta.delta_link, until), complete=False)

    async def aclose(self) -> None:
        await self.graph.aclose()

    async def _busy(self, names: Sequence[str], span: Interval) -> dict[str, Busy]:
        times: dict[str, list[Interval]] = {name: [] for name in names}
        unknown: dict[str, Unknown] = {}
        for part in _parts(span):
            body = {
                "schedules": list(names),
                # A day more on each side: Graph compares all-day events as if everybody lived in UTC.
                "startTime": wire_utc(part.start - _DAY),
                "endTime": wire_utc(part.end + _DAY),
                "availabilityViewInterval": 1440,  # the view itself is not used: the shortest one will do
            }
            answer = await self.graph.call("POST", f"{self.mailbox}/calendar/getSchedule", json=body)
            rows = {str(row.get("scheduleId", "")).lower(): row for row in answer.get("value") or ()}
            for name in names:
                busy = busy_of(rows.get(name.lower()), span)
                if isinstance(busy, Unknown):
                    unknown[name] = busy
                else:
                    times[name] += busy
        return {name: unknown.get(name) or merged(times[name]) for name in names}

    async def _create(self, event: Event) -> EventState:
        raw = await self.graph.call("POST", f"{self.mailbox}/calendar/events", json=new_event(event))
        if event.fingerprint in fingerprints_of(raw) and not raw.get("isCancelled"):
            return state_of(raw, key=event.key, revision=event.revision)
        # Either it is the event of an earlier try, which has changed since, or Outlook has made something else of it.
        found = await self._find(event.key)
        if not found:
            raise self._conflict(f"{event.title!r} was deleted from Outlook", reason="deleted")
        return await self._bring(found[0], event, "")

    async def _bring(self, raw: Json, event: Event, etag: str, *, look_again: bool = True) -> EventState:
        """Bring an event of ours to what it should say, unless a person has been there."""
        mark = _mark(raw)
        if mark.revision > event.revision:
            raise self._conflict(f"a newer revision of {event.title!r} is in Outlook", reason="newer")
        if mark.revision == event.revision and event.fingerprint in fingerprints_of(raw):
            return _marked_state(raw)
        self._refuse_if_changed(raw, etag)
        body = changed_event(event, raw=raw)
        try:
            changed = await self.graph.call("PATCH", self.path(raw["id"]), json=body, if_match=raw["@odata.etag"])
        except CalendarConflict as error:
            # Something came between reading and writing, perhaps only an answer: look again, once.
            if not look_again:
                words = f"{event.title!r} is changing in Outlook all the time"
                raise CalendarBusy(words, reason="changing", calendar=self._name) from error
            found = await self._find(event.key)
            if not found:
                raise
            return await self._bring(found[0], event, etag, look_again=False)
        return state_of(changed, key=event.key, revision=event.revision)

    def _refuse_if_changed(self, raw: Json, etag: str) -> None:
        """An answer to the invitation is no change; neither is a version that the caller has seen."""
        intact = _mark(raw).fingerprint in fingerprints_of(raw)
        seen = etag.partition(".")[0] == fingerprints_of(raw)[0]
        if not intact and not seen:
            raise self._conflict(f"a person has changed {raw.get('subject')!r} in Outlook", reason="changed")

    def _conflict(self, message: str, *, reason: str) -> CalendarConflict:
        return CalendarConflict(message, reason=reason, calendar=self._name)

    async def _find(self, key: EventKey) -> Sequence[Json]:
        """The events under a key, the oldest first; more than one only when Outlook has let a twin pass."""
        params = {"$filter": key_filter(key), "$expand": EXPAND_MARK, "$top": str(PAGE)}
        answer = await self.graph.pages(f"{self.mailbox}/calendar/events", params=params)
        live = [raw for raw in answer.rows if not raw.get("isCancelled")]
        return sorted(live, key=lambda raw: str(raw.get("createdDateTime")))

    async def _changes_from_scratch(self) -> Changes:
        now = self._clock()
        until = now + WATCHED_AHEAD
        params = {"startDateTime": wire_utc(now - WATCHED_BACK)["dateTime"], "endDateTime": wire_utc(until)["dateTime"]}
        delta = await self.graph.pages(f"{self.mailbox}/calendarView/delta", params=params, page_size=PAGE)
        return await self._told(delta.rows, _write_cursor(delta.delta_link, until), complete=True)

    async def _told(self, rows: Sequence[Json], cursor: str, *, complete: bool) -> Changes:
        """A delta does not show marks, so what may be ours is read once more, all of it in one list."""
        latest = {raw["id"]: raw for raw in rows}  # a round may tell an event twice: its last word counts
        gone = tuple(handle for handle, raw in latest.items() if "@removed" in raw)
        living = [raw for raw in latest.values() if "@removed" not in raw and raw.get("type") != "seriesMaster"]
        ours = [raw for raw in living if key_of(raw)]
        if ours:
            marked = {raw["id"]: raw for raw in await self._marked_in(_hull(ours))}
            # One that has moved or gone since the delta is not in the list; the next delta tells it.
            seen = [marked[raw["id"]] for raw in ours if raw["id"] in marked]
            living = [raw for raw in living if not key_of(raw)] + seen
        return Changes(events=tuple(_readable(living)), gone=gone, cursor=cursor, complete=complete)

    async def _marked_in(self, span: Interval) -> Sequence[Json]:
        params = {
            "startDateTime": wire_utc(span.start)["dateTime"],
            "endDateTime": wire_utc(span.end)["dateTime"],
            "$expand": EXPAND_MARK,
            "$top": str(PAGE),
        }
        return (await self.graph.pages(f"{self.mailbox}/calendar/calendarView", params=params)).rows

    def path(self, handle: str) -> str:
        """The path of an event, for `graph`."""
        return f"{self.mailbox}/events/{quote(handle, safe='')}"


def _mark(raw: Json) -> Mark:
    mark = Mark.read(raw)
    if mark is None:
        raise CalendarRefused("Outlook found an event by its mark, but does not show it", reason="markHidden")
    return mark


def _marked_state(raw: Json) -> EventState:
    mark = Mark.read(raw)
    return state_of(raw, key=mark.key if mark else None, revision=mark.revision if mark else 0)


def _readable(rows: Iterable[Json]) -> Iterator[EventState]:
    """The states of events; somebody else's that cannot be read is no business of ours."""
    for raw in rows:
        try:
            yield _marked_state(raw)
        except CalendarRefused:
            if Mark.read(raw):
                raise


def _hull(rows: Iterable[Json]) -> Interval:
    intervals = [interval_of(raw) for raw in rows]
    return Interval(start=min(one.start for one in intervals), end=max(one.end for one in intervals))


def _parts(span: Interval) -> Iterator[Interval]:
    start = span.start
    while start < span.end:
        end = min(start + LONGEST_LOOK - 2 * _DAY, span.end)
        yield Interval(start=start, end=end)
        start = end


def _batches(names: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    rest = iter(names)
    while batch := list(islice(rest, size)):
        yield batch


def _write_cursor(link: str, until: datetime) -> str:
    return json.dumps({"link": link, "until": until.isoformat()})


def _read_cursor(cursor: str) -> tuple[str, datetime] | None:
    """The link and how far it sees; None for a cursor that is none of ours."""
    try:
        parts = json.loads(cursor)
        return str(parts["link"]), as_utc(datetime.fromisoformat(parts["until"]))
    except (ValueError, KeyError, TypeError):
        return None
