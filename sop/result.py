"""What planning gives back: a `Plan` or a `NoPlan`. What few need is worked out when it is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Protocol

from domain.model import CandidateRequest, Interview
from sop.case import Case
from sop.model import Sop


class Cost(NamedTuple):
    """What a plan costs; the smaller tuple is the better plan. `finish` and `starts` count seconds since the epoch."""

    moved: int  # rounds that were booked before and changed their time or interviewers
    backups: int  # seats given to a backup
    rank: int  # the sum of the backups' places in their lists
    unpreferred: int  # rounds outside the preferred slots
    finish: int  # the end of the last round
    load: int  # the sum, over seats, of the interviewer's booked interviews that overlap the window
    starts: int  # the sum of all starts


@dataclass(frozen=True, kw_only=True)
class Better:
    """Something that would have been better for a round, and the rule that kept it out.

    `kind` is `earlier` (so many earlier starts: `count`) or `interviewer` (somebody who comes before the one chosen). The rule
    `better` means that no rule did, but that the plan as a whole is better like this.
    """

    kind: str
    interviewer: str | None
    rule: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a round has its interviewers and its time. `stands`: `kept` or `unmoved` when it was booked before, else empty."""

    round: str
    stands: str
    better: tuple[Better, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One interview for each round, in the order of the course, obeying every rule of the SOP of `sop_version`.

    `backups` tells for each interview and seat whether it went to a backup. `bound` is None for the proven best plan; when the
    search was cut, no plan can cost less than `bound`, up to and with its last component that is not nought.
    """

    interviews: tuple[Interview, ...]
    cost: Cost
    sop_version: str
    backups: tuple[tuple[bool, ...], ...]
    bound: Cost | None = None
    _why: Callable[[], tuple[Reason, ...]] = field(repr=False, compare=False)

    @functools.cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """For each interview why this time and these interviewers."""
        return self._why()


@dataclass(frozen=True, kw_only=True)
class Step:
    """How many starts are left after one more rule. `met`: the first and last date of those that it met, None if it met none."""

    rule: str
    left: int
    met: tuple[date, date] | None


@dataclass(frozen=True, kw_only=True)
class SeatFunnel:
    """What is left of a round's starts for one interviewer, rule after rule."""

    interviewer: str
    seat: int
    backup: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """What is left of a round's starts: `steps` for whoever takes it, then `seats` for each interviewer. `left`: in the end."""

    round: str
    steps: tuple[Step, ...]
    seats: tuple[SeatFunnel, ...]
    left: int


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """A change that makes a plan possible, the smallest of its kind, and the plan it gives.

    `changes` sets fields of the request (`request.window`) and of the SOP (`sop.courses.java.…`) by path, as plain data;
    `sop` and `request` are what they give. `bend` compares relaxations: the least bends least.
    """

    kind: str
    text: str
    changes: dict[str, Any]
    bend: float
    sop: Sop = field(repr=False)
    request: CandidateRequest = field(repr=False)
    plan: Plan = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Blame:
    """A rule as it meets somebody or something: `subject` is an interviewer's id, a round's id, or empty."""

    rule: str
    subject: str = ""


class Diagnosis(Protocol):
    """Where a `NoPlan` has its reasons from."""

    @property
    def case(self) -> Case: ...
    @property
    def funnels(self) -> tuple[Funnel, ...]: ...
    @property
    def conflict(self) -> tuple[Blame, ...]: ...
    @property
    def relaxations(self) -> tuple[Relaxation, ...]: ...


@dataclass(frozen=True, kw_only=True)
class NoPlan:
    """No plan obeys the rules. `proven` is False when the search was cut before it was sure."""

    sop_version: str
    proven: bool = True
    diagnosis: Diagnosis = field(repr=False, compare=False)

    @property
    def funnels(self) -> tuple[Funnel, ...]:
        """For each round, up to the first that cannot be placed, what each rule leaves of its starts."""
        return self.diagnosis.funnels

    @property
    def conflict(self) -> tuple[Blame, ...]:
        """Rules that leave no plan even if they were the only ones, and none of them needless for that. Empty when the search
        was cut, and when there are simply too few people."""
        return self.diagnosis.conflict

    @property
    def relaxations(self) -> tuple[Relaxation, ...]:
        """The ways out, each planned; those that bend least come first."""
        return self.diagnosis.relaxations
