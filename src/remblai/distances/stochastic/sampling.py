"""Laws that are known through samples: a function n -> (n, d), or a torch Distribution, checked at each draw."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from remblai.distances.geometry import points

Sampler = Distribution | Callable[[int], Any]
"""A torch Distribution of points (d,), or of numbers, or a function that gives n points: n -> (n, d)."""


class Draws:
    """Checked draws of a law, as float64 points (n, d).

    Args:
        name: what an error calls the law.
        sampler: the law.
        dimension: what the points must have; None takes that of the first draw.

    Raises:
        ValueError: no sampler; at a draw: another number of points or dimension, or values that are not finite.
    """

    def __init__(self, name: str, sampler: Sampler, dimension: int | None = None) -> None:
        if not isinstance(sampler, Distribution) and not callable(sampler):
            raise ValueError(
                f"{name}: expected a torch Distribution or a function n -> (n, d), got {type(sampler).__name__}: "
                "samples that you hold are points: use `sinkhorn`, `transport` or `discrete`."
            )
        self.name, self.sampler, self.dimension = name, sampler, dimension
        self.tensors = isinstance(sampler, Distribution)

    def __call__(self, n: int) -> Tensor:
        """n fresh points: (n, d)."""
        with torch.no_grad():
            raw = self.sampler.sample((n,)) if isinstance(self.sampler, Distribution) else self.sampler(n)
        self.tensors = self.tensors or isinstance(raw, Tensor)
        found = points(self.name, raw).detach().double().flatten(1)
        if self.dimension is None:
            self.dimension = found.shape[1]
        if found.shape != (n, self.dimension):
            raise ValueError(
                f"{self.name}: expected {n} points of dimension {self.dimension}, shape ({n}, {self.dimension}), got "
                f"{tuple(torch.as_tensor(raw).shape)}: each call sampler(n) must give n points of the same space."
            )
        return found


def whole(name: str, value: Any) -> int:
    """A whole number, at least 1.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: expected a whole number of at least 1, got {value!r}.")
    return value
