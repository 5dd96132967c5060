"""Equal budgets: how many steps of a recipe fit a number of images, or minutes of training on this machine."""

import torch

from remblai.data import Dataset
from remblai.runs.manifest import describe, resolve_counts
from remblai.runs.measure import Choice, timed
from remblai.runs.parts import with_parts
from remblai.runs.resolve import Resolved
from remblai.runtime import devices
from remblai.training import State

MEASURED = 5.0
"""Seconds of training whose speed is measured, after the first steps."""


def steps_for_images(resolved: Resolved, dataset: Dataset, images: int) -> int:
    """The steps of the model within which it and its critics see this many images of the training data, at least 1."""
    resolved = with_parts(resolved, dataset)
    resolve_counts(resolved, dataset, epochs=1, steps_given=False)
    state = State(
        resolved.build(dataset.shape),
        **resolved.loop | {"steps": None, "warm_start": 0, "schedule": "constant", "critic_schedule": None},
    )
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
    """The steps of the model that fit these seconds of training, at least 1: its first steps are timed, alone.

    They are computed as a run computes them: its precision, its layout, and recorded where a run's are.
    Training to a number of steps that was measured once, and not to a time, keeps schedules whole and runs repeatable.
    """
    resolved = with_parts(resolved, dataset)
    resolve_counts(resolved, dataset, epochs=1, steps_given=False)
    where, before = devices.choose(device), torch.get_num_threads()
    torch.set_num_threads(threads or before)
    run = describe(resolved, dataset.name, dataset, {}, 0, where, precision="auto", compile="off")
    choice = Choice(run["layout"], run["precision"], run["graph"], benchmark=True)
    try:
        step = timed(resolved, dataset, where, choice, MEASURED).step
    finally:
        torch.set_num_threads(before)
    return max(1, int(seconds / step))
