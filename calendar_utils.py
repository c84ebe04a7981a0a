"""The calendar doorway: whose calendar is where, and calls that are paced, retried, counted and never wait for long.

    asha@example.com            a calendar of the default provider
    google:asha@example.com     of a named one; also outlook:, caldav:https://…, local:

A call that fails for now (`CalendarBusy`) is tried again with growing pauses; anything else is passed on at once. When the wait
would be longer than the caller's patience, who may hold a lease, `CalendarBusy` says when to come back, and the account is left
alone until then. How the providers work is in `calendars/`; when to do what is the scheduler's to decide.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from calendars.base import Busy, Calendar, Changes, CountsRequests, Event, EventKey, EventState, Unknown
from calendars.pacing import Pace, TooLong, Turnstile
from calendars.reading import PARTLY, ask, joined, named, rounded, unreadable
from domain.errors import CalendarBusy, CalendarError, CalendarRefused
from domain.model import Interval
from utils import plural

PROVIDERS = ("google", "outlook", "caldav", "local")
# Requests a minute that a provider grants one account (Google: 600; Microsoft: 10,000 in ten minutes). CalDAV servers publish
# none; this is what they have been seen to bear.
QUOTAS = {"google": 600, "outlook": 1000, "caldav": 120}
PATIENCE = 10.0  # seconds: a worker's lease lasts 30
DEADLINE = 300.0  # seconds for a call with all its requests: an answer that drips in would hold up everybody for good
PRIORITIES = {"cancel": 0, "busy": 1, "get": 1, "put": 2, "changes": 3}
WRITES = {"put", "cancel"}
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PARK = 1.0, 60.0, 900.0  # seconds
# These do not pass by waiting a little: Google's limit on invitations lasts for hours, a day's quota until the day is over.
LASTING = {"quotaExceeded": timedelta(hours=2), "dailyLimitExceeded": timedelta(hours=2)}
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """What a verb of a provider has cost so far. `waited` are seconds spent on pacing and pauses, `errors` by reason."""

    provider: str
    verb: str
    calls: int
    requests: int
    retries: int
    waited: float
    errors: Mapping[str, int]


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    requests: int = 0
    retries: int = 0
    waited: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Parked:
    """Until when (by the clock) an account is left alone, and why."""

    until: float = float("-inf")
    error: CalendarBusy | None = None


@dataclass(slots=True)
class _Account:
    calendar: Calendar
    pace: Pace
    turnstile: Turnstile
    everything: _Parked = field(default_factory=_Parked)
    writes: _Parked = field(default_factory=_Parked)
    failures: int = 0  # calls in a row that were given up
    tallies: dict[str, _Tally] = field(default_factory=dict)
    fresh: dict[str, tuple[float, Interval, Busy]] = field(default_factory=dict)

    @property
    def requests(self) -> int | None:
        """Requests made so far, where the calendar counts them."""
        return self.calendar.requests if isinstance(self.calendar, CountsRequests) else None


def pace_for(provider: str, *, delay: float, adaptive: bool = False) -> Pace:
    """The pace of a provider's account with the configured delay; a folder of files needs none."""
    if provider == "local":
        return Pace(fresh_for=0.0)
    return Pace(delay=delay, per_minute=QUOTAS.get(provider), adaptive=adaptive)


