"""Priors P_Z over codes: modules that return a torch Distribution on their own device."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from numbers import Integral
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, constraints
from torch.distributions import Normal as TorchNormal
from torch.distributions import Uniform as TorchUniform

from remblai.laws.means import square_distance_of
from remblai.runtime.rng import seeded

ROUNDING = 1e-5
"""Sine of an angle below which two unit vectors are taken to be on one line."""


class Prior(nn.Module, ABC):
    """A law P_Z over codes. `prior()` is a Distribution with batch_shape () and event_shape (latent,).

    One of your own sets `latent` and defines `forward` and `constrain`; the rest has defaults.

    Attributes:
        latent: k, the number of coordinates of a code.
        bounded: whether codes are confined to a part of the space, so that a Gaussian's tails would leave it.
        alike: whether all coordinates have one law.
    """

    latent: int
    bounded: bool = False
    alike: bool = True

    @cached_property
    def square_distance(self) -> float:
        """E|Z - Z'|^2 of two codes, the kernels' scale; the median of draws where the law has no variance."""
        with seeded(0, self.device):
            return square_distance_of(self())

    @property
    def device(self) -> torch.device:
        """Where its draws are."""
        return next(chain(self.buffers(), self.parameters()), torch.empty(0)).device

    @abstractmethod
    def forward(self) -> Distribution:
        """The law, built afresh from buffers (cheap), so that it follows the module to its device."""

    @abstractmethod
    def constrain(self, z: Tensor) -> Tensor:
        """Maps an encoder's raw output (n, latent) onto the support of the law."""

    def sample(self, n: int) -> Tensor:
        """n codes (n, latent), without gradient."""
        codes: Tensor = self().sample((n,))
        return codes

    def log_prob(self, z: Tensor) -> Tensor:
        """The logarithm of the density (n,) at codes z (n, latent)."""
        density: Tensor = self().log_prob(z)
        return density

    def nearest(self, z: Tensor) -> Tensor:
        """The points of the law's support nearest to z (n, latent): z itself where every code is possible."""
        return z

    def between(self, z0: Tensor, z1: Tensor, t: Tensor) -> Tensor:
        """Codes (n, steps, latent) at the shares t (steps,) of the ways from z0 (n, latent) to z1: straight lines."""
        return z0[:, None] + t[None, :, None] * (z1 - z0)[:, None]


class Normal(Prior):
    """The centred normal law N(0, scale^2 I). E|Z - Z'|^2 = 2 k scale^2.

    Args:
        latent: k, the number of coordinates of a code.
        scale: standard deviation of each coordinate.

    Raises:
        ValueError: latent < 1, or scale not positive.
    """

    bounded = False
    location: Tensor
    deviation: Tensor

    def __init__(self, latent: int, scale: float = 1.0) -> None:
        super().__init__()
        self.latent, self.scale = _checked("normal", latent, scale=scale), scale
        self.square_distance = 2.0 * latent * scale**2
        self.register_buffer("location", torch.zeros(latent), persistent=False)
        self.register_buffer("deviation", torch.full((latent,), float(scale)), persistent=False)

    def forward(self) -> Independent[TorchNormal]:
        """Independent normal coordinates; torch knows its KL divergence from a Gaussian encoder's law."""
        return Independent(TorchNormal(self.location, self.deviation, validate_args=False), 1, validate_args=False)

    def constrain(self, z: Tensor) -> Tensor:
        """The identity: every code is possible."""
        return z


class Uniform(Prior):
    """The uniform law on the cube [-scale, scale]^k. E|Z - Z'|^2 = 2 k scale^2 / 3.

    Args:
        latent: k, the number of coordinates of a code.
        scale: half the side of the cube.

    Raises:
        ValueError: latent < 1, or scale not positive.
    """

    bounded = True
    high: Tensor

    def __init__(self, latent: int, scale: float = 1.0) -> None:
        super().__init__()
        self.latent, self.scale = _checked("uniform", latent, scale=scale), scale
        self.square_distance = 2.0 * latent * scale**2 / 3.0
        self.register_buffer("high", torch.full((latent,), float(scale)), persistent=False)

    def forward(self) -> "Independent[ClosedUniform]":
        """Independent uniform coordinates."""
        return Independent(ClosedUniform(-self.high, self.high, validate_args=False), 1, validate_args=False)

    def constrain(self, z: Tensor) -> Tensor:
        """scale * tanh(z), as in the code of Wasserstein auto-encoders (tolstikhin/wae)."""
        return self.scale * torch.tanh(z)

    def nearest(self, z: Tensor) -> Tensor:
        """z, cut at the sides of the cube."""
        return z.clamp(-self.scale, self.scale)


class Sphere(Prior):
    """The uniform law on the unit sphere of R^k. E|Z - Z'|^2 = 2.

    Args:
        latent: k, the number of coordinates of a code.

    Raises:
        ValueError: latent < 1.
    """

    bounded = True
    square_distance = 2.0
    pole: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = _checked("sphere", latent)
        self.register_buffer("pole", torch.eye(1, latent)[0], persistent=False)

    def forward(self) -> "UniformOnSphere":
        """The uniform law on the sphere."""
        return UniformOnSphere(self.pole)

    def constrain(self, z: Tensor) -> Tensor:
        """z / |z|."""
        return nn.functional.normalize(z, dim=-1)

    def nearest(self, z: Tensor) -> Tensor:
        """z / |z|."""
        return self.constrain(z)

    def between(self, z0: Tensor, z1: Tensor, t: Tensor) -> Tensor:
        """Codes (n, steps, latent) on the shorter arcs of great circles: no code of a straight line is on the sphere.

        sin((1 - t) a) z0 + sin(t a) z1, over sin a, at the angle a between them (Shoemake 1985, "Animating rotation
        with quaternion curves"). Between opposite codes no arc is shorter, and the way is straight, through 0.
        """
        angle = 2.0 * torch.atan2((z1 - z0).norm(dim=-1), (z1 + z0).norm(dim=-1))[:, None, None]
        after = t[None, :, None]
        arcs = torch.sin((1.0 - after) * angle) * z0[:, None] + torch.sin(after * angle) * z1[:, None]
        even = torch.sin(angle) < ROUNDING
        return self.constrain(torch.where(even, super().between(z0, z1, t), arcs))


