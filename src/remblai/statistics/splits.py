"""Many statistics of two samples in one exact test: scores that random splits of the pooled rows calibrate together."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from remblai.statistics.statistic import permutation

Floats = NDArray[np.float64]
Weights = NDArray[np.float32]

ENTRIES = 2**24
"""Signed weights that are in memory at a time: 64 MB."""
TIES = 1e-6
"""Share of a score within which two are equal: the same split found twice may round differently."""


class Splits:
    """The split that was observed and random ones, as signed weights of the pooled rows.

    A row of the first part weighs +1/n, one of the second -1/m: a statistic that is a function of sums of such weights
    is computed for all splits by matrix products. With strata the rows are split anew within each stratum alone, and a
    row of stratum g weighs w_g / n_g or -w_g / m_g: both parts then have the same mix w of strata, and what is left is
    the difference within them. The rows of a stratum that one part lacks weigh 0.

    Args:
        first: which rows (N,) are of the first part.
        permutations: how many random splits.
        draws: the splits are a function of it.
        strata: of each row, from 0 up; None is one for all.
    """

    def __init__(
        self,
        first: NDArray[np.bool_],
        permutations: int,
        draws: torch.Generator,
        strata: NDArray[np.int64] | None = None,
    ) -> None:
        strata = np.zeros(len(first), np.int64) if strata is None else strata
        self.masks = np.empty((1 + permutations, len(first)), np.bool_)
        self.masks[0] = first
        for rows in (np.flatnonzero(strata == one) for one in np.unique(strata)):
            part = first[rows]
            for mask in self.masks[1:]:
                mask[rows] = part[permutation(len(rows), draws).numpy()]
        self.first, self.strata = first, strata

    def __len__(self) -> int:
        return len(self.masks)

    def weights(self, rows: NDArray[np.int64] | None = None) -> Iterator[tuple[slice, Weights]]:
        """The signed weights (N, k) of k splits at a time, with which splits they are.

        Args:
            rows: weights of these rows alone, (len(rows), k): each part counts as what it has there. They are to be
                chosen without regard to the parts, or the test is not exact.
        """
        masks, strata = (self.masks, self.strata) if rows is None else (self.masks[:, rows], self.strata[rows])
        step = max(1, ENTRIES // masks.shape[1])
        for start in range(0, len(masks), step):
            part = slice(start, min(start + step, len(masks)))
            yield part, _signed(np.ascontiguousarray(masks[part].T), strata)

    def variances(self, rows: NDArray[np.int64] | None = None) -> Floats:
        """For each stratum v_g: over random splits the weights of its N_g rows have the covariance v_g (1 - J / N_g).

        Args:
            rows: of the weights of these rows alone, on average over which of them are of the first part.
        """
        count = int(self.strata.max()) + 1
        _, _, share = mix(self.first, self.strata)
        sizes = np.bincount(self.strata, minlength=count)
        n = np.bincount(self.strata[self.first], minlength=count).astype(float)
        m = sizes - n
        kept = np.ones(count) if rows is None else np.bincount(self.strata[rows], minlength=count) / sizes
        n, m, size = n * kept, m * kept, sizes * kept
        known = (n > 0) & (m > 0) & (size > 1)
        return np.where(known, share**2 * size / np.where(known, n * m * (size - 1.0), 1.0), 0.0)


def mix(first: NDArray[np.bool_], strata: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """The shares of the strata in the first part, in the second, and their mean over strata that both have."""
    count = int(strata.max()) + 1
    a, b = (np.bincount(strata[part], minlength=count) / max(1, part.sum()) for part in (first, ~first))
    both = np.where((a > 0) & (b > 0), (a + b) / 2, 0.0)
    return a, b, both / max(both.sum(), np.finfo(float).tiny)


def _signed(masks: NDArray[np.bool_], strata: NDArray[np.int64]) -> Weights:
    """From masks (N, k) of the first part to signed weights (N, k)."""
    count = int(strata.max()) + 1
    if count == 1:
        n = masks.sum(0)
        m = len(masks) - n
        return np.asarray(np.where(masks, 1.0 / np.maximum(n, 1), -1.0 / np.maximum(m, 1)), np.float32)
    found = np.zeros(masks.shape, np.float32)
    every = np.stack([masks[strata == one].sum(0) for one in range(count)])
    sizes = np.bincount(strata, minlength=count)[:, None]
    n, m = every, sizes - every
    shares = np.where((n > 0) & (m > 0), n / n.sum(0) + m / m.sum(0), 0.0)
    shares = shares / np.maximum(shares.sum(0), np.finfo(float).tiny)
    for one in range(count):
        rows = strata == one
        up, down = shares[one] / np.maximum(n[one], 1), shares[one] / np.maximum(m[one], 1)
        found[rows] = np.where(masks[rows], up, -down)
    return found


class Law(NamedTuple):
    """The law of a quadratic form of the weights over random splits: a shifted gamma law of its first three moments.

    Attributes:
        mean, deviation: of the form.
        shape: of the gamma law; that of chi-squared of k degrees of freedom is k / 2.
    """

    mean: Floats
    deviation: Floats
    shape: Floats

    @classmethod
    def chi_squared(cls, freedom: int) -> "Law":
        """Of a form that is whitened."""
        return cls(np.asarray(float(freedom)), np.sqrt(2.0 * np.asarray(freedom)), np.asarray(0.5 * freedom))

    @classmethod
    def of_matrix(cls, matrix: Floats) -> "Law":
        """Of |g|^2 for a normal g of this covariance (k, k): its cumulants are traces of the matrix's powers."""
        square = matrix @ matrix
        first, second, third = np.trace(matrix), np.trace(square), float((square * matrix).sum())
        if second <= 0.0:
            return cls(np.asarray(0.0), np.asarray(0.0), np.asarray(1.0))
        return cls(np.asarray(first), np.sqrt(2.0 * second), np.asarray(second**3 / (2.0 * third**2)))

    def scores(self, values: Floats) -> Floats:
        """-log P(X >= value): how unlikely a value is, on one scale for all forms."""
        if not self.deviation > 0.0:
            return np.zeros_like(values)
        scaled = (values - self.mean) / self.deviation * np.sqrt(self.shape) + self.shape
        scaled = np.maximum(scaled, 1e-300)
        tail = special.gammaincc(self.shape, scaled)
        leading = scaled - (self.shape - 1.0) * np.log(scaled) + special.gammaln(self.shape)
        return np.asarray(np.where(tail > 1e-280, -np.log(np.maximum(tail, 1e-300)), leading))


def p_values(found: Floats) -> Floats:
    """For each row the share of splits, the observed one included, that score at least as high as the observed one.

    Args:
        found: scores (k, 1 + permutations), the observed split first.
    """
    slack = TIES * np.maximum(1.0, np.abs(found[:, :1]))
    return np.asarray((found >= found[:, :1] - slack).mean(1))
