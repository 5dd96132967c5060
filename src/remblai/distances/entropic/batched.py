"""Many small entropic transport problems of one shape, all at once."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.distances import validation
from remblai.distances.entropic.schedule import FALL, SMALL_EPSILON, warn_not_converged
from remblai.distances.envelope import with_gradients
from remblai.distances.feasible import check_feasible
from remblai.distances.geometry import Matrix
from remblai.distances.problem import Problem

SPAN = 10
"""Passes over which a problem's rate is measured."""


class Batch(NamedTuple):
    """The answers of k problems: arrays where no tensor came in, float64 tensors otherwise.

    Attributes:
        values: (k,), the least <P, C> + epsilon KL(P | a x b) of each; differentiable as `Plan.value` is.
        f: potentials (k, n).
        g: potentials (k, m).
        marginal_errors: (k,), as shares of the mass.
        converged: (k,), whether each met the tolerance.
        iterations: (k,), the passes that each took.
    """

    values: Any
    f: Any
    g: Any
    marginal_errors: Any
    converged: Any
    iterations: Any

    def couplings(self, a: Any, b: Any, C: Any, epsilon: float) -> Any:
        """P (k, n, m), for the masses, costs and epsilon that the batch was solved with."""
        first, second, costs, f, g = (torch.as_tensor(one).double() for one in (a, b, C, self.f, self.g))
        return _plans(first, second, costs, f, g, epsilon)


def batch(
    a: Any, b: Any, C: Any, epsilon: float = 0.05, *, tolerance: float = 1e-6, max_iterations: int = 10_000
) -> Batch:
    """Entropic transport of k problems at once, in float64 and the log domain; each stops on its own error.

    Args:
        a: masses (k, n); None is 1 / n each.
        b: masses (k, m), with the totals of a, problem by problem.
        C: costs (k, n, m).
        epsilon: the regularisation, absolute, the same for all.
        tolerance: the marginal error at which a problem has converged.
        max_iterations: passes after which it gives up, with a warning.

    Raises:
        ValueError: shapes that do not fit, or any problem that is none.
    """
    blur, tolerance = validation.epsilon(epsilon), validation.positive("tolerance", tolerance)
    max_iterations = validation.positive_integer("max_iterations", max_iterations)
    costs = validation.tensor("cost matrices", C)
    if costs.dim() != 3 or costs.numel() == 0:
        raise ValueError(f"cost matrices: expected shape (k, n, m) with k, n, m >= 1, got {tuple(costs.shape)}.")
    sides = [_rows(name, one, costs, axis) for name, one, axis in (("a", a, 1), ("b", b, 2))]
    problems = [Problem.of_matrix(_row(sides[0], i), _row(sides[1], i), costs[i]) for i in range(len(costs))]
    if bool(costs.isinf().any()):
        for problem in problems:
            check_feasible(problem)
    first, second = (torch.stack([getattr(one, side) for one in problems]) for side in "ab")
    found = _solved(first, second, costs.detach().double(), blur, tolerance, max_iterations)
    worst = float(found.error.max())
    if worst > tolerance:
        warn_not_converged(worst, tolerance, max_iterations)
    values = [_value(problem, blur, *one) for problem, *one in zip(problems, *found[:2], found.carried, strict=True)]
    told = (torch.stack(values), found.f, found.g, found.error, found.error <= tolerance, found.passes)
    if not any(isinstance(one, Tensor) for one in (a, b, C)):
        return Batch(*(one.detach().numpy() for one in told))
    return Batch(*told)


def _rows(name: str, masses: Any, costs: Tensor, axis: int) -> Tensor | None:
    if masses is None:
        return None
    found = validation.tensor(f"masses {name}", masses)
    wanted = (costs.shape[0], costs.shape[axis])
    if found.shape != wanted:
        raise ValueError(f"masses {name}: expected shape {wanted}, a row for each problem, got {tuple(found.shape)}.")
    return found


def _row(masses: Tensor | None, i: int) -> Tensor | None:
    return None if masses is None else masses[i]


