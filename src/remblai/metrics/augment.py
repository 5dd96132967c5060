"""Whether samples show the augmentations of the training: a figure of leaking, and whether samples can be judged."""

import torch
from torch import Tensor

from remblai.metrics.metric import Figure
from remblai.metrics.pairs import flat, to_nearest
from remblai.metrics.sets import Sets, random_rows
from remblai.networks.augment import augmented

MOST = 2000
"""Training images that samples are held against, at most."""
NEAR = 0.95
"""The quantile of the distances of held-out data, as they are and augmented, up to which a sample can be judged."""
ENOUGH = 0.5
"""There is no figure of leaking where fewer samples can be judged than this part of the held-out data."""
BEYOND = 3.0
"""Nor where the share is above that of augmented held-out data by more than so many standard errors."""


def figure_of_leak(sets: Sets) -> Figure | None:
    """Of the samples that can be judged, the share that are nearer to an augmented training image than to one as it is.

    The floor is the share of held-out data; `augmented` that of held-out data which were augmented, which samples would
    have that show the augmentations as often as these: a figure that lies at the floor says something where the two
    are apart. The samples of a mixture, of which a part shows augmentations, have (value - floor) / (augmented - floor)
    of that part. None where fewer than half as many samples as held-out data are near (see `figure_of_near`): for
    images that resemble neither set, the nearer one says nothing about augmentations. None too where the share is above
    `augmented` by more than three standard errors: no mixture of data and augmented data has such a share; blurred
    images have it, whose contrast is low.
    """
    samples, test, seen = _judged(sets)
    if float(samples[1].double().mean()) < ENOUGH * float(test[1].double().mean()):
        return None
    shares, most = samples[0][samples[1]].double(), seen[0][seen[1]].double()
    error = (shares.var(correction=0) / len(shares) + most.var(correction=0) / len(most)) ** 0.5
    if float(shares.mean() - most.mean()) > BEYOND * float(error):
        return None
    return {
        "value": float(shares.mean()),
        "floor": float(test[0][test[1]].double().mean()),
        "spread": float(shares.std(correction=0) / len(shares) ** 0.5),
        "n": len(sets.model),
        "augmented": float(most.mean()),
    }


def figure_of_near(sets: Sets) -> Figure:
    """The share of samples that are near enough to training images, as they are or augmented, to be judged.

    Near is a distance to the nearest of them up to the 0.95 quantile of that of held-out data and augmented held-out
    data together. It is that of images brought to mean 0 and length 1: among images of low contrast all are near.
    """
    samples, test, _ = _judged(sets)
    near = samples[1].double()
    return {
        "value": float(near.mean()),
        "floor": float(test[1].double().mean()),
        "spread": float(near.std() / len(near) ** 0.5),
        "n": len(near),
    }


def _judged(sets: Sets) -> list[tuple[Tensor, Tensor]]:
    """Of the samples, held-out data and augmented held-out data: which are nearer to augmented images, which near."""

    def compute() -> list[tuple[Tensor, Tensor]]:
        draws = torch.Generator().manual_seed(sets.seed + 6)
        rows = random_rows(sets.real_train, min(MOST, len(sets.real_train)), draws).to(torch.float32)
        train = flat("the training data", rows, sets.test)
        other = flat("the training data", augmented(rows, sets.augmentations, 1.0, draws), sets.test)
        seen = flat("the held-out data", augmented(sets.shaped(sets.test), sets.augmentations, 1.0, draws), sets.test)
        sets_of = (sets.model, sets.test, seen)
        reference = _standardised(torch.cat([train, other]))
        apart = [to_nearest(_standardised(x), reference) for x in sets_of]
        reach = torch.cat(apart[1:]).quantile(NEAR)
        changed = (to_nearest(x, other) < to_nearest(x, train) for x in sets_of)
        return [(nearer, far <= reach) for nearer, far in zip(changed, apart, strict=True)]

    judged: list[tuple[Tensor, Tensor]] = sets.shared("augmentations", compute)
    return judged


def _standardised(rows: Tensor) -> Tensor:
    """Rows (n, d) of mean 0 and length 1: changes of brightness and contrast bring no image near to another."""
    return torch.nn.functional.normalize(rows - rows.mean(1, keepdim=True), dim=1)
