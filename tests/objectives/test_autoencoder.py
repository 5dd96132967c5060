"""The auto-encoder's terms against sums written out by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.costs import COSTS
from remblai.discrepancies import MMD
from remblai.laws import DECODERS, ENCODERS, PRIORS
from remblai.networks import NETWORKS
from remblai.objectives import AutoEncoder, Conditional, Marginal
from remblai.recipes import RECIPES

SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10)
MLP = {"name": "mlp", "width": 16}
Array = NDArray[Any]


def perceptron(layers: torch.nn.Module, x: Array) -> Array:
    """A multilayer perceptron in numpy: an affine map at each weight, a rectifier between them."""
    state = {name: value.double().numpy() for name, value in layers.state_dict().items()}
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    for name in names:
        x = x @ state[name + ".weight"].T + state[name + ".bias"]
        x = np.maximum(x, 0) if name != names[-1] else x
    return x


def inverse_multiquadric(x: Array, y: Array, scale: float) -> float:
    square = sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
    return float(sum(scale * s / (scale * s + square) for s in SCALES))


def algorithm_2(z: Array, p: Array, scale: float) -> float:
    """The penalty of algorithm 2 of arXiv 1711.01558, term by term."""
    n = len(z)
    pairs = [(i, j) for i in range(n) for j in range(n)]
    within = sum(
        inverse_multiquadric(p[i], p[j], scale) + inverse_multiquadric(z[i], z[j], scale) for i, j in pairs if i != j
    )
    across = sum(inverse_multiquadric(p[i], z[j], scale) for i, j in pairs)
    return within / (n * (n - 1)) - 2 * across / n**2


@pytest.mark.parametrize("prior", ["normal", "uniform", "sphere"])
def test_wae_mmd_is_the_papers_sum(prior: str) -> None:
    torch.manual_seed(0)
    parts = {"encoder": "deterministic", "penalty": {"name": "mmd", "closed_form": False}}
    model = RECIPES["wae-mmd"]((2,), latent=3, weight=7.0, network=MLP, prior=prior, **parts).eval()
    x = torch.randn(9, 2)
    torch.manual_seed(1)
    terms = model(x)
    torch.manual_seed(1)
    p = model.prior().sample((9,)).double().numpy()
    codes = perceptron(model.encoder.body, x.double().numpy())
    if prior == "uniform":
        codes = np.tanh(codes)
    if prior == "sphere":
        codes = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    again = perceptron(model.decoder.body, codes)
    transport = (
        sum(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) for one, other in zip(x, again, strict=True)) / 9
    )
    assert terms["transport"].item() == pytest.approx(float(transport), rel=1e-5)
    expected = algorithm_2(codes, p, model.prior.square_distance)
    assert terms["penalty"].item() == pytest.approx(7.0 * expected, rel=1e-4, abs=1e-5)


def test_the_exact_terms_of_the_prior_are_the_mean_of_the_sampled_ones() -> None:
    torch.manual_seed(0)
    model = RECIPES["wae-mmd"]((2,), latent=2, weight=1.0, network=MLP)
    sampled = MMD(model.penalty.discrepancy.kernel, closed_form=False)
    z = model.encode(torch.randn(50, 2)).z.detach()
    draws = torch.stack([sampled.to_law(z, model.prior()) for _ in range(3000)])
    exact = model.penalty.discrepancy.to_law(z, model.prior())
    assert abs(exact - draws.mean()).item() < 4 * draws.std().item() / math.sqrt(len(draws))


@pytest.mark.parametrize("learned", [False, True])
def test_the_vae_descends_minus_the_evidence_bound(learned: bool) -> None:
    torch.manual_seed(0)
    decoder = {"name": "gaussian", "variance": 0.3, "learned": learned}
    model = RECIPES["vae"]((2,), latent=3, network=MLP, decoder=decoder)
    x = torch.randn(6, 2)
    torch.manual_seed(1)
    terms = model(x)
    torch.manual_seed(1)
    noise = torch.randn(6, 3).double().numpy()
    outputs = perceptron(model.encoder.body, x.double().numpy())
    mean, deviation = outputs[:, :3], np.sqrt(1e-8 + np.exp(outputs[:, 3:] - 4))
    again = perceptron(model.decoder.body, mean + deviation * noise)
    variance = 0.3
    likelihood = -((x.numpy() - again) ** 2).sum(1) / (2 * variance) - math.log(2 * math.pi * variance)
    divergence = 0.5 * (mean**2 + deviation**2 - 1 - 2 * np.log(deviation)).sum(1)
    assert terms["transport"].item() == pytest.approx(-likelihood.mean(), rel=1e-5)
    assert terms["penalty"].item() == pytest.approx(divergence.mean(), rel=1e-5)


def test_the_vae_on_images_with_coins_is_the_cross_entropy() -> None:
    torch.manual_seed(0)
    model = RECIPES["vae"]((1, 3, 3), latent=2, network=MLP, decoder="bernoulli")
    x = torch.rand(5, 1, 3, 3)
    torch.manual_seed(1)
    found = model(x)["transport"].item()
    torch.manual_seed(1)
    p = model.decoder(model.encode(x).z).mean.double()
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3)).mean()
    assert found == pytest.approx(expected.item(), rel=1e-5)


def test_wae_gan_is_the_non_saturating_game_against_the_prior() -> None:
    torch.manual_seed(0)
    model = RECIPES["wae-gan"](
        (2,), latent=2, weight=3.0, network=MLP, encoder="deterministic", penalty={"name": "adversarial", "width": 8}
    ).eval()
    x = torch.randn(7, 2)
    codes = perceptron(model.encoder.body, x.double().numpy())
    critic = model.penalty.discrepancy.critic
    torch.manual_seed(1)
    p = model.prior().sample((7,)).double()
    real, fake = (torch.sigmoid(critic.double()(torch.as_tensor(one))) for one in (p, codes))
    critic.float()
    assert model(x)["penalty"].item() == pytest.approx(3.0 * -fake.log().mean().item(), rel=1e-4)
    torch.manual_seed(1)
    loss = model.adversary_loss(x)
    assert loss.item() == pytest.approx(-(real.log().mean() + (1 - fake).log().mean()).item(), rel=1e-4)


def plain(**options: Any) -> AutoEncoder:
    torch.manual_seed(0)
    prior = PRIORS["normal"](latent=2)
    nets = NETWORKS["mlp"](shape=(3,), width=16)
    options = {"penalty": Marginal(MMD(torch.nn.Module(), closed_form=False))} | options
    return AutoEncoder(
        ENCODERS["deterministic"](network=nets, prior=prior),
        DECODERS["deterministic"](network=nets, range=None, latent=2),
        prior,
        COSTS["square"](),
        **options,
    )


def test_weights_scale_their_own_term_and_nothing_else() -> None:
    x = torch.randn(8, 3)

    def terms(**weights: float) -> dict[str, float]:
        torch.manual_seed(0)
        model = RECIPES["wae-mmd"]((3,), latent=2, network=MLP, **weights).eval()
        assert model.weights() == {"transport": weights.get("transport_weight", 1.0), "penalty": weights["weight"]}
        return {name: term.item() for name, term in model(x).items()}

    one, scaled = terms(weight=1.0), terms(weight=4.0, transport_weight=0.05)
    assert scaled["penalty"] == pytest.approx(4 * one["penalty"], rel=1e-5)
    assert scaled["transport"] == pytest.approx(0.05 * one["transport"], rel=1e-5)
    assert terms(weight=0.0)["penalty"] == 0.0


def test_noise_is_on_the_input_while_training_only_and_cut_at_two_deviations() -> None:
    model = plain(penalty=None, noise=0.5)
    x = torch.zeros(4000, 3)
    seen: list[Tensor] = []
    model.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.train()
    terms = model(x)
    model.eval()
    model(x)
    assert seen[0].abs().max() <= 1.0
    assert seen[0].std().item() == pytest.approx(0.5 * 0.8796, rel=0.03)  # of a normal law cut at two deviations
    assert torch.equal(seen[1], x)
    again = model.decoder(model.encoder(seen[0]).mean).mean
    assert terms["transport"].item() == pytest.approx(again.square().sum(1).mean().item(), rel=1e-5), (
        "cost is to clean x"
    )


def test_a_plain_auto_encoder_has_one_term_and_no_adversary() -> None:
    model = plain(penalty=None)
    assert set(model(torch.randn(4, 3))) == {"transport"}
    assert model.adversary_loss(torch.randn(4, 3)) is None


def test_samples_are_decoded_draws_of_the_prior_without_gradient() -> None:
    model = plain(penalty=None).eval()
    torch.manual_seed(3)
    found = model.sample(5)
    torch.manual_seed(3)
    assert torch.equal(found, model.decoder(model.prior().sample((5,))).mean)
    assert not found.requires_grad


def test_no_gradient_of_the_critics_turn_reaches_the_encoder() -> None:
    model = RECIPES["wae-gan"]((2,), latent=2, network=MLP, penalty={"name": "adversarial", "width": 8})
    model.adversary_loss(torch.randn(8, 2)).backward()
    assert all(p.grad is None for p in [*model.encoder.parameters(), *model.decoder.parameters()])
    assert all(p.grad is not None for p in model.penalty.discrepancy.critic.parameters())


def test_algorithm_1_weighs_the_critics_loss_too() -> None:
    def critics_loss(**options: Any) -> float:
        torch.manual_seed(0)
        model = RECIPES["wae-gan"]((2,), latent=2, network=MLP, weight=7.0, **options)
        torch.manual_seed(1)
        loss = model.adversary_loss(torch.randn(8, 2))
        assert loss is not None
        return float(loss)

    assert critics_loss(weighted_critic=True) == pytest.approx(7.0 * critics_loss(), rel=1e-6)
    assert critics_loss(weighted_critic=False) == critics_loss(), "off by default"
    assert plain(penalty=None, weighted_critic=True).adversary_loss(torch.randn(4, 3)) is None


@pytest.mark.parametrize("name", ["weight", "transport_weight", "noise"])
@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_weights_outside_their_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected a finite number of at least 0, got"):
        plain(**{name: value})


def test_a_penalty_that_needs_a_density_is_refused_without_one() -> None:
    with pytest.raises(ValueError, match="choose the gaussian encoder"):
        plain(penalty=Conditional())


def test_warm_start_is_zero_when_moments_agree() -> None:
    torch.manual_seed(0)
    model = plain(penalty=None)
    model.encoder.body = torch.nn.Identity()
    model.prior = PRIORS["normal"](latent=3)
    x = torch.randn(200_000, 3)
    found = model.warm_start(x)
    assert found["mean"].item() < 1e-4
    assert found["covariance"].item() < 1e-3
    moved = model.warm_start(2 * x + 1)
    assert moved["mean"].item() == pytest.approx(1.0, rel=0.05)
    assert moved["covariance"].item() == pytest.approx(9 / 3, rel=0.05)
