"""Random planning problems in which every rule is in play. The same seed always gives the same problem."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sop import CandidateRequest, Interval, Interview, Sop

ZONES = ("America/Los_Angeles", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "UTC")
# Mondays whose weeks are quiet, and some before clock changes (the United States, Europe, Lord Howe).
MONDAYS = (
    date(2026, 6, 8),
    date(2026, 11, 23),
    date(2026, 3, 2),
    date(2026, 10, 26),
    date(2026, 10, 19),
    date(2026, 3, 30),
)
EMAIL = "candidate@example.com"
Plain = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How large the problems of a kind are: ranges, both ends included."""

    people: tuple[int, int]
    rounds: tuple[int, int]
    days: tuple[int, int]
    grids: tuple[str, ...]
    slots: tuple[tuple[str, ...], ...]
    durations: tuple[str, ...]
    busy: float  # busy times for each person and day
    booked: float  # booked interviews for each person and day


SMALL = Size(
    people=(2, 4),
    rounds=(1, 3),
    days=(2, 4),
    grids=("60m", "45m"),
    slots=(("09:00-11:00",), ("09:00-10:00", "14:00-16:00"), ("00:00-03:00",), ("13:30-15:00",)),
    durations=("30m", "60m", "45m"),
    busy=0.2,
    booked=0.15,
)
MIXED = Size(
    people=(3, 7),
    rounds=(2, 5),
    days=(6, 14),
    grids=("30m", "60m", "45m"),
    slots=(("09:00-12:00", "16:00-18:00"), ("08:00-10:00",), ("00:00-04:00",), ("13:30-17:00",)),
    durations=("30m", "60m", "45m", "90m"),
    busy=0.4,
    booked=0.2,
)
TYPICAL = Size(
    people=(8, 8),
    rounds=(5, 5),
    days=(21, 21),
    grids=("30m",),
    slots=(("09:00-12:00", "16:00-19:00"),),
    durations=("30m", "60m", "45m"),
    busy=1.0,
    booked=0.3,
)
LARGE = Size(
    people=(200, 200),
    rounds=(12, 12),
    days=(60, 60),
    grids=("15m",),
    slots=(("09:00-12:00", "14:00-18:00"),),
    durations=("30m", "60m", "45m"),
    busy=1.0,
    booked=0.3,
)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """The arguments of one call of `plan`."""

    seed: int
    sop: Sop
    request: CandidateRequest
    busy: dict[str, list[Interval]]
    booked: list[Interview]
    now: datetime
    keep: list[Interview] = field(default_factory=list)
    previous: list[Interview] = field(default_factory=list)
    thaw: bool = False

    def facts(self) -> Plain:
        """Everything but the SOP and the request, as keyword arguments."""
        return {
            "busy": self.busy,
            "booked": self.booked,
            "now": self.now,
            "keep": self.keep,
            "previous": self.previous,
            "thaw": self.thaw,
        }


def random_instance(seed: int, size: Size) -> Instance:
    """The problem of a seed."""
    draw = random.Random(seed * 7919 + size.people[1])
    monday = draw.choice(MONDAYS)
    first = monday + timedelta(days=draw.randint(0, 6))
    last = first + timedelta(days=draw.randint(*size.days) - 1)
    plain = _sop(draw, size, first)
    sop = Sop.parse(plain)
    request = _request(draw, size, sop, first, last)
    people, days = list(sop.interviewers), (last - first).days + 1
    opening = datetime(first.year, first.month, first.day, tzinfo=UTC)
    booked = _booked(draw, sop, opening, days, size.booked)
    ours = _ours(draw, sop, opening, days) if draw.random() < 0.3 else []
    keep = [one for one in ours if draw.random() < 0.4]
    return Instance(
        seed=seed,
        sop=sop,
        request=request,
        busy={who: _busy(draw, opening, days, size.busy) for who in people if draw.random() < 0.9},
        booked=booked + [one for one in ours if draw.random() < 0.5],
        now=opening + timedelta(minutes=draw.choice((-3000, -600, 0, 700, 1500))),
        keep=keep,
        previous=[one for one in ours if one not in keep],
        thaw=draw.random() < 0.3,
    )


def _sop(draw: random.Random, size: Size, first: date) -> Plain:
    people = [f"p{n:02d}" for n in range(draw.randint(*size.people))]
    skills = ("java", "data")
    home = draw.choice(ZONES)
    interviewers = {who: _person(draw, who, skills, first, home) for who in people}
    for skill in skills:
        interviewers[draw.choice(people)].setdefault("skills", []).append(skill)
    count = draw.randint(*size.rounds)
    course: Plain = {"title": "Course", "rounds": [_round(draw, size, n, people, skills) for n in range(count)]}
    if draw.random() < 0.25:
        course["distinct_interviewers"] = True
    if draw.random() < 0.25:
        course["never_twice_in_a_row"] = True
    if draw.random() < 0.2:
        course["max_interviewers"] = draw.randint(2, 4)
    if draw.random() < 0.25:
        course["finish_within"] = draw.choice(("1d", "2d", "3d", "2wd", "30h", "50h", "6h"))
    sop: Plain = {
        "timezone": home,
        "grid": draw.choice(size.grids),
        "notice": draw.choice(("0m", "12h", "24h")),
        "freeze": draw.choice(("0m", "24h", "48h")),
        "holidays": [(first + timedelta(days=draw.randint(0, 9))).isoformat()] if draw.random() < 0.4 else [],
        "candidate": {"events": draw.choice(("day", "time"))},
        "interviewers": interviewers,
        "courses": {"course": course},
    }
    if draw.random() < 0.6:
        sop["candidate"]["daily_limit"] = draw.choice((1, 1, 2, 3))
    return sop


