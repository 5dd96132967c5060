"""The interface of discrepancies D(P, Q), estimated from samples x ~ P (the target) and y ~ Q (the model)."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.runtime import distributed


class Discrepancy(nn.Module):
    """The interface: `d(x, y)` is the scalar that the model minimises; the two samples may differ in size.

    Attributes:
        needs_all_samples: D is not a mean over points, so several devices must gather their samples first.
    """

    needs_all_samples: bool = True

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """What the model minimises: x (n, ...) ~ P, y (m, ...) ~ Q -> scalar."""
        raise NotImplementedError

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor | None:
        """What the critic minimises, a scalar; None where there is no critic."""
        return None

    def estimate(self, x: Tensor, y: Tensor) -> Tensor:
        """The estimate of D(P, Q) itself, for curves and tables; checks that all values are finite.

        Raises:
            ValueError: samples of other shapes, empty, or with values that are not finite.
        """
        check_finite(x, y)
        return self.forward(x, y)

    def check(self, point: Tensor) -> None:
        """Checks that a model of such points (...) can be trained by it; called when an objective is built.

        Raises:
            ValueError: it cannot; the message says what to use.
        """

    def to_law(self, y: Tensor, law: Distribution) -> Tensor:
        """`forward` against a law instead of a sample of it: y (n, ...) ~ Q. Here: as many points drawn from it."""
        return self.forward(draw(law, len(y)), y)

    def adversary_loss_to_law(self, y: Tensor, law: Distribution) -> Tensor | None:
        """`adversary_loss` against a law instead of a sample of it."""
        return self.adversary_loss(draw(law, len(y)), y)


def draw(law: Distribution, n: int) -> Tensor:
    """n points of the law, the same on every device: each draws its share, and all are gathered."""
    return distributed.gather(law.sample((n // distributed.world(),)))


def check_samples(x: Tensor, y: Tensor) -> None:
    """The validation of every discrepancy's samples: shapes and types only, so that it never waits for the device.

    Raises:
        ValueError: samples that are empty, are not (n, ...), differ in the shape of a point, or are not floating point.
    """
    for name, sample in (("x", x), ("y", y)):
        if not isinstance(sample, Tensor):
            came = type(sample).__name__
            raise ValueError(f"discrepancy: expected tensors, got {name} of type {came}: use torch.as_tensor({name}).")
        if sample.dim() < 2 or sample.numel() == 0:
            raise ValueError(f"discrepancy: expected samples {name} (n, d) with n, d >= 1, got {tuple(sample.shape)}.")
        if not sample.is_floating_point():
            raise ValueError(
                f"discrepancy: expected floating point samples, got {name} of {sample.dtype}: use .float()"
            )
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"discrepancy: expected points of one shape, got x {tuple(x.shape)} and y {tuple(y.shape)}, "
            f"that is {tuple(x.shape[1:])} against {tuple(y.shape[1:])}."
        )


def check_finite(x: Tensor, y: Tensor) -> None:
    """`check_samples`, and every value is finite. It waits for the device.

    Raises:
        ValueError: as `check_samples`, or a value that is infinite or not a number.
    """
    check_samples(x, y)
    for name, sample in (("x", x), ("y", y)):
        bad = int((~torch.isfinite(sample.detach())).flatten(1).any(1).sum())
        if bad:
            raise ValueError(
                f"discrepancy: expected finite values, got {bad} of {len(sample)} points of {name} with NaN or "
                "infinity: remove or replace them."
            )
