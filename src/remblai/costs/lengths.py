"""Euclidean distances of all pairs, twice differentiable: gradient penalties need the second derivative."""

from typing import Any

import torch
from torch import Tensor


class Lengths(torch.autograd.Function):
    """|x_i - y_j| of x (..., n, d), y (..., m, d) -> (..., n, m), with gradient 0 where the points are equal.

    `torch.cdist` has no second derivative. Where the gradient is to be differentiated again, it is computed here from
    the differences (n, m, d), which are kept in memory; otherwise torch's own backward is used.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        """The distances."""
        lengths = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        ctx.save_for_backward(x, y, lengths)
        return lengths

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients in x and y."""
        (gradient,) = gradients
        x, y, lengths = ctx.saved_tensors
        if not torch.is_grad_enabled():
            rows = torch.ops.aten._cdist_backward(gradient.contiguous(), x, y, 2.0, lengths)
            columns = torch.ops.aten._cdist_backward(gradient.mT.contiguous(), y, x, 2.0, lengths.mT.contiguous())
            return rows, columns
        distinct = lengths > 0
        share = torch.where(distinct, gradient / torch.where(distinct, lengths, 1.0), 0.0)
        gradients_of_pairs = share[..., None] * (x.unsqueeze(-2) - y.unsqueeze(-3))
        return gradients_of_pairs.sum(-2), -gradients_of_pairs.sum(-3)
