"""What admins ask, over both wires, and the SOP in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from supabase_db import Database
from tests.builders import MONDAY, at, make_request, make_reservation
from tests.integration.life import EVENT, Claimed, booked, booking, claim, enqueue, planning

Admin = Connection[tuple[Any, ...]]
TUESDAY = MONDAY + timedelta(days=1)


async def priya_and_pia(db: Database) -> list[str]:
    people = [
        ("Priya Nair", "priya@example.com"),
        ("Pia Élodie", "pia@example.org"),
        ("100% Sure_Thing", "odd@example.com"),
    ]
    return [await enqueue(db, make_request(name=name, email=email)) for name, email in people]


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        ("priya@example.com", [0]),
        (" Priya@Example.com ", [0]),
        ("2", [1]),
        ("#2", [1]),
        ("pi", [1]),
        ("RIYA", [0]),
        ("élodie", [1]),
        ("example.com", [0, 2]),
        ("100%", [2]),
        ("_", [2]),
        ("%", [2]),
        ("99", []),
        ("nobody", []),
        ("", []),
    ],
)
async def test_candidates_are_found_by_what_people_type(database: Database, needle: str, found: list[int]) -> None:
    ids = await priya_and_pia(database)

    answer = await database.show_candidate(needle=needle)

    assert [match["id"] for match in answer["matches"]] == [ids[index] for index in found]
    assert answer["count"] == len(found)


async def test_everything_about_a_candidate_is_shown(db: Database) -> None:
    claimed, _ = await booking(db)
    await db.escalate(**claimed.names, kind="calendar", reason="The calendar refuses.")

    (match,) = (await db.show_candidate(needle=claimed.candidate_id))["matches"]

    assert (match["status"], match["reason"], match["position"]) == ("escalated", "The calendar refuses.", 0)
    assert [interview["status"] for interview in match["interviews"]] == ["cancelled"]
    assert [escalation["kind"] for escalation in match["escalations"]] == ["calendar"]
    assert [write["verb"] for write in match["writes"]] == ["cancel"]


async def test_many_matches_are_cut_and_counted(db: Database) -> None:
    await priya_and_pia(db)

    answer = await db.show_candidate(needle="example", limit=2)

    assert (answer["count"], len(answer["matches"])) == (3, 2)


async def test_the_queue_shows_who_is_next(db: Database) -> None:
    ids = await priya_and_pia(db)
    await claim(db)

    queue = await db.queue_now()

    assert [(row["candidate_id"], row["status"], row["position"]) for row in queue] == [
        (ids[0], "planning", None),
        (ids[1], "queued", 1),
        (ids[2], "queued", 2),
    ]
    assert len(await db.queue_now(limit=1)) == 1


async def test_counts_name_every_state(db: Database) -> None:
    await priya_and_pia(db)
    await booked(db)

    counts = await db.queue_counts()

    assert sum(counts.values()) == 4
    assert set(counts) == {
        "queued", "planning", "booking", "booked", "done", "escalated", "set_aside", "cancelling", "cancelled"
    }  # fmt: skip


async def test_the_agenda_shows_what_stands_by_time(db: Database) -> None:
    seats = [{"interviewer": "ben", "backup": True, "hold_until": at("12:00")}]
    late, early = make_reservation(at("11:00"), seats=seats), make_reservation(at("09:00"), round="core", position=1)
    await booked(db, [late, early], request=make_request(name="Priya Nair"))
    gone = await booked(db, [make_reservation(at("15:00"))])
    await db.cancel_candidate(candidate_id=gone.candidate_id, actor="t")

    agenda = await db.agenda(start=MONDAY, end=TUESDAY)

    assert [(row["name"], row["round"], row["interviewers"], row["backups"]) for row in agenda] == [
        ("Priya Nair", "core", ["asha"], []),
        ("Priya Nair", "intro", ["ben"], ["ben"]),
    ]
    assert (agenda[0]["start"], agenda[0]["meeting"]) == ("2026-12-07T09:00:00+00:00", EVENT["meeting"])
    assert [row["round"] for row in await db.agenda(start=MONDAY, end=TUESDAY, interviewer="ben")] == ["intro"]
    assert await db.agenda(start=TUESDAY, end=TUESDAY + timedelta(days=1)) == []


async def test_who_is_open_is_told_with_interviews_and_those_who_wait_first(db: Database) -> None:
    over = await booked(db, [make_reservation(at("09:00"))])
    coming = await booked(db, [make_reservation(at("11:00"))])
    stuck = await planning(db)
    await db.escalate(**stuck.names, kind="no_plan", reason="No time fits.")
    gone = await enqueue(db)
    await db.cancel_candidate(candidate_id=gone, actor="t")
    waiting = await enqueue(db)

    found = await db.open_candidates(now=at("10:30"))

    assert (found["count"], [one["id"] for one in found["candidates"]]) == (
        3,
        [waiting, stuck.candidate_id, coming.candidate_id],
    )
    assert [len(one["interviews"]) for one in found["candidates"]] == [0, 0, 1]
    assert (await db.open_candidates(now=at("09:30")))["count"] == 4
    first = await db.open_candidates(now=at("09:30"), limit=1)
    assert (first["count"], [one["id"] for one in first["candidates"]]) == (4, [waiting])
    assert over.candidate_id not in [one["id"] for one in found["candidates"]]


async def test_load_counts_seats_and_minutes(db: Database) -> None:
    seats = [{"interviewer": who, "backup": who == "ben", "hold_until": at("09:30")} for who in ("asha", "ben")]
    await booked(db, [make_reservation(at("09:00"), minutes=30, seats=seats)])
    await booked(db, [make_reservation(at("11:00"), ("asha",), minutes=45)])

    assert await db.interviewer_load(start=MONDAY, end=TUESDAY) == [
        {"interviewer": "asha", "interviews": 2, "as_backup": 0, "minutes": 75},
        {"interviewer": "ben", "interviews": 1, "as_backup": 1, "minutes": 30},
    ]


async def test_the_next_interview_of_each_interviewer(db: Database) -> None:
    both = [{"interviewer": who, "backup": False, "hold_until": at("10:00")} for who in ("asha", "ben")]
    await booked(db, [make_reservation(at("11:00"), title="Later")])
    await booked(
        db, [make_reservation(at("09:00"), seats=both, title="Panel")], request=make_request(name="Priya Nair")
    )
    gone = await booked(db, [make_reservation(at("07:00"))])
    await db.cancel_candidate(candidate_id=gone.candidate_id, actor="t")

    following = {"start": "2026-12-07T09:00:00+00:00", "title": "Panel", "name": "Priya Nair"}
    assert await db.next_interviews(start=MONDAY, end=TUESDAY) == {"asha": following, "ben": following}
    after = await db.next_interviews(start=at("10:00"), end=TUESDAY)
    assert (list(after), after["asha"]["title"]) == (["asha"], "Later")


async def test_the_views_answer_in_plain_sql(database: Database, admin: Admin) -> None:
    await booked(database, [make_reservation(at("09:00"))], request=make_request(name="Priya Nair"))
    await database.escalate(**(await planning(database)).names, kind="no_plan", reason="No time fits.")
    await enqueue(database)

    admin.execute("set timezone = 'America/Los_Angeles'")
    load = admin.execute("select interviewer, week at time zone 'UTC', interviews from interviewer_load").fetchall()

    assert admin.execute("select name, round from agenda").fetchall() == [("Priya Nair", "intro")]
    assert admin.execute("select kind, reason from open_escalations").fetchall() == [("no_plan", "No time fits.")]
    assert admin.execute("select status, position from queue_now").fetchall() == [("queued", 1)]
    assert load == [("asha", MONDAY.replace(tzinfo=None), 1)]


async def test_times_are_utc_whatever_the_database_thinks(dsn: str, admin: Admin) -> None:
    admin.execute(
        "do $$ begin execute format('alter database %I set timezone = ''Asia/Kolkata''', current_database()); end $$"
    )
    async with await Database.connect(dsn=dsn) as database:
        claimed = await booked(database, [make_reservation(at("09:00"))])

        (match,) = (await database.show_candidate(needle=claimed.candidate_id))["matches"]
        (event,) = await database.agenda(start=MONDAY, end=TUESDAY)
        (found,) = await database.booked_between(start=MONDAY, end=TUESDAY)
        trail = await database.audit_trail()

        assert found["start"] == event["start"] == match["interviews"][0]["start"] == "2026-12-07T09:00:00+00:00"
        assert trail[2]["detail"]["interviews"][0]["start"] == "2026-12-07T09:00:00+00:00"
        assert all(row["at"].endswith("+00:00") for row in trail)
        assert (await database.verify_audit())["ok"]


async def test_nothing_is_in_force_at_first(db: Database) -> None:
    assert await db.active_sop() is None


async def test_the_newest_activation_is_in_force(db: Database) -> None:
    first = await db.activate_sop(version="a", text="one", source="file", actor="cli")
    again = await db.activate_sop(version="a", text="one", source="file", actor="cli")
    await db.activate_sop(version="b", text="two", source="chat", actor="telegram:7")

    active = await db.active_sop()

    assert (first["changed"], again["changed"]) == (True, False)
    assert active
    assert (active["version"], active["text"], active["activated_by"]) == ("b", "two", "telegram:7")
    assert active["newest_by_source"] == {"file": "a", "chat": "b"}
    activations = [row["sop_version"] for row in await db.audit_trail() if row["action"] == "sop_activated"]
    assert activations == ["a", "b"]


async def test_a_version_can_come_back(db: Database) -> None:
    for version, source in (("a", "file"), ("b", "chat"), ("a", "chat")):
        await db.activate_sop(version=version, text=version, source=source, actor="cli")

    active = await db.active_sop()

    assert active
    assert (active["version"], active["newest_by_source"]) == ("a", {"file": "a", "chat": "a"})


async def test_a_released_candidate_keeps_its_reason(db: Database) -> None:
    claimed: Claimed = await planning(db)

    await db.release(**claimed.names, reason="CalendarBusy")

    assert (await db.queue_now())[0]["reason"] == "CalendarBusy"
