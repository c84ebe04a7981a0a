"""Giving a candidate up, an interviewer who cannot come, and a queue that stands still. Moving rounds is in `moves.py`.

Each is shown before it is done: what it is about, what it will change, and the button that does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from chat import cards
from chat.buttons import Card, Choice, Desk, Step, Tapped, Told, asking, turning, under
from chat.finding import one
from chat.markup import Json, bold, code, esc, first_of, italic, listed
from domain.errors import FieldError
from domain.intake import parse_window
from sop import Sop
from utils import plural, whole_days

_ENDED = frozenset({"done", "cancelling", "cancelled"})
_REASONS = ("Withdrawn by the candidate", "No longer needed", "Entered by mistake")
_MOST_LISTED = 20
_ROWS = 10  # on a page
_EXAMPLE = f"Write it like {code('/block asha 3-5 Dec')} or {code('/block asha tomorrow')}."
_AHEAD = timedelta(days=730)  # as far as absences are looked for


# A candidate is given up ------------------------------------------------------------------------------------------------------


async def cancel(desk: Desk, words: str) -> Step:
    """Ask why the candidate of this name is to be cancelled."""
    match, otherwise = await one(desk, words, "cancel")
    return await _why(desk, match) if match else otherwise


async def _cancel(desk: Desk, action: Json) -> Step:
    match, otherwise = await one(desk, action["candidate"], "cancel")
    return await _why(desk, match) if match else otherwise


async def _why(desk: Desk, match: Json) -> Step:
    if match["status"] in _ENDED:
        return desk.shows([f"{cards.state(match['name'], match['status'])} already."])
    about = {"do": "cancel_for", "candidate": match["id"]}
    lines = [*_lost(match, desk.sop), "", "Why? Write it, or tap."]
    buttons: list[list[Choice]] = [[(text, about | {"reason": text})] for text in _REASONS]
    keep: Choice = ("‹ Keep the candidate", {"do": "kept", "candidate": match["id"]})
    return Step(says=[Card(lines=lines, rows=[*buttons, [keep]])], state=asking(desk, about))


def _lost(match: Json, sop: Sop) -> list[str]:
    """Who would be cancelled, with every interview that would be."""
    lines = [f"Cancel {bold(match['name'])}, {esc(cards.course_title(sop, match['course']))}?"]
    undone = [row for row in match["interviews"] if row["status"] != "done"]
    standing = cards.standing_lines({**match, "interviews": undone}, sop)
    return [*lines, "These interviews are cancelled, in the calendars, too:", "", *standing] if standing else lines


async def _cancel_for(desk: Desk, action: Json) -> Step:
    """Everything once more, with the reason; only the next tap does it."""
    match, otherwise = await one(desk, action["candidate"], "cancel")
    if match is None:
        return otherwise
    go = {"do": "cancel_now", "candidate": match["id"], "name": match["name"], "reason": action["reason"]}
    lines = [*_lost(match, desk.sop), "", f"Reason: {esc(action['reason'])}"]
    row: list[Choice] = [
        (f"{cards.GIVEN_UP} Yes, cancel", go),
        ("‹ Keep the candidate", {"do": "kept", "candidate": match["id"]}),
    ]
    return Step(says=[Card(lines=lines, rows=[row])], state=under(desk.state))


async def _cancel_now(desk: Desk, action: Json) -> Step:
    name = bold(action["name"])
    told = Told(
        done=[
            f"{cards.GIVEN_UP} {name} is cancelled. The times are free again; calendar events, if there are any, go next.",
            f"Reason: {esc(action['reason'])}",
        ],
        before=[f"{cards.GIVEN_UP} {name} was cancelled before; nothing more has happened."],
        refused=[f"{name} cannot be cancelled just now. Please try again in a moment."],
    )
    command = {
        "cancel_candidate": {
            "candidate_id": action["candidate"],
            "actor": desk.actor,
            "reason": action["reason"],
        }
    }
    return Step(says=[told], state=desk.state, command=command)


async def _kept(desk: Desk, action: Json) -> Step:
    match, otherwise = await one(desk, action["candidate"], "cancel")
    if match is None:
        return otherwise
    return Step(says=[Card(lines=cards.status(match, desk.sop))], state=under(desk.state))


# An interviewer cannot come ---------------------------------------------------------------------------------------------------


async def block(desk: Desk, words: str) -> Step:
    """Show which interviews an interviewer's absence would move."""
    if not words:
        return desk.shows([f"Who cannot come, and when? {_EXAMPLE}", esc(_known(desk.sop))])
    try:
        who, first, last = _absence(desk, words)
    except FieldError as mistake:
        return desk.shows(_misread(mistake))
    return await _absent(desk, who, first, last)


