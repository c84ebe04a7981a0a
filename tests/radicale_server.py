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
from typing import Any

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


class Hands:
    """A person with a client of their own at the server."""

    def __init__(self, url: str, user: str) -> None:
        self._client = httpx.Client(base_url=url, auth=(user, PASSWORD))

    def make_folder(self, path: str) -> None:
        """A place for calendars."""
        self._do("MKCOL", path)

    def make_calendar(self, path: str, name: str = "") -> None:
        """An empty calendar, with a display name."""
        properties = f"<d:set><d:prop><d:displayname>{name}</d:displayname></d:prop></d:set>" if name else ""
        xml = f'<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">{properties}</c:mkcalendar>'
        self._do("MKCALENDAR", path, content=xml)

    def get(self, path: str) -> bytes:
        """An event's text, or all events of a calendar."""
        return self._do("GET", path).content

    def put(self, path: str, text: bytes) -> None:
        """Make or change an event."""
        self._do("PUT", path, content=text, headers={"Content-Type": "text/calendar"})

    def move(self, path: str, to: str) -> None:
        """Give an event another address on the same server."""
        self._do("MOVE", path, headers={"Destination": str(self._client.base_url.join(to))})

    def delete(self, path: str) -> None:
        """Delete an event or a calendar."""
        self._do("DELETE", path)

    def leave(self) -> None:
        """Close the connections."""
        self._client.close()

    def _do(self, method: str, path: str, **what: Any) -> httpx.Response:
        return self._client.request(method, path, **what).raise_for_status()


@dataclass(frozen=True, kw_only=True)
class Radicale:
    """A server that runs."""

    url: str
    folder: Path

    @contextmanager
    def hands(self, user: str) -> Iterator[Hands]:
        """One of `USERS` at the server."""
        hands = Hands(self.url, user)
        try:
            yield hands
        finally:
            hands.leave()


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
