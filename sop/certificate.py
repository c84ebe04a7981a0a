"""Why each planned interview has its interviewers and its time: what would have been better, and the rule that kept it out."""

from __future__ import annotations

from domain.model import Interview
from sop.case import Case
from sop.result import Reason


def reasons(case: Case, interviews: tuple[Interview, ...]) -> tuple[Reason, ...]:
    """For each interview of a plan what was better and why it was out."""
    return ()
