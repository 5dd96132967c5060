"""Masses in discrepancies, over the table: each new one that takes them is tested by being listed."""

import itertools

import numpy as np
import pytest
import torch

from remblai.config.registry import make
from remblai.critics import ALL_DISCREPANCIES
from remblai.discrepancies import DISCREPANCIES, MMD, Covariance, CramerWold, Custom, Entropic, Frechet, Sliced
from remblai.discrepancies import gram as gram_module
from remblai.discrepancies.frechet import weighted_moments
from remblai.kernels import KERNELS, Gaussian, Polynomial
from remblai.laws import PRIORS

OPTIONS = {"mmd": {"biased": True}, "cramer-wold": {"smoothing": 0.3}, "covariance": {"biased": True}}
"""Options under which a mass of 2 / n is a point given twice, and masses have smooth gradients."""

ONE_POINT_TWICE = ("mmd", "cramer-wold", "sliced", "entropic", "exact")
"""Plain values of the weighted laws; the others divide by the mass of different pairs."""


def build(name, **options):
    known = {"prior": PRIORS["normal"](2), "latent": 2}
    exact_options = make(ALL_DISCREPANCIES, name, **known).exact_options
    return make(ALL_DISCREPANCIES, {"name": name, **exact_options, **options}, **known)


WEIGHTED = [
    name for name in DISCREPANCIES if build(name, **({"biased": True} if name == "covariance" else {})).takes_masses
]


@pytest.fixture
def samples():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(5, 2, generator=generator).double()
    y = torch.randn(4, 2, generator=generator).double() + 0.5
    a, b = (torch.rand(n, generator=generator).double() + 0.2 for n in (5, 4))
    return x, y, a / a.sum(), b / b.sum()


@pytest.mark.parametrize("name", WEIGHTED)
def test_equal_masses_are_no_masses(name, samples):
    x, y, *_ = samples
    d = build(name, **({"biased": True} if name == "covariance" else {}))
    for masses in ({"a": [0.2] * 5}, {"b": np.ones(4), "normalise": True}, {"a": [1] * 5, "b": [3] * 4}):
        found = d(x, y, **{"normalise": True, **masses})
        torch.testing.assert_close(found, d(x, y), rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(d.estimate(x, y, a=torch.full((5,), 0.2)), d(x, y), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ONE_POINT_TWICE)
def test_whole_masses_are_points_given_so_often(name, samples):
    x, y, *_ = samples
    counts, others = torch.tensor([1, 3, 2, 1, 0]), torch.tensor([2, 1, 1, 4])
    d = build(name, **OPTIONS.get(name, {}))
    repeated = d(x.repeat_interleave(counts, 0), y.repeat_interleave(others, 0))
    torch.testing.assert_close(d(x, y, counts, others, normalise=True), repeated, rtol=1e-7, atol=1e-9)
    with pytest.raises(ValueError, match=r"expected a sum of 1, got 7.*normalise=True"):
        d(x, y, counts)


def test_the_unbiased_estimates_are_brute_force_sums_over_different_points(samples):
    x, y, a, b = samples

    def mean(kernel, p, v):
        pairs = list(itertools.permutations(range(len(p)), 2))
        total = sum(v[i] * v[j] * kernel(p[i : i + 1], p[j : j + 1]).item() for i, j in pairs)
        return total / sum(v[i] * v[j] for i, j in pairs)

    for name in ("gaussian", "energy", "polynomial"):
        kernel = make(KERNELS, name, prior=PRIORS["normal"](2))
        across = a @ kernel(x, y) @ b
        expected = mean(kernel, x, a) + mean(kernel, y, b) - 2.0 * across
        torch.testing.assert_close(MMD(kernel)(x, y, a, b), expected)


def test_the_unbiased_estimate_is_unbiased_at_given_masses():
    """Over all samples of a law on three points, exactly: the mean of the estimate is MMD^2 of the laws."""
    places, law = torch.tensor([[0.0], [1.0], [3.0]]).double(), torch.tensor([0.5, 0.3, 0.2]).double()
    kernel, a = Gaussian(1.0), torch.tensor([0.6, 0.3, 0.1]).double()
    y, b = torch.tensor([[2.0], [0.5]]).double(), torch.tensor([0.5, 0.5]).double()
    mean = 0.0
    for chosen in itertools.product(range(3), repeat=3):
        index = list(chosen)
        mean += law[index].prod() * MMD(kernel)(places[index], y, a, b)
    exact = law @ kernel(places, places) @ law - 2.0 * law @ kernel(places, y) @ b + kernel(y, y)[0, 1]
    torch.testing.assert_close(mean, exact)


@pytest.mark.parametrize("masses", [[0.25] * 4, [0.4, 0.3, 0.2, 0.1], [0.85, 0.05, 0.05, 0.05], [0.5, 0.5, 0.0, 0.0]])
def test_the_covariance_of_weighted_points_is_unbiased(masses):
    """Over all samples of a law on three points of the plane, exactly: the mean is the covariance of the law."""
    places = torch.tensor([[0.0, 1.0], [1.0, -2.0], [3.0, 0.5]]).double()
    law, weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), torch.tensor(masses, dtype=torch.float64)
    centre = law @ places
    population = (places - centre).T @ ((places - centre) * law[:, None])
    mean, covariance, plain = torch.zeros(2).double(), torch.zeros(2, 2).double(), torch.zeros(2, 2).double()
    for chosen in itertools.product(range(3), repeat=4):
        index = list(chosen)
        share, found = law[index].prod(), weighted_moments(places[index], weights)
        mean += share * found.mean
        covariance += share * (found.rows.T @ found.rows)
        off = places[index] - weights @ places[index]
        plain += share * ((weights[:, None] * off).T @ off)
    torch.testing.assert_close(mean, centre)
    torch.testing.assert_close(covariance, population)
    # without the division by 1 - sum of w^2 it is too small by that factor
    torch.testing.assert_close(plain, (1.0 - weights.square().sum()) * population)


