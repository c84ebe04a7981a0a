"""Simulations as tables for a terminal: as it is beside what if, and what it means for each interviewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from sop import Sop
from sop.loads import Load
from sop.simulation import Simulation, median, within
from utils import plural


def comparison(base: Simulation, other: Simulation | None, name: str) -> Table:
    """How many get through and how soon, in all and by course. `name` says what is different in the other."""
    table = _table("", "As it is", *([escape(name)] if other else []))
    table.show_header = other is not None
    for label, value in _rows(base, other):
        table.add_row(
            label, *(value(one) if one is base else _beside(value, base, one) for one in (base, other) if one)
        )
    return table


Value = Callable[[Simulation], str]


def _rows(base: Simulation, other: Simulation | None) -> list[tuple[str, Value]]:
    courses = {course.id: course.title for one in (other, base) if one for course in one.sop.courses.values()}
    rows: list[tuple[str, Value]] = [
        ("Get through", lambda one: _of(len(one.plans), len(one.outcomes))),
        ("Days to finish, median", lambda one: _or_none(median(one.days()))),
        ("Days to finish, 90 %", lambda one: _or_none(within(one.days(), 0.9))),
        ("Seats that go to backups", _backups),
    ]
    for course, title in courses.items():
        if base.asked_for(course):
            rows.append((escape(title), _of_course(course)))
    return rows


def _of_course(course: str) -> Value:
    def value(one: Simulation) -> str:
        days = one.days(course)
        soon = f", {plural(median(days) or 0, 'day')}" if days else ""
        return f"{_of(len(days), one.asked_for(course))}{soon}"

    return value


def _of(count: int, total: int) -> str:
    return f"{count} of {total}"


def _or_none(value: int | None) -> str:
    return "-" if value is None else str(value)


def _backups(one: Simulation) -> str:
    seats = sum(len(interview.interviewers) for interview in one.added)
    backups = sum(made.cost.backups for made in one.plans)
    return f"{100 * backups / seats:.0f} %" if seats else "-"


def _beside(value: Value, base: Simulation, other: Simulation) -> str:
    """The other's value, set off where it differs."""
    ours, theirs = value(base), value(other)
    return theirs if ours == theirs else f"[bold]{theirs}[/]"


def refusals(simulation: Simulation, never: int) -> RenderableType:
    """Who does not get through, and where they are stuck. `never` are those who could not even if everybody were free."""
    refused = len(simulation.refused)
    if not refused:
        return "Everybody gets through."
    gone = sum(one.result is None for one in simulation.refused)
    taken = refused - never - gone
    why = {
        "never could, however free everybody is: the slots do not suit the hours, gaps and limits": never,
        "could, if less were taken": taken,
        "asked for a course that is not there": gone,
    }
    stuck = [f"{escape(_round(simulation.sop, *place))} {count}" for place, count in simulation.stuck.most_common()]
    return Group(
        f"{plural(refused, 'candidate does', 'candidates do')} not get through.",
        *(f"  {count} {text}" for text, count in why.items() if count),
        f"[dim]  Stuck at: {', '.join(stuck)}.[/]",
    )


def _round(sop: Sop, course_id: str, round_id: str) -> str:
    if course_id not in sop.courses:
        return course_id
    course = sop.courses[course_id]
    return (
        f"{course.rounds[course.position(round_id)].title} ({course.title})"
        if round_id
        else f"{course.title} as a whole"
    )


LEGEND = (
    "Used: how much of the free time at work the added interviews take. Keeps out: who would get through if this person had "
    "nothing else and no limits. +1 h a day: what one hour more at work would give, and one interview more a day where there is "
    "a limit."
)


def interviewers(simulation: Simulation, found: Sequence[Load], more: Mapping[str, Simulation]) -> RenderableType:
    """How full everybody is, and what one more hour a day of each would give (`more`)."""
    table = _table("Interviewer", "Booked", "Added", "Used", "At the limit", "Keeps out", "+1 h a day")
    for column in table.columns[1:6]:
        column.justify = "right"
    for one in found:
        person = simulation.sop.interviewers[one.who]
        limit = f"{one.full} of {plural(one.possible, 'week' if person.weekly_limit is not None else 'day')}"
        table.add_row(
            escape(person.name),
            str(one.booked or "-"),
            str(one.added or "-"),
            "-" if one.share is None else f"{100 * one.share:.0f} %",
            "no limit" if person.weekly_limit is None and person.daily_limit is None else limit,
            str(one.keeps_out or "-"),
            _gain(simulation, more[one.who]) if one.who in more else "",
        )
    return Group(table, "", f"[dim]{LEGEND}[/]")


def _gain(before: Simulation, after: Simulation) -> str:
    """What is different: more or fewer who get through, and the days it takes."""
    count = len(after.plans) - len(before.plans)
    sooner = [
        f"{label} {was} → {now}"
        for label, share in (("median", 0.5), ("90 %", 0.9))
        if (was := within(before.days(), share)) and (now := within(after.days(), share)) is not None and now < was
    ]
    parts = [f"{count:+d} through"] * bool(count) + [f"{', '.join(sooner)} days"] * bool(sooner)
    return ", ".join(parts) or "-"


def bottleneck(simulation: Simulation, found: Sequence[Load], more: Mapping[str, Simulation]) -> str:
    """The one sentence: whose time is missing most."""
    gains = {one.who: len(more[one.who].plans) - len(simulation.plans) for one in found if one.who in more}
    if not found or not (max(gains.values(), default=0) > 0 or found[0].keeps_out):
        return "Nobody's time is a bottleneck: one hour more a day of anybody would bring nobody more through."
    worst = max(found, key=lambda one: (gains.get(one.who, 0), one.keeps_out))
    name, gain = escape(simulation.sop.interviewers[worst.who].name), max(gains.get(worst.who, 0), 0)
    kept = f", whose time alone keeps {plural(worst.keeps_out, 'candidate')} out" if worst.keeps_out else ""
    return f"The bottleneck is [bold]{name}[/]{kept}: one hour more a day would bring {gain} more through."


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
