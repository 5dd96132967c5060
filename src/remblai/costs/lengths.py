"""Euclidean distances of all pairs, which can be differentiated twice: penalties on a slope need it."""

from typing import Any

import torch
from torch import Tensor


class Lengths(torch.autograd.Function):
    """|x_i - y_j| of x (n, d), y (m, d) -> (n, m), with gradient 0 where the points are equal.

    torch's own has no second derivative; here a gradient that is to be differentiated again is taken by differences
    (n, m, d) in memory, any other by torch's.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        """The distances."""
        found = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        ctx.save_for_backward(x, y, found)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients in x and y."""
        (gradient,) = gradients
        x, y, found = ctx.saved_tensors
        if not torch.is_grad_enabled():
            rows = torch.ops.aten._cdist_backward(gradient.contiguous(), x, y, 2.0, found)
            columns = torch.ops.aten._cdist_backward(gradient.T.contiguous(), y, x, 2.0, found.T.contiguous())
            return rows, columns
        apart = found > 0
        share = torch.where(apart, gradient / torch.where(apart, found, 1.0), 0.0)
        pulls = share[:, :, None] * (x[:, None] - y[None])
        return pulls.sum(1), -pulls.sum(0)
