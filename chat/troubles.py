"""Calendars that cannot be used, in words: whose they are, since when, who waits for them, and what would help. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chat.buttons import Choice
from chat.cards import BOOKED, WAITS, when
from chat.markup import Json, bold, esc, paragraphs
from sop import Sop
from utils import plural

_UNTIL_THEN = {
    "write": "Until it can be used, no event is written or changed.",
    "watch": "Until it can be used, I do not see what people change in events.",
}


def lines(row: Json, sop: Sop, holder: Sequence[str]) -> list[str]:
    """The question about a calendar; `holder` says who has it."""
    since = when(row["opened_at"], sop.zone)
    return [
        f"{bold(row['name'])}, since {esc(since)}",
        *holder,
        *paragraphs(row["reason"]),
        "",
        _meanwhile(row["detail"]),
        f"{_waiting(row)}." if row["waiting"] else "No candidate waits for it.",
        *([f"I try again by myself at {esc(_until(row, sop))}."] if row["detail"].get("until") else []),
    ]


def _meanwhile(detail: Json) -> str:
    people = detail["people"]
    if people:
        names = ", ".join(map(bold, people))
        return f"Until it can be used, {names} count{'' if len(people) > 1 else 's'} as busy."
    return _UNTIL_THEN.get(detail["way"], "Until it can be used, I do not see who is busy there.")


def _until(row: Json, sop: Sop) -> str:
    return when(row["detail"]["until"], sop.zone)


def _waiting(row: Json) -> str:
    count = row["waiting"]
    return f"{plural(count, 'candidate')} wait{'s' if count == 1 else ''} for it"


def choices(row: Json) -> list[Choice]:
    """What can be done about it: a limit that is spent comes back by itself, and asking sooner would prolong it."""
    about = {"escalation": row["id"]}
    again: list[Choice] = [] if row["detail"].get("until") else [("🔁 Check again", about | {"do": "check_again"})]
    return [*again, ("Close", about | {"do": "close"})]


def checking(row: Json) -> list[str]:
    """What is said when it is tried again."""
    name, count = bold(row["name"]), row["waiting"]
    if not count:
        return [f"{name}: no candidate waits for it just now. Whoever needs it next tries it, and I say when it works."]
    return [f"{WAITS} {name}: I try it with {plural(count, 'candidate')} now, and say when it works."]


def left(row: Json) -> str:
    """What follows for those who wait when nobody is asked any more."""
    if not row["subject"] or not row["waiting"]:
        return ""
    return f" {_waiting(row)}: whoever can be planned without it is; about the others you are asked one by one."


def works(payload: Json) -> list[str]:
    """That it can be used again."""
    count = payload["waiting"]
    on = f" {plural(count, 'candidate')} go{'es' if count == 1 else ''} on." if count else ""
    return [f"{BOOKED} {bold(payload['name'])}: it works again.{on}"]
