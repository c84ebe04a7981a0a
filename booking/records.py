"""Values as the rows and messages that the database keeps, and back: plans, events, interviews, notices. Pure.

The scheduler decides what is kept; `sql/` says how. Sentences for people are made by the doors from these facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from calendars.base import Attendee, Event, EventKey
from calendars.ical import export
from domain.model import CandidateRequest, Interview
from sop import Relaxation, Sop, outcome_text

Json = dict[str, Any]


def reservation(sop: Sop, request: CandidateRequest, interviews: Sequence[Interview]) -> list[Json]:
    """Interviews of a plan as the rows that the database keeps, each with the event that is to be written for it.

    `sop` is the one that holds for this candidate, with every round of the course in its place.
    """
    return [_reserved(sop, request, interview) for interview in interviews]


def _reserved(sop: Sop, request: CandidateRequest, interview: Interview) -> Json:
    course = sop.course(request.course)
    position = course.position(interview.round)
    round_ = course.rounds[position]
    people = [sop.interviewers[who] for who in interview.interviewers]
    return {
        "id": str(uuid4()),
        "round": round_.id,
        "position": position,
        "title": round_.title,
        "start": interview.start.isoformat(),
        "end": interview.end.isoformat(),
        "seats": [
            {
                "interviewer": person.id,
                "backup": seat.ranks[person.id] > 0,
                "hold_until": (interview.end + person.buffer).isoformat(),
            }
            for seat, person in zip(round_.seats, people, strict=True)
        ],
        "event": {
            "title": f"{round_.title}: mock interview with {request.name}",
            "description": (
                f"{course.title}, round {position + 1} of {len(course.rounds)}\n"
                f"Candidate: {request.name}\n"
                f"Interviewer{'s' if len(people) > 1 else ''}: {', '.join(person.name for person in people)}"
            ),
            "start": interview.start.isoformat(),
            "end": interview.end.isoformat(),
            "timezone": sop.timezone,
            "attendees": [
                {"email": request.email, "name": request.name},
                *({"email": person.email, "name": person.name} for person in people),
            ],
        },
    }


def event_of(key: EventKey, revision: int, payload: Json) -> Event:
    """The event that a calendar write asks for."""
    return Event(
        key=key,
        revision=revision,
        title=payload["title"],
        description=payload["description"],
        start=datetime.fromisoformat(payload["start"]),
        end=datetime.fromisoformat(payload["end"]),
        timezone=payload["timezone"],
        attendees=tuple(Attendee(**person) for person in payload["attendees"]),
    )


def interview_of(row: Json, candidate: str = "") -> Interview:
    """An interview as the database tells it; `candidate` is the email where the row does not have it."""
    return Interview(
        candidate=candidate or row["candidate"],
        course=row["course"],
        round=row["round"],
        start=datetime.fromisoformat(row["start"]),
        end=datetime.fromisoformat(row["end"]),
        interviewers=tuple(row["interviewers"]),
    )


def agenda_event(sop: Sop, row: Json) -> Event:
    """An interview of the agenda as an event, for files that calendar apps read."""
    course = sop.courses.get(row["course"])
    people = [sop.interviewers[who] for who in row["interviewers"] if who in sop.interviewers]
    return Event(
        key=EventKey(interview=row["interview_id"], generation=1),
        title=f"{row['title']}: mock interview with {row['name']}",
        description=course.title if course else row["course"],
        start=datetime.fromisoformat(row["start"]),
        end=datetime.fromisoformat(row["end"]),
        timezone=sop.timezone,
        attendees=(
            Attendee(email=row["email"], name=row["name"]),
            *(Attendee(email=person.email, name=person.name) for person in people),
        ),
    )


def agenda_file(sop: Sop, rows: Sequence[Json], now: datetime) -> bytes:
    """Interviews of the agenda as one `.ics` file."""
    return export("Interviews", [agenda_event(sop, row) for row in rows], stamp=now)


def option(relaxation: Relaxation) -> Json:
    """A way out as it is kept with an escalation: what it changes, and the plan that taking it gives, also in a few words."""
    return {
        "kind": relaxation.kind,
        "text": relaxation.text,
        "gives": outcome_text(relaxation.plan, relaxation.sop.zone),
        "changes": relaxation.changes,
        "interviews": shown(relaxation.plan.interviews),
    }


def shown(interviews: Sequence[Interview]) -> list[Json]:
    """Interviews of a plan that was shown to somebody, to be booked as they are."""
    return [
        {
            "round": interview.round,
            "start": interview.start.isoformat(),
            "end": interview.end.isoformat(),
            "interviewers": list(interview.interviewers),
        }
        for interview in interviews
    ]


def moves(sop: Sop, course: str, before: Mapping[str, Interview], after: Sequence[Interview]) -> list[Json]:
    """What a plan changes, for people: `{round, title, before, after}`, `before` None for a round that was not booked; those that
    stay are not in it. `before` and `after` have `start`, `end` and `interviewers` (`{id, name}`)."""
    titles = {round_.id: round_.title for round_ in sop.course(course).rounds}
    return [
        {
            "round": one.round,
            "title": titles[one.round],
            "before": _place(sop, before[one.round]) if one.round in before else None,
            "after": _place(sop, one),
        }
        for one in after
        if before.get(one.round) != one
    ]


def _place(sop: Sop, interview: Interview) -> Json:
    return {
        "start": interview.start.isoformat(),
        "end": interview.end.isoformat(),
        "interviewers": [{"id": who, "name": person_name(sop, who)} for who in interview.interviewers],
    }


def person_name(sop: Sop, who: str) -> str:
    """An interviewer's name; the id when the SOP no longer has them."""
    return sop.interviewers[who].name if who in sop.interviewers else who


