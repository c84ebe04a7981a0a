"""Why a file cannot be read as an SOP, as findings: each mistake that reading it found is given its code and what to do.

They are told apart by the words of their messages, and the tests hold every kind of mistake to its code.
"""

from __future__ import annotations

import re

from domain.errors import InvalidSop, Problem
from sop.lint_findings import Finding

# Words of a message, the code, what to do. The first that fits decides.
KINDS = tuple(
    (re.compile(words), code, fix)
    for words, code, fix in (
        ("cannot be read: |is not UTF-8|is not YAML|an SOP is a mapping", "SOP001", "Begin from sop.yaml, which is an example."),
        ("is not known here", "SOP002", "Correct the key, or take it out."),
        ("is needed$", "SOP003", "Add it."),
        ("there must be at least one", "SOP003", "Add one."),
        ("has no working_hours", "SOP003", "Give working_hours here, or for everybody at the top."),
        ("is given twice|is named twice|there is another round", "SOP004", "Take one of the two out, or rename it."),
        ("is not an id", "SOP005", "Use small letters, digits, - and _ only."),
        ("is not an interviewer|nobody has the skill", "SOP006", "Correct the id, or add who is meant to interviewers."),
        ("nobody is named", "SOP007", "Name interviewers: [id], with backups: [id] if somebody can stand in."),
        ("is an abbreviation", "SOP008", "Use the name it says: an abbreviation does not know of summer time."),
        ("is not an IANA time zone", "SOP008", "Use a name of a continent and a city, such as Asia/Kolkata."),
        ("no round before it|'s min .* is more than its max", "SOP012", "Correct the gap, or take it out."),
        ("go together|with seats names its", "SOP013", "Give both, or only one form, as it says."),
        ("is not a length of time|counts dates; here", "SOP009", "Write 30m or 24h; for distances of dates 2d or 2wd."),
        ("not a weekday|not a time slot|not a time of day|a week has seven days| overlap on ", "SOP010",
         'Write hours as mon-fri: ["09:00-12:00", "13:00-18:00"].'),
        ("'\\d+:\\d+.*ends before it starts|does not end after it starts|not a list of time slots", "SOP010",
         'Write hours as mon-fri: ["09:00-12:00", "13:00-18:00"].'),
        ("is not a date|not a list of dates|with and without a year|ends before it starts", "SOP011",
         "Write 2026-12-25, every year 12-25, or a range 2026-12-20..2026-12-31."),
    )
)  # fmt: skip
OTHER = ("SOP014", "Write a value of the kind it asks for.")


def mistakes(error: InvalidSop) -> tuple[Finding, ...]:
    """A finding for each mistake of a file, in the order of the file."""
    return tuple(map(_finding, error.problems))


def _finding(problem: Problem) -> Finding:
    code, fix = next(((code, fix) for words, code, fix in KINDS if words.search(problem.message)), OTHER)
    message = problem.message[:1].upper() + problem.message[1:]
    return Finding(code=code, where=problem.where, message=message, fix=fix, line=problem.line)
