"""When a reminder is due: in time, late, too late, and simulated minute by minute."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.reminders import LEAST_LEAD, is_due

START = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)
DAY, TWO = timedelta(hours=24), timedelta(hours=2)


def due(told: timedelta, now: timedelta, lengths: Sequence[timedelta] = (DAY, TWO)) -> list[timedelta]:
    """The reminders due at a time before the start, for somebody who was told at another time before it."""
    times = {"start": START, "told": START - told, "now": START - now}
    return [length for length in lengths if is_due(length, lengths, **times)]


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("told", "now", "reminders"),
    [
        (hours(72), hours(24.1), []),
        (hours(72), hours(24), [DAY]),
        (hours(72), hours(3), [DAY]),  # nobody was there to remind in time
        (hours(72), hours(2), [TWO]),
        (hours(72), hours(0.1), [TWO]),
        (hours(72), hours(0), []),
        (hours(72), hours(-1), []),
        (hours(24), hours(24), [DAY]),
        (hours(23), hours(23), []),  # booked too late for it
        (hours(23), hours(2), [TWO]),
        (hours(1.5), hours(1.5), [TWO]),
        (hours(1.5), hours(0.5), [TWO]),
        (hours(1.5), hours(0.4), []),
        (hours(0.4), hours(0.4), []),
    ],
)
def test_reminders_are_made_in_time_or_left_out(told: timedelta, now: timedelta, reminders: list[timedelta]) -> None:
    assert due(told, now) == reminders


minutes = st.integers(0, 5_000).map(lambda number: timedelta(minutes=number))
lengths = st.lists(st.integers(5, 3_000), max_size=5, unique=True).map(
    lambda many: tuple(timedelta(minutes=one) for one in sorted(many, reverse=True))
)


@given(lengths, minutes, st.integers(1, 700).map(lambda number: timedelta(minutes=number)))
def test_whoever_looks_every_so_often_reminds_of_each_once_in_order_and_never_late(
    every: tuple[timedelta, ...], told: timedelta, pause: timedelta
) -> None:
    made: list[tuple[timedelta, timedelta]] = []
    now = told
    while now > timedelta(0):
        found = [length for length in due(told, now, every) if length not in [one for one, _ in made]]
        assert len(found) <= 1
        made += [(length, now) for length in found]
        now -= pause

    assert [length for length, _ in made] == sorted([length for length, _ in made], reverse=True)
    for length, at in made:
        assert timedelta(0) < at <= length
        assert told >= length or (length == every[-1] and at >= LEAST_LEAD)
    if pause <= timedelta(minutes=5):  # often enough: nothing that was known of in time is missed
        gaps = [one - other for one, other in itertools.pairwise(every)]
        if not gaps or min(gaps) > pause:
            assert {length for length in every if length <= told} <= {length for length, _ in made}
