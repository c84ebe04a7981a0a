"""Daily time slots as people write them: `9-12 and 4-7pm`, `mon-fri 09:00-12:00; sat 10:00-13:00`. Pure.

A weekday that is named has only the slots named with it; slots without a weekday hold for all other days. Where two readings are
possible the text is refused with both, never guessed. The hours themselves are `domain/hours.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from domain.errors import FieldError
from domain.hours import WEEKDAYS, Span, WeekHours, weekdays_of
from utils import clock_of

_HINT = "Write times such as 09:00-12:00, 16:00-19:00, or for single days Sat 10:00-13:00."
_LONGEST = 500
_WEEKDAY = "(?:(?:mon|fri|sun)(?:days?)?|tue(?:s(?:days?)?)?|wed(?:nesdays?)?|thu(?:r|rs|rsdays?)?|sat(?:urdays?)?)"
_GROUPS = {
    "weekday": range(5),
    "weekdays": range(5),
    "weekend": range(5, 7),
    "weekends": range(5, 7),
    "every day": range(7),
    "daily": range(7),
}
_TIME = r"(?:\d{1,2}(?:[:.h]?\d{2})?(?: ?(?:am|pm|a\.m\.|p\.m\.))?|noon|midnight)"
_TOKEN = re.compile(
    rf"(?P<stop>[;\n])|(?P<days>(?:{_WEEKDAY}(?: ?- ?{_WEEKDAY})?|{'|'.join(_GROUPS)})(?![a-z]))"
    rf"|(?P<span>{_TIME} ?(?:-|to|until|till) ?{_TIME}(?![\w:]))|(?P<filler>[\s,:&+]+|(?:and|on|from|only)(?![a-z]))",
    re.ASCII,
)
_CLOCK = re.compile(r"(\d{1,2})([:.h]?)(\d{2})?(?: ?([ap])\.?m\.?)?", re.ASCII)

Group = tuple[tuple[int, ...], list[Span]]  # weekdays (none: all that no group names) and their slots


def parse_slots(text: str, field: str = "slots") -> WeekHours:
    """The slots of each weekday, as wall times. `FieldError` on `field` says what is wrong and what would be right."""
    try:
        groups = list(_grouped(text))
        for _, spans in groups:
            _refuse_overlaps(spans)
        return WeekHours(days=_by_weekday(groups))
    except ValueError as error:
        raise FieldError(field, text, str(error)) from error


def are_slots(text: str) -> bool:
    """Whether a text is meant as time slots, be they clear and possible or not."""
    try:
        return "span" in [kind for kind, _ in _tokens(text)]
    except ValueError:
        return False


def _grouped(text: str) -> Iterator[Group]:
    """Weekdays and the slots after them, up to the next weekday, `;` or line."""
    days: tuple[int, ...] = ()
    spans: list[Span] = []
    found = False
    for kind, word in _tokens(text):
        if spans and kind in {"days", "stop"}:
            yield days, spans
            found, days, spans = True, (), []
        if kind == "days":
            days += tuple(_GROUPS.get(word) or weekdays_of(word))
        elif kind == "span":
            spans.append(_span(word))
    if days and not spans:
        raise ValueError(f"Which times on {_names(days)}? Write the day first, such as {_names(days[:1])} 10:00-13:00.")
    if not found and not spans:
        raise ValueError(_HINT)
    if spans:
        yield days, spans


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Weekdays, slots and stops in order, in lower case; `ValueError` at the first word that is none of them."""
    if len(text) > _LONGEST:
        raise ValueError(f"That is too long for time slots. {_HINT}")
    normal = re.sub("[\u2010-\u2015\u2212]", "-", text.lower())
    normal = "\n".join(" ".join(line.split()) for line in normal.strip().splitlines())
    place = 0
    while place < len(normal):
        match = _TOKEN.match(normal, place)
        if not match:
            word = re.split(r"[\s,;]", normal[place:], maxsplit=1)[0]
            raise ValueError(f"{word!r} is neither a time slot nor a weekday. {_HINT}")
        if match.lastgroup != "filler":
            yield str(match.lastgroup), match[0]
        place = match.end()


