import math
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, Normal

from remblai import discrepancies, recipes
from remblai.config.registry import make
from remblai.discrepancies import MMD
from remblai.kernels import KERNELS, SCALES, Energy, Gaussian, InverseMultiquadric, Kernel, Polynomial
from remblai.laws import PRIORS


def kernel(name="imq", d=8):
    return make(KERNELS, name, prior=SimpleNamespace(square_distance=2.0 * d))


def samples(n=9, m=7, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))
    return x, 1.3 * y + 0.2


def sums(k, x, y, skip):
    """Mean of k over pairs, one by one; `skip` leaves i = j out."""
    pairs = [(i, j) for i in range(len(x)) for j in range(len(y)) if not (skip and i == j)]
    return sum(float(k(x[i : i + 1], y[j : j + 1])) for i, j in pairs) / len(pairs)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", list(KERNELS))
def test_equals_a_double_loop(name, biased):
    x, y = samples()
    k = kernel(name, 4)
    within = [sums(k, points, points, skip=not biased) for points in (x, y)]
    expected = sum(within) - 2 * sums(k, x, y, skip=False)
    assert float(MMD(k, biased)(x, y)) == pytest.approx(expected, abs=1e-10)
    assert float(MMD(k, biased).estimate(x, y)) == pytest.approx(expected, abs=1e-10)


def test_is_algorithm_2_and_none_of_its_slips():
    """The cross term runs over all pairs and is divided by n^2: neither without l = j, nor all pairs over n (n - 1)."""
    x, y = samples(9, 9)
    k, n = kernel("imq", 4), 9
    found = float(MMD(k)(x, y))
    own = sums(k, x, x, True) + sums(k, y, y, True)
    cross = k(x, y)
    without_diagonal = own - 2 * float(cross.sum() - cross.diagonal().sum()) / (n * (n - 1))
    too_small = own - 2 * float(cross.sum()) / (n * (n - 1))
    assert found == pytest.approx(own - 2 * float(cross.mean()), abs=1e-12)
    assert abs(found - without_diagonal) > 1e-3
    assert abs(found - too_small) > 1e-3


def test_energy_kernel_gives_the_energy_distance():
    """Its biased value is the energy distance of the empirical laws, the square of scipy's on the line."""
    from scipy.stats import energy_distance

    x, y = samples(d=1)
    expected = energy_distance(x[:, 0].numpy(), y[:, 0].numpy()) ** 2
    assert float(MMD(Energy(), biased=True)(x, y)) == pytest.approx(expected, rel=1e-10)
    assert float(discrepancies.energy_distance(biased=True)(x, y)) == pytest.approx(expected, rel=1e-10)


def test_unbiased_over_many_draws():
    """The mean over 400 draws of 30 points is the closed form to 3 standard errors; the biased one's is not."""
    generator, s, d, shift = torch.Generator().manual_seed(0), 2.0, 3, 0.6
    k = Gaussian(s)
    same = (s / (s + 2)) ** (d / 2)
    truth = 2 * same - 2 * same * math.exp(-d * shift**2 / (2 * (s + 2)))
    found = {False: [], True: []}
    for _ in range(400):
        x, y = (torch.randn(30, d, generator=generator, dtype=torch.float64) for _ in range(2))
        for biased, values in found.items():
            values.append(MMD(k, biased)(x, y + shift))
    for biased, drawn in found.items():
        values = torch.stack(drawn)
        away = (values.mean() - truth).abs() / (values.std() / 20)
        assert (away > 10) if biased else (away < 3)


@pytest.mark.parametrize(
    ("d", "n", "change", "mean", "spread"),
    [
        (8, 100, lambda z: z, 0.001, 0.013),
        (8, 100, lambda z: 1.1 * z, 0.008, 0.013),
        (8, 100, lambda z: z + 0.2, 0.043, 0.025),
        (8, 100, lambda z: torch.cat([0 * z[:, :1], z[:, 1:]], 1), 0.019, 0.015),
        (64, 100, lambda z: z, 0.000, 0.004),
        (64, 100, lambda z: z + 0.2, 0.044, 0.009),
        (8, 1000, lambda z: z + 0.2, 0.047, 0.005),
    ],
    ids=["null", "scale", "shift", "dead", "null64", "shift64", "shift1000"],
)
def test_means_and_spreads_of_the_table(d, n, change, mean, spread):
    """Facts 5.2: seven scales of the inverse multiquadric, P = N(0, I)."""
    generator, repeats = torch.Generator().manual_seed(d), 200 if n == 100 else 30
    drawn = [torch.randn(2, n, d, generator=generator) for _ in range(repeats)]
    values = torch.stack([MMD(kernel("imq", d))(z, change(w)) for z, w in drawn])
    assert values.mean() == pytest.approx(mean, abs=3.5 * spread / math.sqrt(repeats) + 0.001)
    assert values.std() == pytest.approx(spread, rel=0.3, abs=0.0005)


