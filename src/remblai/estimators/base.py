"""What the estimators share: a model of standardised columns, trained in memory, that samples."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.nn.utils import parametrize

from remblai.data import Split
from remblai.data.rows import Rows
from remblai.distances.validation import positive_integer
from remblai.estimators.checks import Array, checked, draw_seed, seed_of, standardised
from remblai.estimators.parameters import LOOP, TRAINING, resolved_recipe
from remblai.laws import FittedLaw
from remblai.metrics import energy_distance
from remblai.objectives import Boltzmann, Objective
from remblai.recipes import Recipe
from remblai.runs.in_memory import train_objective
from remblai.runs.resolve import Resolved
from remblai.runtime import devices
from remblai.runtime.memory import as_memory_error
from remblai.runtime.rng import seeded
from remblai.training import Diverged

FEWEST_SCORED = 2
"""Rows of which the unbiased distance of samples can be taken."""


class TrainedEstimator(BaseEstimator):
    """An estimator whose `fit` trains a recipe on standardised columns, in memory. The base class.

    Attributes:
        model_: the trained `Objective`, in float64 and in evaluation mode.
        law_: the law of codes, fitted to those of the training data, that samples are decoded from; None where it is
            the model's own.
        scaler_: the `StandardScaler` between the columns' units and the model's.
        seed_: of the training; draws start from it too.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = TRAINING

    recipe: str | Recipe
    options: Mapping[str, Any] | None
    steps: int | None
    batch_size: int | None
    lr: float | None
    device: str
    random_state: Any

    def _train(self, X: Any, held_out: float = 0.0, **own: Any) -> tuple[Array, Array]:
        """Trains the recipe on X with the user's options and these, which parameters of the estimator set.

        Args:
            X: the data (n, d).
            held_out: the share of rows, drawn at random, that the model does not see, in whole rows; 0 for none.
            **own: options of the recipe.

        Returns:
            the rows that were trained on, and those held out.
        """
        loop = {name: getattr(self, name) for name in LOOP}
        resolved, device = resolved_recipe(self.recipe, self.options or {}, loop, **own), devices.choose(self.device)
        table = checked(self, X, fitting=True)
        seed = seed_of(self.random_state)
        left = np.empty((0, table.shape[1]))
        if held_out:
            order, count = np.random.default_rng(seed).permutation(len(table)), round(held_out * len(table))
            if min(count, len(table) - count) < FEWEST_SCORED:
                raise ValueError(f"X: expected rows of which {held_out:g} are 2 or more, got {len(table)}: pass more.")
            left, table = table[order[:count]], table[order[count:]]
        scaler, scaled, constants = standardised(table)
        x = torch.from_numpy(scaled.astype(np.float32))
        given = {name: value for name, value in resolved.arguments.items() if name in resolved.given}
        with seeded(seed, device), as_memory_error(f"The model has the options {given}."):
            model = _plain(self._trained(resolved, x, device, seed)).double().requires_grad_(False)
            law = self._fitted_law(resolved, model, x.double().to(device))
        self.seed_, self.scaler_, self._constants, self.model_, self.law_ = seed, scaler, constants, model, law
        return table, left

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _trained(self, resolved: Resolved, x: Tensor, device: torch.device, seed: int) -> Objective:
        model = _with_own_parts(resolved).build(tuple(x.shape[1:])).to(device)
        self._check_model(model)
        loop = resolved.loop
        if loop["steps"] is None:
            raise ValueError(f"steps: the recipe {resolved.recipe.name} has no default number of steps: pass steps=...")
        rows = Split("train", Rows(x.numpy()), torch.arange(len(x)))
        loop["batch_size"] = min(loop["batch_size"], len(x))
        try:
            return train_objective(model, loop, lambda size: rows.batches(size, seed, device=device))
        except Diverged as problem:
            problem.add_note(f"Try a smaller lr than {loop['lr']:g}, or options={{'clip': 1.0}}.")
            raise

    def _fitted_law(self, resolved: Resolved, model: Objective, x: Tensor) -> FittedLaw | None:
        law = resolved.latent_law()
        if law is None:
            return None
        with torch.no_grad():
            z = model.encode(x).z
        return law.fit(z).double().to(x.device)

    def _check_model(self, model: Objective) -> None:
        """Refuses a recipe whose model cannot do what the estimator is for.

        Raises:
            ValueError: such a model.
        """
        if isinstance(model, Boltzmann):
            raise ValueError(
                f"recipe: {type(self).__name__} standardises columns, and {self.recipe} is a machine of bits: train it "
                "by remblai.train(...), which keeps tables of 0 and 1 as they are."
            )

    @property
    def _device(self) -> torch.device:
        return next(self.model_.parameters()).device

    def _scaled(self, X: Any) -> Tensor:
        return self._standard(checked(self, X))

    def _standard(self, table: Array) -> Tensor:
        """Rows in the model's units."""
        return torch.from_numpy(self.scaler_.transform(table)).to(self._device)

    def _restored(self, x: Tensor) -> Array:
        found: Array = self.scaler_.inverse_transform(x.detach().cpu().double().numpy())
        return np.where(np.isnan(self._constants), found, self._constants)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Array:
        """Samples of the model (n, d), in the columns' units.

        Args:
            n_samples: how many, at least 1.
            random_state: of the draw; None draws the same samples at each call.

        Raises:
            ValueError: n_samples is no whole number of at least 1.
            NotFittedError: before `fit`.
        """
        seed, count = draw_seed(self, random_state), positive_integer("n_samples", n_samples)
        with seeded(seed, self._device), torch.no_grad():
            drawn = self.model_.sample(count) if self.law_ is None else self.model_.decode_from(self.law_, count)
        return self._restored(drawn)

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
        if len(x) < FEWEST_SCORED:
            raise ValueError(
                f"X: expected at least {FEWEST_SCORED} rows, whose distance to samples is the score, got {len(x)}: "
                "pass more, by fewer folds say."
            )
        samples = self.scaler_.transform(self.sample(len(x)))
        return -energy_distance(x.numpy(), samples)


def _with_own_parts(resolved: Resolved) -> Resolved:
    """The same with copies of the live parts among the options, so that `fit` changes no parameter of the estimator."""
    live = {name: value for name, value in resolved.arguments.items() if isinstance(value, nn.Module)}
    return replace(resolved, arguments=resolved.arguments | copy.deepcopy(live)) if live else resolved


def _plain(model: Objective) -> Objective:
    """The model with constrained weights as the numbers that they are: torch pickles no others."""
    for layer in list(model.modules()):
        if parametrize.is_parametrized(layer):
            for name in list(layer.parametrizations):  # type: ignore[arg-type]  # a ModuleDict
                parametrize.remove_parametrizations(layer, name)
    return model
