"""Transport between many pairs of clouds: x (B, n, d) against y (B, m, d), cloud by cloud."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from remblai.distances.plan import Plan
from remblai.distances.validation import ArrayLike, tensor


class Plans(Sequence[Plan]):
    """The plans of B pairs of clouds; its attributes are those of the plans, one above the other.

    Arrays where no input was a tensor, float64 tensors otherwise. `plans[k]` is the `Plan` of the pair k.

    Args:
        plans: of problems of one shape.

    Example:
        >>> from remblai.distances import transport
        >>> plans = transport([[[0.0], [1.0]], [[0.0], [2.0]]], [[[3.0], [2.0]], [[0.0], [4.0]]])
        >>> plans.value.tolist(), len(plans), plans[1].value
        ([4.0, 2.0], 2, 2.0)
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.plans = tuple(plans)

    @overload
    def __getitem__(self, index: int) -> Plan: ...
    @overload
    def __getitem__(self, index: slice) -> "Plans": ...
    def __getitem__(self, index: int | slice) -> "Plan | Plans":
        return Plans(self.plans[index]) if isinstance(index, slice) else self.plans[index]

    def __len__(self) -> int:
        return len(self.plans)

    def __iter__(self) -> Iterator[Plan]:
        return iter(self.plans)

    def __repr__(self) -> str:
        state = "converged" if all(plan.converged for plan in self.plans) else "NOT all converged"
        return f"Plans({len(self)} plans by {self.plans[0].method!r}, {state})" if self.plans else "Plans(0 plans)"

    @property
    def value(self) -> Any:
        """The values (B,), differentiable as `Plan.value` is."""
        return self._stacked("value")

    @property
    def cost(self) -> Any:
        """<P, C> of each, without the entropic term: (B,)."""
        return self._stacked("cost")

    @property
    def coupling(self) -> Any:
        """P (B, n, m)."""
        return self._stacked("coupling")

    @property
    def f(self) -> Any:
        """The potentials (B, n) of the places that mass leaves."""
        return self._stacked("f")

    @property
    def g(self) -> Any:
        """The potentials (B, m) of the places where mass arrives."""
        return self._stacked("g")

    @property
    def potentials(self) -> tuple[Any, Any]:
        """f (B, n) and g (B, m)."""
        return self.f, self.g

    @property
    def epsilon(self) -> Any:
        """The absolute regularisation of each: (B,)."""
        return self._stacked("epsilon")

    @property
    def marginal_error(self) -> Any:
        """|P 1 - a|_1 + |P' 1 - b|_1 of each: (B,)."""
        return self._stacked("marginal_error")

    @property
    def converged(self) -> Any:
        """Whether each solver met its own criterion: (B,)."""
        return self._stacked("converged")

    @property
    def iterations(self) -> Any:
        """The number of steps of each: (B,)."""
        return self._stacked("iterations")

    @property
    def gap(self) -> Any:
        """The width of the proven interval around each value: (B,)."""
        return self._stacked("gap")

    def map(self, x: ArrayLike) -> Any:
        """Where each plan carries new points: x (B, k, d) -> (B, k, d), as `Plan.map`.

        Raises:
            ValueError: other than one cloud for each plan.
        """
        clouds = tensor("x", x)
        if clouds.dim() != 3 or len(clouds) != len(self):
            raise ValueError(
                f"x: expected a cloud of new points for each plan, ({len(self)}, k, d), got {tuple(clouds.shape)}."
            )
        return _stack([plan.map(cloud) for plan, cloud in zip(self.plans, clouds, strict=True)])

    def _stacked(self, name: str) -> Any:
        if not self.plans:
            raise ValueError(
                f"{name}: expected the plans of at least one pair of clouds, got none: take a longer slice."
            )
        values = [getattr(plan, name) for plan in self.plans]
        return np.array(values) if self.plans[0].arrays else _stack(values)


def _stack(values: Sequence[Any]) -> Any:
    if isinstance(values[0], Tensor):
        return torch.stack(list(values))
    return np.stack(values) if isinstance(values[0], np.ndarray) else torch.from_numpy(np.array(values))


def pairs(
    x: ArrayLike, y: ArrayLike, a: ArrayLike | None, b: ArrayLike | None
) -> list[tuple[ArrayLike, ArrayLike, ArrayLike | None, ArrayLike | None]] | None:
    """The pairs of clouds with their masses, of x (B, n, d), y (B, m, d), a (B, n), b (B, m); None where x is no batch.

    Raises:
        ValueError: other than as many clouds on both sides, or masses that are no row for each.
    """
    first, second = tensor("x", x), tensor("y", y)
    if first.dim() != 3 and second.dim() != 3:
        return None
    if first.dim() != 3 or second.dim() != 3 or len(first) != len(second) or not len(first):
        raise ValueError(
            f"points: expected as many clouds on both sides, x (B, n, d) and y (B, m, d) with B >= 1, got "
            f"{tuple(first.shape)} and {tuple(second.shape)}: for points that are matrices use x.flatten(1) and "
            "y.flatten(1)."
        )
    arrays = not any(isinstance(one, Tensor) for one in (x, y, a, b))
    sides = [_rows(name, given, points) for name, given, points in (("a", a, first), ("b", b, second))]
    split = [[one.numpy() if arrays and isinstance(one, Tensor) else one for one in s] for s in (first, second, *sides)]
    return list(zip(*split, strict=True))


def _rows(name: str, masses: ArrayLike | None, points: Tensor) -> Sequence[Tensor | None]:
    if masses is None:
        return [None] * len(points)
    given = tensor(f"masses {name}", masses)
    if given.shape != points.shape[:2]:
        raise ValueError(
            f"masses {name}: expected shape {tuple(points.shape[:2])}, a row for each cloud, got {tuple(given.shape)}."
        )
    return given.unbind()
