"""What is known of calendars that cannot be used. The database hears of changes only, so that nothing new costs no call.

    calendar:google                      an account: access revoked or run out, not set up, or its quota spent
    calendar:google:asha@example.com     a calendar that the account may not read

What failed in one way works again once it succeeds in that way: an account that may still read need not be able to write. What
passes by itself in a moment is no trouble.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from booking.planning import Situation, nobody_left
from booking.records import calendar_trouble
from calendar_utils import LASTING, Calendars
from calendars.base import Unknown
from domain.errors import CalendarAuthError, CalendarBusy, CalendarError
from sop import Sop
from sop.model import Interviewer
from supabase_db import Database

Json = dict[str, Any]

READ, WRITE, WATCH = "read", "write", "watch"  # busy times, our events, what people do to these
_WAYS = {"busy": READ, "changes": WATCH}
_TITLES = {"google": "Google calendars", "outlook": "Outlook calendars", "caldav": "CalDAV calendars"}
_NEWS = timedelta(minutes=1)  # a limit that is said to last so much longer than before is news


class Troubles:
    """The ways in which each calendar is known to fail. One for a program: what one part of it sees the others need not tell."""

    def __init__(self, db: Database, calendars: Calendars) -> None:
        self._db, self._calendars = db, calendars
        self._known: dict[str, set[str]] | None = None
        self._until: dict[str, datetime] = {}
        self._one = asyncio.Lock()  # the parts of a program tell one after the other

    async def gathered(self, situation: Situation) -> None:
        """Busy times were gathered for a candidate. Admins are asked about calendars that cannot be read; of those that the next
        try may read they hear once a day."""
        sop = situation.granted
        takers = [sop.interviewers[who] for who in sop.involved(situation.request.course)]
        await self.read(sop, takers, situation.unknown)
        told = [
            calendar_trouble(sop.interviewers[who].name, f"{why.reason}. {why.cure}", situation.now.date())
            for who, why in situation.unknown.items()
            if why.passing
        ]
        if told:
            await self._db.tell(notices=told)

    async def read(self, sop: Sop, people: Iterable[Interviewer], unknown: Mapping[str, Unknown]) -> None:
        """Busy times were read, or not: `unknown` are those of the people whose calendars could not be."""
        known = await self._load()
        failed = {
            subject_of(why): self._facts(sop, why) for why in unknown.values() if not why.passing and why.calendar
        }
        read = [self._calendars.place(one) for who in people if who.id not in unknown for one in who.calendars]
        works = [subject for subject in known if subject not in failed and _is_among(subject, read)]
        await self._tell(list(failed.values()), works, READ)

    async def failed(self, error: CalendarError) -> str | None:
        """A call failed; the subject of the trouble, None when it is none that a person or hours must mend."""
        busy = error if isinstance(error, CalendarBusy) and error.reason in LASTING else None
        if not error.provider or not (busy or isinstance(error, CalendarAuthError)):
            return None
        subject, way = f"calendar:{error.provider}", _WAYS.get(error.verb, WRITE)
        until = busy.retry_at if busy else None
        if until and (subject not in self._until or until > self._until[subject] + _NEWS):
            self._until[subject] = until
            (await self._load()).pop(subject, None)
        said = until.isoformat() if until else None
        detail: Json = {"name": _title(error.provider), "way": way, "people": [], "until": said}
        found = {"subject": subject, "reason": str(error), "detail": detail, "until": said}
        await self._tell([found], (), way)
        return subject

    async def worked(self, way: str) -> None:
        """A call to the account of our events succeeded, other than a read of busy times."""
        subject = f"calendar:{self._calendars.organiser}"
        await self._tell((), [subject] if subject in await self._load() else (), way)

    def waited(self, subject: str | None) -> None:
        """A candidate who has waited for a calendar is taken up again; if another program knew of it, ask what is known now."""
        if subject and self._known is not None and subject not in self._known:
            self._known = None

    async def closed(self, subject: str) -> None:
        """Nobody is asked about it any more, though it fails: it is told again, and asked about when the time has come."""
        (await self._load()).pop(subject, None)

    async def _load(self) -> dict[str, set[str]]:
        if self._known is None:
            self._known = {subject: {way} for subject, way in (await self._db.calendars_seen()).items()}
        return self._known

    async def _tell(self, failed: Sequence[Json], works: Sequence[str], way: str) -> None:
        """Remember what failed and what worked in a way; tell the database of what has begun and what has ended by that."""
        async with self._one:
            known = await self._load()
            begun = [found for found in failed if found["subject"] not in known]
            ended = [subject for subject in works if known.get(subject) == {way}]
            if begun or ended:
                await self._db.calendars_seen(failed=begun, works=ended)
            for found in failed:
                known.setdefault(found["subject"], set()).add(way)
            for subject in ended:
                del known[subject]
                self._until.pop(subject, None)
            for subject in known.keys() & set(works):
                known[subject].discard(way)

    def _facts(self, sop: Sop, why: Unknown) -> Json:
        """What an admin is told of a calendar that cannot be read: whose it is, why, and what would help."""
        people = [
            one.name
            for one in sop.interviewers.values()
            if _is_among(subject_of(why), map(self._calendars.place, one.calendars))
        ]
        provider, _, calendar = why.calendar.partition(":")
        name = f"{' and '.join(people) or calendar}'s calendar" if calendar else _title(provider)
        lines = [why.reason] if "main.py connect" in why.reason else [why.reason, why.cure]
        detail = {"name": name, "way": READ, "people": people, "until": None}
        return {"subject": subject_of(why), "reason": "\n".join(lines), "detail": detail, "until": None}


def waits_for(situation: Situation) -> tuple[str, Situation] | None:
    """What a candidate without a plan might have to wait for, and how things would be if it could be read: everybody whose
    calendar is a trouble free. None when there is no such calendar."""
    lasting = {who: why for who, why in situation.unknown.items() if not why.passing}
    if not lasting:
        return None
    always = situation.granted.horizon(situation.request)
    nobody = nobody_left(situation.granted, situation.request.course, situation.terms)
    busy = {
        who: tuple(time for time in times if time != always or who in nobody or who not in lasting)
        for who, times in situation.busy.items()
    }
    return subject_of(next(iter(lasting.values()))), replace(situation, busy=busy)


def subject_of(why: Unknown) -> str:
    """What a question about a calendar that cannot be read is about."""
    return f"calendar:{why.calendar}"


def _is_among(subject: str, places: Iterable[str]) -> bool:
    """Whether one of some calendars is the one, or one of the account, that a subject names."""
    return any(f"calendar:{place}" == subject or f"calendar:{place}".startswith(f"{subject}:") for place in places)


def _title(provider: str) -> str:
    return _TITLES.get(provider, "Local calendars")
