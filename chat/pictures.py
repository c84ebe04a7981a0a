"""The week as a picture: interviewers down, days across, an interview on a chip in the colour of its course.

Pure: rows in, PNG out. The letters are those of Pillow's own font, the same on every machine. It lacks many scripts: a name that
it cannot show is written without accents where that is enough, else as a number or id, so that nobody reads boxes; `unreadable`
says whose names these are.
"""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from chat.cards import course_title, person_name
from sop import Sop
from utils import plural

Json = dict[str, Any]

_SCALE = 2  # pixels for each point, so that phones show it crisp
_MARGIN, _TITLE, _HEADER, _NAMES = 28, 84, 38, 168  # points: around, title, days' names, interviewers' names
_COLUMN, _CHIP, _GAP = 176, 48, 6  # a day's width, a chip's height, the space between chips
_LEAST_ROW = 46
_INK, _SOFT, _LINE, _PAPER, _SHADE, _ACCENT = "#1f2933", "#697586", "#dde3ea", "#ffffff", "#f6f8fa", "#2563eb"
_COLOURS = (  # the chip and its edge, by course
    ("#e3efff", "#2563eb"), ("#e4f7ea", "#16a34a"), ("#fff1dc", "#d97706"),
    ("#f5e8ff", "#9333ea"), ("#ffe6ec", "#e11d48"), ("#dff6f7", "#0891b2"),
)  # fmt: skip
_MISSING = "\U0010fffe"  # no font has it: what it looks like is what a missing letter looks like


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """What is drawn: interviews of the agenda, from a Monday on, in the SOP's zone. `today` is marked."""

    rows: Sequence[Json]
    monday: date
    today: date
    sop: Sop

    @property
    def days(self) -> list[date]:
        """Monday to Friday, and the weekend's days that have interviews."""
        busy = {self.day(row) for row in self.rows}
        week = [self.monday + timedelta(days=ahead) for ahead in range(7)]
        return [day for day in week if day.weekday() < 5 or day in busy]

    @property
    def people(self) -> list[str]:
        """Interviewers with interviews, in the order of the SOP; those it no longer has come last."""
        busy = {who for row in self.rows for who in row["interviewers"]}
        return [*(who for who in self.sop.interviewers if who in busy), *sorted(busy - set(self.sop.interviewers))]

    def day(self, row: Json) -> date:
        return self.start(row).date()

    def start(self, row: Json) -> datetime:
        return datetime.fromisoformat(row["start"]).astimezone(self.sop.zone)

    def chips(self, who: str, day: date) -> list[Json]:
        return [row for row in self.rows if who in row["interviewers"] and self.day(row) == day]


def unreadable(week: Week) -> list[str]:
    """Names that the picture cannot show as they are written."""
    names = [row["name"] for row in week.rows] + [person_name(week.sop, who) for who in week.people]
    return [name for name in dict.fromkeys(names) if not _has_letters(name)]


def week_picture(week: Week) -> bytes:
    """The picture as PNG; a week without interviews says so."""
    heights = {who: _row_height(week, who) for who in week.people}
    width = 2 * _MARGIN + _NAMES + _COLUMN * len(week.days)
    height = 2 * _MARGIN + _TITLE + _HEADER + (sum(heights.values()) or 120) + _legend_height(week)
    sheet = _Sheet(width, height)
    _draw_title(sheet, week)
    _draw_grid(sheet, week, heights)
    top = _MARGIN + _TITLE + _HEADER
    for who, row_height in heights.items():
        _draw_person(sheet, week, who, top)
        top += row_height
    if not week.rows:
        sheet.write(_MARGIN + _NAMES + 12, top + 48, "No interviews in this week.", 16, _SOFT)
    _draw_legend(sheet, week, height - _MARGIN - 18)
    return sheet.png()


