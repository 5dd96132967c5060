"""Memory: what there is, and what to say when it is not enough."""

import re
from functools import cache
from pathlib import Path

import torch

GIB = 2**30
REQUEST = re.compile(r"(?:tried to allocate|unable to allocate|allocate) ([\d.]+ ?(?:bytes|[KMGT]i?B))", re.IGNORECASE)

WORDS = ("out of memory", "can't allocate memory", "storage size calculation overflowed")
"""What torch says of memory in a `RuntimeError`."""


def available() -> int | None:
    """Bytes of main memory that a process can still get; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


@cache
def free_memory(device: torch.device) -> int:
    """Bytes that a GPU had free when this was first asked: the question does not wait for the device."""
    return torch.cuda.mem_get_info(device)[0]


def out_of_memory(problem: BaseException) -> str | None:
    """What was asked for, what there is and what to do, where the problem is a lack of memory; otherwise None.

    Args:
        problem: Python's or NumPy's `MemoryError`, or one of torch's errors for the CPU or a GPU.
    """
    words = str(problem).strip().partition("\n")[0]
    lower = words.lower()
    lacks = isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError"
    lacks |= isinstance(problem, RuntimeError) and any(word in lower for word in WORDS)
    if not lacks:
        return None
    match = REQUEST.search(words)
    wanted = f"{_readable(match[1])} were asked for" if match else words or "one array was too large"
    gpu = "cuda" in lower or type(problem).__name__ == "OutOfMemoryError"
    free = None if gpu else available()
    there = f"; {free / GIB:.1f} GiB are available" if free is not None else ""
    return (
        f"out of memory: {wanted}{there}. Use fewer points (-n), a smaller --batch-size or --network.width, an "
        "entropic or sliced distance in place of an exact one, or a machine with more memory."
    )


def _readable(amount: str) -> str:
    """`4000000000000 bytes` as GiB; other amounts as they are."""
    number, _, unit = amount.rpartition(" ")
    return f"{float(number) / GIB:,.1f} GiB" if unit.lower() == "bytes" else amount
