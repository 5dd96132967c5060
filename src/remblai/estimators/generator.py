"""Any recipe as a scikit-learn estimator that samples."""

from collections.abc import Mapping
from typing import Any, Self

from remblai.estimators.base import TrainedEstimator
from remblai.estimators.checks import all_or_nothing


class Generator(TrainedEstimator):
    """A generator of rows like those of a table, trained by any recipe: `fit`, `sample`, `score`.

    Args:
        recipe: a name of `remblai list recipes` that takes points, such as wgan-gp, drifting or flow-matching, or your
            own recipe.
        options: the recipe's, its parts' and its loop's, such as {"latent": 4, "clip": 1.0}.
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
    >>> from remblai import Generator
    >>> Generator("wgan-gp", steps=5, random_state=0).fit(load_iris().data).sample(3).shape
    (3, 4)
    """

    def __init__(
        self,
        recipe: str = "wgan-gp",
        *,
        options: Mapping[str, Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.recipe, self.options = recipe, options
        self.steps, self.batch_size, self.lr = steps, batch_size, lr
        self.device, self.random_state = device, random_state

    @all_or_nothing
    def fit(self, X: Any, y: Any = None) -> Self:
        """Trains the recipe on X (n, d), columns standardised; y is left aside.

        Raises:
            ValueError: an unknown recipe, a parameter or an option of another type or range, NaN, or fewer than 2 rows.
            TypeError: a sparse matrix.
            MemoryError: a larger model than there is memory for.
        """
        self._validate_params()
        self._train(X)
        return self