class Calendars:
    """Everybody's calendars, and the organiser's that our events are written to.

    `providers` are the accounts by provider, `default` is the one of plain addresses, `organiser` the one of our events (the
    default when empty). `paces` are as `pace_for` gives them (none: no limits). `patience` and `deadline` (of one call) are in
    seconds, `clock` counts seconds, `now` tells the time (aware), `sleep` waits, `lots` draws from 0 to 1.
    """

    def __init__(
        self,
        providers: Mapping[str, Calendar],
        *,
        default: str,
        organiser: str = "",
        paces: Mapping[str, Pace] | None = None,
        max_retries: int = 3,
        patience: float = PATIENCE,
        deadline: float = DEADLINE,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        lots: Callable[[], float] = random.random,
    ) -> None:
        self._default, self._organiser = default, organiser or default
        self._max_retries, self._patience, self._deadline = max_retries, patience, deadline
        self._clock, self._now, self._sleep, self._lots = clock, now, sleep, lots
        self._accounts: dict[str, _Account] = {}
        for name, calendar in providers.items():
            pace = (paces or {}).get(name, Pace(fresh_for=0.0))
            self._accounts[name] = _Account(calendar, pace, Turnstile(pace, clock=clock, sleep=sleep))

    async def busy(
        self, people: Mapping[str, Sequence[str]], span: Interval, *, fresh: bool = False, best_effort: bool = False
    ) -> Mapping[str, Busy]:
        """Each person's busy times over all their calendars, merged and sorted; Unknown when any of them is. One call per
        provider at most; what was read within a minute is taken as it was, unless `fresh`. `CalendarBusy` when a provider
        cannot answer for now; with `best_effort`, for looking rather than booking, its calendars are Unknown instead."""
        places = {who: [self._route(address) for address in addresses] for who, addresses in people.items()}
        asked: dict[str, list[str]] = {}
        for provider, name in dict.fromkeys(place for found in places.values() for place in found):
            asked.setdefault(provider, []).append(name)
        reads = (self._read(provider, names, span, fresh=fresh) for provider, names in asked.items())
        answers: dict[tuple[str, str], Busy] = {}
        for provider, read in zip(asked, await asyncio.gather(*reads, return_exceptions=True), strict=True):
            if best_effort and isinstance(read, CalendarBusy):
                read = dict.fromkeys(asked[provider], self._not_now(read))
            if isinstance(read, BaseException):
                raise read
            answers.update({(provider, name): named(busy, f"{provider}:{name}") for name, busy in read.items()})
        return {who: joined([answers[place] for place in found], span) for who, found in places.items()}

    def sources(self, addresses: Sequence[str]) -> Mapping[str, timedelta]:
        """The providers of some calendars, and how long ago what `busy` gives of them was read: none where it reads each time."""
        ages: dict[str, timedelta] = {}
        for provider, name in map(self._route, addresses):
            account = self._accounts.get(provider)
            read_at = account.fresh[name][0] if account and name in account.fresh else self._clock()
            age = timedelta(seconds=self._clock() - read_at)
            ages[provider] = max(age, ages.get(provider, age))
        return ages

    async def put(self, event: Event, *, etag: str = "") -> EventState:
        """`Calendar.put` in the organiser's calendar."""
        account = self._account(self._organiser)
        state = await self._call(self._organiser, "put", lambda: account.calendar.put(event, etag=etag))
        if event.revision:  # it has left the time that it had: who was busy then may be free now
            account.fresh.clear()
        return state

    async def cancel(self, key: EventKey, *, etag: str = "") -> None:
        """`Calendar.cancel` in the organiser's calendar."""
        account = self._account(self._organiser)
        await self._call(self._organiser, "cancel", lambda: account.calendar.cancel(key, etag=etag))
        account.fresh.clear()

    async def get(self, key: EventKey) -> EventState | None:
        """`Calendar.get` in the organiser's calendar."""
        account = self._account(self._organiser)
        return await self._call(self._organiser, "get", lambda: account.calendar.get(key))

    async def changes(self, cursor: str = "") -> Changes:
        """`Calendar.changes` of the organiser's calendar."""
        account = self._account(self._organiser)
        return await self._call(self._organiser, "changes", lambda: account.calendar.changes(cursor))

    def statistics(self) -> Sequence[Statistics]:
        """What each verb of each provider has cost, in the order of first use."""
        return [
            Statistics(
                provider=provider,
                verb=verb,
                calls=tally.calls,
                requests=tally.requests,
                retries=tally.retries,
                waited=tally.waited,
                errors=dict(tally.errors),
            )
            for provider, account in self._accounts.items()
            for verb, tally in account.tallies.items()
        ]

    def budget_left(self) -> Mapping[str, int | None]:
        """Calls that each provider would grant at once; None where there is no quota."""
        return {provider: account.turnstile.left() for provider, account in self._accounts.items()}

    def estimate(self, candidates: int, *, rounds: int) -> timedelta:
        """How long the calls for so many candidates with so many rounds each take at least: a read and a write per round."""
        turnstile = self._account(self._organiser).turnstile
        return timedelta(seconds=turnstile.seconds_for(candidates * (1 + rounds)))

    async def aclose(self) -> None:
        """Close every calendar's connections."""
        for account in self._accounts.values():
            await account.calendar.aclose()

    @property
    def organiser(self) -> str:
        """The provider of the account that our events are written to."""
        return self._organiser

    def place(self, address: str) -> str:
        """A calendar by its full name, such as `google:asha@example.com`: an `Unknown` names one so, or its provider alone."""
        return ":".join(self._route(address))

    def _route(self, address: str) -> tuple[str, str]:
        prefix, colon, name = address.partition(":")
        return (prefix, name) if colon and prefix in PROVIDERS else (self._default, address)

    def _account(self, provider: str) -> _Account:
        if provider not in self._accounts:
            raise CalendarRefused(f"the provider {provider} is not set up", reason="notSetUp")
        return self._accounts[provider]

    async def _read(self, provider: str, names: Sequence[str], span: Interval, *, fresh: bool) -> Mapping[str, Busy]:
        if provider not in self._accounts:
            nobody = Unknown(
                reason=f"{provider} is not set up",
                cure=f"Run `python main.py connect {provider}`, or give another calendar in the SOP.",
                calendar=provider,
            )
            return dict.fromkeys(names, nobody)
        account = self._accounts[provider]
        known = (
            {} if fresh else {name: busy for name in names if (busy := self._known(account, name, span)) is not None}
        )
        missing = [name for name in names if name not in known]
        if not missing:
            return known
        wide = rounded(span) if account.pace.fresh_for else span
        read: dict[str, Busy] = {}
        try:
            await self._call(provider, "busy", lambda: ask(account.calendar, missing, wide, read))
        except CalendarBusy as error:
            if error.reason != PARTLY:
                raise
        except CalendarError as error:
            read = dict.fromkeys(missing, unreadable(provider, error))
        if account.pace.fresh_for:
            account.fresh.update({name: (self._clock(), wide, busy) for name, busy in read.items()})
        return {**known, **read}

    def _not_now(self, error: CalendarBusy) -> Unknown:
        minutes = max(1, round(self._seconds_until(error.retry_at) / 60))
        return Unknown(reason=str(error), cure=f"It may do again in {plural(minutes, 'minute')}.")

    def _known(self, account: _Account, name: str, span: Interval) -> Busy | None:
        read_at, covered, busy = account.fresh.get(name, (float("-inf"), span, ()))
        recent = self._clock() - read_at < account.pace.fresh_for
        return busy if recent and covered.start <= span.start and span.end <= covered.end else None

    async def _call(self, provider: str, verb: str, work: Callable[[], Awaitable[T]]) -> T:
        """One call with its retries; its error says of which account it is, and `CalendarBusy` when to come back."""
        account = self._account(provider)
        try:
            self._refuse_if_parked(account, verb)
            result = await self._tried(account, verb, work)
        except CalendarError as error:
            error.provider, error.verb = provider, verb
            raise
        account.failures = 0
        return result

    async def _tried(self, account: _Account, verb: str, work: Callable[[], Awaitable[T]]) -> T:
        tally = account.tallies.setdefault(verb, _Tally())
        left = [self._patience]

        async def pause(seconds: float) -> None:
            tally.retries += 1
            tally.waited += seconds
            left[0] -= seconds
            await self._sleep(seconds)

        retrying = AsyncRetrying(
            retry=retry_if_exception(_passes),
            wait=self._pause,
            stop=lambda state: state.attempt_number > self._max_retries or state.upcoming_sleep > left[0],
            sleep=pause,
            reraise=True,
        )
        try:
            result: T = await retrying(self._once, account, verb, tally, left, work)
        except CalendarBusy as error:
            self._park(account, verb, error)
            raise
        return result

    async def _once(
        self, account: _Account, verb: str, tally: _Tally, left: list[float], work: Callable[[], Awaitable[T]]
    ) -> T:
        try:
            async with account.turnstile.turn(priority=PRIORITIES[verb], patience=left[0]) as waited:
                left[0] -= waited
                tally.waited += waited
                tally.calls += 1
                before = account.requests
                try:
                    return await self._in_time(account.calendar.provider, work)
                except CalendarError as error:
                    tally.errors[error.reason or type(error).__name__] += 1
                    raise
                finally:
                    made = 1 if before is None else (account.requests or 0) - before
                    tally.requests += made
                    account.turnstile.charge(made - 1)
        except TooLong as error:
            retry_at = self._now() + timedelta(seconds=error.seconds)
            message = f"too many calls are waiting for {account.calendar.provider}"
            raise CalendarBusy(message, reason="queued", retry_at=retry_at) from error

    async def _in_time(self, provider: str, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._deadline):
                return await work()
        except TimeoutError as error:
            raise CalendarBusy(f"{provider} does not come to the end of an answer", reason="deadline") from error

    def _pause(self, state: RetryCallState) -> float:
        """Full jitter under a doubling ceiling; what the provider asked for comes first."""
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (state.attempt_number - 1))
        jitter = self._lots() * ceiling
        error = state.outcome.exception() if state.outcome else None
        asked = self._seconds_until(error.retry_at) if isinstance(error, CalendarBusy) else 0.0
        return asked + jitter

    def _park(self, account: _Account, verb: str, error: CalendarBusy) -> None:
        """Leave the account alone for as long as it asked, or longer with each call given up in a row."""
        if error.reason in {"queued", PARTLY}:
            return  # the account is well; only our own queue is long, or one of its calendars is not to be read
        account.failures += 1
        lasting = LASTING.get(error.reason)
        grown = min(LONGEST_PARK, FIRST_PAUSE * 2.0 ** (self._max_retries + account.failures))
        seconds = lasting.total_seconds() if lasting else grown * (0.5 + self._lots() / 2)
        if error.retry_at is not None:
            seconds = self._seconds_until(error.retry_at)
        error.retry_at = self._now() + timedelta(seconds=seconds)
        parked = account.writes if lasting and verb in WRITES else account.everything
        parked.until, parked.error = self._clock() + seconds, error

    def _refuse_if_parked(self, account: _Account, verb: str) -> None:
        for parked in (account.everything, *([account.writes] if verb in WRITES else [])):
            wait = parked.until - self._clock()
            if parked.error is not None and wait > 0:
                raise CalendarBusy(
                    str(parked.error),
                    reason=parked.error.reason,
                    calendar=parked.error.calendar,
                    retry_at=self._now() + timedelta(seconds=wait),
                )

    def _seconds_until(self, moment: datetime | None) -> float:
        return max(0.0, (moment - self._now()).total_seconds()) if moment else 0.0


def _passes(error: BaseException) -> bool:
    """Whether a failure may be over in a moment."""
    return isinstance(error, CalendarBusy) and error.reason not in {*LASTING, "queued", "deadline"}
