"""Least costs between parts of the same points, against each transport problem alone."""

import pytest
import torch

from remblai.distances import transport
from remblai.distances.exact.parts import least_costs_of_parts


@pytest.mark.parametrize("cost", ["square", "euclidean"])
@pytest.mark.parametrize("d", [2, 5, 20])
@pytest.mark.parametrize("n", [12, 9])
def test_each_choice_has_the_value_of_its_problem(n: int, d: int, cost: str) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(24, d, generator=generator, dtype=torch.float64)
    first = torch.rand(6, 24, generator=generator).argsort(1) < n
    second = ~first
    second[0, first[0].logical_not().nonzero()[:3]] = False  # parts need not be all points
    found = least_costs_of_parts(points, cost, first, second)
    assert found is not None
    alone = [float(transport(points[a], points[b], cost).value) for a, b in zip(first, second, strict=True)]
    torch.testing.assert_close(found, torch.tensor(alone, dtype=torch.float64), rtol=1e-12, atol=0.0)


def test_numbers_and_many_equal_points_have_faster_ways() -> None:
    first = torch.arange(8)[None] < 4
    assert least_costs_of_parts(torch.randn(8, 1), "square", first, ~first) is None
    assert least_costs_of_parts(torch.zeros(8, 2), "square", first, ~first) is None
    for scale in (1e-200, 1e200):
        assert least_costs_of_parts(scale * torch.randn(8, 2).double(), "square", first, ~first) is None
