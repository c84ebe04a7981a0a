"""The smallest set of rules that together leave no plan: found by taking rules away, one group after the other.

What taking a rule away means, rule by rule, is the table at the end. Rules that nobody would give up (a round after the one
before it, one person at one place) are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from domain.hours import Span, WeekHours
from domain.model import MAX_WINDOW_DAYS
from sop.busy import BusyIndex
from sop.case import Case
from sop.changes import replaced
from sop.lengths import Days
from sop.model import LOOKAHEAD
from sop.problem import Problem
from sop.result import Blame
from sop.search import Found, search

ALWAYS = WeekHours(days=((Span(start=0, end=1440),),) * 7)
NOTHING = timedelta(0)


def feasible(case: Case) -> bool:
    """Whether there is a plan."""
    return isinstance(search(Problem(case)), Found)


def conflict(case: Case) -> tuple[Blame, ...]:
    """Rules that leave no plan, of which any one taken away makes one possible; none when nothing here can help."""
    every = everything(case)
    if not feasible(without(case, every)):
        return ()
    groups: dict[str, list[Blame]] = {}
    for blame in every:
        groups.setdefault(blame.rule, []).append(blame)
    gone: list[Blame] = []
    needed: list[Blame] = []
    for group in sorted(groups.values(), key=lambda group: ORDER.index(group[0].rule)):
        needed += _needed(case, gone, group)
    return tuple(needed)


def everything(case: Case) -> list[Blame]:
    """Every rule that could be taken away."""
    return [blame for kind in (_people, _rounds, _courses, _wholes) for blame in kind(case)]


def _needed(case: Case, gone: list[Blame], group: Sequence[Blame]) -> list[Blame]:
    """Those of a group without which there would be a plan; the others join those that are gone."""
    if not feasible(without(case, [*gone, *group])):
        gone += group
        return []
    if len(group) == 1:
        return list(group)
    half = len(group) // 2
    return _needed(case, gone, group[:half]) + _needed(case, gone, group[half:])


def without(case: Case, blames: Sequence[Blame]) -> Case:
    """The case as it would be without some rules."""
    for blame in blames:
        case = _WITHOUT[blame.rule](case, blame.subject)
    return case


# Which rules there are --------------------------------------------------------------------------------------------


def _people(case: Case) -> Iterator[Blame]:
    for who in case.course.takers:
        person = case.sop.interviewers[who]
        yield Blame(rule="hours", subject=who)
        yield Blame(rule="free", subject=who)
        for rule, given in (
            ("daily_limit", person.daily_limit),
            ("weekly_limit", person.weekly_limit),
            ("breaks", person.max_in_a_row),
        ):
            if given is not None:
                yield Blame(rule=rule, subject=who)


def _rounds(case: Case) -> Iterator[Blame]:
    for round_ in case.course.rounds:
        if round_.id in case.keep:
            continue
        yield Blame(rule="mapping", subject=round_.id)
        if round_.when is not None:
            yield Blame(rule="when", subject=round_.id)
    for round_ in case.course.rounds:
        for rule, given in (("gap_min", round_.gap.min), ("gap_max", round_.gap.max)):
            if given is not None:
                yield Blame(rule=rule, subject=round_.id)


def _courses(case: Case) -> Iterator[Blame]:
    for rule in ("distinct_interviewers", "never_twice_in_a_row", "max_interviewers", "finish_within"):
        if getattr(case.course, rule):
            yield Blame(rule=rule)


def _wholes(case: Case) -> Iterator[Blame]:
    given = {
        "window": True,
        "slots": True,
        "notice": bool(case.sop.notice),
        "holidays": bool(case.sop.holidays),
        "blocked": bool(case.request.blocked_dates or case.request.busy),
        "candidate_free": any(one.candidate == case.request.email for one in case.booked),
        "candidate_limit": case.sop.candidate.daily_limit is not None,
        "freeze": any(map(case.frozen, case.previous)),
    }
    yield from (Blame(rule=rule) for rule, there in given.items() if there)


# Taking them away -------------------------------------------------------------------------------------------------


def _not_blocked(case: Case, _: str) -> Case:
    return replace(case, request=replace(case.request, blocked_dates=frozenset(), busy=()))


def _all_day(case: Case, _: str) -> Case:
    return replace(case, request=replace(case.request, slots=ALWAYS))


def _sop(path: str, value: object) -> Callable[[Case, str], Case]:
    """The SOP with another value at a path, in which `{}` is the subject."""

    def change(case: Case, subject: str) -> Case:
        return replace(case, sop=replaced(case.sop, path.format(subject, course=case.request.course), value))

    return change


def _longer_window(case: Case, _: str) -> Case:
    first, last = case.request.window
    room = timedelta(days=MAX_WINDOW_DAYS - 1) - (last - first)
    later = min(LOOKAHEAD, room)
    earlier = min(LOOKAHEAD, room - later)
    return replace(case, request=replace(case.request, window=(first - earlier, last + later)))


def _works_always(case: Case, who: str) -> Case:
    sop = replaced(case.sop, f"interviewers.{who}.working_hours", ALWAYS)
    return replace(case, sop=replaced(sop, f"interviewers.{who}.days_off", Days()))


def _has_nothing_else(case: Case, who: str) -> Case:
    busy = BusyIndex({name: case.busy[name] for name in case.busy if name != who})
    booked = tuple(replace(one, interviewers=tuple(x for x in one.interviewers if x != who)) for one in case.booked)
    return replace(case, busy=busy, booked=booked, sop=replaced(case.sop, f"interviewers.{who}.buffer", NOTHING))


def _anyone(case: Case, round_id: str) -> Case:
    """Every seat of a round can be taken by everybody in the SOP."""
    sop, course = case.sop, case.request.course
    place = case.course.position(round_id)
    for n, seat in enumerate(case.course.rounds[place].seats):
        others = tuple(who for who in sop.interviewers if who not in seat.ranks)
        path = f"courses.{course}.rounds.{round_id}.seats.{n}.backups"
        sop = replaced(sop, path, (*seat.backups, *others))
    return replace(case, sop=sop)


def _no_other_courses(case: Case, _: str) -> Case:
    others = tuple(one for one in case.booked if one.candidate != case.request.email)
    return replace(case, booked=others, request=replace(case.request, busy=()))


_WITHOUT: dict[str, Callable[[Case, str], Case]] = {
    "freeze": lambda case, _: replace(case, thaw=True),
    "mapping": _anyone,
    "distinct_interviewers": _sop("courses.{course}.distinct_interviewers", False),
    "never_twice_in_a_row": _sop("courses.{course}.never_twice_in_a_row", False),
    "max_interviewers": _sop("courses.{course}.max_interviewers", None),
    "breaks": _sop("interviewers.{}.max_in_a_row", None),
    "when": _sop("courses.{course}.rounds.{}.when", None),
    "candidate_free": _no_other_courses,
    "candidate_limit": _sop("candidate.daily_limit", None),
    "holidays": _sop("holidays", Days()),
    "blocked": _not_blocked,
    "notice": _sop("notice", NOTHING),
    "finish_within": _sop("courses.{course}.finish_within", None),
    "gap_min": _sop("courses.{course}.rounds.{}.gap.min", None),
    "gap_max": _sop("courses.{course}.rounds.{}.gap.max", None),
    "weekly_limit": _sop("interviewers.{}.weekly_limit", None),
    "daily_limit": _sop("interviewers.{}.daily_limit", None),
    "hours": _works_always,
    "free": _has_nothing_else,
    "slots": _all_day,
    "window": _longer_window,
}
# What is tried first is more likely to be found needless: it is what people expect least to be told of.
ORDER = tuple(_WITHOUT)
