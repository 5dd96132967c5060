"""Transport between point sets: one function that chooses the method, and W_p."""

import math
import warnings
from dataclasses import replace
from typing import Any, cast, overload

import numpy as np
import torch
from torch import Tensor
from typing_extensions import Unpack

from remblai.config.aliases import checked_options, unknown_option
from remblai.costs import power
from remblai.distances import entropic, exact, line
from remblai.distances.bottleneck import Steep, bottleneck, widest
from remblai.distances.clouds import Plans, pairs
from remblai.distances.entropic import balanced, unbalanced
from remblai.distances.entropic.clouds import AT_ONCE, plans_at_once
from remblai.distances.entropic.schedule import absolute_epsilon
from remblai.distances.geometry import CostLike, Points
from remblai.distances.monotone import CONVEX
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan
from remblai.distances.problem import Problem
from remblai.distances.steep_line import steep_distance
from remblai.distances.validation import ArrayLike, NumPyLike, exponent, tensor
from remblai.runtime.memory import as_memory_error

STEEP = 8.0
"""Exponents of W_p above which points are scaled by their bottleneck distance first, so that no power overflows."""

RANGE = 140.0
"""Digits before or after the point beyond which a power of the points' range makes them be scaled first."""

MANY = 5 * 10**8
"""Pairs of points above which an exact plan takes minutes."""

EXACT = ("method",)
ENTROPIC = ("relative", "tolerance", "max_iterations", "form", "start", "unbalanced")
"""Which options go with epsilon, and which without."""


class Options(balanced.Options, total=False):
    """Options of `transport`: those of `sinkhorn`, and of the exact solvers."""

    method: str


@overload
def transport(
    x: NumPyLike,
    y: NumPyLike,
    cost: CostLike = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    epsilon: float | None = ...,
    **options: Unpack[Options],
) -> ArrayPlan: ...
@overload
def transport(
    x: Tensor,
    y: Tensor,
    cost: CostLike = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    epsilon: float | None = ...,
    **options: Unpack[Options],
) -> TensorPlan: ...
@overload
def transport(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    epsilon: float | None = ...,
    **options: Unpack[Options],
) -> Plan: ...
@as_memory_error("The costs of all pairs of points take so much.")
def transport(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike = "square",
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    epsilon: float | None = None,
    *,
    normalise: bool = False,
    **options: Any,
) -> Plan:
    """The least cost of carrying the points x to the points y, exactly or smoothed by an entropy.

    Without epsilon the inputs decide the method: sorting on the line, the network simplex in few dimensions, and in
    many the simplex on the few pairs that a smoothed plan proposes, until none is left that could improve it.
    With epsilon it is Sinkhorn's, of <P, C> + epsilon KL(P | a x b); `unbalanced=rho` then lets mass be created and
    removed.

    Clouds x (B, n, d) and y (B, m, d) are B problems, whose `Plans` have values (B,). With epsilon small ones are
    solved in one iteration; without it each is solved by itself.

    Args:
        x: points (n, d); (n,) are points on the line; (B, n, d) are clouds.
        y: points (m, d), or clouds (B, m, d).
        cost: a name of the table of costs, a `Cost`, or a function of pairs (k, d), (k, d) -> (k,).
        a: masses (n,) of the points x, or (B, n), which sum to 1; None is 1 / n each.
        b: masses (m,) of the points y, or (B, m).
        epsilon: the regularisation, absolute; None for none.
        normalise: whether masses of another total, such as counts, are divided by it.
        **options: of the method: `method` without epsilon; with it those of `sinkhorn`: `relative`, `tolerance`,
            `max_iterations`, `form`, `start`, `unbalanced`.

    Raises:
        ValueError: anything that is no transport problem, or an option of another method.

    Example:
        >>> from remblai.distances import transport
        >>> plan = transport([[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 1.0]])
        >>> plan.value, plan.coupling.tolist()
        (1.0, [[0.5, 0.0], [0.0, 0.5]])
    """
    _check_options(options, epsilon is not None)
    if isinstance(cost, np.ndarray | Tensor):
        raise ValueError(
            f"transport: expected a cost by name, a Cost or a function of pairs, got an array of shape "
            f"{tuple(cost.shape)}: pass a cost matrix to emd(a, b, C) or sinkhorn(a, b, C, epsilon)."
        )
    clouds = pairs(x, y, a, b)
    if clouds is not None:
        # types know no shapes: the plans of a batch are typed as one plan
        return cast(Plan, _of_clouds(clouds, cost, epsilon, normalise, options))
    strength = options.pop("unbalanced", None)
    if strength is not None and epsilon is not None:
        if normalise:
            raise ValueError(
                "transport: normalise expected exact marginals, got unbalanced too: leave one of them out."
            )
        return unbalanced.solve(unbalanced.of_points(x, y, cost, a, b), epsilon, strength, **options)
    problem = Problem.of_points(x, y, cost, a, b, normalise)
    if epsilon is not None:
        return entropic.solve(problem, epsilon, **options)
    if not options and _on_the_line(problem):
        return line.solve(problem)
    n, m = problem.shape
    if n * m > MANY:
        warnings.warn(
            f"transport: an exact plan of {n:,} by {m:,} points takes minutes (20,000 by 20,000 took half a minute on "
            "one core): epsilon=0.05 with relative=True gives an entropic one in less, `Sliced` a distance in seconds.",
            stacklevel=3,
        )
    return exact.solve(problem, **options)


def _of_clouds(
    clouds: list[Any], cost: CostLike, epsilon: float | None, normalise: bool, options: dict[str, Any]
) -> Plans:
    """The plans of pairs of clouds: at once where they are small, smoothed and without special options."""
    if epsilon is not None and not set(options) - {"relative", "tolerance", "max_iterations"}:
        problems = [Problem.of_points(x, y, cost, a, b, normalise) for x, y, a, b in clouds]
        if math.prod(problems[0].shape) <= AT_ONCE:
            epsilons = [absolute_epsilon(problem, epsilon, options.get("relative", False)) for problem in problems]
            limits = {"tolerance": balanced.TOLERANCE, "max_iterations": balanced.ITERATIONS} | options
            limits.pop("relative", None)
            return Plans(plans_at_once(problems, epsilons, **limits))
    return Plans([transport(x, y, cost, a, b, epsilon, normalise=normalise, **options) for x, y, a, b in clouds])


def _check_options(options: dict[str, Any], smoothed: bool) -> None:
    known, others = (ENTROPIC, EXACT) if smoothed else (EXACT, ENTROPIC)
    for name in options:
        if name in others:
            raise ValueError(
                f"transport: option {name!r} expected {'no epsilon' if smoothed else 'an epsilon'}, got "
                f"{'one' if smoothed else 'none'}: {'leave epsilon out' if smoothed else 'pass an epsilon'}, or leave "
                f"{name!r} out."
            )
        if name not in known:
            raise unknown_option("transport", name, ("x", "y", "cost", "a", "b", "epsilon", "normalise", *known))


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
    first, second = tensor("x", x), tensor("y", y)
    if first.dim() == second.dim() == 3:
        raise ValueError(
            f"wasserstein: expected points (n, d) and (m, d), got {tuple(first.shape)} and {tuple(second.shape)}: of "
            "clouds (B, n, d) transport gives the values, transport(x, y, power(p)).value; grey images (n, h, w) are "
            "points as x.reshape(len(x), -1)."
        )
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


def _on_the_line(problem: Problem) -> bool:
    geometry = problem.geometry
    return isinstance(geometry, Points) and geometry.x.shape[1] == 1 and isinstance(geometry.cost, CONVEX)
