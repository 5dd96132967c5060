"""Networks: pairs of an encoder and a decoder for one data shape, independent of any model."""

from collections.abc import Callable

from remblai.networks import auto, dcgan, mlp, resnet, wae
from remblai.networks.critics import CRITICS, Energy
from remblai.networks.network import Network

NETWORKS: dict[str, Callable[..., Network]] = {
    "auto": auto.auto,
    "mlp": mlp.perceptron,
    "dcgan": dcgan.dcgan,
    "wae": wae.wae,
    "resnet": resnet.resnet,
}

__all__ = ["CRITICS", "NETWORKS", "Energy", "Network"]
