"""Folders for embedded servers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_postgres import LocalPostgres
from tests.conftest import quick_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's account can get into when root starts it."""
    made = quick_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """The folder of a server that has run before: making a cluster takes longer than most tests."""
    made = quick_folder()
    with LocalPostgres(made / "data"):
        pass
    yield made / "data"
    shutil.rmtree(made)


@pytest.fixture
def data(folder: Path, prepared: Path) -> Path:
    """A data folder with a cluster in it."""
    subprocess.run(["cp", "-a", prepared, folder / "data"], check=True)
    return folder / "data"


@pytest.fixture
def new(folder: Path) -> Path:
    """A data folder that is not there yet."""
    return folder / "data"
