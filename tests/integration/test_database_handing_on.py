"""Questions that nobody answers, over both wires: handed on once for each time, whoever looks, and said once who is next."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from supabase_db import Database, Json
from tests.integration.life import claim, planning

Admin = Connection[tuple[Any, ...]]
HOURS = timedelta(hours=1)


async def asked(db: Database, **changes: Any) -> Json:
    """A question about a new candidate, as it is listed for chasing."""
    claimed = await planning(db, **changes)
    await db.escalate(**claimed.names, kind="no_plan", reason="No time fits.")
    return (await db.unanswered())[-1]


async def handed(db: Database, row: Json) -> Json:
    """The question after it was handed on."""
    now = datetime.fromisoformat(row["since"]) + 2 * HOURS
    assert await db.hand_on(escalation_id=row["id"], since=row["since"], now=now) == {"changed": True}
    return next(one for one in await db.unanswered() if one["id"] == row["id"])


async def command(db: Database, name: str, **arguments: Any) -> Json:
    """A command of the desk, by admin 7."""
    turn: Json = {"update_id": len(await db.audit_trail(limit=1000)) + 1, "chat_id": 7, "user_id": 7, "state": None}
    done = await db.desk_turn(**turn, command={name: arguments | {"actor": "telegram:7"}})
    outcome: Json = done["outcome"]
    return outcome


async def notices(db: Database) -> list[Json]:
    return await db.claim_notices(channel="telegram", limit=100, lease_seconds=0)


async def test_a_question_is_handed_on_once_however_many_look(db: Database) -> None:
    row = await asked(db)
    now = datetime.fromisoformat(row["since"]) + 2 * HOURS

    done = await asyncio.gather(*(db.hand_on(escalation_id=row["id"], since=row["since"], now=now) for _ in range(4)))

    assert sorted(one["changed"] for one in done) == [False, False, False, True]
    (notice,) = await notices(db)
    assert (notice["key"], notice["recipient"]) == (f"handed_on:{row['id']}:1", "next admin")
    assert notice["payload"] == {"escalation_id": row["id"], "handed": 1}
    (after,) = await db.unanswered()
    assert (after["handed"], datetime.fromisoformat(after["since"])) == (1, now)
    assert [one["action"] for one in await db.audit_trail()][-1] == "handed_on"


async def test_the_next_admin_is_the_one_after_whoever_had_it_and_is_said_once(db: Database) -> None:
    row = await handed(db, await asked(db, chat_id=7))
    admins = [5, 7, 9]

    assert await db.next_holder(escalation_id=row["id"], handed=1, admins=admins) == 9
    # A second try of the same notice:
    assert await db.next_holder(escalation_id=row["id"], handed=1, admins=[5, 7]) == 9
    row = await handed(db, row)
    assert await db.next_holder(escalation_id=row["id"], handed=1, admins=admins) is None
    assert await db.next_holder(escalation_id=row["id"], handed=2, admins=admins) == 5
    row = await handed(db, row)
    assert await db.next_holder(escalation_id=row["id"], handed=3, admins=[]) is None
    assert await db.next_holder(escalation_id=row["id"], handed=3, admins=[8]) == 8
    (shown,) = await db.open_escalations()
    assert (shown["held_by"], shown["handed"]) == (8, 3)


async def test_a_question_for_all_goes_to_the_first_and_a_lone_admin_has_it_again(db: Database) -> None:
    everybody, alone = await asked(db, chat_id=None), await asked(db, chat_id=7, key="b")

    for row in (everybody, alone):
        await handed(db, row)

    assert await db.next_holder(escalation_id=everybody["id"], handed=1, admins=[5, 7]) == 5
    assert await db.next_holder(escalation_id=alone["id"], handed=1, admins=[7]) == 7


async def test_what_was_answered_meanwhile_goes_to_nobody(db: Database) -> None:
    row = await handed(db, await asked(db))
    await db.resolve_escalation(escalation_id=row["id"], actor="telegram:9", resolution="done")

    assert await db.next_holder(escalation_id=row["id"], handed=1, admins=[5, 7]) is None
    assert await db.hand_on(escalation_id=row["id"], since=row["since"], now=datetime.now(UTC)) == {"changed": False}
    assert await db.unanswered() == []


async def test_all_are_told_once(db: Database) -> None:
    row = await asked(db)

    for changed in (True, False):
        told = await db.tell_all(escalation_id=row["id"], since=row["since"], now=datetime.now(UTC))
        assert told == {"changed": changed}

    assert [(one["kind"], one["recipient"]) for one in await notices(db)] == [("still_open", "admins")]
    assert await db.unanswered() == []


async def test_what_is_put_off_is_last_in_the_list_and_comes_back_by_itself(db: Database, admin: Admin) -> None:
    first, second = await asked(db), await asked(db, key="b")
    until = datetime.now(UTC) + HOURS

    late = await handed(db, first)
    outcome = await command(db, "put_off", escalation_id=first["id"], until=until.isoformat(), chat_id=7)

    assert outcome == {"changed": True}
    rows = await db.open_escalations()
    assert [row["id"] for row in rows] == [second["id"], first["id"]]
    assert (datetime.fromisoformat(rows[1]["put_off_until"]), rows[1]["held_by"]) == (until, 7)
    assert await db.next_holder(escalation_id=first["id"], handed=1, admins=[5]) is None  # it was under way
    assert await db.hand_on(escalation_id=first["id"], since=late["since"], now=until) == {"changed": False}
    assert [one["kind"] for one in await notices(db)] == ["handed_on"]
    admin.execute("update notices set not_before = now()")
    back = (await notices(db))[-1]
    assert (back["kind"], back["recipient"], back["payload"]["escalation_id"]) == ("put_off", "7", first["id"])
    admin.execute("update escalations set put_off_until = now() - interval '1 minute' where put_off_until is not null")
    assert [row["id"] for row in await db.open_escalations()] == [first["id"], second["id"]]


async def test_a_question_is_given_to_an_admin_by_name(db: Database) -> None:
    row = await asked(db)
    await command(db, "put_off", escalation_id=row["id"], until="2100-01-01T00:00:00Z", chat_id=7)

    assert await command(db, "hand_to", escalation_id=row["id"], chat_id=9, **{"from": 7}) == {"changed": True}

    (shown,) = await db.open_escalations()
    assert (shown["held_by"], shown["handed"], shown["put_off_until"]) == (9, 1, None)
    (notice,) = await notices(db)
    assert (notice["kind"], notice["recipient"]) == ("handed_to", "9")
    assert notice["payload"] == {"escalation_id": row["id"], "handed": 1, "from": 7}
    assert [one["action"] for one in await db.audit_trail()][-2:] == ["put_off", "handed_to"]


async def test_what_is_decided_cannot_be_put_off_or_given_away(db: Database) -> None:
    row = await asked(db)
    await db.resolve_escalation(escalation_id=row["id"], actor="telegram:9", resolution="done")

    until = "2100-01-01T00:00:00Z"
    assert await command(db, "put_off", escalation_id=row["id"], until=until, chat_id=7) == {"changed": False}
    assert await command(db, "hand_to", escalation_id=row["id"], chat_id=9, **{"from": 7}) == {"changed": False}


async def test_a_question_that_is_asked_anew_begins_anew(db: Database) -> None:
    row = await asked(db)
    await command(db, "put_off", escalation_id=row["id"], until="2100-01-01T00:00:00Z", chat_id=7)
    (shown,) = await db.open_escalations()

    await db.ask_replan(candidate_id=shown["candidate_id"], actor="telegram:7")
    assert await db.unanswered() == []  # a worker answers first
    claimed = await claim(db)
    await db.escalate(**claimed.names, kind="no_plan", reason="Still none.")

    (again,) = await db.unanswered()
    assert (again["id"], again["put_off_until"]) == (row["id"], None)
    assert again["since"] > row["since"]


async def test_names_are_kept_as_they_are_now(db: Database) -> None:
    assert await db.known_names() == {}

    assert await db.know_name(user_id=7, name="Meera") == {"changed": True}
    assert await db.know_name(user_id=7, name="Meera") == {"changed": False}
    assert await db.know_name(user_id=7, name="Meera Iyer") == {"changed": True}

    assert await db.known_names() == {7: "Meera Iyer"}
