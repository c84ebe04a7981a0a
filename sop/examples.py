"""The examples inside an SOP: what must come out for a candidate on a given day. `check` tries them; one that fails is an error.

    examples:
      - name: Java within two weeks                # what it shows
        now: 2027-03-01 09:00                      # when it is asked, in the SOP's zone: so an example never goes stale
        request: {course: java, window: +1d to +14d, slots: "07:00-12:00, 16:00-19:00"}
        busy:                                      # optional, of interviewers, in the SOP's zone
          asha: [+1d to +3d, 2027-03-08 09:00-12:00]
        expect:
          plan: {intro: +4d asha, panel: 09:00 chloe ben}
      - name: Sundays are free
        now: 2027-03-01 09:00
        request: {course: data, window: +1d to +14d, slots: "Sun 09:00-17:00"}
        expect:
          no_plan: Screening cannot be placed

A request is written like a row of a CSV file (`timezone`, `blocked_dates`, `preferred_slots` too; `name` and `email` may be left
out). `expect` is `plan` or `no_plan`, or one of them with what must be true: of rounds the date, the time (as the request's zone
has it) and all the interviewers, each of them optional; of a refusal words that its reason has. Dates are `+4d` (after `now`) or
as in a CSV file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import FieldError, SopError
from domain.hours import Span
from domain.intake import FIELDS, Reference, parse_dates, read_request
from domain.model import CandidateRequest, Interval, Interview
from sop.explanation import explain
from sop.lint_findings import Finding
from sop.model import Course, Sop
from sop.planner import plan
from sop.result import NoPlan, Plan
from utils import clock_of, instant, local_text, minutes_of

PLAN, NO_PLAN = "plan", "no_plan"
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_BUSY = re.compile(r"(.+?)(?:\s+(\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}))?")
_UNNAMED = {"name": "Example", "email": "example@example.com"}


class _Example(BaseModel):
    """An example as it is written; its texts are read one by one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    now: str
    request: dict[str, str | list[str]]
    busy: dict[str, str | list[str]] = {}
    expect: str | dict[str, Any]


def try_examples(sop: Sop) -> tuple[Finding, ...]:
    """SOP601 and SOP602: the examples that cannot be read, and those that do not come out as they should."""
    return tuple(finding for place in range(len(sop.examples)) for finding in _tried(sop, place))


def _tried(sop: Sop, place: int) -> Iterator[Finding]:
    where = f"examples.{place}"
    try:
        example = _Example.model_validate(sop.examples[place])
        disappointments = list(_compared(sop, example))
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            path = ".".join(map(str, (where, *problem["loc"][:1])))
            yield _unreadable(path, f"{problem['loc'][-1]}: {problem['msg'][0].lower()}{problem['msg'][1:]}")
        return
    except FieldError as error:
        yield _unreadable(f"{where}.{error.field}", str(error))
        return
    for said in disappointments:
        yield Finding(
            code="SOP602",
            where=where,
            message=f"{example.name}: {said}",
            fix="Correct the SOP if the example is right, and the example if the SOP is.",
        )


def _unreadable(where: str, message: str) -> Finding:
    fix = "An example has name, now, request, busy (optional) and expect; sop.yaml has some that work."
    return Finding(code="SOP601", where=where, message=message, fix=fix)


def _compared(sop: Sop, example: _Example) -> Iterator[str]:
    """In what ways the example does not come out as it should."""
    now = _moment(sop, example.now)
    today = now.astimezone(sop.zone).date()
    request = _request(sop, example.request, today)
    kind, wanted = _expected(sop.course(request.course), example.expect)
    result = plan(sop, request, busy=_busy(sop, example.busy, today), booked=(), now=now)
    if isinstance(result, NoPlan):
        reason = explain(sop, result)
        if kind == PLAN:
            yield "\n".join(["there is no plan.", *reason])
        elif not all(_has(reason, words) for words in wanted):
            said = " and ".join(f"“{words}”" for words in wanted)
            yield "\n".join([f"there is no plan, but the reason does not say {said}.", *reason])
    elif kind == NO_PLAN:
        yield f"there should be no plan, but there is one: {_plan_text(sop, request, result)}"
    else:
        yield from _differences(sop, request, result, wanted, today)


def _has(reason: Sequence[str], words: str) -> bool:
    return " ".join(words.lower().split()) in " ".join(" ".join(reason).lower().split())


# Reading an example -----------------------------------------------------------------------------------------------


def _moment(sop: Sop, text: str) -> datetime:
    try:
        now = datetime.fromisoformat(text)
    except ValueError as error:
        raise FieldError("now", text, "Write a date and a time, such as 2027-03-01 09:00.") from error
    return now.replace(tzinfo=sop.zone) if now.tzinfo is None else now


