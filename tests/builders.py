"""Values with good defaults for tests; each takes the fields that matter to the test."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.hours import WeekHours
from domain.model import CandidateRequest, Interview

MONDAY = datetime(2026, 12, 7, tzinfo=UTC)
_people = itertools.count(1)


def at(text: str, day: datetime = MONDAY) -> datetime:
    """`at("09:30")`: that time of the Monday of the tests, in UTC."""
    hours, minutes = text.split(":")
    return day + timedelta(hours=int(hours), minutes=int(minutes))


def make_request(**changes: Any) -> CandidateRequest:
    """A request of a person who was not there before."""
    number = next(_people)
    fields: dict[str, Any] = {
        "name": f"Person {number}",
        "email": f"person{number}@example.com",
        "course": "java",
        "window": (date(2026, 12, 7), date(2026, 12, 18)),
        "slots": WeekHours.parse(["09:00-12:00", "14:00-18:00"]),
        "timezone": "UTC",
    }
    return CandidateRequest(**fields | changes)


def make_interview(**changes: Any) -> Interview:
    """An interview of an hour on the Monday of the tests."""
    start = changes.get("start", at("09:00"))
    fields: dict[str, Any] = {
        "candidate": "priya@example.com",
        "course": "java",
        "round": "intro",
        "start": start,
        "end": start + timedelta(hours=1),
        "interviewers": ("asha",),
    }
    return Interview(**fields | changes)


def make_reservation(
    start: datetime | None = None,
    interviewers: tuple[str, ...] = ("asha",),
    *,
    minutes: int = 60,
    buffer: int = 0,
    **changes: Any,
) -> dict[str, Any]:
    """An interview as `Database.reserve` takes it; `minutes` is its length and `buffer` what is held of interviewers after it."""
    start = start or at("09:00")
    end = start + timedelta(minutes=minutes)
    seats = [
        {"interviewer": who, "backup": False, "hold_until": end + timedelta(minutes=buffer)} for who in interviewers
    ]
    fields: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "round": "intro",
        "position": 0,
        "title": "Introduction",
        "start": start,
        "end": end,
        "seats": seats,
        "why": {"chosen": "first"},
        "event": {"title": "Introduction"},
    }
    return fields | changes
