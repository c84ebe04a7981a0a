"""What was done at the desk is taken back, as scripted conversations: who came, went or moved. Others are beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from domain.model import Interval
from tests.acceptance.test_chat import only_candidate, takes_in
from tests.acceptance.test_chat_changes import ANSWERS, Office, booked, places, with_office
from tests.acceptance.test_chat_escalations import stuck
from tests.acceptance.test_chat_files import GOOD, csv
from tests.chat_driver import Person
from tests.contract.ics_hands import listed

Json = dict[str, Any]


@pytest.fixture
async def office(person: Person, tmp_path: Path) -> Office:
    return with_office(person, tmp_path)


async def cancels(person: Person, name: str = "Priya") -> None:
    await person.says(f"/cancel {name}")
    await person.taps("No longer needed")
    await person.taps("Yes, cancel")


async def undoes(person: Person, words: str = "/undo") -> str:
    """Take something back by both taps; what the bot says then."""
    await person.says(words)
    return await person.taps("Undo it")


async def work_and_news(person: Person, office: Office) -> str:
    await office.works(person)
    return "\n".join(line for line in (await person.reads_news()).split("\n") if line)


def written(folder: Path) -> dict[str, Interval]:
    """The events in the organiser's calendar: interview and generation, and when it is."""
    found = {}
    for file in sorted((folder / "interviews").glob("*.ics")):
        ((_, time),) = listed(file.read_bytes())
        found[file.stem] = time
    return found


async def standing(person: Person) -> dict[str, Interval]:
    """The interviews that stand, in the same form."""
    matches = (await person.db.show_candidate(needle="@"))["matches"]
    return {
        f"{row['id']}-{row['generation']}": Interval(
            start=datetime.fromisoformat(row["start"]), end=datetime.fromisoformat(row["end"])
        )
        for match in matches
        for row in match["interviews"]
        if row["status"] == "booked"
    }


async def undone(person: Person) -> int:
    return [row["action"] for row in await person.db.audit_trail(limit=1_000)].count("undone")


# Candidates who came or went ----------------------------------------------------------------------------------------------------


async def test_taking_in_is_taken_back_before_anything_is_planned(person: Person) -> None:
    await takes_in(person)

    shown = await person.says("/undo")
    assert shown.startswith("↩ You took in Priya Nair for Java Full Stack at ")
    assert "\n\nUndo gives the candidate up.\n\nIt can be taken back until " in shown
    assert (await only_candidate(person.db))["status"] == "queued"
    done = await person.taps("Undo it")

    assert done.startswith("↩ You took in Priya Nair for Java Full Stack at ")
    assert done.endswith("\n\nThat is taken back.")
    after = await only_candidate(person.db)
    assert (after["status"], after["reason"]) == ("cancelled", "taken in by mistake")
    assert await person.says("/undo") == "You have done nothing yet that could be taken back."


async def test_taking_in_is_taken_back_with_every_interview(person: Person, office: Office, tmp_path: Path) -> None:
    await booked(person, office)

    shown = await person.says("/undo")
    assert "Undo gives the candidate up.\nThese interviews are cancelled, in the calendars, too:\n\n1. Intro" in shown
    await person.taps("Undo it")

    news = await work_and_news(person, office)
    assert news.startswith("↩ Please ignore the last message about Priya Nair: it was taken back.\n✖️ Priya Nair was")
    assert (await only_candidate(person.db))["status"] == "cancelled"
    assert written(tmp_path) == await standing(person) == {}


