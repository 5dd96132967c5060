"""The fitted law that held-out data choose."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from remblai.laws.fitted.base import FittedLaw, check_codes
from remblai.laws.fitted.flow import Flow
from remblai.laws.fitted.gaussian import Gaussian
from remblai.laws.fitted.held_out import ROWS, best_of_new, reference, score
from remblai.laws.fitted.mixture import Mixture
from remblai.laws.fitted.transport import Transport
from remblai.laws.fitted.two_stage import TwoStage
from remblai.runtime.rng import seeded

CANDIDATES: dict[str, Callable[..., FittedLaw]] = {
    "gaussian": Gaussian,
    "mixture": Mixture,
    "mixture-10": partial(Mixture, 10),
    "mixture-20": partial(Mixture, 20),
    "mixture-40": partial(Mixture, 40),
    "transport": Transport,
    "flow": Flow,
    "two-stage": TwoStage,
}
"""From the simplest law to the most complex one."""
SHARE = 0.2
"""The held-out share of the codes, where no held-out data are given."""
FEWEST = 20
"""Codes below which none can be held out, and held-out data below which codes are held out in their place."""


class DecodedCodes(NamedTuple):
    """The decoder, and what it makes of the codes of data: what decoded draws of a law are compared with.

    Attributes:
        decode: codes (n, k) -> data (n, ...).
        held_out: (m, ...), decoded codes of data that neither the model nor the law was fitted to, and by which no
            figure is reported.
        fitted: (n, ...), decoded codes that the law is fitted to.
        features: data (n, ...) -> (n, k), on which the distance is taken; the data themselves where none are given.
    """

    decode: Callable[[Tensor], Tensor]
    held_out: Tensor
    fitted: Tensor
    features: Callable[[Tensor], Tensor] = partial(torch.flatten, start_dim=1)


class Auto(FittedLaw):
    """The law, of several, whose decoded draws pass best for reconstructions of data that it was not fitted to.

    Each candidate is fitted to the codes. The squared energy distance between reconstructions of held-out data and
    decoded draws, of images on features of theirs, says how well they pass: 0 is perfect, for a law of codes can do no
    better than the codes of data. It is a mean over up to 20 samples of each law. Candidates whose draws lie nearer to
    the reconstructions of the data of the fit than those of held-out data do, in more than 60 % of pairs and beyond
    chance, are copies and are left out. Of the others the best is taken (`held_out.best_of_new`).

    The density of codes is no measure of that: it does not know what the decoder makes of a code. Without decoded
    codes a fifth of the codes is held out, draws are compared with those, and the chosen law is fitted to all.

    Args:
        candidates: names of `CANDIDATES`; they are compared from the simplest on, in the order of that table. `flow`
            and `two-stage`, whose fits take longest, are compared where they are named.
        seed: of the codes that are held out, and of the draws.

    Raises:
        ValueError: no candidate, or an unknown one; by `fit`: fewer than 20 codes, or codes that are not finite.
    """

    name: ClassVar[str] = "auto"
    fewest: ClassVar[int] = FEWEST

    def __init__(
        self,
        candidates: tuple[str, ...] = (
            "gaussian",
            "mixture",
            "mixture-10",
            "mixture-20",
            "mixture-40",
            "transport",
        ),
        seed: int = 0,
    ) -> None:
        super().__init__()
        unknown = [name for name in candidates if name not in CANDIDATES]
        if unknown or not candidates:
            raise ValueError(
                f"sampler 'auto': expected candidates of {', '.join(CANDIDATES)}, got {', '.join(unknown) or 'none'}."
            )
        self.candidates, self.seed = candidates, seed
        self.law: FittedLaw | None = None
        self.facts: dict[str, Any] = {}
        self.has_density = all(CANDIDATES[name]().has_density for name in candidates)

    def fit(self, codes: Tensor, labels: Tensor | None = None, decoded: DecodedCodes | None = None) -> Self:
        """Fits the candidates, and becomes the chosen one.

        Args:
            codes: (n, k).
            labels: (n,), of the data that were encoded.
            decoded: what decoded draws are compared with; with None, or fewer than 20 held-out data, draws are compared
                with held-out codes instead.

        Raises:
            ValueError: fewer than 20 codes, or codes that are not finite.
        """
        z = check_codes(codes)
        if len(z) < FEWEST:
            raise ValueError(
                f"sampler 'auto': expected at least {FEWEST} codes, to hold some out, got {len(z)}: name a "
                "law, such as gaussian."
            )
        names = [name for name in CANDIDATES if name in self.candidates]
        if decoded is not None and len(decoded.held_out) < FEWEST:
            decoded = None
        with seeded(self.seed):
            if decoded is None:
                order, count = torch.randperm(len(z)), int(SHARE * len(z))
                fitted = z[order[count:]]
                compared = DecodedCodes(lambda codes: codes, z[order[:count]].float(), fitted)
                laws = [CANDIDATES[name]().fit(fitted) for name in names]
            else:
                compared = decoded
                laws = [CANDIDATES[name]().fit(z, labels) for name in names]
            to = reference(compared.held_out[:ROWS], compared.fitted, compared.features)
            scores = [score(_draws(compared.decode, law), to) for law in laws]
        place = best_of_new(scores)
        self.law = CANDIDATES[names[place]]().fit(z, labels) if decoded is None else laws[place]
        self.has_density = self.law.has_density
        self.facts = {
            "chosen": names[place],
            "by": "held-out codes" if decoded is None else "reconstructions of held-out data",
            "held_out": len(to.held_out),
            "distances": {name: one.distance for name, one in zip(names, scores, strict=True)},
            "errors": {name: one.distance_error for name, one in zip(names, scores, strict=True)},
            "nearer": {name: one.nearer for name, one in zip(names, scores, strict=True)},
            "copies": [name for name, one in zip(names, scores, strict=True) if one.copies],
            "state": self.law.state()[0],
        }
        return self

    def sample(self, n: int) -> Tensor:
        return self.fitted().sample(n)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.fitted().log_prob(z)

    @property
    def choice(self) -> str:
        if not self.facts:
            return ""
        copies = self.facts.get("copies", [])
        distances = self.facts["distances"].items()
        listed = ", ".join(f"{name} {value:.2g}{' (copies)' * (name in copies)}" for name, value in distances)
        inner = self.fitted().choice
        beside = f"{listed}; 0 is perfect; {self.facts['by']}, n {self.facts.get('held_out')}"
        return f"{self.facts['chosen']}: {self._why(copies)} ({beside})" + (f"; {inner}" if inner else "")

    def _why(self, copies: Sequence[str]) -> str:
        if len(copies) == len(self.facts["distances"]):
            return "the one that copies least, for all candidates give back the data of the fit: name others"
        return "the least squared energy distance of a law that is no copy, up to chance"

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return self.facts, self.fitted().state()[1]

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        self.law, self.facts = CANDIDATES[facts["chosen"]]().restore(facts["state"], tensors), dict(facts)
        self.has_density = self.law.has_density
        return self

    def fitted(self) -> FittedLaw:
        """The law that was chosen.

        Raises:
            ValueError: the law has not been fitted.
        """
        if self.law is None:
            raise ValueError("sampler 'auto': the law has not been fitted yet: call fit(codes) first.")
        return self.law


def _draws(decode: Callable[[Tensor], Tensor], law: FittedLaw) -> Callable[[int], Tensor]:
    """n -> n decoded draws (n, ...) of the law."""
    return lambda n: decode(law.sample(n))
