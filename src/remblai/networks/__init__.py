"""Networks: pairs of an encoder and a decoder for one data shape, independent of any model."""

from collections.abc import Callable

from torch import nn

from remblai.networks import auto, dcgan, mlp, resnet, unet, velocity, wae
from remblai.networks.critics import CRITICS, Energy
from remblai.networks.network import Network

NETWORKS: dict[str, Callable[..., Network]] = {
    "auto": auto.auto,
    "mlp": mlp.perceptron,
    "dcgan": dcgan.dcgan,
    "wae": wae.wae,
    "resnet": resnet.resnet,
}

GENERATORS: dict[str, Callable[..., Network]] = {**NETWORKS, "auto": auto.generator, "dcgan": dcgan.generator}
"""The networks as generators of samples have them: no encoder is read."""

VELOCITIES: dict[str, Callable[..., nn.Module]] = {
    "auto": unet.auto,
    "mlp": velocity.Perceptron,
    "unet": unet.UNet,
}
"""Networks of velocities: (shape, options) -> a module v(x (n, *shape), t (n,)) -> (n, *shape)."""

__all__ = ["CRITICS", "GENERATORS", "NETWORKS", "VELOCITIES", "Energy", "Network"]
