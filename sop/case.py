"""Everything one decision depends on, checked: the arguments of `plan` as one value."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.errors import FieldError
from domain.model import CandidateRequest, Interval, Interview
from sop.busy import BusyIndex
from sop.model import Course, Sop
from utils import as_utc


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """The arguments of `plan`. `booked` is without the interviews that `keep` and `previous` speak for."""

    sop: Sop
    request: CandidateRequest
    busy: BusyIndex
    booked: tuple[Interview, ...]
    now: datetime
    keep: Mapping[str, Interview]  # by round
    previous: Mapping[str, Interview]  # by round
    thaw: bool = False

    @property
    def course(self) -> Course:
        return self.sop.courses[self.request.course]

    def frozen(self, round_id: str) -> bool:
        """Whether a round that is booked starts too soon to be moved."""
        before = self.previous.get(round_id)
        return before is not None and not self.thaw and before.start < self.now + self.sop.freeze


def case_of(
    sop: Sop,
    request: CandidateRequest,
    *,
    busy: Mapping[str, Sequence[Interval]],
    booked: Sequence[Interview],
    now: datetime,
    keep: Sequence[Interview],
    previous: Sequence[Interview],
    thaw: bool,
) -> Case:
    """The case of these arguments; `FieldError` for one that cannot be right."""
    course = sop.course(request.course)
    try:
        now = as_utc(now)
    except ValueError as error:
        raise FieldError("now", now, f"{error}.") from error
    kept = _by_round("keep", keep, request, course)
    before = _by_round("previous", previous, request, course)
    ordered = sorted(kept.values(), key=lambda one: course.position(one.round))
    for earlier, later in itertools.pairwise(ordered):
        if later.start < earlier.end:
            raise FieldError("keep", later.round, f"It starts before {earlier.round} ends, which comes before it.")
    return Case(
        sop=sop,
        request=request,
        busy=BusyIndex.of(busy),
        booked=tuple(one for one in booked if not _spoken_for(one, request, {**before, **kept})),
        now=now,
        keep=kept,
        previous={name: one for name, one in before.items() if name not in kept},
        thaw=thaw,
    )


def _by_round(
    name: str, interviews: Iterable[Interview], request: CandidateRequest, course: Course
) -> dict[str, Interview]:
    found: dict[str, Interview] = {}
    for one in interviews:
        if (one.candidate, one.course) != (request.email, request.course):
            raise FieldError(
                name, f"{one.candidate}, {one.course}", "It is an interview of another candidate or course."
            )
        course.position(one.round)
        if one.round in found:
            raise FieldError(name, one.round, "This round is given twice.")
        found[one.round] = one
    return found


def _spoken_for(one: Interview, request: CandidateRequest, ours: Mapping[str, Interview]) -> bool:
    return one.candidate == request.email and one.course == request.course and one.round in ours
