"""Looking further: the agenda, interviewers and their load, what the scheduler has done, what happened. Nothing is changed here.

Each answers with a card that can be turned by buttons and, where somebody may want to keep it, sent as a file. The buttons of a
card say what it shows, so that it is looked up anew at every tap. The week as a picture is drawn in `pictures.py`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from chat import cards, interviewing, linking
from chat.buttons import Card, Choice, Commanded, Desk, Step, Tapped, turning
from chat.finding import one
from chat.foresight import outlook_lines, unread_lines
from chat.markup import Json, attach, bold, code, esc
from chat.pictures import Week, unreadable, week_picture
from chat.tables import csv_file
from domain.errors import FieldError
from domain.intake import parse_window
from sop.model import Interviewer
from utils import as_utc, length_text, plural, whole_days

_ROWS = 20  # on a page
_PEOPLE = 10  # on a page, for each takes several lines
_MOST_NAMESAKES = 3
_AHEAD = timedelta(days=366)
_BEHIND = timedelta(days=366)
_MONTH = timedelta(days=30)
_DONE = {  # what the log calls otherwise than people do
    "enqueued": "taken in",
    "requeued": "queued again",
    "claimed": "taken up",
    "released": "put back into the queue",
    "reserved": "times reserved",
    "unreserved": "times given back",
    "replan_asked": "change asked for",
    "replan_withdrawn": "change withdrawn",
    "stood": "left as booked",
    "undone": "taken back",
}


# The agenda ---------------------------------------------------------------------------------------------------------------------


async def agenda(desk: Desk, words: str) -> Step:
    """The interviews of a day, of a stretch of days, of an interviewer (`mine`: who asks) or of a candidate; those of today when
    none is named."""
    today = _today(desk)
    if words.lower() == "mine":
        return await interviewing.agenda(desk, "")
    if words.lower() == "week":
        return await _agenda(desk, _stretch(today, today + timedelta(days=6)))
    try:
        return await _agenda(desk, _stretch(*parse_window(words or "today", today)))
    except FieldError as mistake:
        return await _agenda_of(desk, words, mistake)


async def _agenda_of(desk: Desk, words: str, mistake: FieldError) -> Step:
    """The agenda of whom the words name, since they name no dates; of an interviewer with ways to candidates of that name."""
    people = _named(desk, words)
    found = (await desk.db.show_candidate(needle=words, limit=_MOST_NAMESAKES))["matches"]
    if len(people) == 1:
        namesakes = [{"id": match["id"], "name": match["name"]} for match in found]
        return await _agenda(desk, {"do": "agenda", "interviewer": people[0].id, "namesakes": namesakes})
    if not found:
        tries = ", ".join(code(f"/agenda {example}") for example in ("tomorrow", "week", "1-12 Dec", "Priya"))
        tries = " or ".join(tries.rsplit(", ", 1))
        lines = [
            f"I know nobody called {code(words[:100])}, and cannot use it as dates. {esc(mistake.hint)}",
            f"Try {tries}.",
        ]
        return desk.shows(lines)
    match, otherwise = await one(desk, words, "agenda")
    return await _agenda(desk, {"do": "agenda", "candidate": match["id"]}) if match else otherwise


async def _agenda(desk: Desk, action: Json) -> Step:
    """A page of an agenda; as a file, too, where that was asked for."""
    rows, title = await _interviews(desk, action)
    place = min(action.get("place", 0), max(0, len(rows) - 1) // _ROWS)
    shown = {name: value for name, value in action.items() if name != "as"} | {"place": place}
    one_day = "first" in action and action["first"] == action["last"]
    lines = cards.agenda(rows[place * _ROWS : (place + 1) * _ROWS], title, desk.sop, one_day=one_day)
    files: list[Choice] = [("📄 As .csv", shown | {"as": "csv"}), ("📅 As .ics", shown | {"as": "ics"})]
    buttons = [*turning(shown, place, len(rows), _ROWS), files] if rows else []
    namesakes = action.get("namesakes", ())
    buttons += [[(f"Candidate {match['name']}", {"do": "agenda", "candidate": match["id"]})] for match in namesakes]
    says: list[Card | Json] = [Card(lines=lines, rows=buttons)]
    if rows and "as" in action:
        says.append(_agenda_file(desk, action["as"], rows))
    return Step(says=says, state=desk.state)


async def _interviews(desk: Desk, action: Json) -> tuple[list[Json], str]:
    """The interviews that an agenda shows, and its title."""
    if "first" in action:
        first, last = date.fromisoformat(action["first"]), date.fromisoformat(action["last"])
        start, end = whole_days(first, last, desk.sop.zone)
        return await desk.db.agenda(start=start, end=end), cards.days_text(first, last)
    now = desk.context.now
    if "interviewer" in action:
        rows = await desk.db.agenda(start=now, end=now + _AHEAD, interviewer=action["interviewer"])
        return rows, f"{cards.person_name(desk.sop, action['interviewer'])}, from now on"
    rows = await desk.db.agenda(start=now - _BEHIND, end=now + _AHEAD)
    mine = [row for row in rows if row["candidate_id"] == action["candidate"]]
    match = (await desk.db.show_candidate(needle=action["candidate"]))["matches"][0]
    return mine, match["name"]


def _agenda_file(desk: Desk, kind: str, rows: Sequence[Json]) -> Json:
    if kind == "ics":
        return attach("agenda.ics", desk.ics(desk.sop, rows, desk.context.now))
    header = ("start", "end", "candidate", "email", "course", "round", "interviewers", "backups", "status", "link")
    return attach("agenda.csv", csv_file(header, [_cells(desk, row) for row in rows]))


def _cells(desk: Desk, row: Json) -> tuple[object, ...]:
    start, end = (datetime.fromisoformat(row[name]).astimezone(desk.sop.zone).isoformat() for name in ("start", "end"))
    people, backups = (
        ", ".join(cards.person_name(desk.sop, who) for who in row[name]) for name in ("interviewers", "backups")
    )
    course = cards.course_title(desk.sop, row["course"])
    return (
        start,
        end,
        row["name"],
        row["email"],
        course,
        row["title"],
        people,
        backups,
        row["status"],
        row["meeting"] or row["link"],
    )


# Interviewers -------------------------------------------------------------------------------------------------------------------


async def interviewers(desk: Desk, words: str) -> Step:
    """Everybody's load this week against the limits, their next interview, when they are free next, how their calendar is."""
    return await _interviewers(desk, {"do": "interviewers"})


