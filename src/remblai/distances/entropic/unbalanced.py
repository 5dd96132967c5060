"""Entropic transport whose marginals are asked for by a penalty: mass may be made and lost, at a price."""

import math
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor

from remblai.distances import validation
from remblai.distances.certificate import transformed
from remblai.distances.entropic.gibbs import gibbs, populated
from remblai.distances.entropic.kernel import Relaxation
from remblai.distances.entropic.schedule import absolute, complain, count, epsilon_schedule
from remblai.distances.entropic.softmin import Exponents, Moved, sweep
from remblai.distances.envelope import with_gradients
from remblai.distances.feasible import check_feasible
from remblai.distances.geometry import CostLike, Geometry, Matrix, Points
from remblai.distances.plan import Parts, Plan, carried_cost
from remblai.distances.problem import Problem


def of_matrix(a: Any, b: Any, costs: Any) -> Problem:
    """The problem of masses a (n,), b (m,) as they are, whatever their totals, and a cost matrix (n, m).

    Raises:
        ValueError: no masses or no costs.
    """
    return _as_given(Matrix(costs), a, b, not any(isinstance(one, Tensor) for one in (a, b, costs)))


def of_points(x: Any, y: Any, cost: CostLike = "square", a: Any = None, b: Any = None) -> Problem:
    """The same from points x (n, d), y (m, d) and a cost.

    Raises:
        ValueError: no masses or no points.
    """
    return _as_given(Points(x, y, cost), a, b, not any(isinstance(one, Tensor) for one in (x, y, a, b)))


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
        strength: rho of both sides, or (rho, rho'); infinity or None keeps that side's marginal.
        relative: whether epsilon is a multiple of the mean cost.
        tolerance: the error at which it has converged.
        max_iterations: passes over the pairs after which it gives up, with a warning.

    Raises:
        ValueError: a strength or epsilon not positive, two kept sides, a place with mass that reaches none.

    Source: Chizat, Peyré, Schmitzer, Vialard (2018), arXiv 1607.05816; the shift after each pass: Séjourné, Vialard,
    Peyré (2022), arXiv 2201.00730.
    """
    began = time.perf_counter()
    epsilon = absolute(problem, epsilon, relative)
    tolerance, max_iterations = validation.positive("tolerance", tolerance), count("max_iterations", max_iterations)
    strengths = _strengths(strength)
    check_feasible(problem, balanced=False)
    held = populated(problem)
    g, iterations = torch.zeros_like(held.b), 0
    for blur in [*epsilon_schedule(held, epsilon), epsilon]:
        last = blur == epsilon
        f, g, error, more = _iterated(
            held, blur, strengths, g, tolerance if last else 0.1, max_iterations if last else 10
        )
        iterations += more
    if error > tolerance:
        complain(error, tolerance, iterations)
    value = _value(held, f, g, strengths, epsilon)
    f, g = _everywhere(problem, g, strengths, epsilon)
    coupling = gibbs(problem, f, g, epsilon)
    derivatives = problem.geometry.gradients(coupling)
    both = zip(problem.given, (f, g), strengths, (problem.b, problem.a), strict=True)
    derivatives += [
        (one, _slope(h, rho, float(other.sum()), epsilon)) for one, h, rho, other in both if one.requires_grad
    ]
    told = torch.tensor(value, dtype=torch.float64, device=f.device)
    return Plan(
        value=value if problem.arrays else with_gradients(told, derivatives),
        method="sinkhorn (unbalanced, float64)",
        epsilon=epsilon,
        marginal_error=error,
        converged=error <= tolerance,
        iterations=iterations,
        seconds=time.perf_counter() - began,
        arrays=problem.arrays,
        parts=Parts(coupling=coupling, f=f, g=g, cost=partial(carried_cost, problem.geometry, coupling)),
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
            "unbalanced: expected a finite strength on a side, got none: unbalanced=None keeps both marginals."
        )
    return first, second


def _iterated(
    problem: Problem, epsilon: float, strengths: tuple[float, float], g: Tensor, target: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """f, g, the error and the passes; f = T(g) rho / (rho + epsilon), so that its side's condition holds exactly."""
    a, b = problem.a, problem.b
    exponents = Exponents(problem.geometry, epsilon, torch.float64)
    drawn, other = (_drawn(rho, epsilon) for rho in strengths)
    relaxation, f, k, closing = Relaxation(), None, 0, False
    while k < limit:
        k += 1
        omega, before = 1.0 if closing or f is None else relaxation.omega, f
        f, ratios = sweep(exponents, a, b, g, _moving(drawn, omega, before))
        wanted = (-g / strengths[1]).exp()
        error = float((b * (ratios - wanted)).abs().sum() / (b * wanted).sum())
        if error <= target and omega == 1.0:
            break
        closing = error <= target or k == limit - 1  # the last sweep is a plain one: it makes f's condition exact
        if not closing:
            shift = _shift(a, b, f, g := g + relaxation.omega * (other * (g - epsilon * ratios.log()) - g), strengths)
            f, g = f + shift, g - shift
            relaxation.saw(error)
    assert f is not None  # limit >= 1
    return f, g, error, k


def _moving(drawn: float, omega: float, before: Tensor | None) -> Moved:
    """From the transform of g to where f goes: drawn towards 0, and omega times as far as that from the one before."""
    if omega == 1.0 or before is None:
        return lambda f, _: (drawn - 1.0) * f
    return lambda f, part: (omega * drawn - 1.0) * f + (1.0 - omega) * before[part]


def _drawn(rho: float, epsilon: float) -> float:
    """rho / (rho + epsilon): how much of a full step a penalised side takes."""
    return 1.0 if math.isinf(rho) else rho / (rho + epsilon)


def _shift(a: Tensor, b: Tensor, f: Tensor, g: Tensor, strengths: tuple[float, float]) -> float:
    """The constant s with which (f + s, g - s) has the greatest dual value."""
    rates = [1.0 / rho for rho in strengths]
    here, there = (torch.logsumexp(one.log() - h * rate, 0) for one, h, rate in zip((a, b), (f, g), rates, strict=True))
    return float(here - there) / sum(rates)


def _value(problem: Problem, f: Tensor, g: Tensor, strengths: tuple[float, float], epsilon: float) -> float:
    """The dual value; f meets its condition, so the plan's mass is that of a exp(-f / rho)."""
    carried = float((problem.a * (-f / strengths[0]).exp()).sum())
    total = -epsilon * (carried - float(problem.a.sum()) * float(problem.b.sum()))
    for masses, h, rho in zip((problem.a, problem.b), (f, g), strengths, strict=True):
        total += float(masses @ _gained(h, rho))
    return total


def _gained(h: Tensor, rho: float) -> Tensor:
    """rho (1 - exp(-h / rho)), which is h where the marginal is kept."""
    return h if math.isinf(rho) else -rho * torch.expm1(-h / rho)


def _slope(h: Tensor, rho: float, other: float, epsilon: float) -> Tensor:
    """The derivative of the value in the masses of one side, of which `other` is the other side's total."""
    return _gained(h, rho) - epsilon * ((-h / rho).exp() - other)


def _everywhere(problem: Problem, g: Tensor, strengths: tuple[float, float], epsilon: float) -> tuple[Tensor, Tensor]:
    """Potentials at all places, those without mass too."""
    full = torch.zeros_like(problem.b)
    full[problem.b > 0] = g
    f = _drawn(strengths[0], epsilon) * transformed(problem, full, epsilon)
    empty = problem.b == 0
    if bool(empty.any()):
        back = transformed(problem.flipped(), f.where(problem.a > 0, 0.0), epsilon)
        full[empty] = _drawn(strengths[1], epsilon) * back[empty]
    return f, full
