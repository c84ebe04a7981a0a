"""The queue over both wires: coming in, being claimed, going back, being set aside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import LostLease
from supabase_db import Database
from tests.builders import make_request, make_reservation
from tests.integration.life import Claimed, booking, claim, enqueue, look, planning, reserve, status_of, write_all

Admin = Connection[tuple[Any, ...]]


async def test_a_new_candidate_waits_and_is_claimed(db: Database) -> None:
    came = await db.enqueue(request=make_request().plain(), key="k1", source="chat", actor="telegram:7", chat_id=7)

    claimed = await db.claim(worker="a")

    assert (came["created"], came["position"], came["duplicate"]) == (True, 1, None)
    assert claimed
    assert claimed["candidate"]["id"] == came["candidate_id"]


async def test_positions_count_those_who_wait_before(db: Database) -> None:
    places = [
        (await db.enqueue(request=make_request().plain(), key=f"k{i}", source="csv", actor="cli"))["position"]
        for i in range(3)
    ]
    await db.claim(worker="a")
    fourth = await db.enqueue(request=make_request().plain(), key="k4", source="csv", actor="cli")

    assert places == [1, 2, 3]
    assert fourth["position"] == 3


async def test_the_same_key_comes_in_once(db: Database) -> None:
    request = make_request()
    first = await db.enqueue(request=request.plain(), key="k", source="csv", actor="cli")

    again = await db.enqueue(request=make_request().plain(), key="k", source="csv", actor="cli")

    assert (again["candidate_id"], again["created"], again["duplicate"]) == (first["candidate_id"], False, "key")


async def test_a_person_is_open_for_a_course_once(db: Database) -> None:
    first = await enqueue(db, make_request(email="priya@example.com"), key="k1")

    again = await db.enqueue(
        request=make_request(email="Priya@Example.com").plain(), key="k2", source="chat", actor="telegram:7"
    )
    other = await db.enqueue(
        request=make_request(email="priya@example.com", course="python").plain(), key="k3", source="chat", actor="t"
    )

    assert (again["candidate_id"], again["created"], again["duplicate"]) == (first, False, "open")
    assert other["created"]


async def test_a_cancelled_person_can_come_again(db: Database) -> None:
    first = await enqueue(db, make_request(email="priya@example.com"), key="k1")
    await db.cancel_candidate(candidate_id=first, actor="telegram:7")

    assert await enqueue(db, make_request(email="priya@example.com"), key="k2") != first


async def test_twenty_at_once_with_the_same_request_make_one_candidate(database: Database) -> None:
    request = make_request().plain()

    answers = await asyncio.gather(
        *(database.enqueue(request=request, key=f"k{i % 3}", source="api", actor="api") for i in range(20))
    )

    assert len({answer["candidate_id"] for answer in answers}) == 1
    assert sum(answer["created"] for answer in answers) == 1


async def test_they_are_taken_in_the_order_they_came(db: Database) -> None:
    ids = [await enqueue(db) for _ in range(3)]

    taken = []
    for _ in ids:
        claimed = await claim(db)
        taken.append(claimed.candidate_id)
        await db.escalate(**claimed.names, kind="no_plan", reason="none")

    assert taken == ids


async def test_work_in_progress_goes_before_the_queue(db: Database) -> None:
    await enqueue(db)
    second = (await claim(db)).candidate_id
    await enqueue(db)
    claimed = Claimed(candidate_id=second, fence=1)
    await reserve(db, claimed)
    await db.release(**claimed.names)

    assert (await claim(db)).candidate_id == second


async def test_a_lane_has_one_candidate_at_a_time(db: Database) -> None:
    await enqueue(db)
    await enqueue(db)
    await claim(db, "a")

    assert await db.claim(worker="b") is None


async def test_a_lane_may_be_given_more(db: Database, admin: Admin) -> None:
    admin.execute("insert into lanes (lane, at_once) values ('main', 2)")
    for _ in range(3):
        await enqueue(db)

    taken = {(await claim(db, "a")).candidate_id, (await claim(db, "b")).candidate_id}

    assert len(taken) == 2
    assert await db.claim(worker="c") is None


async def test_lanes_do_not_wait_for_each_other(db: Database) -> None:
    await enqueue(db)
    other = await enqueue(db, lane="berlin")
    await claim(db, "a")

    assert (await claim(db, "b", lane="berlin")).candidate_id == other


async def test_a_worker_that_asks_again_gets_its_own_candidate_under_a_new_fence(db: Database) -> None:
    await enqueue(db)
    await enqueue(db)
    first = await claim(db, "a")

    again = await claim(db, "a")

    assert (again.candidate_id, again.fence) == (first.candidate_id, first.fence + 1)


async def test_a_dead_worker_is_replaced_when_its_lease_is_over(db: Database) -> None:
    await enqueue(db)
    dead = await claim(db, "a", lease_seconds=0)

    heir = await claim(db, "b")

    assert heir.candidate_id == dead.candidate_id
    assert heir.fence == dead.fence + 1


async def test_a_heartbeat_keeps_the_lease(db: Database) -> None:
    await enqueue(db)
    claimed = await claim(db, "a", lease_seconds=0)

    assert await db.heartbeat(**claimed.names, lease_seconds=30) == {"ok": True}

    assert await db.claim(worker="b") is None


async def test_a_row_that_is_locked_is_passed_over(database: Database, admin: Admin) -> None:
    first, second = await enqueue(database), await enqueue(database)

    with admin.transaction():
        admin.execute("select 1 from candidates where id = %s for update", [first])
        claimed = await asyncio.wait_for(claim(database), 5)

    assert claimed.candidate_id == second


Step = Callable[[Database, Claimed, int], Awaitable[object]]
FENCED: dict[str, Step] = {
    "heartbeat": lambda db, zombie, _: db.heartbeat(**zombie.names),
    "release": lambda db, zombie, _: db.release(**zombie.names),
    "reserve": lambda db, zombie, _: reserve(db, zombie),
    "write_done": lambda db, zombie, write: db.write_done(write_id=write, fence=zombie.fence, result={}),
    "write_failed": lambda db, zombie, write: db.write_failed(write_id=write, fence=zombie.fence, reason="late"),
    "settle": lambda db, zombie, _: db.settle(**zombie.names),
    "escalate": lambda db, zombie, _: db.escalate(**zombie.names, kind="no_plan", reason="late"),
}


@pytest.mark.parametrize("step", FENCED)
async def test_a_worker_that_was_replaced_cannot_write(db: Database, step: str) -> None:
    zombie, reserved = await booking(db)
    await db.heartbeat(**zombie.names, lease_seconds=0)
    await claim(db, "heir")
    before = await look(db, zombie.candidate_id)

    with pytest.raises(LostLease):
        await FENCED[step](db, zombie, reserved["writes"][0]["id"])

    assert await look(db, zombie.candidate_id) == before


async def test_released_it_can_be_claimed_again_by_anybody(db: Database) -> None:
    claimed = await planning(db)

    released = await db.release(**claimed.names, reason="SlotTaken")

    assert released == {"status": "queued", "changed": True}
    assert (await claim(db, "other")).candidate_id == claimed.candidate_id


async def test_released_for_later_it_lets_others_go_first(db: Database) -> None:
    claimed = await planning(db)
    other = await enqueue(db)

    await db.release(**claimed.names, not_before=datetime.now(UTC) + timedelta(hours=1))

    assert (await claim(db)).candidate_id == other


async def test_letting_go_is_no_crash_unless_it_is_said_to_be(db: Database) -> None:
    claimed = await planning(db)
    await db.release(**claimed.names)
    after_letting_go = (await look(db, claimed.candidate_id))["attempts"]
    claimed = await claim(db)
    await db.release(**claimed.names, count_attempt=True)
    after_a_fault = (await look(db, claimed.candidate_id))["attempts"]

    assert (after_letting_go, after_a_fault) == (0, 1)


async def crash_five_times(db: Database) -> None:
    for attempt in range(5):
        await claim(db, f"crashing {attempt}", lease_seconds=0)


async def test_the_sixth_claim_of_a_crasher_sets_it_aside_and_takes_the_next(db: Database) -> None:
    poison = await enqueue(db)
    await crash_five_times(db)
    other = await enqueue(db)

    taken = await claim(db)

    assert taken.candidate_id == other
    assert await status_of(db, poison) == "set_aside"
    assert [(found["candidate_id"], found["kind"]) for found in await db.open_escalations()] == [(poison, "crash")]
    notices = await db.claim_notices(channel="telegram")
    assert [(notice["kind"], notice["recipient"]) for notice in notices] == [("set_aside", "7")]
    assert notices[0]["payload"]["candidate"]["id"] == poison
    assert "stopped 5 times" in notices[0]["payload"]["reason"]


async def test_many_crashers_do_not_block_the_one_behind_them(db: Database, admin: Admin) -> None:
    for _ in range(10):
        await enqueue(db)
    admin.execute("update candidates set attempts = 5")
    last = await enqueue(db)

    assert (await claim(db)).candidate_id == last
    assert (await db.queue_counts())["set_aside"] == 10


async def test_set_aside_it_can_be_queued_again_with_new_attempts(db: Database) -> None:
    poison = await enqueue(db)
    await crash_five_times(db)
    assert await db.claim(worker="w1") is None

    await db.requeue(candidate_id=poison, actor="telegram:7")

    assert (await claim(db)).candidate_id == poison
    assert (await look(db, poison))["attempts"] == 1
    assert await db.open_escalations() == []


async def half_booked_and_set_aside(db: Database) -> Claimed:
    """A candidate that crashed the worker while its events were being written."""
    claimed, _ = await booking(db)
    await db.heartbeat(**claimed.names, lease_seconds=0)
    for attempt in range(4):
        await claim(db, f"crashing {attempt}", lease_seconds=0)
    assert await db.claim(worker="w1") is None
    return claimed


async def test_a_crasher_with_times_held_goes_on_booking_them_when_queued_again(db: Database) -> None:
    aside = await half_booked_and_set_aside(db)
    held = (await look(db, aside.candidate_id))["interviews"]

    requeued = await db.requeue(candidate_id=aside.candidate_id, actor="telegram:7")
    again = await db.claim(worker="w1")

    assert requeued["status"] == "booking"
    assert again
    assert again["interviews"] == held
    assert [write["verb"] for write in again["writes"]] == ["put"]


async def test_a_crasher_queued_with_another_request_starts_anew(db: Database) -> None:
    aside = await half_booked_and_set_aside(db)
    wider = make_request(email="new@example.com", course="python")

    requeued = await db.requeue(candidate_id=aside.candidate_id, actor="telegram:7", request=wider.plain())
    again = await db.claim(worker="w1")

    assert (requeued["status"], requeued["email"], requeued["course"]) == ("queued", "new@example.com", "python")
    assert again
    assert again["interviews"] == []
    assert [write["verb"] for write in again["writes"]] == ["cancel"]


async def test_a_cancelling_that_crashes_ends_cancelled_and_an_admin_is_told(db: Database) -> None:
    claimed, _ = await booking(db)
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7")
    again = await claim(db)
    await db.heartbeat(**again.names, lease_seconds=0)
    for attempt in range(4):
        await claim(db, f"crashing {attempt}", lease_seconds=0)

    assert await db.claim(worker="w1") is None

    assert await status_of(db, claimed.candidate_id) == "cancelled"
    assert [found["kind"] for found in await db.open_escalations()] == ["crash"]


async def test_cancelling_under_a_worker_waits_until_its_call_is_over(db: Database) -> None:
    claimed, reserved = await booking(db)

    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7")

    with pytest.raises(LostLease):
        await write_all(db, claimed, reserved["writes"])
    assert await db.claim(worker="other") is None  # the event may be on its way
    again = await db.claim(worker="w1")  # the worker itself knows that it is not
    assert again
    assert again["candidate"]["status"] == "cancelling"


async def test_a_plan_in_progress_can_be_cancelled_at_once(db: Database) -> None:
    claimed = await planning(db)

    cancelled = await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7", reason="left")

    assert cancelled["status"] == "cancelled"
    with pytest.raises(LostLease):
        await reserve(db, claimed, [make_reservation()])
