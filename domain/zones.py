"""Time zones as people name them: an IANA name, a city, a country; and the zones of a country for pickers. Pure tables of pytz.

Arithmetic is zoneinfo's alone; pytz only knows which zones a country has.
"""

from __future__ import annotations

import difflib
import functools
import unicodedata
from collections.abc import Mapping

import pytz

from domain.errors import FieldError
from utils import ABBREVIATIONS, zone

_HINT = "Name a city or a zone, such as New York or Asia/Kolkata."
_MOST_SHOWN = 6
# Cities that people name and that have no zone of their own; only those whose name means one place.
_BIG_CITIES = {
    "Asia/Kolkata": "Ahmedabad, Bangalore, Bengaluru, Bombay, Chennai, Delhi, Gurgaon, Mumbai, New Delhi, Noida, Pune",
    "America/Los_Angeles": "Las Vegas, San Diego, San Francisco, Seattle",
    "America/New_York": "Atlanta, Boston, Miami, Philadelphia",
    "America/Chicago": "Austin, Dallas, Houston, Minneapolis",
    "America/Toronto": "Montreal, Ottawa",
    "America/Sao_Paulo": "Rio de Janeiro",
    "Asia/Shanghai": "Beijing, Guangzhou, Shenzhen",
    "Asia/Tokyo": "Osaka",
    "Asia/Dubai": "Abu Dhabi",
    "Asia/Karachi": "Islamabad, Lahore",
    "Asia/Jerusalem": "Tel Aviv",
    "Australia/Sydney": "Canberra",
    "Europe/London": "Edinburgh, Manchester",
    "Europe/Berlin": "Cologne, Frankfurt, Hamburg, Munich",
    "Europe/Zurich": "Bern, Geneva",
    "Europe/Madrid": "Barcelona",
    "Europe/Rome": "Milan",
}
_SHORT_COUNTRIES = {
    "usa": "US",
    "united states of america": "US",
    "america": "US",
    "uk": "GB",
    "great britain": "GB",
    "uae": "AE",
}


def parse_timezone(text: str) -> str:
    """The IANA name that a text means; `FieldError` asks when it means several, and names the zone to use for `PST`."""
    name = " ".join(text.split())
    if name.upper() in ABBREVIATIONS:
        raise FieldError("timezone", text, f"{name.upper()} is an abbreviation. Say {ABBREVIATIONS[name.upper()]}.")
    exact = _by_lower_name().get(name.replace(" ", "_").lower())
    if exact:
        return exact
    found = _by_place().get(_plain(name), ())
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(found[:_MOST_SHOWN]) + (" …" if len(found) > _MOST_SHOWN else "")
        raise FieldError("timezone", text, f"There are {len(found)} time zones there: {shown}. Which one?")
    raise FieldError("timezone", text, _closest(name))


def zones_by_country(country: str) -> tuple[str, ...]:
    """The zones of a country, by its two-letter code or its English name; none for an unknown one."""
    code = country.upper() if len(country) == 2 else _codes().get(_plain(country), "")
    return tuple(pytz.country_timezones.get(code, ()))


@functools.lru_cache
def countries() -> Mapping[str, str]:
    """Code and English name of every country that has a time zone, in the order of the names."""
    names = {code: pytz.country_names[code] for code in pytz.country_timezones}
    return dict(sorted(names.items(), key=lambda item: _plain(item[1])))


def initial(name: str) -> str:
    """The letter that a country or city is found under: Å is under A."""
    return _plain(name)[:1].upper()


def city(name: str) -> str:
    """The city of a zone's name: `New York` of `America/New_York`."""
    return name.rpartition("/")[2].replace("_", " ")


def _closest(name: str) -> str:
    if any(sign.isdigit() for sign in name):
        return f"A fixed offset does not know of summer time. {_HINT}"
    near = difflib.get_close_matches(_plain(name), _by_place(), n=1, cutoff=0.75)
    zones = _by_place()[near[0]] if near else ()
    if len(zones) == 1:
        return f"Did you mean {zones[0]}? {_HINT}"
    return f"No city or zone of that name is known. {_HINT}"


@functools.lru_cache
def _by_lower_name() -> Mapping[str, str]:
    """Every zone that zoneinfo and pytz know, by its name in lower case; abbreviations such as EST are not among them."""
    names = (name for name in pytz.all_timezones if ("/" in name or name == "UTC") and not name.startswith("Etc/"))
    return {name.lower(): zone(name).key for name in names}


@functools.lru_cache
def _by_place() -> Mapping[str, tuple[str, ...]]:
    """The zones of each city and country. A city goes before a country of the same name: Singapore, Luxembourg."""
    places: dict[str, tuple[str, ...]] = {
        _plain(name): tuple(pytz.country_timezones[code])
        for name, code in _codes().items()
        if code in pytz.country_timezones
    }
    cities: dict[str, tuple[str, ...]] = {}
    for name in pytz.common_timezones:
        cities[_plain(city(name))] = (*cities.get(_plain(city(name)), ()), name)
    for name, others in _BIG_CITIES.items():
        cities |= {_plain(other): (name,) for other in others.split(", ")}
    return places | cities


@functools.lru_cache
def _codes() -> Mapping[str, str]:
    return {_plain(name): code for code, name in pytz.country_names.items()} | _SHORT_COUNTRIES


def _plain(name: str) -> str:
    """Lower case, without accents and punctuation: how people type a name."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace("_", " "))
    return " ".join(
        "".join(sign if sign.isalnum() else " " for sign in letters if not unicodedata.combining(sign)).split()
    )
