"""Bad SOPs each give their code, at their line; a good one gives none."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from config import lines_of, parse_sop
from domain.hours import WeekHours
from sop import NoPlan, Sop, plan
from sop.lint_findings import CODES, Finding, Severity
from sop.lint_people import starved_seats
from sop.linter import USUAL, Usual, lint
from tests.oracles.instances import MIXED, SMALL, random_instance
from tests.unit.test_linter_examples import EXAMPLE_CODES
from tests.unit.test_linter_mistakes import MISTAKES

TODAY = date(2026, 11, 20)
GOOD = """\
timezone: America/Los_Angeles
grid: 30m
notice: 12h
holidays: [12-25, 2026-11-26]
candidate: {daily_limit: 1}
working_hours: {mon-fri: ["09:00-12:00", "13:00-17:00"]}
interviewers:
  asha:
    name: Asha Rao
    email: asha@example.com
    timezone: Asia/Kolkata
    working_hours: {mon-fri: ["19:00-24:00"], sat: ["06:00-09:00"]}
    days_off: [2026-12-21..2026-12-31]
    skills: [java]
  ben:
    name: Ben Ortiz
    email: ben@example.com
    buffer: 15m
    daily_limit: 2
    weekly_limit: 8
    skills: [java]
  chloe: {name: Chloe Tran, email: chloe@example.com, daily_limit: 3, max_in_a_row: 2, break: 30m}
  diego: {name: Diego Alvarez, email: diego@example.com, working_hours: {mon-fri: ["15:00-20:00"]}}
courses:
  java:
    title: Java
    finish_within: 20d
    rounds:
      - {id: intro, title: Introduction, duration: 30m, pool: java, backups: [chloe]}
      - {id: core, title: Core Java, duration: 60m, interviewers: [ben], backups: [diego], gap: {min: 1d, max: 5d}}
      - id: panel
        title: Panel
        duration: 60m
        gap: {min: 1wd, max: 6d}
        seats:
          - {interviewers: [chloe], backups: [diego]}
          - {interviewers: [ben], backups: [asha]}
  data:
    title: Data
    distinct_interviewers: true
    rounds:
      - {id: screen, title: Screening, duration: 30m, interviewers: [asha, diego]}
      - {id: sql, title: SQL, duration: 60m, interviewers: [chloe], backups: [ben], gap: {min: 1d}}
