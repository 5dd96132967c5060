"""Names, options and types that users bring from other libraries.

geomloss #13 (names of costs), POT #691 and #711 (names of options), POT #397 and PR #683 (sparse costs), joblib and
DataLoader workers (plans that travel between processes).
"""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
import torch

from remblai import discrepancies, distances

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(10, 3))


@pytest.mark.parametrize(("name", "ours"), [("sqeuclidean", "square"), ("cityblock", "manhattan"), ("l2", "euclidean")])
def test_names_of_scipy_mean_what_they_mean_there_or_lead_on(name: str, ours: str) -> None:
    try:
        found = distances.transport(X, Y, cost=name).value
    except ValueError as problem:
        assert repr(ours) in str(problem)
    else:
        assert float(found) == pytest.approx(float(distances.transport(X, Y, cost=ours).value))


def test_a_matrix_of_costs_is_sent_to_the_solver_that_takes_it() -> None:
    with pytest.raises(ValueError, match="emd"):
        distances.transport(X, Y, cost=np.ones((12, 10)))


@pytest.mark.parametrize(
    ("ask", "ours"),
    [
        (lambda: distances.sinkhorn(None, None, np.ones((3, 4)), reg=0.1), "epsilon"),
        (lambda: distances.transport(X, Y, reg=0.1), "epsilon"),
        (lambda: distances.transport(X, Y, epsilon=0.1, toleranse=1e-3), "tolerance"),
        (lambda: distances.sinkhorn_divergence(X, Y, numItermax=10), "max_iterations"),
    ],
)
def test_an_unknown_option_is_answered_with_ours(ask: object, ours: str) -> None:
    with pytest.raises(ValueError, match=ours):
        ask()  # type: ignore[operator]


@pytest.mark.parametrize("kind", [scipy.sparse.coo_matrix, scipy.sparse.csr_array], ids=["coo", "csr"])
def test_sparse_costs_are_taken_or_refused_by_their_name(kind: type) -> None:
    costs = np.arange(1.0, 10.0).reshape(3, 3)
    try:
        found = distances.emd(None, None, kind(costs)).value
    except ValueError as problem:
        assert "sparse" in str(problem)
    else:
        assert float(found) == pytest.approx(float(distances.emd(None, None, costs).value))


@pytest.mark.parametrize(
    "plan",
    [
        distances.transport(X, Y),
        distances.emd(None, None, np.ones((3, 4))),
        distances.sinkhorn(None, None, np.ones((3, 4)), epsilon=0.1),
        distances.transport(X, Y, epsilon=0.5),
        distances.sinkhorn_divergence(X, Y, epsilon=0.5),
        distances.transport(X[:, 0], Y[:, 0]),
        distances.batch(None, None, np.ones((2, 3, 4)), epsilon=0.5),
    ],
    ids=["exact", "matrix", "sinkhorn", "entropic", "divergence", "line", "batch"],
)
def test_answers_travel_between_processes(plan: distances.Plan) -> None:
    for again in (pickle.loads(pickle.dumps(plan)), copy.deepcopy(plan)):
        values = getattr(again, "values", None) if hasattr(again, "values") else again.value
        expected = plan.values if hasattr(plan, "values") else plan.value
        assert np.allclose(np.asarray(values), np.asarray(expected))


def test_discrepancies_take_arrays() -> None:
    for discrepancy in (discrepancies.Sliced(20, seed=0), discrepancies.Exact(), discrepancies.energy_distance()):
        x, y = torch.from_numpy(X), torch.from_numpy(Y)
        assert float(discrepancy(X, Y)) == pytest.approx(float(discrepancy(x, y)))
