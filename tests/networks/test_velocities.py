"""Networks of velocities: any shape comes back, the time is read, and the U-Net starts at 0."""

import pytest
import torch

from remblai.networks import VELOCITIES
from remblai.networks.unet import UNet
from remblai.networks.velocity import Perceptron

SHAPES = [(1, 28, 28), (3, 13, 17), (1, 2, 5), (3, 17, 16)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_size_of_image_comes_back_and_every_weight_has_a_gradient(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net, x, t = UNet(shape, width=8), torch.randn(2, *shape), torch.tensor([0.1, 0.9])
    assert torch.equal(net(x, t), torch.zeros_like(x))
    for parameter in net.last[-1].parameters():
        torch.nn.init.normal_(parameter)
    y = net(x, t)
    assert y.shape == x.shape
    y.square().sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.isfinite().all()) for parameter in net.parameters())


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_a_perceptron_reads_the_time(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net, x = Perceptron(shape, 16, 2), torch.randn(3, *shape)
    assert net(x, torch.zeros(3)).shape == x.shape
    assert not torch.allclose(net(x, torch.zeros(3)), net(x, torch.ones(3)))


def test_auto_takes_convolutions_for_images_of_sixteen_pixels() -> None:
    assert isinstance(VELOCITIES["auto"]((1, 16, 16)), UNet)
    assert isinstance(VELOCITIES["auto"]((1, 8, 8)), Perceptron)
    assert isinstance(VELOCITIES["auto"]((2,), width=8), Perceptron)


def test_points_and_no_units_are_refused() -> None:
    with pytest.raises(ValueError, match=r"velocity 'unet' is convolutional: .* use the velocity 'mlp'"):
        UNet((2,))
    with pytest.raises(ValueError, match="width"):
        Perceptron((2,), width=0)


@pytest.mark.parametrize("kind", [UNet, Perceptron])
def test_velocities_of_classes_follow_to_double_precision(kind: type[UNet] | type[Perceptron]) -> None:
    net = kind((1, 8, 8), width=8, classes=3).double()
    indicators = torch.eye(3)[:2]  # in single precision, as labels become
    assert net(torch.randn(2, 1, 8, 8).double(), torch.rand(2).double(), indicators).dtype is torch.float64
