"""The one answer of every solver."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from numbers import Integral
from typing import Any, Generic, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import TypeVar

from remblai.distances.certificate import Interval
from remblai.distances.coupling import Coupling
from remblai.distances.mapping import barycentres
from remblai.distances.point_sets import check_columns
from remblai.distances.validation import ArrayLike, tensor
from remblai.runtime.notebook import table

AVAILABLE = {
    "coupling": "emd, transport, sinkhorn, line.plan and stochastic.discrete",
    "f": "emd, transport, sinkhorn, line.plan and stochastic.discrete (extend gives it at any point)",
    "g": "emd, transport, sinkhorn, line.plan and the stochastic solvers of the semi-dual",
    "cost": "emd, transport, sinkhorn, line.plan and stochastic.discrete",
    "certificate": "emd, transport, partial, sinkhorn, line.plan and stochastic.discrete, with exact marginals,",
    "map": "transport of all the mass, line.plan and stochastic.discrete, of points instead of a matrix,",
    "extend": "transport with exact marginals and the stochastic solvers, of points and a cost instead of a matrix,",
}
"""Which methods have what: part of the error for an attribute that a plan's method does not give."""

Value = TypeVar("Value", default=Any)
"""Scalars of a plan: float, or Tensor."""

Array = TypeVar("Array", default=Any)
"""Arrays of a plan: NumPy's, or Tensor."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan(Generic[Value, Array]):
    """What it costs to carry a to b, how, and how far the answer can be trusted.

    Where no input was a tensor, everything is a NumPy array or a float (`ArrayPlan`); otherwise a float64 tensor
    (`TensorPlan`). What a method does not give is an AttributeError that names the methods that do, never None. A plan
    pickles and copies; a copy's value has no gradient.

    Example:
        >>> from remblai.distances import emd
        >>> plan = emd([0.5, 0.5], [0.25, 0.75], [[0.0, 1.0], [1.0, 0.0]])
        >>> plan.value, plan.coupling.tolist()
        (0.25, [[0.25, 0.25], [0.0, 0.5]])
        >>> lower, upper = plan.certificate()
        >>> lower <= plan.value <= upper
        True

    Attributes:
        value: what the solver minimises, never rooted: <P, C>, for an entropic plan <P, C> + epsilon KL(P | a x b).
            Differentiable, once, in inputs with requires_grad: points, costs, and masses up to a constant.
        method: the solver and the route that it took.
        epsilon: the absolute regularisation; 0 for an exact plan.
        standard_error: of a value that was estimated on fresh samples; 0 for one that was computed.
        marginal_error: |P 1 - a|_1 + |P' 1 - b|_1, in float64, as a share of the mass.
        converged: whether the solver met its own criterion.
        iterations: the number of steps.
        seconds: the time that the solver took.
        curve: pairs (step, value), where the solver records them.
        arrays: whether answers are NumPy arrays and floats, because no input was a tensor.
        parts: what the other attributes are computed from.
    """

    value: Value
    method: str
    epsilon: float = 0.0
    standard_error: float = 0.0
    marginal_error: float = 0.0
    converged: bool = True
    iterations: int = 0
    seconds: float = 0.0
    curve: tuple[tuple[int, float], ...] = ()
    arrays: bool = False
    parts: "Parts"

    @cached_property
    def cost(self) -> float:
        """<P, C>, without the entropic term."""
        return float(self._part("cost", self.parts.cost)())

    @cached_property
    def coupling(self) -> Array:
        """P (n, m), dense; `block` and `entries` give it without holding n * m numbers."""
        return self._answer(self._coupling.dense())

    @property
    def entries(self) -> tuple[Any, Any, Array]:
        """Rows, columns and masses of P above 0: (k,) each, in order of rows."""
        rows, columns, masses = self._coupling.entries()
        return self._answer(rows), self._answer(columns), self._answer(masses)

    def block(self, start: int, stop: int) -> Array:
        """The rows start <= i < stop of P: (stop - start, m).

        Raises:
            ValueError: rows that P does not have.
        """
        n = self._coupling.shape[0]
        whole = isinstance(start, Integral) and isinstance(stop, Integral)
        if not whole or not 0 <= start <= stop <= n:
            raise ValueError(
                f"block: expected rows 0 <= start <= stop <= {n}, whole numbers, got start {start!r} and stop {stop!r}."
            )
        return self._answer(self._coupling.block(start, stop))

    def barycentres(self, values: ArrayLike) -> Array:
        """Where mass goes on average: sum_j P_ij values_j / sum_j P_ij, values (m, ...) -> (n, ...), NaN without mass.

        Raises:
            ValueError: other than a finite value for each of the m places.
        """
        return self._answer(barycentres(self._coupling, values))

    @property
    def potentials(self) -> tuple[Array, Array]:
        """f (n,) and g (m,) of the dual; known up to a constant added to one and subtracted from the other."""
        return self.f, self.g

    @property
    def f(self) -> Array:
        """The potential (n,) of the places that mass leaves."""
        return self._answer(self._part("f", self.parts.f))

    @property
    def g(self) -> Array:
        """The potential (m,) of the places where mass arrives."""
        return self._answer(self._part("g", self.parts.g))

    def extend(self, x: ArrayLike) -> Array:
        """The potential f at new points x (k, d), from g by the c-transform (the soft one for epsilon > 0): (k,)."""
        return self._answer(self._part("extend", self.parts.extend)(self._new(x)))

    def map(self, x: ArrayLike) -> Array:
        """Where the plan carries new points: x (k, d) -> (k, d).

        Of an entropic plan, the mean of the y_j with weights b_j exp((g_j - c(x, y_j)) / epsilon), which at the places
        of a is their barycentre (`barycentres`). Of an exact one, x moves as its nearest place does on average.

        Source: Pooladian and Niles-Weed (2021), arXiv 2109.12004; Ferradans et al. (2014), arXiv 1307.5551.

        Example:
            >>> from remblai.distances import transport
            >>> transport([[0.0, 0.0], [4.0, 0.0]], [[0.0, 1.0], [4.0, 3.0]]).map([[1.0, 0.0], [3.0, 0.5]]).tolist()
            [[1.0, 1.0], [3.0, 3.5]]
        """
        return self._answer(self._part("map", self.parts.map)(self._new(x)))

    def certificate(self, exact: bool = False) -> Interval:
        """A proven interval: a feasible dual below, a rounded feasible plan above.

        Args:
            exact: bounds of the unregularised least cost instead of `value`; the same where epsilon is 0.
        """
        bounds: Interval = self._part("certificate", self.parts.certificate)(0.0 if exact else self.epsilon)
        return bounds

    @cached_property
    def gap(self) -> float:
        """The width of the proven interval around `value`: upper - lower."""
        lower, upper = self.certificate()
        return upper - lower

    @property
    def _coupling(self) -> Coupling:
        coupling: Coupling = self._part("coupling", self.parts.coupling)
        return coupling

    def _new(self, x: ArrayLike) -> Tensor:
        check_columns("x", x, self.parts.columns)
        return tensor("x", x).detach()

    def _part(self, name: str, part: Any) -> Any:
        if part is None:
            raise AttributeError(f"a plan by {self.method} has no {name}: {AVAILABLE[name]} have one.")
        return part

    def _answer(self, value: Tensor) -> Array:
        return cast(Array, np.asarray(value.detach().cpu()) if self.arrays else value)

    def __getstate__(self) -> dict[str, Any]:
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        return state | {"value": self.value.detach() if isinstance(self.value, Tensor) else self.value}

    def _number(self) -> float:
        return float(self.value.detach()) if isinstance(self.value, Tensor) else cast(float, self.value)

    def __repr__(self) -> str:
        state = "converged" if self.converged else "NOT converged"
        passes = f" in {self.iterations} iterations" if self.iterations else ""  # a simplex has none
        blur = f", epsilon={self.epsilon:.6g}" if self.epsilon else ""
        return (
            f"Plan(value={self._number():.9g}{blur}, method={self.method!r}, {state}{passes}, "
            f"marginal_error={self.marginal_error:.2g}, seconds={self.seconds:.3g})"
        )

    def _repr_html_(self) -> str:
        names = ("epsilon", "method", "converged", "iterations", "marginal_error", "seconds")
        return table("Plan", [("value", self._number()), *((name, getattr(self, name)) for name in names)])


ArrayPlan: TypeAlias = Plan[float, NDArray[np.float64]]
"""A plan of NumPy inputs."""

TensorPlan: TypeAlias = Plan[Tensor, Tensor]
"""A plan of tensors."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """What a plan computes its attributes from; None where the method does not give it."""

    coupling: Coupling | None = None
    f: Tensor | None = None
    g: Tensor | None = None
    cost: Callable[[], float] | None = None
    certificate: Callable[[float], Interval] | None = None
    extend: Callable[[Tensor], Tensor] | None = None
    map: Callable[[Tensor], Tensor] | None = None
    columns: tuple[str, ...] | None = None
    """The names of the columns of the points, where they came as data frames."""
