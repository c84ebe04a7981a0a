"""What looking ahead with the calendars finds: worked out in `booking/`, put into words in `chat/`. Nothing of it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """What a wish for another plan would lead to. `moves` are `{round, title, before, after}`, each place with `start`, `end`
    and `interviewers`; `shown` is the whole plan as `ask_replan` takes it; `refusal` says in words why there is none."""

    moves: Sequence[Json] = ()
    shown: Sequence[Json] = ()
    refusal: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A booked interview that would break rules: whose and which it is, and each rule with the interviewer it is about, by name
    (empty where it is about nobody). Rules are named as in `sop.rules`; `length` is another one than the round's, `gone` a round
    that would not be there."""

    candidate: str
    title: str
    start: datetime
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """What another SOP would mean for those who are open, as far as it differs from the one in force.

    `gained` would get a plan (the name, and when its last interview ends), `lost` would have none any more (the name, and why);
    `planless` counts who has none under the SOP in force. Of `count` candidates the first `looked` were looked at. Those of
    `unread`, by name, count as busy, for their calendars cannot be read; `blind`: nobody's can.
    """

    count: int
    looked: int = 0
    planless: int = 0
    gained: tuple[tuple[str, datetime], ...] = ()
    lost: tuple[tuple[str, str], ...] = ()
    broken: tuple[Broken, ...] = ()
    unread: tuple[str, ...] = ()
    blind: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """When an interviewer is free next, and how their calendars are.

    `start` is where an interview of `length` could begin soonest, None where none can within `reach`; `length` is None for
    somebody who takes no round. `sources` are the providers of the calendars and how long ago they were read; `unread` says why
    they cannot be, and what would help.
    """

    start: datetime | None
    length: timedelta | None
    reach: timedelta
    sources: Mapping[str, timedelta]
    unread: str = ""
