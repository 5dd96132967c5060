"""The optimal map between two tables, as a scikit-learn transformer."""

from typing import Any, Self

import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from torch import Tensor

from remblai.distances import transport
from remblai.distances.plan import Plan
from remblai.estimators.checks import Array, all_or_nothing, checked, checked_target
from remblai.laws.pushed import places


class TransportMap(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Moves rows as optimal transport moves the rows of `fit` to those of a target: domain adaptation.

    Without a target it is the standard normal law, as a quasi-random sequence of as many points as there are rows (one
    more if their number is odd). The result has normal columns that are independent of each other, which no transform
    column by column gives.

    Args:
        target: rows (m, d); None is the standard normal law.
        cost: a name of `remblai list costs`.
        epsilon: strength of the entropy, in units of the cost; None is exact transport. New rows move as the nearest
            row of `fit` does (exact) or by the softmax of the dual potential (entropic; Pooladian and Niles-Weed 2021,
            arXiv 2109.12004).

    Attributes:
        plan_: the `Plan` from the rows of `fit` to the target's.
        n_features_in_: columns seen by `fit`.

    >>> import numpy as np
    >>> from remblai import TransportMap
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> moved = TransportMap(target=x + [3.0, 0.0]).fit_transform(x)
    >>> bool(np.allclose(moved, x + [3.0, 0.0]))
    True
    """

    def __init__(self, target: Any = None, *, cost: str = "square", epsilon: float | None = None) -> None:
        self.target, self.cost, self.epsilon = target, cost, epsilon

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Computes the plan from X (n, d) to the target; y is left aside.

        Raises:
            ValueError: NaN, fewer than 2 rows, or a target of other columns.
        """
        rows = torch.tensor(checked(self, X, fitting=True))
        n, d = rows.shape
        self._places = places(d, n).double() if self.target is None else checked_target(self.target, X, d)
        self._rows, self._cost, self._epsilon = rows, self.cost, self.epsilon
        self.plan_ = self._plan(rows, self._places)
        return self

    def _plan(self, x: Tensor, y: Tensor) -> Plan:
        """The plan by the parameters of `fit`, which may have been set to others since."""
        return transport(x, y, cost=self._cost, epsilon=self._epsilon)

    def transform(self, X: Any) -> Array:
        """Rows X (n, d), moved towards the target."""
        rows = torch.tensor(checked(self, X))
        return self.plan_.map(rows).numpy()  # type: ignore[no-any-return]

    def inverse_transform(self, X: Any) -> Array:
        """Rows X (n, d) of the target's law, moved back: the map of the plan the other way, solved as by `fit`."""
        rows = torch.tensor(checked(self, X))
        return self._plan(self._places, self._rows).map(rows).numpy()  # type: ignore[no-any-return]
