import itertools
import math
import warnings

import numpy as np
import pytest
import torch
from scipy import stats

from remblai.discrepancies import MMD, CramerWold, Frechet
from remblai.kernels import Energy, Gaussian, InverseMultiquadric, Laplacian, Polynomial
from remblai.statistics.subsampling import HEAVY, floor, interval, kurtosis
from remblai.statistics.two_sample import two_sample_test

WIDTH, SHIFT, D = 2.0, 0.8, 2


def draw(generator, n, shift=0.0, d=D):
    return torch.randn(n, d, generator=generator, dtype=torch.float64) + shift


def means(x, y):
    return (x.mean(0) - y.mean(0)).square().sum()


def sliced(x, y):
    """A random estimate, as of slices: it draws from torch's global generator."""
    direction = torch.randn(x.shape[1], dtype=x.dtype)
    levels = torch.linspace(0.05, 0.95, 10, dtype=x.dtype)
    return ((x @ direction).quantile(levels) - (y @ direction).quantile(levels)).square().mean()


def mmd_of_shift():
    """Between N(0, I) and N(shift, I) under a Gaussian kernel of variance s."""
    same = (WIDTH / (WIDTH + 2)) ** (D / 2)
    return 2 * same * (1 - math.exp(-D * SHIFT**2 / (2 * (WIDTH + 2))))


def energy_of_shift():
    """On the line, 2 E|X - Y| - E|X - X'| - E|Y - Y'| for N(0, 1) and N(shift, 1)."""
    folded = 2 / math.sqrt(math.pi) * math.exp(-(SHIFT**2) / 4) + SHIFT * math.erf(SHIFT / 2)
    return 2 * folded - 4 / math.sqrt(math.pi)


def coverage(discrepancy, truth, method, n, m, trials, d=D):
    generator = torch.Generator().manual_seed(1)
    held = 0
    for _ in range(trials):
        x, y = draw(generator, n, d=d), draw(generator, m, SHIFT, d)
        found = interval(discrepancy, x, y, repeats=40, method=method, generator=generator)
        assert found.lower <= found.value <= found.upper and found.level == 0.95
        held += found.lower <= truth <= found.upper
    return held / trials


CASES = {
    "mmd": (MMD(Gaussian(WIDTH)), mmd_of_shift(), D),
    "energy": (MMD(Energy()), energy_of_shift(), 1),
    "biased mmd": (MMD(Gaussian(WIDTH), biased=True), mmd_of_shift(), D),
    "frechet": (Frechet(), D * SHIFT**2, D),
}


@pytest.mark.parametrize("case", ["mmd", "energy"])
def test_halves_hold_the_true_value_of_unbiased_estimates(case):
    discrepancy, truth, d = CASES[case]
    assert 0.86 <= coverage(discrepancy, truth, "halves", 60, 50, 60, d) <= 0.995


@pytest.mark.parametrize("case", ["mmd", "biased mmd", "frechet"])
def test_the_jackknife_holds_the_true_value_of_biased_estimates_too(case):
    discrepancy, truth, d = CASES[case]
    assert coverage(discrepancy, truth, "jackknife", 30, 24, 40, d) >= 0.86


def test_a_bootstrap_would_not():
    """Why there is none: repeated points shift an unbiased MMD away from what it estimates."""
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 40), draw(generator, 40, SHIFT)
    mmd = MMD(Gaussian(WIDTH))
    again = [mmd(*(one[torch.randint(40, (40,), generator=generator)] for one in (x, y))) for _ in range(200)]
    found = interval(mmd, x, y, generator=generator)
    assert float(torch.stack(again).mean() - mmd(x, y)) > 0.02
    assert found.value == pytest.approx(mmd(x, y).item(), rel=1e-12)


def test_halves_have_the_standard_error_of_a_mean():
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 30, d=1), 3.0 * draw(generator, 20, d=1)
    found = interval(lambda one, other: one.mean() - other.mean(), x, y, 0.9, 4000, generator=generator)
    expected = stats.t.ppf(0.95, 19) * float(x.var() / 30 + y.var() / 20) ** 0.5
    assert found.upper - found.value == pytest.approx(expected, rel=0.04)


