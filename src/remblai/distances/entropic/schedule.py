"""The way to the potentials of an entropic plan: larger epsilons first, float32 before float64, Newton at the end."""

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.costs import Square
from remblai.distances import validation
from remblai.distances.entropic.kernel import Form, Kernel, Relaxation, Stream, iterate
from remblai.distances.entropic.newton import MOST, TRIES, follow, polish
from remblai.distances.entropic.softmin import Exponents
from remblai.distances.geometry import Geometry, Points
from remblai.distances.problem import Problem

MEMORY = 2**30
"""Bytes that a stored kernel may take; beyond, the iteration is streamed."""

SMALL = 2**16
"""Pairs up to which everything runs in float64 at once."""

SINGLE = 5e-5
"""Marginal error down to which float32 is trusted to lead."""

FORMS: dict[str, type[Form] | None] = {"auto": None, "kernel": Kernel, "stream": Stream, "log": Stream}
"""How the iteration runs: over a stored kernel, streamed in float32 first, or streamed in float64 throughout."""


class Found(NamedTuple):
    """Potentials with exact rows, the error of the columns in float64, iterations, and how they were found."""

    f: Tensor
    g: Tensor
    error: float
    iterations: int
    route: str


def potentials(
    problem: Problem, epsilon: float, tolerance: float, limit: int, form: str = "auto", start: Tensor | None = None
) -> Found:
    """The ladder: float32 where it can lead, float64 where it must, Newton where both crawl."""
    a, b, geometry = problem.a, problem.b, problem.geometry
    small = min(len(a), len(b)) <= MOST
    rungs = precision_schedule(problem, tolerance, form)
    g, iterations, names = torch.zeros_like(b) if start is None else start, 0, []
    relaxation = Relaxation()
    for dtype, target in rungs:
        moving = chosen(form, dtype, problem)
        names.append(f"{moving.name} {str(dtype)[6:]}")
        if start is None and not iterations:
            g, iterations = _annealed(problem, epsilon, moving)
        moving.begin(Exponents(geometry, epsilon, dtype, _wide(geometry, epsilon, dtype, target)), g)
        for share in (0.9, 0.4):  # float64 may see more than the loop did
            patient = dtype == torch.float64 and not small
            reached, more = iterate(moving, share * target, max(1, limit - iterations), patient, relaxation)
            iterations += more
            f, error = moving.judged()
            if error <= tolerance or reached > share * target or iterations >= limit:
                break
        g = moving.potentials()
        del moving
        if error <= tolerance or iterations >= limit:
            return Found(f, g, error, iterations, ", ".join(names))
    if small:
        exponents = Exponents(geometry, epsilon, torch.float64)
        f, g, error, more = polish(exponents, a, b, g, 0.5 * tolerance, min(TRIES, limit - iterations))
        iterations, names = iterations + more, [*names, "Newton"]
        if error > tolerance and iterations < limit:
            above = ANNEALED * _typical(problem)
            f, g, error, more = follow(geometry, a, b, epsilon, above, 0.5 * tolerance, limit - iterations)
            iterations += more
    return Found(f, g, error, iterations, ", ".join(names))


def precision_schedule(problem: Problem, tolerance: float, form: str = "auto") -> list[tuple[torch.dtype, float]]:
    """Precisions and the marginal errors that each is to reach."""
    n, m = problem.shape
    if form == "log" or n * m <= SMALL:
        return [(torch.float64, tolerance)]
    return [(torch.float32, max(tolerance, SINGLE)), (torch.float64, tolerance)]


def chosen(form: str, dtype: torch.dtype, problem: Problem) -> Form:
    """The form that was asked for or, by its memory, chosen."""
    n, m = problem.shape
    size = n * m * dtype.itemsize
    kind = FORMS[form] or (Kernel if size <= MEMORY else Stream)
    return kind(problem.a, problem.b, dtype)


ANNEALED = 0.06
"""Epsilon over the mean cost below which the iteration starts from a larger one."""

FALL = 8.0
"""What epsilon is divided by from one rung of the annealing to the next."""


def epsilon_schedule(problem: Problem, epsilon: float) -> list[float]:
    """The larger epsilons to begin with, falling: none where epsilon is large beside the costs."""
    typical = _typical(problem)
    blur, found = typical / 4.0, []
    if epsilon < ANNEALED * typical:
        while blur > epsilon * 1.5:
            found.append(blur)
            blur /= FALL
    return found


def _annealed(problem: Problem, epsilon: float, moving: Form) -> tuple[Tensor, int]:
    """Potentials to begin with, from a few sweeps each at larger epsilons."""
    g, iterations = torch.zeros_like(problem.b), 0
    blurs = epsilon_schedule(problem, epsilon)
    wide = bool(blurs) and not (square(problem.geometry) and blurs[0] < 1e30)
    for blur in blurs:
        moving.begin(Exponents(problem.geometry, blur, moving.dtype, wide), g)
        _, more = iterate(moving, 0.05, 4)
        g, iterations = moving.potentials(), iterations + more
    return g, iterations


def _typical(problem: Problem) -> float:
    """The mean cost, for square costs exactly and otherwise from at most 256 rows."""
    if square(problem.geometry):
        return mean_cost(problem)
    (n, m), device = problem.shape, problem.geometry.device
    rows, columns = torch.arange(0, n, -(-n // 256), device=device), torch.arange(m, device=device)
    costs = problem.geometry.part(rows, columns).matrix()
    costs = costs[costs.isfinite()]
    return float((costs - costs.min()).mean())


def _wide(geometry: Geometry, epsilon: float, dtype: torch.dtype, target: float) -> bool:
    """Whether exponents need float64: not where what float32 loses of them is below a fiftieth of the target."""
    if dtype == torch.float64 or not (isinstance(geometry, Points) and square(geometry)):
        return True
    centre = geometry.y.double().mean(0)
    size = sum(float((one - centre).square().sum(1).max()) for one in (geometry.x, geometry.y))
    return not size / epsilon * 2.0**-24 <= 0.02 * target


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


def absolute(problem: Problem, epsilon: Any, relative: bool) -> float:
    """Epsilon in the units of the costs.

    Raises:
        ValueError: not positive and finite, or a multiple of a mean cost that is 0.
    """
    found = validation.epsilon(epsilon)
    if not relative:
        return found
    typical = mean_cost(problem)
    if typical <= 0.0:
        raise ValueError(
            f"epsilon: expected a positive mean cost to take {found:g} times of, got {typical:g}: give it absolute."
        )
    return found * typical


def count(name: str, value: Any) -> int:
    """A whole number, at least 1.

    Raises:
        ValueError: it is not.
    """
    found = validation.number(name, value)
    if not (found >= 1.0 and found == found // 1.0):
        raise ValueError(f"{name}: expected a whole number, at least 1, got {value}.")
    return int(found)


def complain(error: float, tolerance: float, iterations: int) -> None:
    """Warns of a solver that gave up."""
    warnings.warn(
        f"sinkhorn: marginal error {error:.2g} after {iterations} iterations, {tolerance:.2g} was asked for: raise "
        "max_iterations, epsilon or tolerance; the plan says converged=False.",
        stacklevel=4,
    )
