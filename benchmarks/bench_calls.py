"""Calendar requests per booked candidate, next to the least possible: one read, and one write for each round.

    .venv/bin/python benchmarks/bench_calls.py [--candidates 20]

Against the fake servers of the tests, in fine weather. Busy times that were read within a minute are not read again, so that a
run of many candidates can do with less than one read each.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from calendar_utils import Calendars, pace_for
from config import parse_sop
from local_postgres import LocalPostgres
from scheduler import Scheduler
from sop import Sop
from supabase_db import Database, apply_migrations
from tests.acceptance.test_provider_deaths import SOP
from tests.builders import make_request
from tests.provider_benches import LABS, PEOPLE, ProviderLab

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=20)
    candidates = parser.parse_args().candidates
    print(f"{'provider':>10} {'requests each':>14} {'least':>6}   by verb")
    for name in ("google", "outlook", "caldav"):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)  # as root the database runs under another account
            with LABS[name](Path(folder) / "lab", faults=False) as lab, LocalPostgres(Path(folder) / "data") as dsn:
                apply_migrations(dsn)
                verbs = asyncio.run(_verbs(lab, dsn, candidates))
        each = sum(verbs.values()) / candidates
        print(f"{name:>10} {each:>14.2f} {3:>6}   {', '.join(f'{verb} {n}' for verb, n in verbs.items())}")


async def _verbs(lab: ProviderLab, dsn: str, candidates: int) -> dict[str, int]:
    sop = parse_sop(SOP.format(**{who: lab.address(who) for who in PEOPLE}), "the benchmark's SOP")

    async def in_force() -> Sop:
        return sop

    calendar = lab.make(sop, NOW)
    doorway = Calendars(
        {calendar.provider: calendar},
        default=calendar.provider,
        paces={calendar.provider: pace_for(calendar.provider, delay=0.0)},
    )
    async with await Database.connect(dsn=dsn) as db:
        for number in range(candidates):
            await db.enqueue(request=make_request().plain(), key=str(number), source="csv", actor="bench")
        engine = Scheduler(db=db, calendars=doorway, sop=in_force, worker="bench", clock=lambda: NOW)
        await engine.run_until_idle()
    verbs = {one.verb: one.requests for one in doorway.statistics()}
    await doorway.aclose()
    return verbs


if __name__ == "__main__":
    main()
