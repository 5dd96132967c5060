"""A law fitted to codes, as a scikit-learn density."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, DensityMixin

from remblai.config.registry import make
from remblai.distances.validation import positive_integer
from remblai.estimators.checks import Array, all_or_nothing, checked, draw_seed, seed_of, standardised
from remblai.estimators.parameters import OPTIONS, SEED, law_options
from remblai.laws import FITTED
from remblai.runtime.rng import seeded


class LatentDensity(DensityMixin, BaseEstimator):
    """The density of codes, by one of the laws that `remblai fit` knows; behind an auto-encoder in a pipeline it
    scores anomalies.

    Args:
        law: a name of `remblai list samplers`: gaussian, mixture or flow, which have a density; the others only sample.
        options: the law's own, such as {"components": 20}.
        random_state: of the fit and of the draws.

    Attributes:
        law_: the fitted law of standardised columns.
        scaler_: the `StandardScaler` of the columns.
        n_features_in_: coordinates of a code.

    >>> from sklearn.datasets import load_iris
    >>> from remblai import LatentDensity, WassersteinAutoEncoder
    >>> from sklearn.pipeline import make_pipeline
    >>> codes = WassersteinAutoEncoder(2, steps=20, random_state=0)
    >>> density = make_pipeline(codes, LatentDensity("gaussian")).fit(load_iris().data)
    >>> density.score_samples(load_iris().data).shape
    (150,)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"law": [str], **OPTIONS, **SEED}

    def __init__(
        self, law: str = "gaussian", *, options: Mapping[str, Any] | None = None, random_state: Any = None
    ) -> None:
        self.law, self.options, self.random_state = law, options, random_state

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fits the law to codes X (n, k); y is left aside.

        Raises:
            ValueError: an unknown law, NaN, or too few codes for the law.
        """
        self._validate_params()
        seed = seed_of(self.random_state)
        law = make(FITTED, {"name": self.law, **law_options(self.law, self.options or {}, seed)}, "law")
        scaler, scaled, constants = standardised(checked(self, X, fitting=True))
        with seeded(seed):
            law = law.fit(torch.from_numpy(scaled)).double()
        self.seed_, self.scaler_, self._constants, self.law_ = seed, scaler, constants, law
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "law_")

    def score_samples(self, X: Any) -> Array:
        """The log-density (n,) at codes X (n, k): low for anomalies.

        Raises:
            ValueError: a law without a density.
        """
        table = checked(self, X)
        if not self.law_.has_density:
            raise ValueError(
                f"law: expected one with a density to score rows, got {self.law_.name!r}, which is known through its "
                "samples only: fit gaussian, mixture or flow."
            )
        codes = torch.from_numpy(self.scaler_.transform(table))
        density: Array = self.law_.log_prob(codes).double().cpu().numpy()
        return density - np.log(self.scaler_.scale_).sum()  # type: ignore[no-any-return]

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-density of codes X (n, k); y is left aside."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """Codes (n, k) drawn from the law.

        Args:
            n_samples: how many, at least 1.
            random_state: of the draw; None draws the same codes at each call.

        Raises:
            ValueError: n_samples is no whole number of at least 1.
        """
        with seeded(draw_seed(self, random_state)):
            count = positive_integer("n_samples", n_samples)
            drawn: Array = self.scaler_.inverse_transform(self.law_.sample(count).double().cpu().numpy())
        return np.where(np.isnan(self._constants), drawn, self._constants)
