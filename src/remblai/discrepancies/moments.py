"""Mean and covariance compared: a cheap penalty on two moments, which sees tied and shifted axes."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from remblai.costs import central, wide
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.frechet import of_law as moments_of
from remblai.discrepancies.frechet import weighted_moments
from remblai.discrepancies.inputs import check_samples
from remblai.discrepancies.samples import flat


class Covariance(Discrepancy):
    """|m - m'|^2 + |S - S'|^2, the Frobenius norm of the covariances' difference: two moments and nothing else.

    The plain value, of the moments of the samples, is too large by about (d + d^2) / n: as a penalty on n codes it
    shrinks them (standard deviation 0.78 at d = 64, n = 100). The unbiased estimate has the population value
    as its mean, is below 0 about half of the time when the laws agree, and is never clamped. Both take d x d or n x m
    products, whichever are smaller.

    Against a law whose mean and covariance are known `to_law` uses the exact ones. It sees two tied axes where kernels
    do not, and no dependence beyond the second moments: `sliced` along the axes is its complement.

    Args:
        biased: the plain value of the samples' moments, at least 0.

    Raises:
        ValueError: fewer than 4 points in a sample (2 with the plain value), or samples that do not fit together.

    Source: the unbiased square of a covariance: Himeno and Yamada, "Estimations for some functions of covariance matrix
    in high dimension under non-normality and its applications" (2014); Chen, Zhang and Zhong, "Tests for
    high-dimensional covariance matrices" (2010). The plain one: the first phase of the code of Tolstikhin et al.,
    arXiv 1711.01558.

    >>> import torch
    >>> from remblai.discrepancies import Covariance
    >>> x = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    >>> y = torch.tensor([[-1.0, 1.0], [1.0, -1.0]])
    >>> Covariance(biased=True)(x, y)  # covariances [[2, 2], [2, 2]] and [[2, -2], [-2, 2]]
    tensor(32.)
    """

    takes_clouds = True

    def __init__(self, biased: bool = False) -> None:
        super().__init__()
        self.biased = self.takes_masses = biased
        self.unbiased, self.nonnegative = not biased, biased
        self.least_points = 2 if biased else 4

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The estimate from two samples: x (n, ...), y (m, ...) -> scalar, in float32 or better."""
        x, y = flat(x, y)
        with torch.autocast(y.device.type, enabled=False):
            (p, centred_p), (q, centred_q) = map(self._centred, about_centre(x, y))
            across = overlap(centred_p, centred_q) / ((len(x) - 1) * (len(y) - 1))
            squared = self._square(centred_p) + self._square(centred_q) - 2.0 * across
            noise = 0.0 if self.biased else _noise(centred_p) + _noise(centred_q)
            return (p - q).square().sum() + squared - noise

    def weighted(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The plain value of the moments of samples with masses a (n,) and b (m,), as `Frechet` has them."""
        x, y = flat(x, y)
        with torch.autocast(y.device.type, enabled=False):
            x, y = about_centre(x, y)
            first, second = weighted_moments(x, a), weighted_moments(y, b)
            squared = overlap(first.rows, first.rows) + overlap(second.rows, second.rows)
            return (first.mean - second.mean).square().sum() + squared - 2.0 * overlap(first.rows, second.rows)

    def require_masses(self) -> None:
        """Checks that the plain value is wanted: the unbiased one has no weighted form here."""
        if not self.biased:
            raise ValueError(
                "covariance: expected samples whose points count alike, got masses a or b: the unbiased estimate of "
                "|S|^2 has no weighted form here; use biased=True, or draw points by their masses."
            )

    def to_law(self, y: Tensor, law: Distribution) -> Tensor:
        """The estimate from a sample y (n, d) and a law; exact in the law where both its moments are known."""
        moments = moments_of(law)
        if moments is None:
            return super().to_law(y, law)
        check_samples(moments.mean[None], y)
        with torch.autocast(y.device.type, enabled=False):
            y = wide(y)
            mean, rows = moments.mean.to(y.dtype), moments.rows.to(y.dtype)
            q, centred = self._centred(y)
            squared = self._square(centred) + overlap(rows, rows) - 2.0 * overlap(rows, centred) / (len(y) - 1)
            return (mean - q).square().sum() + squared - (0.0 if self.biased else _noise(centred))

    def _centred(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if len(x) < self.least_points:
            raise ValueError(
                f"covariance: expected at least {self.least_points} points in each sample, got {len(x)}: take a larger "
                "batch" + ("." if self.biased else ", or biased=True, which needs 2.")
            )
        mean = x.mean(0)
        return mean, x - mean

    def _square(self, centred: Tensor) -> Tensor:
        """|S|^2 of one sample, S its covariance, or its unbiased estimate."""
        n = len(centred)
        square = overlap(centred, centred) / (n - 1) ** 2
        if self.biased:
            return square
        lengths = centred.square().sum(1)
        trace, fourth = lengths.sum() / (n - 1), lengths.square().sum() / (n - 1)
        return (n - 1) / (n * (n - 2) * (n - 3)) * ((n - 1) * (n - 2) * square + trace.square() - n * fourth)


def about_centre(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both samples about one point near most of y, where the means lose no digits."""
    origin = central(y)
    return x - origin, y - origin


def overlap(a: Tensor, b: Tensor) -> Tensor:
    """tr(a'a b'b) = |a b'|^2 for a (n, d), b (m, d) -> scalar, through the smaller of the two kinds of products."""
    if len(a) * len(b) < a.shape[1] ** 2:
        return (a @ b.T).square().sum()
    return ((a.T @ a) * (b.T @ b)).sum()


def _noise(centred: Tensor) -> Tensor:
    """tr S / n: the bias of the squared norm of the mean."""
    return centred.square().sum() / (len(centred) * (len(centred) - 1))
