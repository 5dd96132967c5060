"""Regularisers of an auto-encoder's decoder: penalties or constraints that keep it smooth."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from remblai.networks.spectral import add_spectral_norm, power_iterate


class Regulariser:
    """The interface: `prepare` is called once, `project` before each decoding while training, then the regulariser."""

    def prepare(self, decoder: nn.Module) -> None:
        """Changes the decoder's layers where the constraint needs it."""

    def project(self, decoder: nn.Module) -> None:
        """Brings the decoder back to where it must be."""

    def __call__(self, decoder: nn.Module, z: Tensor) -> Tensor | None:
        """The penalty of the decoder, z (n, k) -> the law of x, at the codes z of a batch: a scalar, or None."""
        return None


class WeightDecay(Regulariser):
    """The sum of squares of the decoder's weights, its biases and normalisations' gains left out (RAE-L2)."""

    def __call__(self, decoder: nn.Module, z: Tensor) -> Tensor:
        return torch.stack([w.square().sum() for w in decoder.parameters() if w.ndim > 1]).sum()


class Gradient(Regulariser):
    """E |dG/dz|^2, the squared Frobenius norm of the decoder's Jacobian at the codes (RAE-GP).

    Estimated without bias by one product with random signs v: E_v |d(v . G)/dz|^2 = |dG/dz|^2. (The authors' code has
    the derivative of the sum of G^2 in its place.) Batch normalisation ties points together, and their mutual
    derivatives then count.
    """

    def __call__(self, decoder: nn.Module, z: Tensor) -> Tensor:
        penalty: Tensor = _eager()(decoder, z)
        return penalty


@functools.cache
def _eager() -> Callable[[nn.Module, Tensor], Tensor]:
    """`squared_gradient` left out of compilation: a compiled graph can be differentiated once only."""
    # wrapped when it is first needed: this loads the compiler, which takes seconds
    return torch.compiler.disable(squared_gradient)  # type: ignore[no-any-return, no-untyped-call]


def squared_gradient(decoder: nn.Module, z: Tensor) -> Tensor:
    """The estimate of E |dG/dz|^2 at the codes z (n, k), itself differentiable."""
    frozen = {name: buffer.clone() for name, buffer in decoder.named_buffers()}  # batch statistics move once a step
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        x: Tensor = functional_call(decoder, frozen, (z,)).mean
        signs = torch.randint(0, 2, x.shape, device=x.device).to(x.dtype) * 2.0 - 1.0
        (gradient,) = torch.autograd.grad(x, z, signs, create_graph=True)
    return gradient.square().sum(1).mean()


class SpectralNorm(Regulariser):
    """Each linear and convolution layer's weight is divided by its largest singular value: costs nothing (RAE-SN).

    As for critics (Miyato et al., arXiv 1802.05957). The singular vectors advance by one power iteration before each
    decoding.
    """

    def prepare(self, decoder: nn.Module) -> None:
        """Puts the division on each layer's weight."""
        add_spectral_norm(decoder)

    def project(self, decoder: nn.Module) -> None:
        """One power iteration on each layer."""
        power_iterate(decoder, 1)


REGULARISERS: dict[str, Callable[..., Regulariser]] = {
    "weight-decay": WeightDecay,
    "gradient": Gradient,
    "spectral": SpectralNorm,
}
