"""The interface of discrepancies D(P, Q), estimated from samples x ~ P (the target) and y ~ Q (the model)."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.distances import validation
from remblai.distances.validation import ArrayLike
from remblai.runtime import distributed


class Discrepancy(nn.Module):
    """The interface: `d(x, y)` is the scalar that the model minimises; the two samples may differ in size.

    The attributes say what holds for the estimate; the tests over the table read them, and `statistics` too. Where an
    option decides, the constructor sets the attribute.

    Attributes:
        needs_all_samples: D is not a mean over points, so several devices must gather their samples first.
        unbiased: the mean of the estimate is D(P, Q) at every sample size: 0 where P = Q, and then often below 0.
        nonnegative: the estimate is at least 0, up to rounding.
        symmetric: D(P, Q) = D(Q, P).
        translation_invariant: moving both samples by one vector does not change it.
        homogeneity: h where D of samples times s is s^h D for all s > 0; None where D has a scale.
        least_points: points that each sample must have.
        compiles: `torch.compile` takes it as one graph: nothing in it is decided by a result, so that a step with it
            can be recorded as a CUDA graph too.
        one_matrix: `of_parts` answers, and hundreds of choices of the parts cost about as much as one.
        exact_options: options under which equal calls give equal values, and the gradient is their derivative.

    >>> import torch
    >>> from remblai.discrepancies import Discrepancy
    >>> class Means(Discrepancy):
    ...     def forward(self, x, y):
    ...         return (x.mean(0) - y.mean(0)).square().sum()
    >>> Means()(torch.zeros(4, 2), torch.ones(3, 2))
    tensor(2.)
    """

    needs_all_samples: bool = True
    unbiased: bool = False
    nonnegative: bool = True
    symmetric: bool = True
    translation_invariant: bool = True
    homogeneity: float | None = None
    least_points: int = 1
    compiles: bool = True
    one_matrix: bool = False
    exact_options: ClassVar[Mapping[str, Any]] = {}

    def __call__(self, x: ArrayLike, y: ArrayLike) -> Any:
        """`forward` of the samples as tensors: arrays and lists are converted."""
        return super().__call__(*tensors(x, y))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """What the model minimises: x (n, ...) ~ P, y (m, ...) ~ Q -> scalar."""
        raise NotImplementedError

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor | None:
        """What the critic minimises, a scalar; None where there is no critic."""
        return None

    def estimate(self, x: ArrayLike, y: ArrayLike) -> Tensor:
        """The estimate of D(P, Q) itself, for curves and tables; checks that all values are finite.

        Raises:
            ValueError: samples of other shapes, empty, or with values that are not finite.
        """
        x, y = tensors(x, y)
        check_finite(x, y)
        return self.forward(x, y)

    def of_parts(self, points: Tensor, first: Tensor, second: Tensor) -> "OfParts | None":
        """The estimates between two parts of the same points, for many choices of the parts, where that is faster.

        Here: None. A discrepancy that is quadratic in the masses of the points needs their matrix once, not once for
        each choice: permutation tests and intervals ask for it.

        Args:
            points: (N, ...), finite.
            first: masks (r, N), true where a point is in the sample of P.
            second: masks (r, N) of the sample of Q.

        Raises:
            ValueError: parts of fewer points than the discrepancy needs.
        """
        return None

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


ROUNDINGS = 1e5
"""Roundings, as a share of the largest estimate, within which estimates by a solver are equal."""


class OfParts(NamedTuple):
    """Estimates (r,) in float64, and the rounding: those that differ by less are equal."""

    values: Tensor
    rounding: float

    @classmethod
    def rounded(cls, values: Tensor) -> "OfParts":
        """Of estimates that are exact but for some rounding of the last digits."""
        return cls(values, ROUNDINGS * torch.finfo(torch.float64).eps * float(values.abs().max()))


class Custom(Discrepancy):
    """A discrepancy from a function or a module: what it is called with, and a scalar is what it returns.

    Args:
        function: d(x (n, ...), y (m, ...)) -> scalar, in torch. The parameters of a module are fixed: a model that
            minimises D must not change D.

    Raises:
        ValueError: not callable; or, when called, not one number.

    >>> import torch
    >>> from remblai.discrepancies import Custom
    >>> Custom(lambda x, y: (x.mean(0) - y.mean(0)).abs().sum())(torch.zeros(4, 2), torch.ones(3, 2))
    tensor(2.)
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        if not callable(function):
            raise ValueError(
                f"discrepancy: expected a Discrepancy or a function of two samples, got {type(function).__name__}: use "
                "a name of remblai.discrepancies.DISCREPANCIES, or lambda x, y: (x.mean(0) - y.mean(0)).square().sum()."
            )
        self.nonnegative = False  # nothing is known of it
        # a module in a list is not registered, so that no optimiser finds its parameters
        self._function = [function]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The function's value: x (n, ...), y (m, ...) -> scalar."""
        check_samples(x, y)
        (function,) = self._function
        if isinstance(function, nn.Module):
            function.to(y.device)
        value = torch.as_tensor(function(x, y))
        if value.numel() != 1:
            raise ValueError(
                f"discrepancy: expected one number from {_name(function)}, got {tuple(value.shape)}: take the mean or "
                "the sum."
            )
        return value.reshape(())


def as_discrepancy(part: "Discrepancy | Callable[[Tensor, Tensor], Any]") -> Discrepancy:
    """The discrepancy itself, or that of a function or module of two samples.

    Raises:
        ValueError: neither.

    >>> import torch
    >>> from remblai.discrepancies import as_discrepancy
    >>> as_discrepancy(lambda x, y: (x.mean(0) - y.mean(0)).abs().sum())(torch.zeros(4, 2), torch.ones(3, 2))
    tensor(2.)
    """
    return part if isinstance(part, Discrepancy) else Custom(part)


def _name(function: object) -> str:
    return getattr(function, "__name__", type(function).__name__)


def draw(law: Distribution, n: int) -> Tensor:
    """n points of the law, the same on every device: each draws its share, and all are gathered."""
    return distributed.gather(law.sample((n // distributed.world(),)))


def tensors(x: ArrayLike, y: ArrayLike) -> tuple[Tensor, Tensor]:
    """Samples as tensors: arrays and lists become float32 or float64 on the device of a tensor beside them.

    Raises:
        ValueError: a sample that is not an array of real numbers.
    """
    device = next((sample.device for sample in (x, y) if isinstance(sample, Tensor)), None)
    first, second = (_tensor(name, sample, device) for name, sample in (("x", x), ("y", y)))
    return first, second


def _tensor(name: str, sample: Any, device: torch.device | None) -> Tensor:
    return sample if isinstance(sample, Tensor) else validation.tensor(name, sample).to(device)


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
