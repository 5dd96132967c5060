"""What no solver may swallow: a peer answers 0.0, NaN or a crash to most of these."""

import math
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from remblai import distances
from remblai.discrepancies import MMD, Entropic, Sliced
from remblai.distances import stochastic
from remblai.kernels import Energy

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((5, 2)), RNG.standard_normal((6, 2))
COSTS = ((X[:, None] - Y[None]) ** 2).sum(-1)
A, B = np.full(5, 0.2), np.full(6, 1 / 6)

BY_MATRIX = {
    "emd": distances.emd,
    "linear-program": lambda a, b, costs: distances.emd(a, b, costs, method="linear-program"),
    "sinkhorn": lambda a, b, costs: distances.sinkhorn(a, b, costs, epsilon=0.5),
    "sag": lambda a, b, costs: stochastic.discrete(a, b, costs, 0.5),
}
BY_POINTS = {
    "transport": distances.transport,
    "entropic transport": lambda x, y, a=None, b=None: distances.transport(x, y, a=a, b=b, epsilon=0.5),
    "wasserstein": lambda x, y, a=None, b=None: distances.wasserstein(x, y, 1.5, a, b),
    "sinkhorn divergence": lambda x, y, a=None, b=None: distances.sinkhorn_divergence(x, y, 0.5, a=a, b=b),
}


def changed(array, where, value):
    array = array.copy()
    array[where] = value
    return array


@pytest.fixture(params=list(BY_MATRIX))
def by_matrix(request):
    return BY_MATRIX[request.param]


@pytest.fixture(params=list(BY_POINTS))
def by_points(request):
    return BY_POINTS[request.param]


BAD_MATRICES = {
    "one NaN": (A, B, changed(COSTS, (0, 0), math.nan)),
    "all NaN": (A, B, np.full_like(COSTS, math.nan)),
    "minus infinity": (A, B, changed(COSTS, (0, 0), -math.inf)),
    "a place that cannot be served": (A, B, changed(COSTS, 0, math.inf)),
    "negative mass": (changed(changed(A, 0, -0.2), 1, 0.6), B, COSTS),
    "NaN mass": (changed(A, 0, math.nan), B, COSTS),
    "masses that differ": (2 * A, B, COSTS),
    "counts for masses": (6 * np.ones(5), 5 * np.ones(6), COSTS),
    "no mass": (0 * A, 0 * B, COSTS),
    "empty": (np.zeros(0), np.zeros(0), np.zeros((0, 0))),
    "masses of another length": (B, A, COSTS),
    "masses (n, 1)": (A[:, None], B, COSTS),
    "costs (n,)": (A, B, COSTS[0]),
    "costs turned": (A, B, COSTS.T),
    "words": (A, B, "costs"),
}


@pytest.mark.parametrize("case", list(BAD_MATRICES))
def test_a_bad_problem_is_refused(by_matrix, case):
    with pytest.raises(ValueError, match=r"expected|cannot|carried|served|forbid"):
        by_matrix(*BAD_MATRICES[case])


def finite(value):
    return math.isfinite(float(value.value if hasattr(value, "value") else value))


GOOD_MATRICES = {
    "a place of zero mass": (changed(changed(A, 0, 0.0), 1, 0.4), B, COSTS),
    "float32 masses": (A.astype("f4"), B.astype("f4"), COSTS),
    "float32 costs": (A, B, COSTS.astype("f4")),
    "integer costs": (A, B, COSTS.round().astype(int)),
    "lists": (A.tolist(), B.tolist(), COSTS.tolist()),
    "tensors and arrays": (torch.as_tensor(A), B, COSTS),
    "one pair": (np.ones(1), np.ones(1), np.full((1, 1), 3.0)),
    "no masses named": (None, None, COSTS),
    "one forbidden pair": (A, B, changed(COSTS, (0, 0), math.inf)),
}


