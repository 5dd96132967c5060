"""The negative log-likelihood: the cost of a point under a law."""

from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from remblai.costs.cost import Cost


class NegativeLogLikelihood(Cost):
    """c(x, G) = -log p(x | z): reads the decoder's law instead of a point, and so has no matrix."""

    reads_law: ClassVar[bool] = True

    def __call__(self, x: Tensor, y: Distribution) -> Tensor:
        """-log p(x_i) under the law's i-th member: x (n, ...) -> (n,)."""
        values: Tensor = -y.log_prob(x)
        if values.shape != x.shape[:1]:
            raise ValueError(
                f"negative log-likelihood: expected one number for each of the {len(x)} points, got "
                f"{tuple(values.shape)}: use a law of batch shape ({len(x)},) and event shape {tuple(x.shape[1:])}."
            )
        return values

    def matrix(self, x: Tensor, y: Distribution) -> Tensor:
        """Not defined: raises ValueError, because a law is not a set of points."""
        raise ValueError("negative log-likelihood: it reads a law and has no matrix of costs: choose another cost.")
