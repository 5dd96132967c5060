"""Entropic transport between many pairs of small clouds, x (B, n, d) and y (B, m, d), in one iteration."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.distances import validation
from remblai.distances.coupling import Dense
from remblai.distances.entropic import balanced, debiased, self_transport
from remblai.distances.entropic.batched import plans_of, potentials
from remblai.distances.entropic.schedule import absolute_epsilon
from remblai.distances.geometry import Points
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem
from remblai.distances.solution import solved

AT_ONCE = 256**2
"""Pairs of points of two clouds up to which many clouds are solved in one iteration."""

ENTRIES = 2**23
"""Entries of the cost matrices that are in memory together: 64 MB in float64."""

PASSES = 500
"""Passes after which a problem that has not converged leaves the batch: the solver of one problem is better at it."""


class _Solution(NamedTuple):
    """Of k problems at epsilon 1: values (k,), potentials (k, n), (k, m), plans (k, n, m), errors (k,), passes (k,)."""

    values: Tensor
    f: Tensor
    g: Tensor
    plans: Tensor
    errors: Tensor
    passes: Tensor


def plans_at_once(
    problems: Sequence[Problem],
    epsilons: Sequence[float],
    *,
    tolerance: float,
    max_iterations: int,
    symmetric: bool = False,
    within: tuple[Sequence[Plan], Sequence[Plan]] | None = None,
) -> list[Plan]:
    """The entropic plans of problems of one shape, each with its absolute epsilon, in one iteration.

    Args:
        problems: of one shape (n, m).
        epsilons: of each. <P, C> + epsilon KL is epsilon times <P, C / epsilon> + KL: the iteration runs at 1.
        tolerance: the marginal error at which a plan has converged.
        max_iterations: most passes.
        symmetric: whether each problem is that of a law with itself, which has a single potential.
        within: the plans of each law of a with itself, and of b: the start between laws that are close, as in
            `debiased.divergence`, so that the errors of the three cancel.

    Raises:
        ValueError: a tolerance that is not positive, or a number of passes that is none.
    """
    tolerance = validation.positive("tolerance", tolerance)
    max_iterations = validation.positive_integer("max_iterations", max_iterations)
    n, m = problems[0].shape
    size = max(1, ENTRIES // (n * m))
    solve = _symmetric if symmetric else _balanced
    found: list[Plan] = []
    for start in range(0, len(problems), size):
        part = slice(start, start + size)
        both = None if within is None else (within[0][part], within[1][part])
        found += _group(problems[part], epsilons[part], solve, tolerance, max_iterations, both)
    return found


def _balanced(a: Tensor, b: Tensor, costs: Tensor, tolerance: float, limit: int, start: Tensor | None) -> _Solution:
    """By the iteration of `batch`, cut short: a problem that needs many passes is left to the solver of one."""
    f, g, closed, passes = potentials(a, b, costs, 1.0, tolerance, min(limit, PASSES), start)
    plans = plans_of(a, b, costs, f, g, 1.0)
    rows, columns = plans.sum(2), plans.sum(1)
    values = (a * f.where(a > 0, 0.0)).sum(1) + (b * g.where(b > 0, 0.0)).sum(1)
    values -= torch.where(closed, 1.0, rows.sum(1)) - 1.0
    return _Solution(values, f, g, plans, (rows - a).abs().sum(1) + (columns - b).abs().sum(1), passes)


def _symmetric(a: Tensor, b: Tensor, costs: Tensor, tolerance: float, limit: int, start: None) -> _Solution:
    """The iteration h <- (h + T h) / 2 of `debiased.symmetric`, at epsilon 1, from 0 until all have converged."""
    logs, h = a.log(), torch.zeros_like(a)
    passes = torch.zeros(len(a), dtype=torch.long, device=a.device)
    for _ in range(min(limit, PASSES)):
        back = -torch.logsumexp((logs + h)[:, None] - costs, 2)
        errors = 2.0 * (a * (h - back).expm1().abs()).sum(1)  # of both marginals of the plan of (h, h)
        going = ~(errors <= tolerance)
        if not bool(going.any()):
            break
        h, passes = torch.where(going[:, None], 0.5 * (h + back), h), passes + going.long()
    values = 2.0 * (a * h).sum(1) - (a * (h - back).expm1()).sum(1)
    return _Solution(values, h, h, plans_of(a, b, costs, h, h, 1.0), errors, passes)


def _group(
    problems: Sequence[Problem],
    epsilons: Sequence[float],
    solve: Callable[..., _Solution],
    tolerance: float,
    limit: int,
    within: tuple[Sequence[Plan], Sequence[Plan]] | None,
) -> list[Plan]:
    began = time.perf_counter()
    with torch.no_grad():
        a, b = (torch.stack([getattr(problem, side) for problem in problems]) for side in "ab")
        scales = a.new_tensor(epsilons)
        costs = torch.stack([problem.geometry.matrix() for problem in problems]) / scales[:, None, None]
        found = solve(a, b, costs, tolerance, limit, None if within is None else _near(a, b, costs, scales, within))
    seconds = (time.perf_counter() - began) / len(problems)
    plans = []
    for k, (problem, epsilon) in enumerate(zip(problems, epsilons, strict=True)):
        if not float(found.errors[k]) <= tolerance:
            both = None if within is None else (within[0][k], within[1][k])
            plans.append(
                _alone(problem, epsilon, both, symmetric=solve is _symmetric, tolerance=tolerance, max_iterations=limit)
            )
            continue
        plan = solved(
            problem,
            epsilon * float(found.values[k]),
            Dense(found.plans[k]),
            (epsilon * found.f[k], epsilon * found.g[k]),
            method="sinkhorn (batch)",
            epsilon=epsilon,
            marginal_error=float(found.errors[k]),
            iterations=int(found.passes[k]),
            seconds=seconds,
        )
        plans.append(plan)
    return plans


def _near(a: Tensor, b: Tensor, costs: Tensor, scales: Tensor, within: tuple[Sequence[Plan], Sequence[Plan]]) -> Tensor:
    """The potentials (k, m) of the second laws with themselves at epsilon 1, NaN where the two laws are not close."""
    f, g = (torch.stack([torch.as_tensor(plan.f).to(a) for plan in plans]) / scales[:, None] for plans in within)
    back = -torch.logsumexp((b.log() + g)[:, None] - costs, 2)
    errors = (a * (f - back).expm1().abs()).where(a > 0, 0.0).sum(1)
    return g.where((errors < debiased.CLOSE)[:, None], torch.nan)


def _alone(
    problem: Problem, epsilon: float, within: tuple[Plan, Plan] | None, *, symmetric: bool, **options: Any
) -> Plan:
    """The plan of one problem by the solvers of one."""
    if symmetric:
        return self_transport.symmetric(problem, epsilon, **options)
    start = None if within is None else debiased.near(problem, *within, epsilon)
    return balanced.solve(problem, epsilon, start=start, **options)


def divergences(
    problems: Sequence[Problem], epsilon: float, *, relative: bool, without_bias: bool, **options: Any
) -> Tensor:
    """The Sinkhorn divergences, or without `without_bias` OT, of problems between points of one shape: (B,)."""
    epsilons = [absolute_epsilon(problem, epsilon, relative) for problem in problems]
    if not without_bias:
        return _values(plans_at_once(problems, epsilons, **options))
    sides = [[_with_itself(problem, side) for problem in problems] for side in (0, 1)]
    first, second = (plans_at_once(itself, epsilons, symmetric=True, **options) for itself in sides)
    across = plans_at_once(problems, epsilons, within=(first, second), **options)
    return _values(across) - 0.5 * _values(first) - 0.5 * _values(second)


def _values(plans: Sequence[Plan]) -> Tensor:
    return torch.stack([torch.as_tensor(plan.value) for plan in plans])


def _with_itself(problem: Problem, side: int) -> Problem:
    assert isinstance(problem.geometry, Points)
    points, masses, given = problem.geometry.given[side], (problem.a, problem.b)[side], problem.given[side]
    return Problem(masses, masses, Points(points, points, problem.geometry.cost), (given, given), problem.arrays)