@pytest.mark.parametrize("case", list(GOOD_MATRICES))
def test_an_odd_but_good_problem_is_solved_without_a_word(by_matrix, case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = by_matrix(*GOOD_MATRICES[case])
    assert finite(plan)
    assert finite(plan.coupling.sum())
    assert float(plan.coupling.sum()) == pytest.approx(1.0, rel=1e-5)


def test_a_forbidden_pair_carries_nothing(by_matrix):
    assert by_matrix(*GOOD_MATRICES["one forbidden pair"]).coupling[0, 0] == 0.0


def test_a_place_without_mass_sends_nothing(by_matrix):
    assert by_matrix(*GOOD_MATRICES["a place of zero mass"]).coupling[0].max() == 0.0


BAD_POINTS = {
    "one NaN": (changed(X, (0, 0), math.nan), Y),
    "infinite": (X, changed(Y, (0, 0), math.inf)),
    "other dimensions": (X, RNG.standard_normal((6, 3))),
    "(n,) against (1, n)": (X[:, 0], X[:, :1].T),
    "empty": (X[:0], Y),
    "no coordinates": (X[:, :0], Y[:, :0]),
    "a number": (1.0, Y),
}


@pytest.mark.parametrize("case", list(BAD_POINTS))
def test_bad_points_are_refused(by_points, case):
    with pytest.raises(ValueError, match="expected"):
        by_points(*BAD_POINTS[case])


@pytest.mark.parametrize("masses", [{"a": 2 * A}, {"a": changed(A, 0, -0.2)}, {"b": A}, {"a": changed(A, 0, math.nan)}])
def test_bad_masses_of_points_are_refused(by_points, masses):
    with pytest.raises(ValueError, match="masses"):
        by_points(X, Y, **masses)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X[:1], Y[:1]),
        (X[:1], Y),
        (X.astype("f4"), Y),
        (X.round().astype(int), Y),
        (X[:, 0], Y[:, 0]),
        (X[:, 0], Y[:, :1]),
        (X.tolist(), torch.as_tensor(Y)),
        (X, X),
        (np.repeat(X[:1], 4, 0), Y),
    ],
)
def test_odd_but_good_points_are_measured(by_points, x, y):
    assert finite(by_points(x, y))


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf, "small"])
def test_a_bad_epsilon_is_refused(epsilon):
    for call in (
        lambda: distances.sinkhorn(A, B, COSTS, epsilon=epsilon),
        lambda: distances.transport(X, Y, epsilon=epsilon),
        lambda: distances.sinkhorn_divergence(X, Y, epsilon),
        lambda: stochastic.discrete(A, B, COSTS, epsilon),
    ):
        with pytest.raises(ValueError, match="epsilon: expected"):
            call()


@pytest.mark.parametrize("p", [0.5, 0.0, -1.0, math.nan, -math.inf, "two"])
def test_a_bad_p_is_refused(p):
    with pytest.raises(ValueError, match="p: expected"):
        distances.wasserstein(X, Y, p)
    if not isinstance(p, str):  # the line takes a cost by name in its place
        with pytest.raises(ValueError, match="p: expected"):
            distances.line.plan(X[:, 0], Y[:, 0], p)


COUNTS = {"a": [3, 1, 0, 0], "b": [0, 0, 1, 3]}
PLACES = np.arange(4.0)
SQUARES = (PLACES[:, None] - PLACES) ** 2
TAKE_MASSES = {
    "emd": lambda **masses: distances.emd(C=SQUARES, **masses).value,
    "sinkhorn": lambda **masses: distances.sinkhorn(C=SQUARES, epsilon=0.5, **masses).value,
    "discrete": lambda **masses: stochastic.discrete(costs=SQUARES, epsilon=0.5, **masses).value,
    "batch": lambda a, b, **more: distances.batch([a], [b], SQUARES[None], 0.5, **more).values[0],
    "rubinstein": lambda **masses: distances.rubinstein.of_points(PLACES, PLACES, **masses).value,
    "rubinstein's matrix": lambda **masses: distances.rubinstein.of_matrix(D=SQUARES**0.5, **masses).value,
    "transport": lambda **masses: distances.transport(PLACES, PLACES, **masses).value,
    "entropic transport": lambda **masses: distances.transport(PLACES, PLACES, epsilon=0.5, **masses).value,
    "sinkhorn divergence": lambda **masses: distances.sinkhorn_divergence(PLACES, PLACES, 0.5, **masses).value,
    "wasserstein": lambda **masses: distances.wasserstein(PLACES, PLACES, 1, **masses),
    "bottleneck": lambda **masses: distances.wasserstein(PLACES, PLACES, math.inf, **masses),
    "line": lambda **masses: distances.line.transport_cost(PLACES, PLACES, 1, **masses),
    "line's plan": lambda **masses: distances.line.plan(PLACES, PLACES, 1, **masses).value,
    "circle": lambda **masses: distances.circle.transport_cost(PLACES / 9, PLACES / 9, 1, **masses),
    "divergence": lambda a, b, **more: distances.jensen_shannon(p=a, q=b, **more),
}


@pytest.mark.parametrize("name", list(TAKE_MASSES))
def test_one_rule_for_masses_that_do_not_sum_to_1(name):
    call = TAKE_MASSES[name]
    with pytest.raises(ValueError, match="expected a sum of 1, got 4: pass normalise=True"):
        call(**COUNTS)
    shares = {side: np.array(masses) / 4 for side, masses in COUNTS.items()}
    assert call(**COUNTS, normalise=True) == pytest.approx(call(**shares), rel=1e-12)


