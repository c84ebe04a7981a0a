"""A picture of who is how full at which hour of the week: one panel for each interviewer, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from domain.hours import WEEKDAYS
from sop.loads import Load
from sop.occupancy import Heat
from sop.simulation import Simulation
from utils import day_text

CELL = (44, 30)  # pixels: one hour of one weekday
LEFT, TOP, BOTTOM = 64, 44, 34  # around the cells of a panel: weekdays, the name, the hours
MARGIN, HEADER, COLUMNS = 40, 150, 2
INK, SOFT, PAPER, AWAY, LINE = "#1f2933", "#6b7785", "#ffffff", "#e4e7eb", "#cbd2d9"
EMPTY, FULL = (255, 250, 240), (158, 42, 20)  # the ends of the scale
Box = tuple[int, int]


def save(path: Path, simulation: Simulation, found: Sequence[Load]) -> None:
    """Write the picture as a PNG file: how much of the time that somebody is there goes into interviews, by weekday and hour."""
    hours = _hours([one.heat for one in found])
    width, height = LEFT + CELL[0] * len(hours), TOP + CELL[1] * len(WEEKDAYS) + BOTTOM
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    size = (MARGIN + columns * (width + MARGIN), HEADER + rows * (height + MARGIN // 2) + MARGIN)
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    _header(draw, simulation, size[0])
    for place, one in enumerate(found):
        corner = (
            MARGIN + place % columns * (width + MARGIN),
            HEADER + place // columns * (height + MARGIN // 2),
        )
        _panel(draw, corner, _title(simulation, one), one.heat, hours)
    image.save(path)


def _hours(heats: Sequence[Heat]) -> range:
    """The hours at which anybody is there at all."""
    used = [hour for heat in heats for hour in range(24) if any(day[hour] for day in (*heat.there, *heat.taken))]
    return range(min(used), max(used) + 1) if used else range(9, 17)


def _header(draw: ImageDraw.ImageDraw, simulation: Simulation, width: int) -> None:
    tz, period = simulation.sop.zone, simulation.period
    first, last = (day_text(moment.astimezone(tz).date()) for moment in (period.start, period.end))
    draw.text((MARGIN, 30), "How full the interviewers are", INK, _font(34))
    draw.text((MARGIN, 78), f"{first} to {last}, hours of {tz.key}", SOFT, _font(20))
    at, legend = MARGIN, 112
    for share in range(0, 101, 25):
        _cell(draw, (at, legend), share / 100, CELL)
        at += CELL[0]
    draw.text((at + 10, legend + 5), "% of the time there that goes into interviews", SOFT, _font(18))
    at += 10 + int(draw.textlength("% of the time there that goes into interviews", _font(18))) + 30
    draw.rectangle((at, legend, at + CELL[0], legend + CELL[1]), AWAY, LINE)
    draw.text((at + CELL[0] + 10, legend + 5), "not there, or busy", SOFT, _font(18))


def _title(simulation: Simulation, one: Load) -> str:
    interviews = one.booked + one.added
    return f"{simulation.sop.interviewers[one.who].name}: {interviews} interview{'' if interviews == 1 else 's'}"


def _panel(draw: ImageDraw.ImageDraw, corner: Box, title: str, heat: Heat, hours: range) -> None:
    left, top = corner[0] + LEFT, corner[1] + TOP
    draw.text((left, corner[1] + 8), title, INK, _font(22))
    for row, weekday in enumerate(WEEKDAYS):
        y = top + row * CELL[1]
        draw.text((left - 10, y + CELL[1] // 2), weekday.title(), SOFT, _font(16), anchor="rm")
        for column, hour in enumerate(hours):
            there, taken = heat.there[row][hour], heat.taken[row][hour]
            share = None if not there and not taken else taken / max(there, taken)
            _cell(draw, (left + column * CELL[0], y), share, CELL)
    bottom = top + len(WEEKDAYS) * CELL[1]
    for column, hour in enumerate(hours):
        draw.text((left + column * CELL[0], bottom + 6), f"{hour:02d}", SOFT, _font(14), anchor="ma")


def _cell(draw: ImageDraw.ImageDraw, corner: Box, share: float | None, size: Box) -> None:
    """One hour: its share as a colour and, where there is any, as a number; None for somebody who is not there."""
    (x, y), (width, height) = corner, size
    draw.rectangle((x, y, x + width, y + height), AWAY if share is None else _colour(share), LINE)
    if share is not None and share >= 0.005:
        ink = PAPER if share > 0.5 else INK
        draw.text((x + width // 2, y + height // 2), f"{100 * share:.0f}", ink, _font(15), anchor="mm")


def _colour(share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * min(share, 1.0) ** 0.8) for a, b in zip(EMPTY, FULL, strict=True))
    return red, green, blue


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
