"""Looking ahead with the calendars: what the bot may ask for, and what another SOP would mean in words. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from chat.cards import BOOKED, NEEDED
from chat.markup import Json, bold, esc, first_of, listed
from domain.foresight import Broken, Foreseen, Outlook, Prospect
from sop import Sop
from sop.model import Interviewer
from sop.rules import SENTENCES
from utils import length_text, local_text, plural

BLIND = "This bot cannot look into calendars, so it cannot say"
_MOST_LISTED = 8
_JUST_NOW = timedelta(seconds=5)

# What an interview would do that breaks a rule; {} is the interviewer whom it is about.
_WOULD = {
    "grid": "not start on the grid",
    "length": "not be as long as its round",
    "gone": "be of a round that is no longer there",
    "slots": "be outside the candidate's times",
    "holidays": "be on a holiday",
    "when": "be when its round does not take place",
    "hours": "be outside {}'s working hours",
    "free": "be too near to something else of {}'s",
    "sequence": "come before the round that is to be before it",
    "gaps": "be too near to the round before it or too far from it",
    "finish_within": "be later than the course allows",
    "mapping": "be with {}, who would not take it any more",
    "distinct_interviewers": "be with {}, who has another round of the course",
    "never_twice_in_a_row": "be with {}, who has the round next to it",
    "max_interviewers": "bring one interviewer too many",
    "daily_limit": "be over {}'s daily limit",
    "weekly_limit": "be over {}'s weekly limit",
    "candidate_limit": "be one round too many on its day",
    "breaks": "leave {} without a break",
}


class Foresight(Protocol):
    """What is said by looking ahead from now on, by what is booked and what the calendars say."""

    async def replan(self, sop: Sop, candidate: Json, detail: Json, now: datetime) -> Foreseen:
        """What another plan would change; `detail` is as `ask_replan` takes it. `FieldError` for what cannot be planned with."""
        ...

    async def other_sop(self, before: Sop, after: Sop, now: datetime) -> Prospect | None:
        """What another SOP would mean for those who are open; None for a bot without calendars."""
        ...

    async def openings(self, sop: Sop, people: Sequence[Interviewer], now: datetime) -> Mapping[str, Outlook]:
        """When interviewers are free next, and how their calendars are; nothing for a bot without calendars."""
        ...


class Blind:
    """For a bot without calendars."""

    async def replan(self, sop: Sop, candidate: Json, detail: Json, now: datetime) -> Foreseen:
        return Foreseen(refusal=[f"{BLIND} what would move."])

    async def other_sop(self, before: Sop, after: Sop, now: datetime) -> None:
        return None

    async def openings(self, sop: Sop, people: Sequence[Interviewer], now: datetime) -> Mapping[str, Outlook]:
        return {}


# What another SOP would mean ----------------------------------------------------------------------------------------------------


def prospect_lines(seen: Prospect | None, tz: ZoneInfo) -> list[str]:
    """What another SOP would mean for those who are open; nothing where nobody is."""
    if seen is None:
        return ["", f"{BLIND} what this would mean for who is open."]
    if not seen.count:
        return []
    lines = ["", bold(f"What it would mean for {plural(seen.count, 'open candidate')}")]
    found = [*_plans(seen, tz), *_rules(seen.broken, tz)]
    return [*lines, *(found or [_nothing(seen)]), *_limits(seen)]


def _plans(seen: Prospect, tz: ZoneInfo) -> Iterator[str]:
    """Who would get a plan, and who would have none any more."""
    if seen.gained:
        days = [end.astimezone(tz).date() for _, end in seen.gained]
        names = [f"{bold(name)} (done by {day.day} {day:%b})" for (name, _), day in zip(seen.gained, days, strict=True)]
        whose = f"{len(names)} of {seen.planless} who have" if seen.planless > 1 else "The one who has"
        yield f"{BOOKED} {whose} no plan now would get one: {listed(names, _MOST_LISTED)}."
        yield "Who waits for a decision is planned again from /escalations."
    lost = [f"{NEEDED} {bold(name)}, who has a plan now, would have none. {esc(why)}" for name, why in seen.lost]
    yield from first_of(lost, _MOST_LISTED)


def _rules(broken: Sequence[Broken], tz: ZoneInfo) -> Iterator[str]:
    """The interviews that would break rules, and that nothing happens to them."""
    yield from first_of([_against(one, tz) for one in broken], _MOST_LISTED)
    if broken:
        stay = "It stays as it is" if len(broken) == 1 else "They stay as they are"
        yield f"{stay} until you /reschedule."


def _against(one: Broken, tz: ZoneInfo) -> str:
    would = " and ".join(dict.fromkeys(_would(rule, who) for rule, who in one.rules))
    return f"{NEEDED} {esc(one.title)} of {bold(one.candidate)} on {esc(local_text(one.start, tz))} would {esc(would)}."


def _would(rule: str, who: str) -> str:
    if rule == "mapping" and not who:
        return "not have an interviewer for each seat"
    return _WOULD[rule].format(who) if rule in _WOULD else f"break a rule ({SENTENCES[rule].removesuffix('.')})"


def _nothing(seen: Prospect) -> str:
    plans = "" if seen.blind else "Nobody would gain or lose a plan, and "
    return f"{plans}{'no' if plans else 'No'} booked interview would break a rule."


def _limits(seen: Prospect) -> Iterator[str]:
    """What all this does not say."""
    if seen.blind:
        yield "No calendar can be read just now, so I cannot say who would have a plan; /interviewers says why."
    elif seen.unread:
        names = esc(listed(seen.unread, _MOST_LISTED))
        yield f"Calendars that cannot be read just now count as busy: {names}; /interviewers says why."
    if seen.looked < seen.count:
        yield f"I looked at the first {seen.looked} of {seen.count}; more would take too long."


# Interviewers -------------------------------------------------------------------------------------------------------------------


def outlook_lines(seen: Outlook, tz: ZoneInfo) -> list[str]:
    """When somebody is free next, and how old that is."""
    if seen.unread:
        return [f"{NEEDED} Free next: unknown, for the calendar cannot be read"]
    if seen.length is None:
        return [f"Takes no round of the SOP; {_source(seen.sources)}"]
    length = f"{seen.length // timedelta(minutes=1)} min"
    when = f"{esc(local_text(seen.start, tz))} for {length}" if seen.start else f"not within {seen.reach.days} days"
    return [f"Free next: {when}; {_source(seen.sources)}"]


def _source(sources: Mapping[str, timedelta]) -> str:
    """`local calendar`, `calendar read 40 s ago`: of several the one that was read first."""
    if set(sources) == {"local"}:
        return "local calendar"
    age = max(sources.values())
    return f"calendar read {length_text(age.total_seconds())} ago" if age >= _JUST_NOW else "calendar read just now"


def unread_lines(people: Sequence[Interviewer], ahead: Mapping[str, Outlook]) -> list[str]:
    """Each reason for which calendars cannot be read, with all whom it is about; or that this bot sees none."""
    if not ahead:
        return ["", f"{BLIND} who is free next."]
    whose: dict[str, list[str]] = {}
    for person in people:
        if why := ahead[person.id].unread:
            whose.setdefault(why, []).append(person.name)
    return [line for why, names in whose.items() for line in ("", f"{NEEDED} {esc(', '.join(names))}: {esc(why)}")]
