"""The embedded Postgres survives every death: of our process, of the server, of both, and what they leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local_postgres import LocalPostgres, attach
from tests.integration.servers import ROOT, ask

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
