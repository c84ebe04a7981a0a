"""Why there is no plan, and what would make one possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sop.case import Case
from sop.result import Blame, Funnel, Relaxation


class Diagnosis:
    """What can be told about a case without a plan."""

    def __init__(self, case: Case, plan: Callable[[Case], Any]) -> None:
        self.case, self.plan = case, plan

    def funnels(self) -> tuple[Funnel, ...]:
        return ()

    def conflict(self) -> tuple[Blame, ...]:
        return ()

    def relaxations(self) -> tuple[Relaxation, ...]:
        return ()
