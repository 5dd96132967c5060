import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch.distributions import Independent, Laplace, Normal

from remblai.discrepancies.sliced import STARTS, Sliced
from remblai.laws import PRIORS

KINDS = ["random", "max", "axes"]


def samples(n=40, m=40, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))


def standard(d, dtype=torch.float64):
    return Independent(Normal(torch.zeros(d, dtype=dtype), torch.ones(d, dtype=dtype)), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_symmetric_zero_at_equal_samples_and_the_same_in_any_order(kind):
    x, y = samples(40, 30)
    distance = Sliced(kind=kind, seed=1)
    assert float(distance(x, y)) == pytest.approx(float(distance(y, x)), rel=1e-9)
    assert float(distance(x, x[torch.randperm(40)])) == pytest.approx(0.0, abs=1e-20)
    assert float(distance(x, y[torch.randperm(30)])) == pytest.approx(float(distance(x, y)), rel=1e-9)
    assert float(distance(3 * x, 3 * y)) == pytest.approx(9 * float(distance(x, y)), rel=1e-9)


def test_a_shift_costs_its_mean_square_along_directions():
    """E (u . t)^2 = |t|^2 / d; the largest is |t|^2, along t; along the axes it is the mean of t_j^2."""
    x, _ = samples()
    shift = torch.tensor([1.0, -2.0, 0.5, 3.0]).double()
    square = float(shift.square().sum())
    assert float(Sliced(20000, seed=0)(x, x + shift)) == pytest.approx(square / 4, rel=0.02)
    assert float(Sliced(8, kind="max", seed=0)(x, x + shift)) == pytest.approx(square, rel=1e-4)
    assert float(Sliced(kind="axes")(x, x + shift)) == pytest.approx(square / 4, rel=1e-12)


def test_is_below_the_exact_transport_and_the_mean_below_the_largest():
    import ot

    x, y = samples(40, 40)
    y = 1.5 * y + 0.2
    exact = ot.emd2([], [], ot.dist(x.numpy(), y.numpy()))
    values = [float(Sliced(kind=kind, seed=0)(x, y)) for kind in ("random", "max")]
    assert values[0] < values[1] <= exact


def test_ascent_beats_the_best_of_the_random_directions_it_starts_from():
    torch.manual_seed(0)
    x, y = torch.randn(200, 10), torch.randn(200, 10)
    y[:, 3] *= 3
    best = max(float(Sliced(1, seed=seed)(x, y)) for seed in range(50))
    climbed = float(Sliced(50, kind="max", seed=0)(x, y))
    along = float(Sliced(kind="axes")(x[:, 3:4], y[:, 3:4]))
    assert climbed > 1.5 * best
    assert climbed >= 0.95 * along
    assert float(Sliced(STARTS - 1, kind="max", seed=0)(x, y)) > best


@pytest.mark.parametrize("kind", ["random", "axes"])
@pytest.mark.parametrize("m", [6, 5])
def test_gradients_match_finite_differences(kind, m):
    x, y = samples(6, m, 3)
    x.requires_grad_(), y.requires_grad_()
    distance = Sliced(5, kind=kind, seed=0)
    assert torch.autograd.gradcheck(distance, (x, y))
    assert torch.autograd.gradcheck(lambda b: distance.to_law(b, standard(3)), (y,))


def test_gradient_of_the_largest_holds_its_direction():
    torch.manual_seed(0)
    x, y = torch.randn(50, 3).double(), torch.randn(50, 3).double().requires_grad_()
    value = Sliced(16, kind="max", seed=0)(x, y)
    (slope,) = torch.autograd.grad(value, y)
    direction = slope.sum(0) / slope.sum(0).norm()
    torch.testing.assert_close(slope, slope @ direction[:, None] * direction, atol=1e-12, rtol=1e-9)
    along = ((x @ direction).sort().values - (y @ direction).sort().values).square().mean()
    torch.testing.assert_close(along, value)
    torch.testing.assert_close(torch.autograd.grad(along, y)[0], slope)


def test_directions_are_drawn_once_a_call_from_the_global_generator_or_fixed_by_a_seed():
    x, y = samples()
    torch.manual_seed(3)
    first, second = Sliced()(x, y), Sliced()(x, y)
    assert first != second
    torch.manual_seed(3)
    assert Sliced()(x, y) == first
    state = torch.get_rng_state()
    assert Sliced(seed=5)(x, y) == Sliced(seed=5)(x, y) != Sliced(seed=6)(x, y)
    Sliced(kind="axes")(x, y)
    Sliced(kind="axes").to_law(y, standard(4))
    assert torch.equal(state, torch.get_rng_state())


def test_value_to_the_normal_law_is_the_distance_to_the_law_itself():
    """W_2^2 on the line by quadrature of |F^-1 - G^-1|^2, one cell of the sample at a time."""
    mean, deviation = 0.4, 1.7
    y = torch.tensor([-2.0, 0.1, 0.3, 1.9]).double()
    cells = [
        quad(lambda u, z=z: (z - norm.ppf(u, mean, deviation)) ** 2, i / 4, (i + 1) / 4)[0]
        for i, z in enumerate(y.tolist())
    ]
    law = Independent(Normal(torch.tensor([mean]).double(), torch.tensor([deviation]).double()), 1)
    for kind in KINDS:
        assert float(Sliced(3, kind=kind).to_law(y[:, None], law)) == pytest.approx(sum(cells), rel=1e-6)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prior", ["normal", "uniform", "mixture", "sphere"])
def test_a_law_costs_as_much_as_a_large_sample_of_it(prior, kind, p):
    torch.manual_seed(0)
    law = PRIORS[prior](3)()
    y = 1.3 * law.sample((1500,)) + 0.4
    distance = Sliced(100, p, kind, seed=0)
    assert float(distance.to_law(y, law)) == pytest.approx(float(distance(law.sample((6000,)), y)), rel=0.15)


def test_an_anisotropic_law_is_projected_with_its_own_scales():
    torch.manual_seed(0)
    law = Independent(Normal(torch.tensor([1.0, -2.0, 0.0]), torch.tensor([0.2, 3.0, 1.0])), 1)
    for kind in KINDS:
        near = Sliced(kind=kind, seed=0).to_law(law.sample((5000,)), law)
        far = Sliced(kind=kind, seed=0).to_law(torch.randn(5000, 3), law)
        assert float(near) < 0.05 < float(far)


def test_quantiles_have_twice_the_power_of_a_sample_against_one_dead_axis():
    torch.manual_seed(0)
    law, drawn = standard(64, torch.float32), torch.randn(80, 100, 64)
    dead = drawn.clone()
    dead[:, :, 0] = 0

    def power(penalty):
        null, alternative = (torch.stack([penalty.to_law(z, law) for z in zs]) for zs in (drawn, dead))
        return float((alternative.mean() - null.mean()) / null.std())

    exact, sampled = power(Sliced(kind="axes")), power(Sliced(kind="axes", closed_form=False))
    assert exact > 5
    assert exact > 1.5 * sampled
    assert abs(power(Sliced(50))) < 1.5


@pytest.mark.parametrize(("n", "quantiles", "sample"), [(100, 0.985, 0.973), (256, 0.994, 0.988)])
def test_the_standard_deviation_that_fits_best(n, quantiles, sample):
    """The value is quadratic in the scale c of the codes: its least point, from the slope at 1 and the curvature."""
    torch.manual_seed(0)
    law, drawn = standard(50), torch.randn(60, n, 50).double()
    for closed_form, expected in ((True, quantiles), (False, sample)):
        penalty, c = Sliced(kind="axes", closed_form=closed_form), torch.ones((), dtype=torch.float64).requires_grad_()
        slopes = [torch.autograd.grad(penalty.to_law(c * z, law), c)[0] for z in drawn]
        least = 1 - torch.stack(slopes).mean() / (2 * drawn.square().mean())
        assert float(least) == pytest.approx(expected, abs=0.003)


def test_laws_without_quantiles_are_sampled():
    y = torch.randn(20, 3)
    for kind, law in (("axes", PRIORS["mixture"](3)()), ("random", PRIORS["uniform"](3)())):
        state = torch.get_rng_state()
        Sliced(kind=kind, seed=0).to_law(y, law)
        assert not torch.equal(state, torch.get_rng_state())
    laplace = Independent(Laplace(torch.zeros(3), torch.ones(3)), 1)
    assert float(Sliced(kind="axes").to_law(laplace.sample((5000,)), laplace)) < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_images_precisions_and_one_point(kind):
    distance = Sliced(16, kind=kind, seed=0)
    x, y = torch.rand(5, 1, 3, 3), torch.rand(6, 1, 3, 3)
    assert distance(x, y) == distance(x.flatten(1), y.flatten(1))
    assert distance(x, y.double()).dtype == torch.float64
    assert distance(x.bfloat16(), y.bfloat16()).dtype == torch.float32
    point = torch.full((1, 2), 2.0)
    assert torch.isfinite(distance(point, torch.zeros(3, 2)))
    assert torch.isfinite(distance.to_law(point, standard(2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": 0}, "directions: expected a whole number, at least 1, got 0"),
        ({"p": 0.5}, "1 <= p < infinity, got 0.5"),
        ({"p": math.inf}, "1 <= p < infinity"),
        ({"p": math.nan}, "1 <= p < infinity"),
        ({"kind": "best"}, "random, max, axes, got 'best'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Sliced(**options)


def test_the_largest_direction_is_found_at_every_scale():
    x, y = (torch.randn(40, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    found = Sliced(8, kind="max", seed=0)
    assert float(found(1e-8 * x, 1e-8 * y)) == pytest.approx(1e-16 * float(found(x, y)), rel=1e-6)
