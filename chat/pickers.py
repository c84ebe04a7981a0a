"""Grids of buttons to pick from: the days of a month, times of the day, countries and their time zones. Pure.

A choice is a label and a value; `questions.py` says what the values stand for. What is picked one by one is marked: `+mark` puts
a mark on and `-mark` takes it off, so that tapping twice is as good as once. A value `!words` does nothing but say its words.
"""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from chat import cards
from chat.markup import bold
from domain.hours import WEEKDAYS, Span, WeekHours, weekdays_of
from domain.intake import zones_by_country
from domain.model import MAX_WINDOW_DAYS
from domain.zones import countries, initial
from sop.lengths import Days
from utils import day_text

Choice = tuple[str, str]
Question = tuple[list[str], list[list[Choice]]]  # lines of HTML, rows of choices

HOURS = ("slots", "preferred_slots")  # the fields whose times of the day are marked
_BLOCKS = ("06:00-09:00", "09:00-12:00", "12:00-15:00", "15:00-18:00", "18:00-21:00", "21:00-24:00")
_DAYS = ("mon-fri", "sat", "sun")
_DONE, _BACK = ("Done", "done"), ("Back", "back")
_LATEST = date(9999, 11, 30)  # the last month that has a next one
_NO_DAY = "!Tap one of the days."
_BLANK = (" ", _NO_DAY)


def marks(step: str, value: Any) -> tuple[str, ...]:
    """What is marked at first where a field has this value: what the marks can say of it."""
    if step == "blocked_dates":
        return tuple(value or ())
    return _marks_of(WeekHours.parse(value)) if step in HOURS and value else ()


def value_of(step: str, marked: Sequence[str]) -> Any:
    """The value of a field by what is marked, as `CandidateRequest.plain` has it."""
    return hours_marked(marked).plain() if step in HOURS else sorted(marked)


def in_rows(choices: Iterable[Choice], width: int) -> list[list[Choice]]:
    """Choices in rows of at most `width`."""
    listed = list(choices)
    return [listed[start : start + width] for start in range(0, len(listed), width)]


def _chosen(text: str) -> list[str]:
    return [f"Chosen: {bold(text)}"] if text else []


# Days of a month --------------------------------------------------------------------------------------------------------------


def pick_window(picking: str, marked: Sequence[str], today: date, holidays: Days) -> Question:
    """The first day of a window, then the last; a day before the first is a new first."""
    first = date.fromisoformat(marked[0]) if marked else None
    month = _Month(
        picking=picking,
        first=today,
        last=today + timedelta(days=MAX_WINDOW_DAYS - 1),
        today=today,
        outside="I plan at most a year ahead.",
        holidays=holidays,
        marked=marked,
        value=lambda day: f"={first} to {day}" if first and day >= first else f"from:{day}",
    )
    begun = first and f"From {bold(day_text(first))}. Now tap the last day, or an earlier one to begin anew."
    return [begun or "Tap the first day, then the last.", *month.lines], [*month.rows, [_BACK]]


