"""The penalty of a conditional auto-encoder compares code and class together: against all matchings, one by one."""

import itertools

import pytest
import torch
from torch import Tensor

from remblai.discrepancies import MMD, Discrepancy, Exact
from remblai.kernels import Gaussian
from remblai.objectives.objective import Code
from remblai.objectives.penalties import Marginal

LABELS = torch.tensor([0, 0, 0, 1, 1, 1])
CLASSES = torch.eye(2)[LABELS]


class Atoms:
    """A prior whose draws are these points, in order."""

    def __init__(self, points: Tensor) -> None:
        self.points = points

    def sample(self, shape: tuple[int, ...]) -> Tensor:
        assert shape == (len(self.points),)
        return self.points


def penalty(discrepancy: Discrepancy, draws: Tensor, z: Tensor) -> float:
    return float(Marginal(discrepancy)(Code(z, None, z, CLASSES, CLASSES), Atoms(draws)))


@pytest.fixture
def draws() -> Tensor:
    return torch.randn(6, 2, generator=torch.Generator().manual_seed(0))


def test_it_is_0_where_the_laws_of_every_class_agree_and_not_where_only_all_codes_do(draws: Tensor) -> None:
    within, across = draws[[2, 0, 1, 4, 5, 3]], draws[[3, 1, 2, 0, 4, 5]]
    for discrepancy in (Exact(), MMD(Gaussian(1.0), biased=True)):
        assert penalty(discrepancy, draws, within) == pytest.approx(0.0, abs=1e-6)
        assert penalty(discrepancy, draws, across) > 1e-3


def test_it_is_the_least_cost_of_all_matchings_of_codes_and_classes(draws: Tensor) -> None:
    z = torch.randn(6, 2, generator=torch.Generator().manual_seed(1))
    cost = (torch.cdist(draws, z) ** 2 + torch.cdist(CLASSES, CLASSES) ** 2).double()
    least = min(float(cost[range(6), order].mean()) for order in map(list, itertools.permutations(range(6))))
    assert penalty(Exact(), draws, z) == pytest.approx(least, rel=1e-5)
