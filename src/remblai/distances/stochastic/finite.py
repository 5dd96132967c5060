"""Stochastic averaged gradient (SAG) on the semi-dual of two discrete laws."""

import time
import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.distances import validation
from remblai.distances.certificate import transformed
from remblai.distances.entropic.gibbs import gibbs, marginal_error, on_all_places, support
from remblai.distances.feasible import check_feasible
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem
from remblai.distances.solution import solved
from remblai.distances.stochastic.rows import Recomputed, Rows, Stored
from remblai.distances.validation import ArrayLike, seed_number

GROWTH = 1.1
"""Ratio between the epochs at which the full gradient is computed: to measure, to record, to stop."""

FRESH = 2.0
"""First step in units of 1 / L; halved whenever a full pass shows that the semi-dual has decreased."""

STORED = 2**25
"""Most entries of a cost matrix in memory: 256 MB in float64. Beyond, each block is computed when it is read."""


@checked_options
def discrete(
    a: ArrayLike | None,
    b: ArrayLike | None,
    costs: ArrayLike,
    epsilon: float,
    *,
    batch: int | None = None,
    tolerance: float = 1e-6,
    epochs: int = 20_000,
    g: ArrayLike | None = None,
    seed: int = 0,
    normalise: bool = False,
) -> Plan:
    """Entropic transport by the stochastic averaged gradient, from masses and a cost matrix.

    Maximises H(g) = <b, g> + sum_i a_i f_i, f the soft c-transform of g: the dual of <P, C> + epsilon KL(P | a x b).
    Rows are visited in random blocks; a table keeps each block's last gradient, and a step follows their sum, scaled by
    1 / (L b_j), L the largest curvature among the blocks. Up to some ten thousand places, prefer `sinkhorn`: it passes
    over all rows at once and reaches a small error faster. This method improves g long before it has seen all rows,
    and stores no coupling.

    Args:
        a: masses (n,), which sum to 1; None is 1 / n each.
        b: masses (m,), which sum to 1.
        costs: (n, m); +infinity forbids a pair.
        epsilon: the regularisation, absolute, above 0.
        batch: rows in a block; None is an eighth of them, at most 512.
        tolerance: on the marginal error, as a share of the mass; checked in full, in float64.
        epochs: most visits of each row; a warning says where they were not enough.
        g: a potential (m,) to start from, of a similar problem; None is the soft c-transform of 0.
        seed: of the order of the rows.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: masses or costs that are not valid, or costs that leave no plan of finite cost.

    Source: Genevay, Cuturi, Peyre, Bach (2016), algorithm 1, arXiv 1605.08527; blocks: Schmidt, Le Roux, Bach,
        "Minimizing finite sums with the stochastic average gradient" (2013), section 4, arXiv 1309.2388.

    Example:
        >>> from remblai.distances import stochastic
        >>> plan = stochastic.discrete(None, None, [[0.0, 1.0], [1.0, 0.0]], epsilon=0.1)
        >>> round(plan.value, 3)
        0.069
    """
    problem = Problem.of_matrix(a, b, costs, normalise)
    return solve(problem, epsilon, batch=batch, tolerance=tolerance, epochs=epochs, g=g, seed=seed)


def solve(
    problem: Problem,
    epsilon: float,
    *,
    batch: int | None = None,
    tolerance: float = 1e-6,
    epochs: int = 20_000,
    g: ArrayLike | None = None,
    seed: int = 0,
) -> Plan:
    """The same from a checked problem, of points too: a large matrix of costs is not stored.

    Args:
        problem: masses and costs.
        epsilon: the regularisation, absolute, above 0.
        batch: rows in a block; None is an eighth of them, at most 512.
        tolerance: on the marginal error, as a share of the mass; checked in full, in float64.
        epochs: most visits of each row; a warning says where they were not enough.
        g: a potential (m,) to start from; None is the soft c-transform of 0.
        seed: of the order of the rows.

    Raises:
        ValueError: an epsilon, a block size or a start that is not valid, or costs that leave no plan of finite cost.
    """
    started = time.perf_counter()
    epsilon, tolerance = validation.epsilon(epsilon), validation.positive("tolerance", tolerance)
    epochs = validation.positive_integer("epochs", epochs)
    potential = _start(problem, epsilon, g)
    seen = support(problem)
    inner = seen.problem
    rows = _rows(inner, epsilon, batch, seed)
    found = _ascend(rows, inner.b, epsilon, potential[seen.columns], tolerance, epochs, seed)
    f = transformed(inner, found.g, epsilon)
    coupling = gibbs(problem, seen, f, found.g, epsilon)
    error = marginal_error(problem, coupling)
    converged = error <= tolerance  # False for NaN
    if not converged:
        warnings.warn(
            f"discrete: expected a marginal error of at most {tolerance:.2g}, got {error:.2g} after {found.epochs} "
            "epochs: raise epochs, epsilon or tolerance. The result has converged=False.",
            stacklevel=3,
        )
    first, second = on_all_places(problem, seen, (f, found.g), epsilon)
    return solved(
        problem,
        float(inner.a @ f + inner.b @ found.g),
        coupling,
        (first, second),
        method=f"discrete, SAG over {rows.count} blocks of rows",
        epsilon=epsilon,
        marginal_error=error,
        converged=converged,
        iterations=found.epochs * rows.count,
        seconds=time.perf_counter() - started,
        curve=tuple(found.curve),
    )


