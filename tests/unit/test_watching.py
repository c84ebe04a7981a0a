"""Each difference between what is booked and what an event says, sorted; what was dealt with is no news."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.model import Interval
from lifecycle.watching import (
    Action,
    Booked,
    Decision,
    Decline,
    Edits,
    Kept,
    Said,
    Seen,
    Stray,
    decide,
    edited,
    minus,
    on_top,
    stray,
)
from tests.builders import at

ASHA, BEN, PRIYA = "asha@example.com", "ben@example.com", "priya@example.com"
GRACE = timedelta(minutes=10)
NOW = at("08:00") - timedelta(days=3)


def time(start: str, end: str) -> Interval:
    return Interval(start=at(start), end=at(end))


SAID = Said(
    title="Introduction", description="Java", interval=time("09:00", "10:00"), guests=frozenset({ASHA, BEN, PRIYA})
)
BOOKED = Booked(interval=time("09:00", "10:00"), candidate=PRIYA, interviewers={ASHA: "asha", BEN: "ben"}, said=SAID)
ELSEWHERE = time("11:00", "12:00")


def seen(said: Said = SAID, **answers: str) -> Seen:
    return Seen(said=said, answers={f"{who}@example.com": answer for who, answer in answers.items()})


def sort(event: Seen | None, booked: Booked = BOOKED, minutes: int = 0) -> Decision:
    return decide(booked, event, now=NOW + timedelta(minutes=minutes), grace=GRACE)


def declined(*who: str, minutes: int = 0, dealt: bool = False) -> dict[str, Decline]:
    since = NOW + timedelta(minutes=minutes)
    return {f"{one}@example.com": Decline(since=since, dealt=dealt) for one in who}


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (seen(), Action.NOTHING),
        (seen(asha="accepted", ben="tentative"), Action.NOTHING),
        (None, Action.FREE),
        (seen(replace(SAID, interval=ELSEWHERE)), Action.FOLLOW),
        (seen(replace(SAID, interval=ELSEWHERE), asha="declined"), Action.FOLLOW),
        (seen(replace(SAID, title="Intro")), Action.NOTE),
        (seen(replace(SAID, description="Java, room 7")), Action.NOTE),
        (seen(replace(SAID, guests=SAID.guests | {"boss@example.com"})), Action.NOTE),
        (seen(replace(SAID, guests=SAID.guests - {PRIYA})), Action.NOTE),
        (seen(replace(SAID, guests=SAID.guests - {ASHA})), Action.ASK_GUESTS),
        (seen(asha="declined"), Action.WAIT),
        (seen(priya="declined"), Action.WAIT),
    ],
)
def test_what_is_seen_first(event: Seen | None, action: Action) -> None:
    assert sort(event).action is action


@pytest.mark.parametrize("answer", ["", "accepted", "tentative", "none"])
def test_only_a_decline_is_a_decline(answer: str) -> None:
    decision = sort(seen(asha=answer), minutes=60)

    assert decision.action is Action.NOTHING
    assert decision.look_at is None


def test_a_decline_is_looked_at_again_when_its_grace_is_over() -> None:
    first = sort(seen(asha="declined"))
    waiting = replace(BOOKED, declines=first.declines)

    assert first.look_at == NOW + GRACE
    assert sort(seen(asha="declined"), waiting, minutes=9).action is Action.WAIT
    over = sort(seen(asha="declined"), waiting, minutes=10)
    assert (over.action, over.people, over.look_at) == (Action.REPLACE, ("asha",), None)
    dealt = replace(BOOKED, declines=over.declines)
    assert sort(seen(asha="declined"), dealt, minutes=90).action is Action.NOTHING


def test_each_decline_has_a_grace_of_its_own() -> None:
    waiting = replace(BOOKED, declines=declined("asha") | declined("ben", minutes=5))

    decision = sort(seen(asha="declined", ben="declined"), waiting, minutes=10)

    assert (decision.action, decision.people) == (Action.REPLACE, ("asha",))
    assert decision.look_at == NOW + timedelta(minutes=15)


def test_declines_that_are_over_together_are_one_matter() -> None:
    waiting = replace(BOOKED, declines=declined("asha", "ben"))

    assert sort(seen(asha="declined", ben="declined"), waiting, minutes=10).people == ("asha", "ben")


def test_an_interviewer_comes_before_the_candidate() -> None:
    waiting = replace(BOOKED, declines=declined("asha", "priya"))
    both = seen(asha="declined", priya="declined")

    first = sort(both, waiting, minutes=10)
    assert (first.action, first.people) == (Action.REPLACE, ("asha",))
    assert first.look_at == NOW + timedelta(minutes=10)  # at once
    second = sort(both, replace(BOOKED, declines=first.declines), minutes=11)
    assert second.action is Action.ASK_CANDIDATE
    assert sort(both, replace(BOOKED, declines=second.declines), minutes=12).action is Action.NOTHING


def test_a_decline_that_is_taken_back_in_time_is_forgotten() -> None:
    waiting = replace(BOOKED, declines=declined("asha"))

    decision = sort(seen(asha="accepted"), waiting, minutes=5)

    assert (decision.action, decision.accepted, decision.look_at) == (Action.NOTE, (), None)
    assert decision.declines == {}


def test_a_decline_that_is_taken_back_too_late_is_told() -> None:
    dealt = replace(BOOKED, declines=declined("asha", dealt=True))

    assert sort(seen(asha="accepted"), dealt, minutes=50).accepted == ("asha",)
    assert sort(seen(asha="tentative"), replace(dealt, interviewers={BEN: "ben"}), minutes=50).accepted == ()


def test_once_it_has_begun_an_answer_comes_too_late() -> None:
    begun = decide(BOOKED, seen(asha="declined"), now=at("09:00"), grace=timedelta(0))

    assert begun.action is Action.NOTHING


def test_a_move_that_was_dealt_with_is_no_news() -> None:
    there = seen(replace(SAID, interval=ELSEWHERE))
    asked = replace(BOOKED, said=there.said, asked=True)

    assert sort(there, asked).action is Action.NOTHING
    assert sort(seen(replace(SAID, interval=time("14:00", "15:00"))), asked).action is Action.FOLLOW
    assert sort(seen(), asked).action is Action.RETURNED
    assert sort(there, replace(asked, asked=False)).action is Action.FOLLOW  # nobody is deciding any more


def test_a_move_onto_the_time_that_is_booked_is_none() -> None:
    """It was booked anew, and the person had moved the event to just there."""
    booked = replace(BOOKED, interval=ELSEWHERE)

    assert sort(seen(replace(SAID, interval=ELSEWHERE)), booked).action is Action.RETURNED


def test_an_event_that_was_never_read_is_as_booked() -> None:
    unread = replace(BOOKED, said=None)

    assert sort(seen(), unread).action is Action.NOTE
    assert sort(seen(replace(SAID, interval=ELSEWHERE)), unread).action is Action.FOLLOW


def test_who_is_missing_is_not_forgotten_over_a_move() -> None:
    now = replace(SAID, interval=ELSEWHERE, title="Intro", guests=SAID.guests - {ASHA})

    first = sort(seen(now))

    assert first.action is Action.FOLLOW
    assert first.look_at == NOW
    assert first.edits == Edits(title="Intro")
    after = replace(BOOKED, interval=ELSEWHERE, said=first.said, edits=first.edits)
    second = sort(seen(now), after)
    assert (second.action, second.people) == (Action.ASK_GUESTS, ("asha",))
    assert sort(seen(now), replace(after, said=second.said, edits=second.edits)).action is Action.NOTHING


def test_edits_add_up() -> None:
    once = edited(Edits(), SAID, replace(SAID, title="Intro", guests=SAID.guests - {ASHA} | {"boss@example.com"}))
    assert once == Edits(title="Intro", added=frozenset({"boss@example.com"}), removed=frozenset({ASHA}))

    said = replace(SAID, title="Intro", guests=SAID.guests - {ASHA} | {"boss@example.com"})
    twice = edited(once, said, replace(said, description="room 7", guests=SAID.guests))

    assert twice == Edits(title="Intro", description="room 7")


@pytest.mark.parametrize(
    ("kept", "generation", "handle", "kind"),
    [
        (None, 1, "a", Stray.UNKNOWN),
        (Kept(status="booked", generation=2, handle="a", deleted=False, unwritten=False), 2, "a", Stray.OURS),
        (Kept(status="booked", generation=2, handle="", deleted=False, unwritten=False), 2, "a", Stray.OURS),
        (Kept(status="booked", generation=2, handle="a", deleted=False, unwritten=False), 2, "b", Stray.DUPLICATE),
        (Kept(status="booked", generation=2, handle="a", deleted=False, unwritten=False), 1, "b", Stray.ORPHAN),
        (Kept(status="reserved", generation=2, handle="", deleted=False, unwritten=True), 1, "b", Stray.ORPHAN),
        (Kept(status="booked", generation=2, handle="a", deleted=False, unwritten=False), 3, "b", Stray.UNKNOWN),
        (Kept(status="reserved", generation=1, handle="", deleted=False, unwritten=True), 1, "a", Stray.UNKNOWN),
        (Kept(status="cancelled", generation=1, handle="a", deleted=False, unwritten=True), 1, "a", Stray.UNKNOWN),
        (Kept(status="cancelled", generation=1, handle="a", deleted=False, unwritten=False), 1, "a", Stray.ORPHAN),
        (Kept(status="cancelled", generation=1, handle="a", deleted=True, unwritten=False), 1, "a", Stray.RESTORED),
        (Kept(status="done", generation=1, handle="a", deleted=False, unwritten=False), 1, "b", Stray.UNKNOWN),
    ],
)
def test_events_that_are_no_interviews_own(kept: Kept | None, generation: int, handle: str, kind: Stray) -> None:
    assert stray(kept, generation=generation, handle=handle) is kind


@pytest.mark.parametrize(
    ("busy", "ours", "left"),
    [
        ([("09:00", "10:00")], [("09:00", "10:00")], []),
        ([("08:00", "10:30")], [("09:00", "10:00")], [("08:45", "09:00"), ("10:00", "10:15")]),
        ([("10:10", "11:00")], [("09:00", "10:00")], [("10:10", "10:15")]),
        ([("10:15", "11:00"), ("08:00", "08:45")], [("09:00", "10:00")], []),
        ([("09:20", "09:40")], [], [("09:20", "09:40")]),
        ([("09:00", "11:00")], [("09:00", "10:00"), ("10:00", "11:00")], []),
        ([], [("09:00", "10:00")], []),
        ([("09:20", "09:40")], [("09:00", "10:00")], [("09:20", "09:40")]),  # ours does not show there
        ([("09:30", "10:30")], [("09:00", "10:00")], [("09:30", "10:15")]),
    ],
)
def test_what_lies_on_top_of_an_interview(
    busy: list[tuple[str, str]], ours: list[tuple[str, str]], left: list[tuple[str, str]]
) -> None:
    found = on_top(
        time("09:00", "10:00"),
        buffer=timedelta(minutes=15),
        busy=tuple(time(*one) for one in busy),
        ours=tuple(time(*one) for one in ours),
    )

    assert found == tuple(time(*one) for one in left)


def test_a_time_without_others_is_what_is_left_of_it() -> None:
    rest = minus(time("09:00", "12:00"), (time("10:00", "10:30"), time("08:00", "09:30"), time("11:45", "13:00")))

    assert rest == (time("09:30", "10:00"), time("10:30", "11:45"))
