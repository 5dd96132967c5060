"""The variational recipes: each is another at some of its settings, loss and gradient."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from remblai.objectives import AutoEncoder
from remblai.recipes import RECIPES, Recipe
from remblai.recipes.variational import avb, vae
from remblai.training import State, steps

PARTS: dict[str, Any] = {"latent": 3, "network": {"name": "mlp", "width": 8}}
FIXED = {"name": "gaussian", "variance": 0.3}


class Side(torch.nn.Module):
    """A decoder's logits: nearly sure of the sign of the code."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return 20.0 * z.reshape(-1, 1, 1, 1)


def descended(model: AutoEncoder, weights: dict[str, Any], x: torch.Tensor) -> dict[str, torch.Tensor]:
    model.load_state_dict(weights)
    torch.manual_seed(1)
    loss = sum(model(x).values())
    named = dict(model.named_parameters())
    gradients = torch.autograd.grad(loss, list(named.values()))  # type: ignore[arg-type]
    return {"loss": loss.detach(), **dict(zip(named, gradients, strict=True))}  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", [(2,), (1, 3, 5)], ids=str)
@pytest.mark.parametrize("decoder", [FIXED, {"name": "gaussian", "variance": 0.1, "learned": True}], ids=str)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("info-vae", {"alpha": 0.0, "weight": 1.0}), ("vae", {})),
        (("info-vae", {"alpha": 1.0, "weight": 40.0}), ("mmd-vae", {"weight": 40.0})),
        (("beta-vae", {"beta": 1.0}), ("vae", {})),
        (("mmd-vae", {"weight": 40.0}), ("wae-mmd", {"weight": 40.0, "encoder": "gaussian", "noise": 0.0})),
    ],
    ids=["info-vae is vae", "info-vae is mmd-vae", "beta-vae is vae", "mmd-vae is wae-mmd"],
)
def test_one_is_the_other_exactly(
    one: tuple[str, Any], other: tuple[str, Any], decoder: dict[str, Any], shape: tuple[int, ...]
) -> None:
    extra = {"cost": "negative-log-likelihood"} if other[0] == "wae-mmd" else {}
    models = [
        RECIPES[name](shape, **PARTS, decoder=decoder, **given) for name, given in (one, (other[0], other[1] | extra))
    ]
    x = torch.rand(7, *shape)
    mine, theirs = (descended(model, models[0].state_dict(), x) for model in models)  # type: ignore[arg-type]
    assert mine.keys() == theirs.keys()
    for key, value in mine.items():
        assert torch.equal(value, theirs[key]), key


