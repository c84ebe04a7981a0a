"""Who is to answer a question that nobody answers, and when: counted in desk time, so that nobody is chased at night. Pure.

    unanswered for long enough, up to MOST times     HAND_ON    to the next admin (a lone one is reminded)
    and then for as long once more                   TELL_ALL   that it is still open; after that nobody is told any more
    put off, answered lately, or the desk is closed  NOTHING

Nothing is decided here but who hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.desk import DeskHours

MOST = 3  # times that a question is handed on
AFTERNOON = 14  # o'clock
HOUR = timedelta(hours=1)


class Chase(StrEnum):
    """What follows from a question that is still open."""

    NOTHING = "nothing"
    HAND_ON = "hand_on"
    TELL_ALL = "tell_all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """A question of which not everybody has heard yet that it is still open: since when somebody has it, how often it has changed
    hands, and until when it was put off."""

    since: datetime
    handed: int = 0
    put_off_until: datetime | None = None


def chase(question: Unanswered, *, now: datetime, desk: DeskHours, after: timedelta) -> Chase:
    """What is due by now; `after` is how much desk time an answer may take."""
    due = desk.after(max(question.since, question.put_off_until or question.since), after)
    if due is None or now < due or not desk.is_open(now):
        return Chase.NOTHING
    return Chase.HAND_ON if question.handed < MOST else Chase.TELL_ALL


class Later(StrEnum):
    """When a question that was put off comes back."""

    HOUR = "hour"
    AFTERNOON = "afternoon"
    MORNING = "morning"


def later(now: datetime, desk: DeskHours) -> dict[Later, datetime]:
    """Until when a question may be put off: an hour, this afternoon while that is to come, and when the desk opens on another
    day."""
    today = now.astimezone(desk.zone).date()
    ways = {Later.HOUR: now + HOUR}
    for one in desk.stretches(now):
        there = [moment.astimezone(desk.zone) for moment in (one.start, one.end)]
        if there[0].date() > today:
            return ways | {Later.MORNING: one.start}
        afternoon = there[0].replace(hour=AFTERNOON, minute=0, second=0, microsecond=0)
        if Later.AFTERNOON not in ways and now < max(afternoon, one.start) < one.end:
            ways[Later.AFTERNOON] = max(afternoon, one.start)
    return ways
