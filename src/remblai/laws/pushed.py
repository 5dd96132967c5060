"""The law of noise pushed through any map, with moments that it knows without drawing."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import ClassVar, NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from remblai.laws.delta import NO_DENSITY

Map = Callable[[Tensor], Tensor]


class Pushed(Distribution):
    """The law of T(g(e)), e standard normal: known through its samples, which carry gradients.

    Its mean and variance are taken over given places of the noise: near the moments of its samples, and exact where g
    is affine in each coordinate of e and T the identity.

    Args:
        push: g, (..., *batch, k) -> (..., *batch, k).
        places: of the noise, (m, k), with mean 0 and mean square 1 in each coordinate.
        batch_shape: the shape of the batch of laws.
        transform: T, (..., k) -> (..., k).

    Raises:
        ValueError: any use of `log_prob`.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, push: Map, places: Tensor, batch_shape: Sequence[int], transform: Map) -> None:
        self.push, self.places, self.transform = push, places, transform
        super().__init__(torch.Size(batch_shape), places.shape[1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """T of the mean of g over the places: the mean where T is the identity, a point of the support always."""
        return self.transform(self._pushed.mean(0))

    @property
    def variance(self) -> Tensor:
        """The variance of T(g) over the places."""
        return self.transform(self._pushed).var(0, correction=0)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Fresh noise through the maps, (*sample_shape, *batch, k)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.at(torch.randn(shape, dtype=self.places.dtype, device=self.places.device))

    def at(self, noise: Tensor) -> Tensor:
        """T(g(e)) at given noise e (..., *batch, k)."""
        return self.transform(self.push(noise))

    def log_prob(self, value: Tensor) -> NoReturn:
        """An implicit law is known through its samples only: raises ValueError with the remedy."""
        raise ValueError(NO_DENSITY.format(law="an implicit law (known through its samples only)"))

    @cached_property
    def _pushed(self) -> Tensor:
        m, k = self.places.shape
        alike = self.places.reshape(m, *(1 for _ in self.batch_shape), k)
        return self.push(alike.expand(m, *self.batch_shape, k))


def places(k: int, count: int = 32) -> Tensor:
    """Places (2 ceil(count / 2), k) that stand for the standard normal law: mean 0, mean square 1 in each coordinate.

    Pairs e, -e of normal quantiles of a scrambled Sobol sequence: the mean of every odd function is 0.

    Raises:
        ValueError: count below 2.
    """
    if count < 2:
        raise ValueError(f"places of the noise: expected at least 2, got {count}.")
    sequence = torch.quasirandom.SobolEngine(k, scramble=True, seed=0)  # type: ignore[no-untyped-call]
    even = sequence.draw((count + 1) // 2, dtype=torch.float64)
    return mirrored(torch.special.ndtri(even.clamp(1e-6, 1.0 - 1e-6))).float()


def mirrored(half: Tensor) -> Tensor:
    """The points (m, k) and their opposites, (2m, k), scaled to mean square 1 in each coordinate."""
    both = torch.cat([half, -half])
    return both / both.square().mean(0).sqrt()
