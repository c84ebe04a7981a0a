"""What linked interviewers hear of their interviews, and what follows from what they say: news, answers, reminders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from telegram import Update

from booking.reminding import remind
from booking.upkeep import keep_up
from calendars.base import Response
from sop import Sop
from supabase_db import Database, Json
from tests.acceptance.test_chat_interviewers import ASHA, BEN, at_the_bot
from tests.acceptance.test_watch import day
from tests.after_booking import SOP, Office
from tests.builders import make_reservation
from tests.chat_driver import ADMIN, TelegramPerson
from tests.fakes.telegram import Refused
from tests.integration.life import booked

KOLKATA = SOP.replace("email: asha@example.com,", "email: asha@example.com, timezone: Asia/Kolkata,").replace(
    'working_hours: {mon-fri: ["09:00-18:00"]}', 'working_hours: {mon-sun: ["00:00-24:00"]}'
)
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    """Nobody is booked yet; Asha and Ben are linked. Asha's hours are read in Kolkata, where it is 5:30 later than in UTC."""
    for who, user in (("asha", ASHA), ("ben", BEN)):
        about = {"interviewer": who, "user_id": user, "name": who.title(), "actor": "test"}
        await database.desk_turn(update_id=user, chat_id=1, user_id=1, state=None, command={"link_interviewer": about})
    return Office(db=database, folder=tmp_path / "calendars", text=KOLKATA)


@pytest.fixture
async def people(office: Office) -> AsyncIterator[list[TelegramPerson]]:
    """Asha, Ben and the owner."""
    async with at_the_bot(office, ASHA, BEN, ADMIN) as them:
        yield them


@pytest.fixture
def asha(people: list[TelegramPerson]) -> TelegramPerson:
    return people[0]


@pytest.fixture
def owner(people: list[TelegramPerson]) -> TelegramPerson:
    return people[2]


async def news(person: TelegramPerson) -> str:
    """What the bot has said to somebody of its own accord since it was last looked at."""
    seen = len(person.server.log)
    await person.reads_news()
    return "\n--\n".join(shown.text for shown in person.server.log[seen:] if shown.chat == person.user)


def labels(person: TelegramPerson) -> list[str]:
    """The buttons under the newest message in somebody's chat."""
    return [shown for shown in person.server.log if shown.chat == person.user][-1].labels


async def settled(office: Office, **wait: float) -> list[str]:
    office.wait(**wait)
    return await office.settle()


# News ---------------------------------------------------------------------------------------------------------------------------


async def test_a_whole_plan_is_one_message_to_each_in_their_own_time(
    office: Office, people: list[TelegramPerson]
) -> None:
    asha, ben, _ = people
    office.text = KOLKATA.replace("[{interviewers: [ben], backups: [asha]}", "[{interviewers: [asha]}")
    for person in people:
        person.current_sop = office.sop
    await office.book()
    await office.db.desk_turn(
        update_id=9, chat_id=1, user_id=1, state=None,
        command={"unlink_interviewer": {"interviewer": "ben", "user_id": BEN, "actor": "test"}},
    )  # fmt: skip

    assert await news(asha) == (
        "Priya, Java\n\n"
        "✅ New: Introduction\n    Mon 7 Dec 14:30 to 15:00 IST\n\n"
        "✅ New: Panel\n    Tue 8 Dec 14:30 to 15:30 IST\n\n"
        "Times are yours, in Asia/Kolkata."
    )
    assert labels(asha) == ["✓ 7 Dec 14:30", "✗ 7 Dec 14:30", "✓ 8 Dec 14:30", "✗ 8 Dec 14:30"]
    assert await news(asha) == await news(ben) == ""


async def test_links_to_event_and_meeting_come_with_the_news(
    office: Office, asha: TelegramPerson, admin: Connection
) -> None:
    await office.book()
    admin.execute(
        "update interviews set event_link = 'https://cal.example/1', event_meeting = 'https://meet.example/1'"
    )

    assert "IST\n    Event · Meeting\n" in await news(asha)


