"""From what is true now to a plan: gather and decide, for a first plan, for one made anew, and for looking ahead.

A candidate's interviews that stand are `previous` (they may move, and each move counts) or `keep` (they may not): those that
have begun, those that a person has pinned, and those that were not asked about. What calendars show of these very interviews
is cut out of the busy times; a strange event that lies under one of them is cut out with it and cannot be seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from booking.records import interview_of, moves, shown
from booking.sightings import interval_of, own_times, said_json
from booking.world import World, look
from calendar_utils import Calendars
from calendars.base import Unknown
from domain.errors import SopError
from domain.model import CandidateRequest, Interval, Interview
from lifecycle.watching import Said, foreign
from sop import NoPlan, Plan, Sop, plan, verify
from sop.model import Interviewer
from sop.rules import Breach
from sop.verification import breaches
from supabase_db import Database

Json = dict[str, Any]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What holds for one candidate beyond the SOP, and what the next plan is to be like. `excluded` are who or what time will not
    do: `{round, interviewer, start, end}`, each optional; `rounds` those that may move (None: any). `preview` is a plan that was
    shown; with `back` it is what was booked before, and was given notice then."""

    changes: Mapping[str, Any]
    excluded: tuple[Json, ...] = ()
    waived: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    rounds: frozenset[str] | None = None
    thaw: bool = False
    preview: tuple[Json, ...] = ()
    back: bool = False

    @classmethod
    def of(cls, candidate: Json) -> Terms:
        """The terms in a candidate's row."""
        lasting, replan = candidate["exceptions"], candidate["replan"] or {}
        rounds = replan.get("rounds")
        return cls(
            changes={path.removeprefix("sop."): value for path, value in lasting.get("changes", {}).items()},
            excluded=(*lasting.get("excluded", ()), *replan.get("excluded", ())),
            waived=frozenset(lasting.get("waived", ())),
            pinned=frozenset(lasting.get("pinned", ())),
            rounds=None if rounds is None else frozenset(rounds),
            thaw=replan.get("thaw", False),
            preview=tuple(replan.get("preview", ())),
            back=replan.get("back", False),
        )

    def out_of(self, round_id: str) -> frozenset[str]:
        """Interviewers who must not take a round, whenever it is."""
        return frozenset(
            one["interviewer"]
            for one in self.excluded
            if one.get("interviewer") and not one.get("start") and one.get("round") in {None, round_id}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What a decision about a candidate needs, read at one moment. Somebody in `unknown` is busy all the time: unknown is not
    free.

    `granted` is the SOP with what was granted to this candidate, `sop` the same without rounds that are left out and people who
    will not do; `live` are the interviews that stand, by round.
    """

    now: datetime
    granted: Sop
    sop: Sop
    request: CandidateRequest
    busy: Mapping[str, Sequence[Interval]]
    booked: Sequence[Interview]
    unknown: Mapping[str, Unknown]
    live: Mapping[str, Interview]
    keep: tuple[Interview, ...] = ()
    previous: tuple[Interview, ...] = ()
    terms: Terms

    @property
    def rounds(self) -> tuple[str, ...]:
        """The rounds that are to be planned, in order; none when all are left out."""
        wanted = [round_.id for round_ in self.sop.course(self.request.course).rounds]
        return tuple(name for name in wanted if name not in self.terms.waived)

    @property
    def whole(self) -> bool:
        """Whether everything that is wanted is booked."""
        return set(self.rounds) <= set(self.live)

    @property
    def about(self) -> dict[str, Any]:
        """The arguments that planning and checking share."""
        return {
            "busy": self.busy,
            "booked": self.booked,
            "now": self.now,
            "keep": self.keep,
            "previous": self.previous,
            "thaw": self.terms.thaw,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A plan that obeys every rule, checked twice. `cost` is empty for one that was shown before and is booked as it was."""

    interviews: tuple[Interview, ...]
    cost: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outdated:
    """The plan that was shown would break rules by now; `instead` is what there is in its place."""

    broken: tuple[Breach, ...]
    instead: Plan | NoPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a wish would lead to, with nothing written. `moves` is as `records.moves`; `shown` is the plan as `ask_replan` takes
    it for its `preview`."""

    result: Plan | NoPlan
    moves: tuple[Json, ...]
    shown: tuple[Json, ...]


async def gather(
    db: Database, calendars: Calendars, sop: Sop, candidate: Json, rows: Sequence[Json], now: datetime
) -> Situation:
    """Busy times of all who could take a round (one read per provider) and what is booked, as far as the SOP looks.

    `candidate` and its interviews `rows` are as `Database.claim` gives them. Who has waited for a calendar has it read anew.
    """
    request = CandidateRequest.parse(candidate["request"])
    fresh = bool(candidate.get("waited_for"))
    return await _gather(db, calendars, sop, request, Terms.of(candidate), rows, now, fresh=fresh)


async def _gather(
    db: Database,
    calendars: Calendars,
    sop: Sop,
    request: CandidateRequest,
    terms: Terms,
    rows: Sequence[Json],
    now: datetime,
    *,
    fresh: bool = False,
) -> Situation:
    granted = as_granted(sop, terms)
    people = involved(granted, request.course, rows)
    world = await look(db, calendars, people, granted.horizon(request), fresh=fresh)
    return situation_in(world, granted, request, terms, rows, now)


def situation_in(
    world: World, granted: Sop, request: CandidateRequest, terms: Terms, rows: Sequence[Json], now: datetime
) -> Situation:
    """The situation of a candidate in a world that has been read already: as far as the SOP looks, and of all `involved`.
    `granted` is the SOP with what was granted to the candidate."""
    ours = narrowed(granted, request.course, terms)
    standing = _standing(rows)
    answers = {person.id: world.busy[person.calendars] for person in involved(granted, request.course, rows)}
    unknown = {who: answer for who, answer in answers.items() if isinstance(answer, Unknown)}
    own = own_times(standing)
    known = {who: foreign(busy, own.get(who, ())) for who, busy in answers.items() if not isinstance(busy, Unknown)}
    nobody = nobody_left(granted, request.course, terms)
    out = _unavailable(granted, request.course, (*terms.excluded, *world.blocks), {*unknown, *nobody}, world.span)
    live = {row["round"]: interview_of(row, request.email) for row in standing if _is_round(ours, request.course, row)}
    done = {row["round"] for row in standing if row["status"] == "done"}
    keep = {name for name, one in live.items() if name in done or _stays(name, one, terms, nobody, now)}
    return Situation(
        now=now,
        granted=granted,
        sop=ours,
        request=request,
        busy=_with(known, out),
        booked=world.booked,
        unknown=unknown,
        live=live,
        keep=tuple(one for name, one in live.items() if name in keep),
        previous=tuple(one for name, one in live.items() if name not in keep),
        terms=terms,
    )


def decide(situation: Situation) -> Made | Outdated | NoPlan:
    """The best plan, checked against every rule by a second pair of eyes; or why there is none. A plan that was shown is taken
    as it is while it holds."""
    sop, request = situation.sop, situation.request
    if not situation.rounds:
        return Made(interviews=(), cost={})
    if situation.terms.preview:
        wanted = previewed(situation.terms.preview, request)
        known = sop.having(notice=timedelta(0)) if situation.terms.back else sop
        broken = breaches(known, wanted, request, **situation.about)
        if not broken:
            return Made(interviews=wanted, cost={})
        return Outdated(broken=broken, instead=plan(sop, request, **situation.about))
    result = plan(sop, request, **situation.about)
    if isinstance(result, NoPlan):
        return result
    verify(sop, result, request, **situation.about)
    return Made(interviews=result.interviews, cost=result.cost._asdict())


def previewed(rows: Iterable[Json], request: CandidateRequest) -> tuple[Interview, ...]:
    """A plan that was shown, as `records.shown` wrote it down."""
    return tuple(interview_of({**row, "course": request.course}, request.email) for row in rows)


async def preview_replan(
    db: Database,
    calendars: Calendars,
    sop: Sop,
    candidate: Json,
    *,
    now: datetime,
    detail: Json,
) -> Preview:
    """What `Database.ask_replan` with this `detail` would lead to now. `candidate` is a match of `Database.show_candidate`.

    To book exactly this, ask for it with `preview` set to what is `shown`. `FieldError` names what cannot be planned with.
    """
    exceptions = {
        "changes": candidate["exceptions"].get("changes", {}) | _of(detail, "sop."),
        "excluded": candidate["exceptions"].get("excluded", []),
        "waived": [name for name in candidate["exceptions"].get("waived", ()) if name not in detail.get("rebook", ())],
        "pinned": [name for name in candidate["exceptions"].get("pinned", ()) if name not in _named(detail)],
    }
    request = (detail.get("request") or candidate["request"]) | {
        path.removeprefix("request."): value for path, value in _of(detail, "request.").items()
    }
    wished = {**candidate, "request": request, "exceptions": exceptions, "replan": {**detail, "preview": ()}}
    situation = await gather(db, calendars, sop, wished, candidate["interviews"], now)
    result = plan(situation.sop, situation.request, **situation.about)
    if isinstance(result, NoPlan):
        return Preview(result=result, moves=(), shown=())
    changed = moves(situation.granted, situation.request.course, situation.live, result.interviews)
    return Preview(result=result, moves=tuple(changed), shown=tuple(shown(result.interviews)))


async def broken_by_move(
    db: Database, calendars: Calendars, sop: Sop, candidate: Json, row: Json, to: Said, now: datetime
) -> tuple[Situation, tuple[Breach, ...]]:
    """The rules that would be broken if an interview stood where a person has moved its event, with all others of the candidate
    as they are. `candidate` is a match of `Database.show_candidate`, `row` the interview, `to` what its event says now."""
    request, terms, name = CandidateRequest.parse(candidate["request"]), Terms.of(candidate), row["round"]
    rows = [{**one, "event_said": said_json(to)} if one["id"] == row["id"] else one for one in candidate["interviews"]]
    standing = {one["round"] for one in rows if one["status"] in {"booked", "done"}}
    every = {round_.id for round_ in sop.course(request.course).rounds}
    alone = replace(
        terms,
        waived=frozenset(every - standing),
        pinned=frozenset(),
        rounds=frozenset({name}),
        thaw=True,
        excluded=tuple(one for one in terms.excluded if one.get("start")),
    )
    situation = await _gather(db, calendars, sop, request, alone, rows, now)
    moved = replace(situation.live[name], start=to.interval.start, end=to.interval.end)
    wanted = [moved if other == name else situation.live[other] for other in situation.rounds]
    return situation, breaches(situation.sop, wanted, request, **situation.about)


def _of(detail: Json, prefix: str) -> Json:
    return {path: value for path, value in (detail.get("changes") or {}).items() if path.startswith(prefix)}


def _named(detail: Json) -> set[str]:
    """The rounds that a wish is expressly about."""
    return {*(detail.get("rounds") or ()), *(one["round"] for one in detail.get("excluded", ()) if one.get("round"))}


# The SOP as it is for one candidate -------------------------------------------------------------------------------------------


def as_granted(sop: Sop, terms: Terms) -> Sop:
    """The SOP with what was granted to a candidate; as it is when that no longer fits it, for the rules are the safe side."""
    if not terms.changes:
        return sop
    try:
        return sop.changed(terms.changes)
    except SopError:
        logger.warning("exceptions no longer fit the SOP", exc_info=True, extra={"action": "drop_exceptions"})
        return sop


def narrowed(sop: Sop, course: str, terms: Terms) -> Sop:
    """The SOP without the rounds of a course that are left out, and without people where they will not do."""
    rounds = sop.plain()["courses"][course]["rounds"] if course in sop.courses else []
    wanted = [_without_people(sop, course, round_, terms) for round_ in rounds if round_["id"] not in terms.waived]
    if not wanted or wanted == rounds:
        return sop
    wanted[0].pop("gap", None)
    return sop.changed({f"courses.{course}.rounds": wanted})


def _without_people(sop: Sop, course: str, plain: Json, terms: Terms) -> Json:
    out = terms.out_of(plain["id"])
    seats = sop.course(course).rounds[sop.course(course).position(plain["id"])].seats
    narrow = []
    for seat, given in zip(seats, plain["seats"], strict=True):
        left = {name: [who for who in getattr(seat, name) if who not in out] for name in ("interviewers", "backups")}
        narrow.append(given if set(seat.ranks) <= out or not set(seat.ranks) & out else left)
    return {**plain, "seats": narrow}


def nobody_left(sop: Sop, course: str, terms: Terms) -> frozenset[str]:
    """Everybody of seats that nobody is left for. They keep the seat, for an SOP has somebody for each, and are busy all the
    time: so there is no plan, and the ways out (another interviewer) are found as ever."""
    seats = ((terms.out_of(round_.id), seat) for round_ in sop.course(course).rounds for seat in round_.seats)
    return frozenset(who for out, seat in seats if set(seat.ranks) <= out for who in seat.ranks)


# What stays and who is busy ---------------------------------------------------------------------------------------------------


def involved(sop: Sop, course: str, rows: Sequence[Json]) -> list[Interviewer]:
    """Everybody whose busy times a decision about a candidate needs; `rows` are the candidate's interviews."""
    people = [*sop.involved(course), *(who for row in _standing(rows) for who in row["interviewers"])]
    return [sop.interviewers[who] for who in dict.fromkeys(people) if who in sop.interviewers]


def _standing(rows: Sequence[Json]) -> list[Json]:
    return [row for row in rows if row["status"] in {"reserved", "booked", "done"}]


def _is_round(sop: Sop, course: str, row: Json) -> bool:
    """Whether an interview is of a round that is planned; others are left alone."""
    return row["course"] == course and any(round_.id == row["round"] for round_ in sop.course(course).rounds)


def _stays(name: str, one: Interview, terms: Terms, nobody: frozenset[str], now: datetime) -> bool:
    """Whether an interview that stands is not to be moved, whatever the rules say of it."""
    if one.start <= now:
        return True
    if terms.out_of(name) & set(one.interviewers):
        return False
    return (
        name in terms.pinned
        or (terms.rounds is not None and name not in terms.rounds)
        or bool(nobody & set(one.interviewers))
    )


def _unavailable(
    sop: Sop, course: str, excluded: Iterable[Json], always: Iterable[str], horizon: Interval
) -> dict[str, list[Interval]]:
    """Who is ruled out when: those of `always` all the time, others at the times that are excluded. A time that is excluded for a
    round and nobody in particular rules out all who could take that round then."""
    found: dict[str, list[Interval]] = {who: [horizon] for who in always}
    for one in excluded:
        if one.get("start"):
            rounds = [round_ for round_ in sop.course(course).rounds if one.get("round") in {None, round_.id}]
            takers = [who for round_ in rounds for seat in round_.seats for who in seat.ranks]
            for who in [one["interviewer"]] if one.get("interviewer") else dict.fromkeys(takers):
                found.setdefault(who, []).append(interval_of(one))
    return found


def _with(
    busy: Mapping[str, Sequence[Interval]], more: Mapping[str, Sequence[Interval]]
) -> Mapping[str, Sequence[Interval]]:
    return {who: (*busy.get(who, ()), *more.get(who, ())) for who in dict.fromkeys([*busy, *more])}
