"""Each generator's recipe plays the game that its paper names, with the critic held as it says."""

from typing import Any

import pytest
import torch
from tests.small import settled

from remblai.critics import (
    LIPSCHITZ,
    Adversarial,
    FDivergence,
    Hinge,
    Kantorovich,
    KernelGame,
    LeastSquares,
    Logistic,
    Margin,
    MinibatchEnergy,
)
from remblai.discrepancies import DISCREPANCIES, MMD, Entropic
from remblai.distances import DIVERGENCES
from remblai.kernels import Energy, Gaussian, InverseMultiquadric
from remblai.objectives import CodeGenerator, Generator
from remblai.recipes import RECIPES
from remblai.training.schedules import scheduled

SMALL: dict[str, Any] = {"latent": 3, "network.width": 8, "critic.width": 8, "code": 3, "features": 4}
IMAGE = (2, 8, 8)


def built(name: str, **options: Any) -> Generator:
    made = settled(name, SMALL, **options).build(IMAGE)
    assert isinstance(made, Generator)
    return made


def game_of(name: str, **options: Any) -> Adversarial:
    found = built(name, **options).discrepancy
    assert isinstance(found, Adversarial)
    return found


GAMES: list[tuple[str, dict[str, Any], type, dict[str, Any], str, dict[str, Any]]] = [
    ("gan", {}, Logistic, {"saturating": False}, "r1", {"weight": 0.1}),
    ("gan", {"saturating": True, "lipschitz": "free"}, Logistic, {"saturating": True}, "free", {}),
    ("dcgan", {}, Logistic, {"saturating": False}, "free", {}),
    ("f-gan", {}, FDivergence, {"divergence": "kullback-leibler", "trick": True}, "r1", {"weight": 0.1}),
    *(
        ("f-gan", {"divergence": name, "trick": False}, FDivergence, {"divergence": name, "trick": False}, "r1", {})
        for name in DIVERGENCES
    ),
    ("lsgan", {}, LeastSquares, {}, "r1", {"weight": 1.0}),
    ("wgan", {}, Kantorovich, {}, "clip", {"bound": 0.01}),
    ("wgan-gp", {}, Kantorovich, {}, "gradient-penalty", {"weight": 0.1, "one_sided": False}),
    ("wgan-gp", {"lipschitz.one_sided": True}, Kantorovich, {}, "gradient-penalty", {"one_sided": True}),
    ("wgan-gp", {"lipschitz": "orthogonal"}, Kantorovich, {}, "orthogonal", {}),
    ("sn-gan", {}, Hinge, {}, "spectral", {}),
    ("ebgan", {}, Margin, {"margin": 8.0, "pulling_away": 3.0}, "free", {}),
    ("ebgan", {"margin": 5.0, "pulling_away": 0.0}, Margin, {"margin": 5.0, "pulling_away": 0.0}, "free", {}),
    ("mmd-gan", {}, KernelGame, {}, "gradient-penalty", {"weight": 1.0}),
    ("cramer-gan", {}, KernelGame, {}, "gradient-penalty", {"weight": 1.0}),
    ("ot-gan", {"epsilon": 0.2}, MinibatchEnergy, {}, "free", {}),
]


@pytest.mark.parametrize(("name", "options", "game", "played", "held", "how"), GAMES)
def test_the_game_and_the_constraint_are_those_of_the_recipe(
    name: str, options: dict[str, Any], game: type, played: dict[str, Any], held: str, how: dict[str, Any]
) -> None:
    found = game_of(name, **options)
    assert type(found.game) is game
    assert {key: getattr(found.game, key) for key in played} == played
    assert type(found.lipschitz) is LIPSCHITZ[held]
    assert {key: getattr(found.lipschitz, key) for key in how} == how
    assert found.offset is None
    assert found.packing == 1


def test_the_kernels_and_the_transport_on_features_are_those_of_the_recipes() -> None:
    kernels = {name: game_of(name).game.kernel for name in ("mmd-gan", "cramer-gan")}  # type: ignore[attr-defined]
    assert type(kernels["mmd-gan"]) is InverseMultiquadric
    assert type(kernels["cramer-gan"]) is Energy
    assert type(game_of("mmd-gan", kernel="energy").game.kernel) is Energy  # type: ignore[attr-defined]
    assert game_of("ot-gan", epsilon=0.2).game.transport.epsilon == 0.2  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [n for n in RECIPES if "packing" in [o.name for o in settled(n, {}).signature]])
def test_a_packed_critic_judges_so_many_images(name: str) -> None:
    found = game_of(name, packing=3)
    assert found.packing == 3
    seen: list[int] = []
    found.critic.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    found.estimate(torch.rand(18, *IMAGE), torch.rand(18, *IMAGE))
    assert set(seen) == {3 * IMAGE[0]}


def test_the_discrepancies_without_a_critic_are_those_of_the_recipes() -> None:
    gmmn, sinkhorn, least = (built(name).discrepancy for name in ("gmmn", "sinkhorn-gan", "minimum-distance"))
    assert type(gmmn) is MMD
    assert type(gmmn.kernel) is Gaussian
    assert type(sinkhorn) is Entropic
    assert (sinkhorn.debiased, sinkhorn.epsilon, sinkhorn.relative) == (True, 0.3, True)
    x, y = torch.rand(9, *IMAGE), torch.rand(7, *IMAGE)
    assert torch.equal(least(x, y), DISCREPANCIES["energy-distance"]()(x, y))
    codes = settled("gmmn-ae", SMALL).build(IMAGE)
    assert isinstance(codes, CodeGenerator)
    assert type(codes.generator.discrepancy) is MMD
    assert codes.auto_encoder.penalty is None


def test_wgan_has_the_papers_loop() -> None:
    loop = RECIPES["wgan"].loop
    asked = {"lr": 5e-5, "optimiser": "rmsprop", "batch_size": 64, "own_batches": True}
    assert {key: loop[key] for key in asked} == asked
    turns = scheduled(loop["critic_steps"])
    assert [turns(step) for step in (1, 25, 26, 500, 501, 502, 1001)] == [100, 100, 5, 5, 100, 5, 100]


def test_dcgan_has_the_papers_loop_and_networks() -> None:
    loop = RECIPES["dcgan"].loop
    assert (loop["lr"], loop["betas"], loop["batch_size"]) == (2e-4, (0.5, 0.999), 128)
    how = settled("dcgan", {})
    assert (how.arguments["latent"], how.arguments["prior"]) == (100, "uniform")
    made = how.build((3, 16, 16))
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in made.decoder.modules())
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in made.discrepancy.critic.modules())
