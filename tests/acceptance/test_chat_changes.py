"""Changing what is booked, as scripted conversations: move, swap, cancel, block, pause. Plans are real, calendars are local."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from booking.foresight import LookAhead
from calendar_utils import Calendars
from calendars.base import Owner
from calendars.local import LocalCalendar
from scheduler import Scheduler
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat import only_candidate, takes_in
from tests.chat_driver import Person, TelegramPerson, TerminalPerson
from tests.integration.life import booking

ANSWERS = ("Priya Nair", "priya@example.com", "devops", "next 4 weeks", "06:00-19:00", "America/Los_Angeles")


class Office:
    """The calendars and the worker beside a person at the desk."""

    def __init__(self, db: Database, sop: Callable[[], Any], people: Sop, folder: Path) -> None:
        known = {one.email: one for one in people.interviewers.values()}
        local = LocalCalendar(
            folder, owners=lambda who: Owner(email=who, zone=known[who].zone if who in known else people.zone)
        )
        self.db, self.sop = db, sop
        self.calendars = Calendars({"local": local}, default="local")

    async def works(self, person: Person) -> None:
        """Let the worker come to rest."""
        await Scheduler(
            db=self.db, calendars=self.calendars, sop=self.sop, worker="test", clock=lambda: person.now
        ).run_until_idle()


@pytest.fixture
async def office(person: Person, tmp_path: Path) -> Office:
    return with_office(person, tmp_path)


def with_office(person: Person, folder: Path) -> Office:
    office = Office(person.db, person.sop, person.current_sop, folder)
    person.foresight = LookAhead(office.db, office.calendars)
    return office


async def booked(person: Person, office: Office, *answers: str) -> dict[str, Any]:
    """A candidate whose rounds are all booked."""
    await takes_in(person, *(answers or ANSWERS))
    await office.works(person)
    await person.reads_news()
    match = (await person.db.show_candidate(needle=(answers or ANSWERS)[1]))["matches"][0]
    assert match["status"] == "booked"
    return dict(match)


def places(match: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """When and with whom each round is."""
    return {
        row["round"]: (row["start"], row["interviewers"]) for row in match["interviews"] if row["status"] == "booked"
    }


# /reschedule --------------------------------------------------------------------------------------------------------------------


async def test_one_round_is_moved_and_exactly_as_it_was_shown(person: Person, office: Office) -> None:
    before = places(await booked(person, office))

    assert "What should move for Priya Nair?" in await person.says("/reschedule Priya")
    shown = await person.taps("Closing talk")
    assert "📝 To move Closing talk for Priya Nair, this changes:\n\nClosing talk\n    now: " in shown
    assert "\n    then: " in shown
    assert places(await only_candidate(person.db)) == before
    assert "I change exactly that now" in await person.taps("Confirm")
    wanted = (await only_candidate(person.db))["replan"]["preview"]
    await office.works(person)

    after = await only_candidate(person.db)
    assert after["status"] == "booked"
    moved = {name for name, place in places(after).items() if place != before[name]}
    assert moved == {"closing"}
    assert {row["round"]: row["interviewers"] for row in wanted} == {
        name: who for name, (_, who) in places(after).items()
    }
    news = await person.reads_news()
    assert news.startswith(
        "✅ Priya Nair: the plan has changed.\nReason: an admin wants to move Closing talk\n\nClosing talk\n"
    )
    assert "    was: Mon 30 Nov 09:00 to 09:30 PST with Chloe Tran\n    now: Mon 30 Nov 09:30 to 10:00 PST" in news


async def test_another_time_and_another_day_are_looked_for_until_one_will_do(person: Person, office: Office) -> None:
    await booked(person, office)
    await person.says("/reschedule Priya")
    assert "    then: Mon 30 Nov 09:30 to 10:00 PST" in await person.taps("Closing talk")

    assert "    then: Mon 30 Nov 10:00 to 10:30 PST" in await person.taps("Another time")
    assert "    then: Tue 1 Dec 09:00 to 09:30 PST" in await person.taps("Another day")
    await person.taps("Confirm")
    await office.works(person)

    assert "    now: Tue 1 Dec 09:00 to 09:30 PST with Chloe Tran" in await person.reads_news()


async def test_when_no_other_day_is_left_it_is_said_with_a_way_back(person: Person, office: Office) -> None:
    await booked(person, office)
    await person.says("/reschedule Priya")
    text = await person.taps("Closing talk")
    for _ in range(10):
        if "I cannot move Closing talk" in text:
            break
        text = await person.taps("Another day")

    assert text.startswith("❗ I cannot move Closing talk for Priya Nair.\n\nClosing talk cannot be placed")
    assert "What should move for Priya Nair?" in await person.taps("Begin anew")


async def test_all_rounds_can_be_moved_together(person: Person, office: Office) -> None:
    before = places(await booked(person, office))
    await person.says("/reschedule Priya")

    assert "To move Introduction, Linux and networks, Cloud, Incident drill, Closing talk for" in await person.taps(
        "All of them"
    )
    await person.taps("Confirm")
    await office.works(person)

    after = places(await only_candidate(person.db))
    assert all(after[name][0] != before[name][0] for name in before)


async def test_who_moves_rounds_of_a_candidate_from_a_list_hears_of_it(person: Person, office: Office) -> None:
    await quietly_booked(person, office)
    assert await person.reads_news() == ""
    await person.says("/reschedule Priya")
    await person.taps("Closing talk")
    assert "I write here when there is a result." in await person.taps("Confirm")
    await office.works(person)

    assert "✅ Priya Nair: the plan has changed." in await person.reads_news()


async def test_leaving_it_changes_nothing(person: Person, office: Office) -> None:
    before = places(await booked(person, office))
    await person.says("/reschedule Priya")
    await person.taps("Closing talk")

    assert await person.taps("Leave it") == "Nothing was changed."
    await office.works(person)
    assert places(await only_candidate(person.db)) == before


async def test_who_is_not_booked_cannot_be_moved(person: Person, office: Office) -> None:
    assert "Whom do you mean?" in await person.says("/reschedule")
    assert "I know nobody called Zoe." in await person.says("/reschedule Zoe")
    await takes_in(person)

    text = await person.says("/reschedule Priya")

    assert text == "⏳ Priya Nair waits in the queue. There is nothing booked to move just now."


async def test_what_somebody_else_is_moving_cannot_be_moved_at_the_same_time(person: Person, office: Office) -> None:
    await booked(person, office)
    await person.says("/reschedule Priya")
    await person.taps("Closing talk")
    await person.taps("Confirm")

    assert await person.says("/swap Priya") == "⏳ Priya Nair waits in the queue. That is being changed just now."


async def test_of_several_with_the_name_one_is_chosen_by_a_button(person: Person, office: Office) -> None:
    await booked(person, office)
    await takes_in(person, "Priya Shah", "shah@example.com", *ANSWERS[2:])

    text = await person.says("/reschedule priya")
    assert text.startswith("2 candidates match priya. Which one?")

    assert "What should move for Priya Nair?" in await person.taps("Priya Nair")


async def test_what_has_moved_meanwhile_is_shown_instead(person: Person, office: Office) -> None:
    match = await booked(person, office)
    await person.says("/reschedule Priya")
    await person.taps("Closing talk")
    closing = match["interviews"][-1]
    time = {"round": "closing", "start": closing["start"], "end": closing["end"]}
    await person.db.ask_replan(candidate_id=match["id"], actor="test", detail={"excluded": [time], "thaw": True})
    await office.works(person)
    between = places(await only_candidate(person.db))

    text = await person.taps("Confirm")

    assert "❗ This has changed since you looked. It is now:" in text
    assert "What should move for Priya Nair?" in text
    await office.works(person)
    assert places(await only_candidate(person.db)) == between


# /swap --------------------------------------------------------------------------------------------------------------------------


async def test_another_interviewer_takes_a_round(person: Person, office: Office) -> None:
    before = places(await booked(person, office))
    other = {"chloe": "Grace Kim", "grace": "Chloe Tran"}[before["intro"][1][0]]

    text = await person.says("/swap Priya")
    assert "Who is to come instead, for Priya Nair?" in text
    shown = await person.taps(f"Introduction: {other} for")
    assert f"To have {other} take Introduction for Priya Nair, this changes:" in shown
    await person.taps("Confirm")
    await office.works(person)

    after = places(await only_candidate(person.db))
    assert after["intro"][1] != before["intro"][1]
    assert {name for name in after if after[name] != before[name]} == {"intro"}


async def test_a_swap_of_what_is_not_booked_is_refused(person: Person, office: Office) -> None:
    await takes_in(person)

    assert "There is nothing booked to move just now." in await person.says("/swap Priya")


# /cancel ------------------------------------------------------------------------------------------------------------------------


async def test_cancelling_asks_why_shows_what_goes_and_does_it(person: Person, office: Office) -> None:
    await booked(person, office)

    asked = await person.says("/cancel Priya")
    assert "Cancel Priya Nair, DevOps and Cloud?\nThese interviews are cancelled, in the calendars, too:" in asked
    assert "1. Introduction with " in asked
    shown = await person.says("found <another> job")
    assert "Reason: found <another> job" in shown
    assert (await only_candidate(person.db))["status"] == "booked"
    assert "✖️ Priya Nair is cancelled." in await person.taps("Yes, cancel")
    await office.works(person)

    after = await only_candidate(person.db)
    assert (after["status"], after["reason"], places(after)) == ("cancelled", "found <another> job", {})
    assert "✖️ Priya Nair was cancelled already." in await person.says("/cancel Priya")


async def test_a_reason_can_be_tapped(person: Person) -> None:
    await takes_in(person)
    await person.says("/cancel Priya")
    await person.taps("No longer needed")

    await person.taps("Yes, cancel")

    after = await only_candidate(person.db)
    assert (after["status"], after["reason"]) == ("cancelled", "No longer needed")


async def test_keeping_the_candidate_and_stopping_change_nothing(person: Person) -> None:
    await takes_in(person)
    await person.says("/cancel Priya")
    assert "⏳ Priya Nair waits in the queue, no. 1." in await person.taps("Keep the candidate")
    await person.says("/cancel Priya")
    assert await person.says("/cancel") == "✖️ Never mind: nothing was changed."

    assert "I have not asked anything." in await person.says("because")
    assert (await only_candidate(person.db))["status"] == "queued"


async def test_a_candidate_can_be_cancelled_from_the_question_about_them(person: Person) -> None:
    await takes_in(person)
    found = await person.db.claim(worker="w")
    assert found
    names = {"candidate_id": found["candidate"]["id"], "fence": found["candidate"]["fence"]}
    await person.db.escalate(**names, kind="no_plan", reason="No start is left.")
    await person.says("/escalations")

    await person.taps("More…")
    await person.taps("Cancel the candidate")
    await person.taps("Withdrawn")
    await person.taps("Yes, cancel")

    assert await person.db.open_escalations() == []
    assert (await only_candidate(person.db))["status"] == "cancelled"


# /block -------------------------------------------------------------------------------------------------------------------------


async def test_an_absence_lists_what_it_moves_and_moves_it(person: Person, office: Office) -> None:
    before = places(await booked(person, office))

    shown = await person.says("/block grace 22 Nov - 10 Dec")
    hers = [name for name, (_, who) in before.items() if "grace" in who]
    assert "📅 Grace Kim cannot come: Sun 22 Nov 2026 to Thu 10 Dec 2026 (19 days), in America/Los_Angeles" in shown
    assert f"{len(hers)} interview" in shown
    assert "• Priya Nair: Linux and networks, " in shown
    assert places(await only_candidate(person.db)) == before
    done = await person.taps("Block and plan anew")
    assert "✅ Grace Kim is blocked: Sun 22 Nov 2026 to Thu 10 Dec 2026 (19 days)." in done
    await office.works(person)

    after = await only_candidate(person.db)
    assert after["status"] in {"booked", "escalated"}
    assert not any("grace" in who for _, who in places(after).values())


async def test_somebody_who_is_blocked_takes_no_new_interview(person: Person, office: Office) -> None:
    assert "No interview is booked in that time." in await person.says("/block Chloe Tran 22 Nov - 20 Dec")
    await person.taps("Block")

    after = await booked(person, office, "Noah Fischer", "noah@example.com", *ANSWERS[2:])

    assert not any("chloe" in who for _, who in places(after).values())


async def test_an_absence_that_was_a_mistake_is_ended(person: Person, office: Office) -> None:
    assert "Nobody is blocked." in await person.says("/unblock")
    await person.says("/block asha 3-5 Dec")
    await person.taps("Block")
    await person.says("/block ben tomorrow")
    await person.taps("Block")

    assert "Who can come again?" in await person.says("/unblock")
    days = "Thu 3 Dec 2026 to Sat 5 Dec 2026 (3 days)"
    assert f"✅ Asha Rao can come again: {days}." in await person.taps(f"Asha Rao: {days}")
    assert "Asha" not in await person.says("/unblock")


async def test_who_cannot_come_is_named_by_one_name_or_by_all(person: Person) -> None:
    asked = await person.says("/block")
    assert asked.startswith("Who cannot come, and when? Write it like /block asha 3-5 Dec or /block asha tomorrow.\n")
    assert "The interviewers are: Asha Rao, Ravi Menon, " in asked
    assert "I cannot use Zoe. The interviewers are: Asha Rao, " in await person.says("/block Zoe tomorrow")
    for words in ("asha", "ASHA RAO", "Asha Rao today"):
        assert "📅 Asha Rao cannot come: Sat 21 Nov 2026, in Asia/Kolkata" in await person.says(f"/block {words}")


async def test_many_absences_are_turned_page_by_page(person: Person) -> None:
    for day in range(1, 13):
        await person.says(f"/block asha {day} Dec")
        await person.taps("Block")

    assert "Asha Rao: Fri 11 Dec 2026" not in await person.says("/unblock")
    await person.taps("Later ›")
    assert "✅ Asha Rao can come again: Fri 11 Dec 2026." in await person.taps("Asha Rao: Fri 11 Dec 2026")


async def test_an_absence_that_is_not_understood_says_what_would_be(person: Person) -> None:
    assert "The interviewers are: Asha Rao, " in await person.says("/block")
    assert "I cannot use Zoe. The interviewers are: Asha Rao" in await person.says("/block Zoe 3-5 Dec")
    assert "Write it like /block asha 3-5 Dec" in await person.says("/block asha sometime")
    assert (
        await person.says("/queue")
        == "Queue\nNobody waits.\n\n✅ 0 booked, 🏁 0 done, ❗ 0 waiting for an admin, ✖️ 0 cancelled."
    )


async def test_an_interview_booked_meanwhile_is_shown_before_it_is_moved(person: Person, office: Office) -> None:
    await person.says("/block grace 22 Nov - 10 Dec")
    button = await person.says("/queue")
    assert "Nobody waits." in button
    match = await quietly_booked(person, office)

    text = await person.taps("Block")

    assert "❗ This has changed since you looked. It is now:" in text
    assert places(await only_candidate(person.db)) == places(match)


async def quietly_booked(person: Person, office: Office) -> dict[str, Any]:
    """Somebody else takes a candidate in who is booked, without a word in this chat."""
    request = {
        "name": "Priya Nair", "email": "priya@example.com", "course": "devops", "window": ["2026-11-22", "2026-12-18"],
        "slots": {"mon-sun": ["06:00-19:00"]}, "timezone": "America/Los_Angeles", "blocked_dates": [], "preferred_slots": None,
        "busy": [],
    }  # fmt: skip
    await person.db.enqueue(request=request, key="k", source="api", actor="test")
    await office.works(person)
    return await only_candidate(person.db)


async def test_while_somebody_is_being_booked_nothing_of_a_block_is_done(database: Database) -> None:
    await booking(database)

    outcome = await database.desk_turn(
        update_id=1, chat_id=1, user_id=1, state=None,
        command={"block_interviewer": {
            "interviewer": "asha", "start": "2026-12-07T00:00Z", "end": "2026-12-08T00:00Z", "actor": "test"}},
    )  # fmt: skip

    assert outcome["outcome"]["refused"] == "MS002"
    assert await database.blocks_between(**day()) == []


def day() -> dict[str, Any]:
    return {"start": datetime(2026, 12, 7, tzinfo=UTC), "end": datetime(2026, 12, 8, tzinfo=UTC)}


# /pause and /resume -------------------------------------------------------------------------------------------------------------


async def test_a_paused_queue_stands_still_until_it_is_resumed(person: Person, office: Office) -> None:
    assert "⏸ Paused." in await person.says("/pause")
    assert await person.says("/pause") == "⏸ It is paused already. /resume goes on."
    taken = await takes_in(person, *ANSWERS)
    assert "Queued, no. 1. The queue is paused; /resume goes on. I will write here when there is a result." in taken
    await office.works(person)

    queue = await person.says("/queue")
    assert queue.startswith("⏸ Paused since ")
    assert "1. Priya Nair, DevOps and Cloud" in queue
    assert await person.says("/resume") == "▶️ Going on with the queue."
    assert "It is not paused." in await person.says("/resume")
    await office.works(person)
    assert (await only_candidate(person.db))["status"] == "booked"
    assert "Paused" not in await person.says("/queue")


# Death and repetition -----------------------------------------------------------------------------------------------------------


async def test_a_bot_that_dies_before_every_update_changes_the_same(
    database: Database, sop: Sop, tmp_path: Path
) -> None:
    person = TelegramPerson(database, sop, mortal=True)
    await person.comes()
    office = with_office(person, tmp_path)
    before = places(await booked(person, office))
    await person.says("/reschedule Priya")
    await person.taps("Closing talk")
    await person.taps("Confirm")
    await office.works(person)
    assert places(await only_candidate(database)) != before
    await person.says("/cancel Priya")
    await person.says("moved away")
    await person.taps("Yes, cancel")
    await person.leaves()

    for update in person.sent * 2:
        assert await person.feed(update) == ""
    actions = [row["action"] for row in await database.audit_trail(limit=1_000)]
    assert (actions.count("replan_asked"), actions.count("cancelling")) == (1, 1)
    await person.leaves()


async def test_a_terminal_that_is_killed_goes_on_with_the_reason(database: Database, sop: Sop) -> None:
    person = TerminalPerson(database, sop)
    await person.comes()
    await takes_in(person)
    await person.says("/cancel Priya")
    await person.dies()
    await person.comes()

    assert "Reason: moved away" in await person.says("moved away")
    await person.taps("Yes, cancel")
    await person.leaves()
    assert (await only_candidate(database))["status"] == "cancelled"
