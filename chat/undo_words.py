"""What somebody did at the desk, what taking it back will do, and why it cannot be taken back: in words. Pure.

One entry of `WORDS` for each kind of deed of `lifecycle/undo.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from chat import cards
from chat.changes import absence, affected
from chat.markup import Json, bold, code, esc, first_of, italic, listed
from chat.moves import WANTS
from lifecycle.deeds import CALENDAR, Deed, Way, Why
from sop import Sop
from sop.model import minutes_text
from utils import local_text, plural

_MOST_LISTED = 10


Did = tuple[str, str]  # what goes on after who did it, and what is to be said after when


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """`did` says what it was, `will` what undoing it does; `instead` names a command and what that does. All HTML."""

    did: Callable[[Deed, Sop], Did]
    will: Callable[[Deed, Way, Sop], str]
    instead: tuple[str, str]


# The deed ---------------------------------------------------------------------------------------------------------------------


def sentence(deed: Deed, sop: Sop, me: str) -> str:
    """Who did what, and when: `You cancelled Priya Nair at 10:32 PST: 4 interviews were given up.`"""
    if deed.actor == CALENDAR:
        return f"The last change came from the calendar, {_when(deed, sop)}."
    what, more = _words(deed).did(deed, sop)
    return f"{_who(deed, me)} {what} {_when(deed, sop)}{': ' if more else ''}{more}."


def _who(deed: Deed, me: str) -> str:
    name = deed.by or cards.actor_text(deed.actor)
    return "You" if deed.actor == me else esc(name[:1].upper() + name[1:])


def _when(deed: Deed, sop: Sop) -> str:
    there, now = deed.at.astimezone(sop.zone), deed.now.astimezone(sop.zone)
    text = local_text(deed.at, sop.zone)
    return f"at {esc(' '.join(text.split()[-2:]))}" if there.date() == now.date() else f"on {esc(text)}"


def _name(deed: Deed) -> str:
    return bold(deed.candidates[0]["name"]) if deed.candidates else "a calendar"


def _names(candidates: Sequence[Json]) -> str:
    return listed([bold(one["name"]) for one in candidates], _MOST_LISTED)


def _plainly(what: str) -> Callable[[Deed, Sop], Did]:
    return lambda deed, sop: (what, "")


def _took_in(deed: Deed, sop: Sop) -> Did:
    if len(deed.candidates) > 1:
        return f"took in {len(deed.candidates)} candidates", _names(deed.candidates)
    return f"took in {_name(deed)} for {esc(cards.course_title(sop, deed.candidates[0]['course']))}", ""


def _cancelled(deed: Deed, sop: Sop) -> Did:
    count = len(deed.row["detail"]["interviews"])
    were = "was" if count == 1 else "were"
    return f"cancelled {_name(deed)}", f"{plural(count, 'interview')} {were} given up" if count else ""


def _asked_for_plan(deed: Deed, sop: Sop) -> Did:
    if deed.taken:
        return f"took a way out for {_name(deed)}", esc(deed.taken["detail"]["text"])
    reason = deed.row["detail"]["reason"]
    if reason.startswith(WANTS):
        return f"asked to {esc(reason.removeprefix(WANTS))} for {_name(deed)}", ""
    return f"asked for another plan of {_name(deed)}", esc(reason)


def _blocked(deed: Deed, sop: Sop) -> Did:
    name, days = absence(deed.row["detail"], sop)
    return f"blocked {bold(name)}", esc(days)


def _unblocked(deed: Deed, sop: Sop) -> Did:
    name, days = absence(deed.row["detail"], sop)
    return f"unblocked {bold(name)}", esc(days)


def _linked(what: str) -> Callable[[Deed, Sop], Did]:
    return lambda deed, sop: (f"{what} {bold(cards.person_name(sop, deed.row['detail']['interviewer']))}", "")


def _closed(deed: Deed, sop: Sop) -> Did:
    return f"closed the question about {_name(deed)}", esc(deed.row["detail"]["resolution"])


def _answered(deed: Deed, sop: Sop) -> Did:
    return f"answered the question about {_name(deed)}", esc(deed.row["detail"]["text"])


def _whom(deed: Deed) -> str:
    return bold(deed.name) if deed.name else code(deed.row["detail"]["user_id"])


def _changed_role(deed: Deed, sop: Sop) -> Did:
    about = deed.row["detail"]
    who, before, after = _whom(deed), about["before"], about["after"]
    if after is None:
        return f"let {who} out", ""
    return (f"made {who} {after} instead of {before}" if before else f"let {who} in as {after}"), ""


# What undoing it does -----------------------------------------------------------------------------------------------------------


def _give_up(deed: Deed, way: Way, sop: Sop) -> str:
    count = len(way.commands)
    return "Undo gives the candidate up." if count == 1 else f"Undo gives {plural(count, 'candidate')} up."


def _reopen(deed: Deed, way: Way, sop: Sop) -> str:
    if way.again:
        return "Undo books the same times again, if they are still free."
    stuck = way.commands[0]["reopen_candidate"]["status"] != "queued"
    return "Undo opens the question about the candidate again." if stuck else "Undo queues the candidate again."


def _plan_back(deed: Deed, way: Way, sop: Sop) -> str:
    if way.moves:
        return "Undo books the times before again, if they are still free."
    return "Undo gives these interviews up and asks again." if way.lost else "Undo forgets that."


def _role_back(deed: Deed, way: Way, sop: Sop) -> str:
    about = deed.row["detail"]
    who, before = _whom(deed), about["before"]
    return f"Undo lets {who} in again as {before}." if before else f"Undo lets {who} out."


def _unblock(deed: Deed, way: Way, sop: Sop) -> str:
    name, _ = absence(deed.row["detail"], sop)
    back = " What has moved because of it goes back, if the times are still free." if way.moves else ""
    return f"Undo lets {bold(name)} come again.{back}"


def _always(text: str) -> Callable[[Deed, Way, Sop], str]:
    return lambda deed, way, sop: text


def consequences(deed: Deed, way: Way, sop: Sop) -> list[str]:
    """All that undoing leads to, after the sentence that says what it is."""
    lines = [_words(deed).will(deed, way, sop)]
    if way.lost and len(deed.candidates) > 1:
        are = "is" if len(way.lost) == 1 else "are"
        lines.append(f"{plural(len(way.lost), 'interview')} {are} cancelled, in the calendars, too.")
    elif way.lost:
        lines += ["These interviews are cancelled, in the calendars, too:", "", *_interviews(deed, way.lost, sop)]
    if way.again:
        lines += ["", *_interviews(deed, way.again, sop)]
    for one in deed.candidates:
        lines += _moves(one, way, sop, named=len(deed.candidates) > 1)
    if way.anew:
        lines += [f"{plural(len(way.anew), 'interview')} to be planned anew, with as few moves as can be:"]
        lines += first_of([affected(row, sop) for row in way.anew], _MOST_LISTED)
    lines += _stays(deed, way.forgotten, "Nothing has moved; what is booked stays as it is", deed.kind)
    return [*lines, *_stays(deed, way.left, "Changed since, and left alone", "")]


def _interviews(deed: Deed, rows: Sequence[Json], sop: Sop) -> list[str]:
    """A candidate's interviews, those that were cancelled as if they stood."""
    standing = [{**row, "status": "booked"} for row in rows]
    return cards.standing_lines({**deed.candidates[0], "interviews": standing}, sop)


