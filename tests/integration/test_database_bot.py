"""The bot's memory over both wires: each update has its whole effect once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import DatabaseError, WrongState
from supabase_db import Database, Json
from tests.builders import make_request
from tests.integration.life import planning, status_of

Admin = Connection[tuple[Any, ...]]
FROM: dict[str, Any] = {"chat_id": 7, "user_id": 70}


def queueing(key: str = "telegram:1") -> Json:
    return {
        "enqueue": {
            "request": make_request().plain(),
            "key": key,
            "source": "chat",
            "actor": "telegram:70",
            "chat_id": 7,
        }
    }


async def test_a_turn_moves_the_conversation_on(db: Database) -> None:
    first = await db.bot_turn(update_id=1, **FROM, state={"step": "email"}, replies=[{"text": "Which email?"}])
    second = await db.bot_turn(update_id=2, **FROM, state={"step": "course"})

    assert first == {"repeated": False, "replied": False, "replies": [{"text": "Which email?"}], "outcome": None}
    assert second["replies"] == []
    assert await db.bot_state(chat_id=7) == {"step": "course"}
    assert await db.bot_state(chat_id=8) is None
    assert await db.last_update_id() == 2


async def test_a_conversation_that_is_over_leaves_nothing(db: Database) -> None:
    await db.bot_turn(update_id=1, **FROM, state={"step": "email"})

    await db.bot_turn(update_id=2, **FROM, state=None)

    assert await db.bot_state(chat_id=7) is None


async def test_before_the_first_update_there_is_none(db: Database) -> None:
    assert await db.last_update_id() is None


async def test_an_update_that_comes_again_has_no_effect_and_the_first_answer(db: Database) -> None:
    first = await db.bot_turn(update_id=1, **FROM, state={"step": "done"}, replies=["queued"], command=queueing())

    again = await db.bot_turn(update_id=1, **FROM, state=None, replies=["other"], command=queueing("another"))

    assert first["outcome"]["created"]
    assert again == first | {"repeated": True}
    assert await db.bot_state(chat_id=7) == {"step": "done"}
    assert (await db.queue_counts())["queued"] == 1


async def test_an_update_that_comes_twice_at_once_has_one_effect(database: Database) -> None:
    turns = await asyncio.gather(
        *(database.bot_turn(update_id=1, **FROM, state={"n": n}, command=queueing(f"k{n}")) for n in range(10))
    )

    assert sum(not turn["repeated"] for turn in turns) == 1
    assert len({turn["outcome"]["candidate_id"] for turn in turns}) == 1
    assert (await database.queue_counts())["queued"] == 1


async def test_a_command_that_is_refused_leaves_no_trace_of_the_turn(db: Database) -> None:
    await db.bot_turn(update_id=1, **FROM, state={"step": "confirm"})
    broken: Json = {"enqueue": {"request": {}, "key": "k", "source": "chat", "actor": "telegram:70"}}

    with pytest.raises(DatabaseError):
        await db.bot_turn(update_id=2, **FROM, state=None, replies=["queued"], command=broken)
    with pytest.raises(WrongState, match="no command drop_everything"):
        await db.bot_turn(update_id=2, **FROM, state=None, command={"drop_everything": {}})

    assert await db.last_update_id() == 1
    assert await db.bot_state(chat_id=7) == {"step": "confirm"}


async def test_replies_are_remembered_until_they_are_sent(db: Database) -> None:
    await db.bot_turn(update_id=1, **FROM, state=None, replies=["hello"])
    before = await db.bot_turn(update_id=1, **FROM, state=None)

    assert await db.replied(update_id=1) == {"known": True}

    after = await db.bot_turn(update_id=1, **FROM, state=None)
    assert (before["replied"], after["replied"]) == (False, True)
    assert await db.replied(update_id=99) == {"known": False}


async def test_what_the_desk_can_do_is_done_in_the_turn(db: Database) -> None:
    claimed = await planning(db)
    opened = await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")
    by = {"actor": "telegram:70"}
    resolve: Json = {"resolve_escalation": by | {"escalation_id": opened["id"], "resolution": "rang"}}
    wider = make_request().plain()
    again: Json = {"requeue": by | {"candidate_id": claimed.candidate_id, "request": wider, "reason": "wider"}}
    cancel: Json = {"cancel_candidate": by | {"candidate_id": claimed.candidate_id}}

    resolved = await db.bot_turn(update_id=1, **FROM, state=None, command=resolve)
    requeued = await db.bot_turn(update_id=2, **FROM, state=None, command=again)
    cancelled = await db.bot_turn(update_id=3, **FROM, state=None, command=cancel)

    assert resolved["outcome"]["resolution"] == "rang"
    assert (requeued["outcome"]["status"], requeued["outcome"]["request"]) == ("queued", wider)
    assert cancelled["outcome"]["changed"]
    assert await status_of(db, claimed.candidate_id) == "cancelled"


async def test_queueing_again_without_a_request_keeps_the_old_one(db: Database) -> None:
    request = make_request()
    claimed = await planning(db, request=request)
    await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")
    again: Json = {"requeue": {"actor": "t", "candidate_id": claimed.candidate_id, "request": None}}

    turn = await db.bot_turn(update_id=1, **FROM, state=None, command=again)

    assert turn["outcome"]["request"] == request.plain()


async def test_a_refused_person_is_written_down_once(db: Database) -> None:
    answers = [await db.refuse_update(update_id=5, chat_id=9, user_id=90, detail={"kind": "message"}) for _ in range(3)]

    assert answers == [{"repeated": False}, {"repeated": True}, {"repeated": True}]
    refusals = [row for row in await db.audit_trail() if row["action"] == "update_refused"]
    assert [(row["actor"], row["detail"]) for row in refusals] == [
        ("telegram:90", {"kind": "message", "update_id": 5, "chat_id": 9})
    ]


async def test_large_ids_of_chats_and_updates_fit(db: Database) -> None:
    large = 2**52 - 1
    await db.bot_turn(update_id=large, chat_id=-large, user_id=large, state={"step": "email"})

    assert await db.last_update_id() == large
    assert await db.bot_state(chat_id=-large) == {"step": "email"}
