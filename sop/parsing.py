"""From plain data to an SOP: one shape for every way of writing, the checks across its parts, and mistakes as `Problem`s.

The values themselves and their own checks live in `model.py`. Mistakes here have no line: `config.load_sop` adds it.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from domain.errors import FieldError, InvalidSop, Problem
from sop.lengths import Length
from utils import clock_of

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SHORTHAND = ("interviewers", "pool", "backups")  # a round without `seats` has one, given by these
Plain = Any  # parsed YAML or JSON, of any shape


def normal(plain: object) -> dict[str, Plain]:
    """A copy with ids inside the parts they name, and every round with its `seats`; what has the wrong shape stays as it is."""
    if not isinstance(plain, Mapping):
        raise InvalidSop(
            "the SOP", [Problem(line=None, where="", message="an SOP is a mapping that begins with timezone:")]
        )
    data: dict[str, Plain] = _jsonable(copy.deepcopy(dict(plain)))
    if type(data.get("digest_at")) is int and data["digest_at"] >= 60:  # YAML makes the number 630 of an unquoted 10:30
        data["digest_at"] = clock_of(data["digest_at"])
    for section in ("interviewers", "courses"):
        if isinstance(data.get(section), dict):
            data[section] = {key: _named(key, part) for key, part in data[section].items()}
    for _, round_ in _rounds(data):
        given = {key: round_.pop(key) for key in SHORTHAND if key in round_ and "seats" not in round_}
        if given:
            round_["seats"] = [given]
    for _, seat in _seats(data):
        seat |= {key: [seat[key]] for key in ("interviewers", "backups") if isinstance(seat.get(key), str)}
    return data


def _named(key: str, part: Plain) -> Plain:
    return {**part, "id": key} if isinstance(part, dict) else part


def without_ids(data: dict[str, Plain]) -> dict[str, Plain]:
    """What `normal` made, without the ids that the keys say already."""
    data = copy.deepcopy(data)
    for section in ("interviewers", "courses"):
        for part in data[section].values():
            del part["id"]
    return data


def cross_checked(data: dict[str, Plain]) -> list[Problem]:
    """The mistakes that only show between parts: unknown people, empty pools, doubles, gaps that contradict themselves."""
    return [
        Problem(line=None, where=where, message=message)
        for check in (_ids, _people, _round_ids, _gaps, _hours, _breaks, _shorthand)
        for where, message in check(data)
    ]


def problems_of(error: ValidationError, root: type[BaseModel]) -> list[Problem]:
    """What pydantic found when it read `root`, in our words; without what only follows from another finding."""
    found = error.errors(include_url=False)
    return [
        Problem(line=None, where=".".join(map(str, problem["loc"])), message=_message(problem, root))
        for problem in found
        if not _follows(problem, found)
    ]


def _follows(problem: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Whether a list only seems too short because what is in it is wrong, or a key is told by `_shorthand` already."""
    loc = problem["loc"]
    if problem["type"] == "too_short":
        return any(other["loc"][: len(loc)] == loc and other is not problem for other in found)
    return problem["type"] == "extra_forbidden" and loc[0] == "courses" and loc[-1] in SHORTHAND and len(loc) == 5


def in_order(problems: Iterable[Problem], plain: Plain) -> list[Problem]:
    """Each once, with the path as the writer wrote it (a round in shorthand has no `seats`), in the order of the data."""
    written = [Problem(line=None, where=as_written(p.where, plain), message=p.message) for p in problems]
    order = {path: place for place, path in enumerate(_paths(plain))}
    return sorted(dict.fromkeys(written), key=lambda p: order.get(p.where, len(order)))


def as_written(where: str, plain: Plain) -> str:
    """The path without the `seats.0` that shorthand does not have."""
    head, seats, tail = where.partition(".seats.0")
    return head + tail if seats and f"{head}.seats" not in set(_paths(plain)) else where


