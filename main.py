"""The command line: `python main.py run` is the product; the other commands look at what it did.

What commands show is in `console/`, how the parts are joined, and what `run` does, in `application/`.
Exit codes: 0 done; 1 something needs a look (bad rows, an invalid SOP, a broken audit); 2 a wrong call or setting; 3 not found;
4 no database.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console

from application import connecting
from application.assembly import Json, Services, database_address, services
from application.checking import check_file
from application.connecting import Finding
from application.session import export_calendars, rounds_each, run_session, take_in, take_in_busy
from application.simulating import Question, run_simulation
from config import load_settings
from console import views
from console.findings import findings
from domain.errors import DatabaseUnavailable, LocalPostgresError, SchedulerError
from domain.slots import parse_slots
from sop.linter import Severity
from supabase_db import Database, migrations_script
from utils import plural

T = TypeVar("T")


class Provider(StrEnum):
    """Providers that a person can connect."""

    GOOGLE = "google"
    OUTLOOK = "outlook"
    CALDAV = "caldav"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print settings, and with them secrets
    help="Schedules mock interviews by a standard operating procedure (SOP): no double booking, every decision explained.",
    epilog="Exit codes: 0 done; 1 something needs a look; 2 a wrong call or setting; 3 not found; 4 no database.",
)
out = Console()  # decides once whether standard output is a terminal


def ask(work: Callable[[Services], Awaitable[T]]) -> T:
    """Join the parts, do the work of one command, and take everything down again; errors become sentences and exit codes."""
    settings = load_settings()

    async def joined(address: Json) -> T:
        async with services(settings, address) as parts:
            return await work(parts)

    with database_address(settings) as address:
        return asyncio.run(joined(address))


@app.command()
def run() -> None:
    """Schedule whoever waits, show the result, and open the bot: in Telegram when it is set up, else on this terminal."""
    settings = load_settings()
    with database_address(settings, alone=True) as address:
        code = asyncio.run(run_session(settings, address, out))
    raise typer.Exit(code)


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="Candidates as .csv (see examples/candidates.csv), or busy times as .ics.")
    ],
    calendar: Annotated[
        str | None, typer.Option(help="Whose local calendar an .ics file is for, such as asha@example.com.")
    ] = None,
) -> None:
    """Take in a FILE: candidates (.csv), of which bad rows are listed; or somebody's busy times (.ics). Twice adds nothing."""
    data = file.read_bytes() if file.is_file() else _fail(f"{file}: there is no such file.", 2)
    if file.suffix.lower() == ".ics":
        owner = calendar or _fail("--calendar: say whose busy times these are, such as asha@example.com.", 2)
        count = ask(lambda parts: take_in_busy(parts, owner, file.stem, data))
        out.print(f"{plural(count, 'event')} kept as {file.stem} in the calendar {owner}.")
        return
    roster, new = ask(lambda parts: take_in(parts, data))
    out.print(views.roster(roster, new))
    raise typer.Exit(1 if roster.bad else 0)


@app.command()
def queue() -> None:
    """Who is being worked on and who waits."""

    async def show(parts: Services) -> None:
        rows = await parts.db.queue_now()
        out.print(views.queue(rows, parts.tz) if rows else "Nobody waits.")
        out.print(f"[dim]{views.summary(await parts.db.queue_counts())}[/]")

    ask(show)


@app.command()
def show(candidate: Annotated[str, typer.Argument(help="Email, number, or part of a name.")]) -> None:
    """Everything about one CANDIDATE: state, rounds, interviewers, events, what is asked."""

    async def find(parts: Services) -> int:
        found = await parts.db.show_candidate(needle=candidate)
        sop = await parts.sop()
        for match in found["matches"]:
            out.print(views.candidate(match, sop, parts.tz))
        return int(found["count"])

    if not ask(find):
        _fail(f"No candidate is called {candidate!r}. Try part of the name, the email, or `python main.py queue`.", 3)


@app.command()
def agenda(
    week: Annotated[bool, typer.Option("--week", help="The seven days from today instead of today alone.")] = False,
    interviewer: Annotated[str | None, typer.Option(help="Only this interviewer, by id.")] = None,
) -> None:
    """The interviews of today, or of the coming week."""

    async def show(parts: Services) -> None:
        sop = await parts.sop()
        if interviewer and interviewer not in sop.interviewers:
            _fail(f"--interviewer: {interviewer!r} is not in the SOP. There are {', '.join(sop.interviewers)}.", 2)
        midnight = datetime.now(parts.tz).replace(hour=0, minute=0, second=0, microsecond=0)
        end = midnight + timedelta(days=7 if week else 1)
        rows = await parts.db.agenda(start=midnight, end=end, interviewer=interviewer)
        out.print(views.agenda(rows, sop, parts.tz) if rows else f"No interviews {'this week' if week else 'today'}.")

    ask(show)


@app.command()
def escalations() -> None:
    """What waits for an admin's decision, and why."""

    async def show(parts: Services) -> None:
        rows = await parts.db.open_escalations()
        out.print(views.escalations(rows) if rows else "Nothing waits for a decision.")

    ask(show)


