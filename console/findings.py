"""What the linter found, for a terminal: a line that editors can follow (`sop.yaml:12`), the sentence, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from sop.linter import Finding, Severity
from utils import plural

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}


def findings(path: Path, found: Sequence[Finding], examples: int) -> RenderableType:
    """Every finding, and how many there are. `examples` is how many of its own the SOP has."""
    return Group(*(_finding(path, one) for one in found), _verdict(path, found, examples))


def _verdict(path: Path, found: Sequence[Finding], examples: int) -> Text:
    counts = Counter(one.severity for one in found)
    total = [plural(counts[severity], severity) for severity in Severity if counts[severity]]
    style = next((STYLES[severity] for severity in Severity if counts[severity]), "green")
    said = [", ".join(total) or "nothing to find fault with"]
    if examples and not any(one.code in {"SOP601", "SOP602"} for one in found):
        said.append("its example holds" if examples == 1 else f"its {examples} examples hold")
    return Text.assemble(f"{path}: ", ("; ".join(said), style), ".")


def _finding(path: Path, one: Finding) -> RenderableType:
    place = f"{path}:{one.line}" if one.line else str(path)
    head = Text.assemble(f"{place}: ", (f"{one.severity} {one.code}", STYLES[one.severity]), f" {one.where}".rstrip())
    said = Text.assemble(one.message, "\n", ("Fix: ", "bold"), one.fix)
    return Group(head, Padding(said, (0, 0, 1, 4), expand=False))
