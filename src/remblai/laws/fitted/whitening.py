"""Codes of mean 0 and covariance I, in which networks and transports of codes are fitted."""

import torch
from torch import Tensor, nn

from remblai.laws.fitted.normals import ridge


class Whitening(nn.Module):
    """z = mean + factor u, with factor the Cholesky factor of the codes' covariance and its ridge, in float32.

    A dead axis of the codes is 0 in u, and what a law makes of it stays below a thousandth of the codes' scale in z.

    Args:
        latent: k, the number of coordinates of a code.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("factor", torch.eye(latent))

    @classmethod
    def of(cls, codes: Tensor) -> "Whitening":
        """That of codes (n, k) in float64."""
        k = codes.shape[1]
        found = cls(k)
        covariance = torch.cov(codes.T).reshape(k, k) + torch.diag(ridge(codes)).to(codes)
        found.mean, found.factor = codes.mean(0).float(), torch.linalg.cholesky(covariance).float()
        return found

    def whiten(self, z: Tensor) -> Tensor:
        """u (n, k) of z (n, k)."""
        whitened: Tensor = torch.linalg.solve_triangular(self.factor, (z - self.mean).T, upper=False)
        return whitened.T

    def restore(self, u: Tensor) -> Tensor:
        """z (n, k) of u (n, k)."""
        return self.mean + u @ self.factor.T

    def log_volume(self) -> Tensor:
        """log |det dz / du|."""
        return self.factor.diagonal().log().sum()