"""


def found(text: str, usual: Usual = USUAL) -> tuple[Finding, ...]:
    return lint(parse_sop(text, "bad.yaml"), TODAY, lines=lines_of(text), usual=usual)


def test_a_good_sop_gives_nothing() -> None:
    assert found(GOOD) == ()


def test_the_example_gives_nothing() -> None:
    text = (Path(__file__).parents[2] / "sop.yaml").read_text()

    assert found(text) == ()


CORE = "interviewers: [ben], backups: [diego], gap: {min: 1d, max: 5d}"
SQL = "interviewers: [chloe], backups: [ben], gap: {min: 1d}"
SCREEN = "interviewers: [asha, diego]"
ASHA_HOURS = '{mon-fri: ["19:00-24:00"], sat: ["06:00-09:00"]}'
SEATS = "- {interviewers: [chloe], backups: [diego]}\n          - {interviewers: [ben], backups: [asha]}"

# What is replaced in the good SOP, by what -> the code, the line, words of the sentence.
BAD = [
    (
        "courses:\n",
        "  emma: {name: Emma Clarke, email: emma@example.com}\ncourses:\n",
        ("SOP101", 24, "No round names Emma Clarke."),
    ),
    ("skills: [java]", "skills: [java, go]", ("SOP102", 14, "No seat has the pool go")),
    (SQL, "interviewers: [ben]", ("SOP103", 43, "Only Ben Ortiz can take SQL of Data")),
    ("backups: [diego]}\n          - {inter", "}\n          - {inter", ("SOP103", 36, "a seat of Panel of Java")),
    (
        SEATS,
        "- {interviewers: [chloe], backups: [ben]}\n          - {interviewers: [ben, chloe]}\n"
        "          - {interviewers: [chloe, ben]}",
        ("SOP104", 31, "Panel of Java needs 3 different people for seats that only Ben Ortiz and Chloe Tran can take."),
    ),
    (
        SEATS,
        "- {interviewers: [chloe], backups: [diego]}\n          - {interviewers: [diego], backups: [chloe]}",
        ("SOP105", 31, "when any one of Chloe Tran and Diego Alvarez is away"),
    ),
    (
        SEATS,
        "- {interviewers: [chloe], backups: [diego]}\n          - {interviewers: [diego], backups: [chloe, ben]}",
        ("", 0, ""),
    ),
    ("email: ben@", "email: chloe@", ("SOP106", 22, "Ben Ortiz and Chloe Tran have the same email")),
    (
        "email: diego@example.com",
        "email: diego@example.com, calendar: chloe@example.com",
        ("SOP106", 23, "Chloe Tran and Diego Alvarez have the same calendar, chloe@example.com"),
    ),
    (
        "email: diego@example.com",
        "email: diego@example.com, calendar: [diego@example.com, team@example.com]",
        ("", 0, ""),
    ),
    (
        CORE,
        "when: {sun: ['09:00-12:00']}, " + CORE,
        ("SOP201", 30, "Nobody can ever take Core Java (1h) of Java, which takes place only Sun 09:00-12:00: Ben Ortiz works"),
    ),
    (
        'mon-fri: ["15:00-20:00"]',
        'mon-fri: ["15:00-15:45"]',
        ("SOP202", 23, "is named for Core Java (1h, Java) and Panel (1h, Java), but can never take them: Diego"),
    ),
    (
        'mon-fri: ["15:00-20:00"]',
        "",
        ("SOP202", 23, "Diego Alvarez has no hours at all"),
    ),
    (
        SEATS,
        "- {interviewers: [chloe, diego]}\n          - {interviewers: [ben, diego]}\n        when: {mon-fri: ['17:30-20:00']}",
        ("SOP203", 31, "17:30-20:00, needs 2 people at once, and they are never there together: Chloe Tran works"),
    ),
    (
        SCREEN + "}",
        "interviewers: [asha, diego], when: {mon-fri: ['05:00-07:00']}}",
        ("SOP204", 42, "Nobody can take Screening (30m) of Data, which takes place only Mon-Fri 05:00-07:00, when"),
    ),
    (
        ASHA_HOURS,
        '{mon-fri: ["13:00-19:00"]}',
        ("SOP205", 12, "Asha Rao is no help for Introduction (30m, Java), Panel (1h, Java) and Screening (30m, Data)"),
    ),
    (
        'mon-fri: ["15:00-20:00"]',
        'mon-fri: ["12:15-12:40", "15:00-20:00"]',
        ("SOP206", 23, "fits into Mon-Fri 12:15-12:40: the shortest, Screening, takes 30m"),
    ),
    (
        'mon-fri: ["09:00-12:00", "13:00-17:00"]',
        'mon-fri: ["09:00-12:00", "12:10-12:35", "13:00-17:00"]',
        ("SOP206", 6, "No interview of Ben Ortiz and Chloe Tran fits into Mon-Fri 12:10-12:35"),
    ),
    ("gap: {min: 1wd, max: 6d}", "gap: {min: 6wd, max: 6d}", ("SOP301", 34, "the gap of at least 6wd before Panel")),
    ("gap: {min: 1d, max: 5d}", "gap: {min: 1d, max: 5h}", ("SOP301", 30, "the gap of at most 5h before Core Java")),
    ("finish_within: 20d", "finish_within: 1d", ("SOP302", 27, "that it finishes within 1d")),
    (
        "backups: [ben], gap: {min: 1d}",
        "backups: [ben], gap: {min: 40d}",
        ("SOP303", 38, "Data takes 45 days from today even when everybody is free, and candidates usually have 28."),
    ),
    (
        "distinct_interviewers: true",
        "never_twice_in_a_row: true",
        ("", 0, ""),
    ),
    (
        "gap: {min: 1wd, max: 6d}",
        "gap: {max: 0d}",
        ("SOP401", 5, "gives way: that candidates sit at most 1 round a day; the gap of at most 0d before Panel."),
    ),
    (
        "finish_within: 20d",
        "max_interviewers: 1",
        ("SOP401", 27, "at most 1 interviewer, and one round alone has 2"),
    ),
    (
        "weekly_limit: 8",
        "weekly_limit: 2",
        ("", 0, ""),
    ),
    (
        "daily_limit: 3, max",
        "daily_limit: 3, weekly_limit: 12, max",
        ("", 0, ""),
    ),
    (
        "daily_limit: 3, max",
        "daily_limit: 3, weekly_limit: 16, max",
        ("SOP403", 22, "limit of 16 a week is never reached: 3 a day on 5 days a week makes 15."),
    ),
    ("daily_limit: 2", "daily_limit: 9", ("SOP403", 19, "Ben Ortiz's limit of 9 a day is never reached: 8 a week")),
    ("break: 30m", "break: 30m, buffer: 30m", ("SOP404", 22, "is a break of 30m after every interview of Chloe Tran")),
    ("2026-11-26]", "2025-11-27]", ("SOP501", 4, "the last was on Thu 27 Nov 2025")),
    ("2026-11-26]", "2016-11-24, 2026-11-26]", ("SOP502", 4, "2016-11-24 is long past.")),
    ("2026-12-21..", "2024-07-01..2024-07-05, 2026-12-21..", ("SOP502", 13, "2024-07-01..2024-07-05 is long past.")),
    ("2026-12-21..", "2026-12-20, 2026-12-21..", ("SOP503", 13, "2026-12-20 takes nothing away: Asha Rao works only")),
    ("2026-12-21..", "2026-12-24, 2026-12-21..", ("SOP503", 13, "2026-12-24 changes nothing: 2026-12-21..2026-12-31")),
    ("12-25, 2026-11-26]", "12-25, 12-24..01-02, 2026-11-26]", ("SOP503", 4, "12-25 changes nothing: 12-24..01-02")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), BAD, ids=[f"{row[2][0] or 'none'}-{row[1][:20]}" for row in BAD])
def test_a_bad_sop_gives_its_code_at_its_line(old: str, new: str, expected: tuple[str, int, str]) -> None:
    assert old in GOOD
    code, line, words = expected

    findings = found(GOOD.replace(old, new, 1))

    assert [(one.code, one.line) for one in findings] == ([(code, line)] if code else [])
    assert [one.message for one in findings if words not in one.message] == []


def test_limits_below_a_candidate_of_each_course_a_week_are_told() -> None:
    """The core, a seat of the panel and the SQL round are for Ben and Chloe, with one interview a week for each."""
    text = GOOD.replace("backups: [diego], gap", "backups: [chloe], gap").replace("backups: [asha]", "backups: [chloe]")
    text = text.replace("weekly_limit: 8", "weekly_limit: 1").replace("daily_limit: 3, max", "weekly_limit: 1, max")

    demand = [one for one in found(text) if one.code == "SOP402"]

    assert [one.where for one in demand] == ["interviewers.ben.weekly_limit"]
    assert demand[0].message == (
        "One candidate of each course a week needs at least 3 interviews of Ben Ortiz and Chloe Tran, who do at most 2 a week."
    )


def test_hours_for_everybody_that_nobody_uses_are_told() -> None:
    own = "working_hours: {mon-fri: ['09:00-17:00']}"
    text = GOOD.replace("    buffer: 15m", f"    buffer: 15m\n    {own}").replace(
        "daily_limit: 3", f"daily_limit: 3, {own}"
    )

    assert found(text) == ()  # they are the desk's
    assert [one.code for one in found(f"{text}desk_hours: ['09:00-17:00']\n")] == ["SOP207"]


def test_what_the_search_cannot_settle_is_said_to_be_open() -> None:
    """Whether four people can cover 14 rounds is a hard question."""
    lots, ids = random.Random(1), [f"p{number}" for number in range(20)]
    rounds = [
        {"id": f"r{n}", "title": f"R{n}", "duration": "30m", "interviewers": lots.sample(ids, 4)} for n in range(14)
    ]
    people = {who: {"name": who, "email": f"{who}@example.com"} for who in ids}
    course = {"title": "Hard", "max_interviewers": 4, "rounds": rounds}
    sop = Sop.parse(
        {
            "timezone": "UTC",
            "working_hours": {"mon-fri": ["09:00-17:00"]},
            "interviewers": people,
            "courses": {"hard": course},
        }
    )

    assert [one.code for one in lint(sop, TODAY) if one.severity is not Severity.WARNING] == ["SOP305"]


def test_what_candidates_usually_bring_can_be_said() -> None:
    """Screening can be taken from 05:30 on only by Asha, and before noon by nobody else."""
    evenings = Usual(slots=WeekHours.parse(["17:00-20:00"]), window=timedelta(days=28))
    short = Usual(slots=USUAL.slots, window=timedelta(days=3))

    assert {one.code for one in found(GOOD, evenings)} == {"SOP204", "SOP205"}
    assert {one.code for one in found(GOOD, short)} == {"SOP303"}


@pytest.mark.parametrize("seed", range(30))
def test_what_is_called_impossible_has_no_plan(seed: int) -> None:
    """Random SOPs with every rule in play; some of their candidates have a plan, some have none."""
    case = random_instance(seed, SMALL if seed % 2 else MIXED)
    now = case.now.astimezone(case.sop.zone)

    findings = lint(case.sop, now.date())

    if any(one.severity is Severity.ERROR and one.where.startswith("courses.") for one in findings):
        result = plan(case.sop, case.request, busy=case.busy, booked=case.booked, now=case.now)
        assert isinstance(result, NoPlan)


def test_every_code_has_a_bad_sop() -> None:
    elsewhere = {"SOP207", "SOP304", "SOP305", "SOP402"}

    assert {row[2][0] for row in BAD} - {""} | {
        code for row in MISTAKES for code in row[2].split()
    } | EXAMPLE_CODES | elsewhere == set(CODES)


@pytest.mark.parametrize(
    ("seats", "capacity", "starved"),
    [
        (["ab", "b"], None, None),
        (["ab", "ab", "ab"], None, (3, frozenset("ab"))),
        (["a", "abc", "a"], None, (2, frozenset("a"))),
        (["ab", "bc", "ca", "abc"], None, (4, frozenset("abc"))),
        (["ab", "bc", "ca", "abc"], {"a": 2, "b": 1, "c": 1}, None),
        (["a", "b"], {"a": 1, "b": 0}, (1, frozenset("b"))),
    ],
)
def test_seats_with_too_few_people_are_found(
    seats: list[str], capacity: dict[str, int] | None, starved: tuple[int, frozenset[str]] | None
) -> None:
    assert starved_seats(seats, capacity) == starved