async def test_a_move_in_the_calendar_is_told(office: Office, asha: TelegramPerson) -> None:
    await office.book()
    await news(asha)
    office.move((await office.live())["intro"], day(7, "11:00"))
    await office.settle()

    assert await news(asha) == (
        "Priya, Java\n\n📅 Moved: Introduction\n"
        "    was: Mon 7 Dec 14:30 to 15:00 IST\n    now: Mon 7 Dec 16:30 to 17:00 IST\n\n"
        "Times are yours, in Asia/Kolkata."
    )


async def test_a_deleted_event_and_a_cancelled_candidate_are_told(office: Office, asha: TelegramPerson) -> None:
    for name in ("Priya", "Marcus"):
        await office.book(name)
    await news(asha)
    office.delete((await office.live())["intro"])
    await office.settle()
    await office.db.cancel_candidate(candidate_id=(await office.look("Marcus"))["id"], actor="test")

    told = await news(asha)

    assert "Priya, Java\n\n✖️ Cancelled: Introduction\n    Mon 7 Dec 14:30 to 15:00 IST\n\nTimes" in told
    assert "Marcus, Java\n\n✖️ Cancelled: Introduction\n" in told
    assert labels(asha) == []


async def test_news_that_nobody_can_be_told_goes_to_the_admins_without_buttons(
    office: Office, people: list[TelegramPerson]
) -> None:
    asha, _, owner = people
    asha.server.refuse("sendMessage", Refused(403, "Forbidden: bot was blocked by the user"))
    office.text = office.text.replace("[{interviewers: [ben], backups: [asha]}, ", "[")
    await office.book()

    assert await news(asha) == ""

    told = [shown for shown in owner.server.log if shown.chat == ADMIN]
    assert told[0].text.startswith("Priya, Java\n\n✅ New: Introduction\n")
    assert told[0].text.endswith("\n(Asha has blocked me, so this comes to you instead.)")
    assert told[0].labels == []
    assert told[-1].text.startswith("❗ Asha has blocked me")


async def test_what_waits_for_somebody_who_has_left_the_sop_is_not_told(office: Office, asha: TelegramPerson) -> None:
    await office.book()
    office.text = office.text.replace("interviewers: [asha], backups: [ben]", "interviewers: [ben]")
    office.text = office.text.replace("backups: [asha]", "backups: []")
    lines = [line for line in office.text.split("\n") if not line.startswith("  asha:")]
    office.text = "\n".join(lines)
    asha.current_sop = office.sop

    assert await news(asha) == ""


# Their agenda -------------------------------------------------------------------------------------------------------------------


async def test_an_agenda_of_dates_a_week_and_as_a_file(office: Office, asha: TelegramPerson) -> None:
    await office.book()

    assert await asha.says("/agenda") == (
        "📅 Your interviews\n\nMon 7 Dec 2026\n14:30 Introduction with Priya, Java\n\n"
        "Times are yours, in Asia/Kolkata.\n[✓ I'll be there]   [✗ Can't make it]\n[📅 As .ics]"
    )
    assert "📅 Mon 7 Dec 2026\n\nMon 7 Dec 2026\n14:30 Introduction" in await asha.says("/agenda 7 Dec")
    assert await asha.says("/agenda tomorrow") == (
        "📅 Wed 2 Dec 2026\nNo interviews.\n\nTimes are yours, in Asia/Kolkata."
    )
    assert "📅 Tue 1 Dec 2026 to Mon 7 Dec 2026\n\nMon 7 Dec" in await asha.says("/agenda week")
    assert await asha.says("/agenda Ben") == (
        "I cannot use Ben as dates.\nTry /agenda tomorrow, /agenda week or /agenda 1-12 Dec."
    )
    await asha.says("/agenda")
    assert "📎 agenda.ics" in await asha.taps("As .ics")
    assert b"Introduction: mock interview with Priya" in asha.received("agenda.ics")


