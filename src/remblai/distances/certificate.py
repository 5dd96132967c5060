"""Proof of a value from both sides: a feasible dual below, a feasible plan above, whatever the solver did."""

from typing import NamedTuple

import torch
from torch import Tensor

from remblai.distances.coupling import Coupling
from remblai.distances.problem import Problem


class Interval(NamedTuple):
    """Two proven bounds, lower <= the true value <= upper, up to the rounding of float64 sums.

    Example:
        >>> from remblai.distances import emd
        >>> lower, upper = emd(None, None, [[0.0, 1.0], [1.0, 0.0]]).certificate()
        >>> lower <= 0.0 <= upper
        True
    """

    lower: float
    upper: float


def transformed(problem: Problem, g: Tensor, epsilon: float = 0.0) -> Tensor:
    """The best f for a given g (m,): with (f, g) a feasible dual and the rows' marginals exact -> (n,).

    The c-transform f_i = min_j c_ij - g_j, over places j that hold mass; with epsilon > 0 the soft one,
    f_i = -epsilon log sum_j b_j exp((g_j - c_ij) / epsilon).
    """
    held = problem.b > 0
    g = g.double()
    found = []
    for _, costs in problem.geometry.blocks():
        left = costs[:, held] - g[held]
        if epsilon:
            found.append(-epsilon * torch.logsumexp(problem.b[held].log() - left / epsilon, 1))
        else:
            found.append(left.amin(1))
    return torch.cat(found)


def certificate(problem: Problem, coupling: Coupling, g: Tensor, epsilon: float = 0.0) -> Interval:
    """Bounds of the least <P, C> + epsilon KL(P | a x b), from any plan P (n, m) and any potential g (m,).

    For the problem's masses that sum to 1. Below: the dual value of g and its transform. Above: the value of the
    plan that rounding makes feasible.

    Source of the rounding: Altschuler, Weed, Rigollet (2017), algorithm 2, arXiv 1705.09634.
    """
    held = problem.b > 0
    f = transformed(problem, g, epsilon)
    lower = float(problem.a @ f.where(problem.a > 0, 0.0) + problem.b[held] @ g.double()[held])
    return Interval(lower, _rounded(problem, coupling, epsilon))


def _rounded(problem: Problem, coupling: Coupling, epsilon: float) -> float:
    a, b = problem.a, problem.b
    rows, _ = coupling.marginals()
    shrink = torch.where(rows > a, a / rows, 1.0)
    columns, left = torch.zeros_like(b), torch.zeros_like(a)
    for part, masses in coupling.blocks():
        columns += (shrink[part, None] * masses).sum(0)
    narrow = torch.where(columns > b, b / columns, 1.0)
    for part, masses in coupling.blocks():
        left[part] = a[part] - shrink[part] * (masses @ narrow)
    left, lack = left.clamp(min=0.0), (b - columns * narrow).clamp(min=0.0)
    lacking = float(left.sum())
    spread = lack / lacking if lacking > 0.0 else torch.zeros_like(lack)
    total = 0.0
    for (part, masses), (_, costs) in zip(coupling.blocks(), problem.geometry.blocks(), strict=True):
        made = shrink[part, None] * masses * narrow + left[part, None] * spread
        total += float(torch.where(made > 0, made * costs, 0.0).sum())
        if epsilon:
            total += epsilon * float(torch.xlogy(made, made / (a[part, None] * b)).nan_to_num(0.0).sum())
    return total
