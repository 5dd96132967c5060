"""One device or many look the same: rank, gathered samples, averaged gradients. One process is the trivial case."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

_alone: ContextVar[bool] = ContextVar("_alone", default=False)


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() and not _alone.get() else 1


def rank() -> int:
    """This process's number among them, from 0."""
    return dist.get_rank() if dist.is_initialized() and not _alone.get() else 0


def single_process(wanted: bool) -> AbstractContextManager[None]:
    """Within it each process is alone, where that is wanted: all compute the same of points that all have gathered."""
    return _each_alone() if wanted and world() > 1 else nullcontext()  # what a compiler knows


@contextmanager
def _each_alone() -> Iterator[None]:
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


class _Gather(torch.autograd.Function):
    """All ranks' rows in rank order; backward sums over the ranks what each says of this rank's rows."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        summed: Tensor = _SumShare.apply(*gradients)  # type: ignore[no-untyped-call]  # torch has no types for it
        return summed


class _SumShare(torch.autograd.Function):
    """This rank's rows of the sum over ranks: the other's transpose, so that each is the other's derivative."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)  # autograd may still need the one that came
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        gathered: Tensor = _Gather.apply(*gradients)  # type: ignore[no-untyped-call]
        return gathered


def gather(x: Tensor) -> Tensor:
    """The rows of every process, x (n, ...) -> (world * n, ...), with gradient; x itself on one process.

    Every rank then computes the same figure, so gradients that are averaged over ranks equal the one-device gradient.
    """
    if world() == 1:
        return x
    gathered: Tensor = _Gather.apply(x)  # type: ignore[no-untyped-call]  # torch has no types for it
    return gathered


def share(count: int, name: str) -> slice:
    """This process's rows of `count` that all share out; every one where there is one process.

    Raises:
        ValueError: a count that cannot be shared evenly, by its name.
    """
    if count % world():
        raise ValueError(
            f"{name}: expected a multiple of the {world()} processes, which share it evenly, got {count}: use "
            f"{count - count % world() or world()} or {count + -count % world()}."
        )
    rows = count // world()
    return slice(rank() * rows, (rank() + 1) * rows)


@torch.no_grad()
def begin_as_one(module: nn.Module) -> None:
    """Gives every process the first one's parameters and buffers: each drew its own from a stream of its own."""
    if world() == 1:
        return
    for value in [*module.parameters(), *module.buffers()]:
        dist.broadcast(value, 0)


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replaces each gradient by its mean over the processes."""
    if world() == 1:
        return
    for parameter in parameters:
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= world()
