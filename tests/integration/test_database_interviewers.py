"""What the database keeps of interviewers in the chat, over both wires: links, news, reminders and answers."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from domain.errors import WrongState
from supabase_db import Database, Json
from tests.builders import at, make_reservation
from tests.integration.life import Claimed, booked, booking, claim, look, write_all

Admin = Connection[tuple[Any, ...]]
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HASH = "b" * 64
ASHA, BEN = 41, 42
_turns = itertools.count(1)


async def turn(db: Database, **command: Any) -> Json:
    """What a command of the desk gives."""
    done = await db.desk_turn(update_id=next(_turns), chat_id=7, user_id=7, state=None, command=command)
    outcome: Json = done["outcome"]
    return outcome


async def link(db: Database, interviewer: str = "asha", user: int = ASHA) -> Json:
    about = {"interviewer": interviewer, "user_id": user, "name": interviewer.title(), "actor": "telegram:7"}
    return await turn(db, link_interviewer=about)


async def unlink(db: Database, interviewer: str = "asha", user: int = ASHA) -> Json:
    return await turn(db, unlink_interviewer={"interviewer": interviewer, "user_id": user, "actor": "telegram:7"})


async def answer(
    db: Database, row: Json, word: str, interviewer: str = "asha", user: int = ASHA, **changes: Any
) -> Json:
    about = {
        "interview_id": row["id"], "interviewer": interviewer, "user_id": user, "address": f"{interviewer}@example.com",
        "start": row["start"], "answer": word, "reason": "ill", "now": NOW.isoformat(),
    }  # fmt: skip
    return await turn(db, answer_interview=about | changes)


async def one(db: Database, claimed: Claimed) -> Json:
    row: Json = (await look(db, claimed.candidate_id))["interviews"][0]
    return row


async def answers(db: Database, claimed: Claimed) -> list[Json]:
    given: list[Json] = (await look(db, claimed.candidate_id))["answers"]
    return given


async def news(db: Database, now: datetime = NOW) -> list[tuple[str, list[str]]]:
    """Whom the outbox has something for, and of what kinds."""
    notices = await db.claim_notices(channel="telegram", limit=100, now=now)
    return [(note["recipient"], [item["kind"] for item in note["payload"]["items"]]) for note in notices]


async def replanned(db: Database, claimed: Claimed, *interviews: Json) -> Claimed:
    """The candidate with another plan over the one before."""
    await db.ask_replan(candidate_id=claimed.candidate_id, actor="test")
    again = await claim(db)
    taken = await db.rebook(**again.names, sop_version="sop-1", interviews=interviews)
    await write_all(db, again, taken["writes"])
    await db.settle(**again.names)
    return again


# Who is linked ------------------------------------------------------------------------------------------------------------------


async def test_somebody_is_one_interviewer_and_an_interviewer_is_one_person(db: Database) -> None:
    assert await db.interviewer_of(user_id=ASHA) is None
    assert await link(db) == {"changed": True}
    assert await link(db) == {"changed": False}
    await link(db, "asha", BEN)
    await link(db, "ben", BEN)

    assert [(row["interviewer"], row["user_id"]) for row in await db.linked_interviewers()] == [("ben", BEN)]
    assert (await db.interviewer_of(user_id=BEN), await db.interviewer_of(user_id=ASHA)) == ("ben", None)
    assert await unlink(db, "ben", ASHA) == {"changed": False}
    assert await unlink(db, "ben", BEN) == {"changed": True}
    actions = [row["action"].removeprefix("interviewer_") for row in await db.audit_trail()]
    assert actions == ["linked", "unlinked", "linked", "unlinked", "linked", "unlinked"]


async def test_a_code_links_one_person_whatever_is_tried_at_once(db: Database) -> None:
    await turn(db, invite={"code_hash": HASH, "interviewer": "asha", "actor": "telegram:7"})
    assert await db.invitation(code_hash=HASH) == {"role": None, "interviewer": "asha"}

    tries = [
        db.bot_turn(
            update_id=next(_turns), chat_id=40 + n, user_id=40 + n, state=None,
            command={"join_by_code": {"code_hash": HASH, "user_id": 40 + n, "name": "A"}},
        )
        for n in range(5)
    ]  # fmt: skip
    came = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(tried, WrongState) for tried in came) == 4
    assert len(await db.linked_interviewers()) == 1
    assert await db.invitation(code_hash=HASH) is None
    assert await db.bot_people() == []


async def test_a_code_ends(db: Database, admin: Admin) -> None:
    await turn(db, invite={"code_hash": HASH, "interviewer": "asha", "actor": "telegram:7"})
    admin.execute("update bot_invitations set expires_at = clock_timestamp() - interval '1 second'")

    assert await db.invitation(code_hash=HASH) is None
    with pytest.raises(WrongState):
        await db.bot_turn(
            update_id=9, chat_id=ASHA, user_id=ASHA, state=None,
            command={"join_by_code": {"code_hash": HASH, "user_id": ASHA, "name": "A"}},
        )  # fmt: skip


# What they hear of --------------------------------------------------------------------------------------------------------------


async def test_a_booking_is_told_to_each_linked_person_in_one_message(db: Database) -> None:
    await link(db)
    await link(db, "ben", BEN)
    plan = [
        make_reservation(at("09:00")),
        make_reservation(at("11:00"), ("asha", "chloe"), round="core", position=1, title="Core"),
        make_reservation(at("15:00"), ("ben",), round="end", position=2),
    ]
    claimed, reserved = await booking(db, plan)
    assert await news(db) == []
    await write_all(db, claimed, reserved["writes"])
    for _ in range(2):
        await db.settle(**claimed.names)

    (hers, his) = await db.claim_notices(channel="telegram", now=NOW)

    assert (hers["recipient"], his["recipient"]) == ("interviewer:asha", "interviewer:ben")
    assert hers["kind"] == "interviewer_news"
    assert hers["payload"]["until"] == at("11:00").isoformat()
    assert [(item["kind"], item["title"], item["start"]) for item in hers["payload"]["items"]] == [
        ("booked", "Introduction", at("09:00").isoformat()),
        ("booked", "Core", at("11:00").isoformat()),
    ]


async def test_another_plan_tells_each_what_is_different_for_them(db: Database) -> None:
    for who, user in (("asha", ASHA), ("ben", BEN), ("chloe", 43)):
        await link(db, who, user)
    plan = [make_reservation(at("09:00")), make_reservation(at("11:00"), ("asha", "chloe"), round="core", position=1)]
    claimed = await booked(db, plan)
    await news(db)

    await replanned(
        db,
        claimed,
        make_reservation(at("14:00"), ("ben",)),
        make_reservation(at("16:00"), ("asha", "chloe"), round="core", position=1),
    )

    (hers, his, third) = await db.claim_notices(channel="telegram", now=NOW)
    assert [item["kind"] for item in hers["payload"]["items"]] == ["given", "moved"]
    assert [item["kind"] for item in his["payload"]["items"]] == ["booked"]
    assert [item["kind"] for item in third["payload"]["items"]] == ["moved"]
    moved = third["payload"]["items"][0]
    assert (moved["before"]["start"], moved["start"]) == (at("11:00").isoformat(), at("16:00").isoformat())


async def test_who_stays_at_the_same_time_hears_nothing_when_the_other_seat_changes(db: Database) -> None:
    await link(db)
    claimed = await booked(db, [make_reservation(at("09:00"), ("asha", "ben"))])
    await news(db)

    await replanned(db, claimed, make_reservation(at("09:00"), ("asha", "chloe")))

    assert await news(db) == []


async def test_a_cancelled_candidate_is_told_where_something_was_booked(db: Database) -> None:
    await link(db)
    claimed = await booked(db)
    never_booked, _ = await booking(db, [make_reservation(at("10:00"))])
    await news(db)

    for _ in range(2):
        await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="test")
        await db.cancel_candidate(candidate_id=never_booked.candidate_id, actor="test")

    assert await news(db) == [("interviewer:asha", ["cancelled"])]


async def test_a_round_that_comes_back_is_news_again(db: Database) -> None:
    await link(db)
    claimed = await booked(db)
    row = await one(db, claimed)
    question = {"kind": "deleted:intro", "reason": "It was deleted.", "detail": {}, "options": []}
    which = {"interview_id": row["id"], "generation": 1, "revision": 0}
    await db.event_deleted(**which, question=question)

    await replanned(db, claimed, make_reservation(at("09:00")))

    assert await news(db) == [("interviewer:asha", [kind]) for kind in ("booked", "cancelled", "booked")]


async def test_what_was_booked_before_the_link_is_no_news_but_its_changes_are(db: Database) -> None:
    claimed = await booked(db)
    await link(db)
    assert await news(db) == []

    await replanned(db, claimed, make_reservation(at("14:00")))

    assert await news(db) == [("interviewer:asha", ["moved"])]


async def test_who_was_unlinked_and_what_is_over_is_not_told(db: Database, admin: Admin) -> None:
    await link(db)
    await booked(db)
    await unlink(db)
    assert await news(db) == []
    await link(db)
    await booked(db, [make_reservation(at("12:00"))])

    assert await news(db, now=at("12:00")) == []

    assert admin.execute("select status, attempts from notices order by id").fetchall() == [("void", 0), ("void", 0)]


# Reminders ----------------------------------------------------------------------------------------------------------------------


async def remindable(db: Database, now: datetime = NOW, hours: int = 200) -> list[Json]:
    return await db.to_remind(lengths=["24h", "2h"], until=now + timedelta(hours=hours), now=now)


def reminder(row: Json) -> Json:
    about = {name: row[name] for name in ("interview_id", "generation", "revision")}
    return {
        "key": row["key"], "channel": "telegram", "recipient": f"interviewer:{row['interviewer']}",
        "kind": "interviewer_reminder", "payload": about | {"until": row["start"]},
    }  # fmt: skip


async def kinds(db: Database, now: datetime = NOW) -> list[str]:
    return [note["kind"] for note in await db.claim_notices(channel="telegram", limit=100, now=now)]


async def test_what_may_be_reminded_of(db: Database) -> None:
    claimed = await booked(db, [make_reservation(at("09:00"), ("asha", "ben"))])
    assert await remindable(db) == []
    await link(db)
    rows = await remindable(db)
    row = await one(db, claimed)

    assert [(found["interviewer"], found["length"], found["start"]) for found in rows] == [
        ("asha", "24h", row["start"]),
        ("asha", "2h", row["start"]),
    ]
    assert datetime.fromisoformat(rows[0]["told"]) <= datetime.now(UTC)
    assert await remindable(db, hours=1) == []
    assert await remindable(db, now=at("09:00")) == []
    await db.tell(notices=[reminder(rows[0])])
    assert [found["length"] for found in await remindable(db)] == ["2h"]
    await answer(db, row, "declined")
    assert await remindable(db) == []


async def test_programs_at_the_same_time_remind_once(db: Database) -> None:
    await booked(db, [make_reservation(at("09:00"), ("asha", "ben"))])
    await link(db)
    await link(db, "ben", BEN)

    async def program() -> list[str]:
        await db.tell(notices=[reminder(row) for row in await remindable(db)])
        return await kinds(db)

    sent = await asyncio.gather(*(program() for _ in range(8)))

    assert sorted(kind for share in sent for kind in share) == ["interviewer_reminder"] * 4


@pytest.mark.parametrize("what", ["nothing", "moved", "cancelled", "declined", "begun", "unlinked", "given"])
async def test_a_reminder_that_waits_is_sent_only_while_it_is_true(db: Database, what: str) -> None:
    claimed = await booked(db)
    await link(db)
    await db.tell(notices=[reminder(row) for row in await remindable(db)])
    now = NOW
    if what == "moved":
        await replanned(db, claimed, make_reservation(at("14:00")))
    elif what == "given":
        await replanned(db, claimed, make_reservation(at("09:00"), ("ben",)))
    elif what == "cancelled":
        await db.cancel_candidate(candidate_id=claimed.candidate_id, actor="test")
    elif what == "declined":
        await answer(db, await one(db, claimed), "declined")
    elif what == "begun":
        now = at("09:00")
    elif what == "unlinked":
        await unlink(db)

    sent = await kinds(db, now)

    assert sent.count("interviewer_reminder") == (2 if what == "nothing" else 0)


async def test_a_reminder_and_a_move_at_the_same_time_never_send_what_was_already_moved(db: Database) -> None:
    await link(db)
    for number in range(5):
        claimed = await booked(db, [make_reservation(at("09:00") + timedelta(days=number))])
        due = [row for row in await remindable(db) if row["candidate_id"] == claimed.candidate_id]
        await db.tell(notices=[reminder(row) for row in due])
        await db.ask_replan(candidate_id=claimed.candidate_id, actor="test")
        again = await claim(db)
        elsewhere = make_reservation(at("14:00") + timedelta(days=number))

        moved = asyncio.create_task(db.rebook(**again.names, sop_version="s", interviews=[elsewhere]))
        sent = 0
        while not moved.done():
            sent += (await kinds(db)).count("interviewer_reminder")
        assert sent in {0, len(due)}
        assert (await kinds(db)).count("interviewer_reminder") == 0
        await write_all(db, again, (await moved)["writes"])
        await db.settle(**again.names)


# What they say ------------------------------------------------------------------------------------------------------------------


async def test_an_answer_is_kept_shown_and_audited_once(db: Database) -> None:
    await link(db)
    claimed = await booked(db)
    row = await one(db, claimed)

    assert await answer(db, row, "accepted") == {"changed": True}
    assert await answer(db, row, "accepted") == {"changed": False}

    kept = await answers(db, claimed)
    assert [(given["interviewer"], given["answer"], given["since"]) for given in kept] == [
        ("asha", "accepted", NOW.isoformat())
    ]
    (shown,) = await db.agenda(start=at("00:00"), end=at("23:00"))
    assert shown["answers"] == kept
    trail = [(entry["action"], entry["actor"]) for entry in await db.audit_trail(candidate_id=claimed.candidate_id)]
    assert trail[-1] == ("interview_accepted", "interviewer:asha")
    assert [action for action, _ in trail].count("interview_accepted") == 1


async def test_twenty_taps_at_once_are_one_answer(db: Database) -> None:
    await link(db)
    row = await one(db, await booked(db))

    given = await asyncio.gather(*(answer(db, row, "declined") for _ in range(20)))

    assert sorted(one["changed"] for one in given) == [False] * 19 + [True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"interviewer": "ben", "user_id": BEN},  # not theirs
        {"user_id": BEN},  # not who is linked
        {"start": at("10:00").isoformat()},  # at another time by now
        {"now": at("09:00").isoformat()},  # begun
        {"interview_id": str(uuid.uuid4())},
    ],
)
async def test_only_the_one_whose_it_is_answers_and_only_in_time(db: Database, wrong: Json) -> None:
    await link(db)
    await link(db, "ben", BEN)
    claimed = await booked(db)

    assert (await answer(db, await one(db, claimed), "declined", **wrong))["refused"] == "MS002"

    assert await answers(db, claimed) == []


async def test_an_answer_is_forgotten_when_the_interview_is_at_another_time_or_somebody_elses(db: Database) -> None:
    await link(db)
    await link(db, "ben", BEN)
    claimed = await booked(db, [make_reservation(at("09:00"), ("asha", "ben"))])
    row = await one(db, claimed)
    await answer(db, row, "declined")
    await answer(db, row, "accepted", "ben", BEN)

    await replanned(db, claimed, make_reservation(at("09:00"), ("chloe", "ben")))
    assert [given["interviewer"] for given in await answers(db, claimed)] == ["ben"]
    await replanned(db, claimed, make_reservation(at("14:00"), ("chloe", "ben")))
    assert await answers(db, claimed) == []
    assert (await answer(db, row, "accepted", "ben", BEN))["refused"] == "MS002"


SEEN: Json = {"etag": "v2", "said": {}, "edits": {}, "look_at": None, "declined": ["asha"]}


def dealt(row: Json) -> dict[str, Any]:
    """A decline of Asha's in the chat, as the watch acts on it."""
    answers = {"asha@example.com": {"since": NOW.isoformat(), "dealt": True}}
    which = {"interview_id": row["id"], "generation": row["generation"], "revision": row["revision"]}
    return {**which, "seen": SEEN | {"answers": answers}, "people": ["asha"], "reason": "Asha will not come."}


