"""What `run` does from start to end: the examples the first time, whoever waits, the result, then the bot until it is told to stop.

Also the two pieces of work that commands share with it: taking in a file, and writing calendars out.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from assembly import Json, Services, actor, build_engine, services
from calendars.base import Event
from calendars.ical import export
from config import Settings
from console import views
from domain.intake import Reference
from domain.roster import Roster, read_csv
from records import agenda_event
from scheduler import Scheduler, Step
from utils import plural

EXAMPLES = Path(__file__).parent / "examples"
SHOWN_DAYS = 120


async def run_session(settings: Settings, address: Json, out: Console) -> int:
    """The whole of `python main.py run`; the exit code."""
    async with services(settings, address) as parts:
        await _examples_once(parts, out)
        await _schedule_waiting(parts, out)
        await _show_result(parts, out)
    return 0


async def take_in(parts: Services, data: bytes) -> Roster:
    """Enqueue the good rows of a CSV file; a row whose request is already there adds nothing."""
    sop = await parts.sop()
    roster = read_csv(data, Reference(today=datetime.now(sop.zone).date(), courses=sop.courses))
    for row in roster.good:
        plain = row.request.plain()
        key = "csv:" + hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        await parts.db.enqueue(request=plain, key=key, source="csv", actor=actor(), lane=parts.settings.lane)
    return roster


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
    folder.mkdir(parents=True, exist_ok=True)
    for name, events in calendars.items():
        (folder / f"{name}.ics").write_bytes(export(name, events, stamp=now))
    return len(calendars)


async def _examples_once(parts: Services, out: Console) -> None:
    """The first time, and only while nothing outside this machine is configured: the example calendars and candidates."""
    counts = await parts.db.queue_counts()
    if parts.settings.configured or any(counts.values()):
        return
    shutil.copytree(EXAMPLES / "calendars", parts.settings.data_dir / "calendars", dirs_exist_ok=True)
    file = EXAMPLES / "candidates.csv"
    out.print(f"Nothing is configured yet, so this is a first run on [bold]{file.parent.name}/{file.name}[/].\n")
    out.print(views.roster(await take_in(parts, file.read_bytes())))


async def _schedule_waiting(parts: Services, out: Console) -> None:
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

        engine = build_engine(parts, observe=observe)
        with stopped_by_signals(engine):
            await engine.run_until_idle()


async def _show_result(parts: Services, out: Console) -> None:
    """The timetable, what was escalated and why, and where to look next."""
    sop, now = await parts.sop(), datetime.now(UTC)
    rows = await parts.db.agenda(start=now, end=now + timedelta(days=SHOWN_DAYS))
    asked = await parts.db.open_escalations()
    if rows:
        out.print(f"\n[bold]Interviews[/] [dim](times in {parts.tz.key})[/]\n")
        out.print(views.timetable(rows, sop, parts.tz))
    if asked:
        out.print(f"\n[bold]Waiting for a decision[/] [dim]({plural(len(asked), 'candidate')})[/]\n")
        out.print(views.escalations(asked))
    out.print(f"{views.summary(await parts.db.queue_counts()).capitalize()}.")
    out.print("[dim]Look further: python main.py show NAME, agenda --week, escalations, audit; --help lists all.[/]")


@contextlib.contextmanager
def stopped_by_signals(engine: Scheduler) -> Iterator[None]:
    """SIGTERM and Ctrl-C let the engine finish the outside call under way, and then end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
