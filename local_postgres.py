"""The embedded default: a private Postgres of our own, for when no database is configured. Starts, stops and finds it.

What is in the database is none of its business. What lies where:

    data/postgres.json      readable by its owner only: the password, and where `home` is
    <home>/postgres/        the cluster; home is data/ itself, or, when root starts us and the account that has to run
                            the server cannot enter data/, /var/lib/mock-interview-scheduler/<hash of the folder>
    <home>/postgres.lock    locked by the process that started the server and naming it; the kernel unlocks it at any death
    <home>/postgres.log     what the server says: starts, stops and failures, never a statement

The server listens on 127.0.0.1 on a free port and asks for the password. It is a child of the process that starts it and ends
with it, also when that is killed. Nothing that is not ours is ever changed: no permissions, no accounts.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from database.places import (
    MAJOR,
    SHARED,
    Account,
    Place,
    choose_account,
    choose_home,
    copied,
    find_binaries,
    new_place,
    read_place,
)
from domain.errors import AlreadyRunning, LocalPostgresError

START_SECONDS, STOP_SECONDS, LOCK_SECONDS = 30.0, 20.0, 1.0
LOG_BYTES = 4_000_000
# Names and addresses of people stand in statements, in their parameters and in the details of errors: none of that is logged.
SETTINGS = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "timezone": "UTC", "log_timezone": "UTC",
    "log_statement": "none", "log_min_error_statement": "panic", "log_min_messages": "log", "log_error_verbosity": "terse",
    "log_checkpoints": "off", "log_parameter_max_length_on_error": "0", "jit": "off",
}  # fmt: skip
# A server that ends with one of these may start a moment later: old backends are still leaving, or the port was taken meanwhile.
PASSING = ("pre-existing shared memory block", "could not create any TCP/IP sockets", "lock file")


class LocalPostgres:
    """The embedded server of one data folder.

    `with LocalPostgres(Path("data")) as dsn:` runs it for the length of the block; `start` and `stop` are the same by hand.
    `settings` are server settings on top of ours; `shared` is where root keeps what the server's account has to reach.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None, shared: Path = SHARED) -> None:
        self._data_dir, self._shared = Path(data_dir).absolute(), shared
        self._settings = SETTINGS | dict(settings or {})
        self._lock: IO[str] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server, making or recovering its cluster first, and give its dsn once it takes connections.

        Call it from the main thread: only then does the server end with this process also when that is killed.
        `AlreadyRunning` names the process that has it; `LocalPostgresError` says why it cannot run here and what to do.
        """
        try:
            return self._start()
        except OSError as error:
            self.stop()
            raise LocalPostgresError(
                f"the embedded Postgres could not start: {error}; set DATABASE_URL to use another"
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and let go of the folder; does nothing when it does not run."""
        if self._server:
            _end(self._server.pid, self._server.poll)
            self._server = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _start(self) -> str:
        binaries = find_binaries()
        self._data_dir.mkdir(parents=True, exist_ok=True)
        account = choose_account(self._data_dir)
        home = choose_home(self._data_dir, account, self._shared)
        self._lock = _locked(home, self._data_dir)
        if account and not account.can_run(binaries):
            binaries = copied(binaries, self._shared)
        place = read_place(self._data_dir) or new_place(self._data_dir, home)
        if not place.cluster.exists():
            _make_cluster(place, binaries, account)
        _check_version(place.cluster)
        _clear_the_way(place.cluster)
        self._server, port = _launch(place, binaries, account, self._settings)
        return place.dsn(port)

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def attach(data_dir: Path) -> str | None:
    """The dsn of the server that some process runs for this data folder; None when none does (or is not ready yet)."""
    place = read_place(Path(data_dir).absolute())
    if place is None:
        return None
    running = _pid_file(place.cluster)
    if not running or running.status != "ready" or not _is_server_of(running.pid, place.cluster):
        return None
    return place.dsn(running.port)


# Who has it ---------------------------------------------------------------------------------------------------------------------


