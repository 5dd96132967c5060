"""Entropic transport by Sinkhorn's iteration: the least <P, C> + epsilon KL(P | a x b)."""

import time
from typing import Any, TypeAlias, TypedDict, overload

from torch import Tensor
from typing_extensions import Unpack

from remblai.config.aliases import checked_options
from remblai.config.registry import unknown
from remblai.distances import validation
from remblai.distances.entropic import unbalanced as soft
from remblai.distances.entropic.gibbs import gibbs, populated, spread
from remblai.distances.entropic.schedule import FORMS, absolute, complain, count, mean_cost, potentials, square
from remblai.distances.feasible import check_feasible
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan, solved
from remblai.distances.problem import Problem
from remblai.distances.validation import ArrayLike, NumPyLike

TOLERANCE = 1e-6
ITERATIONS = 10_000

Start: TypeAlias = Plan | tuple[ArrayLike, ArrayLike] | None
"""Where to begin: a plan of a similar problem, or its potentials (f, g)."""


class Options(TypedDict, total=False):
    """Options of `sinkhorn`."""

    relative: bool
    tolerance: float
    max_iterations: int
    form: str
    start: Start
    unbalanced: float | tuple[float | None, float | None] | None
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
    unbalanced: float | tuple[float | None, float | None] | None = None,
    normalise: bool = False,
) -> Plan:
    """The least <P, C> + epsilon KL(P | a x b) over all P that carry a to b.

    `value` is the dual value at the returned potentials, a . f + b . g, of which f is the soft transform of g: a lower
    bound that the marginal error makes sharp. The plan is P_ij = a_i b_j exp((f_i + g_j - c_ij) / epsilon).

    Args:
        a: masses (n,), which sum to 1; None is 1 / n each.
        b: masses (m,).
        C: costs (n, m); an entry of +infinity forbids the pair.
        epsilon: the regularisation, in the units of the costs.
        relative: whether epsilon is a multiple of the mean cost, sum a_i b_j c_ij. The plan's `epsilon` is the absolute
            one; gradients take it as fixed.
        tolerance: the marginal error |P 1 - a|_1 + |P' 1 - b|_1, as a share of the mass, at which it has converged;
            the last word is float64's.
        max_iterations: passes over the pairs after which it gives up, with a warning.
        form: "kernel" stores exp of the exponents, (n, m) in float32 and, below a tolerance of 5e-5, float64; "stream"
            makes them anew, in memory O(n + m); "log" does so in float64 throughout; "auto" stores what fits 1 GiB.
        start: potentials to begin with, (f, g) or a `Plan`.
        unbalanced: strength rho of rho KL(P 1 | a) + rho KL(P' 1 | b) in place of exact marginals, or a pair of them;
            the masses may then have any totals. None keeps the marginals.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem, epsilon not positive, an unknown form, no finite plan.

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
                "sinkhorn: expected exact marginals with start, form or normalise, got unbalanced: leave them out."
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
    """The entropic plan of a problem from points or a matrix; arguments as `sinkhorn` has them."""
    began = time.perf_counter()
    epsilon = absolute(problem, epsilon, relative)
    tolerance, max_iterations = validation.positive("tolerance", tolerance), count("max_iterations", max_iterations)
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    if not (square(problem.geometry) and mean_cost(problem) < 1e300):  # finite points can be infinitely far apart
        check_feasible(problem)
    held = populated(problem)
    found = potentials(held, epsilon, tolerance, max_iterations, form, _started(start, problem))
    f, g = spread(problem, (found.f, found.g), epsilon)
    converged = found.error <= tolerance
    if not converged:
        complain(found.error, tolerance, found.iterations)
    return solved(
        problem,
        float(held.a @ found.f + held.b @ found.g),
        gibbs(problem, f, g, epsilon),
        (f, g),
        method=f"sinkhorn ({found.route})",
        epsilon=epsilon,
        marginal_error=found.error,
        converged=converged,
        iterations=found.iterations,
        seconds=time.perf_counter() - began,
    )


def _started(start: Start, problem: Problem) -> Tensor | None:
    """g at the places that hold mass.

    Raises:
        ValueError: potentials of another shape, or not finite.
    """
    if start is None:
        return None
    given = start.potentials if isinstance(start, Plan) else start
    found = [validation.tensor(f"start {name}", one).detach() for name, one in zip("fg", given, strict=True)]
    shapes = [tuple(one.shape) for one in found]
    if shapes != [(n,) for n in problem.shape]:
        raise ValueError(
            f"start: expected potentials f ({problem.shape[0]},) and g ({problem.shape[1]},), got {shapes}."
        )
    g = found[1].to(problem.b).clone()[problem.b > 0]
    validation.finite("start g", g)
    return g
