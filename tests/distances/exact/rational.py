"""The least cost of transport in rational arithmetic, by shortest paths: the truth of small problems."""

from collections.abc import Sequence
from fractions import Fraction

INFINITY = None
"""The cost of a forbidden pair."""


def fractions(values: Sequence[float]) -> list[Fraction]:
    return [Fraction(float(value)) for value in values]


def shares(masses: Sequence[float]) -> list[Fraction]:
    """The masses divided by their total, without rounding."""
    exact = fractions(masses)
    return [mass / sum(exact) for mass in exact]


def square_costs(x: Sequence[Sequence[float]], y: Sequence[Sequence[float]]) -> list[list[Fraction]]:
    """|x_i - y_j|^2 of points that count as exact."""
    rows, columns = ([fractions(point) for point in points] for points in (x, y))
    return [[sum((u - v) ** 2 for u, v in zip(p, q, strict=True)) for q in columns] for p in rows]


def least_cost(a: Sequence[Fraction], b: Sequence[Fraction], costs: Sequence[Sequence[Fraction]]) -> Fraction:
    """min <P, C> by successive shortest paths: each carries all that it can, so no cycle of negative cost appears."""
    n, m = len(a), len(b)
    supply, demand = list(a), list(b)
    flow = [[Fraction(0)] * m for _ in range(n)]
    while any(supply):
        path = _shortest(supply, demand, costs, flow)
        amount = min(supply[path[0][0]], demand[path[-1][1]], *(flow[i][j] for i, j in path[1:-1:2]))
        for k, (i, j) in enumerate(path):
            flow[i][j] += -amount if k % 2 else amount
        supply[path[0][0]] -= amount
        demand[path[-1][1]] -= amount
    return sum((flow[i][j] * costs[i][j] for i in range(n) for j in range(m) if flow[i][j]), Fraction(0))


def _shortest(supply, demand, costs, flow) -> list[tuple[int, int]]:
    """Pairs from a row with supply to a column with demand, every second one against the flow (Bellman and Ford)."""
    n, m = len(supply), len(demand)
    rows = {i: (Fraction(0), []) for i in range(n) if supply[i]}
    columns: dict[int, tuple[Fraction, list[tuple[int, int]]]] = {}
    changed = True
    while changed:
        changed = False
        for i in list(rows):
            length, path = rows[i]
            for j in range(m):
                if costs[i][j] is INFINITY:
                    continue
                if j not in columns or length + costs[i][j] < columns[j][0]:
                    columns[j], changed = (length + costs[i][j], [*path, (i, j)]), True
        for j in list(columns):
            length, path = columns[j]
            for i in range(n):
                if flow[i][j] and (i not in rows or length - costs[i][j] < rows[i][0]):
                    rows[i], changed = (length - costs[i][j], [*path, (i, j)]), True
    return min((columns[j] for j in columns if demand[j]), key=lambda found: found[0])[1]