def test_counts_are_what_scipy_takes_them_for():
    found = distances.wasserstein(PLACES, PLACES, 1, **COUNTS, normalise=True)
    assert found == pytest.approx(wasserstein_distance(PLACES, PLACES, *COUNTS.values())) == pytest.approx(2.5)


@pytest.mark.parametrize(("call", "says"), [
    (lambda: distances.transport(X, Y, epsilonn=0.1), "'epsilonn'. Did you mean 'epsilon'"),
    (lambda: distances.transport(X, Y, reg=0.1), "It is called 'epsilon' here"),
    (lambda: distances.transport(X, Y, metric="l2"), "It is called 'cost' here"),
    (lambda: distances.transport(X, Y, p=1), "exponent belongs to the cost"),
    (lambda: distances.transport(X, Y, M=COSTS), r"emd\(a, b, C\)"),
    (lambda: distances.transport(X, Y, cost=COSTS), r"emd\(a, b, C\)"),
    (lambda: distances.transport(X, Y, cost="sqeuclidean"), "It is called 'square' here"),
    (lambda: distances.transport(X, Y, cost="cityblock"), "It is called 'manhattan' here"),
    (lambda: distances.transport(X, Y, tolerance=1e-3), "expected an epsilon, got none"),
    (lambda: distances.transport(X, Y, epsilon=0.1, method="assignment"), "expected no epsilon, got one"),
    (lambda: distances.transport(X, Y, epsilon=0.1, max_iter=9), "It is called 'max_iterations' here"),
    (lambda: distances.transport(X, Y, epsilon=0.1, unbalanced=1.0, normalise=True), "exact marginals"),
    (lambda: distances.wasserstein(X, Y, u_weights=A), "It is called 'a' here"),
    (lambda: distances.sinkhorn(A, B, COSTS, reg=0.1), "It is called 'epsilon' here"),
    (lambda: distances.sinkhorn(A, B, M=COSTS), "It is called 'C' here"),
    (lambda: distances.sinkhorn(A, B, COSTS, numItermax=10), "It is called 'max_iterations' here"),
    (lambda: distances.emd(A, B, COSTS, numItermax=10), "unknown option 'numItermax'"),
    (lambda: distances.emd(A, B, COSTS, reg=0.1), "sinkhorn"),
    (lambda: distances.sinkhorn_divergence(X, Y, blur=0.1), "GeomLoss"),
    (lambda: distances.batch(A, B, COSTS, stopThr=0.1), "It is called 'tolerance' here"),
    (lambda: stochastic.discrete(A, B, COSTS, 0.1, batch_size=2), "It is called 'batch' here"),
    (lambda: distances.line.plan(X[:, 0], Y[:, 0], metric="l1"), "It is called 'cost' here"),
])  # fmt: skip
def test_unknown_options_are_answered_with_the_nearest_or_where_to_go(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("call", [
    lambda: distances.transport(X, Y, cost="sqare"),
    lambda: distances.transport(X, Y, method="network-simplx"),
    lambda: distances.f_divergence("kullback", A, A),
])  # fmt: skip
def test_unknown_names_are_answered_with_the_nearest(call):
    with pytest.raises(ValueError, match="Did you mean"):
        call()


CLOUDS = torch.zeros(3, 5, 2)
WRONG_OPTIONS = {
    "max_iterations: expected a whole number": lambda: distances.transport(
        CLOUDS, CLOUDS, epsilon=0.1, max_iterations=2.5
    ),
    "tolerance: expected": lambda: distances.transport(CLOUDS, CLOUDS, epsilon=0.1, tolerance="a"),
    "max_iterations: expected": lambda: Entropic(max_iterations=0),
    "directions: expected a whole number": lambda: Sliced(directions=2.5),
    "expected a kernel": lambda: MMD(Energy),
    "start: expected a plan or its potentials": lambda: distances.sinkhorn(None, None, np.eye(3), 0.1, start=1.0),
    "start: expected the divergence": lambda: distances.sinkhorn_divergence([0.0, 1.0], [2.0, 3.0], start=(1, 2)),
    "tolerance: expected a positive": lambda: stochastic.discrete(None, None, np.eye(3), 0.1, tolerance=float("nan")),
    "epochs: expected a whole number": lambda: stochastic.discrete(None, None, np.eye(3), 0.1, epochs=0),
}


@pytest.mark.parametrize("words", WRONG_OPTIONS)
def test_options_of_another_kind_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match=words):
        WRONG_OPTIONS[words]()
