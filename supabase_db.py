"""The database doorway: one short method for each function of `sql/`, over either wire, and the migrations.

What a method does in the database is said here in a line or two and decided in `sql/functions/`; how a call travels is in
`database/wires.py`. Arguments are plain values, JSON data and aware datetimes; answers are plain JSON data, with times as
ISO-8601 text in UTC and UUIDs as text, the same on both wires.

Errors are `SlotTaken`, `LostLease`, `WrongState`, `DatabaseUnavailable` or, for all else, `DatabaseError`. What may be
repeated is repeated for a few seconds before `DatabaseUnavailable` is raised: everything but `claim_notices` can be made twice
with the same arguments and has its effect once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import psycopg

from database.after_booking import AfterBooking
from database.caller import Json
from database.desk import DeskCalls
from database.escalations import EscalationCalls
from database.interviewers import InterviewerCalls
from database.migrations import FOLDER, migrations_script, sql_files
from database.people import PeopleCalls
from database.upkeep import UpkeepCalls
from database.wires import PostgresWire, SupabaseWire
from domain.errors import DatabaseError, DatabaseUnavailable

__all__ = ["Database", "Json", "apply_migrations", "migrations_script"]

Time = datetime | str | None


def apply_migrations(dsn: str, folder: Path = FOLDER) -> None:
    """Bring a database, empty or older, to this version. Safe to run again and from several processes at once."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
            connection.execute(migrations_script(folder).encode())
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"cannot connect to the database: {error}") from error
    except psycopg.Error as error:
        raise DatabaseError(f"the database could not be prepared: {error.diag.message_primary or error}") from error


