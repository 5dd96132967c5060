import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

from remblai.laws import ENCODERS, PRIORS
from remblai.laws.encoders import Gaussian, Implicit
from remblai.laws.priors import Normal, Sphere, Uniform
from remblai.networks import NETWORKS, Network

SHAPE = (1, 8, 8)
PAIRS = [(e, p) for e in ENCODERS for p in PRIORS if (e, p) not in {("gaussian", "uniform"), ("gaussian", "sphere")}]


def build(encoder, prior, latent=3):
    torch.manual_seed(0)
    return ENCODERS[encoder](NETWORKS["mlp"](SHAPE, width=16), PRIORS[prior](latent))


class Given(torch.nn.Module):
    """A network that answers with its parameter, whatever x is."""

    def __init__(self, answer):
        super().__init__()
        self.answer = torch.nn.Parameter(answer)

    def forward(self, x):
        return self.answer


def answering(answer):
    return Network(SHAPE, lambda _: Given(answer), lambda _: Given(answer))


@pytest.mark.parametrize(("name", "prior"), PAIRS)
def test_law_of_the_codes(name, prior):
    encoder, x = build(name, prior), torch.rand(5, *SHAPE)
    law = encoder(x)
    assert (law.batch_shape, law.event_shape) == ((5,), (3,))
    z = law.rsample()
    assert z.shape == (5, 3)
    assert law.rsample((4,)).shape == (4, 5, 3)
    assert law.mean.shape == (5, 3)
    assert PRIORS[prior](3)().log_prob(z).isfinite().all()  # on the prior's support
    assert z.equal(law.rsample()) is not encoder.stochastic
    z.square().sum().backward()
    for parameter in encoder.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    if encoder.has_density:
        assert law.log_prob(z).shape == (5,)
    else:
        with pytest.raises(ValueError, match="no density"):
            law.log_prob(z)


@pytest.mark.parametrize("prior", ["uniform", "sphere"])
def test_a_gaussian_does_not_fit_a_bounded_prior(prior):
    with pytest.raises(
        ValueError, match=rf"'{prior}' is confined.*'normal' or 'mixture'.*'deterministic' or 'implicit'"
    ):
        build("gaussian", prior)


def test_gaussian_density_by_hand():
    mean, log_variance = torch.randn(2, 4, 3).double()
    law = Gaussian(answering(torch.cat([mean, log_variance], 1)), Normal(3), start=0.0)(torch.zeros(4, *SHAPE))
    z = torch.randn(4, 3).double()
    variance = log_variance.exp()
    expected = -0.5 * ((z - mean) ** 2 / variance + log_variance + np.log(2 * np.pi)).sum(1)
    torch.testing.assert_close(law.log_prob(z), expected, rtol=1e-5, atol=1e-5)


def test_training_starts_with_small_noise():
    law = Gaussian(answering(torch.zeros(2, 6)), Normal(3))(torch.zeros(2, *SHAPE))
    torch.testing.assert_close(law.stddev, torch.full((2, 3), np.exp(-2.0), dtype=torch.float32))


