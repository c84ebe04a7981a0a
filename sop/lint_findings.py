"""What the linter can say: every code on one screen, and a finding as a value.

How findings come about is in the other `lint_*.py` files and in `examples.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: an error cannot work, a warning hardly can be meant, a hint changes nothing."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


E, W, H = Severity.ERROR, Severity.WARNING, Severity.HINT
CODES: Mapping[str, tuple[Severity, str]] = {
    # The file cannot be read as an SOP
    "SOP001": (E, "the file cannot be read, or is no YAML mapping"),
    "SOP002": (E, "a key that is not known"),
    "SOP003": (E, "something needed is missing"),
    "SOP004": (E, "something is given twice"),
    "SOP005": (E, "an id with signs that an id must not have"),
    "SOP006": (E, "an id or a skill that nobody has"),
    "SOP007": (E, "a round or a seat for which nobody is named"),
    "SOP008": (E, "a time zone by abbreviation, or one that is not known"),
    "SOP009": (E, "a length of time that is none"),
    "SOP010": (E, "hours or weekdays that are none"),
    "SOP011": (E, "a date that is none"),
    "SOP012": (E, "a gap that contradicts itself"),
    "SOP013": (E, "keys that only make sense together, or not together"),
    "SOP014": (E, "a value that cannot be used here"),
    # People
    "SOP101": (W, "an interviewer whom no round needs"),
    "SOP102": (H, "a skill that no pool asks for"),
    "SOP103": (W, "a seat with a single person and no backup"),
    "SOP104": (E, "a panel or a course with fewer people than it needs different ones"),
    "SOP105": (W, "a panel or a course that one absence stops"),
    "SOP106": (W, "two interviewers with one email or calendar"),
    # Hours
    "SOP201": (E, "a round that nobody can ever take"),
    "SOP202": (W, "somebody who can never take a round they are named for"),
    "SOP203": (E, "a panel whose people are never there together"),
    "SOP204": (W, "a round that nobody can take when candidates usually can"),
    "SOP205": (W, "somebody whose hours never meet those of candidates"),
    "SOP206": (W, "hours in which no interview fits"),
    "SOP207": (H, "working hours for everybody that nobody uses"),
    # Courses
    "SOP301": (E, "gaps that contradict each other, or the hours of the people"),
    "SOP302": (E, "a course that cannot finish as soon as it must"),
    "SOP303": (W, "a course that takes longer than candidates usually have"),
    "SOP304": (E, "a course that nobody can get through"),
    "SOP305": (H, "a course of which the search could not tell whether anybody can get through"),
    # Limits
    "SOP401": (E, "limits that make a course impossible"),
    "SOP402": (W, "limits or hours below one candidate of each course a week"),
    "SOP403": (H, "a limit that is never reached"),
    "SOP404": (H, "a break that the buffer gives anyway"),
    # Dates
    "SOP501": (W, "holidays of which none with a year is still to come"),
    "SOP502": (H, "dates that are long past"),
    "SOP503": (H, "dates that change nothing"),
    # Examples
    "SOP601": (E, "an example that cannot be read"),
    "SOP602": (E, "an example that does not come out as it should"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong, or hardly meant: by its code, where it is, in a sentence, and what to do about it.

    `where` is a path with the ids of rounds (`courses.java.rounds.core.gap`); `line` counts from 1, None when it is not known.
    """

    code: str
    where: str
    message: str
    fix: str
    line: int | None = None

    @property
    def severity(self) -> Severity:
        return CODES[self.code][0]
