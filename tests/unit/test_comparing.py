"""Open candidates under two SOPs: only what differs is told, and those who wait share what time there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking.comparing import compare
from booking.world import World
from calendars.base import Unknown
from domain.foresight import Broken, Prospect
from domain.model import Interval
from sop import Sop
from tests.unit.sop_builders import EMAIL, MONDAY, NOW, TUESDAY, WEDNESDAY, at, interview, make_request, make_sop

Json = dict[str, Any]
SOP = make_sop()
EMPTY = make_sop(interviewers__ben__working_hours={"sun": ["20:00-22:00"]})
SPAN = Interval(start=at("2026-05-01"), end=at("2026-08-01"))


def waiting(name: str = "Priya", status: str = "queued", **changes: Any) -> Json:
    """A candidate who waits, as the database has them."""
    request = make_request(**{"name": name, "email": f"{name.lower()}@example.com"} | changes).plain()
    return {"name": name, "status": status, "request": request, "exceptions": {}, "replan": None, "interviews": []}


def booked(*rows: Json, **changes: Any) -> Json:
    return waiting(status="booked", email=EMAIL, **changes) | {"interviews": list(rows)}


def row(name: str, day: str, hours: str, *who: str) -> Json:
    one = interview(name, day, hours, *who)
    return {
        "round": name, "course": one.course, "title": name.title(), "status": "booked", "interviewers": list(who),
        "start": one.start.isoformat(), "end": one.end.isoformat(), "event_said": {},
    }  # fmt: skip


def world(rows: Sequence[Json], **busy: Any) -> World:
    people = {f"{who}@example.com": busy.get(who, ()) for who in ("ben", "asha", "chloe")}
    interviews = [interview(one["round"], one["start"][:10], _hours(one), *one["interviewers"]) for one in rows]
    return World(
        span=SPAN,
        busy={(address,): times for address, times in people.items()},
        booked=tuple(interviews),
        blocks=[],
    )


def _hours(one: Json) -> str:
    return f"{one['start'][11:16]}-{one['end'][11:16]}"


def seen(before: Sop, after: Sop, *rows: Json, now: datetime = NOW, looks: int = 100, **busy: Any) -> Prospect:
    left = iter(range(looks))
    known = world([one for row in rows for one in row["interviews"]], **busy)
    return compare(before, after, rows, known, now=now, goes_on=lambda: next(left, None) is not None)


def rules(before: Sop, after: Sop, *rows: Json, **facts: Any) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The rules that a booked candidate's interviews would break, by title."""
    return [(one.title, one.rules) for one in seen(before, after, booked(*rows), **facts).broken]


INTRO, CORE = row("intro", MONDAY, "09:00-10:00", "ben"), row("core", TUESDAY, "09:00-10:00", "ben")


# Those who wait -----------------------------------------------------------------------------------------------------------------


def test_who_would_gain_and_lose_a_plan_is_told() -> None:
    gained = seen(EMPTY, SOP, waiting(), waiting("Bo", "escalated"))
    assert gained.gained == (("Priya", at(MONDAY, "11:00")), ("Bo", at(TUESDAY, "10:00")))
    assert (gained.planless, gained.looked, gained.lost) == (2, 2, ())

    lost = seen(SOP, EMPTY, waiting(), waiting("Bo", "escalated"))
    assert [name for name, _ in lost.lost] == ["Priya", "Bo"]
    assert lost.lost[0][1] == "Introduction cannot be placed (Ben's working hours)."
    assert (lost.planless, lost.gained) == (0, ())


def test_who_has_a_plan_or_none_under_both_is_not_told() -> None:
    assert seen(SOP, make_sop(notice="1h"), waiting()) == Prospect(count=1, looked=1)
    assert seen(EMPTY, make_sop(holidays=["06-08..06-12"]), waiting()) == Prospect(count=1, looked=1, planless=1)


def test_those_who_wait_share_what_time_there_is() -> None:
    tight = make_sop(interviewers__ben__working_hours={"mon": ["09:00-11:00"]})

    assert [name for name, _ in seen(EMPTY, tight, waiting(), waiting("Bo")).gained] == ["Priya"]


def test_a_course_that_would_be_gone_leaves_no_plan() -> None:
    sop = SOP.changed({"courses.other": {**SOP.plain()["courses"]["java"], "title": "Other"}})

    assert seen(sop, SOP, waiting(course="other")).lost == (("Priya", "The course would not be there."),)
    assert [name for name, _ in seen(SOP, sop, waiting(course="other")).gained] == ["Priya"]


def test_what_was_granted_to_a_candidate_counts_under_both() -> None:
    granted = {"changes": {"sop.interviewers.ben.working_hours": {"mon-fri": ["08:00-18:00"]}}}

    assert seen(SOP, EMPTY, waiting() | {"exceptions": granted}).lost == ()


