"""The interface of discrepancies D(P, Q), estimated from samples x ~ P (the target) and y ~ Q (the model)."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.config.aliases import checked_options
from remblai.discrepancies import masses
from remblai.discrepancies.inputs import check_clouds, check_finite, check_samples, tensors
from remblai.distances.validation import ArrayLike
from remblai.runtime import distributed
from remblai.runtime.printing import settings


class Discrepancy(nn.Module):
    """The interface: `d(x, y)` is the scalar that the model minimises; the two samples may differ in size.

    `d(x, y, a, b)` weighs the points by masses a (n,) and b (m,), and `d(x, y)` of clouds x (B, n, d) and y (B, m, d)
    is a value for each pair of clouds, (B,), where the discrepancy says that it can.

    The attributes say what holds for the estimate; the tests over the table read them, and `statistics` too. Where an
    option decides, the constructor sets the attribute.

    Attributes:
        needs_all_samples: D is not a mean over points, so several devices must gather their samples first.
        unbiased: the mean of the estimate is D(P, Q) at every sample size: 0 where P = Q, and then often below 0.
        nonnegative: the estimate is at least 0, up to rounding.
        finite: the estimate is finite, unless the powers of the samples that it takes overflow.
        symmetric: D(P, Q) = D(Q, P).
        translation_invariant: moving both samples by one vector does not change it.
        homogeneity: h where D of samples times s is s^h D for all s > 0; None where D has a scale.
        least_points: points that each sample must have.
        compiles: `torch.compile` takes it as one graph: nothing in it is decided by a result, so that a step with it
            can be recorded as a CUDA graph too.
        one_matrix: `of_parts` answers, and hundreds of choices of the parts cost about as much as one.
        takes_masses: `weighted` answers.
        takes_clouds: samples of three axes are clouds (B, n, d), compared pair by pair.
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
    finite: bool = True
    symmetric: bool = True
    translation_invariant: bool = True
    homogeneity: float | None = None
    least_points: int = 1
    compiles: bool = True
    one_matrix: bool = False
    takes_masses: bool = False
    takes_clouds: bool = False
    exact_options: ClassVar[Mapping[str, Any]] = {}

    @property
    def draws_labels(self) -> bool:
        """Whether, of points and classes together, samples are to have classes drawn independently of the data's.

        With the data's own an unbiased estimate is biased by the pairs of one row; of others both sides weigh alike.
        """
        return self.unbiased

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):  # names of other libraries, such as n_projections, are answered
            cls.__init__ = checked_options(cls.__init__, cls.__name__)  # type: ignore[method-assign]

    def __call__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        a: ArrayLike | None = None,
        b: ArrayLike | None = None,
        *,
        normalise: bool = False,
    ) -> Any:
        """`forward` of the samples as tensors, or `weighted` with masses, or `of_clouds` of clouds (B, n, d).

        Args:
            x: the sample of P, (n, ...) or clouds (B, n, d); arrays and lists are converted.
            y: the sample of Q, (m, ...) or (B, m, d).
            a: masses of the points x, (n,) or (B, n), which sum to 1; None is 1 / n each.
            b: masses of the points y, (m,) or (B, m).
            normalise: whether masses of another total, such as counts, are divided by it.

        Raises:
            ValueError: samples that do not fit together, masses that are not valid, or masses where it takes none.
        """
        x, y = tensors(x, y)
        if self.takes_clouds and x.dim() == 3:
            check_clouds(x, y)
            if a is None and b is None:
                return self.of_clouds(x, y)
            self.require_masses()
            return self.of_clouds(x, y, *masses.of_clouds(x, y, a, b, normalise))
        if a is None and b is None:
            return super().__call__(x, y)
        self.require_masses()
        check_samples(x, y)
        return self.weighted(x, y, *masses.of_samples(x, y, a, b, normalise))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """What the model minimises: x (n, ...) ~ P, y (m, ...) ~ Q -> scalar."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The arguments that it was made with."""
        return settings(self)

    def weighted(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """`forward` of points with masses a (n,), b (m,), float64, which sum to 1; called where it `takes_masses`."""
        raise NotImplementedError

    def of_clouds(self, x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """The values (B,) of clouds x (B, n, d) and y (B, m, d), with masses (B, n) and (B, m) or without any.

        Here: cloud by cloud. It is called where the discrepancy `takes_clouds`.
        """
        if a is None or b is None:
            return torch.stack([self.forward(*pair) for pair in zip(x, y, strict=True)])
        return torch.stack([self.weighted(*one) for one in zip(x, y, a, b, strict=True)])

    def require_masses(self) -> None:
        """Checks that the discrepancy takes masses.

        Raises:
            ValueError: it takes none; the message says what to do instead.
        """
        if not self.takes_masses:
            raise ValueError(
                f"{type(self).__name__}: expected samples whose points count alike, got masses a or b: it has no "
                "weighted form. Draw points by their masses, as in "
                "x[torch.multinomial(a, len(x), replacement=True)], or choose another discrepancy."
            )

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor | None:
        """What the critic minimises, a scalar; None where there is no critic."""
        return None

    def estimate(
        self,
        x: ArrayLike,
        y: ArrayLike,
        a: ArrayLike | None = None,
        b: ArrayLike | None = None,
        *,
        normalise: bool = False,
    ) -> Tensor:
        """The estimate of D(P, Q) itself, for curves and tables; checks that all values are finite.

        Raises:
            ValueError: samples of other shapes, empty, or of values that are infinite or too large; wrong masses.
        """
        x, y = tensors(x, y)
        clouds = self.takes_clouds and x.dim() == y.dim() == 3
        check_finite(*(sample.flatten(0, 1) if clouds else sample for sample in (x, y)))
        value: Tensor = self(x, y, a, b, normalise=normalise)
        if self.finite and not bool(value.isfinite().all()):
            raise ValueError(f"{type(self).__name__}: the estimate of such large values overflows: scale the samples.")
        return value

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


def draw(law: Distribution, n: int) -> Tensor:
    """n points of the law, the same on every device: each draws its share, and all are gathered."""
    return distributed.gather(law.sample((n // distributed.world(),)))