def patched(plain: dict[str, Plain], changes: Mapping[str, Any]) -> dict[str, Plain]:
    """Plain data with values set by path; `FieldError` for a path that leads nowhere."""
    for path, value in changes.items():
        *parents, last = path.split(".")
        spot = plain
        for step in parents:
            spot = _step(spot, step, path)
        if isinstance(spot, list):
            spot[_index(spot, last, path)] = value
        elif value is None:
            spot.pop(last, None)
        else:
            spot[last] = value
    return plain


def closest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'core'?`, or what there is to choose from."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there {'is' if len(names) == 1 else 'are'} {', '.join(names) or 'none'}"


# The checks across parts ------------------------------------------------------------------------------------------

Found = Iterator[tuple[str, str]]


def _ids(data: dict[str, Plain]) -> Found:
    for section in ("interviewers", "courses"):
        parts = data.get(section)
        if isinstance(parts, dict):
            if not parts:
                yield section, "there must be at least one"
            for key in parts:
                if not ID.fullmatch(key):
                    yield f"{section}.{key}", f"{key!r} is not an id: small letters, digits, - and _, at most 40"


def _people(data: dict[str, Plain]) -> Found:
    people = data["interviewers"] if isinstance(data.get("interviewers"), dict) else {}
    skills = {str(skill) for person in people.values() if isinstance(person, dict) for skill in _list(person, "skills")}
    for path, seat in _seats(data):
        named = [(key, i, who) for key in ("interviewers", "backups") for i, who in enumerate(_list(seat, key))]
        for key, place, who in named:
            if who not in people:
                yield f"{path}.{key}.{place}", f"{who!r} is not an interviewer{closest(str(who), people)}"
        everyone = [who for _, _, who in named]
        for key, place, who in named:
            if everyone.index(who) != [(k, p) for k, p, _ in named].index((key, place)):
                yield f"{path}.{key}.{place}", f"{who!r} is named twice for this seat"
        pool = seat.get("pool")
        if pool is not None and pool not in skills:
            yield f"{path}.pool", f"nobody has the skill {pool!r}{closest(str(pool), skills)}"
        if pool is None and not everyone:
            yield path, "nobody is named for this seat: give interviewers, backups or a pool"


def _round_ids(data: dict[str, Plain]) -> Found:
    seen: set[tuple[str, str]] = set()
    for path, round_ in _rounds(data):
        name = round_.get("id")
        if isinstance(name, str) and not ID.fullmatch(name):
            yield f"{path}.id", f"{name!r} is not an id: small letters, digits, - and _, at most 40"
        key = (path.rsplit(".", 1)[0], str(name))
        if key in seen:
            yield f"{path}.id", f"there is another round {name!r} in this course"
        seen.add(key)
        if "seats" not in round_:
            yield path, "nobody is named for this round: give interviewers, a pool or seats"


def _gaps(data: dict[str, Plain]) -> Found:
    for path, round_ in _rounds(data):
        gap = round_.get("gap")
        if not isinstance(gap, dict):
            continue
        if path.endswith(".0"):
            yield f"{path}.gap", "the first round has no round before it to keep a gap to"
        least, most = (_length(gap.get(key)) for key in ("min", "max"))
        if least and most and _comparable(least, most) and _size(least) > _size(most):
            yield f"{path}.gap", f"the gap's min {least} is more than its max {most}"


def _hours(data: dict[str, Plain]) -> Found:
    if data.get("working_hours") is None and isinstance(data.get("interviewers"), dict):
        for who, person in data["interviewers"].items():
            if isinstance(person, dict) and "working_hours" not in person:
                yield f"interviewers.{who}", "has no working_hours, and the SOP gives none for everybody"


def _breaks(data: dict[str, Plain]) -> Found:
    people = data["interviewers"] if isinstance(data.get("interviewers"), dict) else {}
    for who, person in people.items():
        if isinstance(person, dict) and ("max_in_a_row" in person) != ("break" in person):
            yield f"interviewers.{who}", "max_in_a_row and break go together: no more than so many without such a break"


def _shorthand(data: dict[str, Plain]) -> Found:
    for path, round_ in _rounds(data):
        for key in SHORTHAND:
            if key in round_:
                yield f"{path}.{key}", f"a round with seats names its {key} in the seats"


# Walking plain data -----------------------------------------------------------------------------------------------


def _rounds(data: dict[str, Plain]) -> Iterator[tuple[str, dict[str, Plain]]]:
    courses = data.get("courses")
    for name, course in courses.items() if isinstance(courses, dict) else ():
        for place, round_ in enumerate(_list(course, "rounds") if isinstance(course, dict) else ()):
            if isinstance(round_, dict):
                yield f"courses.{name}.rounds.{place}", round_


def _seats(data: dict[str, Plain]) -> Iterator[tuple[str, dict[str, Plain]]]:
    for path, round_ in _rounds(data):
        for place, seat in enumerate(_list(round_, "seats")):
            if isinstance(seat, dict):
                yield f"{path}.seats.{place}", seat


def _list(part: dict[str, Plain], key: str) -> list[Plain]:
    return part[key] if isinstance(part.get(key), list) else []


def _paths(plain: Plain, prefix: str = "") -> Iterator[str]:
    children: Iterable[tuple[object, Plain]] = ()
    if isinstance(plain, Mapping):
        children = plain.items()
    elif isinstance(plain, Sequence) and not isinstance(plain, str):
        children = enumerate(plain)
    for key, child in children:
        path = f"{prefix}.{key}" if prefix else str(key)
        yield path
        yield from _paths(child, path)


def _step(spot: Plain, step: str, path: str) -> Plain:
    if isinstance(spot, list):
        return spot[_index(spot, step, path)]
    if not isinstance(spot, dict):
        raise FieldError("path", path, f"There is nothing below it at {step!r}.")
    return spot.setdefault(step, {})


def _index(spot: list[Plain], step: str, path: str) -> int:
    for place, part in enumerate(spot):
        if step == str(place) or (isinstance(part, dict) and part.get("id") == step):
            return place
    raise FieldError("path", path, f"There is no {step!r} in that list.")


def _jsonable(plain: Plain) -> Plain:
    """Dates (which YAML makes of 2026-12-25) as text, and keys as text: the same data as JSON would carry."""
    if isinstance(plain, Mapping):
        return {key if isinstance(key, str) else str(key): _jsonable(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_jsonable(value) for value in plain]
    return plain.isoformat() if isinstance(plain, date) else plain


def _length(plain: Plain) -> Length | None:
    try:
        return None if plain is None else Length.parse(plain)
    except ValueError:
        return None  # said already, where it is written


def _comparable(one: Length, other: Length) -> bool:
    return (one.elapsed is None) == (other.elapsed is None) and (one.elapsed is not None or one.unit == other.unit)


def _size(length: Length) -> float:
    return length.amount if length.elapsed is None else length.elapsed.total_seconds()


# Pydantic's findings in our words ---------------------------------------------------------------------------------


def _message(problem: ErrorDetails, root: type[BaseModel]) -> str:
    loc, kind = problem["loc"], problem["type"]
    if kind == "extra_forbidden":
        return f"the key {loc[-1]!r} is not known here{closest(str(loc[-1]), _known_keys(loc[:-1], root))}"
    if kind == "missing":
        return "is needed"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return message
    return f"{problem['input']!r} cannot be used: {message[0].lower()}{message[1:]}"


def _known_keys(loc: Sequence[int | str], root: type[BaseModel]) -> set[str]:
    """The keys that the part at a path may have."""
    part, steps = root, iter(loc)
    for step in steps:
        field = part.model_fields[str(step)]
        part = next(_models_in(field.annotation))
        if get_origin(field.annotation) in {dict, tuple}:
            next(steps)  # the id or the place in the list
    keys = {field.alias or name for name, field in part.model_fields.items()} - {"id"}
    return keys | {*SHORTHAND, "id"} if "seats" in keys else keys


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
