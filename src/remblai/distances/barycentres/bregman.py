"""Entropic barycentres on fixed places: iterative Bregman projections, plain or debiased, in the log domain."""

import torch
from torch import Tensor

from remblai.costs import Cost
from remblai.distances.barycentres.laws import Barycentre, Laws, mean_value, warn_not_converged
from remblai.distances.entropic.balanced import solve as sinkhorn
from remblai.distances.entropic.debiased import divergence
from remblai.distances.geometry import Points
from remblai.distances.problem import Problem

SOLVED = 1e-9
"""Tolerance of the plans whose values are returned."""


def solve(
    laws: Laws, places: Tensor, cost: Cost, epsilon: float, debiased: bool, *, tolerance: float, limit: int
) -> Barycentre:
    """The masses b (n,) of the places (n, d).

    Plain: the least sum over k of w_k (<P_k, C_k> + epsilon sum P_k log P_k), over plans P_k from b to law k. Debiased:
    the least sum of w_k times the Sinkhorn divergence of b and law k.

    Raises:
        ValueError: places of another dimension than the laws.
    """
    fixed = [one.detach() for one in laws.points]
    costs = [Points(places, one, cost).matrix() for one in fixed]
    itself = Points(places, places, cost).matrix() if debiased else None
    logs = [masses.detach().log() for masses in laws.masses]
    b, error, iterations = _iterated(costs, logs, laws.weights, itself, epsilon, tolerance, limit)
    if error > tolerance:
        warn_not_converged("a marginal error", tolerance, error, iterations)
    values, solved = [], error <= tolerance
    for one, masses in zip(laws.points, laws.masses, strict=True):
        if debiased:
            found = divergence(places, one, epsilon, cost, b, masses, tolerance=SOLVED)
            values.append(found.value)
            solved = solved and found.converged
        else:
            plan = sinkhorn(Problem.of_points(places, one, cost, b, masses), epsilon, tolerance=SOLVED)
            values.append(plan.value + epsilon * (_negative_entropy(b) + _negative_entropy(masses)))
            solved = solved and plan.converged
    return Barycentre(
        laws.answer(places[:, 0] if laws.flat else places),
        laws.answer(b),
        laws.answer(mean_value(laws.weights, values)),
        "debiased" if debiased else "iterative Bregman",
        epsilon=epsilon,
        converged=solved,
        iterations=iterations,
    )


def _iterated(
    costs: list[Tensor],
    logs: list[Tensor],
    weights: Tensor,
    itself: Tensor | None,
    epsilon: float,
    tolerance: float,
    limit: int,
) -> tuple[Tensor, float, int]:
    """b (n,), the error of the plans' marginals, and the number of passes.

    With K_k = exp(-C_k / epsilon): v_k = a_k / K_k' u_k, b = d prod (K_k v_k)^w_k, u_k = b / K_k v_k; d is 1, or
    debiased d = sqrt(d b / K d) on the places themselves. The error is the largest |u_k K_k v_k - b|_1, and
    |d K d - b|_1, before u_k and d change.

    Source: Benamou et al. (2015), proposition 2, arXiv 1412.5154; Janati et al. (2020), algorithm 1, arXiv 2006.02575.
    """
    kernels = [one / -epsilon for one in costs]
    own = None if itself is None else itself / -epsilon
    u = [torch.zeros(len(one), dtype=one.dtype, device=one.device) for one in kernels]
    shift = torch.zeros_like(u[0])
    error, b, iterations = float("inf"), u[0], 0
    while error > tolerance and iterations < limit:
        v = [a - torch.logsumexp(kernel + h[:, None], 0) for a, kernel, h in zip(logs, kernels, u, strict=True)]
        reached = torch.stack([torch.logsumexp(kernel + h, 1) for kernel, h in zip(kernels, v, strict=True)])
        b = shift + (weights[:, None] * reached).sum(0)
        error = float((torch.stack(u) + reached).exp().sub(b.exp()).abs().sum(1).max())
        if own is not None:
            back = b - torch.logsumexp(own + shift, 1)
            error = max(error, float((shift - back).expm1().mul(b.exp()).abs().sum()))
            shift = 0.5 * (shift + back)
        u, iterations = list(b - reached), iterations + 1
    masses = b.exp()
    return masses / masses.sum(), error, iterations


def _negative_entropy(masses: Tensor) -> Tensor:
    total: Tensor = torch.special.xlogy(masses, masses).sum()
    return total
