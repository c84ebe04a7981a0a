"""A candidate's life over both wires: from the queue to a booking, and the answers on the way."""

from __future__ import annotations

from datetime import timedelta

from supabase_db import Database
from tests.builders import MONDAY, at, make_request, make_reservation
from tests.integration.life import EVENT, booked, booking, claim, enqueue, look, planning, reserve, write_all


async def test_a_candidate_goes_from_the_queue_to_a_booking(db: Database) -> None:
    candidate_id = await enqueue(db, make_request(name="Priya Nair", email="priya@example.com"))
    claimed = await claim(db)
    reservation = make_reservation(at("09:00"), ("asha", "ben"), buffer=15)

    reserved = await reserve(db, claimed, [reservation])
    await write_all(db, claimed, reserved["writes"])
    notice = {"key": "n1", "channel": "telegram", "recipient": "7", "kind": "booked", "payload": {"text": "done"}}
    settled = await db.settle(**claimed.names, notices=[notice])

    assert settled["status"] == "booked"
    assert settled["attempts"] == 0
    assert settled["worker"] is None
    interview = (await look(db, candidate_id))["interviews"][0]
    assert interview["status"] == "booked"
    assert interview["interviewers"] == ["asha", "ben"]
    assert {name: interview[name] for name in EVENT} == EVENT
    assert interview["start"] == "2026-12-07T09:00:00+00:00"
    assert [notice["key"] for notice in await db.claim_notices(channel="telegram")] == ["n1"]


async def test_a_claim_gives_all_that_the_worker_needs(db: Database) -> None:
    request = make_request()
    await enqueue(db, request, chat_id=99)
    claimed = await claim(db)
    await reserve(db, claimed, [make_reservation(event={"title": "Introduction for Priya"})])

    again = await db.claim(worker="w1")

    assert again
    candidate, interview, write = again["candidate"], again["interviews"][0], again["writes"][0]
    assert candidate["request"] == request.plain()
    assert (candidate["status"], candidate["chat_id"], candidate["sop_version"]) == ("booking", 99, "sop-1")
    assert candidate["attempts"] == 2
    assert candidate["fence"] == claimed.fence + 1
    assert (interview["round"], interview["generation"], interview["revision"]) == ("intro", 1, 0)
    assert (write["verb"], write["status"], write["payload"]) == ("put", "pending", {"title": "Introduction for Priya"})
    assert (write["key"], write["handle"], write["etag"]) == (f"{interview['id']}-1", "", "")


async def test_nobody_to_claim_is_none(db: Database) -> None:
    assert await db.claim(worker="w1") is None


async def test_interviews_that_stand_are_found_by_time(db: Database) -> None:
    await booking(db, [make_reservation(at("09:00"))], request=make_request(email="priya@example.com"))

    meeting = await db.booked_between(start=at("09:30"), end=at("10:00"))
    before = await db.booked_between(start=at("08:00"), end=at("09:00"))
    after = await db.booked_between(start=at("10:00"), end=at("11:00"))

    assert [(found["candidate"], found["round"], found["interviewers"]) for found in meeting] == [
        ("priya@example.com", "intro", ["asha"])
    ]
    assert before == after == []


async def test_no_plan_becomes_an_escalation_with_its_facts(db: Database) -> None:
    claimed = await planning(db)

    escalation = await db.escalate(
        **claimed.names,
        kind="no_plan",
        reason="No time fits.",
        detail={"funnels": [{"round": "intro", "left": 0}]},
        options=[{"do": "longer_window", "days": 2}],
        sop_version="sop-1",
        notices=[{"key": "e1", "channel": "telegram", "recipient": "7", "kind": "escalated", "payload": {}}],
    )

    waiting = await db.open_escalations()
    assert [found["id"] for found in waiting] == [escalation["id"]]
    assert waiting[0]["detail"] == {"funnels": [{"round": "intro", "left": 0}]}
    assert waiting[0]["options"] == [{"do": "longer_window", "days": 2}]
    assert waiting[0]["candidate_status"] == "escalated"


async def test_giving_up_half_a_booking_frees_the_times_and_undoes_the_events(db: Database) -> None:
    first, second = make_reservation(at("09:00")), make_reservation(at("11:00"), round="core", position=1)
    claimed, reserved = await booking(db, [first, second])
    await db.write_done(write_id=reserved["writes"][0]["id"], fence=claimed.fence, result=EVENT)

    await db.escalate(**claimed.names, kind="calendar", reason="The calendar refuses.")

    assert await db.booked_between(start=MONDAY, end=MONDAY + timedelta(days=1)) == []
    again = await db.claim(worker="w1")
    assert again
    assert again["candidate"]["status"] == "escalated"
    assert [(write["verb"], write["handle"]) for write in again["writes"]] == [("cancel", "event-1"), ("cancel", "")]


async def test_an_undone_candidate_rests_until_an_admin_queues_it_again(db: Database) -> None:
    claimed, _ = await booking(db)
    await db.escalate(**claimed.names, kind="calendar", reason="The calendar refuses.")
    unwinding = await db.claim(worker="w1")
    assert unwinding
    again = await claim(db)
    await write_all(db, again, unwinding["writes"])

    await db.settle(**again.names)

    assert await db.claim(worker="w1") is None
    assert (await db.requeue(candidate_id=claimed.candidate_id, actor="telegram:7"))["status"] == "queued"
    assert (await claim(db)).candidate_id == claimed.candidate_id
    assert await db.open_escalations() == []


async def test_a_cancelled_booking_takes_its_events_with_it(db: Database) -> None:
    claimed = await booked(db)

    cancelling = await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7", reason="ill")
    found = await db.claim(worker="w1")
    assert found
    again = await claim(db)
    await write_all(db, again, found["writes"])
    settled = await db.settle(**again.names)

    assert cancelling["status"] == "cancelling"
    assert [(write["verb"], write["etag"]) for write in found["writes"]] == [("cancel", "v1")]
    assert settled["status"] == "cancelled"
    assert await db.booked_between(start=MONDAY, end=MONDAY + timedelta(days=1)) == []
