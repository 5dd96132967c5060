"""A function of two samples as a kernel."""

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from remblai.kernels.kernel import Kernel


class Function(Kernel):
    """A function k(x (n, d), y (m, d)) -> (n, m), or a module, as a kernel; torch differentiates it.

    Nothing is known of it: its whole matrix is computed, whatever the number of points, and laws are compared by draws.
    A class derived from `Kernel` says its derivative, and is then computed in blocks.

    Args:
        function: k, symmetric and positive definite, by torch operations.

    Raises:
        ValueError: when it is called: it answers no matrix (n, m).

    >>> import torch
    >>> from remblai.kernels.function import Function
    >>> Function(lambda x, y: x @ y.T)(torch.eye(2), torch.ones(1, 2))
    tensor([[1.],
            [1.]])
    """

    radial: ClassVar[bool] = False
    characteristic: ClassVar[bool] = False
    in_blocks: ClassVar[bool] = False

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """k(x_i, y_j): x (n, d), y (m, d) -> (n, m)."""
        matrix = self.function(x, y)
        if not isinstance(matrix, Tensor) or tuple(matrix.shape) != (len(x), len(y)):
            came = tuple(matrix.shape) if isinstance(matrix, Tensor) else type(matrix).__name__
            raise ValueError(
                f"kernel: expected k(x, y) to answer a matrix ({len(x)}, {len(y)}) of points x (n, d) and y (m, d), "
                f"got {came}: compare every point of x with every point of y."
            )
        return matrix

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Not known.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "kernel: a function does not say its derivative by the squared distance: derive a class from "
            "kernels.Kernel, with terms(x, y)."
        )

    def diagonal(self, x: Tensor) -> Tensor:
        """k(x_i, x_i): x (n, d) -> (n,)."""
        return self.forward(x, x).diagonal()