class _Ascent(NamedTuple):
    g: Tensor
    value: float
    error: float
    epochs: int
    curve: list[tuple[int, float]]


def _ascend(rows: Rows, b: Tensor, epsilon: float, g: Tensor, tolerance: float, epochs: int, seed: int) -> _Ascent:
    """SAG, with a full gradient after 1, 2, 3 ... and then at growing intervals of epochs."""
    generator = torch.Generator().manual_seed(seed_number("seed", seed))
    pace, epoch, due, curve = FRESH, 0, 1, []
    best: _Ascent | None = None
    while True:
        table, value = rows.everything(g)
        total = table.sum(0)
        epoch += 1
        curve.append((epoch * rows.size, float(b @ g) + value))
        error = float((total - b).abs().sum())
        if best is None or curve[-1][1] >= best.value - 1e-13 * abs(best.value):
            best = _Ascent(g, curve[-1][1], error, epoch, curve)
        else:
            pace, g = 0.5 * pace, best.g
            table, _ = rows.everything(g)
            total, epoch = table.sum(0), epoch + 1
        if best.error <= tolerance or epoch >= epochs:
            return best._replace(epochs=epoch, curve=curve)
        due = max(epoch + 1, int(GROWTH * epoch))
        while epoch < due:
            g = _sweep(rows, b, epsilon * pace, g, table, total, generator)
            epoch += 1


def _sweep(
    rows: Rows, b: Tensor, pace: float, g: Tensor, table: Tensor, total: Tensor, generator: torch.Generator
) -> Tensor:
    """One visit to each block in random order; `table` (count, m) and its sum `total` are kept up to date."""
    # The Hessian of one block is at most diag(what it gives) / epsilon. In the metric of diag(b), over the blocks:
    curvature = float((table.amax(0) / b).amax()) * rows.count
    for block in torch.randperm(rows.count, generator=generator).tolist():
        received = rows.received(block, g)
        total += received - table[block]
        table[block] = received
        curvature = max(curvature, float((received / b).amax()) * rows.count)
        g = g + (pace / curvature) * (1.0 - total / b)
    return g


def _start(problem: Problem, epsilon: float, g: Any) -> Tensor:
    """A checked potential (m,), finite."""
    check_feasible(problem)
    first = transformed(problem.flipped(), torch.zeros_like(problem.a), epsilon)
    if g is None:
        return first.nan_to_num(posinf=0.0)
    given = validation.tensor("potential g", g).detach().double().to(first.device)
    if given.shape != first.shape:
        raise ValueError(f"potential g: expected shape {tuple(first.shape)}, got {tuple(given.shape)}.")
    validation.finite("potential g", given)
    return given


def _rows(problem: Problem, epsilon: float, batch: int | None, seed: int) -> Rows:
    n, m = problem.shape
    size = min(512, -(-n // 8)) if batch is None else validation.positive_integer("batch", batch)
    # The rows are shuffled once, so that no block is a cluster.
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed_number("seed", seed))).to(problem.a.device)
    geometry = problem.geometry.part(order, torch.ones_like(problem.b, dtype=torch.bool))
    kind = Stored if n * m <= STORED else Recomputed
    return kind(geometry, problem.a[order], problem.b, epsilon, size)
