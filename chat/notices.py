"""What the scheduler tells of its own accord, in words: what came of candidates, and what admins have to know. Pure.

Questions are put by `handing_on.py`, the morning's message is in `digest.py`; what interviewers hear is in `own_cards.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from chat.cards import BOOKED, CHOICES, GIVEN_UP, NEEDED, UNDO, WAITS, move_lines, round_lines, why_and_ways
from chat.digest import digest
from chat.markup import Json, bold, esc, listed
from chat.troubles import works

_ALL = "/escalations lists all that waits for a decision."
_MOST_LISTED = 40


def notice(kind: str, payload: Json) -> list[str]:
    """The message for a notice of the scheduler; a kind that is not known here still says whom it is about."""
    words = _WORDS.get(kind)
    return words(payload) if words else [f"{bold(_name(payload))}: {esc(kind.replace('_', ' '))}."]


def second_program(words: str) -> list[str]:
    """That another program gets the bot's messages; `words` say what to do."""
    return [f"{NEEDED} {esc(words)}", "I stop here. Start me again after that."]


def _name(payload: Json) -> str:
    """Whom a notice is about: the candidate's name, wherever this kind of notice has it."""
    return str(payload.get("candidate", payload).get("name") or "A candidate")


# Candidates -------------------------------------------------------------------------------------------------------------------


def _booked(payload: Json) -> list[str]:
    tz = ZoneInfo(payload["timezone"])
    lines = [f"{BOOKED} {bold(_name(payload))} is booked for {esc(payload['course_title'])}.", ""]
    for place, row in enumerate(payload["interviews"], start=1):
        people = [(person["name"], person["backup"]) for person in row["interviewers"]]
        lines += round_lines(place, row["title"], row["start"], row["end"], people, tz)
    return [*lines, "", _zone(payload)]


def _changed(what: str) -> Callable[[Json], list[str]]:
    """What became of interviews that were booked: why, and each that has moved."""

    def words(payload: Json) -> list[str]:
        lines = [f"{BOOKED} {bold(_name(payload))}: {what}"]
        if payload.get("reason"):
            lines.append(f"Reason: {esc(payload['reason'])}")
        if payload.get("moved"):
            tz = ZoneInfo(payload["timezone"])
            moves = (line for move in payload["moved"] for line in move_lines(move, tz, "was", "now"))
            lines += ["", *moves, "", _zone(payload)]
        return lines

    return words


def _zone(payload: Json) -> str:
    return f"Times are the candidate's, in {esc(payload['timezone'])}."


def _cancelled(payload: Json) -> list[str]:
    name = bold(_name(payload))
    return [f"{GIVEN_UP} {name} was cancelled. The calendar events are gone, the times are free again."]


def _undone(payload: Json) -> list[str]:
    """That what was told of candidates no longer holds; `names` are theirs."""
    names = [bold(name) for name in payload["names"]]
    what, was = ("message", "it was") if len(names) == 1 else ("messages", "they were")
    return [f"{UNDO} Please ignore the last {what} about {listed(names, _MOST_LISTED)}: {was} taken back."]


# What needs an admin ------------------------------------------------------------------------------------------------------------


def _decision(what: str) -> Callable[[Json], list[str]]:
    return lambda payload: [f"{NEEDED} {bold(_name(payload))} {what}", "", *why_and_ways(payload), "", _ALL]


def _asked(payload: Json) -> list[str]:
    return [f"{NEEDED} {bold(_name(payload))} needs your decision.", "", *why_and_ways(payload, CHOICES), "", _ALL]


def _calendar(payload: Json) -> list[str]:
    return [f"{NEEDED} Calendar of {bold(payload['about'])}: {esc(payload['words'])}", "Until then it counts as busy."]


def _calendar_waits(payload: Json) -> list[str]:
    return [
        f"{WAITS} Candidates wait for the calendar: {esc(payload['words'])}",
        "Nothing is lost: I try again by myself.",
    ]


def _calendar_suspect(payload: Json) -> list[str]:
    return [
        f"{NEEDED} {payload['missing']} of our events are missing from the calendar. Was it emptied, or is it another one now?",
        "Until they are back, I take nothing over from it.",
    ]


def _unreachable(payload: Json) -> list[str]:
    return [
        f"{NEEDED} {bold(_name(payload))} {esc(payload['reason'])}, so I cannot write to them.",
        "What is for them alone goes to the other admins until they write to me.",
    ]


_WORDS: Mapping[str, Callable[[Json], list[str]]] = {
    "booked": _booked,
    "rebooked": _changed("the plan has changed."),
    "moved": _changed("an interview was moved in the calendar, and the booking follows."),
    "unchanged": _changed("nothing had to change, everything stays as it is booked."),
    "cancelled": _cancelled,
    "undone": _undone,
    "escalated": _decision("could not be scheduled and needs your decision."),
    "set_aside": _decision("was set aside and needs your decision."),
    "asked": _asked,
    "calendar": _calendar,
    "calendar_waits": _calendar_waits,
    "calendar_suspect": _calendar_suspect,
    "access_again": works,
    "unreachable": _unreachable,
    "digest": digest,
}
