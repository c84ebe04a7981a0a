"""What `check` does: an SOP file is read, looked over and tried on its own examples. Part of the composition root."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from config import lines_of, parse_sop, read_sop
from domain.errors import InvalidSop
from domain.hours import WeekHours
from sop import Sop
from sop.examples import try_examples
from sop.lint_mistakes import mistakes
from sop.linter import USUAL, Finding, Usual, lint, with_lines


def check_file(path: Path, slots: WeekHours | None, now: datetime) -> tuple[Sop | None, tuple[Finding, ...]]:
    """The SOP of a file, None when it cannot be read as one, and all that is to be said about it. `slots` are those in which
    candidates usually can."""
    try:
        text = read_sop(path)
        sop = parse_sop(text, str(path))
    except InvalidSop as error:
        return None, mistakes(error)
    usual = Usual(slots=slots or USUAL.slots, window=USUAL.window)
    found = [*lint(sop, now.astimezone(sop.zone).date(), usual=usual), *try_examples(sop)]
    return sop, with_lines(sop, found, lines_of(text))
