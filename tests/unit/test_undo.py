"""What takes back that somebody came, went or moved, decided from rows of the audit alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from chat.undo_words import WORDS
from lifecycle.deeds import Limits, Refused, Way, Why
from lifecycle.undo import KINDS, decide
from tests.unit.undo_builders import (
    ASKED,
    BEFORE,
    LIMITS,
    MOVED,
    NOW,
    STANDS,
    Json,
    candidate,
    day,
    deed,
    interview,
    place,
    rebooked,
    row,
    way,
    why,
)

# Any deed -----------------------------------------------------------------------------------------------------------------------


def test_every_kind_has_words() -> None:
    assert set(KINDS) <= set(WORDS)


def test_what_was_taken_back_before_stays_so() -> None:
    assert why(decide(deed(row("paused", {"lane": "main"}, who=None), undone=True), LIMITS)) is Why.UNDONE


@pytest.mark.parametrize(("minutes", "expired"), [(30, False), (31, True)])
def test_a_deed_can_be_taken_back_for_as_long_as_the_sop_says(minutes: int, expired: bool) -> None:
    paused = deed(row("paused", {"lane": "main"}, who=None), now=(NOW + timedelta(minutes=minutes)).isoformat())

    found = decide(paused, LIMITS)

    assert found == Refused(why=Why.EXPIRED) if expired else isinstance(found, Way)


@pytest.mark.parametrize("action", ["invited", "requeued", "connected", "something of another version"])
def test_nothing_takes_back_what_is_not_known(action: str) -> None:
    assert why(decide(deed(row(action)), LIMITS)) is Why.NO_WAY


def test_what_people_change_in_the_calendar_is_changed_back_there() -> None:
    assert why(decide(deed(row("replan_asked", ASKED["detail"], actor="calendar")), LIMITS)) is Why.NO_WAY


# Candidates who came or went ----------------------------------------------------------------------------------------------------


def test_who_was_taken_in_is_given_up() -> None:
    found = way(decide(deed(row("enqueued"), candidates=[candidate("booked", interview("intro", 2))]), LIMITS))

    assert found.commands == [{"cancel_candidate": {"candidate_id": "c1", "reason": "taken in by mistake"}}]
    assert [one["round"] for one in found.lost] == ["intro"]


@pytest.mark.parametrize("status", ["queued", "planning", "booking", "escalated", "set_aside"])
def test_who_was_taken_in_is_given_up_wherever_they_are(status: str) -> None:
    assert way(decide(deed(row("enqueued"), candidates=[candidate(status)]), LIMITS)).commands


def test_of_a_list_those_who_were_changed_since_stay() -> None:
    rows = [row("enqueued", who=f"c{n}") for n in range(4)]
    people = [
        candidate("queued", who="c0"),
        candidate("queued", who="c1"),
        candidate("cancelled", who="c2"),
        candidate("booked", interview("intro", 1), who="c3"),
    ]

    found = way(
        decide(deed(*rows, candidates=people, later=[row("replan_asked", who="c1", actor="telegram:8")]), LIMITS)
    )

    assert [command["cancel_candidate"]["candidate_id"] for command in found.commands] == ["c0"]
    assert found.left == ["c1", "c2", "c3"]


def test_who_has_had_an_interview_is_not_given_up() -> None:
    people = [candidate("booked", interview("intro", 1, status="done"), interview("core", 9))]

    assert why(decide(deed(row("enqueued"), candidates=people), LIMITS)) is Why.BEGUN


def cancelled(from_: str = "booked", *ids: str, **changes: Any) -> Json:
    detail = {"from": from_, "reason": "", "interviews": [{"id": one} for one in ids], "questions": [3]}
    return row("cancelling" if ids else "cancelled", detail, **changes)


def test_who_was_cancelled_comes_back_to_the_same_places() -> None:
    gone = candidate(
        "cancelled",
        interview("panel", 5, status="cancelled"),
        interview("core", 4, status="cancelled"),
        interview("intro", 1, status="done"),
        interview("core", 3, status="cancelled", id="an earlier one"),
    )

    found = way(decide(deed(cancelled("booked", "i-core", "i-panel"), candidates=[gone]), LIMITS))

    [command] = found.commands
    wish = command["reopen_candidate"]
    assert (wish["status"], wish["questions"], wish["replan"]["thaw"], wish["replan"]["back"]) == (
        "queued",
        [3],
        True,
        True,
    )
    assert [(one["round"], one["start"]) for one in wish["replan"]["preview"]] == [
        ("intro", day(1)), ("core", day(4)), ("panel", day(5)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [("queued", "queued"), ("planning", "queued"), ("escalated", "escalated"), ("set_aside", "set_aside")],
)
def test_who_was_cancelled_without_interviews_waits_for_the_same_as_before(before: str, after: str) -> None:
    found = way(decide(deed(cancelled(before), candidates=[candidate("cancelled")]), LIMITS))

    assert found.commands[0]["reopen_candidate"]["status"] == after
    assert found.commands[0]["reopen_candidate"]["replan"] is None


def test_a_way_out_that_cancelled_opens_its_question_again_too() -> None:
    taken = row(
        "option_taken", {"escalation_id": 8, "kind": "declined:intro", "option": 2, "text": "Cancel the candidate"}
    )

    found = way(decide(deed(cancelled("booked"), taken, candidates=[candidate("cancelled")]), LIMITS))

    assert found.commands[0]["reopen_candidate"]["questions"] == [3, 8]


@pytest.mark.parametrize(
    ("now", "changes", "reason"),
    [
        (NOW, {"lease_until": (NOW + timedelta(minutes=11)).isoformat()}, Why.AT_WORK),
        (NOW, {"status": "queued"}, Why.CHANGED),
        (datetime.fromisoformat(day(4)), {}, Why.BEGUN),
    ],
)
def test_who_was_cancelled_stays_so(now: datetime, changes: Json, reason: Why) -> None:
    gone = candidate("cancelling", interview("core", 4, status="cancelled")) | changes
    limits = Limits(now=now, undo_for=timedelta(minutes=30), freeze=timedelta(days=30))

    assert why(decide(deed(cancelled("booked", "i-core"), candidates=[gone]), limits)) is reason


def test_a_place_within_the_freeze_may_be_gone_back_to() -> None:
    gone = candidate("cancelled", interview("core", 4, status="cancelled"))
    limits = Limits(now=NOW, undo_for=timedelta(minutes=30), freeze=timedelta(days=30))

    assert way(decide(deed(cancelled("booked", "i-core"), candidates=[gone]), limits)).again


# Plans made anew ----------------------------------------------------------------------------------------------------------------


def test_the_places_before_are_asked_for_as_a_plan_that_was_shown() -> None:
    found = way(decide(deed(ASKED, candidates=[STANDS], came=[MOVED]), LIMITS))

    [command] = found.commands
    wish = command["ask_replan"]
    assert wish["candidate_id"] == "c1"
    assert wish["detail"] == {
        "preview": [
            {"round": "intro", "start": day(2), "end": day(2, "11"), "interviewers": ["asha"]},
            {"round": "core", "start": day(4), "end": day(4, "11"), "interviewers": ["ben"]},
        ],
        "rounds": ["core"],
        "thaw": True,
        "back": True,
        "exceptions": {"pinned": ["panel"]},
        "changes": {"request.window": ["2026-12-01", "2026-12-12"]},
    }
    [move] = found.moves
    assert (move["candidate"], move["before"], move["after"]) == ("c1", place(6), place(4, "ben"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"candidates": [STANDS | {"status": "planning"}]}, Why.AT_WORK),
        ({"candidates": [STANDS | {"status": "booking"}]}, Why.AT_WORK),
        ({"candidates": [STANDS | {"status": "escalated"}]}, Why.CHANGED),
        ({"candidates": [STANDS | {"status": "set_aside"}], "came": []}, Why.CHANGED),
        ({"candidates": [candidate("booked", interview("intro", 2), interview("core", 7))]}, Why.CHANGED),
        ({"candidates": [candidate("booked", interview("intro", 2))]}, Why.CHANGED),
        ({"later": [row("replan_asked", actor="telegram:8")]}, Why.CHANGED),
        ({"later": [row("followed", actor="calendar")]}, Why.CHANGED),
        ({"came": [rebooked(("core", place(1), place(6)))]}, Why.BEGUN),
        ({"came": [rebooked(("intro", None, place(2)), ("core", place(4), place(6)))]}, Why.NO_WAY),
        ({"came": [rebooked(("intro", None, place(2)), ("core", None, place(6)))]}, Why.NO_WAY),
    ],
)
def test_a_plan_stays_where_it_cannot_be_taken_back(changes: Json, reason: Why) -> None:
    assert why(decide(deed(ASKED, **({"candidates": [STANDS], "came": [MOVED]} | changes)), LIMITS)) is reason


def test_an_interview_that_has_begun_or_starts_within_the_freeze_is_not_moved() -> None:
    moved = deed(ASKED, candidates=[STANDS], came=[MOVED])

    frozen = Limits(now=NOW, undo_for=timedelta(minutes=30), freeze=timedelta(days=5))
    begun = Limits(now=datetime.fromisoformat(day(6)), undo_for=timedelta(minutes=30))
    assert why(decide(moved, frozen)) is Why.FROZEN
    assert why(decide(moved, begun)) is Why.BEGUN


def test_a_wish_that_came_on_top_of_another_one_is_not_told_apart_once_it_is_planned() -> None:
    asked = row("replan_asked", ASKED["detail"] | {"from": "queued"})

    assert why(decide(deed(asked, candidates=[STANDS], came=[MOVED]), LIMITS)) is Why.CHANGED
    waiting = decide(deed(asked, candidates=[STANDS | {"status": "queued"}]), LIMITS)
    assert way(waiting).commands[0]["withdraw_replan"]["before"]["status"] == "queued"


def test_a_wish_that_was_not_planned_yet_is_forgotten() -> None:
    found = way(decide(deed(ASKED, candidates=[STANDS | {"status": "queued"}]), LIMITS))

    before = BEFORE | {"status": "booked"}
    assert found.commands == [{"withdraw_replan": {"candidate_id": "c1", "before": before, "give_up": False}}]
    assert found.forgotten == ["c1"]


def test_a_question_that_came_of_a_wish_is_closed_and_the_one_before_it_opened() -> None:
    taken = row("option_taken", {"escalation_id": 3, "kind": "replan", "option": 0, "text": "This one"})
    later = (NOW + timedelta(minutes=1)).isoformat()
    asked = [
        {"id": 3, "status": "resolved", "opened_at": day(1)},
        {"id": 4, "status": "open", "opened_at": later},
        {"id": 5, "status": "open", "opened_at": day(1)},  # asked before, and answered anew since
        {"id": 6, "status": "open", "opened_at": later},  # about something else
    ]
    asks = candidate("booked", interview("intro", 2), escalations=asked)
    stood = [row("stood", {"escalation_id": number}, actor="worker:w") for number in (4, 5)]

    found = way(decide(deed(ASKED, taken, candidates=[asks], came=stood), LIMITS))

    assert [next(iter(command)) for command in found.commands] == [
        "withdraw_replan",
        "resolve_escalation",
        "reopen_escalation",
    ]
    assert found.commands[1]["resolve_escalation"]["escalation_id"] == 4
    assert found.commands[2]["reopen_escalation"]["escalation_id"] == 3


def test_a_first_plan_that_a_way_out_gave_is_given_up_and_asked_about_again() -> None:
    taken = row("option_taken", {"escalation_id": 3, "kind": "no_plan", "option": 0, "text": "2 days longer"})
    asked = row("replan_asked", ASKED["detail"] | {"from": "escalated"})
    first = rebooked(("intro", None, place(2)), ("core", None, place(6)))

    found = way(decide(deed(asked, taken, candidates=[STANDS], came=[first]), LIMITS))

    assert found.commands[0]["withdraw_replan"]["give_up"] is True
    assert found.commands[0]["withdraw_replan"]["before"]["status"] == "escalated"
    assert found.commands[1] == {"reopen_escalation": {"escalation_id": 3}}
    assert [one["round"] for one in found.lost] == ["intro", "core"]
