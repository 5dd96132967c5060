"""Random generators: seeded once for a run, or for a block that leaves them as they were."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch

from remblai.runtime.distributed import rank

GENERATORS = threading.RLock()
"""Held by the thread whose draws start at a seed: all threads share torch's generators."""


def seed(value: int) -> None:
    """Seeds every global generator; each process gets a stream of its own."""
    own = (value * 1_000_003 + rank()) % 2**32
    random.seed(own)
    np.random.seed(own)
    torch.manual_seed(own)


@contextmanager
def seeded(seed: int | None, device: torch.device | None = None) -> Iterator[None]:
    """Within it torch's generators of the CPU and of `device` start at the seed; after it they are as before. None
    changes nothing. Of several threads one is within it at a time.

    Raises:
        ValueError: a seed that is no whole number.
    """
    if seed is None:
        yield
        return
    if not isinstance(seed, Integral):
        raise ValueError(f"seed: expected a whole number or None, got {seed!r}.")
    cuda = device is not None and device.type == "cuda"
    with GENERATORS, torch.random.fork_rng(devices=[device] if cuda else []):
        # not torch.manual_seed, which would reach other accelerators too
        torch.default_generator.manual_seed(int(seed))
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
