"""A Radicale CalDAV server as a process of its own, on this machine only, for as long as a `with` block lasts."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

USERS = ("organiser", "person")
PASSWORD = "correct horse"  # of all users
_CONFIG = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[rights]
type = from_file
file = {folder}/rights
[storage]
filesystem_folder = {folder}/store
[web]
type = none
[logging]
level = error
"""
# Everybody may do everything, except that the organiser sees nothing of collections called secret-….
_RIGHTS = """
[secret]
user: organiser
collection: secret-.*
permissions:
[all]
user: .+
collection: .*
permissions: RrWw
"""


@dataclass(frozen=True, kw_only=True)
class Radicale:
    """A server that runs."""

    url: str
    folder: Path

    def client(self, user: str) -> httpx.Client:
        """A plain HTTP client with the user's password, for a person's hands."""
        return httpx.Client(base_url=self.url, auth=(user, PASSWORD))


@contextmanager
def radicale(folder: Path) -> Iterator[Radicale]:
    """The server, with its files in this folder; `RuntimeError` with its words when it does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder))
    (folder / "users").write_text("".join(f"{user}:{PASSWORD}\n" for user in USERS))
    (folder / "rights").write_text(_RIGHTS)
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "radicale", "--config", str(folder / "config")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Radicale(url=f"http://127.0.0.1:{port}", folder=folder)
        _wait_for(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(server: Radicale, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            httpx.get(server.url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Radicale did not start:\n{(server.folder / 'log').read_text()}")
