"""Equal budgets: how many steps of a recipe fit a number of images, or minutes of training on this machine."""

import time

import torch

from remblai.data import Dataset
from remblai.runs.manifest import resolve_counts
from remblai.runs.resolve import Resolved
from remblai.runtime import devices, rng
from remblai.training import State, steps

MEASURED = 5.0
"""Seconds of training whose speed is measured, after the first tenth of the steps is left out."""
FEWEST = 10
"""Steps that are measured, at least."""


def steps_for_images(resolved: Resolved, dataset: Dataset, images: int) -> int:
    """The steps of the model that see this many images of the training data, at least 1."""
    resolve_counts(resolved, dataset, epochs=1, steps_given=False)
    a_step: int = resolved.loop["batch_size"] * resolved.loop["accumulate"]
    return max(1, images // a_step)


def steps_for_seconds(resolved: Resolved, dataset: Dataset, seconds: float, device: str) -> int:
    """The steps of the model that fit these seconds of training, at the speed of its first steps, at least 1.

    Training to a number of steps that was measured once, and not to a time, keeps schedules whole and runs repeatable.
    """
    resolve_counts(resolved, dataset, epochs=1, steps_given=False)
    where = devices.choose(device)
    with rng.seeded(0, where):
        state = State(resolved.build(dataset.shape).to(where), **resolved.loop | {"steps": None, "warm_start": 0})
        batches = dataset.train.batches(state.batch_size, 0, device=where)
        marks = [time.perf_counter()]
        for _ in steps(state, batches):
            if where.type == "cuda":
                torch.cuda.synchronize(where)
            marks.append(time.perf_counter())
            if len(marks) > FEWEST and marks[-1] - marks[0] > MEASURED:
                break
    first = len(marks) // 10 + 1
    return max(1, int(seconds * (len(marks) - 1 - first) / (marks[-1] - marks[first])))
