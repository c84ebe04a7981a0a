"""The desk's functions over both wires: buttons that work once, blocks all or nothing, a lane that stands still."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from supabase_db import Database
from tests.builders import at
from tests.integration.life import booked, booking, claim, enqueue, look

CHAT: dict[str, Any] = {"chat_id": 7, "user_id": 7}
BUTTONS = [
    {"token": "a" * 22, "card": "card", "action": {"do": "a"}},
    {"token": "b" * 22, "card": "card", "action": {"do": "b"}},
]
TIMES: dict[str, Any] = {"start": at("08:00"), "end": at("12:00")}
BLOCK: dict[str, Any] = {"interviewer": "asha", **TIMES, "actor": "telegram:7", "reason": "ill"}


async def turn(db: Database, update: int, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "state": {"at": update},
        "replies": [update],
        "stale": ["stale"],
        "message_id": 1,
    } | changes
    return await db.desk_turn(update_id=update, **CHAT, **arguments)


async def test_a_button_works_once_and_takes_its_card_with_it(db: Database) -> None:
    await turn(db, 1, buttons=BUTTONS)
    await db.place_card(card="card", message_id=1)
    token: dict[str, Any] = {"token": "a" * 22, "message_id": 1}
    assert await db.button_action(**CHAT, **token) == {"do": "a"}

    assert (await turn(db, 2, use="a" * 22))["replies"] == [2]
    assert (await turn(db, 3, use="b" * 22))["replies"] == ["stale"]
    assert await db.bot_state(chat_id=7) == {"at": 2}
    assert await db.button_action(**CHAT, **token) is None
    repeated = await turn(db, 2, use="a" * 22)
    assert (repeated["repeated"], repeated["replies"]) == (True, [2])


async def test_a_button_is_one_admins_in_one_chat_under_one_message(db: Database) -> None:
    await db.add_buttons(**CHAT, buttons=BUTTONS)
    await db.place_card(card="card", message_id=1)

    for chat, user, message in ((8, 7, 1), (7, 8, 1), (7, 7, 2)):
        found = await db.button_action(token="a" * 22, chat_id=chat, user_id=user, message_id=message)
        assert found is None


async def test_taps_at_once_on_one_card_have_one_effect(db: Database) -> None:
    await enqueue(db)
    await turn(db, 1, buttons=BUTTONS)
    pause = {"pause_lane": {"lane": "main", "paused": True, "actor": "telegram:7"}}

    turns = [turn(db, 10 + at, use="ab"[at % 2] * 22, command=pause) for at in range(20)]
    replies = [done["replies"] for done in await asyncio.gather(*turns)]

    assert sum(reply != ["stale"] for reply in replies) == 1


async def test_what_cannot_be_done_is_told_and_leaves_nothing(db: Database) -> None:
    await booking(db)

    done = await turn(
        db, 1, command={"block_interviewer": {**BLOCK, "start": "2026-12-07T08:00Z", "end": "2026-12-07T12:00Z"}}
    )

    assert done["outcome"]["refused"] == "MS002"
    assert await db.blocks_between(**TIMES) == []


async def test_a_block_counts_as_busy_and_has_what_is_booked_in_it_planned_anew(db: Database) -> None:
    claimed = await booked(db)
    assert [row["title"] for row in await db.blocked_by(interviewer="asha", **TIMES)] == ["Introduction"]
    assert await db.blocked_by(interviewer="ben", **TIMES) == []

    assert await db.block_interviewer(**BLOCK) == {"changed": True, "affected": 1}
    assert await db.block_interviewer(**BLOCK) == {"changed": False, "affected": 0}

    assert [(one["interviewer"], one["reason"]) for one in await db.blocks_between(**TIMES)] == [("asha", "ill")]
    later = {name: time + timedelta(days=1) for name, time in TIMES.items()}
    assert await db.blocks_between(**later) == []
    after = await look(db, claimed.candidate_id)
    assert (after["status"], after["replan"]["excluded"][0]["interviewer"]) == ("queued", "asha")


async def test_nobody_is_taken_from_a_lane_that_stands_still(db: Database) -> None:
    await enqueue(db)
    assert await db.lane_pause(lane="main") is None

    assert await db.pause_lane(lane="main", paused=True, actor="telegram:7") == {"changed": True}
    assert await db.pause_lane(lane="main", paused=True, actor="telegram:7") == {"changed": False}
    assert (await db.lane_pause(lane="main") or {})["by"] == "telegram:7"
    assert await db.claim(worker="w1") is None
    await db.pause_lane(lane="main", paused=False, actor="telegram:7")

    assert await claim(db)
