"""The interface of costs: one number for each pair, summed over its entries."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from remblai.runtime.precision import wide
from remblai.runtime.printing import settings


class Cost(ABC):
    """The interface: `cost(x, y)` for pairs and `cost.matrix(x, y)` for all against all.

    Attributes:
        reads_law: whether y is a law (the decoder's) instead of points.
        images_only: whether points must be images (c, h, w).
        differentiable: whether c(x, y) has a gradient in y.
        metric: whether it is known to be one: 0 for equal points alone, symmetric, and no detour is shorter.
        translation_invariant: whether c(x + t, y + t) = c(x, y).
        homogeneity: h where c(s x, s y) = s^h c(x, y) for all s > 0; None where c has a scale.
    """

    reads_law: ClassVar[bool] = False
    images_only: ClassVar[bool] = False
    differentiable: ClassVar[bool] = True
    metric: ClassVar[bool] = False
    translation_invariant: bool = True
    homogeneity: float | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({settings(self)})"

    @abstractmethod
    def __call__(self, x: Tensor, y: Any) -> Tensor:
        """The cost of each pair: x (n, ...), y (n, ...) -> (n,)."""

    @abstractmethod
    def matrix(self, x: Tensor, y: Any) -> Tensor:
        """The cost of each x against each y: x (n, ...), y (m, ...) -> (n, m)."""

    def of_rows(self, shape: tuple[int, ...]) -> "Cost":
        """The same cost of points of this shape that come as rows (n, d), as solvers between point sets give them."""
        return self

    def embedded(self, x: Tensor) -> tuple[Tensor, "Cost"]:
        """Points x' (n, k) and a cost c' that takes less work, with c'(x', y') = c(x, y); x (n, ...) and c by default.

        A solver reads the costs many times, and what is computed of a single point need not be computed as often.
        """
        return x, self


def require_gradient(cost: Cost, x: Tensor) -> None:
    """Checks that c(x, y) has a gradient in y, at points x (n, ...): a model could not be trained without one.

    Raises:
        ValueError: the cost has no gradient.
    """
    with torch.enable_grad():  # a model may be built, as by `load`, where gradients are off
        if cost.reads_law or cost(x, x.detach().clone().requires_grad_()).requires_grad:
            return
    raise ValueError(
        f"{type(cost).__name__} has no gradient that a model could follow: choose another cost, such as manhattan, "
        "which is the same between bits."
    )


def paired(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both as rows (n, d), of one length."""
    check(x, y, pairs=True)
    return _real(x).flatten(1), _real(y).flatten(1)


def sets(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both as rows (n, d) and (m, d) of one type."""
    check(x, y, pairs=False)
    x, y = _real(x).flatten(1), _real(y).flatten(1)
    dtype = torch.result_type(x, y)
    return x.to(dtype), y.to(dtype)


def _real(x: Tensor) -> Tensor:
    """In float32 or better; whole numbers that float32 may not have in float64."""
    return x.double() if x.dtype in (torch.int32, torch.int64) else wide(x)


def check(x: Tensor, y: Tensor, pairs: bool) -> None:
    """Raises ValueError where x and y are not rows of one shape, as many of each for pairs."""
    if x.dim() < 2 or y.dim() < 2 or x.shape[1:] != y.shape[1:] or (pairs and len(x) != len(y)):
        raise ValueError(
            f"cost: expected x (n, ...) and y ({'n' if pairs else 'm'}, ...) of one shape but for the first dimension, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}."
        )
