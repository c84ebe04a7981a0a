"""Findings about who is named where: people nobody needs, seats that hang on one person, panels with too few people.

Whether the people have time is `lint_hours.py`'s question.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from sop.lint_findings import Finding
from sop.model import Course, Round, Sop
from utils import plural


def people(sop: Sop) -> Iterator[Finding]:
    """SOP101 to SOP106."""
    yield from _unused(sop)
    yield from _twins(sop)
    for course in sop.courses.values():
        for round_ in course.rounds:
            yield from _lonely(sop, course, round_)
            if len(round_.seats) > 1:
                seats = [tuple(seat.ranks) for seat in round_.seats]
                yield from _too_few(sop, seats, _place(course, round_), f"{round_.title} of {course.title}")
        if course.distinct_interviewers and len(course.rounds) > 1:
            seats = [tuple(seat.ranks) for round_ in course.rounds for seat in round_.seats]
            where = f"courses.{course.id}.distinct_interviewers"
            yield from _too_few(sop, seats, where, f"{course.title}, in which nobody takes two rounds,")


def names(sop: Sop, ids: Collection[str]) -> str:
    """`Asha Rao, Ben Ortiz and Chloe Tran`, in the order of the SOP."""
    return and_(sop.interviewers[who].name for who in sop.interviewers if who in ids)


def and_(parts: Collection[str] | Iterator[str]) -> str:
    """`a, b and c`."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _place(course: Course, round_: Round) -> str:
    return f"courses.{course.id}.rounds.{round_.id}"


def _unused(sop: Sop) -> Iterator[Finding]:
    takers = {who for course in sop.courses.values() for who in course.takers}
    pools = {
        seat.pool for course in sop.courses.values() for round_ in course.rounds for seat in round_.seats if seat.pool
    }
    for who, person in sop.interviewers.items():
        if who not in takers:
            yield Finding(
                code="SOP101",
                where=f"interviewers.{who}",
                message=f"No round names {person.name}.",
                fix=f"Name {who} among the interviewers or backups of a round, or take {who} out.",
            )
        for skill in person.skills:
            if skill not in pools:
                yield Finding(
                    code="SOP102",
                    where=f"interviewers.{who}.skills",
                    message=f"No seat has the pool {skill}, a skill of {person.name}.",
                    fix=f"Give a seat `pool: {skill}`, or take the skill out.",
                )


def _twins(sop: Sop) -> Iterator[Finding]:
    """A calendar that is shared beside others, such as the team's holidays, is no sign of one person under two ids."""
    for one, other in itertools.combinations(sop.interviewers.values(), 2):
        key = "email" if one.email == other.email else "calendar" if set(one.calendars) == set(other.calendars) else ""
        if key:
            what = other.email if key == "email" else ", ".join(other.calendars)
            yield Finding(
                code="SOP106",
                where=f"interviewers.{other.id}.{key}",
                message=f"{one.name} and {other.name} have the same {key}, {what}: limits count them as two people.",
                fix=f"Give each their own {key}, or, if they are one person, keep one of {one.id} and {other.id}.",
            )


def _lonely(sop: Sop, course: Course, round_: Round) -> Iterator[Finding]:
    for place, seat in enumerate(round_.seats):
        if len(seat.ranks) == 1:
            name = names(sop, seat.ranks)
            what = f"a seat of {round_.title}" if len(round_.seats) > 1 else round_.title
            yield Finding(
                code="SOP103",
                where=f"{_place(course, round_)}.seats.{place}",
                message=f"Only {name} can take {what} of {course.title}: one absence stops every candidate.",
                fix="Name a backup: backups: [id].",
            )


def _too_few(sop: Sop, seats: Sequence[Collection[str]], where: str, what: str) -> Iterator[Finding]:
    """Whether different people can be found for all the seats, and still when any one of them is away."""
    starved = starved_seats(seats)
    if starved:
        count, few = starved
        yield Finding(
            code="SOP104",
            where=where,
            message=f"{what} needs {count} different people for seats that only {names(sop, few)} can take.",
            fix=f"Name {plural(count - len(few), 'more person', 'more people')} for these seats.",
        )
        return
    everyone = dict.fromkeys(who for seat in seats for who in seat)
    critical = [who for who in everyone if all(set(seat) - {who} for seat in seats) and _stops(seats, who)]
    if critical:
        absent = and_([sop.interviewers[who].name for who in critical[:3]])
        yield Finding(
            code="SOP105",
            where=where,
            message=f"{what} cannot be filled when {absent} is away: the others cannot take all of its seats."
            if len(critical) == 1
            else f"{what} cannot be filled when any one of {absent} is away: the others cannot take all of its seats.",
            fix="Name one more backup who is in none of its other seats.",
        )


def _stops(seats: Sequence[Collection[str]], who: str) -> bool:
    return starved_seats([[other for other in seat if other != who] for seat in seats]) is not None


def starved_seats(
    seats: Sequence[Collection[str]], capacity: Mapping[str, int] | None = None
) -> tuple[int, frozenset[str]] | None:
    """Some seats that have too few people between them: how many seats, and the people. None when all can be filled.

    Each person takes as many seats as their `capacity`, one where none is given. By augmenting paths: where none is found, the
    seats that were reached on the way are more than their people can take (Hall's theorem).
    """
    taken: dict[str, list[int]] = {who: [] for seat in seats for who in seat}
    room = dict.fromkeys(taken, 1) if capacity is None else capacity
    for seat in range(len(seats)):
        seen: dict[str, None] = {}
        if not _placed(seat, seats, taken, room, seen):
            return 1 + sum(len(taken[who]) for who in seen), frozenset(seen)
    return None


def _placed(
    seat: int,
    seats: Sequence[Collection[str]],
    taken: dict[str, list[int]],
    room: Mapping[str, int],
    seen: dict[str, None],
) -> bool:
    """Give a seat to somebody with room, or to somebody of whose seats another can take one. `seen` are those asked already."""
    for who in seats[seat]:
        if who in seen:
            continue
        seen[who] = None
        if len(taken[who]) < room[who]:
            taken[who].append(seat)
            return True
        for place, other in enumerate(taken[who]):
            if _placed(other, seats, taken, room, seen):
                taken[who][place] = seat
                return True
    return False
