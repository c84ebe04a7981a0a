"""Sentences for people: why there is no plan, what would help, why a plan is as it is. Everywhere else these are data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.hours import WeekHours
from domain.model import CandidateRequest
from sop.case import Case
from sop.lengths import Length
from sop.levers import Lever
from sop.model import Interviewer, Round, Sop, minutes_text
from sop.result import Blame, Funnel, NoPlan, Plan, Reason, SeatFunnel, Step
from utils import instant, local_text, plural

_CUT = "No plan was found, but the search was cut before it was sure: there may be one."
_NOT_TOGETHER = "Each round could be placed by itself, but not all of them together."

_NEVER_ALL = "no time at which all of its interviewers can"


def explain(sop: Sop, refusal: NoPlan) -> list[str]:
    """Why there is no plan, a sentence a line: the round that cannot be placed and what is in the way of each person."""
    case = refusal.diagnosis.case
    if not refusal.proven:
        return [_CUT]
    last = refusal.funnels[-1] if refusal.funnels else None
    lines = list(_of_round(case, last)) if last is not None and not last.left else [_NOT_TOGETHER]
    blamed = [_blamed(sop, case, blame) for blame in refusal.conflict]
    if blamed:
        lines.append(f"What rules it out, each of these needed for it: {'; '.join(blamed)}.")
    elif not last or last.left:
        lines.append("There are too few people for these rounds, whatever else is changed.")
    return lines


def in_short(refusal: NoPlan) -> str:
    """Why there is no plan, in one sentence: `Core Java cannot be placed (Ben Ortiz's working hours, Asha Rao's daily limit).`"""
    case = refusal.diagnosis.case
    if not refusal.proven:
        return _CUT
    last = refusal.funnels[-1] if refusal.funnels else None
    if last is None or last.left:
        return _NOT_TOGETHER
    whole = next(_of_round(case, last))
    if whole.endswith("."):
        return whole
    ways = dict.fromkeys(_in_the_way(case.sop, seat) for seat in last.seats)
    return f"{case.course.rounds[case.course.position(last.round)].title} cannot be placed ({', '.join(ways)})."


def _in_the_way(sop: Sop, seat: SeatFunnel) -> str:
    """What leaves somebody no start of a round."""
    emptied = next((step.rule for step in seat.steps if not step.left), "")
    name = sop.interviewers[seat.interviewer].name
    return f"{name}'s {_WORDS[emptied]}" if emptied in _WORDS else _RULED_OUT.get(emptied, _NEVER_ALL)


# The round that cannot be placed ----------------------------------------------------------------------------------


def _of_round(case: Case, funnel: Funnel) -> Iterator[str]:
    round_ = case.course.rounds[case.course.position(funnel.round)]
    name, starts = round_.title, funnel.steps[0].left
    if case.frozen(round_.id):
        when = local_text(case.previous[round_.id].start, case.sop.zone_of(case.request))
        freeze = minutes_text(case.sop.freeze)
        yield f"{name} is booked for {when} and too soon to be moved (freeze {freeze}), but cannot stay there."
        return
    if not starts:
        slots = f"no start of {minutes_text(round_.duration)} on the grid of {minutes_text(case.sop.grid)}"
        yield f"{name} cannot be placed: the slots {case.request.slots} give {slots} {_window(case.request)}."
        return
    emptied = next((step for step in funnel.steps if not step.left), None)
    if emptied is not None:
        yield f"{name} cannot be placed: {_SHARED[emptied.rule](case, round_, emptied)}."
        return
    yield f"{name} cannot be placed: {plural(starts, 'start')} in the candidate's slots {_window(case.request)}, but"
    for seat in funnel.seats:
        yield f"  {_of_person(case, round_, seat)}"


def _window(request: CandidateRequest) -> str:
    return f"from {_day(request.window[0])} to {_day(request.window[1])}"


def _of_person(case: Case, round_: Round, seat: SeatFunnel) -> str:
    person = case.sop.interviewers[seat.interviewer]
    name = f"{person.name} (backup)" if seat.backup else person.name
    emptied = next((step for step in seat.steps if not step.left), None)
    if emptied is None:
        return f"{name} could at {plural(seat.steps[-1].left, 'start')}, but not together with the others of this round"
    return f"{name} {_PERSONAL[emptied.rule](case, round_, person, emptied)}"


def _met(step: Step) -> str:
    """`3 to 7 Dec`: the dates of the starts that a rule took the last of."""
    if step.met is None:
        return "on every date"
    first, last = step.met
    if first == last:
        return f"on {_day(first)}"
    return f"{first.day} to {_date(last)}" if first.month == last.month else f"{_date(first)} to {_date(last)}"


def _no_hours(case: Case, _: Round, person: Interviewer, step: Step) -> str:
    """Hours in the person's own zone, and what they are in the candidate's."""
    theirs, ours = person.zone, case.sop.zone_of(case.request)
    said = f"works {person.working_hours} {_city(theirs)} time"
    if theirs.key != ours.key:
        first = step.met[0] if step.met else case.request.window[0]
        there = _in_zone(person.working_hours, first, theirs, ours)
        said += f", which is {there} in the candidate's zone ({_city(ours)})" if there else ""
    off = f", and is off {person.days_off}" if person.days_off else ""
    return f"{said}{off}: no start of {_met(step)} lies in that"


def _in_zone(hours: WeekHours, near: date, theirs: ZoneInfo, ours: ZoneInfo) -> str:
    """The hours of the first day that has any, as wall times of another zone."""
    for day in (near + timedelta(days=n) for n in range(7)):
        if hours.on(day):
            walls = [_wall(instant(day, minutes, theirs), ours) for s in hours.on(day) for minutes in (s.start, s.end)]
            return ", ".join(f"{start}-{end}" for start, end in zip(walls[::2], walls[1::2], strict=True))
    return ""


def _wall(moment: datetime, tz: ZoneInfo) -> str:
    return f"{moment.astimezone(tz):%H:%M}"


def _not_free(_: Case, __: Round, person: Interviewer, step: Step) -> str:
    buffer = f", with {minutes_text(person.buffer)} around each event" if person.buffer else ""
    return f"is booked solid {_met(step)}{buffer}"


_PERSONAL: dict[str, Callable[[Case, Round, Interviewer, Step], str]] = {
    "hours": _no_hours,
    "free": _not_free,
    "daily_limit": lambda _, __, p, step: (
        f"has {plural(p.daily_limit or 0, 'interview')} a day already, the limit, {_met(step)}"
    ),
    "weekly_limit": lambda _, __, p, step: (
        f"has {plural(p.weekly_limit or 0, 'interview')} a week already, the limit, {_met(step)}"
    ),
    "breaks": lambda _, __, p, step: (
        f"would have more than {p.max_in_a_row} interviews in a row without a break {_met(step)}"
    ),
    "people": lambda _, __, ___, ____: "must not take it, because of the rounds that are kept",
    "gaps": lambda case, round_, _, step: f"is only free {_met(step)}, {_off_gap(case, round_)}",
}
_SHARED: dict[str, Callable[[Case, Round, Step], str]] = {
    "blocked": lambda _, __, step: f"the candidate has blocked dates or events of their own {_met(step)}",
    "holidays": lambda _, __, step: f"all that is left is on holidays, {_met(step)}",
    "notice": lambda case, _, step: f"{_met(step)} is over or sooner than the notice of {minutes_text(case.sop.notice)} "
    f"after {local_text(case.now, case.sop.zone)}",
    "when": lambda _, round_, step: f"this round takes place only {round_.when}, and no start {_met(step)} lies in that",
    "candidate_free": lambda _, __, step: f"the candidate is taken {_met(step)}",
    "candidate_limit": lambda case, _, step: f"the candidate has {plural(case.sop.candidate.daily_limit or 0, 'round')} "
    f"a day already, the limit, {_met(step)}",
    "gaps": lambda case, round_, step: f"the starts left, {_met(step)}, are {_off_gap(case, round_)}",
    "finish_within": lambda case, _, step: f"the starts left, {_met(step)}, do not let the course finish within "
    f"{_words(case.course.finish_within)}",
}  # fmt: skip


def _off_gap(case: Case, round_: Round) -> str:
    place = case.course.position(round_.id)
    if not place:
        return "out of reach of the rounds that are kept"
    least, most = round_.gap.min, round_.gap.max
    parts = [f"at least {least.words()}" if least else "", f"at most {most.words()}" if most else ""]
    asked = " and ".join(part for part in parts if part) or "after it"
    return f"out of reach of {case.course.rounds[place - 1].title} (asked for: {asked})"


# The rules to blame -----------------------------------------------------------------------------------------------


def _blamed(sop: Sop, case: Case, blame: Blame) -> str:
    if blame.subject in sop.interviewers:
        return f"{sop.interviewers[blame.subject].name}'s {_WORDS[blame.rule]}"
    if blame.subject:
        round_ = case.course.rounds[case.course.position(blame.subject)]
        return f"{_WORDS[blame.rule]} of {round_.title}"
    return _WORDS[blame.rule]


_WORDS = {
    "hours": "working hours",
    "free": "calendar",
    "daily_limit": "daily limit",
    "weekly_limit": "weekly limit",
    "breaks": "breaks",
    "mapping": "the choice of interviewers",
    "when": "the weekdays and hours",
    "gap_min": "the least gap before the start",
    "gap_max": "the largest gap before the start",
    "distinct_interviewers": "that nobody takes two rounds",
    "never_twice_in_a_row": "that nobody takes two rounds in a row",
    "max_interviewers": "the number of different interviewers",
    "finish_within": "how soon the course must finish",
    "window": "the candidate's window",
    "slots": "the candidate's slots",
    "notice": "the notice",
    "holidays": "the holidays",
    "blocked": "the candidate's blocked dates and events",
    "candidate_free": "the candidate's other interviews",
    "candidate_limit": "the candidate's rounds a day",
    "freeze": "the freeze of what is booked soon",
}


# Relaxations ------------------------------------------------------------------------------------------------------


def relaxation_text(sop: Sop, request: CandidateRequest, lever: Lever, value: object) -> str:
    """What moving a lever to a value means, as something an admin can say yes to."""
    return _TEXTS[lever.kind](sop, request, lever, value)


def _longer_window(_: Sop, __: CandidateRequest, lever: Lever, value: object) -> str:
    (first, last), (new_first, new_last) = _pair(lever.old), _pair(value)
    if new_last > last:
        return f"Extend the window by {plural((new_last - last).days, 'day')} (to {_day(new_last)})"
    return f"Open the window {plural((first - new_first).days, 'day')} earlier (on {_day(new_first)})"


def _pair(value: object) -> tuple[date, date]:
    if not isinstance(value, tuple):
        raise TypeError(f"{value!r} is no window")
    return value[0], value[1]


def _one_more(sop: Sop, request: CandidateRequest, lever: Lever, value: object) -> str:
    who = value[-1] if isinstance(value, tuple) else ""
    return f"Let {sop.interviewers[who].name} take {_title(sop, request, lever)} as a backup"


def _title(sop: Sop, request: CandidateRequest, lever: Lever) -> str:
    course = sop.course(request.course)
    return course.rounds[course.position(lever.subject)].title


def _before(sop: Sop, request: CandidateRequest, lever: Lever) -> str:
    course = sop.course(request.course)
    return course.rounds[course.position(lever.subject) - 1].title


def _name(sop: Sop, lever: Lever) -> str:
    return sop.interviewers[lever.subject].name


_TEXTS: dict[str, Callable[[Sop, CandidateRequest, Lever, object], str]] = {
    "window": _longer_window,
    "slots": lambda _, __, ___, new: f"Widen the daily slots to {new}",
    "weekdays": lambda _, __, ___, new: f"Let the candidate come on more weekdays: {new}",
    "interviewer": _one_more,
    "gap_max": lambda s, r, lever, new: f"Allow up to {_words(new)} between {_before(s, r, lever)} and {_title(s, r, lever)} "
    f"(now {_words(lever.old)})",
    "gap_min": lambda s, r, lever, new: f"Allow {_title(s, r, lever)} {_words(new)} after {_before(s, r, lever)} "
    f"(now at least {_words(lever.old)})",
    "finish_within": lambda _, __, lever, new: f"Let the course take {_words(new)} (now {_words(lever.old)})",
    "notice": lambda _, __, lever, new: f"Book at {_short(new)} notice (now {_short(lever.old)})",
    "freeze": lambda _, __, lever, new: f"Move what starts {_short(new)} from now or later (now {_short(lever.old)})",
    "daily_limit": lambda s, _, lever, new: f"Let {_name(s, lever)} do {new} interviews a day (now {lever.old})",
    "weekly_limit": lambda s, _, lever, new: f"Let {_name(s, lever)} do {new} interviews a week (now {lever.old})",
    "breaks": lambda s, _, lever, new: f"Let {_name(s, lever)} do {new} interviews in a row (now {lever.old})",
    "candidate_limit": lambda _, __, lever, new: f"Let the candidate sit {new} rounds on one day (now {lever.old})",
    "max_interviewers": lambda _, __, lever, new: f"Let the candidate meet {new} interviewers (now {lever.old})",
    "distinct_interviewers": lambda _, __, ___, ____: "Let an interviewer take more than one round",
    "never_twice_in_a_row": lambda _, __, ___, ____: "Let an interviewer take two rounds in a row",
    "when": lambda s, r, lever, _: f"Hold {_title(s, r, lever)} at any time (now only {lever.old})",
    "blocked": lambda _, __, lever, ___: f"Use {_day(date.fromisoformat(lever.subject))}, which is blocked",
    "events": lambda _, __, ___, ____: "Use the rest of the days on which the candidate has an event",
}  # fmt: skip


def outcome_text(plan: Plan, tz: ZoneInfo) -> str:
    """What a plan comes to in a few words: `done by Fri 4 Dec, 1 backup`."""
    last = max(one.end for one in plan.interviews).astimezone(tz).date()
    backups = plural(plan.cost.backups, "backup") if plan.cost.backups else "no backups"
    return f"done by {_day(last)}, {backups}"


# A plan's certificate ---------------------------------------------------------------------------------------------


def explain_plan(sop: Sop, request: CandidateRequest, plan: Plan) -> list[str]:
    """Why each interview has its interviewers and its time, a sentence for each interview, and which SOP says so."""
    tz = sop.zone_of(request)
    lines = [
        _certified(sop, request, reason, local_text(one.start, tz))
        for reason, one in zip(plan.reasons, plan.interviews, strict=True)
    ]
    return [*lines, f"By the SOP of version {plan.sop_version}."]


def _certified(sop: Sop, request: CandidateRequest, reason: Reason, when: str) -> str:
    course = sop.course(request.course)
    title = course.rounds[course.position(reason.round)].title
    if reason.stands:
        return f"{title}, {when}: {'kept as it is' if reason.stands == 'kept' else 'stays where it was'}."
    earlier = [
        f"{better.count} for {_RULED_OUT[better.rule]}" for better in reason.better if better.interviewer is None
    ]
    people = [
        f"{sop.interviewers[better.interviewer].name} was out for {_RULED_OUT[better.rule]}"
        for better in reason.better
        if better.interviewer is not None
    ]
    time = f"earlier starts were out: {', '.join(earlier)}" if earlier else "the first start in the slots"
    return "; ".join([f"{title}, {when}: {time}", *people]) + "."


_RULED_OUT = {
    "blocked": "the candidate's blocked dates and events",
    "holidays": "holidays",
    "notice": "the notice",
    "when": "the weekdays and hours of the round",
    "candidate_free": "the candidate's other interviews",
    "candidate_limit": "the candidate's rounds a day",
    "hours": "working hours",
    "free": "their calendar",
    "daily_limit": "their daily limit",
    "weekly_limit": "their weekly limit",
    "breaks": "their breaks",
    "people": "the rule about who may take which rounds",
    "gaps": "the gap to the round before",
    "finish_within": "the time the course may take",
    "better": "a plan that is better as a whole",
}


# Dates and lengths ------------------------------------------------------------------------------------------------


def _day(day: date) -> str:
    return f"{day:%a} {_date(day)}"


def _date(day: date) -> str:
    return f"{day.day} {day:%b}"


def _city(tz: ZoneInfo) -> str:
    return tz.key.rpartition("/")[2].replace("_", " ")


def _words(length: object) -> str:
    return length.words() if isinstance(length, Length) else str(length)


def _short(length: object) -> str:
    return minutes_text(length) if isinstance(length, timedelta) else str(length)
