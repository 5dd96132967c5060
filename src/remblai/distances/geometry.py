"""The costs between places: a matrix (n, m), or two point sets and a cost, whose matrix is made a block at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from remblai.config.registry import Choice, make
from remblai.costs import COSTS, Cost, Custom, Euclidean, Hamming, Huber, Manhattan, Power, Square, of_pairs
from remblai.distances.coupling import ENTRIES, Coupling, Sparse
from remblai.distances.magnitudes import InUnits, in_range
from remblai.distances.point_sets import columns_of, same_columns
from remblai.distances.rounding import ROUNDOFF, roundoff
from remblai.distances.sparse_costs import cost_matrix
from remblai.distances.squares import CANCELLATION, DIRECT, squares
from remblai.distances.validation import finite, tensor

RELATIVE = (Square, Euclidean, Manhattan, Huber, Hamming, Power, Custom)
"""Costs made of differences of coordinates without cancellation (assumed of a function of pairs): relative errors."""

CostLike = Choice | Cost | Callable[[Tensor, Tensor], Tensor]
"""A name of the table COSTS, a `Cost`, or a function of pairs c(x (k, d), y (k, d)) -> (k,)."""


class Geometry(ABC):
    """The interface: costs of n places against m places, read a block of rows at a time.

    Attributes:
        shape: (n, m).
        device: where its blocks are.
        dtype: of the costs as they were given: float32 or float64.
    """

    shape: tuple[int, int]
    device: torch.device
    dtype: torch.dtype

    @abstractmethod
    def block(self, start: int, stop: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Costs of the places start <= i < stop against all m, without gradient: (stop - start, m)."""

    @abstractmethod
    def flipped(self) -> "Geometry":
        """The same costs the other way: (m, n)."""

    @abstractmethod
    def part(self, rows: Tensor, columns: Tensor) -> "Geometry":
        """The costs of some of the places, without gradient: by their indices, or by masks (n,) and (m,)."""

    @abstractmethod
    def pairs(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Costs of the pairs (rows[k], columns[k]) in float64, without gradient: (k,)."""

    @abstractmethod
    def rounding(self, costs: Tensor) -> Tensor | float:
        """A bound on |computed - true cost| of costs that were made in float64, from their values (...)."""

    @abstractmethod
    def gradients(self, coupling: Coupling) -> list[tuple[Tensor, Tensor]]:
        """The inputs that require a gradient, each with the derivative of <coupling, costs> in it."""

    def matrix(self, dtype: torch.dtype = torch.float64) -> Tensor:
        """All costs at once, without gradient: (n, m)."""
        return self.block(0, self.shape[0], dtype)

    def blocks(self, dtype: torch.dtype = torch.float64, entries: int | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of rows that fit into a small memory, or of so many entries, with the rows they are of."""
        n, m = self.shape
        step = max(1, (entries or ENTRIES) // m)
        for start in range(0, n, step):
            stop = min(n, start + step)
            yield slice(start, stop), self.block(start, stop, dtype)

    def mean(self, a: Tensor, b: Tensor) -> float:
        """The mean cost under independence: that of a_i b_j c_ij over the pairs of finite cost, a (n,) and b (m,)."""
        total, mass = 0.0, 0.0
        for rows, costs in self.blocks():
            allowed = costs.isfinite()
            total += float(a[rows] @ torch.where(allowed, costs, 0.0) @ b)
            mass += float(a[rows] @ allowed.double() @ b) if not bool(allowed.all()) else float(a[rows].sum() * b.sum())
        return total / mass if mass > 0.0 else 0.0


class Matrix(Geometry):
    """A matrix of costs (n, m). An entry of +infinity, or one that a sparse matrix does not have, forbids the pair.

    Raises:
        ValueError: no matrix, an empty one, NaN or minus infinity in it.
    """

    def __init__(self, costs: Any) -> None:
        given = cost_matrix(costs)
        if given.dim() != 2 or given.numel() == 0:
            raise ValueError(f"cost matrix: expected shape (n, m) with n, m >= 1, got {tuple(given.shape)}.")
        finite("cost matrix", given, infinite=True)
        self.given, self.costs = given, given.detach()
        self.shape = (given.shape[0], given.shape[1])
        self.device, self.dtype = given.device, given.dtype

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"given": self.costs}  # a copy has no gradients

    def block(self, start: int, stop: int, dtype: torch.dtype = torch.float64) -> Tensor:
        return self.costs[start:stop].to(dtype)

    def flipped(self) -> Geometry:
        return Matrix(self.costs.T)

    def part(self, rows: Tensor, columns: Tensor) -> Geometry:
        return Matrix(self.costs[rows][:, columns])

    def pairs(self, rows: Tensor, columns: Tensor) -> Tensor:
        return self.costs[rows, columns].double()

    def rounding(self, costs: Tensor) -> Tensor | float:
        """Costs in float32 may stand for any numbers that round to them; float64 is taken as it is."""
        known = roundoff(self.costs)
        return known * costs.where(costs.isfinite(), 0.0).abs() if known else 0.0

    def gradients(self, coupling: Coupling) -> list[tuple[Tensor, Tensor]]:
        return [(self.given, coupling.dense())] if self.given.requires_grad else []


class Points(Geometry):
    """Two sets of points x (n, ...) and y (m, ...) and the cost between them; no n x m matrix is kept.

    Args:
        x: points; one number each, (n,), are points on the line.
        y: points of the same shape.
        cost: a name, a `Cost`, or a function of pairs (k, d), (k, d) -> (k,).

    Raises:
        ValueError: no points, points of unequal shape, values that are not finite, an unknown cost, or one that reads a
            law; data frames whose columns have other names.
    """

    def __init__(self, x: Any, y: Any, cost: CostLike = "square") -> None:
        same_columns(x=x, y=y)
        self.columns = columns_of(x, y)
        self.given = points("x", x), points("y", y)
        shapes = [tuple(one.shape) for one in self.given]
        if shapes[0][1:] != shapes[1][1:]:
            raise ValueError(
                f"points: expected x (n, d) and y (m, d) of one dimension d, got {shapes[0]} and {shapes[1]}: that is "
                f"{shapes[0][0]} points of shape {shapes[0][1:]} against {shapes[1][0]} of {shapes[1][1:]}; points on "
                "the line are (n,) or (n, 1), and (1, n) is one point."
            )
        self.dtype = torch.result_type(*self.given)
        self.x, self.y = (one.detach().to(self.dtype).flatten(1) for one in self.given)
        self.cost = resolved(cost)
        self._computed = in_range(self.cost, self.x, self.y)
        self.shape = (len(self.x), len(self.y))
        self.device = self.x.device

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"given": tuple(one.detach() for one in self.given)}  # a copy has no gradients

    def block(self, start: int, stop: int, dtype: torch.dtype = torch.float64) -> Tensor:
        with torch.no_grad():
            if isinstance(self._computed, InUnits):
                return self._computed.matrix(self.x[start:stop], self.y).to(dtype)
            x, y = self.x[start:stop].to(dtype), self.y.to(dtype)
            if isinstance(self.cost, Square) and dtype == torch.float64:
                return squares(x, y)
            return self._computed.matrix(x, y).to(dtype)

    def flipped(self) -> Geometry:
        return Points(self.y, self.x, self.cost if isinstance(self.cost, Square) else _Flipped(self.cost))

    def part(self, rows: Tensor, columns: Tensor) -> Geometry:
        return Points(self.x[rows], self.y[columns], self.cost)

    def pairs(self, rows: Tensor, columns: Tensor) -> Tensor:
        with torch.no_grad():
            return self._computed(self.x[rows].double(), self.y[columns].double()).double()

    def rounding(self, costs: Tensor) -> Tensor | float:
        """The points count as exact; a cost that is not known to be accurate itself errs by a share of the largest."""
        cost = self.cost.cost if isinstance(self.cost, _Flipped) else self.cost
        steps = (self.x.shape[1] + 8) * ROUNDOFF
        if not isinstance(cost, RELATIVE):
            finite_costs = costs.where(costs.isfinite(), 0.0).abs()
            return steps * float(finite_costs.max()) if costs.numel() else 0.0
        if isinstance(cost, Square):
            steps *= CANCELLATION if self.x.shape[1] > DIRECT else 1.0
        finite_costs = costs.where(costs.isfinite(), 0.0)  # a forbidden pair is forbidden exactly
        return steps * (max(1.0, cost.p) if isinstance(cost, Power) else 1.0) * finite_costs.abs()

    def gradients(self, coupling: Coupling) -> list[tuple[Tensor, Tensor]]:
        if not any(one.requires_grad for one in self.given):
            return []
        first, second = self.given
        found = coupling.gradients((first.requires_grad, second.requires_grad))
        if found is None:
            found = self._by_pairs(coupling) if isinstance(coupling, Sparse) else self._by_rows(coupling)
        both = zip(self.given, found, strict=True)
        return [(one, gradient.reshape(one.shape)) for one, gradient in both if one.requires_grad]

    def _by_rows(self, coupling: Coupling) -> tuple[Tensor, Tensor]:
        return self._of_square(coupling) if isinstance(self.cost, Square) else self._by_blocks(coupling)

    def _of_square(self, coupling: Coupling) -> tuple[Tensor, Tensor]:
        """2 (r_i x_i - sum_j P_ij y_j), and the same the other way."""
        x, y = self.x.double(), self.y.double()
        rows, columns = torch.zeros_like(x[:, 0]), torch.zeros_like(y[:, 0])
        to_y, to_x = torch.zeros_like(x), torch.zeros_like(y)
        for part, masses in coupling.blocks():
            rows[part] = masses.sum(1)
            columns += masses.sum(0)
            to_y[part] = masses @ y
            to_x += masses.T @ x[part]
        return 2.0 * (rows[:, None] * x - to_y), 2.0 * (columns[:, None] * y - to_x)

    def _by_pairs(self, coupling: Sparse) -> tuple[Tensor, Tensor]:
        x, y = (one.detach().double().requires_grad_() for one in (self.x, self.y))
        with torch.enable_grad():
            total = (coupling.masses * self._computed(x[coupling.rows], y[coupling.columns])).sum()
        return self._derived(total, x, y)

    def _by_blocks(self, coupling: Coupling) -> tuple[Tensor, Tensor]:
        x, y = (one.double() for one in (self.x, self.y))
        in_x, in_y = torch.zeros_like(x), torch.zeros_like(y)
        for part, masses in coupling.blocks():
            these, those = x[part].requires_grad_(), y.clone().requires_grad_()
            with torch.enable_grad():
                total = (masses * self._computed.matrix(these, those)).sum()
            in_x[part], more = self._derived(total, these, those)
            in_y += more
        return in_x, in_y

    def _derived(self, total: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if not total.requires_grad:
            raise ValueError(
                f"cost {type(self.cost).__name__}: it has no gradient, but points with requires_grad were given: "
                "detach them or choose another cost."
            )
        in_x, in_y = torch.autograd.grad(total, (x, y))
        return in_x, in_y


class _Flipped(Cost):
    """c'(y, x) = c(x, y)."""

    def __init__(self, cost: Cost) -> None:
        self.cost = cost

    def __call__(self, x: Tensor, y: Any) -> Tensor:
        return self.cost(y, x)

    def matrix(self, x: Tensor, y: Any) -> Tensor:
        return self.cost.matrix(y, x).T


def resolved(cost: CostLike) -> Cost:
    """The cost that a name, a mapping, a `Cost` or a function of pairs means.

    Raises:
        ValueError: unknown name, or no cost.
    """
    found = of_pairs(make(COSTS, cost, "cost"))
    if found.reads_law:
        raise ValueError(f"cost {type(found).__name__}: it reads a law, not points; choose another cost.")
    return found.cost.cost if isinstance(found, _Flipped) and isinstance(found.cost, _Flipped) else found


def points(name: str, value: Any) -> Tensor:
    """The points as a tensor (n, ...) of floats; one number each is a point on the line.

    Raises:
        ValueError: none, or values that are not finite.
    """
    found = tensor(name, value)
    if found.dim() == 0 or found.numel() == 0:
        raise ValueError(f"{name}: expected points (n, d) with n, d >= 1, got shape {tuple(found.shape)}.")
    finite(name, found)
    return found[:, None] if found.dim() == 1 else found
