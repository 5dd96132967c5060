"""The variational recipes: each is another at some of its settings, loss and gradient."""

from typing import Any

import pytest
import torch

from remblai.objectives import AutoEncoder
from remblai.recipes import RECIPES

PARTS: dict[str, Any] = {"latent": 3, "network": {"name": "mlp", "width": 8}}
FIXED = {"name": "gaussian", "variance": 0.3}


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


@pytest.mark.parametrize(("alpha", "weight"), [(0.5, 100.0), (-1.0, 3.0), (0.0, 0.5)])
def test_info_vae_is_the_papers_sum_weights_below_0_included(alpha: float, weight: float) -> None:
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
    models = [RECIPES[name]((2,), **PARTS) for name in ("vae", "beta-vae")]
    models[1].load_state_dict(models[0].state_dict())
    found = []
    for model in models:
        torch.manual_seed(1)
        found.append(model(torch.ones(7, 2)))
    assert found[1]["transport"].item() == found[0]["transport"].item()
    assert found[1]["penalty"].item() == pytest.approx(4 * found[0]["penalty"].item())
    assert models[1].weights()["penalty"] == 4.0
