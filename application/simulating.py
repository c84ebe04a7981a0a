"""What `simulate` does: candidates are planned against the SOP and what is booked, as it is and as it would be, and shown.

Part of the composition root. Everything is only read: nothing is enqueued, reserved or written to a calendar.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from application.assembly import Json, build_calendars
from application.providers import build_providers
from booking.world import World, look
from config import Settings, load_sop, parse_sop, read_value
from console import heatmap, whatif
from domain.dates import parse_dates
from domain.errors import FieldError
from domain.intake import Reference
from domain.model import Interval, Interview
from domain.roster import read_csv
from sop import Sop
from sop.draws import Arrival, draw_candidates
from sop.loads import loads, never_fit, with_more_time
from sop.model import Interviewer
from sop.simulation import Simulation, simulate
from supabase_db import Database
from utils import day_text, instant, plural


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: who comes, and what would be different. Dates and changes are as they were typed."""

    candidates: int
    weeks: int
    seed: int
    csv: Path | None
    without: tuple[str, ...]
    away_from: str | None
    away_to: str | None
    changes: tuple[str, ...]
    sop: Path | None
    chart: Path | None

    @property
    def name(self) -> str:
        """What is different, in words; empty when nothing is."""
        dates = [f"{word} {text}" for word, text in (("from", self.away_from), ("to", self.away_to)) if text]
        absent = [" ".join([f"without {' and '.join(self.without)}", *dates])] if self.without else []
        return ", ".join([*([str(self.sop)] if self.sop else []), *self.changes, *absent])


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """An SOP and everybody's busy times under it."""

    sop: Sop
    busy: Mapping[str, Sequence[Interval]]


async def run_simulation(settings: Settings, address: Json, question: Question, now: datetime, out: Console) -> None:
    """The whole of `python main.py simulate`. `FieldError` names an option that cannot be right."""
    check_question(question)
    async with await Database.connect(**address) as db:
        base = await _in_force(db, settings)
        other = changed_sop(base, question)
        unknown = next((who for who in question.without if who not in other.interviewers), None)
        if unknown is not None:
            raise FieldError("--without", unknown, f"The interviewers are {', '.join(other.interviewers)}.")
        arrivals = _arrivals(question, base, other, now, out)
        world = await _world(db, settings, [base, other], arrivals)
    scenarios = [Scenario(sop=base, busy=world.busy_of(base.interviewers.values()))]
    if question.name:
        scenarios.append(Scenario(sop=other, busy=_absent(question, world, other, now)))
    _warn(question, world, other, now, out)
    runs, more = _simulated(scenarios, arrivals, world.booked, out)
    _show(question, runs, more, out)


def check_question(question: Question) -> None:
    """`FieldError` for what cannot be right whatever is true."""
    chart = question.chart
    if chart is not None and (chart.suffix.lower() != ".png" or not chart.parent.is_dir()):
        raise FieldError("--chart", chart, "Name a .png file in a folder that is there.")
    dates = question.away_from or question.away_to
    if dates and not question.without:
        raise FieldError("--from/--to", dates, "Say with --without who is away then.")


# Reading what is true and what is asked ---------------------------------------------------------------------------


async def _in_force(db: Database, settings: Settings) -> Sop:
    """The SOP in force, or the file's where none is yet."""
    active = await db.active_sop()
    return parse_sop(active["text"], "the SOP in force") if active else load_sop(settings.sop_path)


def changed_sop(base: Sop, question: Question) -> Sop:
    """The SOP with what would be different in it; `SopError` for what cannot be right."""
    sop = load_sop(question.sop) if question.sop else base
    changes: dict[str, object] = {}
    for text in question.changes:
        path, equals, value = text.partition("=")
        if not equals:
            raise FieldError("--set", text, "Write a path and a value, such as courses.java.rounds.core.gap.max=2d.")
        changes[path.strip()] = read_value(value.strip())
    return sop.changed(changes) if changes else sop


def _arrivals(question: Question, base: Sop, other: Sop, now: datetime, out: Console) -> tuple[Arrival, ...]:
    """The candidates of the file, all asked for now, or as many as are to be drawn."""
    today = now.astimezone(base.zone).date()
    if question.csv is None:
        lots = random.Random(question.seed).random  # noqa: S311 - lots for a simulation, not for secrets
        arrivals = draw_candidates(base, question.candidates, first=today, weeks=question.weeks, lots=lots)
        asked = [one.asked.astimezone(base.zone).date() for one in arrivals]
        drawn = f"{plural(len(arrivals), 'candidate')}, drawn with seed {question.seed}, asked for"
        out.print(f"{drawn} from {day_text(min(asked))} to {day_text(max(asked))}.")
        return arrivals
    if not question.csv.is_file():
        raise FieldError("--csv", question.csv, "There is no such file.")
    roster = read_csv(question.csv.read_bytes(), Reference(today=today, courses={**base.courses, **other.courses}))
    if not roster.good:
        raise FieldError("--csv", question.csv, "No row of it can be read; python main.py import says what is wrong.")
    left_out = len({row.line for row in roster.bad})
    out.print(
        f"{plural(len(roster.good), 'candidate')} of {question.csv}, all asked for now."
        + (f" [yellow]{plural(left_out, 'row')} that cannot be read left out.[/]" if left_out else ""),
        highlight=False,
    )
    return tuple(Arrival(asked=now, request=row.request) for row in roster.good)


