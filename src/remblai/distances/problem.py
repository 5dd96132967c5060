"""A validated transport problem: masses a (n,), b (m,) and the costs between their places."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from remblai.distances.geometry import CostLike, Geometry, Matrix, Points
from remblai.distances.magnitudes import refuse_overflow
from remblai.distances.rounding import roundoff
from remblai.distances.validation import ArrayLike, masses, probabilities


@dataclass(frozen=True, eq=False)
class Problem:
    """Masses and costs, checked; solvers read `a`, `b` and `geometry` and nothing else.

    Attributes:
        a: (n,) and b: (m,), float64 without gradient, each summing to 1.
        geometry: the costs.
        given: the caller's masses, with their gradients.
        arrays: whether answers are NumPy arrays and floats, because no tensor came in.
        gap: the largest gap between an exact plan and its potentials, as a share of the plan's cost.
        raw_masses: the caller's masses as they came, of any total, which proofs are about; None: `given`.
    """

    a: Tensor
    b: Tensor
    geometry: Geometry
    given: tuple[Tensor, Tensor]
    arrays: bool = False
    gap: float = 1e-9
    raw_masses: tuple[Tensor, Tensor] | None = None

    @staticmethod
    def of_matrix(a: ArrayLike | None, b: ArrayLike | None, costs: ArrayLike, normalise: bool = False) -> "Problem":
        """From masses a (n,), b (m,) (None: uniform) that sum to 1 and a cost matrix (n, m).

        Args:
            a: masses (n,).
            b: masses (m,).
            costs: (n, m).
            normalise: whether masses of another total are divided by it.

        Raises:
            ValueError: anything that is no transport problem.
        """
        arrays = not any(isinstance(one, Tensor) for one in (a, b, costs))
        return _checked(Matrix(costs), a, b, arrays, normalise)

    @staticmethod
    def of_points(
        x: ArrayLike,
        y: ArrayLike,
        cost: CostLike = "square",
        a: ArrayLike | None = None,
        b: ArrayLike | None = None,
        normalise: bool = False,
    ) -> "Problem":
        """From points x (n, d), y (m, d), a cost and masses a (n,), b (m,) (None: uniform) that sum to 1.

        Args:
            x: points (n, d).
            y: points (m, d).
            cost: their cost.
            a: masses (n,).
            b: masses (m,).
            normalise: whether masses of another total are divided by it.

        Raises:
            ValueError: anything that is no transport problem.
        """
        arrays = not any(isinstance(one, Tensor) for one in (x, y, a, b))
        geometry = Points(x, y, cost)
        refuse_overflow(geometry)
        return _checked(geometry, a, b, arrays, normalise)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, m)."""
        return self.geometry.shape

    @property
    def raw(self) -> tuple[Tensor, Tensor]:
        """The masses as they came, without gradients."""
        a, b = self.raw_masses or self.given
        return a.detach(), b.detach()

    @cached_property
    def roundoff(self) -> float:
        """The largest relative error of the masses as they were given: 2^-24 in float32, 0 in float64 or all alike."""
        return max(0.0 if uniform(one) else roundoff(one) for one in self.raw)

    @cached_property
    def mismatch(self) -> float:
        """How far the totals of the masses, as they were given, are from 1."""
        return max(abs(_total(one.detach().double()) - 1.0) for one in self.given)

    def flipped(self) -> "Problem":
        """The same problem the other way: from b to a."""
        return Problem(self.b, self.a, self.geometry.flipped(), self.given[::-1], self.arrays, self.gap, self.raw[::-1])

    def __getstate__(self) -> dict[str, Any]:
        given = self.given[0].detach(), self.given[1].detach()  # a copy has no gradients
        return self.__dict__ | {"given": given, "raw_masses": self.raw}

    def answer(self, value: Any) -> Any:
        """The value in the caller's types: a numpy array or a float where no tensor came in."""
        if not self.arrays or not isinstance(value, Tensor):
            return value
        return value.item() if value.dim() == 0 else np.asarray(value.detach().cpu())


def _checked(geometry: Geometry, a: ArrayLike | None, b: ArrayLike | None, arrays: bool, normalise: bool) -> Problem:
    n, m = geometry.shape
    given = (
        probabilities("a", a, n, geometry.device, normalise),
        probabilities("b", b, m, geometry.device, normalise),
    )
    first, second = (one.detach().double() for one in given)
    raw = None
    if normalise:  # dividing rounds, and proofs are about the masses that came
        raw = masses("a", a, n, geometry.device), masses("b", b, m, geometry.device)
    return Problem(first / _total(first), second / _total(second), geometry, given, arrays, raw_masses=raw)


def _total(masses: Tensor) -> float:
    """The sum of the masses, rounded once."""
    return math.fsum(masses.tolist())


def uniform(masses: Tensor) -> bool:
    """Whether all places have the same mass."""
    low, high = masses.aminmax()
    return bool(high - low <= 1e-12 * high)
