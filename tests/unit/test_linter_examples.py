"""Examples inside an SOP: what holds passes, what does not is told, and what cannot be read names what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import load_sop
from sop import Sop
from sop.examples import try_examples
from tests.unit.sop_builders import plain_sop

EXAMPLE_CODES = {"SOP601", "SOP602"}
NOW = "2026-06-05 12:00"  # a Friday; the SOP's zone is UTC, and Ben takes both rounds, an hour each
GOOD: dict[str, Any] = {
    "name": "Two rounds on Monday",
    "now": NOW,
    "request": {"course": "java", "window": "+3d to +7d", "slots": "09:00-12:00"},
    "expect": {"plan": {"intro": "+3d 09:00 ben", "core": "10:00"}},
}


def told(**changes: Any) -> list[tuple[str, str, str]]:
    """Code, place and sentence of what is wrong with the good example, changed."""
    sop = Sop.parse({**plain_sop(), "examples": [GOOD | changes]})
    return [(one.code, one.where, one.message) for one in try_examples(sop)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"expect": "plan"},
        {"expect": {"plan": None}},
        {"expect": {"plan": {"core": "8 June, ben"}}},
        {"expect": {"plan": {"intro": "2026-06-08"}}},
        {"now": "2026-06-05T14:00+02:00"},
        {"request": GOOD["request"] | {"slots": ["09:00-10:00", "11:00-12:00"]}, "expect": {"plan": {"core": "11:00"}}},
        {
            "request": GOOD["request"] | {"timezone": "Asia/Kolkata", "slots": "13:30-17:00"},
            "expect": {"plan": {"intro": "13:30"}},
        },
        {"busy": {"ben": "+3d"}, "expect": {"plan": {"intro": "+4d 09:00"}}},
        {"busy": {"ben": ["+3d 09:00-11:00"]}, "expect": {"plan": {"intro": "+3d 11:00", "core": "+4d 09:00"}}},
        {"busy": {"ben": ["+3d to +6d", "7 Jun"]}, "expect": {"plan": {"intro": "+7d"}}},
        {"busy": {"ben": "+3d to +7d"}, "expect": "no_plan"},
        {"busy": {"ben": "+3d to +7d"}, "expect": {"no_plan": "ben is booked solid"}},
        {"busy": {"ben": "+3d to +7d"}, "expect": {"no_plan": ["Introduction cannot be placed", "8 to 12 Jun"]}},
    ],
)
def test_an_example_that_holds_says_nothing(changes: dict[str, Any]) -> None:
    assert told(**changes) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"expect": {"plan": {"intro": "+4d", "core": "10:00 asha"}}},
            [
                "Two rounds on Monday: intro should be +4d, but is +3d, Mon 8 Jun 09:00 UTC ben",
                "Two rounds on Monday: core should be 10:00 asha, but is +3d, Mon 8 Jun 10:00 UTC ben",
            ],
        ),
        (
            {"expect": "no_plan"},
            [
                "Two rounds on Monday: there should be no plan, but there is one: intro Mon 8 Jun 09:00 UTC ben; "
                "core Mon 8 Jun 10:00 UTC ben"
            ],
        ),
        (
            {"busy": {"ben": "+3d to +7d"}},
            [
                "Two rounds on Monday: there is no plan.\nIntroduction cannot be placed: 15 starts in the candidate's slots from "
                "Mon 8 Jun to Fri 12 Jun, but\n  Ben is booked solid 8 to 12 Jun"
            ],
        ),
        (
            {"busy": {"ben": "+3d to +7d"}, "expect": {"no_plan": "notice"}},
            [
                "Two rounds on Monday: there is no plan, but the reason does not say “notice”.\nIntroduction cannot be placed: "
                "15 starts in the candidate's slots from Mon 8 Jun to Fri 12 Jun, but\n  Ben is booked solid 8 to 12 Jun"
            ],
        ),
    ],
)
def test_an_example_that_fails_says_what_came_out(changes: dict[str, Any], sentence: list[str]) -> None:
    found = told(**changes)

    assert [(code, where) for code, where, _ in found] == [("SOP602", "examples.0")] * len(sentence)
    assert all(said.startswith(wanted) for (_, _, said), wanted in zip(found, sentence, strict=True))


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"when": NOW}, "examples.0.when", "when: extra inputs are not permitted"),
        ({"now": "Monday"}, "examples.0.now", "Write a date and a time, such as 2027-03-01 09:00."),
        ({"expect": "a plan"}, "examples.0.expect", "Write plan or no_plan"),
        ({"expect": {"plan": None, "no_plan": None}}, "examples.0.expect", "Write plan or no_plan"),
        ({"expect": {"plan": "intro"}}, "examples.0.expect", "After plan stand rounds"),
        ({"expect": {"plan": {"outro": "+3d"}}}, "examples.0.expect", "The rounds of java are intro, core."),
        ({"expect": {"plan": {"intro": "soon ben"}}}, "examples.0.expect", "Write a date, a time, interviewers"),
        ({"expect": {"plan": {"intro": "+3d to +5d"}}}, "examples.0.expect", "Write a date, a time, interviewers"),
        ({"expect": {"plan": {"intro": "25:00"}}}, "examples.0.expect", "Write a date, a time, interviewers"),
        ({"expect": {"no_plan": {"a": "b"}}}, "examples.0.expect", "words that the reason has"),
        ({"busy": {"bne": "+3d"}}, "examples.0.busy", "The interviewers are ben, asha, chloe."),
        ({"busy": {"ben": "Monday 09:00-10:00"}}, "examples.0.busy", "Write +3d, +3d 09:00-12:00"),
        ({"busy": {"ben": "+3d 12:00-10:00"}}, "examples.0.busy", "Write +3d, +3d 09:00-12:00"),
        ({"request": {"course": "java", "window": "+3d to +7d"}}, "examples.0.request", "slots: This field is needed."),
        (
            {"request": GOOD["request"] | {"course": "php"}},
            "examples.0.request",
            "course: The courses are Java (java).",
        ),
        ({"request": GOOD["request"] | {"slot": "09:00-10:00"}}, "examples.0.request", "A request has name, email"),
    ],
)
def test_an_example_that_cannot_be_read_says_what_would_be_right(
    changes: dict[str, Any], where: str, words: str
) -> None:
    found = told(**changes)

    assert [(code, place) for code, place, _ in found] == [("SOP601", where)]
    assert words in found[0][2]


def test_a_missing_part_is_named() -> None:
    sop = Sop.parse({**plain_sop(), "examples": [{"name": "Nothing else"}]})

    assert [one.where for one in try_examples(sop)] == ["examples.0.now", "examples.0.request", "examples.0.expect"]


def test_the_examples_of_the_example_hold() -> None:
    sop = load_sop(Path(__file__).parents[2] / "sop.yaml")

    assert len(sop.examples) >= 2
    assert try_examples(sop) == ()
