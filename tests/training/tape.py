"""A stand-in for CUDA graphs on the CPU: the operations of a step are noted once and run again on the same memory."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from remblai.training.graphs import WARM_UP


class Tape(TorchDispatchMode):
    """Notes every operation with its arguments and results.

    As in a CUDA graph no Python runs when it is replayed: numbers of the host stay as they were, random numbers go on,
    and an operation that reads a value while it is recorded is an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, Any, Any, list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        result = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, [x for x in tree_leaves(result) if isinstance(x, Tensor)]))
        return result

    def replay(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, before in self.noted:
                now = [x for x in tree_leaves(func(*args, **kwargs)) if isinstance(x, Tensor)]
                for old, new in zip(before, now, strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class TapeRecorder:
    """What `CudaRecorder` is on a GPU."""

    def __init__(self) -> None:
        self.recorded = 0

    def warm_up(self, work: Callable[[], None]) -> None:
        for _ in range(WARM_UP):
            work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        with Tape() as tape:
            work()
        self.recorded += 1
        return tape.replay
