"""The law of codes, axis by axis, against the law that samples are decoded from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 32
SAMPLES = 19
"""Samples of the law behind a floor: what follows the law exceeds all of them once in 20."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One coordinate of codes.

    Attributes:
        place: which coordinate.
        low, high: of the histograms, in which all codes and draws lie.
        codes, law: (BINS,) densities of codes, and of the law.
        w1: W1 between the codes and the law along the axis.
        floor: the largest of the same W1 of 19 samples of the law, as many as there are codes.
    """

    place: int
    low: float
    high: float
    codes: Floats
    law: Floats
    w1: float
    floor: float


def axes_of(codes: Floats, law: Floats, samples: Floats) -> list[Axis]:
    """Each coordinate of codes against the law, the farthest first.

    Args:
        codes: (n, k).
        law: (r n, k), a large sample of the law.
        samples: (s, n, k), independent samples of the law: an axis that follows it exceeds all of them once in s + 1.
    """
    order = np.sort(law, axis=0)
    own = distances(codes, order)
    floors = np.max([distances(sample, order) for sample in samples], axis=0)
    found = [_axis(place, codes[:, place], law[:, place], own[place], floors[place]) for place in range(codes.shape[1])]
    return sorted(found, key=lambda axis: axis.floor - axis.w1)


def distances(sample: Floats, law: Floats) -> Floats:
    """W1 (k,) along each axis between a sample (n, k) and a sorted one (r n, k): the mean gap of their quantiles."""
    often = len(law) // len(sample)
    gaps: Floats = np.abs(np.repeat(np.sort(sample, axis=0), often, axis=0) - law).mean(axis=0)
    return gaps


def _axis(place: int, codes: Floats, law: Floats, w1: float, floor: float) -> Axis:
    both = np.concatenate([codes, law])
    low, high = float(both.min()), float(both.max())
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    heights = [np.histogram(one, BINS, (low, high), density=True)[0] for one in (codes, law)]
    return Axis(place, low, high, heights[0], heights[1], float(w1), float(floor))
