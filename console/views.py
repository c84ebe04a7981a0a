"""Rows of the database as tables for a terminal. Times are shown in the reader's zone, with the zone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from domain.roster import Roster
from sop import Sop
from utils import local_text, plural

Json = dict[str, Any]


def timetable(rows: Sequence[Json], sop: Sop, tz: ZoneInfo) -> Table:
    """Interviews by candidate, each round on its line: when, what, by whom, and who of them steps in as a backup."""
    table = _table("Candidate", "Round", "When", "Interviewers")
    last = None
    for row in sorted(rows, key=lambda row: (row["number"], row["start"])):
        if last not in (None, row["candidate_id"]):
            table.add_section()
        name = _name(row, sop) if row["candidate_id"] != last else ""
        last = row["candidate_id"]
        table.add_row(name, escape(row["title"]), _when(row["start"], tz), _interviewers(row, sop))
    return table


def agenda(rows: Sequence[Json], sop: Sop, tz: ZoneInfo) -> Table:
    """Interviews by time."""
    table = _table("When", "Candidate", "Course and round", "Interviewers")
    for row in rows:
        course = sop.courses[row["course"]].title if row["course"] in sop.courses else row["course"]
        what = f"{escape(course)}: {escape(row['title'])}"
        table.add_row(_when(row["start"], tz), escape(row["name"]), what, _interviewers(row, sop))
    return table


def queue(rows: Sequence[Json], tz: ZoneInfo) -> Table:
    """Who is being worked on, and who waits in which place."""
    table = _table("Place", "Candidate", "Course", "State", "Since")
    for row in rows:
        place = str(row["position"]) if row["position"] else "now"
        state = row["status"] if row["status"] != "queued" or not row["reason"] else f"queued ({row['reason']})"
        since = _when(row["created_at"], tz)
        table.add_row(place, escape(row["name"]), escape(row["course"]), escape(state), since)
    return table


def escalations(rows: Sequence[Json]) -> RenderableType:
    """What waits for an admin: the reason, and the ways out."""
    return Group(*(_escalation(row) for row in rows))


def roster(found: Roster, new: int) -> RenderableType:
    """What a file gave: how many rows went in, and every mistake of the others with what would be right."""
    known = len(found.good) - new
    there = f"; {plural(known, 'other')} {'was' if known == 1 else 'were'} there already" if known else ""
    lines: list[RenderableType] = [f"{plural(new, 'candidate')} taken in{there}."]
    if found.bad:
        rows = len({row.line for row in found.bad})
        lines.append(f"[yellow]{plural(rows, 'row')} left out; mend and import the file again, nobody is doubled:[/]")
    lines += [Text(f"  line {row.line}: {row.field}: {row.value!r}. {row.hint}") for row in found.bad]
    return Group(*lines)


def candidate(match: Json, sop: Sop, tz: ZoneInfo) -> RenderableType:
    """All about one candidate."""
    request = match["request"]
    course = sop.courses[match["course"]].title if match["course"] in sop.courses else match["course"]
    facts = [
        f"[bold]{escape(match['name'])}[/] <{escape(match['email'])}>, {escape(course)}",
        f"{_state(match)}; entered {_when(match['created_at'], tz)} by {match['source']}",
        f"Window {request['window'][0]} to {request['window'][1]}, slots {escape(_slots(request['slots']))}"
        f" ({escape(request['timezone'] or sop.timezone)})",
    ]
    parts: list[RenderableType] = [*facts]
    if match["interviews"]:
        named = [{**row, "number": match["number"], "name": match["name"]} for row in match["interviews"]]
        parts.append(_rounds(named, sop, tz))
    parts += [_escalation({**row, "name": match["name"]}) for row in match["escalations"] if row["status"] == "open"]
    return Group(*parts)


def audit(rows: Iterable[Json], tz: ZoneInfo) -> Table:
    """What happened, oldest first."""
    table = _table("No.", "When", "What", "Who", "Facts")
    for row in rows:
        facts = ", ".join(_fact(key, value) for key, value in row["detail"].items() if value not in (None, "", [], {}))
        table.add_row(str(row["id"]), _when(row["at"], tz), row["action"], escape(row["actor"]), escape(facts))
    return table


def audit_state(checked: Json) -> str:
    """Whether the log is whole."""
    if checked["ok"]:
        return f"[green]The log is whole[/]: {plural(checked['rows'], 'row')}, each sealing the one before it."
    return f"[red]The log was tampered with[/]: row {checked['broken_at']} does not fit the one before it."


def statistics(rows: Sequence[Json]) -> Table:
    """What calls to calendars have cost, by provider and verb."""
    table = _table("Provider", "Call", "Calls", "Requests", "Retries", "Waited", "Errors", "Quota left")
    for row in rows:
        errors = ", ".join(f"{reason} {count}" for reason, count in row["errors"].items()) or "none"
        left = "no limit" if row["budget_left"] is None else str(row["budget_left"])
        numbers = (str(row[name]) for name in ("calls", "requests", "retries"))
        table.add_row(row["provider"], row["verb"], *numbers, f"{row['waited']:.0f} s", escape(errors), left)
    return table


def estimate(candidates: int, takes: timedelta) -> str:
    """How long the calendar calls of those who wait take at the configured pace."""
    minutes = math.ceil(takes.total_seconds() / 60)
    return f"{plural(candidates, 'candidate')} waiting need about {minutes} min of calendar calls at this pace."


def finding(subject: str, problems: Sequence[str], seen: Sequence[str]) -> RenderableType:
    """What a check found: a line when all is well, and each problem with what to do when not."""
    facts = f" [dim]({escape('; '.join(seen))})[/]" if seen else ""
    mark = "[red]needs a look[/]" if problems else "[green]well[/]"
    return Group(f"[bold]{escape(subject)}[/]: {mark}{facts}", *(Text(f"  {problem}") for problem in problems))


def sop_summary(path: Path, sop: Sop) -> RenderableType:
    """What an SOP has: courses with their rounds, and people."""
    table = _table("Course", "Rounds")
    for course in sop.courses.values():
        table.add_row(escape(course.title), escape(" > ".join(round_.title for round_ in course.rounds)))
    people = plural(len(sop.interviewers), "interviewer")
    title = f"[bold]{escape(str(path))}[/], version {sop.version}: {people}, days in {sop.timezone}."
    return Group(title, "", table, "")


def summary(counts: Mapping[str, int]) -> str:
    """`9 booked, 2 escalated, 1 waiting`: only what there is."""
    words = {
        "booked": "booked",
        "done": "done",
        "escalated": "escalated",
        "queued": "waiting",
        "planning": "being planned",
    }
    words |= {
        "booking": "being booked",
        "set_aside": "set aside",
        "cancelling": "being cancelled",
        "cancelled": "cancelled",
    }
    return ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts.get(key)) or "nobody yet"


def _rounds(rows: Sequence[Json], sop: Sop, tz: ZoneInfo) -> Table:
    table = _table("Round", "When", "Interviewers", "State", "Event")
    for row in rows:
        backups = [seat["interviewer"] for seat in row["seats"] if seat["backup"]]
        people = _interviewers({**row, "backups": backups}, sop)
        table.add_row(escape(row["title"]), _when(row["start"], tz), people, row["status"], _link(row))
    return table


def _link(row: Json) -> Text:
    """A word to click on, where the terminal can."""
    url = row["meeting"] or row["link"]
    return Text("open", style=f"link {url}") if url else Text("")


def _escalation(row: Json) -> RenderableType:
    lines = [Text.from_markup(f"[bold yellow]![/] [bold]{escape(row['name'])}[/]")]
    lines += [Text(f"  {line}") for line in row["reason"].splitlines()]
    if row.get("waiting"):
        lines.append(Text(f"  {plural(row['waiting'], 'candidate')} cannot go on until then."))
    options = [
        f"{option['text']}: {option['gives']}" if option.get("gives") else option["text"]
        for option in row["options"]
        if isinstance(option, dict)
    ]
    if options:
        lines.append(Text("  Ways out:"))
        lines += [Text(f"    - {option}") for option in options]
    return Padding(Group(*lines), (0, 0, 1, 0))


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "When")
    return table


def _name(row: Json, sop: Sop) -> str:
    course = sop.courses[row["course"]].title if row["course"] in sop.courses else row["course"]
    return f"[bold]{escape(row['name'])}[/]\n[dim]{escape(course)}[/]"


def _interviewers(row: Json, sop: Sop) -> str:
    names = []
    for who in row["interviewers"]:
        name = escape(sop.interviewers[who].name if who in sop.interviewers else who)
        names.append(f"{name} [yellow](backup)[/]" if who in row["backups"] else name)
    return ", ".join(names)


def _state(match: Json) -> str:
    if match["status"] == "queued":
        return f"waiting, no. {match['position']} in the queue"
    return str(match["status"]).replace("_", " ")


def _slots(slots: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(
        ("" if days == "mon-sun" else f"{days.title()} ") + ", ".join(spans) for days, spans in slots.items()
    )


def _when(moment: str, tz: ZoneInfo) -> str:
    return local_text(datetime.fromisoformat(moment), tz)


def _fact(key: str, value: object) -> str:
    words = key.replace("_", " ")
    if isinstance(value, list):
        return f"{len(value)} {words}"
    if isinstance(value, dict):
        return f"{words} " + " ".join(f"{name}={part}" for name, part in value.items() if part)
    text = str(value)
    return f"{words} {text if len(text) <= 40 else text[:39] + '…'}"
