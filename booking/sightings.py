"""What events say, as the rows of interviews keep it, and back: the values of `lifecycle.watching` as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from calendars.base import Attendee, Event, EventState
from domain.model import Interval
from lifecycle.watching import DECLINED, Booked, Decision, Decline, Edits, Said, Seen
from sop import Sop

Json = dict[str, Any]


def said_of(state: EventState) -> Said:
    """What an event says as the calendar shows it."""
    return Said(
        title=state.title,
        description=state.description,
        interval=state.interval,
        guests=frozenset(address.lower() for address in state.responses),
    )


def said_by(event: Event) -> Said:
    """What an event of ours is to say."""
    return Said(
        title=event.title,
        description=event.description,
        interval=event.interval,
        guests=frozenset(guest.email.lower() for guest in event.attendees),
    )


def seen_of(state: EventState | None, row: Json) -> Seen | None:
    """An event as it is decided on, with what interviewers have declined in the chat instead; None when it is gone."""
    if state is None or state.cancelled:
        return None
    answers = {address.lower(): answer.value for address, answer in state.responses.items()}
    return Seen(said=said_of(state), answers=answers | {one["address"]: DECLINED for one in declined_in_chat(row)})


def declined_in_chat(row: Json) -> list[Json]:
    """What interviewers have said in the chat that they cannot come to."""
    return [one for one in row["answers"] if one["answer"] == "declined"]


def booked_of(row: Json, sop: Sop) -> Booked:
    """An interview's row as it is decided on; somebody whom the SOP no longer has cannot be found among the guests."""
    people = [sop.interviewers[who] for who in row["interviewers"] if who in sop.interviewers]
    declines = {one["address"]: {"since": one["since"], "dealt": False} for one in declined_in_chat(row)}
    return Booked(
        interval=interval_of(row),
        candidate=row["candidate"]["email"].lower(),
        interviewers={person.email.lower(): person.id for person in people},
        said=said_from(row["event_said"]),
        edits=edits_from(row["event_edits"]),
        declines={
            address: Decline(since=datetime.fromisoformat(one["since"]), dealt=one["dealt"])
            for address, one in (declines | row["event_answers"]).items()
        },
        asked=row["asked"],
    )


def seen_json(decision: Decision, state: EventState, row: Json) -> Json:
    """What is remembered of an event after a decision about it, and on whose declines in the chat the decision was made."""
    return {
        "declined": [one["interviewer"] for one in declined_in_chat(row)],
        "etag": state.etag,
        "link": state.link,
        "meeting": state.meeting,
        "said": said_json(decision.said) if decision.said else {},
        "edits": edits_json(decision.edits),
        "answers": {
            address: {"since": one.since.isoformat(), "dealt": one.dealt} for address, one in decision.declines.items()
        },
        "look_at": decision.look_at.isoformat() if decision.look_at else None,
    }


def interval_of(row: Mapping[str, Any]) -> Interval:
    """The time of anything with a `start` and an `end` in ISO form."""
    return Interval(start=datetime.fromisoformat(row["start"]), end=datetime.fromisoformat(row["end"]))


def said_json(said: Said) -> Json:
    return {
        "title": said.title,
        "description": said.description,
        "start": said.interval.start.isoformat(),
        "end": said.interval.end.isoformat(),
        "guests": sorted(said.guests),
    }


def said_from(plain: Json) -> Said | None:
    """None where nothing is known: the event was never read since it was written, or a person has deleted it."""
    if "start" not in plain:
        return None
    return Said(
        title=plain["title"],
        description=plain["description"],
        interval=interval_of(plain),
        guests=frozenset(plain["guests"]),
    )


def edits_json(edits: Edits) -> Json:
    return {
        "title": edits.title,
        "description": edits.description,
        "added": sorted(edits.added),
        "removed": sorted(edits.removed),
    }


def edits_from(plain: Json) -> Edits:
    return Edits(
        title=plain.get("title"),
        description=plain.get("description"),
        added=frozenset(plain.get("added", ())),
        removed=frozenset(plain.get("removed", ())),
    )


def with_edits(event: Event, edits: Edits) -> Event:
    """An event of ours with what people have changed in its words and guests left as they made it."""
    guests = [guest for guest in event.attendees if guest.email.lower() not in edits.removed]
    have = {guest.email.lower() for guest in guests}
    added = [Attendee(email=address, name=address) for address in sorted(edits.added - have)]
    return replace(
        event,
        title=event.title if edits.title is None else edits.title,
        description=event.description if edits.description is None else edits.description,
        attendees=(*guests, *added),
    )


def own_times(rows: Sequence[Json]) -> dict[str, tuple[Interval, ...]]:
    """By interviewer, the times at which calendars show events of these interviews: as booked, and as the event says."""
    times: dict[str, tuple[Interval, ...]] = {}
    for row in rows:
        said = said_from(row.get("event_said") or {})
        for who in row["interviewers"]:
            times[who] = (*times.get(who, ()), interval_of(row), *([said.interval] if said else []))
    return times
