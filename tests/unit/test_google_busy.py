"""Google's free/busy answers: what is left out, broken or refused is unknown, never free."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from calendars.base import Unknown
from calendars.google_busy import LONGEST_LOOK, answered, parts, question
from domain.model import Interval
from tests.contract.harness import at

ASHA = "asha@example.com"


def told(entry: Any, *, name: str = ASHA) -> dict[str, Any]:
    return {"calendars": {name: entry}}


def block(interval: Interval) -> dict[str, str]:
    return {"start": interval.start.isoformat(), "end": interval.end.isoformat()}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"calendars": {}},
        told({}),
        told({"errors": [{"reason": "notFound"}], "busy": []}),
        told({"errors": [{"reason": "somethingNew"}]}),
        told({"busy": [{"start": "yesterday", "end": "2027-01-05T10:00:00Z"}]}),
        told({"busy": [{"start": "2027-01-05T10:00:00Z"}]}),
        told({"busy": [{"start": "2027-01-05T10:00:00", "end": "2027-01-05T11:00:00"}]}),
        told({"busy": [{"start": "2027-01-05T11:00:00Z", "end": "2027-01-05T10:00:00Z"}]}),
        told({"busy": None}),
    ],
)
def test_what_does_not_tell_is_unknown(answer: dict[str, Any]) -> None:
    busy = answered(ASHA, [told({"busy": []}), answer])

    assert isinstance(busy, Unknown)
    assert busy.reason
    assert busy.cure.endswith(".")


@pytest.mark.parametrize(("reason", "passing"), [("internalError", True), ("notFound", False)])
def test_what_google_may_be_able_to_read_soon_is_told(reason: str, passing: bool) -> None:
    busy = answered(ASHA, [told({"errors": [{"reason": reason}]})])

    assert isinstance(busy, Unknown)
    assert busy.passing is passing


def test_an_empty_answer_is_free() -> None:
    assert answered(ASHA, [told({"busy": []})]) == ()


def test_the_answers_of_all_parts_are_joined() -> None:
    first, second = told({"busy": [block(at(5, 10)), block(at(4, 9))]}), told({"busy": [block(at(5, 11))]})

    assert answered(ASHA, [first, second]) == (at(4, 9), at(5, 10, minutes=120))


def test_a_block_of_no_length_takes_no_time() -> None:
    moment = at(5, 10).start.isoformat()

    assert answered(ASHA, [told({"busy": [{"start": moment, "end": moment}]})]) == ()


def test_an_address_is_found_however_it_is_written() -> None:
    assert answered("Asha@Example.com", [told({"busy": [block(at(5, 10))]})]) == (at(5, 10),)


@pytest.mark.parametrize("days", [1, 60, 61, 366])
def test_a_long_span_is_asked_for_in_parts(days: int) -> None:
    span = Interval(start=at(1, 0).start, end=at(1, 0).start + timedelta(days=days))
    pieces = list(parts(span))

    assert (pieces[0].start, pieces[-1].end) == (span.start, span.end)
    assert all(piece.end - piece.start <= LONGEST_LOOK for piece in pieces)
    assert all(one.end == other.start for one, other in pairwise(pieces))


def test_a_question_names_everybody_once_and_the_time() -> None:
    assert question([ASHA, "ben@example.com"], at(5, 10)) == {
        "timeMin": "2027-01-05T10:00:00+00:00",
        "timeMax": "2027-01-05T11:00:00+00:00",
        "calendarExpansionMax": 50,
        "items": [{"id": ASHA}, {"id": "ben@example.com"}],
    }
