"""The gradient of an optimal value, by the envelope theorem: the problem's derivative at the plan that solves it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

Backward = Callable[..., tuple[Tensor | None, ...]]


class _Refused(torch.autograd.Function):
    """The gradient as it is; what depends on it cannot be differentiated."""

    @staticmethod
    def forward(ctx: FunctionCtx, gradient: Tensor, *inputs: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Any:
        raise RuntimeError(
            "this value is differentiable once: how its gradient changes is not recorded. Take finite differences of "
            "the gradient"
        )


def differentiable_once(backward: Backward) -> Backward:
    """A `backward` whose second derivative is an error, not 0; its `forward` keeps what it is taken in as `ctx.inputs`.

    torch's own `once_differentiable` is silent where the gradient that comes in needs no gradient, as that of a loss.
    """

    def checked(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with torch.no_grad():
            found = backward(ctx, *gradients)
        if not torch.is_grad_enabled():
            return found
        return tuple(
            None if one is None else _Refused.apply(one, *ctx.inputs)  # type: ignore[no-untyped-call]
            for one in found
        )

    return checked


class _WithGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor, count: int, *both: Tensor) -> Tensor:
        ctx.save_for_backward(*both[count:])
        ctx.inputs = both[:count]  # type: ignore[attr-defined]
        return value.clone()

    @staticmethod
    @differentiable_once  # the second derivative is not in the first-order data
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # type: ignore[attr-defined]
        dtypes = [one.dtype for one in ctx.inputs]  # type: ignore[attr-defined]
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
