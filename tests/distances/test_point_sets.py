"""What point sets have to agree in: clouds are no points, and columns of data frames are matched by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from remblai.discrepancies import CramerWold, Entropic, Exact, Sliced, energy_distance
from remblai.distances import (
    barycentre,
    ipm,
    rubinstein,
    sinkhorn_divergence,
    stochastic,
    transport,
    wasserstein,
)
from remblai.statistics import two_sample_test

CLOUDS = np.random.default_rng(0).random((2, 4, 3, 2))


@pytest.mark.parametrize(
    ("solve", "name"),
    [
        (wasserstein, "wasserstein"),
        (sinkhorn_divergence, "sinkhorn_divergence"),
        (rubinstein.of_points, "rubinstein.of_points"),
        (lambda x, y: ipm("lipschitz", x, y), "ipm"),
    ],
)
def test_clouds_are_refused_where_one_pair_is_measured(solve: Callable[..., object], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected points .* clouds"):
        solve(CLOUDS[0], CLOUDS[1])


SOLVERS = [
    transport,
    wasserstein,
    sinkhorn_divergence,
    rubinstein.of_points,
    lambda x, y: ipm("lipschitz", x, y),
    lambda x, y: transport(x, y, epsilon=0.1, unbalanced=1.0),
    lambda x, y: barycentre([x, y], support=2),
    lambda x, y: barycentre([x, x], support=y),
    lambda x, y: barycentre([x.to_numpy(), x], start=y),
    lambda x, y: stochastic.laguerre(x, y, [0.0, 0.0]),
    Exact(),
    Sliced(5),
    CramerWold(),
    energy_distance(),
    Exact().estimate,
    Entropic(epsilon=0.1).plan,
    lambda x, y: two_sample_test(energy_distance(), x, y, 9),
    lambda x, y: transport(x, [[0.0, 0.0]]).map(y),
    lambda x, y: transport(x, [[0.0, 0.0]], epsilon=0.1).extend(y),
    lambda x, y: transport(x, [[70.0, 1.0]], "euclidean", epsilon=9.0, unbalanced=99.0).map(y),
]


@pytest.mark.parametrize("solve", SOLVERS)
def test_data_frames_of_other_columns_are_refused(solve: Callable[..., object]) -> None:
    x = pd.DataFrame({"height": [1.0, 2.0], "weight": [70.0, 80.0]})
    with pytest.raises(ValueError, match="in their order \\(height, weight\\), got weight, height"):
        solve(x, x[["weight", "height"]])
    with pytest.raises(ValueError, match="got height, age: rename or choose"):
        solve(x, x.rename(columns={"weight": "age"}))
    assert solve(x, x) is not None
    assert solve(x, x[["weight", "height"]].to_numpy()) is not None
    assert solve(x, pd.DataFrame(x.to_numpy())) is not None  # columns without names


@pytest.mark.parametrize("n", [1, 8, 150])
@pytest.mark.parametrize("d", [1, 2, 30])
@pytest.mark.parametrize("scale", [1.0, 1e120])
@pytest.mark.parametrize("epsilon", [None, 0.5])
def test_every_plan_keeps_the_names_of_its_points(n: int, d: int, scale: float, epsilon: float | None) -> None:
    """Of every route: the line, rational and integer solvers, columns, rows that repeat, numbers out of range."""
    rng = np.random.default_rng(0)
    names = [f"column {place}" for place in range(d)]
    x = pd.DataFrame(np.repeat(rng.normal(size=(n, d)), 2, 0), columns=names) * (scale if d > 1 else 1.0)
    y = pd.DataFrame(rng.normal(size=(n + 3, d)), columns=names) * (scale if d > 1 else 1.0)
    cost = "square" if scale == 1.0 else "euclidean"
    plan = transport(x, y, cost, epsilon=None if epsilon is None else epsilon * scale)
    assert np.isfinite(plan.extend(x)).all() and np.isfinite(plan.map(x)).all()
    other = x.rename(columns={names[-1]: "another"})
    for asked in (plan.extend, plan.map):
        with pytest.raises(ValueError, match="expected the columns of the plan's points in their order"):
            asked(other)
        assert np.array_equal(asked(other.to_numpy()), asked(x))


@pytest.mark.parametrize("potential", [rubinstein.of_points, lambda x, y: ipm("lipschitz", x, y)])
def test_potentials_keep_the_names_of_their_points(potential: Callable[..., Any]) -> None:
    x = pd.DataFrame({"height": [1.0, 2.0], "weight": [70.0, 80.0]})
    found = potential(x, x + 1.0)
    extended = getattr(found, "extend", found)
    assert np.isfinite(extended(x)).all()
    with pytest.raises(ValueError, match="expected the columns of the plan's points in their order"):
        extended(x[["weight", "height"]])


def test_a_semi_discrete_plan_keeps_the_names_of_its_atoms() -> None:
    rng = np.random.default_rng(0)
    atoms = pd.DataFrame({"height": [0.0, 1.0], "weight": [1.0, 0.0]})
    plan = stochastic.semi_discrete(lambda n: rng.normal(size=(n, 2)), atoms, samples=1000, evaluation=1000)
    with pytest.raises(ValueError, match=r"pass x\[\['height', 'weight'\]\]"):
        plan.extend(atoms[["weight", "height"]])


def test_lists_of_tensors_with_gradients_say_how_they_are_joined() -> None:
    leaf = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"x: expected an array or one tensor, got a list .*torch\.stack"):
        wasserstein([leaf, leaf], [[0.0, 0.0]])
