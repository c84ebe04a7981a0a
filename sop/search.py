"""The exact search: the best way to place the layers of a problem, or the certainty that there is none.

Starts are sets of ticks throughout. First the least tier (all that counts before `finish`) of each round to the end is worked
out as if no rule tied rounds together but sequence and gaps: that bounds what a start can lead to. Then rounds are placed in
order, states of equal tier and equal consequences together, the most promising first. Last, among all that reach the best tier
and the earliest finish, the least load, the earliest starts and the ties are found backwards from the last round.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sop.coupling import Coupling, Placed, State, Ties, broken, enough_people, watch
from sop.links import Link
from sop.problem import Layer, Option, Problem, best_team
from sop.timeline import members

BUDGET = 20_000  # states placed before the search is cut
NODES = 200_000  # starts weighed against each other before the search is cut

Key = tuple[int, State]  # the tier so far, and the state
DAY_BITS = 12  # a level is a tier and, in these bits, the day on which the last round is
Levels = list[tuple[int, int]]  # ascending: a level, and the ticks that have it
# The best from a tick on: load, sum of starts, then the tick, its people and what follows, nested.
Value = tuple[int, int, "Tail"]
Tail = tuple[int, tuple[str, ...], "Tail"] | tuple[()]


@dataclass(frozen=True, eq=False)
class Edge:
    """Placing a layer: from a state of the layer before (None: the start), by an option, at any of these ticks."""

    parent: Key | None
    option: Option
    bits: int


@dataclass(frozen=True, eq=False)
class Found:
    """A way to place all layers. `bound`: the least tier there can be, when the search was cut before this was proven best."""

    placed: Placed
    bound: int | None = None


@dataclass(frozen=True, eq=False)
class NotFound:
    """No way to place all layers; `proven` is False when the search was cut."""

    proven: bool = True


def search(problem: Problem, budget: int = BUDGET, nodes: int = NODES) -> Found | NotFound:
    """The best way to place the layers. Rules that tie rounds together are watched once a way breaks them."""
    if not problem.layers:
        return Found(())
    ties, spent = Ties(), 0
    options = [problem.options(layer, frozenset()) for layer in problem.layers]
    bounds = least_to_go(problem, options, by_day=False)
    if bounds is None:
        return NotFound()
    while True:
        explorer = Explorer(problem, Coupling(problem, ties), options, bounds)
        tier, bound = explorer.explore(max(budget - spent, 1))
        spent += explorer.spent
        if tier is None:
            return NotFound(proven=bound is None)
        backwards = Backwards(problem, explorer, tier, nodes)
        placed = backwards.placed()
        more = broken(problem, placed)
        if not more:
            return Found(placed, tier if bound is None and backwards.cut else bound)
        if not ties and not enough_people(problem):
            return NotFound()
        ties = watch(ties, more)
        options = [problem.options(layer, ties.watched) for layer in problem.layers]
        bounds = least_to_go(problem, options, by_day=True) or bounds


def least_to_go(problem: Problem, options: list[list[Option]], *, by_day: bool) -> list[Levels] | None:
    """For each layer the least that all later ones lead to, by tick; None when sequence and gaps alone leave no way.

    A level is a tier and, `by_day`, the day of the last start: what ends early is then looked at first.
    """
    axis = problem.axis
    levels: Levels = [(0, axis.all)]
    if by_day and problem.ends:
        levels = [(day, bits) for day in range(axis.days) if (bits := axis.day_bits(day))]
    result = [levels]
    for index in range(len(options) - 1, -1, -1):
        here = _with_options(options[index], levels)
        if not here:
            return None
        if index:
            link = problem.links[index - 1]
            universe = 0
            for option in options[index - 1]:
                universe |= option.bits
            if link is None:
                levels = [(here[0][0], axis.all)]
            else:
                levels = _disjoint(((level, link.backward(bits)) for level, bits in here), universe)
            result.append(levels)
    return result[::-1]


def _with_options(options: list[Option], after: Levels) -> Levels:
    """The levels from a layer on, by its tick."""
    sums: dict[int, int] = {}
    for option in options:
        tier = option.tier << DAY_BITS
        for level, bits in after:
            both = option.bits & bits
            if both:
                sums[level + tier] = sums.get(level + tier, 0) | both
    return _disjoint(sorted(sums.items()), -1)


def _disjoint(levels: Iterable[tuple[int, int]], universe: int) -> Levels:
    """Ascending levels with each tick only in its least; stops when every tick of the universe has one."""
    result, left = [], universe
    for tier, bits in levels:
        if bits & left:
            result.append((tier, bits & left))
            left &= ~bits
        if not left:
            break
    return result


class Explorer:
    """Places layers in order, the states with the least possible tier first, and remembers how each was reached."""

    def __init__(self, problem: Problem, coupling: Coupling, options: list[list[Option]], bounds: list[Levels]) -> None:
        self.problem, self.coupling, self.options, self.bounds = problem, coupling, options, bounds
        self.size = len(problem.layers)
        self.reached: list[dict[Key, int]] = [{} for _ in range(self.size)]
        self.edges: list[dict[Key, list[Edge]]] = [{} for _ in range(self.size)]
        # What is still to be gone on from: by layer, and there by the level that it can lead to at best.
        self.pending: list[dict[int, dict[Key, int]]] = [{} for _ in range(self.size)]
        self.spent = 0

    def explore(self, budget: int) -> tuple[int | None, int | None]:
        """The least tier at which all layers are placed, and a bound below it if that is not proven.

        (None, None): there is no way. (None, bound): cut before any was found.
        """
        self._place(None, 0, self.problem.axis.all)
        while any(self.pending):
            least = min(min(levels) for levels in self.pending if levels)
            arrived = least in self.pending[-1]
            for index in range(self.size - 1):
                states = self.pending[index].get(least, {})
                while states:
                    if self.spent > budget:
                        return self._dive(budget), least >> DAY_BITS
                    key, bits = states.popitem()
                    self._place(key, index + 1, self._image(index, bits))
                self.pending[index].pop(least, None)
            if arrived or least in self.pending[-1]:
                return least >> DAY_BITS, None
        return None, None

    def _dive(self, budget: int) -> int | None:
        """Any tier at which all layers are placed: from here on the deepest states go first."""
        end = self.spent + budget
        while self.spent <= end and not self.reached[-1]:
            index = max((index for index, levels in enumerate(self.pending[:-1]) if levels), default=None)
            if index is None:
                break
            least = min(self.pending[index])
            states = self.pending[index][least]
            key, bits = states.popitem()
            if not states:
                del self.pending[index][least]
            self._place(key, index + 1, self._image(index, bits))
        return min((tier for tier, _ in self.reached[-1]), default=None)

    def _image(self, index: int, bits: int) -> int:
        link = self.problem.links[index]
        return self.problem.axis.all if link is None else link.forward(bits)

    def _place(self, parent: Key | None, index: int, ticks: int) -> None:
        tier, state = parent if parent is not None else (0, self.coupling.start())
        for option in self.options[index]:
            some = ticks & option.bits
            if some:
                for after, part in self.coupling.place(state, index, option, some):
                    self.spent += 1
                    self._reach(index, (tier + option.tier, after), Edge(parent, option, part))

    def _reach(self, index: int, key: Key, edge: Edge) -> None:
        reached = self.reached[index]
        have = reached.get(key, 0)
        useful = 0
        tier = key[0] << DAY_BITS
        for to_go, ticks in self.bounds[index]:
            new = edge.bits & ticks
            useful |= new
            new &= ~have
            if new:
                states = self.pending[index].setdefault(tier + to_go, {})
                states[key] = states.get(key, 0) | new
        if useful:
            reached[key] = have | useful
            self.edges[index].setdefault(key, []).append(Edge(edge.parent, edge.option, useful))


class Backwards:
    """Among all ways of the least tier: the earliest finish, then the least load, the earliest starts, and the ties.

    Where there is more to weigh than `nodes`, only the ways through one row of states are looked at (`cut`).
    """

    def __init__(self, problem: Problem, explorer: Explorer, tier: int, nodes: int) -> None:
        self.problem, self.explorer = problem, explorer
        self.size = explorer.size
        self._mark(tier, one_way=False)
        onward = (bits for edges in self.onward for ways in edges.values() for _, _, bits in ways)
        self.cut = sum(bits.bit_count() for bits in onward) > nodes
        if self.cut:
            self._mark(tier, one_way=True)

    def placed(self) -> Placed:
        values: dict[Key, dict[int, Value]] = {
            key: dict.fromkeys(members(bits), (0, 0, ())) for key, bits in self.alive[-1].items()
        }
        for index in range(self.size - 1, 0, -1):
            before: dict[Key, dict[int, Value]] = {}
            for key, bits in self.alive[index - 1].items():
                before[key] = self._from(index, key, bits, values)
            values = before
        firsts = (
            value
            for edge, key, bits in self.onward[0][None]
            for _, value in self._arrive(0, edge, key, bits, values[key])
        )
        tail = min(firsts)[2]
        result = []
        while tail:
            tick, team, tail = tail
            result.append((tick, team))
        return tuple(result)

    def _mark(self, tier: int, *, one_way: bool) -> None:
        """Keep only what lies on a way to the least tier and the earliest finish; `one_way`: of the states of a layer one."""
        problem, reached = self.problem, self.explorer.reached
        self.alive: list[dict[Key, int]] = [{} for _ in range(self.size)]
        self.onward: list[dict[Key | None, list[tuple[Edge, Key, int]]]] = [{} for _ in range(self.size + 1)]
        goals = {key: bits for key, bits in reached[-1].items() if key[0] == tier}
        if problem.ends:
            earliest = min(bits & -bits for bits in goals.values())
            goals = {key: earliest for key, bits in goals.items() if bits & earliest}
        self.alive[-1] = dict(itertools.islice(goals.items(), 1)) if one_way else goals
        for index in range(self.size - 1, -1, -1):
            edges = (
                (edge, key, edge.bits & bits)
                for key, bits in self.alive[index].items()
                for edge in self._into(index, key)
            )
            ways = (way for way in edges if way[2])
            for edge, key, some in itertools.islice(ways, 1) if one_way else ways:
                self.onward[index].setdefault(edge.parent, []).append((edge, key, some))
                if edge.parent is not None:
                    self._revive(index - 1, edge.parent, some)

    def _into(self, index: int, key: Key) -> list[Edge]:
        return self.explorer.edges[index][key]

    def _revive(self, index: int, key: Key, later: int) -> None:
        link = self.problem.links[index]
        before = self.explorer.reached[index][key]
        before &= before if link is None else link.backward(later)
        if before:
            self.alive[index][key] = self.alive[index].get(key, 0) | before

    def _from(self, index: int, key: Key, bits: int, later: dict[Key, dict[int, Value]]) -> dict[int, Value]:
        """For each tick of a state the best of what can follow."""
        best: dict[int, Value] = {}
        for edge, child, some in self.onward[index].get(key, ()):
            arrivals = self._arrive(index, edge, child, some, later[child])
            for tick, value in _best_in_windows(self.problem.links[index - 1], bits, arrivals):
                if tick not in best or value < best[tick]:
                    best[tick] = value
        return best

    def _arrive(self, index: int, edge: Edge, key: Key, bits: int, later: dict[int, Value]) -> list[tuple[int, Value]]:
        """What placing a layer by an edge costs from there on, for each of its ticks."""
        problem, layer = self.problem, self.problem.layers[index]
        result: list[tuple[int, Value]] = []
        for tick in members(bits):
            if tick in later:
                load, team = self._team(layer, edge.option, tick)
                after = later[tick]
                result.append((tick, (load + after[0], problem.axis.ticks[tick] + after[1], (tick, team, after[2]))))
        return result

    def _team(self, layer: Layer, option: Option, tick: int) -> tuple[int, tuple[str, ...]]:
        key = option, tick
        if key not in layer.best:
            layer.best[key] = best_team(option, layer, tick, self.problem.calendar.load)
        return layer.best[key]


def _best_in_windows(link: Link | None, bits: int, arrivals: list[tuple[int, Value]]) -> Iterator[tuple[int, Value]]:
    """For each tick the least of the arrivals in its window; as the windows only move on, a queue will do."""
    if link is None:
        least = min((value for _, value in arrivals), default=None)
        if least is not None:
            yield from ((tick, least) for tick in members(bits))
        return
    queue: deque[tuple[int, Value]] = deque()
    coming = iter([*arrivals, (len(link.axis.ticks), (0, 0, ()))])
    nxt = next(coming)
    for tick in members(bits):
        low, high = link.window(tick)
        while nxt[0] < high:
            while queue and queue[-1][1] >= nxt[1]:
                queue.pop()
            queue.append(nxt)
            nxt = next(coming)
        while queue and queue[0][0] < low:
            queue.popleft()
        if queue:
            yield tick, queue[0][1]
