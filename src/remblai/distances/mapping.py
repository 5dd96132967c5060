"""What a plan says of points that it was not computed for: their potential, and where they are carried."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from remblai.distances.certificate import transformed
from remblai.distances.coupling import Coupling
from remblai.distances.geometry import Points, points
from remblai.distances.problem import Problem
from remblai.distances.squares import squares
from remblai.distances.validation import ArrayLike, finite, tensor

AT_ONCE = 2**22
"""Squared distances to the places that are in memory at a time."""


def extension(problem: Problem, g: Tensor, epsilon: float) -> Callable[[Tensor], Tensor] | None:
    """The function that extends the potential f to new points (k, d) -> (k,); None where there are no points."""
    return partial(_extended, problem, g, epsilon) if isinstance(problem.geometry, Points) else None


def _extended(problem: Problem, g: Tensor, epsilon: float, x: Tensor) -> Tensor:
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    moved = Points(x, geometry.given[1].detach(), geometry.cost)
    n = moved.shape[0]
    uniform = torch.full((n,), 1.0 / n, dtype=torch.float64, device=moved.device)
    return transformed(Problem(uniform, problem.b, moved, (uniform, problem.b)), g, epsilon)


def names(problem: Problem) -> tuple[str, ...] | None:
    """The names of the columns of the points; None where they have none, or there are no points."""
    return problem.geometry.columns if isinstance(problem.geometry, Points) else None


def mapping(problem: Problem, coupling: Coupling, g: Tensor, epsilon: float) -> Callable[[Tensor], Tensor] | None:
    """The function that maps new points (k, ...) -> (k, ...); None where there are no points."""
    if not isinstance(problem.geometry, Points):
        return None
    return partial(_entropic, problem, g, epsilon) if epsilon else partial(_nearest, problem, coupling)


def _entropic(problem: Problem, g: Tensor, epsilon: float, x: Tensor) -> Tensor:
    """The mean of y_j with weights b_j exp((g_j - c(x, y_j)) / epsilon)."""
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    places = geometry.y.double()
    new = Points(points("x", x), geometry.given[1].detach(), geometry.cost)
    logs = problem.b.log() + g / epsilon
    empty = problem.b == 0
    means = []
    for _, costs in new.blocks():
        nearest = costs.masked_fill(empty, torch.inf).amin(1, keepdim=True)
        _check_reachable(nearest)
        means.append(torch.softmax(logs - (costs - nearest) / epsilon, 1) @ places)
    return torch.cat(means).reshape(new.given[0].shape)


def _nearest(problem: Problem, coupling: Coupling, x: Tensor) -> Tensor:
    """x moved as the nearest place that has mass is moved on average; rows at one place count as one."""
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    new = Points(points("x", x), geometry.given[0].detach(), geometry.cost)
    kept = problem.a > 0
    sources = geometry.x[kept].double()
    rows, targets = torch.zeros_like(problem.a), torch.zeros_like(geometry.x, dtype=torch.float64)
    for part, masses in coupling.blocks():
        rows[part], targets[part] = masses.sum(1), masses @ geometry.y.double()
    sources, masses, images = _merged(sources, rows[kept], targets[kept])
    moves = images / masses[:, None] - sources
    flat = new.x.double()
    parts = torch.split(flat, max(1, AT_ONCE // len(sources)))
    distances, nearest = (
        torch.cat(each) for each in zip(*(squares(part, sources).min(1) for part in parts), strict=True)
    )
    _check_reachable(distances)
    return (flat + moves[nearest]).reshape(new.given[0].shape)


def _merged(sources: Tensor, masses: Tensor, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Places (k, d) that are all different, with the mass that leaves each and its images summed by mass.

    A plan splits the mass of one place among its rows in any way, so that only their sum has a meaning.
    """
    places, which = torch.unique(sources + 0.0, dim=0, return_inverse=True)  # + 0.0 takes -0.0 to 0.0
    merged = masses.new_zeros(len(places)).index_add(0, which, masses)
    return places, merged, images.new_zeros(places.shape).index_add(0, which, images)


def _check_reachable(nearest: Tensor) -> None:
    """Checks that the least cost of each new point is finite."""
    far = int(nearest.isinf().sum())
    if far:
        raise ValueError(
            f"x: expected points at a finite cost from some place, got {far} of {len(nearest)} that are infinitely "
            "far: their costs are above the largest float64; remove or scale them."
        )


def barycentres(coupling: Coupling, values: ArrayLike) -> Tensor:
    """sum_j P_ij values_j / sum_j P_ij of values (m, ...) -> (n, ...); NaN at a place that no mass leaves.

    Raises:
        ValueError: other than a finite value for each of the m places.
    """
    m = coupling.shape[1]
    given = tensor("values", values).detach()
    if given.dim() == 0 or len(given) != m or given.numel() == 0:
        raise ValueError(f"values: expected one for each of {m} places, ({m}, ...), got {tuple(given.shape)}.")
    finite("values", given)
    flat = given.double().flatten(1) if given.dim() > 1 else given.double()[:, None]
    means = [masses @ flat / masses.sum(1, keepdim=True) for _, masses in coupling.blocks()]
    return torch.cat(means).reshape(-1, *given.shape[1:])