def _request(sop: Sop, plain: Mapping[str, str | list[str]], today: date) -> CandidateRequest:
    texts = _UNNAMED | {key: _joined(value) for key, value in plain.items()}
    unknown = next((key for key in texts if key not in FIELDS), None)
    if unknown is not None:
        raise FieldError("request", unknown, f"A request has {', '.join(FIELDS)}.")
    request, wrong = read_request(texts, Reference(today=today, courses=sop.courses))
    if request is None:
        raise FieldError("request", wrong[0].value, f"{wrong[0].field}: {wrong[0].hint}")
    return request


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _busy(sop: Sop, plain: Mapping[str, str | list[str]], today: date) -> dict[str, list[Interval]]:
    busy: dict[str, list[Interval]] = {}
    for who, texts in plain.items():
        if who not in sop.interviewers:
            raise FieldError("busy", who, f"The interviewers are {', '.join(sop.interviewers)}.")
        for text in [texts] if isinstance(texts, str) else texts:
            busy.setdefault(who, []).extend(_busy_times(sop, text, today))
    return busy


def _busy_times(sop: Sop, text: str, today: date) -> Iterator[Interval]:
    """`+3d`, `+3d 09:00-12:00` or `+3d to +5d 09:00-12:00`: whole days, or these hours of each."""
    match = _BUSY.fullmatch(text.strip())
    try:
        days = parse_dates(match[1], today) if match else frozenset[date]()
        span = Span.parse(match[2]) if match and match[2] else Span(start=0, end=1440)
    except (FieldError, ValueError) as error:
        raise FieldError("busy", text, "Write +3d, +3d 09:00-12:00 or 2027-03-01 to 2027-03-05.") from error
    for day in sorted(days):
        yield Interval(start=instant(day, span.start, sop.zone), end=instant(day, span.end, sop.zone))


def _expected(course: Course, plain: str | Mapping[str, Any]) -> tuple[str, Any]:
    """The kind of result, and what must be true of it."""
    parts: Mapping[str, Any] = {plain: None} if isinstance(plain, str) else plain
    if len(parts) != 1 or next(iter(parts)) not in {PLAN, NO_PLAN}:
        raise FieldError("expect", plain, "Write plan or no_plan, or one of them with what must be true of it.")
    ((kind, wanted),) = parts.items()
    if kind == NO_PLAN:
        words = [wanted] if isinstance(wanted, str) else wanted or []
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise FieldError("expect", wanted, "After no_plan stand words that the reason has.")
        return kind, words
    if wanted is not None and not isinstance(wanted, Mapping):
        raise FieldError("expect", wanted, "After plan stand rounds: {intro: +4d 09:00 asha}.")
    known = [round_.id for round_ in course.rounds]
    unknown = next((round_id for round_id in wanted or {} if round_id not in known), None)
    if unknown is not None:
        raise FieldError("expect", unknown, f"The rounds of {course.id} are {', '.join(known)}.")
    return kind, wanted or {}


# Comparing a plan -------------------------------------------------------------------------------------------------


def _differences(
    sop: Sop, request: CandidateRequest, made: Plan, wanted: Mapping[str, object], today: date
) -> Iterator[str]:
    tz = sop.zone_of(request)
    for round_id, text in wanted.items():
        place = sop.course(request.course).position(round_id)
        one = made.interviews[place]
        there = one.start.astimezone(tz)
        day, clock, team = _round(sop, str(text), today)
        right = (
            day in {None, there.date()}
            and clock in {None, clock_of(there.hour * 60 + there.minute)}
            and (not team or set(team) == set(one.interviewers))
        )
        if not right:
            yield f"{round_id} should be {text}, but is {_interview_text(sop, request, one, today)}"


def _round(sop: Sop, text: str, today: date) -> tuple[date | None, str | None, list[str]]:
    """The date, the time and the interviewers that a text like `+4d 09:00 asha` names."""
    words = text.replace(",", " ").split()
    team = [word for word in words if word in sop.interviewers]
    clock = next((word for word in words if _CLOCK.fullmatch(word)), None)
    rest = " ".join(word for word in words if word not in {*team, clock, "and"})
    try:
        [day] = parse_dates(rest, today) or [None]
        return day, clock_of(minutes_of(clock)) if clock else None, team
    except (SopError, ValueError) as error:
        hint = f"Write a date, a time, interviewers, or several of these: +4d 09:00 {next(iter(sop.interviewers))}."
        raise FieldError("expect", text, hint) from error


def _plan_text(sop: Sop, request: CandidateRequest, made: Plan) -> str:
    return "; ".join(f"{one.round} {_when_and_who(sop, request, one)}" for one in made.interviews)


def _interview_text(sop: Sop, request: CandidateRequest, one: Interview, today: date) -> str:
    ahead = (one.start.astimezone(sop.zone_of(request)).date() - today) // timedelta(days=1)
    return f"+{ahead}d, {_when_and_who(sop, request, one)}"


def _when_and_who(sop: Sop, request: CandidateRequest, one: Interview) -> str:
    return f"{local_text(one.start, sop.zone_of(request))} {' '.join(one.interviewers)}"
