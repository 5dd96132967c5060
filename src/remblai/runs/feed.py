"""The batches of a run: this process's rows of each, in the layout in which the hardware is fastest."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from remblai.data import Dataset, Split
from remblai.metrics import SCORED
from remblai.networks.shapes import IMAGE
from remblai.objectives import Objective
from remblai.runs.labels import labels_of
from remblai.runtime import distributed, rng
from remblai.runtime.memory import batch_that_fits, requested
from remblai.training import State
from remblai.training.batches import Batch

IMAGES = IMAGE + 1
"""Dimensions of a batch of images."""


def is_images(dataset: Dataset) -> bool:
    """Whether a batch of the data has a layout to choose: images, and codes of images."""
    return len(dataset.shape) == IMAGE


def batches(
    state: State, dataset: Dataset, seed: int, start: int = 0, layout: str = "channels-last"
) -> Iterator[Tensor | Batch]:
    """This process's rows of each batch, on the model's device; with their labels where the model is conditional.

    Args:
        state: whose batches they are.
        dataset: their training split is read.
        seed: of the order.
        start: how many batches were drawn before.
        layout: of images: channels-last, or plain.
    """
    where = next(state.objective.parameters()).device
    mine = distributed.share(state.batch_size, "batch_size")
    lay_out = _channels_last if layout == "channels-last" else lambda x: x
    if state.objective.classes is not None:
        pairs = dataset.train.labelled_batches(state.batch_size, seed, start=start, device=where, rows=mine)
        return ((lay_out(x), labels) for x, labels in pairs)
    drawn = dataset.train.batches(state.batch_size, seed, start=start, device=where, rows=mine)
    return map(lay_out, drawn)


def dry_run(state: State, dataset: Dataset, seed: int) -> None:
    """Computes every loss once, on a copy: data and parts that do not fit are refused before anything is written.

    Raises:
        ValueError: they do not fit, or a first phase is asked of an objective that has none.
    """
    objective = copy.deepcopy(state.objective).train()
    drawn = next(batches(state, dataset, seed))
    batch: Batch = (drawn,) if isinstance(drawn, Tensor) else drawn
    with rng.seeded(0, batch[0].device), state.autocast():
        objective(*batch)
        objective.adversary_loss(*batch)
        if len(dataset.validation) > 1:
            with distributed.single_process(wanted=True):  # all processes have these points
                held_out = rows_of(dataset.validation, SCORED, objective)
                objective.estimate(*(part.to(batch[0].device) for part in held_out))
        if state.warm_start and objective.warm_start(*batch) is None:
            raise ValueError(f"warm_start: {type(objective).__name__} has no first phase; set warm_start to 0.")


def rows_of(split: Split, n: int, objective: Objective) -> Batch:
    """The first n rows of a split, or all, as the objective takes them: with their labels where it is conditional.

    Raises:
        ValueError: a conditional objective, and a split without labels.
    """
    x = split[: min(n, len(split))]
    return (x,) if objective.classes is None else (x, labels_of(split)[: len(x)])


@contextmanager
def memory_explained(state: State) -> Iterator[None]:
    """Within it an error that a GPU's memory is full says which batch size would fit."""
    device = next(state.objective.parameters()).device
    fixed = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
    try:
        yield
    except torch.OutOfMemoryError as problem:
        if device.type == "cuda":
            asked = torch.cuda.max_memory_allocated(device) + requested(problem)
            free, _ = torch.cuda.mem_get_info(device)
            fits = batch_that_fits(state.batch_size, fixed, asked, free + torch.cuda.memory_reserved(device))
            problem.add_note(f"A --batch-size of at most {fits} would fit, by what {state.batch_size} asked for.")
        raise


def channels_last_weights(objective: Objective) -> None:
    """Puts the weights of convolutions into channels-last order in memory; their values and shapes stay."""
    for parameter in objective.parameters():
        if parameter.ndim == IMAGES:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == IMAGES else x
