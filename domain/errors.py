"""Every error of ours, drawn once.

    SchedulerError
    ├── SopError                 bad input to planning: the SOP or a request
    │   ├── FieldError           one field of a request: names the field, the value and what would be right
    │   ├── InvalidSop           the SOP file, with every mistake in it and its line
    │   └── WrongPlan            a plan that breaks a rule: the planner is at fault, nothing may be reserved
    ├── SettingsError            the environment or .env: names the variable
    ├── DatabaseError            the database refused or could not be reached
    │   ├── DatabaseUnavailable  nobody answered: try again later
    │   ├── SlotTaken            a hold overlaps another: plan again
    │   ├── LostLease            another worker has taken over: stop without writing
    │   └── WrongState           the row is not in the state that the transition starts from
    ├── LocalPostgresError       the embedded database cannot run here: says what to do
    │   └── AlreadyRunning       another process holds it
    ├── ChatError                the chat service refused or cannot be reached
    │   └── SecondPoller         another program gets the same bot's messages
    └── CalendarError            a calendar provider refused or could not be reached
        ├── CalendarBusy         rate limited or failing for now: try later
        ├── CalendarAuthError    the connection must be made again by a person
        ├── CalendarConflict     the event is not as we left it: a person changed it
        └── CalendarRefused      permanent: trying again cannot help

The docstring of an error is its message when none is given. Errors are caught at the doors and in the queue loop only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class SchedulerError(Exception):
    """Something went wrong in the scheduler."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class SopError(SchedulerError):
    """The SOP or the request cannot be planned with as it is."""


class FieldError(SopError):
    """A field of a request has a value that cannot be right.

    `field` is the name as the person knows it, `value` what they wrote (shortened), `hint` what would be right.
    """

    def __init__(self, field: str, value: object, hint: str) -> None:
        self.field, self.value, self.hint = field, _shorten(value), hint
        super().__init__(f"{field}: {self.value!r} cannot be used. {hint}")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a file: `line` counts from 1 (None: the file as a whole), `where` is a path such as `courses.java`."""

    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "file"
        return f"{place}: {self.where}: {self.message}" if self.where else f"{place}: {self.message}"


class InvalidSop(SopError):
    """The SOP file has mistakes; `problems` holds all of them in the order of the file."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        count = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__("\n".join([f"{source} has {count}:", *(f"  {problem}" for problem in self.problems)]))


class WrongPlan(SopError):
    """A plan breaks a rule of the SOP; nothing of it may be reserved."""


class SettingsError(SchedulerError):
    """A setting is missing or cannot be right."""


class DatabaseError(SchedulerError):
    """The database refused a call."""


class DatabaseUnavailable(DatabaseError):
    """The database cannot be reached; nothing was confirmed, so the call may be made again."""


class SlotTaken(DatabaseError):
    """Somebody in this plan has been booked at that time meanwhile."""


class LostLease(DatabaseError):
    """Another worker has taken over this candidate."""


class WrongState(DatabaseError):
    """The row is not in a state from which this step can be taken."""


class LocalPostgresError(SchedulerError):
    """The embedded Postgres cannot run on this machine; set DATABASE_URL to use another Postgres."""


class AlreadyRunning(LocalPostgresError):
    """The embedded Postgres of this folder is already in use by another process."""


class ChatError(SchedulerError):
    """Telegram refused the bot or cannot be reached."""


class SecondPoller(ChatError):
    """Another program gets the messages of this bot. Stop that one, or make a bot of its own for it with @BotFather."""


class CalendarError(SchedulerError):
    """A calendar provider refused a call. `reason` is the provider's own word for it, `calendar` whose it concerns; `provider`
    (of the account) and `verb` (of the call) are filled in by the doorway."""

    def __init__(self, message: str = "", *, reason: str = "", calendar: str = "") -> None:
        self.reason, self.calendar = reason, calendar
        self.provider, self.verb = "", ""
        super().__init__(message)


class CalendarBusy(CalendarError):
    """The calendar cannot answer now; `retry_at` (aware UTC) is the earliest sensible next try, when it said one."""

    def __init__(
        self, message: str = "", *, reason: str = "", calendar: str = "", retry_at: datetime | None = None
    ) -> None:
        self.retry_at = retry_at
        super().__init__(message, reason=reason, calendar=calendar)


class CalendarAuthError(CalendarError):
    """The calendar's connection was revoked or has expired: somebody must connect it again."""


class CalendarConflict(CalendarError):
    """The event is not as we left it: a person moved, edited or deleted it."""


class CalendarRefused(CalendarError):
    """The calendar refuses this for good; trying again cannot help."""


def _shorten(value: object, limit: int = 60) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
