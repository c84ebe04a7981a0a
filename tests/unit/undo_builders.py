"""Deeds as the audit tells them, with good defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lifecycle.deeds import Deed, Limits, Refused, Way, Why

Json = dict[str, Any]
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LIMITS = Limits(now=NOW, undo_for=timedelta(minutes=30))
ME = "telegram:7"


def day(number: int, hours: str = "10") -> str:
    return f"2026-12-{number:02d}T{hours}:00:00+00:00"


def place(number: int, *people: str) -> Json:
    """Where an interview is, as the audit tells it."""
    who = people or ("asha",)
    return {
        "start": day(number),
        "end": day(number, "11"),
        "interviewers": [{"id": one, "name": one.title()} for one in who],
    }


def interview(round_: str, number: int, status: str = "booked", **changes: Any) -> Json:
    position = ["intro", "core", "panel"].index(round_)
    fields = {
        "id": f"i-{round_}", "round": round_, "position": position, "title": round_.title(), "status": status,
        "start": day(number), "end": day(number, "11"), "interviewers": ["asha"],
    }  # fmt: skip
    return fields | changes


def candidate(status: str = "booked", *interviews: Json, who: str = "c1", **changes: Any) -> Json:
    fields = {
        "id": who, "number": 1, "name": "Priya", "status": status, "lease_until": None, "interviews": list(interviews),
        "escalations": [], "answers": [],
    }  # fmt: skip
    return fields | changes


def row(action: str, detail: Json | None = None, *, actor: str = ME, who: str | None = "c1", **changes: Any) -> Json:
    fields = {
        "id": 5,
        "at": NOW.isoformat(),
        "action": action,
        "actor": actor,
        "candidate_id": who,
        "detail": detail or {},
    }
    return fields | changes


def deed(*rows: Json, **changes: Any) -> Deed:
    told: Json = {
        "now": (NOW + timedelta(minutes=10)).isoformat(), "undone": False, "seen": 9, "rows": list(rows), "later": [],
        "came": [], "candidates": [candidate()], "sop": None, "block": None, "affected": [],
    }  # fmt: skip
    return Deed.of(told | changes)


def way(found: Way | Refused) -> Way:
    assert isinstance(found, Way), found
    return found


def why(found: Way | Refused) -> Why:
    assert isinstance(found, Refused), found
    return found.why


BEFORE = {
    "replan": None,
    "exceptions": {"pinned": ["panel"]},
    "reason": "",
    "request": {"window": ["2026-12-01", "2026-12-12"]},
}
ASKED = row("replan_asked", {"from": "booked", "reason": "an admin wants to move Core", "before": BEFORE})


def rebooked(*moves: tuple[str, Json | None, Json], **changes: Any) -> Json:
    moved = [{"round": name, "title": name.title(), "before": old, "after": new} for name, old, new in moves]
    return row("rebooked", {"moved": moved}, actor="worker:w", **changes)


STANDS = candidate("booked", interview("intro", 2), interview("core", 6))
MOVED = rebooked(("core", place(4, "ben"), place(6)))
