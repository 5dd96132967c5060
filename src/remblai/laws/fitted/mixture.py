"""A mixture of normal laws of the codes."""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from remblai.laws.fitted.base import check_codes
from remblai.laws.fitted.normals import Normals, ridge


class Mixture(Normals):
    """A mixture of normal laws of full covariances, by expectation maximisation from k-means (scikit-learn's).

    Args:
        components: of the mixture; as many as there are different codes, where they are fewer.
        seed: of the k-means from which it starts.

    Raises:
        ValueError: components below 1; by `fit`: fewer than 2 codes, or codes that are not finite.

    Source: as a law of codes: Ghosh et al., "From variational to deterministic autoencoders" (2020), arXiv 1903.12436.
    """

    name: ClassVar[str] = "mixture"

    def __init__(self, components: int = 10, seed: int = 0) -> None:
        if components < 1:
            raise ValueError(f"sampler 'mixture': expected at least 1 component, got {components}.")
        super().__init__()
        self.components, self.seed = components, seed

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        from sklearn.mixture import GaussianMixture  # half a second, which only this needs

        z = check_codes(codes)
        components = min(self.components, len(np.unique(z.numpy(), axis=0)))
        model = GaussianMixture(components, reg_covar=ridge(z), max_iter=500, random_state=self.seed).fit(z.numpy())
        return self.take(*(torch.from_numpy(part) for part in (model.weights_, model.means_, model.covariances_)))
