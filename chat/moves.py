"""Moving rounds that are booked, and giving them to other interviewers: what moves is shown before it is done.

What is confirmed is the plan that was shown: it is asked for as it was, and where it has become impossible meanwhile, the worker
books nothing and asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chat import cards
from chat.buttons import Card, Choice, Desk, Step, Tapped, Told
from chat.finding import one
from chat.markup import Json, bold, code, esc, paragraphs
from domain.errors import FieldError
from domain.foresight import Foreseen
from sop import Sop
from utils import whole_days

WANTS = "an admin wants to "  # how the reason of a wish begins
_MOVABLE = frozenset({"booked"})


# What is to move --------------------------------------------------------------------------------------------------------------


async def reschedule(desk: Desk, words: str) -> Step:
    """Ask which rounds of a candidate are to move."""
    match, otherwise = await one(desk, words, "reschedule")
    return _which(desk, match) if match else otherwise


async def _reschedule(desk: Desk, action: Json) -> Step:
    return await reschedule(desk, action["candidate"])


def _which(desk: Desk, match: Json) -> Step:
    rows = to_come(desk, match)
    if not rows:
        return _cannot(desk, match)
    about = {"do": "move", "candidate": match["id"]}
    lines = [f"What should move for {bold(match['name'])}?", "", *cards.standing_lines(match, desk.sop)]
    buttons: list[list[Choice]] = [[(row["title"], about | {"rounds": [row["round"]]})] for row in rows]
    if len(rows) > 1:
        buttons.append([("All of them", about | {"rounds": [row["round"] for row in rows]})])
    return desk.shows(lines, [*buttons, [("‹ Leave it", {"do": "left"})]])


def to_come(desk: Desk, match: Json) -> list[Json]:
    """Interviews that are booked and have not begun, while their candidate can be planned anew."""
    if match["status"] not in _MOVABLE:
        return []
    now = desk.context.now
    booked = [row for row in match["interviews"] if row["status"] == "booked"]
    return [row for row in booked if datetime.fromisoformat(row["start"]) > now]


def _cannot(desk: Desk, match: Json) -> Step:
    ways = f"{code('/status ' + match['name'])} leads to the ways out."
    at_it = any(row["status"] in {"reserved", "booked"} for row in match["interviews"])
    hint = {
        "escalated": ways,
        "set_aside": ways,
        "booked": "No interview is still to come.",
        "done": "No interview is still to come.",
    }.get(match["status"], "That is being changed just now." if at_it else "There is nothing booked to move just now.")
    return desk.shows([f"{cards.state(match['name'], match['status'])}. {hint}"])


async def _move(desk: Desk, action: Json) -> Step:
    """Another time for some rounds: the times they have now will not do."""
    match, otherwise = await one(desk, action["candidate"], "reschedule")
    if match is None:
        return otherwise
    rows = [row for row in to_come(desk, match) if row["round"] in action["rounds"]]
    if not rows:
        return _cannot(desk, match)
    now = [{"round": row["round"], "start": row["start"], "end": row["end"]} for row in rows]
    detail: Json = {
        "excluded": [*now, *action.get("not_then", ())],
        "thaw": True,  # an admin wants it so, however close it is
    }
    if not action.get("others"):
        detail["rounds"] = [row["round"] for row in rows]
    what = f"move {', '.join(row['title'] for row in rows)}"
    return await _foreseen(desk, match, detail, what, action)


def _elsewhere(action: Json, moves: Sequence[Json], tz: ZoneInfo) -> list[Choice]:
    """Buttons for a plan without the times of the one that is shown, and without their days (in the candidate's zone)."""
    asked = [(move["round"], move["after"]) for move in moves if move["round"] in action["rounds"]]
    times = [{"round": name, "start": place["start"], "end": place["end"]} for name, place in asked]
    days = [{"round": name} | _day(place["start"], tz) for name, place in asked]
    before = list(action.get("not_then", ()))
    return [
        ("Another time", action | {"not_then": [*before, *times]}),
        ("Another day", action | {"not_then": [*before, *days]}),
    ]


def _day(start: str, tz: ZoneInfo) -> Json:
    day = datetime.fromisoformat(start).astimezone(tz).date()
    begin, end = whole_days(day, day, tz)
    return {"start": begin.isoformat(), "end": end.isoformat()}


# Who is to come instead -------------------------------------------------------------------------------------------------------


async def swap(desk: Desk, words: str) -> Step:
    """Show who could take which round of a candidate."""
    match, otherwise = await one(desk, words, "swap")
    return _who(desk, match) if match else otherwise


async def _swap(desk: Desk, action: Json) -> Step:
    return await swap(desk, action["candidate"])


def _who(desk: Desk, match: Json) -> Step:
    rows = to_come(desk, match)
    if not rows:
        return _cannot(desk, match)
    buttons: list[list[Choice]] = []
    for row in rows:
        for place, ranks in enumerate(_seats(desk.sop, match["course"], row)):
            buttons += _instead(desk, match, row, place, ranks)
    lines = [f"Who is to come instead, for {bold(match['name'])}?", "", *cards.standing_lines(match, desk.sop)]
    if not buttons:
        lines += ["", "The SOP has nobody else for any of these rounds."]
    return desk.shows(lines, [*buttons, [("‹ Leave it", {"do": "left"})]])


def _seats(sop: Sop, course: str, row: Json) -> Sequence[Sequence[str]]:
    """Everyone who can take each seat of an interview's round by the SOP; nobody where it has changed its shape."""
    rounds = sop.courses[course].rounds if course in sop.courses else ()
    seats = next((round_.seats for round_ in rounds if round_.id == row["round"]), ())
    return [tuple(seat.ranks) for seat in seats] if len(seats) == len(row["interviewers"]) else []


def _instead(desk: Desk, match: Json, row: Json, place: int, able: Sequence[str]) -> list[list[Choice]]:
    """A button for each who could sit in a seat instead."""
    now = row["interviewers"][place]
    others = [who for who in able if who not in row["interviewers"]]
    about = {"do": "seat", "candidate": match["id"], "round": row["round"], "now": now}
    name = cards.person_name
    return [
        [(f"{row['title']}: {name(desk.sop, who)} for {name(desk.sop, now)}", about | {"place": place, "who": who})]
        for who in others
    ]


async def _seat(desk: Desk, action: Json) -> Step:
    """Somebody else in a seat: nobody but them will do."""
    match, otherwise = await one(desk, action["candidate"], "swap")
    if match is None:
        return otherwise
    row = next((row for row in to_come(desk, match) if row["round"] == action["round"]), None)
    seats = _seats(desk.sop, match["course"], row) if row else []
    place, who = action["place"], action["who"]
    if row is None or place >= len(seats) or row["interviewers"][place] != action["now"] or who not in seats[place]:
        return await _changed(desk, _who(desk, match))
    stay = {other for at, other in enumerate(row["interviewers"]) if at != place}
    out = [other for other in seats[place] if other != who and other not in stay]
    detail: Json = {
        "excluded": [{"round": row["round"], "interviewer": other} for other in out],
        "rounds": [row["round"]],
        "thaw": True,
    }
    what = f"have {cards.person_name(desk.sop, who)} take {row['title']}"
    return await _foreseen(desk, match, detail, what)


async def _changed(desk: Desk, step: Step) -> Step:
    note = Card(lines=[f"{cards.NEEDED} This has changed since you looked. It is now:"])
    return Step(says=[note, *(_as_new(said) for said in step.says)], state=step.state)


def _as_new(said: Any) -> Any:
    return Card(lines=said.lines, rows=said.rows, new=True) if isinstance(said, Card) else said


# What it leads to, and doing it -----------------------------------------------------------------------------------------------


async def _foreseen(desk: Desk, match: Json, detail: Json, what: str, action: Json | None = None) -> Step:
    """What moves, with the button that does exactly that; or why it cannot be. With the `action` that asked for other times,
    there are ways to other ones than these."""
    leave: Choice = ("‹ Leave it", {"do": "left"})
    try:
        foreseen = await desk.foresight.replan(desk.sop, match, detail, desk.context.now)
    except FieldError as mistake:
        foreseen = Foreseen(refusal=[mistake.hint])
    if not foreseen.moves:
        why = [line for text in foreseen.refusal for line in paragraphs(text)] or ["It is so already."]
        lines = [f"{cards.NEEDED} I cannot {esc(what)} for {bold(match['name'])}.", "", *why]
        return desk.shows(lines, [*_ways_on(action or {}), [leave]])
    go = {
        "do": "replan",
        "candidate": match["id"],
        "name": match["name"],
        "what": what,
        "detail": detail | {"preview": list(foreseen.shown)},
        "standing": standing(match),
    }
    lines = [f"{cards.DRAFT} To {esc(what)} for {bold(match['name'])}, this changes:", ""]
    tz = ZoneInfo(match["request"]["timezone"] or desk.sop.timezone)
    for move in foreseen.moves:
        lines += cards.move_lines(move, tz, "now", "then")
    lines += [
        "",
        f"Times are the candidate's, in {esc(tz.key)}. Everything else stays as it is; nothing is changed yet.",
    ]
    rows: list[list[Choice]] = [[(f"{cards.BOOKED} Confirm", go), leave]]
    if action:
        rows.insert(1, _elsewhere(action, foreseen.moves, tz))
    return desk.shows(lines, rows)


def _ways_on(action: Json) -> list[list[Choice]]:
    """What may help where rounds cannot move: the others beside them, or the times that were refused before."""
    others: list[Choice] = [("Let other rounds move, too", action | {"others": True})]
    again: list[Choice] = [("Begin anew", {"do": "reschedule", "candidate": action.get("candidate")})]
    return [others] * (bool(action) and not action.get("others")) + [again] * bool(action.get("not_then"))


def standing(match: Json) -> list[list[str]]:
    """What is booked, to notice that it has changed."""
    return [
        [row["round"], row["start"], *row["interviewers"]]
        for row in match["interviews"]
        if row["status"] in {"reserved", "booked"}
    ]


async def _replan(desk: Desk, action: Json) -> Step:
    """Ask for the plan that was shown, unless something else is booked by now."""
    match, otherwise = await one(desk, action["candidate"], "reschedule")
    if match is None:
        return otherwise
    name = bold(action["name"])
    if match["status"] not in _MOVABLE:
        return _cannot(desk, match)
    if standing(match) != action["standing"]:
        return await _changed(desk, _which(desk, match))
    told = Told(
        done=[
            f"{cards.WAITS} {name}: I change exactly that now. {desk.result_told(match['chat_id'])}",
            "If one of the new times has gone meanwhile, everything stays as it is and I ask again.",
        ],
        before=[f"{cards.WAITS} {name}: that is being done already."],
        refused=[f"{name}: something has changed meanwhile, so nothing was done. Please look again."],
    )
    wish = {
        "candidate_id": action["candidate"],
        "actor": desk.actor,
        "reason": f"{WANTS}{action['what']}",
        "detail": action["detail"],
    }
    return Step(says=[told], state=desk.state, command={"ask_replan": wish})


ACTIONS: Mapping[str, Tapped] = {
    "reschedule": _reschedule,
    "move": _move,
    "swap": _swap,
    "seat": _seat,
    "replan": _replan,
}
