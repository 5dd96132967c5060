"""The one answer of every solver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.distances.certificate import Interval, certificate, transformed
from remblai.distances.coupling import Coupling, Sparse
from remblai.distances.envelope import with_gradients
from remblai.distances.geometry import Geometry, Points
from remblai.distances.problem import Problem
from remblai.distances.validation import tensor

HAVE = {
    "coupling": "emd, transport, sinkhorn, line.plan and stochastic.discrete",
    "f": "emd, transport, sinkhorn, line.plan and stochastic.discrete (extend gives it at any point)",
    "g": "emd, transport, sinkhorn, line.plan and the stochastic solvers of the semi-dual",
    "cost": "emd, transport, sinkhorn, line.plan and stochastic.discrete",
    "certificate": "emd, transport, sinkhorn, line.plan and stochastic.discrete, where the masses are kept",
    "extend": "transport and the stochastic solvers, where there are points and a cost instead of a matrix",
}
"""Which methods have what: told to whoever asks a plan for what its method has not."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """What it costs to carry a to b, how, and how far the answer can be trusted.

    Where the caller gave no tensor, everything is a numpy array or a float; otherwise a float64 tensor. What a method
    has not got is an AttributeError that says which has it, never None.

    Attributes:
        value: what the solver minimises, never rooted: <P, C>, for an entropic plan <P, C> + epsilon KL(P | a x b).
            Differentiable, once, in what was given with requires_grad: points, costs, and masses up to a constant.
        method: the solver and the route that it took.
        epsilon: the absolute regularisation; 0 for an exact plan.
        standard_error: of a value that was estimated on fresh samples; 0 for one that was computed.
        marginal_error: |P 1 - a|_1 + |P' 1 - b|_1, in float64, as a share of the mass.
        converged: whether the solver met its own criterion.
        iterations: how many steps it took.
        seconds: how long it took.
        curve: pairs (step, value), where the solver records them.
    """

    value: Any
    method: str
    epsilon: float = 0.0
    standard_error: float = 0.0
    marginal_error: float = 0.0
    converged: bool = True
    iterations: int = 0
    seconds: float = 0.0
    curve: tuple[tuple[int, float], ...] = ()
    arrays: bool = False
    mass: float = 1.0
    parts: "Parts"

    @cached_property
    def cost(self) -> Any:
        """<P, C>, without the entropic term."""
        return self.mass * self._has("cost", self.parts.cost)()

    @cached_property
    def coupling(self) -> Any:
        """P (n, m), dense; `block` and `entries` give it without holding n * m numbers."""
        return self._told(self.mass * self._coupling.dense())

    @property
    def entries(self) -> tuple[Any, Any, Any]:
        """Rows, columns and masses of P above 0: (k,) each, in order of rows."""
        rows, columns, masses = self._coupling.entries()
        return self._told(rows), self._told(columns), self._told(self.mass * masses)

    def block(self, start: int, stop: int) -> Any:
        """The rows start <= i < stop of P: (stop - start, m)."""
        return self._told(self.mass * self._coupling.block(start, stop))

    def barycentres(self, values: Any) -> Any:
        """Where each place's mass goes on average: sum_j P_ij values_j / sum_j P_ij, values (m, ...) -> (n, ...)."""
        given = tensor("values", values).detach()
        flat = given.double().flatten(1)
        found = [masses @ flat / masses.sum(1, keepdim=True) for _, masses in self._coupling.blocks()]
        return self._told(torch.cat(found).reshape(-1, *given.shape[1:]))

    @property
    def potentials(self) -> tuple[Any, Any]:
        """f (n,) and g (m,) of the dual; known up to a constant added to one and taken from the other."""
        return self.f, self.g

    @property
    def f(self) -> Any:
        """The potential (n,) of the places that mass leaves."""
        return self._told(self._has("f", self.parts.f))

    @property
    def g(self) -> Any:
        """The potential (m,) of the places where mass arrives."""
        return self._told(self._has("g", self.parts.g))

    def extend(self, x: Any) -> Any:
        """The potential f at new points x (k, d), from g by the c-transform (the soft one for epsilon > 0): (k,)."""
        return self._told(self._has("extend", self.parts.extend)(tensor("x", x).detach()))

    def certificate(self, exact: bool = False) -> Interval:
        """A proven interval: a feasible dual below, a rounded feasible plan above.

        Args:
            exact: bounds of the unregularised least cost instead of `value`; the same where epsilon is 0.
        """
        found = self._has("certificate", self.parts.certificate)(0.0 if exact else self.epsilon)
        return Interval(self.mass * found.lower, self.mass * found.upper)

    @cached_property
    def gap(self) -> float:
        """The width of the proven interval around `value`: upper - lower."""
        lower, upper = self.certificate()
        return upper - lower

    @property
    def _coupling(self) -> Coupling:
        found: Coupling = self._has("coupling", self.parts.coupling)
        return found

    def _has(self, name: str, part: Any) -> Any:
        if part is None:
            raise AttributeError(f"a plan by {self.method} has no {name}: {HAVE[name]} have one.")
        return part

    def _told(self, value: Tensor) -> Any:
        return np.asarray(value.detach().cpu()) if self.arrays else value

    def __repr__(self) -> str:
        state = "converged" if self.converged else "NOT converged"
        blur = f", epsilon={self.epsilon:.6g}" if self.epsilon else ""
        value = self.value.item() if isinstance(self.value, Tensor) else self.value
        return (
            f"Plan(value={value:.9g}{blur}, method={self.method!r}, {state} in {self.iterations} "
            f"iterations, marginal_error={self.marginal_error:.2g}, seconds={self.seconds:.3g})"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """What a plan is asked for later; None where the method has not got it. Masses sum to 1 in here."""

    coupling: Coupling | None = None
    f: Tensor | None = None
    g: Tensor | None = None
    cost: Callable[[], float] | None = None
    certificate: Callable[[float], Interval] | None = None
    extend: Callable[[Tensor], Tensor] | None = None


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
) -> Plan:
    """The plan of a problem whose masses are kept, from the solver's findings for masses that sum to 1.

    Args:
        problem: what was solved.
        value: the optimum.
        coupling: P, which sums to 1.
        potentials: f (n,) and g (m,); they are the derivatives of the value in the masses, up to a constant.
        method: the solver and its route.
        epsilon: the absolute regularisation.
        marginal_error: measured here, in one pass over the coupling, when not given.
        converged: whether the solver met its own criterion.
        iterations: its steps.
        seconds: its time.
        curve: pairs (step, value).
    """
    f, g = (one.double() for one in potentials)
    value_of = torch.tensor(problem.mass * value, dtype=torch.float64, device=f.device)
    told: Any = float(value_of)
    if not problem.arrays:
        told = with_gradients(value_of, _derivatives(problem, coupling, (f, g)))
    if marginal_error is None:
        rows, columns = coupling.marginals()
        marginal_error = float((rows - problem.a).abs().sum() + (columns - problem.b).abs().sum())
    return Plan(
        value=told,
        method=method,
        epsilon=epsilon,
        marginal_error=marginal_error,
        converged=converged,
        iterations=iterations,
        seconds=seconds,
        curve=tuple(curve),
        arrays=problem.arrays,
        mass=problem.mass,
        parts=Parts(
            coupling=coupling,
            f=f,
            g=g,
            cost=lambda: carried_cost(problem.geometry, coupling),
            certificate=lambda blur: certificate(problem, coupling, g, blur),
            extend=extension(problem, g, epsilon),
        ),
    )


