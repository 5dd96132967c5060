"""What the training loop costs over a bare PyTorch step: the same objective, batches and optimiser, side by side.

    python benchmarks/loop.py [--net conv|mlp|both] [--threads 1] [--pairs 15] [--block 10] [--quick]

Both sides live in one process and take turns, a block of steps each, A B A B ...; a pair's ratio compares two blocks
that ran within a second of each other, and the median over the pairs is what to read. CPU time is this process's own
(`time.process_time`), which other work on the machine disturbs least.
"""

import argparse
import copy
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from remblai.data import Dataset
from remblai.data.splits import Part, images
from remblai.experiment import _channels_last, _channels_last_weights
from remblai.objectives import Objective
from remblai.resolve import resolve
from remblai.training import State, check, steps

NETS: dict[str, dict[str, Any]] = {
    "conv": {"network": "dcgan", "network.width": 32},
    "mlp": {"network": "mlp", "network.width": 512, "network.depth": 1},
}
"""Conv: 28-14-7-3 with 32, 64, 128 channels. MLP: 784-512-8-512-784."""