def _absence(desk: Desk, words: str) -> tuple[str, date, date]:
    """Who and from when to when; `FieldError` says what could not be read."""
    name, _, days = words.partition(" ")
    people = {who: person.name for who, person in desk.sop.interviewers.items()}
    meant = [who for who, full in people.items() if name.lower() in {who.lower(), *full.lower().split()}]
    for who, full in sorted(people.items(), key=lambda one: len(one[1])):  # the whole name was written
        if f"{words} ".lower().startswith(f"{full} ".lower()):
            meant, days = [who], words[len(full) :].strip()
    if not meant:
        raise FieldError("interviewer", name, _known(desk.sop))
    if len(meant) > 1:
        raise FieldError("interviewer", name, f"Which one: {listed([people[who] for who in meant], _MOST_LISTED)}.")
    first, last = parse_window(days or "today", desk.context.reference.today)
    return meant[0], first, last


def _misread(mistake: FieldError) -> list[str]:
    return [f"I cannot use {code(mistake.value[:100])}. {esc(mistake.hint)}", _EXAMPLE]


def _known(sop: Sop) -> str:
    return f"The interviewers are: {listed([person.name for person in sop.interviewers.values()], _MOST_LISTED)}."


async def _absent(desk: Desk, who: str, first: date, last: date, *lead: str) -> Step:
    start, end = whole_days(first, last, desk.sop.interviewers[who].zone)
    rows = await desk.db.blocked_by(interviewer=who, start=start, end=end)
    name = cards.person_name(desk.sop, who)
    tz = desk.sop.interviewers[who].zone
    lines = [f"{cards.AGENDA} {bold(name)} cannot come: {esc(cards.window_text(first, last))}, in {esc(tz.key)}", ""]
    if rows:
        lines += [f"{plural(len(rows), 'interview')} to be planned anew, with as few moves as can be:"]
        lines += first_of([affected(row, desk.sop) for row in rows], _MOST_LISTED)
    else:
        lines += ["No interview is booked in that time."]
    go = {
        "do": "block",
        "interviewer": who,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "shown": sorted(row["id"] for row in rows),
    }
    label = "Block and plan anew" if rows else "Block"
    buttons: list[list[Choice]] = [[(f"{cards.BOOKED} {label}", go), ("‹ Leave it", {"do": "left"})]]
    return desk.shows([*lead, *([""] if lead else []), *lines], buttons)


def affected(row: Json, sop: Sop) -> str:
    """An interview that an absence moves."""
    when = cards.when(row["start"], sop.zone)
    return f"• {bold(row['name'])}: {esc(row['title'])}, {esc(when)}"


async def _block(desk: Desk, action: Json) -> Step:
    """Block what was shown; when other interviews are in that time by now, show those first."""
    who, first, last = action["interviewer"], *map(date.fromisoformat, (action["first"], action["last"]))
    if who not in desk.sop.interviewers:
        return desk.shows(["The SOP no longer has this interviewer."])
    start, end = whole_days(first, last, desk.sop.interviewers[who].zone)
    rows = await desk.db.blocked_by(interviewer=who, start=start, end=end)
    if sorted(row["id"] for row in rows) != action["shown"]:
        return await _absent(desk, who, first, last, f"{cards.NEEDED} This has changed since you looked. It is now:")
    name, days = bold(cards.person_name(desk.sop, who)), esc(cards.window_text(first, last))
    doing = f" {plural(len(rows), 'interview')} will be planned anew; /queue shows how far that is." if rows else ""
    told = Told(
        done=[f"{cards.BOOKED} {name} is blocked: {days}.{doing}"],
        before=[f"{name} was blocked before: {days}. Nothing more has happened."],
        refused=["One of these candidates is just being booked, so nothing was done. Please try again in a moment."],
    )
    command = {
        "block_interviewer": {
            "interviewer": who,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "actor": desk.actor,
            "reason": f"{cards.person_name(desk.sop, who)} cannot come",
        }
    }
    return Step(says=[told], state=desk.state, command=command)