def pick_dates(picking: str, marked: Sequence[str], window: Sequence[str], today: date, holidays: Days) -> Question:
    """Days of a window, marked one by one."""
    begin, end = (min(date.fromisoformat(day), _LATEST) for day in window)
    first = max(today, begin)
    month = _Month(
        picking=picking,
        first=first,
        last=max(first, end),
        today=today,
        outside="The interviews are on other dates.",
        holidays=holidays,
        marked=marked,
        value=lambda day: f"-{day}" if str(day) in marked else f"+{day}",
    )
    lines = ["Tap each day, then Done.", *month.lines, *_chosen(cards.dates_text(map(date.fromisoformat, marked)))]
    return lines, [*month.rows, [_DONE, _BACK]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Month:
    """A month as a grid of buttons, Monday first, with the ways to the months before and after it.

    The month is the one in `picking`, or the nearest in which something can be tapped: the days `first` to `last`. `value` is
    that of a day's button, `outside` is said of a day to come that cannot be tapped.
    """

    picking: str
    first: date
    last: date
    today: date
    outside: str
    holidays: Days
    marked: Sequence[str]
    value: Callable[[date], str]

    @property
    def begin(self) -> date:
        """The first day of the month."""
        wanted = date.fromisoformat(f"{self.picking.partition(':')[2]}-01")
        return min(max(wanted, _month_of(self.first)), _month_of(self.last))

    @property
    def weeks(self) -> list[list[date]]:
        """Those of the month that have not passed as a whole."""
        whole = Calendar().monthdatescalendar(self.begin.year, self.begin.month)
        return [week for week in whole if week[-1] >= self.first]

    @property
    def rows(self) -> list[list[Choice]]:
        header = [(name.title(), _NO_DAY) for name in WEEKDAYS]
        return [self._turning(), header, *([self._day(day) for day in week] for week in self.weeks)]

    @property
    def lines(self) -> list[str]:
        """What a star means, where there is one."""
        holidays = [f"{day:%a} {day.day} {day:%b}" for week in self.weeks for day in week if "*" in self._day(day)[0]]
        return [f"* is a holiday, without interviews: {', '.join(holidays)}."] if holidays else []

    def _turning(self) -> list[Choice]:
        before, after = _month_of(self.begin - timedelta(days=1)), _month_of(self.begin + timedelta(days=31))
        back = (f"‹ {before:%b}", f"month:{before:%Y-%m}") if before >= _month_of(self.first) else _BLANK
        on = (f"{after:%b} ›", f"month:{after:%Y-%m}") if after <= self.last else _BLANK
        return [back, (f"{self.begin:%B %Y}", _NO_DAY), on]

    def _day(self, day: date) -> Choice:
        if day.month != self.begin.month:
            return _BLANK
        if not self.first <= day <= self.last:
            return "·", "!That day has passed." if day < self.today else f"!{self.outside}"
        mark, star = cards.MARKED * (str(day) in self.marked), "*" * (day in self.holidays)
        return f"{mark}{day.day}{star}", self.value(day)


def _month_of(day: date) -> date:
    return day.replace(day=1)


# Times of the day -------------------------------------------------------------------------------------------------------------


def pick_hours(marked: Sequence[str]) -> Question:
    """Times of the day, and the days where it is not every day."""
    rows = [*in_rows(map(_toggle(marked), _BLOCKS), 2), list(map(_toggle(marked), _DAYS)), [_DONE]]
    return _chosen(str(hours_marked(marked))), rows


def hours_marked(marked: Sequence[str]) -> WeekHours:
    """The times that are marked, on the days that are marked, else on every day."""
    spans = tuple(Span.parse(block) for block in _BLOCKS if block in marked)
    days = {number for name in _DAYS if name in marked for number in weekdays_of(name)} or range(7)
    return WeekHours(days=tuple(spans if number in days else () for number in range(7)))


def _marks_of(hours: WeekHours) -> tuple[str, ...]:
    """The marks that say these hours; none where there are no such."""
    spans = next(filter(None, hours.days), ())
    blocks = [text for text in _BLOCKS if any(_within(Span.parse(text), span) for span in spans)]
    days = [name for name in _DAYS if all(hours.days[number] for number in weekdays_of(name))]
    marked = (*blocks, *(days if days != list(_DAYS) else ()))
    return marked if hours_marked(marked) == hours else ()


def _within(one: Span, other: Span) -> bool:
    return other.start <= one.start and one.end <= other.end


def _toggle(marked: Sequence[str]) -> Callable[[str], Choice]:
    """Of a mark, the button that puts it on or takes it off."""
    return lambda mark: (f"{cards.MARKED} {mark.title()}", f"-{mark}") if mark in marked else (mark.title(), f"+{mark}")


# Time zones -------------------------------------------------------------------------------------------------------------------


def pick_zone(picking: str) -> Question:
    """Initials, then countries, then the country's zones."""
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
        [_BACK],
    ]


def _country(country: str) -> str:
    """The value of a country's button: its only zone, or the country itself where there are several."""
    zones = zones_by_country(country)
    return f"={zones[0]}" if len(zones) == 1 else f"country:{country}"
