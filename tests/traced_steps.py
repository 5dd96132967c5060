"""Traces every recipe on a device that waits for nothing, in a process of its own: `python -m tests.traced_steps FILE`.

Writes {case: what was found} as JSON: waits for the device, copies to it, and constants built on the host.
"""

import contextlib
import itertools
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import torch
from tests.device_trace import GPU, Trace, Waited, moved, pretend
from tests.small import CONVOLUTIONAL, NARROW, settled
from torch._subclasses.fake_tensor import FakeTensorMode

from remblai.critics import GAMES, LIPSCHITZ
from remblai.discrepancies import DISCREPANCIES
from remblai.kernels import KERNELS
from remblai.laws import PRIORS
from remblai.objectives import PENALTIES, REGULARISERS
from remblai.recipes import RECIPES
from remblai.runs.resolve import Resolved
from remblai.training import State, steps

BATCH = 300
"""So many points that means over their pairs are computed in blocks."""
OPTIONS: dict[str, Any] = {
    **NARROW,
    "network.depth": 1,
    "critic.depth": 1,
    "chains": BATCH,
    "critic_steps": 1,
    "clip": 1.0,
    "average": 0.9,
    "batch_size": BATCH,
    "steps": 9,
    "schedule": "cosine",
    "warm_start": 0,
}
DENSITY = ("conditional", "joint")
"""Penalties of random encoders, which vae and avb have."""
IMAGE_NETWORKS = ("dcgan", "wae", "resnet")
ADVERSARIAL = {"discrepancy": "adversarial", "discrepancy.critic": "mlp"}


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """Every recipe, and every row of the tables of parts in a recipe that takes it."""
    found: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in RECIPES}
    found |= {f"penalty {name}": ("wae-mmd", {"penalty": name}) for name in PENALTIES if name not in DENSITY}
    found |= {f"discrepancy {name}": ("minimum-distance", {"discrepancy": name}) for name in DISCREPANCIES}
    found |= {f"kernel {name}": ("gmmn", {"discrepancy.kernel": name}) for name in KERNELS}
    found |= {f"prior {name}": ("wae-mmd", {"prior": name}) for name in PRIORS}
    found |= {f"game {name}": ("minimum-distance", ADVERSARIAL | {"discrepancy.game": name}) for name in GAMES}
    found |= {f"lipschitz {name}": ("gan", {"lipschitz": name}) for name in LIPSCHITZ}
    found |= {f"optimiser {name}": ("gan", {"optimiser": name}) for name in ("adamw", "rmsprop")}
    found |= {"warm start": ("wae-mmd", {"warm_start": 8}), "closed form": ("wae-mmd", {"penalty.closed_form": True})}
    found |= {f"regulariser {name}": ("rae", {"regulariser": name}) for name in REGULARISERS}
    found |= {f"network {name}": ("wae-gan", {"network": name}) for name in IMAGE_NETWORKS}
    return found


CASES = cases()


def sized(recipe: str, options: dict[str, Any]) -> tuple[Resolved, tuple[int, ...]]:
    """A case with all its options, and the shape of its data."""
    given = OPTIONS | ({"critic.norm": "none", "critic": "dcgan"} if recipe in CONVOLUTIONAL else {})
    images = recipe in CONVOLUTIONAL or options.get("network") in IMAGE_NETWORKS
    return settled(recipe, given, **options), (1, 28, 28) if images else (4,)


def found_in(recipe: str, options: dict[str, Any]) -> list[str]:
    """What a step after the first does that waits or copies: losses, optimisers, average and guard."""
    how, shape = sized(recipe, options)
    objective = how.build(shape)
    waits = any(not getattr(part, "compiles", True) for part in objective.modules())
    with FakeTensorMode(), contextlib.suppress(Waited):
        with Trace():  # it answers what is asked of values while things are made
            state = State(moved(objective), **how.loop)
            state.guard.TOGETHER = 1  # it tests the terms of each step
        with Trace(once=waits) as trace:
            stream = steps(state, (torch.empty(BATCH, *shape, device=GPU) for _ in itertools.count()))
            next(stream)  # in the first one optimisers make their state
        with Trace(once=waits) as trace:
            next(stream)
    return trace.found


def main(to: str, names: list[str]) -> None:
    """Traces the cases of these names, or all; those of the same options once."""
    pretend()
    found: dict[str, Any] = {}
    traced: dict[str, str] = {}
    for name, (recipe, options) in CASES.items():
        if names and name not in names:
            continue
        resolved = json.dumps(sized(recipe, options)[0].to_json(), sort_keys=True)
        before = traced.setdefault(resolved, name)
        if before != name:
            found[name] = found[before]
            continue
        try:
            found[name] = found_in(recipe, options)
        except (ValueError, RuntimeError) as problem:
            place = next(f for f in reversed(traceback.extract_tb(problem.__traceback__)) if "remblai" in f.filename)
            found[name] = [f"{type(problem).__name__}: {problem} ({place.filename}:{place.lineno})"]
        Path(to).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
