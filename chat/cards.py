"""Drafts, candidates, the queue and the agenda as text for a chat, and what all cards share. Pure: values in, lines of HTML out.

One sign for one meaning, here and on buttons: ⏳ waits, ✅ booked, 🏁 done, ❗ needs an admin, ✖️ given up, ↩ taken back,
📝 a draft, 📅 dates and the agenda, ✓ marked, 👥 people, 📊 numbers, 🔎 the log, 📘 the SOP, 📄 and 📎 a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from chat.markup import Json, bold, code, esc, italic, link, listed, paragraphs
from domain.hours import WeekHours
from domain.intake import Course
from sop import Sop
from sop.model import Interviewer
from utils import day_text, local_text, plural

WAITS, BOOKED, DONE, NEEDED, GIVEN_UP, UNDO = "⏳", "✅", "🏁", "❗", "✖️", "↩"
DRAFT, AGENDA, MARKED = "📝", "📅", "✓"
STATES = {
    "queued": f"{WAITS} waits in the queue",
    "planning": f"{WAITS} is being planned",
    "booking": f"{WAITS} is being booked: events are being written",
    "booked": f"{BOOKED} is booked",
    "done": f"{DONE} has had all interviews",
    "escalated": f"{NEEDED} waits for an admin's decision",
    "set_aside": f"{NEEDED} was set aside and waits for an admin",
    "cancelling": f"{GIVEN_UP} is being cancelled",
    "cancelled": f"{GIVEN_UP} was cancelled",
}
ACCEPTED, DECLINED, AWAY = "accepted", "declined", "away"  # what interviewers say; the last in their calendar
LABELS = {
    "name": "Name",
    "email": "Email",
    "course": "Course",
    "window": "Dates",
    "slots": "Times",
    "timezone": "Time zone",
    "blocked_dates": "Blocked dates",
    "preferred_slots": "Preferred times",
}
WAYS, CHOICES = "What would make it possible:", "What you can choose:"
_MOST_LISTED = 40


def state(name: str, status: str) -> str:
    """`⏳ Ann waits in the queue`, from a name and a status."""
    sign, _, words = STATES[status].partition(" ")
    return f"{sign} {bold(name)} {esc(words)}"


# A candidate who is being taken in --------------------------------------------------------------------------------------------


def draft(values: Json, courses: Mapping[str, Course], timezone: str) -> list[str]:
    """The card of a draft: the name, then every field that says something. `timezone` is the SOP's."""
    shown = {field: value_text(field, values.get(field), courses, timezone) for field in LABELS}
    return [
        f"{DRAFT} {bold(shown['name'])}",
        *(f"{LABELS[field]}: {esc(text)}" for field, text in shown.items() if field != "name" and text != "none"),
    ]


def value_text(field: str, value: Any, courses: Mapping[str, Course], timezone: str) -> str:
    """What a draft has in a field, in words; `none` for an optional field with nothing in it."""
    if field == "course" and value:
        return courses[value].title if value in courses else str(value)
    if field == "window" and value:
        return window_text(*map(date.fromisoformat, value))
    if field in {"slots", "preferred_slots"} and value:
        return str(WeekHours.parse(value))
    if field == "timezone":
        return str(value or f"{timezone} (the SOP's)")
    if field == "blocked_dates" and value:
        return dates_text([date.fromisoformat(day) for day in value])
    return str(value or "none")


def dates_text(days: Iterable[date]) -> str:
    """Sorted dates, those in a row as a range."""
    ranges: list[list[date]] = []
    for day in days:
        if ranges and (day - ranges[-1][-1]).days == 1:
            ranges[-1].append(day)
        else:
            ranges.append([day])
    return listed([window_text(days[0], days[-1]) for days in ranges], _MOST_LISTED)


def days_text(first: date, last: date) -> str:
    """`Tue 1 Dec 2026 to Sat 12 Dec 2026`; a single day is just that."""
    return day_text(first) if first == last else f"{day_text(first)} to {day_text(last)}"


def window_text(first: date, last: date) -> str:
    """`Tue 1 Dec 2026 to Sat 12 Dec 2026 (12 days)`; a single day is just that."""
    count = f" ({plural((last - first).days + 1, 'day')})" if first != last else ""
    return days_text(first, last) + count


def open_already(candidate: Json) -> list[str]:
    """That a candidate is open already with this email address and course, and what can be done."""
    words = STATES[candidate["status"]].partition(" ")[2]
    stuck = candidate["status"] in {"escalated", "set_aside"}
    ways = "Try again with this instead, change" if stuck else "Change"
    return [
        f"{NEEDED} {bold(candidate['name'])} already has this course open with this email address and {esc(words)}: "
        f"see {code('/status ' + candidate['name'])}.",
        f"{ways} the email or the course here, or cancel.",
    ]


