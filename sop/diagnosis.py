"""What can be told about a case without a plan, put together; each part is worked out when it is asked for."""

from __future__ import annotations

import functools

from sop import conflict, funnels, relaxations
from sop.case import Case
from sop.relaxations import Planner
from sop.result import Blame, Funnel, Relaxation


class CaseDiagnosis:
    """Why a case has no plan, and what would give it one. `proven`: the search was not cut."""

    def __init__(self, case: Case, plan: Planner, *, proven: bool) -> None:
        self.case, self._plan, self._proven = case, plan, proven

    @functools.cached_property
    def funnels(self) -> tuple[Funnel, ...]:
        return funnels.funnels(self.case)

    @functools.cached_property
    def conflict(self) -> tuple[Blame, ...]:
        return conflict.conflict(self.case) if self._proven else ()  # after a cut nothing is known to be impossible

    @functools.cached_property
    def relaxations(self) -> tuple[Relaxation, ...]:
        return relaxations.relaxations(self.case, lambda: self.conflict, self._plan)