def _locked(home: Path, data_dir: Path) -> IO[str]:
    """The home's lock file, locked for as long as it is open. `AlreadyRunning` when another process has it."""
    import fcntl  # not on Windows

    home.mkdir(parents=True, exist_ok=True)
    file = os.fdopen(os.open(home / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise AlreadyRunning(
                f"the database under {data_dir} is already in use by process {owner}; stop that one first"
                " (commands that only look, such as `python main.py queue`, work beside it)"
            ) from None
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


@dataclass(frozen=True, kw_only=True)
class _PidFile:
    """What Postgres says of itself in `postmaster.pid`."""

    pid: int
    port: int
    status: str


def _pid_file(cluster: Path) -> _PidFile | None:
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
        return _PidFile(pid=int(lines[0]), port=int(lines[3]), status=lines[7].strip() if len(lines) > 7 else "")
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _is_server_of(pid: int, cluster: Path) -> bool:
    """Whether this process lives and is the Postgres of this cluster; pids are given again, so its command line decides."""
    if Path("/proc/self/cmdline").exists():
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return os.fsencode(cluster) in arguments  # a process that is dead but not yet collected has none
    listed = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)  # noqa: S603, S607 - macOS has it
    return f"-D {cluster} " in listed.stdout


def _clear_the_way(cluster: Path) -> None:
    """Deal with what an earlier process has left: a server without an owner is stopped, a stale pid file made harmless.

    The file is not removed: Postgres reads in it whether old backends still use the data, and refuses to start beside them.
    It is given our own pid instead, which Postgres, as our child, knows not to be a server.
    """
    left = _pid_file(cluster)
    if left and _is_server_of(left.pid, cluster):
        _end(left.pid, lambda: None if _is_server_of(left.pid, cluster) else 0)
    with contextlib.suppress(FileNotFoundError), open(cluster / "postmaster.pid", "r+", encoding="utf-8") as file:
        rest = file.read().partition("\n")[2]
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n{rest}")


def _end(pid: int, ended: Callable[[], int | None]) -> None:
    """Stop a server: quickly but cleanly, and at once when that takes too long. `ended` gives None while it runs."""
    for sign, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)
        for _ in _polls(seconds):
            if ended() is not None:
                return
    raise LocalPostgresError(f"the Postgres server with process id {pid} does not stop.")


# Making and launching -----------------------------------------------------------------------------------------------------------


def _make_cluster(place: Place, binaries: Path, account: Account | None) -> None:
    """Make a cluster beside its final place and move it there when it is whole, so that a crash leaves no half of one."""
    made, secret = place.home / "postgres.new", place.home / "postgres.pw"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700)
    secret.unlink(missing_ok=True)
    with open(os.open(secret, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(place.password)
    try:
        if account:
            os.chown(made, account.uid, account.gid)
            os.chown(secret, account.uid, account.gid)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={secret}"]
        command = [str(binaries / "initdb"), f"--pgdata={made}", *locale, *access]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_surroundings(account))  # noqa: S603 - our own binary
        if done.returncode:
            raise LocalPostgresError(
                f"the embedded Postgres cannot run here; set DATABASE_URL to use another. It says: {done.stderr.strip()[-500:]}"
            )
        made.rename(place.cluster)
    finally:
        secret.unlink(missing_ok=True)
        shutil.rmtree(made, ignore_errors=True)


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text("utf-8").strip()
    if found != MAJOR:
        raise LocalPostgresError(
            f"{cluster} was made by Postgres {found}, and this is Postgres {MAJOR}: export it with the old one."
        )


def _launch(
    place: Place, binaries: Path, account: Account | None, settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server on a free port and wait until it takes connections (after a crash: until it has recovered)."""
    log = place.home / "postgres.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    said = ""
    for _ in _polls(START_SECONDS, pause=0.2):
        port = _free_port()
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(place.cluster), "-p", str(port), *options]
        with open(log, "ab") as output:
            before = output.tell()
            server = _spawn(command, output, account)
        if _ready(server, place.cluster):
            return server, port
        with open(log, "rb") as written:
            written.seek(before)
            said = written.read().decode(errors="replace").strip()
        if not any(word in said for word in PASSING):
            break
        _clear_the_way(place.cluster)
    raise LocalPostgresError(f"the embedded Postgres did not start; see {log}. It says: {said[-500:]}")


def _spawn(command: Sequence[str], output: IO[bytes], account: Account | None) -> subprocess.Popen[bytes]:
    # The signal comes when the thread that asked for it ends, so only the main thread may ask. Without it a killed process
    # leaves its server behind until the next start, which stops it.
    ties = _die_with_parent() if threading.current_thread() is threading.main_thread() else None
    return subprocess.Popen(  # noqa: S603 - our own binary
        command, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
        start_new_session=True, preexec_fn=ties, **_surroundings(account),
    )  # fmt: skip


def _ready(server: subprocess.Popen[bytes], cluster: Path) -> bool:
    """Whether the server takes connections; False when it has ended instead."""
    for _ in _polls(START_SECONDS):
        if server.poll() is not None:
            return False
        running = _pid_file(cluster)
        if running and running.pid == server.pid and running.status == "ready":
            return True
    _end(server.pid, server.poll)
    return False


def _die_with_parent() -> Callable[[], None] | None:
    """What a child runs to be told to shut down when its parent dies, however it dies; Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    libc, parent, pr_set_pdeathsig = ctypes.CDLL(None), os.getpid(), 1

    def tie() -> None:
        libc.prctl(pr_set_pdeathsig, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)  # it died before we could ask

    return tie


def _surroundings(account: Account | None) -> dict[str, Any]:
    """A plain environment (no PG* variables of the user's) and a folder that any account may be in."""
    plain = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    return {"env": plain, "cwd": "/"} | (account.spawn() if account else {})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _polls(seconds: float, pause: float = 0.01) -> Iterator[None]:
    """Comes round again and again until the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
