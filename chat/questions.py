"""The questions of the intake: their wording, and what their buttons stand for. Pure; how answers move on is in `intake.py`.

A choice is a label and a value. The value `=text` is an answer, as if the text had been typed; `+mark` and `-mark` put a mark on
and take it off, and `done` makes an answer of the marks; `!words` only says something. The others are moves: `edit:name`, `keep`,
`confirm`, `instead:` with the id of an open candidate, `cancel`, and in the pickers `back`, `month:2026-12`, `from:2026-12-01`,
`letters`, `letter:S` and `country:IN`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from chat import cards
from chat.markup import Json, bold, code, esc
from chat.pickers import HOURS, Choice, Question, in_rows, pick_dates, pick_hours, pick_window, pick_zone
from domain.intake import Course, Reference, parse_window
from sop import Sop
from sop.lengths import Days

ASKED = ("name", "email", "course", "window", "slots", "timezone")
CARD = "card"
_MOST_ZONES = 6  # of interviewers, offered as the candidate's
_STRETCHES = ("next week", "next 2 weeks", "next 3 weeks", "next 4 weeks")
_EXAMPLE_WINDOW = f"For example {code('1-12 Dec')} or {code('next 2 weeks')}."
_MARK_TIMES = "Tap all that suit, and the days if it is not every day; then Done. Or write them."
_EXAMPLE_TIMES = f"For example {code('09:00-12:00, 16:00-19:00')}, or {code('Sat 10:00-13:00')} for a single day."


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a turn is taken in: the time (aware), the SOP's courses, zone and holidays, zones worth offering, whose chat it is.
    `earlier` is the candidate who is open already with the email and course of the draft on its card."""

    now: datetime
    courses: Mapping[str, Course]
    timezone: str
    holidays: Days
    nearby: tuple[str, ...]
    chat: int
    user: int
    lane: str = "main"
    earlier: Json | None = None

    @property
    def reference(self) -> Reference:
        """What texts are read against: today is the date in the SOP's zone."""
        return Reference(today=self.now.astimezone(ZoneInfo(self.timezone)).date(), courses=self.courses)


def context_of(sop: Sop, user: int, now: datetime, lane: str) -> Context:
    """What somebody's turn is taken in, in their private chat."""
    zones = dict.fromkeys(person.timezone for person in sop.interviewers.values())
    return Context(
        now=now,
        courses=sop.courses,
        timezone=sop.timezone,
        holidays=sop.holidays,
        nearby=tuple(zones)[:_MOST_ZONES],
        chat=user,
        user=user,
        lane=lane,
    )


def question(
    step: str,
    values: Json,
    context: Context,
    *,
    picking: str = "",
    marked: Sequence[str] = (),
    editing: bool = False,
) -> Question:
    """What to ask for a field of the draft, or the card when all is answered. `picking` is where a picker is, `marked` what is
    marked so far."""
    if step == CARD:
        return _card(values, context)
    lines, rows = _QUESTIONS[step](values, context)
    if step in HOURS:
        told, picks = pick_hours(marked)
        lines, rows = [*lines, *told], [*picks, *rows]
    elif picking:
        told, rows = _picker(step, picking, marked, values, context)
        lines = [lines[0], *told]
    if editing:
        now = cards.value_text(step, values.get(step), context.courses, context.timezone)
        lines = [*lines, f"Now it is: {esc(now)}"]
        rows = [*rows, [("Keep it", "keep")]]
    return lines, rows


def _picker(step: str, picking: str, marked: Sequence[str], values: Json, context: Context) -> Question:
    """What a picker offers; the question that it belongs to is not repeated."""
    today = context.reference.today
    if step == "window":
        return pick_window(picking, marked, today, context.holidays)
    if step == "blocked_dates":
        return pick_dates(picking, marked, values["window"], today, context.holidays)
    return pick_zone(picking)


def _card(values: Json, context: Context) -> Question:
    edits = [(f"✏️ {label}", f"edit:{field}") for field, label in cards.LABELS.items()]
    lines = cards.draft(values, context.courses, context.timezone)
    cancel = (f"{cards.GIVEN_UP} Cancel", "cancel")
    if context.earlier is None:
        return [*lines, "", "Is this right?"], [[(f"{cards.BOOKED} Confirm", "confirm"), cancel], *in_rows(edits, 2)]
    way_on = [("Try again with this", f"instead:{context.earlier['id']}")] if _is_stuck(context.earlier) else []
    return [*lines, "", *cards.open_already(context.earlier)], [[*way_on, cancel], *in_rows(edits, 2)]


def _is_stuck(candidate: Json) -> bool:
    """Whether a candidate waits for an admin, so that another request can be tried instead."""
    return candidate["status"] in {"escalated", "set_aside"}


def _ask_name(values: Json, context: Context) -> Question:
    return ["What is the candidate's full name?"], []


def _ask_email(values: Json, context: Context) -> Question:
    return [f"What is the email address of {bold(values['name'])}?"], []


def _ask_course(values: Json, context: Context) -> Question:
    return ["Which course?"], in_rows([(course.title, f"={key}") for key, course in context.courses.items()], 1)


def _ask_window(values: Json, context: Context) -> Question:
    choices = []
    for stretch in _STRETCHES:
        first, last = parse_window(stretch, context.reference.today)
        choices.append((f"{stretch.capitalize()}: {_short(first)} to {_short(last)}", f"={first} to {last}"))
    lines = ["Between which dates can the interviews be?", _EXAMPLE_WINDOW]
    first = values.get("window", [str(context.reference.today)])[0]
    return lines, in_rows([*choices, _pick_dates(first)], 1)


def _ask_slots(values: Json, context: Context) -> Question:
    return [f"At which times of the day can {bold(values['name'])} come?", _MARK_TIMES, _EXAMPLE_TIMES], []


def _ask_timezone(values: Json, context: Context) -> Question:
    zones = [(name, f"={name}") for name in context.nearby if name != context.timezone]
    own = [(f"{context.timezone} (the SOP's)", "=")]
    return (
        ["In which time zone are these times?", "Tap one, or write a city."],
        [own, *in_rows(zones, 2), [("Choose by country", "letters")]],
    )


def _ask_blocked(values: Json, context: Context) -> Question:
    lines = [f"On which dates can {bold(values['name'])} not come?", f"For example {code('5 Dec, 10-12 Dec')}."]
    return lines, [[("None", "=none"), _pick_dates(values["window"][0])]]


def _ask_preferred(values: Json, context: Context) -> Question:
    lines = [f"Which times suit {bold(values['name'])} best?", _MARK_TIMES, _EXAMPLE_TIMES]
    return lines, [[("No preference", "=none")]]


def _pick_dates(first: str) -> Choice:
    """Opens the month of a date, or the nearest that can be picked from."""
    return f"{cards.AGENDA} Pick dates", f"month:{first[:7]}"


_QUESTIONS: Mapping[str, Callable[[Json, Context], Question]] = {
    "name": _ask_name,
    "email": _ask_email,
    "course": _ask_course,
    "window": _ask_window,
    "slots": _ask_slots,
    "timezone": _ask_timezone,
    "blocked_dates": _ask_blocked,
    "preferred_slots": _ask_preferred,
}


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"
