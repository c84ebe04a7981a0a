"""When interviewers are reminded of an interview: so long before it, unless that time had passed before they knew of it.

now                    told before the reminder's time        told after it
before its time        wait                                   wait
after its time         remind, if no later one's time came    skip; the last one is still made with half an hour left
the interview began    never                                  never
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

LEAST_LEAD = timedelta(minutes=30)


def is_due(length: timedelta, lengths: Sequence[timedelta], *, start: datetime, told: datetime, now: datetime) -> bool:
    """Whether the reminder of this length, one of all `lengths`, is to be made now. `told` is since when the interviewer knows of
    the interview as it is."""
    at, later = start - length, [other for other in lengths if other < length]
    if not at <= now < start or any(start - other <= now for other in later):
        return False
    return told <= at or (not later and start - now >= LEAST_LEAD)
