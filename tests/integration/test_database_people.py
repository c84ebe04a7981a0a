"""What the desk reads and does beyond the queue, over both wires: lists, numbers, SOPs that were in force, roles."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import WrongState
from supabase_db import Database
from tests.builders import make_request
from tests.integration.life import booked

HASH = "a" * 64


async def turn(db: Database, number: int, **command: Any) -> dict[str, Any]:
    """What a command of the bot's gives."""
    done = await db.bot_turn(update_id=number, chat_id=7, user_id=7, state=None, command=command)
    outcome: dict[str, Any] = done["outcome"]
    return outcome


async def test_a_list_is_enqueued_as_a_whole_and_once(db: Database) -> None:
    rows = [{"request": make_request(name=name).plain(), "key": name} for name in ("Ann", "Bo")]
    arguments = {"rows": [*rows, rows[0]], "source": "csv", "actor": "telegram:7", "chat_id": 7}

    assert await turn(db, 1, enqueue_all=arguments) == {"created": 2, "there": ["Ann"], "paused": False}
    assert await turn(db, 1, enqueue_all=arguments) == {"created": 2, "there": ["Ann"], "paused": False}
    assert await turn(db, 2, enqueue_all=arguments) == {"created": 0, "there": ["Ann", "Bo", "Ann"], "paused": False}
    assert [row["name"] for row in await db.queue_now()] == ["Ann", "Bo"]


async def test_numbers_count_those_who_came_since(db: Database) -> None:
    now = datetime.now(UTC)
    nobody = {"came": 0, "booked": 0, "escalated": 0, "cancelled": 0, "median_seconds": None}
    assert await db.numbers_since(since=now - timedelta(days=1)) == nobody
    await booked(db)

    numbers = await db.numbers_since(since=now - timedelta(days=1))

    assert (numbers["came"], numbers["booked"]) == (1, 1)
    assert 0 <= numbers["median_seconds"] < 60
    assert await db.numbers_since(since=now + timedelta(days=1)) == nobody


async def test_sops_that_were_in_force_are_kept_in_order(db: Database) -> None:
    for version in ("one", "two", "one"):
        await db.activate_sop(version=version, text=f"text of {version}", source="chat", actor="telegram:7")

    history = await db.sop_history()
    assert [(row["version"], row["text"]) for row in history] == [("one", "text of one"), ("two", "text of two")]
    assert len(await db.sop_history(limit=1)) == 1


async def test_roles_are_given_changed_and_taken(db: Database) -> None:
    about = {"user_id": 42, "name": "Ann", "actor": "telegram:7"}
    assert await db.role_of(user_id=42) is None
    for number, (role, changed) in enumerate([("viewer", True), ("viewer", False), ("admin", True)]):
        assert await turn(db, number, set_role=about | {"role": role}) == {"changed": changed}
        assert await db.role_of(user_id=42) == role
    assert [(one["user_id"], one["name"], one["role"]) for one in await db.bot_people()] == [(42, "Ann", "admin")]

    assert await turn(db, 9, set_role=about | {"role": None}) == {"changed": True}
    assert await db.role_of(user_id=42) is None


async def test_an_invitation_is_good_for_one(db: Database) -> None:
    await turn(db, 1, invite={"code_hash": HASH, "role": "viewer", "actor": "telegram:7"})

    tries = [turn(db, 10 + n, join_by_code={"code_hash": HASH, "user_id": 40 + n, "name": "A"}) for n in range(5)]
    came = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(one, WrongState) for one in came) == 4
    assert len(await db.bot_people()) == 1


async def test_an_invitation_nobody_made_is_good_for_nothing(db: Database) -> None:
    with pytest.raises(WrongState):
        await turn(db, 1, join_by_code={"code_hash": HASH, "user_id": 42, "name": "A"})
    assert await db.bot_people() == []


async def test_who_cannot_be_written_to_is_noted_and_told_once_until_they_write(db: Database) -> None:
    assert await db.note_unreachable(chat_id=42, reason="has blocked me") == {"changed": True, "name": "42"}
    assert await db.note_unreachable(chat_id=42, reason="has blocked me") == {"changed": False, "name": "42"}
    about: dict[str, Any] = {"chat_id": 42, "user_id": 42, "state": None}
    await db.bot_turn(update_id=1, **about)
    assert await db.unreachable_chats() == []
    await db.note_unreachable(chat_id=42, reason="has blocked me")

    await db.bot_turn(update_id=1, **about)  # a repeat, from before

    assert [(one["chat_id"], one["reason"]) for one in await db.unreachable_chats()] == [(42, "has blocked me")]
    told = [notice["payload"] for notice in await db.claim_notices(channel="telegram")]
    assert told == [{"name": "42", "reason": "has blocked me"}] * 2
    actions = [row["action"] for row in await db.audit_trail()]
    assert (actions.count("unreachable"), actions.count("reachable")) == (2, 1)


async def test_whoever_is_let_out_is_no_longer_listed_as_out_of_reach(db: Database) -> None:
    about = {"user_id": 42, "name": "Ann", "actor": "telegram:7"}
    await turn(db, 1, set_role=about | {"role": "admin"})
    assert (await db.note_unreachable(chat_id=42, reason="has blocked me"))["name"] == "Ann"

    await turn(db, 2, set_role=about | {"role": None})

    assert await db.unreachable_chats() == []
