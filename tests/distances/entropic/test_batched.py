import numpy as np
import pytest
import torch

from remblai.distances.entropic.balanced import sinkhorn
from remblai.distances.entropic.batched import batch

RNG = np.random.default_rng(0)
COSTS = RNG.random((6, 9, 7)) * np.linspace(0.5, 4.0, 6)[:, None, None]
A, B = (one / one.sum(1, keepdims=True) for one in (RNG.random((6, 9)) + 0.05, RNG.random((6, 7)) + 0.05))


@pytest.mark.parametrize("epsilon", [0.5, 0.05, 0.02])
def test_all_at_once_is_one_by_one(epsilon):
    found = batch(A, B, COSTS, epsilon, tolerance=1e-9)
    assert found.converged.all()
    plans = found.couplings(A, B, COSTS, epsilon)
    for i in range(6):
        one = sinkhorn(A[i], B[i], COSTS[i], epsilon, tolerance=1e-10)
        assert found.values[i] == pytest.approx(one.value, abs=1e-9)
        assert np.allclose(plans[i], one.coupling, atol=1e-7)
        error = np.abs(plans[i].sum(1) - A[i]).sum() + np.abs(plans[i].sum(0) - B[i]).sum()
        assert found.marginal_errors[i] == pytest.approx(error, abs=1e-12)


def test_each_stops_on_its_own_error():
    found = batch(A, B, COSTS, 0.1, tolerance=1e-8)
    assert len(set(found.iterations.tolist())) > 1
    assert (found.marginal_errors <= 1e-8).all()
    assert repr(found).startswith("Batch(6 problems of 9 by 7 points, values ")
    assert repr(found).endswith(f"6 converged, in at most {found.iterations.max()} iterations)")


def test_masses_default_to_uniform_and_counts_are_normalised():
    counts = np.ones((6, 9)), np.full((6, 7), 3)
    found = batch(*counts, COSTS, 0.2, normalise=True)
    assert np.allclose(batch(None, None, COSTS, 0.2).values, found.values)
    plans = found.couplings(*counts, COSTS, 0.2)
    assert np.allclose(plans.sum((1, 2)), 1.0)
    assert np.allclose(plans, found.couplings(None, None, COSTS, 0.2))


def test_places_without_mass_and_forbidden_pairs_work():
    a, C = A.copy(), COSTS.copy()
    a[2, 3], C[1, 0, 0] = 0.0, np.inf
    a /= a.sum(1, keepdims=True)
    b = B.copy()
    b[4, 1] = 0.0
    b /= b.sum(1, keepdims=True)
    found = batch(a, b, C, 0.2, tolerance=1e-9)
    for i in range(6):
        one = sinkhorn(a[i], b[i], C[i], 0.2, tolerance=1e-10)
        assert found.values[i] == pytest.approx(one.value, abs=1e-8)
    assert np.isfinite(found.g).all()


def test_gradients_are_those_of_one_by_one():
    def ready():
        return [torch.tensor(one, requires_grad=True) for one in (A, B, COSTS)]

    together, alone = ready(), ready()
    weights = torch.arange(1.0, 7.0)
    (batch(*together, 0.2, tolerance=1e-10).values * weights).sum().backward()
    for i in range(6):
        (sinkhorn(*(one[i] for one in alone), 0.2, tolerance=1e-11).value * weights[i]).backward()
    assert torch.allclose(together[2].grad, alone[2].grad, atol=1e-7)
    for one, other in zip(together[:2], alone[:2], strict=True):
        difference = one.grad - other.grad
        assert torch.allclose(difference, difference.mean(1, keepdim=True).expand_as(difference), atol=1e-6)


def test_bad_batches_are_refused():
    with pytest.raises(ValueError, match="cost matrices"):
        batch(A[0], B[0], COSTS[0], 0.1)
    with pytest.raises(ValueError, match="masses a"):
        batch(A[0], B, COSTS, 0.1)
    with pytest.raises(ValueError, match="normalise=True"):
        batch(2 * A, B, COSTS, 0.1)
    with pytest.raises(ValueError, match="NaN"):
        batch(A, B, COSTS * np.nan, 0.1)
    with pytest.raises(ValueError, match="epsilon"):
        batch(A, B, COSTS, 0.0)
    with pytest.raises(ValueError, match="finite cost"):
        batch(A, B, np.where(np.arange(7) == 2, np.inf, COSTS), 0.1)


def test_giving_up_warns():
    with pytest.warns(UserWarning, match="max_iterations"):
        found = batch(A, B, COSTS, 0.05, tolerance=1e-12, max_iterations=3)
    assert not found.converged.all()
    assert np.isfinite(found.values).all()
