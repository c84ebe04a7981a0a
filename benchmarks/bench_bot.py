"""How long the bot takes to answer, by kind of update, next to a bare python-telegram-bot application that echoes.

    .venv/bin/python benchmarks/bench_bot.py [--booked 1000] [--waiting 50] [--rounds 50]

Both get the same updates in one run, in turn, over the same stand-in for Telegram's servers, which answers at once. The peer
keeps nothing; the bot has its SOP, the conversation and the candidates in the embedded database, and local calendars. An answer
is there once it is sent and noted as sent. The ratio compares medians.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from bench_path import FILL
from psycopg.types.json import Jsonb
from telegram import Update
from telegram.ext import Application, ContextTypes, TypeHandler

from application.assembly import SopInForce
from booking.foresight import LookAhead
from calendar_utils import Calendars
from calendars.base import Owner
from calendars.local import LocalCalendar
from chat.polling import App
from config import load_sop
from local_postgres import LocalPostgres
from sop import Sop
from supabase_db import Database, apply_migrations
from tests.builders import make_request
from tests.chat_driver import TelegramPerson
from tests.fakes.telegram import Json, TelegramServer
from tests.integration.life import claim

SOP_FILE = Path(__file__).parents[1] / "sop.yaml"
NOW = datetime(2028, 1, 3, 18, 0, tzinfo=UTC)  # those booked already have their interviews in the days before and after
STUCK = 5  # who wait for a decision
# What is done in a round, by kind; [..] is a tap.
ROUND = (
    ("start", "/start"), ("answer", "Priya Nair"), ("answer", "priya{n}@example.com"), ("tap", "[Java Full]"),
    ("tap, a month", "[Pick dates]"), ("tap, a month", "[Feb ›]"), ("tap, a month", "[1]"), ("tap", "[12]"),
    ("tap", "[09:00-12:00]"), ("tap", "[Done]"), ("answer", "Kolkata"), ("confirm", "[Confirm]"),
    ("pasted message", "Noah Fischer, noah{n}@example.com, devops, 1-12 Feb, 9-12 and 4-7pm, London, not the 5th"),
    ("/cancel", "/cancel"), ("/queue", "/queue"), ("/status", "/status booked7@example.com"), ("/agenda", "/agenda"),
    ("/agenda week", "/agenda week"), ("/escalations", "/escalations"), ("tap, a decision", "[Later ›]"),
    ("/interviewers", "/interviewers"), ("/help", "/help"),
)  # fmt: skip

Times = dict[str, list[float]]


class Admin(TelegramPerson):
    """An admin whose bot looks which SOP is in force, as the program does."""

    async def sop(self) -> Sop:
        return await SopInForce(self.db, self.current_sop)()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--booked", type=int, default=1000)
    arguments.add_argument("--waiting", type=int, default=50)
    arguments.add_argument("--rounds", type=int, default=50)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # as root the database runs under another account
        with LocalPostgres(Path(folder) / "data") as dsn:
            apply_migrations(dsn)
            _fill(dsn, options.booked)
            ours, theirs = asyncio.run(_answered(dsn, Path(folder), options.waiting, options.rounds))
    print(f"milliseconds to answer, {options.booked} booked, {options.waiting} waiting, {options.rounds} rounds")
    print(f"{'':>16} {'median':>7} {'95 %':>7} {'echo, median':>13} {'95 %':>7} {'ratio':>6}")
    for kind, times in ours.items():
        (median, tail), (echo, echo_tail) = _figures(times), _figures(theirs[kind])
        print(f"{kind:>16} {median:>7.1f} {tail:>7.1f} {echo:>13.2f} {echo_tail:>7.2f} {median / echo:>6.0f}")


def _figures(times: Iterable[float]) -> tuple[float, float]:
    """The median and the 95th percentile, in milliseconds."""
    spent = [one * 1000 for one in times]
    return statistics.median(spent), statistics.quantiles(spent, n=20)[-1]


def _fill(dsn: str, booked: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FILL, {"count": booked})
        connection.execute("update candidates set request = %s || request", [Jsonb(make_request().plain())])
        connection.execute("analyze")


async def _answered(dsn: str, folder: Path, waiting: int, rounds: int) -> tuple[Times, Times]:
    """Seconds to each answer by kind of update: the bot's and the peer's."""
    sop = load_sop(SOP_FILE)
    ours: Times = defaultdict(list)
    theirs: Times = defaultdict(list)
    async with await Database.connect(dsn=dsn) as db, _echo() as echo:
        await db.activate_sop(version=sop.version, text=SOP_FILE.read_text(), source="file", actor="bench")
        await _wait_and_ask(db, waiting)
        person = Admin(db, sop)
        calendar = LocalCalendar(folder / "calendars", owners=lambda name: Owner(email=name, zone=sop.zone))
        person.now, person.foresight = NOW, LookAhead(db, Calendars({"local": calendar}, default="local"))
        await person.comes()
        for number in range(rounds + 1):
            for kind, said in ROUND:
                update = _update(person, said.format(n=number))
                spent, echoed = await _timed(person.bot.application, update), await _timed(echo, update)
                if number:  # the first round warms up
                    ours[kind].append(spent)
                    theirs[kind].append(echoed)
        await person.leaves()
    return ours, theirs


async def _wait_and_ask(db: Database, waiting: int) -> None:
    """Some candidates in the queue, and some who need a decision."""
    for number in range(STUCK + waiting):
        await db.enqueue(request=make_request().plain(), key=f"waiting {number}", source="csv", actor="bench")
    for _ in range(STUCK):
        stuck = await claim(db)
        await db.escalate(**stuck.names, kind="no_plan", reason="No start is left.", options=[], notices=[])


def _update(person: TelegramPerson, said: str) -> Json:
    return person.made.tap(*person.button(said[1:-1])) if said.startswith("[") else person.made.words(said)


async def _timed(application: App, update: Json) -> float:
    started = time.perf_counter()
    await application.process_update(Update.de_json(update, application.bot))
    return time.perf_counter() - started


@asynccontextmanager
async def _echo() -> AsyncIterator[App]:
    """The peer: one handler that says what was said."""

    async def echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        if update.callback_query:
            await update.callback_query.answer()
        if update.effective_chat:
            words = (update.message and update.message.text) or "tapped"
            await application.bot.send_message(update.effective_chat.id, words, parse_mode="HTML")

    server = TelegramServer()
    application: App = (
        Application.builder().token("1:X").updater(None).job_queue(None)
        .request(server).get_updates_request(server).build()
    )  # fmt: skip
    application.add_handler(TypeHandler(Update, echo))
    async with application:
        yield application


if __name__ == "__main__":
    main()
