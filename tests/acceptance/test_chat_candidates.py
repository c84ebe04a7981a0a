"""Finding a candidate and what can be done there: by name, by button, a page at a time."""

from __future__ import annotations

import itertools
import re
import secrets
from typing import Any

import pytest

from tests.acceptance.test_chat import takes_in
from tests.acceptance.test_chat_changes import Office, booked, with_office
from tests.acceptance.test_chat_escalations import stuck
from tests.acceptance.test_chat_paste import MESSAGE
from tests.chat_driver import Person, TelegramPerson, updates_of

REQUEST: dict[str, Any] = {
    "course": "java",
    "window": ["2026-12-01", "2026-12-12"],
    "slots": {"mon-sun": ["09:00-12:00"]},
}
REQUEST |= {"timezone": None, "blocked_dates": [], "preferred_slots": None, "busy": []}


async def queued(person: Person, *names: str, **changes: Any) -> None:
    """Candidates with these names, each with an address of their own."""
    for number, name in enumerate(names):
        request = REQUEST | {"name": name, "email": f"c{number}@example.com"} | changes
        await person.db.enqueue(request=request, key=f"{name} {secrets.token_hex()}", source="csv", actor="test")


async def test_the_queue_has_pages_and_a_file(person: Person) -> None:
    await queued(person, *(f"Person {number:02}" for number in range(45)))

    first = await person.says("/queue")
    assert ("20. Person 19" in first, "21. Person 20" in first) == (True, False)
    assert "21. Person 20" in await person.taps("Later ›")
    assert "45. Person 44" in await person.taps("Later ›")
    assert "21. Person 20" in await person.taps("‹ Earlier")
    await person.taps("As .csv")

    lines = person.received("queue.csv").decode("utf-8-sig").splitlines()
    assert lines[0] == "no,name,email,course,status"
    assert lines[45] == "45,Person 44,c44@example.com,Java Full Stack,queued"


@pytest.mark.parametrize("command", ["status", "again", "cancel", "audit", "agenda", "reschedule", "swap", "undo"])
async def test_of_many_with_a_name_each_can_be_reached(admin_in_telegram: TelegramPerson, command: str) -> None:
    person = admin_in_telegram
    await queued(person, *(f"Person {number:02}" for number in range(20)))

    first = await person.says(f"/{command} person")
    assert first.startswith("20 candidates match person. Which one?\n[⏳ Person 00, Java Full Stack]\n")
    await person.taps("Later ›")
    assert "[⏳ Person 19, Java Full Stack]\n[‹ Earlier]" in await person.taps("Later ›")

    assert "Person 19" in (await person.taps("Person 19"))


@pytest.mark.parametrize("command", ["status", "reschedule", "swap"])
async def test_without_a_name_those_who_are_open_are_offered(person: Person, command: str) -> None:
    assert (await person.says(f"/{command}")).endswith(f"a number, such as /{command} Priya.")
    await queued(person, "Ann Lee")

    asked = await person.says(f"/{command}")

    assert f"Whom do you mean? Write a name, an email address or a number, such as /{command} Priya, or tap." in asked
    assert "⏳ Ann Lee waits in the queue" in await person.taps("Ann Lee")


async def test_people_of_one_name_are_told_apart(person: Person) -> None:
    long = "Maria Fernanda de la Concepcion y Villanueva Gutierrez"
    await queued(person, long, long, "Ann Lee")
    assert "Maria Fernanda de la Concepci…, c0@example.com" in await person.says("/status Maria")

    for _ in range(3):
        await queued(person, "Zoe Ray", email="zoe@example.com")
        found = await person.db.show_candidate(needle="zoe@example.com")
        await person.db.cancel_candidate(candidate_id=found["matches"][-1]["id"], actor="test")
    asked = await person.says("/status zoe ray")
    assert ("✖️ Zoe Ray, no. 4" in asked, "✖️ Zoe Ray, no. 6" in asked) == (True, True)


