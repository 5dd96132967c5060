"""Entropic transport by Sinkhorn's iteration: the least <P, C> + epsilon KL(P | a x b)."""

import time
from typing import Any, TypeAlias, TypedDict, overload

import torch
from torch import Tensor
from typing_extensions import Unpack

from remblai.config.aliases import checked_options
from remblai.config.registry import unknown
from remblai.distances import validation
from remblai.distances.entropic import unbalanced as soft
from remblai.distances.entropic.gibbs import gibbs, marginal_error, on_all_places, support
from remblai.distances.entropic.schedule import (
    FORMS,
    absolute_epsilon,
    mean_cost,
    potentials,
    square,
    warn_not_converged,
)
from remblai.distances.entropic.soft_transforms import serves
from remblai.distances.feasible import check_feasible
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan
from remblai.distances.problem import Problem
from remblai.distances.solution import solved
from remblai.distances.validation import ArrayLike, NumPyLike

TOLERANCE = 1e-6
ITERATIONS = 10_000

Start: TypeAlias = Plan | tuple[ArrayLike, ArrayLike] | None
"""The start of the iteration: the plan of a similar problem, or its potentials (f, g)."""


Strength: TypeAlias = float | tuple[float | None, float | None] | None
"""The strength of the penalty of unbalanced transport: one for both sides, or a pair; None keeps a constraint."""


class Options(TypedDict, total=False):
    """Options of `sinkhorn`."""

    relative: bool
    tolerance: float
    max_iterations: int
    form: str
    start: Start
    unbalanced: Strength
    normalise: bool


@overload
def sinkhorn(
    a: NumPyLike | None, b: NumPyLike | None, C: NumPyLike, epsilon: float = ..., **options: Unpack[Options]
) -> ArrayPlan: ...
@overload
def sinkhorn(
    a: ArrayLike | None, b: ArrayLike | None, C: Tensor, epsilon: float = ..., **options: Unpack[Options]
) -> TensorPlan: ...
@overload
def sinkhorn(
    a: ArrayLike | None, b: ArrayLike | None, C: ArrayLike, epsilon: float = ..., **options: Unpack[Options]
) -> Plan: ...
@checked_options
def sinkhorn(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: ArrayLike,
    epsilon: float = 0.05,
    *,
    relative: bool = False,
    tolerance: float = TOLERANCE,
    max_iterations: int = ITERATIONS,
    form: str = "auto",
    start: Start = None,
    unbalanced: Strength = None,
    normalise: bool = False,
) -> Plan:
    """The least <P, C> + epsilon KL(P | a x b) over all P that carry a to b.

    `value` is the dual value a . f + b . g at the returned potentials, where f is the soft c-transform of g. It is a
    lower bound of the optimum, and as near to it as the marginal error is small.
    The plan is P_ij = a_i b_j exp((f_i + g_j - c_ij) / epsilon).

    Args:
        a: masses (n,), which sum to 1; None is 1 / n each.
        b: masses (m,), which sum to 1.
        C: costs (n, m); +infinity forbids a pair, as does an entry that a sparse matrix does not have.
        epsilon: the regularisation, in the units of the costs.
        relative: whether epsilon is a multiple of the mean cost, sum a_i b_j c_ij. The plan's `epsilon` is the absolute
            one; gradients treat it as a constant.
        tolerance: the marginal error |P 1 - a|_1 + |P' 1 - b|_1, as a share of the mass, at which the solver has
            converged; the error is that of the returned coupling, in float64, whatever the iteration runs in.
        max_iterations: most passes over the pairs, of which a round of some is always whole; the solver warns where
            they were not enough.
        form: "kernel" stores the kernel exp(...) (n, m), in float32 and, for a plan of up to 2^20 entries or below a
            tolerance of 5e-5, then in float64;
            "stream" recomputes it in each pass, in memory O(n + m); "log" does so in float64 throughout; "auto" stores
            a kernel that fits 1 GiB and streams a larger one. On a GPU "auto" streams more than 2^20 pairs of points,
            with the square or the Euclidean cost, through its tensor cores, in memory O((n + m) d).
        start: potentials to start from, (f, g) or a `Plan`.
        unbalanced: strength rho of the penalty rho KL(P 1 | a) + rho KL(P' 1 | b) that replaces the constraints on the
            marginals, or a pair of strengths; masses may then have any totals. None keeps the constraints.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: masses or costs that are not valid, an epsilon that is not positive, an unknown form, or costs that
            leave no plan of finite cost.

    Source: Cuturi (2013), arXiv 1306.0895; log domain and absorption: Schmitzer (2019), arXiv 1610.06519.

    Example:
        >>> from remblai.distances import sinkhorn
        >>> plan = sinkhorn([0.5, 0.5], [0.25, 0.75], [[0.0, 1.0], [1.0, 0.0]], epsilon=0.1)
        >>> plan.coupling.round(3).tolist()
        [[0.25, 0.25], [0.0, 0.5]]
    """
    options: dict[str, Any] = {"relative": relative, "tolerance": tolerance, "max_iterations": max_iterations}
    if unbalanced is not None:
        if start is not None or form != "auto" or normalise:
            raise ValueError(
                "sinkhorn: expected no start, form or normalise with unbalanced=..., got one: they need exact "
                "marginals; leave them out."
            )
        return soft.solve(soft.of_matrix(a, b, C), epsilon, unbalanced, **options)
    return solve(Problem.of_matrix(a, b, C, normalise), epsilon, form=form, start=start, **options)


