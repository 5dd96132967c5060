"""Exact arithmetic on couplings: a plan whose marginals are off by rounding becomes one of exactly the masses given."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Entry = tuple[int, int, int]
"""A row, a column and a mass."""


def common_integers(a: Sequence[float], b: Sequence[float]) -> tuple[list[int], list[int]]:
    """Integers proportional to the masses a (n,) and to b (m,), without rounding, and of the same total."""
    sides = [common_denominator([masses])[0][0] for masses in (a, b)]
    totals = [sum(side) for side in sides]
    return [mass * totals[1] for mass in sides[0]], [mass * totals[0] for mass in sides[1]]


def common_denominator(sides: Sequence[Sequence[float]]) -> tuple[list[list[int]], int]:
    """Integers, and the power of two by which they are to be divided, for the numbers of several lists."""
    ratios = [[value.as_integer_ratio() for value in side] for side in sides]
    unit = max(below for side in ratios for _, below in side)
    return [[above * (unit // below) for above, below in side] for side in ratios], unit


@dataclass
class Repaired:
    """What `repaired` returns.

    Attributes:
        entries: masses carried, integers above 0.
        rows: masses of rows that no entry carries, by row.
        columns: masses of columns that no entry brings, by column; of the same total as `rows`.
    """

    entries: list[Entry] = field(default_factory=list)
    rows: dict[int, int] = field(default_factory=dict)
    columns: dict[int, int] = field(default_factory=dict)


def repaired(supply: Sequence[int], demand: Sequence[int], entries: Sequence[tuple[int, int, float]]) -> Repaired:
    """Flows on the same pairs that carry exactly the given integer masses, as far as these pairs allow it.

    The flows on a spanning forest of the largest entries follow from the masses, leaf by leaf; entries outside the
    forest keep their mass. Nothing falls below 0: what the pairs cannot carry is returned as left over.

    Args:
        supply: of the rows, integers (n,).
        demand: of the columns, integers (m,), of the same total.
        entries: rows, columns and masses, as shares of the total, each pair at most once.
    """
    n, total = len(supply), sum(supply)
    net = [*supply, *(-mass for mass in demand)]
    found = Repaired()
    neighbours: defaultdict[int, list[int]] = defaultdict(list)
    root = list(range(len(net)))
    for i, j, share in sorted(entries, key=lambda entry: -entry[2]):
        first, second = _root(root, i), _root(root, n + j)
        if first != second:
            root[first] = second
            neighbours[i].append(n + j)
            neighbours[n + j].append(i)
            continue
        above, below = share.as_integer_ratio()
        mass = above * total // below
        net[i] -= mass
        net[n + j] += mass
        found.entries.append((i, j, mass))
    _eliminate(net, neighbours, n, found)
    return found


def _root(root: list[int], place: int) -> int:
    while root[place] != place:
        root[place] = root[root[place]]
        place = root[place]
    return place


def _eliminate(net: list[int], neighbours: defaultdict[int, list[int]], n: int, found: Repaired) -> None:
    """The flows of a forest from the net supply of its places; columns are numbered from n on."""
    seen = [False] * len(net)
    parent = [-1] * len(net)
    children: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for start in range(len(net)):
        if seen[start]:
            continue
        seen[start], order = True, [start]
        for place in order:
            for other in neighbours[place]:
                if not seen[other]:
                    seen[other], parent[other] = True, place
                    order.append(other)
        for place in reversed(order):
            # of a row the rest goes up to the parent, of a column it comes from there
            rest = net[place] if place < n else -net[place]
            flows = children.pop(place, [])
            if rest < 0:
                flows, rest = _withheld(flows, -rest, place, n, found), 0
            for child, flow in flows:
                found.entries.append((place, child - n, flow) if place < n else (child, place - n, flow))
            if parent[place] >= 0:
                children[parent[place]].append((place, rest))
                net[parent[place]] += rest if place < n else -rest
            elif rest:
                _leave(found, place, rest, n)
    found.entries = [entry for entry in found.entries if entry[2] > 0]


def _withheld(flows: list[tuple[int, int]], excess: int, place: int, n: int, found: Repaired) -> list[tuple[int, int]]:
    """The flows between a place and its children, less the excess, taken from the largest; children keep the rest."""
    kept = []
    for child, flow in sorted(flows, key=lambda one: -one[1]):
        taken = min(flow, excess)
        excess -= taken
        if taken:
            _leave(found, child, taken, n)
        kept.append((child, flow - taken))
    if excess:  # entries outside the forest carry more than the place has
        _reduced(found, place, excess, n)
    return kept


def _reduced(found: Repaired, place: int, excess: int, n: int) -> None:
    """Takes the excess of a place from the entries that are fixed already, and leaves it at their other ends."""
    for k, (i, j, mass) in enumerate(found.entries):
        if excess and place in (i, n + j):
            taken = min(mass, excess)
            excess -= taken
            found.entries[k] = (i, j, mass - taken)
            _leave(found, n + j if place < n else i, taken, n)


def _leave(found: Repaired, place: int, mass: int, n: int) -> None:
    side, index = (found.rows, place) if place < n else (found.columns, place - n)
    side[index] = side.get(index, 0) + mass


def filled(found: Repaired, costs: NDArray[np.float64]) -> list[Entry]:
    """Entries that carry what is left over, the cheapest pair first.

    Args:
        found: what is left over.
        costs: (r, s), of the rows and the columns that have some left, in their order there.
    """
    rows, columns = list(found.rows), list(found.columns)
    supply, demand = dict(found.rows), dict(found.columns)
    entries = []
    for k in np.argsort(costs, axis=None, kind="stable").tolist():
        i, j = rows[k // len(columns)], columns[k % len(columns)]
        mass = min(supply[i], demand[j])
        if mass:
            supply[i] -= mass
            demand[j] -= mass
            entries.append((i, j, mass))
    return entries
