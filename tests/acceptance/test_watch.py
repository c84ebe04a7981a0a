"""What people do to the calendar after an interview is booked, and what follows: they are believed, and nobody is overruled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calendars.base import Response
from supabase_db import Database
from tests.after_booking import Office


def day(number: int, clock: str) -> datetime:
    """That day of the month of the tests: the 7th is the Monday on which everybody is first free."""
    hours, minutes = map(int, clock.split(":"))
    return datetime(2026, 12, number, hours, minutes, tzinfo=UTC)


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    made = Office(db=database, folder=tmp_path / "calendars")
    await made.book()
    assert await made.times() == {"intro": ("Mon 09:00", ["asha"]), "panel": ("Tue 09:00", ["ben", "chloe"])}
    return made


async def test_what_nobody_touched_is_left_alone(office: Office) -> None:
    assert await office.sweep() == []
    assert await office.sweep() == []
    assert await office.told() == ["booked"]


async def test_a_move_within_the_rules_is_taken_over(office: Office) -> None:
    row = (await office.live())["intro"]
    office.move(row, day(7, "11:00"))

    assert await office.settle() == ["follow"]

    now = (await office.live())["intro"]
    assert (now["start"], now["revision"], now["generation"]) == ("2026-12-07T11:00:00+00:00", 1, 1)
    assert await office.told() == ["booked", "moved"]
    assert await office.settle() == []
    assert await office.questions() == []


async def test_a_move_against_the_rules_is_asked_about_and_left_as_it_is(office: Office) -> None:
    row = (await office.live())["intro"]
    office.move(row, day(8, "11:00"))  # on the panel's day, which is less than a day later

    assert await office.settle() == ["ask"]

    (question,) = await office.questions()
    assert question["kind"] == "moved:intro"
    assert "Mon 7 Dec 09:00 UTC to Tue 8 Dec 11:00 UTC" in question["reason"]
    assert "The distance to the round before" in question["reason"]
    assert [one["kind"] for one in question["options"]] == ["follow", "restore", "replan"]
    assert (await office.times())["intro"] == ("Mon 09:00", ["asha"])
    assert office.event(row)[1].start == day(8, "11:00")
    assert await office.settle() == []


async def test_a_move_that_was_asked_about_can_be_kept_and_stays(office: Office) -> None:
    office.move((await office.live())["intro"], day(8, "11:00"))
    await office.settle()

    await office.take("moved:intro", "follow")

    assert await office.settle() == []
    assert (await office.times())["intro"] == ("Tue 11:00", ["asha"])
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="test", reason="look again")
    await office.work()
    assert (await office.times())["intro"] == ("Tue 11:00", ["asha"])


async def test_a_move_that_was_asked_about_can_be_undone(office: Office) -> None:
    row = (await office.live())["intro"]
    office.move(row, day(8, "11:00"))
    await office.settle()

    await office.take("moved:intro", "restore")

    assert await office.settle() == []
    assert office.event(row)[1].start == day(7, "09:00")
    assert (await office.live())["intro"]["revision"] == 1
    assert (await office.look())["status"] == "booked"


async def test_a_move_that_was_asked_about_can_be_planned_anew(office: Office) -> None:
    row = (await office.live())["intro"]
    office.move(row, day(8, "11:00"))
    await office.settle()

    await office.take("moved:intro", "replan")

    await office.settle()
    times = await office.times()
    assert times["intro"] != ("Mon 09:00", ["asha"])
    assert times["panel"] == ("Tue 09:00", ["ben", "chloe"])
    assert office.event(row)[1].start == datetime.fromisoformat((await office.live())["intro"]["start"])


async def test_moving_an_event_back_answers_the_question(office: Office) -> None:
    row = (await office.live())["intro"]
    office.move(row, day(8, "11:00"))
    await office.settle()

    office.move(row, day(7, "09:00"))

    assert await office.settle() == ["returned"]
    assert await office.questions() == []


async def test_a_deleted_event_frees_its_time_and_is_not_made_again(office: Office) -> None:
    row = (await office.live())["intro"]
    office.delete(row)

    assert await office.settle() == ["free"]

    assert not office.file(row).exists()
    assert set(await office.live()) == {"panel"}
    (question,) = await office.questions()
    assert [one["kind"] for one in question["options"]] == ["rebook", "waive", "cancel"]
    await office.book("Marcus")
    assert (await office.times("Marcus"))["intro"] == ("Mon 09:00", ["asha"])
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="test", reason="something else")
    await office.work()
    assert set(await office.live()) == {"panel"}


async def test_an_event_that_came_and_went_between_two_looks_is_missed(office: Office) -> None:
    await office.settle()
    await office.book("Marcus")
    office.delete((await office.live("Marcus"))["intro"])

    assert await office.settle() == ["free"]

    assert set(await office.live("Marcus")) == {"panel"}


async def test_while_a_worker_is_at_the_candidate_a_change_waits(office: Office) -> None:
    await office.settle()
    row = (await office.live())["intro"]
    await office.db.ask_replan(candidate_id=row["candidate_id"], actor="test", reason="look again")
    claim = await office.db.claim(worker="other")
    assert claim
    office.move(row, day(7, "11:00"))

    assert await office.sweep() == ["later"]
    assert await office.sweep() == ["later"]
    await office.db.stand(candidate_id=row["candidate_id"], fence=claim["candidate"]["fence"])

    assert await office.sweep() == ["follow"]
    assert await office.sweep() == []


async def test_a_deleted_round_that_is_wanted_again_is_another_event(office: Office) -> None:
    row = (await office.live())["intro"]
    office.delete(row)
    await office.settle()

    await office.take("deleted:intro", "rebook")

    await office.settle()
    again = (await office.live())["intro"]
    assert (again["id"], again["generation"], again["revision"]) == (row["id"], 2, 0)
    assert office.file(again).exists()
    assert not office.file(row).exists()
    assert (await office.told())[-1] == "rebooked"


async def test_a_deleted_round_can_be_left_out(office: Office) -> None:
    office.delete((await office.live())["intro"])
    await office.settle()

    await office.take("deleted:intro", "waive")

    assert await office.settle() == []
    assert await office.questions() == []
    assert set(await office.live()) == {"panel"}


async def test_a_decline_is_planned_again_after_the_grace(office: Office) -> None:
    row = (await office.live())["intro"]
    office.answer(row, "asha", Response.DECLINED)

    assert await office.sweep() == ["wait"]
    office.wait(minutes=9)
    assert await office.settle() == []
    office.wait(minutes=1)
    assert await office.settle() == ["replace"]

    times = await office.times()
    assert times["intro"][1] == ["ben"]
    assert times["panel"] == ("Tue 09:00", ["ben", "chloe"])
    now = (await office.live())["intro"]
    assert (now["id"], now["generation"], now["revision"]) == (row["id"], 1, 1)
    assert "asha@example.com" not in office.says(row)
    assert "ben@example.com" in office.says(row)
    assert await office.told() == ["booked", "rebooked"]
    assert await office.settle() == []


async def test_a_decline_that_is_taken_back_within_the_grace_does_nothing(office: Office) -> None:
    row = (await office.live())["intro"]
    office.answer(row, "asha", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=5)
    office.answer(row, "asha", Response.ACCEPTED)
    await office.sweep()
    office.wait(minutes=30)

    assert await office.settle() == []

    assert (await office.live())["intro"]["revision"] == 0
    assert await office.told() == ["booked"]


async def test_tentative_waits(office: Office) -> None:
    office.answer((await office.live())["intro"], "asha", Response.TENTATIVE)
    office.wait(hours=1)

    assert await office.settle() == []
    assert (await office.times())["intro"] == ("Mon 09:00", ["asha"])


async def test_a_decline_that_nobody_can_stand_in_for_is_asked_about(office: Office) -> None:
    office.answer((await office.live())["panel"], "chloe", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=10)

    await office.settle()

    (question,) = await office.questions()
    assert question["kind"] == "replan"
    assert question["reason"].startswith("Chloe Tran will not come to Panel")
    assert (await office.look())["status"] == "booked"
    assert (await office.times())["panel"] == ("Tue 09:00", ["ben", "chloe"])
    assert await office.told() == ["booked", "asked"]
    office.wait(hours=1)
    assert await office.settle() == []


async def test_a_way_out_of_a_decline_books_what_was_shown(office: Office) -> None:
    office.answer((await office.live())["panel"], "chloe", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=10)
    await office.settle()
    (question,) = await office.questions()
    way_out = next(one for one in question["options"] if one["kind"] == "interviewer")

    await office.take("replan", "interviewer")
    await office.settle()

    live = await office.live()
    shown = {one["round"]: (one["start"], one["interviewers"]) for one in way_out["interviews"]}
    assert {name: (row["start"], row["interviewers"]) for name, row in live.items()} == shown
    assert "chloe" not in live["panel"]["interviewers"]
    assert await office.questions() == []


async def test_an_interviewer_who_accepts_after_all_is_believed(office: Office) -> None:
    row = (await office.live())["panel"]
    office.answer(row, "chloe", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=10)
    await office.settle()

    office.answer(row, "chloe", Response.ACCEPTED)
    await office.settle()
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="test", reason="look again")
    await office.work()

    assert (await office.times())["panel"] == ("Tue 09:00", ["ben", "chloe"])
    assert (await office.look())["exceptions"]["excluded"] == []


async def test_a_candidate_who_declines_is_asked_about(office: Office) -> None:
    office.answer((await office.live())["intro"], "priya", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=10)

    assert await office.settle() == ["ask"]

    (question,) = await office.questions()
    assert question["reason"] == "The candidate has declined Introduction on Mon 7 Dec 09:00 UTC."
    await office.take("declined:intro", "replan")
    await office.settle()
    assert (await office.times())["intro"][0] != "Mon 09:00"


async def test_other_words_are_kept_when_the_interview_moves(office: Office) -> None:
    row = (await office.live())["intro"]
    office.rename(row, "Intro with Priya (room 7)")
    assert await office.settle() == []
    office.answer(row, "asha", Response.DECLINED)
    await office.sweep()
    office.wait(minutes=10)

    assert await office.settle() == ["replace"]

    assert office.event(row)[0] == "Intro with Priya (room 7)"
    assert "ben@example.com" in office.says(row)


async def test_a_second_event_under_the_same_key_is_asked_about_once(office: Office) -> None:
    row = (await office.live())["intro"]
    copy = office.file(row).with_name("a copy.ics")
    copy.write_bytes(office.file(row).read_bytes())

    assert await office.settle() == ["ask"]

    (question,) = await office.questions()
    assert question["kind"] == "duplicate:intro"
    assert copy.exists()
    office.wait(days=1, minutes=1)
    assert await office.settle() == []


async def test_what_a_late_write_left_is_removed_and_what_a_person_brings_back_is_not(office: Office) -> None:
    row = (await office.live())["intro"]
    text = office.file(row).read_bytes()
    office.delete(row)
    await office.settle()
    await office.take("deleted:intro", "rebook")
    await office.settle()

    office.file(row).write_bytes(text)  # generation 1, when the second one is booked
    assert await office.settle() == ["remove"]
    assert not office.file(row).exists()

    office.file(row).write_bytes(text)
    assert await office.settle() == ["ask"]
    assert office.file(row).exists()
    assert [one["kind"] for one in await office.questions()] == ["orphan:intro"]


async def test_a_deleted_event_that_is_brought_back_is_asked_about(office: Office) -> None:
    row = (await office.live())["intro"]
    text = office.file(row).read_bytes()
    office.delete(row)
    await office.settle()

    office.file(row).write_bytes(text)

    assert await office.settle() == ["ask"]
    assert {one["kind"] for one in await office.questions()} == {"deleted:intro", "restored:intro"}
    assert office.file(row).exists()


async def test_something_else_too_near_to_an_interview_is_asked_about_once(office: Office) -> None:
    own = office.folder / "asha@example.com"
    own.mkdir(parents=True)
    busy = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:dentist", "DTSTAMP:20261201T000000Z"]
    busy += ["DTSTART:20261207T092000Z", "DTEND:20261207T100000Z", "END:VEVENT", "END:VCALENDAR", ""]
    (own / "dentist.ics").write_text("\r\n".join(busy))

    assert await office.settle() == ["ask"]

    (question,) = await office.questions()
    assert question["kind"] == "overlap:intro"
    assert question["detail"]["times"] == [["2026-12-07T09:30:00+00:00", "2026-12-07T09:45:00+00:00"]]
    office.wait(hours=1)
    assert await office.settle() == []
    await office.take("overlap:intro", "replan")
    await office.settle()
    assert (await office.times())["intro"] != ("Mon 09:00", ["asha"])


async def test_a_guest_list_without_the_interviewer_is_asked_about(office: Office) -> None:
    row = (await office.live())["intro"]
    office.uninvite(row, "asha")

    assert await office.settle() == ["ask"]

    assert [one["kind"] for one in await office.questions()] == ["guests:intro"]
    assert await office.settle() == []


async def test_an_empty_calendar_is_suspected_rather_than_believed(office: Office) -> None:
    await office.book("Marcus")
    await office.sweep()
    for name in ("Priya", "Marcus"):
        for row in (await office.live(name)).values():
            office.delete(row)
    office.wait(days=1, minutes=1)  # everything is compared anew

    assert await office.sweep() == ["suspect"]
    assert await office.sweep() == ["suspect"]

    assert len(await office.live("Priya")) == len(await office.live("Marcus")) == 2
    assert (await office.told()).count("calendar_suspect") == 1


async def test_what_is_over_is_left_alone(office: Office) -> None:
    row = (await office.live())["intro"]
    office.now = datetime.fromisoformat(row["end"]) + timedelta(minutes=1)
    office.delete(row)

    assert await office.settle() == []
    assert set(await office.live()) == {"intro", "panel"}