@app.command()
def audit(
    candidate: Annotated[str | None, typer.Option(help="Only this candidate: email, number or part of a name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many of the newest rows.")] = 100,
) -> None:
    """What happened, and whether the log is whole (each row seals the one before it)."""

    async def show(parts: Services) -> bool:
        found = await parts.db.show_candidate(needle=candidate, limit=1) if candidate else None
        if found and found["count"] != 1:
            few = "Nobody is" if not found["count"] else f"{found['count']} candidates are"
            _fail(f"{few} called {candidate!r}; give an email or a number.", 3)
        rows = await parts.db.audit_trail(candidate_id=found["matches"][0]["id"] if found else None, limit=limit)
        out.print(views.audit(rows, parts.tz))
        checked = await parts.db.verify_audit()
        out.print(views.audit_state(checked))
        return bool(checked["ok"])

    if not ask(show):
        raise typer.Exit(1)


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="The SOP file; the configured one when not given.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors, too.")] = False,
    usual_slots: Annotated[
        str | None, typer.Option(help="When candidates usually can, such as '17:00-21:00; sat 09:00-13:00'.")
    ] = None,
) -> None:
    """Whether the SOP is right: mistakes with their lines, what can hardly be meant, and its examples tried out.

    Exits with 1 when there are errors.
    """
    path = file or load_settings().sop_path
    sop, found = check_file(path, parse_slots(usual_slots, "--usual-slots") if usual_slots else None, datetime.now(UTC))
    if sop is not None:
        out.print(views.sop_summary(path, sop))
    out.print(findings(path, found, len(sop.examples) if sop else 0))
    bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    raise typer.Exit(1 if any(one.severity in bad for one in found) else 0)


@app.command("simulate")
def simulate_whatif(
    candidates: Annotated[int, typer.Option(min=1, max=10_000, help="How many to draw.")] = 100,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="Over how many weeks they ask.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed draws the same candidates.")] = 1,
    csv: Annotated[Path | None, typer.Option(help="Those of a CSV file instead, all asking now.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="An interviewer who is away; may be given again.")] = None,
    away_from: Annotated[str | None, typer.Option("--from", help="The first date away, such as 2026-12-01.")] = None,
    away_to: Annotated[str | None, typer.Option("--to", help="The last date away.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="A change, such as courses.java.rounds.core.gap.max=2d.")
    ] = None,
    sop: Annotated[Path | None, typer.Option(help="Another SOP file, beside the one in force.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Where to draw who is how full, a .png file.")] = None,
) -> None:
    """What if: plan candidates against the SOP in force and what is booked, without writing anything.

    With --without, --set or --sop, as it is beside as it would be.
    """
    question = Question(
        candidates=candidates,
        weeks=weeks,
        seed=seed,
        csv=csv,
        without=tuple(without or ()),
        away_from=away_from,
        away_to=away_to,
        changes=tuple(changes or ()),
        sop=sop,
        chart=chart,
    )
    settings = load_settings()
    with database_address(settings) as address:
        asyncio.run(run_simulation(settings, address, question, datetime.now(UTC), out))


@app.command()
def export(
    ics: Annotated[Path, typer.Option("--ics", help="The folder to write to; made when it is not there.")],
) -> None:
    """Write the interviews that stand as .ics files: one for each interviewer and each candidate."""
    count = ask(lambda parts: export_calendars(parts, ics))
    out.print(f"{plural(count, 'calendar')} written to {ics}.")


@app.command()
def sql() -> None:
    """Print the database schema as one script, to paste into Supabase's SQL editor; running it again does no harm."""
    sys.stdout.write(migrations_script())


@app.command()
def stats(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back, today among them.")] = 7,
) -> None:
    """What calls to calendars have cost: calls, retries, errors by reason, waiting, and what is left of the quota."""

    async def show(parts: Services) -> None:
        rows = await parts.db.statistics_since(day=datetime.now(UTC).date() - timedelta(days=days - 1))
        out.print(views.statistics(rows) if rows else "No calendar was called yet.")
        counts = await parts.db.queue_counts()
        waiting = counts["queued"] + counts["planning"]
        if waiting:
            out.print(views.estimate(waiting, parts.calendars.estimate(waiting, rounds=rounds_each(await parts.sop()))))

    ask(show)


@app.command()
def connect(
    provider: Annotated[Provider, typer.Argument(help="google, outlook or caldav.")],
) -> None:
    """Connect a calendar PROVIDER: consent in a browser (or by a link), the token kept, reading and writing checked."""
    settings = load_settings()

    async def walk(address: Json) -> Finding:
        async with await Database.connect(**address) as db:
            return await connecting.connect(settings, db, provider.value, out)

    with database_address(settings) as address:
        finding = asyncio.run(walk(address))
    out.print(views.finding(finding.subject, finding.problems, finding.seen))
    raise typer.Exit(1 if finding.problems else 0)


@app.command()
def doctor() -> None:
    """Check everything that is set up: database, clock, calendars, bot; what is wrong is said with what to do."""
    settings = load_settings()

    async def examine(address: Json) -> bool:
        well = True
        async with await Database.connect(**address) as db:
            async for finding in connecting.doctor(settings, db):
                out.print(views.finding(finding.subject, finding.problems, finding.seen))
                well = well and not finding.problems
        return well

    with database_address(settings) as address:
        well = asyncio.run(examine(address))
    raise typer.Exit(0 if well else 1)


def _fail(message: str, code: int) -> NoReturn:
    Console(stderr=True).print(message, highlight=False, markup=False)
    raise typer.Exit(code)


def main() -> None:
    """Run a command; what goes wrong is a sentence and an exit code, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        app()
    except (DatabaseUnavailable, LocalPostgresError) as error:
        Console(stderr=True).print(f"Database: {error}", highlight=False, markup=False)
        sys.exit(4)
    except SchedulerError as error:
        Console(stderr=True).print(str(error), highlight=False, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
