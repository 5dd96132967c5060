"""The laws whose barycentre is wanted, checked, and the barycentre as an answer."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.distances.certificate import Interval
from remblai.distances.geometry import points
from remblai.distances.validation import ArrayLike, probabilities


@dataclass(frozen=True, eq=False)
class Barycentre:
    """A discrete law and how far it can be trusted. NumPy arrays where no input was a tensor, else float64 tensors.

    Example:
        >>> from remblai.distances import barycentre
        >>> barycentre([[0.0, 1.0], [4.0, 7.0]])
        Barycentre(2 points, value=6.5, method='quantiles', converged in 0 iterations)

    Attributes:
        points: (n, d), or (n,) where the laws were given as numbers.
        masses: (n,), which sum to 1.
        value: what it makes least, the mean over the laws, with their weights, of: the square cost (`quantiles`,
            `free support` without epsilon); the value of entropic transport (`free support` with it); the exact
            transport cost (`linear program`); <P, C> + epsilon sum P log P (`iterative Bregman`); the Sinkhorn
            divergence (`debiased`).
            Differentiable once in the points of the laws, by the envelope theorem.
        method: which of these it was.
        epsilon: the absolute regularisation; 0 for none.
        converged: whether the iteration met its tolerance, and the plans whose values are returned met theirs.
        iterations: its steps.
        bounds: proven bounds of the least value on these places, of `linear program`; None of the others.
    """

    points: Any
    masses: Any
    value: Any
    method: str
    epsilon: float = 0.0
    converged: bool = True
    iterations: int = 0
    bounds: Interval | None = None

    def __getstate__(self) -> dict[str, Any]:
        # a copy has no gradients
        return {name: one.detach() if isinstance(one, Tensor) else one for name, one in self.__dict__.items()}

    def __repr__(self) -> str:
        state = "converged" if self.converged else "NOT converged"
        return (
            f"Barycentre({len(self.masses)} points, value={float(self.value):.9g}, method={self.method!r}, "
            f"{state} in {self.iterations} iterations)"
        )


@dataclass(frozen=True, eq=False)
class Laws:
    """K discrete laws in float64 on one device.

    Attributes:
        points: (n_k, d) each, with their gradients.
        masses: (n_k,) each, summing to 1.
        weights: (K,), summing to 1.
        flat: whether all points were given as numbers (n_k,).
        arrays: whether answers are NumPy arrays, because no input was a tensor.
    """

    points: list[Tensor]
    masses: list[Tensor]
    weights: Tensor
    flat: bool
    arrays: bool

    @staticmethod
    def checked(
        laws: Sequence[ArrayLike],
        weights: ArrayLike | None,
        masses: Sequence[ArrayLike | None] | None,
        normalise: bool,
    ) -> "Laws":
        """From point sets (n_k, d), weights (K,) and masses (n_k,).

        Raises:
            ValueError: no laws, points of unequal dimensions, or masses or weights that are not valid.
        """
        if len(laws) == 0:
            raise ValueError("laws: expected at least one set of points (n, d), got none.")
        each = (
            [None] * len(laws) if masses is None else listed("masses", masses, "a row of masses, or None, for each law")
        )
        if len(each) != len(laws):
            raise ValueError(
                f"masses: expected one row for each of {len(laws)} laws, got {len(each)}: pass None for equal masses."
            )
        arrays = not any(isinstance(one, Tensor) for one in (*laws, *each, weights))
        sets = [points(f"law {k}", law) for k, law in enumerate(laws)]
        shapes = sorted({tuple(one.shape[1:]) for one in sets})
        if len(shapes) > 1 or len(shapes[0]) != 1:
            raise ValueError(f"laws: expected points (n, d) of one dimension d, got points of shapes {shapes}.")
        device = sets[0].device
        given = [
            probabilities(f"of law {k}", one, len(s), device, normalise)
            for k, (one, s) in enumerate(zip(each, sets, strict=True))
        ]
        return Laws(
            [one.double().to(device) for one in sets],
            [one.double() / one.detach().double().sum() for one in given],
            _normalised(probabilities("weights", weights, len(sets), device, normalise)),
            all(np.ndim(law.detach().cpu() if isinstance(law, Tensor) else law) == 1 for law in laws),
            arrays,
        )

    def answer(self, value: Tensor) -> Any:
        """In the caller's types."""
        if not self.arrays:
            return value
        return value.item() if value.dim() == 0 else np.asarray(value.detach().cpu())


def listed(name: str, values: Any, of: str) -> list[Any]:
    """The values one by one.

    Raises:
        ValueError: they are no sequence.
    """
    try:
        return list(values)
    except TypeError:
        raise ValueError(f"{name}: expected {of}, got {type(values).__name__}: pass a list.") from None


def warn_not_converged(what: str, tolerance: float, found: float, steps: int) -> None:
    """Warns that an iteration has not converged."""
    warnings.warn(
        f"barycentre: expected {what} of at most {tolerance:.2g}, got {found:.2g} after {steps} iterations: raise "
        "max_iterations or tolerance. The result has not converged.",
        stacklevel=4,
    )


def _normalised(weights: Tensor) -> Tensor:
    weights = weights.detach().double()
    return weights / weights.sum()


def mean_value(weights: Tensor, values: Sequence[Tensor]) -> Tensor:
    """The weighted mean of scalars."""
    return (weights * torch.stack([value.double() for value in values])).sum()
