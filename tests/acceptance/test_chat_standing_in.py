"""Somebody more for a round when there is no plan, as scripted conversations with a real planner and real calendars."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config import parse_sop
from supabase_db import Database
from tests.acceptance.test_chat import only_candidate, takes_in
from tests.acceptance.test_chat_changes import Office, with_office
from tests.acceptance.test_chat_escalations import stuck
from tests.chat_driver import Person
from tests.integration.life import planning

PRIYA = ("Priya Nair", "priya@example.com", "devops", "next 4 weeks", "06:00-19:00", "America/Los_Angeles")
START, END = datetime(2026, 11, 21, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def office(person: Person, tmp_path: Path) -> Office:
    """Priya cannot be planned: nobody is there who could take Linux and networks."""
    made = with_office(person, tmp_path)
    for who in ("grace", "oliver"):
        await person.db.block_interviewer(interviewer=who, start=START, end=END, actor="test")
    await takes_in(person, *PRIYA)
    await made.works(person)
    await person.reads_news()
    return made


async def to_the_people(person: Person) -> str:
    """As far as the question who is to step in."""
    await person.says("/escalations")
    await person.taps("More…")
    assert "For which round of Priya Nair may somebody else step in?" in await person.taps("Another interviewer")
    return await person.taps("Linux and networks (now Grace Kim, Oliver Grant)")


async def test_the_plan_that_somebody_more_gives_is_booked_as_it_was_shown(person: Person, office: Office) -> None:
    people = await to_the_people(person)
    assert "Who may take Linux and networks of Priya Nair, too? It holds for this candidate alone." in people
    assert "Ravi Menon" in people
    assert "Grace Kim" not in people
    shown = await person.taps("Ben Ortiz")
    assert "📝 Priya Nair: Let Ben Ortiz take Linux and networks as a backup\nThat gives this plan:" in shown
    assert "2. Linux and networks with Ben Ortiz\n" in shown
    assert (await only_candidate(person.db))["status"] == "escalated"

    assert "I book exactly these times now." in await person.taps("Book this")
    wanted = (await only_candidate(person.db))["replan"]["preview"]
    await office.works(person)

    candidate = await only_candidate(person.db)
    booked = [{name: row[name] for name in wanted[0]} for row in candidate["interviews"]]
    assert (candidate["status"], booked) == ("booked", wanted)
    assert await person.db.open_escalations() == []
    assert "✅ Priya Nair is booked for DevOps and Cloud." in await person.reads_news()
    taken = next(row for row in await person.db.audit_trail(limit=100) if row["action"] == "option_taken")
    assert taken["detail"]["changes"] == {"sop.courses.devops.rounds.linux.seats.0.backups": ["oliver", "ben"]}


async def test_one_can_go_back_step_by_step(person: Person, office: Office) -> None:
    await to_the_people(person)
    await person.taps("Ben Ortiz")

    assert "Who may take Linux and networks" in await person.taps("‹ Back")
    assert "For which round" in await person.taps("‹ Back")
    assert "✏️ Edit the candidate" in await person.taps("‹ Back")
    assert (await only_candidate(person.db))["status"] == "escalated"


async def test_somebody_who_is_no_help_is_said_to_be_none(person: Person, office: Office) -> None:
    await person.db.block_interviewer(interviewer="ravi", start=START, end=END, actor="test")
    await to_the_people(person)

    shown = await person.taps("Ravi Menon")

    assert "❗ Priya Nair: Let Ravi Menon take Linux and networks as a backup\nThat gives no plan either.\n\n" in shown
    assert "Book this" not in shown.rpartition("That gives no plan either.")[2]


async def test_a_second_person_comes_beside_the_first(person: Person, office: Office) -> None:
    granted = {"sop.courses.devops.rounds.linux.seats.0.backups": ["oliver", "ravi"]}
    await person.db.block_interviewer(interviewer="ravi", start=START, end=END, actor="test")
    (row,) = await person.db.open_escalations()
    await person.db.ask_replan(candidate_id=row["candidate_id"], actor="test", detail={"changes": granted})
    await office.works(person)
    await to_the_people(person)
    await person.taps("Ben Ortiz")
    await person.taps("Book this")

    (backups,) = (await only_candidate(person.db))["exceptions"]["changes"].values()
    assert backups == ["oliver", "ravi", "ben"]


async def test_what_is_decided_meanwhile_is_not_booked(person: Person, office: Office) -> None:
    await to_the_people(person)
    await person.taps("Ben Ortiz")
    (row,) = await person.db.open_escalations()
    await person.db.cancel_candidate(candidate_id=row["candidate_id"], actor="test")

    assert "That has been decided meanwhile." in await person.taps("Book this")
    assert (await only_candidate(person.db))["status"] == "cancelled"


async def test_a_time_that_is_taken_meanwhile_is_not_booked_but_asked_about(person: Person, office: Office) -> None:
    await to_the_people(person)
    await person.taps("Ben Ortiz")
    await person.taps("Book this")
    linux = (await only_candidate(person.db))["replan"]["preview"][1]
    start, end = (datetime.fromisoformat(linux[name]) for name in ("start", "end"))
    await person.db.block_interviewer(interviewer="ben", start=start, end=end, actor="test")
    await office.works(person)

    assert (await only_candidate(person.db))["status"] == "escalated"
    assert "The plan that was chosen is no longer possible." in await person.reads_news()
    assert "👥 Another interviewer" in await person.taps("More…")


async def test_an_sop_that_has_changed_meanwhile_is_said(person: Person, office: Office) -> None:
    await to_the_people(person)
    text = (ROOT / "sop.yaml").read_text()
    person.current_sop = parse_sop(text.replace("{id: linux,", "{id: unix,"), "another")

    assert "❗ The SOP has changed meanwhile.\nFor which round of Priya Nair" in await person.taps("Ben Ortiz")


async def test_a_panel_has_its_seats_one_by_one(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("More…")
    rounds = await person.taps("Another interviewer")

    assert "Final panel, seat 1 (now Chloe Tran, Grace Kim)" in rounds
    assert "Final panel, seat 2 (now Ben Ortiz, Emma Clarke, Diego" in rounds


async def test_a_question_that_is_about_no_plan_has_no_such_way(person: Person) -> None:
    await stuck(person, kind="crash")
    await person.says("/escalations")

    assert "Another interviewer" not in await person.taps("More…")


async def test_another_way_out_is_taken_once(db: Database) -> None:
    claimed = await planning(db)
    asked = await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")
    changes = {"sop.courses.java.rounds.intro.seats.0.backups": ["ben"]}
    option = {"kind": "interviewer", "text": "Let Ben", "changes": changes, "interviews": [{"round": "intro"}]}
    command: dict[str, Any] = {"take_other": {"escalation_id": asked["id"], "option": option, "actor": "telegram:7"}}

    turn: dict[str, Any] = {"chat_id": 7, "user_id": 7, "state": None, "command": command}
    done = [(await db.desk_turn(update_id=number, **turn))["outcome"]["changed"] for number in (1, 2)]

    assert done == [True, False]
    match = (await db.show_candidate(needle=claimed.candidate_id))["matches"][0]
    assert (match["status"], match["replan"]["preview"]) == ("queued", [{"round": "intro"}])
    assert match["exceptions"]["changes"] == changes
    command["take_other"]["escalation_id"] = 10**6
    assert (await db.desk_turn(update_id=3, **turn))["outcome"]["refused"] == "MS003"
