"""Who is to answer a question, and when: put off by an admin, given to another by name, or gone on to the next by itself.

When a question goes on is decided in `lifecycle/handing_on.py`; what can be answered is in `escalations.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from chat import cards
from chat.buttons import Choice, Desk, Step, Tapped, Told, Worded
from chat.escalations import DECIDED, choices, found, gone, question, way_back
from chat.markup import Json, bold, esc
from lifecycle.handing_on import HOUR, Later, later
from sop import Sop
from supabase_db import Database
from utils import local_text

NEXT = "next admin"  # the recipient of a notice for whoever is to be asked after the one who was
_MINE = frozenset({"handed_to", "put_off"})  # for whoever has the question, as long as they have it
_LEADS = {
    "access": f"{cards.NEEDED} A calendar cannot be used.",
    "handed_on": f"{cards.NEEDED} Nobody has answered this yet, so it is yours now.",
    "handed_to": f"{cards.NEEDED} {{}} gives you this to decide.",
    "put_off": f"{cards.WAITS} You wanted to be asked again now.",
    "still_open": f"{cards.NEEDED} This is still open. I have asked several times and do not ask again; /escalations keeps it.",
}
_ALONE = f"{cards.NEEDED} This still waits for your decision."


# Put off ------------------------------------------------------------------------------------------------------------------------


async def _later(desk: Desk, action: Json, *lead: str) -> Step:
    """Ask when to ask again."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    now, tz = desk.context.now, desk.sop.zone
    buttons: list[list[Choice]] = []
    for way, moment in later(now, desk.sop.desk).items():
        until = {} if way is Later.HOUR else {"until": moment.isoformat()}
        about = {"do": "put_off", "escalation": row["id"]} | until
        buttons.append([(_when(way, moment.astimezone(tz), now.astimezone(tz)), about)])
    lines = [
        *lead,
        f"When shall I ask you about {bold(row['name'])} again? Until then I ask nobody.",
        f"Times are in {esc(desk.sop.timezone)}.",
    ]
    return desk.shows(lines, [*buttons, [way_back(row)]])


def _when(way: Later, moment: datetime, now: datetime) -> str:
    """`Tomorrow at 09:00`, for a moment on the clock that `now` is on."""
    if way is Later.HOUR:
        return "In an hour"
    if way is Later.AFTERNOON:
        return f"This afternoon at {moment:%H:%M}"
    day = "Tomorrow" if moment.date() == now.date() + timedelta(days=1) else f"{moment:%a} {moment.day} {moment:%b}"
    return f"{day} at {moment:%H:%M}"


async def _put_off(desk: Desk, action: Json) -> Step:
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    now = desk.context.now
    until = datetime.fromisoformat(action["until"]) if "until" in action else now + HOUR
    if until <= now:
        return await _later(desk, action, "That time has come already.")
    told = Told(
        done=[f"{cards.WAITS} I ask you about {bold(row['name'])} again on {esc(local_text(until, desk.sop.zone))}."],
        before=[DECIDED],
        refused=[DECIDED],
    )
    arguments = {"escalation_id": row["id"], "until": until.isoformat(), "chat_id": desk.context.chat}
    return Step(says=[told], state=desk.state, command={"put_off": arguments | {"actor": desk.actor}})


# Given to somebody else ---------------------------------------------------------------------------------------------------------


async def _hand(desk: Desk, action: Json, *lead: str) -> Step:
    """Ask who is to decide."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    others = {chat: name for chat, name in (await desk.admins()).items() if chat != desk.context.chat}
    about = {"do": "hand_to", "escalation": row["id"]}
    buttons: list[list[Choice]] = [[(name, about | {"chat": chat})] for chat, name in others.items()]
    if others:
        lines = [f"Who is to decide about {bold(row['name'])}? They are asked right away."]
    else:
        lines = ["There is no other admin. Owners let people in by /admins."]
    return desk.shows([*lead, *lines], [*buttons, [way_back(row)]])


async def _hand_to(desk: Desk, action: Json) -> Step:
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    name = (await desk.admins()).get(action["chat"])
    if name is None:
        return await _hand(desk, action, "They may not decide any more.")
    told = Told(
        done=[f"👥 {bold(name)} is asked to decide about {bold(row['name'])}."], before=[DECIDED], refused=[DECIDED]
    )
    arguments = {"escalation_id": row["id"], "chat_id": action["chat"], "from": desk.context.chat}
    return Step(says=[told], state=desk.state, command={"hand_to": arguments | {"actor": desk.actor}})


# What is told of a question -----------------------------------------------------------------------------------------------------


def is_question(notice: Json) -> bool:
    """Whether a notice is a question itself, put to somebody."""
    return notice["kind"] in _LEADS


async def put_to(db: Database, sop: Sop, notice: Json, admins: Mapping[int, str]) -> Worded | None:
    """A question as it is now, and whom it is put to; None when it was answered, or has come to somebody else, meanwhile."""
    payload, kind, recipient = notice["payload"], notice["kind"], notice["recipient"]
    if recipient == NEXT:
        asked = {"escalation_id": payload["escalation_id"], "handed": payload["handed"]}
        recipient = str(await db.next_holder(**asked, admins=list(admins)) or "")
    row = next((one for one in await db.open_escalations() if one["id"] == payload["escalation_id"]), None)
    if row is None or not recipient or (kind in _MINE and not _has(row, recipient, payload)):
        return None
    lead = _LEADS[kind].format(bold(admins.get(payload.get("from", 0), "Another admin")))
    if kind == "handed_on" and len(admins) < 2:
        lead = _ALONE
    return recipient, [lead, "", *question(row, sop, admins)], choices(row, alone=len(admins) < 2)


def _has(row: Json, recipient: str, payload: Json) -> bool:
    """Whether somebody still has a question, and has not put it off further."""
    return (str(row["held_by"]), row["handed"], row["put_off_until"]) == (recipient, payload["handed"], None)


ACTIONS: Mapping[str, Tapped] = {
    "later": _later,
    "put_off": _put_off,
    "hand": _hand,
    "hand_to": _hand_to,
}
