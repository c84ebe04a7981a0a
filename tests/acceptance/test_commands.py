"""The command line as a person or a script meets it: in processes of its own, in a folder of its own, with nothing configured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Shell:
    """Runs commands in one folder of data; `env` adds variables."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [sys.executable, str(ROOT / "main.py"), *arguments],
            cwd=ROOT,
            env={**kept, "DATA_DIR": str(self.data), "COLUMNS": "200", "PYTHONUTF8": "1", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "data")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A folder in which the first run has been made, and what it said."""
    shell = Shell(tmp_path_factory.mktemp("first") / "data")
    done = shell("run")
    assert done.returncode == 0, done.stderr
    return shell, done.stdout


def test_the_first_run_shows_who_is_booked_who_is_not_and_what_could_not_be_read(ran: tuple[Shell, str]) -> None:
    _, said = ran

    assert "11 candidates taken in" in said
    assert "line 13: email: 'ella.brown_at_example.com'. Give an address such as priya@example.com." in said
    assert "9 booked, 2 escalated." in said
    booked, asked = said.split("Waiting for a decision")
    for name in ("Priya Nair", "Marcus Webb", "Sofia Rossi", "Daniel Okafor", "Mei Lin", "Noah Fischer", "Lucas Silva"):
        assert name in booked
    assert "(backup)" in booked.split("Grace Mbeki")[1].split("Lucas Silva")[0]
    assert "Hana Suzuki" in asked
    assert "Omar Haddad" in asked


def test_running_again_doubles_nothing(ran: tuple[Shell, str]) -> None:
    shell, _ = ran
    before = shell("audit", "--limit", "1000").stdout

    again = shell("run")

    assert again.returncode == 0
    assert "9 booked, 2 escalated." in again.stdout
    assert shell("audit", "--limit", "1000").stdout == before


def test_the_same_file_twice_adds_nobody(ran: tuple[Shell, str]) -> None:
    shell, _ = ran

    again = shell("import", "examples/candidates.csv")

    assert "0 candidates taken in; 11 others were there already." in again.stdout
    assert again.returncode == 1  # a row of it needs a look


def test_commands_show_what_was_done(ran: tuple[Shell, str], tmp_path: Path) -> None:
    shell, _ = ran

    assert "Nobody waits." in shell("queue").stdout
    assert "Final panel" in shell("show", "priya").stdout
    assert "Omar Haddad" in shell("escalations").stdout
    assert "The log is whole" in shell("audit", "--candidate", "priya.nair@example.com").stdout
    assert "No interviews today" in shell("agenda").stdout or "When" in shell("agenda").stdout
    assert "calendars written to" in shell("export", "--ics", str(tmp_path / "ics")).stdout
    assert b"BEGIN:VEVENT" in (tmp_path / "ics" / "interviewer-ben.ics").read_bytes()


def test_busy_times_are_taken_in_for_somebody_of_the_sop(shell: Shell) -> None:
    file = "examples/calendars/ben@example.com/gym.ics"

    done = shell("import", file, "--calendar", "chloe@example.com")

    assert "1 event kept as gym in the calendar chloe@example.com." in done.stdout
    assert (shell.data / "calendars" / "chloe@example.com" / "gym.ics").exists()
    assert "is nobody's in the SOP" in shell("import", file, "--calendar", "zoe@example.com").stderr
    assert "--calendar" in shell("import", file).stderr


@pytest.mark.parametrize(
    ("arguments", "env", "code", "says"),
    [
        (["show", "nobody-of-that-name"], {}, 3, "No candidate is called 'nobody-of-that-name'"),
        (["agenda", "--interviewer", "zoe"], {}, 2, "'zoe' is not in the SOP"),
        (["import", "missing.csv"], {}, 2, "there is no such file"),
        (["queue"], {"TELEGRAM_BOT_TOKEN": "1:x"}, 2, "TELEGRAM_BOT_TOKEN is set, but TELEGRAM_ADMIN_IDS is not"),
        (["queue"], {"SUPABASE_URL": "https://x.supabase.co"}, 2, "SUPABASE_SERVICE_ROLE_KEY is not"),
        (["queue"], {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, 4, "cannot connect to the database"),
        (["queue"], {"CALENDAR_API_DELAY_SECONDS": "-1"}, 2, "CALENDAR_API_DELAY_SECONDS"),
        (["run"], {"SOP_PATH": "README.md"}, 2, "README.md"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_an_exit_code(
    ran: tuple[Shell, str], arguments: list[str], env: dict[str, str], code: int, says: str
) -> None:
    shell, _ = ran

    done = shell(*arguments, **env)

    assert done.returncode == code
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_secrets_are_never_shown(shell: Shell) -> None:
    done = shell("queue", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")

    assert done.returncode == 4
    assert "hunter2" not in done.stdout + done.stderr


def test_the_schema_is_printed_as_one_script(shell: Shell) -> None:
    done = shell("sql")

    assert done.returncode == 0
    assert "create table public.candidates" in done.stdout
    assert not shell.data.exists()