def _moves(one: Json, way: Way, sop: Sop, *, named: bool) -> list[str]:
    tz = ZoneInfo(one["request"]["timezone"] or sop.timezone)
    moved = [
        line
        for move in way.moves
        if move["candidate"] == one["id"]
        for line in cards.move_lines(move, tz, "now", "then")
    ]
    return ["", *([f"{bold(one['name'])}:"] if named else []), *moved] if moved else []


def _stays(deed: Deed, ids: Sequence[str], what: str, kind: str) -> list[str]:
    """Who is not touched; of one candidate, whose plan it was about, the name is said already."""
    if not ids:
        return []
    whose = "" if kind == "replan_asked" else f": {_names([one for one in deed.candidates if one['id'] in ids])}"
    return [f"{what}{whose}."]


# Why not ------------------------------------------------------------------------------------------------------------------------


def refusal(deed: Deed, why: Why, sop: Sop) -> list[str]:
    """Why a deed stays, and what would do instead."""
    if why is Why.UNDONE:
        return ["That was taken back before."]
    if why is Why.AT_WORK:
        return ["I am just at it. Please try again in a moment."]
    if why is Why.OWNERS:
        return ["Only owners let people in and out."]
    if deed.actor == CALENDAR:
        return ["What people change in the calendar counts; it is changed back there."]
    reason = {
        Why.EXPIRED: f"That is longer ago than {minutes_text(sop.undo_for)} (undo_for in the SOP), so it stays as it is.",
        Why.CHANGED: "Something else was done about it since, so it stays as it is.",
        Why.BEGUN: "It is about an interview that has begun, so it stays as it is.",
        Why.FROZEN: f"One of the interviews starts within {minutes_text(sop.freeze)}, too soon to be moved.",
        Why.NO_WAY: "That cannot be taken back.",
    }[why]
    command, does = _words(deed).instead
    about = f" {deed.candidates[0]['name']}" if deed.candidates and command in _ABOUT_ONE else ""
    return [reason, f"{code(f'/{command}{about}')} {does}"]


