"""What people write about a candidate, read field by field: one validation for the chat, CSV files and programs.

The readers of dates, slots and zones live in files of their own and are offered here; the values are `domain/model.py`'s. Pure:
today is an argument.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from domain.dates import check_not_over, parse_dates, parse_window
from domain.errors import FieldError
from domain.model import CandidateRequest, check_email, check_name
from domain.slots import parse_slots
from domain.zones import parse_timezone, zones_by_country

__all__ = [
    "FIELDS",
    "NEEDED",
    "Course",
    "Reference",
    "check_request",
    "parse_course",
    "parse_dates",
    "parse_slots",
    "parse_timezone",
    "parse_window",
    "read_field",
    "read_request",
    "zones_by_country",
]

NEEDED = ("name", "email", "course", "window", "slots")
_EMPTY = {"", "none", "no", "-"}


class Course(Protocol):
    """What has to be known of a course here: what people call it."""

    @property
    def title(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What texts are read against: today's date where the SOP lives, and the courses by id."""

    today: date
    courses: Mapping[str, Course]


def parse_course(text: str, courses: Mapping[str, Course]) -> str:
    """The id of a course, from its id or title or the only title with these words; the closest one is suggested otherwise."""
    wanted = " ".join(text.lower().split())
    exact = [key for key, course in courses.items() if wanted in {key.lower(), course.title.lower()}]
    words = set(wanted.split())
    within = [key for key, course in courses.items() if words and words <= set(course.title.lower().split())]
    for found in (exact, within):
        if len(found) == 1:
            return found[0]
    names = {name.lower(): course.title for key, course in courses.items() for name in (key, course.title)}
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    guess = f"Did you mean {names[near[0]]}? " if near and not within else ""
    raise FieldError("course", text, guess + _known(courses))


def _known(courses: Mapping[str, Course]) -> str:
    return "The courses are " + ", ".join(f"{course.title} ({key})" for key, course in courses.items()) + "."


def _preferred(text: str, reference: Reference) -> object:
    return None if text.strip().lower() in _EMPTY else parse_slots(text, "preferred_slots").plain()


# The reader of each field, giving what `CandidateRequest.plain` has there; the order is the one people are asked in.
FIELDS: Mapping[str, Callable[[str, Reference], Any]] = {
    "name": lambda text, reference: check_name(text),
    "email": lambda text, reference: check_email(text),
    "course": lambda text, reference: parse_course(text, reference.courses),
    "window": lambda text, reference: [day.isoformat() for day in parse_window(text, reference.today)],
    "slots": lambda text, reference: parse_slots(text).plain(),
    "timezone": lambda text, reference: parse_timezone(text) if text.strip() else None,
    "blocked_dates": lambda text, reference: sorted(day.isoformat() for day in parse_dates(text, reference.today)),
    "preferred_slots": _preferred,
}


def read_field(field: str, text: str, reference: Reference) -> Any:
    """One field as JSON-ready data; `FieldError` says what is wrong with the text and what would be right."""
    return FIELDS[field](text, reference)


def read_request(
    texts: Mapping[str, str], reference: Reference
) -> tuple[CandidateRequest | None, tuple[FieldError, ...]]:
    """A whole request from the text of each field. With mistakes there is no request, and every one of them is told."""
    plain: dict[str, Any] = {}
    mistakes: list[FieldError] = []
    for field in FIELDS:
        text = texts.get(field, "")
        if not text.strip():
            if field in NEEDED:
                mistakes.append(FieldError(field, "", "This field is needed."))
            continue
        try:
            plain[field] = read_field(field, text, reference)
        except FieldError as mistake:
            mistakes.append(mistake)
    return (None if mistakes else CandidateRequest.parse(plain)), tuple(mistakes)


def check_request(request: CandidateRequest, reference: Reference) -> None:
    """`FieldError` when a request that was read earlier can no longer be right: its course is gone or its window is over."""
    if request.course not in reference.courses:
        raise FieldError("course", request.course, _known(reference.courses))
    check_not_over(request.window, reference.today)