async def test_a_long_agenda_is_turned_and_asks_about_the_next_ones(office: Office, asha: TelegramPerson) -> None:
    for number in range(11):
        await office.book(f"Priya{number}", window=(day(7, "0:00").date(), day(30, "0:00").date()))

    first = await asha.says("/agenda")
    assert first.count("Introduction with") == 10
    assert first.count("[✓ ") == 8
    second = await asha.taps("Later ›")
    assert second.count("Introduction with") == second.count("[✓ ") == 1
    assert "✅ You will be there." in await asha.taps("✓")
    assert (await asha.taps("‹ Earlier")).count("Introduction with") == 10


# Accepting ----------------------------------------------------------------------------------------------------------------------


async def test_accepting_is_shown_to_them_and_to_admins_and_can_change(
    office: Office, people: list[TelegramPerson]
) -> None:
    asha, _, owner = people
    await office.book()
    await news(asha)

    assert (await asha.taps("I'll be there")).endswith(
        "14:30 Introduction with Priya, Java\n    ✅ You will be there.\n\n"
        "Times are yours, in Asia/Kolkata.\n[✗ Can't make it]\n[📅 As .ics]"
    )
    assert "1. Introduction with Asha Rao (accepted)\n" in await owner.says("/status Priya")
    assert "Introduction: Priya with Asha Rao (accepted)" in await owner.says("/agenda 7 Dec")
    assert "interview accepted by Asha Rao" in await owner.says("/audit Priya")
    assert await settled(office, minutes=30) == []
    await asha.taps("Can't make it")
    assert "✖️ You cannot come to Introduction with Priya" in await asha.taps("No reason")
    assert "Introduction with Asha Rao (cannot come)" in await owner.says("/status Priya")


async def test_an_answer_from_the_calendar_stays_the_calendars(office: Office, asha: TelegramPerson) -> None:
    await office.book()
    await news(asha)
    office.answer((await office.live())["intro"], "asha", Response.DECLINED)
    await office.sweep()

    shown = await asha.taps("I'll be there")

    assert "✖️ You have declined it in your calendar. If you can come, accept it there." in shown
    assert "I'll be there" not in shown
    assert await settled(office, minutes=10) == ["replace"]


# Declining ----------------------------------------------------------------------------------------------------------------------


async def declined(office: Office, asha: TelegramPerson, reason: str = "my train is late") -> str:
    """Priya is booked, and Asha says that she cannot come."""
    await office.book()
    await news(asha)
    await asha.taps("Can't make it")
    return await asha.says(reason)


async def test_a_decline_is_planned_again_after_the_grace_and_told_to_all(
    office: Office, people: list[TelegramPerson]
) -> None:
    asha = people[0]
    assert await declined(office, asha) == (
        "✖️ You cannot come to Introduction with Priya, Mon 7 Dec 14:30 to 15:00 IST.\n"
        "In about 10 min I look for somebody else; until then you can change your mind.\n[Never mind]   [‹ Back]"
    )
    row = (await office.live())["intro"]
    assert set(await settled(office, minutes=9)) == {"wait"}
    assert await settled(office, minutes=1) == ["replace"]

    times = await office.times()
    assert times["intro"][1] == ["ben"]
    assert times["panel"] == ("Tue 09:00", ["ben", "chloe"])
    assert (await office.live())["intro"]["id"] == row["id"]
    assert "asha@example.com" not in office.says(row)
    assert "ben@example.com" in office.says(row)
    told = await news(asha)
    assert "✖️ No longer yours: Introduction\n    Mon 7 Dec 14:30 to 15:00 IST\n    Somebody else takes it." in told
    for_ben = [shown.text for shown in asha.server.log if shown.chat == BEN]
    assert "✅ New: Introduction" in for_ben[-1]
    for_admins = [shown.text for shown in asha.server.log if shown.chat == ADMIN]
    assert "Asha Rao will not come to Introduction on Mon 7 Dec 09:00 UTC: my train is late" in for_admins[-1]
    trail = [(one["action"], one["actor"]) for one in await office.db.audit_trail(limit=1_000)]
    assert trail.count(("interview_declined", "interviewer:asha")) == 1
    assert trail.count(("replan_asked", "interviewer:asha")) == 1
    assert await settled(office, hours=1) == []