def test_half_of_the_unbiased_values_are_negative_at_the_optimum_and_biased_ones_too_large():
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(2, 100, 8, generator=generator) for _ in range(200)]
    unbiased = torch.stack([MMD(kernel())(z, w) for z, w in drawn])
    assert 0.45 < float((unbiased < 0).float().mean()) < 0.65
    biased = torch.stack([MMD(kernel(), biased=True)(z, w) for z, w in drawn])
    assert (biased > 0).all()
    assert float(biased.mean()) == pytest.approx(0.068, abs=0.003)


def test_positive_when_the_laws_differ_and_descent_brings_them_together():
    """The report of facts 1.5 took the distances wrongly and went up the penalty instead of down."""
    torch.manual_seed(0)
    z, y = torch.randn(256, 8), (0.5 * torch.randn(256, 8) + 1).requires_grad_()
    penalty = MMD(kernel())
    before = penalty(z, y)
    assert before > 0.1
    (slope,) = torch.autograd.grad(before, y)
    assert penalty(z, y - 10 * slope) < before


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", ["imq", "gaussian", "laplacian", "energy"])
def test_gradients_match_finite_differences(name, biased):
    x, y = samples(5, 4, 3)
    law = Independent(Normal(torch.zeros(3).double(), torch.ones(3).double()), 1)
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda points: MMD(kernel(name, 3), biased)(x, points), (y,))
    assert torch.autograd.gradcheck(lambda points: MMD(kernel(name, 3), biased).to_law(points, law), (y,))


@pytest.mark.parametrize("name", list(KERNELS))
def test_gradient_is_finite_when_codes_coincide(name):
    y = torch.ones(6, 4, requires_grad=True)
    for loss in (MMD(kernel(name))(torch.ones(5, 4), y), MMD(kernel(name)).to_law(y, PRIORS["normal"](4)())):
        assert torch.isfinite(torch.autograd.grad(loss, y)[0]).all()


@pytest.mark.parametrize("prior", ["normal", "mixture"])
@pytest.mark.parametrize("name", ["imq", "gaussian", "laplacian", "energy"])
def test_closed_form_is_the_mean_of_sampled_values_with_less_noise(name, prior):
    torch.manual_seed(0)
    law = PRIORS[prior](8)()
    exact, sampled = MMD(kernel(name)), MMD(kernel(name), closed_form=False)
    y = 0.8 * law.sample((100,)) + 0.2
    drawn = torch.stack([sampled.to_law(y, law) for _ in range(200)])
    assert (drawn.mean() - exact.to_law(y, law)).abs() < 3 * drawn.std() / math.sqrt(200)
    ys = [law.sample((100,)) for _ in range(100)]
    spreads = [torch.stack([penalty.to_law(y, law) for y in ys]).std() for penalty in (exact, sampled)]
    assert spreads[0] < 0.75 * spreads[1]


def test_closed_form_draws_nothing():
    law, y = PRIORS["normal"](4)(), torch.randn(10, 4)
    state = torch.get_rng_state()
    MMD(kernel()).to_law(y, law)
    assert torch.equal(state, torch.get_rng_state())
    MMD(kernel(), closed_form=False).to_law(y, law)
    assert not torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("prior", ["uniform", "sphere"])
def test_laws_without_closed_forms_are_sampled(prior):
    law = PRIORS[prior](4)()
    y = law.sample((500,))
    assert abs(float(MMD(kernel("imq", 1)).to_law(y, law))) < 0.05
    assert abs(float(MMD(Polynomial()).to_law(torch.randn(2000, 4), PRIORS["normal"](4)()))) < 0.5


def test_images_are_compared_as_points():
    x, y = torch.rand(5, 1, 3, 3), torch.rand(6, 1, 3, 3)
    assert MMD(kernel())(x, y) == MMD(kernel())(x.flatten(1), y.flatten(1))


