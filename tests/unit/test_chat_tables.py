"""Tables that spreadsheets open without harm, and pictures that take any name."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chat.pictures import Week, unreadable, week_picture
from chat.tables import csv_file, plain_cell
from config import load_sop

SOP = load_sop(Path(__file__).parents[2] / "sop.yaml")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "\n=1"])
def test_what_a_spreadsheet_would_calculate_is_made_text(cell: str) -> None:
    assert plain_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["Priya", "a=b", "", "1 + 1", "Zoë"])
def test_everything_else_stays_as_it_is(cell: str) -> None:
    assert plain_cell(cell) == cell


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")), min_size=1, max_size=4))
def test_any_text_comes_back_from_the_file(cells: list[str]) -> None:
    _, row = csv.reader(io.StringIO(csv_file(["x"] * len(cells), [cells]).decode("utf-8-sig"), newline=""))

    assert [back.removeprefix("'") for back in row] == [cell.removeprefix("'") for cell in cells]
    assert not any(back.startswith(("=", "+", "-", "@")) for back in row)


def row(name: str) -> dict[str, object]:
    return {
        "start": "2026-12-01T18:00:00+00:00", "name": name, "number": 12, "course": "java", "round": "intro",
        "title": "Introduction", "interviewers": ["asha"], "backups": [],
    }  # fmt: skip


def drawn(name: str) -> Week:
    return Week(rows=[row(name)], monday=date(2026, 11, 30), today=date(2026, 12, 2), sop=SOP)


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120))
def test_any_name_can_be_drawn(name: str) -> None:
    assert Image.open(io.BytesIO(week_picture(drawn(name)))).format == "PNG"


def test_a_name_without_letters_is_drawn_as_the_candidates_number() -> None:
    assert week_picture(drawn("田中さくら")) == week_picture(drawn("candidate 12"))
    assert week_picture(drawn("Zoë Å")) == week_picture(drawn("Zoe A"))
    assert unreadable(drawn("田中さくら")) == ["田中さくら"]
    assert unreadable(drawn("Priya Nair")) == []


def test_the_weekend_is_drawn_when_something_happens_on_it() -> None:
    saturday = row("Priya") | {"start": "2026-12-05T18:00:00+00:00"}
    week = Week(rows=[saturday], monday=date(2026, 11, 30), today=date(2026, 12, 2), sop=SOP)

    assert [f"{day:%a}" for day in week.days] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    assert len(drawn("Priya").days) == 5


def test_an_interviewer_whom_the_sop_no_longer_has_is_drawn_by_id() -> None:
    week = Week(
        rows=[row("Priya") | {"interviewers": ["gone", "asha"]}],
        monday=date(2026, 11, 30),
        today=date(2026, 12, 2),
        sop=SOP,
    )

    assert week.people == ["asha", "gone"]
    assert week_picture(week).startswith(b"\x89PNG")
