"""Columns, and channels of codes, in units of their deviation."""

import numpy as np
from numpy.typing import NDArray


def standardised(
    points: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(points - mean) / deviation, where a constant column, of deviation 0, is only shifted."""
    return (points - mean) / np.where(deviation == 0, 1.0, deviation)


def by_channel(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers (k,), one a channel, as they are taken with codes (n, k, h, w)."""
    return numbers[:, None, None]
