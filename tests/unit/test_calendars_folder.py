"""The folder of files itself: no write is ever half done, and skimming never overlooks anything."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from calendars.folder import Folder, skim


def text(start: str, *lines: str) -> bytes:
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:x",
        "BEGIN:VEVENT",
        "UID:own",
        f"DTSTART:{start}",
        "DURATION:PT1H",
    ]
    return "\r\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path, clock=time.monotonic)

    assert folder.create("a.ics", b"first")
    assert not folder.create("a.ics", b"second")
    assert folder.read("a.ics") == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ics"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    folder, texts = Folder(tmp_path, clock=time.monotonic), [bytes([sign]) * 300_000 for sign in b"ab"]
    folder.replace("a.ics", texts[0])

    def rewrite() -> None:
        for number in range(60):
            folder.replace("a.ics", texts[number % 2])

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add((tmp_path / "a.ics").read_bytes())
    writer.join()

    assert seen == set(texts)


def test_removing_what_is_gone_is_fine(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "nowhere", clock=time.monotonic)

    folder.remove("a.ics")

    assert folder.read("a.ics") is None
    assert folder.entries() == {}


def test_skimming_is_generous_where_it_is_not_plain() -> None:
    stamp = (0, 0, 0)
    plain = skim("a", stamp, text("20270105T120000Z").replace(b"DURATION:PT1H", b"DTEND:20270105T130000Z"))

    assert plain.days is not None
    assert [day.day for day in plain.days] == [4, 5, 6]
    assert skim("a", stamp, text("20270105T120000Z")).days is None  # a duration
    assert skim("a", stamp, text("20270105T120000Z", "RRULE:FREQ=DAILY")).days is None
    assert skim("a", stamp, b"torn").days is None
    folded = text("20270105T120000Z", "ATTENDEE;CN=A:mailto:as\r\n ha@Example.com")
    assert skim("a", stamp, folded).people == {"asha@example.com"}


WRITER = """
import sys, time
from pathlib import Path
from calendars.folder import Folder
folder, text = Folder(Path(sys.argv[1]), clock=time.monotonic), Path(sys.argv[2]).read_bytes()
number = 0
while True:
    folder.create(f"{number}.ics", text)
    folder.replace("same.ics", text)
    print("written", flush=True)
    number += 1
"""


def kill_a_writer(folder: Path, source: Path, after: float) -> None:
    """A process that writes the source again and again, killed so many seconds after its first files."""
    command = [sys.executable, "-c", WRITER, str(folder), str(source)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("after", [0.02, 0.05, 0.08])
def test_a_killed_writer_leaves_whole_files_only(after: float, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(text("20270105T120000Z", f"DESCRIPTION:{'x' * 200_000}"))
    folder = tmp_path / "calendar"
    kill_a_writer(folder, source, after)

    whole = [path for path in folder.glob("*.ics") if path.read_bytes() == source.read_bytes()]
    assert whole
    assert len(whole) == len(list(folder.glob("*.ics")))
