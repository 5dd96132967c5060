"""Networks: pairs of an encoder and a decoder for one data shape; none of them knows a model."""

from collections.abc import Callable

from remblai.networks.auto import auto
from remblai.networks.critics import CRITICS, Energy
from remblai.networks.dcgan import dcgan
from remblai.networks.mlp import mlp, perceptron
from remblai.networks.network import Network
from remblai.networks.resnet import resnet
from remblai.networks.wae import wae

NETWORKS: dict[str, Callable[..., Network]] = {
    "auto": auto,
    "mlp": perceptron,
    "dcgan": dcgan,
    "wae": wae,
    "resnet": resnet,
}

__all__ = ["CRITICS", "NETWORKS", "Energy", "Network", "mlp"]
