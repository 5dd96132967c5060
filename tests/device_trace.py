"""What a function would do on a GPU, seen without one: its operations on tensors that only claim to be there."""

import traceback
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

import remblai

SOURCES = str(Path(remblai.__file__).parent)
WAITING = {
    "aten._local_scalar_dense": "reads a value (item, float, bool, tolist)",
    "aten.equal": "compares whole tensors",
    "aten.nonzero": "has a result whose size is a value",
    "aten.masked_select": "has a result whose size is a value",
    "aten._unique2": "has a result whose size is a value",
    "aten.unique_dim": "has a result whose size is a value",
    "aten.unique_consecutive": "has a result whose size is a value",
    "aten.repeat_interleave": "has a result whose size is a value",
    "aten.bincount": "has a result whose size is a value",
    "aten._linalg_check_errors": "reads a solver's success",
    "aten._linalg_eigh": "reads a solver's success",
    "aten._linalg_svd": "reads a solver's success",
    "aten._linalg_slogdet": "reads a solver's success",
    "aten.linalg_eig": "reads a solver's success",
    "aten._assert_scalar": "reads a value",
}
"""Operations that wait for the device."""
GPU = "gpu"
HOST = ("aten.lift_fresh", "aten.lift_fresh_copy")
"""A tensor made of Python numbers."""


class Waited(Exception):
    """The first operation that waits, of work that was to end there."""


class Trace(TorchDispatchMode):
    """Notes the operations that wait for a device, copy to or from it, or build constants on the host.

    Args:
        once: whether the first one ends the work, by `Waited`: a solver that stops by its error would not end.

    Attributes:
        found: one line for each: the operation, why it is here, and the place in remblai that called it.
    """

    def __init__(self, once: bool = False) -> None:
        super().__init__()
        self.once = once
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = str(func).rpartition(".")[0]
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in HOST:
            self._note(f"{name} makes a constant of Python numbers")
        if any(x.device.type == GPU for x in inputs):
            if name in WAITING:
                self._note(f"{name} {WAITING[name]}")
            masks = [x for x in tree_leaves(args[1:]) if isinstance(x, Tensor) and x.dtype == torch.bool]
            if name in ("aten.index", "aten.index_put", "aten.index_put_") and masks:
                self._note(f"{name} by a mask has a size that is a value")
            if name == "aten.multinomial" and (args[1] == 1 or not (*args[2:], kwargs.get("replacement", False))[0]):
                self._note(f"{name} of one draw reads its probabilities")
        if name == "aten._local_scalar_dense":
            return 1 if inputs[0].dtype in (torch.int64, torch.bool, torch.uint8) else 0.5
        if name.startswith("aten._fused_adam"):
            return None  # it changes its arguments in place, and has no kernel for tensors without values
        result = func(*args, **kwargs)
        kinds = {x.device.type for x in inputs if name in ("aten._to_copy", "aten.copy_")}
        kinds |= {x.device.type for x in tree_leaves(result) if isinstance(x, Tensor) and name == "aten._to_copy"}
        if len(kinds) > 1:
            self._note(f"{name} copies between host and device")
        made = [x for x in tree_leaves(result) if isinstance(x, Tensor) and x.device.type == "cpu"]
        if not inputs and made and name not in HOST:
            self._note(f"{name} makes a tensor on the host")
        return result

    def _note(self, words: str) -> None:
        places = [frame for frame in traceback.extract_stack() if frame.filename.startswith(SOURCES)]
        where = f"{Path(places[-1].filename).relative_to(SOURCES)}:{places[-1].lineno}" if places else "outside"
        line = f"{words} ({where})"
        if line not in self.found:
            self.found.append(line)
        if self.once:
            raise Waited(line)


class Backend(_DummyBackendModule):
    """What torch asks of a device's module."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


def pretend() -> None:
    """Gives this process a device `gpu` without kernels: on it tensors have shapes and types, but no values.

    It changes torch for good, so that this is done in a process of its own.
    """
    _setup_privateuseone_for_python_backend(GPU, backend_module=Backend())


def moved(module: nn.Module) -> nn.Module:
    """The module, with parameters and buffers that claim to be on a GPU in place of its own.

    Call it within a `FakeTensorMode`.
    """
    twins: dict[int, Any] = {}
    for part in module.modules():
        for table in (part._parameters, part._buffers):
            for name, value in table.items():
                if value is not None:
                    table[name] = twins[id(value)] = twins[id(value)] if id(value) in twins else like(value)
    return module


def like(value: Tensor) -> Any:
    """A tensor of the same kind that claims to be on a GPU."""
    twin = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=GPU)
    return nn.Parameter(twin, value.requires_grad) if isinstance(value, nn.Parameter) else twin
