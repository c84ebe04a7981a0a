"""The schema comes to be, again and again, on every Postgres we promise."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from database import migrations
from domain.errors import DatabaseError, DatabaseUnavailable
from supabase_db import Database, apply_migrations, migrations_script
from tests.builders import make_reservation
from tests.integration.life import booked

STRUCTURE = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and a.attnum > 0 order by 1, 2
"""
OLDEST = Path("/usr/lib/postgresql/15/bin")


def run(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def run_script(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(migrations_script().encode())


def test_the_script_makes_the_database_in_one_go_and_does_nothing_the_second_time(empty_dsn: str) -> None:
    run_script(empty_dsn)
    made, applied = run(empty_dsn, STRUCTURE), run(empty_dsn, "table schema_migrations")

    run_script(empty_dsn)

    assert len(applied) == len(migrations.sql_files())
    assert run(empty_dsn, STRUCTURE) == made
    assert run(empty_dsn, "table schema_migrations") == applied


def test_processes_that_start_together_apply_them_once(empty_dsn: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(apply_migrations, [empty_dsn] * 4))

    assert run(empty_dsn, "select count(*) from schema_migrations") == [(len(migrations.sql_files()),)]


def test_a_database_without_the_roles_of_supabase_is_fine(cluster: str, empty_dsn: str) -> None:
    script = migrations_script()
    for role in ("anon", "authenticated", "service_role"):
        script = script.replace(f"'{role}'", f"'no_{role}'")

    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(script.encode())

        assert connection.execute("select public.queue_counts() ->> 'queued'").fetchone() == ("0",)


def test_a_script_that_fails_leaves_nothing(empty_dsn: str) -> None:
    broken = migrations_script().replace("create table public.notices", "create table public.notices oops")

    with pytest.raises(psycopg.Error):
        run(empty_dsn, broken)

    assert run(empty_dsn, "select relname from pg_class where relnamespace = 'public'::regnamespace") == []


@pytest.fixture
def own_sql(tmp_path: Path) -> Path:
    """A copy of `sql/` that a test may change, as a later version of ours would."""
    return shutil.copytree(migrations.FOLDER, tmp_path / "sql")


def test_a_later_version_adds_a_migration_and_changes_a_function(dsn: str, own_sql: Path) -> None:
    (own_sql / "migrations" / "0099_rooms.sql").write_text("create table public.rooms (id integer);\n")
    reads = own_sql / "functions" / "reads.sql"
    reads.write_text(reads.read_text().replace("jsonb_object_agg(name, checksum)", "jsonb_object_agg(name, 'changed')"))

    apply_migrations(dsn, own_sql)

    state = run(dsn, "select public.schema_state() -> 'migrations/0099_rooms'")
    assert state == [("changed",)]


def test_a_migration_that_was_changed_afterwards_is_refused(dsn: str, own_sql: Path) -> None:
    first = own_sql / "migrations" / "0001_candidates.sql"
    first.write_text(first.read_text() + "\n-- an afterthought\n")

    with pytest.raises(DatabaseError, match="0001_candidates was applied in another version"):
        apply_migrations(dsn, own_sql)


def test_what_a_role_could_call_before_a_change_it_still_can(dsn: str, own_sql: Path) -> None:
    reads = own_sql / "functions" / "reads.sql"
    reads.write_text(reads.read_text() + "\ndrop function public.queue_counts();\n" + reads.read_text())

    apply_migrations(dsn, own_sql)

    rights = (
        "select has_function_privilege('service_role', 'public.queue_counts()', 'execute'), has_function_privilege("
    )
    assert run(dsn, f"{rights}'anon', 'public.queue_counts()', 'execute')") == [(True, False)]


def test_nobody_answering_is_said() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot connect"):
        apply_migrations("postgresql://postgres@127.0.0.1:1/postgres")


def test_each_migration_has_a_number_of_its_own() -> None:
    names = sorted(path.name for path in (migrations.FOLDER / "migrations").iterdir())
    named = re.compile(r"\d{4}_[a-z_]+\.sql")

    assert [name for name in names if not named.fullmatch(name)] == []
    assert len({name[:4] for name in names}) == len(names)


@pytest.fixture
def oldest() -> Iterator[str]:
    """A Postgres 15 of the machine's, on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="pg15-"))
    account = "postgres" if os.geteuid() == 0 else None
    if account:
        os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
    data, options = str(folder / "data"), f"-k {folder} -c listen_addresses= -c fsync=off"

    def tool(name: str, *arguments: str) -> None:
        command = [str(OLDEST / name), "-D", data, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", user=account, group=account)

    tool("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    tool("pg_ctl", "-w", "-o", options, "-l", f"{data}/log", "start")
    try:
        yield f"host={folder} user=postgres dbname=postgres"
    finally:
        tool("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.mark.skipif(not OLDEST.exists(), reason="Postgres 15 is not installed")
async def test_the_oldest_postgres_we_promise_runs_it(oldest: str) -> None:
    apply_migrations(oldest)
    apply_migrations(oldest)

    async with await Database.connect(dsn=oldest) as database:
        await booked(database, [make_reservation(interviewers=("asha", "ben"))])

        assert (await database.queue_counts())["booked"] == 1
        assert (await database.verify_audit())["ok"]
