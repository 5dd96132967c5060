"""Random generators: seeded once for a run, or for a block that leaves them as they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from remblai.runtime.distributed import rank


def seed(value: int) -> None:
    """Seeds every global generator; each process gets a stream of its own."""
    own = (value * 1_000_003 + rank()) % 2**32
    random.seed(own)
    np.random.seed(own)
    torch.manual_seed(own)


@contextmanager
def seeded(seed: int | None, device: torch.device | None = None) -> Iterator[None]:
    """Within it torch's generators of the CPU and of `device` start at the seed; after it they are as before. None
    changes nothing."""
    if seed is None:
        yield
        return
    cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)  # not torch.manual_seed, which would reach other accelerators too
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
