"""Masses that are counts, empty or negligible places, and sets that are one and the same point.

geomloss #51 and #74 (both measures the same point), geomloss #11 and #26 (clouds in a batch, padded with empty places),
scipy #15832 and geomloss #71 (counts taken for masses).
"""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from remblai import discrepancies, distances

PLACES = np.arange(4.0)
BEFORE, AFTER = [3, 1, 0, 0], [0, 0, 1, 3]


@pytest.mark.parametrize("places", [PLACES, np.c_[PLACES, PLACES]], ids=["line", "plane"])
def test_counts_are_refused_with_the_remedy_and_taken_with_it(places: np.ndarray) -> None:
    with pytest.raises(ValueError, match="normalise=True"):
        distances.wasserstein(places, places, p=1, a=BEFORE, b=AFTER)
    found = distances.wasserstein(places, places, p=1, a=BEFORE, b=AFTER, normalise=True)
    truth = wasserstein_distance(PLACES, PLACES, BEFORE, AFTER) * places.reshape(4, -1).shape[1] ** 0.5
    assert float(found) == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(
    "discrepancy",
    [discrepancies.Entropic(), discrepancies.Exact(), discrepancies.Sliced(20)],
    ids=lambda d: type(d).__name__,
)
def test_equal_samples_of_one_point_give_0_with_gradient_0(discrepancy: discrepancies.Discrepancy) -> None:
    x = torch.zeros(20, 3, requires_grad=True)
    value = discrepancy(x, torch.zeros(30, 3))
    (gradient,) = torch.autograd.grad(value, x)
    assert float(value) == pytest.approx(0.0, abs=1e-6)
    assert not gradient.any()


def test_a_relative_epsilon_of_equal_points_gives_0() -> None:
    x = torch.tensor([[1.0, 2.0]])
    assert float(distances.sinkhorn_divergence(x, x.clone(), relative=True).value) == 0.0


def test_infinite_costs_at_empty_places_of_a_batch() -> None:
    torch.manual_seed(0)
    costs = torch.cdist(torch.randn(3, 8, 2), torch.randn(3, 6, 2)) ** 2
    masses = torch.full((3, 8), 1 / 8)
    masses[1] = torch.tensor([0.2] * 5 + [0.0] * 3)
    padded = costs.clone()
    padded[1, 5:] = float("inf")
    values = distances.batch(masses, None, padded, epsilon=0.5).values
    alone = distances.sinkhorn(masses[1, :5], None, costs[1, :5], epsilon=0.5).value
    assert torch.isfinite(values).all()
    assert float(values[1]) == pytest.approx(float(alone), rel=1e-4)


def test_a_batch_of_clouds_is_as_many_problems_and_no_flattened_cloud() -> None:
    x, y = torch.randn(3, 10, 3), torch.randn(3, 9, 3)
    for ask in (discrepancies.Entropic(), lambda a, b: distances.transport(a, b).value):
        assert torch.allclose(ask(x, y), torch.stack([ask(*pair) for pair in zip(x, y, strict=True)]), rtol=1e-4)


def test_a_negligible_mass_does_not_stand_for_the_whole() -> None:
    plan = distances.sinkhorn([0.5, 0.5], [1e-45, 1.0], [[0.0, 2.0], [1.0, 2.0]], epsilon=0.005)
    assert float(plan.cost) == pytest.approx(2.0, rel=1e-3)
    assert float(np.asarray(plan.coupling).sum()) == pytest.approx(1.0, rel=1e-3)
