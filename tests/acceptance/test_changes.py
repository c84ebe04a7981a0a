"""Plans made anew on the whole path: as few rounds as possible move, what was shown is booked or asked about, workers may die."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from booking.planning import Preview, preview_replan
from domain.errors import WrongState
from sop import NoPlan, Plan
from supabase_db import Database
from tests.acceptance.test_death import ask, let_leases_run_out
from tests.after_booking import NOW, SOP, Json, Office
from tests.workers import Bench, Kill, finish, start

__all__ = ["ask"]  # the fixture

OTHER_TIME = {
    "excluded": [{"round": "intro", "start": "2026-12-07T09:00:00+00:00", "end": "2026-12-07T09:30:00+00:00"}]
}
REPLAN = [
    Kill(step="claimed"),
    Kill(step="gathered"),
    Kill(step="decided"),
    Kill(step="rebooked"),
    Kill(step="written"),
    Kill(step="recorded"),
    Kill(step="written", nth=2),
    Kill(step="recorded", nth=2),
    Kill(step="settled"),
]


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> Office:
    made = Office(db=database, folder=tmp_path / "calendars")
    await made.book()
    return made


async def again(office: Office, detail: Json, reason: str = "asked", needle: str = "Priya") -> None:
    """An admin asks for another plan, and the engine makes it."""
    await office.db.ask_replan(
        candidate_id=(await office.look(needle))["id"], actor="telegram:7", reason=reason, detail=detail
    )
    await office.work()


async def test_one_round_moves_and_the_others_stay(office: Office) -> None:
    before = await office.live()
    await again(office, OTHER_TIME)

    after = await office.live()
    assert after["intro"]["start"] == "2026-12-07T10:00:00+00:00"
    assert (after["intro"]["id"], after["intro"]["revision"]) == (before["intro"]["id"], 1)
    assert {key: after["panel"][key] for key in ("start", "revision", "etag")} == {
        key: before["panel"][key] for key in ("start", "revision", "etag")
    }
    assert office.event(after["intro"])[1].start == datetime.fromisoformat(after["intro"]["start"])
    assert await office.told() == ["booked", "rebooked"]
    assert await office.settle() == []


async def test_later_rounds_follow_when_their_gaps_demand_it(office: Office) -> None:
    monday = {"start": "2026-12-07T00:00:00+00:00", "end": "2026-12-08T00:00:00+00:00"}
    await again(office, {"excluded": [{"round": "intro", **monday}]})

    times = await office.times()
    assert times["intro"][0].startswith("Tue")
    assert times["panel"][0].startswith("Wed")


async def test_rounds_that_were_not_asked_about_stay(office: Office) -> None:
    monday = {"start": "2026-12-07T00:00:00+00:00", "end": "2026-12-08T00:00:00+00:00"}
    await again(
        office, {"excluded": [{"round": "intro", **monday}], "rounds": ["intro"]}, reason="Priya is away on Monday."
    )

    assert await office.times() == {"intro": ("Mon 09:00", ["asha"]), "panel": ("Tue 09:00", ["ben", "chloe"])}
    (question,) = await office.questions()
    assert question["kind"] == "replan"
    assert question["reason"].startswith("Priya is away on Monday.\nIntroduction cannot be placed")
    assert (await office.look())["status"] == "booked"


async def test_what_suits_already_is_left_as_it_is(office: Office) -> None:
    await again(office, {})

    assert (await office.live())["intro"]["revision"] == 0
    assert await office.told() == ["booked", "unchanged"]
    assert (await office.look())["replan"] is None


async def test_two_wishes_that_wait_are_one(office: Office) -> None:
    candidate_id = (await office.look())["id"]
    await office.db.ask_replan(candidate_id=candidate_id, actor="a", reason="first", detail=OTHER_TIME)
    asha = {"excluded": [{"round": "intro", "interviewer": "asha"}]}
    first = await office.db.ask_replan(candidate_id=candidate_id, actor="b", reason="second", detail=asha)
    second = await office.db.ask_replan(candidate_id=candidate_id, actor="b", reason="second", detail=asha)

    await office.work()

    assert (first["changed"], second["changed"]) == (True, False)
    assert (await office.times())["intro"] == ("Mon 09:30", ["ben"])  # who needs no buffer


async def test_an_escalated_candidate_keeps_what_is_booked_and_gets_the_rest(office: Office) -> None:
    """The calendar refused one round of a new plan; what the admin queues again is planned round what stands."""
    row = (await office.live())["intro"]
    names = await _planning(office, OTHER_TIME)
    await office.db.escalate(**names, kind="calendar", reason="refused")
    assert (await office.look())["status"] == "escalated"

    await office.db.requeue(candidate_id=names["candidate_id"], actor="telegram:7")
    await office.work()

    assert (await office.live())["intro"]["id"] == row["id"]
    assert (await office.look())["status"] == "booked"


async def _planning(office: Office, detail: Json) -> Json:
    candidate_id = (await office.look())["id"]
    await office.db.ask_replan(candidate_id=candidate_id, actor="a", reason="", detail=detail)
    claim = await office.db.claim(worker="other")
    assert claim
    return {"candidate_id": candidate_id, "fence": claim["candidate"]["fence"]}


# What was shown is booked, or asked about ---------------------------------------------------------------------------------------


async def preview(office: Office, detail: Json) -> Preview:
    return await preview_replan(
        office.db, office.calendars, office.sop, await office.look(), now=office.now, detail=detail
    )


async def test_a_preview_shows_what_moves_and_writes_nothing(office: Office) -> None:
    trail = len(await office.db.audit_trail(limit=1000))

    shown = await preview(office, OTHER_TIME)

    assert isinstance(shown.result, Plan)
    (move,) = shown.moves
    assert (move["round"], move["title"]) == ("intro", "Introduction")
    assert move["before"]["start"] == "2026-12-07T09:00:00+00:00"
    assert move["after"] == {
        "start": "2026-12-07T10:00:00+00:00",
        "end": "2026-12-07T10:30:00+00:00",
        "interviewers": [{"id": "asha", "name": "Asha Rao"}],
    }
    assert len(await office.db.audit_trail(limit=1000)) == trail
    assert await office.times() == {"intro": ("Mon 09:00", ["asha"]), "panel": ("Tue 09:00", ["ben", "chloe"])}


async def test_what_was_shown_is_booked_exactly(office: Office) -> None:
    shown = await preview(office, OTHER_TIME)

    await again(office, {**OTHER_TIME, "preview": shown.shown})

    live = await office.live()
    assert [(row["start"], row["interviewers"]) for row in live.values()] == [
        (one["start"], one["interviewers"]) for one in shown.shown
    ]


async def test_what_no_longer_holds_is_asked_about_with_what_there_is_instead(office: Office) -> None:
    shown = await preview(office, OTHER_TIME)
    await office.book("Marcus")  # takes Asha's next time
    assert (await office.times("Marcus"))["intro"] == ("Mon 10:00", ["asha"])

    await again(office, {**OTHER_TIME, "preview": shown.shown})

    (question,) = await office.questions()
    assert question["kind"] == "option"
    assert "An interviewer has nothing else during an interview" in question["reason"]
    assert await office.times() == {"intro": ("Mon 09:00", ["asha"]), "panel": ("Tue 09:00", ["ben", "chloe"])}
    await office.take("option", "preview")
    await office.work()
    assert (await office.times())["intro"] == ("Mon 11:00", ["asha"])
    assert await office.questions() == []


async def test_nothing_to_show_says_why(office: Office) -> None:
    shown = await preview(office, {"excluded": [{"round": "panel", "interviewer": "chloe"}]})

    assert isinstance(shown.result, NoPlan)
    assert shown.shown == ()


async def test_a_way_out_of_no_plan_books_what_was_shown_and_lasts(database: Database, tmp_path: Path) -> None:
    office = Office(db=database, folder=tmp_path / "calendars", text=SOP.replace("gap: {min: 1d}", "gap: {min: 12d}"))
    await office.book()
    (question,) = await office.questions()
    assert (await office.look())["status"] == "escalated"
    way_out = next(one for one in question["options"] if one["kind"] == "gap_min")

    await office.take("no_plan", "gap_min")
    await office.work()

    candidate = await office.look()
    assert candidate["status"] == "booked"
    assert candidate["exceptions"]["changes"] == way_out["changes"]
    assert [(row["start"]) for row in (await office.live()).values()] == [one["start"] for one in way_out["interviews"]]
    assert await office.told() == ["escalated", "booked"]
    await again(office, OTHER_TIME)  # the exception holds for this plan, too
    assert len(await office.live()) == 2
    assert await office.questions() == []


async def test_an_option_is_taken_once(office: Office) -> None:
    office.delete((await office.live())["intro"])
    await office.settle()
    (question,) = await office.questions()

    first = await office.db.take_option(escalation_id=question["id"], option=0, actor="telegram:7")
    second = await office.db.take_option(escalation_id=question["id"], option=2, actor="telegram:8")

    assert (first["changed"], second["changed"]) == (True, False)
    assert (await office.look())["status"] == "queued"
    with pytest.raises(WrongState, match="no escalation"):
        await office.db.take_option(escalation_id=0, option=0, actor="telegram:7")


async def test_a_choice_about_what_has_changed_since_is_refused(office: Office) -> None:
    row = (await office.live())["intro"]
    office.move(row, datetime.fromisoformat("2026-12-08T11:00:00+00:00"))
    await office.settle()
    (question,) = await office.questions()
    await again(office, OTHER_TIME)

    taken = await office.db.take_option(escalation_id=question["id"], option=1, actor="telegram:7")

    assert taken["changed"] is False  # the new plan has answered the question


# Workers that die ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill", REPLAN, ids=lambda kill: f"{kill.step}-{kill.nth}")
async def test_a_worker_killed_at_any_step_of_a_new_plan_changes_nothing(
    kill: Kill, dsn: str, database: Database, tmp_path: Path, ask: Callable[[str], Any]
) -> None:
    office = Office(db=database, folder=tmp_path / "calendars")
    await office.book()
    monday = {"start": "2026-12-07T00:00:00+00:00", "end": "2026-12-08T00:00:00+00:00"}
    detail = {"excluded": [{"round": "intro", **monday}]}
    await office.db.ask_replan(candidate_id=(await office.look())["id"], actor="a", reason="away", detail=detail)
    bench = Bench(dsn=dsn, folder=office.folder, sop=SOP, now=NOW)

    assert finish(start(bench, "first", [kill])) == -signal.SIGKILL
    let_leases_run_out(ask)
    assert finish(start(bench, "second")) == 0

    assert await office.times() == {"intro": ("Tue 09:00", ["asha"]), "panel": ("Wed 09:00", ["ben", "chloe"])}
    live = await office.live()
    assert {(row["generation"], row["revision"]) for row in live.values()} == {(1, 1)}
    for row in live.values():
        assert office.event(row)[1].start == datetime.fromisoformat(row["start"])
    assert len(list((office.folder / "interviews").glob("*.ics"))) == 2
    assert [row["n"] for row in ask("select count(*) as n from holds where live")] == [5]
    assert await office.told() == ["booked", "rebooked"]
    assert (await office.look())["attempts"] == 0
    assert (await office.db.verify_audit())["ok"]
    assert await office.settle() == []
