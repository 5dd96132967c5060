"""Kantorovich's problem solved exactly: the least <P, C> over couplings P of two laws, with a proof."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.config.registry import unknown
from remblai.distances.certificate import transformed
from remblai.distances.exact.column_generation import column_generation
from remblai.distances.exact.linear_program import dual, primal
from remblai.distances.exact.merged import solved_merged
from remblai.distances.exact.scales import in_integers
from remblai.distances.exact.simplex import FLAT, assignment, network_simplex
from remblai.distances.exact.vertex import feasible
from remblai.distances.geometry import Points
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan
from remblai.distances.problem import Problem
from remblai.distances.validation import ArrayLike, NumPyLike, finite, tensor
from remblai.runtime.memory import as_memory_error

METHODS: Mapping[str, Callable[[Problem], Plan]] = {
    "linear-program": primal,
    "linear-program-dual": dual,
    "network-simplex": network_simplex,
    "assignment": assignment,
    "column-generation": column_generation,
}
"""The exact solvers: a problem to its plan."""

FEW = 100
"""Pairs up to which integers take two milliseconds, a hundredth of what loading POT does."""

LARGE = 1_000_000
"""Pairs from which column generation pays, in more dimensions than `FLAT`."""


@overload
def emd(
    a: NumPyLike | None, b: NumPyLike | None, C: NumPyLike, method: str = ..., *, normalise: bool = ...
) -> ArrayPlan: ...
@overload
def emd(
    a: ArrayLike | None, b: ArrayLike | None, C: Tensor, method: str = ..., *, normalise: bool = ...
) -> TensorPlan: ...
@overload
def emd(
    a: ArrayLike | None, b: ArrayLike | None, C: ArrayLike, method: str = ..., *, normalise: bool = ...
) -> Plan: ...
@checked_options
@as_memory_error("A plan of all pairs takes so much.")
def emd(
    a: ArrayLike | None, b: ArrayLike | None, C: ArrayLike, method: str = "auto", *, normalise: bool = False
) -> Plan:
    """The earth mover's distance: min <P, C> over P >= 0 with row sums a and column sums b, exactly.

    Args:
        a: masses (n,), which sum to 1; None is 1 / n each.
        b: masses (m,).
        C: costs (n, m); +infinity forbids a pair, as does an entry that a sparse matrix does not have.
        method: a name of `METHODS`, or "auto"; the plan says which it was.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem, no plan of finite cost, an unknown method.
        RuntimeError: a solver failed to prove its answer.

    Source: Kantorovich (1942); Peyre and Cuturi (2019), eq. 2.11, arXiv 1803.00567.

    Example:
        >>> from remblai.distances import emd
        >>> emd([0.5, 0.5], [0.25, 0.75], [[0.0, 1.0], [1.0, 0.0]]).value
        0.25
    """
    return solve(Problem.of_matrix(a, b, C, normalise), method)


def solve(problem: Problem, method: str = "auto") -> Plan:
    """The optimal plan of a problem, with potentials that prove it.

    "auto" is exact arithmetic in integers (`shortest_paths`) up to a hundred pairs, column generation from about a
    million pairs on, for matrices and for points in more than three dimensions, where few pairs matter, and the network
    simplex on all pairs otherwise. The last two need POT; without it an assignment or, for small problems, HiGHS
    answers.

    Points that are given many times are merged first, and the plan is split among their copies. A method that does not
    come to the optimum is replaced by the network simplex. Masses that sums in float64 lose beside larger ones, where
    they count beside the value, are carried in integers; the plan's method is then "shortest-paths".

    Args:
        problem: masses and costs.
        method: a name of `METHODS`, or "auto"; the plan says which it was.

    Raises:
        ValueError: no plan of finite cost, an unknown method, or one that does not fit the masses.
        RuntimeError: a solver failed to prove its answer.
    """
    if method not in ("auto", *METHODS):
        raise unknown("method", method, ["auto", *METHODS])
    plan = None
    if method != "assignment":
        plan = solved_merged(problem, lambda merged: _by(merged, method))
    plan = plan or _by(problem, method)
    if not plan.converged:
        _warn(plan)
    return plan


def _by(problem: Problem, method: str) -> Plan:
    """The plan of a method, or of the network simplex where the method does not come to the optimum."""
    if method == "auto":
        n, m = problem.shape
        if n * m <= FEW and (plan := in_integers(problem)):
            return plan
        flat = isinstance(problem.geometry, Points) and problem.geometry.x.shape[1] <= FLAT
        method = "column-generation" if n * m >= LARGE and not flat else "network-simplex"
    try:
        plan = METHODS[method](problem)
    except RuntimeError:
        if method == "network-simplex":
            raise
        return network_simplex(problem)
    return plan if plan.converged or method == "network-simplex" else network_simplex(problem)


def _warn(plan: Plan) -> None:
    warnings.warn(
        f"{plan.method}: plan and potentials differ by {plan.gap:.3g} at value {float(plan.value):.6g}, which is not "
        "small: costs of very different size and masses in float64 leave no smaller gap. Read plan.certificate(), or "
        "solve places of one size alone; the plan says converged=False.",
        stacklevel=4,
    )


@overload
def c_transform(costs: NumPyLike, g: NumPyLike) -> NDArray[np.float64]: ...
@overload
def c_transform(costs: Tensor | Problem, g: ArrayLike) -> Tensor: ...
@overload
def c_transform(costs: ArrayLike | Problem, g: ArrayLike) -> Any: ...
def c_transform(costs: ArrayLike | Problem, g: ArrayLike) -> Any:
    """The largest f with f_i + g_j <= c_ij: f_i = min_j c_ij - g_j, over places j that have mass.

    Args:
        costs: a `Problem`, or a matrix (n, m), all of whose places count.
        g: potentials (m,).

    Returns:
        f (n,); +infinity where all pairs of a place are forbidden.

    Raises:
        ValueError: g is not of shape (m,), or not finite.

    Example:
        >>> from remblai.distances import c_transform
        >>> c_transform([[0.0, 1.0], [1.0, 0.0]], [0.5, 0.0]).tolist()
        [-0.5, 0.0]
    """
    problem, potential = _potential(costs, g)
    return _as_given(transformed(problem, potential), costs, g)


def improved(costs: ArrayLike | Problem, g: ArrayLike, sweeps: int = 1) -> tuple[Any, Any]:
    """Potentials that are feasible for every pair, from any g, by c-transforms of one side and the other in turn.

    No sweep lowers <a, f> + <b, g>; after the first the potentials are transforms of each other.

    Args:
        costs: a `Problem`, or a matrix (n, m).
        g: potentials (m,).
        sweeps: how often g is renewed from f, at least 0.

    Returns:
        f (n,) and g (m,), f_i + g_j <= c_ij.

    Raises:
        ValueError: g is not of shape (m,), or not finite.
    """
    problem, potential = _potential(costs, g)
    other = problem.flipped()
    for _ in range(sweeps):
        renewed = transformed(other, transformed(problem, potential))
        potential = renewed.where(renewed.isfinite(), 0.0)
    f, potential = feasible(problem, potential)
    return _as_given(f, costs, g), _as_given(potential, costs, g)


def _potential(costs: ArrayLike | Problem, g: ArrayLike) -> tuple[Problem, Tensor]:
    problem = costs if isinstance(costs, Problem) else Problem.of_matrix(None, None, costs)
    potential = tensor("g", g).detach().double().to(problem.b.device)
    if potential.shape != problem.b.shape:
        raise ValueError(f"g: expected shape {tuple(problem.b.shape)}, a column each, got {tuple(potential.shape)}.")
    finite("g", potential)
    return problem, potential


def _as_given(value: Tensor, *inputs: Any) -> Any:
    return value if any(isinstance(one, Tensor | Problem) for one in inputs) else np.asarray(value.cpu())
