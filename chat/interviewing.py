"""An interviewer's own side of the bot: their agenda, whether they come, how they leave. Others' interviews are out of reach.

Who somebody is, is read from the database and the SOP at every step, and again in the transaction of an answer, so that whoever
was unlinked or is no longer in the SOP can do nothing any more, whatever is on their screen. Being linked is in `linking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from chat import own_cards
from chat.buttons import Card, Choice, Commanded, Desk, Step, Tapped, Told, Worded, asking, purpose_of, turning, under
from chat.cards import ACCEPTED, DECLINED, GIVEN_UP, days_text
from chat.intake import Turn
from chat.markup import Json, attach, bold, code
from domain.errors import FieldError
from domain.intake import parse_window
from sop import Sop
from sop.model import Interviewer
from supabase_db import Database
from utils import length_text, whole_days

ONLY_OWN = "Here you see your own interviews and nothing else: /agenda shows them, /help says more."
MENU = (
    ("agenda", "Your interviews: /agenda tomorrow, week, 1-12 Dec"),
    ("unlink", "Hear no more of your interviews here"),
    ("help", "What I do for you"),
)
ADDRESSEE = "interviewer:"  # before an interviewer's id, as the recipient of a notice
_REASONS = ("I am ill", "Something else came up")
_NOT_LINKED = "You are not linked to an interviewer of the SOP. Admins do that by /interviewers."
_CHANGED = "That has changed just now, so nothing was done. /agenda shows how it is."
_BUSY = (
    "I am looking for somebody else already. If I find nobody it stays yours: /agenda then lets you say that you come."
)
_AHEAD = timedelta(days=366)
_ROWS = 10  # on a page
_LONGEST_REASON = 500


async def me(desk: Desk) -> Interviewer | None:
    """The interviewer that somebody is; None for somebody who is none, or is no longer in the SOP."""
    who = await desk.db.interviewer_of(user_id=desk.context.user)
    return desk.sop.interviewers.get(who or "")


# Their agenda -------------------------------------------------------------------------------------------------------------------


async def agenda(desk: Desk, words: str) -> Step:
    """Their own interviews: from now on, or of the dates that are named."""
    person = await me(desk)
    if person is None or not words:
        return await _mine(desk, {"do": "mine"})
    today = desk.context.now.astimezone(person.zone).date()
    try:
        first, last = (today, today + timedelta(days=6)) if words.lower() == "week" else parse_window(words, today)
    except FieldError as mistake:
        tries = f"Try {code('/agenda tomorrow')}, {code('/agenda week')} or {code('/agenda 1-12 Dec')}."
        return desk.shows([f"I cannot use {code(mistake.value)} as dates.", tries])
    return await _mine(desk, {"do": "mine", "first": first.isoformat(), "last": last.isoformat()})


async def _mine(desk: Desk, action: Json, *lead: str) -> Step:
    """Their own interviews that an action names, after some lines; as a file, too, where that was asked for."""
    person = await me(desk)
    if person is None:
        return desk.shows([_NOT_LINKED])
    rows = await _rows(desk, person, action)
    shown = {name: value for name, value in action.items() if name != "as"}
    card = _card(desk, person, rows, shown)
    says: list[Card | Json] = [Card(lines=[*lead, *[""] * bool(lead), *card.lines], rows=card.rows)]
    if rows and "as" in action:
        says.append(attach("agenda.ics", desk.ics(desk.sop, rows, desk.context.now)))
    return Step(says=says, state=under(desk.state))


async def _rows(desk: Desk, person: Interviewer, action: Json) -> list[Json]:
    if "first" in action:
        first, last = date.fromisoformat(action["first"]), date.fromisoformat(action["last"])
        start, end = whole_days(first, last, person.zone)
        return await desk.db.agenda(start=start, end=end, interviewer=person.id)
    return await _to_come(desk.db, person, desk.context.now, action.get("ids"))


async def _to_come(db: Database, person: Interviewer, now: datetime, ids: Sequence[str] | None = None) -> list[Json]:
    """Their interviews that are not over; of these ids only, where some are given."""
    rows = await db.agenda(start=now, end=now + _AHEAD, interviewer=person.id)
    return [row for row in rows if ids is None or row["interview_id"] in ids]


def _card(desk: Desk, person: Interviewer, rows: Sequence[Json], action: Json) -> Card:
    """A page of their interviews, with the buttons to answer and to turn it."""
    place = min(action.get("place", 0), max(0, len(rows) - 1) // _ROWS)
    page, back = rows[place * _ROWS : (place + 1) * _ROWS], action | {"place": place}
    title = days_text(*(date.fromisoformat(action[name]) for name in ("first", "last"))) if "first" in action else ""
    file: list[Choice] = [("📅 As .ics", back | {"as": "ics"})] if rows else []
    return Card(
        lines=own_cards.agenda(page, title or "Your interviews", person, desk.sop),
        rows=[
            *own_cards.choices(page, person, desk.context.now, back),
            *turning(back, place, len(rows), _ROWS),
            *([file] if file else []),
        ],
    )


# Whether they come --------------------------------------------------------------------------------------------------------------


async def _attend(desk: Desk, action: Json) -> Step:
    """They will be there."""
    return await _answered(desk, action, ACCEPTED)


async def _never_mind(desk: Desk, action: Json) -> Step:
    """They can come after all."""
    return await _answered(desk, action, "")


async def _excuse(desk: Desk, action: Json) -> Step:
    """Ask why they cannot come."""
    person, row, why = await _own(desk, action)
    if person is None or row is None:
        return await _mine(desk, action["back"], why)
    about = action | {"do": "excuse_for"}
    lines = [f"You cannot come to {own_cards.one_line(row, person)}?", "", "Why? Write it, or tap."]
    reasons: list[list[Choice]] = [[(text, about | {"reason": text})] for text in _REASONS]
    rest: list[Choice] = [("No reason", about | {"reason": ""}), ("‹ Back", action["back"])]
    return Step(says=[Card(lines=lines, rows=[*reasons, rest])], state=asking(desk, about))


async def _excuse_for(desk: Desk, action: Json) -> Step:
    """They cannot come, for a reason; the next tap may still take it back."""
    person, row, why = await _own(desk, action)
    if person is None or row is None:
        return await _mine(desk, action["back"], why)
    grace = desk.sop.decline_grace.total_seconds()
    until = f"In about {length_text(grace)} I look for somebody else; until then you can change your mind."
    lines = [
        f"{GIVEN_UP} You cannot come to {own_cards.one_line(row, person)}.",
        until if grace else "I look for somebody else now.",
    ]
    about = {name: action[name] for name in ("interview", "start", "back")}
    again: list[Choice] = [("Never mind", about | {"do": "never_mind"}), ("‹ Back", action["back"])]
    told = Told(done=lines, before=lines, refused=[_CHANGED], rows=[again])
    return Step(says=[told], state=under(desk.state), command=_command(desk, person, row, DECLINED, action))


async def _answered(desk: Desk, action: Json, answer: str) -> Step:
    """Their interviews again, with what they have said to one of them."""
    person, row, why = await _own(desk, action)
    if person is None or row is None:
        return await _mine(desk, action["back"], why)
    rows = await _rows(desk, person, action["back"])
    after = [
        own_cards.with_answer(one, person, answer) if one["interview_id"] == row["interview_id"] else one
        for one in rows
    ]
    card = _card(desk, person, after, action["back"])
    refused = _BUSY if own_cards.seen_to(row, person) else _CHANGED
    told = Told(done=card.lines, before=card.lines, refused=[refused], rows=card.rows)
    return Step(says=[told], state=under(desk.state), command=_command(desk, person, row, answer, action))


async def _own(desk: Desk, action: Json) -> tuple[Interviewer | None, Json | None, str]:
    """Who they are and the interview that they answer to, while it is theirs, at that time, and to come; else why not."""
    person, start, now = await me(desk), datetime.fromisoformat(action["start"]), desk.context.now
    if person is None:
        return None, None, _NOT_LINKED
    if start <= now:
        return person, None, "That interview has begun already."
    row = next(iter(await _to_come(desk.db, person, now, [action["interview"]])), None)
    if row is None:
        return person, None, "That interview is no longer yours."
    if datetime.fromisoformat(row["start"]) != start:
        return person, None, "That interview is at another time by now."
    return person, row, ""


def _command(desk: Desk, person: Interviewer, row: Json, answer: str, action: Json) -> Json:
    return {
        "answer_interview": {
            "interview_id": row["interview_id"],
            "interviewer": person.id,
            "user_id": desk.context.user,
            "address": person.email.lower(),
            "start": row["start"],
            "answer": answer,
            "reason": action.get("reason", ""),
            "now": desk.context.now.isoformat(),
        }
    }


# Leaving, and what there is -----------------------------------------------------------------------------------------------------


async def unlink(desk: Desk, words: str) -> Step:
    """Ask whether they want to hear of their interviews no more."""
    person = await me(desk)
    if person is None:
        return desk.shows([_NOT_LINKED])
    lines = [
        f"Shall I no longer write to you about the interviews of {bold(person.name)}?",
        "They stay booked. To come back you need a new code from an admin.",
    ]
    row: list[Choice] = [("Yes, unlink me", {"do": "unlink_me", "interviewer": person.id}), ("‹ Stay", {"do": "mine"})]
    return desk.shows(lines, [row])


async def _unlink_me(desk: Desk, action: Json) -> Step:
    who, user = action["interviewer"], desk.context.user
    line = f"{GIVEN_UP} You are no longer linked, and hear no more of these interviews from me."
    command = {"unlink_interviewer": {"interviewer": who, "user_id": user, "actor": f"{ADDRESSEE}{who}"}}
    return Step(says=[Told(done=[line], before=[line], refused=[_CHANGED])], state=under(desk.state), command=command)


async def show_help(desk: Desk, words: str = "") -> Step:
    """What there is for an interviewer."""
    person = await me(desk)
    lines = [
        bold(f"I keep you up to date on your interviews{f', {person.name}' if person else ''}."),
        "I write when one is booked, moved, given to somebody else or cancelled, and before it begins.",
        "",
        f"{code('/agenda')} shows what is to come, with buttons to say whether you will be there; also "
        f"{code('/agenda tomorrow')}, {code('/agenda week')} or {code('/agenda 1-12 Dec')}.",
        f"{code('/unlink')} ends it.",
    ]
    return desk.shows(lines)


def welcome(person: Interviewer) -> list[str]:
    """The first words to somebody who has just been linked."""
    return [
        f"Welcome, {bold(person.name)}.",
        "I write here when an interview of yours is booked, moved or cancelled, and before it begins.",
        f"{code('/agenda')} shows your interviews, {code('/help')} says more.",
    ]


async def heard(desk: Desk, text: str) -> Step | Turn:
    """What is answered to somebody who is only an interviewer: to their commands, to a reason that was asked for, to all else."""
    command, _, words = text.strip().partition(" ")
    name, purpose = command.partition("@")[0].removeprefix("/").lower(), purpose_of(desk.state)
    if command.startswith("/") and name in _COMMANDS:
        return await _COMMANDS[name](desk, words.strip())
    if text.strip() and not command.startswith("/") and purpose and purpose["do"] in ACTIONS:
        reason = " ".join(text.split())[:_LONGEST_REASON]
        return await ACTIONS[purpose["do"]](desk, purpose | {"reason": reason})
    return desk.shows([ONLY_OWN])


# What the bot tells them of its own accord --------------------------------------------------------------------------------------


def is_own(told: Json) -> bool:
    """Whether a notice is for an interviewer."""
    return str(told["recipient"]).startswith(ADDRESSEE)


async def notice(db: Database, sop: Sop, told: Json, now: datetime) -> Worded | None:
    """A notice for an interviewer; None when they are not linked, or not in the SOP, any more."""
    who = told["recipient"].removeprefix(ADDRESSEE)
    chat = next((one["user_id"] for one in await db.linked_interviewers() if one["interviewer"] == who), None)
    person, payload = sop.interviewers.get(who), told["payload"]
    if chat is None or person is None:
        return None
    ids = [one["interview_id"] for one in payload.get("items", [payload])]
    rows = await _to_come(db, person, now, ids)
    words = own_cards.news if "items" in payload else own_cards.reminder
    buttons = own_cards.choices(rows, person, now, {"do": "mine", "ids": ids})
    return str(chat), words(payload, person, sop, rows), buttons


ACTIONS: Mapping[str, Tapped] = {
    "mine": _mine,
    "attend": _attend,
    "excuse": _excuse,
    "excuse_for": _excuse_for,
    "never_mind": _never_mind,
    "unlink_me": _unlink_me,
}
_COMMANDS: Mapping[str, Commanded] = {"agenda": agenda, "start": show_help, "help": show_help, "unlink": unlink}
