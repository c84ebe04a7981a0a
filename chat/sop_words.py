"""What is different between two SOPs, in words: `Core Java: largest gap 4d → 2d`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sop import Sop

Json = dict[str, Any]
_Flat = dict[tuple[str, ...], str]

_WORDS = {
    "timezone": "time zone",
    "min": "least",
    "max": "largest",
    "duration": "length",
    "seats": "seat",
    "when": "only at",
    "pool": "pool of",
    "finish_within": "finished within",
    "max_interviewers": "most interviewers",
    "distinct_interviewers": "nobody takes two rounds",
    "never_twice_in_a_row": "nobody takes two rounds in a row",
    "days_off": "days off",
    "digest_at": "daily message at",
    "escalation_after": "unanswered questions go to the next admin after",
    "undo_for": "can be taken back for",
    "break": "break after interviews in a row",
    "reminders": "reminders before an interview",
}
_HOURS = {("working_hours",), ("desk_hours",), ("when",)}  # by weekday, one value each
_PEOPLE = {"interviewers", "backups"}  # lists of ids, read as names


def differences(before: Sop, after: Sop) -> list[str]:
    """Every difference that has a meaning, a line for each: people and courses that come and go first, then what changes."""
    old, new = before.plain(), after.plain()
    lines = [line for kind in ("courses", "interviewers") for line in _come_and_gone(kind, before, after, old, new)]
    names = _names(before) | _names(after)
    flat_old, flat_new = dict(_flat(old, names)), dict(_flat(new, names))
    for path in dict.fromkeys([*flat_old, *flat_new]):
        one, two = flat_old.get(path), flat_new.get(path)
        if one != two and not _is_whole(path, old, new):
            lines.append(f"{_place(path, names)}: {_step(path)} {one or 'none'} → {two or 'none'}")
    return lines


def _come_and_gone(kind: str, before: Sop, after: Sop, old: Json, new: Json) -> Iterator[str]:
    """Courses, their rounds, or people that one of the two does not have, and rounds in another order."""
    names = _names(before) | _names(after)
    for one in old[kind]:
        if one not in new[kind]:
            yield f"{names[(kind, one)]} is no longer there"
    for one in new[kind]:
        if one not in old[kind]:
            yield f"{names[(kind, one)]} is new"
    if kind == "courses":
        for course in (one for one in old[kind] if one in new[kind]):
            yield from _rounds(course, before, after)


def _rounds(course: str, before: Sop, after: Sop) -> Iterator[str]:
    old = {one.id: one.title for one in before.courses[course].rounds}
    new = {one.id: one.title for one in after.courses[course].rounds}
    title = after.courses[course].title
    yield from (f"{title}: {name} is no longer there" for one, name in old.items() if one not in new)
    yield from (f"{title}: {name} is new" for one, name in new.items() if one not in old)
    if [one for one in old if one in new] != [one for one in new if one in old]:
        yield f"{title}: the rounds are now in the order {', '.join(new.values())}"


def _names(sop: Sop) -> dict[tuple[str, ...], str]:
    """What people call each part of an SOP that has an id."""
    names: dict[tuple[str, ...], str] = {("interviewers", who): person.name for who, person in sop.interviewers.items()}
    for course in sop.courses.values():
        names[("courses", course.id)] = course.title
        names |= {("courses", course.id, "rounds", one.id): one.title for one in course.rounds}
    return names


def _flat(
    part: Any, names: Mapping[tuple[str, ...], str], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every value of plain data with its path; rounds go by id, other lists are one value, and so are hours."""
    if path == ("examples",):
        return
    if isinstance(part, Mapping) and path[-1:] not in _HOURS:
        for key, value in part.items():
            yield from _flat(value, names, (*path, str(key)))
    elif isinstance(part, list) and part and all(isinstance(one, Mapping) for one in part):
        for place, one in enumerate(part):
            key = str(one.get("id", place + 1))
            yield from _flat({name: value for name, value in one.items() if name != "id"}, names, (*path, key))
    else:
        yield path, _text(part, names, people=bool(path) and path[-1] in _PEOPLE)


def _text(value: Any, names: Mapping[tuple[str, ...], str], *, people: bool = False) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{days} {_text(spans, names)}" for days, spans in value.items())
    if isinstance(value, list):
        return ", ".join(names.get(("interviewers", str(one)), str(one)) if people else str(one) for one in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _is_whole(path: tuple[str, ...], old: Json, new: Json) -> bool:
    """Whether a value is of a course, a person or a round that only one of the two has: that is said already."""
    if len(path) < 2 or path[0] not in {"courses", "interviewers"}:
        return False
    one, two = (plain[path[0]].get(path[1]) for plain in (old, new))
    if one is None or two is None:
        return True
    if path[2:3] != ("rounds",):
        return False
    return any(path[3] not in {round_["id"] for round_ in course["rounds"]} for course in (one, two))


def _place(path: tuple[str, ...], names: Mapping[tuple[str, ...], str]) -> str:
    """The part that a value belongs to, by its name."""
    return next((names[path[:size]] for size in (4, 2) if path[:size] in names), "For all")


def _step(path: tuple[str, ...]) -> str:
    """What the value is, in words: `largest gap`."""
    own = path[4:] if path[2:3] == ("rounds",) else path[2:] if path[0] in {"courses", "interviewers"} else path
    if own[0] == "gap":
        return f"{_WORDS[own[-1]]} gap"
    if own[0] == "seats":
        return f"seat {own[1]}: {_WORDS.get(own[2], own[2])}"
    return " ".join(_WORDS.get(step, step.replace("_", " ")) for step in own)
