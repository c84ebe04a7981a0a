"""Small pure helpers of time and text, without a word of the domain. No clock is read here."""

from __future__ import annotations

import functools
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# What people write for a zone, and the IANA name they most likely mean. Ambiguous ones name several.
ABBREVIATIONS = {
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles",
    "MST": "America/Denver", "MDT": "America/Denver", "MT": "America/Denver",
    "CST": "America/Chicago (or Asia/Shanghai)", "CDT": "America/Chicago", "CT": "America/Chicago",
    "EST": "America/New_York", "EDT": "America/New_York", "ET": "America/New_York",
    "GMT": "Europe/London (or UTC)", "BST": "Europe/London", "CET": "Europe/Berlin", "CEST": "Europe/Berlin",
    "EET": "Europe/Athens", "WET": "Europe/Lisbon", "IST": "Asia/Kolkata (or Europe/Dublin, Asia/Jerusalem)",
    "SGT": "Asia/Singapore", "JST": "Asia/Tokyo", "AEST": "Australia/Sydney", "AEDT": "Australia/Sydney",
    "EST5EDT": "America/New_York", "CST6CDT": "America/Chicago", "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles", "HST": "Pacific/Honolulu", "MSK": "Europe/Moscow",
}  # fmt: skip
_OVERRIDES = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069"  # they let a name pose as another
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; `ValueError` with the name to use instead when it is an abbreviation or unknown."""
    if name.upper() in ABBREVIATIONS:
        raise ValueError(f"{name!r} is an abbreviation; say {ABBREVIATIONS[name.upper()]}")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone name such as America/Los_Angeles") from error


def minutes_of(clock: str) -> int:
    """Minutes after midnight of `HH:MM`; `24:00` gives 1440. `ValueError` for anything else."""
    match = _CLOCK.fullmatch(clock.strip())
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minutes <= 1440:
        raise ValueError(f"{clock!r} is not a time of day from 00:00 to 24:00")
    return minutes


def clock_of(minutes: int) -> str:
    """`HH:MM` of minutes after midnight, `24:00` for 1440."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def instant(day: date, minutes: int, tz: ZoneInfo) -> datetime:
    """The UTC instant of a wall time (minutes after local midnight, 1440 = next midnight), read with fold=0.

    A wall time that a clock change skips gives the instant an hour later on the clock, as zoneinfo and RFC 5545 have it.
    """
    day, minutes = (day + timedelta(days=1), minutes - 1440) if minutes >= 1440 else (day, minutes)
    return datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=tz).astimezone(UTC)


def whole_days(first: date, last: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """From the midnight before the first day to the one after the last, in UTC."""
    return instant(first, 0, tz), instant(last, 1440, tz)


def as_utc(moment: datetime) -> datetime:
    """The same instant in UTC; `ValueError` for a naive datetime."""
    if moment.utcoffset() is None:
        raise ValueError(f"a time without a zone was given: {moment.isoformat()}; say which zone it is in")
    return moment.astimezone(UTC)


@functools.lru_cache(maxsize=4096)
def has_control_characters(text: str) -> bool:
    """Whether a text has control, line-breaking, format-override or unassigned characters that no name or title needs."""
    return any(
        unicodedata.category(sign) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} or sign in _OVERRIDES for sign in text
    )


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 round`, `2 rounds`."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def length_text(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h` or `2 days`."""
    for size, noun in ((86_400, " days"), (3_600, " h"), (60, " min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{noun}"
    return f"{seconds:.0f} s"


def local_text(moment: datetime, tz: ZoneInfo) -> str:
    """`Tue 1 Dec 09:00 PST`: an instant for people, in their zone, with the zone shown."""
    there = moment.astimezone(tz)
    label = there.strftime("%Z")
    if label.lstrip("+-").isdigit():  # zones without letters, such as +04
        label = f"UTC{label}"
    return f"{there:%a} {there.day} {there:%b %H:%M} {label}"


def day_text(day: date) -> str:
    """`Tue 1 Dec 2026`: a date for people."""
    return f"{day:%a} {day.day} {day:%b %Y}"
