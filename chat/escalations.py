"""What waits for an admin's decision, as one card with buttons: every way out is first shown, and only a second tap takes it.

What is taken is what was shown: when the question or its options have changed meanwhile, the new ones are shown instead. How
buttons work is in `buttons.py`; who is asked, and when again, is in `handing_on.py`; somebody more for a round is in
`standing_in.py`, giving a candidate up in `changes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from chat import cards, troubles
from chat.buttons import Card, Choice, Desk, Step, Tapped, Told, asking, turning, under
from chat.intake import Said, Turn, advance
from chat.markup import Json, bold, code, esc, italic
from sop import Sop
from supabase_db import Database
from utils import plural

WHAT = {
    "no_plan": "No plan obeys all rules.",
    "replan": "There is no other plan that obeys all rules.",
    "request": "It cannot be planned as it was asked for.",
    "calendar": "An event could not be written into the calendar.",
    "crash": "Planning stopped again and again.",
    "undo": "An event could not be removed from the calendar.",
}
_PLANNING = frozenset({"no_plan", "replan", "option"})
STUCK = frozenset({"escalated", "set_aside"})
_NEWS_ONLY = frozenset({"booked", "cancelled", "rebooked", "moved", "unchanged", "undone"})
_MOST_WAYS = 8  # of options with a button
DECIDED = "That has been decided meanwhile."


async def show_escalations(desk: Desk, words: str) -> Step:
    """The oldest question, with buttons to the others."""
    return await page(desk, 0)


async def page(desk: Desk, place: int, *lead: str, more: bool = False) -> Step:
    """The question at a place, or the last one there is; `more` shows what else can be done about it."""
    rows, gap = await desk.db.open_escalations(), [""] if lead else []
    if not rows:
        return desk.shows([*lead, *gap, f"{cards.BOOKED} Nothing waits for a decision."])
    place, admins = min(place, len(rows) - 1), await desk.admins()
    row, count = rows[place], len(rows)
    heading = f"{cards.NEEDED} {bold(plural(count, 'decision'))} to make"
    lines = [*lead, *gap, heading if count == 1 else f"{heading}, this is no. {place + 1}", ""]
    buttons = (
        _rarer(row) if more else [*choices(row, alone=len(admins) < 2), *turning({"do": "escalations"}, place, count)]
    )
    return desk.shows([*lines, *question(row, desk.sop, admins)], buttons)


def question(row: Json, sop: Sop, admins: Mapping[int, str]) -> list[str]:
    """One question: whom it is about, who has it, what happened, why, and what would help. `admins` are names by chat."""
    if row["subject"]:
        return troubles.lines(row, sop, _holder(row, sop, admins))
    since = cards.when(row["opened_at"], sop.zone)
    return [
        f"{bold(row['name'])}, {esc(cards.course_title(sop, row['course']))}, since {esc(since)}",
        *_holder(row, sop, admins),
        *([WHAT[row["kind"]]] if row["kind"] in WHAT else []),
        *cards.why_and_ways(row, cards.WAYS if row["kind"] in _PLANNING else cards.CHOICES),
    ]


def _holder(row: Json, sop: Sop, admins: Mapping[int, str]) -> list[str]:
    """Who is to answer, where that may be several, and until when it was put off."""
    lines = []
    if len(admins) > 1:
        name = admins.get(row["held_by"] or row["chat_id"])
        since = cards.when(row["held_since"], sop.zone)
        times = {0: "", 1: ", handed on once", 2: ", handed on twice"}.get(
            row["handed"], f", handed on {row['handed']} times"
        )
        lines.append(f"👥 With {bold(name) if name else 'all admins'} since {esc(since)}{times}.")
    if row["put_off_until"]:
        until = cards.when(row["put_off_until"], sop.zone)
        lines.append(f"{cards.WAITS} Put off until {esc(until)}.")
    return lines


def choices(row: Json, *, alone: bool) -> list[list[Choice]]:
    """The buttons of a question: a way out on each line, then who is to decide and when. `alone`: there is no other admin."""
    ways = [
        (place, option["text"])
        for place, option in enumerate(row["options"])
        if isinstance(option, dict) and option.get("text")
    ]
    about = {"escalation": row["id"]}
    rows: list[list[Choice]] = [
        [(text, about | {"do": "option", "option": place})] for place, text in ways[:_MOST_WAYS]
    ]
    hand: list[Choice] = [("👥 Hand to…", about | {"do": "hand"})]
    usual: list[Choice] = [(f"{cards.WAITS} Ask me later", about | {"do": "later"}), *hand[alone:]]
    if row["subject"]:
        return [troubles.choices(row), usual]
    return [*(rows or _stuck(row)), [*usual, ("More…", about | {"do": "more"})]]


def _rarer(row: Json) -> list[list[Choice]]:
    """What can be done about any question, and is seldom the answer."""
    about = {"escalation": row["id"]}
    end: list[Choice] = [
        (f"{cards.GIVEN_UP} Cancel the candidate", {"do": "cancel", "candidate": row["candidate_id"]}),
        ("Close, do nothing", about | {"do": "close"}),
    ]
    other: list[Choice] = [("👥 Another interviewer", about | {"do": "stand_in"})]
    return [*_stuck(row), *([other] if can_stand_in(row) else []), end, [way_back(row)]]


def can_stand_in(row: Json) -> bool:
    """Whether there might be a plan with somebody more for a round."""
    return row["kind"] in _PLANNING and row["candidate_status"] == "escalated"


def _stuck(row: Json) -> list[list[Choice]]:
    """For a candidate who waits for nothing but the answer."""
    about = {"escalation": row["id"]}
    again: list[Choice] = [
        ("✏️ Edit the candidate", about | {"do": "edit"}),
        ("🔁 Plan again", about | {"do": "plan_again"}),
    ]
    return [again] if row["candidate_status"] in STUCK else []


async def notice_choices(db: Database, notice: Json, *, alone: bool) -> list[list[Choice]]:
    """The buttons under a notice: those of the newest question about its candidate, while one is open."""
    about = (notice["payload"].get("candidate") or {}).get("id")
    if notice["kind"] in _NEWS_ONLY or not about:
        return []
    rows = [row for row in await db.open_escalations() if row["candidate_id"] == about]
    return choices(max(rows, key=lambda row: int(row["id"])), alone=alone) if rows else []


def way_back(row: Json, do: str = "escalation", **about: object) -> Choice:
    """The button to a question, or to something else about it."""
    return "‹ Back", {"do": do, "escalation": row["id"], **about}


async def _turn_to(desk: Desk, action: Json) -> Step:
    return await page(desk, action["place"])


async def _back(desk: Desk, action: Json) -> Step:
    """The question itself again."""
    row, place = await found(desk, action)
    return await page(desk, place) if row else await gone(desk)


async def _more(desk: Desk, action: Json) -> Step:
    row, place = await found(desk, action)
    return await page(desk, place, more=True) if row else await gone(desk)


async def found(desk: Desk, action: Json) -> tuple[Json | None, int]:
    """The question of a button, if it is still open, and its place."""
    for place, row in enumerate(await desk.db.open_escalations()):
        if row["id"] == action["escalation"]:
            return row, place
    return None, 0


async def gone(desk: Desk) -> Step:
    """Somebody was quicker; the next question, if there is one."""
    return await page(desk, 0, DECIDED)


# A way out: first shown, then taken -------------------------------------------------------------------------------------------


async def _preview(desk: Desk, action: Json) -> Step:
    """The plan that a way out gives, or what it does."""
    row, _ = await found(desk, action)
    return await _shown(desk, row, action["option"]) if row else await gone(desk)


async def _shown(desk: Desk, row: Json, place: int, *lead: str) -> Step:
    """A way out with the button that takes it; the whole question when it is no longer among the ways."""
    options = row["options"]
    if place >= len(options) or not isinstance(options[place], dict):
        return await _back(desk, {"escalation": row["id"]})
    option = options[place]
    take = {"do": "take", "escalation": row["id"], "option": place, "shown": option}
    planned = bool(option.get("interviews"))
    lines = plan_lines(row, option, desk.sop) if planned else what_it_does(row, option)
    buttons: list[list[Choice]] = [
        [
            (f"{cards.BOOKED} {'Book this' if planned else 'Do this'}", take),
            way_back(row),
        ]
    ]
    return desk.shows([*lead, *([""] if lead else []), *lines], buttons)


def plan_lines(row: Json, option: Json, sop: Sop) -> list[str]:
    """The plan of a way out: who, with whom and when."""
    tz = sop.zone
    lines = [f"{cards.DRAFT} {bold(row['name'])}: {esc(option['text'])}", "That gives this plan:", ""]
    for place, one in enumerate(option["interviews"]):
        title, backups = round_of(sop, row["course"], one)
        people = [(cards.person_name(sop, who), who in backups) for who in one["interviewers"]]
        lines += cards.round_lines(place + 1, title, one["start"], one["end"], people, tz)
    return [*lines, "", f"Times are in {esc(sop.timezone)}. Nothing is booked yet."]


def what_it_does(row: Json, option: Json) -> list[str]:
    """A way out that has no plan of its own."""
    return [f"{cards.DRAFT} {bold(row['name'])}: {esc(option['text'])}", "", "Shall I do this?"]


def round_of(sop: Sop, course: str, one: Json) -> tuple[str, frozenset[str]]:
    """The title of a planned interview's round, and who of its interviewers steps in as a backup; an SOP that has changed since
    may know neither."""
    rounds = sop.courses[course].rounds if course in sop.courses else ()
    for round_ in rounds:
        if round_.id == one["round"]:
            seated = zip(round_.seats, one["interviewers"], strict=False)
            return round_.title, frozenset(who for seat, who in seated if seat.ranks.get(who, 0))
    return one["round"], frozenset()


async def _take(desk: Desk, action: Json) -> Step:
    """Take what was shown, or show what there is instead by now."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    place, shown = action["option"], action["shown"]
    if place >= len(row["options"]) or row["options"][place] != shown:
        return await _shown(desk, row, place, f"{cards.NEEDED} This has changed since you looked. It is now:")
    command = {"take_shown": {"escalation_id": row["id"], "option": place, "shown": shown, "actor": desk.actor}}
    return Step(says=[taken(desk, row, shown)], state=desk.state, command=command)