def _derivatives(
    problem: Problem, coupling: Coupling, potentials: tuple[Tensor, Tensor]
) -> list[tuple[Tensor, Tensor]]:
    found = [(one, problem.mass * slope) for one, slope in problem.geometry.gradients(coupling)]
    for masses, potential in zip(problem.given, potentials, strict=True):
        if masses.requires_grad:
            found.append((masses, potential))
    return found


def carried_cost(geometry: Geometry, coupling: Coupling) -> float:
    """<P, C>, a block of rows at a time."""
    if isinstance(coupling, Sparse):
        return float(coupling.masses @ geometry.pairs(coupling.rows, coupling.columns))
    total = 0.0
    for (_, masses), (_, costs) in zip(coupling.blocks(), geometry.blocks(), strict=True):
        total += float(torch.where(masses > 0, masses * costs, 0.0).sum())
    return total


def extension(problem: Problem, g: Tensor, epsilon: float) -> Callable[[Tensor], Tensor] | None:
    """What a plan extends its potential by: the transform of g (m,) at new points; None where there are no points."""
    geometry = problem.geometry
    if not isinstance(geometry, Points):
        return None

    def extend(x: Tensor) -> Tensor:
        moved = Points(x, geometry.given[1].detach(), geometry.cost)
        n = moved.shape[0]
        even = torch.full((n,), 1.0 / n, dtype=torch.float64, device=moved.device)
        return transformed(Problem(even, problem.b, moved, 1.0, (even, problem.b)), g, epsilon)

    return extend
