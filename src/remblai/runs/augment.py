"""Augmentation of a run: within the comparison of a generator, or of the batches that other models are fed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.data import Dataset
from remblai.networks.augment import augmented, check_augmentations
from remblai.objectives import Generator, Objective
from remblai.runs.feed import batches
from remblai.runtime import distributed
from remblai.training import State


def set_up_augmentation(objective: Objective, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Sets up the augmentations that a run asks for.

    A generator changes data and samples alike, in its comparison. Other models are fed changed data.

    Args:
        objective: of the run.
        settings: of the run (run.json).

    Returns:
        the augmentations of the batches: none of a generator's.

    Raises:
        ValueError: an unknown name, points, or codes of a pretrained auto-encoder.
    """
    names = settings.get("augment") or ()
    if names and settings["data"]["units"].get("codes"):
        raise ValueError("augment: these are changes of pictures, and this run trains on their codes: leave it out.")
    if names and isinstance(objective, Generator):
        objective.augment(names)
        return ()
    return check_augmentations(names, tuple(settings["data"]["shape"]))


def training_batches(state: State, dataset: Dataset, seed: int, names: Sequence[str]) -> Iterator[Any]:
    """The batches that a run trains on from where it is, augmented where that is asked for."""
    start = state.batches_drawn
    drawn = batches(state, dataset, seed, start)
    return augmented_batches(drawn, names, seed, start) if names else drawn


def augmented_batches(drawn: Iterator[Any], names: Sequence[str], seed: int, start: int) -> Iterator[Any]:
    """The batches with their images augmented: batch i is a function of (seed, i) and of the process alone.

    Args:
        drawn: x (n, c, h, w), or pairs of x and labels.
        names: of the augmentations.
        seed: of the run.
        start: number of the first batch.
    """
    generator: torch.Generator | None = None
    for number, batch in enumerate(drawn, start):
        x: Tensor = batch[0] if isinstance(batch, tuple) else batch
        generator = torch.Generator(x.device) if generator is None else generator
        mixed = np.random.SeedSequence([seed, number, distributed.rank()]).generate_state(1, np.uint64)
        generator.manual_seed(int(mixed[0] >> np.uint64(1)))
        x = augmented(x, names, generator=generator).contiguous(memory_format=_layout(x))
        yield (x, *batch[1:]) if isinstance(batch, tuple) else x


def _layout(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
