"""A transport problem that has passed the door: masses a (n,), b (m,) and the costs between their places."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from remblai.distances.geometry import CostLike, Geometry, Matrix, Points
from remblai.distances.validation import masses, same_total


@dataclass(frozen=True, eq=False)
class Problem:
    """Masses and ground costs, checked; solvers read `a`, `b` and `geometry` and nothing else.

    The masses that solvers see sum to 1; `mass` is the total that the caller's had, and everything that a `Plan` says
    of mass (value, cost, coupling) is multiplied by it: transport is homogeneous.

    Attributes:
        a: (n,) and b: (m,), float64 without gradient, each summing to 1.
        geometry: the costs.
        mass: the caller's total.
        given: the caller's masses, with their gradients.
        arrays: whether answers are numpy arrays and floats, because no tensor came in.
    """

    a: Tensor
    b: Tensor
    geometry: Geometry
    mass: float
    given: tuple[Tensor, Tensor]
    arrays: bool = field(default=False)

    @staticmethod
    def of_matrix(a: Any, b: Any, costs: Any) -> "Problem":
        """From masses a (n,), b (m,) (None: uniform) and a cost matrix (n, m).

        Raises:
            ValueError: anything that is no transport problem.
        """
        return _checked(Matrix(costs), a, b, not any(isinstance(one, Tensor) for one in (a, b, costs)))

    @staticmethod
    def of_points(x: Any, y: Any, cost: CostLike = "square", a: Any = None, b: Any = None) -> "Problem":
        """From points x (n, d), y (m, d), a cost and masses a (n,), b (m,) (None: uniform).

        Raises:
            ValueError: anything that is no transport problem.
        """
        return _checked(Points(x, y, cost), a, b, not any(isinstance(one, Tensor) for one in (x, y, a, b)))

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.geometry.shape

    def flipped(self) -> "Problem":
        """The same problem the other way: from b to a."""
        return Problem(self.b, self.a, self.geometry.flipped(), self.mass, self.given[::-1], self.arrays)

    def __getstate__(self) -> dict[str, Any]:
        given = self.given[0].detach(), self.given[1].detach()  # a copy has no gradients
        return self.__dict__ | {"given": given}

    def answer(self, value: Any) -> Any:
        """Tensors as the caller speaks: numpy arrays and floats where no tensor came in."""
        if not self.arrays or not isinstance(value, Tensor):
            return value
        return value.item() if value.dim() == 0 else np.asarray(value.detach().cpu())


def _checked(geometry: Geometry, a: Any, b: Any, arrays: bool) -> Problem:
    n, m = geometry.shape
    given = masses("a", a, n, geometry.device), masses("b", b, m, geometry.device)
    total = same_total(*given)
    first, second = (one.detach().double() for one in given)
    return Problem(first / first.sum(), second / second.sum(), geometry, total, given, arrays)


def uniform(masses: Tensor) -> bool:
    """Whether all places hold the same mass."""
    low, high = masses.aminmax()
    return bool(high - low <= 1e-12 * high)