def booked_facts(sop: Sop, candidate: Json, interviews: Sequence[Json]) -> Json:
    """What people are told of a booking; an SOP that has changed since may no longer know everybody by name."""
    return {
        **course_facts(sop, candidate),
        "interviews": [
            {
                "round": row["round"],
                "title": row["title"],
                "start": row["start"],
                "end": row["end"],
                "interviewers": [
                    {
                        "id": seat["interviewer"],
                        "name": person_name(sop, seat["interviewer"]),
                        "backup": seat["backup"],
                    }
                    for seat in row["seats"]
                ],
            }
            for row in interviews
        ],
    }


def course_facts(sop: Sop, candidate: Json) -> Json:
    """The course by its title, and the zone that the candidate's times are told in."""
    course = sop.courses.get(candidate["request"]["course"])
    return {
        "course_title": course.title if course else candidate["request"]["course"],
        "timezone": candidate["request"]["timezone"] or sop.timezone,
    }


def notice(candidate: Json, kind: str, facts: Json, *, everybody: bool = False, key: str = "") -> list[Json]:
    """The notice of an outcome to the admin who entered the candidate; to all admins when nobody did and they must know.

    `key` tells it from others of its kind for this candidate: by itself, each claim of a worker's has one of a kind.
    """
    if candidate["chat_id"] is None and not everybody:
        return []
    return [
        {
            "key": f"{kind}:{candidate['id']}:{key or candidate['fence']}",
            "channel": "telegram",
            "recipient": str(candidate["chat_id"] or "admins"),
            "kind": kind,
            "payload": {
                "candidate": {"id": candidate["id"], "number": candidate["number"], **candidate["request"]},
                **facts,
            },
        }
    ]


def calendar_trouble(about: str, words: str, day: date) -> Json:
    """The notice to all admins that a calendar cannot be used, with what to do; once a day for each."""
    return {
        "key": f"calendar:{about}:{day.isoformat()}",
        "channel": "telegram",
        "recipient": "admins",
        "kind": "calendar",
        "payload": {"about": about, "words": words},
    }


def long_wait(words: str, day: date) -> Json:
    """The notice to all admins that candidates wait for a calendar that fails again and again; once a day."""
    return {
        "key": f"calendar_waits:{day.isoformat()}",
        "channel": "telegram",
        "recipient": "admins",
        "kind": "calendar_waits",
        "payload": {"words": words},
    }
