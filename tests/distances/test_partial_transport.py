import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.sparse import csr_array

from remblai.distances import emd, partial


def linear_program(a, b, costs, mass=None, threshold=None):
    """The least cost by HiGHS: over plans of total mass, or with the price of half the threshold for what stays."""
    n, m = costs.shape
    rows = np.kron(np.eye(n), np.ones((1, m)))
    columns = np.kron(np.ones((1, n)), np.eye(m))
    objective = costs.ravel() if threshold is None else costs.ravel() - threshold
    equal = {"A_eq": np.ones((1, n * m)), "b_eq": [mass]} if threshold is None else {}
    found = linprog(objective, A_ub=np.vstack([rows, columns]), b_ub=np.concatenate([a, b]), **equal)
    return found.fun + (0.0 if threshold is None else 0.5 * threshold * (a.sum() + b.sum()))


@pytest.fixture
def problem():
    generator = np.random.default_rng(5)
    return generator.uniform(0.1, 1.0, 6), generator.uniform(0.1, 1.0, 5), generator.uniform(0.0, 4.0, (6, 5))


OPTIONS = [{"mass": 0.3}, {"mass": 1.5}, {"mass": 2.0}, {"threshold": 0.7}, {"threshold": 2.0}, {"threshold": 50.0}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("method", ["auto", "linear-program"])
def test_equals_the_linear_program_and_its_potentials_prove_it(options, method, problem):
    a, b, costs = problem
    plan = partial(a, b, costs, method=method, **options)
    assert plan.value == pytest.approx(linear_program(a, b, costs, **options), rel=1e-9)
    P = plan.coupling
    assert (P >= 0.0).all()
    assert (P.sum(1) <= a + 1e-12).all()
    assert (P.sum(0) <= b + 1e-12).all()
    f, g = plan.potentials
    if "mass" in options:
        assert P.sum() == pytest.approx(options["mass"], rel=1e-12)
        assert plan.value == pytest.approx((P * costs).sum(), rel=1e-9) == plan.cost
        rest = (plan.value - a @ f - b @ g) / options["mass"]  # the derivative in the mass
        assert max(f.max(), g.max()) <= 1e-12
        assert (f[:, None] + g <= costs - rest + 1e-9).all()
    else:
        half = 0.5 * options["threshold"]
        left = a.sum() + b.sum() - 2.0 * P.sum()
        assert plan.value == pytest.approx((P * costs).sum() + half * left, rel=1e-9)
        assert max(f.max(), g.max()) <= half + 1e-12
        assert (f[:, None] + g <= costs + 1e-9).all()
        assert plan.value == pytest.approx(a @ f + b @ g, rel=1e-9)
        assert (P[costs > options["threshold"]] == 0.0).all()
    assert plan.marginal_error < 1e-12
    assert plan.converged
    assert plan.method.startswith("partial (")


def test_all_of_equal_totals_is_plain_transport_and_a_threshold_cuts_the_cost_off(problem):
    a, b, costs = problem
    a, b = a / a.sum(), b / b.sum()
    plain = emd(a, b, costs)
    whole = partial(a, b, costs, mass=1.0)
    assert whole.value == pytest.approx(plain.value)
    np.testing.assert_allclose(whole.coupling, plain.coupling, atol=1e-12)
    assert partial(a, b, costs, threshold=1.5).value == pytest.approx(emd(a, b, np.minimum(costs, 1.5)).value)
    assert partial(None, None, costs, mass=0.5).value == pytest.approx(
        linear_program(np.full(6, 1 / 6), np.full(5, 0.2), costs, mass=0.5)
    )


@pytest.mark.parametrize("name", ["mass", "threshold"])
def test_gradients_are_finite_differences(name, problem):
    setting = {"mass": 1.2, "threshold": 1.1}[name]
    given = [torch.from_numpy(one) for one in problem] + [torch.tensor(setting).double()]
    leaves = [one.clone().requires_grad_() for one in given]
    value = partial(*leaves[:3], **{name: leaves[3]}).value
    gradients = torch.autograd.grad(value, leaves)
    generator = torch.Generator().manual_seed(0)
    for place, gradient in enumerate(gradients):
        step, ends = torch.randn(gradient.shape, generator=generator).double(), []
        for sign in (1.0, -1.0):
            moved = list(given)
            moved[place] = moved[place] + sign * 1e-6 * step
            ends.append(float(partial(*moved[:3], **{name: float(moved[3])}).value))
        assert float((gradient * step).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-7)


def test_stands_beside_pot(problem):
    ot = pytest.importorskip("ot")
    a, b, costs = problem
    theirs = ot.partial.partial_wasserstein(a, b, costs, m=1.1)
    np.testing.assert_allclose(partial(a, b, costs, mass=1.1).coupling, theirs, atol=1e-9)


def test_forbidden_pairs_are_not_used(problem):
    a, b, costs = problem
    costs = costs.copy()
    costs[0], costs[1, 2] = np.inf, np.inf
    plan = partial(a, b, costs, mass=0.5)
    assert plan.coupling[0].sum() == 0.0
    assert plan.coupling[1, 2] == 0.0
    kept = np.where(np.isinf(costs), 1e3, costs)
    assert plan.value == pytest.approx(linear_program(a, b, kept, mass=0.5))
    assert partial(a, b, costs, threshold=2.0).value == pytest.approx(linear_program(a, b, kept, threshold=2.0))
    only = np.full((6, 5), np.inf)
    only[0, 0] = 1.0
    with pytest.raises(ValueError, match=r"carries 1\.5 over pairs that are not forbidden, but there is none"):
        partial(a, b, only, mass=1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either a mass or a threshold, got none"),
        ({"mass": 1.0, "threshold": 1.0}, "got both"),
        ({"mass": 0.0}, "more than 0 and at most 1, the smaller of the totals 2 and 1"),
        ({"mass": 1.1}, "at most 1"),
        ({"mass": float("nan")}, "at most 1"),
        ({"mass": "all"}, "expected a number"),
        ({"threshold": 0.0}, "positive, finite cost"),
        ({"threshold": float("inf")}, "for all of the mass use emd"),
        ({"amount": 1.0}, "unknown option 'amount'"),
        ({"mass": 0.5, "method": "simplx"}, "unknown method"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        partial([1.0, 1.0], [0.5, 0.5], [[1.0, 2.0], [3.0, 4.0]], **options)


def test_bad_masses_and_costs_are_refused():
    with pytest.raises(ValueError, match="none below 0"):
        partial([1.0, -1.0], [0.5, 0.5], [[1.0, 2.0], [3.0, 4.0]], mass=0.1)
    with pytest.raises(ValueError, match="NaN"):
        partial(None, None, [[1.0, float("nan")]], mass=0.1)


def test_sparse_costs_forbid_what_is_absent():
    costs = csr_array(([0.0, 2.0], ([0, 1], [0, 1])), shape=(2, 2))
    plan = partial([0.5, 0.5], [0.5, 0.5], costs, mass=0.75)
    assert plan.coupling.tolist() == [[0.5, 0.0], [0.0, 0.25]]
    assert plan.value == pytest.approx(0.5)


@pytest.mark.parametrize("small", [1e-9, 1e-12, 1e-300])
def test_little_mass_beside_much_is_carried_exactly(problem, small):
    # before the masses were capped the network simplex did not end at 1e-12
    _, _, costs = problem
    plan = partial(None, None, costs, mass=small)
    assert plan.converged
    assert plan.value == pytest.approx(small * costs.min(), rel=1e-12, abs=0.0)
    assert (plan.f.max(), plan.f.min(), plan.g.max(), plan.g.min()) == (0.0, 0.0, 0.0, 0.0)  # no place is full
    few, many = np.full(len(costs), small), np.ones(costs.shape[1])
    carried = np.minimum(costs.min(1), 2.0).sum() * small + (many.sum() - few.sum())
    plan = partial(few, many, costs, threshold=2.0)
    assert plan.value == pytest.approx(carried, rel=1e-12)
    assert few @ plan.f + many @ plan.g == pytest.approx(plan.value, rel=1e-12)
    np.testing.assert_array_equal(plan.g, 1.0)  # more of what stays costs half of the threshold
    np.testing.assert_allclose(plan.coupling.sum(1), few * (costs.min(1) < 2.0), rtol=1e-9, atol=1e-9 * small)