@pytest.mark.parametrize("minutes", [0, 9])
async def test_a_decline_is_taken_back_within_the_grace(office: Office, asha: TelegramPerson, minutes: int) -> None:
    await declined(office, asha)
    await settled(office, minutes=minutes)

    back = await asha.taps("Never mind")

    assert "14:30 Introduction with Priya, Java\n\nTimes" in back
    assert "[✓ I'll be there]   [✗ Can't make it]" in back
    assert await settled(office, minutes=30) == []
    assert (await office.live())["intro"]["revision"] == 0
    assert (await office.look())["answers"] == []


async def test_it_is_too_late_once_somebody_else_is_looked_for(office: Office, asha: TelegramPerson) -> None:
    await declined(office, asha)
    office.wait(minutes=10)
    assert await office.sweep() == ["replace"]

    assert await asha.taps("Never mind") == (
        "I am looking for somebody else already. If I find nobody it stays yours: /agenda then lets you say that you come."
    )
    await office.settle()

    assert (await office.times())["intro"][1] == ["ben"]


async def test_a_decline_is_either_taken_back_or_acted_on(office: Office) -> None:
    for number in range(5):
        name = f"Priya{number}"
        await office.book(name, window=(day(7, "0:00").date(), day(30, "0:00").date()))
        row = (await office.live(name))["intro"]
        about = {
            "interview_id": row["id"], "interviewer": "asha", "user_id": ASHA, "address": "asha@example.com",
            "start": row["start"], "now": office.now.isoformat(),
        }  # fmt: skip

        async def says(answer: str, number: int = number, about: Json = about) -> Json:
            turn: Json = await office.db.desk_turn(
                update_id=9_000 + 10 * number + len(answer), chat_id=ASHA, user_id=ASHA, state=None,
                command={"answer_interview": about | {"answer": answer}},
            )  # fmt: skip
            return dict(turn["outcome"])

        await says("declined")
        office.wait(minutes=10)
        swept, back = await asyncio.gather(office.sweep(), says(""))

        acted = (await office.look(name))["status"] == "queued"
        assert acted == ("refused" in back) == ("replace" in swept)
        await office.settle()
        assert (await office.times(name))["intro"][1] == (["ben"] if acted else ["asha"])


async def test_buttons_of_what_is_no_longer_theirs_say_so(office: Office, asha: TelegramPerson) -> None:
    await office.book()
    await news(asha)
    await asha.says("/agenda")
    first, second = asha.button("I'll be there"), asha.button("Can't make it")
    await office.db.ask_replan(
        candidate_id=(await office.look())["id"], actor="test",
        detail={"excluded": [{"round": "intro", "interviewer": "asha"}]},
    )  # fmt: skip
    await office.work()

    assert (await asha.feed(asha.made.tap(*second))).startswith(
        "That interview is no longer yours.\n\n📅 Your interviews"
    )
    assert "That button has done its work" in await asha.feed(asha.made.tap(*first))
    assert (await office.look())["answers"] == []


async def test_buttons_of_what_has_moved_or_begun_say_so(office: Office, asha: TelegramPerson) -> None:
    await office.book()
    await news(asha)
    old = asha.button("Can't make it")
    await asha.says("/agenda")
    begun = asha.button("Can't make it")
    row = (await office.live())["intro"]
    office.move(row, day(7, "11:00"))
    await office.settle()

    moved = await asha.feed(asha.made.tap(*old))
    assert moved.startswith("That interview is at another time by now.\n\n📅 ")
    assert "16:30 Introduction with Priya" in moved
    asha.now = day(7, "11:00")
    assert (await asha.feed(asha.made.tap(*begun))).startswith("That interview has begun already.\n\n📅 ")
    assert "[✗" not in await asha.says("/agenda")


