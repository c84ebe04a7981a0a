"""A second look at people's calendars, before events are written that have waited: what has come on top of their times since.

Busy times are read once for a plan, milliseconds before its events are written. But writes may wait, for a provider's quota, a
calendar that is to be connected again, or the next worker after a death; on their way out such times are old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from booking.sightings import interval_of, said_from, said_of
from calendar_utils import Calendars
from calendars.base import Busy, EventKey, Unknown
from domain.errors import CalendarBusy
from domain.model import Interval
from lifecycle.watching import Said, on_top
from sop import Sop

Json = dict[str, Any]
# More than any buffer, and no busy time that matters is cut off at an edge of what is asked for.
MARGIN = timedelta(days=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overtaken:
    """What a second look has found: writes that have been made already and only need recording, and `clashes`, as facts, of
    those that have not."""

    made: tuple[Json, ...]
    clashes: tuple[Json, ...]


async def overtaken(calendars: Calendars, sop: Sop, rows: Sequence[Json], writes: Iterable[Json]) -> Overtaken:
    """Read busy times once more (one call per provider) for those whose interviews wait to be written. `rows` are a candidate's
    interviews, `writes` those that wait. Only where something is in the way each event is asked for, too: it may be our
    own, by a write whose answer was lost. Somebody who cannot be read is in the way: unknown is not free. `CalendarBusy` when
    the next try may read them: until then the times are kept.
    """
    late = {write["interview_id"]: write for write in writes if write["verb"] == "put"}
    waiting = [row for row in rows if row["id"] in late]
    people = {who: sop.interviewers[who].calendars for row in waiting for who in _known(sop, row)}
    if not people:
        return Overtaken(made=(), clashes=())
    booked = [interval_of(row) for row in waiting]
    span = Interval(start=min(one.start for one in booked) - MARGIN, end=max(one.end for one in booked) + MARGIN)
    busy = await calendars.busy(people, span, fresh=True)
    for times in busy.values():
        if isinstance(times, Unknown) and times.passing:
            raise CalendarBusy(times.reason, reason="unread", calendar=times.calendar)
    shown = [said for row in rows if (said := said_from(row["event_said"]))]
    if not _clashes(sop, waiting, busy, shown):
        return Overtaken(made=(), clashes=())
    made: list[Json] = []
    for write in late.values():
        state = await calendars.get(EventKey(interview=write["interview_id"], generation=write["generation"]))
        if state is not None and not state.cancelled and state.revision >= write["revision"]:
            made.append(write)
            shown.append(said_of(state))
    left = [row for row in waiting if late[row["id"]] not in made]
    return Overtaken(made=tuple(made), clashes=tuple(_clashes(sop, left, busy, shown)))


def _known(sop: Sop, row: Json) -> list[str]:
    return [who for who in row["interviewers"] if who in sop.interviewers]


def _clashes(sop: Sop, rows: Iterable[Json], busy: Mapping[str, Busy], shown: Iterable[Said]) -> list[Json]:
    """What is in the way of interviews, `shown` being the events of ours that calendars of their guests show."""
    found: list[Json] = []
    for row in rows:
        for who in _known(sop, row):
            person, times, facts = sop.interviewers[who], busy[who], {"round": row["round"], "interviewer": who}
            ours = tuple(one.interval for one in shown if person.email.lower() in one.guests)
            if isinstance(times, Unknown):
                found.append({**facts, "unread": times.reason})
            elif met := on_top(interval_of(row), buffer=person.buffer, busy=times, ours=ours):
                found.append({**facts, "times": [[time.start.isoformat(), time.end.isoformat()] for time in met]})
    return found
