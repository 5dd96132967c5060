"""What point sets have to agree in: clouds are no points, and columns of data frames are matched by name."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from remblai.distances import barycentre, ipm, rubinstein, sinkhorn_divergence, transport, wasserstein

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


def test_lists_of_tensors_with_gradients_say_how_they_are_joined() -> None:
    leaf = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"x: expected an array or one tensor, got a list .*torch\.stack"):
        wasserstein([leaf, leaf], [[0.0, 0.0]])
