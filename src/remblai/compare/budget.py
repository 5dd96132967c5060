"""Equal budgets: how many steps of a recipe fit a number of images, or minutes of training on this machine."""

import time

import torch

from remblai.data import Dataset
from remblai.runs.manifest import resolve_counts
from remblai.runs.parts import with_parts
from remblai.runs.resolve import Resolved
from remblai.runtime import devices, rng
from remblai.training import State, steps

MEASURED = 5.0
"""Seconds of training whose speed is measured, after the first tenth of the steps is left out."""
FEWEST = 10
"""Steps that are measured, at least."""


def steps_for_images(resolved: Resolved, dataset: Dataset, images: int) -> int:
    """The steps of the model within which it and its critics see this many images of the training data, at least 1."""
    resolved = with_parts(resolved, dataset)
    resolve_counts(resolved, dataset, epochs=1, steps_given=False)
    state = State(resolved.build(dataset.shape), **resolved.loop | {"steps": None, "warm_start": 0})
    seen = count = 0
    while True:
        own = state.critic_steps(count + 1) if state.own_batches and state.critics is not None else 0
        seen += state.batch_size * state.accumulate * (1 + own)
        if seen > images:
            return max(1, count)
        count += 1


def steps_for_seconds(
    resolved: Resolved, dataset: Dataset, seconds: float, device: str, threads: int | None = None
) -> int:
    """The steps of the model that fit these seconds of training, at the speed of its first steps alone, at least 1.

    Training to a number of steps that was measured once, and not to a time, keeps schedules whole and runs repeatable.
    """
    resolved = with_parts(resolved, dataset)
    resolve_counts(resolved, dataset, epochs=1, steps_given=False)
    where, before = devices.choose(device), torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        marks = _timed(resolved, dataset, where)
    finally:
        torch.set_num_threads(before)
    first = len(marks) // 10 + 1
    return max(1, int(seconds * (len(marks) - 1 - first) / (marks[-1] - marks[first])))


def _timed(resolved: Resolved, dataset: Dataset, where: torch.device) -> list[float]:
    """The times at the beginning of a training and after each of its first steps."""
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
    return marks
