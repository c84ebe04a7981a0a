"""CalDAV beyond the contract, at a real server: finding calendars, and what is not allowed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from calendars.base import CountsRequests, EventKey, Owner, Unknown
from calendars.caldav import CalDavCalendar
from domain.errors import CalendarAuthError, CalendarConflict, CalendarRefused
from tests.contract.harness import JANUARY, NOW, ZONES, Own, at, make_event
from tests.contract.ics_hands import own_event
from tests.radicale_server import PASSWORD, Hands, Radicale, radicale

ASHAS = "Asha's time"


def owner_of(name: str) -> Owner:
    return Owner(email="asha@example.com", zone=ZONES["asha"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radicale]:
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        yield running


@pytest.fixture
def person(server: Radicale) -> Iterator[Hands]:
    with server.hands("organiser") as hands:
        yield hands


def connect(
    server: Radicale, path: str = "", *, password: str = PASSWORD, organiser: str = "interviews"
) -> CalDavCalendar:
    return CalDavCalendar(
        server.url + path,
        username="organiser",
        password=password,
        owners=owner_of,
        organiser=organiser,
        now=lambda: NOW,
    )


class TestFinding:
    """From an address to calendars."""

    @pytest.fixture
    def calendars(self, server: Radicale, person: Hands) -> Iterator[dict[str, str]]:
        """Two calendars of the organiser's: the address of each by its name."""
        made = {"interviews": f"/organiser/{uuid4()}/", ASHAS: f"/organiser/{uuid4()}/"}
        for name, path in made.items():
            person.make_calendar(path, name)
        yield made
        for path in made.values():
            person.delete(path)

    @pytest.mark.parametrize("path", ["", "/", "/organiser/"])
    async def test_the_calendar_of_the_wanted_name_holds_our_events(
        self, path: str, server: Radicale, person: Hands, calendars: dict[str, str]
    ) -> None:
        client = connect(server, path)

        state = await client.put(make_event())

        assert state.handle.startswith(calendars["interviews"])
        assert b"Core Java" in person.get(state.handle)
        await client.aclose()

    async def test_a_calendar_is_known_by_its_display_name(
        self, server: Radicale, person: Hands, calendars: dict[str, str]
    ) -> None:
        person.put(f"{calendars[ASHAS]}x.ics", own_event("asha", Own(interval=at(5, 10))).encode())
        client = connect(server)

        busy = await client.busy(["asha's time", "Asha's Time", "nobody's"], JANUARY)

        assert busy["asha's time"] == busy["Asha's Time"] == (at(5, 10),)
        assert busy["nobody's"] == Unknown(
            reason='organiser sees no calendar called "nobody\'s"',
            cure="Check the address nobody's in the SOP, and that the CalDAV account may read it.",
        )
        await client.aclose()

    async def test_several_calendars_and_none_of_the_wanted_name(
        self, server: Radicale, calendars: dict[str, str]
    ) -> None:
        client = connect(server, organiser="bookings")

        with pytest.raises(CalendarRefused, match=r"no calendar called 'bookings'.*Asha's time, interviews"):
            await client.get(make_event().key)
        await client.aclose()

    async def test_requests_are_counted(self, server: Radicale, calendars: dict[str, str]) -> None:
        client = connect(server, calendars["interviews"])
        assert isinstance(client, CountsRequests)
        await client.put(make_event())  # finds the calendar first
        found = client.requests

        await client.get(make_event().key)
        assert client.requests == found + 1
        await client.put(make_event(key=EventKey(interview="another", generation=1)))
        assert client.requests == found + 2
        await client.busy([f"{server.url}{path}" for path in calendars.values()], JANUARY)
        assert client.requests == found + 4
        await client.aclose()


class TestRights:
    """What the server does not allow."""

    async def test_a_wrong_password_is_for_a_person_to_mend(self, server: Radicale) -> None:
        client = connect(server, password="wrong")

        with pytest.raises(CalendarAuthError, match="app-specific password"):
            await client.put(make_event())
        with pytest.raises(CalendarAuthError):
            await client.busy([f"{server.url}/organiser/x/"], JANUARY)
        await client.aclose()

    async def test_a_calendar_that_is_not_shared_is_unknown(self, server: Radicale) -> None:
        home = f"/secret-{uuid4()}/"
        with server.hands("person") as asha:
            asha.make_folder(home)
            asha.make_calendar(f"{home}asha/")
        client = connect(server)

        busy = await client.busy([f"{server.url}{home}asha/"], JANUARY)

        (only,) = busy.values()
        assert isinstance(only, Unknown)
        assert "403" in only.reason
        await client.aclose()

    async def test_the_same_uid_elsewhere_is_a_persons_doing(self, server: Radicale, person: Hands) -> None:
        path = f"/organiser/{uuid4()}/"
        person.make_calendar(path)
        client = connect(server, path)
        await client.put(make_event())
        person.move(f"{path}{make_event().key}.ics", f"{path}renamed.ics")

        with pytest.raises(CalendarConflict, match="moved"):
            await client.put(make_event())
        await client.aclose()

    async def test_a_calendar_that_vanished_cannot_be_written(self, server: Radicale, person: Hands) -> None:
        path = f"/organiser/{uuid4()}/"
        person.make_calendar(path)
        client = connect(server, path)
        await client.put(make_event())
        person.delete(path)

        with pytest.raises(CalendarRefused):
            await client.put(make_event(key=EventKey(interview="a", generation=2)))
        await client.aclose()
