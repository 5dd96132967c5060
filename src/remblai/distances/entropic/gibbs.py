"""Entropic plans from potentials, and the places of no or negligible mass, which the solvers leave out."""

import math
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor

from remblai.distances.certificate import transformed
from remblai.distances.coupling import Coupling, Dense, Lazy
from remblai.distances.entropic.soft_transforms import ready
from remblai.distances.entropic.streamed import Streamed
from remblai.distances.problem import Problem

NEGLIGIBLE = 2.0**-80
"""Share of the mass up to which a place is left out: an iteration in floating point cannot resolve it."""

DENSE = 2**20
"""Entries up to which a coupling is stored: its marginals, cost, gradient and certificate then share one pass."""

LARGE_EPSILON = 1e6
"""Ratio of epsilon to the range of the costs above which the plan is the first-order one around a x b."""


class Support(NamedTuple):
    """The places that the solvers see: masks of the rows (n,) and the columns (m,), and the problem on them."""

    rows: Tensor
    columns: Tensor
    problem: Problem


def support(problem: Problem) -> Support:
    """The problem restricted to the places whose mass is not negligible."""
    rows, columns = (masses > NEGLIGIBLE * masses.sum() for masses in (problem.a, problem.b))
    if bool(rows.all()) and bool(columns.all()):
        return Support(rows, columns, problem)
    part = problem.geometry.part(rows, columns)
    inner = Problem(problem.a[rows], problem.b[columns], part, problem.given, problem.arrays)
    return Support(rows, columns, inner)


def on_all_places(problem: Problem, seen: Support, potentials: tuple[Tensor, Tensor], epsilon: float) -> list[Tensor]:
    """Potentials at every place, from those on the support, by the soft c-transform."""
    inner = seen.problem
    if inner is problem:
        return list(potentials)
    full = []
    for masses, mask, known, other, side in (
        (problem.a, seen.rows, *potentials, inner),
        (problem.b, seen.columns, *potentials[::-1], inner.flipped()),
    ):
        h = torch.empty_like(masses)
        h[mask] = known
        if len(known) < len(masses):
            geometry = problem.geometry if side is inner else problem.geometry.flipped()
            others = geometry.part(~mask, seen.columns if side is inner else seen.rows)
            h[~mask] = transformed(Problem(masses[~mask], side.b, others, side.given), other, epsilon)
        full.append(h)
    return full


def gibbs(
    problem: Problem, seen: Support, f: Tensor, g: Tensor, epsilon: float, plan: Tensor | None = None
) -> Coupling:
    """P = a b exp((f + g - c) / epsilon) on the support, of potentials on the support; exactly 0 elsewhere.

    Where the solver has P on the support already, it passes `plan`.
    """
    inner = seen.problem
    if plan is not None and inner is problem:
        return Dense(plan)
    rule = partial(_block, inner, f, g, epsilon)
    streams = math.prod(inner.shape) > DENSE and ready(inner.geometry, torch.float64)
    coupling: Coupling = Streamed(rule, inner, f, g, epsilon) if streams else Lazy(rule, inner.shape)
    if inner is not problem:
        before = torch.cat([seen.rows.new_zeros(1, dtype=torch.long), seen.rows.cumsum(0)])
        coupling = Lazy(partial(_embedded, coupling, seen, before), problem.shape)
    n, m = problem.shape
    return Dense(coupling.block(0, n)) if n * m <= DENSE else coupling


def _block(problem: Problem, f: Tensor, g: Tensor, epsilon: float, start: int, stop: int) -> Tensor:
    part = slice(start, stop)
    exponents = (f[part, None] + g).sub_(problem.geometry.block(start, stop)).div_(epsilon)
    return exponents.exp_().mul_(problem.a[part, None]).mul_(problem.b)


def _embedded(inner: Coupling, seen: Support, before: Tensor, start: int, stop: int) -> Tensor:
    """The rows start <= i < stop; `before` (n + 1,) counts the rows of the support above each row."""
    full = seen.problem.a.new_zeros(stop - start, len(seen.columns))
    low, high = int(before[start]), int(before[stop])
    if high > low:
        rows = seen.rows[start:stop].nonzero()
        full[rows, seen.columns.nonzero()[:, 0]] = inner.block(low, high)
    return full


def marginal_error(problem: Problem, coupling: Coupling) -> float:
    """|P 1 - a|_1 + |P' 1 - b|_1 of the coupling itself, in float64; NaN or infinite where the coupling is."""
    rows, columns = coupling.marginals()
    return float((rows - problem.a).abs().sum() + (columns - problem.b).abs().sum())


def near_product(problem: Problem, epsilon: float) -> tuple[Tensor, Tensor] | None:
    """Potentials where epsilon is so large that the plan is a x b to first order in 1 / epsilon; None elsewhere.

    There f = C b - M / 2 and g = C' a - M / 2 minus a constant, with M = a . C b, and OT = M - V / (2 epsilon), V the
    mean of (c - f - g)^2. The error is of relative order (range of the costs / epsilon)^2. The iteration itself would
    lose all digits: f is then epsilon times the logarithm of 1 plus a rounding error.
    """
    n, m = problem.shape
    corners = torch.tensor([[0, 0, n - 1], [0, m - 1, 0]], device=problem.geometry.device)
    low, high = math.inf, -math.inf
    for costs in chain([problem.geometry.pairs(*corners)], (costs for _, costs in problem.geometry.blocks())):
        low, high = min(low, float(costs.min())), max(high, float(costs.max()))
        if not LARGE_EPSILON * (high - low) < epsilon:  # so for infinite costs; three pairs mostly decide
            return None
    a, b = problem.a, problem.b
    f, g = torch.empty_like(a), torch.zeros_like(b)
    for part, costs in problem.geometry.blocks():
        f[part] = costs @ b
        g += a[part] @ costs
    mean = float(a @ f)
    f, g = f - 0.5 * mean, g - 0.5 * mean
    variance = 0.0
    for part, costs in problem.geometry.blocks():
        variance += float(a[part] @ (costs - f[part, None] - g).square() @ b)
    shift = 0.25 * variance / epsilon
    return f - shift, g - shift
