"""Functions and modules of two samples as discrepancies."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.inputs import check_samples

POINTS = 4
"""How many points a function is tried on when an objective takes it."""


class Custom(Discrepancy):
    """A discrepancy from a function or a module: what it is called with, and a scalar is what it returns.

    Args:
        function: d(x (n, ...), y (m, ...)) -> scalar, in torch: x of the target (the prior, or data), y of the model
            (codes, or samples), in which it is descended. The parameters of a module are fixed: a model that minimises
            D must not change D; for a critic that plays against the model use `Adversarial`.

    Raises:
        ValueError: not callable; or, when called, not one number.

    >>> import torch
    >>> from remblai.discrepancies import Custom
    >>> Custom(lambda x, y: (x.mean(0) - y.mean(0)).abs().sum())(torch.zeros(4, 2), torch.ones(3, 2))
    tensor(2.)
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        if not callable(function):
            raise _no_discrepancy(function, "discrepancy")
        self.nonnegative = self.finite = False  # nothing is known of it
        # a module in a list is not registered, so that no optimiser finds its parameters
        self._function = [function]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The function's value: x (n, ...), y (m, ...) -> scalar."""
        check_samples(x, y)
        (function,) = self._function
        if isinstance(function, nn.Module):
            function.to(y.device)
        value = torch.as_tensor(function(x, y))
        if value.numel() != 1:
            raise ValueError(
                f"discrepancy: expected one number from {_name(function)}, got {tuple(value.shape)}: take the mean or "
                "the sum."
            )
        return value.reshape(())

    def check(self, point: Tensor) -> None:
        """The function is tried on points such as this (...).

        Raises:
            ValueError: it fails, gives no single number, or gives y no gradient.
        """
        noise = torch.randn(2, POINTS, *point.shape, generator=torch.Generator().manual_seed(0))
        x, y = noise.to(point)
        name = _name(self._function[0])
        try:
            with torch.enable_grad():
                value = self.forward(x, y.requires_grad_())
        except (TypeError, RuntimeError) as problem:
            raise ValueError(
                f"{name}: expected a function or module of two samples x (n, ...), y (m, ...) that gives a scalar "
                f"tensor; on points {tuple(point.shape)} it fails: {problem}."
            ) from problem
        if not value.requires_grad:
            raise ValueError(
                f"{name}: expected a value with a gradient in the second sample, y, which is the model's (its codes or "
                "samples; the first is the prior's or the data's), got one without: use both, by torch operations only."
            )


def as_discrepancy(part: "Discrepancy | Callable[[Tensor, Tensor], Any]", kind: str = "discrepancy") -> Discrepancy:
    """The discrepancy itself, or that of a function or module of two samples.

    Args:
        part: either.
        kind: what an error calls it.

    Raises:
        ValueError: neither.

    >>> import torch
    >>> from remblai.discrepancies import as_discrepancy
    >>> as_discrepancy(lambda x, y: (x.mean(0) - y.mean(0)).abs().sum())(torch.zeros(4, 2), torch.ones(3, 2))
    tensor(2.)
    """
    if isinstance(part, Discrepancy):
        return part
    if not callable(part):
        raise _no_discrepancy(part, kind)
    return Custom(part)


def _no_discrepancy(part: object, kind: str) -> ValueError:
    return ValueError(
        f"{kind}: expected a Discrepancy or a function of two samples, got {part!r} of type {type(part).__name__}: "
        "`remblai list discrepancies` has the names, or pass lambda x, y: (x.mean(0) - y.mean(0)).square().sum()."
    )


def _name(function: object) -> str:
    return getattr(function, "__name__", type(function).__name__)
