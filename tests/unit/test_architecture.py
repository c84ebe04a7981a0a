"""The import map: who may import whom, as data. A new arrow is added here in the commit that makes it: a decision."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CORE = {"utils", "domain", "sop", "lifecycle"}
MAP: dict[str, set[str]] = {
    # core: values in, values out
    "utils": set(),
    "domain": {"utils"},
    "sop": {"domain", "utils"},
    "lifecycle": {"domain", "utils"},
    # edges: each talks to one outside thing, none to another edge
    "config": CORE,
    "database": CORE,
    "supabase_db": CORE | {"database"},
    "local_postgres": CORE | {"database"},
    "calendars": CORE,
    "calendar_utils": CORE | {"calendars"},
    # middle: gathers, decides, acts
    "booking": CORE | {"calendars", "calendar_utils", "supabase_db"},
    "scheduler": CORE | {"booking", "calendar_utils", "supabase_db"},
    # doors: translate for people
    "console": CORE,
    "chat": CORE | {"supabase_db"},
    "telegram_bot": CORE | {"supabase_db", "chat"},
    # root: joins everything
    "application": CORE
    | {
        "booking",
        "calendars",
        "calendar_utils",
        "chat",
        "config",
        "console",
        "local_postgres",
        "scheduler",
        "supabase_db",
        "telegram_bot",
    },
    "main": CORE | {"application", "config", "console", "supabase_db"},
}
CLOCKS = {"now", "today", "utcnow", "time", "monotonic", "perf_counter"}
RANDOM = {"random", "secrets", "uuid"}


def sources(room: str) -> Iterator[Path]:
    package, module = ROOT / room, ROOT / f"{room}.py"
    yield from [module] if module.exists() else sorted(package.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_every_room_is_on_the_map() -> None:
    rooms = {path.stem for path in ROOT.glob("*.py")} | {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert rooms - {"tests", "benchmarks"} == set(MAP)


@pytest.mark.parametrize("room", MAP)
def test_a_room_imports_only_what_the_map_allows(room: str) -> None:
    for path in sources(room):
        ours = {name for name in imported(ast.parse(path.read_text())) if name in MAP} - {room}

        assert ours <= MAP[room], f"{path.relative_to(ROOT)} imports {sorted(ours - MAP[room])}"


@pytest.mark.parametrize("room", sorted(CORE))
def test_the_core_reads_no_clock_and_draws_no_lots(room: str) -> None:
    for path in sources(room):
        tree = ast.parse(path.read_text())
        calls = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_clock(node.func)
        }

        assert not calls, f"{path.relative_to(ROOT)} reads the clock by {sorted(calls)}"
        assert not RANDOM & set(imported(tree)), f"{path.relative_to(ROOT)} draws lots"


def _is_clock(call: ast.Attribute) -> bool:
    owner = call.value.id if isinstance(call.value, ast.Name) else ""
    return call.attr in CLOCKS and owner in {"datetime", "date", "time"}


def test_no_room_hides_the_standard_library() -> None:
    assert not set(MAP) & set(sys.stdlib_module_names)
