"""The morning's message in words, from its facts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from chat.cards import AGENDA, BOOKED, NEEDED, WAITS, agenda_line, when
from chat.markup import Json, bold, esc
from utils import day_text, plural

_MOST_NAMED = 5


def digest(payload: Json) -> list[str]:
    """What the day brings, what waits for admins, whether all is well; one line where there is nothing to tell."""
    title = f"{AGENDA} {bold(day_text(date.fromisoformat(payload['date'])))}"
    if payload["quiet"]:
        return [f"{title}: no interviews today, and nothing waits for you."]
    count = plural(payload["count"], "interview") if payload["count"] else "no interviews"
    parts = [_interviews(payload), _waiting(payload), _health(payload)]
    return [f"{title}: {count} today", *(line for part in parts if part for line in ("", *part))]


def _interviews(payload: Json) -> list[str]:
    if not payload["count"]:
        return []
    tz = ZoneInfo(payload["timezone"])
    lines = [
        agenda_line(
            datetime.fromisoformat(row["start"]).astimezone(tz),
            row["title"],
            row["name"],
            [(person["name"], person["backup"]) for person in row["interviewers"]],
        )
        for row in payload["interviews"]
    ]
    more = payload["count"] - len(lines)
    return [*lines, *([f"… and {more} more: /agenda shows all."] if more else []), f"Times are in {esc(tz.key)}."]


def _waiting(payload: Json) -> list[str]:
    """What waits for a decision, and who waits in the queue."""
    tz, asked, lines = ZoneInfo(payload["timezone"]), payload["asked"], []
    if asked["count"]:
        oldest = "since" if asked["count"] == 1 else "the oldest since"
        since = when(asked["since"], tz)
        lines += [
            f"{NEEDED} {bold(plural(asked['count'], 'decision'))} to make, {oldest} {esc(since)}: {_names(asked['names'])}.",
            "/escalations shows what can be done.",
        ]
    if payload["waiting"]:
        wait = "waits" if payload["waiting"] == 1 else "wait"
        lines.append(f"{WAITS} {plural(payload['waiting'], 'candidate')} {wait} in the queue.")
    if payload["paused_at"]:
        since = when(payload["paused_at"], tz)
        lines.append(f"⏸ The queue has been paused since {esc(since)}. /resume goes on.")
    return lines


def _health(payload: Json) -> list[str]:
    """What is not as it should be; else that all is well."""
    lines = []
    if payload["unread"]:
        lines.append(f"{NEEDED} Calendars that could not be read since yesterday: {_names(payload['unread'])}.")
    if payload["unsent"]:
        lines.append(f"{NEEDED} Since yesterday {plural(payload['unsent'], 'message')} could not be sent.")
    if payload["broken_at"]:
        lines.append(f"{NEEDED} The log was tampered with: row {payload['broken_at']} is not as it was written.")
    return lines or [f"{BOOKED} Calendars, messages and the log are well."]


def _names(names: Sequence[str]) -> str:
    """`Ann, Bo and Cy`; of many the first few, and how many more."""
    shown = [esc(name) for name in names[:_MOST_NAMED]]
    if len(names) > _MOST_NAMED:
        shown.append(f"{len(names) - _MOST_NAMED} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
