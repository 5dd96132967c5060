"""Laws that are known through samples: a function n -> (n, d), or a torch Distribution, checked at each draw."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from remblai.distances.geometry import points
from remblai.distances.validation import positive_integer

Sampler = Distribution | Callable[[int], Any]
"""A torch Distribution of points (d,), or of numbers, or a function that gives n points: n -> (n, d)."""

ALLOWED = 0.1
"""The largest marginal error, beyond what counting explains, of a potential that is called converged."""


class Draws:
    """Checked draws of a law, as float64 points (n, d).

    Args:
        name: the name of the law in errors.
        sampler: the law.
        dimension: of the points; None takes that of the first draw.

    Raises:
        ValueError: an argument that is no sampler; at a draw, another number of points or dimension, or values that are
            not finite.
    """

    def __init__(self, name: str, sampler: Sampler, dimension: int | None = None) -> None:
        if isinstance(sampler, type):
            raise ValueError(
                f"{name}: expected a torch Distribution or a function n -> (n, d), got the class {sampler.__name__}: "
                "pass a law of it, with its parameters, as Normal(0.0, 1.0)."
            )
        if not isinstance(sampler, Distribution) and not callable(sampler):
            raise ValueError(
                f"{name}: expected a torch Distribution or a function n -> (n, d), got {type(sampler).__name__}: "
                "for samples in memory use `sinkhorn`, `transport` or `discrete`."
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


def checked_evaluation(value: Any) -> int:
    """How many fresh samples measure a value with its standard error: a whole number, at least 2.

    Raises:
        ValueError: it is not.
    """
    samples = positive_integer("evaluation", value)
    if samples < 2:
        raise ValueError("evaluation: expected at least 2 samples, got 1, which has no standard error: raise it.")
    return samples


def checked_error(method: str, error: float, counting: float, too_few: str) -> bool:
    """Whether masses are met up to what counting samples explains; a warning says where they are not.

    Args:
        method: that it is about.
        error: the marginal error on fresh samples.
        counting: how large their number alone may make it; 0 where that is not known.
        too_few: what to raise, and what else it may be.
    """
    if error <= ALLOWED + counting:
        return True
    explained = f", of which counting explains {counting:.2g}" if counting else ""
    warnings.warn(
        f"{method}: on fresh samples the masses are missed by {error:.2g} in all{explained}: the value may be below "
        f"the truth by an unknown amount; raise {too_few}. The result has converged=False.",
        stacklevel=4,
    )
    return False
