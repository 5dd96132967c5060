"""Whether samples show the augmentations of the training: a figure of leaking."""

import torch

from remblai.metrics.metric import Figure
from remblai.metrics.pairs import flat, to_nearest
from remblai.metrics.sets import Sets, random_rows
from remblai.networks.augment import augmented

MOST = 2000
"""Training images that samples are held against, at most."""


def figure_of_leak(sets: Sets) -> Figure:
    """The share of samples that are nearer to an augmented training image than to one as it is.

    The floor is the share of held-out data; `augmented` that of held-out data which were augmented, which samples would
    have that show the augmentations as often as these: a figure that lies at the floor says something where the two
    are apart.
    """
    draws = torch.Generator().manual_seed(sets.seed + 6)
    rows = random_rows(sets.real_train, min(MOST, len(sets.real_train)), draws).to(torch.float32)
    train = flat("the training data", rows, sets.test)
    other = flat("the training data", augmented(rows, sets.augmentations, 1.0, draws), sets.test)

    def shares(points: torch.Tensor) -> torch.Tensor:
        return (to_nearest(points, other) < to_nearest(points, train)).double()

    seen = flat("the held-out data", augmented(sets.shaped(sets.test), sets.augmentations, 1.0, draws), sets.test)
    samples = shares(sets.model)
    return {
        "value": float(samples.mean()),
        "floor": float(shares(sets.test).mean()),
        "spread": float(samples.std() / len(samples) ** 0.5),
        "n": len(samples),
        "augmented": float(shares(seen).mean()),
    }