def queued(about: Json, outcome: Json) -> list[str]:
    """What came of taking a candidate in. `about` has the `name`, the `course`'s title and the lines of the `card`."""
    name, course = bold(about["name"]), esc(about["course"])
    if outcome["duplicate"] == "open":
        return [
            f"{name} already has {course} open with this email address, so nothing was added.",
            f"See {code('/status ' + about['name'])}.",
        ]
    if outcome["status"] == "queued":
        return [
            *about["card"],
            "",
            f"{WAITS} Queued, no. {outcome['position']}. {result_told(outcome)}",
        ]
    return [*about["card"], "", f"{state(about['name'], outcome['status'])}, taken in before."]


def result_told(outcome: Json, what: str = "there is a result") -> str:
    """When somebody hears of whom they have taken in."""
    paused = "The queue is paused; /resume goes on. " if outcome.get("paused") else ""
    return f"{paused}I will write here when {what}."


# What admins ask for ------------------------------------------------------------------------------------------------------------


def move_lines(move: Json, tz: ZoneInfo, before: str, after: str) -> list[str]:
    """A round that moves: what it was and what it becomes, each after its word."""
    lines = [bold(move["title"])]
    for label, place in ((before, move["before"]), (after, move["after"])):
        if place:
            people = ", ".join(person["name"] for person in place["interviewers"])
            lines.append(f"    {label}: {esc(times(place['start'], place['end'], tz))} with {esc(people)}")
    return lines


def why_and_ways(row: Json, heading: str = WAYS) -> list[str]:
    """The reason, and what an admin can choose from where that is known."""
    ways = [option for option in row.get("options") or () if isinstance(option, dict) and option.get("text")]
    return [
        *paragraphs(row["reason"]),
        *(["", heading] if ways else []),
        *(f"• {esc(way_text(way))}" for way in ways),
    ]


def way_text(option: Json) -> str:
    """A way out, with what comes of it where that is known: `Extend the window by 2 days: done by Mon 14 Dec, no backups`."""
    return f"{option['text']}: {option['gives']}" if option.get("gives") else str(option["text"])


def round_lines(
    place: int, title: str, start: str, end: str, people: Iterable[tuple[str, bool]], tz: ZoneInfo
) -> list[str]:
    """A round in two lines: what and with whom, then when. `people` are names and whether they step in as a backup."""
    return [f"{place}. {bold(title)} with {_people(people)}", f"    {esc(times(start, end, tz))}"]


def agenda_line(start: datetime, title: str, candidate: str, people: Iterable[tuple[str, bool]]) -> str:
    """An interview of a day in one line. `start` is in the zone it is shown in, `people` as in `round_lines`."""
    return f"{start:%H:%M} {esc(title)}: {bold(candidate)} with {_people(people)}"


def _people(people: Iterable[tuple[str, bool]]) -> str:
    return ", ".join(esc(name) + (f" {italic('(backup)')}" if backup else "") for name, backup in people)


def when(moment: str, tz: ZoneInfo) -> str:
    """`Tue 1 Dec 09:00 PST`, from an instant in ISO form."""
    return local_text(datetime.fromisoformat(moment), tz)


