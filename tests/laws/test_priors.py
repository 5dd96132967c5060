"""Priors against scipy, closed forms and brute force."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from remblai import laws
from remblai.laws import PRIORS
from remblai.laws.priors import Mixture, Normal, Sphere, Uniform, UniformOnSphere

CASES = [
    Normal(3, scale=0.7),
    Normal(1),
    Uniform(4, scale=1.5),
    Sphere(1),
    Sphere(2),
    Sphere(5),
    Mixture(1, components=4),
    Mixture(2, components=1),
    Mixture(2),
    Mixture(6, components=3, radius=1.0, scale=2.0),
]


def name(prior):
    return f"{type(prior).__name__}-{prior.latent}"


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_shapes_and_density_of_the_samples(prior):
    law = prior()
    assert (law.batch_shape, law.event_shape) == ((), (prior.latent,))
    z = law.sample((50,))
    assert z.shape == (50, prior.latent)
    assert law.log_prob(z).shape == (50,)
    assert law.log_prob(z).isfinite().all()


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_square_distance_against_brute_force(prior):
    torch.manual_seed(0)
    x, y = prior().sample((2, 200_000))
    squares = (x - y).square().sum(1).double()
    error = squares.std() / math.sqrt(len(squares))
    assert abs(squares.mean() - prior.square_distance) < 5 * error + 1e-6


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_moments_of_the_samples_are_those_of_the_law(prior):
    torch.manual_seed(0)
    law = prior()
    z = law.sample((200_000,))
    torch.testing.assert_close(z.mean(0), law.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(z.var(0), law.variance, atol=0.05, rtol=0.02)


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_nearest_is_on_the_support_and_nearer_than_any_draw(prior):
    torch.manual_seed(0)
    z = 3.0 * torch.randn(20, prior.latent)
    near = prior.nearest(z)
    assert torch.allclose(prior.nearest(near), near)
    assert (prior().log_prob(near * (1 - 1e-6)) > -torch.inf).all()
    draws = prior().sample((500,))
    assert ((z - near).norm(dim=1)[:, None] <= torch.cdist(z, draws) + 1e-5).all()
    torch.testing.assert_close(prior.nearest(draws), draws)


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_constrain_lands_on_the_support_with_a_gradient(prior):
    raw = (3 * torch.randn(20, prior.latent)).requires_grad_()
    z = prior.constrain(raw)
    assert z.shape == raw.shape
    assert prior().log_prob(z).isfinite().all()
    z.square().sum().backward()
    assert raw.grad.isfinite().all()


def test_densities_against_scipy():
    z = torch.randn(30, 3)
    expected = stats.norm(scale=0.7).logpdf(z.numpy()).sum(1)
    np.testing.assert_allclose(Normal(3, scale=0.7)().log_prob(z), expected, rtol=1e-5)
    z = torch.rand(30, 3) * 3 - 1.5
    np.testing.assert_allclose(Uniform(3, scale=1.5)().log_prob(z), -3 * math.log(3.0), rtol=1e-5)
    assert Uniform(3)().log_prob(torch.tensor([0.0, 0.0, 1.1])) == -math.inf


def test_mixture_density_against_a_sum_of_scipy_densities():
    prior = Mixture(3, components=5, radius=2.0, scale=0.6)
    z = 2 * torch.randn(30, 3)
    density = sum(stats.multivariate_normal(c, 0.36 * np.eye(3)).pdf(z.numpy()) for c in prior.centres.numpy()) / 5
    np.testing.assert_allclose(prior().log_prob(z), np.log(density), rtol=1e-4, atol=1e-4)


AREAS = [2.0, 2 * math.pi, 4 * math.pi, 2 * math.pi**2, 8 / 3 * math.pi**2, math.pi**3, 16 / 15 * math.pi**3]


@pytest.mark.parametrize(("k", "area"), list(enumerate(AREAS, 1)))
def test_sphere_density_against_the_known_areas(k, area):
    z = UniformOnSphere(torch.eye(1, k)[0].double()).sample((4,))
    np.testing.assert_allclose(UniformOnSphere(z[0]).log_prob(z), -math.log(area), rtol=1e-12)


def test_off_the_sphere_there_is_no_mass():
    law = Sphere(3)()
    assert law.log_prob(torch.tensor([[1.01, 0.0, 0.0], [0.6, 0.8, 0.0]])).isfinite().tolist() == [False, True]


def test_the_sphere_expands_like_any_law():
    law = Sphere(3)().expand((4, 2))
    assert (law.batch_shape, law.event_shape) == ((4, 2), (3,))
    z = law.rsample((5,))
    assert z.shape == (5, 4, 2, 3)
    assert law.log_prob(z).shape == (5, 4, 2)
    assert law.log_prob(z[0, 0, 0]).shape == (4, 2)
    assert law.mean.shape == law.variance.shape == (4, 2, 3)


def test_samples_on_the_circle_are_uniform_in_angle():
    torch.manual_seed(0)
    z = Sphere(2)().sample((5000,))
    angles = torch.atan2(z[:, 1], z[:, 0]).numpy()
    assert stats.kstest(angles, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 0.01


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_ways_between_codes_have_their_ends_and_even_steps(prior):
    torch.manual_seed(0)
    z0, z1, t = prior().sample((6,)), prior().sample((6,)), torch.linspace(0, 1, 5)
    way = prior.between(z0, z1, t)
    assert way.shape == (6, 5, prior.latent)
    torch.testing.assert_close(way[:, 0], z0)
    torch.testing.assert_close(way[:, -1], z1)
    if isinstance(prior, Sphere) and prior.latent == 1:
        return  # two points: there is no way from one to the other
    lengths = way.diff(dim=1).norm(dim=-1)
    torch.testing.assert_close(lengths, lengths[:, :1].expand(-1, 4), rtol=1e-4, atol=1e-5)
    if isinstance(prior, Sphere):
        torch.testing.assert_close(way.norm(dim=-1), torch.ones(6, 5))


def test_a_quarter_of_a_circle_and_ways_that_stay():
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    middle = Sphere(2).between(east, north, torch.tensor([0.5]))
    torch.testing.assert_close(middle, torch.full((1, 1, 2), math.sqrt(0.5)))
    torch.testing.assert_close(Sphere(2).between(east, east, torch.linspace(0, 1, 3)), east.expand(1, 3, 2))
    assert Sphere(2).between(east, -east, torch.linspace(0, 1, 3)).isfinite().all()


def test_centres_of_the_mixture():
    circle = Mixture(4, components=6, radius=2.0).centres
    torch.testing.assert_close(circle.norm(dim=1), torch.full((6,), 2.0))
    torch.testing.assert_close((circle - circle.roll(1, 0)).norm(dim=1), torch.full((6,), 2.0))  # a hexagon
    assert not circle[:, 2:].any()
    assert Mixture(1, components=3, radius=2.0).centres[:, 0].tolist() == [-2.0, 0.0, 2.0]
    assert not Mixture(3, components=1).centres.any()


@pytest.mark.parametrize("factory", PRIORS.values(), ids=PRIORS)
def test_bad_sizes_are_refused(factory):
    with pytest.raises(ValueError, match="at least 1 latent dimension, got 0"):
        factory(0)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_bad_scales_are_refused(scale):
    for factory in (Normal, Uniform, Mixture):
        with pytest.raises(ValueError, match="positive, finite scale"):
            factory(2, scale=scale)
    with pytest.raises(ValueError, match="at least 1 component"):
        Mixture(2, components=0)


@pytest.mark.parametrize("prior", CASES, ids=name)
def test_the_law_follows_the_module_and_adds_nothing_to_a_checkpoint(prior):
    moved = type(prior)(prior.latent).to(torch.float64)
    assert moved().sample((2,)).dtype == torch.float64
    assert moved.to("meta")().mean.device.type == "meta"
    assert not prior.state_dict()


def test_the_sides_of_the_cube_have_its_density():
    prior = Uniform(2, scale=1.5)
    z = torch.tensor([[1.5, 0.0], [-1.5, 1.5], [0.0, 0.0], [1.6, 0.0]])
    assert torch.allclose(prior.log_prob(z)[:3], torch.full((3,), -2.0 * math.log(3.0)))
    assert prior.log_prob(z)[3] == -math.inf
    assert torch.equal(prior().log_prob(z), prior.log_prob(z))


@pytest.mark.parametrize("prior", [one for one in CASES if one.latent > 1], ids=name)
def test_coordinates_that_are_called_alike_have_one_law(prior):
    torch.manual_seed(0)
    spread = torch.sort(prior.sample(20_000), 0).values
    gaps = (spread - spread.mean(1, keepdim=True)).abs().mean(0)
    assert not prior.alike or float(gaps.max()) < 0.05 * prior.square_distance**0.5


def test_every_prior_is_there_by_its_class() -> None:
    assert {getattr(laws, factory.__name__) for factory in PRIORS.values()} == set(PRIORS.values())
