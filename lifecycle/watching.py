"""What a change in the calendar means: each difference between what is booked and what the event says, sorted into a decision.

The human wins: whoever moves, deletes or declines an event is believed. Only what is news counts: what the event said when it was
last written or dealt with is remembered (`Booked.said`), and a change that was dealt with is not dealt with again.

    the event is gone                            FREE         its time, and ask what is to become of the round
    its time is another, and nobody is asked     FOLLOW       where the rules allow it (for the caller to find out), else ask
    its time is again the one that is booked     RETURNED     what was asked about the move has answered itself
    an interviewer declined, the grace is over   REPLACE      plan the round again without them
    the candidate declined, the grace is over    ASK          nobody can stand in for the candidate
    an interviewer was taken off the guests      ASK          it is no answer of theirs, and who is to come instead is not said
    a decline within its grace                   WAIT         it may be taken back; tentative is no decline
    other words, other guests, an answer         NOTE         remembered, so that our own changes leave them as they are
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.model import Interval

DECLINED = "declined"  # an answer to an invitation, in the words of the calendars' contract
NO_TIME = timedelta(0)


class Action(StrEnum):
    """What is to be done about a difference."""

    NOTHING = "nothing"
    NOTE = "note"
    WAIT = "wait"
    FREE = "free"
    FOLLOW = "follow"
    RETURNED = "returned"
    REPLACE = "replace"
    ASK_CANDIDATE = "ask_candidate"
    ASK_GUESTS = "ask_guests"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What an event says. `guests` are addresses in lower case."""

    title: str
    description: str
    interval: Interval
    guests: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Edits:
    """What people have changed in an event's words and guests since we made it; None: the words are ours."""

    title: str | None = None
    description: str | None = None
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Decline:
    """Since when somebody has declined, and whether it was dealt with."""

    since: datetime
    dealt: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked:
    """An interview as it is booked, and its event as it was when it was last dealt with (None: never seen since it was written).

    `interviewers` are ids by address, `candidate` is an address, `declines` are by address. `asked`: somebody is deciding already
    what becomes of an event that is not where it is booked.
    """

    interval: Interval
    candidate: str
    interviewers: Mapping[str, str]
    said: Said | None
    edits: Edits = Edits()
    declines: Mapping[str, Decline] = field(default_factory=dict)
    asked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The event as the calendar has it now; `answers` to the invitation by address."""

    said: Said
    answers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do, and what to remember from now on.

    `people` are the ids that it is about, `accepted` those who have taken a decline back, `look_at` when to look again without
    any news, `edited` whether a person has changed words or guests since the last look, `news` whether to remember anything.
    """

    action: Action
    said: Said | None = None
    edits: Edits = Edits()
    declines: Mapping[str, Decline] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    look_at: datetime | None = None
    edited: bool = False
    news: bool = False


def decide(booked: Booked, seen: Seen | None, *, now: datetime, grace: timedelta = NO_TIME) -> Decision:
    """What follows from an event as it is now (None: it is gone)."""
    if seen is None:
        return Decision(action=Action.FREE, news=True)
    before = booked.said or replace(seen.said, interval=booked.interval)
    declines, over = _declines(booked, seen, now, grace)
    missing = tuple(who for address, who in booked.interviewers.items() if address in before.guests - seen.said.guests)
    action, people = _sorted(booked, before, seen, over, missing)
    said = seen.said
    if missing and action is not Action.ASK_GUESTS:  # one thing after another: who is missing is found at the next look
        said = replace(said, guests=before.guests)
    if action in {Action.REPLACE, Action.ASK_CANDIDATE}:
        declines = {who: replace(one, dealt=one.dealt or who in over) for who, one in declines.items()}
    waiting = [one.since + grace for one in declines.values() if not one.dealt] + [now] * (said != seen.said)
    news = said != booked.said or dict(declines) != dict(booked.declines)
    if action is Action.NOTHING:
        action = Action.WAIT if waiting else Action.NOTE if news else Action.NOTHING
    edits = edited(booked.edits, before, said)
    return Decision(
        action=action,
        said=said,
        edits=edits,
        declines=declines,
        people=people,
        accepted=_accepted(booked, declines),
        look_at=max(min(waiting), now) if waiting else None,
        edited=edits != booked.edits,
        news=news,
    )


def _sorted(
    booked: Booked, before: Said, seen: Seen, over: frozenset[str], missing: tuple[str, ...]
) -> tuple[Action, tuple[str, ...]]:
    """The action that comes first, and whom it is about."""
    moved = seen.said.interval != before.interval
    if seen.said.interval != booked.interval and (moved or not booked.asked):
        return Action.FOLLOW, ()
    if moved and seen.said.interval == booked.interval:
        return Action.RETURNED, ()
    declined = tuple(who for address, who in booked.interviewers.items() if address in over)
    if declined:
        return Action.REPLACE, declined
    if booked.candidate in over:
        return Action.ASK_CANDIDATE, ()
    return (Action.ASK_GUESTS, missing) if missing else (Action.NOTHING, ())


