"""Transport between point sets: one function that chooses the method."""

import math
import warnings
from typing import Any, cast, overload

import numpy as np
from torch import Tensor
from typing_extensions import Unpack

from remblai.config.aliases import unknown_option
from remblai.distances import entropic, exact, line
from remblai.distances.clouds import Plans, pairs
from remblai.distances.entropic import balanced, unbalanced
from remblai.distances.entropic.clouds import AT_ONCE, plans_at_once
from remblai.distances.entropic.schedule import absolute_epsilon
from remblai.distances.geometry import CostLike, Points, resolved
from remblai.distances.monotone import CONVEX
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan
from remblai.distances.point_sets import same_columns
from remblai.distances.problem import Problem
from remblai.distances.validation import ArrayLike, NumPyLike
from remblai.runtime.memory import as_memory_error

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
    same_columns(x=x, y=y)
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
        if options.pop("form", "auto") != "auto" or options.pop("start", None) is not None:
            raise ValueError(
                "transport: expected no start or form with unbalanced=..., got one: they need exact marginals; leave "
                "them out."
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
    cost = resolved(cost)
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


def _on_the_line(problem: Problem) -> bool:
    geometry = problem.geometry
    return isinstance(geometry, Points) and geometry.x.shape[1] == 1 and isinstance(geometry.cost, CONVEX)
