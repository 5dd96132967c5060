import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch.distributions import Independent, MultivariateNormal, Normal

from remblai.distances import barycentre, line, sinkhorn, sinkhorn_divergence, transport
from remblai.distances.gaussians import wasserstein_gaussian


def linear_program(costs, masses, weights):
    """The least mean cost, and masses, over barycentres on fixed places: costs (n, n_k), masses (n_k,)."""
    n, sizes = len(costs[0]), [c.size for c in costs]
    total = sum(sizes) + n
    rows, sums, start = [], [], 0
    for c, a in zip(costs, masses, strict=True):
        m = c.shape[1]
        index = start + np.arange(n * m).reshape(n, m)
        for j in range(m):
            row = np.zeros(total)
            row[index[:, j]] = 1.0
            rows.append(row)
            sums.append(a[j])
        for i in range(n):
            row = np.zeros(total)
            row[index[i]], row[sum(sizes) + i] = 1.0, -1.0
            rows.append(row)
            sums.append(0.0)
        start += n * m
    objective = np.concatenate([*(w * c.ravel() for w, c in zip(weights, costs, strict=True)), np.zeros(n)])
    found = linprog(objective, A_eq=np.array(rows), b_eq=sums)
    return found.fun, found.x[-n:]


@pytest.fixture
def numbers():
    generator = np.random.default_rng(4)
    laws = [generator.normal(size=n) + 2.0 * k for k, n in enumerate((4, 6, 5))]
    masses = [generator.dirichlet(np.ones(len(law))) for law in laws]
    return laws, masses, np.array([0.5, 0.2, 0.3])


def test_on_the_line_quantiles_are_averaged(numbers):
    laws, masses, weights = numbers
    found = barycentre(laws, weights, masses=masses)
    assert found.method == "quantiles"
    assert len(found.points) <= 4 + 6 + 5 - 3 + 1
    assert found.masses.sum() == pytest.approx(1.0, abs=1e-14)
    levels = np.linspace(0.003, 0.997, 211)
    mean = sum(w * line.quantile(law, levels, a) for w, law, a in zip(weights, laws, masses, strict=True))
    np.testing.assert_allclose(line.quantile(found.points, levels, found.masses), mean)
    # no law on a fine grid around it has a smaller mean cost
    grid = np.unique(np.concatenate([found.points, np.linspace(-3, 6, 25)]))
    costs = [(grid[:, None] - law) ** 2 for law in laws]
    least, _ = linear_program(costs, masses, weights)
    assert found.value == pytest.approx(least, rel=1e-7)


def test_of_equal_masses_on_the_line_sorted_points_are_averaged():
    x = [torch.tensor([3.0, 1.0, 2.0]), torch.tensor([10.0, 30.0, 20.0])]
    found = barycentre(x)
    assert found.points.tolist() == [5.5, 11.0, 16.5]
    assert found.masses.tolist() == pytest.approx([1 / 3] * 3)
    assert barycentre([one[:, None] for one in x]).points.shape == (3, 1)


@pytest.mark.parametrize("options", [{}, {"support": 3, "tolerance": 1e-9}])
def test_the_value_has_the_gradient_of_the_minimum(options):
    generator = torch.Generator().manual_seed(1)
    laws = [torch.randn(4, 1, generator=generator).double().requires_grad_() for _ in range(2)]
    start = {"start": torch.tensor([[-1.0], [0.0], [1.0]])} if options else {}
    value = barycentre(laws, [0.3, 0.7], **options, **start).value
    gradients = torch.autograd.grad(value, laws)
    step = 1e-5
    for place, gradient in enumerate(gradients):
        ends = []
        for sign in (1.0, -1.0):
            moved = [one.detach().clone() for one in laws]
            moved[place][2, 0] += sign * step
            ends.append(float(barycentre(moved, [0.3, 0.7], **options, **start).value))
        assert float(gradient[2, 0]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3, abs=1e-6)


