"""A trained model as its user sees it: arrays in the data's own range and layout, in and out."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from remblai.config.registry import unknown
from remblai.data import Split, Units
from remblai.laws import SAMPLERS, NormalMixture, Prior
from remblai.objectives import AutoEncoder, CodeGenerator, Generator, Objective
from remblai.runs.folder import Run
from remblai.runtime.rng import seeded

Array = NDArray[Any]
Rows = Tensor | Split
"""The model's own x (n, ...), or a split of a data set, read a chunk at a time."""
CHUNK = 500


class Trained:
    """A run's model, with its averaged weights where it has them: sample, encode, decode, reconstruct, interpolate.

    The methods in verbs take and give arrays in the data's own range and layout; those in nouns (`draws`, `codes`,
    `reconstructions`, `paths`) the model's own tensors on the CPU.

    Args:
        run: the run on disk.
        objective: its model.
        units: how data and the model's tensors become each other.
        summary: what the recipe is, in a sentence.
        step: of the checkpoint that it is.
    """

    def __init__(self, run: Run, objective: Objective, units: Units, summary: str, step: int) -> None:
        self.run, self.objective, self.units, self.summary, self.step = run, objective, units, summary, step
        self._laws: dict[str, nn.Module] = {}
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
        return isinstance(self.objective, AutoEncoder | CodeGenerator)

    @property
    def decodes(self) -> bool:
        """Whether the model turns codes into data."""
        return self.encodes or isinstance(self.objective, Generator)

    @property
    def auto_encoder(self) -> AutoEncoder:
        """The auto-encoder of the model.

        Raises:
            ValueError: it has no encoder.
        """
        if isinstance(self.objective, AutoEncoder):
            return self.objective
        if isinstance(self.objective, CodeGenerator):
            return self.objective.auto_encoder
        raise ValueError(
            f"{self.run.settings['recipe']} has no encoder: it samples{' and decodes' * self.decodes}; take a recipe "
            "of an auto-encoder, such as wae-mmd."
        )

    @property
    def decoder(self) -> AutoEncoder | Generator:
        """The part of the model that turns codes into data, with the law that they come from.

        Raises:
            ValueError: it has none.
        """
        if isinstance(self.objective, Generator):
            return self.objective
        if not self.encodes:
            raise ValueError(f"{self.run.settings['recipe']} has no codes: it can sample only.")
        return self.auto_encoder

    @property
    def prior(self) -> Prior | None:
        """The law that the encoder's codes should follow; None where samples are decoded from one learned from them."""
        held = isinstance(self.objective, AutoEncoder) and not self.fits
        return self.auto_encoder.prior if held else None

    @property
    def fits(self) -> bool:
        """Whether the recipe's samples are decoded from a law that is fitted to codes after training."""
        return isinstance(self.objective, AutoEncoder) and self.objective.sampler is not None

    def __repr__(self) -> str:
        return f"<{self.run.settings['recipe']} of {self.run.settings['data']['spec']} in {self.folder}>"

    def sample(self, n: int = 64, seed: int | None = 0, sampler: str | None = None) -> Array:
        """n samples: images (n, h, w) or (n, h, w, c) uint8, or points (n, d), in the data's units.

        Args:
            n: how many, at least 1.
            seed: of the draw; None continues torch's global generator.
            sampler: the law of the codes that they are decoded from: prior, gaussian or mixture, of which the last
                two are fitted to codes by `fit`; None is the recipe's own.

        Raises:
            ValueError: n below 1, an unknown sampler, or one that has not been fitted to the codes of this step.
        """
        return self.units.restore(self.draws(n, seed, sampler))

    def encode(self, x: Array | Tensor, seed: int | None = 0) -> Array:
        """Codes z (n, k) of data x in its own units; a random encoder draws one code a point."""
        return self.codes(self.units.scale(x), seed).numpy()

    def decode(self, z: Array | Tensor) -> Array:
        """The mean of P(X|Z) at codes z (n, k), in the data's units.

        Raises:
            ValueError: codes of another width, or not finite.
        """
        codes = torch.as_tensor(z, dtype=torch.float32).detach().cpu()
        width = self.decoder.prior.latent
        if codes.ndim != 2 or codes.shape[1] != width:
            raise ValueError(f"decode: expected codes (n, {width}), got {tuple(codes.shape)}.")
        if not torch.isfinite(codes).all():
            raise ValueError("decode: the codes hold NaN or infinite values: remove or replace them.")
        return self.units.restore(self._through(self._decode, codes, None))

    def reconstruct(self, x: Array | Tensor, seed: int | None = 0) -> Array:
        """decode(encode(x)), in the data's units."""
        return self.units.restore(self.reconstructions(self.units.scale(x), seed))

    def interpolate(self, x0: Array | Tensor, x1: Array | Tensor, steps: int = 9) -> Array:
        """Decoded codes on the way between those of two data: (steps, ...) in the data's units, ends included.

        The way is a straight line, on the sphere an arc of a great circle.

        Args:
            x0: where it starts, one datum.
            x1: where it ends.
            steps: how many, at least 2.

        Raises:
            ValueError: fewer than 2 steps.
        """
        a, b = (self.units.scale(x[None]) for x in (x0, x1))
        return self.units.restore(self.paths(a, b, steps)[0])

    def draws(self, n: int, seed: int | None = 0, sampler: str | None = None) -> Tensor:
        """n samples x (n, ...)."""
        if n < 1:
            raise ValueError(f"n: expected at least 1 sample, got {n}.")
        draw = self._drawn_from(sampler)
        with seeded(seed, self.device):
            counts = [min(CHUNK, n - start) for start in range(0, n, CHUNK)]
            return torch.cat([draw(count).cpu() for count in counts])

    @property
    def sampler(self) -> str:
        """The name of the law of the codes that samples are decoded from: prior, generator (it learned codes), or that
        of the law that is fitted to them."""
        if isinstance(self.objective, CodeGenerator):
            return "generator"
        own = self.objective.sampler if isinstance(self.objective, AutoEncoder) else None
        return "prior" if own is None else own.name

    def law(self, sampler: str | None = None) -> nn.Module:
        """() -> the law of the codes (k,): the prior, or the one of this name that has been fitted; None is its own.

        Raises:
            ValueError: an unknown name, a law that has not been fitted to the codes of this step, or the prior of codes
                whose law a generator learned.
        """
        name = self.sampler if sampler is None else sampler
        if isinstance(self.objective, CodeGenerator) and name in ("prior", self.sampler):
            raise ValueError(
                f"sampler {name!r}: a generator learned the codes' law: no prior holds them, and it has no formula. "
                "Leave the sampler out, or fit a law to the codes."
            )
        if name == "prior":
            return self.decoder.prior
        if name not in self._laws:
            self._use(name, self._kept(name))
        return self._laws[name]

    def keep(self, name: str, law: NormalMixture) -> None:
        """Keeps a law that was fitted to the model's codes, with the run too."""
        self.run.keep_law(name, self.step, law.tensors())
        self._use(name, law)

    def _use(self, name: str, law: NormalMixture) -> None:
        self._laws[name] = law.to(self.device)
        if isinstance(self.objective, AutoEncoder) and name == self.sampler:
            self.objective.fitted = law

    def _kept(self, name: str) -> NormalMixture:
        """The law that the run keeps under this name."""
        if name not in SAMPLERS and name != self.sampler:
            raise unknown("sampler", name, SAMPLERS)
        _ = self.auto_encoder  # a generator has none: it says so before all else
        own, last = name == self.sampler, self.run.pointed("last")
        if last is not None and int(last.name) == self.step:
            remedy = f"remblai fit {self.folder}" + ("" if own else f" --sampler {name}")
        else:
            remedy = "remblai.fit(trained)" if own else f"remblai.fit(trained, {name!r})"
        try:
            return NormalMixture(**self.run.law(name, self.step))
        except (ValueError, TypeError) as problem:
            raise ValueError(f"{problem}: `{remedy}` fits it.") from None

    def codes(self, x: Rows, seed: int | None = 0) -> Tensor:
        """One draw of the codes (n, k) of x."""
        return self._through(lambda part: self.auto_encoder.encode(part).z, x, seed)

    def reconstructions(self, x: Rows, seed: int | None = 0) -> Tensor:
        """The decoder's mean at one draw of the codes of x."""
        return self._through(lambda part: self._decode(self.auto_encoder.encode(part).z), x, seed)

    def paths(self, x0: Tensor, x1: Tensor, steps: int) -> Tensor:
        """Between each of n pairs: (n, steps, ...), decoded codes on the way between theirs."""
        return self.walks(self.codes(x0), self.codes(x1), steps)

    def walks(self, z0: Tensor, z1: Tensor, steps: int) -> Tensor:
        """Between each of n pairs of codes (n, k): (n, steps, ...), what lies between, as the prior has it, decoded."""
        if steps < 2:
            raise ValueError(f"steps: expected at least 2, got {steps}.")
        between = self.decoder.prior.between(z0, z1, torch.linspace(0, 1, steps))
        decoded = self._through(self._decode, between.flatten(0, 1), None)
        return decoded.reshape(len(z0), steps, *decoded.shape[1:])

    def prior_sample(self, n: int, seed: int | None = 0) -> Tensor:
        """n draws (n, k) of the law of the codes that samples are decoded from."""
        with seeded(seed, self.device):
            if isinstance(self.objective, CodeGenerator):
                return self.objective.generator.sample(n).cpu()
            drawn: Tensor = self.law()().sample((n,))
            return drawn.cpu()

    def _drawn_from(self, sampler: str | None) -> Callable[[int], Tensor]:
        """What draws so many samples."""
        if isinstance(self.objective, AutoEncoder):
            return partial(self.objective.sample, law=self.law(sampler))
        if sampler in (None, self.sampler):
            return self.objective.sample
        return partial(self.auto_encoder.sample, law=self.law(sampler))

    def _decode(self, z: Tensor) -> Tensor:
        mean: Tensor = self.decoder.decoder(z).mean
        return mean

    @torch.no_grad()
    def _through(self, function: Callable[[Tensor], Tensor], x: Rows, seed: int | None) -> Tensor:
        with seeded(seed, self.device):
            parts = [x[start : start + CHUNK] for start in range(0, max(1, len(x)), CHUNK)]
            return torch.cat([function(part.to(self.device)).cpu() for part in parts])
