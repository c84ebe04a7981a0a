"""Tables as CSV files that spreadsheets open without harm: a cell that would be read as a formula is made plain text. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")


def csv_file(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The file in UTF-8, with the mark by which spreadsheets know it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([plain_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig", "replace")


def plain_cell(value: object) -> str:
    """The text of a cell; an apostrophe goes before what a spreadsheet would calculate."""
    text = "" if value is None else str(value).replace("\0", "")
    start = text[: len(text) - len(text.lstrip()) + 1]  # up to the first sign that can be seen
    return text if _FORMULA.isdisjoint(start) else f"'{text}"
