"""What a GPU is fed: the batches of a CPU, without one copy for which the host waits. The GPU is pretended."""

import itertools
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from remblai.data import load

GPU = torch.device("cuda", 0)
COPIES = ("aten._to_copy.default", "aten.copy_.default")


class There(Tensor):
    """A tensor that says that it is on the GPU."""

    device = GPU  # type: ignore[assignment]


class Copies(TorchDispatchMode):
    """Stands in for copies to the GPU, and counts those for which the host waits."""

    def __init__(self) -> None:
        super().__init__()
        self.pinned: set[int] = set()
        self.waited_for = self.in_all = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if str(func) not in COPIES or torch.device(kwargs.get("device") or "cpu").type != "cuda":
            return func(*args, **kwargs)
        if isinstance(args[0], There):
            return args[0]
        self.in_all += 1
        self.waited_for += not (kwargs.get("non_blocking") and args[0].data_ptr() in self.pinned)
        return args[0].clone().as_subclass(There)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Iterator[Copies]:
    found = Copies()

    def pin(x: Tensor) -> Tensor:
        copy = x.clone()
        found.pinned.add(copy.data_ptr())
        return copy

    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1 << 40, 1 << 40))
    monkeypatch.setattr(Tensor, "pin_memory", pin)
    with found:
        yield found


@pytest.mark.parametrize(("name", "fits"), [("ring", True), ("digits", True), ("digits", False)])
@pytest.mark.parametrize("labelled", [False, True])
def test_the_host_waits_for_no_copy_of_a_batch(
    name: str, fits: bool, labelled: bool, copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fits:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (0, 1 << 40))
    split = load(name).train
    draw = split.labelled_batches if labelled else split.batches
    of_the_cpu, of_the_gpu = draw(400, 3), draw(400, 3, device=GPU)
    for number, (one, other) in enumerate(itertools.islice(zip(of_the_cpu, of_the_gpu, strict=True), 9)):
        if number == 0:  # the upload of all rows
            assert copies.waited_for <= 1
            copies.waited_for = 0
        expected, found = (one, other) if labelled else ((one,), (other,))
        for x, y in zip(expected, found, strict=True):
            assert y.device == GPU
            assert torch.equal(x, y.as_subclass(Tensor))
    assert copies.in_all > 2
    assert copies.waited_for == 0