def test_the_jackknife_of_a_mean_is_its_standard_error_and_takes_first_order_bias_out_exactly():
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 12), 2.0 * draw(generator, 9)
    flat = interval(lambda one, other: one[:, 0].mean() - other[:, 0].mean(), x, y, 0.9, method="jackknife")
    expected = stats.t.ppf(0.95, 8) * float(x[:, 0].var() / 12 + y[:, 0].var() / 9) ** 0.5
    assert flat.upper - flat.value == pytest.approx(expected, rel=1e-9)
    biased = interval(MMD(Gaussian(WIDTH), biased=True), x, y, method="jackknife")
    assert biased.value == pytest.approx(MMD(Gaussian(WIDTH))(x, y).item(), rel=1e-9)


def test_the_floor_is_the_same_estimate_between_parts_of_one_sample():
    generator = torch.Generator().manual_seed(0)
    x = draw(generator, 400)
    seen = []

    def spying(one, other):
        seen.append((one, other))
        return means(one, other)

    found = floor(spying, x, n=50, repeats=30, generator=generator)
    values = torch.stack([means(one, other) for one, other in seen])
    assert found.n == 50 and len(seen) == 30
    assert found.value == pytest.approx(values.mean().item()) and found.spread == pytest.approx(values.std().item())
    for one, other in seen:
        together = torch.cat([one, other])
        assert len(one) == len(other) == 50 and len(torch.unique(together, dim=0)) == 100
    assert found.value == pytest.approx(D * 2 / 50, rel=0.5)  # E|mean - mean'|^2 = d (1/n + 1/n)
    assert floor(means, x, repeats=3).n == 200


def test_the_floor_of_an_unbiased_estimate_is_0_within_its_spread():
    x = draw(torch.Generator().manual_seed(0), 300)
    found = floor(MMD(Gaussian(WIDTH)), x, n=60, repeats=40)
    assert abs(found.value) < 3 * found.spread / math.sqrt(40)


def test_the_floor_takes_samples_of_unequal_sizes():
    x, sizes = draw(torch.Generator().manual_seed(0), 400), []

    def spying(one, other):
        sizes.append((len(one), len(other)))
        return means(one, other)

    found = floor(spying, x, n=150, m=30, repeats=40)
    assert set(sizes) == {(150, 30)} and (found.n, found.m) == (150, 30)
    assert found.value == pytest.approx(D * (1 / 150 + 1 / 30), rel=0.35)  # E|mean - mean'|^2 = d (1/n + 1/m)


def test_the_floor_of_a_test_is_its_null_at_the_true_sizes():
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 90), draw(generator, 30)
    found = two_sample_test(means, x, y, 400, generator)
    assert (found.floor.n, found.floor.m) == (90, 30)
    assert found.floor.value == pytest.approx(found.null.mean().item())
    assert found.floor.spread == pytest.approx(found.null.std().item())
    pooled = torch.cat([x, y])
    exact = float(pooled.var(0).sum()) * (1 / 90 + 1 / 30)  # of the mean over all splits of the pooled points
    assert found.floor.value == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("kernel", [Gaussian(WIDTH), InverseMultiquadric(3.0), Laplacian(1.0), Energy(), Polynomial()])
def test_one_matrix_gives_the_estimates_of_many_parts(kernel, biased, dtype):
    generator = torch.Generator().manual_seed(0)
    points, mmd = draw(generator, 25, d=3).to(dtype), MMD(kernel, biased=biased)
    first = torch.rand(12, 25, generator=generator).argsort(1) < 11
    for second in (~first, ~first & (torch.arange(25) % 3 > 0)):
        values = mmd.of_parts(points, first, second).values
        direct = [float(mmd(points[a].double(), points[b].double())) for a, b in zip(first, second, strict=True)]
        torch.testing.assert_close(values, torch.tensor(direct, dtype=torch.float64), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("far", [0.0, 1e4])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("kernel", "d"), [(Gaussian(WIDTH), 3), (Polynomial(), 3), (Energy(), 3), (Energy(), 1)])
