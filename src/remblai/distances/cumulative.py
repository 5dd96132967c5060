"""The distribution function of a law on the line, and its inverse; `line` offers both beside transport."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.distances.monotone import flat, host, levels
from remblai.distances.validation import ArrayLike, finite, probabilities, tensor

SLACK = 1e-14
"""By how much a cumulated mass may miss a level through rounding and still reach it."""

Array = NDArray[Any]


@checked_options
def quantile(x: ArrayLike, q: ArrayLike, a: ArrayLike | None = None, *, normalise: bool = False) -> Any:
    """The quantile function: the least point t with P(X <= t) >= q, over the places that hold mass.

    W_p^p is the integral of |quantile of x - quantile of y|^p over q in (0, 1).

    Args:
        x: points (n,) or (n, 1).
        q: levels in [0, 1], of any shape.
        a: masses (n,), which sum to 1; None is 1 / n each.
        normalise: whether masses of another total, such as counts, are divided by it.

    Returns:
        The points, in the shape of q: a float or an array, or a tensor where an input was one.

    Raises:
        ValueError: no points on the line, or levels outside [0, 1].

    Example:
        >>> from remblai.distances import line
        >>> line.quantile([3.0, 1.0, 2.0, 4.0], 0.5)
        2.0
    """
    values, cumulated, device = _law(x, a, normalise)
    asked = tensor("q", q)
    finite("q", asked)
    if bool(((asked < 0) | (asked > 1)).any()):
        raise ValueError(f"q: expected levels in [0, 1], got {float(asked.min()):g} to {float(asked.max()):g}.")
    points = values[np.searchsorted(cumulated, host(asked) - SLACK).clip(max=len(values) - 1)]
    return _answered(points, device, (x, q, a))


@checked_options
def cdf(x: ArrayLike, t: ArrayLike, a: ArrayLike | None = None, *, normalise: bool = False) -> Any:
    """The distribution function P(X <= t).

    Args:
        x: points (n,) or (n, 1).
        t: where it is evaluated, of any shape.
        a: masses (n,), which sum to 1; None is 1 / n each.
        normalise: whether masses of another total, such as counts, are divided by it.

    Returns:
        The probabilities, in the shape of t: a float or an array, or a tensor where an input was one.

    Raises:
        ValueError: no points on the line, or t that are not finite.

    Example:
        >>> from remblai.distances import line
        >>> line.cdf([3.0, 1.0, 2.0, 4.0], 2.5)
        0.5
    """
    values, cumulated, device = _law(x, a, normalise)
    asked = tensor("t", t)
    finite("t", asked)
    shares = np.concatenate([[0.0], cumulated])[np.searchsorted(values, host(asked), side="right")]
    return _answered(shares, device, (x, t, a))


def _law(x: ArrayLike, a: ArrayLike | None, normalise: bool) -> tuple[Array, Array, torch.device]:
    """Sorted places that hold mass and their cumulated masses (k,)."""
    points = flat("x", x)
    finite("x", points)
    masses = probabilities("a", a, len(points), points.device, normalise).detach()
    values, kept = host(points), host(masses) > 0
    order = np.argsort(values[kept], kind="stable")
    return values[kept][order], levels(masses[torch.from_numpy(kept).to(masses.device)], order), points.device


def _answered(answer: Any, device: torch.device, inputs: tuple[Any, ...]) -> Any:
    if any(isinstance(one, Tensor) for one in inputs):
        return torch.as_tensor(answer, device=device)
    return float(answer) if np.ndim(answer) == 0 else answer