def test_who_waits_for_a_decision_is_planned_as_it_was_asked_for() -> None:
    left_out = {"exceptions": {"waived": ["core"]}, "replan": {"rounds": []}}

    assert seen(EMPTY, SOP, waiting("Bo", "escalated") | left_out).gained == (("Bo", at(MONDAY, "11:00")),)


def test_a_plan_that_was_chosen_and_would_break_a_rule_is_lost() -> None:
    shown = [
        {"round": name, "start": at(day).isoformat(), "end": at(day, "10:00").isoformat(), "interviewers": ["ben"]}
        for name, day in (("intro", MONDAY), ("core", TUESDAY))
    ]
    chosen = waiting() | {"replan": {"preview": shown}}

    (lost,) = seen(SOP, make_sop(interviewers__ben__days_off=[TUESDAY]), chosen).lost
    assert lost == ("Priya", "The plan that was chosen would break a rule.")


def test_it_ends_when_there_is_no_more_time() -> None:
    rows = [waiting(name) for name in ("Priya", "Bo", "Cy")]

    cut = seen(EMPTY, SOP, *rows, looks=2)

    assert (cut.count, cut.looked, [name for name, _ in cut.gained]) == (3, 2, ["Priya", "Bo"])


# What is booked -----------------------------------------------------------------------------------------------------------------


def test_interviews_against_the_new_rules_are_told_in_their_order() -> None:
    after = make_sop(interviewers__ben__working_hours={"mon": ["10:00-18:00"], "tue": ["10:00-18:00"]})

    assert seen(SOP, after, booked(INTRO, CORE)).broken == (
        Broken(candidate="Priya", title="Intro", start=at(MONDAY), rules=(("hours", "Ben"),)),
        Broken(candidate="Priya", title="Core", start=at(TUESDAY), rules=(("hours", "Ben"),)),
    )


def test_each_kind_of_change_is_found() -> None:
    other = make_sop(courses__java__rounds__core__seats=[{"interviewers": ["asha"]}])

    assert rules(SOP, other, INTRO, CORE) == [("Core", (("mapping", "Ben"),))]
    assert rules(SOP, make_sop(holidays=["06-09"]), INTRO, CORE) == [("Core", (("holidays", ""),))]
    assert rules(SOP, make_sop(courses__java__rounds__core__duration="120m"), INTRO, CORE) == [
        ("Core", (("length", ""),))
    ]
    assert rules(SOP, make_sop(courses__java__rounds__core__gap={"min": "2d"}), INTRO, CORE) == [
        ("Core", (("gaps", ""),))
    ]
    assert rules(SOP, make_sop(interviewers__ben__weekly_limit=1), INTRO, CORE) == [
        ("Intro", (("weekly_limit", "Ben"),)),
        ("Core", (("weekly_limit", "Ben"),)),
    ]


def test_a_round_or_a_person_that_would_be_gone_is_found() -> None:
    plain = SOP.plain()
    plain["courses"]["java"]["rounds"] = plain["courses"]["java"]["rounds"][:1]
    assert rules(SOP, Sop.parse(plain), INTRO, CORE) == [("Core", (("gone", ""),))]

    elsewhere = {"courses": {"other": plain["courses"]["java"]}}
    assert rules(SOP, Sop.parse(plain | elsewhere), INTRO, CORE) == [
        ("Intro", (("gone", ""),)),
        ("Core", (("gone", ""),)),
    ]

    without_ben = SOP.plain()
    del without_ben["interviewers"]["ben"]
    for round_ in without_ben["courses"]["java"]["rounds"]:
        round_["seats"] = [{"interviewers": ["asha"]}]
    assert rules(SOP, Sop.parse(without_ben), INTRO) == [("Intro", (("mapping", "Ben"),))]


def test_what_breaks_rules_already_and_what_has_begun_is_not_told() -> None:
    late = make_sop(interviewers__ben__working_hours={"mon-fri": ["10:00-18:00"]})

    assert rules(late, late.changed({"notice": "1h"}), INTRO, CORE) == []
    assert rules(SOP, late, INTRO, CORE, now=at(MONDAY, "09:30")) == [("Core", (("hours", "Ben"),))]
    assert rules(SOP, late, INTRO, CORE, now=at(WEDNESDAY)) == []


def test_a_new_round_is_no_fault_of_what_is_booked() -> None:
    plain = SOP.plain()
    last = {"id": "last", "title": "Last", "duration": "60m", "seats": [{"interviewers": ["ben"]}]}
    plain["courses"]["java"]["rounds"].append(last)

    assert rules(SOP, Sop.parse(plain), INTRO, CORE) == []


def test_an_unknown_calendar_is_no_fault_of_what_is_booked() -> None:
    after = SOP.changed({"interviewers.ben.buffer": "30m"})
    unknown = Unknown(reason="revoked", cure="connect")
    near = (Interval(start=at(MONDAY, "10:15"), end=at(MONDAY, "11:00")),)

    assert rules(SOP, after, INTRO, CORE, ben=near) == [("Intro", (("free", "Ben"),))]
    assert rules(SOP, after, INTRO, CORE, ben=unknown) == []
