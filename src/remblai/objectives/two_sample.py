"""Plain modules and functions D(x, y) as discrepancies."""

from collections.abc import Callable

import torch
from torch import Tensor

from remblai.discrepancies import Discrepancy

POINTS = 4
"""How many points a function is tried on when an objective takes it."""
EXPECTED = "expected a function or module of two samples x (n, ...), y (m, ...) that gives a scalar tensor"


class TwoSample(Discrepancy):
    """A function or plain module D(x, y) of two samples as a discrepancy: x (n, ...) ~ P, y (m, ...) ~ Q -> a scalar.

    A module's parameters are the model's: for a critic that plays against the model use `Adversarial`.

    Args:
        function: D; it is tried on a few points when an objective is built.

    Raises:
        ValueError: by `check`: what is no function of two samples, gives no scalar, or gives y no gradient.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.function(x, y)

    def check(self, point: Tensor) -> None:
        """The function is tried on points such as this (...)."""
        noise = torch.randn(2, POINTS, *point.shape, generator=torch.Generator().manual_seed(0))
        x, y = noise.to(point)
        name = getattr(self.function, "__name__", type(self.function).__name__)
        try:
            with torch.enable_grad():
                value = self.function(x, y.requires_grad_())
        except (TypeError, RuntimeError) as problem:
            raise ValueError(f"{name}: {EXPECTED}; on points {tuple(point.shape)} it fails: {problem}.") from problem
        if not isinstance(value, Tensor) or value.shape != ():
            kind = f"one of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"{name}: {EXPECTED}, got {kind}: return a mean, for instance.")
        if not value.requires_grad:
            raise ValueError(f"{name}: {EXPECTED} with a gradient in y, got one without: use torch operations only.")


def as_discrepancy(part: object, kind: str = "discrepancy") -> Discrepancy:
    """The discrepancy that a part is; a plain function or module D(x, y) becomes a `TwoSample`.

    Args:
        part: a discrepancy, or what can be called with two samples.
        kind: what an error calls it.

    Raises:
        ValueError: neither.
    """
    if isinstance(part, Discrepancy):
        return part
    if not callable(part):
        raise ValueError(
            f"{kind}: expected a name, a mapping with a name, a part such as MMD(...), or a function of two samples, "
            f"got {part!r} of type {type(part).__name__}: `remblai list discrepancies` has the names."
        )
    return TwoSample(part)
