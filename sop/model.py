"""The SOP as frozen values: courses, rounds, seats, interviewers, limits. Made by `Sop.parse` only, which reports every mistake.

How plain data is checked across its parts lives in `parsing.py`; reading a file, with line numbers, in `config.load_sop`.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, PrivateAttr, ValidationError

from domain.desk import DeskHours
from domain.errors import FieldError, InvalidSop
from domain.hours import WEEKDAYS, Span, WeekHours, weekdays_of
from domain.model import CandidateRequest, Interval, check_email
from sop import parsing
from sop.lengths import Days, Length, elapsed
from utils import has_control_characters, instant, minutes_of, zone

# How far past a candidate's window the ways out look: calendars are to be read that far (see `Sop.horizon`).
LOOKAHEAD = timedelta(days=14)
DAY = timedelta(days=1)
_MOST_REMINDERS = 5
OFFICE_HOURS = WeekHours.parse({"mon-fri": ["09:00-18:00"]})


def _zone_name(value: object) -> str:
    return zone(str(value)).key


def _title(value: str) -> str:
    text = value.strip()
    if not text or len(text) > 100 or has_control_characters(text):
        raise ValueError("a name is one line of 1 to 100 characters")
    return text


def _email(value: object) -> str:
    try:
        return check_email(value)
    except FieldError as error:
        raise ValueError(f"{error.value!r} is not an email address: {error.hint}") from error


def _calendars(value: object) -> tuple[str, ...]:
    """One calendar or a list of them, such as `asha@example.com` or `google:asha@example.com`."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and 0 < len(name) <= 500 for name in names):
        raise ValueError("a calendar is an address such as google:asha@example.com, or a list of them")
    return tuple(names)


def _between(least: timedelta, most: timedelta) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"must be from {minutes_text(least)} to {minutes_text(most)}, not {minutes_text(value)}")
        return value

    return AfterValidator(check)


def _reminders(value: object) -> tuple[timedelta, ...]:
    """Lengths of time such as `[24h, 2h]`, the longest first; an empty list for no reminder at all."""
    given = value if isinstance(value, list | tuple) else [value]
    lengths = tuple(sorted({elapsed(one) for one in given}, reverse=True))
    if len(lengths) > _MOST_REMINDERS or not all(timedelta(minutes=5) <= one <= timedelta(days=14) for one in lengths):
        raise ValueError(f"at most {_MOST_REMINDERS} different lengths from 5m to 336h, such as [24h, 2h]")
    return lengths


def _when(value: object) -> WeekHours:
    """Hours by weekday, or weekdays alone (`mon-thu`, `[tue, thu]`), which mean the whole day."""
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and names and not any(":" in str(name) for name in names):
        days = {day for name in names for day in weekdays_of(str(name))}
        return WeekHours(days=tuple((Span(start=0, end=1440),) if i in days else () for i in range(len(WEEKDAYS))))
    return WeekHours.parse(value)


def _time_of_day(value: object) -> int | None:
    """Minutes after midnight of a time such as 08:30; None for `never`, or `off`, which YAML reads as no."""
    if value is None or value is False or value == "never":
        return None
    try:
        return minutes_of(str(value)) % 1440
    except ValueError:
        raise ValueError(f"{value!r} is neither a time of day such as 08:30 nor never") from None


def minutes_text(length: timedelta) -> str:
    """`90m`, or `24h` where it is whole hours: the way an SOP writes it."""
    minutes = int(length.total_seconds()) // 60
    return f"{minutes}m" if minutes % 60 or not minutes else f"{minutes // 60}h"


def _some_hours(value: object) -> WeekHours:
    hours = WeekHours.parse(value)
    if not hours:
        raise ValueError("the desk is never staffed: give it hours on some weekday, or leave desk_hours out")
    return hours


Text = Annotated[str, AfterValidator(_title)]
Zone = Annotated[str, PlainValidator(_zone_name)]
Email = Annotated[str, PlainValidator(_email)]
Elapsed = Annotated[timedelta, PlainValidator(elapsed)]
Duration = Annotated[timedelta, PlainValidator(elapsed), _between(timedelta(minutes=1), timedelta(hours=24))]
Hours = Annotated[WeekHours, PlainValidator(WeekHours.parse)]
DaySet = Annotated[Days, PlainValidator(Days.parse)]
Distance = Annotated[Length, PlainValidator(Length.parse)]
TimeOfDay = Annotated[int | None, PlainValidator(_time_of_day)]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]


