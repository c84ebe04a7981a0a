"""Google Calendar: one account that keeps our events in one of its calendars and reads people's free/busy.

An event's id is made of its key, so that a repeated insert finds the first one's event (a 409) and is compared with it; a deleted
event keeps its id for good, which is why a rebooked interview has a higher generation. Each change names the version that it was
made from. Google mails those invited: once for each change that is made, because one that is repeated is not made again.

Translation lives in `google_events.py` and `google_busy.py`, signing in and HTTP in `google_http.py`, errors in
`google_errors.py`, the check of a connection in `google_check.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from calendars.base import Busy, Changes, Event, EventKey, EventState
from calendars.google_busy import PEOPLE_AT_ONCE, answered, parts, question
from calendars.google_events import (
    Json,
    changed_event,
    event_id,
    fingerprint_of,
    has_times,
    is_all_day,
    is_cancelled,
    is_intact,
    new_event,
    revision_of,
    state_of,
)
from calendars.google_http import API, SIGN_IN, TIMEOUT, Access, Ask, Wire, utc_now
from domain.errors import CalendarBusy, CalendarConflict, CalendarError, CalendarRefused
from domain.model import Interval

PAGE = 2500  # events; the most that Google gives at once
_UTC = ZoneInfo("UTC")
# Google's words, and what stands for them when an answer has none.
_CHANGED = {"conditionNotMet", "http412"}
_GONE = {"deleted", "http410"}
_LOOK_AGAIN = _CHANGED | _GONE | {"forbidden", "notFound"}  # a change of a deleted event is forbidden
_FORGOTTEN = {"fullSyncRequired", "updatedMinTooLongAgo", "invalid", "invalidParameter", "badRequest"}

SendUpdates = Literal["all", "externalOnly", "none"]


class GoogleCalendar:
    """`calendar` is the id of the one that events are written to (`primary`: the account's own). `send_updates` says who is
    mailed about events. `base_url` and `token_uri` are Google's unless told; `timeout` is in seconds; `clock` gives the time
    (aware)."""

    provider = "google"

    def __init__(
        self,
        access: Access,
        *,
        calendar: str = "primary",
        send_updates: SendUpdates = "all",
        base_url: str = API,
        token_uri: str = SIGN_IN,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.calendar = calendar
        self.wire = Wire(
            access, calendar=calendar, base_url=base_url, token_uri=token_uri, timeout=timeout, clock=clock
        )
        self._write = {"calendarId": calendar, "sendUpdates": send_updates}

    @property
    def requests(self) -> int:
        """Requests to Google made so far, for the account's quota."""
        return self.wire.requests

    async def busy(self, calendars: Sequence[str], span: Interval) -> Mapping[str, Busy]:
        """See `Calendar.busy`. One call for fifty people and sixty days."""
        names = list(dict.fromkeys(calendars))
        found: dict[str, Busy] = {}
        for start in range(0, len(names), PEOPLE_AT_ONCE):
            found |= await self._busy(names[start : start + PEOPLE_AT_ONCE], span)
        return found

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        """See `Calendar.put`. A first insert is one call; a change is two, because Google would take a list of guests
        without their answers for new guests."""
        if etag or event.revision:
            raw = await self._find(event.key)
            if raw:
                return await self._bring(raw, event, etag)
            if etag:
                raise self._conflict(f"{event.title!r} is gone from the calendar", "deleted")
        return await self._create(event)

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        """See `Calendar.cancel`. Google tells those invited."""
        if await self._delete(key, etag):
            return
        raw = await self._find(key)
        if raw is None or is_cancelled(raw):
            return
        if not is_intact(raw, await self._zone_of(raw)):
            raise self._conflict("somebody has changed the event since", "changed")
        if not await self._delete(key, raw["etag"]):
            raise self._restless()

    async def get(self, key: EventKey) -> EventState | None:
        """See `Calendar.get`. Google remembers a deleted event for a long time."""
        raw = await self._find(key)
        if raw is None or not has_times(raw):
            return None
        return await self._state(raw)

    async def changes(self, cursor: str = "") -> Changes:
        """See `Calendar.changes`. A repeated event of somebody's own is told once, at its first time."""
        if cursor:
            try:
                return await self._listed(cursor)
            except CalendarError as error:
                if error.reason not in _FORGOTTEN:
                    raise
        return await self._listed("")

    async def aclose(self) -> None:
        await self.wire.aclose()

    async def _busy(self, names: Sequence[str], span: Interval) -> dict[str, Busy]:
        answers = [await self.wire.call(_free_busy(question(names, part))) for part in parts(span)]
        return {name: answered(name, answers) for name in names}

    async def _create(self, event: Event) -> EventState:
        body = new_event(event)
        try:
            raw = await self.wire.call(
                lambda api: api.events().insert(body=body, conferenceDataVersion=1, **self._write)
            )
        except CalendarConflict as error:
            raw = await self._find(event.key) or {}
            if not raw:
                words = "Google knows the event already but does not show it yet"
                raise CalendarBusy(words, reason="notVisible", calendar=self.calendar) from error
            return await self._bring(raw, event, "")
        return await self._state(raw)

    async def _bring(self, raw: Json, event: Event, etag: str, *, look_again: bool = True) -> EventState:
        """Bring the event in `raw` to what `event` says, unless a person has been there. When it changes between looking and
        writing, we look once more: it may have been ourselves, over a connection that broke."""
        if not self._differs(raw, event, etag, await self._zone_of(raw)):
            return await self._state(raw)
        try:
            return await self._state(await self._patch(raw, event))
        except (CalendarConflict, CalendarRefused) as error:
            if error.reason not in _LOOK_AGAIN:
                raise
            if not look_again:
                raise (self._restless() if error.reason in _CHANGED else error) from error.__cause__
        now = await self._find(event.key) or {"id": raw["id"], "status": "cancelled"}
        return await self._bring(now, event, etag, look_again=False)

    def _differs(self, raw: Json, event: Event, etag: str, zone: ZoneInfo) -> bool:
        """Whether there is something to write; `CalendarConflict` when it is not ours to write any more."""
        if is_cancelled(raw):
            raise self._conflict(f"{event.title!r} was deleted in the calendar", "deleted")
        if revision_of(raw) > event.revision:
            raise self._conflict(f"a newer revision of {event.title!r} is in the calendar", "newer")
        if revision_of(raw) == event.revision and fingerprint_of(raw, zone) == event.fingerprint:
            return False
        if raw["etag"] != etag and not is_intact(raw, zone):
            raise self._conflict(f"somebody has changed {raw.get('summary')!r} in the calendar", "changed")
        return True

    async def _patch(self, raw: Json, event: Event) -> Json:
        fields: dict[str, Any] = {"eventId": raw["id"], "body": changed_event(event, raw=raw), **self._write}
        # Without the version of conference data Google drops the link.
        return await self.wire.call(
            lambda api: api.events().patch(conferenceDataVersion=1, **fields), if_match=raw["etag"]
        )

    async def _delete(self, key: EventKey, etag: str) -> bool:
        """Whether the event is gone now; False when it is another version than `etag`."""
        try:
            await self.wire.call(lambda api: api.events().delete(eventId=event_id(key), **self._write), if_match=etag)
        except CalendarConflict as error:
            return error.reason not in _CHANGED
        except CalendarRefused as error:
            await self._only_missing(error)
        return True

    async def _find(self, key: EventKey) -> Json | None:
        """The event as Google has it, also when it was deleted; None when there never was one."""
        try:
            return await self.wire.call(lambda api: api.events().get(calendarId=self.calendar, eventId=event_id(key)))
        except CalendarRefused as error:
            await self._only_missing(error)
            return None
        except CalendarConflict as error:
            if error.reason not in _GONE:
                raise
            return {"id": event_id(key), "status": "cancelled"}

    async def _only_missing(self, error: CalendarRefused) -> None:
        """Go on when an event was not found; raise when it is the calendar that is not there, which Google says alike."""
        if error.reason != "notFound":
            raise error
        await self._zone()

    async def _listed(self, cursor: str) -> Changes:
        """All pages of a list; its cursor is on the last page only."""
        rows: list[Json] = []
        query = {"calendarId": self.calendar, "maxResults": PAGE, "syncToken": cursor or None, "pageToken": None}
        while True:
            page = await self.wire.call(lambda api: api.events().list(**query))
            rows += page.get("items") or ()
            if not page.get("nextPageToken"):
                break
            query["pageToken"] = page["nextPageToken"]
        if not page.get("nextSyncToken"):
            raise CalendarBusy("Google's list has no end", reason="noSyncToken", calendar=self.calendar)
        zone = _zone_in(page)
        return Changes(
            events=tuple(state_of(raw, zone) for raw in rows if has_times(raw)),
            cursor=page["nextSyncToken"],
            complete=not cursor,
            gone=tuple(raw["id"] for raw in rows if not has_times(raw)),
        )

    async def _state(self, raw: Json) -> EventState:
        return state_of(raw, await self._zone_of(raw))

    async def _zone_of(self, raw: Json) -> ZoneInfo:
        """The calendar's zone, where it matters: it is asked for only when a person has made the event last whole days."""
        return await self._zone() if is_all_day(raw) else _UTC

    async def _zone(self) -> ZoneInfo:
        """The calendar's zone; `CalendarRefused` when there is no such calendar. A list tells it with the least rights."""
        page = await self.wire.call(lambda api: api.events().list(calendarId=self.calendar, maxResults=1))
        return _zone_in(page)

    def _conflict(self, words: str, reason: str) -> CalendarConflict:
        return CalendarConflict(f"Google: {words}", reason=reason, calendar=self.calendar)

    def _restless(self) -> CalendarBusy:
        words = "Google: the event changes faster than it can be written"
        return CalendarBusy(words, reason="conditionNotMet", calendar=self.calendar)


def _free_busy(body: Json) -> Ask:
    return lambda api: api.freebusy().query(body=body)


def _zone_in(page: Json) -> ZoneInfo:
    return ZoneInfo(page.get("timeZone") or "UTC")
