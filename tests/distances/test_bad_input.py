"""What no solver may swallow: a peer answers 0.0, NaN or a crash to most of these."""

import math
import warnings

import numpy as np
import pytest
import torch

from remblai import distances
from remblai.distances import stochastic

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
    "counts for masses": (6 * np.ones(5), 5 * np.ones(6), COSTS),
}


@pytest.mark.parametrize("case", list(GOOD_MATRICES))
def test_an_odd_but_good_problem_is_solved_without_a_word(by_matrix, case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = by_matrix(*GOOD_MATRICES[case])
    assert finite(plan)
    assert finite(plan.coupling.sum())
    given = GOOD_MATRICES[case][0]
    assert float(plan.coupling.sum()) == pytest.approx(1.0 if given is None else np.sum(np.asarray(given)), rel=1e-5)


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


@pytest.mark.parametrize("p", [0.5, 0.0, -1.0, math.nan, math.inf, "two"])
def test_a_bad_p_is_refused(p):
    with pytest.raises(ValueError, match="p: expected"):
        distances.wasserstein(X, Y, p)
    if not isinstance(p, str):  # the line takes a cost by name in its place
        with pytest.raises(ValueError, match="p: expected"):
            distances.line.plan(X[:, 0], Y[:, 0], p)


@pytest.mark.parametrize("call", [
    lambda: distances.transport(X, Y, cost="sqare"),
    lambda: distances.transport(X, Y, method="network-simplx"),
    lambda: distances.f_divergence("kullback", A, A),
])  # fmt: skip
def test_unknown_names_are_answered_with_the_nearest(call):
    with pytest.raises(ValueError, match="Did you mean"):
        call()
