"""Findings about whole courses: whether anybody could get through at all, and in the time that candidates usually have.

Asked is the planner, for a candidate who always can and interviewers who have nothing else to do: what is impossible then is so
for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from domain.model import CandidateRequest
from sop.case import Case, case_of
from sop.changes import replaced
from sop.conflict import ALWAYS, everything, without
from sop.lengths import Days
from sop.lint_findings import Finding
from sop.model import Course, Sop
from sop.planner import plan_case
from sop.problem import Problem
from sop.result import Blame, Plan
from sop.search import Found, NotFound, search
from utils import instant, plural

LONGEST = 335  # days: nearly as long as a window can be, with room for the planner to look at longer ones
LOOKED_INTO = 84  # days in which to look for what would have to give way
BUDGET = 10_000  # states for each look: whether there is any plan is mostly plain after few
# What can have to give way, the likeliest to be meant first, and the code that it gives the finding.
GIVING_WAY = {
    "finish_within": "SOP302",
    "candidate_limit": "SOP401",
    "max_interviewers": "SOP401",
    "daily_limit": "SOP401",
    "weekly_limit": "SOP401",
    "breaks": "SOP401",
    "gap_min": "SOP301",
    "gap_max": "SOP301",
    "when": "SOP304",
    "distinct_interviewers": "SOP304",
    "never_twice_in_a_row": "SOP304",
}
FIXES = {
    "SOP301": "Raise the max or lower the min of one of the gaps, or widen the hours of the people.",
    "SOP302": "Let the course take longer, or shorten its gaps.",
    "SOP304": "Loosen its rules, or name more people; python main.py simulate shows where candidates are stuck.",
    "SOP401": "Raise the limit, or loosen what stands against it.",
}


def courses(sop: Sop, today: date, window: timedelta, *, hopeless: Sequence[str]) -> Iterator[Finding]:
    """SOP301 to SOP305 and SOP401. `window` is how long candidates usually have; of `hopeless` courses all is said already."""
    timeless = _any_day(sop)
    for course in sop.courses.values():
        if course.id not in hopeless:
            yield from _course(timeless, course, today, window)


def _course(sop: Sop, course: Course, today: date, window: timedelta) -> Iterator[Finding]:
    most = max(len(round_.seats) for round_ in course.rounds)
    if course.max_interviewers is not None and course.max_interviewers < most:
        yield Finding(
            code="SOP401",
            where=f"courses.{course.id}.max_interviewers",
            message=f"A candidate of {course.title} is to meet at most {plural(course.max_interviewers, 'interviewer')}, and one "
            f"round alone has {most}.",
            fix=f"Raise it to {most} or more, or take it out.",
        )
        return
    usual = _sought(_ideal(sop, course, today, window.days))
    if isinstance(usual, NotFound):
        yield _hard(sop, course, today, window) if usual.proven else _undecided(course)


def _hard(sop: Sop, course: Course, today: date, window: timedelta) -> Finding:
    """What is to be said of a course that does not fit into a usual window."""
    case = _ideal(sop, course, today, LONGEST)
    found = _sought(case)
    if isinstance(found, NotFound):
        return _impossible(sop, course, today) if found.proven else _undecided(course)
    best = plan_case(case)
    last = best.interviews[-1].end if isinstance(best, Plan) else case.now
    days = (last.astimezone(sop.zone).date() - today).days
    return Finding(
        code="SOP303",
        where=f"courses.{course.id}",
        message=f"{course.title} takes {plural(days, 'day')} from today even when everybody is free, and candidates usually "
        f"have {window.days}.",
        fix="Shorten its gaps or the notice, or widen the hours of its interviewers.",
    )


def _undecided(course: Course) -> Finding:
    return Finding(
        code="SOP305",
        where=f"courses.{course.id}",
        message=f"Whether anybody can get through {course.title} could not be found out in time.",
        fix="Loosen limits, or try it: python main.py simulate.",
    )


def _any_day(sop: Sop) -> Sop:
    """Without holidays and days off: whether the time is enough must not hang on the season."""
    for who in sop.interviewers:
        sop = replaced(sop, f"interviewers.{who}.days_off", Days())
    return replaced(sop, "holidays", Days())


def _sought(case: Case) -> Found | NotFound:
    """Whether there is a plan, as far as the budget goes."""
    return search(Problem(case), BUDGET)


def _ideal(sop: Sop, course: Course, today: date, days: int) -> Case:
    """A candidate who always can for so many days from tomorrow on, while nobody has anything else to do."""
    request = CandidateRequest(
        name="Anyone",
        email="anyone@example.com",
        course=course.id,
        window=(today + timedelta(days=1), today + timedelta(days=days)),
        slots=ALWAYS,
    )
    now = instant(today, 0, sop.zone)
    return case_of(sop, request, busy={}, booked=(), now=now, keep=(), previous=(), thaw=False)


def _impossible(sop: Sop, course: Course, today: date) -> Finding:
    case = _ideal(sop, course, today, LOOKED_INTO)
    rules = [blame for rule in GIVING_WAY for blame in everything(case) if blame.rule == rule]
    helpful = [blame for blame in rules if isinstance(_sought(without(case, [blame])), Found)]
    said = [_SAID[blame.rule](sop, course, blame.subject) for blame in helpful]
    unless = f", unless {'this' if len(said) == 1 else 'one of these'} gives way: {'; '.join(said)}" if said else ""
    code = GIVING_WAY[helpful[0].rule] if helpful else "SOP304"
    return Finding(
        code=code,
        where=_path(course, helpful[0]) if helpful else f"courses.{course.id}",
        message=f"Nobody can get through {course.title}, however free everybody is{unless}.",
        fix=FIXES[code],
    )


def _path(course: Course, blame: Blame) -> str:
    """Where a rule stands in the file."""
    return _PATHS[blame.rule].format(blame.subject, course=course.id)


_PATHS = {
    "finish_within": "courses.{course}.finish_within",
    "candidate_limit": "candidate.daily_limit",
    "max_interviewers": "courses.{course}.max_interviewers",
    "daily_limit": "interviewers.{}.daily_limit",
    "weekly_limit": "interviewers.{}.weekly_limit",
    "breaks": "interviewers.{}.max_in_a_row",
    "gap_min": "courses.{course}.rounds.{}.gap.min",
    "gap_max": "courses.{course}.rounds.{}.gap.max",
    "when": "courses.{course}.rounds.{}.when",
    "distinct_interviewers": "courses.{course}.distinct_interviewers",
    "never_twice_in_a_row": "courses.{course}.never_twice_in_a_row",
}


def _of_round(text: str) -> Callable[[Sop, Course, str], str]:
    return lambda _, course, subject: text.format(round_=course.rounds[course.position(subject)])


def _of_person(text: str) -> Callable[[Sop, Course, str], str]:
    return lambda sop, _, subject: text.format(person=sop.interviewers[subject])


_SAID: dict[str, Callable[[Sop, Course, str], str]] = {
    "finish_within": lambda _, course, __: f"that it finishes within {course.finish_within}",
    "candidate_limit": lambda sop, _, __: f"that candidates sit at most {plural(sop.candidate.daily_limit or 0, 'round')} a day",
    "max_interviewers": lambda _, course, __: f"that candidates meet at most {course.max_interviewers} interviewers",
    "daily_limit": _of_person("{person.name}'s limit of {person.daily_limit} a day"),
    "weekly_limit": _of_person("{person.name}'s limit of {person.weekly_limit} a week"),
    "breaks": _of_person("the breaks of {person.name}"),
    "gap_min": _of_round("the gap of at least {round_.gap.min} before {round_.title}"),
    "gap_max": _of_round("the gap of at most {round_.gap.max} before {round_.title}"),
    "when": _of_round("that {round_.title} takes place only {round_.when}"),
    "distinct_interviewers": lambda _, __, ___: "that nobody takes two rounds",
    "never_twice_in_a_row": lambda _, __, ___: "that nobody takes two rounds in a row",
}  # fmt: skip
