"""Reading an SOP: every mistake is named with its line, and every way of writing gives the same meaning."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import load_sop
from domain.errors import FieldError, InvalidSop
from sop import Sop, with_changes
from sop.lengths import Days, Length
from sop.model import Interviewer
from tests.unit.sop_builders import make_request, make_sop, plain_sop

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


def problems(tmp_path: Path, text: str) -> list[tuple[int | None, str, str]]:
    """Line, place and message of each mistake in a file."""
    path = tmp_path / "sop.yaml"
    path.write_text(text)
    with pytest.raises(InvalidSop) as caught:
        load_sop(path)
    assert str(path) in str(caught.value)
    return [(problem.line, problem.where, problem.message) for problem in caught.value.problems]


def load(tmp_path: Path, text: str) -> Sop:
    path = tmp_path / "sop.yaml"
    path.write_text(text)
    return load_sop(path)


def test_a_file_becomes_values(tmp_path: Path) -> None:
    sop = load(tmp_path, GOOD)

    asha, ben = sop.interviewers["asha"], sop.interviewers["ben"]
    assert (asha.timezone, ben.timezone) == ("Asia/Kolkata", "America/Los_Angeles")
    assert asha.calendars == ("asha@example.com",)
    assert asha.working_hours == ben.working_hours
    assert date(2026, 12, 25) in asha.days_off
    assert ben.buffer == timedelta(minutes=15)
    assert date(2031, 1, 1) in sop.holidays
    core = sop.courses["java"].rounds[1]
    assert (core.duration, core.seats[0].interviewers) == (timedelta(hours=1), ("ben",))
    assert core.gap.max == Length(amount=4, unit="d")


# What is replaced in the good file, by what -> the line, the place, and words of the message.
MISTAKES = [
    ("America/Los_Angeles", "PST", 1, "timezone", "say America/Los_Angeles"),
    ("America/Los_Angeles", "Mars/Olympus", 1, "timezone", "not an IANA time zone"),
    ("grid: 30m", "grid: 0m", 2, "grid", "from 1m to 24h"),
    ("grid: 30m", "grid: 1d", 2, "grid", "elapsed time is meant, such as 24h"),
    ("grid: 30m", "grid: 30", 2, "grid", "not a length of time"),
    ("grid: 30m", "gird: 30m", 2, "gird", "did you mean 'grid'?"),
    ("2026-12-25", "2026-02-30", 3, "holidays", "'2026-02-30' is not a date"),
    ("01-01", "13-01", 3, "holidays", "'13-01' is not a date"),
    ("mon-fri", "mon-fry", 4, "working_hours", "not a weekday"),
    ("09:00-12:00", "25:00-26:00", 4, "working_hours", "25:00"),
    ("09:00-12:00", "12:00-09:00", 4, "working_hours", "ends before it starts"),
    ("2026-12-20..2026-12-31", "2026-12-31..2026-12-20", 7, "interviewers.asha.days_off", "ends before it starts"),
    ("asha@example.com", "asha", 7, "interviewers.asha.email", "not an email address"),
    ("Asia/Kolkata", "IST", 7, "interviewers.asha.timezone", "Asia/Kolkata (or"),
    ("buffer: 15m", "bufer: 15m", 8, "interviewers.ben.bufer", "did you mean 'buffer'?"),
    ("buffer: 15m", "daily_limit: 0", 8, "interviewers.ben.daily_limit", "greater than or equal to 1"),
    ("buffer: 15m", "daily_limit: yes", 8, "interviewers.ben.daily_limit", "integer"),
    ("buffer: 15m", "max_in_a_row: 2", 8, "interviewers.ben", "go together"),
    ("  ben: {name", "  Ben: {name", 8, "interviewers.Ben", "is not an id"),
    ("backups: [ben]", "backups: [bne]", 13, "courses.java.rounds.0.backups.0", "did you mean 'ben'?"),
    ("backups: [ben]", "backups: [asha]", 13, "courses.java.rounds.0.backups.0", "named twice"),
    ("backups: [ben]", "pool: java", 13, "courses.java.rounds.0.pool", "nobody has the skill 'java'"),
    ("id: core", "id: intro", 14, "courses.java.rounds.1.id", "another round 'intro'"),
    ("duration: 1h", "duration: 25h", 14, "courses.java.rounds.1.duration", "from 1m to 24h"),
    ("title: Core, ", "", 14, "courses.java.rounds.1.title", "is needed"),
    ("interviewers: ben, ", "", 14, "courses.java.rounds.1", "nobody is named"),
    ("min: 1d", "min: 5d", 14, "courses.java.rounds.1.gap", "min 5d is more than its max 4d"),
    ("min: 1d", "mni: 1d", 14, "courses.java.rounds.1.gap.mni", "did you mean 'min'?"),
    ("    title: Java\n", "", 10, "courses.java.title", "is needed"),
    ("title: Java", "title: \"Ja\\u202eva\"", 11, "courses.java.title", "one line"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "where", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, where: str, words: str
) -> None:
    found = problems(tmp_path, GOOD.replace(old, new, 1))

    assert [(number, place) for number, place, message in found if words in message] == [(line, where)]


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        GOOD.replace("America/Los_Angeles", "PST")
        .replace("buffer", "bufer")
        .replace("[ben]", "[bne]")
        .replace("1h", "1d")
    )

    assert [line for line, _, _ in problems(tmp_path, text)] == [1, 8, 13, 14]


@pytest.mark.parametrize(
    ("round_", "where", "message"),
    [
        ("duration: 30x, interviewers: [asha]", "duration", "'30x' is not a length of time"),
        (
            "duration: 30m, interviewers: [asha], seats: [{interviewers: [asha]}]",
            "interviewers",
            "a round with seats names",
        ),
    ],
)
def test_what_only_follows_from_a_mistake_is_not_another_one(
    tmp_path: Path, round_: str, where: str, message: str
) -> None:
    head = "timezone: UTC\nworking_hours: {mon: ['09:00-17:00']}\n"
    people = "interviewers:\n  asha: {name: Asha Rao, email: asha@example.com}\n"
    text = f"{head}{people}courses:\n  java:\n    title: Java\n    rounds: [{{id: intro, title: Intro, {round_}}}]\n"

    ((_, place, said),) = problems(tmp_path, text)

    assert place == f"courses.java.rounds.0.{where}"
    assert message in said


def test_a_key_that_is_given_twice_is_a_mistake(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD + "grid: 60m\n")

    assert found == [(15, "grid", "is given twice; the first is on line 2")]


@pytest.mark.parametrize("text", ["", "[]", "just words", "a: [1", "\t- a", "a: &x [*x]", "[" * 5000])
def test_what_is_no_sop_at_all_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("título: é".encode("latin-1"))

    with pytest.raises(InvalidSop, match="cannot be read"):
        load_sop(tmp_path / "none.yaml")
    with pytest.raises(InvalidSop, match="not UTF-8"):
        load_sop(tmp_path / "latin.yaml")


def test_what_an_sop_says_can_be_written_and_read_back() -> None:
    sop = make_sop()

    assert Sop.parse(sop.plain()) == sop
    assert Sop.parse(sop.plain()).version == sop.version


def test_the_version_is_of_the_meaning(tmp_path: Path) -> None:
    sop = load(tmp_path, GOOD)

    other_words = GOOD.replace("1h", "60m").replace("grid: 30m", "# every half hour\ngrid: 30m").replace("[ben]", "ben")
    assert load(tmp_path, other_words).version == sop.version
    assert load(tmp_path, GOOD.replace("1h", "61m")).version != sop.version
    assert load(tmp_path, GOOD + "examples: [{a: 1}]\n").version == sop.version


def test_a_field_that_comes_with_a_later_version_leaves_an_sop_that_does_not_use_it_as_it_was() -> None:
    class LaterPerson(Interviewer):
        nickname: str | None = None

    class LaterSop(Sop):
        color: str | None = "blue"

    sop, later = make_sop(), LaterSop.parse(plain_sop())
    asha = LaterPerson.model_construct(**dict(sop.interviewers["asha"]))
    known, named = (sop.having(interviewers={"asha": one}) for one in (asha, asha.having(nickname="Ash")))

    assert later.version == sop.version
    assert known.version == sop.having(interviewers={"asha": sop.interviewers["asha"]}).version
    assert named.version != known.version
    assert len({later.having(color=one).version for one in ("blue", "red", None)}) == 3


def test_saying_what_holds_by_default_is_no_other_version(tmp_path: Path) -> None:
    said = GOOD.replace("grid: 30m", "grid: 30m\nnotice: 0m\ncandidate: {events: day}\ndecline_grace: 10m")

    assert load(tmp_path, said).version == load(tmp_path, GOOD).version
    assert load(tmp_path, said.replace("events: day", "events: time")).version != load(tmp_path, GOOD).version


@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        ("", 510),
        ("digest_at: 08:30\n", 510),
        ("digest_at: '8:30'\n", 510),
        ("digest_at: 8:30\n", 510),  # to YAML these are the numbers 510 and 630
        ("digest_at: 10:30\n", 630),
        ("digest_at: 0:05\n", 5),
        ("digest_at: 24:00\n", 0),
        ("digest_at: never\n", None),
        ("digest_at: off\n", None),
        ("digest_at:\n", None),
    ],
)
def test_the_time_of_the_digest_is_read_however_it_is_written(
    tmp_path: Path, written: str, minutes: int | None
) -> None:
    sop = load(tmp_path, GOOD + written)

    assert sop.digest_at == minutes
    assert Sop.parse(sop.plain()) == sop
    assert (sop.version == load(tmp_path, GOOD).version) == (minutes == 510)


@pytest.mark.parametrize("written", ["9", "25:00", "8.30", "08:30am", "yes", "[08:30]", "'09:00-10:00'"])
def test_what_is_no_time_for_a_digest_is_named(tmp_path: Path, written: str) -> None:
    ((line, where, message),) = problems(tmp_path, GOOD + f"digest_at: {written}\n")

    assert (line, where) == (GOOD.count("\n") + 1, "digest_at")
    assert message.endswith("is neither a time of day such as 08:30 nor never")


def test_reminders_are_lengths_the_longest_first() -> None:
    hours = timedelta(hours=1)

    assert make_sop().reminders == (24 * hours, 2 * hours)
    for given, read in (
        ([], ()),
        (["2h", "90m", "24h", "120m"], (24 * hours, 2 * hours, 1.5 * hours)),
        ("3h", (3 * hours,)),
    ):
        assert make_sop(reminders=given).reminders == read
    for wrong, words in ((["1d"], "such as 24h"), (["4m"], "from 5m to 336h"), (["soon"], "not a length of time")):
        with pytest.raises(InvalidSop, match=words):
            make_sop(reminders=wrong)


def test_changes_go_by_path_and_are_checked() -> None:
    sop, request = make_sop(), make_request()

    new_sop, new_request = with_changes(
        sop,
        request,
        {"sop.courses.java.rounds.core.gap.max": "5d", "request.slots": ["10:00-11:00"], "sop.notice": "6h"},
    )

    assert str(new_sop.courses["java"].rounds[1].gap.max) == "5d"
    assert new_sop.notice == timedelta(hours=6)
    assert new_request.slots.plain() == {"mon-sun": ["10:00-11:00"]}
    assert (sop.notice, request.slots.plain()) == (timedelta(0), {"mon-sun": ["09:00-12:00"]})
    for path, value in (("sop.courses.java.rounds.none.gap", {}), ("notice", "1h"), ("request.slots", [])):
        with pytest.raises(FieldError):
            with_changes(sop, request, {path: value})
    with pytest.raises(InvalidSop):
        with_changes(sop, request, {"sop.notice": "soon"})


@pytest.mark.parametrize(
    ("plain", "inside", "outside"),
    [
        ("2026-12-25", date(2026, 12, 25), date(2027, 12, 25)),
        ("12-25", date(2027, 12, 25), date(2027, 12, 26)),
        ("02-29", date(2028, 2, 29), date(2027, 2, 28)),
        ("12-24..01-02", date(2027, 1, 2), date(2027, 1, 3)),
        ("2026-12-20..2026-12-31", date(2026, 12, 31), date(2027, 12, 25)),
    ],
)
def test_days_are_single_or_ranges_or_of_every_year(plain: str, inside: date, outside: date) -> None:
    assert inside in Days.parse([plain])
    assert outside not in Days.parse([plain])


def test_an_unknown_course_or_a_naive_time_is_refused_by_name() -> None:
    plain: dict[str, Any] = plain_sop()
    with pytest.raises(FieldError, match=r"course: 'php' .* The SOP has "):
        Sop.parse(plain).course("php")
