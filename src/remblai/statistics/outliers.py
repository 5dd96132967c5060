"""How unusual rows are for a model, beside rows that it has not seen: scores, p-values, discoveries."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control
from torch import Tensor

Floats = NDArray[np.float64]
FLOOR = 0.01
"""The least variance of a coordinate, as a share of the mean over coordinates: a constant pixel may move a little."""
TINY = 1e-30
"""The least variance where nothing varies."""


class Surprise:
    """The score of a row x with the code z: log p(z) + log N(x; G(z), v), low for outliers, and its p-value.

    v is the variance of the errors x - G(z) of each coordinate on held-out rows, so that a coordinate counts in units
    of what is usual for it. The p-value of a new row is how often a held-out row scores as low, the row itself counted:
    of rows like those held out it is below any level no oftener than the level says (conformal). To be compared alike,
    each held-out row has its score by the variances of the others.

    Args:
        squares: squared errors (m, d) of held-out rows, m of 2 or more.
        log_prob: the log-density (m,) of their codes.

    Attributes:
        variances: (d,).
        scores: (m,), those of the held-out rows.

    Raises:
        ValueError: fewer than 2 rows.

    Source: conformal p-values: Bates, Candes, Lei, Romano, Sesia, "Testing for outliers with conformal p-values"
    (2023), arXiv 2104.08279.
    """

    def __init__(self, squares: Floats, log_prob: Floats) -> None:
        m = len(squares)
        if m < 2:
            raise ValueError(f"outliers: expected at least 2 held-out rows to compare with, got {m}.")
        total = squares.sum(0)
        self.variances = _kept(total / m)
        self.scores = _score(squares, log_prob, _kept((total - squares) / (m - 1)))
        self._ordered = np.sort(self.scores)

    def score(self, squares: Floats, log_prob: Floats) -> Floats:
        """The scores (n,) of new rows with squared errors (n, d) and log-densities (n,)."""
        return _score(squares, log_prob, self.variances)

    def p_values(self, scores: Floats) -> Floats:
        """The p-values (n,) of scores (n,): at least 1 / (m + 1)."""
        below = np.searchsorted(self._ordered, scores, side="right")
        return np.asarray((1.0 + below) / (1.0 + len(self._ordered)), np.float64)

    def threshold(self, level: float) -> float:
        """The score below which the p-value is at most the level; that of 1 / (m + 1) where the level is below it."""
        place = math.floor(level * (len(self._ordered) + 1) + 1e-9)
        return float(self._ordered[max(1, place) - 1])


def discoveries(p_values: Floats, level: float = 0.05) -> NDArray[np.bool_]:
    """Which of the p-values (n,) are of outliers, where the expected share of false ones is at most the level.

    Source: Benjamini and Hochberg, "Controlling the false discovery rate" (1995); for conformal p-values, which depend
    on each other, Bates et al. (2023), theorem 2.
    """
    return np.asarray(false_discovery_control(p_values) <= level)


def column_gains(
    score: Callable[[Tensor], Floats], x: Tensor, typical: Tensor, columns: Sequence[Sequence[int]] | None = None
) -> Floats:
    """How much the score of rows x (n, d) rises when each column alone is replaced by a typical value (d,): (n, d).

    The column that gains most is the one that is off. The error of a column would accuse others: a decoder spreads one
    wrong cell over the columns that go with it.

    Args:
        score: of rows (n, d): (n,).
        x: rows.
        typical: of each column.
        columns: which are replaced together, for each figure (n, k); None is each alone.
    """
    found = []
    for column in [[place] for place in range(x.shape[1])] if columns is None else columns:
        changed = x.clone()
        changed[:, column] = typical[column]
        found.append(score(changed))
    return np.stack(found, 1) - score(x)[:, None]


def _kept(variances: Floats) -> Floats:
    """Variances (..., d), none below the floor."""
    kept: Floats = np.maximum(variances, np.maximum(FLOOR * variances.mean(-1, keepdims=True), TINY))
    return kept


def _score(squares: Floats, log_prob: Floats, variances: Floats) -> Floats:
    found: Floats = log_prob - 0.5 * (squares / variances + np.log(2.0 * np.pi * variances)).sum(-1)
    return found
