"""Sentences for people: why there is no plan."""

from __future__ import annotations

from sop.model import Sop
from sop.result import NoPlan


def explain(sop: Sop, refusal: NoPlan) -> list[str]:
    """Why there is no plan, a sentence a line."""
    return [f"No plan obeys every rule of the SOP ({sop.version})." if refusal.proven else "No plan was found."]