async def test_a_decline_is_looked_at_until_it_is_dealt_with(db: Database) -> None:
    await link(db)
    claimed = await booked(db)
    row = await one(db, claimed)
    which = {"interview_id": row["id"], "generation": 1, "revision": 0}
    await db.event_seen(**which, seen=SEEN | {"answers": {}, "declined": []})
    assert await db.watched(now=NOW) == []
    await answer(db, row, "declined")
    (found,) = await db.watched(now=NOW)
    assert [given["answer"] for given in found["answers"]] == ["declined"]

    await db.interviewer_declined(**dealt(row))

    assert await db.watched(now=NOW) == []
    after = await look(db, claimed.candidate_id)
    assert (after["status"], after["exceptions"]["excluded"]) == ("queued", [{"round": "intro", "interviewer": "asha"}])
    asked = [entry for entry in await db.audit_trail() if entry["action"] == "replan_asked"]
    assert [entry["actor"] for entry in asked] == ["interviewer:asha"]


async def test_a_decline_that_was_taken_back_meanwhile_is_not_acted_on(db: Database) -> None:
    await link(db)
    claimed = await booked(db)
    row = await one(db, claimed)
    await answer(db, row, "declined")
    assert await answer(db, row, "") == {"changed": True}
    assert await answer(db, row, "") == {"changed": False}

    with pytest.raises(WrongState, match="was taken back"):
        await db.interviewer_declined(**dealt(row))

    assert (await look(db, claimed.candidate_id))["status"] == "booked"


async def test_once_it_is_dealt_with_it_is_too_late_unless_the_interview_has_stayed_theirs(db: Database) -> None:
    await link(db)
    claimed = await booked(db)
    row = await one(db, claimed)
    await answer(db, row, "declined")
    await db.interviewer_declined(**dealt(row))
    for word in ("", "accepted"):
        assert (await answer(db, row, word))["refused"] == "MS002"
    again = await claim(db)
    await db.stand(**again.names)

    assert (await answer(db, row, ""))["refused"] == "MS002"
    assert await answer(db, row, "accepted") == {"changed": True}

    after = await look(db, claimed.candidate_id)
    assert (after["exceptions"]["excluded"], after["interviews"][0]["event_answers"]) == ([], {})


async def test_an_answer_is_taken_while_another_round_is_being_booked(db: Database) -> None:
    await link(db)
    claimed, reserved = await booking(db)

    assert await answer(db, reserved["interviews"][0], "accepted") == {"changed": True}

    await write_all(db, claimed, reserved["writes"])
    await db.settle(**claimed.names)
    assert len(await answers(db, claimed)) == 1
