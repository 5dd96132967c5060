"""Unbalanced entropic transport: a penalty on the marginals replaces the constraints."""

import math
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor

from remblai.distances import validation
from remblai.distances.coupling import Coupling
from remblai.distances.entropic.gibbs import Support, gibbs, on_all_places, support
from remblai.distances.entropic.kernel import Relaxation
from remblai.distances.entropic.schedule import absolute_epsilon, epsilon_schedule, warn_not_converged
from remblai.distances.entropic.softmin import Exponents, Increment, sweep
from remblai.distances.envelope import with_gradients
from remblai.distances.feasible import check_feasible
from remblai.distances.geometry import CostLike, Geometry, Matrix, Points
from remblai.distances.magnitudes import refuse_overflow
from remblai.distances.mapping import mapping, names
from remblai.distances.plan import Parts, Plan
from remblai.distances.problem import Problem
from remblai.distances.solution import carried_cost
from remblai.distances.validation import ArrayLike

LEAST = 1e-250
"""A share of the mass that is as good as none, and still has a logarithm."""


def of_matrix(a: ArrayLike | None, b: ArrayLike | None, costs: ArrayLike) -> Problem:
    """The problem of masses a (n,), b (m,) of any totals, not normalised, and a cost matrix (n, m).

    Raises:
        ValueError: masses or costs that are not valid.
    """
    return _as_given(Matrix(costs), a, b, not any(isinstance(one, Tensor) for one in (a, b, costs)))


def of_points(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike = "square",
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
) -> Problem:
    """The same from points x (n, d), y (m, d) and a cost.

    Raises:
        ValueError: masses or points that are not valid.
    """
    geometry = Points(x, y, cost)
    refuse_overflow(geometry)
    return _as_given(geometry, a, b, not any(isinstance(one, Tensor) for one in (x, y, a, b)))


def _as_given(geometry: Geometry, a: Any, b: Any, arrays: bool) -> Problem:
    n, m = geometry.shape
    given = validation.masses("a", a, n, geometry.device), validation.masses("b", b, m, geometry.device)
    first, second = (one.detach().double() for one in given)
    return Problem(first, second, geometry, given, arrays)


