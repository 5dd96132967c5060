import copy
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from remblai.costs import Power
from remblai.discrepancies import MMD
from remblai.distances.divergences import total_variation
from remblai.distances.integral_probability import BALLS, Bounded, Lipschitz, UnitBall, ipm
from remblai.kernels import Energy, Gaussian, InverseMultiquadric, Laplacian

SEVEN = np.arange(7.0)
P, Q = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1]), np.array([0.1] * 6 + [0.4])
"""The seven-point example: W_1 = 0.9, TV = 0.3."""


def laws(seed=0, n=6, m=5, d=2, shared=3):
    """Two discrete laws with `shared` places in common."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.3
    y[:shared] = x[:shared]
    return x, y, rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))


def program(x, y, a, b, upper, low=None, high=None):
    """max E_P f - E_Q f over functions on the union of the places with f_i - f_j <= upper_ij and low <= f <= high."""
    places = np.unique(np.concatenate([x, y]), axis=0)
    weights = np.zeros(len(places))
    for point, mass in [*zip(x, a, strict=True), *zip(y, -b, strict=True)]:
        weights[(places == point).all(1)] += mass
    rows, bounds = [], []
    if upper is not None:
        costs = cdist(places, places, upper)
        for i, j in np.argwhere(~np.eye(len(places), dtype=bool)):
            row = np.zeros(len(places))
            row[i], row[j] = 1, -1
            rows.append(row)
            bounds.append(costs[i, j])
    if low is None:
        low, high = -1e3, 1e3
    found = linprog(-weights, A_ub=np.array(rows) if rows else None, b_ub=bounds or None, bounds=(low, high))
    assert found.status == 0
    return -found.fun


def attains(witness, x, y, a, b):
    assert witness.value == pytest.approx(a @ witness.x - b @ witness.y, abs=1e-12)
    assert np.allclose(witness(x), witness.x, atol=1e-9) and np.allclose(witness(y), witness.y, atol=1e-9)


@pytest.mark.parametrize("shared", [0, 3])
@pytest.mark.parametrize(("cost", "name"), [("euclidean", "euclidean"), ("manhattan", "cityblock")])
def test_lipschitz_functions_give_the_program_over_pairs(cost, name, shared):
    for d in (1, 2):
        x, y, a, b = laws(d=d, shared=shared)
        witness = ipm(Lipschitz(cost=cost), x, y, a, b)
        assert witness.value == pytest.approx(program(x, y, a, b, name), abs=1e-9)
        attains(witness, x, y, a, b)


def test_the_lipschitz_witness_is_lipschitz_everywhere():
    x, y, a, b = laws()
    witness = ipm(Lipschitz(k=2.0), x, y, a, b)
    z = np.concatenate([x, y, np.random.default_rng(1).normal(size=(60, 2)) * 3])
    values = witness(z)
    assert (np.abs(values[:, None] - values) <= 2.0 * cdist(z, z) + 1e-9).all()


def test_k_lipschitz_functions_give_k_times_as_much():
    x, y, a, b = laws()
    one, three = (ipm(Lipschitz(k), x, y, a, b).value for k in (1.0, 3.0))
    assert three == pytest.approx(3.0 * one, rel=1e-9)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 2.5)])
@pytest.mark.parametrize("shared", [0, 3])
def test_bounded_functions_give_the_program_over_boxes(low, high, shared):
    x, y, a, b = laws(shared=shared)
    witness = ipm(Bounded(low, high), x, y, a, b)
    assert witness.value == pytest.approx(program(x, y, a, b, None, low, high), abs=1e-9)
    attains(witness, x, y, a, b)
    new = witness(np.random.default_rng(1).normal(size=(9, 2)))
    assert (new >= low).all() and (new <= high).all()


def test_bounded_by_0_and_1_is_the_largest_difference_of_a_set_and_by_minus_1_and_1_twice_that():
    x, y, a, b = laws(n=5, m=4, shared=2)
    places = np.unique(np.concatenate([x, y]), axis=0)
    p, q = (np.array([mass[(at == one).all(1)].sum() for one in places]) for at, mass in ((x, a), (y, b)))
    sets = ((np.arange(2 ** len(places))[:, None] >> np.arange(len(places))) & 1).astype(bool)
    largest = max(abs(p[one].sum() - q[one].sum()) for one in sets)
    assert ipm("bounded", x, y, a, b).value == pytest.approx(largest, abs=1e-12)
    assert ipm(Bounded(-1.0, 1.0), x, y, a, b).value == pytest.approx(2 * largest, abs=1e-12)


@pytest.mark.parametrize("kernel", [Gaussian(1.5), Laplacian(1.0), InverseMultiquadric(2.0), Energy()])
def test_the_unit_ball_of_a_kernel_gives_the_root_of_the_biased_mmd(kernel):
    x, y, _, _ = laws(shared=0)
    a, b = np.full(6, 1 / 6), np.full(5, 1 / 5)
    witness = ipm(UnitBall(kernel), x, y)
    squared = MMD(kernel, biased=True)(torch.from_numpy(x), torch.from_numpy(y))
    assert witness.value == pytest.approx(float(squared) ** 0.5, rel=1e-9)
    attains(witness, x, y, a, b)


def test_the_kernel_witness_has_norm_1_and_no_function_of_the_ball_does_better():
    x, y, a, b = laws()
    kernel = Gaussian(1.5)
    witness = ipm(UnitBall(kernel), x, y, a, b)
    z = torch.from_numpy(np.concatenate([np.unique(np.concatenate([x, y]), axis=0), 2.0 + x]))
    gram = kernel(z, z).numpy()
    weights = np.linalg.lstsq(gram, witness(z), rcond=None)[0]
    assert weights @ gram @ weights == pytest.approx(1.0, abs=1e-6)
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = rng.normal(size=len(z))
        other /= math.sqrt(other @ gram @ other)
        at_x, at_y = (kernel(torch.from_numpy(one), z).numpy() @ other for one in (x, y))
        assert a @ at_x - b @ at_y <= witness.value + 1e-12


def test_one_interface_gives_all_three_on_the_seven_points():
    values = {name: ipm(name, SEVEN, SEVEN, P, Q).value for name in BALLS}
    assert values["lipschitz"] == pytest.approx(0.9, abs=1e-9)
    assert values["bounded"] == pytest.approx(total_variation(P, Q), abs=1e-12) == pytest.approx(0.3)
    step = ipm("lipschitz", SEVEN, SEVEN, P, Q).x
    assert (np.abs(np.diff(step)) <= 1 + 1e-9).all()
    gaussian = ipm({"name": "unit-ball", "kernel": "gaussian"}, SEVEN, SEVEN, P, Q).value
    assert 0 < gaussian <= math.sqrt(7) * 2 * 0.3


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(list(BALLS)))
def test_metrics_of_laws(seed, name):
    x, y, a, b = laws(seed)
    z, _, c, _ = laws(seed + 1)
    ball = {"lipschitz": Lipschitz(), "bounded": Bounded(), "unit-ball": UnitBall(Gaussian(1.0))}[name]
    value = ipm(ball, x, y, a, b).value
    assert value >= 0.0
    assert ipm(ball, y, x, b, a).value == pytest.approx(value, abs=1e-9)
    assert ipm(ball, x, x[::-1].copy(), a, a[::-1].copy()).value == pytest.approx(0.0, abs=1e-7)
    assert value <= ipm(ball, x, z, a, c).value + ipm(ball, z, y, c, b).value + 1e-9
    assert ipm(ball, x, y, 3 * a, 2 * b, normalise=True).value == pytest.approx(value, abs=1e-9)
    if name != "bounded":
        assert ipm(ball, x + 1.0, y + 1.0, a, b).value == pytest.approx(value, abs=1e-9)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_mmd_is_at_most_the_root_of_the_largest_k_times_twice_tv(seed):
    x, y, a, b = laws(seed)
    tv = ipm("bounded", x, y, a, b).value
    for kernel in (Gaussian(1.0, (0.5, 1.0)), InverseMultiquadric(1.0)):
        largest = float(kernel.diagonal(torch.zeros(1, 2)))
        assert ipm(UnitBall(kernel), x, y, a, b).value <= math.sqrt(largest) * 2 * tv + 1e-12


def test_equal_laws_are_0_apart_with_a_witness_that_is_a_number():
    x, _, a, _ = laws()
    for name in BALLS:
        witness = ipm(name, x, x, a, a)
        assert witness.value == pytest.approx(0.0, abs=1e-9)
        assert np.isfinite(witness.x).all() and np.isfinite(witness(x + 1.0)).all()
    assert np.isfinite(ipm("unit-ball", np.zeros((1, 2)), np.zeros((3, 2))).x).all()


def test_places_of_no_mass_repeated_places_and_signed_zeros_change_nothing():
    x, y, a, b = laws()
    for name in BALLS:
        ball = UnitBall(Gaussian(1.0)) if name == "unit-ball" else name
        value = ipm(ball, x, y, a, b).value
        empty = ipm(ball, np.concatenate([x, x[:1] + 9.0]), y, np.append(a, 0.0), b).value
        split = ipm(ball, np.concatenate([x, x]), y, np.concatenate([a, a]) / 2, b).value
        assert empty == pytest.approx(value, abs=1e-9) and split == pytest.approx(value, abs=1e-9)
    assert ipm("bounded", [[0.0]], [[-0.0]]).value == 0.0


def test_the_kernels_scale_is_read_from_the_laws_together():
    x, y, a, b = laws()
    pooled, masses = np.concatenate([x, y]), np.concatenate([a, b]) / 2
    centred = pooled - masses @ pooled
    scale = 2 * masses @ (centred**2).sum(1)
    expected = ipm(UnitBall(InverseMultiquadric(scale, (0.5, 1.0))), x, y, a, b).value
    named = UnitBall({"name": "imq", "scales": (0.5, 1.0)})
    assert ipm(named, x, y, a, b).value == pytest.approx(expected, rel=1e-9)


def test_tensors_in_tensors_out():
    x, y = torch.rand(4, 2), torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    for name in BALLS:
        witness = ipm(name, x, y)
        assert witness.value.dtype == witness.x.dtype == witness(x).dtype == torch.float64
        assert witness.x.shape == (4,) and witness.y.shape == (3,) and witness.value.shape == ()
    assert isinstance(ipm("bounded", [0, 1, 2], [1, 2]).value, float)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ipm("lipshitz", SEVEN, SEVEN), "Did you mean 'lipschitz'"),
        (lambda: ipm(3.0, SEVEN, SEVEN), "expected one of lipschitz, bounded, unit-ball or a Ball, got float"),
        (lambda: ipm("bounded", SEVEN, SEVEN, P, 2 * Q), "normalise=True"),
        (lambda: ipm("bounded", SEVEN, SEVEN, -P, Q), "none below 0"),
        (lambda: ipm("bounded", SEVEN * math.nan, SEVEN), "finite"),
        (lambda: ipm("bounded", SEVEN[:0], SEVEN), r"points \(n, d\)"),
        (lambda: ipm("bounded", SEVEN[None], SEVEN), "one dimension d"),
        (lambda: ipm("bounded", SEVEN, SEVEN)(np.zeros((2, 2))), "one dimension d"),
        (lambda: Lipschitz(k=0.0), "positive, finite constant"),
        (lambda: ipm(Lipschitz(cost="square"), SEVEN, SEVEN), "needs a metric"),
        (lambda: ipm(Lipschitz(cost=Power(1.5)), SEVEN, SEVEN), "needs a metric"),
        (lambda: Bounded(1.0, 1.0), "low < high"),
        (lambda: Bounded(0.0, math.inf), "finite numbers low < high"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
@pytest.mark.parametrize("name", list(BALLS))
def test_witnesses_pickle_and_copy(name, copied):
    x, y, a, b = laws()
    witness = ipm(name, x, y, a, b)
    again = copied(witness)
    np.testing.assert_array_equal(again(x + 0.1), witness(x + 0.1))
    assert again.value == witness.value
