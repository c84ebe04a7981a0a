"""Planning problems of a given shape, for measuring: a typical candidate, a large one, and adversarial ones. Seeded."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sop import CandidateRequest, Interval, Interview, Sop
from tests.oracles.instances import EMAIL, Instance

OPENING = datetime(2026, 6, 8, tzinfo=UTC)  # a Monday
ZONES = ("America/Los_Angeles", "America/Los_Angeles", "Europe/London", "Asia/Kolkata", "America/New_York")
Plain = dict[str, Any]


def typical(seed: int, busy_factor: int = 1) -> Instance:
    """Five rounds with a panel, eight interviewers in several zones, three weeks, a grid of 30 minutes."""
    return _scenario(seed, people=8, rounds=5, days=21, grid="30m", takers=3, busy_factor=busy_factor)


def large(seed: int, busy_factor: int = 1) -> Instance:
    """Twelve rounds, two hundred interviewers, sixty days, a grid of 15 minutes."""
    return _scenario(seed, people=200, rounds=12, days=60, grid="15m", takers=17, busy_factor=busy_factor)


def _scenario(seed: int, *, people: int, rounds: int, days: int, grid: str, takers: int, busy_factor: int) -> Instance:
    draw = random.Random(seed)
    names = [f"p{n:03d}" for n in range(people)]
    course: Plain = {"title": "Course", "rounds": [_round(draw, n, names, takers) for n in range(rounds)]}
    sop = Sop.parse(
        {
            "timezone": "America/Los_Angeles",
            "grid": grid,
            "notice": "12h",
            "freeze": "24h",
            "holidays": ["2026-06-19", "07-04"],
            "candidate": {"daily_limit": 1},
            "interviewers": {name: _person(draw, name) for name in names},
            "courses": {"course": course},
        }
    )
    last = OPENING + timedelta(days=days - 1)
    plain = {"name": "A Candidate", "email": EMAIL, "course": "course", "slots": ["09:00-12:00", "16:00-19:00"]}
    return Instance(
        seed=seed,
        sop=sop,
        request=CandidateRequest.parse({**plain, "window": (OPENING.date(), last.date())}),
        busy={name: _busy(draw, days, busy_factor) for name in names},
        booked=[_booked(draw, draw.choice(names), days) for _ in range(people * days // 10)],
        now=OPENING - timedelta(hours=10),
    )


def _round(draw: random.Random, place: int, names: list[str], takers: int) -> Plain:
    some = draw.sample(names, min(takers * 2, len(names)))
    seats = [{"interviewers": some[: takers - 1], "backups": some[takers - 1 : takers]}]
    if place == 3:
        seats.append({"interviewers": some[takers : takers + 2], "backups": some[takers + 2 : takers + 3]})
    round_: Plain = {
        "id": f"r{place}",
        "title": f"Round {place}",
        "duration": draw.choice(("30m", "60m")),
        "seats": seats,
    }
    if place:
        round_["gap"] = {"min": draw.choice(("1d", "1d", "1wd")), "max": "6d"}
    return round_


def _person(draw: random.Random, name: str) -> Plain:
    zone = draw.choice(ZONES)
    hours = {"America/Los_Angeles": "09:00-18:00", "America/New_York": "11:00-20:00", "Europe/London": "14:00-22:00"}
    night = {"mon-fri": ["17:00-24:00"], "sat": ["18:00-22:00"]}
    return {
        "name": f"Person {name}",
        "email": f"{name}@example.com",
        "timezone": zone,
        "working_hours": {"mon-fri": [hours[zone]]} if zone in hours else night,
        "buffer": draw.choice(("0m", "10m", "15m")),
        "daily_limit": draw.choice((2, 3, 4)),
        "weekly_limit": draw.choice((6, 8, 10)),
    }


def _busy(draw: random.Random, days: int, factor: int) -> list[Interval]:
    """About a busy hour and a half a day; with a factor so many times as many intervals, which take about the same time."""
    spans = []
    for _ in range(days * 2):
        start = OPENING + timedelta(minutes=15 * draw.randint(0, days * 96))
        minutes = draw.choice((30, 60))
        for n in range(factor):
            part = timedelta(minutes=minutes) / factor
            spans.append(Interval(start=start + n * part, end=start + n * part + part * 0.9))
    return spans


def _booked(draw: random.Random, name: str, days: int) -> Interview:
    start = OPENING + timedelta(minutes=30 * draw.randint(0, days * 48))
    return _other(start, start + timedelta(minutes=60), name, draw.randint(0, 9999))


def _other(start: datetime, end: datetime, name: str, number: int) -> Interview:
    return Interview(
        candidate=f"other{number}@example.com", course="else", round="x", start=start, end=end, interviewers=(name,)
    )


def adversarial(kind: str) -> Instance:
    """All rounds share three people under tight rules. Kinds: `limits`, `distinct`, `number`, `breaks`, `finish`, `buffers`."""
    rules = ADVERSARIES[kind]
    people = {
        name: {
            "name": name,
            "email": f"{name}@example.com",
            "working_hours": {"mon-sun": ["08:00-18:00"]},
            **rules.get("person", {}),
        }
        for name in rules.get("names", ("ann", "bob", "cat"))
    }
    order = list(people)
    rounds = [
        {
            "id": f"r{n}",
            "title": f"Round {n}",
            "duration": "30m",
            "interviewers": [order[n % len(order)]],
            "backups": [name for name in order if name != order[n % len(order)]],
            **(rules.get("gap", {}) if n else {}),
        }
        for n in range(rules.get("rounds", 12))
    ]
    sop = Sop.parse(
        {
            "timezone": "UTC",
            "grid": "30m",
            "candidate": rules.get("candidate", {}),
            "interviewers": people,
            "courses": {"course": {"title": "Course", "rounds": rounds, **rules.get("course", {})}},
        }
    )
    plain = {"name": "A Candidate", "email": EMAIL, "course": "course", "slots": ["08:00-18:00"]}
    last = OPENING + timedelta(days=rules.get("days", 28) - 1)
    request = CandidateRequest.parse({**plain, "window": (OPENING.date(), last.date())})
    return Instance(seed=0, sop=sop, request=request, busy={}, booked=[], now=OPENING - timedelta(days=2))


ADVERSARIES: dict[str, Plain] = {
    "limits": {"person": {"daily_limit": 1, "weekly_limit": 2}},
    "limits, infeasible": {"person": {"daily_limit": 1, "weekly_limit": 1}, "days": 20},
    "distinct": {"course": {"distinct_interviewers": True}, "rounds": 3},
    "distinct, infeasible": {"course": {"distinct_interviewers": True}, "rounds": 4},
    "distinct, 12 of 12": {
        "course": {"distinct_interviewers": True},
        "names": tuple(f"p{n:02d}" for n in range(12)),
        "gap": {"gap": {"min": "1d"}},
    },
    "distinct, 12 of 11": {
        "course": {"distinct_interviewers": True},
        "names": tuple(f"p{n:02d}" for n in range(11)),
        "gap": {"gap": {"min": "1d"}},
    },
    "number": {"course": {"max_interviewers": 2}, "person": {"weekly_limit": 3}},
    "breaks": {"person": {"max_in_a_row": 1, "break": "30m"}, "days": 5},
    "finish": {"course": {"finish_within": "50h"}, "person": {"daily_limit": 2}, "rounds": 10},
    "buffers": {"person": {"buffer": "60m", "daily_limit": 4}, "days": 7},
    "candidate": {"candidate": {"daily_limit": 2}, "person": {"weekly_limit": 2}, "rounds": 8},
}
