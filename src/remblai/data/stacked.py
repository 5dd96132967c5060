"""Stacked MNIST: three digits in the channels of one image, whose 1,000 triples are known modes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import Dataset, Split
from remblai.data.idx import idx, is_idx
from remblai.data.splits import Part, images

SIZES = {"train": 60_000, "validation": 5_000, "test": 10_000}
"""Triples of each split."""
CHANNELS = 3


def stacked_mnist(folder: str = "") -> Dataset:
    """Three digits of MNIST in the channels of one image, 28x28; the label 100 a + 10 b + c is one of 1,000 modes.

    60,000 triples of training digits, 5,000 of validation digits and 10,000 of test digits, drawn evenly, with
    replacement, by a fixed seed for each split. The test of modes counts the triples that 26,000 samples show, as a
    classifier reads them, and their divergence from the even law (`metrics.classes.stacked_modes`).

    Args:
        folder: where MNIST's idx files are.

    Raises:
        ValueError: no folder, or one without MNIST's files and labels.

    Source: Metz et al., "Unrolled generative adversarial networks", 2017 (arXiv 1611.02163), section 3.3.1; Srivastava
    et al., "VEEGAN", 2017 (arXiv 1705.07761).
    """
    path = Path(folder)
    if not folder or not is_idx(path):
        raise ValueError(
            f"stacked-mnist: expected the folder of MNIST's idx files, got {folder or 'none'}: name it by "
            "--data.folder PATH."
        )
    source = idx(path)
    parts = {name: _part(source.split(name), size, seed) for seed, (name, size) in enumerate(SIZES.items())}
    return images("stacked-mnist", parts, [f"{triple:03d}" for triple in range(10**CHANNELS)])


def _part(split: Split, size: int, seed: int) -> Part:
    if split.labels is None or split.shape[0] != 1:
        raise ValueError("stacked-mnist: expected grey images with labels 0 to 9, got others: name MNIST's folder.")
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(split), size=(size, CHANNELS))
    labels: NDArray[np.int64] = split.labels.numpy()[chosen] @ 10 ** np.arange(CHANNELS)[::-1]
    pictures = split.rows.array[split.index.numpy()[chosen], 0]
    return Part(pictures, labels)
