"""Maximum mean discrepancy."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from remblai.costs import wide
from remblai.discrepancies.discrepancy import Discrepancy, OfParts
from remblai.discrepancies.gram import mean_across, mean_within, means_of_parts
from remblai.discrepancies.inputs import check_samples
from remblai.discrepancies.masses import distinct_pairs
from remblai.discrepancies.samples import flat
from remblai.discrepancies.weighted_gram import clouds_at_once, sums_of_clouds, weighted_across, weighted_within
from remblai.kernels import Kernel
from remblai.kernels.function import Function


class MMD(Discrepancy):
    """Squared maximum mean discrepancy, E k(x, x') + E k(y, y') - 2 E k(x, y).

    The unbiased estimate takes the means over i != j within each sample and over all pairs across them. It is negative
    about half of the time when P = Q, and is never clamped: that would bias it and set its gradient to 0. The biased
    one keeps i = j: it is an MMD of the two empirical laws, at least 0, and too large by about k(x, x) (1/n + 1/m).

    With masses the biased estimate is that of the weighted laws, a'K a + b'K b - 2 a'K b, and the unbiased one has the
    means over i != j with weights a_i a_j, divided by their sum 1 - sum a_i^2: for independent points and masses that
    do not depend on them its mean is MMD^2. Points given twice are not independent: for the unbiased estimate a mass of
    2 / n is not a point given twice.

    Against a law whose mean embedding is known (normal laws and mixtures of them; any kernel that is a mixture of
    Gaussians) `to_law` uses the exact terms instead of a sample of the law: the same mean, with less noise.

    Many pairs are computed in blocks, with an analytic gradient, in memory that grows with the number of points, not of
    pairs; the value can then be differentiated once. On a GPU radial kernels of float32 points take one pass of a
    kernel of its own; others take all pairs at once where an eighth of the free memory holds them, or large blocks.

    Args:
        kernel: k; positive definite, or conditionally so (the energy kernel gives the energy distance). A function k(x
            (n, d), y (m, d)) -> (n, m) is taken too, by its whole matrix.
        biased: the biased estimate.
        closed_form: use exact mean embeddings where they are known; off, `to_law` samples the law as the paper does.

    Raises:
        ValueError: not a kernel, a sample of one point with the unbiased estimate, or samples that do not fit together.

    Source: Gretton et al., "A kernel two-sample test" (2012), lemma 6; Tolstikhin et al., algorithm 2, 1711.01558.

    >>> import torch
    >>> from remblai.discrepancies import MMD
    >>> from remblai.kernels import Energy
    >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])
    >>> MMD(Energy())(x, y)  # 2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 * 2 - 1 - 1
    tensor(2.)
    """

    one_matrix = True
    takes_masses = True
    takes_clouds = True

    def __init__(
        self, kernel: Kernel | Callable[[Tensor, Tensor], Tensor], biased: bool = False, closed_form: bool = True
    ) -> None:
        super().__init__()
        if isinstance(kernel, type) or not callable(kernel):
            raise ValueError(
                f"mmd: expected a kernel, such as kernels.Gaussian(scale=1.0) or kernels.Energy(), got {kernel!r}."
            )
        kernel = kernel if isinstance(kernel, Kernel) else Function(kernel)
        self.kernel, self.biased, self.closed_form = kernel, biased, closed_form
        self.unbiased, self.nonnegative = not biased, biased
        self.least_points = 1 if biased else 2
        self.translation_invariant, self.homogeneity = kernel.radial, kernel.homogeneity

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The estimate from two samples: x (n, ...), y (m, ...) -> scalar, in float32 or better."""
        x, y = flat(x, y)
        with torch.autocast(x.device.type, enabled=False):
            return self._within(x) + self._within(y) - 2.0 * mean_across(self.kernel, x, y)

    def weighted(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The estimate from samples with masses a (n,) and b (m,), float64; differentiable in the masses too."""
        x, y = flat(x, y)
        with torch.autocast(x.device.type, enabled=False):
            within = [
                weighted_within(self.kernel, sample, masses, diagonal=self.biased)
                / (1.0 if self.biased else distinct_pairs("mmd", masses).to(sample.dtype))
                for sample, masses in ((x, a), (y, b))
            ]
            return within[0] + within[1] - 2.0 * weighted_across(self.kernel, x, y, a, b)

    def of_clouds(self, x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """The estimates (B,) of clouds x (B, n, d), y (B, m, d), many at once where their matrices are small."""
        n, m = x.shape[1], y.shape[1]
        at_once = clouds_at_once(self.kernel, n, m)
        if not at_once:
            return super().of_clouds(x, y, a, b)
        self._check_size(min(n, m))
        dtype = torch.promote_types(wide(x).dtype, wide(y).dtype)
        x, y = x.to(dtype), y.to(dtype)
        a, b = (s.new_full(s.shape[:2], 1.0 / s.shape[1]) if w is None else w for s, w in ((x, a), (y, b)))
        shares = [
            torch.ones_like(w[:, 0]) if self.biased else torch.stack([distinct_pairs("mmd", one) for one in w])
            for w in (a, b)
        ]
        parts = zip(*(torch.split(one, at_once) for one in (x, y, a, b, *shares)), strict=True)
        with torch.autocast(x.device.type, enabled=False):
            return torch.cat([sums_of_clouds(self.kernel, *part, diagonal=self.biased) for part in parts])

    def of_parts(self, points: Tensor, first: Tensor, second: Tensor) -> OfParts | None:
        """By one matrix of the kernel, or by one sort of numbers."""
        points = flat(points, points)[0]
        self._check_size(int(min(first.sum(1).min(), second.sum(1).min())))
        means = means_of_parts(self.kernel, points, first, second, diagonal=self.biased)
        return OfParts(means.square, means.rounding)

    def to_law(self, y: Tensor, law: Distribution) -> Tensor:
        """The estimate from a sample y (n, d) and the law itself, whose own terms are exact where they are known."""
        exact = self._exact(y, law) if self.closed_form and y.dim() == 2 else None
        return super().to_law(y, law) if exact is None else exact

    def _exact(self, y: Tensor, law: Distribution) -> Tensor | None:
        with torch.autocast(y.device.type, enabled=False):
            energy = self.kernel.energy(law)
            if energy is None:
                return None
            check_samples(y.new_empty((1, *law.event_shape)), y)
            y = wide(y)
            mean = self.kernel.mean(y, law)
            return None if mean is None else energy + self._within(y) - 2.0 * mean.mean()

    def _within(self, x: Tensor) -> Tensor:
        """Mean of k(x_i, x_j) over i != j, or over all i, j."""
        self._check_size(len(x))
        return mean_within(self.kernel, x, diagonal=self.biased)

    def _check_size(self, n: int) -> None:
        if n < self.least_points:
            raise ValueError(
                f"mmd: the unbiased estimate expects at least 2 points in each sample, got {n}: "
                "take a larger batch, or biased=True."
            )