def _by_weekday(groups: list[Group]) -> tuple[tuple[Span, ...], ...]:
    named: dict[int, tuple[Span, ...]] = {}
    unnamed: tuple[Span, ...] = ()
    for days, spans in groups:
        for day in days:
            if day in named:
                raise ValueError(f"{_names((day,))} is named twice. Write all its times together.")
            named[day] = tuple(spans)
        if not days:
            unnamed += tuple(spans)
    _refuse_overlaps(unnamed)
    return tuple(named.get(day, unnamed) for day in range(len(WEEKDAYS)))


def _refuse_overlaps(spans: list[Span] | tuple[Span, ...]) -> None:
    for one, two in pairwise(sorted(spans)):
        if two.start < one.end:
            both = Span(start=one.start, end=max(one.end, two.end))
            raise ValueError(f"{one} and {two} overlap. Write {both} if all of it is fine.")


def _span(text: str) -> Span:
    """One slot. `4-7pm` is 16:00-19:00, `9-12pm` is 09:00-12:00; `4-7` alone can be either and is refused."""
    left, right = re.split(r" ?(?:-|to|until|till) ?", text)
    ends = _half(right)
    start, end = _minutes(left, _half(left) or ends), _minutes(right, ends)
    if ends and not _half(left) and start >= end:  # 9-12pm, 11-1pm: the start is in the other half of the day
        start = _minutes(left, "a" if ends == "p" else "p")
    if _half(left) and not ends and end <= start < _minutes(right, "p"):  # 9am-5
        end = _minutes(right, "p")
    if start and not end:
        end = 1440  # midnight at the end of a slot is the end of the day
    bare = all(re.fullmatch(r"\d{1,2}", time, re.ASCII) for time in (left, right))
    if end <= start:
        raise ValueError(_backwards(text, start, end, bare=bare))
    if bare and 60 <= start < 7 * 60 and end <= 720:
        raise ValueError(f"{text} can be {_clocks(start, end)} or {_clocks(start + 720, end + 720)}. Which one?")
    return Span(start=start, end=end)


def _minutes(text: str, half: str) -> int:
    """Minutes after midnight of one time; `half` is `a`, `p` or empty."""
    if text in {"noon", "midnight"}:
        return 720 if text == "noon" else 0
    match = _CLOCK.fullmatch(text)
    hour, minute = (int(match[1]), int(match[3] or 0)) if match else (99, 0)
    if match and match[4] and not 1 <= hour <= 12:
        raise ValueError(
            f"{text} is no time of day. Write {hour:02d}:{minute:02d} without am or pm, or an hour from 1 to 12."
        )
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise ValueError(f"{text} is no time of day; a day runs from 00:00 to 24:00. {_HINT}")
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour * 60 + minute


def _half(text: str) -> str:
    match = _CLOCK.fullmatch(text)
    return (match[4] or "") if match else ""


def _backwards(text: str, start: int, end: int, *, bare: bool) -> str:
    """What is wrong with a slot that does not end after it starts; `bare`: its hours say nothing of am, pm or minutes."""
    if start == end:
        return f"{text} has no length. {_HINT}"
    if bare and start < end + 720 <= 1440:
        return f"{text} ends before it starts. Did you mean {_clocks(start, end + 720)}?"
    if start < 17 * 60:
        return f"{text} ends before it starts. Did you mean {_clocks(end, start)}?"
    return f"{text} ends before it starts. A slot past midnight is two: {_clocks(start, 1440)} and {_clocks(0, end)}."


def _clocks(start: int, end: int) -> str:
    return f"{clock_of(start)}-{clock_of(end)}"


def _names(days: tuple[int, ...]) -> str:
    return ", ".join(WEEKDAYS[day].title() for day in days)
