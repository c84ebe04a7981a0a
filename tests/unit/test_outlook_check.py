"""Checking a connection to Outlook: all is well, or a sentence for each thing that is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from calendars.outlook import OutlookCalendar
from calendars.outlook_check import SeenCalendar, check
from tests.contract.harness import NOW, email
from tests.fakes.faults import DROPPED, refused
from tests.fakes.graph_lab import ORGANISER, Lab, started


@pytest.fixture(scope="module")
def served() -> Iterator[Lab]:
    with started() as lab:
        yield lab


@pytest.fixture
def lab(served: Lab) -> Lab:
    return served.emptied()


@pytest.fixture
async def calendar(lab: Lab) -> AsyncIterator[OutlookCalendar]:
    async with lab.client() as made:
        yield made


async def test_a_connection_without_fault_has_no_problems_and_leaves_nothing(
    lab: Lab, calendar: OutlookCalendar
) -> None:
    lab.server.exchange.add(email("asha"))

    found = await check(calendar, now=NOW, people=[email("asha")])

    assert found.calendars == [SeenCalendar(id=ORGANISER, name="Calendar", role="writer", primary=True, meetings=True)]
    assert found.problems == ()
    assert (lab.items(), lab.mails()) == ([], [])


async def test_a_mailbox_without_teams_is_told(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.exchange.mailboxes[ORGANISER].providers = ()

    (problem,) = (await check(calendar, now=NOW)).problems

    assert "includes Teams" in problem


async def test_a_person_who_cannot_be_read_is_named_with_a_cure(lab: Lab, calendar: OutlookCalendar) -> None:
    (problem,) = (await check(calendar, now=NOW, people=[email("nobody")])).problems

    assert email("nobody") in problem
    assert "Check the address" in problem


async def test_a_missing_permission_is_told_in_words(lab: Lab, calendar: OutlookCalendar) -> None:
    lab.server.forbidden = True

    problems = (await check(calendar, now=NOW)).problems

    assert len(problems) == 2  # the list and the event; nobody is known whose busy times to read
    assert all("Calendars.ReadWrite" in problem for problem in problems)


@pytest.mark.parametrize(
    ("verb", "fault", "words"),
    [
        ("calendars.list", DROPPED, "list of calendars cannot be read"),
        ("getSchedule", refused(403, "ErrorAccessDenied"), "Busy times cannot be read"),
        ("events.insert", refused(507, "ErrorQuotaExceeded"), "make room in the mailbox"),
        ("events.delete", DROPPED, "please delete it"),
    ],
)
async def test_each_step_that_fails_is_told_and_the_others_go_on(
    verb: str, fault: Any, words: str, lab: Lab, calendar: OutlookCalendar
) -> None:
    lab.server.script.plan(fault, verb=verb)

    (problem,) = (await check(calendar, now=NOW)).problems

    assert words in problem


async def test_a_connection_that_has_ended_is_told_once(lab: Lab) -> None:
    async with lab.client(user="") as calendar:
        lab.server.entra.revoke()

        (problem,) = (await check(calendar, now=NOW)).problems

    assert "connect again" in problem
