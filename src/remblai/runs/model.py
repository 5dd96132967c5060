"""A trained model as its user sees it: arrays in the data's own range and layout, in and out."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data import Units
from remblai.data.collect import is_row, one_sample
from remblai.distances.validation import positive_integer
from remblai.laws import SAMPLERS, FittedLaw, LatentLaw, Prior
from remblai.laws.means import mean_of
from remblai.objectives import Objective
from remblai.runs.chunks import Rows, checked_codes, in_chunks
from remblai.runs.folder import Run
from remblai.runs.labels import Labels, ends_beside, labels_beside, labels_for, labels_of_draws, weights_between
from remblai.runs.laws import Laws, density_of
from remblai.runtime.notebook import table
from remblai.runtime.rng import seeded

Array = NDArray[Any]


class Trained:
    """A run's model, with its averaged weights where it has them: sample, encode, decode, reconstruct, interpolate.

    The methods in verbs take and give arrays in the data's own range and layout, or data frames; those in nouns
    (`draws`, `codes`, `reconstructions`, `paths`) the model's own tensors on the CPU.

    Args:
        run: the run on disk.
        objective: its model.
        units: how data and the model's tensors become each other.
        summary: what the recipe is, in a sentence.
        step: of the checkpoint that it is.
        latent_law: the law of codes that its samples are decoded from, not fitted; None where it is the objective's.
    """

    def __init__(
        self, run: Run, objective: Objective, units: Units, summary: str, step: int, latent_law: FittedLaw | None = None
    ) -> None:
        self.run, self.objective, self.units, self.summary, self.step = run, objective, units, summary, step
        self.latent_law, self.laws = latent_law, Laws(run, objective, step, latent_law)
        self.conditional = objective.classes is not None  # whether it was trained with labels
        objective.eval().requires_grad_(False)

    @property
    def folder(self) -> Path:
        """Where the run is."""
        return self.run.folder

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.objective.parameters()).device

    @property
    def encodes(self) -> bool:
        """Whether the model has an encoder."""
        return self.objective.encodes

    @property
    def decodes(self) -> bool:
        """Whether the model turns codes into data."""
        return self.objective.decodes

    @property
    def prior(self) -> Prior | None:
        """The law that the encoder's codes should follow; None where nothing matches them to it."""
        own = self.objective
        return own.prior if self.encodes and (own.matches_prior or self.sampler == "prior") else None

    @property
    def fits(self) -> bool:
        """Whether the recipe's samples are decoded from a law that is fitted to codes after training."""
        return self.latent_law is not None

    def check_encodes(self) -> None:
        """Refuses what needs an encoder.

        Raises:
            ValueError: the model has none.
        """
        if not self.encodes:
            raise ValueError(
                f"{self.run.settings['recipe']} has no encoder: it samples{' and decodes' * self.decodes}; take a "
                "recipe of an auto-encoder, such as wae-mmd."
            )

    def check_decodes(self) -> None:
        """Refuses what needs codes.

        Raises:
            ValueError: the model has none.
        """
        if not self.decodes:
            raise ValueError(f"{self.run.settings['recipe']} has no codes: it can sample only.")

    @property
    def classes(self) -> list[str]:
        """The names of the data's classes, in the order of their numbers; none where they have no labels."""
        return list(self.run.settings["data"]["classes"] or [])

    def __repr__(self) -> str:
        return f"<{self.run.settings['recipe']} of {self.run.settings['data']['spec']} in {self.folder}>"

    def _repr_html_(self) -> str:
        parameters = f"{sum(one.numel() for one in self.objective.parameters()):,}"
        facts = {"step": self.step, "parameters": parameters, "device": self.device, "sampler": self.sampler}
        return table(f"{self!r}: {self.summary}", facts.items())

    def sample(
        self, n: int = 64, seed: int | None = 0, sampler: str | None = None, labels: Labels | None = None
    ) -> Any:
        """n samples: images (n, h, w) or (n, h, w, c), or points (n, d), in the data's units; a frame where it was one.

        Args:
            n: how many, at least 1.
            seed: of the draw; None continues torch's global generator.
            sampler: the law of the codes that they are decoded from: the prior, or a name of `laws.FITTED`, which
                `fit` fits to codes; None is the recipe's own.
            labels: of a conditional model: the class of all samples or of each, by name or number; None draws them by
                the shares that the training data have.

        Raises:
            ValueError: n below 1, an unknown sampler, one that has not been fitted to the codes of this step, or an
                unknown class.
        """
        return self.units.give(self.draws(n, seed, sampler, labels))

    def encode(self, x: Any, seed: int | None = None, labels: Labels | None = None) -> Array:
        """Codes z (n, k) of data x in its own units, an array, a tensor or a data frame: the mean of Q(Z|X).

        With a seed a random encoder draws one in its place. A conditional model needs the labels of x, as `sample`
        takes them, or their column in a data frame.
        """
        return self.codes_at(self.units.scale(x), seed, labels_beside(self.run, x, labels)).numpy()

    def log_prob(
        self, x: Any, sampler: str | None = None, seed: int | None = None, labels: Labels | None = None
    ) -> Array:
        """The log-density (n,) of the codes of data x, in its own units, under a law of codes: low for anomalies.

        Args:
            x: the data.
            sampler: the law: the prior, or one that `fit` has fitted to codes; None is the recipe's own.
            seed: of a draw of a random encoder's codes, in the place of their mean.
            labels: as for `encode`; a law that is fitted to each class is that of the row's own.

        Raises:
            ValueError: an unknown law, one that has not been fitted, or one whose density is not known.
        """
        known = labels_beside(self.run, x, labels)
        return self.code_log_prob(torch.from_numpy(self.encode(x, seed, known)), sampler, known).numpy()

    def decode(self, z: Array | Tensor, labels: Labels | None = None) -> Any:
        """The mean of P(X|Z) at codes z (n, k), in the data's units; a data frame where the data was one.

        Raises:
            ValueError: codes of another width, or not finite.
        """
        self.check_decodes()
        codes = checked_codes(z, self.objective.prior.latent)
        return self.units.give(self.decoded(codes, labels))

    def reconstruct(self, x: Any, seed: int | None = None, labels: Labels | None = None) -> Any:
        """decode(encode(x)), in the data's units; a data frame like x where x is one."""
        return self.units.give(self.reconstructions(self.units.scale(x), seed, labels_beside(self.run, x, labels)), x)

    def codes_at(self, x: Rows, seed: int | None, labels: Labels | None = None) -> Tensor:
        """The means of the codes (n, k) of x; with a seed, one draw."""
        return self.code_means(x, labels=labels) if seed is None else self.codes(x, seed, labels)

    def interpolate(self, x0: Any, x1: Any, steps: int = 9, labels: Any = None) -> Any:
        """Decoded codes on the way between those of two data: (steps, ...) in the data's units, ends included.

        The way is a straight line, on the sphere an arc of a great circle.

        Args:
            x0: where it starts, one datum: an array, a tensor or a row of a data frame, which gives a frame.
            x1: where it ends.
            steps: how many, at least 2.
            labels: of a conditional model: the classes of both ends, between whose coordinates the way leads, or one.

        Raises:
            ValueError: fewer than 2 steps.
        """
        first, last, labels = one_sample(x0), one_sample(x1), ends_beside(self.run, x0, x1, labels)
        path = self.paths(self.units.scale(first), self.units.scale(last), steps, labels)[0]
        return self.units.give(path, None if is_row(x0) else first)

    def draws(self, n: int, seed: int | None = 0, sampler: str | None = None, labels: Labels | None = None) -> Tensor:
        """n samples x (n, ...)."""
        n = positive_integer("n", n)
        draw = self._source(sampler)
        known = labels_of_draws(self.objective, n, labels, self.classes, seed)
        with seeded(seed, self.device):
            return in_chunks(lambda rows, *of: draw(len(rows), *of), torch.empty(n, 0), known, self.device)

    def take_sampling_steps(self, steps: int) -> None:
        """Draws samples of a flow by another number of steps than its run says.

        Raises:
            ValueError: a model whose samples are not integrated, or fewer than 1 step.
        """
        self.objective.take_sampling_steps(steps)

    def take_guidance(self, guidance: float) -> None:
        """Draws samples of a class of a flow by another guidance than its run says, as `Flow.guide`."""
        self.objective.guide(guidance)

    @property
    def sampler(self) -> str:
        """The name of the law that samples are decoded from: prior, generator (a network) or a fitted law's."""
        return self.objective.latent_name if self.latent_law is None else self.latent_law.name

    def law(self, sampler: str | None = None) -> LatentLaw:
        """The law of the codes: that of the objective, or the one of this name that has been fitted; None is its own.

        Raises:
            ValueError: an unknown name, a law that has not been fitted to the codes of this step, a model without
                codes, or the prior of codes whose law a generator learned.
        """
        name = self.sampler if sampler is None else sampler
        if name in ("prior", self.objective.latent_name):
            self.check_decodes()
        elif name in SAMPLERS or name == self.sampler:
            self.check_encodes()
        return self.laws.get(name)

    def keep(self, law: FittedLaw) -> None:
        """Keeps a law that was fitted to the model's codes, with the run too."""
        self.laws.keep(law)

    def codes(self, x: Rows, seed: int | None = 0, labels: Labels | None = None) -> Tensor:
        """One draw of the codes (n, k) of x."""
        self.check_encodes()
        return self._through(lambda *part: self.objective.encode(*part).z, x, seed, self._labels(x, labels))

    def code_means(self, x: Rows, seed: int | None = 0, labels: Labels | None = None) -> Tensor:
        """E[Z|X] (n, k) of x; of 256 draws where the law of the codes does not know its mean."""
        self.check_encodes()
        return self._through(lambda *part: mean_of(self.objective.encode(*part).law), x, seed, self._labels(x, labels))

    def code_log_prob(self, codes: Tensor, sampler: str | None = None, labels: Labels | None = None) -> Tensor:
        """The log-density (n,) of codes (n, k) under a law of codes, by its name; with labels under that of a class."""
        known = None if labels is None else self._labels(codes, labels)
        return self._through(density_of(self.law(sampler)), codes, None, known)

    def reconstructions(self, x: Rows, seed: int | None = 0, labels: Labels | None = None) -> Tensor:
        """The decoder's mean at one draw of the codes of x; at their mean where the seed is None."""
        return self.decoded(self.codes_at(x, seed, labels), self._labels(x, labels))

    def decoded(self, codes: Tensor, labels: Labels | None = None) -> Tensor:
        """The decoder's mean at codes (n, k), as the model sees it."""
        return self._through(self.objective.decode, codes, None, self._labels(codes, labels))

    def paths(self, x0: Tensor, x1: Tensor, steps: int, labels: Any = None) -> Tensor:
        """Between each of n pairs: (n, steps, ...), decoded codes on the way between theirs."""
        first, last = (None, None) if labels is None else labels
        return self.walks(self.code_means(x0, labels=first), self.code_means(x1, labels=last), steps, labels)

    def walks(self, z0: Tensor, z1: Tensor, steps: int, labels: Any = None) -> Tensor:
        """Between each of n pairs of codes (n, k): (n, steps, ...), what lies between, as the prior has it, decoded.

        Of a conditional model `labels` are the classes of both ends; their coordinates change on the way as codes do.
        """
        if steps < 2:
            raise ValueError(f"steps: expected at least 2, got {steps}.")
        self.check_decodes()
        shares = torch.linspace(0, 1, steps)
        weights = weights_between(self.objective, (z0, z1), labels, self.classes, shares)
        decoded = self.decoded(self.objective.prior.between(z0, z1, shares).flatten(0, 1), weights)
        return decoded.reshape(len(z0), steps, *decoded.shape[1:])

    def prior_sample(self, n: int, seed: int | None = 0) -> Tensor:
        """n draws (n, k) of the law of the codes that samples are decoded from."""
        with seeded(seed, self.device):
            return self.law().sample(n).cpu()

    def _source(self, sampler: str | None) -> Callable[..., Tensor]:
        """What draws so many samples."""
        name = self.sampler if sampler is None else sampler
        if name == self.objective.latent_name:
            return self.objective.sample
        return partial(self.objective.decode_from, self.law(name))

    def _labels(self, x: Rows, labels: Labels | None) -> Tensor | None:
        """The labels of x of a conditional model, its own where it is a split; None of other models."""
        return labels_for(self.objective, x, labels, self.classes)

    def _through(
        self, function: Callable[..., Tensor], x: Rows, seed: int | None, labels: Tensor | None = None
    ) -> Tensor:
        with seeded(seed, self.device):
            return in_chunks(function, x, labels, self.device)
