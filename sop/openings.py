"""When each interviewer could take one more interview soonest, by their own rules: no candidate is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain.model import CandidateRequest, Interval, Interview
from sop.busy import BusyIndex
from sop.case import Case
from sop.conflict import ALWAYS
from sop.free import Calendar
from sop.model import Round, Sop
from sop.timeline import members


def shortest_round(sop: Sop, who: str) -> Round | None:
    """The shortest round that somebody could take; of several the first. None for somebody who takes none."""
    rounds = (round_ for course in sop.courses.values() for round_ in course.rounds)
    theirs = (round_ for round_ in rounds if any(who in seat.ranks for seat in round_.seats))
    return min(theirs, key=lambda round_: round_.duration, default=None)


def openings(
    sop: Sop,
    people: Iterable[str],
    *,
    busy: Mapping[str, Sequence[Interval]],
    booked: Sequence[Interview],
    now: datetime,
    reach: timedelta,
) -> dict[str, datetime]:
    """For each of some people who take a round, where an interview as long as the shortest of them could start soonest. Who has
    no such time within `reach` is left out.

    `busy` and `booked` cover the whole ISO weeks up to `reach` from now.
    """
    today = now.astimezone(sop.zone).date()
    anybody = CandidateRequest(
        name="Anybody",
        email="anybody@simulation.invalid",
        course=next(iter(sop.courses)),
        window=(today, today + reach),
        slots=ALWAYS,
    )
    case = Case(sop=sop, request=anybody, busy=BusyIndex.of(busy), booked=tuple(booked), now=now, keep={}, previous={})
    calendar, found = Calendar(case), dict[str, datetime]()
    for who in people:
        round_ = shortest_round(sop, who)
        if round_ is not None:
            usual = round_.having(when=None)  # its length is what counts, not when this round takes place
            ticks = calendar.round_bits(usual) & calendar.person_bits(sop.interviewers[who], usual)
            first = next(members(ticks), None)
            if first is not None:
                found[who] = datetime.fromtimestamp(calendar.axis.ticks[first], UTC)
    return found