def solve(
    problem: Problem,
    epsilon: float,
    *,
    relative: bool = False,
    tolerance: float = TOLERANCE,
    max_iterations: int = ITERATIONS,
    form: str = "auto",
    start: Start = None,
) -> Plan:
    """The entropic plan of a checked problem, of points or of a cost matrix; the arguments are those of `sinkhorn`."""
    began = time.perf_counter()
    epsilon = absolute_epsilon(problem, epsilon, relative)
    tolerance = validation.positive("tolerance", tolerance)
    max_iterations = validation.positive_integer("max_iterations", max_iterations)
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    # finite points can be infinitely far apart, but not those of float32
    near = serves(problem.geometry) and problem.geometry.dtype == torch.float32
    if not (near or (square(problem.geometry) and mean_cost(problem) < 1e300)):
        check_feasible(problem)
    seen = support(problem)
    if seen.problem is not problem:
        check_feasible(seen.problem)
    found = potentials(seen.problem, epsilon, tolerance, max_iterations, form, _start(start, problem, seen.columns))
    coupling = gibbs(problem, seen, found.f, found.g, epsilon, found.plan)
    error = marginal_error(problem, coupling)
    converged = error <= tolerance  # False for NaN
    if not converged:
        warn_not_converged(error, tolerance, found.iterations)
    f, g = on_all_places(problem, seen, (found.f, found.g), epsilon)
    return solved(
        problem,
        float(seen.problem.a @ found.f + seen.problem.b @ found.g),
        coupling,
        (f, g),
        method=f"sinkhorn ({found.route})",
        epsilon=epsilon,
        marginal_error=error,
        converged=converged,
        iterations=found.iterations,
        seconds=time.perf_counter() - began,
    )


def _start(start: Start, problem: Problem, columns: Tensor) -> Tensor | None:
    """The starting potential g at the columns that the solver sees.

    Raises:
        ValueError: potentials of another shape, or values that are not finite.
    """
    if start is None:
        return None
    given = start.potentials if isinstance(start, Plan) else start
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"start: expected a plan or its potentials (f, g), got {type(given).__name__}.")
    pair = [validation.tensor(f"start {name}", h).detach() for name, h in zip("fg", given, strict=True)]
    shapes = [tuple(h.shape) for h in pair]
    if shapes != [(n,) for n in problem.shape]:
        raise ValueError(
            f"start: expected potentials f ({problem.shape[0]},) and g ({problem.shape[1]},), got {shapes}: "
            "pass the plan of a problem of this shape, or its potentials."
        )
    g = pair[1].to(problem.b).clone()[columns]
    validation.finite("start g", g)
    return g
