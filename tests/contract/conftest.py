"""Finds the providers that have joined (`harness_*.py`) and hands a fresh harness and a client to each test."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from calendars.base import Calendar
from tests.contract.harness import Harness, Lab

PROVIDERS = sorted(path.stem.removeprefix("harness_") for path in Path(__file__).parent.glob("harness_*.py"))


@pytest.fixture(scope="session")
def kept() -> Iterator[tuple[dict[str, Any], ExitStack]]:
    with ExitStack() as stack:
        yield {}, stack


@pytest.fixture(params=PROVIDERS)
async def harness(
    request: pytest.FixtureRequest, tmp_path: Path, kept: tuple[dict[str, Any], ExitStack]
) -> AsyncIterator[Harness]:
    module = importlib.import_module(f"tests.contract.harness_{request.param}")
    async with module.harness(Lab(tmp_path, *kept)) as made:
        yield made


@pytest.fixture
async def calendar(harness: Harness) -> AsyncIterator[Calendar]:
    async with harness.calendar() as client:
        yield client
