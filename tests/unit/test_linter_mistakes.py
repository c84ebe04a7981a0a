"""Every kind of mistake for which a file cannot be read as an SOP has its code."""

from __future__ import annotations

import pytest

from config import load_sop, parse_sop
from domain.errors import InvalidSop
from sop.lint_findings import Severity
from sop.lint_mistakes import mistakes

GOOD = """\
timezone: America/Los_Angeles
grid: 30m
holidays: [2026-12-25, 01-01]
working_hours:
  mon-fri: ["09:00-12:00"]
interviewers:
  asha: {name: Asha Rao, email: asha@example.com, timezone: Asia/Kolkata, days_off: [2026-12-20..2026-12-31]}
  ben: {name: Ben Ortiz, email: ben@example.com, buffer: 15m}
courses:
  java:
    title: Java
    rounds:
      - {id: intro, title: Introduction, duration: 30m, interviewers: [asha], backups: [ben]}
      - {id: core, title: Core, duration: 1h, interviewers: ben, gap: {min: 1d, max: 4d}}
"""
# What is replaced in the good file, by what -> the codes that the file has then.
MISTAKES = [
    ("grid: 30m", "grid: [", "SOP001"),
    ("grid: 30m", "{{}}: 1", "SOP001"),
    (GOOD, "- not a mapping", "SOP001"),
    (GOOD, "", "SOP001"),
    ("grid: 30m", "gird: 30m", "SOP002"),
    ("min: 1d", "mni: 1d", "SOP002"),
    ("title: Core, ", "", "SOP003"),
    ("working_hours:\n  mon-fri: [\"09:00-12:00\"]\n", "", "SOP003"),
    ("grid: 30m", "grid: 30m\ngrid: 30m", "SOP004"),
    ("backups: [ben]", "backups: [asha]", "SOP004"),
    ("id: core", "id: intro", "SOP004"),
    ("  mon-fri: [\"09:00-12:00\"]", "  mon-fri: [\"09:00-12:00\"]\n  tue: [\"09:00-12:00\"]", "SOP004"),
    ("id: core", "id: Core Java", "SOP005"),
    ("backups: [ben]", "backups: [bne]", "SOP006"),
    ("backups: [ben]", "pool: java", "SOP006"),
    ("interviewers: ben, ", "", "SOP007 SOP003"),
    ("interviewers: ben, ", "seats: [{interviewers: []}], ", "SOP007"),
    ("America/Los_Angeles", "PST", "SOP008"),
    ("Asia/Kolkata", "IST", "SOP008"),
    ("America/Los_Angeles", "Mars/Olympus", "SOP008"),
    ("grid: 30m", "grid: 30", "SOP009"),
    ("grid: 30m", "grid: 1d", "SOP009"),
    ("max: 4d", "max: four days", "SOP009"),
    ("mon-fri", "mon-fry", "SOP010"),
    ("09:00-12:00", "25:00-26:00", "SOP010"),
    ("09:00-12:00", "12:00-09:00", "SOP010"),
    ("09:00-12:00", "morning", "SOP010"),
    ("[\"09:00-12:00\"]", "[\"09:00-12:00\", \"11:00-13:00\"]", "SOP010"),
    ("[\"09:00-12:00\"]", "9", "SOP010"),
    ("2026-12-25", "2026-02-30", "SOP011"),
    ("01-01", "13-01", "SOP011"),
    ("[2026-12-25, 01-01]", "{a: 1}", "SOP011"),
    ("2026-12-20..2026-12-31", "2026-12-31..2026-12-20", "SOP011"),
    ("2026-12-20..2026-12-31", "12-20..2026-12-31", "SOP011"),
    ("min: 1d", "min: 5d", "SOP012"),
    ("duration: 30m,", "duration: 30m, gap: {min: 1d},", "SOP012"),
    ("buffer: 15m", "max_in_a_row: 2", "SOP013"),
    ("interviewers: ben,", "interviewers: ben, seats: [{interviewers: [ben]}],", "SOP013"),
    ("buffer: 15m", "daily_limit: 0", "SOP014"),
    ("buffer: 15m", "daily_limit: many", "SOP014"),
    ("grid: 30m", "grid: 0m", "SOP014"),
    ("asha@example.com", "asha", "SOP014"),
    ("grid: 30m", "desk_hours: {}", "SOP014"),
    ("grid: 30m", "desk_hours: office", "SOP010"),
    ("grid: 30m", "escalation_after: 2d", "SOP009"),
    ("grid: 30m", "reminders: [1d]", "SOP009"),
    ("grid: 30m", "reminders: [1m]", "SOP014"),
    ("title: Java", "title: \"Ja\\u202eva\"", "SOP014"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "codes"), MISTAKES, ids=[f"{codes}-{new[:25]}" for _, new, codes in MISTAKES])
def test_a_mistake_has_its_code(old: str, new: str, codes: str) -> None:
    assert old in GOOD
    with pytest.raises(InvalidSop) as caught:
        parse_sop(GOOD.replace(old, new, 1), "bad.yaml")

    findings = mistakes(caught.value)

    assert {one.code for one in findings} == set(codes.split())
    assert [one.line for one in findings] == [problem.line for problem in caught.value.problems]
    assert all(one.severity is Severity.ERROR and one.message and one.fix for one in findings)


def test_a_file_that_is_not_there_has_a_code() -> None:
    with pytest.raises(InvalidSop) as caught:
        load_sop("no/such/file.yaml")

    assert [(one.code, one.line) for one in mistakes(caught.value)] == [("SOP001", None)]
