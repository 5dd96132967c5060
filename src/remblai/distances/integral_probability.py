"""Integral probability metrics: the best witness in a ball of functions. One idea gives W_1, TV and MMD."""

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Generic, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.config.registry import Choice, make
from remblai.distances.exact import rubinstein
from remblai.distances.geometry import CostLike, Points, resolved
from remblai.distances.plan import Array, Value
from remblai.distances.point_sets import check_columns, refuse_clouds
from remblai.distances.problem import Problem
from remblai.distances.validation import ArrayLike, NumPyLike, number
from remblai.kernels import KERNELS, Kernel

Function = Callable[[Tensor], Tensor]
"""f: points (k, d) in float64 -> (k,)."""


class Ball(ABC):
    """The interface: a set of functions F, and the one of them whose means under two discrete laws differ most."""

    @abstractmethod
    def best(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Function:
        """An f in F with the largest sum a_i f(x_i) - sum b_j f(y_j): x (n, d), y (m, d); a (n,), b (m,) sum to 1."""


@dataclass(frozen=True, eq=False)
class Witness(Generic[Value, Array]):
    """The function that attains an integral probability metric; call it on new points.

    Attributes:
        value: sup over f in F of E_P f - E_Q f, which this function attains; it carries no gradient.
        x: its values (n,) at the points of P.
        y: its values (m,) at the points of Q.
        problem: the two laws.
        function: itself, on tensors in float64.
    """

    value: Value
    x: Array
    y: Array
    problem: Problem
    function: Function

    def __call__(self, z: ArrayLike) -> Array:
        """Its values at points z (k, d): (k,).

        Raises:
            ValueError: no points of the same dimension.
        """
        geometry = self.problem.geometry
        assert isinstance(geometry, Points)
        check_columns("z", z, geometry.columns)
        new = Points(z, geometry.y, geometry.cost).x.double()
        with torch.no_grad():
            values: Array = self.problem.answer(self.function(new))
            return values


@overload
def ipm(
    ball: Choice | Ball,
    x: NumPyLike,
    y: NumPyLike,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    *,
    normalise: bool = ...,
) -> Witness[float, NDArray[np.float64]]: ...
@overload
def ipm(
    ball: Choice | Ball,
    x: Tensor,
    y: Tensor,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Witness[Tensor, Tensor]: ...
@overload
def ipm(
    ball: Choice | Ball,
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Witness: ...
@checked_options
def ipm(
    ball: Choice | Ball,
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    normalise: bool = False,
) -> Witness:
    """The sup over f in F of E_P f - E_Q f, for P of masses a at the points x and Q of masses b at the points y.

    F = the 1-Lipschitz functions gives W_1, functions with values in [0, 1] total variation, the unit ball of a
    reproducing kernel space the MMD, rooted. The value carries no gradient: `wasserstein` and the discrepancy MMD do.

    Args:
        ball: F: a name of the table BALLS, a mapping with its options, or a `Ball`.
        x: points (n, d); (n,) are points on the line.
        y: points (m, d).
        a: masses (n,), which sum to 1; None is 1 / n each.
        b: masses (m,).
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no pair of laws, or an unknown ball.

    Example:
        >>> from remblai.distances import ipm
        >>> ipm("bounded", [0.0, 1.0], [1.0, 2.0]).value
        0.5

    Source: Mueller, "Integral probability metrics and their generating classes of functions" (1997).
    """
    functions = ball if isinstance(ball, Ball) else make(BALLS, ball, "ball")
    if not isinstance(functions, Ball):
        raise ValueError(f"ball: expected one of {', '.join(BALLS)} or a Ball, got {type(functions).__name__}.")
    refuse_clouds("ipm", x, y, "take one witness for each pair of clouds")
    problem = Problem.of_points(x, y, "euclidean", a, b, normalise)
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    with torch.no_grad():
        places = geometry.x.double(), geometry.y.double()
        function = functions.best(*places, problem.a, problem.b)
        at_x, at_y = (function(one) for one in places)
        value = problem.a @ at_x - problem.b @ at_y
    return Witness(problem.answer(value), problem.answer(at_x), problem.answer(at_y), problem, function)


class Lipschitz(Ball):
    """Functions with |f(z) - f(z')| <= k c(z, z') for a metric c: the value is k W_1 (Kantorovich and Rubinstein).

    Args:
        k: the Lipschitz constant.
        cost: the metric c: euclidean, manhattan, hamming, or one of your own.

    Raises:
        ValueError: k not positive, or, when it is used, a cost that is no metric on the points.
    """

    def __init__(self, k: float = 1.0, cost: CostLike = "euclidean") -> None:
        self.k, self.cost = number("k", k), resolved(cost)
        if not 0.0 < self.k < math.inf:
            raise ValueError(f"lipschitz: expected a positive, finite constant k, got {k}: pass 1.0, say.")

    def best(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Function:
        return partial(_steepest, self.k, rubinstein.of_points(x, y, self.cost, a, b))


class Bounded(Ball):
    """Functions with low <= f <= high: the value is (high - low) TV, with TV = sup over sets A of |P(A) - Q(A)|.

    The witness is high where P has more mass than Q, low where it has less, and half-way wherever they agree. So
    [0, 1] gives TV and [-1, 1] twice TV. Places are equal when all their numbers are, bit by bit: between two samples
    of a law with a density the value is high - low, always.

    Args:
        low: the least value.
        high: the largest value.

    Raises:
        ValueError: not low < high, or not finite.
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low, self.high = number("low", low), number("high", high)
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"bounded: expected finite numbers low < high, got {low} and {high}: pass 0 and 1, say.")

    def best(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Function:
        support, place = torch.unique(torch.cat([x, y]) + 0.0, dim=0, return_inverse=True)  # -0 and 0 are one place
        excess = torch.zeros(len(support), dtype=a.dtype, device=a.device)
        excess = excess.index_add(0, place, torch.cat([a, -b]))
        excess = torch.where(excess.abs() <= ROUNDING, 0.0, excess)
        return partial(_by_sign, self.low, self.high, support, excess.sign())


class UnitBall(Ball):
    """Functions of norm at most 1 in the reproducing kernel space of k: the value is MMD, the root of the biased MMD^2.

    The witness is the difference of the mean embeddings over its norm, (E_P k(x, .) - E_Q k(y, .)) / MMD; 0 where the
    embeddings are equal, or differ by less than 1e-7 of themselves, which rounding hides. For the energy kernel, which
    is conditionally positive definite, the norm is a semi-norm and the value is the root of the energy distance.

    Args:
        kernel: k, or a name of the table of kernels: as in penalties a sum over several scales, about that of the two
            laws taken together or about a `scale` that is given; a live kernel has one.

    Raises:
        ValueError: on use, points whose squared distances are beyond float64.

    Source: Gretton et al., "A kernel two-sample test" (2012), section 2.
    """

    def __init__(self, kernel: Annotated[Choice | Kernel, KERNELS] = "imq") -> None:
        self.kernel = kernel

    def best(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Function:
        places, masses = torch.cat([x, y]), torch.cat([a, -b])
        kernel: Kernel = make(KERNELS, self.kernel, "kernel", prior=_Pooled(places, masses.abs() / 2.0))
        gram = kernel(places, places)
        gram = gram.diagonal_scatter(kernel.diagonal(places))
        square = float(masses @ gram @ masses)
        # equal embeddings leave the rounding of sums of k
        zero = square <= ROUNDING * float(masses.abs() @ gram.abs() @ masses.abs())
        weights = torch.zeros_like(masses) if zero else masses / square**0.5
        return partial(_embedded, kernel, places, weights)


def _steepest(k: float, potential: rubinstein.Potential, z: Tensor) -> Tensor:
    values: Tensor = k * potential.extend(z)
    return values


def _by_sign(low: float, high: float, support: Tensor, signs: Tensor, z: Tensor) -> Tensor:
    """High or low at the places of the support (k, d) by their signs (k,), half-way elsewhere."""
    _, where = torch.unique(torch.cat([support, z + 0.0]), dim=0, return_inverse=True)
    sign = torch.zeros(int(where.max()) + 1, dtype=signs.dtype, device=signs.device)
    sign[where[: len(support)]] = signs
    return 0.5 * (low + high + (high - low) * sign[where[len(support) :]])


def _embedded(kernel: Kernel, places: Tensor, weights: Tensor, z: Tensor) -> Tensor:
    values: Tensor = kernel(z, places) @ weights
    return values


class _Pooled:
    """The law that sets a kernel's scale: E|Z - Z'|^2 = 2 tr Cov of places (n, d) with masses (n,) that sum to 1."""

    def __init__(self, places: Tensor, masses: Tensor) -> None:
        centred = places - masses @ places
        spread = 2.0 * float(masses @ centred.square().sum(1))
        small = spread < sys.float_info.min and bool((places != places[:1]).any())
        if not spread < math.inf or small:
            raise ValueError(
                f"unit-ball: expected points whose squared distances are within float64, got distances of about "
                f"{float(centred.abs().max()):.3g}: multiply all points by one number, so that this is near 1."
            )
        self.square_distance = spread or 1.0  # of one place: any scale will do


ROUNDING = 1e-14
"""Rounding of sums of masses in float64, as a share of the total."""

BALLS: dict[str, Callable[..., Ball]] = {"lipschitz": Lipschitz, "bounded": Bounded, "unit-ball": UnitBall}
