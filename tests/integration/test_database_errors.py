"""What goes wrong between us and the database means the same on both wires."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI, Response
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from domain.errors import DatabaseError, DatabaseUnavailable, LostLease, SlotTaken, WrongState
from supabase_db import Database
from tests.builders import at, make_request, make_reservation
from tests.conftest import name_of
from tests.integration.life import Claimed, booked, claim, enqueue, look, planning, reserve
from tests.integration.servers import waiting_for_a_lock
from tests.postgrest import serve

Admin = Connection[tuple[Any, ...]]


async def words_of(db: Database, kind: type[DatabaseError]) -> str:
    """What each kind of refusal says."""
    if kind is SlotTaken:
        await booked(db, [make_reservation(at("09:00"))])
        claimed = await planning(db)
        step = reserve(db, claimed, [make_reservation(at("09:00"))])
    elif kind is LostLease:
        await enqueue(db)
        step = reserve(db, Claimed(candidate_id=(await claim(db)).candidate_id, fence=0))
    elif kind is WrongState:
        step = db.settle(candidate_id=(await planning(db)).candidate_id, fence=1)
    else:
        step = db.enqueue(request={"name": "nobody"}, key="k", source="chat", actor="telegram:7")
    with pytest.raises(kind) as caught:
        await step
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (SlotTaken, "Somebody in this plan has been booked at that time meanwhile."),
        (LostLease, "candidate 1 has been taken over: fence 0 is now 1"),
        (WrongState, "candidate 1 is planning: cannot be settled"),
        (DatabaseError, 'the database refused (23502): null value in column "email"'),
    ],
)
async def test_a_refusal_says_the_same_on_both_wires(db: Database, kind: type[DatabaseError], words: str) -> None:
    assert words in await words_of(db, kind)


async def test_text_that_the_database_cannot_keep_is_an_error_of_ours(db: Database) -> None:
    request = make_request().plain() | {"name": "nul \x00 inside"}

    with pytest.raises(DatabaseError, match="refused"):
        await db.enqueue(request=request, key="k", source="chat", actor="telegram:7")


async def test_a_time_without_a_zone_never_leaves_the_house(db: Database) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        await db.booked_between(start=datetime(2026, 12, 7), end=at("10:00"))  # noqa: DTZ001 - the point


@pytest.mark.parametrize("value", [[], [1, "two", None], {}, {"deep": [{"x": 1.5}]}, "text", "🙂 – ü"])
async def test_what_goes_in_as_json_comes_out_as_it_was(db: Database, value: Any) -> None:
    await db.record_audit(action="note", actor="cli", detail={"value": value})

    assert (await db.audit_trail())[-1]["detail"] == {"value": value}


def end_connections(admin: Admin) -> None:
    """What a restart of the server does to every connection."""
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )


async def test_broken_connections_are_made_again_unseen(db: Database, admin: Admin) -> None:
    await enqueue(db)

    for _ in range(3):
        end_connections(admin)
        claimed = await claim(db)
    end_connections(admin)
    await db.release(**claimed.names)

    assert (await db.queue_counts())["queued"] == 1


async def test_a_deadlock_is_tried_again(database: Database, admin: Admin) -> None:
    """A person at a console holds what we wait for and waits for what we hold: the server ends our call, and it comes again."""
    claimed = await planning(database)
    admin.execute("set deadlock_timeout = '60s'")  # so that it is ours which finds the deadlock and is ended
    with admin.transaction():
        admin.execute("select pg_advisory_xact_lock(hashtextextended('interviewer:asha', 0))")
        reserving = asyncio.create_task(reserve(database, claimed))
        await waiting_for_a_lock(admin)
        await asyncio.to_thread(admin.execute, "update candidates set reason = 'checked'")

    assert len((await reserving)["interviews"]) == 1
    assert (await look(database, claimed.candidate_id))["status"] == "booking"


async def test_nobody_answering_is_said() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot connect"):
        await Database.connect(dsn="postgresql://postgres@127.0.0.1:1/postgres")
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        await Database.connect(url="http://127.0.0.1:1", key="service", patience=0)


async def test_a_wrong_password_or_key_is_said_at_once(dsn: str, supabase_url: str) -> None:
    with pytest.raises(DatabaseError, match="password authentication failed"):
        await Database.connect(dsn=make_conninfo(dsn, password="wrong"))
    with pytest.raises(DatabaseError, match="Invalid API key"):
        await Database.connect(url=supabase_url, key="wrong")
    with pytest.raises(DatabaseError, match="does not let us in"):
        await Database.connect(url=supabase_url, key="publishable")
    with pytest.raises(DatabaseError, match="cannot be right"):
        await Database.connect(url="not an address", key="service")


async def test_a_database_without_our_tables_says_what_to_run(empty_dsn: str, postgrest: str) -> None:
    with pytest.raises(DatabaseError, match=r"main\.py sql"):
        await Database.connect(dsn=empty_dsn)
    with pytest.raises(DatabaseError, match=r"main\.py sql"):
        await Database.connect(url=f"{postgrest}/{name_of(empty_dsn)}", key="service")


async def test_an_older_database_says_what_it_lacks(dsn: str, admin: Admin) -> None:
    admin.execute("delete from schema_migrations where name = 'migrations/0005_bot'")

    with pytest.raises(DatabaseError, match="lacks migrations/0005_bot"):
        await Database.connect(dsn=dsn)


async def test_a_database_must_be_named() -> None:
    with pytest.raises(ValueError, match="by its dsn, or by its url and key"):
        await Database.connect(url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, '{"code": "PGRST002", "message": "schema cache", "details": null, "hint": null}', DatabaseUnavailable),
        (502, "<html>bad gateway</html>", DatabaseUnavailable),
        (429, "slow down", DatabaseUnavailable),
        (200, "<html>please sign in</html>", DatabaseUnavailable),
        (401, '{"message": "Invalid API key"}', DatabaseError),
        (400, '{"code": "22P02", "message": "bad text", "details": null, "hint": null}', DatabaseError),
    ],
)
async def test_what_a_gateway_says_is_understood(status: int, body: str, kind: type[DatabaseError]) -> None:
    app = FastAPI()

    @app.post("/rest/v1/rpc/schema_state")
    async def answer() -> Response:
        return Response(body, status, media_type="application/json")

    with serve(app) as url, pytest.raises(kind) as caught:
        await Database.connect(url=url, key="service", patience=0.1)

    assert type(caught.value) is kind
