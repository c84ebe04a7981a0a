"""CSV files of candidates: good rows go on, every mistake is told with its line, nothing is ever raised."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.roster import MAX_BYTES, Roster, read_csv
from tests.unit.test_intake_fields import REFERENCE

HEADER = "name,email,course,window,slots,timezone\n"
ANN = 'Ann Lee,ann@example.com,java,+3d to +10d,"09:00-12:00, 16:00-19:00",Kolkata\n'


def read(text: str | bytes) -> Roster:
    return read_csv(text.encode() if isinstance(text, str) else text, REFERENCE)


@pytest.mark.parametrize(
    "data",
    [
        (HEADER + ANN).encode(),
        (HEADER + ANN).encode("utf-8-sig"),
        (HEADER + ANN).replace("\n", "\r\n").encode(),
        b"Name;E-mail;Course;Window;Slots;Time Zone\nAnn Lee;ann@example.com;java;+3d to +10d;9-12, 16-19;Kolkata",
        b"name\temail\tcourse\twindow\tslots\ttimezone\t\n"
        b"Ann Lee\tann@example.com\tJava Full Stack\t24 Nov - 1 Dec\t9-12 and 4-7pm\tIndia\t\n",
    ],
)
def test_a_good_row_is_read_from_every_usual_kind_of_csv(data: bytes) -> None:
    roster = read(data)

    assert roster.bad == ()
    assert [(row.line, row.request.name, row.request.timezone) for row in roster.good] == [
        (2, "Ann Lee", "Asia/Kolkata")
    ]
    assert roster.good[0].request.window == (date(2026, 11, 24), date(2026, 12, 1))
    assert str(roster.good[0].request.slots) == "09:00-12:00, 16:00-19:00"
    assert roster.good[0].raw["name"] == "Ann Lee"


def test_bad_rows_are_told_by_line_field_value_and_hint_and_the_good_ones_go_on() -> None:
    roster = read(
        f'{HEADER}"Bob\nTwo Lines",bob,java,+3d,9-12,PST\n\n{ANN}Cy,cy@example.com,jva,1-12 Nov,25:00-26:00,\n'
    )

    assert [row.line for row in roster.good] == [5]
    assert [(row.line, row.field, row.value) for row in roster.bad] == [
        (2, "name", "'Bob\\nTwo Lines'"),
        (2, "email", "bob"),
        (2, "timezone", "PST"),
        (6, "course", "jva"),
        (6, "window", "1-12 Nov"),
        (6, "slots", "25:00-26:00"),
    ]
    assert "America/Los_Angeles" in roster.bad[2].hint
    assert "Did you mean Java Full Stack?" in roster.bad[3].hint


@pytest.mark.parametrize(
    ("data", "line", "field", "words"),
    [
        (b"", 1, "file", "The file is empty."),
        (b"\n \n", 1, "file", "The file is empty."),
        (HEADER.encode(), 2, "file", "no candidates"),
        ((HEADER + ANN).encode("utf-16"), 1, "file", "UTF-16"),
        (HEADER.encode() + "Jürgen,j@example.com".encode("latin-1"), 2, "file", "Latin-1"),
        (HEADER.encode() + b"Ann\0", 2, "file", "NUL"),
        (b"x" * (MAX_BYTES + 1), 1, "file", "at most 5,000,000 bytes"),
        (b"name,email,course,window\n", 1, "columns", "Not there: slots."),
        (b"name,email,course,window,slot\n", 1, "columns", "Did you mean slots?"),
        (b"name,email,course,window,slots,name\n", 1, "columns", "twice"),
        (HEADER.encode() + b"Ann Lee,ann@example.com,java,+3d,9-12, 16-19,Kolkata\n", 2, "row", "double quotes"),
        (HEADER.encode() + b'"Ann Lee,ann@example.com', 2, "file", "double quote"),
        (HEADER.encode() + b"x" * 200_000, 2, "file", "no CSV"),
        (HEADER.encode() + b"Ann Lee\n", 2, "email", "needed"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(data: bytes, line: int, field: str, words: str) -> None:
    roster = read(data)

    assert roster.good == ()
    assert (roster.bad[0].line, roster.bad[0].field) == (line, field)
    assert words in roster.bad[0].hint


def test_rows_before_a_broken_one_still_count() -> None:
    roster = read(HEADER + ANN + 'Bob,"bob@example.com\n')

    assert [row.line for row in roster.good] == [2]
    assert [(row.line, row.field) for row in roster.bad] == [(3, "file")]


names = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=60).filter(
    lambda name: any(sign.isalpha() for sign in name)
)


@given(st.lists(names, min_size=1, max_size=5))
def test_any_name_is_read_as_it_was_written(written: list[str]) -> None:
    sheet = io.StringIO()
    csv.writer(sheet).writerows(
        [HEADER.strip().split(","), *([name, "a@example.com", "java", "+3d", "9-12", ""] for name in written)]
    )

    roster = read(sheet.getvalue())

    assert roster.bad == ()
    assert [row.raw["name"] for row in roster.good] == written


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: HEADER.encode() + text.encode("utf-8", "replace")),
    )
)
def test_any_bytes_give_rows_or_mistakes(data: bytes) -> None:
    roster = read(data)

    assert roster.good or roster.bad
    assert all(row.hint for row in roster.bad)
