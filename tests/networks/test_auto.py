"""The network that suits a shape, and that of a generator."""

import pytest
import torch

from remblai.networks import auto


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 40)])
def test_images_of_16_pixels_a_side_have_convolutions_and_generators_of_them_one_linear_layer(
    shape: tuple[int, ...],
) -> None:
    pair, generator = auto.auto(shape, width=4).decoder(3), auto.generator(shape, width=4).decoder(3)
    kinds = [[type(layer) for layer in network.modules()] for network in (pair, generator)]
    assert [found.count(torch.nn.ConvTranspose2d) > 0 for found in kinds] == [True, True]
    assert [found.count(torch.nn.Linear) for found in kinds] == [2, 1]


@pytest.mark.parametrize("shape", [(3,), (1, 15, 28)])
def test_other_generators_have_the_same_network_as_pairs_and_no_convolutions_to_put_a_layer_before(
    shape: tuple[int, ...],
) -> None:
    both = [[p.shape for p in make(shape, 4).decoder(3).parameters()] for make in (auto.auto, auto.generator)]
    assert both[0] == both[1]
    with pytest.raises(ValueError, match=r"expected hidden 0 for points .* got 7: their network is 'mlp'"):
        auto.generator(shape, hidden=7)
