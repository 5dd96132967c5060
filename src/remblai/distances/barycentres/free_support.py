"""Barycentres of equal masses on places that move: transport, then barycentric projection, in turn."""

from typing import Any

import torch
from torch import Tensor

from remblai.distances.barycentres.laws import Barycentre, Laws, mean_value, warn_not_converged
from remblai.distances.entry import transport
from remblai.distances.geometry import points as checked_points
from remblai.distances.plan import Plan
from remblai.distances.validation import ArrayLike, seed_number


def starting_points(laws: Laws, n: int | None, start: ArrayLike | None, seed: int) -> Tensor:
    """The points (n, d) from which the iteration starts: those given, or n different ones of all laws at random.

    Raises:
        ValueError: a start of another number or dimension, or more points than all laws have.
    """
    d = laws.points[0].shape[1]
    if start is not None:
        given = checked_points("start", start).detach().double().to(laws.weights.device)
        if given.shape[1:] != (d,) or (n is not None and len(given) != n):
            wanted = "n" if n is None else n
            raise ValueError(f"start: expected points ({wanted}, {d}), got {tuple(given.shape)}.")
        return given
    everything = torch.cat([one.detach() for one in laws.points])
    assert n is not None
    if n > len(everything):
        raise ValueError(
            f"support: expected at most {len(everything)} points, as many as all laws have, got {n}: a barycentre "
            "needs no more; or pass start=points."
        )
    order = torch.randperm(len(everything), generator=torch.Generator().manual_seed(seed_number("seed", seed)))
    return everything[order[:n].to(everything.device)]


def solve(laws: Laws, points: Tensor, epsilon: float | None, *, tolerance: float, limit: int) -> Barycentre:
    """The points (n, d), moved until none moves by more than the tolerance times the range of the laws.

    Without epsilon no step raises the value. The value is that of the last plans.

    Source: Cuturi and Doucet (2014), algorithm 2, arXiv 1310.4375; Alvarez-Esteban et al. (2016), arXiv 1511.05355.
    """
    everything = torch.cat([one.detach() for one in laws.points])
    scale = float((everything.amax(0) - everything.amin(0)).max()) or 1.0
    fixed = Laws(
        [one.detach() for one in laws.points], [one.detach() for one in laws.masses], laws.weights, False, False
    )
    moved, iterations = float("inf"), 0
    while iterations < limit:
        plans = _plans(fixed, points, epsilon)
        targets = torch.stack([plan.coupling @ one for plan, one in zip(plans, fixed.points, strict=True)])
        rows = torch.stack([plan.coupling.sum(1) for plan in plans])[..., None]
        new = (laws.weights[:, None, None] * targets / rows).sum(0)
        moved = float((new - points).norm(dim=1).max())
        points, iterations = new, iterations + 1
        if moved <= tolerance * scale:
            break
    last = _plans(laws, points, epsilon)
    if moved > tolerance * scale:
        warn_not_converged("a movement, as a share of the range,", tolerance, moved / scale, iterations)
    masses = points.new_full((len(points),), 1.0 / len(points))
    return Barycentre(
        laws.answer(points[:, 0] if laws.flat else points),
        laws.answer(masses),
        laws.answer(mean_value(laws.weights, [plan.value for plan in last])),
        "free support",
        epsilon=epsilon or 0.0,
        converged=moved <= tolerance * scale and all(plan.converged for plan in last),
        iterations=iterations,
    )


def _plans(laws: Laws, points: Tensor, epsilon: float | None) -> list[Plan]:
    options: dict[str, Any] = {} if epsilon is None else {"epsilon": epsilon}
    return [
        transport(points, one, "square", None, masses, **options)
        for one, masses in zip(laws.points, laws.masses, strict=True)
    ]