def test_equal_masses_give_the_covariance_over_n_less_one(samples):
    x = samples[0]
    found = weighted_moments(x, torch.full((len(x),), 1.0 / len(x), dtype=torch.float64))
    torch.testing.assert_close(found.rows.T @ found.rows, torch.cov(x.T))


def test_moments_are_those_of_numpy_with_reliability_weights(samples):
    x, y, a, b = samples
    moments = [(np.average(p, axis=0, weights=v), np.cov(p.T, aweights=v)) for p, v in ((x, a), (y, b))]
    (m, s), (k, t) = moments
    values, vectors = np.linalg.eigh(s)
    root = vectors * np.sqrt(values) @ vectors.T
    overlap = np.sqrt(np.linalg.eigvalsh(root @ t @ root)).sum()
    expected = ((m - k) ** 2).sum() + np.trace(s) + np.trace(t) - 2.0 * overlap
    assert float(Frechet()(x, y, a, b)) == pytest.approx(expected, rel=1e-10)
    assert float(Covariance(biased=True)(x, y, a, b)) == pytest.approx(((m - k) ** 2).sum() + ((s - t) ** 2).sum())


@pytest.mark.parametrize("kind", ["random", "max", "axes"])
def test_slices_of_one_point_each_are_its_distance(kind):
    x, y = torch.tensor([[[1.0, 5.0]]]), torch.tensor([[[4.0, 5.0]]])
    sliced = Sliced(directions=3, kind=kind, seed=0)
    one = sliced(x[0], y[0], [1.0], None)
    assert one > 0
    assert one == pytest.approx(float(sliced(x[0], y[0])))
    assert sliced(x, y, [[1.0]], [[1.0]]).tolist() == pytest.approx([float(one)])


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_slices_are_transport_on_the_line_between_weighted_points(p, samples):
    from remblai.distances import line

    x, y, a, b = samples
    expected = [line.transport_cost(x[:, k], y[:, k], p, a, b) for k in range(2)]
    torch.testing.assert_close(Sliced(kind="axes", p=p)(x, y, a, b), torch.stack(expected).mean())
    largest = Sliced(kind="max", p=p, seed=0)(x, y, a, b)
    directions = torch.nn.functional.normalize(torch.randn(64, 2, generator=torch.Generator().manual_seed(1)).double())
    along = [line.transport_cost(x @ u, y @ u, p, a, b) for u in directions]
    assert largest > 0.98 * max(along)


