"""The SOP in the chat: seen, changed by sending a file, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat.sop_words import differences
from config import parse_sop
from sop import Sop
from tests.chat_driver import Person

TEXT = (Path(__file__).parents[2] / "sop.yaml").read_text(encoding="utf-8")
CORE = "interviewers: [ben, diego], backups: [ravi], gap: {min: 1d, max: 5d}"
CHANGED = TEXT.replace(CORE, CORE.replace("5d", "2d"))


async def in_force(person: Person, text: str, source: str = "file") -> None:
    """Put an SOP in force as another process would."""
    person.current_sop = parse_sop(text, "sop.yaml")
    await person.db.activate_sop(version=person.current_sop.version, text=text, source=source, actor="test")


async def test_the_sop_is_shown_with_its_file(person: Person) -> None:
    await in_force(person, TEXT)

    shown = await person.says("/sop")

    assert shown.startswith("📘 The SOP in force, since ")
    assert (
        ", read from its file\n8 interviewers, days in America/Los_Angeles.\n\nJava Full Stack: Introduction > Core Java > "
        in shown
    )
    assert person.received("sop.yaml").decode() == TEXT


async def test_a_changed_file_is_shown_in_words_and_comes_into_force_on_a_tap(person: Person) -> None:
    await in_force(person, TEXT)

    shown = await person.sends("new.yaml", CHANGED.encode())

    assert shown.startswith("📝 new.yaml changes this:\n\n• Core Java: largest gap 5d → 2d\n")
    assert (await person.db.active_sop() or {})["text"] == TEXT
    assert "✅ new.yaml is in force." in await person.taps("Put it in force")
    active = await person.db.active_sop() or {}
    assert (active["text"], active["source"], active["version"]) == (CHANGED, "chat", parse_sop(CHANGED, "x").version)
    assert "sop_activated" in [row["action"] for row in await person.db.audit_trail()]


async def test_an_earlier_one_can_be_gone_back_to(person: Person) -> None:
    await in_force(person, TEXT)
    await in_force(person, CHANGED, "chat")

    await person.says("/sop")
    await person.taps("Earlier versions")
    shown = await person.taps("read from its file")
    assert "• Core Java: largest gap 2d → 5d" in shown
    assert "✅ The earlier SOP is in force." in await person.taps("Put it in force")
    assert (await person.db.active_sop() or {})["text"] == TEXT


async def test_an_earlier_one_that_cannot_be_read_any_more_says_so(person: Person) -> None:
    await person.db.activate_sop(
        version="old", text=TEXT.replace("grid: 30m", "raster: 30m"), source="file", actor="test"
    )
    await in_force(person, CHANGED, "chat")

    await person.says("/sop")
    await person.taps("Earlier versions")
    shown = await person.taps("read from its file")

    assert shown.startswith("❗ The earlier SOP cannot be used: 1 mistake.")
    assert "raster" in shown


async def test_a_file_that_is_left_changes_nothing(person: Person) -> None:
    await in_force(person, TEXT)
    await person.sends("new.yaml", CHANGED.encode())

    assert "✖️ The SOP in force stays as it is." in await person.taps("Leave it")
    assert "means the same as the SOP in force" in await person.sends("same.yml", f"# Hello\n{TEXT}".encode())
    assert (await person.db.active_sop() or {})["text"] == TEXT


async def test_mistakes_are_told_with_their_lines(person: Person) -> None:
    await in_force(person, TEXT)

    shown = await person.sends("new.yaml", TEXT.replace("[ben, diego]", "[bob, diego]").encode())
    assert "❗ new.yaml cannot be used: 1 mistake." in shown
    assert "• line " in shown
    assert "bob" in shown
    assert "It is not UTF-8 text (byte 0)." in await person.sends("new.yaml", b"\xff\xfe")
    assert "cannot be used" in await person.sends("new.yaml", b"- <b>&\n")


async def test_what_cannot_work_is_told_before_it_is_put_in_force(person: Person) -> None:
    await in_force(person, TEXT)

    hopeless = TEXT.replace(CORE, CORE.replace("backups: [ravi]", "when: {sun: ['01:00-02:00']}"))
    shown = await person.sends("new.yaml", hopeless.encode())

    assert "❗ " in shown
    assert "✅ Put it in force anyway" in shown


async def test_what_was_shown_is_shown_anew_when_another_sop_came_into_force(person: Person) -> None:
    await in_force(person, TEXT)
    await person.sends("new.yaml", CHANGED.encode())
    await in_force(person, TEXT.replace("notice: 12h", "notice: 24h"))

    shown = await person.taps("Put it in force")

    assert shown.startswith("Another SOP has come into force meanwhile.")
    assert "• For all: notice 24h → 12h" in shown
    assert "is in force." in await person.taps("Put it in force")
    assert (await person.db.active_sop() or {})["text"] == CHANGED


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("notice: 12h ", "notice: 24h ", "For all: notice 12h → 24h"),
        ("undo_for: 30m", "undo_for: 2h", "For all: can be taken back for 30m → 2h"),
        ("name: Asha Rao", "name: Asha R.", "Asha R.: name Asha Rao → Asha R."),
        ("backups: [ravi], gap", "gap", "Core Java: seat 1: backups Ravi Menon → none"),
        ("interviewers: [ben, diego]", "interviewers: [diego]", "Core Java: seat 1: interviewers Ben Ortiz, Diego"),
        ("title: Core Java, duration: 60m", "title: Core Java, duration: 90m", "Core Java: length 60m → 90m"),
        ("    weekly_limit: 10\n", "", "Asha Rao: weekly limit 10 → none"),
        ('tue-fri: ["06:00-09:00", "19:00-24:00"], ', "", "Ravi Menon: working hours "),
        ("reminders: [24h, 2h]", "reminders: [3h]", "For all: reminders before an interview 24h, 2h → 3h"),
        ("escalation_after: 2h ", "escalation_after: 3h ",
         "For all: unanswered questions go to the next admin after 2h → 3h"),
        ('desk_hours: {mon-fri: ["09:00-18:00"]}', 'desk_hours: {mon-thu: ["08:00-16:00"]}',
         "For all: desk hours mon-fri 09:00-18:00 → mon-thu 08:00-16:00"),
    ],
)  # fmt: skip
def test_differences_in_words(sop: Sop, before: str, after: str, line: str) -> None:
    assert before in TEXT
    changed = parse_sop(TEXT.replace(before, after, 1), "changed")

    found = differences(sop, changed)

    assert len(found) == 1
    assert found[0].startswith(line)


def test_what_comes_and_goes_is_told_once(sop: Sop) -> None:
    plain = sop.plain()
    plain["interviewers"]["zoe"] = {"name": "Zoe <b>", "email": "zoe@example.com", "timezone": "Europe/Paris"}
    without_gap = {key: value for key, value in plain["courses"]["java"]["rounds"][1].items() if key != "gap"}
    first, _, *rest = plain["courses"]["java"]["rounds"]
    plain["courses"]["java"]["rounds"] = [without_gap, first, *rest[1:]]
    del plain["courses"]["devops"]
    changed = Sop.parse(plain)

    assert differences(sop, changed) == [
        "DevOps and Cloud is no longer there",
        "Java Full Stack: Spring and databases is no longer there",
        "Java Full Stack: the rounds are now in the order Core Java, Introduction, Final panel",
        "Zoe <b> is new",
        "Core Java: least gap 1d → none",
        "Core Java: largest gap 5d → none",
    ]
    assert differences(changed, changed) == []


async def test_many_earlier_ones_are_turned_page_by_page(person: Person) -> None:
    for days in range(2, 14):
        await in_force(person, TEXT.replace("undo_for: 30m", f"undo_for: {days}h"))

    await person.says("/sop")
    first = await person.taps("Earlier versions")
    second = await person.taps("Later ›")

    assert (first.count("read from its file"), second.count("read from its file")) == (8, 3)
    assert "can be taken back for 13h → " in await person.taps("read from its file")
