"""The optimal plan between two tables against an assignment, and its split by column."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from remblai.populations.moved import moved
from remblai.populations.table import Column, Tables, gower
from remblai.statistics.splits import Splits


def test_the_plan_is_the_cheapest_and_its_cost_is_split_by_column() -> None:
    rng = np.random.default_rng(0)
    n = 40
    x = np.concatenate([rng.normal(size=n), rng.normal(size=n) + 1])
    columns = (Column("x", x), Column("c", rng.integers(0, 3, 2 * n).astype(float), ("a", "b", "c")))
    tables = Tables(columns, n, n)
    draws = torch.Generator().manual_seed(0)
    found = moved(tables, Splits(tables.first, 19, draws), draws)
    cost = gower(
        [one.of(np.arange(n)) for one in columns], [one.of(np.arange(n, 2 * n)) for one in columns], np.float64
    )
    rows, others = linear_sum_assignment(cost)
    best = cost[rows, others].mean()
    assert found.cost == pytest.approx(best, abs=1e-12)
    assert found.lower <= best <= found.upper
    assert found.upper - found.lower < 1e-9
    low, high = map(float, found.bounds.split(" to "))
    assert low <= found.cost <= high
    assert sum(part.cost for part in found.parts) == pytest.approx(found.cost, abs=1e-12)
    assert found.parts[0].column == "x"
    assert found.parts[0].cost > found.parts[0].floor
    assert found.cost > found.floor
    dearest = found.movers[0]
    assert dearest.cost == pytest.approx(cost[dearest.row, dearest.to])
    assert dearest.cost == max(one.cost for one in found.movers)
    assert {name: before for name, before, _ in dearest.changes}["x"] == f"{x[dearest.row]:.6g}"
