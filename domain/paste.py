"""A candidate in one message, as people forward them: `Priya Nair, priya@example.com, Java, 1-12 Dec, 9-12 and 4-7pm`. Pure.

The message is cut at commas, semicolons and lines; each piece goes to the field it can be of, by its label or by its shape, and
is read there like an answer to that field's question. What fits nowhere is handed back, never dropped and never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from domain.dates import are_dates, parse_dates
from domain.errors import FieldError
from domain.intake import FIELDS, Reference, parse_course, parse_timezone, read_field
from domain.model import check_name
from domain.slots import are_slots
from utils import ABBREVIATIONS

_LONGEST = 4_000
_MOST_WORDS = 5  # of a name that has no label
_STOP = re.compile(r"\s*([;\n]|,(?! ?\d{4}\b(?!-)))\s*")  # not the comma of Dec 1, 2026
_EMAIL = re.compile(r"<?\b(?:mailto:)?([^\s<>,;:()]+@[^\s<>,;()]+)>?")
_LABELS = {
    "name": "name|full name|candidate",
    "email": "e-?mail(?: address)?|mail",
    "course": "course|track",
    "window": "window|dates?|period",
    "slots": "slots?|times?|hours|availability|available",
    "timezone": "time ?zone|zone|tz|city",
    "blocked_dates": "blocked(?: dates)?|unavailable|except|not(?: on)?",
    "preferred_slots": "preferred(?: (?:slots|times))?|preference|prefers",
}
_LABEL = re.compile(
    "|".join(rf"(?P<{field}>(?:{words}) ?[:=])" for field, words in _LABELS.items()),
    re.IGNORECASE,
)
_NOT = re.compile(
    r"(?:but |and )?(?:can(?:no|')?t(?: come)?|not(?: available)?|no|except|excluding|without|unavailable|blocked)"
    r"(?: for| on)? (?=\D*\d)",
    re.IGNORECASE,
)
_PREFERS = re.compile(r"(?:prefers?|preferably|preferred|ideally|best) ", re.IGNORECASE)
_FILLER = re.compile(r"(?:and|for|in|at|on|from|available|time ?zone|course) ", re.IGNORECASE)
_JOINED = {"slots": {",": ", ", ";": "; ", "\n": "\n"}, "blocked_dates": dict.fromkeys(",;\n", ", ")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pasted:
    """What a message holds: `values` as `CandidateRequest.plain` has them, what is wrong in others, and pieces of no field."""

    values: Mapping[str, Any]
    mistakes: tuple[FieldError, ...]
    unread: tuple[str, ...]


def is_message(text: str) -> bool:
    """Whether a text can be a whole candidate: an email address and something else."""
    found = _EMAIL.search(text)
    return bool(found) and bool(_EMAIL.sub("", text).strip(" \t\n,;."))


def read_message(text: str, reference: Reference) -> Pasted:
    """The fields of a message. Of a field that is there twice the first counts; the other is among the pieces of no field."""
    sheet = _Sheet(reference)
    for stop, piece in _pieces(text[:_LONGEST]):
        sheet.take(piece, stop)
    values: dict[str, Any] = {}
    mistakes: list[FieldError] = []
    for field in (name for name in FIELDS if name in sheet.texts):
        try:
            values[field] = _read(field, sheet.texts[field], values, reference)
        except FieldError as mistake:
            mistakes.append(mistake)
    unread = (*sheet.unread, text[_LONGEST:]) if text[_LONGEST:] else tuple(sheet.unread)
    return Pasted(values=values, mistakes=tuple(mistakes), unread=unread)


class _Sheet:
    """The text of each field as far as the message has been read."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.texts: dict[str, str] = {}
        self.unread: list[str] = []
        self._last = ""

    def take(self, piece: str, stop: str) -> None:
        """Put a piece where it belongs; `stop` is the sign before it."""
        label, found = _LABEL.match(piece), _EMAIL.search(piece)
        if label:
            self._put(str(label.lastgroup), piece[label.end() :].strip(), piece, stop)
        elif found:
            self._put("email", found[1].rstrip("."), piece, stop)
            for rest in (piece[: found.start()], piece[found.end() :]):
                if rest.strip(" .()"):
                    self.take(rest.strip(" .()"), "")
        elif field_and_text := self._placed(piece):
            self._put(*field_and_text, piece, stop)
        else:
            self._take_with_zone(piece, stop)

    def _put(self, field: str, text: str, piece: str, stop: str) -> None:
        if field not in self.texts:
            self.texts[field] = text
        elif field == self._last and stop in _JOINED.get(field, {}):
            self.texts[field] += _JOINED[field][stop] + text
        else:
            self.unread.append(piece)
        self._last = field

    def _placed(self, piece: str) -> tuple[str, str] | None:
        """The field of a piece without a label, and the piece without the words that told."""
        for words, field in ((_NOT, "blocked_dates"), (_PREFERS, "preferred_slots")):
            if told := words.match(piece):
                return field, re.sub(r"^the ", "", piece[told.end() :])
        for text in dict.fromkeys((piece, _FILLER.sub("", piece, count=1))):
            if field := self._shape(text):
                return field, text
        return None

    def _shape(self, text: str) -> str:
        """The field that a text looks like; empty for none."""
        if self._last == "blocked_dates" and self._goes_on(text):
            return "blocked_dates"
        if are_slots(text):
            return "slots"
        if are_dates(text, self.reference.today):
            return "window"
        if _fits(lambda: parse_course(text, self.reference.courses)):
            return "course"
        if "name" in self.texts and _is_zone(text):
            return "timezone"
        words = len(text.split())
        name = "name" not in self.texts and words <= _MOST_WORDS and not re.search(r"\d", text)
        return "name" if name and _fits(lambda: check_name(text)) else ""

    def _goes_on(self, text: str) -> bool:
        """Whether a text after blocked dates is more of them: a day alone, or dates where the window is known."""
        if re.fullmatch(r"(?:and )?(?:the )?\d{1,2}(?:st|nd|rd|th)?", text, re.IGNORECASE):
            return True
        return "window" in self.texts and not are_slots(text) and are_dates(text, self.reference.today)

    def _take_with_zone(self, piece: str, stop: str) -> None:
        """Slots with their zone behind them, such as `9-12 Kolkata time`; anything else fits nowhere."""
        words = re.sub(r"[()]|\btime$", "", piece).split()
        for count in range(1, min(4, len(words))):
            slots, zone = " ".join(words[:-count]), re.sub("^in ", "", " ".join(words[-count:]))
            if are_slots(slots) and _is_zone(zone):
                self._put("timezone", zone, piece, stop)
                self._put("slots", slots, piece, stop)
                return
        zone = " ".join(words)
        if _is_zone(zone):
            self._put("timezone", zone, piece, stop)
        else:
            self.unread.append(piece)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a message that are not empty, each with the sign before it."""
    stop, *rest = ["", *_STOP.split(text)]
    for piece, following in zip(rest[::2], [*rest[1::2], ""], strict=True):
        clean = piece.strip().rstrip(".!")
        if clean:
            yield stop, clean
        stop = following


def _read(field: str, text: str, values: Mapping[str, Any], reference: Reference) -> Any:
    """A field as an answer is read; blocked days without a month are those of the window."""
    if field != "blocked_dates" or "window" not in values:
        return read_field(field, text, reference)
    first, last = map(date.fromisoformat, values["window"])
    days: set[str] = set()
    for item in filter(str.strip, re.split(r"[,;\n]| and |&", text)):
        days |= {
            day.isoformat()
            for day in _days(re.sub(r"^(?:and )?(?:on )?the ", "", item.strip()), first, last, reference)
        }
    return sorted(days)


def _days(item: str, first: date, last: date, reference: Reference) -> frozenset[date]:
    """One date or range; without a month it is that of the only month of the window in which all of it lies."""
    try:
        return parse_dates(item, reference.today)
    except FieldError:
        months = {(first + timedelta(days=ahead)).replace(day=1) for ahead in range((last - first).days + 1)}
        found = [days for month in sorted(months) if (days := _within(item, month, first, last))]
        if len(found) == 1 and re.match(r"\d", item):
            return found[0]
        raise


def _within(item: str, month: date, first: date, last: date) -> frozenset[date]:
    """The dates that a text means in a month, if it means any and all are in the window."""
    try:
        days = parse_dates(f"{item} {month:%b} {month.year}", first)
    except FieldError:
        return frozenset()
    return days if all(first <= day <= last for day in days) else frozenset()


def _is_zone(text: str) -> bool:
    return text.upper() in ABBREVIATIONS or (bool(text) and _fits(lambda: parse_timezone(text)))


def _fits(read: Callable[[], object]) -> bool:
    try:
        read()
    except FieldError:
        return False
    return True