async def _interviewers(desk: Desk, action: Json) -> Step:
    now, place = desk.context.now, action.get("place", 0)
    monday = _monday(_today(desk))
    start, end = whole_days(monday, monday + timedelta(days=6), desk.sop.zone)
    load = {row["interviewer"]: row for row in await desk.db.interviewer_load(start=start, end=end)}
    coming = await desk.db.next_interviews(start=now, end=now + _MONTH)
    away = await desk.db.blocks_between(start=now, end=now + _MONTH)
    linked = {row["interviewer"] for row in await desk.db.linked_interviewers()}
    people = list(desk.sop.interviewers.values())
    page = people[place * _PEOPLE : (place + 1) * _PEOPLE]
    ahead = await desk.foresight.openings(desk.sop, page, now)
    lines = [f"👥 {bold(plural(len(people), 'interviewer'))}, week of {cards.window_text(monday, monday)}"]
    for person in page:
        lines += ["", *_interviewer(desk, person, load.get(person.id), coming.get(person.id), away)]
        lines += ["Linked to this chat."] * (person.id in linked)
        lines += outlook_lines(ahead[person.id], desk.sop.zone) if person.id in ahead else []
    lines += unread_lines(page, ahead)
    shown = {"do": "interviewers", "place": place}
    file: list[Choice] = [("📄 As .csv", shown | {"as": "csv"})]
    rows = [*turning(shown, place, len(people), _PEOPLE), file, *linking.way_in(desk)]
    says: list[Card | Json] = [Card(lines=lines, rows=rows)]
    if "as" in action:
        says.append(_load_file(desk, people, load, coming))
    return Step(says=says, state=desk.state)


def _load_file(desk: Desk, people: Sequence[Interviewer], load: Mapping[str, Json], coming: Mapping[str, Json]) -> Json:
    header = ("name", "email", "timezone", "this_week", "as_backup", "weekly_limit", "next")
    table = []
    for person in people:
        has, then = load.get(person.id, {"interviews": 0, "as_backup": 0}), coming.get(person.id)
        start = datetime.fromisoformat(then["start"]).astimezone(desk.sop.zone).isoformat() if then else ""
        table.append(
            (
                person.name,
                person.email,
                person.timezone,
                has["interviews"],
                has["as_backup"],
                person.weekly_limit,
                start,
            )
        )
    return attach("interviewers.csv", csv_file(header, table))


