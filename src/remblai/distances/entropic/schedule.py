"""The schedule of an entropic solve: larger epsilons first, float32 before float64, Newton's method at the end."""

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.costs import Square
from remblai.distances import validation
from remblai.distances.entropic.fused import Fused, iterate_fused
from remblai.distances.entropic.gibbs import DENSE, near_product
from remblai.distances.entropic.kernel import Form, Kernel, Relaxation, Stream, iterate
from remblai.distances.entropic.newton import MOST, TRIES, continuation, newton_ascent
from remblai.distances.entropic.soft_transforms import ready
from remblai.distances.entropic.softmin import Exponents
from remblai.distances.geometry import Geometry, Points
from remblai.distances.pairwise.availability import Unavailable
from remblai.distances.problem import Problem

MEMORY = 2**30
"""Bytes of the largest stored kernel; beyond, the iteration is streamed."""

SMALL = 2**16
"""Pairs up to which everything runs in float64 at once."""

SINGLE = 5e-5
"""Marginal error down to which the iteration runs in float32."""

FORMS: dict[str, type[Form] | None] = {"auto": None, "kernel": Kernel, "stream": Stream, "log": Stream}
"""How the iteration runs: over a stored kernel, streamed in float32 first, or streamed in float64 throughout."""


class Solution(NamedTuple):
    """Potentials with exact rows, the error of the columns in float64, the iterations, and the methods used.

    `plan` is P (n, m) where it came with the iteration.
    """

    f: Tensor
    g: Tensor
    error: float
    iterations: int
    route: str
    plan: Tensor | None = None


def potentials(
    problem: Problem, epsilon: float, tolerance: float, limit: int, form: str = "auto", start: Tensor | None = None
) -> Solution:
    """Potentials by the schedule: float32 down to its precision, then float64, then Newton where both are slow."""
    try:
        return _potentials(problem, epsilon, tolerance, limit, form, start)
    except Unavailable:  # which is known now: other forms are chosen
        return _potentials(problem, epsilon, tolerance, limit, form, start)


def _potentials(
    problem: Problem, epsilon: float, tolerance: float, limit: int, form: str, start: Tensor | None
) -> Solution:
    a, b, geometry = problem.a, problem.b, problem.geometry
    closed = near_product(problem, epsilon)
    if closed is not None:
        return Solution(*closed, 0.0, 1, "product")
    small, stored = min(len(a), len(b)) <= MOST, stores_plan(problem, form)
    g, iterations, names = torch.zeros_like(b) if start is None else start, 0, []
    relaxation, exponents = Relaxation(), Exponents(geometry, epsilon, torch.float64)
    for dtype, target in precision_schedule(problem, tolerance, form):
        iteration = make_form(form, dtype, problem)
        names.append(f"{iteration.name} {str(dtype)[6:]}")
        if start is None and not iterations:
            g, iterations = _annealed(problem, exponents, iteration)
        iteration.begin(exponents.at(epsilon, dtype, _wide(exponents, dtype, target)), g)
        for share in (0.9, 0.4):  # the error in float64 may exceed that of the loop
            patient = dtype == torch.float64 and not small
            reached, more = _run(iteration, share * target, max(1, limit - iterations), patient, relaxation)
            iterations = max(iterations, min(iterations + more, limit))  # at the limit one sweep measures the error
            if stored and dtype != torch.float64:  # float64 comes next in any case, for the plan
                break
            f, error = iteration.measured()
            if error <= tolerance or reached > share * target or iterations >= limit:
                break
        g = iteration.potentials()
        if stored and dtype != torch.float64:
            continue
        if error <= tolerance or iterations >= limit:
            return Solution(f, g, error, iterations, ", ".join(names), iteration.plan(f, g) if stored else None)
        del iteration
    if small:
        f, g, error, more = newton_ascent(exponents, a, b, g, 0.5 * tolerance, min(TRIES, limit - iterations))
        iterations, names = iterations + more, [*names, "Newton"]
        if error > tolerance and iterations < limit:
            largest = SMALL_EPSILON * _typical(problem)
            f, g, error, more = continuation(geometry, a, b, epsilon, largest, 0.5 * tolerance, limit - iterations)
            iterations += more
    return Solution(f, g, error, iterations, ", ".join(names))


def stores_plan(problem: Problem, form: str) -> bool:
    """Whether the kernel in float64, at the end of the iteration, becomes the plan."""
    n, m = problem.shape
    return FORMS[form] in (None, Kernel) and n * m <= DENSE


def precision_schedule(problem: Problem, tolerance: float, form: str = "auto") -> list[tuple[torch.dtype, float]]:
    """The precisions in their order, each with the marginal error at which it ends."""
    n, m = problem.shape
    if form == "log" or n * m <= SMALL:
        return [(torch.float64, tolerance)]
    return [(torch.float32, max(tolerance, SINGLE)), (torch.float64, tolerance)]


def make_form(form: str, dtype: torch.dtype, problem: Problem) -> Form:
    """The form of this name; "auto" stores the kernel where it fits the memory."""
    n, m = problem.shape
    size = n * m * dtype.itemsize
    kind = FORMS[form] or (Kernel if size <= MEMORY else Stream)
    if form == "auto" and streams(problem, dtype):
        assert isinstance(problem.geometry, Points)
        return Fused(problem.geometry, problem.a, problem.b, dtype)
    return kind(problem.a, problem.b, dtype)


