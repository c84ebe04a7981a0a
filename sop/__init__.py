"""The rules engine: who interviews a candidate and when, by the SOP. Pure: no input or output, no clock, no lots.

    plan(sop, request, busy=..., booked=..., now=...)  ->  Plan | NoPlan

Equal arguments give equal results. What a plan obeys is in `rules.py`, on one screen; what an SOP is, in `model.py`.
"""

from domain.model import CandidateRequest, Interval, Interview
from sop.busy import BusyIndex
from sop.changes import with_changes
from sop.explanation import explain, explain_plan, outcome_text
from sop.model import Sop
from sop.planner import plan
from sop.result import Cost, NoPlan, Plan, Relaxation
from sop.verification import verify

__all__ = [
    "BusyIndex",
    "CandidateRequest",
    "Cost",
    "Interval",
    "Interview",
    "NoPlan",
    "Plan",
    "Relaxation",
    "Sop",
    "explain",
    "explain_plan",
    "outcome_text",
    "plan",
    "verify",
    "with_changes",
]