def _interviewer(
    desk: Desk, person: Interviewer, load: Json | None, following: Json | None, away: Sequence[Json]
) -> list[str]:
    """One person: the load, the next interview, and when they cannot come."""
    count = load["interviews"] if load else 0
    limit = f" of {person.weekly_limit}" if person.weekly_limit else ""
    backup = f", {load['as_backup']} as backup" if load and load["as_backup"] else ""
    lines = [f"{bold(person.name)}: {count}{limit} this week{backup}"]
    if following:
        when = cards.when(following["start"], desk.sop.zone)
        lines.append(f"Next: {esc(when)}, {esc(following['title'])} with {esc(following['name'])}")
    for block in away:
        if block["interviewer"] == person.id:
            first, last = (cards.when(block[name], desk.sop.zone) for name in ("start", "end"))
            lines.append(f"{cards.GIVEN_UP} Cannot come from {esc(first)} to {esc(last)}")
    return lines


# The week as a picture ----------------------------------------------------------------------------------------------------------


async def week(desk: Desk, words: str) -> Step:
    """A timetable of a week as a picture: this one, the next one, or the one with a date."""
    today = _today(desk)
    try:
        day = (
            today
            if words.lower() in {"", "this"}
            else parse_window("next week" if words.lower() == "next" else words, today)[0]
        )
    except FieldError as mistake:
        lines = [
            f"I cannot use {code(mistake.value)}. Try {code('/week')}, {code('/week next')} or {code('/week 7 Dec')}."
        ]
        return desk.shows(lines)
    monday = _monday(day)
    start, end = whole_days(monday, monday + timedelta(days=6), desk.sop.zone)
    drawn = Week(rows=await desk.db.agenda(start=start, end=end), monday=monday, today=today, sop=desk.sop)
    caption = f"{cards.AGENDA} {esc(cards.days_text(monday, monday + timedelta(days=6)))}"
    if names := unreadable(drawn):
        caption += f"\nThe picture has no letters for {esc(', '.join(names)[:300])}: see {code('/agenda ' + monday.isoformat())}."
    return Step(says=[attach(f"week-{monday}.png", week_picture(drawn), caption)], state=desk.state)


# What was done ------------------------------------------------------------------------------------------------------------------


async def stats(desk: Desk, words: str) -> Step:
    """What the scheduler has done in the last 30 days, and what calls to calendars have cost in the last 7."""
    now = desk.context.now
    numbers, counts = await desk.db.numbers_since(since=now - _MONTH), await desk.db.queue_counts()
    calls = await desk.db.statistics_since(day=(as_utc(now) - timedelta(days=7)).date())
    took = numbers["median_seconds"]
    waiting = sum(counts[name] for name in ("queued", "planning", "booking"))
    lines = [
        f"📊 {bold('The last 30 days')}",
        f"{plural(numbers['came'], 'candidate')} came in: {numbers['booked']} booked, {numbers['escalated']} needed a decision, "
        f"{numbers['cancelled']} cancelled.",
        f"From coming in to being booked: {length_text(took)} at the median."
        if took is not None
        else "Nobody was booked yet.",
        f"Now: {waiting} waiting, {counts['escalated'] + counts['set_aside']} waiting for an admin.",
        "",
        bold("Calls to calendars in the last 7 days"),
        *(_calls(rows) for rows in _by_provider(calls)),
    ]
    return desk.shows(lines if calls else [*lines, "None."])


def _by_provider(rows: Sequence[Json]) -> list[list[Json]]:
    return [[row for row in rows if row["provider"] == name] for name in dict.fromkeys(row["provider"] for row in rows)]


def _calls(rows: Sequence[Json]) -> str:
    """One provider: calls, repeats, failures and what its quota still grants."""
    calls, retries = (sum(row[name] for row in rows) for name in ("calls", "retries"))
    errors: dict[str, int] = {}
    for row in rows:
        for reason, count in row["errors"].items():
            errors[reason] = errors.get(reason, 0) + count
    failed = (
        ", failed: " + ", ".join(f"{reason} {count}" for reason, count in errors.items()) if errors else ", none failed"
    )
    left = [row["budget_left"] for row in rows if row["budget_left"] is not None]
    quota = f"; quota left: {min(left)}" if left else ""
    return f"{esc(rows[0]['provider'])}: {plural(calls, 'call')}, {retries} of them repeated{esc(failed)}{quota}."


