import math

import numpy as np
import pytest
import torch
from scipy.sparse import coo_matrix, csr_array
from torch.distributions import Normal

from remblai import distances
from remblai.distances import validation

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ([1, 2], torch.float64),
        (np.arange(3, dtype="f4"), torch.float32),
        (np.arange(3, dtype=">f8"), torch.float64),
        (torch.arange(3), torch.float64),
        (torch.ones(2, dtype=torch.bfloat16), torch.float32),
        (np.array([True, False]), torch.float64),
        (np.arange(3.0)[::-1], torch.float64),
        (np.arange(3, dtype=np.longdouble), torch.float64),
        (np.array([7], dtype="u2"), torch.float64),
    ],
)
def test_every_array_of_real_numbers_becomes_float32_or_float64(given, dtype):
    found = validation.tensor("x", given)
    assert found.dtype == dtype
    assert found.tolist() == [float(one) for one in given]


def test_arrays_that_cannot_be_written_are_copied_not_shared():
    array = np.arange(3.0)
    array.flags.writeable = False
    validation.tensor("x", array)[0] = 7.0
    assert array[0] == 0.0


@pytest.mark.parametrize("given", ["abc", [[1.0], [1.0, 2.0]], np.array([1j]), torch.tensor([1j]), [None]])
def test_what_is_no_array_of_real_numbers_is_refused(given):
    with pytest.raises(ValueError, match="x: expected"):
        validation.tensor("x", given)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (torch.ones(2, device="meta"), "meta"),
        (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged), "nested"),
    ],
)
def test_tensors_without_values_or_of_unequal_rows_are_refused(given, kind):
    with pytest.raises(ValueError, match=f"x: expected a tensor that holds numbers .*got a {kind} one"):
        validation.tensor("x", given)


def test_a_masked_number_is_not_taken_for_data():
    gap = np.ma.masked_array([[0.0, 1.0], [2.0, 3.0]], mask=[[False, True], [False, False]])
    with pytest.raises(ValueError, match=r"x: expected a number at every place.*1 of 4 places masked"):
        distances.transport(gap, np.eye(2))
    assert validation.tensor("x", np.ma.masked_array([1.0, 2.0])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("given", [10**400, [1.0, 2.0], torch.ones(2), np.ones(2)])
def test_what_is_not_one_number_is_refused(given):
    with pytest.raises(ValueError, match="epsilon: expected a number"):
        validation.epsilon(given)


def test_gradients_pass_validation():
    x = torch.ones(2, requires_grad=True)
    assert validation.tensor("x", x) is x


def test_finite_counts_what_is_not_and_says_where():
    with pytest.raises(ValueError, match=r"2 of 6 entries.*\(0, 1\)"):
        validation.finite("x", torch.tensor([[1.0, math.nan, 2.0], [math.inf, 0.0, 0.0]]))
    validation.finite("x", torch.tensor([math.inf]), infinite=True)
    with pytest.raises(ValueError, match="minus infinity"):
        validation.finite("x", torch.tensor([-math.inf]), infinite=True)


@pytest.mark.parametrize("given", [[1.0], [[0.5], [0.5]], [0.7, -0.1], [math.nan, 1.0], [0.0, 0.0], [math.inf, 1.0]])
def test_masses_that_are_none_are_refused(given):
    with pytest.raises(ValueError, match="masses a"):
        validation.masses("a", given, 2, CPU)


def test_no_masses_are_even_ones():
    assert validation.masses("a", None, 4, CPU).tolist() == [0.25] * 4


def test_a_total_may_differ_from_1_by_rounding_only():
    rounded = torch.full((7,), 1 / 7)
    assert validation.probabilities("a", rounded, 7, CPU) is rounded
    with pytest.raises(ValueError, match=r"masses a: expected a sum of 1, got 1.00001\d*: pass normalise=True"):
        validation.probabilities("a", 1.00001 * rounded, 7, CPU)


@pytest.mark.parametrize("given", [[3, 1], [3e307, 1e307], [3e-310, 1e-310], torch.tensor([3.0, 1.0])])
def test_masses_of_any_total_are_divided_by_it_where_asked(given):
    assert validation.probabilities("a", given, 2, CPU, normalise=True).tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("given", [0.0, -1.0, math.nan, math.inf, "much", None])
def test_epsilon_must_be_positive_and_finite(given):
    with pytest.raises(ValueError, match="epsilon: expected"):
        validation.epsilon(given)


def test_p_may_be_infinite_only_where_asked():
    assert validation.exponent(math.inf, infinite=True) == math.inf
    for given in (0.5, math.nan, -math.inf):
        with pytest.raises(ValueError, match="p: expected"):
            validation.exponent(given, infinite=True)


@pytest.mark.parametrize("given", [0.5, 0.0, -1.0, math.nan, math.inf, "two"])
def test_p_must_be_at_least_1(given):
    with pytest.raises(ValueError, match="p: expected"):
        validation.exponent(given)


@pytest.mark.parametrize("given", [csr_array(np.eye(2)), coo_matrix(np.eye(2)), torch.eye(2).to_sparse()])
def test_sparse_matrices_are_refused_by_their_name(given):
    with pytest.raises(ValueError, match=r"x: expected a dense array, got a sparse .*toarray"):
        distances.transport(given, np.eye(2))


def test_a_law_in_the_place_of_points_leads_to_closed_forms() -> None:
    with pytest.raises(ValueError, match=r"got the law Normal: of two normal laws wasserstein_gaussian"):
        distances.wasserstein(Normal(0.0, 1.0), Normal(1.0, 1.0))  # type: ignore[call-overload]