class Database(AfterBooking, DeskCalls, EscalationCalls, InterviewerCalls, PeopleCalls, UpkeepCalls):
    """An open doorway; `connect` makes one and `aclose` closes it."""

    @classmethod
    async def connect(
        cls,
        *,
        dsn: str | None = None,
        url: str | None = None,
        key: str | None = None,
        connections: int = 8,
        patience: float = 5.0,
    ) -> Self:
        """Connect by `dsn` to a Postgres, or by `url` and service-role `key` to a Supabase project.

        `connections` is the most that are kept to a Postgres; `patience` for how many seconds a call is tried again.
        `DatabaseUnavailable` when nobody answers; `DatabaseError` says what to run when the database lacks our tables.
        """
        if dsn:
            database = cls(await PostgresWire.connect(dsn, connections=connections), patience)
        elif url and key:
            database = cls(await SupabaseWire.connect(url, key), patience)
        else:
            raise ValueError("a database is given by its dsn, or by its url and key")
        try:
            await database._check_schema()
        except BaseException:
            await database.aclose()
            raise
        return database

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # The queue ------------------------------------------------------------------------------------------------------------------

    async def enqueue(
        self, *, request: Json, key: str, source: str, actor: str, chat_id: int | None = None, lane: str = "main"
    ) -> Json:
        """Take a candidate in: `{candidate_id, number, status, position, created, duplicate}`.

        `request` is `CandidateRequest.plain()`; `duplicate` is "key" when this very request came before, "open" when the same
        person and course are still open, else None; `position` counts from 1 and is 0 for one that does not wait.
        """
        return await self._object(
            "enqueue", request=request, key=key, source=source, actor=actor, chat_id=chat_id, lane=lane
        )

    async def claim(self, *, worker: str, lane: str = "main", lease_seconds: int = 30) -> Json | None:
        """The next candidate to work on with `candidate`, `interviews` and pending `writes`; None when there is none, or when
        the lane is busy with another worker's. A worker that asks again gets the one it already has, under a new fence."""
        return await self._maybe("claim", worker=worker, lane=lane, lease_seconds=lease_seconds)

    async def heartbeat(self, *, candidate_id: str, fence: int, lease_seconds: int = 30) -> Json:
        """Keep a candidate for longer; `LostLease` when it is no longer ours."""
        return await self._object("heartbeat", candidate_id=candidate_id, fence=fence, lease_seconds=lease_seconds)

    async def release(
        self, *, candidate_id: str, fence: int, not_before: Time = None, count_attempt: bool = False, reason: str = ""
    ) -> Json:
        """Let go of a candidate, who can be claimed again (from `not_before` on): `{status, changed}`."""
        return await self._object(
            "release",
            candidate_id=candidate_id,
            fence=fence,
            not_before=not_before,
            count_attempt=count_attempt,
            reason=reason,
        )

    async def requeue(self, *, candidate_id: str, actor: str, request: Json | None = None, reason: str = "") -> Json:
        """Queue an escalated or set-aside candidate again, with another request if given; its escalations are resolved. One that
        was set aside with times already held goes on booking them. Gives the candidate and `changed`."""
        return await self._object("requeue", candidate_id=candidate_id, actor=actor, request=request, reason=reason)

    async def cancel_candidate(self, *, candidate_id: str, actor: str, reason: str = "") -> Json:
        """Give a candidate up: `cancelling` until the events are cancelled, `cancelled` at once when there are none."""
        return await self._object("cancel_candidate", candidate_id=candidate_id, actor=actor, reason=reason)

    # Booking --------------------------------------------------------------------------------------------------------------------

    async def booked_between(self, *, start: datetime, end: datetime) -> list[Json]:
        """Interviews that stand (reserved, booked or done) and meet the interval, by time: `{id, candidate, course, round, start,
        end, interviewers, event_said}` with the email as `candidate`."""
        return await self._list("booked_between", start=start, end=end)

    async def reserve(
        self, *, candidate_id: str, fence: int, sop_version: str, interviews: Sequence[Json], detail: Json | None = None
    ) -> Json:
        """Take all times of a plan or none: `{interviews, writes}`. `SlotTaken` when somebody was quicker: plan again.

        Each interview has `id` (a UUID of the caller's), `round`, `position`, `title`, `start`, `end`, `why`, `event` (the
        payload of its calendar write) and `seats`: `{interviewer, backup, hold_until}`, held from the start to `hold_until`.
        """
        return await self._object(
            "reserve",
            candidate_id=candidate_id,
            fence=fence,
            sop_version=sop_version,
            interviews=list(interviews),
            detail=detail or {},
        )

    async def write_done(self, *, write_id: int, fence: int, result: Json) -> Json:
        """A calendar write has succeeded; `result` has `handle`, `etag`, `link` and `meeting`. Gives the write."""
        return await self._object("write_done", write_id=write_id, fence=fence, result=result)

    async def write_failed(
        self, *, write_id: int, fence: int, reason: str, message: str = "", retry_at: Time = None
    ) -> Json:
        """A calendar write has failed: for now when `retry_at` is given, for good otherwise. Gives the write.

        An event that cannot be cancelled for good is escalated here (kind `undo`); a failed put is for the caller to escalate.
        """
        return await self._object(
            "write_failed", write_id=write_id, fence=fence, reason=reason, message=message, retry_at=retry_at
        )

    async def settle(self, *, candidate_id: str, fence: int, notices: Sequence[Json] = ()) -> Json:
        """All events are written: booking becomes booked, cancelling cancelled; an escalated one has been undone. The notices
        (`key`, `channel`, `recipient`, `kind`, `payload`, `not_before` if not at once) are made in the same transaction."""
        return await self._object("settle", candidate_id=candidate_id, fence=fence, notices=list(notices))

    # What people decide and are told --------------------------------------------------------------------------------------------

    async def escalate(
        self,
        *,
        candidate_id: str,
        fence: int,
        kind: str,
        reason: str,
        detail: Json | None = None,
        options: Sequence[Any] = (),
        sop_version: str | None = None,
        notices: Sequence[Json] = (),
    ) -> Json:
        """Ask an admin; times that were held are given back. Gives the escalation, with `id` and `changed`."""
        return await self._object(
            "escalate",
            candidate_id=candidate_id,
            fence=fence,
            kind=kind,
            reason=reason,
            detail=detail or {},
            options=list(options),
            sop_version=sop_version,
            notices=list(notices),
        )

    async def resolve_escalation(self, *, escalation_id: int, actor: str, resolution: str) -> Json:
        """Close an escalation; `changed` is False when it was closed before."""
        return await self._object("resolve_escalation", escalation_id=escalation_id, actor=actor, resolution=resolution)

    async def claim_notices(
        self, *, channel: str, limit: int = 10, lease_seconds: int = 60, now: datetime | None = None
    ) -> list[Json]:
        """Notices to send now; each comes again after the lease unless it is reported sent or failed. What is over by `now` (by
        the database's clock when not given), or no longer as it says, is left out for good."""
        clock: Json = {"now": now} if now else {}
        return await self._list("claim_notices", channel=channel, limit=limit, lease_seconds=lease_seconds, **clock)

    async def notice_sent(self, *, notice_id: int, receipt: str = "") -> Json:
        """A notice has gone out; `receipt` is what the channel answered."""
        return await self._object("notice_sent", notice_id=notice_id, receipt=receipt)

    async def notice_failed(self, *, notice_id: int, reason: str, retry_at: Time = None) -> Json:
        """A notice could not be sent: again at `retry_at`, or never."""
        return await self._object("notice_failed", notice_id=notice_id, reason=reason, retry_at=retry_at)

    async def tell(self, *, notices: Sequence[Json]) -> Json:
        """Notices that concern no one candidate, in the form that `settle` takes; each key is told once."""
        return await self._object("tell", notices=list(notices))

    # The bot's memory -----------------------------------------------------------------------------------------------------------

    async def bot_turn(
        self,
        *,
        update_id: int,
        chat_id: int,
        user_id: int,
        state: Json | None,
        replies: Sequence[Any] = (),
        command: Json | None = None,
    ) -> Json:
        """The whole effect of an update, once: `{repeated, replied, replies, outcome}`.

        `state` is the conversation from now on (None: over); `command` is `{name: arguments}` with the name `enqueue`,
        `enqueue_all`, `activate_sop`, `requeue`, `cancel_candidate`, `resolve_escalation`, `ask_replan` or `take_option`. A
        repeated update changes nothing and gives what the first one left.
        """
        return await self._object(
            "bot_turn",
            update_id=update_id,
            chat_id=chat_id,
            user_id=user_id,
            state=state,
            replies=list(replies),
            command=command,
        )

    async def replied(self, *, update_id: int) -> Json:
        """The replies to an update have been sent."""
        return await self._object("replied", update_id=update_id)

    async def bot_state(self, *, chat_id: int) -> Json | None:
        """Where a chat is in its conversation; None when there is none."""
        return await self._maybe("bot_state", chat_id=chat_id)

    async def last_update_id(self) -> int | None:
        """The highest update that has had its effect."""
        found = await self._call("last_update_id")
        return None if found is None else int(found)

    async def refuse_update(self, *, update_id: int, chat_id: int, user_id: int, detail: Json | None = None) -> Json:
        """Write down, once, that somebody who may not use the bot tried to: `{repeated}`."""
        return await self._object(
            "refuse_update", update_id=update_id, chat_id=chat_id, user_id=user_id, detail=detail or {}
        )

    # The SOP and the audit ------------------------------------------------------------------------------------------------------

    async def active_sop(self) -> Json | None:
        """The SOP in force: `{version, text, source, activated_by, activated_at, newest_by_source}`."""
        return await self._maybe("active_sop")

    async def activate_sop(self, *, version: str, text: str, source: str, actor: str) -> Json:
        """Put an SOP in force; `changed` is False when it already was. `source` is file, command or chat."""
        return await self._object("activate_sop", version=version, text=text, source=source, actor=actor)

    async def sop_history(self, *, limit: int = 20) -> list[Json]:
        """SOPs that have been in force, the latest first: `{version, source, actor, at, text}`, each once."""
        return await self._list("sop_history", limit=limit)

    async def record_audit(
        self,
        *,
        action: str,
        actor: str,
        candidate_id: str | None = None,
        detail: Json | None = None,
        key: str | None = None,
    ) -> Json:
        """Audit what has no transition of its own: `{id}`. With a `key` it is recorded once."""
        return await self._object(
            "record_audit", action=action, actor=actor, candidate_id=candidate_id, detail=detail or {}, key=key
        )

    async def audit_trail(self, *, candidate_id: str | None = None, limit: int = 100) -> list[Json]:
        """The newest audit rows, oldest of them first."""
        return await self._list("audit_trail", candidate_id=candidate_id, limit=limit)

    async def verify_audit(self) -> Json:
        """Whether nobody has tampered with the audit, which is read as a whole: `{ok, rows, broken_at, head}`."""
        return await self._object("verify_audit")

    # Connections to calendars, and what they cost -------------------------------------------------------------------------------

    async def save_connection(self, *, provider: str, sealed: str, account: str, actor: str) -> Json:
        """Keep a provider's token, sealed; the one before it is forgotten."""
        return await self._object("save_connection", provider=provider, sealed=sealed, account=account, actor=actor)

    async def connection(self, *, provider: str) -> Json | None:
        """A provider's token: `{provider, sealed, account, connected_at}`; None when nobody has connected it."""
        return await self._maybe("connection", provider=provider)

    async def add_statistics(self, *, report: str, rows: Sequence[Json]) -> Json:
        """Add what was counted since the last report; a report of the same name counts once."""
        return await self._object("add_statistics", report=report, rows=list(rows))

    async def statistics_since(self, *, day: date) -> list[Json]:
        """What calendar calls have cost since a day (UTC), by provider and verb."""
        return await self._list("statistics_since", day=day)

    async def numbers_since(self, *, since: datetime) -> Json:
        """Of those who came in since a time: `{came, booked, escalated, cancelled, median_seconds}`, the last from coming in to
        being booked, None when nobody was."""
        return await self._object("numbers_since", since=since)

    async def database_time(self) -> datetime:
        """The time by the clock of the database."""
        return datetime.fromisoformat((await self._object("database_time"))["time"])

    # Reads ----------------------------------------------------------------------------------------------------------------------

    async def queue_now(self, *, limit: int = 200) -> list[Json]:
        """Who is being worked on and who waits, in order; `position` is None for those being worked on."""
        return await self._list("queue_now", limit=limit)

    async def queue_counts(self) -> dict[str, int]:
        """How many candidates there are in each status, noughts included."""
        return await self._object("queue_counts")

    async def show_candidate(self, *, needle: str, limit: int = 20) -> Json:
        """Candidates by number, id or email, else by a part of the name or email: `{count, matches}`, each match with its
        `interviews`, the `answers` of interviewers, `escalations` and pending `writes`."""
        return await self._object("show_candidate", needle=needle, limit=limit)

    async def agenda(self, *, start: datetime, end: datetime, interviewer: str | None = None) -> list[Json]:
        """Interviews that stand and meet the interval, by time; of one interviewer if given."""
        return await self._list("agenda", start=start, end=end, interviewer=interviewer)

    async def next_interviews(self, *, start: datetime, end: datetime) -> dict[str, Json]:
        """For each interviewer with interviews that meet the interval, the first: `{start, title, name}`."""
        return await self._object("next_interviews", start=start, end=end)

    async def open_escalations(self) -> list[Json]:
        """What waits for an admin, oldest first."""
        return await self._list("open_escalations")

    async def interviewer_load(self, *, start: datetime, end: datetime) -> list[Json]:
        """For each interviewer with interviews that meet the interval: `{interviewer, interviews, as_backup, minutes}`."""
        return await self._list("interviewer_load", start=start, end=end)

    async def _check_schema(self) -> None:
        applied = await self._object("schema_state")
        missing = [file.name for file in sql_files() if file.name not in applied]
        if missing:
            raise DatabaseError(
                f"the database lacks {', '.join(missing)}: run what `python main.py sql` prints, then start again"
            )
