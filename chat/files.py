"""Files that an admin sends: a list of candidates is shown with its mistakes first, and taken in as a whole on Confirm.

What is taken in is what was shown: the button keeps the rows. An SOP goes to `sop_desk.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat import cards, sop_desk
from chat.buttons import Choice, Desk, Step, Tapped
from chat.intake import Turn
from chat.markup import Json, bold, code, esc, first_of, listed, say
from domain.errors import FieldError
from domain.intake import check_request
from domain.model import CandidateRequest
from domain.roster import BadRow, GoodRow, Roster, read_csv, row_key
from utils import plural

LARGEST = 1_000_000  # bytes of a file
_MOST_ROWS = 1_000  # taken in by one tap
_MOST_LISTED = 10
LISTS = (".csv", ".tsv", ".txt")


def refusal(name: str, size: int) -> str:
    """Why a file is not even fetched; empty when it is."""
    if not name.lower().endswith(LISTS + sop_desk.FILES):
        known = f"lists of candidates ({', '.join(LISTS)}) and SOPs ({', '.join(sop_desk.FILES)})"
        return f"I can read {known}, but not {code(name)}."
    if size > LARGEST:
        return f"{code(name)} has {size:,} bytes; I take up to {LARGEST:,}. Split it into several."
    return ""


async def opened(desk: Desk, name: str, data: bytes) -> Step:
    """What to say to a file that an admin has sent."""
    if name.lower().endswith(sop_desk.FILES):
        return await sop_desk.read_file(desk, name, data)
    return read_list(desk, name, data)


async def ask_for_file(desk: Desk, words: str) -> Step:
    """How to hand over a file. Where a path of one was given, it has been read before this."""
    missing = [f"There is no file {code(words[:200])} here.", ""] if words else []
    lines = [
        *missing,
        f"Send me a CSV file of candidates with the columns {code('name, email, course, window, slots')}; I show what is in it "
        "before anything is taken in.",
        f"At the terminal write {code('/import')} and the path of a file that is there.",
    ]
    return desk.shows(lines)


def read_list(desk: Desk, name: str, data: bytes) -> Step:
    """What a list of candidates holds, with the button that takes the good rows in."""
    roster = read_csv(data, desk.context.reference)
    rows = roster.good[:_MOST_ROWS]
    lines = [f"{cards.DRAFT} {bold(name)}: {_counts(roster)}", *_good(rows, desk), *_bad(roster.bad)]
    if len(roster.good) > len(rows):
        lines += ["", f"I take in {_MOST_ROWS:,} at once, the first ones. Send the file again for the others."]
    if not rows:
        return desk.shows([*lines, "", "Mend the file and send it again."])
    take = {
        "do": "take_list",
        "name": name,
        "rows": [{"request": row.request.plain(), "key": row_key(row.request)} for row in rows],
    }
    buttons: list[list[Choice]] = [
        [(f"{cards.BOOKED} Take in {plural(len(rows), 'candidate')}", take), ("✖️ Leave it", {"do": "leave_list"})]
    ]
    return desk.shows(lines, buttons)


def _counts(roster: Roster) -> str:
    wrong = len({row.line for row in roster.bad})
    good = f"{plural(len(roster.good), 'row')} can go in"
    return f"{good}, {wrong} cannot." if wrong else f"{good}."


def _good(rows: Sequence[GoodRow], desk: Desk) -> list[str]:
    """The first of the rows that can go in, and how many more there are."""
    lines = [f"{bold(row.request.name)}, {esc(cards.course_title(desk.sop, row.request.course))}" for row in rows]
    return ["", *first_of(lines, _MOST_LISTED)] if lines else []


def _bad(rows: Sequence[BadRow]) -> list[str]:
    """Each mistake with its line and what would be right."""
    lines = [
        f"{cards.NEEDED} line {row.line}, {esc(row.field)}: {_named(row)}{esc(row.hint)}" for row in rows[:_MOST_LISTED]
    ]
    more = [f"… and {plural(len(rows) - _MOST_LISTED, 'more mistake')}."] if len(rows) > _MOST_LISTED else []
    return ["", *lines, *more] if lines else []


def _named(row: BadRow) -> str:
    return f"{code(row.value)}. " if row.value and not row.hint.startswith(row.value) else ""


async def _take(desk: Desk, action: Json) -> Step | Turn:
    """Enqueue all that was shown; nothing when meanwhile some of it can no longer be right."""
    try:
        for row in action["rows"]:
            check_request(CandidateRequest.parse(row["request"]), desk.context.reference)
    except FieldError as mistake:
        gone = f"Nothing was taken in: since I showed this, {code(mistake.value)} can no longer be used. {esc(mistake.hint)}"
        return Turn(state=desk.state, replies=[say([gone, "Mend the file and send it again."], edit=desk.message)])
    command = {
        "enqueue_all": {
            "rows": action["rows"],
            "source": "csv",
            "actor": desk.actor,
            "chat_id": desk.context.chat,
            "lane": desk.context.lane,
        }
    }
    reply = {"taken_in": {"name": action["name"]}} | ({"edit": desk.message} if desk.message else {})
    return Turn(state=desk.state, replies=[reply], command=command)


async def _leave(desk: Desk, _: Json) -> Step:
    return desk.shows([f"{cards.GIVEN_UP} Nothing of that file was taken in."])


def taken_in(about: Json, outcome: Json) -> list[str]:
    """What came of taking in a list; `about` has the file's `name`."""
    new, there = outcome["created"], outcome["there"]
    told = (
        f"{plural(new, 'candidate')} taken in. {cards.result_told(outcome, 'there are results')}"
        if new
        else "nobody is new."
    )
    lines = [f"{cards.WAITS} {bold(about['name'])}: {told}"]
    if there:
        names = listed([esc(name) for name in there], _MOST_LISTED)
        lines.append(f"There already, and left as they were: {names}.")
    return [*lines, "/queue shows who waits."]


ACTIONS: Mapping[str, Tapped] = {"take_list": _take, "leave_list": _leave}
