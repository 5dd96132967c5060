"""Constraints on a critic: none, clipped weights, a penalty on its gradient, or the spectral norm of its layers."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from remblai.networks.spectral import add_spectral_norm, power_iterate

Score = Callable[[Tensor], Tensor]
Kinds = type[nn.Module] | tuple[type[nn.Module], ...]
NORMALISING = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
"""Layers that divide by a standard deviation: their gradient has no bound."""


class Lipschitz:
    """The interface: a constraint on a critic; here none.

    `prepare` is called once, `project` after it and after each critic step.

    Attributes:
        differentiates_twice: its penalty reads the score's gradient, which a compiled graph cannot differentiate again.

    >>> import torch
    >>> from torch import nn
    >>> from remblai.critics import Lipschitz
    >>> class Halved(Lipschitz):
    ...     @torch.no_grad()
    ...     def project(self, critic):
    ...         for parameter in critic.parameters():
    ...             parameter.mul_(0.5)
    >>> Halved().penalty(nn.Linear(2, 1), torch.zeros(3, 2), torch.zeros(3, 2))
    0.0
    """

    differentiates_twice: ClassVar[bool] = False

    def prepare(self, critic: nn.Module) -> None:
        """Checks the critic, and changes its layers where the constraint needs it."""

    def project(self, critic: nn.Module) -> None:
        """Brings the critic back into the constraint."""

    def penalty(self, score: Score, x: Tensor, y: Tensor) -> Tensor | float:
        """What is added to the critic's loss: score (n, ...) -> (n,), x (n, ...) ~ P, y (m, ...) ~ Q."""
        return 0.0


class Free(Lipschitz):
    """No constraint: for the games of f-divergences.

    >>> import torch
    >>> from torch import nn
    >>> from remblai.critics import Free
    >>> Free().penalty(nn.Linear(2, 1), torch.zeros(3, 2), torch.zeros(3, 2))
    0.0
    """


class Clip(Lipschitz):
    """Every parameter of the critic is clipped to [-bound, bound], normalisation's gains too, after each critic step.

    Args:
        bound: the largest absolute value of a weight.

    Raises:
        ValueError: bound not positive.

    Source: Arjovsky et al., "Wasserstein GAN", algorithm 1, arXiv 1701.07875.

    >>> from torch import nn
    >>> from remblai.critics import Clip
    >>> critic = nn.Linear(2, 1)
    >>> Clip(0.01).project(critic)
    >>> bool(critic.weight.abs().max() <= 0.01)
    True
    """

    def __init__(self, bound: float = 0.01) -> None:
        if not 0.0 < bound < float("inf"):
            raise ValueError(f"clip: expected a positive, finite bound, got {bound}.")
        self.bound = bound

    @torch.no_grad()
    def project(self, critic: nn.Module) -> None:
        """Clips every parameter."""
        for parameter in critic.parameters():
            parameter.clamp_(-self.bound, self.bound)


class GradientPenalty(Lipschitz):
    """weight * E (|gradient of the score| - 1)^2 at points drawn uniformly on segments from points of P to points of Q.

    The place on the segment is drawn for each point, and the norm is over all entries of that point. Samples of unequal
    sizes give as many segments as the smaller has points.

    Args:
        weight: the weight of the penalty.
        one_sided: penalise only gradients above 1: max(0, |gradient| - 1)^2.

    Raises:
        ValueError: a negative weight, or batch normalisation in the critic: it ties one point's score to the others.

    Source: Gulrajani et al., "Improved training of Wasserstein GANs", equation 3 and section 4, arXiv 1704.00028.

    >>> import torch
    >>> from remblai.critics import GradientPenalty
    >>> GradientPenalty(10.0).penalty(lambda z: 3.0 * z[:, 0], torch.zeros(4, 2), torch.ones(4, 2)).item()
    40.0
    """

    differentiates_twice = True

    def __init__(self, weight: float = 10.0, one_sided: bool = False) -> None:
        if not 0.0 <= weight < float("inf"):
            raise ValueError(f"gradient penalty: expected a finite weight of at least 0, got {weight}.")
        self.weight, self.one_sided = weight, one_sided

    def prepare(self, critic: nn.Module) -> None:
        """Refuses batch normalisation."""
        _refuse_batch_norm("gradient penalty", critic)

    def penalty(self, score: Score, x: Tensor, y: Tensor) -> Tensor:
        """The penalty, with a gradient in the critic's parameters only."""
        n = min(len(x), len(y))
        place = torch.rand((n,) + (1,) * (x.dim() - 1), dtype=x.dtype, device=x.device)
        between = torch.lerp(y[:n].detach().to(x.dtype), x[:n].detach(), place)
        excess: Tensor = torch.linalg.vector_norm(_gradients(score, between), dim=1) - 1.0
        excess = excess.clamp(min=0.0) if self.one_sided else excess
        return self.weight * excess.square().mean()


