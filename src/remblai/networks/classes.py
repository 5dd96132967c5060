"""Classes as coordinates: what a conditional model reads beside a code, an image or a point."""

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from remblai.networks.mlp import linear
from remblai.networks.network import Network

FEWEST = 2
Count = int | None
"""How many classes the data have, of a conditional model; None is unconditional. The data fill it in, not the user: see
`config.registry.CLASSES`."""


class Classes(nn.Module):
    """The classes 0 to count - 1 of a conditional model: their coordinates, and their shares in the data.

    A label may also be a row of weights (n, count), which is read as it is: a point between classes. The label -1 is no
    class: its coordinates are 0.

    Args:
        count: how many, at least 2; or the share of each, such as (0.5, 0.3, 0.2). A count alone says equal shares.

    Raises:
        ValueError: fewer than 2 classes, or shares that are negative or all 0.
    """

    shares: Tensor

    def __init__(self, count: int | Sequence[float]) -> None:
        super().__init__()
        shares = torch.ones(int(count)) if isinstance(count, Integral) else torch.as_tensor(count, dtype=torch.float32)
        if len(shares) < FEWEST:
            raise ValueError(f"classes: expected at least {FEWEST} for a conditional model, got {len(shares)}.")
        if not bool((shares >= 0).all()) or not 0 < float(shares.sum()) < math.inf:
            raise ValueError(f"classes: expected shares of at least 0, not all 0, got {shares.tolist()}.")
        self.register_buffer("shares", shares / shares.sum())

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.shares)

    def count_from(self, labels: Tensor) -> None:
        """Takes the shares of the classes from labels (n,) of data."""
        self.shares.copy_(torch.bincount(labels.cpu(), minlength=self.count).float() / len(labels))

    def draw(self, n: int) -> Tensor:
        """n labels by the classes' shares, without waiting for the device."""
        edges = self.shares.cumsum(0)
        place = torch.rand(n, device=edges.device, dtype=edges.dtype) * edges[-1]
        return torch.searchsorted(edges, place, right=True).clamp(max=self.count - 1)

    def one_hot(self, labels: Tensor) -> Tensor:
        """The indicators (n, count) of labels (n,); weights (n, count) stay as they are."""
        return one_hot(labels, self.count)

    def beside(self, z: Tensor, labels: Tensor) -> Tensor:
        """Codes (n, k) and the classes as `count` more coordinates, (n, k + count).

        The indicator is multiplied by sqrt(count): its coordinates then have mean square 1, as those of a normal code.
        """
        return torch.cat([z, math.sqrt(self.count) * self.one_hot(labels).to(z.dtype)], 1)


def one_hot(labels: Tensor, count: int) -> Tensor:
    """The indicators (n, count) of labels (n,); weights (n, count) stay as they are."""
    if labels.is_floating_point():
        return labels
    return (labels[:, None] == torch.arange(count, device=labels.device)).float()


def beside(classes: Classes | None, z: Tensor, labels: Tensor | None) -> Tensor:
    """What a decoder reads: z alone where there are no classes.

    Raises:
        ValueError: a conditional model without labels.
    """
    if classes is None:
        return z
    return classes.beside(z, required(labels))


class Given(nn.Module):
    """A decoder of codes and classes as one of codes alone: z (n, k) of rows whose classes are given.

    Args:
        decoder: (n, k + count) -> anything.
        classes: of the model.
        labels: (n,) of the rows.
    """

    def __init__(self, decoder: nn.Module, classes: Classes, labels: Tensor) -> None:
        super().__init__()
        self.decoder, self.classes, self.labels = decoder, classes, labels

    def forward(self, z: Tensor) -> Any:
        """What the decoder answers at the codes."""
        return self.decoder(self.classes.beside(z, self.labels))


def required(labels: Tensor | None) -> Tensor:
    """The labels.

    Raises:
        ValueError: there are none.
    """
    if labels is None:
        raise ValueError(
            "labels: expected one for each row, for the model is conditional, got none: pass labels=..., whole numbers "
            "(n,), or train without --conditional."
        )
    return labels


