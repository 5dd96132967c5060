"""An auto-encoder as scikit-learn's detector of outliers, with a rate of false alarms that holds for new rows."""

import warnings
from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import OutlierMixin
from sklearn.utils._param_validation import Interval
from torch import Tensor

from remblai.config.convert import convert
from remblai.config.registry import make
from remblai.estimators.autoencoders import Coding
from remblai.estimators.checks import Array, all_or_nothing
from remblai.estimators.parameters import COUNT, TRAINING
from remblai.laws import FITTED, FittedLaw
from remblai.runtime.rng import seeded
from remblai.statistics.outliers import Surprise, column_gains

SHARE = Interval(Real, 0, 1, closed="neither")


class OutlierDetector(OutlierMixin, Coding):
    """Finds rows that are unlike those of `fit`, by an auto-encoder of a table.

    A row's score is the log-density of its code plus that of its reconstruction error, each column in units of what is
    usual for it. Part of the rows of `fit` is held out of the training, and says which scores are usual: of new rows
    like those of `fit` the share `false_alarms` is called outliers, however well the model has learned its own rows.

    Args:
        n_components: coordinates of a code.
        recipe: wae-mmd, or another of `remblai list recipes` with an encoder and a decoder, or your own.
        law: of the codes: gaussian, mixture or flow, which have a density, or one with options, as
            {"name": "mixture", "components": 3}.
        false_alarms: the share of new rows like those of `fit` that are called outliers.
        held_out: the share of the rows of `fit` that the model does not see.
        options: the recipe's, its parts' and its loop's, such as {"weight": 10.0}.
        steps: of training; None takes the recipe's.
        batch_size: rows in a batch; None takes the recipe's, and at most all rows.
        lr: learning rate; None takes the recipe's.
        device: auto, cpu, cuda or cuda:0.
        random_state: of the weights, the batches and the rows that are held out.

    Attributes:
        model_: the trained `Objective`.
        scaler_: the `StandardScaler` of the columns.
        offset_: the score below which a row is an outlier.
        n_features_in_: columns seen by `fit`.

    Source: Bates et al. (2023), arXiv 2104.08279 (p-values).

    >>> import numpy as np
    >>> from remblai import OutlierDetector
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> detector = OutlierDetector(steps=20, random_state=0).fit(x)
    >>> detector.predict([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [COUNT],
        "law": [str, Mapping],
        "false_alarms": [SHARE],
        "held_out": [SHARE],
        **TRAINING,
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        recipe: str = "wae-mmd",
        law: str | Mapping[str, Any] = "gaussian",
        false_alarms: float = 0.05,
        held_out: float = 0.25,
        options: Mapping[str, Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_components, self.recipe, self.law, self.options = n_components, recipe, law, options
        self.false_alarms, self.held_out = false_alarms, held_out
        self.steps, self.batch_size, self.lr = steps, batch_size, lr
        self.device, self.random_state = device, random_state

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Trains the recipe on part of X (n, d) and scores the rest; y is left aside.

        Raises:
            ValueError: a parameter or an option of another type or range, a law without a density, NaN, or fewer than 2
                rows held out.
            TypeError: a sparse matrix.
        """
        self._validate_params()
        law = self._chosen_law()
        rows, held_out = self._train(X, self.held_out, latent=convert("n_components", self.n_components, int))
        if not np.isnan(self._constants).any():
            raise ValueError(
                f"X: expected rows that differ, got {len(rows) + len(held_out)} rows of which those that were trained "
                "on are all equal: an outlier would be any other row; pass rows with some spread."
            )
        with seeded(self.seed_):
            self._density = law.fit(self._codes(self._standard(rows))).double()
        reference = self._standard(held_out)
        self._usual, self._typical = Surprise(*self._parts(reference)), reference.median(0).values
        self.offset_ = self._usual.threshold(self.false_alarms)
        least = 1.0 / (1.0 + len(held_out))
        if self.false_alarms < least:
            warnings.warn(
                f"false_alarms: {self.false_alarms:g} cannot be told from {len(held_out)} held-out rows, of which "
                f"{least:.2g} is taken: pass more rows, or a larger held_out",
                stacklevel=2,
            )
        return self

    def _chosen_law(self) -> FittedLaw:
        given = dict(self.law) if isinstance(self.law, Mapping) else {"name": self.law}
        found: FittedLaw = make(FITTED, given, "law")
        if not found.has_density:
            raise ValueError(f"law: expected one with a density, such as gaussian or mixture, got {self.law!r}.")
        return found

    def score_samples(self, X: Any) -> Array:
        """The score (n,) of rows X (n, d), a log-density of row and code together: low for outliers."""
        x = self._scaled(X)
        return self._usual.score(*self._parts(x))

    def decision_function(self, X: Any) -> Array:
        """The score (n,) of rows X (n, d) less `offset_`: below 0 for outliers."""
        scores = self.score_samples(X)
        return scores - self.offset_

    def predict(self, X: Any) -> Array:
        """-1 for outliers among rows X (n, d), 1 for the others."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> Array:
        """How often a held-out row scores as low as each of X (n, d), the row itself counted: (n,)."""
        scores = self.score_samples(X)
        return self._usual.p_values(scores)

    def column_gains(self, X: Any) -> Array:
        """How much the score rises when each column alone is replaced by its median, (n, d): most where one is off."""
        x = self._scaled(X)
        return column_gains(lambda rows: self._usual.score(*self._parts(rows)), x, self._typical)

    def _parts(self, x: Tensor) -> tuple[Array, Array]:
        """The squared errors (n, d) and the log-densities of codes (n,) of standardised rows."""
        codes = self._codes(x)
        with torch.no_grad():
            squares = (self.model_.decode(codes) - x).square().cpu().numpy()
            log_prob = self._density.log_prob(codes.cpu()).double().numpy()
        return squares, log_prob
