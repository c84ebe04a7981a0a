"""Lists of events at the fake Google: pages that may be short or empty, sync tokens that may be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.fakes.google_rules import Json, Refused, instant, span
from tests.fakes.google_store import Shelf, Store

_NOT_WITH_TOKEN = (
    "iCalUID", "orderBy", "privateExtendedProperty", "sharedExtendedProperty", "q", "timeMin", "timeMax", "updatedMin",
)  # fmt: skip
_SAME_AS_AT_FIRST = ("singleEvents", "eventTypes")
_FORGOTTEN = Refused(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rest:
    """What is still to be told of a list, and the change up to which it tells."""

    events: tuple[Json, ...]
    change: int
    asked: tuple[str, ...]


class Lists:
    """Answers `events.list`. At most `page_cap` events are on a page, whatever was asked for; below 250 the pages have a
    length drawn from the store's seed, and may be empty. `forget` makes all sync tokens handed out so far invalid."""

    def __init__(self, store: Store, *, page_cap: int = 250) -> None:
        self._store, self.page_cap = store, page_cap
        self._epoch = 0
        self._pages: dict[str, _Rest] = {}

    def forget(self) -> None:
        self._epoch += 1

    def answer(self, shelf: Shelf, query: Mapping[str, str]) -> Json:
        with self._store.lock:
            rest = self._rest(shelf, query)
            size = self._page_size(query)
            page: Json = {
                "kind": "calendar#events",
                "timeZone": shelf.zone.key,
                "accessRole": "owner",
                "items": list(rest.events[:size]),
            }
            if size < len(rest.events):
                token = f"page{len(self._pages)}"
                self._pages[token] = _Rest(events=rest.events[size:], change=rest.change, asked=rest.asked)
                page["nextPageToken"] = token
            else:
                page["nextSyncToken"] = "/".join([shelf.id, str(self._epoch), str(rest.change), *rest.asked])
            return page

    def _rest(self, shelf: Shelf, query: Mapping[str, str]) -> _Rest:
        asked = tuple(query.get(name, "") for name in _SAME_AS_AT_FIRST)
        since = self._since(shelf, query["syncToken"], asked, query) if "syncToken" in query else None
        if "pageToken" in query:
            rest = self._pages.get(query["pageToken"])
            if rest is None or rest.asked != asked:
                raise Refused(400, "invalid", "Invalid page token value.")
            return rest
        if since is None:
            events = self._all(shelf, query)
        else:
            events = [event for name, event in shelf.events.items() if shelf.changed[name] > since]
        return _Rest(events=tuple(events), change=self._store.change, asked=asked)

    def _since(self, shelf: Shelf, token: str, asked: tuple[str, ...], query: Mapping[str, str]) -> int:
        """The change after which a sync token wants to hear."""
        refused = [name for name in _NOT_WITH_TOKEN if name in query]
        if refused or query.get("showDeleted") == "false":
            words = f"The syncToken cannot be combined with {', '.join(refused) or 'showDeleted=false'}."
            raise Refused(400, "badRequest", words)
        parts = token.split("/")
        if len(parts) < 3 or parts[0] != shelf.id:
            raise Refused(400, "invalid", "Invalid sync token value.")
        if parts[1] != str(self._epoch):
            raise _FORGOTTEN
        if tuple(parts[3:]) != asked:
            raise Refused(400, "badRequest", "The parameters must be those of the first synchronization.")
        return int(parts[2])

    def _all(self, shelf: Shelf, query: Mapping[str, str]) -> list[Json]:
        least, most = instant(query.get("timeMin"), "timeMin"), instant(query.get("timeMax"), "timeMax")
        marks = query.get("privateExtendedProperty", "").partition("=")
        found = []
        for event in shelf.events.values():
            if event["status"] == "cancelled":
                if query.get("showDeleted") == "true":
                    found.append(event)
                continue
            start, end = span(event, shelf.zone)
            private = event.get("extendedProperties", {}).get("private", {})
            if (least and end <= least) or (most and start >= most):
                continue
            if not marks[1] or private.get(marks[0]) == marks[2]:
                found.append(event)
        return found

    def _page_size(self, query: Mapping[str, str]) -> int:
        asked = min(int(query.get("maxResults", 250)), 2500)
        if self.page_cap >= 250:
            return asked
        return min(asked, self._store.random.randint(0, self.page_cap))
