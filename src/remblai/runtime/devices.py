"""The device that a name means, and how many processors there are."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

SIDE = 128
"""Of the matrices by which bfloat16 is timed."""
REPEATS = 3
BFLOAT16 = 8
"""Least compute capability of an NVIDIA GPU with arithmetic in bfloat16."""


def choose(name: str, local: int | None = None) -> torch.device:
    """The device that a name means: `auto` is a GPU where there is one.

    Args:
        name: auto, cpu, cuda or cuda:0.
        local: of several processes of this machine the number of this one, which is that of its GPU; None of one.

    Raises:
        ValueError: no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local is not None:
        name = f"cuda:{local}"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f"device: expected auto, cpu, cuda or cuda:0, got {name!r}.") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise ValueError(f"device: {name!r} was asked for but {found} GPUs are visible here: use the device cpu.")
    return device


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def tuned(device: torch.device, benchmark: bool = True) -> Iterator[None]:
    """Within it cuDNN times its algorithms for each shape that it meets and takes the fastest; on a GPU only.

    Args:
        device: of the work.
        benchmark: False leaves cuDNN's own first choice.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = benchmark and device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def arithmetic(device: torch.device) -> dict[str, Any]:
    """How this device computes in float32: `tf32` rounds factors of products to 10 bits, `ieee` does not.

    Returns:
        the arithmetic of matrix products and of convolutions, and whether cuDNN times its algorithms.
    """
    if device.type != "cuda":
        return {"products": "ieee", "convolutions": "ieee", "cudnn_benchmark": False}
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(products, "fp32_precision"):  # since torch 2.9, which refuses to answer by the flags once this was set
        conv = convolutions.conv  # type: ignore[attr-defined]  # torch puts an object in the module's place
        rounded = products.fp32_precision == "tf32", conv.fp32_precision == "tf32"
    else:
        rounded = products.allow_tf32, convolutions.allow_tf32
    return {
        "products": "tf32" if rounded[0] else "ieee",
        "convolutions": "tf32" if rounded[1] else "ieee",
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
    }


def has_bfloat16(device: torch.device) -> bool:
    """Whether a GPU computes in bfloat16 itself: older ones emulate it, more slowly than they compute in float32."""
    return torch.version.hip is not None or torch.cuda.get_device_capability(device)[0] >= BFLOAT16


def bfloat16_slowdown(device: torch.device) -> float:
    """How many times as long a product of matrices takes in bfloat16 as in float32 on this CPU; 1 on other devices.

    A CPU without instructions for bfloat16 converts each number, and takes 20 times as long for a training.
    """
    if device.type != "cpu":
        return 1.0
    wide, narrow = (_seconds_of_product(dtype) for dtype in (torch.float32, torch.bfloat16))
    return narrow / wide


def _seconds_of_product(dtype: torch.dtype) -> float:
    """The least of some times, after a first product that sets up what the others use."""
    factor = torch.ones(SIDE, SIDE, dtype=dtype)
    found = []
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        torch.mm(factor, factor)
        found.append(time.perf_counter() - began)
    return min(found[1:])


@cache
def free_memory(device: torch.device) -> int:
    """Bytes that a GPU had free when this was first asked: the question does not wait for the device."""
    return torch.cuda.mem_get_info(device)[0]
