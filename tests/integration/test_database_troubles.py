"""Calendars that cannot be used, over both wires: one question however many see it, and everybody who waits goes on after it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import LostLease
from supabase_db import Database, Json
from tests.integration.life import Claimed, claim, look, planning

Admin = Connection[tuple[Any, ...]]
SUBJECT = "calendar:google"
LATER = datetime.now(UTC) + timedelta(days=1)  # later than any run of the tests takes


def failing(subject: str = SUBJECT, **changes: Any) -> Json:
    detail = {"name": "Google calendars", "way": "read", "people": ["Asha Rao"]}
    return {"subject": subject, "reason": "Access was revoked.", "detail": detail} | changes


async def parked(db: Database, **changes: Any) -> Claimed:
    """A new candidate who waits for the calendar."""
    claimed = await planning(db, **changes)
    assert await db.park(**claimed.names, subject=SUBJECT, not_before=LATER, reason="CalendarAuthError")
    return claimed


async def notices(db: Database) -> list[Json]:
    return await db.claim_notices(channel="telegram", limit=100, lease_seconds=0)


async def command(db: Database, number: int, **wanted: Any) -> Json:
    turn: Json = {"update_id": number, "chat_id": 7, "user_id": 7, "state": None}
    outcome: Json = (await db.desk_turn(**turn, command=wanted))["outcome"]
    return outcome


async def test_it_is_asked_once_however_many_see_it(db: Database) -> None:
    seen = await asyncio.gather(*(db.calendars_seen(failed=[failing()]) for _ in range(4)))

    assert seen == [{SUBJECT: "read"}] * 4
    (row,) = await db.open_escalations()
    assert (row["subject"], row["candidate_id"], row["kind"]) == (SUBJECT, None, "access")
    assert (row["name"], row["waiting"], row["options"]) == ("Google calendars", 0, [])
    (notice,) = await notices(db)
    assert (notice["kind"], notice["recipient"]) == ("access", "admins")
    assert notice["payload"]["escalation_id"] == row["id"]
    assert [one["id"] for one in await db.unanswered()] == [row["id"]]
    assert [one["action"] for one in await db.audit_trail()] == ["calendar_failed"]


async def test_what_is_new_about_it_is_kept_without_asking_again(db: Database) -> None:
    await db.calendars_seen(failed=[failing()])

    seen = await db.calendars_seen(
        failed=[failing(reason="Spent.", detail={"name": "G", "way": "write"}, until="2100-01-01T00:00:00Z")]
    )

    assert seen == {SUBJECT: "write"}
    (row,) = await db.open_escalations()
    assert (row["reason"], row["name"]) == ("Spent.", "G")
    assert row["put_off_until"] == "2100-01-01T00:00:00+00:00"
    assert len(await notices(db)) == 1


async def test_several_calendars_are_several_questions(db: Database) -> None:
    both = [failing(), failing(f"{SUBJECT}:asha@example.com")]

    assert len(await db.calendars_seen(failed=both)) == 2
    assert await db.calendars_seen(works=[SUBJECT]) == {f"{SUBJECT}:asha@example.com": "read"}


async def test_when_it_works_again_the_question_closes_and_those_who_wait_go_on(db: Database) -> None:
    await db.calendars_seen(failed=[failing()])
    waiting = await parked(db)
    other = await planning(db, key="other")
    await db.release(**other.names, not_before=LATER, reason="CalendarBusy")
    assert (await db.open_escalations())[0]["waiting"] == 1
    assert await db.claim(worker="w") is None

    for _ in range(2):
        assert await db.calendars_seen(works=[SUBJECT]) == {}

    assert await db.open_escalations() == []
    assert [(one["kind"], one["payload"].get("waiting")) for one in await notices(db)] == [
        ("access", None),
        ("access_again", 1),
    ]
    trail = await db.audit_trail()
    assert (trail[-1]["action"], trail[-1]["actor"]) == ("calendar_works", "calendar")
    again = await db.claim(worker="w")
    assert again
    assert (again["candidate"]["id"], again["candidate"]["waited_for"]) == (waiting.candidate_id, SUBJECT)
    assert await db.claim(worker="w2", lane="other") is None


async def test_who_waits_is_claimed_again_as_somebody_who_waits_for_nothing(db: Database, admin: Admin) -> None:
    waiting = await parked(db)
    admin.execute("update candidates set not_before = now()")

    first = await claim(db)
    assert (await look(db, waiting.candidate_id))["waits_for"] is None
    await db.release(**first.names)
    found = await db.claim(worker="w1")

    assert found
    assert found["candidate"]["waited_for"] is None


async def test_an_admin_has_those_who_wait_tried_at_once(db: Database) -> None:
    await db.calendars_seen(failed=[failing()])
    (row,) = await db.open_escalations()
    await parked(db)

    wanted = {"escalation_id": row["id"], "actor": "telegram:7"}
    assert await command(db, 1, check_again=wanted) == {"changed": True, "waiting": 1}

    assert await db.claim(worker="w")
    assert (await db.audit_trail())[-2]["action"] == "calendar_checked"
    await db.calendars_seen(works=[SUBJECT])
    assert await command(db, 2, check_again=wanted) == {"changed": False}


async def test_a_question_that_an_admin_closes_lets_those_who_wait_go_on_and_is_not_asked_again_soon(
    db: Database, admin: Admin
) -> None:
    await db.calendars_seen(failed=[failing()])
    waiting = await parked(db)
    (row,) = await db.open_escalations()

    closed = await db.resolve_escalation(escalation_id=row["id"], actor="telegram:7", resolution="known")
    assert (closed["changed"], closed["name"]) == (True, "Google calendars")

    assert await db.calendars_seen(failed=[failing()]) == {}
    claimed = await claim(db)
    assert claimed.candidate_id == waiting.candidate_id
    about: Json = {"subject": SUBJECT, "not_before": LATER, "reason": "Unknown"}
    assert await db.park(**claimed.names, **about, asked=True) is False
    assert (await look(db, waiting.candidate_id))["status"] == "planning"
    assert await db.park(**claimed.names, **about) is True
    admin.execute("update escalations set resolved_at = now() - interval '25 hours'")
    assert await db.calendars_seen(failed=[failing()]) == {SUBJECT: "read"}


async def test_who_has_lost_a_candidate_cannot_park_it(db: Database) -> None:
    claimed = await planning(db)
    await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="t")

    with pytest.raises(LostLease):
        await db.park(**claimed.names, subject=SUBJECT, not_before=LATER, reason="x")


async def test_an_option_of_a_calendar_is_none(db: Database) -> None:
    await db.calendars_seen(failed=[failing()])
    (row,) = await db.open_escalations()

    shown = {"escalation_id": row["id"], "option": 0, "shown": {}, "actor": "telegram:7"}
    assert (await command(db, 1, take_shown=shown))["refused"] in {"MS002", "MS003"}
    assert len(await db.open_escalations()) == 1


async def test_what_cannot_be_used_is_told_with_the_state_of_the_machinery(db: Database) -> None:
    await db.calendars_seen(failed=[failing()])

    health = await db.health(since=datetime.now(UTC) + timedelta(days=1), rows=10)

    assert health["unread"] == ["Google calendars"]
