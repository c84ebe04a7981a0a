"""What people see of a simulation: the tables say what was counted, and the picture has each hour in its colour."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from rich.console import Console, RenderableType

from console import heatmap, whatif
from sop import Sop
from sop.loads import loads, never_fit, with_more_time
from sop.simulation import Simulation
from tests.unit.sop_builders import make_sop
from tests.unit.test_simulation_loads import simulated

SHORT = make_sop(interviewers__ben__working_hours={"mon-fri": ["09:00-11:00"]})  # five of nine get through


def text(what: RenderableType) -> list[str]:
    """The lines of it, with single spaces."""
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(what)
    return [" ".join(line.split()) for line in console.export_text().splitlines() if line.strip()]


def more_of_ben(sop: Sop, count: int = 9) -> dict[str, Simulation]:
    return {"ben": simulated(count, with_more_time(sop, "ben"))}


def bens_line(simulation: Simulation, more: dict[str, Simulation]) -> str:
    """What the table says of Ben."""
    return next(
        line for line in text(whatif.interviewers(simulation, loads(simulation), more)) if line.startswith("Ben")
    )


def test_one_simulation_is_told_by_itself() -> None:
    assert text(whatif.comparison(simulated(9, SHORT), None, "")) == [
        "Get through 5 of 9",
        "Days to finish, median 5",
        "Days to finish, 90 % 7",
        "Seats that go to backups 0 %",
        "Java 5 of 9, 5 days",
    ]


def test_two_stand_side_by_side() -> None:
    lines = text(whatif.comparison(simulated(9, SHORT), simulated(9, make_sop()), "ben works longer"))

    assert lines[0] == "As it is ben works longer"
    assert lines[2:4] == ["Get through 5 of 9 7 of 9", "Days to finish, median 5 5"]


def test_nobody_through_is_no_error() -> None:
    none = simulated(2, SHORT, slots=["20:00-22:00"])

    assert text(whatif.comparison(none, None, ""))[:2] == ["Get through 0 of 2", "Days to finish, median -"]
    assert text(whatif.refusals(none, never_fit(none))) == [
        "2 candidates do not get through.",
        "2 never could, however free everybody is: the slots do not suit the hours, gaps and limits",
        "Stuck at: Introduction (Java) 2.",
    ]


def test_why_people_do_not_get_through_is_told() -> None:
    late, gone = simulated(9, SHORT), simulated(1, SHORT, course="php")

    assert text(whatif.refusals(late, never_fit(late))) == [
        "4 candidates do not get through.",
        "4 could, if less were taken",
        "Stuck at: Introduction (Java) 4.",
    ]
    assert text(whatif.refusals(gone, never_fit(gone)))[:2] == [
        "1 candidate does not get through.",
        "1 asked for a course that is not there",
    ]
    assert whatif.refusals(simulated(1, SHORT), 0) == "Everybody gets through."


def test_each_interviewer_has_a_line_and_the_bottleneck_a_sentence() -> None:
    full = simulated(9, SHORT)

    assert bens_line(full, more_of_ben(SHORT)) == "Ben - 10 100 % no limit 4 +2 through"
    assert whatif.bottleneck(full, loads(full), more_of_ben(SHORT)) == (
        "The bottleneck is [bold]Ben[/], whose time alone keeps 4 candidates out: one hour more a day would bring 2 more through."
    )


def test_where_time_is_no_matter_nobody_is_the_bottleneck() -> None:
    easy = simulated(1, SHORT)

    assert bens_line(easy, more_of_ben(SHORT, 1)).endswith("no limit - -")
    assert whatif.bottleneck(easy, loads(easy), more_of_ben(SHORT, 1)).startswith("Nobody's time is a bottleneck")


def test_what_an_hour_more_gains_in_days_is_told() -> None:
    """Three people need Monday, Tuesday and Wednesday; with three interviews a day two days are enough."""
    slow = make_sop(interviewers__ben__daily_limit=2)
    three = simulated(3, slow)

    assert bens_line(three, more_of_ben(slow, 3)).endswith("3 of 6 days - 90 % 5 → 4 days")


def test_the_picture_has_each_hour_in_the_colour_of_its_share(tmp_path: Path) -> None:
    path, full = tmp_path / "load.png", simulated(9, SHORT)

    heatmap.save(path, full, loads(full))

    with Image.open(path) as image:
        left, top = heatmap.MARGIN + heatmap.LEFT, heatmap.HEADER + heatmap.TOP
        corners = {
            (weekday, hour): image.getpixel((left + hour * heatmap.CELL[0] + 4, top + weekday * heatmap.CELL[1] + 4))
            for weekday in (0, 6)
            for hour in (0, 1)
        }
    assert (corners[0, 0], corners[0, 1]) == (heatmap.FULL, heatmap.FULL)
    assert corners[6, 0] == tuple(bytes.fromhex(heatmap.AWAY[1:]))


def test_a_picture_of_people_who_are_never_there_can_be_drawn(tmp_path: Path) -> None:
    nobody = simulated(1, make_sop(interviewers__ben__working_hours={}))

    heatmap.save(tmp_path / "load.png", nobody, loads(nobody))

    with Image.open(tmp_path / "load.png") as image:
        assert image.format == "PNG"
