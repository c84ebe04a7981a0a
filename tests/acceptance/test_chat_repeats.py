"""Updates that come again, up to five times, soon or late and in any order: the effects are those of coming once.

Admins take candidates in, decide, change and look things up, by words, taps, double taps and files; in between, and once more at
the end, all that has come comes again. Nothing may be said then, and no row of the database may change.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from supabase_db import Database
from tests.acceptance.test_chat_escalations import LONGER
from tests.acceptance.test_chat_updates import SCRIPT
from tests.chat_driver import TelegramPerson
from tests.fakes.telegram import Json
from tests.integration.life import claim

Admin = psycopg.Connection[tuple[object, ...]]

# What admins do; {n} is another number each time, [..] a tap, `!stuck` what the scheduler does, `📎` a list of candidates.
TAKE_IN = ("Person {n}, p{n}@example.com, java, 1-12 Dec, 9-12, Kolkata", "[Confirm]")
STUCK = (*TAKE_IN, "!stuck", "/escalations")
SCRIPTS = (
    tuple(step.replace("p.nair@", "p{n}@") for step in SCRIPT),
    TAKE_IN,
    (*STUCK, "[2 days longer]", "[‹ Back]", "[2 days longer]", "[Book this]"),
    (*STUCK, "[More…]", "[Close", "settled {n}"),
    (*STUCK, "[More…]", "[Close", "[Settled elsewhere]"),
    (*STUCK, "[More…]", "[Edit the candidate]", "[✏️ Email]", "e{n}@example.com", "[Confirm]"),
    (*STUCK, "[More…]", "[Plan again]"),
    (*STUCK, "[Ask me later]", "[In an hour]"),
    (*TAKE_IN, "/cancel p{n}@example.com", "[Withdrawn]", "[Yes, cancel]"),
    (*TAKE_IN, "/cancel p{n}@example.com", "/cancel"),
    (*TAKE_IN, "/cancel p{n}@example.com", "[Withdrawn]", "[Yes, cancel]", "/undo", "[Undo it]"),
    ("/block asha 3-5 Dec", "[Block]", "/unblock", "[Asha Rao]"),
    ("/pause", "/queue", "/resume"),
    ("📎", "[Take in 2]"),
    ("📎", "[Leave it]"),
    ("/admins 9{n}", "[As viewer]", "/admins", "[Remove 9{n}]"),
    ("/status Person", "/agenda week", "/audit", "[As .csv]", "/nonsense", "/again p{n}@example.com"),
)  # fmt: skip
LIST = "name,email,course,window,slots\nAnn,ann{n}@example.com,java,1-12 Dec,9-12\nBob,bob{n}@example.com,data,1-12 Dec,9-12\n"


def steps(lots: random.Random) -> Iterator[str]:
    """What is done, endlessly: every script before any comes again."""
    for number in itertools.count():
        script = SCRIPTS[number % len(SCRIPTS)] if number < len(SCRIPTS) else lots.choice(SCRIPTS)
        yield from (step.format(n=number) for step in script)


async def do(person: TelegramPerson, step: str) -> None:
    """One step, in one update; of the scheduler's step in none."""
    if step == "!stuck":
        stuck = await claim(person.db)
        await person.db.escalate(**stuck.names, kind="no_plan", reason="No start is left.", options=[LONGER])
    elif step == "📎":
        await person.sends("new.csv", LIST.format(n=len(person.server.files)).encode())
    elif step.startswith("["):
        await person.taps(step.strip("[]"))
    else:
        await person.says(step)


def contents(admin: Admin) -> dict[str, str]:
    """A digest of each table."""
    tables = [str(row[0]) for row in admin.execute("select tablename from pg_tables where schemaname = 'public'")]
    digest = sql.SQL("select string_agg(t::text, '\n' order by t::text) from {} t")
    rows = {name: admin.execute(digest.format(sql.Identifier(name))).fetchone() for name in tables}
    return {name: hashlib.sha256(repr(row).encode()).hexdigest() for name, row in rows.items()}


@pytest.mark.parametrize("count", [130, pytest.param(2_000, marks=pytest.mark.slow)])
async def test_updates_that_come_up_to_five_times_have_the_effects_of_once(
    admin_in_telegram: TelegramPerson, database: Database, admin: Admin, count: int
) -> None:
    person, lots = admin_in_telegram, random.Random(count)
    came, late, doing = 0, list[Json](), steps(lots)
    while came < count:
        await do(person, next(doing))
        if person.sent and person.sent[-1].get("callback_query") and lots.random() < 0.2:
            await person.feed(person.made.tap(*tapped(person.sent[-1])))  # a double tap: an update of its own
        came += len(person.sent)
        late += [update for update in person.sent for _ in range(lots.randint(0, 4))]
        person.sent.clear()
        if lots.random() < 0.1:
            late = await come_again(person, admin, late, lots.randint(0, len(late)), lots)

    assert await come_again(person, admin, late, len(late), lots) == []
    assert (await database.verify_audit())["ok"]


def tapped(update: Json) -> tuple[str, int]:
    query = update["callback_query"]
    return query["data"], query["message"]["message_id"]


async def come_again(
    person: TelegramPerson, admin: Admin, late: list[Json], count: int, lots: random.Random
) -> list[Json]:
    """So many of the late ones come, in any order; those that are later still."""
    lots.shuffle(late)
    before = contents(admin)
    for update in late[:count]:
        assert await person.feed(update) == "", f"update {update['update_id']} has come again"
    person.sent.clear()

    assert contents(admin) == before
    return late[count:]
