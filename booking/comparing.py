"""Candidates who are open, each looked at under two SOPs: who gains or loses a plan, and what is booked against the rules. Pure.

Those who wait are planned one after another, each beside those before, as the queue would have it. What is booked is only
checked: it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from booking.planning import Made, Outdated, Terms, as_granted, decide, situation_in
from booking.sightings import interval_of
from booking.world import World
from domain.errors import FieldError
from domain.foresight import Broken, Prospect
from domain.model import CandidateRequest
from sop import NoPlan, Sop
from sop.explanation import in_short
from sop.verification import breaches

Json = dict[str, Any]
Rules = dict[str, list[tuple[str, str]]]  # by round: the rules that its interview breaks, each with an interviewer's id
_STANDS = frozenset({"booking", "booked"})


def compare(
    before: Sop, after: Sop, rows: Sequence[Json], world: World, *, now: datetime, goes_on: Callable[[], bool]
) -> Prospect:
    """What `after` instead of `before` would mean for candidates as `Database.open_candidates` gives them. It ends early when
    `goes_on` says so between two of them."""
    old, new = Side(before, world, now), Side(after, world, now)
    names = {who: person.name for sop in (before, after) for who, person in sop.interviewers.items()}
    looked = planless = 0
    gained, lost, broken = list[tuple[str, datetime]](), list[tuple[str, str]](), list[Broken]()
    for row in rows:
        if not goes_on():
            break
        looked += 1
        if row["status"] in _STANDS:
            broken += _newly_broken(row, old.broken(row), new.broken(row), names)
            continue
        (end_before, _), (end_after, why) = old.planned(row), new.planned(row)
        planless += end_before is None
        if end_after is not None and end_before is None:
            gained.append((row["name"], end_after))
        elif end_before is not None and end_after is None:
            lost.append((row["name"], why))
    return Prospect(
        count=len(rows),
        looked=looked,
        planless=planless,
        gained=tuple(gained),
        lost=tuple(lost),
        broken=tuple(sorted(broken, key=lambda one: one.start)),
    )


def _newly_broken(row: Json, before: Rules, after: Rules, names: Mapping[str, str]) -> Iterable[Broken]:
    """A candidate's interviews that break other rules than before."""
    for one in row["interviews"]:
        news = [rule for rule in after.get(one["round"], ()) if rule not in before.get(one["round"], ())]
        if news:
            rules = tuple((rule, names.get(who, who)) for rule, who in news)
            yield Broken(candidate=row["name"], title=one["title"], start=interval_of(one).start, rules=rules)


class Side:
    """One of the two SOPs, with all that would be booked under it by now."""

    def __init__(self, sop: Sop, world: World, now: datetime) -> None:
        self._sop, self._world, self._now = sop, world, now
        self._taken = world.booked

    def planned(self, row: Json) -> tuple[datetime | None, str]:
        """When the plan of somebody who waits would be done; without a plan None and why, shortly."""
        if row["status"] == "escalated":  # queued again, it would be planned as it was asked for
            lasting = {**row["exceptions"], "waived": []}
            row = {**row, "exceptions": lasting, "replan": None}
        request, terms = CandidateRequest.parse(row["request"]), Terms.of(row)
        if request.course not in self._sop.courses:
            return None, "The course would not be there."
        granted = as_granted(self._sop, terms)
        situation = situation_in(self._world, granted, request, terms, row["interviews"], self._now)
        try:
            result = decide(replace(situation, booked=self._taken))
        except FieldError as mistake:
            return None, mistake.hint
        if not isinstance(result, Made):
            return None, _why(result)
        others = (one for one in self._taken if (one.candidate, one.course) != (request.email, request.course))
        self._taken = (*others, *result.interviews)
        return max((one.end for one in result.interviews), default=None), ""

    def broken(self, row: Json) -> Rules:
        """The rules that somebody's interviews break as they are booked; those that have begun are past it."""
        request, terms = CandidateRequest.parse(row["request"]), Terms.of(row)
        coming = [one["round"] for one in row["interviews"] if interval_of(one).start > self._now]
        course = self._sop.courses.get(request.course)
        rounds = {round_.id: round_ for round_ in course.rounds} if course else {}
        found: Rules = {name: [("gone", "")] for name in coming if name not in rounds}
        if len(found) == len(coming):
            return found
        booked = {one["round"] for one in row["interviews"]}
        alone = Terms(changes=terms.changes, waived=frozenset(rounds.keys() - booked))
        situation = situation_in(
            self._world, as_granted(self._sop, terms), request, alone, row["interviews"], self._now
        )
        wanted = [situation.live[name] for name in situation.rounds]
        for one in breaches(situation.sop, wanted, request, **situation.about):
            if one.rule == "free" and one.interviewer in situation.unknown:
                continue
            lasts = situation.live[one.round].end - situation.live[one.round].start
            rule = "length" if one.rule == "grid" and lasts != rounds[one.round].duration else one.rule
            found.setdefault(one.round, []).append((rule, one.interviewer or ""))
        return found


def _why(result: NoPlan | Outdated) -> str:
    return in_short(result) if isinstance(result, NoPlan) else "The plan that was chosen would break a rule."
