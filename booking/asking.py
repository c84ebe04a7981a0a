"""What admins are asked when the rules or a calendar do not agree with what is booked: why, in words, and the choices. Pure.

A question is `{kind, reason, detail, options}`. Its kind ends with the round where it is about one (`moved:core`); an option
has a `kind`, which says what taking it does (`sql/functions/choices.sql`), a `text`, and what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from booking.planning import Outdated, Situation
from booking.records import option, person_name, shown
from booking.sightings import declined_in_chat, interval_of
from calendars.base import EventKey
from domain.errors import CalendarError, FieldError
from domain.model import Interval
from sop import NoPlan, Sop, explain, outcome_text
from sop.result import Relaxation
from sop.rules import SENTENCES, Breach
from utils import local_text

Json = dict[str, Any]
KEEP: Json = {"kind": "keep", "text": "Leave it as it is"}
CANCEL: Json = {"kind": "cancel", "text": "Cancel the candidate"}


# No plan, or not the one that was shown -----------------------------------------------------------------------------------------


def refused(sop: Sop, candidate: Json, situation: Situation, result: Outdated | NoPlan) -> Json:
    """There is no plan, or the one that was shown no longer holds: why, and the ways out that are already checked."""
    if isinstance(result, Outdated):
        return _outdated(sop, candidate, situation, result)
    asked = _asked(candidate)
    lines = [asked["reason"]] if asked.get("reason") else []
    return {
        "kind": "replan" if candidate["replan"] is not None else "no_plan",
        "reason": "\n".join([*lines, *explain(situation.sop, result), *_unread(sop, situation)]),
        "detail": {"replan": asked},
        "options": [_way_out(one, asked) for one in result.relaxations if not _brings_back(one, situation)],
    }


def _outdated(sop: Sop, candidate: Json, situation: Situation, result: Outdated) -> Json:
    """What has changed since, and the plan that there is now."""
    asked = _asked(candidate)
    reason = [
        "The plan that was chosen is no longer possible.",
        *broken_rules(situation.granted, situation, result.broken),
    ]
    if isinstance(result.instead, NoPlan):
        now = refused(sop, candidate, situation, result.instead)
        return {**now, "kind": "option", "reason": "\n".join([*reason, "Nor is there another one:", now["reason"]])}
    instead = {"kind": "preview", "text": "Book the best plan that there is now", "changes": {}, "replan": asked}
    instead["gives"] = outcome_text(result.instead, sop.zone)
    return {
        "kind": "option",
        "reason": "\n".join(reason),
        "detail": {"replan": asked},
        "options": [{**instead, "interviews": shown(result.instead.interviews)}],
    }


def unplannable(error: FieldError) -> Json:
    """The request cannot be planned with: the course is gone, or a person has put its rounds into another order."""
    return {"kind": "request", "reason": str(error), "detail": {}, "options": []}


def not_written(write: Json, error: CalendarError) -> Json:
    """The calendar has refused an event for good."""
    reason = f"The calendar refused the event of the round {write['payload']['title']}: {error}"
    return {"kind": "calendar", "reason": reason, "detail": {}, "options": []}


def facts(question: Json) -> Json:
    """What a notice tells of a question."""
    options = [{name: choice[name] for name in ("text", "gives") if name in choice} for choice in question["options"]]
    return {"reason": question["reason"], "options": options}


def _asked(candidate: Json) -> Json:
    """The wish that led to the plan, for those that follow from it; without the plan that was shown."""
    return {name: value for name, value in (candidate["replan"] or {}).items() if name != "preview"}


def _way_out(relaxation: Relaxation, asked: Json) -> Json:
    return {**option(relaxation), **({"replan": asked} if asked else {})}


def _brings_back(relaxation: Relaxation, situation: Situation) -> bool:
    """Whether a way out gives a round to somebody who will not do for it."""
    return any(situation.terms.out_of(one.round) & set(one.interviewers) for one in relaxation.plan.interviews)


def _unread(sop: Sop, situation: Situation) -> list[str]:
    return [
        f"Calendar not read: {person_name(sop, who)}: {why.reason} {why.cure}" for who, why in situation.unknown.items()
    ]


def broken_rules(sop: Sop, situation: Situation, found: Iterable[Breach]) -> list[str]:
    """A line for each rule that is broken: where, what it says, and how."""
    titles = {round_.id: round_.title for round_ in sop.course(situation.request.course).rounds}
    return [
        f"{titles.get(one.round, 'The plan')}: {SENTENCES.get(one.rule, '')} {_whose(sop, one)}{one.detail}.".replace(
            "  ", " "
        )
        for one in found
    ]


def _whose(sop: Sop, breach: Breach) -> str:
    return f"{person_name(sop, breach.interviewer)} " if breach.interviewer else "It "


# What a calendar says otherwise -----------------------------------------------------------------------------------------------


def which(row: Json) -> dict[str, str | int]:
    """The interview as it was looked at; what is done about it later is done to this or not at all."""
    return {"interview_id": row["id"], "generation": row["generation"], "revision": row["revision"]}


def key_of(row: Json) -> EventKey:
    """The key of an interview's event."""
    return EventKey(interview=row["id"], generation=row["generation"])