def _value(problem: Problem, epsilon: float, f: Tensor, g: Tensor, carried: Tensor) -> Tensor:
    """The dual value, attached to what was given of this problem."""
    dual = problem.a @ f.where(problem.a > 0, 0.0) + problem.b @ g.where(problem.b > 0, 0.0)
    value = dual - epsilon * (carried - 1.0)
    assert isinstance(problem.geometry, Matrix)
    costs = problem.geometry.given
    slopes = [(one, h) for one, h in zip(problem.given, (f, g), strict=True) if one.requires_grad]
    if costs.requires_grad:
        plan = _plans(problem.a[None], problem.b[None], costs.detach().double()[None], f[None], g[None], epsilon)
        slopes.append((costs, plan[0]))
    return with_gradients(value, slopes)


def _plans(a: Tensor, b: Tensor, costs: Tensor, f: Tensor, g: Tensor, epsilon: float) -> Tensor:
    rows, columns = f.masked_fill(a == 0, -torch.inf), g.masked_fill(b == 0, -torch.inf)
    return a[:, :, None] * b[:, None] * ((rows[:, :, None] + columns[:, None] - costs) / epsilon).exp()


class _Found(NamedTuple):
    f: Tensor
    g: Tensor
    error: Tensor
    carried: Tensor
    passes: Tensor


def _solved(a: Tensor, b: Tensor, costs: Tensor, epsilon: float, tolerance: float, limit: int) -> _Found:
    g = torch.zeros_like(b)
    usual = torch.where(costs.isinf(), 0.0, costs).mean((1, 2)).max()
    blur = float(usual)
    if epsilon < SMALL_EPSILON * blur:
        while blur > 1.5 * epsilon:
            g = _passes(a, b, costs, blur, g, 0.1, 5).g
            blur /= FALL
    found = _passes(a, b, costs, epsilon, g, tolerance, limit)
    empty = b == 0
    if bool(empty.any()):
        rows = a.log() + found.f / epsilon
        back = -epsilon * torch.logsumexp(rows[:, :, None].where(a[:, :, None] > 0, -torch.inf) - costs / epsilon, 1)
        found = found._replace(g=found.g.where(~empty, back))
    return found


def _passes(a: Tensor, b: Tensor, costs: Tensor, epsilon: float, g: Tensor, target: float, limit: int) -> _Found:
    """Sinkhorn's iteration, over-relaxed problem by problem; those that are done leave the batch."""
    f, g, passes = torch.zeros_like(a), g.clone(), torch.zeros(len(a), dtype=torch.long, device=a.device)
    error, carried = torch.zeros_like(a[:, 0]), torch.zeros_like(a[:, 0])
    at, omega, before = torch.arange(len(a), device=a.device), torch.ones_like(a[:, :1]), torch.ones_like(a[:, 0])
    kernel, weights, h, e = costs / -epsilon, b.log(), g.clone(), None
    for k in range(1, limit + 1):
        z = kernel + (weights + h / epsilon)[:, None]
        plain = -epsilon * torch.logsumexp(z, 2)
        e = plain if e is None else e + omega * (plain - e)
        arrived = torch.bmm(a[:, None], (z + e[:, :, None] / epsilon).exp_())[:, 0]
        left = a * ((e - plain) / epsilon).exp()
        wrong = (arrived - b).abs().sum(1) + (left - a).abs().sum(1)
        f[at], g[at], error[at], carried[at], passes[at] = e, h, wrong, left.sum(1), k
        going = wrong > target
        if not bool(going.any()):
            break
        if k % SPAN == 0:
            if k == 2 * SPAN:
                theta = (wrong / before).pow(1.0 / SPAN).clamp(0.0, 0.9998)
                omega = (2.0 / (1.0 + (1.0 - theta).sqrt()))[:, None]
            elif k > 2 * SPAN:
                omega = torch.where((wrong > before)[:, None], 1.0 + 0.7 * (omega - 1.0), omega)
            before = wrong
        h = h - omega * epsilon * (arrived / b).log().where(b > 0, 0.0)
        if not bool(going.all()):
            both = (at, a, b, kernel, weights, h, e, omega, before)
            at, a, b, kernel, weights, h, e, omega, before = (one[going] for one in both)
    return _Found(f, g, error, carried, passes)
