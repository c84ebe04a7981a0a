"""Candidates for simulations, drawn by lot. The lots are handed in: equal lots give equal candidates.

What is drawn, each independent of the rest:

    course     every course of the SOP is as likely as the others
    asked      on a weekday between 09:00 and 17:00 of the SOP's zone, all as likely, over so many weeks
    window     begins 2 to 6 days after that and lasts 14 to 28 days
    slots      one of `SLOTS`, by weight
    zone       the SOP's for four of five, for the fifth that of one of the interviewers
    blocked    one of four has blocked one date of the window
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from domain.hours import WeekHours
from domain.model import CandidateRequest
from sop.model import Sop
from utils import instant

T = TypeVar("T")
Lots = Callable[[], float]  # each call draws a number from 0 up to, not including, 1

SLOTS = (
    (30, WeekHours.parse(["07:00-12:00", "16:00-19:00"])),
    (25, WeekHours.parse({"mon-fri": ["09:00-17:00"]})),
    (15, WeekHours.parse({"mon-fri": ["13:00-18:00"]})),
    (15, WeekHours.parse({"mon-fri": ["17:00-21:00"], "sat": ["09:00-13:00"]})),
    (15, WeekHours.parse({"mon-fri": ["07:00-11:00"]})),
)
OFFICE = (9 * 60, 17 * 60)  # minutes after midnight


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A candidate and the moment at which they are to be planned."""

    asked: datetime
    request: CandidateRequest


def draw_candidates(sop: Sop, count: int, *, first: date, weeks: int, lots: Lots) -> tuple[Arrival, ...]:
    """So many candidates in the order in which they arrive, from the Monday of or after `first` on."""
    monday = first + timedelta(days=-first.weekday() % 7)
    drawn = [_drawn(sop, number, monday, weeks, lots) for number in range(1, count + 1)]
    return tuple(sorted(drawn, key=lambda one: (one.asked, one.request.email)))


def _drawn(sop: Sop, number: int, monday: date, weeks: int, lots: Lots) -> Arrival:
    week, weekday = divmod(_below(weeks * 5, lots), 5)
    day = monday + timedelta(days=7 * week + weekday)
    asked = instant(day, OFFICE[0] + _below(OFFICE[1] - OFFICE[0], lots), sop.zone)
    start = day + timedelta(days=2 + _below(5, lots))
    length = 14 + _below(15, lots)
    zones = [person.timezone for person in sop.interviewers.values()]
    elsewhere, zone_name = lots() >= 0.8, _one_of(zones, lots)
    blocks, blocked = lots() < 0.25, start + timedelta(days=_below(length, lots))
    request = CandidateRequest(
        name=f"Candidate {number}",
        email=f"candidate-{number}@simulation.invalid",
        course=_one_of(list(sop.courses), lots),
        window=(start, start + timedelta(days=length - 1)),
        slots=_weighted(lots),
        timezone=zone_name if elsewhere else None,
        blocked_dates=frozenset({blocked} if blocks else ()),
    )
    return Arrival(asked=asked, request=request)


def _below(end: int, lots: Lots) -> int:
    return int(lots() * end)


def _one_of(choices: Sequence[T], lots: Lots) -> T:
    return choices[_below(len(choices), lots)]


def _weighted(lots: Lots) -> WeekHours:
    place = lots() * sum(weight for weight, _ in SLOTS)
    for weight, slots in SLOTS:
        if place < weight:
            return slots
        place -= weight
    return SLOTS[-1][1]
