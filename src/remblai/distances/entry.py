"""One entry for point sets: it picks the method, and the plan says which."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.costs import power
from remblai.distances import entropic, exact, line
from remblai.distances.entropic import unbalanced
from remblai.distances.geometry import CostLike, Points
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem
from remblai.distances.validation import exponent


def transport(
    x: Any,
    y: Any,
    cost: CostLike = "square",
    a: Any = None,
    b: Any = None,
    epsilon: float | None = None,
    **options: Any,
) -> Plan:
    """The least cost of carrying the points x to the points y, exactly or smoothed by an entropy.

    Without epsilon the method is chosen by what was given: sorting on the line, the network simplex in few dimensions,
    and in many the simplex on the few pairs that a smoothed plan proposes, until none is left that could improve it.
    With epsilon it is Sinkhorn's, of <P, C> + epsilon KL(P | a x b); `unbalanced=rho` then lets mass be made and lost.

    Args:
        x: points (n, d); (n,) are points on the line.
        y: points (m, d).
        cost: a name of the table of costs, a `Cost`, or a function of pairs (k, d), (k, d) -> (k,).
        a: masses (n,) of the points x; None is 1 / n each.
        b: masses (m,) of the points y, of the same total.
        epsilon: the regularisation, absolute; None for none.
        **options: of the method: `method` for the exact ones, those of `sinkhorn` for the entropic one.

    Raises:
        ValueError: anything that is no transport problem.
    """
    if epsilon is not None:
        strength = options.pop("unbalanced", None)
        if strength is not None:
            return unbalanced.solve(unbalanced.of_points(x, y, cost, a, b), epsilon, strength, **options)
        return entropic.solve(Problem.of_points(x, y, cost, a, b), epsilon, **options)
    problem = Problem.of_points(x, y, cost, a, b)
    if not options and _on_the_line(problem.geometry):
        return line.solve(problem)
    return exact.solve(problem, **options)


def wasserstein(x: Any, y: Any, p: float = 2.0, a: Any = None, b: Any = None) -> Any:
    """W_p(x, y): the p-th root of the least mean of |x - y|^p over all couplings; a metric between laws.

    Its gradient is 0, not NaN, where W_p is 0.

    Args:
        x: points (n, d); (n,) are points on the line.
        y: points (m, d).
        p: the exponent, at least 1.
        a: masses (n,) of the points x, which sum to 1; None is 1 / n each.
        b: masses (m,) of the points y.

    Raises:
        ValueError: anything that is no transport problem, or p below 1.
    """
    p = exponent(p)
    if all(np.ndim(one) == 1 or (np.ndim(one) == 2 and np.shape(one)[1] == 1) for one in (x, y)):
        value = line.transport_cost(x, y, power(p), a, b)  # no plan is made, which is most of the work there
    else:
        value = transport(x, y, power(p), a, b).value
    return rooted(value, p) if isinstance(value, Tensor) else max(value, 0.0) ** (1.0 / p)


def rooted(value: Tensor, p: float) -> Tensor:
    """value^(1/p), with gradient 0 where the value is 0."""
    zero = value <= 0.0
    return torch.where(zero, 0.0 * value, torch.where(zero, 1.0, value) ** (1.0 / p))


def _on_the_line(geometry: Any) -> bool:
    return isinstance(geometry, Points) and geometry.x.shape[1] == 1 and isinstance(geometry.cost, line.CONVEX)