async def test_declining_here_and_in_the_calendar_is_one_decline(office: Office, asha: TelegramPerson) -> None:
    await declined(office, asha)
    office.answer((await office.live())["intro"], "asha", Response.DECLINED)

    assert await settled(office, minutes=10) == ["replace"]

    assert await settled(office, minutes=30) == []
    asked = [one for one in await office.db.audit_trail(limit=1_000) if one["action"] == "replan_asked"]
    assert len(asked) == 1


async def test_a_decline_here_adds_nothing_to_one_in_the_calendar_that_was_dealt_with(
    office: Office, asha: TelegramPerson
) -> None:
    office.text = office.text.replace("backups: [ben]}", "backups: []}")
    asha.current_sop = office.sop
    await office.book()
    await news(asha)
    office.answer((await office.live())["intro"], "asha", Response.DECLINED)
    await office.sweep()
    assert await settled(office, minutes=10) == ["replace"]

    await asha.taps("Can't make it")
    await asha.taps("No reason")

    assert await settled(office, minutes=30) == []
    assert [one["kind"] for one in await office.questions()] == ["replan"]
    asked = [one for one in await office.db.audit_trail(limit=1_000) if one["action"] == "replan_asked"]
    assert len(asked) == 1


async def test_when_nobody_else_can_they_may_come_after_all(office: Office, asha: TelegramPerson) -> None:
    office.text = office.text.replace("backups: [ben]}", "backups: []}")
    asha.current_sop = office.sop
    await declined(office, asha)
    assert await settled(office, minutes=10) == ["replace"]
    (question,) = await office.questions()
    assert question["reason"].startswith(
        "Asha Rao will not come to Introduction on Mon 7 Dec 09:00 UTC: my train is late"
    )
    shown = await asha.says("/agenda")
    assert "✖️ You cannot come; I look for somebody else." in shown
    assert "[✓ I'll be there]" in shown

    assert "✅ You will be there." in await asha.taps("I'll be there")

    assert (await office.look())["exceptions"]["excluded"] == []
    assert await settled(office, minutes=30) == []
    await asha.taps("Can't make it")
    await asha.taps("No reason")
    assert await settled(office, minutes=10) == ["replace"]


async def test_a_decline_while_an_admin_is_deciding_about_the_candidate_is_asked_about(
    office: Office, asha: TelegramPerson, admin: Connection
) -> None:
    await declined(office, asha)
    admin.execute("update candidates set status = 'set_aside'")

    assert await settled(office, minutes=10) == ["ask"]

    assert [one["kind"] for one in await office.questions()] == ["declined:intro"]
    assert await settled(office, minutes=30) == []
    await asha.says("/agenda")
    await asha.taps("I'll be there")
    assert await office.questions() == []


async def test_taps_at_the_same_time_are_one_decline(office: Office, asha: TelegramPerson) -> None:
    await office.book()
    await news(asha)
    await asha.taps("Can't make it")
    button = asha.button("I am ill")
    updates = [Update.de_json(asha.made.tap(*button), asha.bot.application.bot) for _ in range(20)]

    await asyncio.gather(*(asha.bot.application.process_update(update) for update in updates))

    trail = [one["action"] for one in await office.db.audit_trail(limit=1_000)]
    assert trail.count("interview_declined") == 1
    assert len(asha.server.toasts) == 19


# Reminders ----------------------------------------------------------------------------------------------------------------------


async def reminded(office: Office, asha: TelegramPerson, at: datetime) -> str:
    """What Asha hears once the duty has been done at a time, twice."""
    for _ in range(2):
        await remind(office.db, office.sop, at)
    asha.now = at
    return await news(asha)


async def known(office: Office, asha: TelegramPerson, admin: Connection, since: datetime) -> None:
    """Priya is booked, for Monday at 9:00, and Asha knows it since a time."""
    await office.book()
    await news(asha)
    admin.execute("update announcements set at = %s", [since])