def until(deed: Deed, sop: Sop) -> str:
    """How long it can be taken back."""
    return f"It can be taken back until {esc(local_text(deed.at + sop.undo_for, sop.zone))}."


def _words(deed: Deed) -> Words:
    return WORDS.get(deed.kind, _OTHER)


_CANCEL = ("cancel", "gives the candidate up.")
_AGAIN = ("again", "takes the candidate in once more.")
_RESCHEDULE = ("reschedule", "moves rounds.")
_STATUS = ("status", "shows how it stands now.")
_ADMINS = ("admins", "lets people in and out.")
_ESCALATIONS = ("escalations", "has the question.")
_INTERVIEWERS = ("interviewers", "has the button that links and unlinks them.")
_NOTHING = _always("")  # nothing takes it back
_ABOUT_ONE = frozenset(command for command, _ in (_CANCEL, _AGAIN, _RESCHEDULE, _STATUS))
_OTHER = Words(
    did=lambda deed, sop: (f"did this: {italic(deed.kind.replace('_', ' '))}", ""),
    will=_NOTHING,
    instead=("help", "names what there is."),
)
WORDS: Mapping[str, Words] = {
    "enqueued": Words(did=_took_in, will=_give_up, instead=_CANCEL),
    "requeued": Words(did=lambda deed, sop: (f"queued {_name(deed)} again", ""), will=_NOTHING, instead=_CANCEL),
    "cancelling": Words(did=_cancelled, will=_reopen, instead=_AGAIN),
    "cancelled": Words(did=_cancelled, will=_reopen, instead=_AGAIN),
    "replan_asked": Words(did=_asked_for_plan, will=_plan_back, instead=_RESCHEDULE),
    "interviewer_blocked": Words(did=_blocked, will=_unblock, instead=("unblock", "says who can come again.")),
    "interviewer_unblocked": Words(
        did=_unblocked,
        will=_always("Undo blocks that time again."),
        instead=("block", "says that somebody cannot come."),
    ),
    "paused": Words(
        did=_plainly("paused the queue"),
        will=_always("Undo lets it go on."),
        instead=("queue", "shows whether it stands still."),
    ),
    "resumed": Words(
        did=_plainly("let the queue go on"),
        will=_always("Undo pauses it again."),
        instead=("queue", "shows whether it stands still."),
    ),
    "escalation_resolved": Words(did=_closed, will=_always("Undo opens it again."), instead=_STATUS),
    "option_taken": Words(did=_answered, will=_always("Undo opens it again."), instead=_RESCHEDULE),
    "sop_activated": Words(
        did=_plainly("put another SOP in force"),
        will=_always("Undo puts the one before it in force again; what is booked stays."),
        instead=("sop", "shows the one in force and has the way back."),
    ),
    "role_changed": Words(did=_changed_role, will=_role_back, instead=_ADMINS),
    "invited": Words(did=_plainly("made an invitation"), will=_NOTHING, instead=_ADMINS),
    "handed_to": Words(
        did=lambda deed, sop: (f"gave the question about {_name(deed)} to somebody else", ""),
        will=_NOTHING,
        instead=_ESCALATIONS,
    ),
    "put_off": Words(
        did=lambda deed, sop: (f"put the question about {_name(deed)} off", ""), will=_NOTHING, instead=_ESCALATIONS
    ),
    "calendar_checked": Words(did=_plainly("had a calendar checked"), will=_NOTHING, instead=_ESCALATIONS),
    "interviewer_linked": Words(did=_linked("linked"), will=_NOTHING, instead=_INTERVIEWERS),
    "interviewer_unlinked": Words(did=_linked("unlinked"), will=_NOTHING, instead=_INTERVIEWERS),
}
