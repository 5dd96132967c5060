"""Memory: what there is, and what to say when it is not enough."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remblai.runtime.text import first_line

GIB = 2**30
FREE = re.compile(r"of which ([\d.]+ ?[KMGT]i?B) is free")
"""What torch says of a GPU's memory in its error."""
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


def out_of_memory(problem: BaseException) -> str | None:
    """What was asked for, what there is and what to do, where the problem is a lack of memory; otherwise None.

    Args:
        problem: Python's or NumPy's `MemoryError`, or one of torch's errors for the CPU or a GPU.
    """
    words = first_line(problem)
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
    if gpu and (left := FREE.search(str(problem))):
        there = f"; {left[1]} of the GPU's are free"
    notes = "".join(f" {note}" for note in getattr(problem, "__notes__", []))
    return (
        f"out of memory: {wanted}{there}.{notes} Use fewer points (-n), a smaller --batch-size or --network.width, an "
        "entropic or sliced distance in place of an exact one, or a machine with more memory."
    )


@contextmanager
def as_memory_error(note: str) -> Iterator[None]:
    """Within it a lack of memory is a `MemoryError` that says what `out_of_memory` says.

    Args:
        note: what needed the memory, a sentence.

    Raises:
        MemoryError: there was not enough.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        if out_of_memory(problem) is None:
            raise
        problem.add_note(note)
        raise MemoryError(out_of_memory(problem)) from problem


def requested(problem: BaseException) -> int:
    """The bytes that a failed request asked for, as the error says; 0 where it does not."""
    match = REQUEST.search(str(problem))
    if match is None:
        return 0
    number, unit = match[1].replace(" ", "").partition(match[1].lstrip("0123456789. "))[:2]
    return int(float(number) * 1024 ** "bkmgt".index(unit[0].lower()))


def batch_that_fits(batch: int, fixed: int, needed: int, total: int) -> int:
    """The largest batch whose step would fit, at least 1, if memory beyond the fixed part grows with the batch.

    Args:
        batch: points of the batch that did not fit.
        fixed: bytes that no batch changes: weights and optimisers.
        needed: bytes in all that the batch asked for, at least.
        total: bytes that there are.
    """
    return max(1, min(batch - 1, int(batch * max(0, total - fixed) / max(1, needed - fixed))))


def _readable(amount: str) -> str:
    """`4000000000000 bytes` as GiB; other amounts as they are."""
    number, _, unit = amount.rpartition(" ")
    return f"{float(number) / GIB:,.1f} GiB" if unit.lower() == "bytes" else amount