class R1(Lipschitz):
    """weight / 2 * E |gradient of the score|^2 at points of P: it damps the critic near the data and bounds nothing.

    Args:
        weight: the weight of the penalty.

    Raises:
        ValueError: a negative weight, or batch normalisation in the critic: it ties one point's score to the others.

    Source: Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?" (2018), equation 9,
    arXiv 1801.04406.

    >>> import torch
    >>> from remblai.critics import R1
    >>> R1(10.0).penalty(lambda z: 3.0 * z[:, 0], torch.zeros(4, 2), torch.ones(4, 2)).item()  # 10 / 2 * 3^2
    45.0
    """

    differentiates_twice = True

    def __init__(self, weight: float = 10.0) -> None:
        if not 0.0 <= weight < float("inf"):
            raise ValueError(f"r1: expected a finite weight of at least 0, got {weight}.")
        self.weight = weight

    def prepare(self, critic: nn.Module) -> None:
        """Refuses batch normalisation."""
        _refuse_batch_norm("r1", critic)

    def penalty(self, score: Score, x: Tensor, y: Tensor) -> Tensor:
        """The penalty, with a gradient in the critic's parameters only."""
        return self.weight / 2.0 * _gradients(score, x).square().sum(1).mean()


def _gradients(score: Score, points: Tensor) -> Tensor:
    """The gradient of each score in its point, (n, ...) -> (n, d), differentiable in the critic's parameters."""
    points = points.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(score(points).sum(), points, create_graph=True)
    return gradients.flatten(1)


def _refuse_batch_norm(constraint: str, critic: nn.Module) -> None:
    _refuse(
        constraint, critic, _BatchNorm, "batch normalisation", "use layer, group or instance normalisation, or none"
    )


def _refuse(constraint: str, critic: nn.Module, kinds: Kinds, what: str, remedy: str) -> None:
    """Refuses layers of these kinds, wherever they are nested.

    Raises:
        ValueError: there is such a layer.
    """
    for name, layer in critic.named_modules():
        if isinstance(layer, kinds):
            raise ValueError(
                f"{constraint}: expected a critic without {what}, got {type(layer).__name__} at {name or 'its top'}: "
                f"{remedy}."
            )


class Spectral(Lipschitz):
    """Each linear and convolution layer's weight is divided by its largest singular value.

    A convolution's weight is reshaped to the matrix (out, in * height * width), as in the paper, a transposed one's as
    (in, out * height * width); its norm as a map may be larger. The singular vectors advance by one power iteration in
    `project`, never in a forward pass.

    Raises:
        ValueError: a critic without layers, or with normalisation, which undoes the division.

    Source: Miyato et al., "Spectral normalization for GANs", algorithm 1, arXiv 1802.05957.

    >>> import torch
    >>> from torch import nn
    >>> from remblai.critics import Spectral
    >>> critic = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> Spectral().prepare(critic)
    >>> bool((torch.linalg.matrix_norm(critic[0].weight, 2) - 1.0).abs() < 1e-3)
    True
    """

    def prepare(self, critic: nn.Module) -> None:
        """Adds the spectral norm to each layer's weight."""
        _refuse("spectral", critic, NORMALISING, "normalisation", "it undoes the division; use the norm 'none'")
        add_spectral_norm(critic)

    def project(self, critic: nn.Module) -> None:
        """One power iteration on each layer."""
        power_iterate(critic, 1)
