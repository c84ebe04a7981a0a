"""The order of locks: whoever waits for a candidate holds nothing yet that the worker at that candidate will need."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from supabase_db import Database
from tests.integration.life import planning
from tests.integration.servers import waiting_for_a_lock

Admin = Connection[tuple[Any, ...]]

CHAT: dict[str, Any] = {"update_id": 1, "chat_id": 7, "user_id": 7, "state": None}
ANSWERS: dict[str, Any] = {
    "resolve_escalation": {"resolution": "settled elsewhere"},
    "put_off": {"until": "2030-01-01T09:00:00Z", "chat_id": 7},
    "hand_to": {"chat_id": 8, "from": 7},
    "take_shown": {"option": 0, "shown": "requeue"},
}


async def asked(db: Database) -> tuple[str, int]:
    """A candidate about whom there is a question, and its number."""
    claimed = await planning(db)
    asked = await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.", options=["requeue"])
    return claimed.candidate_id, asked["id"]


def take_all_that_a_worker_needs(admin: Admin) -> None:
    """The rest of the locks, at once or not at all."""
    admin.execute("select from escalations for update nowait")
    assert admin.execute("select pg_try_advisory_xact_lock(hashtextextended('scheduling_audit', 0))").fetchone() == (
        True,
    )


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_waits_for_the_candidate_before_it_takes_anything(
    name: str, database: Database, admin: Admin
) -> None:
    candidate, question = await asked(database)
    # So that the turn has something to write down, too:
    await database.note_unreachable(chat_id=7, reason="has blocked me")
    command = {name: ANSWERS[name] | {"escalation_id": question, "actor": "telegram:7"}}

    with admin.transaction():
        admin.execute("select from candidates where id = %s for update", [candidate])
        answering = asyncio.create_task(database.desk_turn(**CHAT, command=command))
        await waiting_for_a_lock(admin)
        take_all_that_a_worker_needs(admin)

    assert (await answering)["outcome"]["changed"]
    assert [row["action"] for row in await database.audit_trail()][-1] == "reachable"


@pytest.mark.parametrize("name", ["hand_on", "tell_all"])
async def test_a_question_that_goes_on_waits_for_the_candidate_before_it_takes_anything(
    name: str, database: Database, admin: Admin
) -> None:
    candidate, question = await asked(database)
    (row,) = await database.unanswered()
    now = datetime.fromisoformat(row["since"]) + timedelta(hours=2)

    with admin.transaction():
        admin.execute("select from candidates where id = %s for update", [candidate])
        going_on = asyncio.create_task(getattr(database, name)(escalation_id=question, since=row["since"], now=now))
        await waiting_for_a_lock(admin)
        take_all_that_a_worker_needs(admin)

    assert await going_on == {"changed": True}