def test_many_splits_have_the_estimates_of_each(monkeypatch, kernel, d, biased, far):
    monkeypatch.setattr("remblai.discrepancies.gram.SYMMETRIC", 10)
    generator = torch.Generator().manual_seed(0)
    points, mmd = draw(generator, 37, d=d) + far * kernel.radial, MMD(kernel, biased=biased)
    first = torch.rand(80, 37, generator=generator).argsort(1) < 15
    found = mmd.of_parts(points, first, ~first)
    direct = torch.tensor([float(mmd(points[a], points[~a])) for a in first], dtype=torch.float64)
    error = float((found.values - direct).abs().max())
    assert error <= found.rounding <= 1e-4 * float(direct.std()) + 1e-9 * float(direct.abs().max())


@pytest.mark.parametrize("smoothing", [None, 0.3])
def test_one_matrix_gives_cramer_wolds_estimates_where_it_can(smoothing):
    generator = torch.Generator().manual_seed(0)
    points, distance = draw(generator, 20), CramerWold(smoothing)
    first = torch.rand(5, 20, generator=generator).argsort(1) < 8
    values = distance.of_parts(points, first, ~first).values
    direct = [float(distance(points[a], points[~a])) for a in first]
    torch.testing.assert_close(values, torch.tensor(direct, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    uneven = first.clone()
    uneven[0, :] = torch.arange(20) < 3
    assert (distance.of_parts(points, uneven, ~uneven) is None) == (smoothing is None)
    assert CramerWold(smoothing, log=True).of_parts(points, first, ~first) is None


def test_the_blocks_of_the_matrix_change_nothing(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    points, first = draw(generator, 25), torch.rand(4, 25, generator=generator).argsort(1) < 9
    whole = MMD(Energy()).of_parts(points, first, ~first).values
    monkeypatch.setattr("remblai.discrepancies.gram.ENTRIES_AT_ONCE", 60)
    torch.testing.assert_close(MMD(Energy()).of_parts(points, first, ~first).values, whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("n", [20, 31])
def test_the_fast_way_gives_the_same_test_floor_and_intervals(monkeypatch, n, d):
    generator = torch.Generator().manual_seed(0)
    x, y, mmd = draw(generator, n, d=d), draw(generator, 17, SHIFT, d=d), MMD(Energy(), biased=True)

    def every():
        test = two_sample_test(mmd, x, y, 50)
        intervals = [interval(mmd, x, y, repeats=9, method=method) for method in ("halves", "jackknife")]
        numbers = [test.value, test.p_value, *test.null, *floor(mmd, x, 7, 5, m=4)]
        return [*map(float, numbers), *(v for found in intervals for v in found if isinstance(v, float))]

    fast = every()
    monkeypatch.setattr(MMD, "of_parts", lambda *_: None)
    assert fast == pytest.approx(every(), rel=1e-9, abs=1e-9)


def test_equal_points_are_ties_by_one_matrix_too():
    x = torch.full((5, 2), 0.3)
    assert two_sample_test(MMD(Gaussian(WIDTH)), x, x, 10).p_value == 1.0
    pairs = torch.tensor([[0.1], [0.7]]).repeat(4, 1)
    assert two_sample_test(MMD(Energy()), pairs, pairs, 200).p_value > 0.9


def test_an_interval_says_what_it_is_for():
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 60), draw(generator, 50, SHIFT)
    unbiased = interval(MMD(Gaussian(WIDTH)), x, y)
    assert (unbiased.target, unbiased.bias) == ("population", 0.0)
    biased = MMD(Gaussian(WIDTH), biased=True)
    truth = float(biased(x, y) - MMD(Gaussian(WIDTH))(x, y))
    stated = interval(biased, x, y, repeats=400)
    assert stated.target == "mean of the estimate" and stated.value == pytest.approx(biased(x, y).item())
    assert stated.bias == pytest.approx(truth, rel=0.1)
    removed = interval(biased, x, y, method="jackknife")
    assert removed.target == "population" and removed.bias == pytest.approx(truth, rel=1e-6)
    assert interval(means, x, y).target == "mean of the estimate"  # nothing is known of a function


def test_an_interval_of_what_cannot_be_negative_begins_at_0():
    x, y = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    biased = interval(MMD(Gaussian(1.0), biased=True), x, y)
    assert biased.lower == 0.0 < biased.value
    found = interval(MMD(Gaussian(1.0)), x, y)
    assert found.lower < 0.0  # an unbiased estimate may be
    assert found.upper - found.value == pytest.approx(found.value - found.lower)


def test_an_interval_of_skewed_data_misses_less_and_warns():
    """Against the mean of the estimate over many samples: nearly all misses are below it, by far points not drawn."""
    frechet, found, plain, warned = Frechet(), [], [], 0

    def unknown(x, y):  # of which nothing is known
        return frechet(x, y)

    for seed in range(200):
        x, y = torch.randn(2, 100, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).exp()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found.append(interval(frechet, x, 1.3 * y, repeats=20, generator=torch.Generator().manual_seed(seed)))
        heavy = max(map(kurtosis, (x, y))) > HEAVY
        assert ["few points carry most of the spread" in str(one.message) for one in told] == [True] * heavy
        warned += heavy
        plain.append(interval(unknown, x, 1.3 * y, repeats=20, generator=torch.Generator().manual_seed(seed)))
    target = np.mean([one.value for one in found])
    held = [np.mean([one.lower <= target <= one.upper for one in of]) for of in (found, plain)]
    assert warned > 180
    assert held[0] > held[1] + 0.05
    assert held[0] > 0.75


@pytest.mark.parametrize("n", [4, 10, 30, 200])
@pytest.mark.parametrize("d", [1, 3])
def test_normal_data_seldom_have_the_tails_that_are_warned_of(n, d):
    x = torch.randn(2000, n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert sum(kurtosis(10.0 * one + 7.0) > HEAVY for one in x) <= 4
    assert kurtosis(x.reshape(-1, d)) == pytest.approx((d + 2) / d, rel=0.1)


def test_p_values_are_uniform_where_the_laws_are_equal():
    generator = torch.Generator().manual_seed(0)
    trials, permutations = 400, 19
    p = []
    for _ in range(trials):
        pooled = draw(generator, 13)
        p.append(two_sample_test(means, pooled[:7], pooled[7:], permutations, generator).p_value)
    ranks = np.rint(np.array(p) * 20).astype(int)
    assert stats.binomtest(int((ranks == 1).sum()), trials, 0.05).pvalue > 0.001
    assert stats.chisquare(np.bincount(ranks, minlength=21)[1:]).pvalue > 0.001


def test_an_early_stop_keeps_the_p_value_exact():
    """Besag and Clifford: with h = 2 and 9 splits, P(p <= t) is t at each value that p can take."""
    generator, smallest, values = torch.Generator().manual_seed(0), 0, []
    for _ in range(2000):
        x, y = torch.randn(6, 1, generator=generator).split([3, 3])
        test = two_sample_test(lambda p, q: p.mean() - q.mean(), x, y, 9, generator, exceedances=2)
        values.append(test.p_value)
        smallest += test.p_value == 0.1
    for t in (0.1, 0.2, 0.5):
        share = sum(value <= t for value in values) / len(values)
        assert share <= t + 3.0 * (t * (1.0 - t) / len(values)) ** 0.5
    assert smallest / len(values) == pytest.approx(0.1, abs=0.05)  # ties among the 20 splits make it smaller


def test_an_early_stop_measures_no_more_than_it_needs(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 30), draw(generator, 30)
    energy = MMD(Energy())

    def each(p, q):  # one at a time
        return energy(p, q)

    whole = two_sample_test(each, x, y, 200)
    test = two_sample_test(each, x, y, 200, exceedances=10)
    assert len(test.null) < 200
    above = (whole.null >= whole.value).nonzero()[:, 0]
    assert test.p_value == 10 / (1 + int(above[9]))
    torch.testing.assert_close(test.null, whole.null[: len(test.null)], rtol=1e-4, atol=1e-9)
    different = two_sample_test(each, x, y + 3.0, 40, exceedances=10)
    assert (len(different.null), different.p_value) == (40, 1 / 41)


@pytest.mark.parametrize("discrepancy", [MMD(Energy()), MMD(Gaussian(WIDTH)), CramerWold()])
def test_one_matrix_answers_all_splits_and_does_not_stop_early(discrepancy):
    generator = torch.Generator().manual_seed(0)
    x, y = draw(generator, 30), draw(generator, 30)
    test, whole = (two_sample_test(discrepancy, x, y, 100, exceedances=most) for most in (2, None))
    assert len(test.null) == 100 and torch.equal(test.null, whole.null) and test.p_value == whole.p_value


@pytest.mark.parametrize("discrepancy", [MMD(Gaussian(WIDTH)), MMD(Energy()), Frechet(), sliced])
def test_rejects_at_its_level_and_no_more(discrepancy):
    generator = torch.Generator().manual_seed(2)
    rejected = 0
    for _ in range(60):
        x, y = draw(generator, 8), draw(generator, 6)
        rejected += two_sample_test(discrepancy, x, y, 19, generator).p_value <= 0.1
    assert rejected <= stats.binom.ppf(0.999, 60, 0.1)


@pytest.mark.parametrize("discrepancy", [MMD(Gaussian(WIDTH)), MMD(Energy()), Frechet()])
def test_finds_laws_that_differ(discrepancy):
    generator = torch.Generator().manual_seed(3)
    x, y = draw(generator, 40), draw(generator, 30, SHIFT)
    found = two_sample_test(discrepancy, x, y, 60, generator)
    assert found.p_value == pytest.approx(1 / 61)
    assert found.value == pytest.approx(discrepancy(x, y).item(), rel=1e-9)
    assert found.null.shape == (60,) and float(found.null.max()) < found.value


def test_the_null_is_that_of_all_ways_to_share_the_points():
    x, y = (torch.tensor(one).double()[:, None] for one in ([0.3, 1.0, 2.2], [1.9, 3.1, 5.0]))
    both = torch.cat([x, y])
    ways = [list(rows) for rows in itertools.combinations(range(6), 3)]
    every = torch.stack([means(both[rows], both[[i for i in range(6) if i not in rows]]) for rows in ways])
    exact = float((every >= means(x, y) - 1e-6).double().mean())
    found = two_sample_test(means, x, y, 4000)
    assert found.p_value == pytest.approx(exact, abs=0.02)
    assert set(np.round(found.null.numpy(), 4)) == set(np.round(every.numpy(), 4))


def test_ties_count_against_rejection():
    x = torch.zeros(5, 2)
    assert two_sample_test(means, x, x, 10).p_value == 1.0


def test_is_a_function_of_the_generator_and_leaves_torchs_alone():
    x, y = torch.randn(20, 3), torch.randn(16, 3)
    before = torch.random.get_rng_state()
    for measure in (
        lambda draws: two_sample_test(sliced, x, y, 10, draws).null.tolist(),
        lambda draws: interval(sliced, x, y, repeats=5, generator=draws),
        lambda draws: interval(sliced, x, y, method="jackknife", generator=draws),
        lambda draws: floor(sliced, x, repeats=5, generator=draws),
    ):
        first, again, other = (measure(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        assert first == again and first != other
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_the_estimate_draws_is_the_same_for_every_permutation():
    drawn = []

    def noisy(x, y):
        drawn.append(float(torch.randn(())))
        return means(x, y)

    two_sample_test(noisy, torch.randn(5, 2), torch.randn(5, 2), 5)
    assert len(drawn) == 6 and len(set(drawn)) == 1


def test_needs_no_gradient():
    x, y = torch.randn(8, 2, requires_grad=True), torch.randn(8, 2)
    assert not two_sample_test(means, x, y, 3).null.requires_grad
    assert interval(Frechet(), x, y, repeats=3).value >= 0.0


X = torch.rand(8, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: floor(means, X, n=5), "at most the 8 points, got 5 and 5"),
        (lambda: floor(means, X, n=0), "of at least 1"),
        (lambda: floor(means, X, n=3, m=6), "got 3 and 6"),
        (lambda: floor(means, X, repeats=1), "repeats: expected at least 2"),
        (lambda: floor(means, X * math.nan), "finite"),
        (lambda: interval(means, X, X, level=1.0), "level between"),
        (lambda: interval(means, X, X, repeats=1), "repeats: expected at least 2"),
        (lambda: interval(means, X, X[:3]), "points in each sample: expected at least 4"),
        (lambda: interval(means, X, X, method="bootstrap"), "unknown method 'bootstrap'"),
        (lambda: interval(means, X, X[:, :1]), "one shape"),
        (lambda: two_sample_test(means, X, X, 0), "permutations: expected at least 1"),
        (lambda: two_sample_test(means, X, X * math.inf), "finite"),
        (lambda: two_sample_test(lambda x, y: x.sum() * math.nan, X, X), "finite estimate"),
        (lambda: two_sample_test(MMD(Energy()), X[:1], X), "at least 2 points"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