@pytest.mark.parametrize("name", WEIGHTED)
def test_gradients_are_finite_differences(name, samples):
    x, y, a, b = (one.clone().requires_grad_() for one in samples)
    d = build(name, **OPTIONS.get(name, {}))
    value = d(x, y, a, b)
    gradients = torch.autograd.grad(value, (x, y, a, b))
    generator = torch.Generator().manual_seed(5)
    for place, gradient in enumerate(gradients):
        step = torch.randn(gradient.shape, generator=generator).double()
        if gradient.dim() == 1:
            step -= step.mean()  # the total stays: gradients in masses are known up to a constant
        ends = []
        for sign in (1.0, -1.0):
            moved = [one.detach() for one in (x, y, a, b)]
            moved[place] = moved[place] + sign * 1e-5 * step
            ends.append(d(*moved))
        difference = (ends[0] - ends[1]) / 2e-5
        torch.testing.assert_close((gradient * step).sum(), difference, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernel", [Gaussian(1.0), Polynomial()])
@pytest.mark.parametrize("biased", [False, True])
def test_blocks_of_pairs_equal_one_matrix(kernel, biased, samples, monkeypatch):
    results = []
    for pairs in (gram_module.PAIRS, 1):
        monkeypatch.setattr(gram_module, "PAIRS", pairs)
        monkeypatch.setattr(gram_module, "BLOCK", 2)
        inputs = [one.clone().requires_grad_() for one in samples]
        value = MMD(kernel, biased)(*inputs)
        results.append((value, *torch.autograd.grad(value, inputs)))
    for whole, blocked in zip(*results, strict=True):
        torch.testing.assert_close(blocked, whole)


def test_cramer_wold_takes_the_effective_size(samples):
    x, y, a, b = samples
    n = min(1.0 / float(a.square().sum()), 1.0 / float(b.square().sum()))
    expected = CramerWold(smoothing=(4.0 / (3.0 * n)) ** 0.4)(x, y, a, b)
    torch.testing.assert_close(CramerWold()(x, y, a, b), expected)


def test_entropic_plans_and_potentials_take_masses(samples):
    x, y, a, b = samples
    d = Entropic(epsilon=0.5, relative=False, tolerance=1e-10)
    torch.testing.assert_close(d.plan(x, y, a, b).coupling.sum(1), a)
    f, g = d.potentials(x, y, a, b)
    torch.testing.assert_close(a @ f, b @ g)
    torch.testing.assert_close(a @ f + b @ g, d(x, y, a, b), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "d",
    [Covariance(), Custom(lambda x, y: (x.mean() - y.mean()).square()), build("adversarial")],
    ids=lambda d: type(d).__name__,
)
def test_where_masses_have_no_meaning_they_are_refused(d, samples):
    x, y, a, _ = samples
    for call in (d, d.estimate):
        with pytest.raises(ValueError, match=r"whose points count alike, got masses a or b: .*(Draw|draw) points"):
            call(x.float(), y.float(), a)


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize(
    ("masses", "message"),
    [
        ([0.5, 0.5], r"masses a: expected shape \(5,\)"),
        ([0.5, 0.5, 0.5, -0.5, 0.0], "none below 0"),
        ([0.2, 0.2, 0.2, 0.2, float("nan")], "finite"),
        ([0.0] * 5, "positive total"),
    ],
)
def test_bad_masses_are_refused(name, masses, message, samples):
    x, y, *_ = samples
    with pytest.raises(ValueError, match=message):
        build(name, **OPTIONS.get(name, {}))(x, y, masses)


@pytest.mark.parametrize("name", ["energy-distance", "frechet", "covariance"])
def test_one_point_with_all_of_the_mass_has_no_pairs(name, samples):
    x, y, *_ = samples
    with pytest.raises(ValueError, match="at least 2 points with mass"):
        build(name, **OPTIONS.get(name, {}))(x, y, [1.0, 0.0, 0.0, 0.0, 0.0])
