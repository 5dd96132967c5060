"""Auto-encoders as scikit-learn's transformers: codes, reconstructions, samples, and errors that mark anomalies."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from remblai.config.convert import convert
from remblai.distances.validation import finite
from remblai.estimators.base import TrainedEstimator
from remblai.estimators.checks import Array, all_or_nothing, checked_codes
from remblai.estimators.parameters import COUNT, TRAINING
from remblai.laws.means import mean_of
from remblai.objectives import AutoEncoder, Objective


class Coding(TrainedEstimator):
    """An estimator whose recipe is an auto-encoder's. The base class."""

    n_components: int

    def _check_model(self, model: Objective) -> None:
        super()._check_model(model)
        if not isinstance(model, AutoEncoder):
            raise ValueError(
                f"recipe: {type(self).__name__} expected one of an auto-encoder, such as wae-mmd, got {self.recipe!r}; "
                "use Generator, which only samples."
            )

    def _codes(self, x: Tensor) -> Tensor:
        """The means of the encoder's law at standardised rows."""
        encoder = self.model_.encoder
        assert isinstance(encoder, nn.Module)
        with torch.no_grad():
            codes = mean_of(encoder(x))
        finite("codes of X", codes)  # a network overflows on rows that are far from all that it has seen
        return codes


class _AutoEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Coding):
    """What both auto-encoders do."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"n_components": [COUNT], **TRAINING}

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Trains the recipe on X (n, d), columns standardised; y is left aside.

        Raises:
            ValueError: a parameter or an option of another type or range, NaN, or fewer than 2 rows.
            TypeError: a sparse matrix.
            MemoryError: more n_components, or a wider network, than there is memory for.
        """
        self._validate_params()
        self._train(X, latent=convert("n_components", self.n_components, int))
        return self

    @property
    def _n_features_out(self) -> int:
        return self.model_.prior.latent

    def transform(self, X: Any) -> Array:
        """Codes (n, n_components) of X: the means of the encoder's law."""
        return self._codes(self._scaled(X)).cpu().numpy()

    def inverse_transform(self, X: Any) -> Array:
        """Data (n, d), in the columns' units, decoded from codes X (n, n_components).

        Raises:
            ValueError: codes of another width, or that are not finite.
        """
        check_is_fitted(self)
        codes = checked_codes(self, X, self._n_features_out)
        with torch.no_grad():
            return self._restored(self.model_.decode(codes.to(self._device)))

    def score_samples(self, X: Any) -> Array:
        """Minus the reconstruction error of each row (n,), a mean over standardised columns: low for anomalies."""
        x = self._scaled(X)
        with torch.no_grad():
            errors = (self.model_.decode(self._codes(x)) - x).square().mean(1)
        return -errors.cpu().numpy()


class WassersteinAutoEncoder(_AutoEncoder):
    """Wasserstein auto-encoder of a table (Tolstikhin et al. 2018, arXiv 1711.01558): nonlinear components and samples.

    It minimises E |x - G(z)|^2 + weight * D(Q_Z, P_Z) on standardised columns, so that the codes of all data together
    have the prior's law, and samples are decoded draws of it.

    Args:
        n_components: coordinates of a code.
        recipe: wae-mmd, wae-gan, sinkhorn-ae, or another of `remblai list recipes` with an encoder and a decoder, or
            your own.
        options: the recipe's, its parts' and its loop's, such as {"weight": 10.0, "network": {"name": "mlp",
            "width": 64}}.
        steps: of training; None takes the recipe's.
        batch_size: rows in a batch; None takes the recipe's, and at most all rows.
        lr: learning rate; None takes the recipe's.
        device: auto, cpu, cuda or cuda:0.
        random_state: of the weights, the batches and the draws.

    Attributes:
        model_: the trained `Objective`.
        law_: the law of codes that samples are decoded from, where the recipe fits one (rae), otherwise None.
        scaler_: the `StandardScaler` of the columns.
        n_features_in_: columns seen by `fit`.

    >>> from sklearn.datasets import load_iris
    >>> from remblai import WassersteinAutoEncoder
    >>> model = WassersteinAutoEncoder(n_components=2, steps=20, random_state=0).fit(load_iris().data)
    >>> model.transform(load_iris().data).shape, model.sample(5).shape
    ((150, 2), (5, 4))
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        recipe: str = "wae-mmd",
        options: Mapping[str, Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_components, self.recipe, self.options = n_components, recipe, options
        self.steps, self.batch_size, self.lr = steps, batch_size, lr
        self.device, self.random_state = device, random_state


class VariationalAutoEncoder(_AutoEncoder):
    """Variational auto-encoder of a table (Kingma and Welling 2014, arXiv 1312.6114).

    It minimises E -log p(x|z) + KL(Q(Z|x), P_Z) on standardised columns. `transform` has the means of Q(Z|x).

    Args:
        n_components: coordinates of a code.
        recipe: vae, or another of `remblai list recipes` with an encoder and a decoder, or your own.
        options: the recipe's, its parts' and its loop's, such as {"network": {"name": "mlp", "width": 64}}.
        steps: of training; None takes the recipe's.
        batch_size: rows in a batch; None takes the recipe's, and at most all rows.
        lr: learning rate; None takes the recipe's.
        device: auto, cpu, cuda or cuda:0.
        random_state: of the weights, the batches and the draws.

    Attributes:
        model_: the trained `Objective`.
        law_: the law of codes that samples are decoded from, where the recipe fits one (rae), otherwise None.
        scaler_: the `StandardScaler` of the columns.
        n_features_in_: columns seen by `fit`.

    >>> from sklearn.datasets import load_iris
    >>> from remblai import VariationalAutoEncoder
    >>> model = VariationalAutoEncoder(n_components=2, steps=20, random_state=0).fit(load_iris().data)
    >>> model.score_samples(load_iris().data).shape
    (150,)
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        recipe: str = "vae",
        options: Mapping[str, Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_components, self.recipe, self.options = n_components, recipe, options
        self.steps, self.batch_size, self.lr = steps, batch_size, lr
        self.device, self.random_state = device, random_state
