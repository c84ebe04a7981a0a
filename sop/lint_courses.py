"""Findings about whole courses: whether anybody could get through at all, and in the time that candidates usually have.

Asked is the planner, for a candidate who always can and interviewers who have nothing else to do: what is impossible then is so
for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from domain.model import CandidateRequest
from sop.changes import replaced
from sop.lengths import Days
from sop.lint_findings import Finding
from sop.lint_people import and_, names
from sop.model import Course, Sop
from sop.planner import plan
from sop.result import Blame, NoPlan, Plan
from utils import instant, plural

LONGEST = 335  # days: nearly as long as a window can be, with room for the planner to look at longer ones
# Windows, in days, in which to look for the rules to blame: the shorter, the quicker; too short ones are to blame themselves.
LOOKED_INTO = (14, 56, LONGEST)
# Which code a course that is impossible has, by the rules to blame; the first that is among them decides.
BLAMED = (
    ("finish_within", "SOP302"),
    ("candidate_limit", "SOP401"),
    ("daily_limit", "SOP401"),
    ("weekly_limit", "SOP401"),
    ("max_interviewers", "SOP401"),
    ("breaks", "SOP401"),
    ("gap_min", "SOP301"),
    ("gap_max", "SOP301"),
)
FIXES = {
    "SOP301": "Raise the max or lower the min of one of the gaps, or widen the hours of the people.",
    "SOP302": "Let the course take longer, or shorten its gaps.",
    "SOP304": "Change one of these.",
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
    usual = _ideal(sop, course, today, window.days)
    if isinstance(usual, NoPlan):
        yield _hard(sop, course, today, window) if usual.proven else _undecided(course)


def _hard(sop: Sop, course: Course, today: date, window: timedelta) -> Finding:
    """What is to be said of a course that does not fit into a usual window."""
    result = _ideal(sop, course, today, LONGEST)
    if isinstance(result, NoPlan):
        return _impossible(sop, course, today) if result.proven else _undecided(course)
    days = (result.interviews[-1].end.astimezone(sop.zone).date() - today).days
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


def _ideal(sop: Sop, course: Course, today: date, days: int) -> Plan | NoPlan:
    """The plan of a candidate who always can for so many days from tomorrow on, while nobody has anything else to do."""
    first = today + timedelta(days=1)
    request = CandidateRequest(
        name="Anyone",
        email="anyone@example.com",
        course=course.id,
        window=(first, today + timedelta(days=days)),
        slots=["00:00-24:00"],  # type: ignore[arg-type]  # read from plain data, as every field is
    )
    return plan(sop, request, busy={}, booked=(), now=instant(today, 0, sop.zone))


def _impossible(sop: Sop, course: Course, today: date) -> Finding:
    conflict = _conflict(sop, course, today)
    rules = {blame.rule for blame in conflict}
    code = next((code for rule, code in BLAMED if rule in rules), "SOP304")
    why = and_(_said(sop, course, conflict)) if rules & set(_SAID) else "there are too few people for its rounds"
    return Finding(
        code=code,
        where=next((path for blame in conflict if (path := _path(course, blame, code))), f"courses.{course.id}"),
        message=f"Nobody can get through {course.title}, however free everybody is. What rules it out: {why}.",
        fix=FIXES[code],
    )


def _conflict(sop: Sop, course: Course, today: date) -> Sequence[Blame]:
    """The rules to blame, in the shortest window that is not to blame itself."""
    found: Sequence[Blame] = ()
    for days in LOOKED_INTO:
        result = _ideal(sop, course, today, days)
        found = result.conflict if isinstance(result, NoPlan) else ()
        if all(blame.rule != "window" for blame in found):
            break
    return found


def _said(sop: Sop, course: Course, conflict: Sequence[Blame]) -> list[str]:
    """The rules in words, those of several people together."""
    subjects: dict[str, list[str]] = {}
    for blame in conflict:
        key = blame.rule if blame.subject in sop.interviewers else f"{blame.rule} {blame.subject}"
        subjects.setdefault(key, []).append(blame.subject)
    return [
        _SAID[key.split()[0]](sop, course, of[0] if " " in key else names(sop, of))
        for key, of in subjects.items()
        if key.split()[0] in _SAID
    ]


def _path(course: Course, blame: Blame, code: str) -> str:
    """Where a blamed rule stands, for rules that give the finding its code."""
    if (blame.rule, code) not in BLAMED:
        return ""
    return _PATHS[blame.rule].format(blame.subject, course=course.id)


_PATHS = {
    "finish_within": "courses.{course}.finish_within",
    "candidate_limit": "candidate.daily_limit",
    "daily_limit": "interviewers.{}.daily_limit",
    "weekly_limit": "interviewers.{}.weekly_limit",
    "max_interviewers": "courses.{course}.max_interviewers",
    "breaks": "interviewers.{}.max_in_a_row",
    "gap_min": "courses.{course}.rounds.{}.gap.min",
    "gap_max": "courses.{course}.rounds.{}.gap.max",
}


def _of_round(text: str) -> Callable[[Sop, Course, str], str]:
    def said(_: Sop, course: Course, subject: str) -> str:
        round_ = course.rounds[course.position(subject)]
        return text.format(round_=round_, title=round_.title)

    return said


# What a rule is called here: by what stands in the file. The window and the free calendars of this candidate are no rules of it.
_SAID: dict[str, Callable[[Sop, Course, str], str]] = {
    "gap_min": _of_round("the gap of at least {round_.gap.min} before {title}"),
    "gap_max": _of_round("the gap of at most {round_.gap.max} before {title}"),
    "mapping": _of_round("who can take {title}"),
    "when": _of_round("that {title} takes place only {round_.when}"),
    "hours": lambda _, __, people: f"the hours of {people}",
    "daily_limit": lambda _, __, people: f"the daily limit of {people}",
    "weekly_limit": lambda _, __, people: f"the weekly limit of {people}",
    "breaks": lambda _, __, people: f"the breaks of {people}",
    "free": lambda _, __, people: f"the buffer of {people}",
    "finish_within": lambda _, course, __: f"that it finishes within {course.finish_within}",
    "distinct_interviewers": lambda _, __, ___: "that nobody takes two rounds",
    "never_twice_in_a_row": lambda _, __, ___: "that nobody takes two rounds in a row",
    "max_interviewers": lambda _, course, __: f"that a candidate meets at most {course.max_interviewers} interviewers",
    "candidate_limit": lambda sop, _, __: f"that candidates sit at most {plural(sop.candidate.daily_limit or 0, 'round')} a day",
    "notice": lambda _, __, ___: "the notice",
}  # fmt: skip
