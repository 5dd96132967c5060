"""The normal law of the codes."""

from typing import ClassVar, Self

import torch
from torch import Tensor

from remblai.laws.fitted.base import check_codes
from remblai.laws.fitted.normals import Normals, ridge


class Gaussian(Normals):
    """The normal law of the codes' mean and covariance.

    Raises:
        ValueError: by `fit`: fewer than 2 codes, or codes that are not finite.
    """

    name: ClassVar[str] = "gaussian"

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        z = check_codes(codes)
        covariance = torch.cov(z.T).reshape(z.shape[1], z.shape[1]) + torch.diag(ridge(z))
        return self.take(torch.ones(1), z.mean(0)[None], covariance[None])
