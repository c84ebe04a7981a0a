"""Lists of the fake Microsoft Graph: events by filter, the calendar view, and rounds of its delta. Pages everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from tests.fakes.graph_mailbox import Exchange, Item, Mailbox
from tests.fakes.graph_shapes import Call, Json, Refused, event_json

_FILTER = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ep/id eq '(?P<id>[^']*)' and "
    r"(startswith\(ep/value, '(?P<start>([^']|'')*)'\)|ep/value eq '(?P<same>([^']|'')*)')\)"
)


@dataclass(frozen=True)
class Round:
    """Where a delta stands: what is left to tell, or (when nothing is) after which change the next round begins."""

    address: str
    start: datetime
    end: datetime
    since: int
    left: tuple[str, ...] | None = None
    upto: int = 0


class Lists:
    """Answers of lists; `page_limit` makes every page that short, whatever was asked."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.page_limit = 1000
        self._rounds: list[Round] = []

    def events(self, asked: Call, base: str) -> Json:
        items = list(asked.box.items.values())
        if "$filter" in asked.query:
            fits = _filter(asked.query["$filter"])
            items = [item for item in items if fits(item)]
        return self._page(asked, items, base)

    def view(self, asked: Call, base: str) -> Json:
        start, end = _window(asked)
        items = [item for item in asked.box.items.values() if _inside(item, start, end)]
        return self._page(asked, sorted(items, key=lambda item: item.said.start), base)

    def delta(self, asked: Call, base: str) -> Json:
        token = asked.query.get("$skiptoken") or asked.query.get("$deltatoken")
        if token is not None:
            here = self._recall(asked.box, token)
        else:
            unknown = asked.query.keys() & {"$select", "$expand", "$filter", "$orderby", "$search", "$top"}
            if unknown:
                raise Refused(400, "BadRequest", f"delta does not support {sorted(unknown)}.")
            here = Round(asked.box.address, *_window(asked), since=-1)
        if here.left is None:
            here = self._begin(asked.box, here)
        size = min(asked.page_size, self.page_limit)
        told, left = (here.left or ())[:size], (here.left or ())[size:]
        rows = [self._row(asked, here, handle) for handle in told]
        address, window = here.address, (here.start, here.end)
        if left:
            token = self._remember(Round(address, *window, here.since, left, here.upto))
            return {"value": rows, "@odata.nextLink": f"{base}/{_path(asked)}?$skiptoken={token}"}
        token = self._remember(Round(address, *window, here.upto))
        return {"value": rows, "@odata.deltaLink": f"{base}/{_path(asked)}?$deltatoken={token}"}

    def _begin(self, box: Mailbox, here: Round) -> Round:
        changed = [item for item in box.items.values() if item.change > here.since]
        inside = [item.id for item in changed if _inside(item, here.start, here.end)]
        # What was deleted, and what changed outside the window: both are told as removed.
        removed = [handle for handle, change in box.gone.items() if change > here.since]
        removed += [item.id for item in changed if item.id not in inside]
        left = tuple(inside) if here.since < 0 else tuple(inside + removed)
        return Round(here.address, here.start, here.end, here.since, left, self.exchange.changes)

    def _row(self, asked: Call, here: Round, handle: str) -> Json:
        item = asked.box.items.get(handle)
        if item is None or not _inside(item, here.start, here.end):
            return {"id": handle, "@removed": {"reason": "deleted"}}
        return event_json(item, zone=asked.zone)

    def _page(self, asked: Call, items: Sequence[Item], base: str) -> Json:
        size, skip = min(asked.page_size, self.page_limit), int(asked.query.get("$skip", "0"))
        page: Json = {
            "value": [event_json(item, zone=asked.zone, expand=asked.expand) for item in items[skip : skip + size]]
        }
        if len(items) > skip + size:
            query = urlencode(dict(asked.query) | {"$skip": skip + size})
            page["@odata.nextLink"] = f"{base}/{_path(asked)}?{query}"
        return page

    def _remember(self, here: Round) -> str:
        self._rounds.append(here)
        return f"R0usmcCM{len(self._rounds) - 1}"

    def _recall(self, box: Mailbox, token: str) -> Round:
        number = token.removeprefix("R0usmcCM")
        here = self._rounds[int(number)] if number.isdigit() and int(number) < len(self._rounds) else None
        if here is None or here.address != box.address or max(here.since, here.upto) < box.forgotten:
            raise Refused(410, "syncStateNotFound", "The sync state generation is not found; do a full sync.")
        return here


def _path(asked: Call) -> str:
    return "/".join(["users", asked.box.address, *asked.parts])


def _window(asked: Call) -> tuple[datetime, datetime]:
    try:
        bounds = [datetime.fromisoformat(asked.query[name]) for name in ("startDateTime", "endDateTime")]
    except (KeyError, ValueError) as error:
        raise Refused(400, "ErrorInvalidParameter", "startDateTime and endDateTime are needed.") from error
    start, end = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in bounds)
    if end - start > timedelta(days=1825):
        raise Refused(400, "ErrorInvalidRequest", "The range is over 1825 days.")
    return start, end


def _inside(item: Item, start: datetime, end: datetime) -> bool:
    return item.said.start < end and start < item.said.end


def _filter(text: str) -> Callable[[Item], bool]:
    match = _FILTER.fullmatch(text)
    if not match:
        raise Refused(400, "BadRequest", f"Invalid filter clause: {text!r}")
    wanted = (match["start"] or match["same"] or "").replace("''", "'").lower()

    def fits(item: Item) -> bool:
        value = item.properties.get(match["id"], "").lower()  # values are compared without regard to case
        return value.startswith(wanted) if match["start"] is not None else value == wanted

    return fits
