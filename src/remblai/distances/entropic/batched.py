"""Many small entropic transport problems of one shape, all at once."""

from typing import Any, Generic, NamedTuple, overload

import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.distances import validation
from remblai.distances.entropic.gibbs import LARGE_EPSILON
from remblai.distances.entropic.schedule import FALL, SMALL_EPSILON, warn_not_converged
from remblai.distances.envelope import with_gradients
from remblai.distances.feasible import check_feasible
from remblai.distances.geometry import Matrix
from remblai.distances.plan import Array
from remblai.distances.problem import Problem
from remblai.distances.validation import ArrayLike, NumPyLike

SPAN = 10
"""Passes in which the convergence rate of each problem is measured."""


class Batch(NamedTuple, Generic[Array]):
    """The solutions of k problems: arrays where no input was a tensor, float64 tensors otherwise.

    Attributes:
        values: (k,), the least <P, C> + epsilon KL(P | a x b) of each; differentiable as `Plan.value` is.
        f: potentials (k, n).
        g: potentials (k, m).
        marginal_errors: (k,), |P 1 - a|_1 + |P' 1 - b|_1 of each coupling, as a share of its mass.
        converged: (k,), whether each met the tolerance.
        iterations: (k,), the passes of each.
    """

    values: Array
    f: Array
    g: Array
    marginal_errors: Array
    converged: Array
    iterations: Array

    def __repr__(self) -> str:
        values, f, g, _, converged, passes = (torch.as_tensor(one).detach() for one in self)
        return (
            f"Batch({len(values)} problems of {f.shape[1]} by {g.shape[1]} points, values {values.min():.6g} to "
            f"{values.max():.6g}, {int(converged.sum())} converged, in at most {int(passes.max())} iterations)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Batch, tuple(one.detach() if isinstance(one, Tensor) else one for one in self)  # a copy has no gradients

    def couplings(self, a: ArrayLike | None, b: ArrayLike | None, C: ArrayLike, epsilon: float) -> Any:
        """P (k, n, m), for the masses, costs and epsilon of the batch: an array where `C` and `f` are arrays."""
        costs, f, g = (torch.as_tensor(array).detach().double() for array in (C, self.f, self.g))
        sides = [
            torch.ones_like(h) / h.shape[1] if masses is None else torch.as_tensor(masses).detach().double()
            for masses, h in ((a, f), (b, g))
        ]
        first, second = (masses / masses.sum(-1, keepdim=True) for masses in sides)
        plans = plans_of(first, second, costs, f, g, epsilon)
        return plans if any(isinstance(array, Tensor) for array in (C, self.f)) else plans.numpy()


@overload
def batch(
    a: NumPyLike | None,
    b: NumPyLike | None,
    C: NumPyLike,
    epsilon: float = ...,
    *,
    tolerance: float = ...,
    max_iterations: int = ...,
    normalise: bool = ...,
) -> Batch[NDArray[Any]]: ...
@overload
def batch(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: Tensor,
    epsilon: float = ...,
    *,
    tolerance: float = ...,
    max_iterations: int = ...,
    normalise: bool = ...,
) -> Batch[Tensor]: ...
@overload
def batch(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: ArrayLike,
    epsilon: float = ...,
    *,
    tolerance: float = ...,
    max_iterations: int = ...,
    normalise: bool = ...,
) -> Batch: ...
@checked_options
def batch(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: ArrayLike,
    epsilon: float = 0.05,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
    normalise: bool = False,
) -> Batch:
    """Entropic transport of k problems at once, in float64 and the log domain; each stops on its own error.

    Args:
        a: masses (k, n), which sum to 1 problem by problem; None is 1 / n each. Places of mass 0 pad problems of
            different sizes.
        b: masses (k, m), likewise.
        C: costs (k, n, m); an entry of +infinity forbids the pair.
        epsilon: the regularisation, absolute, the same for all.
        tolerance: the marginal error at which a problem has converged.
        max_iterations: most passes; a warning says where they were not enough.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: shapes that do not fit, or a problem whose masses or costs are not valid.

    Example:
        >>> from remblai.distances import batch
        >>> costs = [[[0.0, 1.0], [1.0, 0.0]], [[2.0, 0.0], [0.0, 2.0]]]
        >>> batch(None, None, costs, epsilon=0.1).values.round(3).tolist()
        [0.069, 0.069]
    """
    epsilon, tolerance = validation.epsilon(epsilon), validation.positive("tolerance", tolerance)
    max_iterations = validation.positive_integer("max_iterations", max_iterations)
    costs = validation.tensor("cost matrices", C)
    if costs.dim() != 3 or costs.numel() == 0:
        raise ValueError(f"cost matrices: expected shape (k, n, m) with k, n, m >= 1, got {tuple(costs.shape)}.")
    sides = [_rows(name, masses, costs, axis) for name, masses, axis in (("a", a, 1), ("b", b, 2))]
    problems = [_problem(i, sides, costs, normalise) for i in range(len(costs))]
    first, second = (torch.stack([getattr(problem, side) for problem in problems]) for side in "ab")
    numbers = costs.detach().double()
    f, g, closed, passes = potentials(first, second, numbers, epsilon, tolerance, max_iterations)
    plans = plans_of(first, second, numbers, f, g, epsilon)
    rows, columns = plans.sum(2), plans.sum(1)
    errors = (rows - first).abs().sum(1) + (columns - second).abs().sum(1)
    converged = errors <= tolerance  # False for NaN
    if not bool(converged.all()):
        warn_not_converged(float(errors.max()), tolerance, max_iterations)
    carried = torch.where(closed, 1.0, rows.sum(1))
    values = [_value(problem, epsilon, *parts) for problem, *parts in zip(problems, f, g, carried, plans, strict=True)]
    fields = (torch.stack(values), f, g, errors, converged, passes)
    if not any(isinstance(array, Tensor) for array in (a, b, C)):
        return Batch(*(field.detach().numpy() for field in fields))
    return Batch(*fields)


def _rows(name: str, masses: Any, costs: Tensor, axis: int) -> Tensor | None:
    if masses is None:
        return None
    given = validation.tensor(f"masses {name}", masses)
    shape = (costs.shape[0], costs.shape[axis])
    if given.shape != shape:
        raise ValueError(f"masses {name}: expected shape {shape}, a row for each problem, got {tuple(given.shape)}.")
    return given


def _problem(i: int, sides: list[Tensor | None], costs: Tensor, normalise: bool) -> Problem:
    """The problem i, checked; an error says which one it is of."""
    try:
        problem = Problem.of_matrix(_row(sides[0], i), _row(sides[1], i), costs[i], normalise)
        if bool(costs[i].isinf().any()):
            check_feasible(problem)
    except ValueError as bad:
        raise ValueError(f"problem {i} of {len(costs)}: {bad}") from bad
    return problem


def _row(masses: Tensor | None, i: int) -> Tensor | None:
    return None if masses is None else masses[i]


def _value(problem: Problem, epsilon: float, f: Tensor, g: Tensor, carried: Tensor, plan: Tensor) -> Tensor:
    """The dual value of a problem, with the gradients in its masses and costs."""
    dual = problem.a @ f.where(problem.a > 0, 0.0) + problem.b @ g.where(problem.b > 0, 0.0)
    value = dual - epsilon * (carried - 1.0)
    assert isinstance(problem.geometry, Matrix)
    costs = problem.geometry.given
    gradients = [(masses, h) for masses, h in zip(problem.given, (f, g), strict=True) if masses.requires_grad]
    if costs.requires_grad:
        gradients.append((costs, plan))
    return with_gradients(value, gradients)


def plans_of(a: Tensor, b: Tensor, costs: Tensor, f: Tensor, g: Tensor, epsilon: float) -> Tensor:
    """P (k, n, m) of potentials f (k, n) and g (k, m)."""
    rows, columns = f.masked_fill(a == 0, -torch.inf), g.masked_fill(b == 0, -torch.inf)
    return a[:, :, None] * b[:, None] * ((rows[:, :, None] + columns[:, None] - costs) / epsilon).exp()


class _Iterate(NamedTuple):
    f: Tensor
    g: Tensor
    passes: Tensor


def potentials(
    a: Tensor, b: Tensor, costs: Tensor, epsilon: float, tolerance: float, limit: int, start: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """f (k, n), g (k, m), which problems were solved in closed form (k,), and the passes of each (k,).

    `start` is g to start from (k, m), NaN where there is none.
    """
    empty_rows, empty_columns = a == 0, b == 0
    # A place without mass may have infinite costs only, which would give infinity minus infinity.
    inner = costs.masked_fill(empty_rows[:, :, None] | empty_columns[:, None], 0.0)
    g = torch.zeros_like(b)
    level = float(torch.where(inner.isinf(), 0.0, inner).mean((1, 2)).max())
    if epsilon < SMALL_EPSILON * level:
        while level > 1.5 * epsilon:
            g = _passes(a, b, inner, level, g, 0.1, 5).g
            level /= FALL
    if start is not None:
        g = g.where(start.isnan(), start)
    f, g, passes = _passes(a, b, inner, epsilon, g, tolerance, limit)
    first, second = _near_product(a, b, inner, epsilon)
    closed = LARGE_EPSILON * (inner.amax((1, 2)) - inner.amin((1, 2))) < epsilon
    f, g = torch.where(closed[:, None], first, f), torch.where(closed[:, None], second, g)
    exponents = costs / -epsilon
    if bool(empty_rows.any()):
        f = f.where(~empty_rows, -epsilon * torch.logsumexp((b.log() + g / epsilon)[:, None] + exponents, 2))
    if bool(empty_columns.any()):
        known = (a.log() + f.masked_fill(empty_rows, 0.0) / epsilon)[:, :, None]
        g = g.where(~empty_columns, -epsilon * torch.logsumexp(known + exponents, 1))
    return f, g, closed, passes


def _near_product(a: Tensor, b: Tensor, costs: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """The potentials of `gibbs.near_product`, problem by problem."""
    f, g = torch.bmm(costs, b[:, :, None])[:, :, 0], torch.bmm(a[:, None], costs)[:, 0]
    mean = (a * f).sum(1, keepdim=True)
    f, g = f - 0.5 * mean, g - 0.5 * mean
    rest = (costs - f[:, :, None] - g[:, None]).square()
    shift = 0.25 / epsilon * (a * torch.bmm(rest, b[:, :, None])[:, :, 0]).sum(1, keepdim=True)
    return f - shift, g - shift


def _passes(a: Tensor, b: Tensor, costs: Tensor, epsilon: float, g: Tensor, target: float, limit: int) -> _Iterate:
    """Sinkhorn's iteration, over-relaxed problem by problem; problems that have converged leave the batch."""
    f, g, passes = torch.zeros_like(a), g.clone(), torch.zeros(len(a), dtype=torch.long, device=a.device)
    at, omega, before = torch.arange(len(a), device=a.device), torch.ones_like(a[:, :1]), torch.ones_like(a[:, 0])
    kernel, weights, h, e = costs / -epsilon, b.log(), g.clone(), None
    for k in range(1, limit + 1):
        z = kernel + (weights + h / epsilon)[:, None]
        plain = -epsilon * torch.logsumexp(z, 2)
        e = plain if e is None else e + omega * (plain - e)
        arrived = _log_columns(a, z, e / epsilon)
        left = a * ((e - plain) / epsilon).exp()
        error = (arrived.exp() - b).abs().sum(1) + (left - a).abs().sum(1)
        f[at], g[at], passes[at] = e, h, k
        going = ~(error <= target)
        if not bool(going.any()):
            break
        if k % SPAN == 0:
            if k == 2 * SPAN:
                theta = (error / before).pow(1.0 / SPAN).nan_to_num(0.0).clamp(0.0, 0.9998)
                omega = (2.0 / (1.0 + (1.0 - theta).sqrt()))[:, None]
            elif k > 2 * SPAN:
                omega = torch.where((error > before)[:, None], 1.0 + 0.7 * (omega - 1.0), omega)
            before = error
        h = h - omega * epsilon * (arrived - weights).where(b > 0, 0.0)
        if not bool(going.all()):
            both = (at, a, b, kernel, weights, h, e, omega, before)
            at, a, b, kernel, weights, h, e, omega, before = (tensor[going] for tensor in both)
    return _Iterate(f, g, passes)


def _log_columns(a: Tensor, z: Tensor, f: Tensor) -> Tensor:
    """Logarithms of the column sums of a exp(z + f): by one product where nothing underflows or overflows."""
    sums = torch.bmm(a[:, None], (z + f[:, :, None]).exp_())[:, 0].log()
    if bool((sums.isfinite() | (z.amax(1) == -torch.inf)).all()):
        return sums
    return torch.logsumexp(z + (a.log() + f)[:, :, None], 1)
