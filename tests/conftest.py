"""Databases for tests: an embedded Postgres for each test process, and in it a new database for each test."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from local_postgres import LocalPostgres
from supabase_db import Database, apply_migrations
from tests.postgrest import make_app, serve

# Nothing in these clusters has to survive a crash of the machine.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
ROLES = "create role anon; create role authenticated; create role service_role bypassrls;"


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The dsn of an embedded Postgres with the roles that Supabase has, and `template_scheduler` ready to be cloned."""
    folder = quick_folder()
    try:
        with LocalPostgres(folder / "data", settings=QUICK) as dsn:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(ROLES)
                connection.execute("create database template_scheduler")
            apply_migrations(make_conninfo(dsn, dbname="template_scheduler"))
            yield dsn
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def databases(cluster: str) -> Databases:
    return Databases(cluster)


@pytest.fixture
def empty_dsn(databases: Databases) -> Iterator[str]:
    """The dsn of a new database with nothing in it."""
    yield from databases.made("template1")


@pytest.fixture
def dsn(databases: Databases) -> Iterator[str]:
    """The dsn of a new database with our tables and functions."""
    yield from databases.made("template_scheduler")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """An open doorway to a new database, straight to Postgres."""
    async with await Database.connect(dsn=dsn, connections=4) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgrest(cluster: str) -> Iterator[str]:
    """The address of the PostgREST stand-in; the name of a database has to follow."""
    with serve(make_app(cluster)) as url:
        yield url


@pytest.fixture
def supabase_url(postgrest: str, dsn: str) -> Iterator[str]:
    """The address of a Supabase project with the test's database."""
    url = f"{postgrest}/{name_of(dsn)}"
    yield url
    httpx.delete(url).raise_for_status()


@pytest.fixture(params=["postgres", "supabase"])
async def db(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[Database]:
    """An open doorway to a new database, once over each wire."""
    if request.param == "postgres":
        opened = await Database.connect(dsn=dsn, connections=4)
    else:
        opened = await Database.connect(url=request.getfixturevalue("supabase_url"), key="service")
    async with opened:
        yield opened


@pytest.fixture
def admin(dsn: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A plain connection to the test's database, as its owner."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def name_of(dsn: str) -> str:
    """The database that a dsn names."""
    return str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])


class Databases:
    """Makes databases in a cluster, and drops each a little after its test: waiting for its connections to end takes time."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._numbers = itertools.count(1)
        self._finished: list[sql.Identifier] = []

    def made(self, template: str) -> Iterator[str]:
        """Gives the dsn of a new database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._cluster, autocommit=True) as connection:
            while self._finished:
                connection.execute(sql.SQL("drop database {} with (force)").format(self._finished.pop()))
            names = (sql.Identifier(name), sql.Identifier(template))
            connection.execute(sql.SQL("create database {} template {} strategy file_copy").format(*names))
        yield make_conninfo(self._cluster, dbname=name)
        self._finished.append(sql.Identifier(name))


def quick_folder() -> Path:
    """A folder in memory where there is room, else on the disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    folder = Path(tempfile.mkdtemp(prefix="scheduler-test-", dir=memory if roomy else None))
    folder.chmod(0o755)  # as root the server runs as another account, which has to get in
    return folder
