"""Every step from every state: what is allowed leads where it says, what is not is refused and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from domain.errors import LostLease, WrongState
from supabase_db import Database, Json
from tests.builders import at, make_reservation
from tests.integration.life import Claimed, booked, booking, claim, enqueue, look, planning, write_all


async def _queued(db: Database) -> Claimed:
    return Claimed(candidate_id=await enqueue(db), fence=0)


async def _booking(db: Database) -> Claimed:
    claimed, reserved = await booking(db)
    await write_all(db, claimed, reserved["writes"])
    return claimed


async def _escalated(db: Database) -> Claimed:
    claimed = await planning(db)
    await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")
    return claimed


async def _set_aside(db: Database) -> Claimed:
    candidate_id = await enqueue(db)
    for attempt in range(5):
        await claim(db, f"crashing {attempt}", lease_seconds=0)
    assert await db.claim(worker="w1") is None
    return Claimed(candidate_id=candidate_id, fence=6)


async def _cancelling(db: Database) -> Claimed:
    claimed = await booked(db)
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="telegram:7")
    found = await db.claim(worker="w1")
    assert found
    cancelling = Claimed(candidate_id=claimed.candidate_id, fence=found["candidate"]["fence"])
    await write_all(db, cancelling, found["writes"])
    return cancelling


async def _cancelled(db: Database) -> Claimed:
    candidate_id = await enqueue(db)
    await db.cancel_candidate(candidate_id=candidate_id, actor="telegram:7")
    return Claimed(candidate_id=candidate_id, fence=1)


async def _done(db: Database) -> Claimed:
    claimed = await booked(db)
    await db.finish_interviews(now=at("10:00"))
    return claimed


STATES: dict[str, Callable[[Database], Awaitable[Claimed]]] = {
    "queued": _queued,
    "planning": planning,
    "booking": _booking,
    "booked": booked,
    "done": _done,
    "escalated": _escalated,
    "set_aside": _set_aside,
    "cancelling": _cancelling,
    "cancelled": _cancelled,
}
STEPS: dict[str, Callable[[Database, Claimed], Awaitable[Json]]] = {
    "reserve": lambda db, it: db.reserve(**it.names, sop_version="s", interviews=[make_reservation(round="core")]),
    "settle": lambda db, it: db.settle(**it.names),
    "escalate": lambda db, it: db.escalate(**it.names, kind="no_plan", reason="No time fits."),
    "release": lambda db, it: db.release(**it.names),
    "requeue": lambda db, it: db.requeue(candidate_id=it.candidate_id, actor="telegram:7"),
    "cancel": lambda db, it: db.cancel_candidate(candidate_id=it.candidate_id, actor="telegram:7"),
}
# From a state, a step leads to a state; a pair that is not here is refused. A step that finds its work done changes nothing.
ALLOWED = {
    ("planning", "reserve"): "booking",
    ("booking", "settle"): "booked",
    ("cancelling", "settle"): "cancelled",
    ("planning", "escalate"): "escalated",
    ("booking", "escalate"): "escalated",
    ("planning", "release"): "queued",
    ("booking", "release"): "booking",
    ("cancelling", "release"): "cancelling",
    ("escalated", "requeue"): "queued",
    ("set_aside", "requeue"): "queued",
    ("queued", "cancel"): "cancelled",
    ("planning", "cancel"): "cancelled",
    ("booking", "cancel"): "cancelling",
    ("booked", "cancel"): "cancelling",
    ("escalated", "cancel"): "cancelled",
    ("set_aside", "cancel"): "cancelled",
}
DONE_BEFORE = {
    ("booked", "settle"), ("done", "settle"), ("cancelled", "settle"), ("escalated", "settle"), ("set_aside", "settle"),
    ("escalated", "escalate"),
    *((state, "release") for state in ("queued", "booked", "done", "escalated", "set_aside", "cancelled")),
    ("queued", "requeue"), ("planning", "requeue"),
    ("cancelling", "cancel"), ("cancelled", "cancel"),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
async def test_a_step_from_a_state(database: Database, state: str, step: str) -> None:
    claimed = await STATES[state](database)
    before = await look(database, claimed.candidate_id)
    trail = await database.audit_trail()
    assert before["status"] == state

    if (state, step) in ALLOWED:
        await STEPS[step](database, claimed)

        after = await look(database, claimed.candidate_id)
        assert after["status"] == ALLOWED[state, step]
        assert len(await database.audit_trail()) == len(trail) + 1
        return
    if (state, step) in DONE_BEFORE:
        assert (await STEPS[step](database, claimed))["changed"] is False
    else:
        with pytest.raises(WrongState, match=f"candidate {before['number']} is {state}"):
            await STEPS[step](database, claimed)
    assert await look(database, claimed.candidate_id) == before
    assert await database.audit_trail() == trail


@pytest.mark.parametrize("pair", sorted(ALLOWED))
async def test_a_step_can_be_repeated(database: Database, pair: tuple[str, str]) -> None:
    """The answer to a step may be lost: made again with the same arguments, it has had its effect once."""
    state, step = pair
    claimed = await STATES[state](database)
    again = make_reservation(round="core")

    async def take() -> None:
        if step == "reserve":
            await database.reserve(**claimed.names, sop_version="s", interviews=[again])
        else:
            await STEPS[step](database, claimed)

    await take()
    once, trail = await look(database, claimed.candidate_id), await database.audit_trail()
    await take()

    assert await look(database, claimed.candidate_id) == once
    assert await database.audit_trail() == trail


@pytest.mark.parametrize("state", STATES)
async def test_a_worker_keeps_only_what_it_has(database: Database, state: str) -> None:
    claimed = await STATES[state](database)

    if state in {"planning", "booking", "cancelling"}:
        assert await database.heartbeat(**claimed.names) == {"ok": True}
    else:
        with pytest.raises(LostLease):
            await database.heartbeat(**claimed.names)


async def test_a_candidate_that_is_not_there_is_said_to_be_missing(db: Database) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"

    for step in (
        db.requeue(candidate_id=nobody, actor="t"),
        db.settle(candidate_id=nobody, fence=1),
        db.write_done(write_id=77, fence=1, result={}),
        db.resolve_escalation(escalation_id=77, actor="t", resolution="none"),
        db.notice_sent(notice_id=77),
    ):
        with pytest.raises(WrongState, match="there is no"):
            await step
