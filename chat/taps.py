"""Every command and button of the desk, and what each leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chat import (
    candidates,
    cards,
    changes,
    escalations,
    files,
    finding,
    handing_on,
    interviewing,
    linking,
    looking,
    moves,
    people,
    sop_desk,
    standing_in,
    undo,
)
from chat.buttons import Card, Commanded, Desk, Step, Tapped, purpose_of, under
from chat.intake import Said, Turn, is_candidate
from chat.markup import Json
from chat.questions import Context

_LONGEST_REASON = 500


async def _leave_reason(desk: Desk, action: Json) -> Step | Turn:
    """Back to where the reason was asked for."""
    return await tapped(replace(desk, state=under(desk.state)), action["then"])


ACTIONS: Mapping[str, Tapped] = {
    "leave_reason": _leave_reason,
    **finding.ACTIONS,
    **candidates.ACTIONS,
    **escalations.ACTIONS,
    **handing_on.ACTIONS,
    **standing_in.ACTIONS,
    **changes.ACTIONS,
    **moves.ACTIONS,
    **files.ACTIONS,
    **looking.ACTIONS,
    **sop_desk.ACTIONS,
    **people.ACTIONS,
    **linking.ACTIONS,
    **interviewing.ACTIONS,
    **undo.ACTIONS,
}

# Name, short description for the menu, and what answers; in the order of the menu.
COMMANDS: Mapping[str, tuple[str, Commanded]] = {
    **candidates.COMMANDS,
    **looking.COMMANDS,
    "sop": ("The SOP: see it, change it, go back", sop_desk.show),
    "import": ("Take in a list: send me a CSV file", files.ask_for_file),
    "escalations": ("What needs your decision", escalations.show_escalations),
    "reschedule": ("Move rounds: /reschedule Priya", moves.reschedule),
    "swap": ("Another interviewer: /swap Priya", moves.swap),
    "block": ("Somebody cannot come: /block asha 3-5 Dec", changes.block),
    "unblock": ("Somebody can come again", changes.unblock),
    "undo": ("Take back what was done last: /undo Priya", undo.undo),
    "pause": ("Let the queue stand still", changes.pause),
    "resume": ("Let the queue go on", changes.resume),
    "admins": ("Who may use this bot", people.show),
    "unlink": ("Be no interviewer here any more", interviewing.unlink),
}


async def tapped(desk: Desk, action: Json) -> Step | Turn:
    """What a button leads to."""
    return await ACTIONS[action["do"]](desk, action)


def is_reason(state: Json | None, said: Said, context: Context) -> bool:
    """Whether something said answers the question for a reason. A whole candidate does not, who is pasted while such a question
    was left open; of who might only look nothing else is heard."""
    purpose = purpose_of(state)
    if purpose is None or said.command == "start" or said.button is not None:
        return False
    return purpose["do"] in interviewing.ACTIONS or not is_candidate(said.text or "", context)


async def reason_given(desk: Desk, said: Said) -> Step | Turn:
    """What follows while a reason is being asked for: the reason, or that there will be none."""
    purpose = purpose_of(desk.state)
    if purpose is None or said.command:
        return Step(says=[Card(lines=[f"{cards.GIVEN_UP} Never mind: nothing was changed."])], state=under(desk.state))
    if not said.text:
        return Step(
            says=[Card(lines=["I can only read text here. Why? Write it, or tap; /cancel stops."])], state=desk.state
        )
    return await tapped(desk, purpose | {"reason": " ".join(said.text.split())[:_LONGEST_REASON]})
