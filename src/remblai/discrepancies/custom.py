"""Functions and modules of two samples as discrepancies."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from remblai.discrepancies.discrepancy import Discrepancy, check_samples


class Custom(Discrepancy):
    """A discrepancy from a function or a module: what it is called with, and a scalar is what it returns.

    Args:
        function: d(x (n, ...), y (m, ...)) -> scalar, in torch. The parameters of a module are fixed: a model that
            minimises D must not change D.

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
            raise ValueError(
                f"discrepancy: expected a Discrepancy or a function of two samples, got {type(function).__name__}: use "
                "a name of remblai.discrepancies.DISCREPANCIES, or lambda x, y: (x.mean(0) - y.mean(0)).square().sum()."
            )
        self.nonnegative = False  # nothing is known of it
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


def as_discrepancy(part: "Discrepancy | Callable[[Tensor, Tensor], Any]") -> Discrepancy:
    """The discrepancy itself, or that of a function or module of two samples.

    Raises:
        ValueError: neither.

    >>> import torch
    >>> from remblai.discrepancies import as_discrepancy
    >>> as_discrepancy(lambda x, y: (x.mean(0) - y.mean(0)).abs().sum())(torch.zeros(4, 2), torch.ones(3, 2))
    tensor(2.)
    """
    return part if isinstance(part, Discrepancy) else Custom(part)


def _name(function: object) -> str:
    return getattr(function, "__name__", type(function).__name__)