async def unblock(desk: Desk, words: str) -> Step:
    """Show who is blocked, with a button that ends each."""
    return await _blocks(desk, {})


async def _blocks(desk: Desk, action: Json) -> Step:
    now, place = desk.context.now, action.get("place", 0)
    rows = await desk.db.blocks_between(start=now, end=now + _AHEAD)
    if not rows:
        return desk.shows([f"Nobody is blocked. {code('/block asha 3-5 Dec')} says that somebody cannot come."])
    buttons: list[list[Choice]] = [
        [(f"{name}: {days}", {"do": "unblock", "block": row["id"], "name": name, "days": days})]
        for row in rows[place * _ROWS : (place + 1) * _ROWS]
        for name, days in [absence(row, desk.sop)]
    ]
    lines = ["Who can come again? What was planned anew stays as it is."]
    pages = turning({"do": "blocks"}, place, len(rows), _ROWS)
    return desk.shows(lines, [*buttons, *pages, [("‹ Leave it", {"do": "left"})]])


def absence(row: Json, sop: Sop) -> tuple[str, str]:
    """Who cannot come, by name, and from which date to which, as they have them. `row` has `interviewer`, `start`, `end`."""
    person = sop.interviewers.get(row["interviewer"])
    tz = person.zone if person else sop.zone
    first = datetime.fromisoformat(row["start"]).astimezone(tz).date()
    last = (datetime.fromisoformat(row["end"]) - timedelta(minutes=1)).astimezone(tz).date()
    return cards.person_name(sop, row["interviewer"]), cards.window_text(first, last)


async def _unblock(desk: Desk, action: Json) -> Step:
    name, days = bold(action["name"]), esc(action["days"])
    told = Told(
        done=[f"{cards.BOOKED} {name} can come again: {days}. What was planned anew stays as it is."],
        before=[f"{name} was no longer blocked: {days}."],
        refused=["Nothing was changed. Please try again in a moment."],
    )
    command = {"unblock_interviewer": {"block_id": action["block"], "actor": desk.actor}}
    return Step(says=[told], state=desk.state, command=command)


async def _left(desk: Desk, action: Json) -> Step:
    return desk.shows(["Nothing was changed."])


# The queue stands still -------------------------------------------------------------------------------------------------------


async def pause(desk: Desk, words: str) -> Step:
    """Take no candidate until somebody resumes."""
    return _paused(
        desk,
        paused=True,
        done=[
            "⏸ Paused. What is under way is finished; after that nothing is planned, booked or cancelled in calendars.",
            "Candidates can still be taken in. /resume goes on.",
        ],
        before=["⏸ It is paused already. /resume goes on."],
    )


async def resume(desk: Desk, words: str) -> Step:
    """Go on taking candidates."""
    return _paused(
        desk, paused=False, done=["▶️ Going on with the queue."], before=["▶️ It is not paused. /queue shows who waits."]
    )


def _paused(desk: Desk, *, paused: bool, done: Sequence[str], before: Sequence[str]) -> Step:
    command = {"pause_lane": {"lane": desk.context.lane, "paused": paused, "actor": desk.actor}}
    return Step(says=[Told(done=done, before=before, refused=before)], state=desk.state, command=command)


def pause_lines(pause: Json | None, sop: Sop) -> list[str]:
    """What the queue says while it stands still."""
    if pause is None:
        return []
    since = cards.when(pause["since"], sop.zone)
    return [f"⏸ Paused since {esc(since)}. /resume goes on.", italic("Nothing is taken from the queue."), ""]


ACTIONS: Mapping[str, Tapped] = {
    "cancel": _cancel,
    "cancel_for": _cancel_for,
    "cancel_now": _cancel_now,
    "kept": _kept,
    "block": _block,
    "blocks": _blocks,
    "unblock": _unblock,
    "left": _left,
}
