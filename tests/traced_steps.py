"""Traces every recipe on a device that waits for nothing, in a process of its own: `python -m tests.traced_steps FILE`.

Writes {case: what was found} as JSON: waits for the device, copies to it, and constants built on the host.
"""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import torch
from tests.device_trace import GPU, Trace, moved, pretend
from tests.small import CONVOLUTIONAL, settled
from torch._subclasses.fake_tensor import FakeTensorMode

from remblai.critics import GAMES, LIPSCHITZ
from remblai.discrepancies import DISCREPANCIES
from remblai.kernels import KERNELS
from remblai.laws import PRIORS
from remblai.objectives import PENALTIES, REGULARISERS
from remblai.recipes import RECIPES
from remblai.training import State, steps

BATCH = 300
"""More points than a matrix of pairs is computed at once for."""
OPTIONS: dict[str, Any] = {
    "latent": 3,
    "network": "mlp",
    "network.width": 8,
    "critic": "mlp",
    "critic.width": 8,
    "penalty.width": 9,
    "penalty.depth": 1,
    "penalty.directions": 20,
    "code": 3,
    "hidden": 4,
    "chains": BATCH,
    "features": 5,
    "noise": 0.1,
    "clip": 1.0,
    "average": 0.9,
    "batch_size": BATCH,
    "steps": 70,
    "schedule": "cosine",
    "warm_start": 0,
}
STEPS = 66
"""More than the guard tests together."""


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """Every recipe, and every row of the tables of parts in a recipe that takes it."""
    found: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in RECIPES}
    found |= {f"penalty {name}": ("wae-mmd", {"penalty": name}) for name in PENALTIES}
    found |= {f"discrepancy {name}": ("minimum-distance", {"discrepancy": name}) for name in DISCREPANCIES}
    found |= {f"kernel {name}": ("gmmn", {"kernel": name}) for name in KERNELS}
    found |= {f"prior {name}": ("wae-mmd", {"prior": name}) for name in PRIORS}
    found |= {f"game {name}": ("gan", {"game": name}) for name in GAMES}
    found |= {f"lipschitz {name}": ("gan", {"lipschitz": name}) for name in LIPSCHITZ}
    found |= {f"regulariser {name}": ("rae", {"regulariser": name}) for name in REGULARISERS}
    found |= {f"network {name}": ("wae-gan", {"network": name}) for name in ("dcgan", "wae", "resnet")}
    return found