async def test_a_list_is_taken_back_as_a_whole_but_for_those_who_were_changed_since(person: Person) -> None:
    await person.sends("list.csv", csv(GOOD, "Mia Lee,mia@example.com,java,1-12 Dec,9-12\n"))
    await person.taps("Take in 3 candidates")
    mia = (await person.db.show_candidate(needle="mia"))["matches"][0]
    await person.db.cancel_candidate(candidate_id=mia["id"], actor="telegram:99")

    shown = await person.says("/undo")

    assert shown.startswith("↩ You took in 3 candidates at ")
    assert (
        ": Priya Nair, Noah Fischer, Mia Lee.\n\nUndo gives 2 candidates up.\nChanged since, and left alone: Mia Lee."
        in shown
    )
    await person.taps("Undo it")
    assert await person.db.queue_now() == []
    assert await undone(person) == 1


@pytest.mark.parametrize("at_once", [True, False])
async def test_who_was_cancelled_is_booked_at_the_very_same_times(
    person: Person, office: Office, tmp_path: Path, at_once: bool
) -> None:
    before = await booked(person, office)
    await cancels(person)
    if not at_once:  # the events are gone from the calendars already
        await work_and_news(person, office)
        assert written(tmp_path) == {}

    shown = await person.says("/undo")
    assert shown.startswith("↩ You cancelled Priya Nair at ")
    assert (
        ": 5 interviews were given up.\n\nUndo books the same times again, if they are still free.\n\n1. Intro" in shown
    )
    done = await person.taps("Undo it")
    assert "⏳ I book the times from before now. I write here when there is a result." in done
    news = await work_and_news(person, office)

    after = await only_candidate(person.db)
    assert (after["status"], places(after)) == ("booked", places(before))
    assert {row["generation"] for row in after["interviews"]} == {2}
    assert written(tmp_path) == await standing(person)
    assert ("Please ignore the last message about Priya Nair" in news) is not at_once
    assert news.split("\n✅ ")[-1].removeprefix("✅ ").startswith("Priya Nair is booked for DevOps and Cloud.\n")


async def test_what_was_booked_at_short_notice_comes_back_in_spite_of_it(person: Person, office: Office) -> None:
    before = await booked(person, office)
    # Two hours before the first round; the notice is twelve:
    person.now = datetime.fromisoformat("2026-11-23T15:00:00+00:00")
    await cancels(person)
    await undoes(person)
    await office.works(person)

    after = await only_candidate(person.db)
    assert (after["status"], places(after)) == ("booked", places(before))


async def test_times_that_have_gone_meanwhile_are_asked_about(person: Person, office: Office) -> None:
    await booked(person, office)
    await cancels(person)
    await person.says("/block chloe 22 Nov - 20 Dec")
    await person.taps("Block")

    await undoes(person, "/undo Priya")
    news = await work_and_news(person, office)

    assert "The plan that was chosen is no longer possible." in news
    assert "[✅" not in news
    after = await only_candidate(person.db)
    assert (after["status"], places(after)) == ("escalated", {})


async def test_who_waited_when_cancelled_waits_again(person: Person) -> None:
    await takes_in(person)
    await cancels(person)

    assert "Undo queues the candidate again." in await person.says("/undo")
    await person.taps("Undo it")

    after = await only_candidate(person.db)
    assert (after["status"], after["replan"]) == ("queued", None)


async def test_a_question_comes_back_with_its_candidate(person: Person) -> None:
    await stuck(person)
    await cancels(person)
    assert await person.says("/escalations") == "✅ Nothing waits for a decision."

    assert "Undo opens the question about the candidate again." in await person.says("/undo")
    await person.taps("Undo it")

    assert (await only_candidate(person.db))["status"] == "escalated"
    assert "2 days longer, to Mon 14 Dec" in await person.says("/escalations")


# Plans made anew ----------------------------------------------------------------------------------------------------------------


async def moves_closing(person: Person) -> None:
    await person.says("/reschedule Priya")
    await person.taps("Closing talk")
    await person.taps("Confirm")