async def test_the_card_of_somebody_who_is_booked_leads_on(person: Person, tmp_path: Any) -> None:
    office: Office = with_office(person, tmp_path)
    await booked(person, office)

    for label, said in (
        ("Move rounds", "What should move for Priya Nair?"),
        ("Swap interviewers", "Who is to come instead, for Priya Nair?"),
        ("Agenda", "📅 Priya Nair"),
        ("What happened", "🔎 What happened"),
        ("Cancel", "Cancel Priya Nair, DevOps and Cloud?"),
    ):
        card = await person.says("/status Priya")
        assert ("Decide" in card, "Take in again" in card) == (False, False)
        assert said in await person.taps(label)


async def test_the_card_of_somebody_who_waits_for_a_decision_leads_to_it(person: Person) -> None:
    await stuck(person)

    card = await person.says("/status Priya")

    assert "Move rounds" not in card
    assert "1 decision to make" in await person.taps("❗ Decide")


async def test_the_card_of_somebody_who_was_cancelled_leads_to_a_new_draft(person: Person) -> None:
    await takes_in(person)
    await person.db.cancel_candidate(
        candidate_id=(await person.db.show_candidate(needle="priya"))["matches"][0]["id"], actor="test"
    )

    card = await person.says("/status Priya")

    assert card.startswith("✖️ Priya Nair was cancelled.\nJava Full Stack\n")
    assert "Is this right?" in await person.taps("Take in again")
    assert "Queued, no. 1." in await person.taps("Confirm")


async def test_viewers_are_offered_only_what_they_may(admin_in_telegram: TelegramPerson) -> None:
    admin = admin_in_telegram
    await queued(admin, "Ann Lee", "Ann Ray")
    viewer = TelegramPerson(admin.db, admin.current_sop, user=43)
    viewer.made = updates_of(43, numbers=itertools.count(80_000))
    await viewer.comes()
    await admin.says("/admins 43")
    await admin.taps("As viewer")

    await viewer.says("/status ann")
    card = await viewer.taps("Ann Ray")

    assert card.endswith("\n[📅 Agenda]   [🔎 What happened]")
    await viewer.leaves()


async def test_a_candidate_who_is_called_as_an_interviewer_is_a_button_away(person: Person) -> None:
    await queued(person, "Asha Rao", "Ben Stone")

    assert (await person.says("/agenda asha rao")).startswith("📅 Asha Rao, from now on\n")
    assert (await person.taps("Candidate Asha Rao")).startswith("📅 Asha Rao\nNo interviews.")
    assert "Candidate Ben Stone" in await person.says("/agenda ben")


async def test_who_is_pasted_while_a_reason_is_asked_for_is_no_reason(person: Person) -> None:
    await queued(person, "Ann Lee")
    await person.says("/cancel ann")

    assert "Reason: wrote from ann@example.com, found a job" in await person.says(
        "wrote from ann@example.com, found a job"
    )
    await person.says("/cancel ann")
    assert "📝 Priya Nair\n" in await person.says(MESSAGE)
    assert "Queued, no. 2." in await person.taps("Confirm")


async def test_a_question_that_was_closed_leaves_a_way_on(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("More")
    await person.taps("Close")
    await person.taps("No reason")

    assert (
        "❗ Priya Nair waits for an admin's decision. /status Priya Nair leads to the ways out."
        in await person.says("/reschedule priya")
    )
    assert "Decide" not in await person.says("/status Priya")
    assert "⏳ Priya Nair is queued again. I write here when there is a result." in await person.taps("Plan again")
    assert "⏳ Priya Nair waits in the queue, no. 1." in await person.says("/status Priya")


async def test_who_may_only_look_is_told_only_of_that(admin_in_telegram: TelegramPerson) -> None:
    viewer = TelegramPerson(admin_in_telegram.db, admin_in_telegram.current_sop, user=43)
    viewer.made = updates_of(43, numbers=itertools.count(80_000))
    await viewer.comes()
    await admin_in_telegram.says("/admins 43")
    await admin_in_telegram.taps("As viewer")

    helped = await viewer.says("/help")

    named = set(re.findall(r"(?m)^/(\w+)", helped))
    menus = [sent["commands"] for name, sent in viewer.server.calls if name == "setMyCommands" and "scope" in sent]
    assert named | {"help", "unlink"} == {entry["command"] for entry in menus[-1]}
    for command in sorted(named):
        assert "You may look at everything here, but" not in await viewer.says(f"/{command}")
    assert "To change it, send me the file" not in await viewer.says("/sop")
    await viewer.leaves()
