"""Kantorovich and Rubinstein's duality: for a cost that is a metric, one 1-Lipschitz potential instead of two."""

from dataclasses import dataclass
from typing import Generic, Literal, cast, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.distances.certificate import transformed
from remblai.distances.exact import solve
from remblai.distances.geometry import CostLike, Geometry, Points
from remblai.distances.plan import Array, Plan, Value
from remblai.distances.point_sets import check_columns, refuse_clouds
from remblai.distances.problem import Problem
from remblai.distances.validation import ArrayLike, NumPyLike, tensor

__all__ = ["of_matrix", "of_points"]

ROUNDING = 1e-9
"""By how much, relative to the largest distance, a metric may violate its axioms."""

BETWEEN = 64
"""Places through which detours are tried, to see that none is shorter than the direct way."""


@dataclass(frozen=True, eq=False)
class Potential(Generic[Value, Array]):
    """The optimal critic f: sum of f a - sum of f b = W1, and |f(x) - f(y)| <= d(x, y) on all places.

    Attributes:
        plan: the optimal plan, whose value is W1.
        f: f at the places of a (n,).
        at_b: f at the places of b (m,).
        lipschitz: the largest |f(x) - f(y)| / d(x, y) over all pairs of places; at most 1.
        geometry: the distances from all places (n + m, or n where both laws are on the same) to themselves.
    """

    plan: Plan[Value, Array]
    f: Array
    at_b: Array
    lipschitz: float
    geometry: Geometry

    @property
    def value(self) -> Value:
        """W1."""
        return self.plan.value

    def extend(self, x: ArrayLike, side: Literal["upper", "lower"] = "upper") -> Array:
        """f at new points x (k, d), still 1-Lipschitz: min_j f_j + d(x, z_j), or max_j f_j - d(x, z_j) -> (k,).

        Args:
            x: points.
            side: the largest extension or the least; every other one lies between them.

        Raises:
            ValueError: the distances were given as a matrix, or an unknown side.

        Source: McShane (1934), doi 10.1090/S0002-9904-1934-05978-0.
        """
        if side not in ("upper", "lower"):
            raise ValueError(f"side: expected 'upper' or 'lower', got {side!r}.")
        if not isinstance(self.geometry, Points):
            raise ValueError("extend: expected points, got a matrix of distances: use of_points for new points.")
        check_columns("x", x, self.plan.parts.columns)
        known = torch.cat([tensor("f", one).detach() for one in (self.f, self.at_b)])
        blocks = Points(x, self.geometry.y, self.geometry.cost).blocks()
        upper = side == "upper"
        found = torch.cat([(known + c).amin(1) if upper else (known - c).amax(1) for _, c in blocks])
        return cast(Array, np.asarray(found.cpu()) if isinstance(self.f, np.ndarray) else found)


@overload
def of_matrix(
    a: NumPyLike | None, b: NumPyLike | None, D: NumPyLike, *, normalise: bool = ...
) -> Potential[float, NDArray[np.float64]]: ...
@overload
def of_matrix(
    a: ArrayLike | None, b: ArrayLike | None, D: Tensor, *, normalise: bool = ...
) -> Potential[Tensor, Tensor]: ...
@overload
def of_matrix(a: ArrayLike | None, b: ArrayLike | None, D: ArrayLike, *, normalise: bool = ...) -> Potential: ...
@checked_options
def of_matrix(a: ArrayLike | None, b: ArrayLike | None, D: ArrayLike, *, normalise: bool = False) -> Potential:
    """W1 of two laws on the same n places, with its one potential: f = (f_i), -f is the other.

    Args:
        a: masses (n,), which sum to 1; None is 1 / n each.
        b: masses (n,).
        D: distances (n, n), a metric.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem, or D is no metric.

    Example:
        >>> from remblai.distances import rubinstein
        >>> rubinstein.of_matrix([0.5, 0.5], [0.0, 1.0], [[0.0, 2.0], [2.0, 0.0]]).plan.value
        1.0
    """
    problem = Problem.of_matrix(a, b, D, normalise)
    n, m = problem.shape
    if n != m:
        raise ValueError(f"distances: expected (n, n) between the same n places, got ({n}, {m}): use of_points.")
    return _solved(problem, problem.geometry, same=True)