def solve(
    problem: Problem,
    epsilon: float,
    strength: Any,
    *,
    relative: bool = False,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Plan:
    """The least <P, C> + epsilon KL(P | a x b) + rho KL(P 1 | a) + rho' KL(P' 1 | b) over all P >= 0.

    KL(p | q) = sum p log(p / q) - p + q, for masses of any total. At the optimum P 1 = a exp(-f / rho), and
    `marginal_error` is the distance from that, as a share of the mass carried. The value is differentiable in the
    masses too, and not only up to a constant.

    Args:
        problem: from `of_matrix` or `of_points`: its masses are not normalised.
        epsilon: the regularisation.
        strength: rho of both sides, or (rho, rho'); infinity or None keeps the constraint on that side.
        relative: whether epsilon is a multiple of the mean cost.
        tolerance: the error at which the solver has converged.
        max_iterations: most passes over the pairs; the solver warns where they were not enough.

    Raises:
        ValueError: a strength or epsilon that is not positive, constraints on both sides, or a place with mass whose
            costs are all infinite.

    Source: Chizat, Peyré, Schmitzer, Vialard (2018), arXiv 1607.05816; the shift after each pass: Séjourné, Vialard,
    Peyré (2022), arXiv 2201.00730.
    """
    began = time.perf_counter()
    epsilon = absolute_epsilon(problem, epsilon, relative)
    tolerance = validation.positive("tolerance", tolerance)
    max_iterations = validation.positive_integer("max_iterations", max_iterations)
    strengths = _strengths(strength)
    check_feasible(problem, balanced=False)
    seen = support(problem)
    inner = seen.problem
    if inner is not problem:
        check_feasible(inner, balanced=False)
    g, iterations = torch.zeros_like(inner.b), 0
    for level in [*epsilon_schedule(inner, epsilon), epsilon]:
        last = level == epsilon
        f, g, _, more = _iterated(
            inner, level, strengths, g, tolerance if last else 0.1, max_iterations if last else 10
        )
        iterations += more
    coupling = gibbs(problem, seen, f, g, epsilon)
    error = _error(coupling, seen, f, g, strengths)
    if not error <= tolerance:  # true for NaN
        warn_not_converged(error, tolerance, iterations)
    value = _value(inner, f, g, strengths, epsilon)
    f, g = _everywhere(problem, seen, f, g, strengths, epsilon)
    derivatives = problem.geometry.gradients(coupling)
    both = zip(problem.given, (f, g), strengths, (problem.b, problem.a), strict=True)
    derivatives += [
        (one, _mass_derivative(h, rho, float(other.sum()), epsilon)) for one, h, rho, other in both if one.requires_grad
    ]
    scalar = torch.tensor(value, dtype=torch.float64, device=f.device)
    return Plan(
        value=value if problem.arrays else with_gradients(scalar, derivatives),
        method="sinkhorn (unbalanced, float64)",
        epsilon=epsilon,
        marginal_error=error,
        converged=error <= tolerance,
        iterations=iterations,
        seconds=time.perf_counter() - began,
        arrays=problem.arrays,
        parts=Parts(
            coupling=coupling,
            f=f,
            g=g,
            cost=partial(carried_cost, problem.geometry, coupling),
            map=mapping(problem, coupling, g, epsilon),
            columns=names(problem),
        ),
    )


def _strengths(value: Any) -> tuple[float, float]:
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2:
        raise ValueError(f"unbalanced: expected one strength or a pair, got {value!r}.")
    first, second = (math.inf if one is None else validation.number("unbalanced", one) for one in both)
    if not (first > 0.0 and second > 0.0):
        raise ValueError(f"unbalanced: expected positive strengths, got {value!r}.")
    if math.isinf(first) and math.isinf(second):
        raise ValueError(
            "unbalanced: expected a finite strength on a side, got none: pass unbalanced=None to keep both marginals."
        )
    return first, second


def _iterated(
    problem: Problem, epsilon: float, strengths: tuple[float, float], g: Tensor, target: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """f, g, the error and the passes; f = T(g) rho / (rho + epsilon), so the condition of f holds exactly."""
    a, b = problem.a, problem.b
    exponents = Exponents(problem.geometry, epsilon, torch.float64)
    factors = [_factor(rho, epsilon) for rho in strengths]
    relaxation, f, k, closing = Relaxation(), None, 0, False
    while k < limit:
        k += 1
        omega, before = 1.0 if closing or f is None else relaxation.omega, f
        f, ratios = sweep(exponents, a, b, g, _increment(factors[0], omega, before))
        optimal = (-g / strengths[1]).exp()
        error = float((b * (ratios - optimal)).abs().sum() / (b * optimal).sum().clamp(min=LEAST))
        if error <= target and omega == 1.0:
            break
        closing = error <= target or k == limit - 1  # the last sweep is a plain one, so the condition of f is exact
        if not closing:
            moved = factors[1] * (g - epsilon * ratios.clamp(min=LEAST).log()) - g
            g = g + relaxation.omega * moved
            shift = _shift(a, b, f, g, strengths)
            f, g = f + shift, g - shift
            relaxation.update(error)
    assert f is not None  # limit >= 1
    return f, g, error, k


def _increment(factor: float, omega: float, before: Tensor | None) -> Increment:
    """From the transform of g to the new f: scaled by the factor, then relaxed by omega from the f before."""
    if omega == 1.0 or before is None:
        return lambda f, _: (factor - 1.0) * f
    return lambda f, part: (omega * factor - 1.0) * f + (1.0 - omega) * before[part]


def _factor(rho: float, epsilon: float) -> float:
    """rho / (rho + epsilon): the factor of the soft transform on a penalised side; 1 on a constrained one."""
    return 1.0 if math.isinf(rho) else rho / (rho + epsilon)


def _shift(a: Tensor, b: Tensor, f: Tensor, g: Tensor, strengths: tuple[float, float]) -> float:
    """The constant s with which (f + s, g - s) has the greatest dual value."""
    rates = [1.0 / rho for rho in strengths]
    first, second = (
        torch.logsumexp(one.log() - h * rate, 0) for one, h, rate in zip((a, b), (f, g), rates, strict=True)
    )
    return float(first - second) / sum(rates)


def _value(problem: Problem, f: Tensor, g: Tensor, strengths: tuple[float, float], epsilon: float) -> float:
    """The dual value; the condition of f holds, so the plan has the mass of a exp(-f / rho)."""
    carried = float((problem.a * (-f / strengths[0]).exp()).sum())
    total = -epsilon * (carried - float(problem.a.sum()) * float(problem.b.sum()))
    for masses, h, rho in zip((problem.a, problem.b), (f, g), strengths, strict=True):
        total += float(masses @ _conjugate(h, rho))
    return total


def _conjugate(h: Tensor, rho: float) -> Tensor:
    """rho (1 - exp(-h / rho)), the dual term of a penalised side; h on a constrained one."""
    return h if math.isinf(rho) else -rho * torch.expm1(-h / rho)


def _mass_derivative(h: Tensor, rho: float, other: float, epsilon: float) -> Tensor:
    """The derivative of the value in the masses of one side, of which `other` is the other side's total."""
    return _conjugate(h, rho) - epsilon * ((-h / rho).exp() - other)


def _error(coupling: Coupling, seen: Support, f: Tensor, g: Tensor, strengths: tuple[float, float]) -> float:
    """How far the marginals of the coupling are from a exp(-f / rho) and b exp(-g / rho'), as a share of its mass."""
    distance, mass = 0.0, 0.0
    both = zip(coupling.marginals(), (seen.rows, seen.columns), (seen.problem.a, seen.problem.b), (f, g), strict=True)
    for (marginal, mask, masses, h), rho in zip(both, strengths, strict=True):
        mass = float(marginal.sum())
        distance += float((marginal[mask] - masses * (-h / rho).exp()).abs().sum())
    return distance / max(mass, LEAST)  # 0 where nothing is worth carrying


def _everywhere(
    problem: Problem, seen: Support, f: Tensor, g: Tensor, strengths: tuple[float, float], epsilon: float
) -> tuple[Tensor, Tensor]:
    """Potentials at all places: at those outside the support, the soft transform times the factor of its side."""
    both = on_all_places(problem, seen, (f, g), epsilon)
    masks = seen.rows, seen.columns
    first, second = (
        h.where(mask, _factor(rho, epsilon) * h) for h, mask, rho in zip(both, masks, strengths, strict=True)
    )
    return first, second