def times(start: str, end: str, tz: ZoneInfo) -> str:
    """`Tue 1 Dec 09:00 to 10:00 PST`, from two instants in ISO form."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    before, _, label = local_text(first, tz).rpartition(" ")
    after, _, last_label = local_text(last, tz).rpartition(" ")
    same_day = first.astimezone(tz).date() == last.astimezone(tz).date()
    change = f" {label}" if label != last_label else ""  # the clocks change during the interview
    return f"{before}{change} to {after.rpartition(' ')[2] if same_day else after} {last_label}"


def queue(rows: Sequence[Json], counts: Mapping[str, int], sop: Sop) -> list[str]:
    """Who is being worked on and who waits, and how many there are of every kind."""
    lines = [_queue_line(row, sop) for row in rows]
    needed = counts["escalated"] + counts["set_aside"]
    totals = (
        f"{BOOKED} {counts['booked']} booked, {DONE} {counts['done']} done, {NEEDED} {needed} waiting for an admin, "
        f"{GIVEN_UP} {counts['cancelled']} cancelled."
    )
    return [bold("Queue"), *(lines or ["Nobody waits."]), "", totals]


def _queue_line(row: Json, sop: Sop) -> str:
    place = f"{row['position']}." if row["status"] == "queued" else WAITS
    doing = "" if row["status"] == "queued" else f", {esc(STATES[row['status']].partition(' ')[2])}"
    return f"{place} {bold(row['name'])}, {esc(course_title(sop, row['course']))}{doing}"


def agenda(rows: Sequence[Json], title: str, sop: Sop, *, one_day: bool) -> list[str]:
    """Interviews under a title, by day, in the SOP's zone; those of one day without naming it again."""
    tz = sop.zone
    lines = [f"{AGENDA} {bold(title)}"]
    day = None
    for row in rows:
        there = datetime.fromisoformat(row["start"]).astimezone(tz)
        if there.date() != day and not one_day:
            lines += ["", bold(day_text(there.date()))]
        day = there.date()
        people = [(_with_answer(sop, who, row, row["answers"]), who in row["backups"]) for who in row["interviewers"]]
        lines.append(agenda_line(there, row["title"], row["name"], people))
    if not rows:
        lines.append("No interviews.")
    return [*lines, "", f"Times are in {esc(sop.timezone)}."]


def status(match: Json, sop: Sop) -> list[str]:
    """Where one candidate is: what was asked for, each round, and what is to be decided."""
    request = match["request"]
    place = f", no. {match['position']}" if match["status"] == "queued" else ""
    lines = [
        f"{state(match['name'], match['status'])}{place}.",
        esc(course_title(sop, match["course"])),
        "",
    ]
    lines += standing_lines(match, sop, links=True)
    for row in match["escalations"]:
        if row["status"] == "open":
            lines += why_and_ways(row)
    lines += [""] if lines[-1] else []
    asked = draft(request, sop.courses, sop.timezone)[1:]
    return [*lines, *(line for line in asked if not line.startswith(f"{LABELS['course']}:"))]


def standing_lines(match: Json, sop: Sop, *, links: bool = False) -> list[str]:
    """A candidate's interviews that are not cancelled, in the candidate's zone, those that are over saying so; with `links` to
    their events and meetings."""
    tz = ZoneInfo(match["request"]["timezone"] or sop.timezone)
    lines = []
    for row in match["interviews"]:
        if row["status"] != "cancelled":
            answers = [one for one in match["answers"] if one["interview_id"] == row["id"]]
            people = [(_with_answer(sop, seat["interviewer"], row, answers), seat["backup"]) for seat in row["seats"]]
            what, when = round_lines(row["position"] + 1, row["title"], row["start"], row["end"], people, tz)
            lines += [what, f"{when}, done" if row["status"] == "done" else when]
            lines += places(row) if links else []
    return lines


def places(row: Json) -> list[str]:
    """A line with links to the event and the meeting of an interview, as far as there are any."""
    links = [link("Event", row["link"]), link("Meeting", row["meeting"])]
    return [f"    {' · '.join(filter(None, links))}"] if any(links) else []


def course_title(sop: Sop, course: str) -> str:
    """What people call a course; its id when the SOP in force no longer has it."""
    return sop.courses[course].title if course in sop.courses else course


def person_name(sop: Sop, who: str) -> str:
    """What people call an interviewer; the id when the SOP in force no longer has it."""
    return sop.interviewers[who].name if who in sop.interviewers else who


def said(person: Interviewer, answers: Iterable[Json], in_calendar: Mapping[str, Json]) -> str:
    """What an interviewer has said to an interview, in the chat or in their calendar; empty when nothing. Who has declined in the
    calendar has done so whatever they say here."""
    here = next((str(one["answer"]) for one in answers if one["interviewer"] == person.id), "")
    return AWAY if here != DECLINED and person.email.lower() in in_calendar else here


def _with_answer(sop: Sop, who: str, row: Json, answers: Iterable[Json]) -> str:
    """What people call an interviewer, with what they have said to an interview."""
    if who not in sop.interviewers:
        return who
    person = sop.interviewers[who]
    word = {"": "", ACCEPTED: " (accepted)"}.get(said(person, answers, row["event_answers"]), " (cannot come)")
    return f"{person.name}{word}"


def actor_text(actor: str) -> str:
    """Who did something, in words that need no names."""
    kind, _, who = actor.partition(":")
    words = {
        "telegram": f"admin {who}",
        "interviewer": f"interviewer {who}",
        "worker": "the scheduler",
        "database": "the scheduler",
        "cli": f"{who} at the command line",
    }
    return words.get(kind, f"the {actor}")
