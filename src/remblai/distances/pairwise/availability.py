"""Whether Triton kernels run on a device: each configuration is compared with torch there before it is first used."""

import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import TypeVar

import torch

Result = TypeVar("Result")

DEVICES = ["cuda"]
"""Types of devices on which the kernels run; the tests add the CPU, where Triton's interpreter runs them."""

MAJOR = 8
"""Least compute capability: older GPUs have no tf32, and Triton no matrix products of float32 on their tensor cores."""

_verified: set[Hashable] = set()
_refused: set[Hashable] = set()
_warned: set[str] = set()


class Unavailable(RuntimeError):
    """A kernel does not run on this device; `refused` knows it from now on."""


def available(device: torch.device) -> bool:
    """Whether this device can run the kernels at all."""
    return device.type in DEVICES and _installed() and (device.type != "cuda" or _capable(device.index))


def usable(key: Hashable, device: torch.device, check: Callable[[], None]) -> bool:
    """Whether a configuration of a kernel works on a device.

    The first call for a configuration runs `check`, which waits for the device; later calls do not. While a CUDA graph
    is captured nothing can be checked, so an unknown configuration is not used then.

    Args:
        key: the configuration.
        device: where it would run.
        check: runs it on a few points; raises where it fails or differs from torch.
    """
    if not available(device):
        return False
    known = (key, device)
    if known in _verified:
        return True
    if known in _refused or (device.type == "cuda" and torch.cuda.is_current_stream_capturing()):
        return False
    try:
        with _current(device), _waiting_allowed(device):
            check()
    except torch.OutOfMemoryError:
        raise
    except Exception as problem:  # whatever a compiler or a driver raises
        refuse(key, device, problem)
        return False
    _verified.add(known)
    return True


def attempt(key: Hashable, device: torch.device, check: Callable[[], None], run: Callable[[], Result]) -> Result | None:
    """The result of `run`, or None where the configuration does not work on the device."""
    if not usable(key, device, check):
        return None
    try:
        with _current(device):
            return run()
    except torch.OutOfMemoryError:
        raise
    except Exception as problem:
        refuse(key, device, problem)
        return None


def refuse(key: Hashable, device: torch.device, problem: BaseException) -> None:
    """Records that a configuration does not work on a device, and warns once for each reason."""
    _verified.discard((key, device))
    _refused.add((key, device))
    reason = f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}"
    if reason not in _warned:
        _warned.add(reason)
        warnings.warn(
            f"triton: expected a kernel that runs on {device}, got {reason}: torch computes the same in blocks, "
            "more slowly. Use the version of Triton that came with torch, and a C compiler on the path.",
            stacklevel=2,
        )


@cache
def _installed() -> bool:
    return find_spec("triton") is not None


@cache
def _capable(index: int | None) -> bool:
    return torch.cuda.get_device_capability(index)[0] >= MAJOR and torch.version.hip is None


def _current(device: torch.device) -> AbstractContextManager[object]:
    """Triton launches on the current GPU, whichever the tensors are on."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@contextmanager
def _waiting_allowed(device: torch.device) -> Iterator[None]:
    """A check reads its result, which `torch.cuda.set_sync_debug_mode` would report as an error of the caller."""
    if device.type != "cuda":
        yield
        return
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode(0)
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(mode)
