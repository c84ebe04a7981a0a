"""Who of the interviewers is in this chat, for admins: a one-time code for each to send on, and an end to it.

What somebody who is linked can do is in `interviewing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from chat import cards, people
from chat.buttons import FAILED, Choice, Desk, Step, Tapped, Told, turning
from chat.markup import Json, bold, code, esc

_ROWS = 10  # on a page
_BACK: Choice = ("‹ Back", {"do": "linking"})


def way_in(desk: Desk) -> list[list[Choice]]:
    """The button that leads here, for those who may decide."""
    return [[("Link to this chat…", {"do": "linking"})]] if desk.decides else []


async def _linking(desk: Desk, action: Json) -> Step:
    """Everybody who interviews, with a button that links or unlinks each; those whom the SOP no longer has, too."""
    linked = {row["interviewer"]: row for row in await desk.db.linked_interviewers()}
    names = await desk.db.known_names()
    everybody = [*desk.sop.interviewers, *(who for who in linked if who not in desk.sop.interviewers)]
    place = action.get("place", 0)
    lines = [
        f"👥 {bold('Interviewers in this chat')}",
        "Whoever is linked is told here when an interview of theirs is booked, moved or cancelled, is reminded of it, and says "
        "whether they come. The link shows them nothing else.",
        "",
    ]
    rows: list[list[Choice]] = []
    for who in everybody[place * _ROWS : (place + 1) * _ROWS]:
        name, link = cards.person_name(desk.sop, who), linked.get(who)
        whom = f"linked to {esc(names.get(link['user_id']) or people.name_of(link))}" if link else "not linked"
        lines.append(f"{bold(name)}: {whom}")
        about = {"interviewer": who, "name": name}
        gone = about | {"do": "unlink", "user_id": link["user_id"]} if link else {}
        rows.append([(f"Unlink {name}", gone) if link else (f"Link {name}", about | {"do": "link"})])
    return desk.shows(lines, [*rows, *turning({"do": "linking"}, place, len(everybody), _ROWS)])


async def _link(desk: Desk, action: Json) -> Step:
    """A one-time code for an interviewer, shown this once, with words to send on; or the admin is that interviewer."""
    who, name = action["interviewer"], action["name"]
    drawn, code_hash = people.one_time_code()
    told = Told(
        done=[
            f"Send this to {bold(name)}, who writes it to me. It works once, within 24 hours.",
            code(f"/start {drawn}"),
        ],
        before=["That code was made before."],
        refused=[FAILED],
        rows=[[("That's me", {"do": "link_me", "interviewer": who, "name": name}), _BACK]],
    )
    command = {"invite": {"code_hash": code_hash, "interviewer": who, "actor": desk.actor}}
    return Step(says=[told], state=desk.state, command=command)


async def _link_me(desk: Desk, action: Json) -> Step:
    name = bold(action["name"])
    told = Told(
        done=[f"{cards.BOOKED} You are {name} here from now on. {code('/agenda mine')} shows your own interviews."],
        before=[f"You were {name} before; nothing has changed."],
        refused=[FAILED],
        rows=[[_BACK]],
    )
    about = {"interviewer": action["interviewer"], "user_id": desk.context.user, "name": "", "actor": desk.actor}
    return Step(says=[told], state=desk.state, command={"link_interviewer": about})


async def _unlink(desk: Desk, action: Json) -> Step:
    name = bold(action["name"])
    told = Told(
        done=[f"{cards.GIVEN_UP} {name} is no longer linked, from now on."],
        before=[f"{name} was not linked that way any more; nothing has changed."],
        refused=[FAILED],
        rows=[[_BACK]],
    )
    about = {"interviewer": action["interviewer"], "user_id": action["user_id"], "actor": desk.actor}
    return Step(says=[told], state=desk.state, command={"unlink_interviewer": about})


ACTIONS: Mapping[str, Tapped] = {"linking": _linking, "link": _link, "link_me": _link_me, "unlink": _unlink}