def test_kl_to_the_normal_prior_by_hand():
    mean, log_variance = torch.randn(2, 4, 3).double()
    law = Gaussian(answering(torch.cat([mean, log_variance], 1)), Normal(3), start=0.0)(torch.zeros(4, *SHAPE))
    scale = 1.7
    prior = Normal(3, scale=scale).double()()
    ratio = log_variance.exp() / scale**2
    expected = 0.5 * (ratio + mean**2 / scale**2 - 1 - ratio.log()).sum(1)
    torch.testing.assert_close(kl_divergence(law, prior), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("wild", [-1e4, 1e4])
def test_wild_log_variances_stay_finite(wild):
    answer = torch.cat([torch.zeros(2, 3), torch.full((2, 3), wild)], 1)
    law = Gaussian(answering(answer), Normal(3))(torch.zeros(2, *SHAPE))
    deviation = torch.tensor((1e-8 + np.exp(np.clip(wild, -50, 50))) ** 0.5, dtype=torch.float32)
    torch.testing.assert_close(law.stddev, deviation.expand(2, 3))
    assert law.log_prob(law.rsample()).isfinite().all()


def test_codes_of_the_uniform_prior_and_the_sphere():
    raw = torch.tensor([[3.0, -4.0]])
    deterministic = ENCODERS["deterministic"]
    x = torch.zeros(1, *SHAPE)
    torch.testing.assert_close(deterministic(answering(raw), Uniform(2, scale=2.0))(x).mean, 2 * raw.tanh())
    torch.testing.assert_close(deterministic(answering(raw), Sphere(2))(x).mean, torch.tensor([[0.6, -0.8]]))


def test_implicit_noise_is_that_of_the_official_code():
    """z - e(x) = A(e(x)) noise, A through tanh layers of 2k, 4k, 6k units; small at the start."""
    torch.manual_seed(0)
    k = 4
    encoder = Implicit(answering(torch.randn(1, k)), Normal(k))
    sizes = [layer.out_features for layer in encoder.mixing if isinstance(layer, torch.nn.Linear)]
    assert sizes == [2 * k, 4 * k, 6 * k, k * k]
    law = encoder(torch.zeros(1, *SHAPE))
    mixing = encoder.mixing(law.mean)[0].reshape(k, k)
    noise = (law.sample((50_000,)) - law.mean)[:, 0]
    torch.testing.assert_close(noise.T.cov(), mixing @ mixing.T, atol=3e-4, rtol=0.05)
    assert 0 < noise.std() < 0.5


@pytest.mark.parametrize("name", ENCODERS)
def test_laws_are_float32_when_the_network_is_not(name):
    encoder = build(name, "normal")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        law = encoder(torch.rand(2, *SHAPE))
    assert law.rsample().dtype == law.mean.dtype == torch.float32


@pytest.mark.parametrize(("name", "prior"), PAIRS)
def test_state_survives_saving(name, prior):
    one, other = build(name, prior).eval(), build(name, prior).eval()
    for parameter in one.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(one.state_dict())
    x = torch.rand(2, *SHAPE)
    assert one(x).mean.equal(other(x).mean)


def test_a_black_box_starts_as_a_gaussian_and_bends_with_its_weights():
    torch.manual_seed(0)
    encoder = build("black-box", "normal").eval()
    with torch.no_grad():
        law = encoder(torch.rand(1, *SHAPE))
        assert law.stddev.mean() == pytest.approx(np.exp(-2.0), rel=0.5)
        skew = ((law.sample((4000,)) - law.mean) / law.stddev).pow(3).mean((0, 1)).abs()
    assert skew.max() < 0.2
    torch.nn.init.normal_(encoder.bend[-1].weight)
    bent = encoder(torch.rand(1, *SHAPE)).sample((4000,))
    assert (((bent - bent.mean(0)) / bent.std(0)).pow(3).mean((0, 1)).abs()).max() > 0.3


def test_a_black_box_draws_the_places_of_its_moments_anew_while_it_trains():
    encoder, x = build("black-box", "normal"), torch.rand(2, *SHAPE)
    torch.nn.init.normal_(encoder.bend[-1].weight)
    assert not encoder(x).variance.equal(encoder(x).variance)
    encoder.eval()
    assert encoder(x).variance.equal(encoder(x).variance)


@pytest.mark.parametrize(
    ("given", "words"), [({"width": 0}, "width"), ({"depth": 0}, "depth"), ({"draws": 1}, "draws")]
)
def test_a_black_box_without_size_is_refused(given, words):
    with pytest.raises(ValueError, match=words if words != "draws" else "places of the noise"):
        ENCODERS["black-box"](NETWORKS["mlp"](SHAPE, width=16), Normal(2), **given)