def test_single_precision_is_good_enough_for_a_large_sample():
    x, y = samples(1500, 1500, 8)
    penalty = MMD(InverseMultiquadric(16.0, SCALES))
    assert float(penalty(x.float(), y.float())) == pytest.approx(float(penalty(x, y)), abs=3e-6)


def test_one_point_has_no_unbiased_estimate():
    law = PRIORS["normal"](4)()
    for penalty in (MMD(kernel()), MMD(kernel(), closed_form=False)):
        with pytest.raises(ValueError, match=r"at least 2 points.*biased=True"):
            penalty.to_law(torch.zeros(1, 4), law)
    with pytest.raises(ValueError, match="at least 2 points"):
        MMD(kernel())(torch.zeros(5, 4), torch.zeros(1, 4))
    assert torch.isfinite(MMD(kernel(), biased=True)(torch.zeros(1, 4), torch.zeros(1, 4)))


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("name", list(KERNELS))
def test_many_points_in_blocks_give_the_same_value_and_gradient(name, biased, dtype, close, monkeypatch):
    x, y = (points.to(dtype).requires_grad_() for points in samples(300, 270, 4))
    law = PRIORS["normal"](4)()
    penalty = MMD(kernel(name, 4), biased)
    calls = [lambda: penalty(x, y)] + ([lambda: penalty.to_law(y, law)] if name != "polynomial" else [])
    for call in calls:
        blocked, slope = call(), torch.autograd.grad(call(), y)[0]
        with monkeypatch.context() as patch:
            patch.setattr("remblai.discrepancies.gram.PAIRS", 10**9)
            plain, plain_slope = call(), torch.autograd.grad(call(), y)[0]
        assert blocked.item() == pytest.approx(plain.item(), abs=close * (20 if name == "polynomial" else 1) * 7)
        torch.testing.assert_close(slope, plain_slope, rtol=20 * close, atol=close)


def test_energy_distance_by_its_definition():
    """2 E|x - y| - E|x - x'| - E|y - y'|, with the terms i = j and without."""
    x, y = samples(12, 9, 3)
    across, first, second = torch.cdist(x, y).mean(), torch.cdist(x, x), torch.cdist(y, y)
    biased = 2 * across - first.mean() - second.mean()
    unbiased = 2 * across - first.sum() / (12 * 11) - second.sum() / (9 * 8)
    assert float(MMD(Energy(), biased=True)(x, y)) == pytest.approx(float(biased), abs=1e-12)
    assert float(MMD(Energy())(x, y)) == pytest.approx(float(unbiased), abs=1e-12)


def test_samples_of_two_precisions_are_compared_in_the_better():
    x, y = samples()
    assert MMD(kernel("imq", 4))(x.float(), y).dtype == torch.float64


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("n", [20, 300])
def test_a_function_is_a_kernel(biased: bool, n: int) -> None:
    def cauchy(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 1.0 / (1.0 + (x[:, None] - y).square().sum(2))

    class Derived(Kernel):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return cauchy(x, y)

        def terms(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return cauchy(x, y), -cauchy(x, y).square()

        def diagonal(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ones_like(x[:, 0])

    torch.manual_seed(0)
    x, y, masses = torch.randn(n, 2).double(), torch.randn(n, 2).double() + 0.5, torch.rand(n).double().softmax(0)
    ours, theirs = MMD(Derived(), biased), MMD(cauchy, biased)
    for call in (lambda d, y: d(x, y), lambda d, y: d(x, y, masses, masses)):
        values = []
        for d in (ours, theirs):
            moved = y.clone().requires_grad_()
            value = call(d, moved)
            values.append((value.detach(), torch.autograd.grad(value, moved)[0]))
        assert torch.allclose(values[0][0], values[1][0])
        assert torch.allclose(values[0][1], values[1][1])
    with pytest.raises(ValueError, match="answer a matrix"):
        MMD(lambda a, b: (a * a).sum(1))(x, y)


def test_a_function_is_the_kernel_of_a_penalty() -> None:
    torch.manual_seed(0)
    terms = recipes.wae_mmd((2,), penalty=MMD(lambda x, y: torch.exp(-torch.cdist(x, y))))(torch.randn(300, 2))
    assert torch.isfinite(terms["penalty"])
