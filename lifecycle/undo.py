"""What takes back what somebody did at the desk, by the audit. Pure.

A deed (see `deeds.py`) is all that one command has written into the audit:

    an interviewer was blocked     unblocked, and the interviews that moved because of it go back
    a candidate was cancelled      open again, to be booked at the same times
    another plan was asked for     not planned yet: the wish is forgotten; planned: the places before, as a plan that was shown
    a question was closed          open again
    candidates were taken in       cancelled, but for those whom somebody has changed since
    somebody can come again, the queue was paused or goes on, an SOP in force, a role:  the opposite

Nothing is taken back once it is older than `undo_for`, or somebody has done anything else about the same thing; nothing that is
about an interview that has begun; and no interview is moved or given up that starts within the SOP's `freeze`. One that was moved
away from there may go back: that is where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from lifecycle.deeds import CALENDAR, Deed, Limits, Refused, Way, Why, standing, start

Json = dict[str, Any]
_ENDED = frozenset({"cancelling", "cancelled"})
_AT_REST = frozenset({"queued", "booked", "escalated"})  # from here a candidate can be planned anew
_AT_WORK = frozenset({"planning", "booking"})
_STUCK = frozenset({"escalated", "set_aside"})
_ONLY_CLOSED = frozenset({"keep", "waive"})  # options that do nothing but close the question
_BLOCK = ("interviewer", "start", "end")
# What a row that concerns no one candidate is about: rows with the same values of the same fields are about the same thing.
_THING: Mapping[str, tuple[str, ...]] = {
    "paused": ("lane",),
    "resumed": ("lane",),
    "interviewer_blocked": _BLOCK,
    "interviewer_unblocked": _BLOCK,
    "sop_activated": (),
    "role_changed": ("user_id",),
}


def decide(deed: Deed, limits: Limits) -> Way | Refused:
    """What takes a deed back now, or why it stays."""
    if deed.undone:
        return Refused(why=Why.UNDONE)
    if deed.kind not in KINDS or deed.actor == CALENDAR:
        return Refused(why=Why.NO_WAY)
    if deed.now - deed.at > limits.undo_for:
        return Refused(why=Why.EXPIRED)
    thing = _thing(deed.row)
    if thing and any(_thing(row) == thing for row in deed.later):
        return Refused(why=Why.CHANGED)
    return KINDS[deed.kind](deed, limits)


def _thing(row: Json) -> tuple[object, ...] | None:
    fields = _THING.get(row["action"])
    return None if fields is None else (fields, *(row["detail"].get(name) for name in fields))


# Candidates who came or went --------------------------------------------------------------------------------------------------


def _taken_in(deed: Deed, limits: Limits) -> Way | Refused:
    stay = {one["id"]: _why_kept(deed, one, limits) for one in deed.candidates}
    out = [one for one in deed.candidates if stay[one["id"]] is None]
    if not out:
        return Refused(why=next(filter(None, stay.values())))
    reason = "taken in by mistake"
    return Way(
        commands=[{"cancel_candidate": {"candidate_id": one["id"], "reason": reason}} for one in out],
        lost=[row for one in out for row in _with(one, "reserved", "booked")],
        left=[who for who, why in stay.items() if why],
    )


def _why_kept(deed: Deed, one: Json, limits: Limits) -> Why | None:
    if _is_touched(deed, one) or one["status"] in _ENDED:
        return Why.CHANGED
    return _too_late(_with(one, "reserved", "booked", "done"), limits)


def _cancelled(deed: Deed, limits: Limits) -> Way | Refused:
    [one] = deed.candidates
    if _is_touched(deed, one) or one["status"] not in _ENDED:
        return Refused(why=Why.CHANGED)
    if one["lease_until"] and datetime.fromisoformat(one["lease_until"]) > deed.now:
        return Refused(why=Why.AT_WORK)
    before = deed.row["detail"]
    ids = {place["id"] for place in before["interviews"]}
    again = [row for row in one["interviews"] if row["id"] in ids]
    if any(start(row) <= limits.now for row in again):
        return Refused(why=Why.BEGUN)
    questions = [*before["questions"], *([deed.taken["detail"]["escalation_id"]] if deed.taken else [])]
    reopen = {"candidate_id": one["id"], "status": "queued", "replan": None, "questions": questions}
    if again:
        plan = sorted([*_with(one, "done"), *again], key=lambda row: row["position"])
        reopen["replan"] = {"preview": [_place(row) for row in plan], "thaw": True, "back": True}
    elif before["from"] in _STUCK:
        reopen["status"] = before["from"]
    return Way(commands=[{"reopen_candidate": reopen}], again=again)


# Plans made anew --------------------------------------------------------------------------------------------------------------


def _replanned(deed: Deed, limits: Limits) -> Way | Refused:
    [one] = deed.candidates
    return _plan_back(deed, deed.row, one, limits)


def _plan_back(deed: Deed, asked: Json, one: Json, limits: Limits) -> Way | Refused:
    """What takes back the wish for another plan of a candidate, by the row that asked for it."""
    if one["status"] in _AT_WORK:
        return Refused(why=Why.AT_WORK)
    if _is_touched(deed, one) or one["status"] not in _AT_REST:
        return Refused(why=Why.CHANGED)
    moved = [move for row in _came(deed, one, "rebooked") for move in row["detail"]["moved"]]
    if not moved:
        return _forgotten(deed, asked, one)
    stands = {row["round"]: row for row in _with(one, "booked", "done")}
    as_left = all(m["round"] in stands and standing(stands[m["round"]]) == _left_at(m["after"]) for m in moved)
    if one["status"] != "booked" or not as_left or asked["detail"]["from"] == "queued":
        return Refused(why=Why.CHANGED)
    if late := _too_late([move["after"] for move in moved], limits):
        return Refused(why=late)
    if not any(move["before"] for move in moved):
        return _first_plan_given_up(deed, asked, one)
    return _places_back(asked, one, moved, limits)


def _forgotten(deed: Deed, asked: Json, one: Json) -> Way:
    """It has not been planned, or there was no plan: the wish is forgotten, and what was asked because of it."""
    ids = [row["detail"]["escalation_id"] for row in _came(deed, one, "stood", "escalated")]
    close = [
        {"resolve_escalation": {"escalation_id": row["id"], "resolution": "taken back"}}
        for row in one["escalations"]
        if row["status"] == "open" and row["id"] in ids and datetime.fromisoformat(row["opened_at"]) > deed.at
    ]
    withdraw = {"candidate_id": one["id"], "before": _before(asked), "give_up": False}
    return Way(commands=[{"withdraw_replan": withdraw}, *close, *_question_again(deed)], forgotten=[one["id"]])


def _first_plan_given_up(deed: Deed, asked: Json, one: Json) -> Way | Refused:
    """There was no interview before: those that there are now go, and the question is asked again."""
    lost = _with(one, "booked", "done")
    moved = {move["round"] for row in _came(deed, one, "rebooked") for move in row["detail"]["moved"]}
    if asked["detail"]["from"] != "escalated" or {row["round"] for row in lost} != moved:
        return Refused(why=Why.NO_WAY)
    withdraw = {"candidate_id": one["id"], "before": _before(asked), "give_up": True}
    return Way(commands=[{"withdraw_replan": withdraw}, *_question_again(deed)], lost=lost)


def _places_back(asked: Json, one: Json, moved: Sequence[Json], limits: Limits) -> Way | Refused:
    """The places before, as a plan that was shown: booked exactly, or asked about."""
    if not all(move["before"] for move in moved):
        return Refused(why=Why.NO_WAY)
    if any(start(move["before"]) <= limits.now for move in moved):
        return Refused(why=Why.BEGUN)
    before, then = _before(asked), {move["round"]: move["before"] for move in moved}
    plan = sorted(_with(one, "booked", "done"), key=lambda row: row["position"])
    detail = {
        "preview": [_place(row) | _seated(then.get(row["round"])) for row in plan],
        "rounds": list(then),
        "thaw": True,
        "back": True,
        "exceptions": before["exceptions"],
        "changes": {f"request.{field}": value for field, value in before["request"].items()},
    }
    wish = {"candidate_id": one["id"], "reason": "an admin took the last change back", "detail": detail}
    back = [{**move, "candidate": one["id"], "before": move["after"], "after": move["before"]} for move in moved]
    return Way(commands=[{"ask_replan": wish}], moves=back)


def _before(asked: Json) -> Json:
    return {**asked["detail"]["before"], "status": asked["detail"]["from"]}


def _question_again(deed: Deed) -> list[Json]:
    return [{"reopen_escalation": {"escalation_id": deed.taken["detail"]["escalation_id"]}}] if deed.taken else []


# Interviewers who cannot come -------------------------------------------------------------------------------------------------


def _blocked(deed: Deed, limits: Limits) -> Way | Refused:
    if deed.block is None:
        return Refused(why=Why.CHANGED)
    asked = {row["candidate_id"]: row for row in deed.rows if row["action"] == "replan_asked"}
    found = {one["id"]: _plan_back(deed, asked[one["id"]], one, limits) for one in deed.candidates}
    if Refused(why=Why.AT_WORK) in found.values():
        return Refused(why=Why.AT_WORK)
    ways = [way for way in found.values() if isinstance(way, Way)]
    return Way(
        commands=[
            {"unblock_interviewer": {"block_id": deed.block}},
            *(command for way in ways for command in way.commands),
        ],
        moves=[move for way in ways for move in way.moves],
        forgotten=[who for way in ways for who in way.forgotten],
        left=[who for who, way in found.items() if isinstance(way, Refused)],
    )


def _unblocked(deed: Deed, limits: Limits) -> Way | Refused:
    if any(row["candidate_status"] in _AT_WORK for row in deed.affected):
        return Refused(why=Why.AT_WORK)
    block = {name: deed.row["detail"][name] for name in (*_BLOCK, "reason")}
    return Way(commands=[{"block_interviewer": block}], anew=deed.affected)


# Questions, the queue, the SOP, roles -----------------------------------------------------------------------------------------


def _closed(deed: Deed, limits: Limits) -> Way | Refused:
    if not deed.candidates:  # about a calendar, which is asked about again while it cannot be used
        return Refused(why=Why.NO_WAY)
    [one] = deed.candidates
    kind = deed.row["detail"]["kind"]
    again = any(row["status"] == "open" and row["kind"] == kind for row in one["escalations"])
    if _is_touched(deed, one) or one["status"] in _ENDED or again:
        return Refused(why=Why.CHANGED)
    return Way(commands=[{"reopen_escalation": {"escalation_id": deed.row["detail"]["escalation_id"]}}])


def _answered(deed: Deed, limits: Limits) -> Way | Refused:
    """A way out that has led to no other plan: only one that does nothing but close the question can be taken back."""
    if not deed.candidates:
        return _closed(deed, limits)
    [one] = deed.candidates
    about = deed.row["detail"]
    options = next(row["options"] for row in one["escalations"] if row["id"] == about["escalation_id"])
    option = options[about["option"]] if "option" in about else None
    kind = option.get("kind") if isinstance(option, dict) else option
    return _closed(deed, limits) if kind in _ONLY_CLOSED else Refused(why=Why.NO_WAY)


def _paused(deed: Deed, limits: Limits) -> Way:
    return Way(commands=[{"pause_lane": {"lane": deed.row["detail"]["lane"], "paused": deed.kind == "resumed"}}])


def _sop_activated(deed: Deed, limits: Limits) -> Way | Refused:
    if deed.sop is None or deed.sop["version"] == deed.row["sop_version"]:
        return Refused(why=Why.NO_WAY)
    return Way(commands=[{"activate_sop": {**deed.sop, "source": "chat"}}])


def _role_changed(deed: Deed, limits: Limits) -> Way | Refused:
    if not limits.owner:
        return Refused(why=Why.OWNERS)
    about = deed.row["detail"]
    back = {"user_id": about["user_id"], "role": about["before"], "name": deed.name or str(about["user_id"])}
    return Way(commands=[{"set_role": back}])


# By the kind of the deed: what takes it back.
KINDS: Mapping[str, Callable[[Deed, Limits], Way | Refused]] = {
    "interviewer_blocked": _blocked,
    "cancelling": _cancelled,
    "cancelled": _cancelled,
    "replan_asked": _replanned,
    "escalation_resolved": _closed,
    "option_taken": _answered,
    "enqueued": _taken_in,
    "interviewer_unblocked": _unblocked,
    "paused": _paused,
    "resumed": _paused,
    "sop_activated": _sop_activated,
    "role_changed": _role_changed,
}


# Shared -----------------------------------------------------------------------------------------------------------------------


def _is_touched(deed: Deed, one: Json) -> bool:
    """Whether somebody has done anything else about a candidate since."""
    return any(row["candidate_id"] == one["id"] for row in deed.later)


def _came(deed: Deed, one: Json, *actions: str) -> list[Json]:
    return [row for row in deed.came if row["candidate_id"] == one["id"] and row["action"] in actions]


def _too_late(places: Iterable[Json], limits: Limits) -> Why | None:
    """Why interviews that stand can no longer be given up or moved."""
    starts = [start(place) for place in places]
    if any(one <= limits.now for one in starts):
        return Why.BEGUN
    return Why.FROZEN if any(one < limits.now + limits.freeze for one in starts) else None


def _with(one: Json, *states: str) -> list[Json]:
    return [row for row in one["interviews"] if row["status"] in states]


def _place(row: Json) -> Json:
    """An interview as a plan that was shown has it."""
    return {name: row[name] for name in ("round", "start", "end", "interviewers")}


def _seated(place: Json | None) -> Json:
    """A place as the audit tells it, in the same form; nothing for None."""
    if place is None:
        return {}
    return {"start": place["start"], "end": place["end"], "interviewers": [who["id"] for who in place["interviewers"]]}


def _left_at(place: Json) -> list[object]:
    return standing(_seated(place))