def seats_at(sop: Sop, row: Json, to: Interval) -> list[Json]:
    """An interview's seats with what they hold of people at another time."""
    return [{**seat, "hold_until": (to.end + _buffer(sop, seat["interviewer"])).isoformat()} for seat in row["seats"]]


def _buffer(sop: Sop, who: str) -> timedelta:
    return sop.interviewers[who].buffer if who in sop.interviewers else timedelta(0)


def moved(sop: Sop, row: Json, to: Interval, seats: Sequence[Json], why: Sequence[str]) -> Json:
    """A person has moved the event against the rules."""
    times = {"start": to.start.isoformat(), "end": to.end.isoformat()}
    old = {"round": row["round"], "start": row["start"], "end": row["end"]}
    question = _question(
        "moved",
        row,
        [f"{row['title']} was moved in the calendar from {_when(sop, interval_of(row))} to {_when(sop, to)}.", *why],
        detail=times,
        options=[
            {"kind": "follow", "text": f"Keep {_when(sop, to)}", **which(row), **times, "seats": list(seats)},
            {"kind": "restore", "text": f"Move it back to {_when(sop, interval_of(row))}", **which(row)},
            {"kind": "replan", "text": "Find another time", "replan": {"excluded": [old]}},
        ],
    )
    return {**question, "again": True}  # while the event is elsewhere, closing the question is no answer to it


def deleted(sop: Sop, row: Json) -> Json:
    """A person has deleted the event; its time is free already."""
    return _question(
        "deleted",
        row,
        [f"{row['title']} on {_when(sop, interval_of(row))} was deleted in the calendar. The time is free again."],
        options=[
            {"kind": "rebook", "text": "Book the round again", "replan": {"rebook": [row["round"]]}},
            {"kind": "waive", "text": "Leave the round out"},
            CANCEL,
        ],
    )


def candidate_declined(sop: Sop, row: Json) -> Json:
    """The candidate has declined the invitation."""
    old = {"round": row["round"], "start": row["start"], "end": row["end"]}
    return _question(
        "declined",
        row,
        [f"The candidate has declined {row['title']} on {_when(sop, interval_of(row))}."],
        detail={"candidate": True},
        options=[
            {"kind": "replan", "text": "Find another time", "replan": {"excluded": [old], "lasting": True}},
            KEEP,
            CANCEL,
        ],
    )


def interviewers_out(sop: Sop, row: Json, people: Sequence[str], kind: str) -> Json:
    """Interviewers have declined (`declined`), perhaps with a reason, or were taken off the guests (`guests`): an admin says what
    follows."""
    names = ", ".join(person_name(sop, who) for who in people)
    why = [one["reason"] for one in declined_in_chat(row) if one["interviewer"] in people and one["reason"]]
    because = f": {'; '.join(why)}" if why else "."
    what = {"declined": "will not come to", "guests": "was taken off the guests of"}[kind]
    out = [{"round": row["round"], "interviewer": who} for who in people]
    return _question(
        kind,
        row,
        [f"{names} {what} {row['title']} on {_when(sop, interval_of(row))}{because}"],
        detail={"interviewers": list(people)},
        options=[{"kind": "replan", "text": "Find somebody else", "replan": {"excluded": out, "lasting": True}}, KEEP],
    )


def overlap(sop: Sop, row: Json, who: str, times: Sequence[Interval]) -> Json:
    """An interviewer's calendar has something else within the buffer of an interview."""
    spans = ", ".join(_when(sop, time) for time in times)
    there = f"{row['title']} on {_when(sop, interval_of(row))}"
    return _question(
        "overlap",
        row,
        [f"{person_name(sop, who)} has something else at {spans}, too near to {there}."],
        detail={"interviewer": who, "times": [[time.start.isoformat(), time.end.isoformat()] for time in times]},
        options=[{"kind": "replan", "text": "Find another time or person", "replan": {}}, KEEP],
    )


def second_event(row: Json, kind: str, handle: str, link: str) -> Json:
    """An event that should not be there and is not ours to remove: a copy, or one that came back after it was deleted."""
    said = {
        "duplicate": f"There is a second event for {row['title']} in the calendar: delete the one that is not wanted.",
        "restored": f"The deleted event of {row['title']} is back in the calendar, but its time was given up.",
        "orphan": f"An event of {row['title']} that was removed is back in the calendar.",
    }[kind]
    again = [{"kind": "rebook", "text": "Book the round again", "replan": {"rebook": [row["round"]]}}]
    options = again if kind == "restored" and row["candidate"]["status"] in {"booked", "escalated"} else []
    reason = [said, f"It is at {link}" if link else ""]
    return _question(kind, row, [line for line in reason if line], detail={"handle": handle}, options=[*options, KEEP])


def _question(
    kind: str, row: Json, lines: Sequence[str], *, detail: Mapping[str, Any] | None = None, options: Sequence[Json]
) -> Json:
    return {
        "kind": f"{kind}:{row['round']}",
        "reason": "\n".join(lines),
        "detail": {**which(row), "round": row["round"], **(detail or {})},
        "options": list(options),
    }


def _when(sop: Sop, time: Interval) -> str:
    return local_text(time.start, sop.zone)