def _person(draw: random.Random, who: str, skills: tuple[str, ...], first: date, home: str) -> Plain:
    hours = draw.choice((["00:00-24:00"], ["00:00-22:00"], ["08:00-18:00"], ["06:00-11:00", "13:00-24:00"]))
    days = draw.choice(("mon-sun", "mon-sun", "mon-sun", "mon-fri", "tue-sat"))
    person: Plain = {
        "name": f"Person {who}",
        "email": f"{who}@example.com",
        "timezone": draw.choice((home, home, *ZONES)),
        "working_hours": {days: hours},
        "buffer": draw.choice(("0m", "0m", "15m", "40m", "90m")),
        "skills": [skill for skill in skills if draw.random() < 0.3],
    }
    if draw.random() < 0.4:
        person["daily_limit"] = draw.randint(1, 3)
    if draw.random() < 0.4:
        person["weekly_limit"] = draw.randint(1, 6)
    if draw.random() < 0.2:
        person |= {"max_in_a_row": draw.randint(1, 2), "break": draw.choice(("30m", "60m", "120m"))}
    if draw.random() < 0.2:
        person["days_off"] = [(first + timedelta(days=draw.randint(0, 5))).isoformat()]
    return person


def _round(draw: random.Random, size: Size, place: int, people: list[str], skills: tuple[str, ...]) -> Plain:
    seats = [_seat(draw, people, skills) for _ in range(draw.choice((1, 1, 1, 2) if len(people) > 2 else (1,)))]
    round_: Plain = {
        "id": f"r{place}",
        "title": f"Round {place}",
        "duration": draw.choice(size.durations),
        "seats": seats,
    }
    if place and draw.random() < 0.8:
        round_["gap"] = draw.choice(_GAPS)
    if draw.random() < 0.15:
        round_["when"] = draw.choice((["tue", "thu", "fri", "sat"], {"mon-sun": ["08:00-15:00"]}, "mon-thu"))
    return round_


_GAPS = (
    {"min": "1d", "max": "4d"}, {"min": "1d"}, {"max": "2d"}, {"min": "1wd", "max": "3d"}, {"min": "2wd"}, {"max": "1wd"},
    {"min": "30m", "max": "26h"}, {"min": "20h", "max": "60h"}, {"max": "3h"}, {"min": "0m", "max": "30m"}, {"min": "12h"},
    {"min": "23h", "max": "24h"}, {"min": "0wd", "max": "30h"}, {"min": "1d", "max": "40h"},
    {"min": "1d", "max": "5d"}, {"min": "1d"}, {"max": "4d"}, {"min": "10h"},
)  # fmt: skip


def _seat(draw: random.Random, people: list[str], skills: tuple[str, ...]) -> Plain:
    order = draw.sample(people, len(people))
    primaries = draw.choice((1, 1, 2, 3))
    some = order[:primaries]
    backups = order[primaries : primaries + draw.choice((0, 1, 2))]
    if draw.random() < 0.2:
        return {"pool": draw.choice(skills), "backups": backups}
    return {"interviewers": some, "backups": backups}


def _request(draw: random.Random, size: Size, sop: Sop, first: date, last: date) -> CandidateRequest:
    opening = datetime(first.year, first.month, first.day, tzinfo=UTC)
    days = (last - first).days + 1
    return CandidateRequest.parse(
        {
            "name": "A Candidate",
            "email": EMAIL,
            "course": "course",
            "window": (first, last),
            "slots": draw.choice(size.slots),
            "timezone": draw.choice((None, None, None, None, *ZONES)),
            "blocked_dates": [first + timedelta(days=draw.randint(0, days))] if draw.random() < 0.2 else [],
            "preferred_slots": draw.choice((["09:00-10:00"], {"mon-wed": ["08:00-12:00"]}))
            if draw.random() < 0.4
            else None,
            "busy": _busy(draw, opening, days, 0.1),
        }
    )


def _busy(draw: random.Random, opening: datetime, days: int, rate: float) -> list[Interval]:
    spans = []
    for _ in range(round(days * rate)):
        start = opening + timedelta(minutes=5 * draw.randint(-100, days * 288))
        spans.append(Interval(start=start, end=start + timedelta(minutes=draw.choice((10, 30, 60, 60, 240)))))
    return spans


def _booked(draw: random.Random, sop: Sop, opening: datetime, days: int, rate: float) -> list[Interview]:
    """Interviews of others, and now and then one of the candidate's in another course."""
    found = []
    for who in sop.interviewers:
        for _ in range(round(days * rate * draw.random() * 2)):
            start = opening + timedelta(minutes=30 * draw.randint(-100, days * 48))
            candidate = EMAIL if draw.random() < 0.05 else f"other{draw.randint(0, 99)}@example.com"
            end = start + timedelta(minutes=draw.choice((30, 60)))
            found.append(_interview(candidate, "else", "x", start, end, (who,)))
    return found


def _ours(draw: random.Random, sop: Sop, opening: datetime, days: int) -> list[Interview]:
    """Interviews of the candidate that are booked already: in order, but not all by the rules as they are now."""
    found, moment = [], opening + timedelta(minutes=30 * draw.randint(-48, 24))
    for round_ in sop.courses["course"].rounds:
        moment += timedelta(minutes=30 * draw.randint(0, 60 * days // 4))
        team = tuple(draw.choice(list(seat.ranks)) for seat in round_.seats)
        if len(set(team)) == len(team) and draw.random() < 0.7:
            found.append(_interview(EMAIL, "course", round_.id, moment, moment + round_.duration, team))
        moment += round_.duration
    return found


def _interview(
    candidate: str, course: str, round_id: str, start: datetime, end: datetime, team: tuple[str, ...]
) -> Interview:
    return Interview(candidate=candidate, course=course, round=round_id, start=start, end=end, interviewers=team)
