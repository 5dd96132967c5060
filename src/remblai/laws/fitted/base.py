"""The protocol of laws of codes: what samples are decoded from, and what is fitted to codes after training."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from remblai.config.registry import own_options

ROUNDINGS = 8.0
"""Roundings of an axis's largest value up to which its deviation is none."""


class LatentLaw(Protocol):
    """A law of codes that samples can be decoded from: a prior, a fitted law, a generator of codes."""

    def sample(self, n: int) -> Tensor:
        """n codes (n, k), without gradient, on the law's device."""


@runtime_checkable
class LawByClass(Protocol):
    """A law of codes that has one for each class."""

    def sample_of(self, labels: Tensor) -> Tensor:
        """A code (n, k) of the class of each label (n,)."""


class FittedLaw(nn.Module):
    """A law fitted to codes (n, k) of data after training. The interface.

    It owns whatever it learns, networks included. The arguments of its constructor are its options and are stored as
    given. `state` and `restore` are what a file keeps of it: a law that is made with the same options and restored is
    the same law.

    Attributes:
        name: under which a run keeps it, and `--sampler` finds it.
        fewest: codes below which a class has no law of its own, but that of all codes.
        has_density: whether `log_prob` is known.
    """

    name: ClassVar[str]
    fewest: ClassVar[int] = 10
    has_density: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {option.name: getattr(self, option.name) for option in own_options(type(self))}

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        """Fits the law and returns it; the global generators stay as they are.

        Args:
            codes: (n, k).
            labels: (n,), whole numbers, of the data that were encoded; a law without classes leaves them aside.

        Raises:
            ValueError: codes that the law cannot be fitted to.
        """
        raise NotImplementedError

    def sample(self, n: int) -> Tensor:
        """n codes (n, k), without gradient, on the law's device.

        Raises:
            ValueError: the law has not been fitted.
        """
        raise NotImplementedError

    def log_prob(self, z: Tensor) -> Tensor:
        """The logarithm of the density (n,) at codes z (n, k).

        Raises:
            ValueError: the law has no density, or has not been fitted.
        """
        raise ValueError(f"sampler {self.name!r}: this law is known through its samples only: use `sample`.")

    @property
    def choice(self) -> str:
        """What `fit` chose and why, as a sentence; empty where it chose nothing."""
        return ""

    def choices(self, classes: Sequence[str] | None = None) -> dict[str, str]:
        """What `fit` chose: of a law for each class by the name of the class, otherwise under no name.

        Args:
            classes: the names of the classes.
        """
        return {"": self.choice} if self.choice else {}

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `fit` found, as JSON and as tensors."""
        raise NotImplementedError

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """Takes what `state` returned, and returns the law.

        Raises:
            ValueError: it is not the state of such a law.
        """
        raise NotImplementedError


def check_codes(codes: Tensor) -> Tensor:
    """The codes (n, k) to fit a law to, in float64 on the CPU.

    Raises:
        ValueError: another rank, fewer than 2 codes, or codes that are not finite, or whose spread is lost, in float32.
    """
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"codes: expected (n, k) with n of 2 or more to fit a law to, got {tuple(codes.shape)}.")
    if not bool(torch.isfinite(codes).all()):
        raise ValueError("codes: expected finite values to fit a law to, got NaN or infinite ones: remove them.")
    if float(codes.double().abs().max()) > torch.finfo(torch.float32).max:
        raise ValueError("codes: expected values that float32 holds, as laws are kept, got larger ones: scale them.")
    z = codes.detach().cpu().double()
    spread = z.std(0)
    lost = ((spread > 0) & (spread < rounding(z))).nonzero()[:, 0].tolist()
    if codes.dtype == torch.float64 and lost:
        raise ValueError(
            f"codes: expected a spread that float32 holds, as laws are kept, got {float(spread[lost[0]]):.3g} around "
            f"{float(z[:, lost[0]].mean()):.6g} in column {lost[0]}: subtract the mean."
        )
    return z


def rounding(codes: Tensor) -> Tensor:
    """The deviation (k,) below which an axis of codes (n, k) may be nothing but the rounding of float32."""
    return ROUNDINGS * torch.finfo(torch.float32).eps * codes.double().abs().amax(0)
