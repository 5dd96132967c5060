"""The plan of a problem with exact marginals, from the coupling and the potentials that a solver found."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from remblai.distances.certificate import Interval, certificate
from remblai.distances.coupling import Coupling, Sparse
from remblai.distances.envelope import with_gradients
from remblai.distances.geometry import Geometry
from remblai.distances.mapping import extension, mapping, names
from remblai.distances.plan import Parts, Plan
from remblai.distances.problem import Problem


def solved(
    problem: Problem,
    value: float,
    coupling: Coupling,
    potentials: tuple[Tensor, Tensor],
    *,
    method: str,
    epsilon: float = 0.0,
    marginal_error: float | None = None,
    converged: bool = True,
    iterations: int = 0,
    seconds: float = 0.0,
    curve: Sequence[tuple[int, float]] = (),
    bounds: Interval | Callable[[], Interval] | None = None,
) -> Plan:
    """The plan of a problem with exact marginals, from what the solver found.

    Args:
        problem: what was solved.
        value: the optimum.
        coupling: P, which sums to 1.
        potentials: f (n,) and g (m,); they are the derivatives of the value in the masses, up to a constant.
        method: the solver and its route.
        epsilon: the absolute regularisation.
        marginal_error: None: it is measured here, in one pass over the coupling.
        converged: whether the solver met its own criterion.
        iterations: its steps.
        seconds: its time.
        curve: pairs (step, value).
        bounds: of the value, or what finds them, where the solver proves them better than `certificate` would.
    """
    f, g = (potential.double() for potential in potentials)
    optimum = torch.tensor(value, dtype=torch.float64, device=f.device)
    if marginal_error is None:
        rows, columns = coupling.marginals()
        marginal_error = float((rows - problem.a).abs().sum() + (columns - problem.b).abs().sum())
    return Plan(
        value=float(optimum) if problem.arrays else with_gradients(optimum, _derivatives(problem, coupling, (f, g))),
        method=method,
        epsilon=epsilon,
        marginal_error=marginal_error,
        converged=converged,
        iterations=iterations,
        seconds=seconds,
        curve=tuple(curve),
        arrays=problem.arrays,
        parts=Parts(
            coupling=coupling,
            f=f,
            g=g,
            cost=partial(carried_cost, problem.geometry, coupling),
            certificate=partial(_bounds, problem, coupling, g, (value, epsilon, bounds)),
            extend=extension(problem, g, epsilon),
            map=mapping(problem, coupling, g, epsilon),
            columns=names(problem),
        ),
    )


def _bounds(
    problem: Problem,
    coupling: Coupling,
    g: Tensor,
    computed: tuple[float, float, Interval | Callable[[], Interval] | None],
    epsilon: float,
) -> Interval:
    """The certificate; that of the value which the solver computed, at its own epsilon, contains this value."""
    value, own, proven = computed
    found = proven() if callable(proven) else proven or certificate(problem, coupling, g, epsilon)
    return found.with_value(value) if epsilon == own else found


def _derivatives(
    problem: Problem, coupling: Coupling, potentials: tuple[Tensor, Tensor]
) -> list[tuple[Tensor, Tensor]]:
    pairs = problem.geometry.gradients(coupling)
    for masses, potential in zip(problem.given, potentials, strict=True):
        if masses.requires_grad:
            pairs.append((masses, potential))
    return pairs


def carried_cost(geometry: Geometry, coupling: Coupling) -> float:
    """<P, C>, a block of rows at a time."""
    if isinstance(coupling, Sparse):
        return float(coupling.masses @ geometry.pairs(coupling.rows, coupling.columns))
    total = 0.0
    for (_, masses), (_, costs) in zip(coupling.blocks(), geometry.blocks(), strict=True):
        total += float(torch.where(masses > 0, masses * costs, 0.0).sum())
    return total