class Mixture(Prior):
    """A mixture of equally likely normal laws N(centre, scale^2 I): codes that fall into groups.

    The centres stand evenly on a circle of the first two coordinates (for k = 1, evenly on [-radius, radius]; a single
    centre at 0), so that a drawing of these two coordinates shows every group, however many coordinates there are.
    E|Z - Z'|^2 = 2 (k scale^2 + mean squared distance of the centres from their mean).

    Args:
        latent: k, the number of coordinates of a code.
        components: the number of groups.
        radius: distance of the centres from the origin.
        scale: standard deviation of each coordinate within a group.

    Raises:
        ValueError: latent or components < 1, radius or scale not positive.

    Source: the mixture prior of adversarial auto-encoders, Makhzani et al. 2015, section 2.3, arXiv 1511.05644.
    """

    bounded = False
    alike = False
    centres: Tensor
    deviation: Tensor

    def __init__(self, latent: int, components: int = 10, radius: float = 4.0, scale: float = 0.5) -> None:
        super().__init__()
        self.latent = _checked("mixture", latent, radius=radius, scale=scale)
        if components < 1:
            raise ValueError(f"prior 'mixture': expected at least 1 component, got {components}.")
        self.components, self.radius, self.scale = components, radius, scale
        centres = _centres(latent, components, radius)
        between_groups = float((centres - centres.mean(0)).square().sum(1).mean())
        self.square_distance = 2.0 * (latent * scale**2 + between_groups)
        self.register_buffer("centres", centres.float(), persistent=False)
        self.register_buffer("deviation", torch.tensor(float(scale)), persistent=False)

    def forward(self) -> MixtureSameFamily:
        """Equal weights over the groups; has log_prob and sample, no rsample (nothing of it is learned)."""
        groups = Independent(TorchNormal(self.centres, self.deviation, validate_args=False), 1, validate_args=False)
        equal = torch.zeros_like(self.centres[:, 0])
        return MixtureSameFamily(Categorical(logits=equal, validate_args=False), groups, validate_args=False)

    def constrain(self, z: Tensor) -> Tensor:
        """The identity: every code is possible."""
        return z


class ClosedUniform(TorchUniform):
    """The uniform law on [low, high] with both ends, where scale * tanh(z) arrives; torch's law leaves high out."""

    def log_prob(self, value: Tensor) -> Tensor:
        """-log(high - low) on the interval, -inf outside."""
        inside = (self.low <= value) & (value <= self.high)
        return torch.where(inside, -(self.high - self.low).log(), -math.inf)


class UniformOnSphere(Distribution):
    """The uniform law on the unit sphere of R^k; its density is with respect to the sphere's own area.

    Args:
        pole: any point (k,) of the sphere: it gives the dimension, the device and the precision.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, pole: Tensor, batch_shape: Sequence[int] = ()) -> None:
        self.pole = pole
        super().__init__(torch.Size(batch_shape), pole.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """0, by symmetry."""
        return torch.zeros_like(self.pole).expand(self._extended_shape())

    @property
    def variance(self) -> Tensor:
        """1 / k in each coordinate: the k of them sum to |z|^2 = 1."""
        return torch.full_like(self.pole, 1.0 / len(self.pole)).expand(self._extended_shape())

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> "UniformOnSphere":
        """The same law repeated to `batch_shape`."""
        return UniformOnSphere(self.pole, batch_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Normal vectors scaled to length 1: the normal law is invariant under rotations."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return nn.functional.normalize(torch.randn(shape, dtype=self.pole.dtype, device=self.pole.device), dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """-log(area) on the sphere, area = 2 pi^(k/2) / Gamma(k/2); -inf off it, up to the square root of rounding."""
        k = self.event_shape[0]
        density = math.lgamma(k / 2) - math.log(2.0) - k / 2 * math.log(math.pi)
        radius = (value - self.mean).norm(dim=-1)
        on_sphere = (radius - 1.0).abs() <= torch.finfo(value.dtype).eps ** 0.5
        return torch.where(on_sphere, torch.full_like(radius, density), -math.inf)


def _centres(latent: int, components: int, radius: float) -> Tensor:
    centres = torch.zeros(components, latent, dtype=torch.float64)
    if latent == 1 and components > 1:
        centres[:, 0] = torch.linspace(-radius, radius, components, dtype=torch.float64)
    if components == 1 or latent == 1:
        return centres
    angles = torch.arange(components, dtype=torch.float64) * (2.0 * math.pi / components)
    centres[:, 0], centres[:, 1] = radius * angles.cos(), radius * angles.sin()
    return centres


def _checked(prior: str, latent: int, **sizes: float) -> int:
    if isinstance(latent, bool) or not isinstance(latent, Integral) or latent < 1:
        raise ValueError(f"prior {prior!r}: expected a whole number of at least 1 latent dimension, got {latent!r}.")
    for name, size in sizes.items():
        if not 0.0 < size < math.inf:
            raise ValueError(f"prior {prior!r}: expected a positive, finite {name}, got {size}.")
    return latent
