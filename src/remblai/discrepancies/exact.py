"""Exact transport between samples."""

from typing import Annotated

import torch
from torch import Tensor

from remblai.costs import COSTS, require_gradient
from remblai.discrepancies.discrepancy import Discrepancy, OfParts
from remblai.discrepancies.samples import embedded, rows
from remblai.distances import Plan, transport
from remblai.distances.exact.parts import least_costs_of_parts
from remblai.distances.geometry import CostLike, resolved
from remblai.distances.validation import ArrayLike


class Exact(Discrepancy):
    """The least mean cost over all couplings of two samples, by linear programming: for the square cost, W2^2.

    No root is taken. Between samples of the same law it is positive, about n^(-2/d) for W2^2: compare it with its
    floor. The gradient is that of the optimal plan, by the envelope theorem. It runs on the CPU in about n^2.5 steps.

    Args:
        cost: c(x, y): a name, a `Cost`, or a function of pairs, which receives points flattened.

    Raises:
        ValueError: samples of different shapes, values that are not finite, or an unknown cost.

    >>> import torch
    >>> from remblai.discrepancies import Exact
    >>> Exact("square")(torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [2.0]]))  # 0 -> 2 and 1 -> 3
    tensor(4.)
    """

    compiles = False
    takes_masses = True
    takes_clouds = True

    def __init__(self, cost: Annotated[CostLike, COSTS] = "square") -> None:
        super().__init__()
        self.cost = resolved(cost)
        self.homogeneity = self.cost.homogeneity
        self.translation_invariant = self.cost.translation_invariant

    def check(self, point: Tensor) -> None:
        require_gradient(self.cost.of_rows(tuple(point.shape)), point.flatten()[None])

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The estimate from two samples: x (n, ...), y (m, ...) -> scalar, in y's type (float32 or better)."""
        value: Tensor = transport(*embedded(x, y, self.cost)).value
        return value.to(torch.promote_types(y.dtype, torch.float32))

    def weighted(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The estimate from samples with masses a (n,) and b (m,); differentiable in the masses up to a constant."""
        value: Tensor = transport(*embedded(x, y, self.cost), a, b).value
        return value.to(torch.promote_types(y.dtype, torch.float32))

    def of_parts(self, points: Tensor, first: Tensor, second: Tensor) -> OfParts | None:
        """By one matrix of the costs between all points."""
        samples, _, cost = embedded(points, points, self.cost)
        costs = least_costs_of_parts(samples, cost, first, second)
        return None if costs is None else OfParts.rounded(costs)

    def plan(self, x: ArrayLike, y: ArrayLike, a: ArrayLike | None = None, b: ArrayLike | None = None) -> Plan:
        """The optimal plan between the samples x (n, d) or (n, c, h, w), masses a (n,), and y (m, ...), masses b."""
        return transport(*rows(x, y, self.cost), a, b)
