"""The gradient of an optimal value, by the envelope theorem: the problem's derivative at the plan that solves it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


class _WithGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor, count: int, *both: Tensor) -> Tensor:
        ctx.save_for_backward(*both[count:])
        ctx.dtypes = [one.dtype for one in both[:count]]  # type: ignore[attr-defined]
        return value.clone()

    @staticmethod
    @once_differentiable  # the second derivative is not in the first-order data
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # type: ignore[attr-defined]
        dtypes = ctx.dtypes  # type: ignore[attr-defined]
        return (
            None,
            None,
            *((gradient * one).to(dtype) for one, dtype in zip(saved, dtypes, strict=True)),
            *([None] * len(saved)),
        )


def with_gradients(value: Tensor, derivatives: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The scalar with its known derivatives: pairs of a tensor and d value / d tensor.

    It is differentiable once; a second derivative is an error, not a wrong answer.
    """
    if not derivatives or not torch.is_grad_enabled():
        return value
    inputs, gradients = zip(*derivatives, strict=True)
    with_backward: Tensor = _WithGradients.apply(value, len(inputs), *inputs, *gradients)  # type: ignore[no-untyped-call]
    return with_backward