async def test_a_move_goes_back(person: Person, office: Office, tmp_path: Path) -> None:
    before = await booked(person, office)
    await moves_closing(person)
    await work_and_news(person, office)
    assert places(await only_candidate(person.db)) != places(before)

    shown = await person.says("/undo")
    assert shown.startswith("↩ You asked to move Closing talk for Priya Nair at ")
    assert (
        "Undo books the times before again, if they are still free.\n\nClosing talk\n    now: Mon 30 Nov 09:30 to "
        in shown
    )
    assert "\n    then: Mon 30 Nov 09:00 to 09:30 PST with Chloe Tran" in shown
    await person.taps("Undo it")
    news = await work_and_news(person, office)

    after = await only_candidate(person.db)
    assert (after["status"], places(after)) == ("booked", places(before))
    assert written(tmp_path) == await standing(person)
    assert news.startswith(
        "↩ Please ignore the last message about Priya Nair: it was taken back.\n✅ Priya Nair: the plan has"
    )


async def test_a_move_that_was_not_planned_yet_is_forgotten(person: Person, office: Office) -> None:
    before = await booked(person, office)
    await moves_closing(person)

    shown = await person.says("/undo")
    assert "Undo forgets that.\nNothing has moved; what is booked stays as it is.\n" in shown
    await person.taps("Undo it")
    assert await work_and_news(person, office) == ""

    after = await only_candidate(person.db)
    assert (after["status"], after["replan"], places(after)) == ("booked", None, places(before))


async def test_what_was_planned_since_it_was_shown_is_shown_anew(person: Person, office: Office) -> None:
    before = await booked(person, office)
    await moves_closing(person)
    await person.says("/undo")
    await work_and_news(person, office)

    shown = await person.taps("Undo it")
    assert shown.startswith(
        "❗ This has changed since you looked. It is now:\n\n↩ You asked to move Closing talk for Priya"
    )
    assert await undone(person) == 0
    await person.taps("Undo it")
    await office.works(person)

    assert places(await only_candidate(person.db)) == places(before)


async def test_a_swap_goes_back(person: Person, office: Office) -> None:
    before = await booked(person, office)
    other = {"chloe": "Grace Kim", "grace": "Chloe Tran"}[places(before)["intro"][1][0]]
    await person.says("/swap Priya")
    await person.taps(f"Introduction: {other} for")
    await person.taps("Confirm")
    await office.works(person)

    assert f"You asked to have {other} take Introduction for Priya Nair at " in await person.says("/undo")
    await person.taps("Undo it")
    await office.works(person)

    assert places(await only_candidate(person.db)) == places(before)


async def takes_a_way_out(person: Person, office: Office) -> Json:
    """A candidate who cannot be planned, and the first way out for them, taken; the candidate before."""
    await takes_in(person, *ANSWERS[:3], "23-25 Nov", *ANSWERS[4:])
    await work_and_news(person, office)
    before = await only_candidate(person.db)
    assert before["status"] == "escalated"
    await person.says("/escalations")
    text = before["escalations"][0]["options"][0]["text"]
    await person.taps(text[:40])
    await person.taps("Book this")
    return before


@pytest.mark.parametrize("planned", [False, True])
async def test_a_way_out_is_taken_back_and_its_question_asked_again(
    person: Person, office: Office, tmp_path: Path, planned: bool
) -> None:
    before = await takes_a_way_out(person, office)
    assert (await only_candidate(person.db))["status"] == "queued"
    if planned:
        await work_and_news(person, office)
        assert (await only_candidate(person.db))["status"] == "booked"

    shown = await person.says("/undo")
    assert shown.startswith("↩ You took a way out for Priya Nair at ")
    assert ("Undo gives these interviews up and asks again.\nThese interviews are cancelled" in shown) is planned
    await person.taps("Undo it")
    await office.works(person)

    after = await only_candidate(person.db)
    assert (after["status"], after["request"], after["exceptions"].get("changes", {}), places(after)) == (
        "escalated", before["request"], {}, {},
    )  # fmt: skip
    assert [row["status"] for row in after["escalations"]] == ["open"]
    assert written(tmp_path) == {}
    assert "1 decision to make" in await person.says("/escalations")