def test_mmd_vae_at_a_variance_of_one_half_is_wae_mmd_with_a_random_encoder() -> None:
    x = torch.randn(7, 2)
    vae = RECIPES["mmd-vae"]((2,), **PARTS, weight=40.0)
    wae = RECIPES["wae-mmd"]((2,), **PARTS, weight=40.0, encoder="gaussian", noise=0.0)
    mine, theirs = (descended(model, vae.state_dict(), x) for model in (vae, wae))  # type: ignore[arg-type]
    mine.pop("loss"), theirs.pop("loss")
    for key, value in mine.items():
        torch.testing.assert_close(value, theirs[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("alpha", "weight"), [(0.5, 100.0), (-1.0, 3.0), (0.0, 1.5)])
def test_info_vae_is_the_papers_sum(alpha: float, weight: float) -> None:
    x = torch.randn(9, 2)

    def penalty(name: str, **options: Any) -> float:
        model = RECIPES[name]((2,), **PARTS, **options)
        model.load_state_dict(start)
        torch.manual_seed(1)
        return float(model(x)["penalty"])

    start = RECIPES["vae"]((2,), **PARTS, decoder=FIXED).state_dict()
    expected = (1 - alpha) * penalty("vae", decoder=FIXED)
    expected += (alpha + weight - 1) * penalty("mmd-vae", weight=1.0, decoder=FIXED)
    assert penalty("info-vae", alpha=alpha, weight=weight, decoder=FIXED) == pytest.approx(expected, rel=1e-5)


def test_beta_weighs_the_divergence_only() -> None:
    models = [RECIPES[name]((2,), **PARTS, decoder=FIXED) for name in ("vae", "beta-vae")]
    models[1].load_state_dict(models[0].state_dict())
    found = []
    for model in models:
        torch.manual_seed(1)
        found.append(model(torch.ones(7, 2)))
    assert found[1]["transport"].item() == found[0]["transport"].item()
    assert found[1]["penalty"].item() == pytest.approx(2 * found[0]["penalty"].item())
    assert models[1].weights()["penalty"] == 2.0


LINEAR = {"name": "mlp", "depth": 0}
SIGMA = 0.3
LOADINGS = torch.tensor([[1.0, -0.5], [0.5, 1.0], [1.0, 0.0]])  # columns at a right angle: independent posteriors
OFFSET = torch.tensor([0.5, -1.0, 2.0])


def principal(recipe: Recipe, learned: bool, **options: Any) -> AutoEncoder:
    """Probabilistic principal components: x = L z + offset + noise, with the exact posterior for an encoder."""
    decoder = {"name": "gaussian", "variance": SIGMA, "learned": learned}
    model = recipe((3,), latent=2, network=LINEAR, decoder=decoder, encoder="gaussian", **options)
    assert isinstance(model, AutoEncoder)
    precision = LOADINGS.T @ LOADINGS / SIGMA + torch.eye(2)
    back = torch.linalg.solve(precision, LOADINGS.T) / SIGMA
    with torch.no_grad():
        encoder, decoder_layer = (
            net.body.get_submodule(name) for net, name in ((model.encoder, "1"), (model.decoder, "0"))
        )
        encoder.weight.copy_(torch.cat([back, torch.zeros(2, 3)]))
        encoder.bias.copy_(torch.cat([-back @ OFFSET, -precision.diagonal().log() + 4.0]))
        decoder_layer.weight.copy_(LOADINGS)
        decoder_layer.bias.copy_(OFFSET)
    return model


def evidence(x: torch.Tensor) -> float:
    law = MultivariateNormal(OFFSET, LOADINGS @ LOADINGS.T + SIGMA * torch.eye(3))
    return float(law.log_prob(x).mean())


@pytest.mark.parametrize("learned", [False, True])
def test_with_the_exact_posterior_the_vae_descends_minus_the_log_likelihood(learned: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 3).repeat(20_000, 1)
    with torch.no_grad():
        loss = sum(principal(vae, learned)(x).values())
    assert -float(loss) == pytest.approx(evidence(x), abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_the_bound_lies_below_by_the_divergence_from_the_exact_posterior(learned: bool) -> None:
    torch.manual_seed(0)
    x, model = torch.randn(5, 3).repeat(20_000, 1), principal(vae, learned)
    posterior = model.encoder(x[:5]).base_dist
    with torch.no_grad():
        model.encoder.body.get_submodule("1").bias += torch.tensor([0.2, -0.1, 0.5, -0.4])
    gap = kl_divergence(model.encoder(x[:5]).base_dist, posterior).sum(1).mean()
    assert gap > 0.1
    assert -float(sum(model(x).values())) == pytest.approx(evidence(x) - float(gap), abs=0.01)


@pytest.mark.parametrize("learned", [False, True])
def test_with_the_exact_posterior_avb_descends_minus_the_log_likelihood_at_every_draw(learned: bool) -> None:
    torch.manual_seed(0)
    model, x = principal(avb, learned, penalty={"name": "joint", "width": 8}), torch.randn(5, 3)
    with torch.no_grad():
        for (
            parameter
        ) in model.penalty.parameters():  # the best critic: codes less their mean, over their deviation, are
            parameter.zero_()  # standard normal
    for _ in range(3):
        assert -float(sum(model(x).values())) == pytest.approx(evidence(x), abs=1e-4)


def test_avb_with_the_best_critic_is_the_vae_but_for_the_draw_of_the_divergence() -> None:
    torch.manual_seed(0)
    one = avb((2,), **PARTS, encoder="gaussian", decoder=FIXED, penalty={"name": "joint", "width": 8})
    other = vae((2,), **PARTS, decoder=FIXED)
    other.load_state_dict({key: value for key, value in one.state_dict().items() if "penalty" not in key})
    with torch.no_grad():
        for parameter in one.penalty.parameters():
            parameter.zero_()
    x = torch.randn(4, 2).repeat(20_000, 1)
    found = []
    for model in (one, other):
        torch.manual_seed(1)
        found.append(model(x))
    assert found[0]["transport"].item() == pytest.approx(found[1]["transport"].item(), rel=1e-6)
    assert found[0]["penalty"].item() == pytest.approx(found[1]["penalty"].item(), rel=0.01)


@pytest.mark.parametrize("contrast", [True, False])
@pytest.mark.parametrize("encoder", ["black-box", "gaussian"])
@pytest.mark.parametrize("shape", [(2,), (3, 17, 19)], ids=str)
def test_avb_gives_its_parts_their_gradients(shape: tuple[int, ...], encoder: str, contrast: bool) -> None:
    torch.manual_seed(0)
    network = {"name": "auto", "width": 8}
    model = avb(shape, 3, network, encoder=encoder, penalty={"name": "joint", "contrast": contrast, "width": 8})
    x = torch.rand(8, *shape)
    model.adversary_loss(x).backward()
    inner = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert inner == {name for name, _ in model.named_parameters() if ".critic." in name}
    for parameter in model.parameters():
        parameter.grad = None
        parameter.requires_grad_(parameter not in set(model.penalty.parameters()))
    sum(model(x).values()).backward()  # type: ignore[union-attr]
    outer = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert outer == {name for name, _ in model.named_parameters()} - inner


def test_avb_learns_a_half_normal_posterior_and_reaches_the_log_likelihood() -> None:
    """x says on which side of 0 its code is: p(x) = 1/2, and each posterior is half of the prior."""
    torch.manual_seed(0)
    network, encoder = {"name": "mlp", "width": 16}, {"name": "black-box", "width": 16}
    model = avb((1, 1, 1), 1, network, encoder=encoder, decoder="bernoulli", penalty={"name": "joint", "width": 24})
    model.decoder.body = Side()
    x = torch.tensor([0.0, 1.0]).repeat(100).reshape(-1, 1, 1, 1)
    state = State(model, lr=5e-3, critic_lr=1e-2, critic_steps=2, betas=(0.5, 0.999), steps=400, schedule="cosine")
    for _ in steps(state, itertools.repeat(x)):
        pass
    with torch.no_grad():
        bound = -sum(float(sum(model(x).values())) for _ in range(50)) / 50
        z = model.encoder(x[1:2]).sample((20_000,)).flatten()
    assert bound == pytest.approx(-math.log(2.0), abs=0.06)
    assert ((z - z.mean()) / z.std()).pow(3).mean() > 0.6  # the half normal law's is 0.995, a Gaussian's 0


@pytest.mark.parametrize("shape", [(2,), (1, 3, 5)], ids=str)
def test_a_gaussian_decoder_adds_its_variance_in_every_coordinate_to_the_squared_cost(shape: tuple[int, ...]) -> None:
    x = torch.rand(3, *shape).repeat(20_000, *(1 for _ in shape))
    models = [
        RECIPES["pot"](shape, **PARTS, penalty="mmd", encoder="deterministic", decoder=decoder)
        for decoder in ("deterministic", {"name": "gaussian", "variance": 0.3})
    ]
    models[1].load_state_dict(models[0].state_dict())
    with torch.no_grad():
        plain, noisy = (model.cost(x, model.decoder(model.encode(x).z).rsample()).mean().item() for model in models)
    assert noisy == pytest.approx(plain + 0.3 * math.prod(shape), rel=0.01)


def test_coins_have_the_bound_of_the_cross_entropy() -> None:
    torch.manual_seed(0)
    model, x = vae((1, 2, 2), **PARTS, decoder="bernoulli"), torch.rand(6, 1, 2, 2)
    torch.manual_seed(1)
    terms = model(x)
    torch.manual_seed(1)
    law = model.encoder(x)
    p = torch.sigmoid(model.decoder.body(law.rsample())).double()
    entropy = -(x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3)).mean()
    mean, variance = law.base_dist.loc, law.base_dist.scale.square()
    divergence = 0.5 * (variance + mean.square() - 1 - variance.log()).sum(1).mean()
    assert terms["transport"].item() == pytest.approx(entropy.item(), rel=1e-5)
    assert terms["penalty"].item() == pytest.approx(divergence.item(), rel=1e-5)
