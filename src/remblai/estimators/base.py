"""What the estimators share: input checked as scikit-learn does, seeds, and a model trained in memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from remblai.config.registry import unknown
from remblai.data import Split
from remblai.data.rows import Rows
from remblai.distances.validation import finite, positive_integer, refuse_masked, tensor
from remblai.metrics import energy_distance
from remblai.objectives import Objective
from remblai.recipes import RECIPES
from remblai.runs.in_memory import train_objective
from remblai.runtime import devices
from remblai.runtime.rng import seeded

Array = NDArray[np.float64]


def checked(estimator: BaseEstimator, X: Any, *, fitting: bool = False) -> Array:
    """X (n, d) as finite float64; at `fit` at least 2 rows, afterwards of as many columns as then.

    Raises:
        ValueError: another shape, or values that are missing, masked or not finite.
    """
    if not fitting:
        check_is_fitted(estimator)
    least = 2 if fitting else 1
    found: Array = validate_data(
        estimator, _readable("X", X), reset=fitting, dtype=np.float64, order="C", ensure_min_samples=least
    )
    return found


def checked_target(target: Any, width: int) -> Tensor:
    """Rows (m, width) of a target as finite float64.

    Raises:
        ValueError: another shape, or values that are missing, masked or not finite.
    """
    given = check_array(_readable("target", target), dtype=np.float64, order="C", input_name="target")
    if given.shape[1] != width:
        raise ValueError(f"target: expected the {width} columns of X, got {given.shape[1]}: pass those columns.")
    return torch.tensor(given)


def _readable(name: str, rows: Any) -> Any:
    """The rows for scikit-learn, which reads no tensor with a gradient and ignores masks: those are refused."""
    refuse_masked(name, rows)
    return rows.detach().cpu() if isinstance(rows, Tensor) else rows


def checked_codes(estimator: BaseEstimator, Z: Any, width: int) -> Tensor:
    """Codes (n, width) as a float64 tensor.

    Raises:
        ValueError: another shape, or codes that are missing, masked or not finite.
    """
    check_is_fitted(estimator)
    codes = tensor("codes", Z).detach().cpu().double()
    if codes.ndim != 2 or codes.shape[1] != width or not len(codes):
        raise ValueError(
            f"codes: expected (n, {width}) with n >= 1, got {tuple(codes.shape)}: pass what `transform` returns."
        )
    finite("codes", codes)
    return codes


def seed_of(random_state: Any) -> int:
    """A seed from scikit-learn's random_state: a number, a RandomState, or None for one that is drawn."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def draw_seed(estimator: Any, random_state: Any) -> int:
    """The seed of a draw: that of `fit` where random_state is None, so that the same call draws the same rows.

    Raises:
        NotFittedError: before `fit`.
    """
    check_is_fitted(estimator)
    return int(estimator.seed_) if random_state is None else seed_of(random_state)


class TrainedEstimator(BaseEstimator):
    """An estimator whose `fit` trains a recipe on standardised columns, in memory. The base class.

    Attributes:
        model_: the trained `Objective`, in float64 and in evaluation mode.
        scaler_: the `StandardScaler` between the columns' units and the model's.
        seed_: of the training; draws start from it too.
    """

    recipe: str
    options: Mapping[str, Any] | None
    steps: int | None
    batch_size: int | None
    lr: float | None
    device: str
    random_state: Any

    def _train(self, X: Any, **options: Any) -> None:
        """Trains the recipe with these options and the user's own on X."""
        table = checked(self, X, fitting=True)
        if self.recipe not in RECIPES:
            raise unknown("recipe", self.recipe, RECIPES)
        recipe, device = RECIPES[self.recipe], devices.choose(self.device)
        self.seed_ = seed_of(self.random_state)
        self.scaler_ = StandardScaler().fit(table)
        rows = Split("train", Rows(self.scaler_.transform(table).astype(np.float32)), torch.arange(len(table)))
        loop = {**recipe.loop, **self._loop()}
        with seeded(self.seed_, device):
            model: Objective = recipe(rows.shape, **{"network": "mlp", **options, **dict(self.options or {})}).to(
                device
            )
            self._check_model(model)
            size = min(int(loop.get("batch_size", 100)), len(rows))
            trained = train_objective(
                model, {**loop, "batch_size": size}, lambda size: rows.batches(size, self.seed_, device=device)
            )
        self.model_ = trained.double().requires_grad_(False)

    def _loop(self) -> dict[str, Any]:
        given = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr}
        return {name: value for name, value in given.items() if value is not None}

    def _check_model(self, model: Objective) -> None:
        """Refuses a recipe whose model cannot do what the estimator is for."""

    @property
    def _device(self) -> torch.device:
        return next(self.model_.parameters()).device

    def _scaled(self, X: Any) -> Tensor:
        table = self.scaler_.transform(checked(self, X))
        return torch.from_numpy(table).to(self._device)

    def _restored(self, x: Tensor) -> Array:
        found: Array = self.scaler_.inverse_transform(x.detach().cpu().double().numpy())
        return found

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """Samples of the model (n, d), in the columns' units.

        Args:
            n_samples: how many, at least 1.
            random_state: of the draw; None draws the same samples at each call.

        Raises:
            ValueError: n_samples is no whole number of at least 1.
            NotFittedError: before `fit`.
        """
        with seeded(draw_seed(self, random_state), self._device), torch.no_grad():
            return self._restored(self.model_.sample(positive_integer("n_samples", n_samples)))

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the unbiased squared energy distance of X and as many samples, on standardised columns: 0 is best.

        It may be slightly above 0 where the laws are equal. Higher is better, as in grid searches.

        Args:
            X: held-out data (n, d), n of 2 or more.
            y: left aside.

        Raises:
            ValueError: fewer than 2 rows.
        """
        x = self._scaled(X).cpu()
        samples = self.scaler_.transform(self.sample(len(x)))
        return -energy_distance(x.numpy(), samples)
