"""What `run` does from start to end: the examples the first time, whoever waits, the result, then the bot until told to stop.

Also the two pieces of work that commands share with it: taking in a file, and writing calendars out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
from collections.abc import Coroutine, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from application.assembly import Json, Services, actor, build_bot, build_engine, build_terminal_bot, services
from application.providers import local
from booking.records import agenda_event
from booking.upkeep import keep_up
from booking.watch import watch
from calendars.base import Event
from calendars.ical import export
from config import Settings
from console import views
from domain.errors import DatabaseUnavailable, SopError
from domain.intake import Reference
from domain.roster import Roster, read_csv, row_key
from scheduler import Step
from sop import Sop
from supabase_db import Database
from utils import plural

EXAMPLES = Path(__file__).parents[1] / "examples"
SHOWN_DAYS = 120
COUNT_SECONDS = 60.0
SHOWN = frozenset({"booked", "escalated", "set_aside"})  # kinds of notices that say what a run shows by itself

logger = logging.getLogger(__name__)


async def run_session(settings: Settings, address: Json, out: Console) -> int:
    """The whole of `python main.py run`; the exit code."""
    async with services(settings, address) as parts:
        with _stop_signals() as stop:
            await _examples_once(parts, out)
            await _schedule_waiting(parts, stop, out)
            await parts.ledger.report()
            if not stop.is_set():
                await _show_result(parts, out)
                await _talk(parts, stop, out)
    return 0


async def take_in(parts: Services, data: bytes) -> tuple[Roster, int]:
    """Enqueue the good rows of a CSV file: what it holds, and how many were new. A request that is already there adds nothing."""
    sop = await parts.sop()
    roster = read_csv(data, Reference(today=datetime.now(sop.zone).date(), courses=sop.courses))
    new = 0
    for row in roster.good:
        queued = await parts.db.enqueue(
            request=row.request.plain(), key=row_key(row.request), source="csv", actor=actor(), lane=parts.settings.lane
        )
        new += queued["created"]
    return roster, new


async def take_in_busy(parts: Services, calendar: str, name: str, data: bytes) -> int:
    """Keep somebody's busy times beside their local calendar, in place of the file of that name; how many events it has."""
    sop = await parts.sop()
    name_of = calendar.removeprefix("local:")
    if not any(calendar in person.calendars or name_of in person.calendars for person in sop.interviewers.values()):
        known = ", ".join(one for person in sop.interviewers.values() for one in person.calendars)
        raise SopError(f"--calendar: {calendar!r} is nobody's in the SOP. There are {known}.")
    return await local(parts.settings, lambda: sop).import_busy(name_of, name, data)


def rounds_each(sop: Sop) -> int:
    """Rounds of a course, as many as the longest has: for estimates that rather err on the long side."""
    return max(len(course.rounds) for course in sop.courses.values())


async def export_calendars(parts: Services, folder: Path) -> int:
    """Write the interviews of the coming months as `.ics` files, one per interviewer and one per candidate; how many files."""
    sop = await parts.sop()
    now = datetime.now(UTC)
    rows = await parts.db.agenda(start=now - timedelta(days=7), end=now + timedelta(days=365))
    calendars: dict[str, list[Event]] = {}
    for row in rows:
        event = agenda_event(sop, row)
        names = [f"candidate-{row['number']}", *(f"interviewer-{who}" for who in row["interviewers"])]
        for name in names:
            calendars.setdefault(name, []).append(event)
    await asyncio.to_thread(
        _write_files, folder, {name: export(name, events, stamp=now) for name, events in calendars.items()}
    )
    return len(calendars)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.ics").write_bytes(data)


async def _examples_once(parts: Services, out: Console) -> None:
    """The first time, and only while nothing outside this machine is configured: the example calendars and candidates."""
    counts = await parts.db.queue_counts()
    if parts.settings.configured or any(counts.values()):
        return
    shutil.copytree(EXAMPLES / "calendars", parts.settings.data_dir / "calendars", dirs_exist_ok=True)
    file = EXAMPLES / "candidates.csv"
    out.print(f"Nothing is configured yet, so this is a first run on [bold]{file.parent.name}/{file.name}[/].\n")
    out.print(views.roster(*await take_in(parts, file.read_bytes())))


