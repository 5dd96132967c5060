import numpy as np
import pytest
import torch
from scipy.sparse import coo_array, coo_matrix, csc_array, csr_array, csr_matrix

from remblai.distances import emd, sinkhorn
from remblai.distances import sparse_costs as module


@pytest.fixture
def dense():
    generator = np.random.default_rng(3)
    costs = generator.uniform(0.0, 2.0, (5, 4))
    costs[generator.uniform(size=costs.shape) < 0.3] = np.inf
    costs[np.arange(4), np.arange(4)] = 0.0  # some plan exists, and pairs of cost 0
    costs[4] = [0.5, np.inf, 1.0, 0.25]
    return costs


def pattern(dense, kind=coo_array):
    rows, columns = np.isfinite(dense).nonzero()
    return kind(coo_array((dense[rows, columns], (rows, columns)), shape=dense.shape))


@pytest.mark.parametrize("kind", [coo_array, csr_array, csc_array, coo_matrix, csr_matrix])
@pytest.mark.parametrize("solve", [emd, lambda *inputs: sinkhorn(*inputs, epsilon=0.1)], ids=["emd", "sinkhorn"])
def test_equals_infinity_where_there_is_no_entry(kind, solve, dense):
    a, b = np.full(5, 0.2), np.array([0.4, 0.2, 0.2, 0.2])
    costs = pattern(dense, kind)
    expected, found = solve(a, b, dense), solve(a, b, costs)
    assert found.value == expected.value
    np.testing.assert_array_equal(found.coupling, expected.coupling)
    assert (found.coupling[np.isinf(dense)] == 0.0).all()
    assert isinstance(found.value, float)
    assert costs.nnz == np.isfinite(dense).sum()  # the explicit zeros, and the input, are as they were


def test_an_explicit_zero_is_a_pair_without_cost():
    costs = csr_array(([0.0, 5.0, 0.0, 5.0], ([0, 0, 1, 1], [0, 1, 1, 0])), shape=(2, 2))
    plan = emd(None, None, costs)
    assert plan.value == 0.0
    assert plan.coupling.tolist() == [[0.5, 0.0], [0.0, 0.5]]
    costs.eliminate_zeros()
    assert emd(None, None, costs).value == 5.0


def test_entries_given_twice_are_summed_and_the_input_stays():
    costs = coo_array(([1.0, 2.0, 4.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 2))
    assert emd(None, None, costs).value == 3.5
    assert costs.nnz == 3


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_of_torch_with_the_gradient_in_the_values(layout):
    places = torch.tensor([[0, 0, 1, 1], [0, 1, 0, 1]])
    values = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    costs = torch.sparse_coo_tensor(places, values, (2, 2))
    plan = emd([0.5, 0.5], [0.25, 0.75], costs if layout == torch.sparse_coo else costs.to_sparse_csr())
    (gradient,) = torch.autograd.grad(plan.value, values)
    torch.testing.assert_close(gradient, plan.coupling[places[0], places[1]])


@pytest.mark.parametrize("solve", [emd, lambda *inputs: sinkhorn(*inputs, epsilon=0.1)], ids=["emd", "sinkhorn"])
def test_patterns_without_a_plan_are_said_to_be_so(solve):
    row = csr_array(([1.0, 1.0], ([0, 0], [0, 1])), shape=(2, 2))
    with pytest.raises(ValueError, match=r"expected a plan of finite cost, but .*place 1 of a"):
        solve(None, None, row)
    narrow = csr_array(([1.0, 1.0, 1.0, 1.0], ([0, 1, 2, 2], [0, 0, 1, 2])), shape=(3, 3))
    with pytest.raises(ValueError, match="expected a plan of finite cost, but"):
        solve(None, None, narrow)


def test_bad_input_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="no NaN"):
        emd(None, None, csr_array(([np.nan], ([0], [0])), shape=(1, 1)))
    with pytest.raises(ValueError, match="real numbers"):
        emd(None, None, csr_array(([1j], ([0], [0])), shape=(1, 1)))
    with pytest.raises(ValueError, match=r"n, m >= 1, got \(0, 3\)"):
        emd(None, None, csr_array((0, 3)))
    with pytest.raises(ValueError, match="expected shape"):
        emd(None, None, torch.ones(3).to_sparse())
    monkeypatch.setattr(module, "DENSE", 3)
    with pytest.raises(ValueError, match="at most 3 pairs in all, got 2 x 2"):
        emd(None, None, csr_array(np.eye(2)))
