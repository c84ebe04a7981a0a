"""Time zones, courses and whole requests as people write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError
from domain.intake import Reference, parse_course, parse_timezone, read_request, zones_by_country
from domain.zones import city, countries, initial


@dataclass(frozen=True)
class Titled:
    title: str


COURSES = {"java": Titled("Java Full Stack"), "data": Titled("Data Engineering"), "devops": Titled("DevOps and Cloud")}
REFERENCE = Reference(today=date(2026, 11, 21), courses=COURSES)
GOOD = {"name": "Priya Nair", "email": "Priya@Example.com", "course": "java", "window": "1-12 Dec", "slots": "9-12"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("America/Los_Angeles", "America/Los_Angeles"),
        ("america/los angeles", "America/Los_Angeles"),
        ("Kolkata", "Asia/Kolkata"),
        (" new  york ", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("sao paulo", "America/Sao_Paulo"),
        ("Mumbai", "Asia/Kolkata"),
        ("India", "Asia/Kolkata"),
        ("Singapore", "Asia/Singapore"),
        ("utc", "UTC"),
        ("Europe/Kiev", "Europe/Kiev"),
    ],
)
def test_a_zone_is_known_by_its_name_its_cities_and_its_country(text: str, name: str) -> None:
    assert parse_timezone(text) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PST", "PST is an abbreviation. Say America/Los_Angeles."),
        ("est", "Say America/New_York."),
        ("IST", "Asia/Kolkata (or Europe/Dublin, Asia/Jerusalem)"),
        ("USA", "There are 29 time zones there: America/New_York,"),
        ("UTC+3", "does not know of summer time"),
        ("Etc/GMT+3", "does not know of summer time"),
        ("Kolkatta", "Did you mean Asia/Kolkata?"),
        ("Atlantis City", "Name a city or a zone"),
        ("", "Name a city or a zone"),
    ],
)
def test_an_unclear_zone_is_asked_about(text: str, words: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_timezone(text)

    assert words in refusal.value.hint


def test_countries_give_their_zones_by_code_and_by_name() -> None:
    assert zones_by_country("IN") == zones_by_country("India") == ("Asia/Kolkata",)
    assert len(zones_by_country("us")) == 29
    assert zones_by_country("Atlantis") == ()


def test_every_zone_that_a_picker_can_offer_is_one() -> None:
    offered = {name for code in countries() for name in zones_by_country(code)}

    assert len(offered) > 400
    assert all(ZoneInfo(parse_timezone(name)).key == name for name in offered)
    assert "SE" in {code for code, name in countries().items() if initial(name) == "S"}
    assert {code for code, name in countries().items() if initial(name) == "A"} >= {"AX", "AU"}  # Åland Islands
    assert city("America/Argentina/Buenos_Aires") == "Buenos Aires"


@pytest.mark.parametrize("text", ["java", "JAVA", "java full  stack", "Full Stack"])
def test_a_course_is_known_by_id_title_or_some_words_of_it(text: str) -> None:
    assert parse_course(text, COURSES) == "java"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Jva", "Did you mean Java Full Stack? The courses are Java Full Stack (java), Data Engineering (data)"),
        ("cobol", "The courses are Java Full Stack (java)"),
        ("", "The courses are"),
    ],
)
def test_an_unknown_course_is_answered_with_the_known_ones(text: str, words: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_course(text, COURSES)

    assert refusal.value.hint.startswith(words)


def test_a_request_is_read_from_the_text_of_its_fields() -> None:
    request, mistakes = read_request(
        GOOD | {"timezone": "Kolkata", "blocked_dates": "5 Dec", "preferred_slots": "9-10"}, REFERENCE
    )

    assert mistakes == ()
    assert request is not None
    assert request.email == "priya@example.com"
    assert request.window == (date(2026, 12, 1), date(2026, 12, 12))
    assert (request.timezone, str(request.slots)) == ("Asia/Kolkata", "09:00-12:00")
    assert (request.blocked_dates, str(request.preferred_slots)) == (frozenset({date(2026, 12, 5)}), "09:00-10:00")


def test_every_mistake_of_a_request_is_told_not_only_the_first() -> None:
    request, mistakes = read_request(GOOD | {"email": "none", "slots": "25:00-26:00", "name": " "}, REFERENCE)

    assert request is None
    assert [mistake.field for mistake in mistakes] == ["name", "email", "slots"]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "x" * 10_000),
        ("name", "Ann\x00"),
        ("name", "Ann\nBob"),
        ("name", "evil\u202egnp.exe"),
        ("name", "12345"),
        ("email", "none"),
        ("email", "a@b"),
        ("email", "a..b@example.com"),
        ("email", "a@example.com\nBcc: b@example.com"),
    ],
)
def test_names_and_addresses_that_cannot_be_right(field: str, text: str) -> None:
    _, mistakes = read_request(GOOD | {field: text}, REFERENCE)

    assert [mistake.field for mistake in mistakes] == [field]
    assert mistakes[0].hint
    assert len(mistakes[0].value) <= 60


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text()))
def test_any_texts_give_a_request_or_mistakes(texts: dict[str, str]) -> None:
    request, mistakes = read_request(GOOD | texts, REFERENCE)

    assert (request is None) == bool(mistakes)
