"""`check` and `simulate` as a person or a script meets them, on the example."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from main import app
from tests.acceptance.test_commands import ROOT, Shell

SOP = (ROOT / "sop.yaml").read_text()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder in which the first run has been made: there are interviews and busy times."""
    shell = Shell(tmp_path_factory.mktemp("simulated") / "data")
    done = shell("run")
    assert done.returncode == 0, done.stderr
    return shell


def checked(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """The exit code and the words of `check` on a file of this text; in this process, as it needs nothing but the file."""
    (folder / "mine.yaml").write_text(text)
    with contextlib.chdir(folder):  # a short name, which is not broken at the end of a line
        done = CliRunner().invoke(app, ["check", "mine.yaml", *options])
    return done.exit_code, " ".join(done.output.split())


# check ------------------------------------------------------------------------------------------------------------


def test_a_good_sop_passes_strictly(tmp_path: Path) -> None:
    code, said = checked(tmp_path, SOP, "--strict")

    assert code == 0
    assert "nothing to find fault with; its 2 examples hold." in said
    assert "Java Full Stack Introduction > Core Java" in said


def test_an_error_fails_and_a_warning_only_when_strict(tmp_path: Path) -> None:
    lonely = SOP.replace("interviewers: [grace], backups: [oliver]", "interviewers: [grace]")
    line = SOP[: SOP.index("interviewers: [grace], backups")].count("\n") + 1

    code, said = checked(tmp_path, lonely)
    strictly, _ = checked(tmp_path, lonely, "--strict")
    never, reason = checked(tmp_path, SOP.replace("gap: {min: 1wd, max: 6d}", "gap: {min: 6wd, max: 6d}"))

    assert (code, strictly, never) == (0, 1, 1)
    assert f"mine.yaml:{line}: warning SOP103 courses.devops.rounds.linux.seats.0 Only Grace Kim can take" in said
    assert "Fix: Name a backup" in said
    assert "error SOP301 courses.java.rounds.panel.gap.min Nobody can get through Java Full Stack" in reason


def test_mistakes_in_the_file_have_codes_and_an_example_that_fails_is_an_error(tmp_path: Path) -> None:
    code, said = checked(
        tmp_path, SOP.replace("timezone: America/Los_Angeles", "timezone: PST").replace("grid:", "gird:")
    )
    fails, why = checked(tmp_path, SOP.replace("intro: +1d asha", "intro: +1d ben"))

    assert (code, fails) == (1, 1)
    assert "mine.yaml:4: error SOP008 timezone 'PST' is an abbreviation; say America/Los_Angeles" in said
    assert "error SOP002 gird The key 'gird' is not known here; did you mean 'grid'?" in said
    assert said.endswith("2 errors.")
    assert "error SOP602 examples.0" in why
    assert "intro should be +1d ben, but is +1d, Tue 2 Mar" in why


def test_what_is_usual_for_candidates_can_be_said(tmp_path: Path) -> None:
    _, said = checked(tmp_path, SOP, "--usual-slots", "17:00-21:00")
    wrong = Shell(tmp_path / "data")("check", "sop.yaml", "--usual-slots", "noonish")

    assert "warning SOP204 courses.data.rounds.screen Nobody can take Screening (30m) of Data Engineering when" in said
    assert wrong.returncode == 2
    assert "--usual-slots: 'noonish' cannot be used." in wrong.stderr


# simulate ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_and_nothing_is_written(ran: Shell) -> None:
    before = ran("audit", "--limit", "10000").stdout

    one, other = (ran("simulate", "--candidates", "12", "--seed", "3") for _ in range(2))

    assert one.returncode == 0, one.stderr
    assert one.stdout == other.stdout
    assert "12 candidates, drawn with seed 3, asked for from " in one.stdout
    assert re.search(r"\n[1-9]\d+ interviews are booked already\. Nothing is written\.\n", one.stdout)
    assert re.search(r"Get through +\d+ of 12", one.stdout)
    assert "bottleneck" in one.stdout
    assert ran("audit", "--limit", "10000").stdout == before


def test_what_would_be_different_stands_beside_what_is(ran: Shell, tmp_path: Path) -> None:
    other, chart = tmp_path / "other.yaml", tmp_path / "load.png"
    other.write_text(SOP.replace("daily_limit: 1}", "daily_limit: 2}"))
    change = "courses.java.rounds.core.gap.max=2d"

    done = ran(
        *("simulate", "--candidates", "8", "--sop", str(other), "--set", change, "--without", "chloe"),
        *("--from", "+1d", "--to", "+400d", "--chart", str(chart)),
    )

    assert done.returncode == 0, done.stderr
    flat = " ".join(done.stdout.split())
    assert f"As it is {other}, {change}, without chloe from +1d to +400d" in flat
    assert re.search(r"Chloe Tran has \d+ interviews then, which would have to move\.", flat)
    assert re.search(r"Chloe Tran +\d+ +- ", done.stdout)  # booked before, nothing added
    with Image.open(chart) as image:
        assert image.format == "PNG"


def test_the_candidates_of_a_file_come_out_as_they_were_booked(ran: Shell) -> None:
    done = ran("simulate", "--csv", "examples/candidates.csv")

    assert (
        "11 candidates of examples/candidates.csv, all asked for now. 1 row that cannot be read left out."
        in done.stdout
    )
    assert re.search(r"Get through +9 of 11", done.stdout)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--without", "nobody"], "--without: 'nobody' cannot be used. The interviewers are asha, ravi"),
        (["--set", "notice=soon"], "'soon' is not a length of time"),
        (["--csv", "none.csv"], "There is no such file."),
    ],
)
def test_an_option_that_cannot_be_right_is_a_sentence(ran: Shell, options: list[str], words: str) -> None:
    done = ran("simulate", "--candidates", "2", *options)

    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
