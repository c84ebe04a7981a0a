"""What interviewers read of their own interviews: news, reminders, the agenda, and the buttons below. Pure; times are theirs.

Rows are those of `Database.agenda`. Nobody else's interview is ever among them, so nothing here names anybody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from chat.buttons import Choice
from chat.cards import (
    ACCEPTED,
    AGENDA,
    AWAY,
    BOOKED,
    DECLINED,
    GIVEN_UP,
    course_title,
    person_name,
    places,
    said,
    times,
)
from chat.markup import Json, bold, esc
from sop import Sop
from sop.model import Interviewer
from utils import day_text

_NEWS = {
    "booked": f"{BOOKED} New: ",
    "moved": f"{AGENDA} Moved: ",
    "given": f"{GIVEN_UP} No longer yours: ",
    "cancelled": f"{GIVEN_UP} Cancelled: ",
}
_ENDS = {"given": "    Somebody else takes it."}
_SAID = {
    ACCEPTED: f"    {BOOKED} You will be there.",
    DECLINED: f"    {GIVEN_UP} You cannot come; I look for somebody else.",
    AWAY: f"    {GIVEN_UP} You have declined it in your calendar. If you can come, accept it there.",
}
_MOST_ASKED = 8  # interviews with buttons under one message


def news(payload: Json, person: Interviewer, sop: Sop, rows: Sequence[Json]) -> list[str]:
    """What is new about somebody's interviews with one candidate; `rows` are those that are theirs now."""
    known = {row["interview_id"]: row for row in rows}
    lines = [f"{bold(payload['name'])}, {esc(course_title(sop, payload['course']))}"]
    for item in payload["items"]:
        here = known.get(item["interview_id"])
        lines += ["", f"{_NEWS[item['kind']]}{bold(item['title'])}"]
        if item["kind"] == "moved":
            lines.append(f"    was: {_times(item['before'], person)}")
        lines.append(f"    {'now: ' if item['kind'] == 'moved' else ''}{_times(item, person)}")
        lines += [_ENDS[item["kind"]]] if item["kind"] in _ENDS else places(here) if here else []
    return [*lines, "", _zone(person)]


def reminder(payload: Json, person: Interviewer, sop: Sop, rows: Sequence[Json]) -> list[str]:
    """That an interview is near."""
    about = f"{bold(payload['title'])} with {bold(payload['name'])}, {esc(course_title(sop, payload['course']))}"
    lines = [f"{AGENDA} Reminder: {about}", f"    {_times(payload, person)}"]
    return lines + [line for row in rows for line in (*places(row), *_said(row, person))]


def agenda(rows: Sequence[Json], title: str, person: Interviewer, sop: Sop) -> list[str]:
    """Somebody's interviews under a title, by day."""
    lines, day = [f"{AGENDA} {bold(title)}"], None
    for row in rows:
        there = datetime.fromisoformat(row["start"]).astimezone(person.zone)
        if there.date() != day:
            lines += ["", bold(day_text(there.date()))]
        day = there.date()
        others = [person_name(sop, who) for who in row["interviewers"] if who != person.id]
        beside = f", beside {esc(' and '.join(others))}" if others else ""
        course = esc(course_title(sop, row["course"]))
        lines.append(f"{there:%H:%M} {esc(row['title'])} with {bold(row['name'])}, {course}{beside}")
        lines += [*places(row), *_said(row, person)]
    return [*lines, *([] if rows else ["No interviews."]), "", _zone(person)]


def one_line(row: Json, person: Interviewer) -> str:
    """An interview in a few words."""
    return f"{bold(row['title'])} with {bold(row['name'])}, {_times(row, person)}"


def seen_to(row: Json, person: Interviewer) -> bool:
    """Whether somebody's decline is being acted on already."""
    return bool(row["event_answers"].get(person.email.lower(), {}).get("dealt"))


def choices(rows: Sequence[Json], person: Interviewer, now: datetime, back: Json) -> list[list[Choice]]:
    """Buttons to say whether they come, a row for each of the next interviews. `back` is what shows them all again."""
    ahead = [row for row in rows if datetime.fromisoformat(row["start"]) > now and row["status"] != "done"]
    made = []
    for row in ahead[:_MOST_ASKED]:
        there = datetime.fromisoformat(row["start"]).astimezone(person.zone)
        short = f"{there.day} {there:%b %H:%M}"
        about = {"interview": row["interview_id"], "start": row["start"], "back": back}
        come, stay = ("I'll be there", "Can't make it") if len(ahead) == 1 else (short, short)
        accept: Choice = (f"✓ {come}", about | {"do": "attend"})
        decline: Choice = (f"✗ {stay}", about | {"do": "excuse"})
        again: Choice = (f"Never mind{'' if len(ahead) == 1 else f': {short}'}", about | {"do": "never_mind"})
        word = said(person, row["answers"], row["event_answers"])
        taken = accept if seen_to(row, person) else again
        made.append({ACCEPTED: [decline], DECLINED: [taken], AWAY: []}.get(word, [accept, decline]))
    return [row for row in made if row]


def with_answer(row: Json, person: Interviewer, answer: str) -> Json:
    """The row as it will be once they have said this."""
    others = [one for one in row["answers"] if one["interviewer"] != person.id]
    mine = [{"interviewer": person.id, "answer": answer}] if answer else []
    had = next((one["answer"] for one in row["answers"] if one["interviewer"] == person.id), "")
    gone = {person.email.lower()} if had == DECLINED else set()
    return {
        **row,
        "answers": [*others, *mine],
        "event_answers": {name: one for name, one in row["event_answers"].items() if name not in gone},
    }


def _times(place: Mapping[str, str], person: Interviewer) -> str:
    return esc(times(place["start"], place["end"], person.zone))


def _said(row: Json, person: Interviewer) -> list[str]:
    word = said(person, row["answers"], row["event_answers"])
    return [_SAID[word]] if word else []


def _zone(person: Interviewer) -> str:
    return f"Times are yours, in {esc(person.timezone)}."