def _accepted(booked: Booked, declines: Mapping[str, Decline]) -> tuple[str, ...]:
    """Interviewers of this interview whose decline was dealt with, and who have taken it back."""
    back = [address for address, one in booked.declines.items() if one.dealt and address not in declines]
    return tuple(booked.interviewers[address] for address in back if address in booked.interviewers)


def _declines(
    booked: Booked, seen: Seen, now: datetime, grace: timedelta
) -> tuple[Mapping[str, Decline], frozenset[str]]:
    """Who has declined as it is now, and of whom that has stood for as long as the grace and was not dealt with yet.

    An interviewer counts before the candidate: of two that are due the candidate's waits for the next look. Once the interview
    has begun an answer comes too late.
    """
    if booked.interval.start <= now:
        return booked.declines, frozenset()
    invited = (*booked.interviewers, booked.candidate)
    now_declined = [who for who in invited if seen.answers.get(who) == DECLINED]
    current = {who: booked.declines.get(who, Decline(since=now)) for who in now_declined}
    over = {who for who, one in current.items() if not one.dealt and one.since + grace <= now}
    if over & set(booked.interviewers):
        over -= {booked.candidate}
    return current, frozenset(over)


def edited(before: Edits, said: Said, now: Said) -> Edits:
    """What people have changed up to now, with what they had changed before."""
    came, left = now.guests - said.guests, said.guests - now.guests
    return Edits(
        title=now.title if now.title != said.title else before.title,
        description=now.description if now.description != said.description else before.description,
        added=(before.added | (came - before.removed)) - left,
        removed=(before.removed | (left - before.added)) - came,
    )


# Events that are no interview's own -------------------------------------------------------------------------------------------


class Stray(StrEnum):
    """What an event is that bears a key of ours and is not the event of a booked interview."""

    OURS = "ours"  # it is the interview's own event after all
    UNKNOWN = "unknown"  # nothing is known of it, or a worker is about to write it: leave it alone
    DUPLICATE = "duplicate"  # a second event under the key of a booked one
    ORPHAN = "orphan"  # of a generation or a booking that was given up: a late write left it
    RESTORED = "restored"  # a person had deleted it and has brought it back


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What is known of the interview that a key names. `deleted`: a person deleted its event; `unwritten`: writes wait."""

    status: str
    generation: int
    handle: str
    deleted: bool
    unwritten: bool


def stray(kept: Kept | None, *, generation: int, handle: str) -> Stray:
    """What a living event is, by the interview and the generation in its key and the handle that the calendar gives it."""
    if kept is None or generation > kept.generation:
        return Stray.UNKNOWN
    if generation < kept.generation:
        return Stray.ORPHAN
    if kept.unwritten or kept.status in {"reserved", "done"}:
        return Stray.UNKNOWN
    if kept.status == "cancelled":
        return Stray.RESTORED if kept.deleted else Stray.ORPHAN
    return Stray.OURS if kept.handle in {handle, ""} else Stray.DUPLICATE


# Busy times on top of an interview --------------------------------------------------------------------------------------------


def on_top(
    interview: Interval, *, buffer: timedelta, busy: tuple[Interval, ...], ours: tuple[Interval, ...]
) -> tuple[Interval, ...]:
    """What an interviewer's calendar has, besides events of ours, within the buffer around an interview; only that part of it."""
    near = Interval(start=interview.start - buffer, end=interview.end + buffer)
    found = (time for time in foreign(busy, ours) if time.meets(near))
    return tuple(Interval(start=max(one.start, near.start), end=min(one.end, near.end)) for one in found)


def foreign(busy: Sequence[Interval], ours: Iterable[Interval]) -> tuple[Interval, ...]:
    """Busy times (merged) without events of ours, as far as those show there: one in whose time somebody is free does not.

    Calendars tell busy times merged, so what lies wholly under an event of ours cannot be seen, nor, next to an interview
    without a buffer, what reaches out from under it.
    """
    shown = tuple(one for one in ours if any(time.start <= one.start and one.end <= time.end for time in busy))
    return tuple(left for time in busy for left in minus(time, shown))


def minus(time: Interval, others: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """What is left of a time without others, in order."""
    left = [time]
    for other in others:
        left = [part for one in left for part in _cut(one, other)]
    return tuple(left)


def _cut(time: Interval, other: Interval) -> list[Interval]:
    edges = ((time.start, min(time.end, other.start)), (max(time.start, other.end), time.end))
    return [time] if not time.meets(other) else [Interval(start=a, end=b) for a, b in edges if a < b]