class _Sheet:
    """A drawing in points."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width * _SCALE, height * _SCALE), _PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self.width, self.height = width, height

    def box(self, place: tuple[int, int, int, int], fill: str, edge: str | None = None, radius: int = 0) -> None:
        left, top, right, bottom = (one * _SCALE for one in place)
        self._draw.rounded_rectangle((left, top, right, bottom), radius * _SCALE, fill, edge, _SCALE if edge else 0)

    def line(self, left: int, top: int, right: int, bottom: int, colour: str = _LINE) -> None:
        self._draw.line((left * _SCALE, top * _SCALE, right * _SCALE, bottom * _SCALE), colour, _SCALE)

    def write(self, left: int, top: int, text: str, size: int, colour: str = _INK, room: int = 10_000) -> int:
        """Write a line, shortened to its room; how wide it became."""
        font = _font(size * _SCALE)
        while text and font.getlength(text) > room * _SCALE:
            text = text.rstrip("…")[:-1].rstrip() + "…"
        self._draw.text((left * _SCALE, top * _SCALE), text, colour, font)
        return round(font.getlength(text) / _SCALE)

    def png(self) -> bytes:
        data = io.BytesIO()
        self._image.save(data, "PNG", optimize=True)
        return data.getvalue()


def _draw_title(sheet: _Sheet, week: Week) -> None:
    last = week.monday + timedelta(days=6)
    sheet.write(_MARGIN, _MARGIN - 4, f"Interviews, {_short(week.monday)} to {_short(last)} {last.year}", 26)
    count = plural(len(week.rows), "interview")
    sheet.write(_MARGIN, _MARGIN + 34, f"{count}. Times are in {week.sop.timezone}.", 14, _SOFT)


def _draw_grid(sheet: _Sheet, week: Week, heights: Mapping[str, int]) -> None:
    """The days' names, and the lines between days and between people."""
    top = _MARGIN + _TITLE
    bottom = top + _HEADER + (sum(heights.values()) or 120)
    for place, day in enumerate(week.days):
        left = _MARGIN + _NAMES + place * _COLUMN
        if day == week.today:
            sheet.box((left, top, left + _COLUMN, bottom), _SHADE)
        sheet.write(left + 10, top + 9, f"{day:%a} {_short(day)}", 16, _ACCENT if day == week.today else _INK)
    for place in range(1, len(week.days)):
        left = _MARGIN + _NAMES + place * _COLUMN
        sheet.line(left, top, left, bottom)
    line = top + _HEADER
    for row_height in (0, *heights.values()):
        line += row_height
        sheet.line(_MARGIN, line, sheet.width - _MARGIN, line)


def _draw_person(sheet: _Sheet, week: Week, who: str, top: int) -> None:
    """An interviewer's name and load, and a chip for each interview."""
    sheet.write(_MARGIN, top + 9, _shown(person_name(week.sop, who), who), 16, room=_NAMES - 12)
    mine = [row for row in week.rows if who in row["interviewers"]]
    person = week.sop.interviewers.get(who)
    limit = f" of {person.weekly_limit}" if person and person.weekly_limit else ""
    sheet.write(_MARGIN, top + 30, f"{len(mine)}{limit} this week", 12, _SOFT, room=_NAMES - 12)
    for place, day in enumerate(week.days):
        left = _MARGIN + _NAMES + place * _COLUMN
        for number, row in enumerate(week.chips(who, day)):
            _draw_chip(sheet, week, row, who, (left + 6, top + _GAP + number * (_CHIP + _GAP)))


def _draw_chip(sheet: _Sheet, week: Week, row: Json, who: str, place: tuple[int, int]) -> None:
    (left, top), room = place, _COLUMN - 12
    fill, edge = _colours(week)[row["course"]]
    sheet.box((left, top, left + room, top + _CHIP), fill, radius=6)
    sheet.box((left, top, left + 4, top + _CHIP), edge, radius=2)
    backup = " (backup)" if who in row["backups"] else ""
    clock = sheet.write(left + 12, top + 6, f"{week.start(row):%H:%M}", 14, edge)
    sheet.write(left + 18 + clock, top + 6, _shown(row["title"], row["round"]), 14, room=room - clock - 24)
    sheet.write(
        left + 12, top + 26, _shown(row["name"], f"candidate {row['number']}") + backup, 13, _SOFT, room=room - 18
    )


def _draw_legend(sheet: _Sheet, week: Week, top: int) -> None:
    left = _MARGIN
    for course, (_, edge) in _colours(week).items():
        sheet.box((left, top + 3, left + 12, top + 15), edge, radius=3)
        left += (
            18 + sheet.write(left + 18, top, _shown(course_title(week.sop, course), course), 13, _SOFT, room=220) + 22
        )


def _legend_height(week: Week) -> int:
    return 44 if week.rows else 0


def _row_height(week: Week, who: str) -> int:
    most = max(len(week.chips(who, day)) for day in week.days)
    return max(_LEAST_ROW, most * (_CHIP + _GAP)) + _GAP + 6


def _colours(week: Week) -> dict[str, tuple[str, str]]:
    """The colours of each course with interviews; the same course has the same ones in every week."""
    places = {course: place for place, course in enumerate(week.sop.courses)}
    courses = sorted({row["course"] for row in week.rows}, key=lambda course: places.get(course, len(places)))
    return {course: _COLOURS[places.get(course, len(places)) % len(_COLOURS)] for course in courses}


def _shown(name: str, instead: str) -> str:
    """The name, or what comes nearest to it."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return next((text for text in (name, plain) if _has_letters(text)), instead)


def _has_letters(text: str) -> bool:
    return all(_has_letter(sign) for sign in text)


@functools.lru_cache(maxsize=4096)
def _has_letter(sign: str) -> bool:
    """Whether the font has a sign."""
    font = _font(16)
    return sign.isspace() or bytes(font.getmask(sign)) != bytes(font.getmask(_MISSING))


@functools.lru_cache
def _font(size: int) -> FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType, which drawing letters needs")
    return font


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"
