"""The networks of a model in words."""

import pytest
from torch import nn

from remblai.runs.architecture import networks_in_words
from remblai.runs.resolve import resolve

DEEP = {"network": "mlp", "network.depth": 9, "latent": 2}
NARROW = {"network.width": 5, "critic": "mlp", "critic.width": 7, "critic.depth": 3}


@pytest.mark.parametrize(
    ("recipe", "shape", "options", "names", "widths"),
    [
        # 28 -> 14 -> 7 -> 3 pixels a side, with 32, 64 and 128 channels: 128 * 3 * 3 = 1152 (networks/dcgan.py)
        ("ae", (1, 28, 28), {}, "auto", "encoder conv 32-64-128, linear 256-8; decoder linear 256-1152, conv 64-32-1"),
        ("ae", (3,), DEEP, "mlp", "encoder 10 layers of 2 to 512; decoder 10 layers of 3 to 512"),
        ("wgan", (2,), NARROW, "auto, critic mlp", "decoder linear 5-5-2; critic linear 7-7-7-1"),
    ],
)
def test_names_and_widths(
    recipe: str, shape: tuple[int, ...], options: dict[str, object], names: str, widths: str
) -> None:
    how = resolve(recipe, options)
    assert networks_in_words(how.build(shape), how) == f"{names}: {widths}"


def test_a_model_without_networks_says_nothing() -> None:
    how = resolve("rbm", {})
    assert networks_in_words(how.build((2,)), how) == ""


def test_critics_of_penalties_and_networks_of_models_within_models_are_named() -> None:
    how = resolve("wae-gan", {"network.width": 4, "latent": 3, "penalty.width": 6, "penalty.depth": 1})
    assert networks_in_words(how.build((2,)), how).endswith("decoder linear 4-4-2; critic linear 6-1")
    how = resolve("gmmn-ae", {"network.width": 4, "latent": 3})
    assert "; generator.decoder linear" in networks_in_words(how.build((2,)), how)


def test_a_live_network_is_called_by_its_class() -> None:
    class Mine(nn.Sequential):
        pass

    how = resolve("wgan-gp", {"critic": Mine(nn.Linear(2, 3), nn.Linear(3, 1))})
    assert networks_in_words(how.build((2,)), how).startswith("auto, critic Mine: ")
