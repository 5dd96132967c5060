"""Interleaved timing of several sides in one process, and images to time them on."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.data import Dataset, load
from remblai.data.splits import Part, images


class Block(NamedTuple):
    """Seconds that one block took: of this process's CPU time, and on the clock."""

    cpu: float
    wall: float


Blocks = dict[str, list[Block]]


def interleaved(sides: Mapping[str, Callable[[], object]], pairs: int) -> Blocks:
    """Runs one block of each side in turn, A B A B ..., after one of each to warm up."""
    for block in sides.values():
        block()
    found: Blocks = {name: [] for name in sides}
    for _ in range(pairs):
        for name, block in sides.items():
            cpu, wall = time.process_time(), time.perf_counter()
            block()
            found[name].append(Block(time.process_time() - cpu, time.perf_counter() - wall))
    return found


def ratio(blocks: Blocks, over: str, under: str, clock: str = "cpu") -> tuple[float, float, float]:
    """Median, least and most of a pair's time of `over` divided by its time of `under`."""
    found = [getattr(a, clock) / getattr(b, clock) for a, b in zip(blocks[over], blocks[under], strict=True)]
    return statistics.median(found), min(found), max(found)


def median(blocks: Blocks, name: str, clock: str = "cpu") -> float:
    """Median seconds of one block."""
    return statistics.median(getattr(block, clock) for block in blocks[name])


def dataset(spec: str | None, n: int = 20_000) -> Dataset:
    """The data that a name or a folder means; None is n synthetic images of 28 x 28 grey pixels."""
    return load(spec) if spec else images("blobs", {"whole": Part(blobs(n, (1, 28, 28)))})


def blobs(n: int, shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.uint8]:
    """n images (c, h, w), each of three soft spots at random places."""
    generator = np.random.default_rng(seed)
    channels, height, width = shape
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    out = np.empty((n, *shape), np.uint8)
    for start in range(0, n, 500):
        part = out[start : start + 500]
        light = np.zeros(part.shape)
        for _ in range(3):
            y, x = generator.uniform(0.2, 0.8, (2, len(part), channels, 1, 1))
            size = generator.uniform(0.05, 0.14, (len(part), channels, 1, 1))
            light += np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))
        part[:] = 255 * light.clip(0, 1)
    return out


def machine(threads: int) -> str:
    """Sets the number of threads and says on what the figures were made."""
    torch.set_num_threads(threads)
    return f"torch {torch.__version__}, {threads} thread(s), {torch.backends.cpu.get_cpu_capability()}"
