"""All commands: the menu that chats offer, and the help by example. What they do is in `taps.py` and `intake.py`."""

from __future__ import annotations

from chat import roles, taps
from chat.buttons import Desk, Step
from chat.markup import bold, code

_LOOKING = "Looking"  # the part that everybody may do
_EXAMPLES = (
    ("Taking in", (
        ("/new", "takes in a candidate: I ask, you answer, and nothing counts until you tap Confirm. You can also send me "
                 "everything in one message:"),
        ("Priya Nair, priya@example.com, Java, 1-12 Dec, 9-12 and 4-7pm, not the 5th", ""),
        ("/again Priya", "starts from somebody who was here before."),
        ("/import", "says how to send me a CSV file of candidates."),
        ("/cancel", "stops what I am asking."),
    )),
    (_LOOKING, (
        ("/queue", "shows who waits."),
        ("/status Priya", "shows where a candidate is, with buttons for what can be done. An email address or a number will do, "
                          "too."),
        ("/agenda", "shows today's interviews; also /agenda tomorrow, week, 1-12 Dec, Asha or Priya, as a file if you like."),
        ("/agenda mine", "shows your own interviews, if you are an interviewer here; /unlink ends that."),
        ("/week", "draws the week; /week next the one after."),
        ("/interviewers", "shows who has how much to do and who is free next."),
        ("/stats", "shows what was done and what it took."),
        ("/audit Priya", "shows what happened."),
        ("/sop", "shows the SOP."),
    )),
    ("Deciding and changing", (
        ("/escalations", "shows what I could not decide, and why; buttons show the ways out before they take them."),
        ("/reschedule Priya", "moves rounds."),
        ("/swap Priya", "takes another interviewer."),
        ("/block asha 3-5 Dec", "plans without somebody who cannot come."),
        ("/unblock", "says who can come again."),
        ("/cancel Priya", "gives a candidate up."),
        ("/undo", "takes back what you did last, /undo Priya what was done last about Priya; I show it first."),
        ("/sop", "takes a changed file, too: send it to me, and I show what is different before it counts."),
        ("/interviewers", "links them to this chat, too: then they hear of their own interviews here, and say "
                          "whether they come."),
        ("/pause", "lets the queue stand still, /resume lets it go on."),
        ("/admins", "shows who may use this bot; owners let people in and out."),
    )),
)  # fmt: skip


def menu() -> list[tuple[str, str]]:
    """Name and short description of every command, in the order in which chats offer them."""
    return [
        ("new", "Take in a candidate"),
        *((name, text) for name, (text, _) in taps.COMMANDS.items()),
        ("cancel", "Stop what I ask, or give up: /cancel Priya"),
        ("help", "What I do, by example"),
    ]


def viewers_menu() -> list[tuple[str, str]]:
    """The same for those who may only look."""
    return [entry for entry in menu() if entry[0] in roles.LOOKS]


async def show_help(desk: Desk, _: str) -> Step:
    """What the bot does, by example; for those who may only look, what they may."""
    lines = [
        bold("I schedule mock interviews."),
        "Give me a candidate; I find the times by the SOP, book them and write the calendar events."
        if desk.decides
        else "Admins take candidates in and decide; you can look at everything.",
    ]
    for heading, examples in _EXAMPLES:
        if desk.decides or heading == _LOOKING:
            lines += ["", bold(heading), *(f"{code(example)} {text}".rstrip() for example, text in examples)]
    return desk.shows(lines)
