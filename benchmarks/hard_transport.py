"""Hard random transport problems against exact integers: masses from 1e-320 to 1, costs from 1e-12 to 1e12, copies.

    python benchmarks/hard_transport.py [--cases 500] [--first 0]

The truth is found here by successive shortest paths in Python's integers, and proven by its own dual, which must be
equal. Counted are errors, plans that are not converged, values more than 1e-9 of the truth away, and intervals that
exclude the truth or the plan's own value; each such case is printed with its seed.
"""

import argparse
import math
import time
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.distances import emd

MOST = 40
"""Points a side."""
CLOSE = 1e-9
LEAST = 5e-324
"""The smallest number above 0: a smaller truth is 0 in float64."""
METHODS = ("auto", "auto", "network-simplex", "column-generation", "linear-program", "linear-program-dual")
Array = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    emd([0.5, 0.5], [0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]])  # imports what solves
    found = [outcome(seed) for seed in range(given.first, given.first + given.cases)]
    for row in found:
        if row["errors"] or row["far"] or row["outside"] or row["not converged"]:
            print(row)
    print(f"{len(found)} cases, slowest {max(row['seconds'] for row in found):.2f} s")
    for name in ("errors", "not converged", "far", "outside"):
        print(f"{name:16s} {sum(row[name] for row in found)}")


def outcome(seed: int) -> dict[str, Any]:
    """What the library answers to the problem of a seed, beside the truth."""
    draws = np.random.default_rng(seed)
    a, b, costs = problem(draws)
    row: dict[str, Any] = {"seed": seed, "method": str(draws.choice(METHODS)), "shape": costs.shape}
    row |= {"errors": 0, "not converged": 0, "far": 0, "outside": 0}
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a plan that has not converged warns, and is counted
            plan = emd(a, b, costs, row["method"], normalise=True)
            lower, upper = plan.certificate()
    except (ValueError, RuntimeError) as problem_of_solver:
        return row | {"errors": 1, "error": str(problem_of_solver), "seconds": time.perf_counter() - began}
    row["seconds"] = time.perf_counter() - began
    right = least_cost(a, b, costs)
    row["not converged"] = int(not plan.converged)
    row["far"] = int(abs(Fraction(plan.value) - right) > Fraction(CLOSE) * right + Fraction(LEAST))
    row["outside"] = int(not (Fraction(lower) <= right <= Fraction(upper) and lower <= plan.value <= upper))
    return row | {"value": plan.value, "truth": float(right), "interval": (lower, upper)}


def problem(draws: np.random.Generator) -> tuple[Array, Array, Array]:
    """Masses (n,), (m,) and costs (n, m) of one of the hard kinds."""
    n, m = draws.integers(1, MOST + 1, 2)
    kind = int(draws.integers(5))
    a, b = masses(draws, kind, n, m)
    for side in (a, b):
        without = draws.random(len(side)) < draws.choice([0.0, 0.2])
        without[side.argmax()] = False
        side[without] = 0.0
        if not side.sum() > 0.0:
            side[0] = 1.0
    costs = costs_of(draws, n, m)
    if kind >= 3 and draws.random() < 0.7:
        np.fill_diagonal(costs, 0.0)  # what is large may stay in place
    return a, b, costs


def masses(draws: np.random.Generator, kind: int, n: int, m: int) -> tuple[Array, Array]:
    """Masses of every size; beside ones; nearly all at one place of each side; or alike but for small ones."""
    small = 10.0 ** draws.integers(-320, -8)
    a, b = (10.0 ** draws.uniform(-320, 0, size) for size in (n, m))
    if kind == 1:
        a, b = (np.where(draws.random(len(side)) < 0.5, draws.random(len(side)), side) for side in (a, b))
    elif kind == 2:
        a, b = (np.where(draws.random(size) < 0.5, 1.0, small * draws.integers(1, 9, size)) for size in (n, m))
    elif kind == 3:
        a, b = (small * draws.integers(1, 9, size) for size in (n, m))
        a[0] = b[0] = 1.0
    elif kind == 4:
        a, b = (small * draws.integers(0, 9, size) for size in (n, m))
        alike = draws.random(min(n, m))
        a[: len(alike)] += alike
        b[: len(alike)] += alike
    return a, b


