"""Penalties on the code of an auto-encoder: how far the codes' law is from the prior."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

from remblai import devices
from remblai.discrepancies import Discrepancy


class Code(NamedTuple):
    """A batch and its codes: x (n, ...), the law Q(Z|X) and a draw z (n, k)."""

    x: Tensor
    law: Distribution
    z: Tensor


class Penalty(nn.Module):
    """The interface: `penalty(code, prior)` is a scalar that the model minimises."""

    needs_density = False

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        """The penalty on this batch of codes."""
        raise NotImplementedError

    def adversary_loss(self, code: Code, prior: Distribution) -> Tensor | None:
        """The loss of the penalty's critic, or None."""
        return None


class Marginal(Penalty):
    """D(P_Z, Q_Z): a discrepancy between the prior and the aggregated codes (WAE, arXiv 1711.01558, eq. 4).

    Args:
        discrepancy: D; it sees the codes of all devices, for it is no mean over points.
    """

    def __init__(self, discrepancy: Discrepancy) -> None:
        super().__init__()
        self.discrepancy = discrepancy

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        return self.discrepancy.to_law(devices.gather(code.z), prior)

    def adversary_loss(self, code: Code, prior: Distribution) -> Tensor | None:
        return self.discrepancy.adversary_loss_to_law(devices.gather(code.z), prior)


class Conditional(Penalty):
    """E_X KL(Q(Z|X) || P_Z): the VAE's penalty (arXiv 1312.6114). Needs an encoder with a density.

    In closed form where there is one; else, as for a mixture prior, log q(z|x) - log p(z) at the code that was drawn,
    which has the same mean.
    """

    needs_density = True

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        try:
            return kl_divergence(code.law, prior.expand(code.law.batch_shape)).mean()
        except NotImplementedError:
            density: Tensor = code.law.log_prob(code.z) - prior.log_prob(code.z)
            return density.mean()
