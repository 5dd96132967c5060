"""The exact barycentre on fixed places: a linear program, by HiGHS, with bounds from its dual."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import block_diag, csr_array, eye_array, hstack, kron, vstack
from torch import Tensor

from remblai.costs import Cost
from remblai.distances.barycentres.laws import Barycentre, Laws, mean_value
from remblai.distances.certificate import Interval
from remblai.distances.entry import transport
from remblai.distances.exact.linear_program import TIGHT
from remblai.distances.geometry import Points
from remblai.distances.magnitudes import refuse_overflow
from remblai.distances.rounding import ROUNDOFF

PAIRS = 200_000
"""Pairs of all laws together, at most: a matter of a minute."""


def solve(laws: Laws, places: Tensor, cost: Cost) -> Barycentre:
    """The masses b (n,) of the places (n, d) with the least sum over k of w_k OT(b, law k).

    The program has plans P_k >= 0 with column sums a_k and row sums b. For any g_k its dual bounds the optimum from
    below by sum_k w_k <a_k, g_k> + min_i sum_k w_k f_k(i), with f_k(i) = min_j c_ij - g_k(j). The value is that of b,
    by exact transport, whose certificates bound it from above.

    Raises:
        ValueError: more pairs than the program is fit for, or places of another dimension than the laws.
        RuntimeError: HiGHS found no optimum.

    Source: Anderes, Borgwardt and Miller (2016), arXiv 1507.07218; Peyre and Cuturi (2019), section 9.2, arXiv
    1803.00567.
    """
    used = [k for k, weight in enumerate(laws.weights.tolist()) if weight > 0.0]
    pairs = len(places) * sum(len(laws.masses[k]) for k in used)
    if pairs > PAIRS:
        raise ValueError(
            f"support: expected at most {PAIRS:,} pairs of places and points for the exact barycentre, got {pairs:,}: "
            "pass an epsilon, or fewer places."
        )
    weights = laws.weights[used]
    costs = [_costs(Points(places, laws.points[k].detach(), cost)) for k in used]
    masses = [laws.masses[k].detach().cpu().numpy() for k in used]
    found, potentials, iterations = _program(costs, masses, weights.cpu().numpy())
    b = torch.from_numpy(found).to(places.device)
    plans = [transport(places, laws.points[k], cost, b, laws.masses[k]) for k in used]
    upper = [plan.certificate().upper for plan in plans]
    rounding = 16.0 * ROUNDOFF * float(weights @ weights.new_tensor(upper).abs())
    bounds = Interval(
        _dual_bound(costs, masses, weights.cpu().numpy(), potentials),
        float(weights @ weights.new_tensor(upper)) + rounding,
    )
    value = mean_value(weights, [torch.as_tensor(plan.value) for plan in plans])
    return Barycentre(
        laws.answer(places[:, 0] if laws.flat else places),
        laws.answer(b),
        laws.answer(value),
        "linear program",
        iterations=iterations,
        bounds=bounds.with_value(float(value.detach())),
    )


def _costs(geometry: Points) -> NDArray[np.float64]:
    """The costs (n, m) for HiGHS, which takes finite ones only.

    Raises:
        ValueError: a pair is forbidden, or its cost is beyond float64.
    """
    refuse_overflow(geometry)
    costs: NDArray[np.float64] = geometry.matrix().cpu().numpy()
    if not np.isfinite(costs).all():
        raise ValueError(
            f"cost: expected finite costs between the support and the laws, got {np.isinf(costs).sum()} infinite ones: "
            "make them finite and large, or pass an epsilon."
        )
    return costs


def _program(
    costs: list[NDArray[np.float64]], masses: list[NDArray[np.float64]], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]], int]:
    """The masses (n,) that HiGHS finds, its multipliers of the laws' masses (n_k,), and its steps."""
    n, sizes = len(costs[0]), [len(one) for one in masses]
    rows = block_diag([kron(eye_array(n), np.ones((1, size))) for size in sizes])
    columns = block_diag([kron(np.ones((1, n)), eye_array(size)) for size in sizes])
    shared = vstack([-eye_array(n)] * len(sizes))
    none = csr_array((sum(sizes), n))
    unit = sum(w * float(c.mean(0) @ a) for w, c, a in zip(weights, costs, masses, strict=True)) or 1.0
    objective = [w * c.ravel() / unit for w, c in zip(weights, costs, strict=True)]
    solution = linprog(
        np.concatenate([*objective, np.zeros(n)]),
        A_eq=csr_array(vstack([hstack([columns, none]), hstack([rows, shared])])),
        b_eq=np.concatenate([*masses, np.zeros(n * len(sizes))]),
        method="highs",
        options=TIGHT,
    )
    if solution.status != 0:
        raise RuntimeError(f"barycentre: HiGHS found no optimum ({solution.message.strip()}).")
    found = np.maximum(solution.x[-n:], 0.0)
    parts = np.split(solution.eqlin.marginals[: sum(sizes)] * unit, np.cumsum(sizes)[:-1])
    return found / found.sum(), [part / w for part, w in zip(parts, weights, strict=True)], int(solution.nit)


def _dual_bound(
    costs: list[NDArray[np.float64]],
    masses: list[NDArray[np.float64]],
    weights: NDArray[np.float64],
    potentials: list[NDArray[np.float64]],
) -> float:
    """The dual value of any potentials (n_k,), less a bound on its rounding."""
    total, size, sums = 0.0, 0.0, np.zeros(len(costs[0]))
    for c, a, w, g in zip(costs, masses, weights, potentials, strict=True):
        f = (c - g).min(1)
        total += float(w * (a @ g))
        sums += w * f
        size += float(w * (a @ np.abs(g) + np.abs(f).max() + np.abs(c).max()))
    error = (sum(map(len, masses)) + len(masses) + 40.0) * ROUNDOFF
    return total + float(sums.min()) - 2.0 * error * size
