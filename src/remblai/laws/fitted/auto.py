"""The fitted law that held-out codes choose."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from remblai.laws.fitted.base import FittedLaw, check_codes
from remblai.laws.fitted.flow import Flow
from remblai.laws.fitted.gaussian import Gaussian
from remblai.laws.fitted.mixture import Mixture
from remblai.laws.fitted.transport import Transport
from remblai.laws.fitted.two_stage import TwoStage
from remblai.runtime.rng import seeded

CANDIDATES: dict[str, Callable[..., FittedLaw]] = {
    law.name: law for law in (Gaussian, Mixture, Transport, Flow, TwoStage)
}
SHARE = 0.2
"""The held-out share of the codes."""
FEWEST = 20
"""Codes below which none can be held out."""
MOST = 2000
"""Held-out codes that are looked at, at most."""


class Auto(FittedLaw):
    """The one of several laws that suits held-out codes best, fitted to all codes.

    Each candidate is fitted to four fifths of the codes. Where all have a density, the one of the highest mean
    log-likelihood of the other fifth is taken; else the one whose draws a nearest-neighbour classifier can tell least
    well from as many held-out codes: the accuracy, leaving one out, that is nearest to a half.

    Args:
        candidates: names of fitted laws, with their default options: gaussian, mixture, transport, flow, two-stage.
        seed: of the codes that are held out, and of the draws.

    Raises:
        ValueError: no candidate, or an unknown one; by `fit`: fewer than 20 codes, or codes that are not finite.
    """

    name: ClassVar[str] = "auto"

    def __init__(self, candidates: tuple[str, ...] = ("gaussian", "mixture", "flow"), seed: int = 0) -> None:
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

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        z = check_codes(codes)
        if len(z) < FEWEST:
            raise ValueError(
                f"sampler 'auto': expected at least {FEWEST} codes, to hold some out, got {len(z)}: name a "
                "law, such as gaussian."
            )
        with seeded(self.seed):
            order = torch.randperm(len(z))
            held = int(SHARE * len(z))
            fitted, other = z[order[held:]], z[order[:held]][:MOST].float()
            score = self._likelihood if self.has_density else self._accuracy
            scores = {name: score(CANDIDATES[name]().fit(fitted), other) for name in self.candidates}
        worth = scores if self.has_density else {name: -abs(value - 0.5) for name, value in scores.items()}
        chosen = max(worth, key=lambda name: worth[name])
        self.law = CANDIDATES[chosen]().fit(z)
        by = "held-out log-likelihood" if self.has_density else "held-out 1-NN accuracy"
        self.facts = {"chosen": chosen, "by": by, "scores": scores, "state": self.law.state()[0]}
        return self

    def sample(self, n: int) -> Tensor:
        return self.fitted().sample(n)

    def log_prob(self, z: Tensor) -> Tensor:
        return self.fitted().log_prob(z)

    @property
    def choice(self) -> str:
        if not self.facts:
            return ""
        best = "highest" if self.has_density else "nearest to 0.5"
        told = ", ".join(f"{name} {value:.3f}" for name, value in self.facts["scores"].items())
        inner = self.fitted().choice
        return f"{self.facts['chosen']}, by {self.facts['by']}, {best} ({told})" + (f"; {inner}" if inner else "")

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return self.facts, self.fitted().state()[1]

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        self.law, self.facts = CANDIDATES[facts["chosen"]]().restore(facts["state"], tensors), dict(facts)
        return self

    def fitted(self) -> FittedLaw:
        """The law that was chosen.

        Raises:
            ValueError: the law has not been fitted.
        """
        if self.law is None:
            raise ValueError("sampler 'auto': the law has not been fitted yet: call fit(codes) first.")
        return self.law

    def _likelihood(self, law: FittedLaw, held: Tensor) -> float:
        return float(law.log_prob(held).mean())

    def _accuracy(self, law: FittedLaw, held: Tensor) -> float:
        return classifier_accuracy(held, law.sample(len(held)))


def classifier_accuracy(x: Tensor, y: Tensor) -> float:
    """The leave-one-out accuracy of a nearest-neighbour classifier of x (n, k) against y (n, k); ties are half right.

    Source: Lopez-Paz & Oquab, "Revisiting classifier two-sample tests" (2017), arXiv 1610.06545.
    """
    right = []
    for own, other in ((x.double(), y.double()), (y.double(), x.double())):
        within, across = torch.cdist(own, own).fill_diagonal_(torch.inf).amin(1), torch.cdist(own, other).amin(1)
        right.append((within < across).double() + 0.5 * (within == across).double())
    return float(torch.cat(right).mean())
