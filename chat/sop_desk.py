"""The SOP in the chat: the one in force as a file, a new one shown with what it changes, and earlier ones to go back to.

What comes into force is what was shown: the button keeps the text, and does nothing once another SOP has come into force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from chat import cards
from chat.buttons import Card, Choice, Desk, Step, Tapped, Told, turning
from chat.foresight import prospect_lines
from chat.markup import Json, attach, bold, code, esc, first_of
from chat.sop_words import differences
from domain.errors import InvalidSop
from sop import Sop
from sop.linter import Finding, Severity, lint
from utils import plural

FILES = (".yaml", ".yml")
_MOST_LISTED = 15
_MOST_VERSIONS = 100
_ROWS = 8  # on a page


async def show(desk: Desk, _: str) -> Step:
    """The SOP in force: a summary, the file, and how to change it."""
    return await _show(desk, {})


async def _show(desk: Desk, action: Json) -> Step:
    versions = await desk.db.sop_history(limit=2)
    lines = [
        f"📘 {bold('The SOP in force')}, {_since(desk, versions[0])}" if versions else f"📘 {bold('The SOP in force')}",
        f"{plural(len(desk.sop.interviewers), 'interviewer')}, days in {esc(desk.sop.timezone)}.",
        "",
        *(
            f"{bold(course.title)}: {esc(' > '.join(one.title for one in course.rounds))}"
            for course in desk.sop.courses.values()
        ),
        "",
        *(
            ["To change it, send me the file with your changes; I show what is different before it counts."]
            * desk.decides
        ),
    ]
    earlier: list[list[Choice]] = [[("Earlier versions", {"do": "sop_versions"})]] if len(versions) > 1 else []
    says: list[Card | Json] = [Card(lines=lines, rows=earlier)]
    if versions:
        says.append(attach("sop.yaml", versions[0]["text"].encode()))
    return Step(says=says, state=desk.state)


def _since(desk: Desk, row: Json) -> str:
    return f"since {esc(cards.when(row['at'], desk.sop.zone))}, {_source(row)}"


def _source(row: Json) -> str:
    return {"file": "read from its file", "chat": "sent in the chat"}.get(row["source"], f"by {row['source']}")


async def read_file(desk: Desk, name: str, data: bytes) -> Step:
    """A new SOP: its mistakes, or what it changes and the button that puts it in force."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refused(desk, name, [f"It is not UTF-8 text (byte {error.start})."])
    return await _opened(desk, text, name)


async def _opened(desk: Desk, text: str, name: str) -> Step:
    try:
        after = await asyncio.to_thread(desk.parse, text, name)
    except InvalidSop as error:
        return _refused(desk, name, [f"{problem}" for problem in error.problems])
    return await _preview(desk, after, text, name)


def _refused(desk: Desk, name: str, problems: Sequence[str]) -> Step:
    """A file that cannot be read as an SOP, with every mistake and its line."""
    lines = [f"{cards.NEEDED} {bold(name)} cannot be used: {plural(len(problems), 'mistake')}.", ""]
    lines += first_of([f"• {esc(problem)}" for problem in problems], _MOST_LISTED)
    return desk.shows([*lines, "", "The SOP in force stays as it is."])


async def _preview(desk: Desk, after: Sop, text: str, name: str, *lead: str) -> Step:
    """What an SOP changes, what is odd about it, and what it would mean for those who are open."""
    if after.version == desk.sop.version:
        lines = [*lead, f"{bold(name)} means the same as the SOP in force, so there is nothing to change."]
        return desk.shows(lines)
    changes = first_of([f"• {esc(line)}" for line in differences(desk.sop, after)], _MOST_LISTED)
    found = await asyncio.to_thread(lint, after, desk.context.reference.today)
    seen = await desk.foresight.other_sop(desk.sop, after, desk.context.now)
    lines = [*lead, f"{cards.DRAFT} {bold(name)} changes this:", "", *changes, *_findings(found)]
    lines += prospect_lines(seen, desk.sop.zone)
    go = {"do": "sop_activate", "text": text, "name": name, "version": after.version, "before": desk.sop.version}
    label = "Put it in force anyway" if any(one.severity is Severity.ERROR for one in found) else "Put it in force"
    buttons: list[list[Choice]] = [
        [(f"{cards.BOOKED} {label}", go), (f"{cards.GIVEN_UP} Leave it", {"do": "sop_leave"})]
    ]
    question = ["", "It holds for all that is planned from then on; what is booked stays."]
    return desk.shows([*lines, *question], buttons)


def _findings(found: Sequence[Finding]) -> list[str]:
    """What cannot work or can hardly be meant; hints are left to the command line."""
    told = [one for one in found if one.severity is not Severity.HINT]
    lines = [f"{cards.NEEDED} {esc(one.message)} {esc(one.fix)}" for one in told[:_MOST_LISTED]]
    return ["", *lines] if lines else []


async def _activate(desk: Desk, action: Json) -> Step:
    """Put in force what was shown; shown anew when another SOP has come into force meanwhile."""
    if desk.sop.version != action["before"]:
        after = await asyncio.to_thread(desk.parse, action["text"], action["name"])
        return await _preview(
            desk, after, action["text"], action["name"], "Another SOP has come into force meanwhile.", ""
        )
    told = Told(
        done=[f"{cards.BOOKED} {bold(action['name'])} is in force. {code('/sop')} shows it, and the way back."],
        before=[f"{bold(action['name'])} was in force before; nothing more has happened."],
        refused=["It could not be put in force just now. Please try again in a moment."],
    )
    arguments = {"version": action["version"], "text": action["text"], "source": "chat", "actor": desk.actor}
    return Step(says=[told], state=desk.state, command={"activate_sop": arguments})


async def _leave(desk: Desk, _: Json) -> Step:
    return desk.shows([f"{cards.GIVEN_UP} The SOP in force stays as it is."])


async def _versions(desk: Desk, action: Json) -> Step:
    """Earlier SOPs, newest first, each with a button that shows what going back to it changes."""
    earlier, place = (await desk.db.sop_history(limit=_MOST_VERSIONS))[1:], action.get("place", 0)
    lines = ["Which one? I show what is different before it counts."]
    rows: list[list[Choice]] = [
        [
            (
                f"{cards.when(row['at'], desk.sop.zone)}, {_source(row)}",
                {"do": "sop_back", "version": row["version"]},
            )
        ]
        for row in earlier[place * _ROWS : (place + 1) * _ROWS]
    ]
    pages = turning({"do": "sop_versions"}, place, len(earlier), _ROWS)
    return desk.shows(lines, [*rows, *pages, [("‹ Back", {"do": "sop"})]])


async def _back(desk: Desk, action: Json) -> Step:
    """What going back to an earlier SOP changes."""
    versions = await desk.db.sop_history(limit=_MOST_VERSIONS)
    text = next((row["text"] for row in versions if row["version"] == action["version"]), None)
    if text is None:
        return await _show(desk, {})
    # It may be of a version of this program that read SOPs otherwise.
    return await _opened(desk, text, "The earlier SOP")


ACTIONS: Mapping[str, Tapped] = {
    "sop": _show,
    "sop_activate": _activate,
    "sop_leave": _leave,
    "sop_versions": _versions,
    "sop_back": _back,
}
