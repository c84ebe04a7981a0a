"""Changes of an SOP or a request by path: as plain data, the way a relaxation is kept and applied, or as values, unchecked.

Paths begin with `sop.` or `request.`; rounds and other parts of lists go by their id or their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.errors import FieldError
from domain.model import CandidateRequest
from sop.model import Part, Sop


def with_changes(sop: Sop, request: CandidateRequest, changes: Mapping[str, Any]) -> tuple[Sop, CandidateRequest]:
    """The SOP and the request as the changes (plain data) make them; `SopError` for what cannot be right."""
    ours: dict[str, dict[str, Any]] = {"sop": {}, "request": {}}
    for path, value in changes.items():
        root, _, rest = path.partition(".")
        if root not in ours or not rest:
            raise FieldError("changes", path, "A path begins with sop. or request.")
        ours[root][rest] = value
    changed = CandidateRequest.parse({**request.plain(), **ours["request"]}) if ours["request"] else request
    return (sop.changed(ours["sop"]) if ours["sop"] else sop), changed


def replaced(sop: Sop, path: str, value: object) -> Sop:
    """An SOP with one value (not plain data) in another's place; nothing is checked. Paths are without `sop.`"""
    new = _replaced(sop, path.split("."), value)
    if not isinstance(new, Sop):
        raise TypeError(f"{path} leads nowhere")
    return new


def _replaced(part: object, steps: list[str], value: object) -> object:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(part, Part):
        return part.having(**{step: _replaced(getattr(part, step), rest, value)})
    if isinstance(part, dict):
        return {**part, step: _replaced(part[step], rest, value)}
    if isinstance(part, tuple):
        at = next(i for i, one in enumerate(part) if step == str(i) or step == getattr(one, "id", None))
        return (*part[:at], _replaced(part[at], rest, value), *part[at + 1 :])
    raise TypeError(f"there is nothing below {part!r} at {step}")
