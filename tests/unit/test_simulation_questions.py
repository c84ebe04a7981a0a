"""What is asked of a simulation: changes, absences and pictures, as they are typed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from application.simulating import Question, away, changed_sop, check_question
from domain.errors import FieldError, InvalidSop
from domain.model import Interval
from sop.lengths import Length
from tests.unit.sop_builders import NOW, at, make_sop

SPAN = Interval(start=at("2026-06-01"), end=at("2026-08-01"))
SOP = make_sop(courses__java__rounds__core__gap={"min": "1d", "max": "4d"}, interviewers__ben__timezone="Asia/Kolkata")


def question(**changes: Any) -> Question:
    fields: dict[str, Any] = {
        "candidates": 10,
        "weeks": 4,
        "seed": 1,
        "csv": None,
        "without": (),
        "away_from": None,
        "away_to": None,
        "changes": (),
        "sop": None,
        "chart": None,
    }
    return Question(**fields | changes)


def test_a_question_is_named_by_what_is_different() -> None:
    everything = question(
        sop=Path("other.yaml"), changes=("notice=2h",), without=("ben", "asha"), away_from="1 Dec", away_to="+30d"
    )

    assert question().name == ""
    assert everything.name == "other.yaml, notice=2h, without ben and asha from 1 Dec to +30d"


def test_changes_go_by_path() -> None:
    changed = changed_sop(
        SOP,
        question(
            changes=(
                "courses.java.rounds.core.gap.max=2d",
                "interviewers.ben.weekly_limit = 5",
                "courses.java.rounds.intro.seats.0.backups=[asha, chloe]",
                "courses.java.rounds.core.gap.min=",
            )
        ),
    )

    intro, core = changed.courses["java"].rounds
    assert (core.gap.min, core.gap.max) == (None, Length(amount=2, unit="d"))
    assert changed.interviewers["ben"].weekly_limit == 5
    assert intro.seats[0].backups == ("asha", "chloe")
    assert changed_sop(SOP, question()) is SOP


def test_another_file_stands_in_for_the_sop_and_changes_go_into_it(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text((Path(__file__).parents[2] / "sop.yaml").read_text())

    changed = changed_sop(SOP, question(sop=other, changes=("notice=2h",)))

    assert set(changed.courses) == {"java", "data", "devops"}
    assert changed.notice == timedelta(hours=2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"changes": ("notice",)}, "Write a path and a value"),
        ({"changes": ("courses.java.rounds.none.gap.max=2d",)}, "There is no 'none' in that list"),
        ({"changes": ("notice=soon",)}, "'soon' is not a length of time"),
        ({"changes": ("interviewers.ben.daily_limit=[",)}, "'\\[' cannot be used"),
        ({"sop": Path("no/such.yaml")}, "cannot be read"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises((FieldError, InvalidSop), match=words):
        changed_sop(SOP, question(**changes))


def test_dates_away_are_of_the_persons_own_zone() -> None:
    ben, asha = SOP.interviewers["ben"], SOP.interviewers["asha"]
    dates = question(away_from="2026-06-10", away_to="+6d")  # today is 5 June

    assert away(dates, asha, SPAN, NOW) == Interval(start=at("2026-06-10", "00:00"), end=at("2026-06-12", "00:00"))
    assert away(dates, ben, SPAN, NOW) == Interval(start=at("2026-06-09", "18:30"), end=at("2026-06-11", "18:30"))
    assert away(question(), ben, SPAN, NOW) == SPAN
    assert away(question(away_from="1 July"), asha, SPAN, NOW).end == SPAN.end


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ({"away_from": "2026-06-10", "away_to": "2026-06-09"}, "2026-06-10 to 2026-06-09.* ends before it starts"),
        ({"away_from": "2026-12-01"}, "out of reach"),
        ({"away_from": "next 2 weeks"}, "--from.*Write one date"),
        ({"away_to": "soon"}, "--to.*Write one date"),
    ],
)
def test_dates_that_cannot_be_right_are_named(dates: dict[str, str], words: str) -> None:
    with pytest.raises(FieldError, match=words):
        away(question(**dates), SOP.interviewers["asha"], SPAN, NOW)


def test_a_picture_is_a_png_in_a_folder_that_is_there_and_dates_need_somebody(tmp_path: Path) -> None:
    check_question(question(chart=tmp_path / "load.PNG", without=("asha",), away_from="1 Dec"))

    for wrong in ({"chart": tmp_path / "load.jpg"}, {"chart": tmp_path / "none" / "load.png"}, {"away_to": "1 Dec"}):
        with pytest.raises(FieldError):
            check_question(question(**wrong))