class Part(BaseModel):
    """What all parts share: frozen, and a key that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def having(self, **changes: object) -> Self:
        """A copy with other values, which are not checked; what was worked out from the old ones is forgotten."""
        fresh = self.model_copy(update=changes)
        for name in set(fresh.__dict__) - set(type(self).model_fields):
            del fresh.__dict__[name]
        return fresh


class Gap(Part):
    """Least and largest distance to the round before; both may be reached."""

    min: Distance | None = None
    max: Distance | None = None


class Seat(Part):
    """A place for one interviewer. `interviewers` are the primaries, those of the pool among them; `backups` are in order."""

    interviewers: tuple[str, ...] = ()
    pool: str | None = None
    backups: tuple[str, ...] = ()

    @functools.cached_property
    def ranks(self) -> dict[str, int]:
        """Everyone who can take the seat: 0 for a primary, for a backup the place in the list (the first is 1)."""
        backups = {who: place for place, who in enumerate(self.backups, start=1) if who not in self.interviewers}
        return dict.fromkeys(self.interviewers, 0) | backups


class Round(Part):
    """One mock interview of a course. `when` restricts it to weekdays or hours, read in the SOP's zone."""

    id: str
    title: Text
    duration: Duration
    gap: Gap = Gap()
    seats: tuple[Seat, ...] = Field(min_length=1, max_length=5)
    when: Annotated[WeekHours, PlainValidator(_when)] | None = None


class Course(Part):
    """An ordered sequence of rounds, and what holds for all of them together."""

    id: str
    title: Text
    rounds: tuple[Round, ...] = Field(min_length=1, max_length=30)
    distinct_interviewers: bool = False  # nobody takes two rounds of one candidate
    never_twice_in_a_row: bool = False  # nobody takes two rounds of one candidate one after the other
    max_interviewers: Count | None = None  # at most so many different people for one candidate
    finish_within: Distance | None = (
        None  # from the start of the first round to the last: its end (m, h) or its date (d, wd)
    )

    @functools.cached_property
    def takers(self) -> tuple[str, ...]:
        """Ids of everyone that any seat could take, in the order of first mention."""
        return tuple(dict.fromkeys(who for round_ in self.rounds for seat in round_.seats for who in seat.ranks))

    def position(self, round_id: str) -> int:
        """The 0-based place of a round; `FieldError` for an unknown one."""
        for place, round_ in enumerate(self.rounds):
            if round_.id == round_id:
                return place
        raise FieldError("round", round_id, f"The rounds of {self.id} are {', '.join(r.id for r in self.rounds)}.")


class Interviewer(Part):
    """A person who interviews. `calendars` are those whose busy times count; hours and days off are read in `timezone`."""

    id: str
    name: Text
    email: Email
    calendars: Annotated[tuple[str, ...], PlainValidator(_calendars)] = Field(default=(), alias="calendar")
    timezone: Zone = ""
    working_hours: Hours = WeekHours(days=((),) * 7)
    days_off: DaySet = Days()
    buffer: Annotated[Elapsed, _between(timedelta(0), timedelta(hours=24))] = timedelta(0)
    daily_limit: Count | None = None
    weekly_limit: Count | None = None
    max_in_a_row: Count | None = None  # interviews one after the other, with less than `pause` between them
    pause: Annotated[Elapsed, _between(timedelta(minutes=1), timedelta(hours=24))] | None = Field(
        default=None, alias="break"
    )
    skills: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class CandidateRules(Part):
    """What holds for every candidate. `events`: whether an event of the candidate's own blocks its time or its whole day."""

    daily_limit: Count | None = None
    events: Literal["day", "time"] = "day"


