"""What somebody did at the desk as the audit tells it, and what takes it back or why it stays: values. Pure.

How one leads to the other is in `undo.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from utils import as_utc

Json = dict[str, Any]
CALENDAR = "calendar"  # the actor of what people change in a calendar: it counts, and is changed back there
# Of the rows of a deed that has several, the one with the first of these actions says what it was.
_LEADING = ("interviewer_blocked", "cancelling", "cancelled", "replan_asked", "option_taken")


class Why(StrEnum):
    """Why a deed cannot be taken back."""

    UNDONE = "undone"  # it was taken back before
    EXPIRED = "expired"
    CHANGED = "changed"  # something else was done about it since
    AT_WORK = "at_work"  # a worker is at it: in a moment it can
    BEGUN = "begun"
    FROZEN = "frozen"
    OWNERS = "owners"  # it is theirs to do
    NO_WAY = "no_way"  # nothing takes a deed of this kind back


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """What somebody did, as `Database.deed` tells it. `rows` are its own, `later` what people have done about the same things
    since, `came` what workers have made of it; `candidates` are as they are at `now`, by the clock of the audit. `sop` is the
    one that was in force before, `block` the absence that was entered, `affected` the interviews that one would move again;
    `by` and `name` are what people are called who did it and whose role it was."""

    now: datetime
    undone: bool
    seen: int
    rows: Sequence[Json]
    later: Sequence[Json]
    came: Sequence[Json]
    candidates: Sequence[Json]
    sop: Json | None = None
    block: int | None = None
    by: str | None = None
    name: str | None = None
    affected: Sequence[Json] = ()

    @classmethod
    def of(cls, told: Json) -> Deed:
        return cls(**{**told, "now": datetime.fromisoformat(told["now"])})

    @property
    def number(self) -> int:
        return int(self.rows[0]["id"])

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.rows[0]["at"])

    @property
    def actor(self) -> str:
        return str(self.rows[0]["actor"])

    @property
    def kind(self) -> str:
        """The action that says what it was."""
        actions = [row["action"] for row in self.rows]
        return next((kind for kind in _LEADING if kind in actions), actions[0])

    @property
    def row(self) -> Json:
        """The row that says what it was."""
        return next(row for row in self.rows if row["action"] == self.kind)

    @property
    def taken(self) -> Json | None:
        """The row of the way out that was taken, where it was one."""
        return next((row for row in self.rows if row["action"] == "option_taken"), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`now` is the time by which interviews begin, `undo_for` and `freeze` are as in the SOP; `owner`: an owner is asking."""

    now: datetime
    undo_for: timedelta
    freeze: timedelta = timedelta(0)
    owner: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A deed that stays."""

    why: Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """What takes a deed back. `commands` are `{name: arguments}`; the rest is what they lead to: `moves` of rounds that go back
    (`{candidate, round, title, before, after}`, before: where they are now), interviews that are `lost`, booked `again` or to be
    planned `anew`, ids of candidates whose wish is `forgotten`, and of those who are `left` as they are."""

    commands: Sequence[Json]
    moves: Sequence[Json] = ()
    lost: Sequence[Json] = ()
    again: Sequence[Json] = ()
    anew: Sequence[Json] = ()
    forgotten: Sequence[str] = ()
    left: Sequence[str] = ()

    def plain(self) -> Json:
        """All that matters of it, to notice that it has changed."""
        rows = {name: [standing(row) for row in getattr(self, name)] for name in ("lost", "again", "anew")}
        return {"commands": list(self.commands), **rows, "left": list(self.left)}


def start(place: Json) -> datetime:
    """When an interview begins, of anything that has a `start` in ISO form."""
    return datetime.fromisoformat(place["start"])


def standing(row: Json) -> list[object]:
    """When an interview begins and whose it is, to compare."""
    return [as_utc(start(row)).isoformat(), *row["interviewers"]]
