"""The linter: what in an SOP cannot work, can hardly be meant, or changes nothing. All it can say is in `lint_findings.py`.

lint(sop, today)          what an SOP that can be read has       SOP1xx to SOP5xx
mistakes(error)           why a file cannot be read as one       SOP0xx   (lint_mistakes.py)
try_examples(sop)         the SOP's own examples, tried out      SOP6xx   (examples.py)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from domain.hours import WeekHours
from sop.lint_courses import courses
from sop.lint_dates import dates
from sop.lint_findings import CODES, Finding, Severity
from sop.lint_hours import Year, hours
from sop.lint_limits import limits
from sop.lint_people import people
from sop.model import Sop

__all__ = ["CODES", "USUAL", "Finding", "Severity", "Usual", "lint", "with_lines"]

NO_WAY_THROUGH = {"SOP104", "SOP201", "SOP203"}  # where these are, that a course is impossible is said already


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What candidates usually bring: the hours in which they can (read in the SOP's zone), and how long their windows are."""

    slots: WeekHours
    window: timedelta


USUAL = Usual(slots=WeekHours.parse(["07:00-21:00"]), window=timedelta(days=28))


def lint(sop: Sop, today: date, *, lines: Mapping[str, int] | None = None, usual: Usual = USUAL) -> tuple[Finding, ...]:
    """Every finding of an SOP, in the order of its file when `lines` are given, else in the order of the codes.

    `today` is the date in the SOP's zone. `lines` tells the line of each path of the file, rounds and other parts of lists by
    their place (`courses.java.rounds.0.gap`).
    """
    year = Year(sop=sop, today=today, usual=usual.slots)
    found = [*people(sop), *hours(year)]
    hopeless = [_course_of(one) for one in found if one.code in NO_WAY_THROUGH]
    found += [*courses(sop, today, usual.window, hopeless=hopeless), *limits(year), *dates(sop, today)]
    return with_lines(sop, found, lines or {})


def with_lines(sop: Sop, found: list[Finding], lines: Mapping[str, int]) -> tuple[Finding, ...]:
    """The findings with their lines, in the order of the file."""
    placed = [replace(one, line=_line(sop, one.where, lines)) for one in found]
    return tuple(sorted(placed, key=lambda one: (one.line or 0, one.code, one.where)))


def _course_of(finding: Finding) -> str:
    return finding.where.split(".")[1]


def _line(sop: Sop, where: str, lines: Mapping[str, int]) -> int | None:
    """The line of a path, or of the nearest part above it that the file has."""
    steps = list(_steps(sop, where))
    while steps:
        for path in (".".join(steps), ".".join(steps).replace(".seats.0", "")):  # a round in shorthand has no seats
            if path in lines:
                return lines[path]
        steps.pop()
    return None


def _steps(sop: Sop, where: str) -> Iterator[str]:
    """The steps of a path, rounds by their place."""
    steps = where.split(".")
    for place, step in enumerate(steps):
        in_rounds = place == 3 and steps[0] == "courses" and steps[2] == "rounds"
        yield str(sop.courses[steps[1]].position(step)) if in_rounds else step