def test_free_support_of_shifted_laws_is_the_mean_shift():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 2, generator=generator).double()
    shifts = torch.tensor([[0.0, 0.0], [6.0, 1.0], [0.0, -8.0]]).double()
    weights = torch.tensor([0.5, 0.25, 0.25]).double()
    found = barycentre([x + s for s in shifts], weights, start=x + 1.0, tolerance=1e-12)
    torch.testing.assert_close(found.points, x + weights @ shifts)
    mean = weights @ shifts
    torch.testing.assert_close(found.value, weights @ (shifts - mean).square().sum(1))
    assert found.converged
    assert "12 points" in repr(found)


def test_free_support_is_a_fixed_point_and_no_step_raises_the_value():
    generator = np.random.default_rng(2)
    laws = [generator.normal(size=(n, 2)) + np.array([3.0 * k, 0.0]) for k, n in enumerate((9, 7))]
    values = [barycentre(laws, support=5, seed=3, max_iterations=k).value for k in (1, 2, 3, 50)]
    assert all(later <= before + 1e-12 for before, later in itertools.pairwise(values))
    found = barycentre(laws, support=5, seed=3)
    assert found.points.shape == (5, 2)
    moved = sum(0.5 * transport(found.points, law).coupling @ law for law in laws) * 5
    np.testing.assert_allclose(moved, found.points, atol=1e-6)
    assert found.value == pytest.approx(sum(0.5 * transport(found.points, law).value for law in laws))
    smooth = barycentre(laws, support=5, seed=3, epsilon=0.5)
    couplings = [transport(smooth.points, law, epsilon=0.5, tolerance=1e-9).coupling for law in laws]
    moved = sum(0.5 * P @ law / P.sum(1, keepdims=True) for P, law in zip(couplings, laws, strict=True))
    np.testing.assert_allclose(moved, smooth.points, atol=1e-4)


def test_free_support_stands_beside_pot(numbers):
    ot = pytest.importorskip("ot")
    generator = np.random.default_rng(6)
    laws = [generator.normal(size=(8, 2)) + np.array([2.0 * k, 0.0]) for k in range(3)]
    masses = [generator.dirichlet(np.ones(8)) for _ in laws]
    start = generator.normal(size=(6, 2))
    weights = np.array([0.2, 0.3, 0.5])
    theirs = ot.lp.free_support_barycenter(laws, masses, start, weights=weights, numItermax=200, stopThr=1e-14)
    ours = barycentre(laws, weights, masses=masses, start=start, tolerance=1e-10)
    np.testing.assert_allclose(ours.points, theirs, atol=1e-6)


@pytest.fixture
def histograms():
    generator = np.random.default_rng(7)
    places = np.linspace(0.0, 1.0, 5)[:, None]
    return places, [generator.dirichlet(np.ones(5)) for _ in range(2)], np.array([0.4, 0.6])


def test_fixed_support_tends_to_the_linear_program(histograms):
    places, masses, weights = histograms
    costs = [(places - places.T) ** 2] * 2
    least, best = linear_program(costs, masses, weights)
    for debiased in (False, True):
        found = barycentre([places] * 2, weights, masses=masses, support=places, epsilon=2e-3, debiased=debiased)
        assert found.converged
        cost = sum(
            w * transport(places, places, a=found.masses, b=m).value for w, m in zip(weights, masses, strict=True)
        )
        assert least - 1e-9 <= cost <= least + 2e-3
        assert np.abs(found.masses - best).sum() < 0.05


