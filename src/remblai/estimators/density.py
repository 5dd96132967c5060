"""A law fitted to codes, as a scikit-learn density."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from sklearn.base import BaseEstimator, DensityMixin

from remblai.config.registry import make
from remblai.distances.validation import positive_integer
from remblai.estimators.checks import Array, checked, draw_seed, seed_of
from remblai.estimators.parameters import OPTIONS, SEED, law_options
from remblai.laws import FITTED
from remblai.runtime.rng import seeded


class LatentDensity(DensityMixin, BaseEstimator):
    """The density of codes, by one of the laws that `remblai fit` knows; behind an auto-encoder in a pipeline it
    scores anomalies.

    Args:
        law: a name of `remblai list samplers` with a density: gaussian, mixture, flow, ...
        options: the law's own, such as {"components": 20}.
        random_state: of the fit and of the draws.

    Attributes:
        law_: the fitted law.
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

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fits the law to codes X (n, k); y is left aside.

        Raises:
            ValueError: an unknown law, NaN, or too few codes for the law.
        """
        self._validate_params()
        self.seed_ = seed_of(self.random_state)
        law = make(FITTED, {"name": self.law, **law_options(self.law, self.options or {}, self.seed_)}, "law")
        codes = torch.tensor(checked(self, X, fitting=True))
        with seeded(self.seed_):
            self.law_ = law.fit(codes).double()
        return self

    def score_samples(self, X: Any) -> Array:
        """The log-density (n,) at codes X (n, k): low for anomalies.

        Raises:
            ValueError: a law without a density.
        """
        codes = torch.tensor(checked(self, X))
        return self.law_.log_prob(codes).double().cpu().numpy()  # type: ignore[no-any-return]

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
            return self.law_.sample(count).double().cpu().numpy()  # type: ignore[no-any-return]
