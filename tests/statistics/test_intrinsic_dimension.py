"""The dimension of data near each point: known manifolds, equal rows, and what cannot be estimated."""

import pytest
import torch
from torch import Tensor

from remblai.statistics.intrinsic_dimension import maximum_likelihood, two_neighbours


def embedded(x: Tensor) -> Tensor:
    """The rows turned into a random subspace of 20 dimensions: distances stay."""
    basis = torch.linalg.qr(torch.randn(20, 20, generator=torch.Generator().manual_seed(9)))[0]
    return x @ basis[: x.shape[1]]


def sphere(d: int, n: int = 1000) -> Tensor:
    x = torch.randn(n, d + 1, generator=torch.Generator().manual_seed(0))
    return x / x.norm(dim=1, keepdim=True)


def roll(n: int = 1500) -> Tensor:
    """The Swiss roll, a surface in three dimensions."""
    angle, height = torch.rand(2, n, generator=torch.Generator().manual_seed(0))
    t = 4.7 * (1.0 + 2.0 * angle)
    return torch.stack([t * t.cos(), 21.0 * height, t * t.sin()], 1)


@pytest.mark.parametrize(
    ("x", "dimension", "tolerance"),
    [(sphere(1), 1, 0.1), (sphere(2), 2, 0.25), (sphere(5), 5, 0.6), (roll(), 2, 0.25)],
    ids=["circle", "sphere", "5-sphere", "Swiss roll"],
)
def test_known_manifolds_have_their_dimension(x: Tensor, dimension: int, tolerance: float) -> None:
    for estimate in (two_neighbours, maximum_likelihood):
        found = estimate(embedded(x))
        assert found.value == pytest.approx(dimension, abs=tolerance)
        assert 0.0 < found.error < tolerance


def test_the_error_is_the_deviation_over_samples_of_one_law() -> None:
    parts = [two_neighbours(part) for part in torch.rand(4000, 2, generator=torch.Generator().manual_seed(0)).chunk(20)]
    values, errors = (torch.tensor(column) for column in zip(*parts, strict=True))
    assert float(errors.mean()) == pytest.approx(float(values.std()), rel=0.5)


def test_scale_and_copies_change_nothing() -> None:
    x = sphere(2, 200)
    assert two_neighbours(torch.cat([x, x[:50]]) * 7.0).value == pytest.approx(two_neighbours(x).value, rel=1e-6)


def test_what_has_no_estimate_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 20 different rows, got 1: add more"):
        two_neighbours(torch.ones(50, 3))
    with pytest.raises(ValueError, match="expected finite values"):
        maximum_likelihood(torch.full((30, 2), float("nan")))
    with pytest.raises(ValueError, match="k: expected at least 2 neighbours, got 1"):
        maximum_likelihood(sphere(1, 30), k=1)


def test_neighbours_at_equal_distances_have_no_estimate() -> None:
    grid = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    for estimate in (two_neighbours, lambda x: maximum_likelihood(x, 2)):
        with pytest.raises(ValueError, match="expected neighbours at different distances, got equal ones"):
            estimate(grid)
    assert 1.0 < maximum_likelihood(grid).value < 3.0


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_any_unit_that_float64_has_is_measured(unit: float) -> None:
    x = torch.rand(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for estimate in (two_neighbours, maximum_likelihood):
        assert estimate(unit * x).value == pytest.approx(estimate(x).value, rel=1e-9)


@pytest.mark.parametrize("x", [torch.rand(30), torch.ones(30, 0), "rows"])
def test_what_is_no_rows_is_refused(x: object) -> None:
    with pytest.raises(ValueError, match="intrinsic dimension: expected"):
        two_neighbours(x)


@pytest.mark.parametrize("noise", [1e-6, 1e-9])
def test_near_copies_of_rows_count_once(noise: float) -> None:
    """They had the estimate of a plane at 0.2, with a standard error of 0.02."""
    draws = torch.Generator().manual_seed(0)
    plane = torch.randn(1000, 4, generator=draws).double() @ torch.randn(4, 12, generator=draws).double()
    twins = plane[:150] + noise * torch.randn(150, 12, generator=draws)
    expected = two_neighbours(plane)
    found = two_neighbours(torch.cat([plane, twins]))
    assert found.value == pytest.approx(expected.value, abs=3 * expected.error)
    assert maximum_likelihood(torch.cat([plane, twins])).value == pytest.approx(4.0, abs=0.5)
