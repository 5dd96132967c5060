"""W_p between point sets: the root of the least mean of |x - y|^p, for points of any scale and any p."""

import math
from dataclasses import replace
from typing import Any, overload

import torch
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.costs import power
from remblai.distances import exact, line
from remblai.distances.bottleneck import Steep, bottleneck, widest
from remblai.distances.point_sets import refuse_clouds, same_columns
from remblai.distances.problem import Problem
from remblai.distances.steep_line import steep_distance
from remblai.distances.validation import ArrayLike, NumPyLike, exponent, tensor
from remblai.runtime.memory import as_memory_error

STEEP = 8.0
"""Exponents of W_p above which points are scaled by their bottleneck distance first, so that no power overflows."""

RANGE = 140.0
"""Digits before or after the point beyond which a power of the points' range makes them be scaled first."""


@overload
def wasserstein(
    x: NumPyLike,
    y: NumPyLike,
    p: float = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    *,
    normalise: bool = ...,
) -> float: ...
@overload
def wasserstein(
    x: Tensor,
    y: Tensor,
    p: float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Tensor: ...
@overload
def wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    p: float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Any: ...
@checked_options
@as_memory_error("The costs of all pairs of points take so much.")
def wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    p: float = 2.0,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    normalise: bool = False,
) -> float | Tensor:
    """W_p(x, y): the p-th root of the least mean of |x - y|^p over all couplings; a metric between laws.

    For p = infinity it is the bottleneck distance, the least over couplings of the largest |x - y| that mass is
    carried. Its gradient is 0, not NaN, where W_p is 0. Points of any scale are measured: they are scaled first where
    |x - y|^p would overflow.

    Args:
        x: points (n, d); (n,) are points on the line.
        y: points (m, d).
        p: the exponent, at least 1; math.inf for the bottleneck distance.
        a: masses (n,) of the points x, which sum to 1; None is 1 / n each.
        b: masses (m,) of the points y.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem, or p below 1.

    Example:
        >>> from remblai.distances import wasserstein
        >>> wasserstein([0.0, 1.0, 2.0], [3.0, 4.0, 5.0], p=1)
        3.0
        >>> wasserstein([0.0, 1.0], [0.0, 1.0], p=1, a=[3, 1], b=[1, 3], normalise=True)
        0.5
    """
    p = exponent(p, infinite=True)
    arrays = not any(isinstance(one, Tensor) for one in (x, y, a, b))
    refuse_clouds("wasserstein", x, y, "transport gives the values, transport(x, y, power(p)).value")
    same_columns(x=x, y=y)
    first, second = tensor("x", x), tensor("y", y)
    flat = all(one.dim() == 1 or (one.dim() == 2 and one.shape[1] == 1) for one in (first, second))
    scale, law = _scale(first, second, p), power(1.0 if math.isinf(p) else p)
    if p > STEEP:
        problem = Problem.of_points(first.double() / scale, second.double() / scale, "euclidean", a, b, normalise)
        if flat and not math.isinf(p):
            return _answer(scale * steep_distance(problem, p), arrays)
        farthest = bottleneck(problem)
        if math.isinf(p) or not float(farthest.detach()) > 0.0:
            return _answer(scale * farthest, arrays)
        scale, law = scale * float(farthest.detach()), Steep(law, widest(problem))
    if scale != 1.0:
        first, second = first.double() / scale, second.double() / scale
    if flat:  # no plan is made, which is most of the work there
        value = line.transport_cost(first, second, law, a, b, normalise=normalise)
    else:
        problem = Problem.of_points(first, second, law, a, b, normalise)
        if p > STEEP:  # a relative error of W_p^p is p times that of W_p
            problem = replace(problem, gap=p * problem.gap)
        value = exact.solve(problem).value
    return _answer(scale * rooted(value, p), arrays)


def _scale(x: Tensor, y: Tensor, p: float) -> float:
    """A power of 2 near the range of the points where a power of that range leaves float64, otherwise 1."""
    if x.numel() == 0 or y.numel() == 0:
        return 1.0
    ends = [float(end) for one in (x, y) for end in one.detach().aminmax()]
    half = 0.5 * max(ends) - 0.5 * min(ends)
    if not 0.0 < half < math.inf or abs(math.log10(half)) * min(p, STEEP) <= RANGE:
        return 1.0
    return math.ldexp(1.0, math.frexp(half)[1] - 1)


def _answer(value: Tensor, arrays: bool) -> float | Tensor:
    return float(value) if arrays else value


def rooted(value: Tensor, p: float) -> Tensor:
    """value^(1/p), with gradient 0 where the value is 0."""
    zero = value <= 0.0
    return torch.where(zero, 0.0 * value, torch.where(zero, 1.0, value) ** (1.0 / p))
