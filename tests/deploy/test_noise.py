"""Laws of codes as functions of standard normal noise have the law's own moments, and its own draws."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from remblai.deploy.noise import at_noise, of_noise
from remblai.laws import Delta, FittedLaw, Prior, fitted, priors
from remblai.laws.delta import Pushforward
from remblai.laws.encoders import BlackBox
from remblai.laws.pushed import Pushed, places
from remblai.networks.mlp import perceptron
from remblai.objectives import Generator
from remblai.recipes import RECIPES

N = 40_000


def noise_of(width: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((N, width), np.float32))


def codes() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    groups = torch.randint(0, 2, (600, 1), generator=generator)
    return torch.randn(600, 2, generator=generator) * 0.3 + 2.0 * groups - torch.tensor([0.0, 1.0])


LAWS: dict[str, Prior | FittedLaw] = {
    "normal": priors.Normal(3, scale=2.0),
    "uniform": priors.Uniform(3, scale=1.5),
    "sphere": priors.Sphere(3),
    "groups": priors.Mixture(3, components=5),
    "one group": priors.Mixture(3, components=1),
    "gaussian": fitted.Gaussian().fit(codes()),
    "mixture": fitted.Mixture(components=2).fit(codes()),
    "auto": fitted.Auto(candidates=("gaussian",)).fit(codes()),
}


@pytest.mark.parametrize("name", list(LAWS))
def test_the_moments_are_those_of_the_law(name: str) -> None:
    law = LAWS[name]
    function = of_noise(law)
    found = function(noise_of(function.width))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        expected = law.sample(N)
    assert found.shape == expected.shape
    slack = 5 * (2 / N) ** 0.5  # five standard errors of a mean of N in units of the deviation
    deviation = expected.std(0)
    assert (((found - expected).mean(0).abs() / deviation) < slack).all()
    moments = [(of - expected.mean(0)).T @ (of - expected.mean(0)) / N for of in (found, expected)]
    scale = deviation[:, None] * deviation
    assert ((moments[0] - moments[1]).abs() / scale < 3 * slack).all()
    fourth = [(of - expected.mean(0)).pow(4).mean(0) / deviation**4 for of in (found, expected)]
    assert (fourth[0] - fourth[1]).abs().max() < 0.25, "another shape with the same covariance"


def test_one_normal_law_is_kept_in_an_archive(tmp_path: Path) -> None:
    function, noise = of_noise(LAWS["gaussian"]), noise_of(2)[:5]
    torch.export.save(torch.export.export(function, (noise,)), tmp_path / "law.pt2")
    assert torch.equal(torch.export.load(tmp_path / "law.pt2").module()(noise), function(noise))


@pytest.mark.parametrize(
    "law",
    [
        fitted.Transport(atoms=40),
        fitted.Flow(iterations=5, width=8, depth=1, steps=3, atoms=40),
        fitted.TwoStage(iterations=5, width=8, depth=1),
    ],
    ids=lambda law: law.name,
)
def test_a_law_made_of_networks_draws_by_the_same_function(law: FittedLaw) -> None:
    law.fit(codes()[:40])
    function = of_noise(law)
    torch.manual_seed(3)
    expected = law.sample(50)
    torch.manual_seed(3)
    assert torch.allclose(function(torch.randn(50, function.width)), expected, atol=1e-6)


def test_a_generator_of_codes() -> None:
    generator = RECIPES["gmmn"](shape=(4,), latent=2, network={"name": "mlp", "width": 8})
    assert isinstance(generator, Generator)
    function, noise = of_noise(generator), torch.randn(7, 2)
    expected = generator.decode(noise * 1.0 if isinstance(generator.prior, priors.Normal) else function.inner(noise))
    assert torch.equal(function(noise), expected)


@pytest.mark.parametrize("kinds", [("mixture", "gaussian", "groups"), ("mixture", "transport", "gaussian")])
def test_each_class_has_its_own_law(kinds: tuple[str, ...]) -> None:
    laws = [
        {
            "gaussian": fitted.Gaussian(),
            "mixture": fitted.Mixture(components=2),
            "groups": fitted.Mixture(components=4),
            "transport": fitted.Transport(atoms=20),
        }[kind].fit(codes() + 3.0 * number)
        for number, kind in enumerate(kinds)
    ]
    together = fitted.ByClass(fitted.Gaussian(), 3)
    together.laws = nn.ModuleList(laws)
    function, noise = of_noise(together), torch.randn(60, 3)
    assert function.width <= 3
    noise, rows = noise[:, : function.width], torch.arange(60) % 3
    found = function(noise, torch.eye(3)[rows])
    for number, law in enumerate(laws):
        own = of_noise(law)
        alone = noise if own.width == function.width else noise[:, : own.width]
        assert torch.allclose(found[rows == number], own(alone)[rows == number], atol=1e-6)


def test_codes_of_random_encoders() -> None:
    noise = torch.randn(5, 2)
    location, mixing = torch.randn(5, 2), torch.randn(5, 2, 2)
    by_hand = torch.stack([torch.tanh(m + a @ e) for m, a, e in zip(location, mixing, noise, strict=True)])
    assert torch.allclose(at_noise(Pushforward(location, mixing, torch.tanh), noise), by_hand, atol=1e-6)
    law = Pushed(lambda e: location + e**3, places(2), (5,), torch.tanh)
    assert torch.allclose(at_noise(law, noise), torch.tanh(location + noise**3))
    normal = torch.distributions.Independent(torch.distributions.Normal(location, 0.5), 1)
    assert torch.allclose(at_noise(normal, noise), location + 0.5 * noise)


def test_a_black_box_encoder_is_traced_for_any_number_of_rows() -> None:
    encoder = BlackBox(perceptron((3,), width=4, depth=1), priors.Normal(2), width=4, depth=1).eval()

    class Coded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, x: Tensor, noise: Tensor) -> Tensor:
            return at_noise(self.encoder(x), noise)

    rows = torch.export.Dim("n")
    x, noise = torch.randn(2, 3), torch.randn(2, 2)
    program = torch.export.export(Coded().eval(), (x, noise), dynamic_shapes=({0: rows}, {0: rows})).module()
    x, noise = torch.randn(5, 3), torch.randn(5, 2)
    assert torch.allclose(program(x, noise), encoder(x).at(noise), atol=1e-6)


def test_laws_that_are_no_functions_of_noise() -> None:
    class Other(nn.Module):
        def sample(self, n: int) -> Tensor:
            return torch.zeros(n, 2)

    with pytest.raises(ValueError, match="'Other' is not known as a function of noise"):
        of_noise(Other())
    with pytest.raises(ValueError, match="Delta is not known"):
        at_noise(Delta(torch.zeros(1, 2)), torch.zeros(1, 2))
