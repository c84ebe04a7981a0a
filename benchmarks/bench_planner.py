"""How fast the planner is, and how it compares with OR-Tools CP-SAT on the same problems in the same run.

    python benchmarks/bench_planner.py [how many problems of each kind to give to CP-SAT too]

Times are of this process alone (CPU), on one core. What is cached between candidates (hours on the grid, links) is warm, as in a
running scheduler; `first` is a candidate of a new process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from sop import BusyIndex, NoPlan, Plan, explain, plan, verify
from tests.oracles import cpsat
from tests.oracles.instances import MIXED, TYPICAL, Instance, random_instance
from tests.oracles.scenarios import ADVERSARIES, adversarial, large, typical

console = Console()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    shapes()
    busy_times()
    adversaries()
    explanations()
    against_cpsat(count)


def planned(instance: Instance, **changes: object) -> tuple[float, Plan | NoPlan]:
    """Milliseconds and the result, verified outside the time."""
    facts = instance.facts() | changes
    began = time.process_time()
    result = plan(instance.sop, instance.request, **facts)
    spent = (time.process_time() - began) * 1000
    if isinstance(result, Plan):
        verify(instance.sop, result, instance.request, **facts)
    return spent, result


def shapes() -> None:
    table = Table("problem", "first", "median", "99 %", "feasible", title="one candidate, milliseconds")
    for name, make, count in (("typical", typical, 200), ("large", large, 10)):
        rows = [(instance := make(seed), planned(instance, busy=BusyIndex(instance.busy))) for seed in range(count)]
        again = [same_sop(make, seed, rows[0][0]) for seed in range(count)]
        times = sorted(spent for spent, _ in again)
        feasible = sum(isinstance(result, Plan) for _, result in again)
        first = rows[0][1][0]
        table.add_row(
            name,
            f"{first:.2f}",
            f"{median(times):.2f}",
            f"{times[len(times) * 99 // 100]:.2f}",
            f"{feasible} of {count}",
        )
    console.print(table)


def same_sop(make: Callable[[int], Instance], seed: int, first: Instance) -> tuple[float, Plan | NoPlan]:
    """Another candidate under the first's SOP, with other busy times that were indexed before."""
    other = make(seed)
    instance = replace(other, sop=first.sop)
    return planned(instance, busy=warm(instance))


def warm(instance: Instance) -> BusyIndex:
    index = BusyIndex(instance.busy)
    plan(instance.sop, instance.request, **{**instance.facts(), "busy": index})
    return index


def busy_times() -> None:
    table = Table(
        "busy intervals", "indexed", "not indexed", title="typical candidate, milliseconds by how much is busy"
    )
    for factor in (1, 10, 100):
        instances = [typical(seed, factor) for seed in range(20)]
        intervals = sum(map(len, instances[0].busy.values()))
        indexed = median(planned(one, busy=warm(one))[0] for one in instances)
        raw = median(planned(one)[0] for one in instances)
        table.add_row(f"{intervals:,}", f"{indexed:.2f}", f"{raw:.2f}")
    console.print(table)


def adversaries() -> None:
    table = Table("rules", "result", "milliseconds", title="all rounds share three people under tight rules")
    for kind in ADVERSARIES:
        spent, result = planned(adversarial(kind))
        table.add_row(kind, said(result), f"{spent:.1f}")
    console.print(table)


def said(result: Plan | NoPlan) -> str:
    if isinstance(result, NoPlan):
        return "none, proven" if result.proven else "none found, cut"
    return "best, proven" if result.bound is None else f"{result.cost[:4]}, cut: not below {result.bound[:4]}"


def explanations() -> None:
    table = Table("what", "median", "largest", title="explaining typical candidates without a plan, milliseconds")
    refused = [result for seed in range(40) if isinstance(result := planned(blocked(seed))[1], NoPlan)]
    texts = timed(lambda result: explain(result.diagnosis.case.sop, result), refused)
    ways = timed(lambda result: result.relaxations, refused)
    for name, times in (("reason and conflict", texts), ("relaxations", ways)):
        table.add_row(f"{name} ({len(times)})", f"{median(times):.1f}", f"{max(times):.1f}")
    console.print(table)


def blocked(seed: int) -> Instance:
    """A typical candidate with three days."""
    instance = typical(seed)
    first, _ = instance.request.window
    return replace(instance, request=replace(instance.request, window=(first, first.replace(day=first.day + 2))))


def timed(work: Callable[[NoPlan], object], results: Iterable[NoPlan]) -> list[float]:
    times = []
    for result in results:
        began = time.process_time()
        work(result)
        times.append((time.process_time() - began) * 1000)
    return times


KINDS: dict[str, Callable[[int], Instance]] = {
    "short, every rule": lambda seed: random_instance(seed, MIXED),
    "typical size, every rule": lambda seed: random_instance(seed, TYPICAL),
    "typical": typical,
}


def against_cpsat(count: int) -> None:
    """The mixed set: as many problems of each kind; the planner and CP-SAT get each in turn, in this process."""
    table = Table("problems", "planner", "CP-SAT", "times faster", title="medians, milliseconds; CP-SAT with 1 worker")
    every: list[float] = []
    for kind, make in KINDS.items():
        pairs = [raced(kind, make(seed)) for seed in range(count)]
        ratios = [theirs / ours for ours, theirs in pairs]
        ours, theirs = (median(times) for times in zip(*pairs, strict=True))
        table.add_row(f"{count} {kind}", f"{ours:.2f}", f"{theirs:.1f}", f"{median(ratios):.0f}")
        every += ratios
    console.print(table)
    console.print(
        f"On the mixed set the planner is {median(every):.0f} times faster at the median. Both agree on every cost."
    )


def raced(kind: str, instance: Instance) -> tuple[float, float]:
    """Milliseconds of the planner and of CP-SAT, which must agree."""
    planned(instance)
    ours, result = planned(instance)
    solved = cpsat.solve(instance)
    cost = tuple(result.cost) if isinstance(result, Plan) else None
    if cost != solved.cost:
        raise SystemExit(f"{kind}, seed {instance.seed}: the planner says {cost} and CP-SAT {solved.cost}")
    return ours, solved.seconds * 1000


if __name__ == "__main__":
    main()
