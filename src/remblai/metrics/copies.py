"""Samples that lie next to training data: what a median of distances hides."""

import math

from remblai.metrics.metric import Figure
from remblai.metrics.sets import Sets

NEAREST = 0.05
"""The share of held-out data that lies next to training data, by which next to them is defined."""


def figure_of_copies(sets: Sets) -> Figure:
    """The share of samples as near to the training data as the nearest twentieth of held-out data is.

    The threshold is a quantile of the held-out data's own distances, so that the share varies by it as well as by the
    samples: the variance is that of two shares. Where many held-out rows are training rows too, as of few whole
    numbers, both shares count the rows that are.
    """
    held_out, samples = sets.to_train
    threshold = held_out.quantile(NEAREST, interpolation="higher")
    share, floor = (float((near <= threshold).double().mean()) for near in (samples, held_out))
    variance = sum(one * (1.0 - one) for one in (share, floor)) / sets.n
    return {"value": share, "floor": floor, "spread": math.sqrt(variance), "n": sets.n}
