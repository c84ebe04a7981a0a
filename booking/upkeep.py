"""What falls due by itself, with time: a loop that looks at every duty again and again, beside the engine and the watch.

A duty does whatever is due and nothing else, so it may be repeated at any time, after a death anywhere in it and by several
programs at once: what makes that safe is in `sql/functions/`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime

from booking.digest import tell_digest
from booking.handing_on import hand_on_questions
from booking.reminding import remind
from domain.errors import DatabaseUnavailable
from sop import Sop
from supabase_db import Database

logger = logging.getLogger(__name__)

EVERY = 30.0  # seconds

# With the SOP in force and the time by the database's clock.
Duty = Callable[[Database, Sop, datetime], Awaitable[None]]


async def finish_interviews(db: Database, sop: Sop, now: datetime) -> None:
    """Interviews that have ended are done, and so are candidates who have had all of theirs."""
    await db.finish_interviews(now=now)


async def prune(db: Database, sop: Sop, now: datetime) -> None:
    """What nobody needs any more is removed."""
    await db.prune(now=now)


DUTIES: tuple[Duty, ...] = (finish_interviews, hand_on_questions, tell_digest, remind, prune)


async def keep_up(
    *,
    db: Database,
    sop: Callable[[], Awaitable[Sop]],
    stop: asyncio.Event,
    every: float = EVERY,
    duties: Sequence[Duty] = DUTIES,
) -> None:
    """Look at every duty, `every` so many seconds, until told to stop. One that fails is logged and holds up no other."""
    while not stop.is_set():
        with _going_on("upkeep"):
            now, current = await db.database_time(), await sop()
            for duty in duties:
                if not stop.is_set():
                    with _going_on(duty.__name__):
                        await duty(db, current, now)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every)


@contextlib.contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Whatever goes wrong in it is logged, and we go on."""
    try:
        yield
    except DatabaseUnavailable:
        logger.warning("%s waits for the database", what, extra={"action": "upkeep_waits", "duty": what})
    except Exception:
        logger.exception("%s failed", what, extra={"action": "upkeep_failed", "duty": what})