@overload
def of_points(
    x: NumPyLike,
    y: NumPyLike,
    cost: CostLike = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    *,
    normalise: bool = ...,
) -> Potential[float, NDArray[np.float64]]: ...
@overload
def of_points(
    x: Tensor,
    y: Tensor,
    cost: CostLike = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Potential[Tensor, Tensor]: ...
@overload
def of_points(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Potential: ...
@checked_options
def of_points(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike = "euclidean",
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    normalise: bool = False,
) -> Potential:
    """W1 of two laws on points, with its one potential on all of them, and anywhere by `extend`.

    Args:
        x: points (n, d).
        y: points (m, d).
        cost: a metric.
        a: masses (n,) of x, which sum to 1; None is 1 / n each.
        b: masses (m,) of y.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem, or the cost is no metric on the points.

    Example:
        >>> from remblai.distances import rubinstein
        >>> critic = rubinstein.of_points([[0.0]], [[3.0]])
        >>> critic.plan.value, critic.lipschitz
        (3.0, 1.0)
    """
    refuse_clouds("rubinstein.of_points", x, y, "take one potential for each pair of clouds")
    problem = Problem.of_points(x, y, cost, a, b, normalise)
    assert isinstance(problem.geometry, Points)
    places = torch.cat([problem.geometry.x, problem.geometry.y])
    return _solved(problem, Points(places, places, problem.geometry.cost), same=False)


def is_metric(geometry: Geometry) -> None:
    """Checks a square matrix of distances: 0 on the diagonal, symmetric, and no detour shorter than the direct way.

    Detours through `BETWEEN` places spread over all are tried.

    Raises:
        ValueError: which axiom fails, where, and the remedy.
    """
    distances = geometry.matrix()
    n = len(distances)
    slack = ROUNDING * float(distances.max())
    if not np.isfinite(slack):
        raise ValueError("distances: expected finite ones, got infinity: a metric forbids no pair; use emd instead.")
    remedy = "Kantorovich and Rubinstein's duality needs a metric: take the distance, cost='euclidean', or use emd."
    if bool((distances.diagonal().abs() > slack).any()):
        worst = int(distances.diagonal().abs().argmax())
        raise ValueError(f"distances: expected 0 from a place to itself, got {distances[worst, worst]:g}. {remedy}")
    if bool((distances < -slack).any()):
        raise ValueError(f"distances: expected none below 0, got {float(distances.min()):g}. {remedy}")
    if bool(((distances - distances.T).abs() > slack).any()):
        i, j = divmod(int((distances - distances.T).abs().argmax()), n)
        raise ValueError(
            f"distances: expected the same from {i} to {j} as back, got {distances[i, j]:g} and {distances[j, i]:g}. "
            f"{remedy}"
        )
    for k in np.unique(np.linspace(0, n - 1, min(n, BETWEEN)).astype(int)):
        excess = distances - distances[:, k : k + 1] - distances[k]
        if float(excess.max()) > slack:
            i, j = divmod(int(excess.argmax()), n)
            raise ValueError(
                f"distances: expected no detour shorter than the way from {i} to {j}, {distances[i, j]:g} long, but "
                f"through {int(k)} it is {distances[i, k] + distances[k, j]:g} (a squared distance, say). {remedy}"
            )


def _solved(problem: Problem, among: Geometry, same: bool) -> Potential:
    if not (isinstance(among, Points) and among.cost.metric):
        is_metric(among)
    plan = solve(problem)
    g = tensor("g", plan.g).detach().to(problem.b.device)
    # a minimum of distances to the places of b, less constants, is 1-Lipschitz wherever it is taken
    n, m = problem.shape
    if same:
        f = transformed(problem, g)
        at_b = f
    else:
        even = torch.full((n + m,), 1.0 / (n + m), dtype=torch.float64, device=problem.b.device)
        assert isinstance(among, Points) and isinstance(problem.geometry, Points)
        whole = Points(among.x, problem.geometry.y, among.cost)
        union = transformed(Problem(even, problem.b, whole, (even, problem.b)), g)
        f, at_b = union[:n], union[n:]
    slope = _slope(among, f if same else torch.cat([f, at_b]))
    return Potential(plan, problem.answer(f), problem.answer(at_b), slope, among)


def _slope(geometry: Geometry, f: Tensor) -> float:
    """The largest |f_i - f_j| / d_ij over the places that are apart.

    Raises:
        RuntimeError: it exceeds 1 by more than rounding.
    """
    steepest = 0.0
    for part, costs in geometry.blocks():
        rise = (f[part, None] - f).abs()
        slack = ROUNDING * (float(costs.max()) + float(f.abs().max()))
        if bool((rise > costs + slack).any()):
            raise RuntimeError("potential: it is not 1-Lipschitz, so the cost is no metric on these points.")
        steepest = max(steepest, float(torch.where(costs > slack, rise / costs, 0.0).max()))
    return min(steepest, 1.0)  # what is above is rounding