def streams(problem: Problem, dtype: torch.dtype) -> bool:
    """Whether "auto" runs by the streaming kernels: where no plan is stored, on a device that has them.

    A stored kernel in float64 is faster than differences in float64, where memory holds it.
    """
    n, m = problem.shape
    large = n * m > DENSE and (dtype == torch.float32 or n * m * dtype.itemsize > MEMORY)
    return large and ready(problem.geometry, dtype) and ready(problem.geometry, torch.float64)


def _run(
    form: Form, target: float, limit: int, patient: bool = False, relaxation: Relaxation | None = None
) -> tuple[float, int]:
    if isinstance(form, Fused):
        return iterate_fused(form, target, limit, patient, relaxation)
    return iterate(form, target, limit, patient, relaxation)


SMALL_EPSILON = 0.06
"""Ratio of epsilon to the mean cost below which the iteration starts at a larger epsilon."""

FALL = 8.0
"""Divisor of epsilon from one step of its schedule to the next."""


def epsilon_schedule(problem: Problem, epsilon: float) -> list[float]:
    """The larger epsilons to start with, decreasing; none where epsilon is large relative to the costs."""
    typical = _typical(problem)
    level, levels = typical / 4.0, []
    if epsilon < SMALL_EPSILON * typical:
        while level > epsilon * 1.5:
            levels.append(level)
            level /= FALL
    return levels


def _annealed(problem: Problem, exponents: Exponents, iteration: Form) -> tuple[Tensor, int]:
    """Starting potentials, from a few sweeps at each of the larger epsilons."""
    g, iterations = torch.zeros_like(problem.b), 0
    levels = epsilon_schedule(problem, exponents.epsilon)
    wide = bool(levels) and not (square(problem.geometry) and levels[0] < 1e30)
    for level in levels:
        iteration.begin(exponents.at(level, iteration.dtype, wide), g)
        _, more = _run(iteration, 0.05, 4)
        g, iterations = iteration.potentials(), iterations + more
    return g, iterations


def _typical(problem: Problem) -> float:
    """The mean cost: exact for square costs, otherwise from at most 256 rows, above the least cost."""
    if square(problem.geometry):
        return mean_cost(problem)
    n = len(problem.a)
    rows = torch.arange(0, n, -(-n // 256), device=problem.geometry.device)
    costs = problem.geometry.part(rows, torch.ones_like(problem.b, dtype=torch.bool)).matrix()
    weights = problem.a[rows, None] * problem.b * costs.isfinite()
    costs = costs.where(costs.isfinite(), costs.min())
    return float((weights * (costs - costs.min())).sum() / weights.sum())


def _wide(exponents: Exponents, dtype: torch.dtype, target: float) -> bool:
    """Whether exponents need float64: float32 is enough where its rounding is below a fiftieth of the target."""
    return dtype == torch.float64 or not exponents.size / exponents.epsilon * 2.0**-24 <= 0.02 * target


def square(geometry: Geometry) -> bool:
    """Whether the costs are squared distances of points."""
    return isinstance(geometry, Points) and isinstance(geometry.cost, Square)


def mean_cost(problem: Problem) -> float:
    """The mean of a_i b_j c_ij over pairs of finite cost; of square costs in O(n + m)."""
    geometry, a, b = problem.geometry, problem.a / problem.a.sum(), problem.b / problem.b.sum()
    if not (isinstance(geometry, Points) and square(geometry)):
        return geometry.mean(a, b)
    centre = geometry.y.double().mean(0)
    x, y = geometry.x.double() - centre, geometry.y.double() - centre
    squares = a @ x.square().sum(1) + b @ y.square().sum(1)
    return max(float(squares - 2.0 * (a @ x) @ (b @ y)), 0.0)


def absolute_epsilon(problem: Problem, epsilon: Any, relative: bool) -> float:
    """Epsilon in the units of the costs. Where all costs are 0, every epsilon gives the same plan: it is absolute.

    Raises:
        ValueError: an epsilon that is not positive and finite, or a multiple of a mean cost that is not.
    """
    found = validation.epsilon(epsilon)
    if not relative:
        return found
    typical = mean_cost(problem)
    if typical == 0.0 and all(bool((costs == 0.0).all()) for _, costs in problem.geometry.blocks()):
        return found
    if not 0.0 < found * typical < float("inf"):
        raise ValueError(
            f"epsilon: expected a multiple {found:g} of a positive, finite mean cost, got a mean of {typical:g}: pass "
            "an absolute epsilon, with relative=False."
        )
    return validation.normal_epsilon(found * typical)


def warn_not_converged(error: float, tolerance: float, iterations: int) -> None:
    """Warns that a solver has not converged."""
    warnings.warn(
        f"sinkhorn: expected a marginal error of at most {tolerance:.2g}, got {error:.2g} after {iterations} "
        "iterations: raise max_iterations, epsilon or tolerance. The result has converged=False.",
        stacklevel=4,
    )
