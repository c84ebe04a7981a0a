"""The questions of the intake: their wording, and what their buttons stand for. Pure; how answers move on is in `intake.py`.

A choice is a label and a value. The value `=text` is an answer, as if the text had been typed; the others are moves: `edit:name`,
`keep`, `confirm`, `instead:` with the id of an open candidate, `cancel`, and for the time zone's picker `zones`, `letters`,
`letter:S` and `country:IN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from chat import cards
from chat.markup import bold, code, esc
from domain.intake import Course, Reference, parse_window, zones_by_country
from domain.zones import countries, initial

Json = dict[str, Any]
Choice = tuple[str, str]
Question = tuple[list[str], list[list[Choice]]]  # lines of HTML, rows of choices

ASKED = ("name", "email", "course", "window", "slots", "timezone")
CARD = "card"
_STRETCHES = ("next week", "next 2 weeks", "next 3 weeks", "next 4 weeks")
_TIMES = ("09:00-12:00", "13:00-17:00", "16:00-19:00", "mon-fri 09:00-17:00")
_EXAMPLE_WINDOW = f"For example {code('1-12 Dec')} or {code('next 2 weeks')}."
_EXAMPLE_TIMES = f"For example {code('09:00-12:00, 16:00-19:00')}, or {code('Sat 10:00-13:00')} for a single day."


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a turn is taken in: the time (aware), the SOP's courses and zone, zones worth offering, and whose chat it is.
    `earlier` is the candidate who is open already with the email and course of the draft on its card."""

    now: datetime
    courses: Mapping[str, Course]
    timezone: str
    nearby: tuple[str, ...]
    chat: int
    user: int
    lane: str = "main"
    earlier: Json | None = None

    @property
    def reference(self) -> Reference:
        """What texts are read against: today is the date in the SOP's zone."""
        return Reference(today=self.now.astimezone(ZoneInfo(self.timezone)).date(), courses=self.courses)


def question(step: str, values: Json, context: Context, *, picking: str = "", editing: bool = False) -> Question:
    """What to ask for a field of the draft, or the card when all is answered. `picking` is where the zone picker is."""
    if step == CARD:
        return _card(values, context)
    lines, rows = _pick_zone(picking, context) if picking else _QUESTIONS[step](values, context)
    if editing:
        now = cards.value_text(step, values.get(step), context.courses, context.timezone)
        lines = [*lines, f"Now it is: {esc(now)}"]
        rows = [*rows, [("Keep it", "keep")]]
    return lines, rows


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
    return ["Between which dates can the interviews be?", _EXAMPLE_WINDOW], in_rows(choices, 1)


def _ask_slots(values: Json, context: Context) -> Question:
    lines = [f"At which times of the day can {bold(values['name'])} come?", _EXAMPLE_TIMES]
    return lines, in_rows([(text.title(), f"={text}") for text in _TIMES], 2)


def _ask_timezone(values: Json, context: Context) -> Question:
    zones = [(name, f"={name}") for name in context.nearby if name != context.timezone]
    own = [(f"{context.timezone} (the SOP's)", "=")]
    return (
        ["In which time zone are these times? Tap one, or write a city."],
        [own, *in_rows(zones, 2), [("Choose by country", "letters")]],
    )


def _ask_blocked(values: Json, context: Context) -> Question:
    lines = [f"On which dates can {bold(values['name'])} not come?", f"For example {code('5 Dec, 10-12 Dec')}."]
    return lines, [[("None", "=none")]]


def _ask_preferred(values: Json, context: Context) -> Question:
    return [f"Which times suit {bold(values['name'])} best?", _EXAMPLE_TIMES], [[("No preference", "=none")]]


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


def _pick_zone(picking: str, context: Context) -> Question:
    """The picker by country: initials, then countries, then the country's zones."""
    kind, _, wanted = picking.partition(":")
    if kind == "country":
        zones = [(name.partition("/")[2].replace("_", " ") or name, f"={name}") for name in zones_by_country(wanted)]
        back = f"letter:{initial(countries()[wanted])}"
        return [f"Which time zone of {bold(countries()[wanted])}?"], [*in_rows(zones, 2), [("Back", back)]]
    if kind == "letter":
        names = [(name, _country(code)) for code, name in countries().items() if initial(name) == wanted]
        return ["Which country?"], [*in_rows(names, 2), [("Back", "letters")]]
    letters = sorted({initial(name) for name in countries().values()})
    return ["Which country? Tap its first letter."], [
        *in_rows([(letter, f"letter:{letter}") for letter in letters], 5),
        [("Back", "zones")],
    ]


def _country(country: str) -> str:
    """The value of a country's button: its only zone, or the country itself where there are several."""
    zones = zones_by_country(country)
    return f"={zones[0]}" if len(zones) == 1 else f"country:{country}"


def in_rows(choices: Iterable[Choice], width: int) -> list[list[Choice]]:
    """Choices in rows of at most `width`."""
    listed = list(choices)
    return [listed[start : start + width] for start in range(0, len(listed), width)]


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"
