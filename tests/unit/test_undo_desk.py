"""What takes back an absence, a closed question, a pause, an SOP and a role, decided from rows of the audit alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle.deeds import Limits, Refused, Way, Why
from lifecycle.undo import decide
from tests.unit.undo_builders import (
    ASKED,
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

# Interviewers who cannot come ---------------------------------------------------------------------------------------------------

BLOCK = {"interviewer": "ben", "start": day(4), "end": day(5), "reason": "ill", "affected": 1}
BLOCKED = row("interviewer_blocked", BLOCK, who=None)


def asked_of(who: str) -> Json:
    return row("replan_asked", ASKED["detail"], who=who)


def test_a_block_ends_and_what_moved_because_of_it_goes_back() -> None:
    people = [
        STANDS,
        candidate("queued", interview("core", 4), who="c2"),
        candidate("booked", interview("core", 9), who="c3"),
    ]
    came = [MOVED, rebooked(("core", place(4), place(6)), who="c3")]

    found = way(
        decide(
            deed(asked_of("c1"), asked_of("c2"), asked_of("c3"), BLOCKED, block=12, candidates=people, came=came),
            LIMITS,
        )
    )

    assert [next(iter(command)) for command in found.commands] == [
        "unblock_interviewer",
        "ask_replan",
        "withdraw_replan",
    ]
    assert found.commands[0] == {"unblock_interviewer": {"block_id": 12}}
    assert ([move["candidate"] for move in found.moves], found.forgotten, found.left) == (["c1"], ["c2"], ["c3"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"block": None}, Why.CHANGED),
        ({"later": [row("interviewer_unblocked", BLOCK, who=None)]}, Why.CHANGED),
        ({"candidates": [STANDS | {"status": "booking"}]}, Why.AT_WORK),
    ],
)
def test_a_block_stays(changes: Json, reason: Why) -> None:
    facts = {"block": 12, "candidates": [STANDS], "came": [MOVED]} | changes

    assert why(decide(deed(asked_of("c1"), BLOCKED, **facts), LIMITS)) is reason


def test_another_absence_is_another_thing() -> None:
    other = row("interviewer_blocked", BLOCK | {"start": day(9), "end": day(10)}, who=None)

    assert way(decide(deed(BLOCKED, block=12, candidates=[], later=[other]), LIMITS)).commands


def test_who_can_come_again_is_blocked_as_before() -> None:
    affected = [{"id": "i", "start": day(4), "interviewers": ["ben"], "candidate_status": "booked"}]
    unblocked = row("interviewer_unblocked", BLOCK, who=None)

    found = way(decide(deed(unblocked, candidates=[], affected=affected), LIMITS))

    block = {"interviewer": "ben", "start": day(4), "end": day(5), "reason": "ill"}
    assert (found.commands, found.anew) == ([{"block_interviewer": block}], affected)
    at_work = [affected[0] | {"candidate_status": "planning"}]
    assert why(decide(deed(unblocked, candidates=[], affected=at_work), LIMITS)) is Why.AT_WORK


# Questions, the queue, the SOP, roles -------------------------------------------------------------------------------------------

CLOSED = row("escalation_resolved", {"escalation_id": 3, "kind": "no_plan", "resolution": "settled elsewhere"})
QUESTION = {
    "id": 3,
    "kind": "no_plan",
    "status": "resolved",
    "options": [{"kind": "keep", "text": "Leave it"}, "requeue"],
}


def test_a_question_that_was_closed_is_opened_again() -> None:
    asked = candidate("escalated", escalations=[QUESTION])

    found = way(decide(deed(CLOSED, candidates=[asked]), LIMITS))

    assert found.commands == [{"reopen_escalation": {"escalation_id": 3}}]


@pytest.mark.parametrize(
    "one",
    [
        candidate("cancelled", escalations=[QUESTION]),
        candidate("escalated", escalations=[QUESTION, QUESTION | {"id": 4, "status": "open"}]),
    ],
)
def test_a_question_that_is_past_stays_closed(one: Json) -> None:
    assert why(decide(deed(CLOSED, candidates=[one]), LIMITS)) is Why.CHANGED


@pytest.mark.parametrize(("option", "can"), [(0, True), (1, False)])
def test_an_answer_that_only_closed_the_question_can_be_taken_back(option: int, can: bool) -> None:
    taken = row("option_taken", {"escalation_id": 3, "kind": "no_plan", "option": option, "text": "Leave it"})

    found = decide(deed(taken, candidates=[candidate("booked", escalations=[QUESTION])]), LIMITS)

    assert isinstance(found, Way) if can else found == Refused(why=Why.NO_WAY)


@pytest.mark.parametrize(("action", "paused"), [("paused", False), ("resumed", True)])
def test_the_queue_does_the_opposite(action: str, paused: bool) -> None:
    done = row(action, {"lane": "main"}, who=None)
    later = row("resumed", {"lane": "main"}, who=None, actor="telegram:8")

    assert way(decide(deed(done, candidates=[]), LIMITS)).commands == [
        {"pause_lane": {"lane": "main", "paused": paused}}
    ]
    assert why(decide(deed(done, candidates=[], later=[later]), LIMITS)) is Why.CHANGED
    elsewhere = later | {"detail": {"lane": "other"}}
    assert way(decide(deed(done, candidates=[], later=[elsewhere]), LIMITS)).commands


def test_the_sop_before_comes_into_force_again() -> None:
    activated = row("sop_activated", {"source": "chat", "before": "v1"}, who=None, sop_version="v2")
    before = {"version": "v1", "text": "timezone: UTC"}

    found = way(decide(deed(activated, candidates=[], sop=before), LIMITS))

    assert found.commands == [{"activate_sop": {"version": "v1", "text": "timezone: UTC", "source": "chat"}}]
    assert why(decide(deed(activated, candidates=[], sop=None), LIMITS)) is Why.NO_WAY
    assert why(decide(deed(activated, candidates=[], sop=before, later=[activated]), LIMITS)) is Why.CHANGED


def test_only_owners_take_roles_back() -> None:
    changed = row("role_changed", {"user_id": 42, "before": "viewer", "after": None}, who=None)
    admin = Limits(now=NOW, undo_for=timedelta(minutes=30), owner=False)

    found = way(decide(deed(changed, candidates=[]), LIMITS))

    assert found.commands == [{"set_role": {"user_id": 42, "role": "viewer", "name": "42"}}]
    assert why(decide(deed(changed, candidates=[]), admin)) is Why.OWNERS
