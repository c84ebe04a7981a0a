"""Somebody more for a round when there is no plan: any interviewer of the SOP, as a backup, for this one candidate.

First the round, then the person, then the plan that this gives; what is taken is exactly that plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chat import cards
from chat.buttons import Choice, Desk, Step, Tapped
from chat.escalations import can_stand_in, found, gone, page, plan_lines, taken, way_back
from chat.markup import Json, bold, esc, paragraphs
from domain.errors import FieldError
from domain.foresight import Foreseen
from sop import Sop

_MOST_NAMES = 60  # buttons
_AT_ONCE = 2  # names in a line


async def _round(desk: Desk, action: Json, *lead: str) -> Step:
    """Ask for which round, and which place of a panel."""
    row, place = await found(desk, action)
    if row is None:
        return await gone(desk)
    seats = list(_seats(desk.sop, row["course"])) if can_stand_in(row) else []
    if not seats:
        return await page(desk, place, "Another interviewer is no way out here.")
    about = {"do": "stand_in_for", "escalation": row["id"]}
    buttons: list[list[Choice]] = [
        [(_label(desk.sop, title, number, able, single=single), about | {"round": name, "seat": number})]
        for name, title, number, able, single in seats
    ]
    lines = [*lead, f"For which round of {bold(row['name'])} may somebody else step in?"]
    return desk.shows(lines, [*buttons, [way_back(row, "more")]])


def _seats(sop: Sop, course: str) -> Iterator[tuple[str, str, int, Sequence[str], bool]]:
    """Each seat of a course: its round, that one's title, its place, who can take it, and whether it is the only one."""
    for round_ in sop.courses[course].rounds if course in sop.courses else ():
        for place, seat in enumerate(round_.seats):
            yield round_.id, round_.title, place, tuple(seat.ranks), len(round_.seats) == 1


def _label(sop: Sop, title: str, place: int, able: Sequence[str], *, single: bool) -> str:
    names = ", ".join(cards.person_name(sop, who) for who in able)
    return f"{title} (now {names})" if single else f"{title}, seat {place + 1} (now {names})"


async def _person(desk: Desk, action: Json) -> Step:
    """Ask who is to step in."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    seat = _seat(desk.sop, row, action)
    if seat is None:
        return await _changed(desk, action)
    title, able = seat
    others = [who for who in desk.sop.interviewers if who not in able][:_MOST_NAMES]
    about = action | {"do": "stand_in_plan"}
    names: list[Choice] = [(cards.person_name(desk.sop, who), about | {"who": who}) for who in others]
    lines = [f"Who may take {bold(title)} of {bold(row['name'])}, too? It holds for this candidate alone."]
    if not others:
        lines = [f"Everybody in the SOP can take {bold(title)} already."]
    rows = [names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE)]
    return desk.shows(lines, [*rows, [way_back(row, "stand_in")]])


def _seat(sop: Sop, row: Json, action: Json) -> tuple[str, Sequence[str]] | None:
    """The title of the round that is meant and who can take the seat by the SOP; None when the SOP has it no longer."""
    for name, title, place, able, _ in _seats(sop, row["course"]):
        if (name, place) == (action["round"], action["seat"]):
            return title, able
    return None


async def _changed(desk: Desk, action: Json) -> Step:
    return await _round(desk, action, f"{cards.NEEDED} The SOP has changed meanwhile.")


async def _plan(desk: Desk, action: Json) -> Step:
    """The plan that there is with somebody more, and the button that takes it; or why there is none."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    seat = _seat(desk.sop, row, action)
    if seat is None or action["who"] not in desk.sop.interviewers:
        return await _changed(desk, action)
    match = (await desk.db.show_candidate(needle=row["candidate_id"]))["matches"][0]
    asked = row["detail"].get("replan") or {}
    changes = _granted(desk.sop, match, action)
    try:
        foreseen = await desk.foresight.replan(desk.sop, match, asked | {"changes": changes}, desk.context.now)
    except FieldError as mistake:
        foreseen = Foreseen(refusal=[mistake.hint])
    text = f"Let {cards.person_name(desk.sop, action['who'])} take {seat[0]} as a backup"
    option = {"kind": "interviewer", "text": text, "changes": changes, "interviews": list(foreseen.shown)}
    back = way_back(row, "stand_in_for", round=action["round"], seat=action["seat"])
    if not foreseen.shown:
        why = [line for words in foreseen.refusal for line in paragraphs(words)]
        lines = [f"{cards.NEEDED} {bold(row['name'])}: {esc(text)}", "That gives no plan either.", "", *why]
        return desk.shows(lines, [[back]])
    take = {"do": "stand_in_take", "escalation": row["id"], "option": option | ({"replan": asked} if asked else {})}
    buttons: list[list[Choice]] = [[(f"{cards.BOOKED} Book this", take), back]]
    return desk.shows(plan_lines(row, option, desk.sop), buttons)


def _granted(sop: Sop, match: Json, action: Json) -> Json:
    """What is to be granted to the candidate: one more at the end of the backups that they have for the seat by now."""
    seat = next(one for one in sop.courses[match["course"]].rounds if one.id == action["round"]).seats[action["seat"]]
    path = f"sop.courses.{match['course']}.rounds.{action['round']}.seats.{action['seat']}.backups"
    before = match["exceptions"].get("changes", {}).get(path, seat.backups)
    return {path: [*(who for who in before if who != action["who"]), action["who"]]}


async def _take(desk: Desk, action: Json) -> Step:
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    option = action["option"]
    command = {"take_other": {"escalation_id": row["id"], "option": option, "actor": desk.actor}}
    return Step(says=[taken(desk, row, option)], state=desk.state, command=command)


ACTIONS: Mapping[str, Tapped] = {
    "stand_in": _round,
    "stand_in_for": _person,
    "stand_in_plan": _plan,
    "stand_in_take": _take,
}