def test_the_exact_one_is_the_least_of_all_masses_and_the_limit_of_the_entropic_ones():
    generator = np.random.default_rng(5)
    places, laws = generator.normal(size=(3, 2)), [generator.normal(size=(n, 2)) for n in (2, 4)]
    masses, weights = [generator.dirichlet(np.ones(len(law))) for law in laws], [0.3, 0.7]

    def cost(b):
        both = zip(weights, laws, masses, strict=True)
        return sum(w * transport(places, law, "euclidean", b, m).value for w, law, m in both)

    options = {"masses": masses, "support": places, "cost": "euclidean"}
    found = barycentre(laws, weights, **options)
    assert found.method == "linear program"
    assert found.bounds.lower <= found.value <= found.bounds.upper
    assert found.bounds.upper - found.bounds.lower < 1e-8
    assert found.value == pytest.approx(cost(found.masses), abs=1e-12)
    grid = [np.array([i, j, 16 - i - j]) / 16 for i in range(17) for j in range(17 - i)]
    assert min(map(cost, grid)) >= found.bounds.lower
    assert min(map(cost, grid)) == pytest.approx(found.value, abs=0.05)
    least, _ = linear_program([np.linalg.norm(places[:, None] - law, axis=2) for law in laws], masses, weights)
    assert found.bounds.lower <= least + 1e-9
    assert found.value == pytest.approx(least, abs=1e-8)
    excess = [cost(barycentre(laws, weights, epsilon=e, **options).masses) - found.value for e in (1.0, 0.2, 0.02)]
    assert excess[0] > excess[1] > excess[2] > -1e-9
    assert excess[2] < 0.02


@pytest.mark.parametrize("debiased", [False, True])
def test_fixed_support_is_the_least_of_its_objective(debiased):
    """No masses near it have a smaller objective, and its slope there is 0; the laws have places of their own."""
    generator = np.random.default_rng(9)
    places = generator.normal(size=(4, 2))
    laws, weights = [generator.normal(size=(n, 2)) for n in (3, 5)], [0.3, 0.7]
    masses = [generator.dirichlet(np.ones(len(law))) for law in laws]

    def objective(logits):
        b = np.exp(logits - logits.max())
        b /= b.sum()
        if debiased:
            terms = [
                sinkhorn_divergence(places, law, 0.5, a=b, b=m, tolerance=1e-10).value
                for law, m in zip(laws, masses, strict=True)
            ]
            return float(np.dot(weights, terms))
        terms = []
        for law, m in zip(laws, masses, strict=True):
            costs = ((places[:, None] - law) ** 2).sum(-1)
            plan = sinkhorn(b, m, costs, 0.5, tolerance=1e-10).coupling
            terms.append((plan * (costs + 0.5 * np.log(plan))).sum())
        return float(np.dot(weights, terms))

    found = barycentre(laws, weights, masses=masses, support=places, epsilon=0.5, debiased=debiased, tolerance=1e-10)
    at = np.log(found.masses)
    assert found.value == pytest.approx(objective(at), rel=1e-6, abs=1e-8)
    for direction in generator.normal(size=(4, 4)):
        ends = [objective(at + sign * 0.05 * direction) for sign in (1.0, -1.0)]
        assert min(ends) > found.value  # a convex objective
        assert ends[0] - ends[1] == pytest.approx(0.0, abs=0.1 * (sum(ends) - 2.0 * found.value))


def test_fixed_support_stands_beside_pot(histograms):
    ot = pytest.importorskip("ot")
    places, masses, _ = histograms
    costs = (places - places.T) ** 2
    even = np.array([0.5, 0.5])  # with other weights the tested release of POT gives another plain barycentre
    for debiased, theirs in ((False, ot.bregman.barycenter), (True, ot.bregman.barycenter_debiased)):
        weights = histograms[2] if debiased else even
        other = theirs(np.array(masses).T, costs, 0.05, weights=weights, numItermax=20000, stopThr=1e-12)
        found = barycentre(
            [places] * 2, weights, masses=masses, support=places, epsilon=0.05, debiased=debiased, tolerance=1e-11
        )
        np.testing.assert_allclose(found.masses, other, atol=1e-6)


def test_debiased_of_equal_laws_is_that_law_and_plain_is_wider(histograms):
    places, masses, _ = histograms
    options = {"masses": [masses[0]] * 2, "support": places, "epsilon": 0.1}
    found = barycentre([places] * 2, tolerance=1e-10, **options)
    np.testing.assert_allclose(found.masses, masses[0], atol=1e-6)
    assert found.value == pytest.approx(0.0, abs=1e-8)
    spread = barycentre([places] * 2, debiased=False, **options).masses
    assert -(spread * np.log(spread)).sum() > -(masses[0] * np.log(masses[0])).sum()