async def audit(desk: Desk, words: str) -> Step:
    """What happened to a candidate, or lately to all, oldest first."""
    if not words:
        return await _audit(desk, {"do": "audit", "candidate": None})
    match, otherwise = await one(desk, words, "audit", ended=True)
    return await _audit(desk, {"do": "audit", "candidate": match["id"]}) if match else otherwise


async def _audit(desk: Desk, action: Json) -> Step:
    rows = await desk.db.audit_trail(candidate_id=action["candidate"], limit=1_000)
    pages = max(0, len(rows) - 1) // _ROWS
    place = min(action.get("place", pages), pages)  # the newest page first
    shown = {"do": "audit", "candidate": action["candidate"], "place": place}
    whose = f" to {bold(rows[-1]['name'])}" if action["candidate"] and rows else ""
    lines = [
        f"🔎 {bold('What happened')}{whose}",
        "",
        *_entries(desk, rows[place * _ROWS : (place + 1) * _ROWS], await desk.admins(), named=not whose),
    ]
    if action["candidate"] is None:
        checked = await desk.db.verify_audit()
        state = (
            f"{cards.BOOKED} The log is whole."
            if checked["ok"]
            else f"{cards.NEEDED} Row {checked['broken_at']} was tampered with."
        )
        lines += ["", state]
    files: list[Choice] = [("📄 As .csv", shown | {"as": "csv"})]
    says: list[Card | Json] = [Card(lines=lines, rows=[*turning(shown, place, len(rows), _ROWS), files])]
    if "as" in action:
        names = ("id", "at", "name", "action", "actor", "sop_version")
        table = [(*map(row.get, names), json.dumps(row["detail"], ensure_ascii=False)) for row in rows]
        says.append(attach("audit.csv", csv_file(("no", "at", "candidate", "action", "actor", "sop", "detail"), table)))
    return Step(says=says, state=desk.state)


def _entries(desk: Desk, rows: Sequence[Json], names: Mapping[int, str], *, named: bool) -> Iterator[str]:
    """A line for each row, `named` after its candidate; what follows upon itself is told once, with how often."""
    texts = (_entry(desk, row, names, named=named) for row in rows)
    for text, same in itertools.groupby(texts):
        count = len(list(same))
        yield text + (f", {count} times" if count > 1 else "")


def _entry(desk: Desk, row: Json, names: Mapping[int, str], *, named: bool) -> str:
    when = cards.when(row["at"], desk.sop.zone)
    kind, _, who = row["actor"].partition(":")
    name = names.get(int(who)) if kind == "telegram" and who.isdigit() else None
    if kind == "interviewer":
        name = cards.person_name(desk.sop, who)
    whom = f"{esc(row['name'])}, " if named and row["name"] else ""
    what = bold(_DONE.get(row["action"], row["action"].replace("_", " ")))
    return f"{esc(when)}: {whom}{what} by {esc(name or cards.actor_text(row['actor']))}"


# Shared -------------------------------------------------------------------------------------------------------------------------


def _today(desk: Desk) -> date:
    return desk.context.reference.today


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _stretch(first: date, last: date) -> Json:
    return {"do": "agenda", "first": first.isoformat(), "last": last.isoformat()}


def _named(desk: Desk, words: str) -> list[Interviewer]:
    """Interviewers whom the words can mean: by id, else by a part of the name."""
    wanted = words.strip().lower()
    people = desk.sop.interviewers
    if wanted in people:
        return [people[wanted]]
    return [person for person in people.values() if wanted and wanted in person.name.lower()]


ACTIONS: Mapping[str, Tapped] = {"agenda": _agenda, "interviewers": _interviewers, "audit": _audit}

COMMANDS: Mapping[str, tuple[str, Commanded]] = {
    "agenda": ("Interviews: /agenda today, tomorrow, week, Priya", agenda),
    "week": ("The week as a picture: /week next", week),
    "interviewers": ("Who has how much to do, who is free next", interviewers),
    "stats": ("What was done, and what it took", stats),
    "audit": ("What happened: /audit Priya", audit),
}