async def _schedule_waiting(parts: Services, stop: asyncio.Event, out: Console) -> None:
    """Schedule whoever waits, one at a time, with a progress display."""
    counts = await parts.db.queue_counts()
    waiting = sum(counts[status] for status in ("queued", "planning", "booking", "cancelling"))
    if not waiting:
        return
    columns = (TextColumn("Scheduling"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("", total=waiting)

        def observe(step: Step) -> None:
            progress.update(task, description=f"{escape(step.candidate)}: {step.name}")
            if step.name in {"settled", "escalated"}:
                progress.advance(task)

        await build_engine(parts, stop, observe=observe).run_until_idle()


async def _show_result(parts: Services, out: Console) -> None:
    """The timetable, what was escalated and why, and where to look next."""
    sop, now = await parts.sop(), datetime.now(UTC)
    rows = await parts.db.agenda(start=now, end=now + timedelta(days=SHOWN_DAYS))
    asked = await parts.db.open_escalations()
    if rows:
        out.print(f"\n[bold]Interviews[/] [dim](times in {parts.tz.key})[/]\n")
        out.print(views.timetable(rows, sop, parts.tz))
    if asked:
        out.print(f"\n[bold]Waiting for a decision[/] [dim]({plural(len(asked), 'question')})[/]\n")
        out.print(views.escalations(asked))
    out.print(f"{views.summary(await parts.db.queue_counts()).capitalize()}.")
    out.print("[dim]Look further: python main.py show NAME, agenda --week, escalations, audit; --help lists all.[/]")


async def _talk(parts: Services, stop: asyncio.Event, out: Console) -> None:
    """The bot, with the engine beside it, until told to stop: in Telegram when it is set up, else on a terminal, else not."""
    token = parts.settings.telegram_bot_token
    if token:
        bot = build_bot(parts, token.get_secret_value())
        out.print("\nThe bot answers in Telegram. Ctrl-C stops.")
    elif sys.stdin.isatty():
        await _nothing_to_repeat(parts.db)
        bot = await build_terminal_bot(parts, stop)
    else:
        return
    async with bot:
        engine = build_engine(parts, stop)
        watching = watch(db=parts.db, calendars=parts.calendars, sop=parts.sop, stop=stop, troubles=parts.troubles)
        upkeep = keep_up(db=parts.db, sop=parts.sop, stop=stop)
        chat = (bot.poll(stop), bot.deliver_notices(stop))
        await _together(stop, *chat, engine.run(), watching, upkeep, _count(parts, stop))


async def _count(parts: Services, stop: asyncio.Event) -> None:
    """Keep what calendar calls have cost, every minute and at the end, for `python main.py stats` and the bot."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), COUNT_SECONDS)
        try:
            await parts.ledger.report()
        except DatabaseUnavailable:
            logger.warning("statistics wait for the database", extra={"action": "report_statistics"})


async def _together(stop: asyncio.Event, *works: Coroutine[None, None, None]) -> None:
    """Run side by side until one ends (a closed terminal, a fault) or all are told to stop; then the others end well, too."""
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.gather(*tasks)


async def _nothing_to_repeat(db: Database) -> None:
    """The terminal has just shown who is booked and who is not: notices of that are as good as sent, all others still to come."""
    others = []
    while notices := await db.claim_notices(channel="telegram", limit=100):
        for one in notices:
            if one["kind"] in SHOWN:
                await db.notice_sent(notice_id=one["id"], receipt="shown on the terminal")
            else:
                others.append(one["id"])
    for number in others:
        await db.notice_failed(notice_id=number, reason="still to be told", retry_at=datetime.now(UTC))


@contextlib.contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and Ctrl-C set, so that whatever is under way can end well."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
