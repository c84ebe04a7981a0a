"""SOPs, requests and interviews with good defaults: Ben takes two rounds of an hour in the mornings of a quiet week in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sop import CandidateRequest, Interval, Interview, NoPlan, Plan, Sop, plan, verify
from sop.parsing import patched

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)  # the Friday before
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = (f"2026-06-{day:02d}" for day in range(8, 14))
EMAIL = "priya@example.com"


def plain_sop() -> dict[str, Any]:
    """The SOP as plain data: two rounds, one grid of an hour, and nobody who is limited by anything."""
    return {
        "timezone": "UTC",
        "grid": "60m",
        "interviewers": {
            who: {
                "name": who.title(),
                "email": f"{who}@example.com",
                "working_hours": {"mon-sun": ["08:00-18:00"]},
            }
            for who in ("ben", "asha", "chloe")
        },
        "courses": {
            "java": {
                "title": "Java",
                "rounds": [
                    {"id": "intro", "title": "Introduction", "duration": "60m", "interviewers": ["ben"]},
                    {"id": "core", "title": "Core Java", "duration": "60m", "interviewers": ["ben"]},
                ],
            }
        },
    }


def make_sop(**changes: Any) -> Sop:
    """With values set by path, `__` for the dots: `courses__java__rounds__core__gap={"min": "1d"}`."""
    plain = Sop.parse(plain_sop()).plain()
    return Sop.parse(patched(plain, {path.replace("__", "."): value for path, value in changes.items()}))


def make_request(**changes: Any) -> CandidateRequest:
    """Priya, for the two rounds, Monday to Friday from 09:00 to 12:00."""
    plain: dict[str, Any] = {
        "name": "Priya",
        "email": EMAIL,
        "course": "java",
        "window": [MONDAY, FRIDAY],
        "slots": ["09:00-12:00"],
    }
    return CandidateRequest.parse(plain | changes)


def at(day: str, clock: str = "09:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}+00:00")


def span(day: str, hours: str) -> Interval:
    """`span(MONDAY, "09:00-11:00")`; `24:00` ends a day as 23:59:59."""
    start, end = hours.split("-")
    return Interval(start=at(day, start), end=at(day, end.replace("24:00", "23:59:59")))


def interview(
    round_id: str, day: str, hours: str, *who: str, candidate: str = EMAIL, course: str = "java"
) -> Interview:
    one = span(day, hours)
    return Interview(candidate=candidate, course=course, round=round_id, start=one.start, end=one.end, interviewers=who)


def planned(sop: Sop, request: CandidateRequest | None = None, **facts: Any) -> Plan | NoPlan:
    """What the planner says; a plan is verified."""
    request = request or make_request()
    given: dict[str, Any] = {"busy": {}, "booked": [], "now": NOW} | facts
    result = plan(sop, request, **given)
    if isinstance(result, Plan):
        verify(sop, result, request, **given)
    return result


def times(result: Plan | NoPlan) -> list[str]:
    """`["Mon 09:00", "Mon 10:00"]`, or nothing where there is no plan."""
    return [f"{one.start:%a %H:%M}" for one in result.interviews] if isinstance(result, Plan) else []


def people(result: Plan | NoPlan) -> list[str]:
    """`["ben", "chloe+ben"]`, or nothing where there is no plan."""
    return ["+".join(one.interviewers) for one in result.interviews] if isinstance(result, Plan) else []