class ScaledByClass(nn.Module):
    """A network whose outputs are scaled and shifted by class: (x, indicators (n, count)) -> body(x) (1 + s_c) + b_c.

    So an encoder can move the codes of each class onto the prior, also where x does not say which class it is of. Both
    start at 0: the network first does what it does without classes. (Conditional scale and shift: Perez et al. 2018,
    arXiv 1709.07871, here at the output.)

    Args:
        body: x (n, ...) -> (n, outputs).
        outputs: how many.
        count: of classes.
    """

    def __init__(self, body: nn.Module, outputs: int, count: int) -> None:
        super().__init__()
        self.body, self.affine = body, nn.Linear(count, 2 * outputs, bias=False)
        nn.init.zeros_(self.affine.weight)

    def forward(self, x: Tensor, classes: Tensor) -> Tensor:
        """The outputs (n, outputs)."""
        scale, shift = self.affine(classes.to(self.affine.weight.dtype)).chunk(2, dim=1)
        outputs: Tensor = self.body(x) * (1.0 + scale) + shift
        return outputs


def conditional(network: Network, count: int) -> Network:
    """The pair whose encoders read the class too, and whose decoders have `count` more inputs, the class's coordinates.

    Args:
        network: the pair without classes.
        count: how many classes.
    """
    return replace(
        network,
        encoder=lambda outputs: ScaledByClass(network.encoder(outputs), outputs, count),
        decoder=lambda inputs: network.decoder(inputs + count),
    )


class Projection(nn.Module):
    """A critic of points and classes: f(x, c) = head(h(x)) + <e_c, h(x)>, with features h and a vector for each class.

    Points come with their class's coordinates behind them, flat, (n, d + count), as `PairCritic` has pairs; only which
    coordinate is above 0 is read, and no gradient reaches it: a penalty on the critic's gradient is one on that in x.
    For several outputs each has vectors of its own.

    Args:
        body: x (n, packing c, ...) -> (n, width), whose last layer is linear.
        width: outputs of the body.
        shape: of one point, (c, ...).
        count: of classes.
        outputs: numbers in the critic's output.
        packing: points that are scored together, one after the other in a row.

    Source: Miyato, Koyama, "cGANs with projection discriminator" (2018), equation 5, arXiv 1802.05637.
    """

    def __init__(
        self, body: nn.Module, width: int, shape: tuple[int, ...], count: int, outputs: int = 1, packing: int = 1
    ) -> None:
        super().__init__()
        self.shape, self.count, self.outputs, self.packing = tuple(shape), count, outputs, max(1, packing)
        self.body, self.activation = body, nn.LeakyReLU(0.2)
        self.head, self.vectors = linear(width, outputs), nn.Linear(count * self.packing, width * outputs, bias=False)
        nn.init.normal_(self.vectors.weight, 0.0, width**-0.5)

    def forward(self, pairs: Tensor) -> Tensor:
        """Scores (n, outputs) of points and classes (n, packing (d + count))."""
        points, classes = split_points(pairs, (self.packing * self.shape[0], *self.shape[1:]), self.packing)
        features: Tensor = self.activation(self.body(points))
        vectors = self.vectors(classes).reshape(len(pairs), self.outputs, -1)
        scores: Tensor = self.head(features) + (vectors @ features[..., None])[..., 0]
        return scores


def split_points(pairs: Tensor, shape: tuple[int, ...], packing: int = 1) -> tuple[Tensor, Tensor]:
    """Points and classes of flat rows (n, packing (d + count)).

    Args:
        pairs: the rows; behind each point the coordinates of its class.
        shape: of a pack of points, which lie along its first axis.
        packing: points in a pack.

    Returns:
        points (n, *shape), and indicators (n, packing count) of the coordinates above 0, without gradient.
    """
    rows, entries = pairs.reshape(len(pairs), packing, -1), math.prod(shape) // packing
    points = rows[..., :entries].reshape(-1, *shape)
    return points, (rows[..., entries:].detach() > 0).flatten(1).to(pairs.dtype)
