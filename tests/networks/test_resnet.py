import pytest
import torch
from torch import nn

from remblai.networks.resnet import Residual, resnet


def test_a_block_with_a_silent_branch_is_the_identity():
    block = Residual(4, "batch")
    nn.init.zeros_(block.branch[-1].weight)
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("blocks", [1, 3])
def test_blocks_a_stage(blocks):
    net = resnet((1, 28, 28), width=4, blocks=blocks)
    for module in (net.encoder(2), net.decoder(2)):
        assert sum(isinstance(m, Residual) for m in module.modules()) == 3 * blocks


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_the_start_is_of_a_sane_size(norm):
    torch.manual_seed(0)
    net = resnet((3, 32, 32), width=8, norm=norm)
    z = net.encoder(6)(torch.rand(50, 3, 32, 32))
    x = net.decoder(6)(torch.randn(50, 6))
    assert 0.01 < z.std() < 10
    assert 0.05 < x.std() < 20


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="blocks >= 1"):
        resnet((1, 8, 8), blocks=0)
    with pytest.raises(ValueError, match="expected norm"):
        resnet((1, 8, 8), norm="layer")