def taken(desk: Desk, row: Json, option: Json) -> Told:
    """What is said once a way out was taken."""
    name, text = bold(row["name"]), esc(option["text"])
    doing = (
        "I book exactly these times now. If one of them has gone meanwhile, I book nothing and ask again."
        if option.get("interviews")
        else desk.result_told(row["chat_id"])
    )
    return Told(
        done=[f"{cards.BOOKED} {name}: {text}", doing],
        before=[f"{name}: that was decided before; nothing more has happened."],
        refused=[f"{name}: something has changed meanwhile, so nothing was done. /escalations shows how it stands."],
    )


async def _check_again(desk: Desk, action: Json) -> Step:
    """Have those who wait for a calendar tried at once."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    command = {"check_again": {"escalation_id": row["id"], "actor": desk.actor}}
    told = Told(done=troubles.checking(row), before=[DECIDED], refused=[DECIDED])
    return Step(says=[told], state=desk.state, command=command)


# What can always be done ------------------------------------------------------------------------------------------------------


async def _edit(desk: Desk, action: Json) -> Step | Turn:
    """The draft's card with what is known of the candidate; confirming it plans again with the new values."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    match = (await desk.db.show_candidate(needle=row["candidate_id"]))["matches"][0]
    said = Said(update=desk.update, command="start", again=match["request"], replaces=match["id"])
    return advance(under(desk.state), said, desk.context)


