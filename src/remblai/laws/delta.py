"""Laws that are known through their points only: a point mass, and noise pushed through a map."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

NO_DENSITY = (
    "{law} has no density, so log_prob and a KL divergence from it do not exist. "
    "Use the encoder 'gaussian', or for x the decoder 'gaussian' or 'bernoulli', which have one; "
    "or a penalty that only needs samples, as MMD does."
)


class Delta(Distribution):
    """The law of a constant: all mass on one point. The law of a deterministic encoder or decoder.

    Args:
        point: the points (*batch, *event).
        event_dims: how many trailing dimensions make one event; those before are the batch.

    Raises:
        ValueError: a point with fewer dimensions than the event; any use of `log_prob`.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, point: Tensor, event_dims: int = 1) -> None:
        if not 0 <= event_dims <= point.ndim:
            raise ValueError(
                f"Delta: expected between 0 and {point.ndim} event dimensions for a point of shape "
                f"{tuple(point.shape)}, got {event_dims}."
            )
        self.point, self.event_dims = point, event_dims
        batch = point.ndim - event_dims
        super().__init__(point.shape[:batch], point.shape[batch:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The point itself."""
        return self.point

    @property
    def mode(self) -> Tensor:
        """The point itself."""
        return self.point

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.point)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> "Delta":
        """The same law repeated to `batch_shape`, without a copy."""
        return Delta(self.point.expand(*batch_shape, *self.event_shape), self.event_dims)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The point repeated, (*sample_shape, *batch, *event), with the gradient to the point."""
        return self.point.expand(self._extended_shape(torch.Size(sample_shape)))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, cut off from the gradient: a view of a leaf requires gradients even under `no_grad`."""
        return self.rsample(sample_shape).detach()

    def log_prob(self, value: Tensor) -> NoReturn:
        """A point mass has no density: raises ValueError with the remedy."""
        raise ValueError(NO_DENSITY.format(law="a deterministic law (all mass on one point)"))


class Pushforward(Distribution):
    """The law of T(m + A e), e standard normal: known through its samples, differentiable in m and A.

    Args:
        location: m (*batch, k).
        mixing: A (*batch, k, k).
        transform: T, (..., k) -> (..., k).

    Raises:
        ValueError: any use of `log_prob`.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, location: Tensor, mixing: Tensor, transform: Callable[[Tensor], Tensor]) -> None:
        self.location, self.mixing, self.transform = location, mixing, transform
        super().__init__(location.shape[:-1], location.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """T(m), the image of the noise's centre: the mean when T is the identity, a point of the support always."""
        return self.transform(self.location)

    @property
    def variance(self) -> Tensor:
        """The diagonal of A A': exact when T is the identity."""
        return self.mixing.square().sum(-1)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> "Pushforward":
        """The same law repeated to `batch_shape`, without a copy."""
        k = self.event_shape[0]
        return Pushforward(
            self.location.expand(*batch_shape, k), self.mixing.expand(*batch_shape, k, k), self.transform
        )

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Fresh noise through the map, (*sample_shape, *batch, k), with the gradient to m and A."""
        shape = self._extended_shape(torch.Size(sample_shape))
        return self.at(torch.randn(shape, dtype=self.location.dtype, device=self.location.device))

    def at(self, noise: Tensor) -> Tensor:
        """T(m + A e) at given noise e (..., *batch, k)."""
        with torch.autocast(noise.device.type, enabled=False):
            return self.transform(self.location + (self.mixing @ noise.unsqueeze(-1)).squeeze(-1))

    def log_prob(self, value: Tensor) -> NoReturn:
        """An implicit law is known through its samples only: raises ValueError with the remedy."""
        raise ValueError(NO_DENSITY.format(law="an implicit law (known through its samples only)"))
