"""A mixture of normal laws of the codes."""

from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from remblai.laws.fitted.base import check_codes
from remblai.laws.fitted.normals import Normals, ridge

COUNTS = (1, 2, 3, 4, 6, 8, 10, 14, 20, 28, 40, 56, 75, 100)
"""Numbers of components that are compared."""
SHARE = 0.2
"""The held-out share of the codes."""
FEWEST = 20
"""Codes below which there are none to hold out: one component is taken."""
MOST = 10_000
"""Codes by which the number is chosen, at most; the law is then fitted to all."""
FALLS = 3
"""Numbers in a row below the best at which the search ends."""


class Mixture(Normals):
    """A mixture of normal laws of full covariances, by expectation maximisation from k-means (scikit-learn's).

    Without a number of components the one of 1 to 100 is taken whose mixture, fitted to four fifths of the codes, gives
    the other fifth the highest mean log-likelihood.

    Args:
        components: of the mixture; as many as there are different codes, where they are fewer; none chooses.
        seed: of the k-means from which it starts, and of the codes that are held out.

    Raises:
        ValueError: components below 1; by `fit`: fewer than 2 codes, or codes that are not finite.

    Source: as a law of codes: Ghosh et al., "From variational to deterministic autoencoders" (2020), arXiv 1903.12436.
    """

    name: ClassVar[str] = "mixture"

    def __init__(self, components: int | None = None, seed: int = 0) -> None:
        if components is not None and components < 1:
            raise ValueError(f"sampler 'mixture': expected at least 1 component, got {components}.")
        super().__init__()
        self.components, self.seed = components, seed

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        z = check_codes(codes).numpy()
        different = len(np.unique(z, axis=0))
        scores: dict[int, float] = {}
        if self.components is None:
            scores = self._scores(z, different)
            components = max(scores, key=lambda count: scores[count]) if scores else 1
        else:
            components = min(self.components, different)
        model = self._model(z, components)
        self.facts = {"held_out": {str(count): score for count, score in scores.items()}}
        return self.take(*(torch.from_numpy(part) for part in (model.weights_, model.means_, model.covariances_)))

    @property
    def choice(self) -> str:
        scores = self.facts.get("held_out", {})
        if not scores or self.weights is None:
            return ""
        likelihoods = ", ".join(f"{count}: {score:.3f}" for count, score in scores.items())
        count = len(self.weights)
        have = "component has" if count == 1 else "components have"
        return f"{count} {have} the highest held-out log-likelihood ({likelihoods})"

    def _scores(self, z: Any, different: int) -> dict[int, float]:
        """The mean held-out log-likelihood by number of components, until three in a row are below the best."""
        if len(z) < FEWEST:
            return {}
        order = np.random.default_rng(self.seed).permutation(len(z))[:MOST]
        first = int(SHARE * len(order))
        held_out, fitted = z[order[:first]], z[order[first:]]
        most = min(different, len(np.unique(fitted, axis=0)))
        scores: dict[int, float] = {}
        for count in COUNTS:
            if count > most:
                break
            scores[count] = float(self._model(fitted, count).score(held_out))
            if _falling(list(scores.values())):
                break
        return scores

    def _model(self, z: Any, components: int) -> Any:
        from sklearn.mixture import GaussianMixture  # half a second, which only this needs

        ridged = float(ridge(torch.from_numpy(z)).min())
        return GaussianMixture(components, reg_covar=ridged, max_iter=500, random_state=self.seed).fit(z)


def _falling(values: list[float]) -> bool:
    """Whether the last values are all below the best before them."""
    return len(values) > FALLS and max(values[-FALLS:]) < max(values[:-FALLS])
