"""The Frechet distance: transport between the Gaussians fitted to two samples."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal

from remblai.costs import central
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.inputs import check_finite
from remblai.discrepancies.masses import distinct_pairs
from remblai.distances.envelope import with_gradients
from remblai.kernels.embeddings import normal_parts
from remblai.laws.priors import UniformOnSphere


class Frechet(Discrepancy):
    """Squared W_2 of the fitted Gaussians, |m - m'|^2 + tr(S + S' - 2 (S^1/2 S' S^1/2)^1/2).

    Means and covariances (over n - 1) of the two samples, in float64. On the features of a network it is the FID. It
    sees two moments and nothing else: 0 does not mean that the laws are equal. The estimate has a positive bias of
    about 1/n + 1/m times a constant that grows with d, so figures are comparable at one n only.

    The trace of the root is the nuclear norm of A B', for factors S = A'A and S' = B'B, here the centred samples: no
    matrix root is computed, no d x d matrix is built where n is small, and the gradient is right and finite where a
    covariance is singular (n <= d, equal points), where derivatives in the covariance itself are infinite. Against a
    law whose mean and covariance are known `to_law` uses the exact ones.

    With masses the mean is sum a_i x_i and the covariance sum a_i (x_i - m)(x_i - m)' / (1 - sum a_i^2), which has no
    bias for independent points and masses that do not depend on them. Its derivative in the mass of a place without
    mass is not known, and is 0 here.

    Raises:
        ValueError: a sample of one point, values that are not finite, or samples that do not fit together.

    Source: Dowson and Landau (1982); Heusel et al., "GANs trained by a two time-scale update rule" (2017), 1706.08500.

    >>> import torch
    >>> from remblai.discrepancies import Frechet
    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> Frechet()(x, 2.0 * x + 3.0)  # (0 - 3)^2 + (sqrt(2) - sqrt(8))^2
    tensor(11.)
    """

    homogeneity = 2.0
    takes_masses = True
    takes_clouds = True
    least_points = 2
    compiles = False

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The estimate from two samples: x (n, ...), y (m, ...) -> scalar >= 0, in y's type, float32 or better."""
        check_finite(x, y)  # the singular values wait for the device anyway
        return _squared(_fitted(x), _fitted(y)).to(torch.promote_types(y.dtype, torch.float32))

    def weighted(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The estimate from samples with masses a (n,) and b (m,)."""
        check_finite(x, y)
        first, second = (weighted_moments(s.flatten(1).double(), w) for s, w in ((x, a), (y, b)))
        return _squared(first, second).to(torch.promote_types(y.dtype, torch.float32))

    def to_law(self, y: Tensor, law: Distribution) -> Tensor:
        """The estimate from a sample y (n, d) and a law; exact in the law where both its moments are known."""
        moments = of_law(law)
        if moments is None:
            return super().to_law(y, law)
        check_finite(moments.mean[None], y)
        return _squared(moments, _fitted(y)).to(torch.promote_types(y.dtype, torch.float32))


class _Moments(NamedTuple):
    """A mean (d,) and rows (k, d), in float64, with covariance rows' rows."""

    mean: Tensor
    rows: Tensor


def _squared(one: _Moments, other: _Moments) -> Tensor:
    traces = one.rows.square().sum() + other.rows.square().sum()
    if not bool(traces.isfinite()):
        raise ValueError("frechet: expected samples whose variances float64 holds, got larger ones: scale the samples.")
    value = (one.mean - other.mean).square().sum() + traces - 2.0 * _overlap(one.rows, other.rows)
    return value.clamp(min=0.0)  # below 0 by rounding only, where the gradient is 0 too


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    """tr(S^1/2 S' S^1/2)^1/2 for S = a'a and S' = b'b: the nuclear norm of a b', a (k, d) and b (l, d).

    Its derivative in a is U V' b, for the singular vectors of a b' = U diag(s) V': of norm at most |b|, even
    where a or b is singular. Where s is 0 the singular vectors are not unique, and those are left out.
    """
    with torch.no_grad():
        (q, r), (p, t) = torch.linalg.qr(a), torch.linalg.qr(b)
        u, values, v = torch.linalg.svd(r @ t.T, full_matrices=False)
        positive = values > max(a.shape[1], len(values)) * torch.finfo(values.dtype).eps * values[0]
        left, right = q @ (u * positive), p @ v.T
        gradients = [(a, left @ (right.T @ b)), (b, right @ (left.T @ a))]
    return with_gradients(values.sum(), gradients)


def _fitted(x: Tensor) -> _Moments:
    if len(x) == 1:
        raise ValueError("frechet: expected at least 2 points in each sample, got 1: one point has no covariance.")
    x = x.flatten(1).double()
    mean = x.mean(0)
    return _Moments(mean, (x - mean) / (len(x) - 1) ** 0.5)


def weighted_moments(x: Tensor, masses: Tensor) -> _Moments:
    """The mean and the unbiased covariance of points x (n, d) with masses (n,)."""
    pairs = distinct_pairs("moments", masses)
    x, masses = x[masses > 0], masses[masses > 0]  # the root below has no derivative at 0
    origin = central(x)  # the masses sum to 1 up to their rounding: about 0 the mean of far points would lose digits
    x = x - origin
    mean = masses.to(x.dtype) @ x
    return _Moments(mean + origin[0], (x - mean) * (masses / pairs).sqrt()[:, None].to(x.dtype))


def of_law(law: Distribution) -> _Moments | None:
    """The moments of a law over codes (d,), None where the covariance is not known."""
    parts = normal_parts(law)
    if parts is not None:
        shares, centres, variances = (part.double() for part in parts)
        mean = shares @ centres
        within = torch.diag_embed((shares[:, None] * variances).sqrt()).flatten(0, 1)
        return _Moments(mean, torch.cat([within, shares.sqrt()[:, None] * (centres - mean)]))
    if law.batch_shape or len(law.event_shape) != 1:
        return None
    if isinstance(law, MultivariateNormal):
        return _Moments(law.mean.double(), law.scale_tril.double().T)
    if isinstance(law, UniformOnSphere) or (isinstance(law, Independent) and not law.base_dist.event_shape):
        return _Moments(law.mean.double(), law.variance.double().sqrt().diag())
    return None
