import numpy as np
import pytest
import torch
from scipy import stats

from remblai.laws import DECODERS
from remblai.laws.decoders import Bernoulli, Gaussian, squeeze_to
from remblai.networks import NETWORKS

SHAPES = [(1, 8, 8), (3, 5, 4), (7,)]
RANGES = [(0, 1), (-1, 1), None]
CASES = [
    (name, shape, r) for name in DECODERS for shape in SHAPES for r in RANGES if name != "bernoulli" or r == (0, 1)
]


def build(name, shape=(1, 8, 8), range=(0, 1), **options):
    torch.manual_seed(0)
    return DECODERS[name](NETWORKS["mlp"](shape, width=16), 3, range, **options)


@pytest.mark.parametrize(("name", "shape", "range"), CASES)
def test_law_of_x(name, shape, range):
    decoder, z = build(name, shape, range), 10 * torch.randn(5, 3)
    law = decoder(z)
    assert (law.batch_shape, law.event_shape) == ((5,), shape)
    assert law.mean.shape == (5, *shape)
    assert law.sample((2,)).shape == (2, 5, *shape)
    if range is not None:
        assert range[0] <= law.mean.min() <= law.mean.max() <= range[1]
    loss = law.mean.square().sum() if name == "deterministic" else -law.log_prob(torch.rand(5, *shape)).sum()
    loss.backward()
    for parameter in decoder.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


def test_a_deterministic_law_shows_its_point_and_has_no_density():
    law = build("deterministic")(torch.randn(2, 3))
    assert law.rsample().equal(law.mean)
    with pytest.raises(ValueError, match="decoder 'gaussian' or 'bernoulli'"):
        law.log_prob(torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize("learned", [False, True])
def test_gaussian_density_against_scipy_summed_over_pixels(learned):
    law = build("gaussian", variance=0.3, learned=learned)(torch.randn(4, 3))
    x = torch.rand(4, 1, 8, 8)
    expected = stats.norm(law.mean.detach().numpy(), 0.3**0.5).logpdf(x.numpy()).sum((1, 2, 3))
    np.testing.assert_allclose(law.log_prob(x).detach(), expected, rtol=1e-4)


def test_gaussian_samples_are_noisy_and_its_mean_is_not():
    torch.manual_seed(0)
    law = build("gaussian", variance=0.04)(torch.randn(2, 3))
    noise = law.rsample((2000,)) - law.mean
    assert abs(float(noise.detach().var()) - 0.04) < 0.001


def test_only_a_learned_variance_is_a_parameter():
    assert "log_variance" not in build("gaussian").state_dict()
    decoder = build("gaussian", variance=0.5, learned=True)
    assert "log_variance" in decoder.state_dict()
    torch.testing.assert_close(decoder(torch.zeros(1, 3)).variance, torch.full((1, 1, 8, 8), 0.5))


def test_a_learned_variance_finds_the_mean_squared_error():
    """The likelihood's best variance is the mean squared error."""
    decoder, z = build("gaussian", learned=True), torch.zeros(50, 3)
    x = torch.rand(50, 1, 8, 8)
    optimiser = torch.optim.Adam([decoder.log_variance], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        (-decoder(z).log_prob(x).mean()).backward()
        optimiser.step()
    law = decoder(z)
    torch.testing.assert_close(law.variance.mean(), (x - law.mean).square().mean(), rtol=1e-2, atol=0)


@pytest.mark.parametrize("smallest", [1e-6, 0.02])
def test_a_learned_variance_has_a_floor(smallest):
    decoder = build("gaussian", learned=True, smallest=smallest)
    torch.nn.init.constant_(decoder.log_variance, -100.0)
    assert decoder(torch.zeros(1, 3)).log_prob(torch.rand(1, 1, 8, 8)).isfinite()
    torch.testing.assert_close(decoder(torch.zeros(1, 3)).variance.min(), torch.tensor(smallest))


@pytest.mark.parametrize("smallest", [0.0, 0.5, 2.0])
def test_a_floor_above_where_a_learned_variance_starts_is_refused(smallest):
    with pytest.raises(ValueError, match=r"smallest variance between 0 and 0\.5"):
        build("gaussian", variance=0.5, learned=True, smallest=smallest)


def test_bernoulli_is_the_cross_entropy_of_grey_pixels():
    law = build("bernoulli")(torch.randn(4, 3))
    x, p = torch.rand(4, 1, 8, 8).double().numpy(), law.mean.detach().double().numpy()
    expected = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3))
    np.testing.assert_allclose(law.log_prob(torch.tensor(x).float()).detach(), expected, rtol=1e-4)
    assert set(law.sample().unique().tolist()) == {0.0, 1.0}


def test_bernoulli_is_stable_for_sure_pixels():
    decoder = build("bernoulli")
    torch.nn.init.zeros_(decoder.body[-2].weight)
    torch.nn.init.constant_(decoder.body[-2].bias, -200.0)
    law = decoder(torch.zeros(1, 3))
    torch.testing.assert_close(law.log_prob(torch.zeros(1, 1, 8, 8)), torch.zeros(1))
    torch.testing.assert_close(law.log_prob(torch.ones(1, 1, 8, 8)), torch.tensor([-64 * 200.0]))


@pytest.mark.parametrize("range", [(-1, 1), None, (0, 255)])
def test_bernoulli_needs_probabilities(range):
    with pytest.raises(ValueError, match=r"expected data in the range \(0, 1\).*decoder 'gaussian'"):
        build("bernoulli", range=range)


@pytest.mark.parametrize("name", ["deterministic", "gaussian"])
def test_an_unknown_range_is_refused(name):
    with pytest.raises(ValueError, match=r"scale it to one of them"):
        build(name, range=(0, 255))


@pytest.mark.parametrize("variance", [0.0, -1.0, float("inf"), float("nan")])
def test_a_bad_variance_is_refused(variance):
    with pytest.raises(ValueError, match="positive, finite variance"):
        build("gaussian", variance=variance)


def test_ranges_from_json_are_lists_of_floats():
    x = torch.linspace(-3, 3, 7)
    torch.testing.assert_close(squeeze_to([0.0, 1.0])(x), 1 / (1 + (-x).exp()))
    torch.testing.assert_close(squeeze_to([-1.0, 1.0])(x), x.tanh())
    assert squeeze_to(None)(x).equal(x)


@pytest.mark.parametrize("name", DECODERS)
def test_laws_are_float32_when_the_network_is_not(name):
    decoder = build(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert decoder(torch.randn(2, 3)).mean.dtype == torch.float32


def test_every_decoder_has_an_event_of_the_networks_shape():
    network = NETWORKS["mlp"]((2, 3, 4))
    for decoder in (Gaussian(network, 5, None), Bernoulli(network, 5, (0, 1))):
        assert decoder(torch.zeros(6, 5)).log_prob(torch.zeros(6, 2, 3, 4)).shape == (6,)