async def test_reminders_come_a_day_and_two_hours_before(
    office: Office, asha: TelegramPerson, admin: Connection
) -> None:
    await known(office, asha, admin, day(1, "12:00"))
    words = "📅 Reminder: Introduction with Priya, Java\n    Mon 7 Dec 14:30 to 15:00 IST"

    assert await reminded(office, asha, day(6, "08:59")) == ""
    assert await reminded(office, asha, day(6, "09:00")) == words
    assert labels(asha) == ["✓ I'll be there", "✗ Can't make it"]
    assert "✅ You will be there." in await asha.taps("I'll be there")
    assert await reminded(office, asha, day(6, "09:30")) == ""
    assert await reminded(office, asha, day(7, "07:00")) == f"{words}\n    ✅ You will be there."
    assert labels(asha) == ["✗ Can't make it"]
    assert await reminded(office, asha, day(7, "09:00")) == ""


async def test_other_lengths_and_none(office: Office, asha: TelegramPerson, admin: Connection) -> None:
    await known(office, asha, admin, day(1, "12:00"))
    office.text = KOLKATA.replace("grid:", "reminders: []\ngrid:")
    assert await reminded(office, asha, day(6, "09:00")) == ""

    office.text = KOLKATA.replace("grid:", "reminders: [90m]\ngrid:")
    assert await reminded(office, asha, day(7, "07:29")) == ""
    assert "Reminder" in await reminded(office, asha, day(7, "07:30"))


@pytest.mark.parametrize(("since", "reminders"), [("07:30", 1), ("08:30", 1), ("08:31", 0)])
async def test_what_is_booked_late_is_reminded_of_once_if_there_is_half_an_hour(
    office: Office, asha: TelegramPerson, admin: Connection, since: str, reminders: int
) -> None:
    await known(office, asha, admin, day(7, since))

    heard = [await reminded(office, asha, day(7, since) + timedelta(minutes=5 * n)) for n in range(6)]

    assert sum("Reminder" in text for text in heard) == reminders == sum("Reminder" in text for text in heard[:1])


async def test_a_reminder_that_waits_while_the_interview_moves_is_not_sent(
    office: Office, asha: TelegramPerson, admin: Connection
) -> None:
    await known(office, asha, admin, day(1, "12:00"))
    await remind(office.db, office.sop, day(6, "09:00"))
    office.move((await office.live())["intro"], day(7, "11:00"))
    await office.settle()

    assert "Reminder" not in await news(asha)

    admin.execute("update announcements set at = %s", [day(6, "10:00")])
    assert "Mon 7 Dec 16:30 to 17:00 IST" in await reminded(office, asha, day(6, "11:00"))


async def test_who_cannot_come_is_not_reminded(office: Office, asha: TelegramPerson, admin: Connection) -> None:
    await declined(office, asha)
    admin.execute("update announcements set at = %s", [day(1, "12:00")])

    assert await reminded(office, asha, day(7, "07:00")) == ""


async def test_two_programs_remind_once(office: Office, people: list[TelegramPerson], admin: Connection) -> None:
    asha, ben, _ = people
    await known(office, asha, admin, day(1, "12:00"))
    for person in people:
        person.now = day(6, "09:00")

    async def program(person: TelegramPerson) -> None:
        for _ in range(5):
            await remind(office.db, office.sop, person.now)
            await person.bot.deliver_due_notices()

    await asyncio.gather(program(asha), program(ben), program(asha), program(ben))

    assert [shown.chat for shown in asha.server.log if "Reminder" in shown.text] == [ASHA]


async def test_upkeep_reminds_by_the_clock_of_the_database(office: Office, asha: TelegramPerson) -> None:
    start = (await office.db.database_time()).replace(microsecond=0) + timedelta(minutes=100)
    await booked(office.db, [make_reservation(start)])
    stop = asyncio.Event()

    async def in_force() -> Sop:
        return office.sop

    upkeep = asyncio.create_task(keep_up(db=office.db, sop=in_force, stop=stop, every=0.01))
    asha.now = start - timedelta(minutes=99)
    async with asyncio.timeout(10):
        while "Reminder" not in await news(asha):  # noqa: ASYNC110 - the database cannot say when it is there
            await asyncio.sleep(0.02)
    stop.set()
    await upkeep
