"""A list of candidates in a CSV file, read row by row: what is good goes on, and every mistake is told with its line. Pure.

The header names the fields of a request; the order of columns is free, and `;` or tabs instead of commas are noticed. A row is
good as a whole or not at all. Reading the file and enqueueing are for the doors.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.errors import FieldError
from domain.intake import FIELDS, NEEDED, Reference, read_request
from domain.model import CandidateRequest

MAX_BYTES = 5_000_000
MAX_ROWS = 10_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SAVE_AS = "Save it as “CSV UTF-8 (comma separated)” and try again."


class GoodRow(NamedTuple):
    """A row that can be enqueued. `line` is where it starts, from 1; `raw` its texts by column, as they stand in the file."""

    line: int
    request: CandidateRequest
    raw: Mapping[str, str]


class BadRow(NamedTuple):
    """One mistake: the line, the field (`file` when no single column is to blame), what is there and what would be right."""

    line: int
    field: str
    value: str
    hint: str

    @classmethod
    def of(cls, line: int, mistake: FieldError) -> BadRow:
        return cls(line, mistake.field, mistake.value, mistake.hint)


@dataclass(frozen=True, kw_only=True, slots=True)
class Roster:
    """What a file holds: the rows that can go in, and the mistakes of the others. Both in the order of the file."""

    good: tuple[GoodRow, ...]
    bad: tuple[BadRow, ...]


def row_key(request: CandidateRequest) -> str:
    """The key under which a row is enqueued: the same row adds nothing when it comes again, in whichever way and file."""
    return "csv:" + hashlib.sha256(json.dumps(request.plain(), sort_keys=True).encode()).hexdigest()


class _EndOfReading(Exception):
    """Something is wrong with the file itself: nothing after this line is read, what was read before it still counts."""

    def __init__(self, line: int, field: str, value: object, hint: str) -> None:
        self.row = BadRow.of(line, FieldError(field, value, hint))
        super().__init__(hint)


def read_csv(data: bytes, reference: Reference) -> Roster:
    """Every row of a file as a request or as its mistakes. Bad data is told, never raised."""
    good: list[GoodRow] = []
    bad: list[BadRow] = []
    try:
        rows = _rows(_decoded(data))
        columns = _columns(*next(rows, (1, ())))
        for line, cells in rows:
            raw, mistakes = _raw(columns, cells)
            request, more = (None, ()) if mistakes else read_request(raw, reference)
            bad.extend(BadRow.of(line, mistake) for mistake in (*mistakes, *more))
            if request:
                good.append(GoodRow(line, request, raw))
    except _EndOfReading as end:
        bad.append(end.row)
    if not good and not bad:
        bad.append(BadRow(2, "file", "", "There are no candidates in this file, only the names of the columns."))
    return Roster(good=tuple(good), bad=tuple(bad))


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _EndOfReading(
            1, "file", f"{len(data):,} bytes", f"A file has at most {MAX_BYTES:,} bytes. Split it into several."
        )
    if data[:2] in _UTF_16:
        raise _EndOfReading(1, "file", "", f"This file is encoded as UTF-16, not UTF-8. {_SAVE_AS}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        there = data[start : error.start + 20].partition(b"\n")[0].decode("latin-1").strip()
        raise _EndOfReading(
            line, "file", there, f"This file is not UTF-8; it looks like Latin-1 or Windows-1252. {_SAVE_AS}"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _EndOfReading(
            line, "file", "", f"There are NUL bytes here: this is no plain text file in UTF-8. {_SAVE_AS}"
        )
    return text


def _rows(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that are not blank, each with the line that it starts on: a quoted cell can span several."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = count = 0
    try:
        for cells in reader:
            line, started = reader.line_num, line + 1
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > MAX_ROWS + 1:
                raise _EndOfReading(
                    started, "file", "", f"A file has at most {MAX_ROWS:,} candidates. Split it into several."
                )
            yield started, cells
    except csv.Error as error:
        hint = f"From this line on it is no CSV ({error}). Is a double quote missing? Nothing after it was read."
        raise _EndOfReading(line + 1, "file", "", hint) from error


def _delimiter(text: str) -> str:
    """The sign between the columns' names: of commas, semicolons and tabs the one that there is most of in the first line."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _columns(line: int, cells: Sequence[str]) -> tuple[str, ...]:
    """The field of each column, empty for a column without a name."""
    if not cells:
        raise _EndOfReading(1, "file", "", f"The file is empty. Its first line names the columns: {', '.join(FIELDS)}.")
    columns = tuple(_field(line, cell) if cell.strip() else "" for cell in cells)
    missing = [field for field in NEEDED if field not in columns]
    if missing:
        hint = f"The first line has to name the columns; needed are {', '.join(NEEDED)}."
        raise _EndOfReading(line, "columns", ", ".join(cells), f"Not there: {', '.join(missing)}. {hint}")
    twice = [field for field in columns if field and columns.count(field) > 1]
    if twice:
        raise _EndOfReading(line, "columns", twice[0], "This column is there twice. Keep one of them.")
    return columns


def _field(line: int, cell: str) -> str:
    """The field that a column's name means; capitals, spaces and underscores do not count."""
    fields = {_letters(field): field for field in FIELDS}
    found = fields.get(_letters(cell))
    if found:
        return found
    near = difflib.get_close_matches(_letters(cell), fields, n=1)
    guess = f"Did you mean {fields[near[0]]}? " if near else ""
    raise _EndOfReading(
        line, "columns", cell.strip(), f"There is no such column. {guess}The columns are {', '.join(FIELDS)}."
    )


def _raw(columns: Sequence[str], cells: Sequence[str]) -> tuple[Mapping[str, str], tuple[FieldError, ...]]:
    """The texts of a row by column, and what is wrong with its shape."""
    surplus = [
        cell for place, cell in enumerate(cells) if cell.strip() and not (place < len(columns) and columns[place])
    ]
    if surplus:
        hint = "This row has more cells than there are columns. Put a cell with commas in it between double quotes."
        return {}, (FieldError("row", ", ".join(surplus), hint),)
    return {column: cell for column, cell in zip(columns, cells, strict=False) if column}, ()


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())