async def _world(db: Database, settings: Settings, sops: Sequence[Sop], arrivals: Sequence[Arrival]) -> World:
    horizons = [sop.horizon(arrival.request) for sop in sops for arrival in arrivals]
    span = Interval(start=min(one.start for one in horizons), end=max(one.end for one in horizons))
    calendars = build_calendars(settings, await build_providers(settings, db, lambda: sops[-1]))
    try:
        return await look(db, calendars, (person for sop in sops for person in sop.interviewers.values()), span)
    finally:
        await calendars.aclose()


def _absent(question: Question, world: World, sop: Sop, now: datetime) -> dict[str, tuple[Interval, ...]]:
    """Busy times with those who would be away."""
    busy = world.busy_of(sop.interviewers.values())
    for who in question.without:
        busy[who] = (*busy[who], away(question, sop.interviewers[who], world.span, now))
    return busy


def away(question: Question, person: Interviewer, span: Interval, now: datetime) -> Interval:
    """When somebody would be away: the dates in their own zone, and without dates the whole span."""
    today = now.astimezone(person.zone).date()
    first = _date("--from", question.away_from, today) if question.away_from else None
    last = _date("--to", question.away_to, today) if question.away_to else None
    start = instant(first, 0, person.zone) if first else span.start
    end = instant(last, 1440, person.zone) if last else span.end
    if end <= start:
        raise FieldError(
            "--from/--to", f"{first or ''} to {last or ''}", "It ends before it starts, or lies out of reach."
        )
    return Interval(start=start, end=end)


def _date(option: str, text: str, today: date) -> date:
    try:
        [day] = parse_dates(text, today)
    except (FieldError, ValueError) as error:
        raise FieldError(option, text, "Write one date, such as 2026-12-01, 1 Dec or +7d.") from error
    return day


# Running and showing ----------------------------------------------------------------------------------------------


def _simulated(
    scenarios: Sequence[Scenario], arrivals: Sequence[Arrival], booked: Sequence[Interview], out: Console
) -> tuple[list[Simulation], dict[str, Simulation]]:
    """Every scenario, and the last one again with one more hour a day of each who could take a round."""
    last = scenarios[-1]
    takers = dict.fromkeys(who for course in last.sop.courses.values() for who in course.takers)
    columns = (TextColumn("Simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("", total=len(arrivals) * (len(scenarios) + len(takers)))

        def run(sop: Sop, busy: Mapping[str, Sequence[Interval]], what: str) -> Simulation:
            progress.update(task, description=what)
            return simulate(sop, arrivals, busy=busy, booked=booked, progress=lambda: progress.advance(task))

        runs = [run(one.sop, one.busy, "what if" if place else "as it is") for place, one in enumerate(scenarios)]
        more = {
            who: run(with_more_time(last.sop, who), last.busy, f"more of {last.sop.interviewers[who].name}")
            for who in takers
        }
    return runs, more


def _warn(question: Question, world: World, sop: Sop, now: datetime, out: Console) -> None:
    """What the figures do not say: calendars that were not read, interviews that somebody away has already."""
    out.print(f"{plural(len(world.booked), 'interview is', 'interviews are')} booked already. Nothing is written.\n")
    for who, why in world.unread(sop.interviewers.values()).items():
        line = f"{sop.interviewers[who].name}: {why.reason} {why.cure}"
        out.print(f"[yellow]Calendar not read, so taken as busy all the time:[/] {escape(line)}")
    for who in question.without:
        gone = away(question, sop.interviewers[who], world.span, now)
        theirs = sum(who in one.interviewers and one.interval.meets(gone) for one in world.booked)
        if theirs:
            name = sop.interviewers[who].name
            out.print(f"[yellow]{name} has {plural(theirs, 'interview')} then, which would have to move.[/]\n")


def _show(question: Question, runs: Sequence[Simulation], more: Mapping[str, Simulation], out: Console) -> None:
    last = runs[-1]
    found = loads(last)
    out.print(whatif.comparison(runs[0], last if len(runs) > 1 else None, question.name))
    out.print()
    out.print(whatif.refusals(last, never_fit(last)))
    out.print()
    out.print(whatif.interviewers(last, found, more))
    out.print()
    out.print(whatif.bottleneck(last, found, more))
    if question.chart is not None:
        heatmap.save(question.chart, last, found)
        out.print(f"Picture: {question.chart}")