async def _again(desk: Desk, action: Json) -> Step:
    """Back into the queue, to be planned on what is true then."""
    row, _ = await found(desk, action)
    return plan_again(desk, row["candidate_id"], row["name"], row["chat_id"]) if row else await gone(desk)


def plan_again(desk: Desk, candidate: str, whose: str, chat: int | None) -> Step:
    """Back into the queue with a candidate, by id and name, whom somebody in a chat took in."""
    name = bold(whose)
    told = Told(
        done=[f"{cards.WAITS} {name} is queued again. {desk.result_told(chat)}"],
        before=[f"{cards.WAITS} {name} is queued already."],
        refused=[f"{name} cannot be queued just now. See {code('/status ' + whose)}."],
    )
    command = {"requeue": {"candidate_id": candidate, "actor": desk.actor, "reason": "an admin asked for another try"}}
    return Step(says=[told], state=desk.state, command=command)


async def _close(desk: Desk, action: Json) -> Step:
    """Ask why a question is to be closed without an answer."""
    row, _ = await found(desk, action)
    if row is None:
        return await gone(desk)
    left = " They stay without interviews." if row["candidate_status"] in STUCK else troubles.left(row)
    lines = [
        f"Close the question about {bold(row['name'])} and do nothing?{left}",
        "Why? Write it, or tap.",
    ]
    about = {"do": "close_for", "escalation": row["id"], "name": row["name"]}
    buttons: list[list[Choice]] = [
        [("Settled elsewhere", about | {"reason": "settled elsewhere"})],
        [("No reason", about | {"reason": "closed without a reason"})],
        [("‹ Back", {"do": "leave_reason", "then": {"do": "escalation", "escalation": row["id"]}})],
    ]
    return Step(says=[Card(lines=lines, rows=buttons)], state=asking(desk, about))


async def _close_for(desk: Desk, action: Json) -> Step:
    """Close a question for a reason."""
    name = bold(action["name"])
    told = Told(
        done=[f"Closed: the question about {name}.", italic(action["reason"])],
        before=[f"The question about {name} was closed before."],
        refused=["There is no such question any more."],
    )
    command = {
        "resolve_escalation": {
            "escalation_id": action["escalation"],
            "actor": desk.actor,
            "resolution": action["reason"],
        }
    }
    return Step(says=[told], state=under(desk.state), command=command)


ACTIONS: Mapping[str, Tapped] = {
    "escalations": _turn_to,
    "escalation": _back,
    "more": _more,
    "check_again": _check_again,
    "option": _preview,
    "take": _take,
    "edit": _edit,
    "plan_again": _again,
    "close": _close,
    "close_for": _close_for,
}