def test_gaussians_satisfy_the_fixed_point_and_have_the_least_mean_distance():
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn(3, 3, 3, generator=generator).double()
    laws = [
        MultivariateNormal(torch.randn(3, generator=generator).double(), f @ f.T + 0.1 * torch.eye(3)) for f in factors
    ]
    weights = torch.tensor([0.2, 0.5, 0.3]).double()
    found = barycentre(laws, weights)
    torch.testing.assert_close(found.mean, sum(w * law.mean for w, law in zip(weights, laws, strict=True)))
    values, vectors = torch.linalg.eigh(found.covariance_matrix)
    root = vectors @ values.sqrt().diag() @ vectors.T
    total = torch.zeros(3, 3).double()
    for w, law in zip(weights, laws, strict=True):
        inner, basis = torch.linalg.eigh(root @ law.covariance_matrix @ root)
        total += w * basis @ inner.sqrt().diag() @ basis.T
    torch.testing.assert_close(total, found.covariance_matrix)

    def mean(law):
        return float(sum(w * wasserstein_gaussian(law, one) for w, one in zip(weights, laws, strict=True)))

    for _ in range(10):
        step = 0.05 * torch.randn(3, 3, generator=generator).double()
        near = MultivariateNormal(found.mean, found.covariance_matrix + step @ step.T)
        assert mean(near) > mean(found)


def test_gaussians_on_the_line_have_the_mean_standard_deviation():
    found = barycentre([Normal(0.0, 1.0), Normal(4.0, 3.0)], [0.25, 0.75])
    assert float(found.mean) == pytest.approx(3.0)
    assert float(found.covariance_matrix) == pytest.approx((0.25 + 0.75 * 3.0) ** 2)
    wide = barycentre([Independent(Normal(torch.zeros(2), torch.tensor([1.0, 2.0])), 1)] * 2)
    torch.testing.assert_close(wide.covariance_matrix, torch.tensor([[1.0, 0.0], [0.0, 4.0]]).double())


X = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: barycentre([]), "at least one set of points"),
        (lambda: barycentre([X, X[:, :1]]), "of one dimension d"),
        (lambda: barycentre([X, X], [0.5, 0.6]), "^weights: expected a sum of 1"),
        (lambda: barycentre([X, X], masses=[None]), "one row for each of 2 laws, got 1"),
        (lambda: barycentre([X, X], masses=[None, [1.0, 2.0, 3.0]]), "of law 1: expected a sum of 1"),
        (lambda: barycentre([X, X], support=7), "at most 6 points"),
        (lambda: barycentre([X, X], support=0), "at least 1"),
        (lambda: barycentre([X, X], support=X, start=X), "expected no start"),
        (lambda: barycentre([np.zeros((500, 2))] * 2, support=np.zeros((300, 2))), "at most 200,000 pairs"),
        (lambda: barycentre([X, X], support=X, epsilon=0.0), "positive, finite number"),
        (lambda: barycentre([X, X], support=X[:, :1], epsilon=0.1), "of one dimension d"),
        (lambda: barycentre([X, X], support=2, start=X), r"points \(2, 2\), got \(3, 2\)"),
        (lambda: barycentre([X, X], cost="euclidean"), "expected the square cost"),
        (lambda: barycentre([X, Normal(0.0, 1.0)]), "Gaussian laws and no masses"),
        (lambda: barycentre([Normal(0.0, 1.0)] * 2, epsilon=0.1), "Gaussian laws and no masses"),
        (lambda: barycentre([X * np.nan, X]), "finite"),
        (lambda: barycentre([X, X], suport=3), "unknown option 'suport'.*support"),
        (
            lambda: barycentre([MultivariateNormal(torch.zeros(n), torch.eye(n)) for n in (1, 2)]),
            r"dimensions \[1, 2\]",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
