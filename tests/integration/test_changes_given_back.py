"""A plan that calendars have overtaken before its events were written, over both wires: it is as if it had never been made."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from domain.errors import LostLease, SlotTaken, WrongState
from supabase_db import Database, Json
from tests.builders import at, make_reservation
from tests.integration.life import Claimed, booked, booking, claim, enqueue, look, reserve
from tests.integration.test_changes import asked, live_holds, rebook, replanning

Admin = Connection[tuple[Any, ...]]
CORE: Json = {"round": "core", "position": 1, "title": "Core"}


async def unreserve(db: Database, claimed: Claimed) -> Json:
    return await db.unreserve(**claimed.names, reason="taken meanwhile", detail={"clashes": [{"round": "intro"}]})


async def audited(db: Database, action: str) -> list[Json]:
    return [row["detail"] for row in await db.audit_trail() if row["action"] == action]


async def test_a_first_plan_is_given_up_and_planned_anew_by_the_same_worker(db: Database, admin: Admin) -> None:
    claimed, _ = await booking(db, [make_reservation(), make_reservation(at("11:00"), ("ben",), **CORE)])

    now = await unreserve(db, claimed)

    assert (now["candidate"]["status"], now["candidate"]["replan"], now["interviews"]) == ("planning", None, [])
    assert [(one["verb"], one["generation"]) for one in now["writes"]] == [("cancel", 1), ("cancel", 1)]
    assert live_holds(admin) == []
    assert await audited(db, "unreserved") == [{"reason": "taken meanwhile", "clashes": [{"round": "intro"}]}]
    assert await db.claim_notices(channel="telegram") == []
    assert (await db.verify_audit())["ok"]
    again = await reserve(db, claimed, [make_reservation()])
    assert [one["verb"] for one in again["writes"]] == ["cancel", "cancel", "put"]


async def test_what_a_new_plan_had_moved_is_where_it_was_with_the_same_wish(db: Database, admin: Admin) -> None:
    first = await booked(db, [make_reservation(event={"title": "Introduction with Asha"})])
    before = (await look(db, first.candidate_id))["interviews"][0]
    await asked(db, first, {"excluded": [{"round": "intro", "interviewer": "asha"}]})
    claimed = await claim(db)
    wish = (await look(db, first.candidate_id))["replan"]
    await rebook(db, claimed, [make_reservation(at("10:00"), ("ben",), title="Other")])

    now = await unreserve(db, claimed)

    (row,) = now["interviews"]
    kept = (
        "id",
        "title",
        "start",
        "end",
        "interviewers",
        "seats",
        "why",
        "status",
        "generation",
        "handle",
        "sop_version",
    )
    assert {name: row[name] for name in kept} == {name: before[name] for name in kept}
    assert (row["status"], row["revision"]) == ("booked", 2)
    (write,) = now["writes"]
    assert (write["verb"], write["revision"]) == ("put", 2)
    assert write["payload"] == {"title": "Introduction with Asha", "start": row["start"], "end": row["end"]}
    assert now["candidate"]["replan"] == wish
    assert live_holds(admin) == [("interviewer:asha", "09:00")]


async def test_rounds_that_had_changed_places_change_back(db: Database) -> None:
    claimed = await replanning(db, [make_reservation(), make_reservation(at("10:00"), **CORE)])
    await rebook(db, claimed, [make_reservation(at("10:00")), make_reservation(at("09:00"), **CORE)])

    now = await unreserve(db, claimed)

    assert {row["round"]: row["start"][11:16] for row in now["interviews"]} == {"intro": "09:00", "core": "10:00"}


async def test_a_round_that_came_back_is_given_up_again(db: Database, admin: Admin) -> None:
    first = await booked(db, [make_reservation(), make_reservation(at("11:00"), ("ben",), **CORE)])
    row = (await look(db, first.candidate_id))["interviews"][0]
    question = {"kind": "deleted:intro", "reason": "gone", "detail": {}, "options": []}
    await db.event_deleted(interview_id=row["id"], generation=1, revision=0, question=question)
    await asked(db, first, {"rebook": ["intro"]})
    claimed = await claim(db)
    await rebook(db, claimed, [make_reservation(at("13:00"))])

    now = await unreserve(db, claimed)

    assert [(one["round"], one["status"]) for one in now["interviews"]] == [("core", "booked")]
    assert [(one["verb"], one["generation"]) for one in now["writes"]] == [("cancel", 2)]
    assert live_holds(admin) == [("interviewer:ben", "11:00")]
    assert (await rebook(db, claimed, [make_reservation(at("14:00"))]))["interviews"][0]["generation"] == 3


async def test_when_the_old_time_is_gone_the_new_plan_is_left_alone(db: Database, admin: Admin) -> None:
    admin.execute("insert into lanes (lane, at_once) values ('main', 2)")
    claimed = await replanning(db, [make_reservation()])
    moved = await rebook(db, claimed, [make_reservation(at("13:00"))])
    await enqueue(db)
    await reserve(db, await claim(db, "w2"), [make_reservation()])

    with pytest.raises(SlotTaken):
        await unreserve(db, claimed)

    after = await look(db, claimed.candidate_id)
    assert (after["status"], after["interviews"], after["writes"]) == ("booking", moved["interviews"], moved["writes"])


async def test_it_is_given_back_once(db: Database) -> None:
    claimed = await replanning(db)
    await rebook(db, claimed, [make_reservation(at("13:00"))])

    first = await unreserve(db, claimed)
    second = await unreserve(db, claimed)

    assert second == first
    assert len(await audited(db, "unreserved")) == 1


async def test_only_who_has_the_candidate_can_give_it_back(db: Database) -> None:
    claimed, _ = await booking(db)

    with pytest.raises(LostLease):
        await unreserve(db, Claimed(candidate_id=claimed.candidate_id, fence=claimed.fence - 1))


async def test_what_is_booked_is_not_given_back(db: Database) -> None:
    claimed = await booked(db)

    with pytest.raises(WrongState):
        await unreserve(db, claimed)


async def test_what_an_admin_has_moved_back_is_not_given_back(db: Database) -> None:
    first = await booked(db)
    row = (await look(db, first.candidate_id))["interviews"][0]
    which = {"interview_id": row["id"], "generation": 1, "revision": 0}
    restore = {"kind": "restore", "text": "Move it back", **which}
    question = {"kind": "moved:intro", "reason": "moved", "detail": {}, "options": [restore]}
    await db.ask_about(**which, question=question, seen=None)
    (asked_about,) = await db.open_escalations()
    await db.take_option(escalation_id=asked_about["id"], option=0, actor="telegram:7")

    with pytest.raises(WrongState):
        await unreserve(db, await claim(db))


async def test_a_claim_says_how_long_its_events_have_waited(db: Database, admin: Admin) -> None:
    claimed, _ = await booking(db)
    admin.execute("update calendar_writes set created_at = created_at - interval '2 minutes'")
    await db.release(**claimed.names)

    found = await db.claim(worker="w2")

    assert found
    assert 120 <= found["waited"] < 180
