"""Who may do what: owners (named in the settings) everything, admins all but inviting, viewers may only look. Interviewers who
have no role beside it have their own side of the bot, in `interviewing.py`. Who has which role is known to `gate.py`.
"""

from __future__ import annotations

from telegram import Update
from telegram.constants import ChatType

from chat import interviewing
from chat.buttons import PREFIX, purpose_of
from chat.markup import Json

OWNER, ADMIN, VIEWER, INTERVIEWER = "owner", "admin", "viewer", "interviewer"
LOOK_ONLY = "You may look at everything here, but change nothing. /help names what there is."
LOOKS = frozenset({"queue", "status", "agenda", "week", "interviewers", "stats", "audit", "sop", "help", "unlink"})
# What viewers' buttons may do:
_LOOKING = frozenset({"which", "queue", "status", "agenda", "interviewers", "audit", "sop", "sop_versions"})


def private_user(update: Update) -> int | None:
    """Who sent an update in their private chat, which has the same id; None for an update from anywhere else."""
    user, chat = update.effective_user, update.effective_chat
    if user is None or chat is None or chat.type != ChatType.PRIVATE or chat.id != user.id:
        return None
    return user.id


def may(role: str, update: Update, state: Json | None) -> bool:
    """Whether somebody with a role may do what an update asks, with their conversation where it is; of a button with a token,
    `may_tap` says it."""
    if role != VIEWER:
        return True
    if update.callback_query:
        return (update.callback_query.data or "").startswith(PREFIX)
    text = (update.message and update.message.text) or ""
    if text[:1] != "/":
        purpose = purpose_of(state)
        return bool(text) and purpose is not None and purpose["do"] in interviewing.ACTIONS
    return text[1:].split(maxsplit=1)[:1] != [] and text[1:].split()[0].partition("@")[0] in LOOKS


def may_tap(role: str, action: Json) -> bool:
    """Whether somebody of this role may do what a button stands for."""
    if action["do"] in interviewing.ACTIONS or role in {OWNER, ADMIN}:
        return True
    return role == VIEWER and action["do"] in _LOOKING


def refusal(role: str) -> str:
    """What somebody of this role hears when they may not."""
    return interviewing.ONLY_OWN if role == INTERVIEWER else LOOK_ONLY


def sorry(role: str) -> str:
    """An apology for what failed on our side."""
    return f"Sorry, something went wrong on my side. {_sight(role)} whether it was done; if not, please try again."


def too_late(role: str) -> str:
    """That somebody else was quicker."""
    return f"That has changed meanwhile, so nothing was done. {_sight(role)} how it is now."


def _sight(role: str) -> str:
    return "/agenda shows" if role == INTERVIEWER else "/queue and /status show"