class Sop(Part):
    """The standard operating procedure. `timezone` is the zone of days, gaps, the grid and the holidays.

    `decline_grace` is how long an interviewer's declining of an invitation may be taken back before the round is planned anew,
    `undo_for` how long what was done in the chat may be, `reminders` how long before an interview its interviewers are reminded
    of it, where they are in the chat.
    `digest_at` is when admins are told what the day brings, in minutes after midnight; None for never.
    `escalation_after` is how long an admin has to answer, in desk time, before another is asked; `desk_hours` are when that runs.
    """

    timezone: Zone
    grid: Annotated[Elapsed, _between(timedelta(minutes=1), timedelta(hours=24))] = timedelta(minutes=30)
    notice: Annotated[Elapsed, _between(timedelta(0), timedelta(hours=24 * 60))] = timedelta(0)
    freeze: Annotated[Elapsed, _between(timedelta(0), timedelta(hours=24 * 60))] = timedelta(0)
    decline_grace: Annotated[Elapsed, _between(timedelta(0), timedelta(hours=24))] = timedelta(minutes=10)
    undo_for: Annotated[Elapsed, _between(timedelta(0), timedelta(hours=24))] = timedelta(minutes=30)
    digest_at: TimeOfDay = 8 * 60 + 30
    reminders: Annotated[tuple[timedelta, ...], PlainValidator(_reminders)] = (timedelta(hours=24), timedelta(hours=2))
    escalation_after: Annotated[Elapsed, _between(timedelta(minutes=1), timedelta(hours=24 * 60))] = timedelta(hours=2)
    holidays: DaySet = Days()
    candidate: CandidateRules = CandidateRules()
    working_hours: Hours | None = None
    desk_hours: Annotated[WeekHours, PlainValidator(_some_hours)] | None = None
    interviewers: dict[str, Interviewer]
    courses: dict[str, Course]
    examples: tuple[dict[str, Any], ...] = ()
    _plain: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def parse(cls, plain: object, source: str = "the SOP") -> Self:
        """From plain data, such as parsed YAML. `InvalidSop` holds every mistake that is in it, not only the first."""
        normal = parsing.normal(plain)
        problems = parsing.cross_checked(normal)
        try:
            sop = cls.model_validate(normal)
        except ValidationError as error:
            problems = parsing.problems_of(error, cls) + problems
        if problems:
            raise InvalidSop(source, parsing.in_order(problems, plain))
        sop = sop._resolved()
        sop._plain = parsing.without_ids(normal)
        return sop

    def plain(self) -> dict[str, Any]:
        """The SOP as plain data, every round with its `seats`; `parse` reads it back to an equal SOP."""
        return copy.deepcopy(self._plain)

    def changed(self, changes: Mapping[str, Any]) -> Sop:
        """With values set by path, such as `{"courses.java.rounds.core.gap.max": "5d"}`; rounds go by id, None removes."""
        return type(self).parse(parsing.patched(self.plain(), changes))

    def course(self, course_id: str) -> Course:
        """The course of an id; `FieldError` names those there are."""
        if course_id not in self.courses:
            raise FieldError(
                "course", course_id, f"The SOP has {', '.join(one.title for one in self.courses.values())}."
            )
        return self.courses[course_id]

    def involved(self, course_id: str) -> tuple[str, ...]:
        """Ids of everyone that any seat of the course could take: whose calendars must be read."""
        return self.course(course_id).takers

    def zone_of(self, request: CandidateRequest) -> ZoneInfo:
        """The zone in which the request's slots and dates are read."""
        return ZoneInfo(request.timezone or self.timezone)

    def horizon(self, request: CandidateRequest) -> Interval:
        """The time that `busy` and `booked` must cover: the window in whole ISO weeks, buffers and breaks around it, and as
        far as the ways out of a refusal look (two weeks either side)."""
        tz = self.zone_of(request)
        first = instant(request.window[0], 0, tz) - LOOKAHEAD
        last = instant(request.window[1], 1440, tz) + LOOKAHEAD
        return Interval(start=_monday(first, self.zone, 0) - 2 * DAY, end=_monday(last, self.zone, 7) + 2 * DAY)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def desk(self) -> DeskHours:
        """When admins can be expected to answer: the desk's own hours, else those of everybody, else office hours."""
        return DeskHours(hours=self.desk_hours or OFFICE_HOURS, zone=self.zone, holidays=self.holidays)

    @functools.cached_property
    def version(self) -> str:
        """Twelve hex digits that change when the meaning does: not with comments, order of keys or ways of writing."""
        canonical = json.dumps(_meaning(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def _resolved(self) -> Self:
        """With the defaults of interviewers and of the desk taken from the SOP, and pools as the people who have the skill."""
        people = {who: self._person(person) for who, person in self.interviewers.items()}
        courses = {
            name: course.having(rounds=tuple(map(self._round, course.rounds))) for name, course in self.courses.items()
        }
        return self.having(interviewers=people, courses=courses, desk_hours=self.desk_hours or self.working_hours)

    def _person(self, person: Interviewer) -> Interviewer:
        given = person.model_fields_set
        return person.having(
            calendars=person.calendars or (person.email,),
            timezone=person.timezone or self.timezone,
            working_hours=person.working_hours if "working_hours" in given else self.working_hours,
        )

    def _round(self, round_: Round) -> Round:
        return round_.having(seats=tuple(map(self._seat, round_.seats)))

    def _seat(self, seat: Seat) -> Seat:
        pool = [who for who, person in self.interviewers.items() if seat.pool and seat.pool in person.skills]
        return seat.having(interviewers=tuple(dict.fromkeys([*seat.interviewers, *pool])))


def _monday(moment: datetime, tz: ZoneInfo, days_later: int) -> datetime:
    """00:00 of the Monday of the week of `moment`, or so many days later."""
    day = moment.astimezone(tz).date()
    return instant(day - timedelta(days=day.weekday() - days_later), 0, tz)


def _meaning(value: object) -> object:
    """A part as JSON-ready data in one canonical way, so that a field that comes with a later version, and that an SOP leaves as
    it is by default, is not in it. `working_hours` of the SOP have gone into its interviewers."""
    if isinstance(value, BaseModel):
        left_out = _NO_MEANING if isinstance(value, Sop) else ()
        fields = type(value).model_fields.items()
        return {
            name: _meaning(getattr(value, name))
            for name, field in fields
            if name not in left_out and getattr(value, name) != field.default
        }
    if isinstance(value, dict):
        return {key: _meaning(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_meaning(part) for part in value]
    return str(value)


_NO_MEANING = {"examples", "working_hours"}
