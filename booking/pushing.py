"""Push an interview into a calendar of a person's own, and bring the copy up to date later: "Add to calendar", "Update calendar".

A copy is no invitation: it has no guests, and nobody else hears of it. It is a person's own: what they change in it stays, and it
is made again only when they ask for it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from booking.records import course_facts, person_name
from calendars.base import Event, EventKey, EventState
from domain.errors import CalendarConflict, WrongState
from sop import Sop
from supabase_db import Database

Json = dict[str, Any]


class OwnCalendar(Protocol):
    """What is needed of a person's calendar: a provider's client whose organiser's calendar it is, or the paced doorway to it."""

    async def put(self, event: Event, *, etag: str = "") -> EventState: ...
    async def get(self, key: EventKey) -> EventState | None: ...
    async def cancel(self, key: EventKey, *, etag: str = "") -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What a push did, and where the copy is now (`handle` and `link` are empty for a removed one)."""

    did: Literal["created", "updated", "unchanged", "removed"]
    provider: str
    calendar: str
    handle: str
    link: str


async def push_interview_event(
    db: Database, sop: Sop, interview_id: str, calendar: OwnCalendar, *, owner: str, provider: str, name: str
) -> Pushed:
    """Make the calendar `name` of `owner` (an address) hold this interview as it is booked now; a cancelled one is taken out.

    Safe to repeat at any point: the copy's identity is written down before it is made. `WrongState` when there is no such
    interview or nothing of it to take out, `CalendarConflict` when the person has changed the copy, other `CalendarError`s as
    the calendar has them.
    """
    row = await db.interview_to_push(interview_id=interview_id)
    if row is None:
        raise WrongState(f"there is no interview {interview_id}")
    where: Json = {"interview_id": interview_id, "owner": owner, "provider": provider, "calendar": name}
    if row["status"] == "cancelled":
        return await _take_out(calendar, row, where)
    said = _said(sop, row)
    copy = await db.push_begin(**where, said=said)
    created = copy["pushed_at"] is None
    try:
        state = await calendar.put(_event(copy, said), etag=copy["etag"])
    except CalendarConflict:
        found = await calendar.get(_key(copy))
        if found is not None and not found.cancelled:
            raise
        copy, created = await db.push_begin(**where, said=said, anew=True), True
        state = await calendar.put(_event(copy, said))
    result = {"handle": state.handle, "etag": state.etag, "link": state.link}
    await db.push_done(**where, generation=copy["generation"], result=result)
    did: Literal["created", "updated", "unchanged"] = (
        "created" if created else "unchanged" if state.etag == copy["etag"] else "updated"
    )
    return Pushed(did=did, provider=provider, calendar=name, handle=state.handle, link=state.link)


async def _take_out(calendar: OwnCalendar, row: Json, where: Json) -> Pushed:
    named = {key: where[key] for key in ("owner", "provider", "calendar")}
    copy = next((one for one in row["copies"] if named.items() <= one.items()), None)
    if copy is None:
        raise WrongState(f"interview {row['id']} was cancelled, and there is no copy of it here")
    await calendar.cancel(_key(copy))
    return Pushed(did="removed", provider=where["provider"], calendar=where["calendar"], handle="", link="")


def _said(sop: Sop, row: Json) -> Json:
    """What a copy is to say."""
    people = ", ".join(person_name(sop, who) for who in row["interviewers"])
    about = course_facts(sop, row["candidate"])["course_title"]
    lines = [about, f"Candidate: {row['candidate']['name']}", f"With: {people}", row["meeting"]]
    return {
        "title": f"{row['title']}: mock interview",
        "description": "\n".join(line for line in lines if line),
        "start": row["start"],
        "end": row["end"],
        "timezone": sop.timezone,
    }


def _key(copy: Json) -> EventKey:
    return EventKey(interview=copy["key"], generation=copy["generation"])


def _event(copy: Json, said: Json) -> Event:
    return Event(
        key=_key(copy),
        revision=copy["revision"],
        title=said["title"],
        description=said["description"],
        start=datetime.fromisoformat(said["start"]),
        end=datetime.fromisoformat(said["end"]),
        timezone=said["timezone"],
        attendees=(),
        conference=False,
    )
