"""The Sinkhorn divergence OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2: entropic transport without its bias."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypedDict, cast, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Unpack

from remblai.config.aliases import checked_options
from remblai.distances.certificate import Interval, transformed
from remblai.distances.entropic.balanced import ITERATIONS, TOLERANCE, solve
from remblai.distances.entropic.schedule import absolute_epsilon
from remblai.distances.entropic.self_transport import symmetric
from remblai.distances.geometry import CostLike, Points
from remblai.distances.plan import Array, Plan, Value
from remblai.distances.point_sets import refuse_clouds
from remblai.distances.problem import Problem
from remblai.distances.rounding import ROUNDOFF
from remblai.distances.validation import ArrayLike, NumPyLike

CLOSE = 0.1
"""Marginal error of the plan by the potentials of each law with itself, below which the two laws are close."""


class Options(TypedDict, total=False):
    """Options of `sinkhorn_divergence`."""

    relative: bool
    tolerance: float
    max_iterations: int
    form: str
    start: "Divergence | None"
    normalise: bool


@dataclass(frozen=True, eq=False)
class Divergence(Generic[Value, Array]):
    """A Sinkhorn divergence and the three plans that it consists of.

    Attributes:
        value: at least 0 up to the tolerance, 0 for equal laws; differentiable once in points and masses.
        across: the entropic plan between a and b.
        within: the plans of a with itself and of b with itself; each has a single potential, f = g.
    """

    value: Value
    across: Plan[Value, Array]
    within: tuple[Plan[Value, Array], Plan[Value, Array]]

    def __getstate__(self) -> dict[str, Any]:
        value = self.value.detach() if isinstance(self.value, Tensor) else self.value  # a copy has no gradients
        return self.__dict__ | {"value": value}

    def certificate(self) -> Interval:
        """A proven interval of the value, from those of the three plans; as wide as the tolerance leaves them."""
        across, first, second = (plan.certificate() for plan in (self.across, *self.within))
        lower = across.lower - 0.5 * first.upper - 0.5 * second.upper
        upper = across.upper - 0.5 * first.lower - 0.5 * second.lower
        rounding = 4.0 * ROUNDOFF * sum(abs(end) for bounds in (across, first, second) for end in bounds)
        value = float(self.value.detach()) if isinstance(self.value, Tensor) else float(cast(Any, self.value))
        return Interval(lower - rounding, upper + rounding).with_value(value)

    @property
    def f(self) -> Array:
        """The derivative of the value in a, up to a constant: (n,)."""
        across: Any = self.across.f
        return cast(Array, across - self.within[0].f)

    @property
    def g(self) -> Array:
        """The derivative of the value in b, up to a constant: (m,)."""
        across: Any = self.across.g
        return cast(Array, across - self.within[1].g)

    @property
    def potentials(self) -> tuple[Array, Array]:
        """f (n,) and g (m,)."""
        return self.f, self.g

    @property
    def epsilon(self) -> float:
        """The absolute regularisation, the same in the three plans."""
        return self.across.epsilon

    @property
    def converged(self) -> bool:
        """Whether all three plans have converged."""
        return all(plan.converged for plan in (self.across, *self.within))

    @property
    def marginal_error(self) -> float:
        """The largest of the three plans."""
        return max(plan.marginal_error for plan in (self.across, *self.within))

    @property
    def iterations(self) -> int:
        """The sum over the three plans."""
        return sum(plan.iterations for plan in (self.across, *self.within))

    @property
    def seconds(self) -> float:
        """The sum over the three plans."""
        return sum(plan.seconds for plan in (self.across, *self.within))


@overload
def divergence(
    x: NumPyLike,
    y: NumPyLike,
    epsilon: float = ...,
    cost: CostLike = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    **options: Unpack[Options],
) -> Divergence[float, NDArray[np.float64]]: ...
@overload
def divergence(
    x: Tensor,
    y: Tensor,
    epsilon: float = ...,
    cost: CostLike = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    **options: Unpack[Options],
) -> Divergence[Tensor, Tensor]: ...
@overload
def divergence(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float = ...,
    cost: CostLike = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    **options: Unpack[Options],
) -> Divergence: ...
@partial(checked_options, called="sinkhorn_divergence")
def divergence(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float = 0.05,
    cost: CostLike = "square",
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    relative: bool = False,
    tolerance: float = TOLERANCE,
    max_iterations: int = ITERATIONS,
    form: str = "auto",
    start: Divergence | None = None,
    normalise: bool = False,
) -> Divergence:
    """The Sinkhorn divergence of the points x and y, each term <P, C> + epsilon KL(P | a x b) at its least.

    Args:
        x: points (n, d); (n,) are points on the line.
        y: points (m, d).
        epsilon: the regularisation, in the units of the cost.
        cost: a name of the table of costs, a `Cost`, or a function of pairs; symmetric.
        a: masses (n,) of the points x, which sum to 1; None is 1 / n each.
        b: masses (m,) of the points y, which sum to 1.
        relative: whether epsilon is a multiple of the mean cost between x and y, for all three terms.
        tolerance: the marginal error at which each plan has converged.
        max_iterations: most passes for each plan; a warning says where they were not enough.
        form: as in `sinkhorn`.
        start: the divergence of a similar problem of the same shape.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: points or masses that are not valid, or an epsilon that is not positive.

    Source: Feydy, Séjourné, Vialard, Amari, Trouvé, Peyré (2019), arXiv 1810.08278.

    Example:
        >>> from remblai.distances import sinkhorn_divergence
        >>> round(sinkhorn_divergence([0.0, 1.0], [2.0, 3.0], epsilon=0.1).value, 3)
        4.0
    """
    refuse_clouds("sinkhorn_divergence", x, y, "take one divergence for each pair of clouds")
    problem = Problem.of_points(x, y, cost, a, b, normalise)
    epsilon = absolute_epsilon(problem, epsilon, relative)
    options: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations, "form": form}
    if start is not None and not isinstance(start, Divergence):
        raise ValueError(
            f"start: expected the divergence of a similar problem, got {type(start).__name__}: pass what "
            "sinkhorn_divergence gave."
        )
    shape = problem.shape if start is None else tuple(len(one.g) for one in start.within)
    if shape != problem.shape:
        raise ValueError(f"start: expected the divergence of a problem of shape {problem.shape}, got one of {shape}.")
    before = (None, None) if start is None else (start.within[0].g, start.within[1].g)
    sides = (problem.a, problem.given[0]), (problem.b, problem.given[1])
    assert isinstance(problem.geometry, Points)
    within = []
    for points, (masses, given), old in zip(problem.geometry.given, sides, before, strict=True):
        geometry = Points(points, points, problem.geometry.cost)
        itself = Problem(masses, masses, geometry, (given, given), problem.arrays)
        within.append(symmetric(itself, epsilon, start=old, **options))
    first, second = within
    # The potentials of the two symmetric problems nearly solve the problem between laws that are close.
    across = solve(problem, epsilon, start=start.across if start else near(problem, first, second, epsilon), **options)
    return Divergence(across.value - 0.5 * first.value - 0.5 * second.value, across, (first, second))


def near(problem: Problem, first: Plan, second: Plan, epsilon: float) -> tuple[Tensor, Tensor] | None:
    """The potentials of the two symmetric problems, where these have the same points, or carry nearly its masses.

    From there the three iterations have the same error where the laws are close, so that it cancels: each value is a
    bound from below, and one that starts elsewhere may be below the two that are subtracted.
    """
    f, g = torch.as_tensor(first.f), torch.as_tensor(second.g)
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    if geometry.shape[0] == geometry.shape[1] and torch.equal(geometry.x, geometry.y):
        return f, g
    errors = problem.a * ((f - transformed(problem, g, epsilon)) / epsilon).expm1().abs()
    return (f, g) if float(errors[problem.a > 0].sum()) < CLOSE else None
