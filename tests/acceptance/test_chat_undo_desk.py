"""What was done at the desk is taken back, as scripted conversations: absences, questions, the queue, the SOP, roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.test_chat import only_candidate
from tests.acceptance.test_chat_changes import Office, booked, places, quietly_booked, with_office
from tests.acceptance.test_chat_escalations import stuck
from tests.acceptance.test_chat_sop import CHANGED, TEXT, in_force
from tests.acceptance.test_chat_undo import standing, work_and_news, written
from tests.chat_driver import Person


@pytest.fixture
async def office(person: Person, tmp_path: Path) -> Office:
    return with_office(person, tmp_path)


# Interviewers who cannot come ---------------------------------------------------------------------------------------------------


async def test_a_block_is_taken_back_with_what_moved_because_of_it(
    person: Person, office: Office, tmp_path: Path
) -> None:
    before = await booked(person, office)
    await person.says("/block grace 22 Nov - 10 Dec")
    await person.taps("Block")
    await work_and_news(person, office)
    assert not any("grace" in who for _, who in places(await only_candidate(person.db)).values())

    shown = await person.says("/undo")
    assert shown.startswith("↩ You blocked Grace Kim at ")
    assert (
        ": Sun 22 Nov 2026 to Thu 10 Dec 2026 (19 days).\n\nUndo lets Grace Kim come again. What has moved because"
        in shown
    )
    assert "\n    then: Tue 24 Nov 09:00 to 09:45 PST with Grace Kim" in shown
    await person.taps("Undo it")
    await work_and_news(person, office)

    assert places(await only_candidate(person.db)) == places(before)
    assert written(tmp_path) == await standing(person)
    assert "Nobody is blocked." in await person.says("/unblock")


async def test_a_block_that_was_not_planned_around_yet_moves_nothing(person: Person, office: Office) -> None:
    before = await booked(person, office)
    await person.says("/block grace 22 Nov - 10 Dec")
    await person.taps("Block")

    assert "Nothing has moved; what is booked stays as it is: Priya Nair." in await person.says("/undo Priya")
    await person.taps("Undo it")
    await office.works(person)

    assert places(await only_candidate(person.db)) == places(before)


async def test_unblocking_is_taken_back_and_so_is_the_block_before_it(person: Person, office: Office) -> None:
    await person.says("/block asha 3-5 Dec")
    await person.taps("Block")
    await person.says("/unblock")
    await person.taps("Asha Rao")

    assert "↩ You unblocked Asha Rao at " in await person.says("/undo")
    await person.taps("Undo it")
    assert "[1] Asha Rao" in await person.says("/unblock") or "[Asha Rao" in person.transcript[-1]
    assert "↩ You blocked Asha Rao at " in await person.says("/undo")
    await person.taps("Undo it")

    assert "Nobody is blocked." in await person.says("/unblock")


async def test_unblocking_is_taken_back_with_the_interviews_that_would_move(person: Person, office: Office) -> None:
    await person.says("/block grace 22 Nov - 10 Dec")
    await person.taps("Block")
    await person.says("/unblock")
    await person.taps("Grace Kim")
    assert "planned anew" not in await person.says("/undo")
    await quietly_booked(person, office)

    shown = await person.taps("Undo it")

    assert "❗ This has changed since you looked." in shown
    assert (
        "Undo blocks that time again.\n1 interview to be planned anew, with as few moves as can be:\n• Priya Nair: "
        in shown
    )
    await person.taps("Undo it")
    await office.works(person)
    assert not any("grace" in who for _, who in places(await only_candidate(person.db)).values())


# Questions, the queue, the SOP, roles -------------------------------------------------------------------------------------------


async def test_the_queue_goes_on_or_stands_still_again(person: Person) -> None:
    await person.says("/pause")
    assert "↩ You paused the queue at " in await person.says("/undo")
    await person.taps("Undo it")
    assert "Paused" not in await person.says("/queue")
    await person.says("/pause")
    await person.says("/resume")

    assert "Undo pauses it again." in await person.says("/undo")
    await person.taps("Undo it")

    assert "⏸ Paused since " in await person.says("/queue")


async def test_a_question_that_was_closed_is_open_again(person: Person) -> None:
    await stuck(person)
    await person.says("/escalations")
    await person.taps("More")
    await person.taps("Close")
    await person.says("they moved <away>")

    shown = await person.says("/undo")
    assert "↩ You closed the question about Priya Nair at " in shown
    assert ": they moved <away>.\n\nUndo opens it again.\n" in shown
    await person.taps("Undo it")

    assert "No start is left." in await person.says("/escalations")


async def test_the_sop_before_is_in_force_again(person: Person) -> None:
    await in_force(person, TEXT)
    await person.sends("new.yaml", CHANGED.encode())
    await person.taps("Put it in force")
    person.current_sop = person.current_sop.changed({"courses.java.rounds.core.gap.max": "2d"})

    shown = await person.says("/undo")
    assert "↩ You put another SOP in force at " in shown
    assert (
        "Undo puts the one before it in force again; what is booked stays.\n\n• Core Java: largest gap 2d → 5d\n"
        in shown
    )
    await person.taps("Undo it")

    assert (await person.db.active_sop() or {})["text"] == TEXT


async def test_whoever_was_let_in_is_out_again_and_the_other_way_round(person: Person) -> None:
    await person.says("/admins 42")
    await person.taps("As viewer")
    assert "↩ You let 42 in as viewer at " in await person.says("/undo")
    await person.taps("Undo it")
    assert await person.db.role_of(user_id=42) is None
    for role in ("As viewer", "As admin"):
        await person.says("/admins 42")
        await person.taps(role)

    assert "↩ You made 42 admin instead of viewer at " in await person.says("/undo")
    await person.taps("Undo it")
    assert await person.db.role_of(user_id=42) == "viewer"
    await person.says("/admins")
    await person.taps("Remove 42")
    assert "Undo lets 42 in again as viewer." in await person.says("/undo")
    await person.taps("Undo it")
    assert await person.db.role_of(user_id=42) == "viewer"