def costs_of(draws: np.random.Generator, n: int, m: int) -> Array:
    """Costs of every size; large in places; with large sums of a row's and a column's; whole; between copies."""
    plain = draws.random((n, m))
    match draws.integers(5):
        case 0:
            return np.power(10.0, draws.uniform(-12, 12, (n, m)))
        case 1:
            return np.where(draws.random((n, m)) < 0.5, plain, plain * 10.0 ** draws.integers(-12, 13))
        case 2:
            return plain + 10.0 ** draws.uniform(-6, 12, (n, 1)) + 10.0 ** draws.uniform(-6, 12, m)
        case 3:
            return draws.integers(0, 6, (n, m)).astype(np.float64)
        case _:
            x, y = (2.0 ** draws.integers(-20, 20) * draws.integers(0, 4, (size, 2)) for size in (n, m))
            squares: Array = np.square(x[:, None] - y).sum(-1)
            return squares


def least_cost(a: Array, b: Array, costs: Array) -> Fraction:
    """The least cost of the masses, each side divided by its sum, with the proof by potentials."""
    (left, _), (right, _) = whole(a.tolist()), whole(b.tolist())
    supply, demand = [one * sum(right) for one in left], [one * sum(left) for one in right]
    flat, unit = whole(costs.ravel().tolist())
    table = [flat[row * len(demand) : (row + 1) * len(demand)] for row in range(len(supply))]
    total = sum(left) * sum(right)
    u, v, flow = shortest_paths([*supply], [*demand], table)
    value = sum(mass * table[i][j] for j, rows in enumerate(flow) for i, mass in rows.items())
    dual = sum(map(int.__mul__, supply, u)) + sum(map(int.__mul__, demand, v))
    assert dual == value
    assert all(cost >= f + g for row, f in zip(table, u, strict=True) for cost, g in zip(row, v, strict=True))
    return Fraction(value, total * unit)


def whole(values: list[float]) -> tuple[list[int], int]:
    """Numbers times their common denominator, and it."""
    ratios = [value.as_integer_ratio() for value in values]
    unit = math.lcm(*(below for _, below in ratios))
    return [above * (unit // below) for above, below in ratios], unit


def shortest_paths(
    supply: list[int], demand: list[int], costs: list[list[int]]
) -> tuple[list[int], list[int], list[dict[int, int]]]:
    """Potentials of rows and columns, and of each column the masses by row."""
    columns = range(len(demand))
    u, v = [0] * len(supply), [min(row[j] for row in costs) for j in columns]
    flow: list[dict[int, int]] = [{} for _ in columns]
    for source in range(len(supply)):
        while supply[source]:
            rows, lengths, before, end = _search(source, demand, costs, (u, v), flow)
            for i, (length, _) in rows.items():
                u[i] += lengths[end] - length
            for j, length in lengths.items():
                v[j] -= lengths[end] - length
            path, column = [], end
            while column >= 0:
                row = before[column]
                path.append((row, column))
                column = rows[row][1]
            back = [(i, rows[i][1]) for i, _ in path[:-1]]
            amount = min(supply[source], demand[end], *(flow[j][i] for i, j in back))
            for sign, steps in ((1, path), (-1, back)):
                for i, j in steps:
                    flow[j][i] = flow[j].get(i, 0) + sign * amount
            supply[source] -= amount
            demand[end] -= amount
    return u, v, flow


def _search(
    source: int, demand: list[int], costs: list[list[int]], potentials: tuple[list[int], list[int]], flow: Any
) -> tuple[dict[int, tuple[int, int]], dict[int, int], dict[int, int], int]:
    """Dijkstra from a row: rows (length, column they came by), lengths of columns, the rows before them, the end."""
    u, v = potentials
    rows, lengths = {source: (0, -1)}, {}
    best: dict[int, tuple[int, int]] = {}
    new = [source]
    while True:
        for i in new:
            for j, cost in enumerate(costs[i]):
                length = rows[i][0] + cost - u[i] - v[j]
                if j not in lengths and (j not in best or length < best[j][0]):
                    best[j] = length, i
        j = min((column for column in best if column not in lengths), key=lambda column: best[column][0])
        lengths[j] = best[j][0]
        if demand[j]:
            return rows, lengths, {column: row for column, (_, row) in best.items()}, j
        new = [i for i, mass in flow[j].items() if mass and i not in rows]
        rows.update((i, (lengths[j], j)) for i in new)


if __name__ == "__main__":
    main()
